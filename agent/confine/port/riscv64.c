/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/port/riscv64.c - riscv64 came late: it has no older calls.
 */
#include "agent/confine/port/machine.h"

#include <linux/audit.h>

const struct vs_machine_calls vs_machine_calls = {
	.audit_arch = AUDIT_ARCH_RISCV64,
};
