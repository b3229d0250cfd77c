/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/uefi_start_test.c - how the UEFI loader uses a firmware, played
 * here: for which bytes it answers in the firmware's place, and which
 * variables it takes for floors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/port/uefi/floors.h"
#include "boot/port/uefi/start.h"

static int asked; /* how often the firmware's own answer was wanted */
static int started;
static int unloaded;
static int offered; /* the initrd, that often */
static struct efi_loaded_image loaded;
static struct efi_load_file2 *initrd;
static const struct efi_vendor_path *initrd_path;

static efi_status veto(const struct efi_security2 *self,
                       const struct efi_device_path *path, void *file,
                       size_t len, uint8_t boot_policy)
{
	(void)self;
	(void)path;
	(void)file;
	(void)len;
	(void)boot_policy;
	asked++;
	return EFI_SECURITY_VIOLATION;
}

static struct efi_security2 security = {veto};

static efi_status ask(const void *file, size_t len)
{
	union {
		const void *in;
		void *out;
	} bytes = {file};

	return security.authenticate(&security, NULL, bytes.out, len, 0);
}

static efi_status locate_protocol(const struct efi_guid *protocol,
                                  void *registration, void *interface)
{
	struct efi_security2 *found = &security;

	(void)registration;
	if (memcmp(protocol, &efi_security2_id, sizeof(*protocol)) != 0)
		return EFI_NOT_FOUND;
	memcpy(interface, &found, sizeof(found));
	return EFI_SUCCESS;
}

/* A firmware that asks about other bytes too while it loads these. */
static efi_status load_image(uint8_t boot_policy, efi_handle parent,
                             struct efi_device_path *path, const void *source,
                             size_t len, efi_handle *image)
{
	static uint8_t other[64];

	(void)boot_policy;
	(void)parent;
	assert_non_null(path);
	assert_int_not_equal(ask(other, len), EFI_SUCCESS);
	assert_int_not_equal(ask(NULL, len), EFI_SUCCESS);
	assert_int_not_equal(ask(source, len - 1), EFI_SUCCESS);
	assert_int_not_equal(ask(source, len + 1), EFI_SUCCESS);
	assert_int_not_equal(ask((const uint8_t *)source + 1, len - 1),
	                     EFI_SUCCESS);
	assert_int_equal(asked, 5);
	*image = &loaded;
	return ask(source, len);
}

static efi_status handle_protocol(efi_handle handle,
                                  const struct efi_guid *protocol,
                                  void *interface)
{
	(void)protocol;
	memcpy(interface, &handle, sizeof(handle));
	return EFI_SUCCESS;
}

static efi_status install_protocols(efi_handle *handle, ...)
{
	va_list rest;

	va_start(rest, handle);
	(void)va_arg(rest, const struct efi_guid *);
	initrd_path = va_arg(rest, const struct efi_vendor_path *);
	(void)va_arg(rest, const struct efi_guid *);
	initrd = va_arg(rest, struct efi_load_file2 *);
	assert_null(va_arg(rest, void *));
	va_end(rest);
	*handle = &initrd;
	offered++;
	return EFI_SUCCESS;
}

static efi_status uninstall_protocols(efi_handle handle, ...)
{
	va_list rest;

	va_start(rest, handle);
	assert_ptr_equal(handle, &initrd);
	assert_memory_equal(va_arg(rest, const struct efi_guid *),
	                    &efi_device_path_id, sizeof(efi_device_path_id));
	assert_ptr_equal(va_arg(rest, void *), initrd_path);
	assert_memory_equal(va_arg(rest, const struct efi_guid *),
	                    &efi_load_file2_id, sizeof(efi_load_file2_id));
	assert_ptr_equal(va_arg(rest, void *), initrd);
	assert_null(va_arg(rest, void *));
	va_end(rest);
	offered--;
	return EFI_SUCCESS;
}

static efi_status unload_image(efi_handle image)
{
	assert_ptr_equal(image, &loaded);
	unloaded++;
	return EFI_SUCCESS;
}

static efi_status start_image(efi_handle image, size_t *exit_len,
                              uint16_t **exit_data)
{
	(void)exit_len;
	(void)exit_data;
	assert_ptr_equal(image, &loaded);
	started++;
	assert_int_equal(offered, 1);
	return EFI_LOAD_ERROR;
}

