/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/port/machine.h - what differs from machine to machine.
 *
 * One file of this folder is linked: the build chooses it by its name.
 */
#ifndef VS_AGENT_PORT_MACHINE_H
#define VS_AGENT_PORT_MACHINE_H

#include "agent/confine/confine.h"

struct vs_machine_calls {
	uint32_t audit_arch; /* AUDIT_ARCH_...: whose numbers calls have */
	/* Calls that newer machines do without, as voltseal-net may make them
	 * (agent/net/calls.c). */
	const struct vs_confine_call *older;
	size_t older_count;
};

extern const struct vs_machine_calls vs_machine_calls;

#endif
