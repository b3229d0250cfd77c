/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/believe.c - seals against target entries and against this
 * charger.
 */
#include "agent/believe/believe.h"

#include <string.h>

#include "seal/slot.h"
#include "trust/json.h"

static vs_status refuse(struct vs_why *why, vs_reason reason, const char *what)
{
	return vs_fail(VS_ERR_REFUSED, why, reason, what, 0);
}

vs_status vs_believe_bytes(const struct vs_charger *c,
                           const struct vs_assignment *a, const uint8_t *in,
                           size_t len, struct vs_why *why)
{
	char hex[65];
	vs_status status;

	if (len != a->length)
		return refuse(why, VS_REASON_LENGTH_MISMATCH,
		              "the seal has another length than announced");
	status = vs_charger_digest(c, in, len, hex);
	if (status != VS_OK)
		return status;
	if (strcmp(hex, a->sha256) != 0)
		return refuse(why, VS_REASON_HASH_MISMATCH,
		              "the seal has other bytes than announced");
	return VS_OK;
}

static vs_status same_text(const json_t *custom, const char *name,
                           const char *text, struct vs_why *why)
{
	const char *says;

	if (vs_json_string(custom, name, &says, NULL) != VS_OK ||
	    strcmp(says, text) != 0)
		return refuse(why, VS_REASON_SEAL_MISMATCH, name);
	return VS_OK;
}

static vs_status same_number(const json_t *custom, const char *name,
                             uint64_t number, struct vs_why *why)
{
	uint64_t says;

	if (vs_json_uint(custom, name, &says, NULL) != VS_OK || says != number)
		return refuse(why, VS_REASON_SEAL_MISMATCH, name);
	return VS_OK;
}

/* As sets: each id of one is in the other, and they are as many. */
static vs_status same_hardware(const json_t *custom,
                               const struct vs_seal_header *h,
                               struct vs_why *why)
{
	json_t *ids;
	size_t count = 0;

	while (count < VS_HARDWARE_MAX && h->hardware[count][0] != '\0')
		count++;
	if (vs_json_array(custom, "hardwareIds", &ids, NULL) != VS_OK ||
	    json_array_size(ids) != count)
		return refuse(why, VS_REASON_SEAL_MISMATCH, "hardwareIds");
	for (size_t i = 0; i < count; i++) {
		const char *id = json_string_value(json_array_get(ids, i));

		if (!id || id[0] == '\0' || !vs_seal_header_fits(h, id))
			return refuse(why, VS_REASON_SEAL_MISMATCH,
			              "hardwareIds");
	}
	return VS_OK;
}

vs_status vs_believe_custom(const struct vs_seal_header *h,
                            const json_t *custom, struct vs_why *why)
{
	vs_status status = same_text(custom, "component", h->component, why);

	if (status == VS_OK)
		status = same_text(custom, "version", h->version, why);
	if (status == VS_OK)
		status = same_number(custom, "releaseCounter", h->release_seq,
		                     why);
	if (status == VS_OK)
		status = same_number(custom, "rollbackIndex",
		                     h->security_version, why);
	if (status == VS_OK)
		status = same_hardware(custom, h, why);
	return status;
}

vs_status vs_believe_seal(const struct vs_charger *c, int i,
                          const struct vs_seal *seal, const char *sha256,
                          struct vs_why *why)
{
	const struct vs_running *running = &c->running[i];
	const struct vs_seal_header *h = &seal->header;
	uint64_t slot_len =
		c->ops.slot_len(c->ops.ctx, i, vs_charger_target(c));
	struct vs_slot_layout layout;

	if (strcmp(h->component, c->components[i].name) != 0)
		return refuse(why, VS_REASON_WRONG_COMPONENT,
		              "sealed for another component");
	if (!vs_seal_header_fits(h, c->components[i].hardware))
		return refuse(why, VS_REASON_WRONG_HARDWARE,
		              "not made for this hardware");
	if (h->release_seq <= running->above &&
	    strcmp(sha256, running->sha256) != 0)
		return refuse(why, VS_REASON_RELEASE_ROLLBACK,
		              "release_seq is not above the installed one");
	if (c->recovery && running->floor == UINT32_MAX)
		return refuse(why, VS_REASON_BELOW_FLOOR,
		              "the floor cannot be read");
	if (h->security_version < running->floor)
		return refuse(why, VS_REASON_BELOW_FLOOR,
		              "security_version is below the floor");
	return vs_slot_layout(&seal->tree, slot_len, &layout, why);
}
