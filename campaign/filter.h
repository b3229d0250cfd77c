/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/filter.h - which chargers: a small language, read once, asked often.
 *
 * A filter is a bounded tree; asking it allocates nothing.  It has one
 * printed form, and reading that gives the same tree.
 *
 * Format: docs/formats/filter.md.
 */
#ifndef VS_CAMPAIGN_FILTER_H
#define VS_CAMPAIGN_FILTER_H

#include "base/status.h"

#define VS_FILTER_LEN_MAX 16384 /* bytes of text */
#define VS_FILTER_NODES_MAX 256 /* tests, and, or, not */
#define VS_FILTER_DEPTH_MAX 32  /* of and, or, not and parentheses */
#define VS_FILTER_VALUES_MAX 2048
#define VS_FILTER_VALUE_LEN 64 /* with the closing zero */

/* What a filter can ask about a charger; "" and NULL: not said. */
struct vs_facts {
	const char *id, *model, *site, *feeder, *region, *tenant, *zone;
	const char *const *tags;
	size_t tag_count;
	const struct vs_fact_component {
		const char *name, *version, *hardware;
	} * components;
	size_t component_count;
};

struct vs_filter;

/* Reads a filter.  Gives *out (vs_filter_free).
 * VS_OK; VS_ERR_INPUT with why: what is wrong, and at the byte of the text
 * (its column is one more); VS_ERR_LIMIT likewise, for a filter that is too
 * long, too deep or too large; VS_ERR_NOMEM.
 */
vs_status vs_filter_parse(const char *text, size_t len, struct vs_filter **out,
                          struct vs_why *why) VS_MUST_CHECK;
void vs_filter_free(struct vs_filter **f); /* also for VS_AUTO */

bool vs_filter_match(const struct vs_filter *f, const struct vs_facts *c);

/* Gives *out (free()): the one printed form, with a closing zero.
 * VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_filter_print(const struct vs_filter *f, char **out) VS_MUST_CHECK;

/* Whether two filters are the same tree. */
bool vs_filter_equal(const struct vs_filter *a, const struct vs_filter *b);

#endif
