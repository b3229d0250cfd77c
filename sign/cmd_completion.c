/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_completion.c - completion: a script for bash, made from the tables
 * that the command line is read with.
 */
#include <string.h>

#include "base/completion.h"
#include "base/log.h"
#include "sign/commands.h"

static void tell(struct vs_completion *s, const struct vs_command *c)
{
	const char *space = strchr(c->name, ' ');
	char first[32] = "";
	size_t len = space ? (size_t)(space - c->name) : strlen(c->name);

	if (len < sizeof first)
		memcpy(first, c->name, len);
	vs_completion_command(s, first, space ? space + 1 : NULL, c->operand);
	for (size_t i = 0; i < c->option_count; i++)
		vs_completion_option(s, c->options[i].name,
		                     c->options[i].kind != VS_OPTION_FLAG);
}

static vs_status run(const struct vs_args *args)
{
	VS_AUTO(vs_completion_drop) struct vs_completion s;

	vs_completion_init(&s, "voltseal-sign");
	if (args->operand && strcmp(args->operand, "bash") != 0) {
		vs_error("completion: there is one for bash only");
		return VS_ERR_INPUT;
	}
	for (size_t i = 0; vs_commands[i]; i++)
		tell(&s, vs_commands[i]);
	vs_status status = vs_completion_write(&s, stdout);
	if (status)
		vs_error("completion: %s", vs_status_name(status));
	return status;
}

const struct vs_command vs_cmd_completion = {
	.name = "completion",
	.summary = "print what bash reads to complete voltseal-sign",
	.story = "It is installed already; for a program that is not:\n"
		 "  source <(voltseal-sign completion)\n",
	.operand = "[bash]",
	.run = run,
};
