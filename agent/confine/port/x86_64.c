/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/port/x86_64.c - x86_64, with the calls that it has had from the
 * start.
 */
#include "agent/confine/port/machine.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <sys/syscall.h>

#define MAY(name)                                                              \
	{                                                                      \
		SYS_##name, VS_CALL_MAY, 0, 0                                  \
	}

static const struct vs_confine_call older[] = {
	{SYS_open, VS_CALL_MAY_WITHOUT, 1, VS_CONFINE_CHANGES},
	MAY(select),
	MAY(epoll_wait),
	MAY(access),
	MAY(readlink),
	MAY(stat),
	MAY(lstat),
	MAY(time),
	MAY(pipe),
	MAY(dup2),
	MAY(arch_prctl),
};

const struct vs_machine_calls vs_machine_calls = {
	.audit_arch = AUDIT_ARCH_X86_64,
	.older = older,
	.older_count = sizeof(older) / sizeof(older[0]),
};
