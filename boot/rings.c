/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/rings.c - which keyrings stand at this boot.
 */
#include "boot/rings.h"

#include "boot/memory.h"

/* The length of the keyring file that begins at file; 0 if none does. */
static size_t first_len(const struct vs_crypto *crypto, const uint8_t *file,
                        size_t len, struct vs_keyring *room, struct vs_why *why)
{
	struct vs_signatures sigs;
	size_t body;

	if (len > VS_KEYRING_LEN_MAX)
		len = VS_KEYRING_LEN_MAX;
	if (vs_keyring_decode(crypto, file, len, room, &body, why) != VS_OK ||
	    vs_signatures_decode(file + body, len - body, &sigs, why) != VS_OK)
		return 0;
	return body + sigs.encoded_len;
}

/* Follows a place's chain from the built-in keyring to its last one. */
static vs_status follow(const struct vs_crypto *crypto,
                        const struct vs_keyring *built_in, const uint8_t *file,
                        size_t len, struct vs_keyring *out, struct vs_why *why)
{
	const struct vs_keyring *from = built_in;
	vs_status status = VS_OK;

	while (len > 0) {
		struct vs_keyring next;
		size_t n = first_len(crypto, file, len, &next, why);

		if (n == 0)
			return VS_ERR_INPUT;
		/* What a newer loader has built in needs no signatures. */
		if (from != built_in || next.version > built_in->version) {
			status = vs_keyring_open(from, crypto, file, n, out,
			                         why);
			from = out;
		}
		if (status != VS_OK)
			return status;
		file += n;
		len -= n;
	}
	if (from == built_in)
		*out = *built_in;
	return VS_OK;
}

/* Reads one place.  Gives whether a keyring of it stands. */
static bool load_place(const struct vs_boot_ops *ops,
                       const struct vs_keyring *built_in, int place,
                       uint32_t epoch, struct vs_keyring *out,
                       struct vs_boot_ring_view *view)
{
	struct vs_why why = {VS_REASON_UNREADABLE, "cannot be read", 0};
	const uint8_t *file = NULL;
	size_t len = 0;
	vs_status status = ops->keyring(ops->ctx, place, &file, &len);

	if (status == VS_ERR_ABSENT || (status == VS_OK && len == 0))
		return false;
	if (status == VS_OK)
		status = follow(&ops->crypto, built_in, file, len, out, &why);
	if (status != VS_OK) {
		view->refused = why.code ? why.code : VS_REASON_UNREADABLE;
		return false;
	}
	view->version = out->version;
	if (out->version >= epoch)
		return true;
	view->refused = VS_REASON_KEYRING_ROLLBACK;
	return false;
}

/* Puts ring in its place; one of each version is enough. */
static void insert(struct vs_rings *r, const struct vs_keyring *ring)
{
	int i = r->count;

	for (int k = 0; k < r->count; k++)
		if (r->at[k]->version == ring->version)
			return;
	for (; i > 0 && r->at[i - 1]->version < ring->version; i--)
		r->at[i] = r->at[i - 1];
	r->at[i] = ring;
	r->count++;
}

static void load_epoch(const struct vs_boot_ops *ops, struct vs_rings *out)
{
	out->readable = true;
	if (!ops->keyring)
		return;
	if (ops->floor_get(ops->ctx, VS_BOOT_EPOCH, &out->epoch) == VS_OK)
		return;
	out->readable = false;
	out->epoch = UINT32_MAX;
}

void vs_rings_load(const struct vs_boot_ops *ops,
                   const struct vs_keyring *built_in,
                   struct vs_boot_scratch *scratch, struct vs_rings *out,
                   struct vs_boot_decision *d)
{
	memset(out, 0, sizeof(*out));
	memset(d->rings, 0, sizeof(d->rings));
	load_epoch(ops, out);
	d->epoch_floor = out->epoch;
	d->keyring_version = 0;
	if (!out->readable)
		return;
	if (built_in->version >= out->epoch)
		insert(out, built_in);
	for (int place = 0; place < VS_BOOT_RINGS && ops->keyring; place++)
		if (load_place(ops, built_in, place, out->epoch,
		               &scratch->rings[place], &d->rings[place]))
			insert(out, &scratch->rings[place]);
	if (out->count > 0)
		d->keyring_version = out->at[0]->version;
}

bool vs_rings_kept(const struct vs_keyring *built_in,
                   const struct vs_boot_decision *d, uint32_t version)
{
	if (built_in->version >= version)
		return true;
	return d->rings[0].version >= version &&
	       d->rings[0].refused == VS_REASON_NONE &&
	       d->rings[1].version >= version &&
	       d->rings[1].refused == VS_REASON_NONE;
}
