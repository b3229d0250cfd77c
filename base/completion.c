/* SPDX-License-Identifier: Apache-2.0
 *
 * base/completion.c - a script with which bash completes a command line.
 *
 * In the script a command of two words is "first/second", so that a list of
 * them can be split at blanks.
 */
#include "base/completion.h"

#include <string.h>

enum { text_max = 1024 * 1024, name_max = 64 };

/* clang-format off */
static const char walk[] =
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tw=${COMP_WORDS[i]}\n"
	"\t\tcase $w in\n"
	"\t\t--*)\n"
	"\t\t\t[[ $valued == *\" $w \"* ]] && ((i++)) ;;\n"
	"\t\t= | :) # bash splits words there\n"
	"\t\t\t((i++)) ;;\n"
	"\t\t*)\n"
	"\t\t\tif [[ -z $at ]]; then\n"
	"\t\t\t\tat=$w\n"
	"\t\t\telif [[ -z $rest && $commands == *\" $at/$w \"* ]]; then\n"
	"\t\t\t\tat=$at/$w\n"
	"\t\t\telse\n"
	"\t\t\t\trest=1\n"
	"\t\t\tfi ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tw=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\t[[ $cur == = ]] && w=$cur && cur=''\n"
	"\tif [[ $w == = || $valued == *\" $w \"* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tfor w in $commands; do\n"
	"\t\tif [[ -z $at ]]; then\n"
	"\t\t\twords+=\" ${w%%/*}\"\n"
	"\t\telif [[ -z $rest && $w == \"$at\"/* ]]; then\n"
	"\t\t\twords+=\" ${w#*/}\"\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tcase $at in\n";
static const char tail[] =
	"\t*) [[ $words ]] && options=--help ;;\n"
	"\tesac\n"
	"\t[[ $files && $cur != -* ]] || words+=\" $options\"\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"\tif [[ $files && $cur != -* ]]; then\n"
	"\t\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(\n"
	"\t\t\tcompgen -f -- \"$cur\")\n"
	"\tfi\n"
	"\treturn 0\n"
	"}\n";
/* clang-format on */

void vs_completion_init(struct vs_completion *c, const char *program)
{
	*c = (struct vs_completion){.program = program};
	vs_buffer_init(&c->commands, text_max);
	vs_buffer_init(&c->valued, text_max);
	vs_buffer_init(&c->cases, text_max);
}

void vs_completion_drop(struct vs_completion *c)
{
	vs_buffer_drop(&c->commands);
	vs_buffer_drop(&c->valued);
	vs_buffer_drop(&c->cases);
}

static void end_case(struct vs_completion *c)
{
	if (!c->status && c->cases.len)
		c->status = vs_buffer_printf(&c->cases, "\" ;;\n");
}

void vs_completion_command(struct vs_completion *c, const char *first,
                           const char *second, bool files)
{
	const char *slash = second && *second ? "/" : "";

	if (!second)
		second = "";
	end_case(c);
	if (!c->status && *first)
		c->status = vs_buffer_printf(&c->commands, "%s%s%s ", first,
		                             slash, second);
	if (!c->status)
		c->status = vs_buffer_printf(
			&c->cases, "\t\"%s%s%s\") %soptions=\"--help", first,
			slash, second, files ? "files=1 " : "");
}

static bool is_told(const struct vs_buffer *list, const char *name)
{
	char word[name_max + 4];

	(void)snprintf(word, sizeof word, "--%.*s ", (int)name_max, name);
	return list->len && strstr((const char *)list->data, word);
}

void vs_completion_option(struct vs_completion *c, const char *name, bool value)
{
	if (strcmp(name, "help") == 0)
		return;
	if (!c->status)
		c->status = vs_buffer_printf(&c->cases, " --%s", name);
	if (!c->status && value && !is_told(&c->valued, name))
		c->status = vs_buffer_printf(&c->valued, "--%s ", name);
}

static const char *text_of(const struct vs_buffer *b)
{
	return b->len ? (const char *)b->data : "";
}

vs_status vs_completion_write(struct vs_completion *c, FILE *to)
{
	char function[name_max];

	end_case(c);
	if (c->status)
		return c->status;
	(void)snprintf(function, sizeof function, "_%s", c->program);
	for (char *at = strchr(function, '-'); at; at = strchr(at, '-'))
		*at = '_';
	fprintf(to,
	        "# bash completion for %s, made by %s completion\n"
	        "%s()\n{\n"
	        "\tlocal cur=${COMP_WORDS[COMP_CWORD]} at='' rest='' files='' "
	        "w i\n"
	        "\tlocal words='' options=''\n"
	        "\tlocal valued=' %s'\n"
	        "\tlocal commands=' %s'\n",
	        c->program, c->program, function, text_of(&c->valued),
	        text_of(&c->commands));
	fprintf(to, "%s%s%s", walk, text_of(&c->cases), tail);
	fprintf(to, "complete -o filenames -F %s %s\n", function, c->program);
	return ferror(to) ? VS_ERR_IO : VS_OK;
}
