/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/slots/charger.c - reading what this charger is from its storage.
 */
#include "agent/slots/charger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "seal/slot.h"

static vs_status fail(vs_status status, char error[static VS_ERROR_LEN],
                      const char *file, const char *what)
{
	snprintf(error, VS_ERROR_LEN, "%.120s: %.120s", file, what);
	return status;
}

vs_status vs_charger_path(const struct vs_charger *c, const char *name,
                          char *out, size_t cap)
{
	int n;

	if (name[0] != '/')
		return vs_path_join(out, cap, c->dir, name);
	n = snprintf(out, cap, "%s", name);
	return n < 0 || (size_t)n >= cap ? VS_ERR_LIMIT : VS_OK;
}

vs_status vs_charger_open_blank(struct vs_charger *c, const char *dir,
                                char error[static VS_ERROR_LEN])
{
	vs_status status;

	memset(c, 0, sizeof(*c));
	c->slot = -1;
	if (!realpath(dir, c->dir))
		return fail(VS_ERR_ABSENT, error, dir, strerror(errno));
	status = vs_machine_load(c->dir, &c->machine, error);
	if (status != VS_OK)
		return status;
	vs_machine_components(&c->machine, c->components);
	c->scratch = calloc(1, sizeof(*c->scratch));
	if (!c->scratch)
		return fail(VS_ERR_NOMEM, error, dir, "no memory");
	status = vs_storage_open(&c->storage, c->dir, &c->machine, error);
	if (status != VS_OK)
		return status;
	c->storage.kind->ops(&c->storage, &c->ops);
	status = vs_boot_files_keyring(c->dir, &c->ops.crypto, &c->built_in,
	                               error);
	c->ring = c->built_in;
	c->rings = (struct vs_rings){.at = {&c->built_in}, .count = 1};
	return status;
}

static vs_status take_start(struct vs_charger *c,
                            char error[static VS_ERROR_LEN])
{
	const struct vs_start *start = &c->storage.start;
	vs_status status = c->storage.kind->start(&c->storage, &c->ops, error);

	if (status != VS_OK)
		return status;
	c->slot = start->recovery ? -1 : start->slot;
	c->recovery = start->recovery;
	c->trial = start->trial;
	c->fell_back = start->fell_back;
	memcpy(c->seen, start->seen, sizeof(c->seen));
	return VS_OK;
}

/* The loader's own rules, so that no seal is taken that it would refuse. */
static vs_status find_rings(struct vs_charger *c,
                            char error[static VS_ERROR_LEN])
{
	struct vs_boot_decision d;

	vs_rings_load(&c->ops, &c->built_in, c->scratch, &c->rings, &d);
	memcpy(c->places, d.rings, sizeof(c->places));
	/* As the loader judged the recovery image. */
	if (!c->rings.readable && c->recovery)
		c->rings = (struct vs_rings){.at = {&c->built_in}, .count = 1};
	else if (!c->rings.readable)
		return fail(VS_ERR_IO, error, "floor",
		            "the keyrings' epoch cannot be read");
	if (c->rings.count == 0)
		return fail(VS_ERR_REFUSED, error, "keyring",
		            "none stands: all are older than the epoch");
	c->ring = *c->rings.at[0];
	return VS_OK;
}

static vs_status look_at_running(struct vs_charger *c, int i,
                                 struct vs_why *why)
{
	struct vs_running *r = &c->running[i];
	struct vs_seal seal;
	uint8_t *file = NULL;
	size_t len = 0;
	vs_status status =
		vs_charger_seal(c, i, c->slot, &file, &len, &seal, why);

	if (status == VS_OK) {
		r->header = seal.header;
		r->above = seal.header.release_seq;
		r->seal_len = len;
		status = vs_charger_digest(c, file, len, r->sha256);
	}
	free(file);
	if (status == VS_OK)
		status = c->ops.floor_get(c->ops.ctx, i, &r->floor);
	return status;
}

/* What an image must be to be installed where none runs: at or above the
 * floor, and not older than what the loader saw in a slot that is GOOD.
 */
