/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/requires.c - what else must run before an image may be installed.
 */
#include "trust/requires.h"

#include <string.h>

#include "base/version.h"

/* As a seal's component and version are; see docs/formats/seal.md. */
static bool is_text(const char *text)
{
	static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789._+:-";
	size_t len = strlen(text);

	return len > 0 && len < VS_REQUIRES_LEN && strspn(text, fit) == len;
}

static vs_status bad(struct vs_why *why)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, "requires", 0);
}

vs_status vs_requires_read(const json_t *custom, struct vs_requires *out,
                           struct vs_why *why)
{
	json_t *all = json_object_get(custom, "requires"), *one;
	const char *own =
		json_string_value(json_object_get(custom, "component"));
	const char *component;

	*out = (struct vs_requires){0};
	if (!all)
		return VS_OK;
	if (!json_is_object(all))
		return bad(why);
	if (json_object_size(all) > VS_REQUIRES_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "requires", 0);
	json_object_foreach(all, component, one)
	{
		const char *least = json_string_value(one);
		struct vs_requirement *r = &out->at[out->count++];

		if (!least || !is_text(component) || !is_text(least) ||
		    (own && strcmp(component, own) == 0))
			return bad(why);
		memcpy(r->component, component, strlen(component) + 1);
		memcpy(r->least, least, strlen(least) + 1);
	}
	return VS_OK;
}

json_t *vs_requires_json(const struct vs_requires *r)
{
	json_t *out = json_object();

	for (size_t i = 0; out && i < r->count; i++)
		if (json_object_set_new(out, r->at[i].component,
		                        json_string(r->at[i].least))) {
			json_decref(out);
			out = NULL;
		}
	return out;
}

static bool is_of(const struct vs_runs *runs, const char *component)
{
	return runs->component && strcmp(runs->component, component) == 0;
}

static bool is_met(const struct vs_requirement *r, const struct vs_runs *runs,
                   size_t count, const char **has)
{
	bool met = false;

	*has = "";
	for (size_t i = 0; i < count; i++) {
		if (!is_of(&runs[i], r->component))
			continue;
		*has = runs[i].version ? runs[i].version : "";
		met = **has && vs_version_compare(*has, r->least) >= 0;
		if (!met)
			return false;
	}
	return met;
}

const struct vs_requirement *vs_requires_unmet(const struct vs_requires *r,
                                               const struct vs_runs *runs,
                                               size_t count, const char **has)
{
	const char *had;

	for (size_t i = 0; i < r->count; i++) {
		if (is_met(&r->at[i], runs, count, &had))
			continue;
		if (has)
			*has = had;
		return &r->at[i];
	}
	return NULL;
}
