/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/store.c - the boot decision's operations under UEFI.
 */
#include "boot/port/uefi/store.h"

#include "boot/again.h"
#include "boot/crc.h"
#include "boot/port/uefi/ring_part.h"
#include "boot/port/uefi/say.h"
#include "boot/port/uefi/tpm_floors.h"
#include "seal/bytes.h"

enum { NOTE_AT = 2 * VS_DISK_UNIT };

static const uint8_t note_magic[8] = {'V', 'S', 'R', 'E', 'S', 'E', 'T', '1'};

static vs_status record_read(void *ctx, int copy,
                             uint8_t out[static VS_RECORD_LEN])
{
	struct vs_store *s = ctx;
	uint64_t at = (uint64_t)copy * VS_DISK_UNIT;

	if (vs_disk_read(&s->disk, &s->record, at, s->unit, VS_DISK_UNIT) !=
	    VS_OK)
		return VS_ERR_IO;
	memcpy(out, s->unit, VS_RECORD_LEN);
	return VS_OK;
}

static vs_status record_write(void *ctx, int copy,
                              const uint8_t in[static VS_RECORD_LEN])
{
	struct vs_store *s = ctx;

	memset(s->unit, 0, VS_DISK_UNIT);
	memcpy(s->unit, in, VS_RECORD_LEN);
	return vs_disk_write(&s->disk, &s->record,
	                     (uint64_t)copy * VS_DISK_UNIT, s->unit,
	                     VS_DISK_UNIT);
}

static uint64_t slot_len(void *ctx, int component, int slot)
{
	const struct vs_store *s = ctx;
	uint64_t len = s->slots[component][slot].len;

	return len % VS_DISK_UNIT == 0 ? len : 0;
}

static vs_status slot_read(void *ctx, int component, int slot, uint64_t at,
                           uint8_t *out, size_t len)
{
	const struct vs_store *s = ctx;

	return vs_disk_read(&s->disk, &s->slots[component][slot], at, out, len);
}

/* Whole pages, or NULL. */
static uint8_t *get_pages(const struct efi_system *system, size_t len)
{
	uint64_t at = 0;

	if (system->boot->allocate_pages(EFI_ALLOCATE_ANY, EFI_LOADER_DATA,
	                                 (len + EFI_PAGE_LEN - 1) /
	                                         EFI_PAGE_LEN,
	                                 &at) != EFI_SUCCESS)
		return NULL;
	return (uint8_t *)(uintptr_t)at;
}

static void drop_body(const struct vs_store *s, struct vs_store_body *body)
{
	if (body->bytes)
		(void)s->system->boot->free_pages(
			(uint64_t)(uintptr_t)body->bytes,
			(size_t)(body->len / EFI_PAGE_LEN));
	memset(body, 0, sizeof(*body));
}

/* Makes the body the slot's, with nothing loaded, unless it is already. */
static bool open_body(const struct vs_store *s, struct vs_store_body *body,
                      int slot, uint64_t len)
{
	if (body->bytes && body->slot == slot)
		return true;
	drop_body(s, body);
	if (len > (uint64_t)VS_STORE_CHUNK * VS_STORE_CHUNKS_MAX)
		return false;
	body->bytes = get_pages(s->system, (size_t)len);
	body->len = len;
	body->slot = slot;
	return body->bytes != NULL;
}

/* Reads the chunks of [at, at + len) that were not read yet. */
static bool load_body(const struct vs_store *s, struct vs_store_body *body,
                      const struct vs_gpt_partition *from, uint64_t at,
                      uint64_t len)
{
	for (uint64_t i = at / VS_STORE_CHUNK; i * VS_STORE_CHUNK < at + len;
	     i++) {
		uint64_t start = i * VS_STORE_CHUNK;
		uint64_t rest = body->len - start;

		if (body->loaded[i])
			continue;
		if (rest > VS_STORE_CHUNK)
			rest = VS_STORE_CHUNK;
		if (vs_disk_read(&s->disk, from, start, body->bytes + start,
		                 (size_t)rest) != VS_OK)
			return false;
		body->loaded[i] = true;
	}
	return true;
}

static const uint8_t *map_footer(struct vs_store *s, int component, int slot,
                                 uint64_t at)
{
	uint8_t *footer = s->footers[component][slot];

	if (!s->footer_loaded[component][slot] &&
	    slot_read(s, component, slot, at, footer, VS_SLOT_FOOTER_LEN) !=
	            VS_OK)
		return NULL;
	s->footer_loaded[component][slot] = true;
	return footer;
}