static void look_for_recovery(struct vs_charger *c)
{
	const struct vs_boot_decision *d = &c->storage.start.decision;
	struct vs_record record;

	if (vs_record_load(&c->ops.record, &record) != VS_OK)
		memset(&record, 0, sizeof(record));
	for (int i = 0; i < c->machine.count; i++) {
		struct vs_running *r = &c->running[i];

		if (c->ops.floor_get(c->ops.ctx, i, &r->floor) != VS_OK)
			r->floor = UINT32_MAX;
		for (int slot = 0; slot < VS_SLOTS; slot++) {
			uint64_t seq = d->seen[slot].release_seq[i];

			if (record.slots[slot].state == VS_SLOT_GOOD &&
			    seq > r->above)
				r->above = seq - 1;
		}
	}
}

int vs_charger_target(const struct vs_charger *c)
{
	struct vs_record record;

	if (!c->recovery)
		return !c->slot;
	return vs_record_load(&c->ops.record, &record) == VS_OK &&
	       record.slots[0].state == VS_SLOT_GOOD &&
	       record.slots[1].state != VS_SLOT_GOOD;
}

void vs_charger_say_recovery(const struct vs_charger *c, char *out, size_t cap)
{
	const struct vs_boot_decision *d = &c->storage.start.decision;

	snprintf(out, cap, "recovery: slot a: %s, %s; slot b: %s, %s",
	         vs_reason_name(d->seen[0].refused),
	         c->components[d->seen[0].component].name,
	         vs_reason_name(d->seen[1].refused),
	         c->components[d->seen[1].component].name);
}

vs_status vs_charger_open(struct vs_charger *c, const char *dir,
                          char error[static VS_ERROR_LEN])
{
	vs_status status = vs_charger_open_blank(c, dir, error);

	if (status == VS_OK)
		status = take_start(c, error);
	if (status == VS_OK)
		status = find_rings(c, error);
	if (status == VS_OK && c->recovery)
		look_for_recovery(c);
	for (int i = 0; status == VS_OK && !c->recovery && i < c->machine.count;
	     i++) {
		struct vs_why why = {VS_REASON_UNREADABLE,
		                     "floor or seal cannot be read", 0};

		status = look_at_running(c, i, &why);
		if (status != VS_OK)
			snprintf(error, VS_ERROR_LEN,
			         "running slot %c, %s: %s (%s)", 'a' + c->slot,
			         c->components[i].name, why.what,
			         vs_reason_name(why.code));
	}
	return status;
}

void vs_charger_close(struct vs_charger *c)
{
	vs_storage_close(&c->storage);
	free(c->scratch);
	c->scratch = NULL;
}

vs_status vs_charger_open_slot(const struct vs_charger *c, int i, int slot,
                               const struct vs_disk_ops *ops,
                               struct vs_disk *out)
{
	char path[PATH_MAX];
	vs_status status = c->storage.kind->slot_path(&c->storage, i, slot,
	                                              path, sizeof(path));

	out->fd = -1;
	if (status != VS_OK)
		return status;
	if (c->recovery)
		return vs_disk_open(out, path, slot == vs_charger_target(c),
		                    ops);
	return vs_disk_open(out, path, slot != c->slot, ops);
}

/* Reads footer and upper levels; the tree's shape comes from the header's
 * length, which the seal's own check covers afterwards.
 */
