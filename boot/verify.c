/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/verify.c - whether one component of one slot may be started.
 *
 * The header bytes whose signatures were checked are the bytes that are
 * decoded, and the tree nodes that were checked are the ones compared with:
 * nothing is read a second time.
 */
#include "boot/boot.h"

#include "boot/memory.h"
#include "seal/slot.h"
#include "seal/tree.h"

/* What every step needs; lives for one call. */
struct job {
	const struct vs_boot_ops *ops;
	struct vs_boot_scratch *scratch;
	struct vs_seal_header *header;
	int component;
	int slot;
};

static vs_status read_slot(const struct job *j, uint64_t at, uint8_t *out,
                           size_t len, struct vs_why *why)
{
	if (j->ops->read(j->ops->ctx, j->component, j->slot, at, out, len) ==
	    VS_OK)
		return VS_OK;
	return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
	               "slot cannot be read", (size_t)at);
}

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
	const uint8_t *raw;
	vs_status status;

	if (slot_len < VS_SLOT_FOOTER_LEN)
		return vs_fail(VS_ERR_ABSENT, why, VS_REASON_NO_SEAL,
		               "slot is absent or shorter than a footer", 0);
	/* A ring of zeros must not mean "no signature needed". */
	if (ring->threshold < 1 || ring->threshold > ring->key_count)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_SEAL_SIGNATURE,
		               "keyring has no usable threshold", 0);
	status = read_slot(j, slot_len - VS_SLOT_FOOTER_LEN, j->scratch->footer,
	                   VS_SLOT_FOOTER_LEN, why);
	if (status == VS_OK)
		status = vs_slot_footer_decode(j->scratch->footer, &raw, &sigs,
		                               why);
	if (status == VS_OK)
		status = vs_keyring_open_header(ring, &j->ops->crypto, raw,
		                                &sigs, j->header, why);
	return status;
}

static vs_status check_fits(const struct job *j,
                            const struct vs_boot_component *c,
                            struct vs_why *why)
{
	uint32_t floor = UINT32_MAX;

	if (!same_text(c->name, j->header->component, VS_COMPONENT_LEN))
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_COMPONENT,
		               "sealed for another component", 0);
	if (!vs_seal_header_fits(j->header, c->hardware))
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_HARDWARE,
		               "not made for this hardware", 0);
	if (j->ops->floor_get(j->ops->ctx, j->component, &floor) != VS_OK)
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "floor cannot be read", 0);
	if (j->header->security_version < floor)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_BELOW_FLOOR,
		               "security version is below the floor", 0);
	return VS_OK;
}

/* The footer's bytes are spent by now: the stored leaves go in their place. */
static vs_status check_cluster(const struct job *j, const struct vs_tree *t,
                               uint64_t tree_at, uint64_t i, struct vs_why *why)
{
	struct vs_boot_scratch *s = j->scratch;
	vs_status status;

	status = read_slot(j, i * VS_CLUSTER_LEN, s->cluster,
	                   vs_tree_cluster_len(t, i), why);
	if (status == VS_OK)
		status = vs_tree_check_cluster(t, &j->ops->crypto, j->header,
		                               s->upper, i, s->cluster,
		                               s->leaves, why);
	if (status != VS_OK || t->levels == 0)
		return status;
	status = read_slot(j, tree_at + vs_tree_leaves_at(t, i), s->footer,
	                   VS_BLOCK_LEN, why);
	if (status == VS_OK && memcmp(s->footer, s->leaves, VS_BLOCK_LEN) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_TREE_MISMATCH,
		               "stored leaves are not the image's", (size_t)i);
	return status;
}

static vs_status check_whole(const struct job *j, const struct vs_tree *t,
                             uint64_t tree_at, struct vs_why *why)
{
	struct vs_boot_scratch *s = j->scratch;
	vs_status status;
	uint64_t done = 0;

	if (t->upper_len > sizeof(s->upper))
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_TOO_LARGE,
		               "image is too large to be hashed whole", 0);
	status = read_slot(j, tree_at, s->upper, (size_t)t->upper_len, why);
	if (status == VS_OK)
		status = vs_tree_check_upper(t, &j->ops->crypto, j->header,
		                             s->upper, why);
	for (; done < t->clusters && status == VS_OK; done++)
		status = check_cluster(j, t, tree_at, done, why);
	if (status == VS_OK && done != t->clusters)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_CLUSTER_MISMATCH,
		               "not every cluster was checked", (size_t)done);
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
	struct job j = {ops, scratch, header, component, slot};
	uint64_t slot_len = ops->slot_len(ops->ctx, component, slot);
	struct vs_slot_layout layout = {0};
	struct vs_tree tree;
	vs_status status;

	memset(header, 0, sizeof(*header));
	status = open_footer(&j, slot_len, ring, why);
	if (status != VS_OK) {
		/* What nobody signed is not shown to anybody. */
		memset(header, 0, sizeof(*header));
		return status;
	}
	status = check_fits(&j, c, why);
	if (status == VS_OK && vs_tree_init(&tree, header->image_len) != VS_OK)
		status = vs_fail(VS_ERR_REFUSED, why, VS_REASON_TOO_LARGE,
		                 "image length is out of range", 0);
	if (status == VS_OK)
		status = vs_slot_layout(&tree, slot_len, &layout, why);
	if (status == VS_OK && c->hash_whole)
		status = check_whole(&j, &tree, layout.tree_at, why);
	return status;
}