static struct efi_boot boot = {
	.locate_protocol = locate_protocol,
	.load_image = load_image,
	.handle_protocol = handle_protocol,
	.install_protocols = install_protocols,
	.uninstall_protocols = uninstall_protocols,
	.unload_image = unload_image,
	.start_image = start_image,
};

static const uint8_t bytes[64] = "kernel and initrd";

static const struct vs_kernel kernel = {
	.kernel = bytes,
	.kernel_len = 32,
	.initrd = bytes + 32,
	.initrd_len = 32,
};

/* Loads and starts, as the loader does. */
static efi_status start(const struct efi_system *system, const char *command,
                        size_t len)
{
	efi_handle image = NULL;
	efi_status status = vs_start_load(system, NULL, &kernel, &image);

	return status == EFI_SUCCESS
	               ? vs_start_run(system, image, &kernel, command, len)
	               : status;
}

static void only_the_verified_bytes_pass(void **state)
{
	const struct efi_system system = {.boot = &boot};

	(void)state;
	asked = started = 0;
	assert_int_equal(start(&system, "quiet", 5), EFI_LOAD_ERROR);
	assert_int_equal(started, 1);
	/* and from then on the firmware answers for itself, for them too */
	assert_ptr_equal(security.authenticate, veto);
	assert_int_not_equal(ask(bytes, 32), EFI_SUCCESS);
	assert_int_equal(asked, 6);
}

static efi_status refuse_to_load(uint8_t boot_policy, efi_handle parent,
                                 struct efi_device_path *path,
                                 const void *source, size_t len,
                                 efi_handle *image)
{
	(void)boot_policy;
	(void)parent;
	(void)path;
	(void)source;
	(void)len;
	(void)image;
	return EFI_LOAD_ERROR;
}

static void a_kernel_that_does_not_load_is_not_started(void **state)
{
	struct efi_boot broken = boot;
	const struct efi_system system = {.boot = &broken};

	(void)state;
	broken.load_image = refuse_to_load;
	started = 0;
	assert_int_equal(start(&system, "", 0), EFI_LOAD_ERROR);
	assert_int_equal(started, 0);
	assert_ptr_equal(security.authenticate, veto);
}

static void the_kernel_gets_its_initrd_and_command_line(void **state)
{
	const struct efi_system system = {.boot = &boot};
	static const uint16_t line[] = u"quiet x";
	uint8_t out[40];
	size_t len = 0;

	(void)state;
	asked = 0;
	assert_int_equal(start(&system, "quiet x", 7), EFI_LOAD_ERROR);
	assert_int_equal(loaded.options_len, sizeof(line));
	assert_memory_equal(loaded.options, line, sizeof(line));
	assert_memory_equal(&initrd_path->vendor, &efi_linux_initrd_id,
	                    sizeof(efi_linux_initrd_id));
	assert_int_equal(initrd->load(initrd, NULL, 0, &len, NULL),
	                 EFI_BUFFER_TOO_SMALL);
	assert_int_equal(len, 32);
	len = 31;
	assert_int_equal(initrd->load(initrd, NULL, 0, &len, out),
	                 EFI_BUFFER_TOO_SMALL);
	len = sizeof(out);
	assert_int_equal(initrd->load(initrd, NULL, 1, &len, out),
	                 EFI_UNSUPPORTED);
	assert_int_equal(initrd->load(initrd, NULL, 0, &len, out), EFI_SUCCESS);
	assert_int_equal(len, 32);
	assert_memory_equal(out, bytes + 32, 32);
}

static void what_came_back_leaves_nothing_behind(void **state)
{
	const struct efi_system system = {.boot = &boot};

	(void)state;
	asked = started = unloaded = 0;
	assert_int_equal(start(&system, "", 0), EFI_LOAD_ERROR);
	assert_int_equal(offered, 0);
	asked = 0;
	assert_int_equal(start(&system, "", 0), EFI_LOAD_ERROR);
	assert_int_equal(started, 2);
	assert_int_equal(offered, 0);
	assert_int_equal(unloaded, 0); /* the firmware did that */
}

static efi_status install_nothing(efi_handle *handle, ...)
{
	(void)handle;
	return EFI_LOAD_ERROR;
}

static void without_its_initrd_no_kernel_is_started(void **state)
{
	struct efi_boot broken = boot;
	const struct efi_system system = {.boot = &broken};

	(void)state;
	broken.install_protocols = install_nothing;
	asked = started = unloaded = 0;
	assert_int_equal(start(&system, "", 0), EFI_LOAD_ERROR);
	assert_int_equal(started, 0);
	assert_int_equal(unloaded, 1);
}

