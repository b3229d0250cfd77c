/* SPDX-License-Identifier: Apache-2.0
 *
 * base/config.h - "key = value" files read through a table.
 *
 * A key that is not in the table, a key twice, a value out of its bounds or
 * a missing required key is an error that names file, line and key.  '#'
 * starts a comment line.  Keys are [a-z0-9_.-]; a table key that ends in
 * ".*" takes any key with that beginning.
 *
 * Format: docs/formats/config.md.
 */
#ifndef VS_BASE_CONFIG_H
#define VS_BASE_CONFIG_H

#include "base/status.h"

enum vs_config_type {
	VS_CONFIG_TEXT, /* min..max: length in bytes */
	VS_CONFIG_UINT, /* min..max: value */
	VS_CONFIG_BOOL, /* yes or no */
};

struct vs_config_key {
	const char *name;
	enum vs_config_type type;
	uint64_t min, max;
	const char *preset; /* NULL: required */
	const char *help;   /* for --help and the man page */
};

struct vs_config; /* what was read */

/* text: the file's bytes; name: for messages.  table is kept.
 * VS_OK and *out (vs_config_free); VS_ERR_INPUT with a line in error[]:
 * "agent.conf:12: poll_ms: 5 is below 100".
 */
vs_status vs_config_parse(const char *name, const char *text, size_t len,
                          const struct vs_config_key *table, size_t count,
                          struct vs_config **out,
                          char error[static 256]) VS_MUST_CHECK;
/* The same from a file of at most 64 KiB, and then from each PATH.d/NAME.conf
 * in the order of their names: a later file's value counts.
 */
vs_status vs_config_load(const char *path, const struct vs_config_key *table,
                         size_t count, struct vs_config **out,
                         char error[static 256]) VS_MUST_CHECK;
void vs_config_free(struct vs_config **c);

/* Only for names in the table, of that type; anything else is a programmer's
 * mistake and asserts.
 */
const char *vs_config_text(const struct vs_config *c, const char *name);
uint64_t vs_config_uint(const struct vs_config *c, const char *name);
bool vs_config_bool(const struct vs_config *c, const char *name);

/* Entry i of those a ".*" row took; false past the last. */
bool vs_config_entry(const struct vs_config *c, size_t i, const char **name,
                     const char **value);

#endif
