/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/args.h - the command line as tables: groups, commands, options.
 *
 * Options may stand before or after the words; "--" ends them.  What is not
 * in a table is a usage error of one line.
 */
#ifndef VS_OPERATE_ARGS_H
#define VS_OPERATE_ARGS_H

#include "base/status.h"

#define VS_ARGS_MAX 256

enum vs_exit {
	VS_EXIT_OK = 0,
	VS_EXIT_FAILED = 1,      /* refused or failed */
	VS_EXIT_USAGE = 2,       /* the command line is wrong */
	VS_EXIT_UNREACHABLE = 3, /* no answer from the server */
	VS_EXIT_HALTED = 4,      /* a campaign that was waited for halted */
	VS_EXIT_ABORTED = 5,     /* ... was aborted */
	VS_EXIT_TIMEOUT = 6,     /* ... went on for longer than one waits */
};

struct vs_args;

struct vs_option {
	const char *name;  /* without the dashes; NULL ends a table */
	const char *value; /* what it takes, e.g. "FILE"; NULL: nothing */
	const char *only;  /* the commands it is for, "a b"; NULL: all */
	bool repeats;
	const char *help;
};

struct vs_command {
	const char *name;   /* "" in a group that is one command */
	const char *args;   /* "ID", "" */
	size_t least, most; /* how many words it takes */
	const char *summary;
	const char *help; /* more for --help, or NULL */
	enum vs_exit (*run)(const struct vs_args *a); /* NULL ends a table */
};

struct vs_group {
	const char *name; /* NULL ends a table */
	const char *summary;
	const struct vs_option *options;
	const struct vs_command *commands;
};

struct vs_args {
	const struct vs_group *group;
	const struct vs_command *command;
	const char *words[VS_ARGS_MAX]; /* after the command */
	size_t word_count;
	struct {
		const struct vs_option *option;
		const char *value;
	} given[VS_ARGS_MAX];
	size_t given_count;
	bool help, version;
};

/* Reads the command line; argv is kept.  globals: options of every command.
 * VS_EXIT_OK, also with help or version set and the group or command NULL
 * then; VS_EXIT_USAGE after one line on standard error.
 */
enum vs_exit vs_args_parse(int argc, char *const *argv,
                           const struct vs_group *groups,
                           const struct vs_option *globals,
                           struct vs_args *out) VS_MUST_CHECK;

/* Whether an option is for a command of its group. */
bool vs_option_fits(const struct vs_option *o, const char *command);

/* The value of an option, given last; "" for one that takes nothing; NULL if
 * it was not given. */
const char *vs_args_get(const struct vs_args *a, const char *name);
/* Value i of an option that repeats; NULL past the last. */
const char *vs_args_nth(const struct vs_args *a, const char *name, size_t i);
bool vs_args_has(const struct vs_args *a, const char *name);

/* One line that names the command; gives VS_EXIT_USAGE. */
enum vs_exit vs_args_wrong(const struct vs_args *a, const char *fmt, ...)
	VS_PRINTF(2, 3);

/* A whole number, least to most. */
bool vs_args_number(const char *text, uint64_t least, uint64_t most,
                    uint64_t *out);
/* "90", "90s", "5m", "2h" or "1d" in seconds. */
bool vs_args_duration(const char *text, uint64_t *out);

#endif
