/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/policy_class.c - delegated roles: who may release which components.
 *
 * A key that may release content must not be able to release safety: so no
 * component and no key is in two of these roles.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "sign/policy_rows.h"
#include "sign/room.h"

const char *vs_policy_delegated(enum vs_policy_roles row)
{
	return row >= VS_POLICY_DELEGATED_FIRST &&
	                       row <= VS_POLICY_DELEGATED_LAST
	               ? vs_policy_rows[row].name
	               : NULL;
}

bool vs_policy_find(const char *role, enum vs_policy_roles *out)
{
	for (*out = VS_POLICY_DELEGATED_FIRST; *out <= VS_POLICY_DELEGATED_LAST;
	     ++*out)
		if (strcmp(vs_policy_rows[*out].name, role) == 0)
			return true;
	return false;
}

bool vs_policy_covers(const struct vs_policy *p, const char *target,
                      enum vs_policy_roles *out)
{
	for (*out = VS_POLICY_DELEGATED_FIRST; *out <= VS_POLICY_DELEGATED_LAST;
	     ++*out) {
		const struct vs_policy_role *role = &p->role[*out];

		for (size_t i = 0; i < role->path_count; i++)
			if (fnmatch(role->paths[i], target, FNM_PATHNAME) == 0)
				return true;
	}
	return false;
}

bool vs_policy_lists(const json_t *checksums, const char *image_sha256)
{
	const json_t *one;
	size_t i;

	if (!checksums)
		return true;
	json_array_foreach(checksums, i, one)
	{
		const char *text = json_string_value(one);

		if (text && strcmp(text, image_sha256) == 0)
			return true;
	}
	return false;
}

vs_status vs_policy_texts(const char *path, const struct vs_policy *p, int row,
                          const char *name, struct vs_policy_texts *out)
{
	const char *role = vs_policy_rows[row].name;
	const json_t *list =
		json_object_get(vs_policy_member(p->json, row), name);
	size_t count = json_array_size(list);

	out->count = 0;
	if (!json_is_array(list) || count > VS_POLICY_TEXTS_MAX)
		return vs_policy_wrong(path, role,
		                       "%s: must be a list of at most %d texts",
		                       name, VS_POLICY_TEXTS_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text || !*text || strlen(text) >= VS_COMPONENT_LEN)
			return vs_policy_wrong(path, role,
			                       "%s: must be texts of 1 to %d",
			                       name, VS_COMPONENT_LEN - 1);
		out->at[out->count++] = text;
	}
	return VS_OK;
}

/* A class names components; each has a folder of targets. */
static vs_status load_components(const char *path, struct vs_policy *p, int row,
                                 const struct vs_policy_texts *texts)
{
	const char *name = vs_policy_rows[row].name;
	struct vs_policy_role *role = &p->role[row];

	for (size_t i = 0; i < texts->count; i++) {
		size_t k = 0;

		while (k < p->components.count &&
		       strcmp(p->components.at[k], texts->at[i]) != 0)
			k++;
		if (k == p->components.count || !vs_room_name_ok(texts->at[i]))
			return vs_policy_wrong(path, name,
			                       "components: no boot keyring "
			                       "covers one of them");
		snprintf(role->paths[i], sizeof role->paths[i], "%s/*",
		         texts->at[i]);
	}
	role->path_count = texts->count;
	return VS_OK;
}

static vs_status load_checksums(const char *path, int row, const json_t *o,
                                struct vs_policy_role *role)
{
	const char *name = vs_policy_rows[row].name;
	const json_t *list = json_object_get(o, "checksums");
	const json_t *one;
	size_t i;

	if (!list && row == VS_POLICY_METERING)
		return vs_policy_wrong(path, name,
		                       "checksums: is missing: only a listed "
		                       "image may be released");
	if (list && !json_is_array(list))
		return vs_policy_wrong(path, name, "checksums: must be a list");
	json_array_foreach(list, i, one)
	{
		const char *hex = json_string_value(one);

		if (!hex || !vs_hex_is_sha256(hex))
			return vs_policy_wrong(path, name,
			                       "checksums: must be SHA-256 of "
			                       "images, 64 lower-case hex "
			                       "digits");
	}
	role->checksums = list;
	return VS_OK;
}

