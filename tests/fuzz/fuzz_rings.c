/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_rings.c - what keyring partitions hold, whatever it is, makes
 * no keyring stand that the built-in one does not lead to.
 *
 * A hash that repeats its input's first bytes, and signatures that repeat the
 * key's, stand in for what no fuzzer finds.  The built-in keyring's key is
 * known, so chains from it can be found; those that begin with another key
 * cannot count.  The input's first bytes say the epoch and where it is cut into
 * the three places.
 */
#include <assert.h>
#include <string.h>

#include "boot/port/uefi/ring_part.h"
#include "boot/rings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUILT_IN = 3, OWN = 4 };

struct places {
	const uint8_t *in[VS_BOOT_RINGS];
	size_t len[VS_BOOT_RINGS];
	uint32_t epoch;
};

static vs_status hash(void *ctx, const uint8_t *a, size_t a_len,
                      const uint8_t *b, size_t b_len,
                      uint8_t digest[static VS_SHA256_LEN])
{
	(void)ctx, (void)b, (void)b_len;
	memset(digest, 0, VS_SHA256_LEN);
	memcpy(digest, a, a_len < VS_SHA256_LEN ? a_len : VS_SHA256_LEN);
	return VS_OK;
}

static vs_status verify(void *ctx, const uint8_t key[static VS_P256_KEY_LEN],
                        const uint8_t digest[static VS_SHA256_LEN],
                        const uint8_t sig[static VS_P256_SIG_LEN])
{
	(void)ctx, (void)digest;
	return memcmp(key, sig, 4) == 0 ? VS_OK : VS_ERR_REFUSED;
}

static vs_status keyring(void *ctx, int place, const uint8_t **file,
                         size_t *len)
{
	const struct places *p = ctx;

	return vs_ring_part_decode(p->in[place], p->len[place], file, len);
}

static vs_status floor_get(void *ctx, int number, uint32_t *out)
{
	const struct places *p = ctx;

	assert(number == VS_BOOT_EPOCH);
	*out = p->epoch;
	return VS_OK;
}

static struct vs_keyring built_in(void)
{
	struct vs_keyring r = {.version = BUILT_IN,
	                       .threshold = 1,
	                       .key_count = 1,
	                       .component_count = 1,
	                       .components = {"gateway"}};

	r.keys[0].scheme = VS_SCHEME_P256_SHA256;
	r.keys[0].point[0] = 4;
	r.keys[0].point[1] = 'K';
	memcpy(r.keys[0].id, r.keys[0].point, VS_SHA256_LEN);
	return r;
}

/* Whether the built-in keyring's key signed the first one of the file that is
 * newer than the built-in one.
 */
static bool begins_here(const struct vs_crypto *crypto,
                        const struct vs_keyring *from, const uint8_t *file,
                        size_t len)
{
	struct vs_signatures sigs;
	struct vs_keyring ring;
	struct vs_why why;
	size_t body = 0;

	for (;;) {
		vs_status status = vs_keyring_decode(
			crypto, file,
			len < VS_KEYRING_LEN_MAX ? len : VS_KEYRING_LEN_MAX,
			&ring, &body, &why);

		if (status == VS_OK)
			status = vs_signatures_decode(file + body, len - body,
			                              &sigs, &why);
		if (status != VS_OK)
			return false;
		if (ring.version > from->version)
			break;
		file += body + sigs.encoded_len;
		len -= body + sigs.encoded_len;
	}
	for (size_t i = 0; i < sigs.count; i++)
		if (sigs.at[i].scheme == VS_SCHEME_P256_SHA256 &&
		    memcmp(sigs.at[i].key_id, from->keys[0].id,
		           VS_SHA256_LEN) == 0 &&
		    memcmp(sigs.at[i].bytes, from->keys[0].point, OWN) == 0)
			return true;
	return false;
}

static void check_place(const struct vs_boot_ops *ops, int place,
                        const struct vs_keyring *own,
                        const struct vs_boot_ring_view *view)
{
	const uint8_t *file = NULL;
	size_t len = 0;
	vs_status status = keyring(ops->ctx, place, &file, &len);

	if (status == VS_OK) {
		const struct places *p = ops->ctx;

		assert(file == p->in[place] + VS_RING_PART_HEAD);
		assert(len <= p->len[place] - VS_RING_PART_HEAD);
	}
	if (view->version > own->version)
		assert(status == VS_OK &&
		       begins_here(&ops->crypto, own, file, len));
	else
		assert(view->version == 0 || view->version == own->version);
}

static void check(const struct vs_boot_ops *ops, const struct vs_keyring *own,
                  const struct vs_rings *r, const struct vs_boot_decision *d)
{
	uint32_t before = UINT32_MAX;

	assert(r->readable && r->count <= VS_BOOT_RINGS + 1);
	for (int i = 0; i < r->count; i++) {
		assert(r->at[i]->version >= r->epoch);
		assert(i == 0 || r->at[i]->version < before);
		before = r->at[i]->version;
	}
	for (int place = 0; place < VS_BOOT_RINGS; place++)
		check_place(ops, place, own, &d->rings[place]);
	if (own->version >= r->epoch)
		assert(r->count > 0 && d->keyring_version >= own->version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vs_boot_scratch scratch;
	static struct vs_boot_decision d;
	struct vs_keyring own = built_in();
	struct places p = {.epoch = 0};
	struct vs_boot_ops ops = {
		.ctx = &p,
		.crypto = {NULL, hash, verify},
		.floor_get = floor_get,
		.keyring = keyring
        };
	struct vs_rings rings;
	size_t cut;

	if (size < 2)
		return 0;
	p.epoch = data[0] % 8;
	cut = (size - 2) * data[1] / 255;
	p.in[0] = data + 2;
	p.len[0] = cut;
	p.in[1] = p.in[2] = data + 2 + cut;
	p.len[1] = size - 2 - cut;
	vs_rings_load(&ops, &own, &scratch, &rings, &d);
	check(&ops, &own, &rings, &d);
	return 0;
}
