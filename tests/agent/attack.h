/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/attack.h - what somebody tries who took a process over.
 */
#ifndef VS_TESTS_AGENT_ATTACK_H
#define VS_TESTS_AGENT_ATTACK_H

enum attack {
	ATTACK_WRITE_FILE, /* on path, from here */
	ATTACK_READ_FILE,
	ATTACK_CHANGE_MODE,
	ATTACK_RENAME, /* to here */
	ATTACK_ROOT,
	ATTACK_TRACE_PARENT,
	ATTACK_STOP_PARENT,
	ATTACK_READ_PARENT,
	ATTACK_EXEC,
	ATTACK_FORK,
	ATTACK_THREAD,
	ATTACK_SOCKET,
	ATTACK_NAMESPACE,
	ATTACK_MEMORY,
	ATTACK_NEW_CODE,
	ATTACK_SIGNAL_MASK,
	ATTACK_CLOCK,
	ATTACKS,
};

/* Tries it.  0: it worked; else errno of what stopped it. */
int attack_try(enum attack what, const char *path);

#endif