vs_status vs_policy_load_paths(const char *path, struct vs_policy *p, int row)
{
	struct vs_policy_role *role = &p->role[row];
	const json_t *o = vs_policy_member(p->json, row);
	static const char fit[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/?*-";
	bool simple = row == VS_POLICY_RELEASES;
	const char *what = simple ? "paths" : "components";
	struct vs_policy_texts texts;

	if (!role->present)
		return VS_OK;
	vs_status status = vs_policy_texts(path, p, row, what, &texts);
	if (status)
		return status;
	if (!simple) {
		status = load_components(path, p, row, &texts);
		return status ? status : load_checksums(path, row, o, role);
	}
	for (size_t i = 0; i < texts.count; i++) {
		/* what other clients may read as another pattern */
		if (texts.at[i][strspn(texts.at[i], fit)])
			return vs_policy_wrong(path, vs_policy_rows[row].name,
			                       "paths: must be of "
			                       "[A-Za-z0-9._/?*-]");
		snprintf(role->paths[i], sizeof role->paths[i], "%s",
		         texts.at[i]);
	}
	role->path_count = texts.count;
	return VS_OK;
}

/* Whether patterns of a and b may name one file: a pattern's first part
 * names the component.
 */
static bool overlap(const char *a, const char *b)
{
	char one[VS_POLICY_PATH_LEN], other[VS_POLICY_PATH_LEN];

	snprintf(one, sizeof one, "%.*s", (int)strcspn(a, "/"), a);
	snprintf(other, sizeof other, "%.*s", (int)strcspn(b, "/"), b);
	return fnmatch(one, other, 0) == 0 || fnmatch(other, one, 0) == 0;
}

static vs_status check_pair(const char *path, const struct vs_policy *p, int a,
                            int b)
{
	const struct vs_policy_role *one = &p->role[a], *other = &p->role[b];
	const char *name = vs_policy_rows[b].name;

	for (size_t i = 0; i < one->path_count; i++)
		for (size_t k = 0; k < other->path_count; k++)
			if (overlap(one->paths[i], other->paths[k]))
				return vs_policy_wrong(
					path, name, "%s is given to %s already",
					other->paths[k],
					vs_policy_rows[a].name);
	for (size_t i = 0; i < one->key_count; i++)
		for (size_t k = 0; k < other->key_count; k++)
			if (vs_key_same(&one->keys[i].tuf, &other->keys[k].tuf))
				return vs_policy_wrong(
					path, name,
					"the key of %s is one of %s: each "
					"class has its own",
					other->keys[k].holder,
					vs_policy_rows[a].name);
	return VS_OK;
}

vs_status vs_policy_check_apart(const char *path, const struct vs_policy *p)
{
	vs_status status = VS_OK;
	size_t paths = 0;

	for (int a = VS_POLICY_DELEGATED_FIRST; a <= VS_POLICY_DELEGATED_LAST;
	     a++) {
		paths += p->role[a].path_count;
		for (int b = a + 1; b <= VS_POLICY_DELEGATED_LAST && !status;
		     b++)
			status = check_pair(path, p, a, b);
	}
	if (!status && !paths)
		return vs_policy_wrong(path, "release",
		                       "no role has paths, nor a class "
		                       "components: nothing could be released");
	return status;
}

static void print_role(const struct vs_policy *p, int row)
{
	const struct vs_policy_row *r = &vs_policy_rows[row];
	const struct vs_policy_role *role = &p->role[row];
	char name[32];

	snprintf(name, sizeof name, "%s%s%s", r->inside ? r->inside : "",
	         r->inside ? "." : "", r->name);
	printf("  %-16s %llu of %zu:", name,
	       (unsigned long long)role->threshold, role->key_count);
	for (size_t i = 0; i < role->key_count; i++)
		printf("%s %s", i ? "," : "", role->keys[i].holder);
	if (row == VS_POLICY_KEYRING && p->lms_count)
		printf("; LMS %llu of %zu:",
		       (unsigned long long)p->lms_threshold, p->lms_count);
	for (size_t i = 0; row == VS_POLICY_KEYRING && i < p->lms_count; i++)
		printf("%s %s", i ? "," : "", p->lms[i].holder);
	if (role->expires_days)
		printf("; for %llu days",
		       (unsigned long long)role->expires_days);
	for (size_t i = 0; i < role->path_count; i++)
		printf("%s %s", i ? "," : "; releases", role->paths[i]);
	if (role->checksums)
		printf("; only %zu listed images",
		       json_array_size(role->checksums));
	putchar('\n');
}

void vs_policy_print(const struct vs_policy *p)
{
	for (int i = 0; i < VS_POLICY_ROLES; i++)
		if (p->role[i].present)
			print_role(p, i);
}
