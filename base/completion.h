/* SPDX-License-Identifier: Apache-2.0
 *
 * base/completion.h - a script with which bash completes a command line.
 *
 * A program tells its commands and options out of the very tables that it
 * reads its command line with, so that the two cannot differ.  Names are
 * small letters, digits and dashes.
 */
#ifndef VS_BASE_COMPLETION_H
#define VS_BASE_COMPLETION_H

#include <stdio.h>

#include "base/buffer.h"

struct vs_completion {
	const char *program; /* keeps */
	struct vs_buffer commands, valued, cases;
	vs_status status; /* of all that was told so far */
};

void vs_completion_init(struct vs_completion *c, const char *program);
void vs_completion_drop(struct vs_completion *c); /* also for VS_AUTO */

/* Begins a command of one or two words; second may be "" or NULL.  With first
 * "" it is the command line before any command.  files: it takes operands.
 */
void vs_completion_command(struct vs_completion *c, const char *first,
                           const char *second, bool files);
/* An option of the command that was begun last, without its dashes; --help
 * has every command.  value: a word follows it, in every command.
 */
void vs_completion_option(struct vs_completion *c, const char *name,
                          bool value);

/* Writes the script.  VS_OK; VS_ERR_IO; VS_ERR_NOMEM. */
vs_status vs_completion_write(struct vs_completion *c, FILE *to) VS_MUST_CHECK;

#endif
