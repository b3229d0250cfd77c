/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/successor.c - storing keyrings, and consenting to them.
 */
#include "agent/believe/successor.h"

#include <stdlib.h>
#include <string.h>

#include "agent/believe/mode.h"

#define PLACES 2      /* the third is a medium that somebody brings */
#define RING_MAX 4096 /* without signatures */
#define CHAIN_MAX (8 * VS_KEYRING_LEN_MAX)

static vs_status write_place(const struct vs_charger *c, int place,
                             const uint8_t *chain, size_t len,
                             struct vs_why *why)
{
	vs_status status =
		c->storage.kind->put_ring(&c->storage, place, chain, len);

	return status == VS_OK
	               ? VS_OK
	               : vs_fail(status, why, VS_REASON_UNREADABLE,
	                         "a keyring's place cannot be written", 0);
}

/* The place whose chain leads to the keyring in force; -1: it is built in. */
static int place_in_force(const struct vs_charger *c)
{
	for (int i = 0; i < VS_BOOT_RINGS; i++)
		if (c->ring.version > c->built_in.version &&
		    c->places[i].refused == VS_REASON_NONE &&
		    c->places[i].version == c->ring.version)
			return i;
	return -1;
}

static bool is_in_force(const struct vs_charger *c, const uint8_t *file,
                        size_t len)
{
	uint8_t signed_part[RING_MAX];
	size_t signed_len;

	return vs_keyring_encode(&c->ring, signed_part, sizeof(signed_part),
	                         &signed_len, NULL) == VS_OK &&
	       len >= signed_len && memcmp(file, signed_part, signed_len) == 0;
}

/* A place holds its last keyring alone: what that one does not accept does not
 * start any more.
 */
static vs_status check_place(const struct vs_charger *c,
                             const struct vs_keyring *ring, struct vs_why *why)
{
	struct vs_record record;

	if (c->recovery)
		return vs_fail(VS_ERR_STATE, why, VS_REASON_CONFLICT,
		               "nothing runs from a slot: repair one first", 0);
	if (vs_record_load(&c->ops.record, &record) != VS_OK ||
	    record.slot != c->slot ||
	    record.slots[c->slot].state != VS_SLOT_GOOD)
		return vs_fail(VS_ERR_STATE, why, VS_REASON_CONFLICT,
		               "an image is on trial, or about to be", 0);
	if (!vs_charger_runs_under(c, ring))
		return vs_fail(VS_ERR_STATE, why, VS_REASON_CONFLICT,
		               "what runs is not signed for it: install first "
		               "what is",
		               0);
	return VS_OK;
}

vs_status vs_successor_take(const struct vs_charger *c,
                            const struct vs_conf *conf, const uint8_t *file,
                            size_t len, struct vs_why *why)
{
	int from = place_in_force(c);
	size_t before = from < 0 ? 0 : c->storage.files.rings[from].len;
	struct vs_keyring ring;
	uint8_t *chain;
	vs_status status;

	if (is_in_force(c, file, len))
		return VS_OK;
	status = vs_keyring_open(&c->ring, &c->ops.crypto, file, len, &ring,
	                         why);
	if (status == VS_OK)
		status = vs_mode_check_ring(conf, &ring, why);
	if (status == VS_OK)
		status = check_place(c, &ring, why);
	if (status == VS_OK && before + len > CHAIN_MAX)
		status = vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		                 "the chain of keyrings is full", 0);
	if (status != VS_OK)
		return status;
	chain = malloc(before + len);
	if (!chain)
		return VS_ERR_NOMEM;
	if (before > 0)
		memcpy(chain, c->storage.files.rings[from].bytes, before);
	memcpy(chain + before, file, len);
	for (int i = 0; i < PLACES && status == VS_OK; i++)
		status = write_place(c, i, chain, before + len, why);
	free(chain);
	return status;
}

static vs_status repair(const struct vs_charger *c, int from,
                        struct vs_why *why)
{
	const uint8_t *chain = c->storage.files.rings[from].bytes;
	size_t len = c->storage.files.rings[from].len;
	vs_status status = VS_OK;

	for (int i = 0; i < PLACES && status == VS_OK; i++)
		if (c->storage.files.rings[i].status != VS_OK ||
		    c->storage.files.rings[i].len != len ||
		    memcmp(c->storage.files.rings[i].bytes, chain, len) != 0)
			status = write_place(c, i, chain, len, why);
	return status;
}

/* An image on trial brings the consent with its own confirmation. */
static vs_status consent(const struct vs_charger *c, struct vs_why *why)
{
	struct vs_record record;

	if (c->rings.epoch >= c->ring.version ||
	    vs_record_load(&c->ops.record, &record) != VS_OK ||
	    vs_record_renew(&record, c->slot) != VS_OK)
		return VS_OK;
	if (vs_record_store(&c->ops.record, &record) != VS_OK)
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "boot record cannot be written", 0);
	return VS_OK;
}

vs_status vs_successor_settle(const struct vs_charger *c, struct vs_why *why)
{
	int from = place_in_force(c);
	vs_status status;

	/* It fell back to what only an older keyring accepts: let that be. */
	if (from < 0 || !vs_charger_runs_under(c, &c->ring))
		return VS_OK;
	status = repair(c, from, why);
	return status == VS_OK ? consent(c, why) : status;
}
