/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/uptane_time.c - what a charger believes about the time.
 */
#include "trust/uptane_time.h"

#include "trust/time.h"
#include "trust/tuf_state.h"

uint64_t vs_uptane_issued(const struct vs_tuf *t)
{
	const struct vs_envelope *timestamp = &t->top[TIMESTAMP].env;
	const char *text;
	uint64_t issued;

	if (!timestamp->whole)
		return 0;
	text = json_string_value(json_object_get(timestamp->body, "issued"));
	if (!text || vs_time_parse(text, &issued))
		return 0;
	if (issued >= vs_envelope_expires(timestamp) ||
	    issued >= vs_envelope_expires(&t->top[ROOT].env))
		return 0;
	return issued;
}

uint64_t vs_uptane_floor(uint64_t build_s, const struct vs_tuf *director,
                         const struct vs_tuf *image)
{
	const struct vs_tuf *const both[] = {director, image};
	uint64_t floor_s = build_s;

	for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
		uint64_t issued = both[i] ? vs_uptane_issued(both[i]) : 0;

		if (issued > floor_s)
			floor_s = issued;
	}
	return floor_s;
}

uint64_t vs_uptane_now(uint64_t floor_s, uint64_t clock_s)
{
	if (clock_s < floor_s)
		return floor_s;
	if (floor_s > 0 && clock_s - floor_s > VS_UPTANE_AHEAD_S)
		return floor_s;
	return clock_s;
}

void vs_uptane_set_now(struct vs_tuf *t, uint64_t now_s)
{
	t->now_s = now_s;
}
