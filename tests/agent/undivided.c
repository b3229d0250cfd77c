/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/undivided.c - stands for agent/cmd/divide.c where commands are
 * played in the test's own process, which needs what it would give up.
 */
#include "agent/cmd/commands.h"

bool vs_cmd_divide(const char *dir, enum vs_stays stays,
                   struct vs_division *out)
{
	(void)dir;
	(void)stays;
	*out = (struct vs_division){.runner = NULL};
	return true;
}

void vs_division_end(struct vs_division *d)
{
	(void)d;
}
