/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/disk.c - the disk that the loader was started from.
 */
#include "boot/port/uefi/disk.h"

#include "boot/memory.h"

enum { DISKS_MAX = 64, HANDLES_MAX = 1024, PATH_MAX = 4096 };

static size_t node_len(const struct efi_device_path *node)
{
	return (size_t)node->len[0] | (size_t)node->len[1] << 8;
}

/* Length of a device path without its end; SIZE_MAX if it has none. */
static size_t path_len(const struct efi_device_path *path)
{
	const uint8_t *start = (const uint8_t *)path;
	size_t at = 0;

	while (at < PATH_MAX) {
		const struct efi_device_path *node = (const void *)(start + at);

		if (node->type == EFI_PATH_END)
			return at;
		if (node_len(node) < sizeof(*node))
			break;
		at += node_len(node);
	}
	return SIZE_MAX;
}

static bool is_disk(const struct efi_block_io *io)
{
	return !io->media->is_partition && io->media->present;
}

/* Whether handle is the whole disk that path's partition lies on. */
static struct efi_block_io *disk_of(const struct efi_boot *boot,
                                    efi_handle handle,
                                    const struct efi_device_path *path)
{
	struct efi_device_path *own = NULL;
	struct efi_block_io *io = NULL;
	size_t len;

	if (boot->handle_protocol(handle, &efi_block_io_id, &io) !=
	            EFI_SUCCESS ||
	    boot->handle_protocol(handle, &efi_device_path_id, &own) !=
	            EFI_SUCCESS ||
	    !io || !own || !is_disk(io))
		return NULL;
	len = path_len(own);
	if (len == 0 || len > path_len(path) || memcmp(own, path, len) != 0)
		return NULL;
	return io;
}

static struct efi_block_io *find_disk(const struct efi_boot *boot,
                                      efi_handle device)
{
	efi_handle handles[DISKS_MAX];
	size_t len = sizeof(handles);
	struct efi_device_path *path = NULL;
	struct efi_block_io *found = NULL;

	if (boot->handle_protocol(device, &efi_device_path_id, &path) !=
	            EFI_SUCCESS ||
	    !path || path_len(path) == SIZE_MAX ||
	    boot->locate_handle(EFI_LOCATE_BY_PROTOCOL, &efi_block_io_id, NULL,
	                        &len, handles) != EFI_SUCCESS)
		return NULL;
	for (size_t i = 0; i < len / sizeof(*handles) && !found; i++)
		found = disk_of(boot, handles[i], path);
	return found;
}

static vs_status read_blocks(void *ctx, uint64_t block, uint8_t *out,
                             size_t len)
{
	struct efi_block_io *io = ctx;

	return io->read(io, io->media->id, block, len, out) == EFI_SUCCESS
	               ? VS_OK
	               : VS_ERR_IO;
}

/* For memory that does not begin where the firmware wants it to. */
static vs_status read_aside(void *ctx, uint64_t block, uint8_t *out, size_t len)
{
	static _Alignas(EFI_PAGE_LEN)
		uint8_t room[VS_GPT_ENTRIES_MAX * VS_GPT_ENTRY_LEN];

	if (len > sizeof(room) || read_blocks(ctx, block, room, len) != VS_OK)
		return VS_ERR_IO;
	memcpy(out, room, len);
	return VS_OK;
}

static vs_status load_table(struct vs_disk *disk, struct vs_why *why)
{
	struct vs_gpt_disk from = {.read = read_aside};

	if (disk->io->media->block_len == 0 ||
	    VS_DISK_UNIT % disk->io->media->block_len != 0)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "unusual block length", 0);
	from.ctx = disk->io;
	from.block_len = disk->io->media->block_len;
	from.blocks = disk->io->media->last_block + 1;
	return vs_gpt_load(&from, &disk->table, why);
}

vs_status vs_disk_open(const struct efi_system *system, efi_handle device,
                       struct vs_disk *out, struct vs_why *why)
{
	out->io = find_disk(system->boot, device);
	if (!out->io)
		return vs_fail(VS_ERR_ABSENT, why, VS_REASON_UNREADABLE,
		               "the loader was not started from a disk", 0);
	return load_table(out, why);
}

/* Without a boot option that names them firmware leaves most devices alone. */
static void wake_all(const struct efi_boot *boot)
{
	static efi_handle handles[HANDLES_MAX];
	size_t len = sizeof(handles);

	if (boot->locate_handle(EFI_LOCATE_ALL, NULL, NULL, &len, handles) !=
	    EFI_SUCCESS)
		return;
	for (size_t i = 0; i < len / sizeof(*handles); i++)
		(void)boot->connect_controller(handles[i], NULL, NULL, 1);
}

vs_status vs_disk_open_medium(const struct efi_system *system,
                              const struct vs_disk *own, const char *name,
                              struct vs_disk *out,
                              struct vs_gpt_partition *found)
{
	efi_handle handles[DISKS_MAX];
	size_t len = sizeof(handles);
	struct vs_why why;

	wake_all(system->boot);
	if (system->boot->locate_handle(EFI_LOCATE_BY_PROTOCOL,
	                                &efi_block_io_id, NULL, &len,
	                                handles) != EFI_SUCCESS)
		return VS_ERR_ABSENT;
	for (size_t i = 0; i < len / sizeof(*handles); i++) {
		out->io = NULL;
		if (system->boot->handle_protocol(handles[i], &efi_block_io_id,
		                                  &out->io) == EFI_SUCCESS &&
		    out->io && out->io != own->io && is_disk(out->io) &&
		    load_table(out, &why) == VS_OK &&
		    vs_gpt_find(&out->table, name, found, &why) == VS_OK)
			return VS_OK;
	}
	return VS_ERR_ABSENT;
}

static bool is_within(const struct vs_gpt_partition *p, uint64_t at, size_t len)
{
	return at % VS_DISK_UNIT == 0 && len % VS_DISK_UNIT == 0 &&
	       len <= p->len && at <= p->len - len;
}

vs_status vs_disk_read(const struct vs_disk *disk,
                       const struct vs_gpt_partition *from, uint64_t at,
                       uint8_t *out, size_t len)
{
	if (!is_within(from, at, len))
		return VS_ERR_IO;
	return read_blocks(disk->io,
	                   (from->at + at) / disk->io->media->block_len, out,
	                   len);
}

vs_status vs_disk_write(const struct vs_disk *disk,
                        const struct vs_gpt_partition *to, uint64_t at,
                        const uint8_t *in, size_t len)
{
	struct efi_block_io *io = disk->io;

	if (!is_within(to, at, len) ||
	    io->write(io, io->media->id, (to->at + at) / io->media->block_len,
	              len, in) != EFI_SUCCESS ||
	    io->flush(io) != EFI_SUCCESS)
		return VS_ERR_IO;
	return VS_OK;
}
