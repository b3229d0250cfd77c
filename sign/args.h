/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/args.h - a command's options, read through a table.
 *
 * What is not in the table is an error; a number outside its bounds, a
 * missing option and one given twice are errors too, found before the
 * command starts.
 */
#ifndef VS_SIGN_ARGS_H
#define VS_SIGN_ARGS_H

#include "base/status.h"

#define VS_ARGS_MAX 64

enum vs_option_kind { VS_OPTION_TEXT, VS_OPTION_UINT, VS_OPTION_FLAG };
enum vs_option_times { VS_OPTIONAL, VS_REQUIRED, VS_REPEATED, VS_ONE_OR_MORE };

struct vs_option {
	const char *name; /* "room": written --room */
	enum vs_option_kind kind;
	enum vs_option_times times;
	const char *value; /* "DIR", for the help; NULL for a flag */
	const char *help;
	uint64_t min, max, preset; /* of a number */
};

/* Rows of a table of options. */
#define VS_TEXT(times, name, value, help)                                      \
	{                                                                      \
		name, VS_OPTION_TEXT, times, value, help, 0, 0, 0              \
	}
#define VS_UINT(times, name, value, help, min, max, preset)                    \
	{                                                                      \
		name, VS_OPTION_UINT, times, value, help, min, max, preset     \
	}
#define VS_FLAG(name, help)                                                    \
	{                                                                      \
		name, VS_OPTION_FLAG, VS_OPTIONAL, NULL, help, 0, 0, 0         \
	}

struct vs_args;

struct vs_command {
	const char *name; /* "key generate" */
	const char *summary;
	const char *story; /* the help's paragraphs; NULL = none */
	/* "FILE": the one operand; "[FILE]": it may be left out; "OLD NEW":
	 * two; NULL = none */
	const char *operand;
	const struct vs_option *options;
	size_t option_count;
	vs_status (*run)(const struct vs_args *args);
};

struct vs_args {
	const struct vs_command *command;
	const char *operand, *second;
	size_t count;
	struct {
		const struct vs_option *option;
		const char *text;
		uint64_t number;
	} given[VS_ARGS_MAX];
};

/* Reads argv (without program and command).  VS_OK; VS_ERR_INPUT with a line
 * in error[].  *out borrows from argv and command.
 */
vs_status vs_args_parse(const struct vs_command *command, int argc,
                        char *const *argv, struct vs_args *out,
                        char error[static 256]) VS_MUST_CHECK;

/* Only for names in the table.  NULL, false or the preset if not given. */
const char *vs_args_text(const struct vs_args *args, const char *name);
bool vs_args_flag(const struct vs_args *args, const char *name);
uint64_t vs_args_uint(const struct vs_args *args, const char *name);

/* The value of a repeated option after *at; NULL past the last.  Begin with
 * *at = 0.
 */
const char *vs_args_next(const struct vs_args *args, const char *name,
                         size_t *at);

/* Prints how the command is used on standard output. */
void vs_args_help(const struct vs_command *command);

#endif