static const uint8_t *map(void *ctx, int component, int slot, uint64_t at,
                          size_t len)
{
	struct vs_store *s = ctx;
	struct vs_store_body *body = &s->bodies[component];
	uint64_t end = slot_len(ctx, component, slot);

	if (end < VS_SLOT_FOOTER_LEN)
		return NULL;
	end -= VS_SLOT_FOOTER_LEN;
	if (at == end && len == VS_SLOT_FOOTER_LEN)
		return map_footer(s, component, slot, at);
	if (at > end || len > end - at || !open_body(s, body, slot, end) ||
	    !load_body(s, body, &s->slots[component][slot], at, len))
		return NULL;
	return body->bytes + at;
}

static vs_status floor_get(void *ctx, int component, uint32_t *out)
{
	const struct vs_store *s = ctx;

	if (s->settings->floors_in_tpm)
		return vs_tpm_floors_get(s->system, component, out);
	return vs_floors_get(s->system->runtime, component, out);
}

static vs_status floor_raise(void *ctx, int component, uint32_t to)
{
	const struct vs_store *s = ctx;

	if (s->settings->floors_in_tpm)
		return vs_tpm_floors_raise(s->system, component, to);
	return vs_floors_raise(s->system->runtime, component, to);
}

static vs_status keyring(void *ctx, int place, const uint8_t **file,
                         size_t *len)
{
	const struct vs_store *s = ctx;

	*file = s->rings[place].file;
	*len = s->rings[place].len;
	return s->rings[place].status;
}

static const char *name_of(const struct vs_store *s, int component)
{
	return component == VS_BOOT_RECOVERY
	               ? s->settings->recovery.name
	               : s->settings->components[component].name;
}

static void say(void *ctx, const char *what, int component, int slot,
                vs_reason reason)
{
	const struct vs_store *s = ctx;

	vs_say(s->system, "voltseal: ");
	vs_say(s->system, what);
	if (slot >= 0) {
		vs_say(s->system, ": slot ");
		vs_say(s->system, slot == 0 ? "a" : "b");
		vs_say(s->system, ", ");
		vs_say(s->system, name_of(s, component));
	}
	if (reason != VS_REASON_NONE) {
		vs_say(s->system, ": ");
		vs_say(s->system, vs_reason_name(reason));
	}
	vs_say(s->system, "\n");
}

/* Counts the blocks of images that are hashed: boot/ counts what it means to
 * check, this counts what is done.
 */
static vs_status sha256(void *ctx, const uint8_t *a, size_t a_len,
                        const uint8_t *b, size_t b_len,
                        uint8_t digest[static VS_SHA256_LEN])
{
	struct vs_store *s = ctx;

	for (int i = 0; i < VS_FLOORS && b_len == VS_BLOCK_LEN; i++) {
		struct vs_store_body *body = &s->bodies[i];

		if (body->bytes && b >= body->bytes &&
		    b < body->bytes + body->len)
			body->hashed++;
	}
	return s->crypto.sha256(s->crypto.ctx, a, a_len, b, b_len, digest);
}

static vs_status raw_floor(const struct vs_store *s, int component,
                           uint8_t out[static VS_AGAIN_FLOOR_LEN])
{
	if (s->settings->floors_in_tpm)
		return vs_tpm_floors_raw(s->system, component, out);
	return vs_floors_raw(s->system->runtime, component, out);
}

bool vs_store_holds(const struct vs_store *s, int component, int slot,
                    bool whole)
{
	const struct vs_store_body *body = &s->bodies[component];
	uint8_t floor[VS_AGAIN_FLOOR_LEN] = {0};
	uint32_t hashed = whole ? body->hashed : UINT32_MAX;

	if (!s->footer_loaded[component][slot] ||
	    (whole && (!body->bytes || body->slot != slot)))
		return false;
	if (raw_floor(s, component, floor) != VS_OK &&
	    component != VS_BOOT_RECOVERY)
		return false;
	return vs_again_holds(s->footers[component][slot], floor, hashed);
}

void vs_store_ops(struct vs_store *s, const struct vs_crypto *crypto,
                  struct vs_boot_ops *out)
{
	s->crypto = *crypto;
	*out = (struct vs_boot_ops){
		.ctx = s,
		.record = {s, record_read, record_write       },
		.crypto = {s, sha256,      crypto->p256_verify},
		.slot_len = slot_len,
		.read = slot_read,
		.floor_get = floor_get,
		.floor_raise = floor_raise,
		.keyring = keyring,
		.map = map,
		.log = say,
	};
}

int vs_store_components(
	const struct vs_settings *settings,
	struct vs_boot_component out[static VS_BOOT_COMPONENTS_MAX])
{
	for (int c = 0; c < settings->count; c++) {
		out[c].name = settings->components[c].name;
		out[c].hardware = settings->components[c].hardware;
		out[c].hash_whole = settings->components[c].hash_whole;
	}
	return settings->count;
}

