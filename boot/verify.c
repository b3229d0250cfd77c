/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/verify.c - whether one component of one slot may be started.
 *
 * The header bytes whose signatures were checked are the bytes that are
 * decoded, and the tree nodes that were checked are the ones compared with:
 * nothing is read a second time.
 */
#include "boot/verify.h"

#include "boot/memory.h"
#include "seal/slot.h"
#include "seal/tree.h"

/* What each check is worth in a proof: sums of some are no sums of others. */
enum {
	WORTH_SIGNED = 0x10000000,
	WORTH_FITS = 0x01000000,
	WORTH_FLOOR = 0x00100000,
	WORTH_ROOM = 0x00010000,
	WORTH_UPPER = 0x00001000,
};

/* What every step needs; lives for one call. */
struct job {
	const struct vs_boot_source *from;
	struct vs_seal_header *header;
	struct vs_boot_proof *proof;
};

/* Gives len bytes of the slot: where they are mapped, or in room. */
static vs_status fetch(const struct job *j, uint64_t at, size_t len,
                       uint8_t *room, const uint8_t **out, struct vs_why *why)
{
	const struct vs_boot_source *f = j->from;
	const struct vs_boot_ops *ops = f->ops;

	*out = room;
	if (ops->map)
		*out = ops->map(ops->ctx, f->component, f->slot, at, len);
	else if (ops->read(ops->ctx, f->component, f->slot, at, room, len) !=
	         VS_OK)
		*out = NULL;
	if (*out)
		return VS_OK;
	return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
	               "slot cannot be read", (size_t)at);
}

/* A buffer of the scratch, if there is a scratch. */
#define ROOM(from, part) ((from)->scratch ? (from)->scratch->part : NULL)

/* Equal texts, and both end within their field. */
static bool same_text(const char *a, const char *field, size_t cap)
{
	for (size_t i = 0; i < cap; i++) {
		if (a[i] != field[i])
			return false;
		if (a[i] == '\0')
			return true;
	}
	return false;
}

static vs_status open_footer(const struct job *j, uint64_t slot_len,
                             const struct vs_keyring *ring, struct vs_why *why)
{
	struct vs_signatures sigs;
	const uint8_t *footer;
	const uint8_t *raw;
	vs_status status;

	j->proof->due += WORTH_SIGNED;
	if (slot_len < VS_SLOT_FOOTER_LEN)
		return vs_fail(VS_ERR_ABSENT, why, VS_REASON_NO_SEAL,
		               "slot is absent or shorter than a footer", 0);
	/* A ring of zeros must not mean "no signature needed". */
	if (ring->threshold < 1 || ring->threshold > ring->key_count)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_SEAL_SIGNATURE,
		               "keyring has no usable threshold", 0);
	status = fetch(j, slot_len - VS_SLOT_FOOTER_LEN, VS_SLOT_FOOTER_LEN,
	               ROOM(j->from, footer), &footer, why);
	if (status == VS_OK)
		status = vs_slot_footer_decode(footer, &raw, &sigs, why);
	if (status == VS_OK)
		status = vs_keyring_open_header(ring, &j->from->ops->crypto,
		                                raw, &sigs, j->header, why);
	if (status == VS_OK)
		j->proof->done += WORTH_SIGNED;
	return status;
}

static vs_status check_fits(const struct job *j,
                            const struct vs_boot_component *c,
                            struct vs_why *why)
{
	j->proof->due += WORTH_FITS;
	if (!same_text(c->name, j->header->component, VS_COMPONENT_LEN))
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_COMPONENT,
		               "sealed for another component", 0);
	if (!vs_seal_header_fits(j->header, c->hardware))
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_HARDWARE,
		               "not made for this hardware", 0);
	j->proof->done += WORTH_FITS;
	return VS_OK;
}

static vs_status check_floor(const struct job *j, struct vs_why *why)
{
	const struct vs_boot_ops *ops = j->from->ops;
	volatile uint32_t floor = UINT32_MAX;
	uint32_t value = UINT32_MAX;

	j->proof->due += WORTH_FLOOR;
	if (ops->floor_get(ops->ctx, j->from->component, &value) == VS_OK)
		floor = value;
	else if (j->from->component == VS_BOOT_RECOVERY)
		floor = 0; /* it repairs what keeps the others from starting */
	else
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "floor cannot be read", 0);
	if (j->header->security_version < floor)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_BELOW_FLOOR,
		               "security version is below the floor", 0);
	if (j->header->security_version >= floor)
		j->proof->done += WORTH_FLOOR;
	return VS_OK;
}

