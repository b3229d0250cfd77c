/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/completion.c - voltseal completion: a script for bash, made from the
 * tables that the command line is read with.
 */
#include <stdio.h>
#include <string.h>

#include "operate/commands.h"

/* Words of options: "--name", those with a value also in with_value. */
static void print_options(const struct vs_option *o, const char *command)
{
	for (; o->name; o++)
		if (!command || vs_option_fits(o, command))
			printf(" --%s", o->name);
}

static void print_valued(const struct vs_option *o)
{
	for (; o->name; o++)
		if (o->value)
			printf(" --%s", o->name);
}

static void print_group(const struct vs_group *g)
{
	const struct vs_command *c = g->commands;

	for (; c->run; c++) {
		printf("\t\"%s%s%s\") words=\"--help", g->name,
		       *c->name ? " " : "", c->name);
		print_options(g->options, c->name);
		print_options(vs_globals, NULL);
		printf("\" ;;\n");
	}
	if (!*g->commands->name)
		return;
	printf("\t\"%s\") words=\"", g->name);
	for (c = g->commands; c->run; c++)
		printf("%s ", c->name);
	printf("--help\" ;;\n");
}

/* clang-format off */
static const char head[] =
	"# bash completion for voltseal, made by voltseal completion\n"
	"_voltseal()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} at= words= w i\n"
	"\tlocal valued=\"";
static const char walk[] =
	" \"\n"
	"\tlocal groups=\"";
static const char words[] =
	"\"\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tw=${COMP_WORDS[i]}\n"
	"\t\tcase $w in\n"
	"\t\t--*)\n"
	"\t\t\t[[ $valued == *\" $w \"* ]] && ((i++)) ;;\n"
	"\t\t*)\n"
	"\t\t\t[[ -z $at ]] && at=$w && continue\n"
	"\t\t\t[[ $groups == *\" $at \"* && $at != *\" \"* ]] &&\n"
	"\t\t\t\tat=\"$at $w\" ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tw=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tif [[ $valued == *\" $w \"* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tcase $at in\n";
static const char tail[] =
	"\tesac\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"\t[[ $at == *\" \"* && $cur != -* ]] &&\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\treturn 0\n"
	"}\n"
	"complete -o filenames -F _voltseal voltseal\n";
/* clang-format on */

static enum vs_exit completion(const struct vs_args *a)
{
	(void)a;
	printf("%s", head);
	print_valued(vs_globals);
	for (const struct vs_group *g = vs_groups; g->name; g++)
		print_valued(g->options);
	/* groups of which the second word is a command */
	printf("%s", walk);
	for (const struct vs_group *g = vs_groups; g->name; g++)
		if (*g->commands->name)
			printf(" %s", g->name);
	printf(" %s\t\"\") words=\"", words);
	for (const struct vs_group *g = vs_groups; g->name; g++)
		printf("%s ", g->name);
	printf("--help --version\" ;;\n");
	for (const struct vs_group *g = vs_groups; g->name; g++)
		print_group(g);
	printf("%s", tail);
	return VS_EXIT_OK;
}

/* clang-format off */
const struct vs_option vs_completion_options[] = {{0}};
const struct vs_command vs_completion_commands[] = {
	{"", "", 0, 0, "print what bash reads to complete voltseal",
	 "It is installed already; for a program that is not:\n"
	 "  source <(voltseal completion)\n", completion},
	{0},
};
/* clang-format on */
