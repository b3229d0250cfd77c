/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/start.c - starts the kernel that was verified.
 *
 * The firmware's question carries no context of ours, so what it is about is
 * kept in variables of this file, set for the one call.
 */
#include "boot/port/uefi/start.h"

#include "boot/memory.h"
#include "boot/port/uefi/command.h"

struct initrd {
	struct efi_load_file2 protocol; /* first: the firmware gives it back */
	const struct vs_kernel *kernel;
};

struct verified {
	const void *file;
	size_t len;
	efi_status (*firmware)(const struct efi_security2 *self,
	                       const struct efi_device_path *path, void *file,
	                       size_t len, uint8_t boot_policy);
};

static struct verified verified;

/* where the kernel is said to be: f57f6fae-d9e7-4f61-be0c-39e4f2cfd1b4 */
static const struct efi_guid kernel_id = {
	0xf57f6fae,
	0xd9e7,
	0x4f61,
	{0xbe, 0x0c, 0x39, 0xe4, 0xf2, 0xcf, 0xd1, 0xb4},
};

static void make_path(const struct efi_guid *vendor,
                      struct efi_vendor_path *out)
{
	out->node.type = EFI_PATH_MEDIA;
	out->node.subtype = EFI_PATH_MEDIA_VENDOR;
	out->node.len[0] = sizeof(out->node) + sizeof(out->vendor);
	out->node.len[1] = 0;
	out->vendor = *vendor;
	out->end.type = EFI_PATH_END;
	out->end.subtype = EFI_PATH_END_ALL;
	out->end.len[0] = sizeof(out->end);
	out->end.len[1] = 0;
}

static efi_status authenticate(const struct efi_security2 *self,
                               const struct efi_device_path *path, void *file,
                               size_t len, uint8_t boot_policy)
{
	if (verified.file && file == verified.file && len == verified.len)
		return EFI_SUCCESS;
	return verified.firmware(self, path, file, len, boot_policy);
}

static efi_status load_initrd(struct efi_load_file2 *self,
                              struct efi_device_path *path, uint8_t boot_policy,
                              size_t *len, void *out)
{
	const struct initrd *initrd = (const void *)self;
	size_t room;

	(void)path;
	if (boot_policy)
		return EFI_UNSUPPORTED;
	if (!len)
		return EFI_INVALID_PARAMETER;
	room = *len;
	*len = initrd->kernel->initrd_len;
	if (!out || room < *len)
		return EFI_BUFFER_TOO_SMALL;
	memcpy(out, initrd->kernel->initrd, *len);
	return EFI_SUCCESS;
}

efi_status vs_start_load(const struct efi_system *system, efi_handle parent,
                         const struct vs_kernel *kernel, efi_handle *image)
{
	struct efi_vendor_path path;
	struct efi_security2 *security = NULL;
	efi_status status;

	make_path(&kernel_id, &path);
	if (system->boot->locate_protocol(&efi_security2_id, NULL, &security) !=
	    EFI_SUCCESS)
		security = NULL;
	if (security) {
		verified.file = kernel->kernel;
		verified.len = kernel->kernel_len;
		verified.firmware = security->authenticate;
		security->authenticate = authenticate;
	}
	status = system->boot->load_image(0, parent, &path.node, kernel->kernel,
	                                  kernel->kernel_len, image);
	if (security) {
		security->authenticate = verified.firmware;
		verified.file = NULL;
	}
	return status;
}

/* The system's memory holds it until the kernel has read it. */
static void set_options(struct efi_loaded_image *image, const char *command,
                        size_t len)
{
	static uint16_t options[VS_COMMAND_MAX + 1];

	for (size_t i = 0; i < len; i++)
		options[i] = (uint8_t)command[i];
	options[len] = 0;
	image->options = options;
	image->options_len = (uint32_t)((len + 1) * sizeof(*options));
}

/* Offers the initrd; *handle is what it is offered on, NULL if there is none.
 */
static efi_status offer(const struct efi_system *system, struct initrd *initrd,
                        struct efi_vendor_path *path, efi_handle *handle)
{
	*handle = NULL;
	if (initrd->kernel->initrd_len == 0)
		return EFI_SUCCESS;
	make_path(&efi_linux_initrd_id, path);
	return system->boot->install_protocols(handle, &efi_device_path_id,
	                                       path, &efi_load_file2_id,
	                                       &initrd->protocol, NULL);
}

void vs_start_unload(const struct efi_system *system, efi_handle image)
{
	(void)system->boot->unload_image(image);
}

efi_status vs_start_run(const struct efi_system *system, efi_handle image,
                        const struct vs_kernel *kernel, const char *command,
                        size_t command_len)
{
	static struct initrd initrd = {.protocol = {load_initrd}};
	static struct efi_vendor_path path;
	struct efi_loaded_image *loaded = NULL;
	efi_handle handle = NULL;
	efi_status status = EFI_INVALID_PARAMETER;

	if (command_len <= VS_COMMAND_MAX)
		status = system->boot->handle_protocol(
			image, &efi_loaded_image_id, &loaded);
	initrd.kernel = kernel;
	if (status == EFI_SUCCESS)
		status = offer(system, &initrd, &path, &handle);
	if (status != EFI_SUCCESS) {
		vs_start_unload(system, image);
		return status;
	}
	set_options(loaded, command, command_len);
	/* An application that comes back was unloaded by the firmware. */
	status = system->boot->start_image(image, NULL, NULL);
	if (handle)
		(void)system->boot->uninstall_protocols(
			handle, &efi_device_path_id, &path, &efi_load_file2_id,
			&initrd.protocol, NULL);
	return status;
}
