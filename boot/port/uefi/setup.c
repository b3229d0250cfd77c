/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/setup.c - sets a new machine up: floors and keys.
 *
 * A program of its own that nobody signs: it runs before the machine has keys
 * and never after.  The firmware stands in setup mode then; in any other state
 * it does nothing.  From the folder \voltseal of its own file system it takes
 * floors (6 numbers of 4 bytes) for the variable, or tpmfloors for the TPM;
 * db.auth, KEK.auth and PK.auth; the last one turns Secure Boot on.  Floors
 * that are there already, from a run that was cut, only rise.
 */
#include "boot/port/uefi/floors.h"
#include "boot/port/uefi/say.h"
#include "boot/port/uefi/tpm_floors.h"
#include "seal/bytes.h"

efi_status efi_main(efi_handle image, struct efi_system *system);

enum { FILE_MAX = 16384, KEY_ATTRIBUTES = 0x27 };

struct setup {
	struct efi_system *system;
	struct efi_file *root;
	size_t len;
	uint8_t file[FILE_MAX];
};

static struct setup setup;

static efi_status open_root(struct setup *s, efi_handle image)
{
	struct efi_loaded_image *self = NULL;
	struct efi_file_system *volume = NULL;
	const struct efi_boot *boot = s->system->boot;
	efi_status status =
		boot->handle_protocol(image, &efi_loaded_image_id, &self);

	if (status == EFI_SUCCESS)
		status = boot->handle_protocol(self->device,
		                               &efi_file_system_id, &volume);
	if (status == EFI_SUCCESS)
		status = volume->open_volume(volume, &s->root);
	return status;
}

static efi_status read_file(struct setup *s, const uint16_t *name)
{
	struct efi_file *file = NULL;
	efi_status status = s->root->open(s->root, &file, name, 1, 0);

	if (status != EFI_SUCCESS)
		return status;
	s->len = sizeof(s->file);
	status = file->read(file, &s->len, s->file);
	if (status == EFI_SUCCESS && s->len == sizeof(s->file))
		status = EFI_BUFFER_TOO_SMALL;
	(void)file->close(file);
	return status;
}

static vs_status raise(const struct efi_system *system, bool tpm, int number,
                       uint32_t to)
{
	return tpm ? vs_tpm_floors_raise(system, number, to)
	           : vs_floors_raise(system->runtime, number, to);
}

static vs_status make(const struct efi_system *system, bool tpm,
                      const uint32_t floors[static VS_FLOORS])
{
	vs_status status = tpm ? vs_tpm_floors_create(system, floors)
	                       : vs_floors_create(system->runtime, floors);

	if (status != VS_ERR_STATE)
		return status;
	status = VS_OK;
	for (int i = 0; i < VS_FLOORS && status == VS_OK; i++)
		status = raise(system, tpm, i, floors[i]);
	return status;
}

static efi_status make_floors(struct setup *s)
{
	uint32_t floors[VS_FLOORS];
	efi_status status = read_file(s, u"\\voltseal\\tpmfloors");
	bool tpm = status == EFI_SUCCESS;

	if (status == EFI_NOT_FOUND)
		status = read_file(s, u"\\voltseal\\floors");
	if (status != EFI_SUCCESS)
		return status;
	if (s->len != sizeof(floors))
		return EFI_INVALID_PARAMETER;
	for (int i = 0; i < VS_FLOORS; i++)
		floors[i] = get32(s->file + 4 * i);
	return make(s->system, tpm, floors) == VS_OK ? EFI_SUCCESS
	                                             : EFI_DEVICE_ERROR;
}

static efi_status enrol(struct setup *s, const uint16_t *file,
                        const uint16_t *variable, const struct efi_guid *vendor)
{
	efi_status status = read_file(s, file);

	if (status != EFI_SUCCESS)
		return status;
	return s->system->runtime->set_variable(
		variable, vendor, KEY_ATTRIBUTES, s->len, s->file);
}

static efi_status set_up(struct setup *s, efi_handle image)
{
	uint8_t mode = 0;
	size_t len = sizeof(mode);
	efi_status status = s->system->runtime->get_variable(
		u"SetupMode", &efi_global_id, NULL, &len, &mode);

	if (status == EFI_SUCCESS && mode != 1)
		status = EFI_SECURITY_VIOLATION;
	if (status == EFI_SUCCESS)
		status = open_root(s, image);
	if (status == EFI_SUCCESS)
		status = make_floors(s);
	if (status == EFI_SUCCESS)
		status = enrol(s, u"\\voltseal\\db.auth", u"db",
		               &efi_image_security_id);
	if (status == EFI_SUCCESS)
		status = enrol(s, u"\\voltseal\\KEK.auth", u"KEK",
		               &efi_global_id);
	if (status == EFI_SUCCESS)
		status =
			enrol(s, u"\\voltseal\\PK.auth", u"PK", &efi_global_id);
	return status;
}

efi_status efi_main(efi_handle image, struct efi_system *system)
{
	efi_status status;

	setup.system = system;
	status = set_up(&setup, image);
	if (status == EFI_SUCCESS)
		vs_say_line(system, "set up");
	else
		vs_say_status(system, "cannot be set up", status);
	system->runtime->reset_system(EFI_RESET_COLD, status, 0, NULL);
	return status;
}
