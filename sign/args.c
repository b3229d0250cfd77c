/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/args.c - a command's options, read through a table.
 */
#include "sign/args.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static const struct vs_option *option_of(const struct vs_command *c,
                                         const char *name)
{
	for (size_t i = 0; i < c->option_count; i++)
		if (strcmp(c->options[i].name, name) == 0)
			return &c->options[i];
	return NULL;
}

static bool was_given(const struct vs_args *args, const struct vs_option *o)
{
	for (size_t i = 0; i < args->count; i++)
		if (args->given[i].option == o)
			return true;
	return false;
}

static bool parse_uint(const char *text, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end;
}

static vs_status add(struct vs_args *out, const struct vs_option *o,
                     const char *text, char error[static 256])
{
	uint64_t number = 0;

	if (out->count == VS_ARGS_MAX) {
		snprintf(error, 256, "more than %d options", VS_ARGS_MAX);
		return VS_ERR_INPUT;
	}
	if (o->times != VS_REPEATED && o->times != VS_ONE_OR_MORE &&
	    was_given(out, o)) {
		snprintf(error, 256, "--%s is given twice", o->name);
		return VS_ERR_INPUT;
	}
	if (o->kind == VS_OPTION_UINT && (!parse_uint(text, &number) ||
	                                  number < o->min || number > o->max)) {
		char quoted[64];

		snprintf(error, 256,
		         "--%s: %s is not a number from %" PRIu64
		         " to %" PRIu64,
		         o->name, vs_log_quote(text, quoted, sizeof quoted),
		         o->min, o->max);
		return VS_ERR_INPUT;
	}
	out->given[out->count].option = o;
	out->given[out->count].text = text;
	out->given[out->count++].number = number;
	return VS_OK;
}

/* The name of a second operand; NULL if there is none. */
static const char *second_of(const struct vs_command *c)
{
	const char *space = c->operand ? strchr(c->operand, ' ') : NULL;

	return space ? space + 1 : NULL;
}

static vs_status take_operand(struct vs_args *out, const char *word,
                              char error[static 256])
{
	char quoted[128];

	if (out->command->operand && !out->operand) {
		out->operand = word;
		return VS_OK;
	}
	if (second_of(out->command) && !out->second) {
		out->second = word;
		return VS_OK;
	}
	snprintf(error, 256, "%s is not expected here",
	         vs_log_quote(word, quoted, sizeof quoted));
	return VS_ERR_INPUT;
}

static vs_status check_missing(const struct vs_args *args,
                               char error[static 256])
{
	const struct vs_command *c = args->command;

	for (size_t i = 0; i < c->option_count; i++) {
		const struct vs_option *o = &c->options[i];

		if ((o->times == VS_REQUIRED || o->times == VS_ONE_OR_MORE) &&
		    !was_given(args, o)) {
			snprintf(error, 256, "--%s %s is missing: %s", o->name,
			         o->value, o->help);
			return VS_ERR_INPUT;
		}
	}
	if (c->operand && *c->operand != '[' && !args->operand) {
		snprintf(error, 256, "%s is missing", c->operand);
		return VS_ERR_INPUT;
	}
	if (second_of(c) && !args->second) {
		snprintf(error, 256, "%s is missing", second_of(c));
		return VS_ERR_INPUT;
	}
	return VS_OK;
}

vs_status vs_args_parse(const struct vs_command *command, int argc,
                        char *const *argv, struct vs_args *out,
                        char error[static 256])
{
	vs_status status = VS_OK;

	*out = (struct vs_args){.command = command};
	for (int i = 0; i < argc && !status; i++) {
		char quoted[128];

		if (strncmp(argv[i], "--", 2) != 0) {
			status = take_operand(out, argv[i], error);
			continue;
		}
		const struct vs_option *o = option_of(command, argv[i] + 2);
		if (!o) {
			snprintf(error, 256, "%s: %s has no such option",
			         vs_log_quote(argv[i], quoted, sizeof quoted),
			         command->name);
			return VS_ERR_INPUT;
		}
		if (o->kind == VS_OPTION_FLAG) {
			status = add(out, o, "", error);
		} else if (i + 1 < argc) {
			status = add(out, o, argv[++i], error);
		} else {
			snprintf(error, 256, "--%s: its %s is missing", o->name,
			         o->value);
			return VS_ERR_INPUT;
		}
	}
	return status ? status : check_missing(out, error);
}

const char *vs_args_next(const struct vs_args *args, const char *name,
                         size_t *at)
{
	const struct vs_option *o = option_of(args->command, name);

	assert(o);
	while (*at < args->count) {
		size_t i = (*at)++;

		if (args->given[i].option == o)
			return args->given[i].text;
	}
	return NULL;
}

const char *vs_args_text(const struct vs_args *args, const char *name)
{
	size_t at = 0;

	return vs_args_next(args, name, &at);
}

bool vs_args_flag(const struct vs_args *args, const char *name)
{
	return vs_args_text(args, name) != NULL;
}

uint64_t vs_args_uint(const struct vs_args *args, const char *name)
{
	const struct vs_option *o = option_of(args->command, name);

	assert(o && o->kind == VS_OPTION_UINT);
	for (size_t i = 0; i < args->count; i++)
		if (args->given[i].option == o)
			return args->given[i].number;
	return o->preset;
}

void vs_args_help(const struct vs_command *c)
{
	printf("voltseal-sign %s - %s\n\nUsage: voltseal-sign %s", c->name,
	       c->summary, c->name);
	for (size_t i = 0; i < c->option_count; i++) {
		const struct vs_option *o = &c->options[i];
		bool must =
			o->times == VS_REQUIRED || o->times == VS_ONE_OR_MORE;
		bool more =
			o->times == VS_REPEATED || o->times == VS_ONE_OR_MORE;

		printf(" %s--%s%s%s%s%s", must ? "" : "[", o->name,
		       o->value ? " " : "", o->value ? o->value : "",
		       must ? "" : "]", more ? "..." : "");
	}
	printf("%s%s\n", c->operand ? " " : "", c->operand ? c->operand : "");
	if (c->story)
		printf("\n%s\n", c->story);
	if (c->option_count)
		printf("\nOptions:\n");
	for (size_t i = 0; i < c->option_count; i++) {
		const struct vs_option *o = &c->options[i];
		char left[64];

		snprintf(left, sizeof left, "--%s %s", o->name,
		         o->value ? o->value : "");
		printf("  %-26s %s", left, o->help);
		if (o->kind == VS_OPTION_UINT && o->times == VS_OPTIONAL)
			printf(" (%" PRIu64 ")", o->preset);
		putchar('\n');
	}
}
