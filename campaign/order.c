/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/order.c - the order in which chargers start.
 *
 * FNV-1a over salt, a zero byte and id, then the finaliser of MurmurHash3,
 * because FNV-1a alone hardly moves the high bits for ids that differ in the
 * last digit.  It spreads chargers; it protects nothing, so it need not be a
 * cryptographic hash.
 */
#include <stdlib.h>
#include <string.h>

#include "campaign/campaign.h"

static uint64_t mix(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t hash(const char *salt, const char *id)
{
	uint64_t h = mix(UINT64_C(0xcbf29ce484222325), salt);

	h *= UINT64_C(0x100000001b3); /* the zero byte */
	h = mix(h, id);
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}

static int compare(const void *left, const void *right, void *salt)
{
	const struct vs_member *a = left, *b = right;
	uint64_t ha = hash(salt, a->id), hb = hash(salt, b->id);

	if (ha != hb)
		return ha < hb ? -1 : 1;
	return strcmp(a->id, b->id);
}

void vs_campaign_order(const struct vs_plan *p, struct vs_member *m, size_t n)
{
	char salt[VS_ID_LEN];

	memcpy(salt, p->salt, sizeof salt);
	salt[sizeof salt - 1] = 0;
	if (n > 1)
		qsort_r(m, n, sizeof *m, compare, salt);
}