static vs_status check_cluster(const struct job *j, const struct vs_tree *t,
                               uint64_t tree_at, const uint8_t *upper,
                               uint64_t i, struct vs_why *why)
{
	const struct vs_boot_source *f = j->from;
	const uint8_t *data = NULL;
	const uint8_t *leaves = NULL;
	uint32_t matched = 0;
	vs_status status;

	j->proof->due += vs_tree_matches(t, i);
	status = fetch(j, i * VS_CLUSTER_LEN,
	               (size_t)vs_tree_cluster_blocks(t, i) * VS_BLOCK_LEN,
	               ROOM(f, cluster), &data, why);
	if (status == VS_OK && t->levels > 0)
		status = fetch(j, tree_at + vs_tree_leaves_at(t, i),
		               VS_BLOCK_LEN, ROOM(f, leaves), &leaves, why);
	if (status == VS_OK)
		status = vs_tree_check_stored(t, &f->ops->crypto, j->header,
		                              upper, i, data, leaves, &matched,
		                              why);
	j->proof->done += matched;
	return status;
}

static vs_status check_whole(const struct job *j, const struct vs_tree *t,
                             uint64_t tree_at, struct vs_why *why)
{
	const struct vs_boot_source *f = j->from;
	const uint8_t *upper = NULL;
	vs_status status = VS_OK;
	uint64_t done = 0;

	j->proof->due += WORTH_UPPER;
	if (!f->ops->map && t->upper_len > sizeof(f->scratch->upper))
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_TOO_LARGE,
		               "image is too large to be hashed whole", 0);
	if (t->upper_len > 0)
		status = fetch(j, tree_at, (size_t)t->upper_len, ROOM(f, upper),
		               &upper, why);
	/* Twice: the second one is not of use but against a glitch. */
	if (status == VS_OK)
		status = vs_tree_check_upper(t, &f->ops->crypto, j->header,
		                             upper, why);
	if (status == VS_OK &&
	    vs_tree_check_upper(t, &f->ops->crypto, j->header, upper, why) ==
	            VS_OK)
		j->proof->done += WORTH_UPPER;
	for (; done < t->clusters && status == VS_OK; done++)
		status = check_cluster(j, t, tree_at, upper, done, why);
	if (status == VS_OK && done != t->clusters)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_CLUSTER_MISMATCH,
		               "not every cluster was checked", (size_t)done);
	return status;
}

/* The image's place in the slot, and its blocks if they are to be hashed. */
static vs_status check_image(const struct job *j, uint64_t slot_len, bool whole,
                             struct vs_why *why)
{
	struct vs_slot_layout layout = {0};
	struct vs_tree tree;
	vs_status status = VS_OK;

	j->proof->due += WORTH_ROOM;
	if (vs_tree_init(&tree, j->header->image_len) != VS_OK)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_TOO_LARGE,
		               "image length is out of range", 0);
	status = vs_slot_layout(&tree, slot_len, &layout, why);
	if (status != VS_OK)
		return status;
	j->proof->done += WORTH_ROOM;
	return whole ? check_whole(j, &tree, layout.tree_at, why) : VS_OK;
}

vs_status vs_boot_check(const struct vs_boot_source *from,
                        const struct vs_boot_component *what,
                        const struct vs_keyring *ring,
                        struct vs_seal_header *header,
                        struct vs_boot_proof *proof, struct vs_why *why)
{
	const struct vs_boot_ops *ops = from->ops;
	struct job j = {from, header, proof};
	uint64_t slot_len =
		ops->slot_len(ops->ctx, from->component, from->slot);
	vs_status status;

	memset(header, 0, sizeof(*header));
	proof->due = 0;
	proof->done = 0;
	status = open_footer(&j, slot_len, ring, why);
	if (status != VS_OK) {
		/* What nobody signed is not shown to anybody. */
		memset(header, 0, sizeof(*header));
		return status;
	}
	status = check_fits(&j, what, why);
	if (status == VS_OK)
		status = check_floor(&j, why);
	if (status == VS_OK)
		status = check_image(&j, slot_len, what->hash_whole, why);
	if (status == VS_OK && !vs_boot_proven(proof))
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_UNREADABLE,
		               "a check was not made", 0);
	return status;
}

vs_status vs_boot_verify_component(const struct vs_boot_ops *ops,
                                   const struct vs_boot_component *c,
                                   int component, int slot,
                                   const struct vs_keyring *ring,
                                   struct vs_boot_scratch *scratch,
                                   struct vs_seal_header *header,
                                   struct vs_why *why)
{
	const struct vs_boot_source from = {ops, scratch, component, slot};
	struct vs_boot_proof proof;

	return vs_boot_check(&from, c, ring, header, &proof, why);
}
