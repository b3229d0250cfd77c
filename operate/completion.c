/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/completion.c - voltseal completion: a script for bash, made from the
 * tables that the command line is read with.
 */
#include <stdio.h>
#include <string.h>

#include "base/completion.h"
#include "base/log.h"
#include "operate/commands.h"

static void tell(struct vs_completion *s, const struct vs_option *o,
                 const char *command)
{
	for (; o->name; o++)
		if (!command || vs_option_fits(o, command))
			vs_completion_option(s, o->name, o->value);
}

static enum vs_exit completion(const struct vs_args *a)
{
	VS_AUTO(vs_completion_drop) struct vs_completion s;

	vs_completion_init(&s, "voltseal");
	if (a->word_count && strcmp(a->words[0], "bash") != 0)
		return vs_args_wrong(a, "there is one for bash only");
	vs_completion_command(&s, "", NULL, false);
	vs_completion_option(&s, "version", false);
	for (const struct vs_group *g = vs_groups; g->name; g++)
		for (const struct vs_command *c = g->commands; c->run; c++) {
			vs_completion_command(&s, g->name, c->name,
			                      c->most > 0);
			tell(&s, g->options, c->name);
			tell(&s, vs_globals, NULL);
		}
	vs_status status = vs_completion_write(&s, stdout);
	if (status)
		vs_error("completion: %s", vs_status_name(status));
	return status ? VS_EXIT_FAILED : VS_EXIT_OK;
}

/* clang-format off */
const struct vs_option vs_completion_options[] = {{0}};
const struct vs_command vs_completion_commands[] = {
	{"", "[bash]", 0, 1, "print what bash reads to complete voltseal",
	 "It is installed already; for a program that is not:\n"
	 "  source <(voltseal completion)\n", completion},
	{0},
};
/* clang-format on */
