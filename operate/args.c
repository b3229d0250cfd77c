/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/args.c - the command line as tables.
 */
#include "operate/args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { quoted_max = 96 };

/* "campaign create", as far as it is known yet. */
static void name_command(const struct vs_args *a, char *out, size_t cap)
{
	const char *group = a->group ? a->group->name : "";
	const char *command = a->command ? a->command->name : "";

	(void)snprintf(out, cap, "%s%s%s", group, *command ? " " : "", command);
}

enum vs_exit vs_args_wrong(const struct vs_args *a, const char *fmt, ...)
{
	char where[64], text[384];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	name_command(a, where, sizeof where);
	vs_error("%s%s%s; see voltseal %s%s--help", where, *where ? ": " : "",
	         text, where, *where ? " " : "");
	return VS_EXIT_USAGE;
}

static const struct vs_group *find_group(const struct vs_group *groups,
                                         const char *name)
{
	for (; groups->name; groups++)
		if (!strcmp(groups->name, name))
			return groups;
	return NULL;
}

static const struct vs_command *find_command(const struct vs_group *g,
                                             const char *name)
{
	for (const struct vs_command *c = g->commands; c->run; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static const struct vs_option *find_option(const struct vs_option *table,
                                           const char *name, size_t len)
{
	for (; table && table->name; table++)
		if (strlen(table->name) == len &&
		    !strncmp(table->name, name, len))
			return table;
	return NULL;
}

static enum vs_exit take_word(struct vs_args *a, const struct vs_group *groups,
                              const char *word)
{
	char quoted[quoted_max];

	if (!a->group) {
		a->group = find_group(groups, word);
		if (!a->group)
			return vs_args_wrong(
				a, "there is no command \"%s\"",
				vs_log_quote(word, quoted, sizeof quoted));
		a->command = find_command(a->group, "");
		return VS_EXIT_OK;
	}
	if (!a->command) {
		a->command = find_command(a->group, word);
		if (!a->command)
			return vs_args_wrong(
				a, "there is no command \"%s\"",
				vs_log_quote(word, quoted, sizeof quoted));
		return VS_EXIT_OK;
	}
	a->words[a->word_count++] = word;
	return VS_EXIT_OK;
}

static enum vs_exit take_option(struct vs_args *a,
                                const struct vs_option *globals,
                                char *const *argv, int *i)
{
	const char *text = argv[*i] + 2, *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : strlen(text);
	const struct vs_option *o = find_option(globals, text, len);
	const char *value = "";
	char quoted[quoted_max];

	if (!o && a->group)
		o = find_option(a->group->options, text, len);
	if (!o)
		return vs_args_wrong(
			a, "there is no option \"%s\"",
			vs_log_quote(argv[*i], quoted, sizeof quoted));
	if (!o->value && equals)
		return vs_args_wrong(a, "--%s takes no value", o->name);
	if (o->value) {
		value = equals ? equals + 1 : argv[++*i];
		if (!value)
			return vs_args_wrong(a, "--%s needs %s", o->name,
			                     o->value);
	}
	if (!o->repeats && vs_args_has(a, o->name))
		return vs_args_wrong(a, "--%s is given twice", o->name);
	a->given[a->given_count].option = o;
	a->given[a->given_count++].value = value;
	return VS_EXIT_OK;
}

bool vs_option_fits(const struct vs_option *o, const char *command)
{
	size_t len = strlen(command);

	if (!o->only)
		return true;
	for (const char *at = o->only; *at; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");

		if (n == len && !strncmp(at, command, n))
			return true;
		at += n;
	}
	return false;
}

static enum vs_exit check(const struct vs_args *a)
{
	const struct vs_command *c = a->command;

	if (!a->group)
		return vs_args_wrong(a, "say what to do");
	if (!c)
		return vs_args_wrong(a, "say which");
	for (size_t i = 0; i < a->given_count; i++) {
		const struct vs_option *o = a->given[i].option;

		if (!vs_option_fits(o, c->name))
			return vs_args_wrong(a, "--%s is for %s only", o->name,
			                     o->only);
	}
	if (a->word_count < c->least)
		return vs_args_wrong(a, "needs %s", c->args);
	if (a->word_count > c->most) {
		char quoted[quoted_max];

		return vs_args_wrong(
			a, "what is \"%s\"?",
			vs_log_quote(a->words[c->most], quoted, sizeof quoted));
	}
	return VS_EXIT_OK;
}

enum vs_exit vs_args_parse(int argc, char *const *argv,
                           const struct vs_group *groups,
                           const struct vs_option *globals, struct vs_args *out)
{
	bool options = true;

	*out = (struct vs_args){0};
	if (argc > VS_ARGS_MAX)
		return vs_args_wrong(out, "too many words");
	for (int i = 1; i < argc; i++) {
		enum vs_exit e = VS_EXIT_OK;

		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (options &&
		         (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")))
			out->help = true;
		else if (options && !strcmp(argv[i], "--version"))
			out->version = true;
		else if (options && !strncmp(argv[i], "--", 2))
			e = take_option(out, globals, argv, &i);
		else
			e = take_word(out, groups, argv[i]);
		if (e)
			return e;
	}
	return out->help || out->version ? VS_EXIT_OK : check(out);
}

const char *vs_args_nth(const struct vs_args *a, const char *name, size_t n)
{
	for (size_t i = 0; i < a->given_count; i++)
		if (!strcmp(a->given[i].option->name, name) && !n--)
			return a->given[i].value;
	return NULL;
}

const char *vs_args_get(const struct vs_args *a, const char *name)
{
	return vs_args_nth(a, name, 0);
}

bool vs_args_has(const struct vs_args *a, const char *name)
{
	return vs_args_get(a, name) != NULL;
}

bool vs_args_number(const char *text, uint64_t least, uint64_t most,
                    uint64_t *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || *end || n < least || n > most)
		return false;
	*out = n;
	return true;
}

bool vs_args_duration(const char *text, uint64_t *out)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {
		{'s', 1    },
                {'m', 60   },
                {'h', 3600 },
                {'d', 86400}
        };
	char digits[12];
	size_t len = strlen(text);
	uint64_t factor = 1, n;

	for (size_t i = 0; len && i < sizeof units / sizeof *units; i++)
		if (text[len - 1] == units[i].unit) {
			factor = units[i].seconds;
			len--;
			break;
		}
	if (!len || len >= sizeof digits)
		return false;
	memcpy(digits, text, len);
	digits[len] = 0;
	if (!vs_args_number(digits, 0, UINT32_MAX, &n) ||
	    n * factor > UINT32_MAX)
		return false;
	*out = n * factor;
	return true;
}
