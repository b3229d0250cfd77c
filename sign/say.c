/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/say.c - failures told once, in one line: file, field, reason.
 */
#include "sign/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"

vs_status vs_say_why(vs_status status, const char *file,
                     const struct vs_why *why)
{
	const char *what = why->what ? why->what : vs_status_name(status);
	char quoted[200];

	vs_log_quote(what, quoted, sizeof quoted);
	if (why->at)
		vs_error("%s: %s, at byte %zu (%s)", file, quoted, why->at,
		         vs_reason_name(why->code));
	else
		vs_error("%s: %s (%s)", file, quoted,
		         vs_reason_name(why->code));
	return status;
}

vs_status vs_say_io(vs_status status, const char *file)
{
	if (status == VS_ERR_IO)
		vs_error("%s: %s", file, strerror(errno));
	else if (status == VS_ERR_ABSENT)
		vs_error("%s: no such file", file);
	else
		vs_error("%s: %s", file, vs_status_name(status));
	return status;
}

vs_status vs_print_json(const json_t *o)
{
	char *text = json_dumps(o, JSON_INDENT(1) | JSON_ENSURE_ASCII);

	if (!text)
		return vs_say_io(VS_ERR_NOMEM, "standard output");
	puts(text);
	free(text);
	return VS_OK;
}

vs_status vs_say_json(const char *path, const json_t *o, unsigned mode)
{
	struct vs_buffer text;
	char *json = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS);

	if (!json)
		return vs_say_io(VS_ERR_NOMEM, path);
	vs_buffer_init(&text, (size_t)64 << 20);
	vs_status status = vs_buffer_printf(&text, "%s\n", json);
	free(json);
	if (!status)
		status = vs_file_replace(path, text.data, text.len, mode);
	vs_buffer_drop(&text);
	return status ? vs_say_io(status, path) : VS_OK;
}
