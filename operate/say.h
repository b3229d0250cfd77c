/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/say.h - what a person reads: tables, fields, a progress bar.
 *
 * Text that came from outside is quoted: no server can move a person's cursor.
 */
#ifndef VS_OPERATE_SAY_H
#define VS_OPERATE_SAY_H

#include <jansson.h>

#include "operate/args.h"

struct vs_column {
	const char *title;
	const char *member; /* "progress.updated" goes inwards */
};

/* Prints an array of objects as aligned columns with a heading. */
void vs_say_table(const json_t *rows, const struct vs_column *columns,
                  size_t count);
/* Prints an object's members, one a line, but arrays of objects. */
void vs_say_fields(const json_t *object);
/* Prints a value as JSON, indented. */
void vs_say_json(const json_t *value);
/* A string member for a person, quoted into out; "-" if there is none. */
const char *vs_say_text(const json_t *object, const char *member, char *out,
                        size_t cap);
/* An integer member, by a dotted name; 0 if there is none. */
json_int_t vs_say_int(const json_t *object, const char *member);

/* Draws a bar on standard error if that is a terminal, ten times a second at
 * most; done == total draws always.  end takes it away.
 */
void vs_say_progress(const char *label, uint64_t done, uint64_t total);
void vs_say_progress_end(void);
bool vs_say_terminal(void);

#endif
