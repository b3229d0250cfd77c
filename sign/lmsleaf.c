/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmsleaf.c - which leaves of an LMS key are used up, kept across cuts.
 *
 * A leaf is given out when both copies say that it is used.  Whatever is lost
 * of one copy after that, the other one says so still; and before that, a
 * copy that says less is right, for nobody has the leaf.
 */
#include "sign/lmsleaf.h"

#include <string.h>

enum {
	AT_MAGIC = 0,
	AT_FORMAT = 8,
	AT_FIRST = 12,
	AT_NEXT = 16,
	AT_END = 20,
	AT_KEY_ID = 24,
	AT_HOME = 56,
	AT_ZEROS = 88,
	AT_SUM = VS_LMSLEAF_COPY_LEN - 32,
	FORMAT = 1,
};

static const uint8_t magic[8] = {'V', 'L', 'T', 'L', 'E', 'A', 'F', '1'};

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static bool all_zero(const uint8_t *p, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any == 0;
}

static bool range_good(const struct vs_lmsleaf *s)
{
	return s->first <= s->next && s->next <= s->end && s->first < s->end;
}

static vs_status encode(const struct vs_lmsleaf_disk *disk,
                        const struct vs_lmsleaf *s,
                        uint8_t out[static VS_LMSLEAF_COPY_LEN])
{
	memset(out, 0, VS_LMSLEAF_COPY_LEN);
	memcpy(out + AT_MAGIC, magic, sizeof magic);
	put32(out + AT_FORMAT, FORMAT);
	put32(out + AT_FIRST, s->first);
	put32(out + AT_NEXT, s->next);
	put32(out + AT_END, s->end);
	memcpy(out + AT_KEY_ID, s->key_id, sizeof s->key_id);
	memcpy(out + AT_HOME, s->home, sizeof s->home);
	return disk->sha256(disk->ctx, out, AT_SUM, out + AT_SUM);
}

/* VS_ERR_INPUT if the copy is not whole. */
static vs_status decode(const struct vs_lmsleaf_disk *disk, const uint8_t *in,
                        struct vs_lmsleaf *out)
{
	uint8_t sum[32];
	vs_status status = disk->sha256(disk->ctx, in, AT_SUM, sum);

	if (status)
		return status;
	*out = (struct vs_lmsleaf){
		.first = get32(in + AT_FIRST),
		.next = get32(in + AT_NEXT),
		.end = get32(in + AT_END),
	};
	memcpy(out->key_id, in + AT_KEY_ID, sizeof out->key_id);
	memcpy(out->home, in + AT_HOME, sizeof out->home);
	if (memcmp(sum, in + AT_SUM, sizeof sum) != 0 ||
	    memcmp(in + AT_MAGIC, magic, sizeof magic) != 0 ||
	    get32(in + AT_FORMAT) != FORMAT ||
	    !all_zero(in + AT_ZEROS, AT_SUM - AT_ZEROS) || !range_good(out))
		return VS_ERR_INPUT;
	return VS_OK;
}

static vs_status write_copy(const struct vs_lmsleaf_disk *disk,
                            const struct vs_lmsleaf *s, unsigned copy)
{
	uint8_t bytes[VS_LMSLEAF_COPY_LEN];
	vs_status status = encode(disk, s, bytes);

	return status ? status : disk->write(disk->ctx, copy, bytes);
}

vs_status vs_lmsleaf_make(const struct vs_lmsleaf_disk *disk,
                          const struct vs_lmsleaf *state)
{
	vs_status status = range_good(state) ? VS_OK : VS_ERR_INPUT;

	for (unsigned i = 0; i < VS_LMSLEAF_COPIES && !status; i++)
		status = write_copy(disk, state, i);
	return status;
}

static bool same_range(const struct vs_lmsleaf *a, const struct vs_lmsleaf *b)
{
	return a->first == b->first && a->end == b->end &&
	       memcmp(a->key_id, b->key_id, sizeof a->key_id) == 0 &&
	       memcmp(a->home, b->home, sizeof a->home) == 0;
}

/* The copies that are whole into both[], and which they are. */
static vs_status read_copies(const struct vs_lmsleaf_disk *disk,
                             struct vs_lmsleaf both[static VS_LMSLEAF_COPIES],
                             bool whole[static VS_LMSLEAF_COPIES])
{
	uint8_t bytes[VS_LMSLEAF_COPY_LEN];

	for (unsigned i = 0; i < VS_LMSLEAF_COPIES; i++) {
		vs_status status = disk->read(disk->ctx, i, bytes);

		if (!status)
			status = decode(disk, bytes, &both[i]);
		whole[i] = status == VS_OK;
		/* a sector that cannot be read is a copy that is lost */
		if (status && status != VS_ERR_INPUT && status != VS_ERR_IO)
			return status;
	}
	return VS_OK;
}

vs_status vs_lmsleaf_load(const struct vs_lmsleaf_disk *disk,
                          const uint8_t key_id[static VS_LMSLEAF_ID_LEN],
                          const uint8_t home[static VS_LMSLEAF_ID_LEN],
                          struct vs_lmsleaf *out, struct vs_why *why)
{
	struct vs_lmsleaf both[VS_LMSLEAF_COPIES];
	bool whole[VS_LMSLEAF_COPIES];
	vs_status status = read_copies(disk, both, whole);
	unsigned newer;

	if (status)
		return vs_fail(status, why, VS_REASON_NONE,
		               "could not be checked", 0);
	if (!whole[0] && !whole[1])
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "neither copy is whole", 0);
	if (whole[0] && whole[1] && !same_range(&both[0], &both[1]))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "the copies contradict", 0);
	newer = !whole[0] || (whole[1] && both[1].next > both[0].next);
	*out = both[newer];
	out->newer = newer;
	if (memcmp(out->key_id, key_id, VS_LMSLEAF_ID_LEN) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_CONFLICT,
		               "is the state of another key", AT_KEY_ID);
	if (memcmp(out->home, home, VS_LMSLEAF_ID_LEN) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_REPLAY,
		               "was copied here or restored: leaves may be "
		               "used that it calls free",
		               0);
	return VS_OK;
}

vs_status vs_lmsleaf_take(const struct vs_lmsleaf_disk *disk,
                          struct vs_lmsleaf *state, uint32_t count,
                          uint32_t *first)
{
	struct vs_lmsleaf after = *state;
	unsigned older = !state->newer;

	if (count == 0)
		return VS_ERR_INPUT;
	if (count > state->end - state->next)
		return VS_ERR_LIMIT;
	after.next += count;
	/* the copy that says less, or is lost, goes first */
	vs_status status = write_copy(disk, &after, older);
	if (!status)
		status = write_copy(disk, &after, !older);
	if (status)
		return status;
	*first = state->next;
	*state = after;
	return VS_OK;
}
