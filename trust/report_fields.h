/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/report_fields.h - tables that name every field of a struct, for
 * writing and for reading, so that the two cannot come apart.
 *
 * For trust/report*.c.
 */
#ifndef VS_TRUST_REPORT_FIELDS_H
#define VS_TRUST_REPORT_FIELDS_H

#include <jansson.h>
#include <stddef.h>

#include "trust/report.h"

enum vs_field_kind {
	VS_FIELD_TEXT,
	VS_FIELD_NUMBER, /* uint64_t, up to 2^53 - 1 */
	VS_FIELD_SMALL,  /* uint32_t */
	VS_FIELD_FLAG,
	VS_FIELD_REASON,
	VS_FIELD_SLOT, /* int, -1 to 255 */
	VS_FIELD_TIME,
};

struct vs_field {
	const char *name;
	enum vs_field_kind kind;
	size_t at;   /* offset in the struct */
	size_t size; /* of a text, with the closing zero */
	bool late;   /* older reports lack it: 0 and "" are not written */
};

#define VS_FIELD(s, kind, member, name)                                        \
	{                                                                      \
		name, VS_FIELD_##kind, offsetof(struct s, member),             \
			sizeof((struct s *)0)->member, false                   \
	}
/* kind: TEXT or NUMBER */
#define VS_FIELD_LATE(s, kind, member, name)                                   \
	{                                                                      \
		name, VS_FIELD_##kind, offsetof(struct s, member),             \
			sizeof((struct s *)0)->member, true                    \
	}

/* VS_OK; VS_ERR_NOMEM. */
vs_status vs_fields_encode(const struct vs_field *fields, size_t count,
                           const void *from, json_t *out) VS_MUST_CHECK;
/* VS_OK; VS_ERR_INPUT (MALFORMED), why naming the field. */
vs_status vs_fields_decode(const struct vs_field *fields, size_t count,
                           const json_t *from, void *out,
                           struct vs_why *why) VS_MUST_CHECK;

/* The boot decision, into "boot" of a report's body and out of it; a report
 * without one has none to tell.
 */
vs_status vs_report_boot_encode(const struct vs_report_boot *b,
                                json_t *body) VS_MUST_CHECK;
vs_status vs_report_boot_decode(const json_t *body, struct vs_report_boot *out,
                                struct vs_why *why) VS_MUST_CHECK;

#endif
