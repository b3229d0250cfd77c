/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/seek.c - asks the server for the boot keyring after the one in
 * force.
 *
 * The server is not believed: what it gives is what somebody could bring on a
 * stick (agent/believe/successor.h).
 */
#include "agent/run/seek.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/believe/successor.h"
#include "agent/run/move.h"
#include "base/log.h"

#define PERIOD_MS (UINT64_C(6) * 3600 * 1000)

static void take(struct vs_agent *a, const char *name, const uint8_t *file,
                 size_t len)
{
	struct vs_why why = {VS_REASON_NONE, "", 0};

	if (vs_successor_take(&a->charger, &a->conf, file, len, &why) !=
	    VS_OK) {
		vs_warn("keyring/%s: %s (%s)", name, why.what,
		        vs_reason_name(why.code));
		return;
	}
	/* the next one is judged by this one: not before it is in force */
	a->ring_at = UINT64_MAX;
	vs_info("keyring %s is stored and comes into force at the next start",
	        name);
}

void vs_agent_seek_ring(struct vs_agent *a)
{
	uint64_t now = vs_agent_now_ms();
	uint8_t *file = NULL;
	char name[16];
	size_t len;

	if (now < a->ring_at || a->charger.recovery ||
	    a->charger.ring.version == UINT32_MAX)
		return;
	a->ring_at = now + PERIOD_MS;
	snprintf(name, sizeof(name), "%" PRIu32, a->charger.ring.version + 1);
	if (vs_net_get(&a->net, "keyring", name, VS_KEYRING_LEN_MAX, &file,
	               &len, NULL) == VS_OK)
		take(a, name, file, len);
	free(file);
}