/* A partition that is twice there counts as not there. */
static void find(struct vs_store *s, const char *name,
                 struct vs_gpt_partition *out)
{
	struct vs_why why;

	if (vs_gpt_find(&s->disk.table, name, out, &why) != VS_OK)
		memset(out, 0, sizeof(*out));
}

/* NAME-a and NAME-b; the recovery's one slot is plain NAME. */
static void find_slots(struct vs_store *s, int c, const char *name, int count)
{
	for (int slot = 0; slot < count; slot++) {
		char *own = s->names[c][slot];
		size_t len = 0;

		for (; name[len] != '\0'; len++)
			own[len] = name[len];
		if (count > 1) {
			own[len++] = '-';
			own[len++] = (char)('a' + slot);
		}
		own[len] = '\0';
		find(s, own, &s->slots[c][slot]);
	}
}

/* Reads a keyring partition. */
static void load_rings(struct vs_store *s, int place,
                       const struct vs_disk *disk,
                       const struct vs_gpt_partition *part)
{
	size_t whole = (VS_RING_PART_MAX + VS_DISK_UNIT - 1) / VS_DISK_UNIT *
	               VS_DISK_UNIT;
	uint8_t *bytes;

	s->rings[place].status = VS_ERR_ABSENT;
	if (part->len == 0)
		return;
	if (whole > part->len)
		whole = part->len / VS_DISK_UNIT * VS_DISK_UNIT;
	s->rings[place].status = VS_ERR_IO;
	bytes = whole > 0 ? get_pages(s->system, whole) : NULL;
	if (!bytes || vs_disk_read(disk, part, 0, bytes, whole) != VS_OK)
		return;
	s->rings[place].status = vs_ring_part_decode(
		bytes, whole, &s->rings[place].file, &s->rings[place].len);
}

vs_status vs_store_look_at_media(struct vs_store *s)
{
	struct vs_gpt_partition part;
	vs_status status = vs_disk_open_medium(s->system, &s->disk, "keyring",
	                                       &s->medium, &part);

	if (status != VS_OK)
		return status;
	load_rings(s, VS_BOOT_RINGS - 1, &s->medium, &part);
	return s->rings[VS_BOOT_RINGS - 1].status;
}

static void find_rings(struct vs_store *s)
{
	static const char *const names[] = {"keyring-0", "keyring-1"};
	struct vs_gpt_partition part;

	for (int place = 0; place < VS_BOOT_RINGS - 1; place++) {
		find(s, names[place], &part);
		load_rings(s, place, &s->disk, &part);
	}
	s->rings[VS_BOOT_RINGS - 1].status = VS_ERR_ABSENT;
}

vs_status vs_store_open(const struct efi_system *system, efi_handle device,
                        const struct vs_settings *settings,
                        struct vs_store *out, struct vs_why *why)
{
	vs_status status;

	memset(out, 0, sizeof(*out));
	out->system = system;
	out->settings = settings;
	status = vs_disk_open(system, device, &out->disk, why);
	if (status != VS_OK)
		return status;
	find(out, "record", &out->record);
	for (int c = 0; c < settings->count; c++)
		find_slots(out, c, settings->components[c].name, VS_SLOTS);
	if (settings->recovery.name[0] != '\0')
		find_slots(out, VS_BOOT_RECOVERY, settings->recovery.name, 1);
	find_rings(out);
	return VS_OK;
}

enum vs_reset_cause vs_store_cause(struct vs_store *s)
{
	uint8_t cause;

	if (vs_disk_read(&s->disk, &s->record, NOTE_AT, s->unit,
	                 VS_DISK_UNIT) != VS_OK ||
	    memcmp(s->unit, note_magic, sizeof(note_magic)) != 0 ||
	    get32(s->unit + 12) != vs_crc32(s->unit, 12))
		return VS_RESET_UNKNOWN;
	cause = s->unit[8];
	memset(s->unit, 0, VS_DISK_UNIT);
	if (vs_disk_write(&s->disk, &s->record, NOTE_AT, s->unit,
	                  VS_DISK_UNIT) != VS_OK)
		return VS_RESET_UNKNOWN;
	/* That power failed, no system can have written. */
	return cause == VS_RESET_REQUEST || cause == VS_RESET_WATCHDOG ||
	                       cause == VS_RESET_CRASH
	               ? (enum vs_reset_cause)cause
	               : VS_RESET_UNKNOWN;
}

const uint8_t *vs_store_image(const struct vs_store *s, int component, int slot,
                              uint64_t image_len)
{
	const struct vs_store_body *body = &s->bodies[component];

	if (!body->bytes || body->slot != slot || image_len > body->len)
		return NULL;
	for (uint64_t i = 0; i * VS_STORE_CHUNK < image_len; i++)
		if (!body->loaded[i])
			return NULL;
	return body->bytes;
}
