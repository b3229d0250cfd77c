/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/efi.h - as much of UEFI as the loader uses.
 *
 * Tables are declared whole up to the last member that is called; what is
 * skipped is a row of pointers with its name.  The compiler's target
 * (ARCH-unknown-windows) gives these functions UEFI's calling convention.
 *
 * Standard: UEFI Specification 2.10; EFI_SECURITY2_ARCH_PROTOCOL: PI 1.8;
 * EFI_TCG2_PROTOCOL: TCG EFI Protocol Specification, family 2.0.
 */
#ifndef VS_BOOT_PORT_UEFI_EFI_H
#define VS_BOOT_PORT_UEFI_EFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t efi_status;
typedef void *efi_handle;

#define EFI_ERROR_BIT (UINT64_C(1) << 63)
#define EFI_SUCCESS UINT64_C(0)
#define EFI_LOAD_ERROR (EFI_ERROR_BIT | 1)
#define EFI_INVALID_PARAMETER (EFI_ERROR_BIT | 2)
#define EFI_UNSUPPORTED (EFI_ERROR_BIT | 3)
#define EFI_BUFFER_TOO_SMALL (EFI_ERROR_BIT | 5)
#define EFI_DEVICE_ERROR (EFI_ERROR_BIT | 7)
#define EFI_VOLUME_FULL (EFI_ERROR_BIT | 11)
#define EFI_NOT_FOUND (EFI_ERROR_BIT | 14)
#define EFI_SECURITY_VIOLATION (EFI_ERROR_BIT | 26)

struct efi_guid {
	uint32_t a;
	uint16_t b;
	uint16_t c;
	uint8_t d[8];
};

struct efi_table_header {
	uint64_t signature;
	uint32_t revision;
	uint32_t len;
	uint32_t crc;
	uint32_t reserved;
};

/* 10: device paths */
struct efi_device_path {
	uint8_t type;
	uint8_t subtype;
	uint8_t len[2]; /* little endian, these four bytes included */
};

enum {
	EFI_PATH_MEDIA = 4,
	EFI_PATH_MEDIA_DISK = 1, /* a partition */
	EFI_PATH_MEDIA_VENDOR = 3,
	EFI_PATH_END = 0x7f,
	EFI_PATH_END_ALL = 0xff,
};

struct efi_vendor_path {
	struct efi_device_path node;
	struct efi_guid vendor;
	struct efi_device_path end;
};

/* 7.2: memory */
enum { EFI_ALLOCATE_ANY = 0, EFI_ALLOCATE_BELOW = 1, EFI_LOADER_DATA = 2 };
#define EFI_PAGE_LEN 4096

enum { EFI_NATIVE_INTERFACE = 0 };
enum { EFI_LOCATE_ALL = 0, EFI_LOCATE_BY_PROTOCOL = 2 };
enum { EFI_RESET_COLD = 0 };

/* 8.2: attributes of variables */
enum {
	EFI_VAR_NV = 1,
	EFI_VAR_BOOT = 2,
	EFI_VAR_RUNTIME = 4,
	EFI_VAR_TIME_AUTH = 0x20,
};

struct efi_text_output {
	void *reset;
	efi_status (*output)(struct efi_text_output *self,
	                     const uint16_t *text);
};

struct efi_runtime {
	struct efi_table_header header;
	void *time[4];
	void *virtual_memory[2];
	efi_status (*get_variable)(const uint16_t *name,
	                           const struct efi_guid *vendor,
	                           uint32_t *attributes, size_t *len,
	                           void *data);
	void *get_next_variable;
	efi_status (*set_variable)(const uint16_t *name,
	                           const struct efi_guid *vendor,
	                           uint32_t attributes, size_t len,
	                           const void *data);
	void *get_next_count;
	void (*reset_system)(int type, efi_status status, size_t len,
	                     void *data);
};