static vs_status gather(const struct vs_charger *c, int i, int slot,
                        uint8_t **file, size_t *len, struct vs_why *why)
{
	const struct vs_boot_ops *ops = &c->ops;
	uint8_t footer[VS_SLOT_FOOTER_LEN];
	uint64_t slot_len = ops->slot_len(ops->ctx, i, slot);
	struct vs_slot_layout layout;
	struct vs_seal_header header;
	struct vs_signatures sigs;
	struct vs_tree tree;
	const uint8_t *raw;
	size_t head;
	vs_status status;

	if (slot_len < sizeof(footer))
		return vs_fail(VS_ERR_ABSENT, why, VS_REASON_NO_SEAL,
		               "slot is absent or shorter than a footer", 0);
	status = ops->read(ops->ctx, i, slot, slot_len - sizeof(footer), footer,
	                   sizeof(footer));
	if (status != VS_OK)
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               "slot cannot be read", 0);
	status = vs_slot_footer_decode(footer, &raw, &sigs, why);
	if (status == VS_OK)
		status = vs_seal_header_decode(raw, &header, why);
	if (status == VS_OK && vs_tree_init(&tree, header.image_len) != VS_OK)
		status = vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		                 "image length", 0);
	if (status == VS_OK)
		status = vs_slot_layout(&tree, slot_len, &layout, why);
	if (status != VS_OK)
		return status;
	head = VS_SEAL_HEADER_LEN + sigs.encoded_len;
	*len = head + (size_t)tree.upper_len;
	*file = malloc(*len);
	if (!*file)
		return VS_ERR_NOMEM;
	memcpy(*file, footer, head);
	if (tree.upper_len > 0 &&
	    ops->read(ops->ctx, i, slot, layout.tree_at, *file + head,
	              (size_t)tree.upper_len) != VS_OK)
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "slot cannot be read", 0);
	return VS_OK;
}

vs_status vs_charger_seal(const struct vs_charger *c, int i, int slot,
                          uint8_t **file, size_t *len, struct vs_seal *out,
                          struct vs_why *why)
{
	vs_status status;

	*file = NULL;
	status = gather(c, i, slot, file, len, why);
	for (int k = 0; k < c->rings.count && status == VS_OK; k++) {
		status = vs_seal_open(c->rings.at[k], &c->ops.crypto, *file,
		                      *len, out, why);
		if (status == VS_OK)
			return VS_OK;
		if (status == VS_ERR_REFUSED && k + 1 < c->rings.count)
			status = VS_OK; /* an older one may think otherwise */
	}
	free(*file);
	*file = NULL;
	return status;
}

bool vs_charger_runs_under(const struct vs_charger *c,
                           const struct vs_keyring *ring)
{
	vs_status status = c->slot < 0 ? VS_ERR_ABSENT : VS_OK;

	for (int i = 0; status == VS_OK && i < c->machine.count; i++) {
		struct vs_why why;
		struct vs_seal seal;
		uint8_t *file = NULL;
		size_t len;

		status = gather(c, i, c->slot, &file, &len, &why);
		if (status == VS_OK)
			status = vs_seal_open(ring, &c->ops.crypto, file, len,
			                      &seal, &why);
		free(file);
	}
	return status == VS_OK;
}

/* The newest keyring that accepts it, as the loader asks them. */
static vs_status verify_one(const struct vs_charger *c, int i, int slot,
                            struct vs_why *why)
{
	struct vs_boot_component component = c->components[i];
	struct vs_seal_header header;
	vs_status status = VS_ERR_REFUSED;

	/* Each cluster was hashed in memory before it was written, and the
	 * loader hashes what the disk gives back before it starts it; a third
	 * pass here would find nothing else. */
	component.hash_whole = false;
	for (int k = 0; k < c->rings.count && status == VS_ERR_REFUSED; k++)
		status = vs_boot_verify_component(&c->ops, &component, i, slot,
		                                  c->rings.at[k], c->scratch,
		                                  &header, why);
	return status;
}

vs_status vs_charger_verify(const struct vs_charger *c, int slot,
                            struct vs_why *why)
{
	vs_status status = VS_OK;

	for (int i = 0; status == VS_OK && i < c->machine.count; i++) {
		struct vs_seal seal;
		uint8_t *file;
		size_t len;

		status = verify_one(c, i, slot, why);
		if (status != VS_OK)
			break;
		/* The tree's upper levels, which the loader's quick look
		 * leaves to dm-verity. */
		status = vs_charger_seal(c, i, slot, &file, &len, &seal, why);
		free(file);
	}
	return status;
}

vs_status vs_charger_digest(const struct vs_charger *c, const uint8_t *in,
                            size_t len, char out[static 65])
{
	uint8_t digest[VS_SHA256_LEN];
	vs_status status = c->ops.crypto.sha256(c->ops.crypto.ctx, in, len,
	                                        NULL, 0, digest);

	if (status == VS_OK)
		vs_hex_encode(digest, sizeof(digest), out);
	return status;
}
