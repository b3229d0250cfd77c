/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/monitor_expect.c - which seals somebody expects in a log.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "operate/monitor_pass.h"
#include "trust/json.h"

enum { file_max = 16 << 20, expected_max = 1 << 20 };

void vs_monitor_expected_drop(struct vs_monitor_expected *e)
{
	free(e->hex);
	*e = (struct vs_monitor_expected){0};
}

static int order(const void *a, const void *b)
{
	return memcmp(a, b, VS_LEAF_HEX_LEN);
}

static vs_status add(struct vs_monitor_expected *e, const char *hex, size_t len,
                     struct vs_why *why)
{
	char(*more)[VS_LEAF_HEX_LEN];

	for (size_t i = 0; i < len; i++)
		if (!strchr("0123456789abcdef", hex[i]))
			len = 0;
	if (len != VS_LEAF_HEX_LEN - 1)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "not a SHA-256 in lower-case hex", 0);
	if (e->count == expected_max)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "too many expected seals", 0);
	if ((e->count & (e->count - 1)) == 0) { /* 0, 1, 2, 4, ... */
		more = realloc(e->hex,
		               (e->count ? 2 * e->count : 1) * sizeof *more);
		if (!more)
			return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
			               "out of memory", 0);
		e->hex = more;
	}
	memcpy(e->hex[e->count], hex, len);
	e->hex[e->count++][len] = '\0';
	return VS_OK;
}

static vs_status add_targets(struct vs_monitor_expected *e, const json_t *o,
                             struct vs_why *why)
{
	json_t *signed_part, *targets, *target;
	const char *path;
	vs_status status = vs_json_object(o, "signed", &signed_part, why);

	if (!status)
		status = vs_json_object(signed_part, "targets", &targets, why);
	if (status)
		return status;
	json_object_foreach(targets, path, target)
	{
		const char *hex = json_string_value(json_object_get(
			json_object_get(target, "hashes"), "sha256"));

		status = add(e, hex ? hex : "", hex ? strlen(hex) : 0, why);
		if (status)
			return status;
	}
	return VS_OK;
}

static vs_status add_lines(struct vs_monitor_expected *e,
                           const struct vs_span *text, struct vs_why *why)
{
	struct vs_span rest = *text, line, word;
	vs_status status = VS_OK;

	while (!status && rest.len) {
		if (vs_span_line(&rest, &line)) {
			line = rest;
			rest.len = 0;
		}
		if (line.len == 0 || line.at[0] == '#')
			continue;
		word = line;
		(void)!vs_span_cut(&line, ' ', &word);
		status = add(e, word.at, word.len, why);
		if (status && why)
			why->at = (size_t)(word.at - text->at);
	}
	return status;
}

vs_status vs_monitor_expect(struct vs_monitor_expected *e, const char *path,
                            struct vs_why *why)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	VS_AUTO(vs_json_drop) json_t *o = NULL;
	struct vs_span text;
	size_t len;
	vs_status status = vs_file_read(path, file_max, &bytes, &len);

	e->asked = true;
	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               vs_status_name(status), 0);
	text = (struct vs_span){(char *)bytes, len};
	if (len && bytes[0] == '{') {
		status = vs_json_parse(bytes, len, file_max, &o, why);
		if (!status)
			status = add_targets(e, o, why);
	} else {
		status = add_lines(e, &text, why);
	}
	if (!status && e->count)
		qsort(e->hex, e->count, sizeof *e->hex, order);
	return status;
}

bool vs_monitor_expects(const struct vs_monitor_expected *e,
                        const char hex[static VS_LEAF_HEX_LEN])
{
	if (!e->asked)
		return true;
	return e->count &&
	       bsearch(hex, e->hex, e->count, sizeof *e->hex, order);
}