/* A store of one variable. */
static struct {
	uint32_t attributes;
	size_t len; /* 0: there is none */
	uint8_t data[64];
	bool forgets; /* says that it wrote, and did not */
} variable;

static efi_status get_variable(const uint16_t *name,
                               const struct efi_guid *vendor,
                               uint32_t *attributes, size_t *len, void *data)
{
	(void)name;
	assert_memory_equal(vendor, &vs_vendor_id, sizeof(*vendor));
	if (variable.len == 0)
		return EFI_NOT_FOUND;
	*attributes = variable.attributes;
	if (*len < variable.len) {
		*len = variable.len;
		return EFI_BUFFER_TOO_SMALL;
	}
	*len = variable.len;
	memcpy(data, variable.data, variable.len);
	return EFI_SUCCESS;
}

static efi_status set_variable(const uint16_t *name,
                               const struct efi_guid *vendor,
                               uint32_t attributes, size_t len,
                               const void *data)
{
	(void)name;
	(void)vendor;
	if (variable.forgets)
		return EFI_SUCCESS;
	variable.attributes = attributes;
	variable.len = len;
	memcpy(variable.data, data, len);
	return EFI_SUCCESS;
}

static const struct efi_runtime runtime = {.get_variable = get_variable,
                                           .set_variable = set_variable};

static void make_floors(void)
{
	const uint32_t floors[VS_FLOORS] = {1, 2, 3, 4, 5, 6};

	memset(&variable, 0, sizeof(variable));
	assert_int_equal(vs_floors_create(&runtime, floors), VS_OK);
}

static void floors_are_made_once_and_only_rise(void **state)
{
	const uint32_t zeros[VS_FLOORS] = {0};
	uint32_t value;

	(void)state;
	make_floors();
	assert_int_equal(vs_floors_create(&runtime, zeros), VS_ERR_STATE);
	assert_int_equal(variable.attributes, 3);
	for (int i = 0; i < VS_FLOORS; i++) {
		assert_int_equal(vs_floors_get(&runtime, i, &value), VS_OK);
		assert_int_equal(value, i + 1);
	}
	assert_int_equal(vs_floors_raise(&runtime, 4, 300), VS_OK);
	assert_int_equal(vs_floors_raise(&runtime, 4, 299), VS_OK);
	assert_int_equal(vs_floors_get(&runtime, 4, &value), VS_OK);
	assert_int_equal(value, 300);
	assert_int_equal(vs_floors_get(&runtime, 3, &value), VS_OK);
	assert_int_equal(value, 4);
	assert_int_equal(vs_floors_get(&runtime, VS_FLOORS, &value), VS_ERR_IO);
	assert_int_equal(vs_floors_raise(&runtime, -1, 9), VS_ERR_IO);
}

static void expect_no_floors(void)
{
	uint32_t value = 0;

	assert_int_equal(vs_floors_get(&runtime, 0, &value), VS_ERR_IO);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(vs_floors_raise(&runtime, 0, 9), VS_ERR_IO);
}

static void a_variable_that_a_system_could_have_made_is_no_store(void **state)
{
	(void)state;
	make_floors();
	for (uint32_t attributes = 0; attributes < 256; attributes++) {
		variable.attributes = attributes;
		if (attributes != 3)
			expect_no_floors();
	}
	make_floors();
	variable.len = 0;
	expect_no_floors();
	make_floors();
	variable.len--;
	expect_no_floors();
	make_floors();
	variable.len++;
	expect_no_floors();
	make_floors();
	variable.data[0] ^= 1;
	expect_no_floors();
}

static void a_store_that_forgets_is_found_out(void **state)
{
	(void)state;
	make_floors();
	variable.forgets = true;
	assert_int_equal(vs_floors_raise(&runtime, 0, 9), VS_ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_verified_bytes_pass),
		cmocka_unit_test(a_kernel_that_does_not_load_is_not_started),
		cmocka_unit_test(the_kernel_gets_its_initrd_and_command_line),
		cmocka_unit_test(what_came_back_leaves_nothing_behind),
		cmocka_unit_test(without_its_initrd_no_kernel_is_started),
		cmocka_unit_test(floors_are_made_once_and_only_rise),
		cmocka_unit_test(
			a_variable_that_a_system_could_have_made_is_no_store),
		cmocka_unit_test(a_store_that_forgets_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