struct efi_boot {
	struct efi_table_header header;
	void *task_priority[2];
	efi_status (*allocate_pages)(int type, int memory, size_t pages,
	                             uint64_t *at);
	efi_status (*free_pages)(uint64_t at, size_t pages);
	void *get_memory_map;
	void *pool[2];
	void *events[6];
	void *install_protocol[3];
	efi_status (*handle_protocol)(efi_handle handle,
	                              const struct efi_guid *protocol,
	                              void *interface);
	void *reserved;
	void *register_notify;
	efi_status (*locate_handle)(int by, const struct efi_guid *protocol,
	                            void *key, size_t *len,
	                            efi_handle *handles);
	void *locate_device_path;
	void *install_configuration_table;
	efi_status (*load_image)(uint8_t boot_policy, efi_handle parent,
	                         struct efi_device_path *path,
	                         const void *source, size_t len,
	                         efi_handle *image);
	efi_status (*start_image)(efi_handle image, size_t *exit_len,
	                          uint16_t **exit_data);
	void *exit;
	efi_status (*unload_image)(efi_handle image);
	void *exit_boot_services;
	void *get_next_monotonic_count;
	efi_status (*stall)(size_t microseconds);
	efi_status (*set_watchdog)(size_t seconds, uint64_t code, size_t len,
	                           const uint16_t *data);
	efi_status (*connect_controller)(efi_handle controller,
	                                 efi_handle *drivers,
	                                 struct efi_device_path *remaining,
	                                 uint8_t recursive);
	void *disconnect_controller;
	void *open_protocol[3];
	void *protocols_per_handle;
	void *locate_handle_buffer;
	efi_status (*locate_protocol)(const struct efi_guid *protocol,
	                              void *registration, void *interface);
	efi_status (*install_protocols)(efi_handle *handle, ...);
	efi_status (*uninstall_protocols)(efi_handle handle, ...);
};

struct efi_system {
	struct efi_table_header header;
	uint16_t *vendor;
	uint32_t firmware_revision;
	efi_handle in_handle;
	void *in;
	efi_handle out_handle;
	struct efi_text_output *out;
	efi_handle error_handle;
	struct efi_text_output *error;
	struct efi_runtime *runtime;
	struct efi_boot *boot;
};

/* 9.1 */
extern const struct efi_guid efi_loaded_image_id;
struct efi_loaded_image {
	uint32_t revision;
	efi_handle parent;
	struct efi_system *system;
	efi_handle device;
	struct efi_device_path *path;
	void *reserved;
	uint32_t options_len;
	const void *options;
};

/* 10.2 */
extern const struct efi_guid efi_device_path_id;

/* 13.9 */
extern const struct efi_guid efi_block_io_id;
struct efi_block_media {
	uint32_t id;
	uint8_t removable;
	uint8_t present;
	uint8_t is_partition;
	uint8_t read_only;
	uint8_t write_caching;
	uint32_t block_len;
	uint32_t io_align;
	uint64_t last_block;
};

struct efi_block_io {
	uint64_t revision;
	struct efi_block_media *media;
	void *reset;
	efi_status (*read)(struct efi_block_io *self, uint32_t media,
	                   uint64_t block, size_t len, void *out);
	efi_status (*write)(struct efi_block_io *self, uint32_t media,
	                    uint64_t block, size_t len, const void *in);
	efi_status (*flush)(struct efi_block_io *self);
};

/* 13.2 */
extern const struct efi_guid efi_load_file2_id;
struct efi_load_file2 {
	efi_status (*load)(struct efi_load_file2 *self,
	                   struct efi_device_path *path, uint8_t boot_policy,
	                   size_t *len, void *out);
};

/* Linux, Documentation/x86/boot.rst and drivers/firmware/efi/libstub */
extern const struct efi_guid efi_linux_initrd_id;

/* PI 1.8, volume 2, 12.9 */
extern const struct efi_guid efi_security2_id;
struct efi_security2 {
	efi_status (*authenticate)(const struct efi_security2 *self,
	                           const struct efi_device_path *path,
	                           void *file, size_t len, uint8_t boot_policy);
};

/* 3.3, 32.6: what says which keys the firmware believes */
extern const struct efi_guid efi_global_id;
extern const struct efi_guid efi_image_security_id;

/* 13.4, 13.5 */
extern const struct efi_guid efi_file_system_id;
struct efi_file {
	uint64_t revision;
	efi_status (*open)(struct efi_file *self, struct efi_file **out,
	                   const uint16_t *name, uint64_t mode,
	                   uint64_t attributes);
	efi_status (*close)(struct efi_file *self);
	void *remove;
	efi_status (*read)(struct efi_file *self, size_t *len, void *out);
};

struct efi_file_system {
	uint64_t revision;
	efi_status (*open_volume)(struct efi_file_system *self,
	                          struct efi_file **root);
};

/* TCG EFI Protocol Specification 6 */
extern const struct efi_guid efi_tcg2_id;
struct efi_tcg2 {
	void *get_capability;
	void *get_event_log;
	efi_status (*hash_log_extend)(struct efi_tcg2 *self, uint64_t flags,
	                              uint64_t data, uint64_t len,
	                              const void *event);
	efi_status (*submit_command)(struct efi_tcg2 *self, uint32_t in_len,
	                             uint8_t *in, uint32_t out_len,
	                             uint8_t *out);
};

#endif
