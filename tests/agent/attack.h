/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/attack.h - what somebody tries who took a process over.
 */
#ifndef VS_TESTS_AGENT_ATTACK_H
#define VS_TESTS_AGENT_ATTACK_H

enum attack {
	ATTACK_WRITE_FILE, /* on path, from here */
	ATTACK_READ_FILE,
	ATTACK_WRITE_OLD, /* the running slot, where unpack has it */
	ATTACK_CHANGE_MODE,
	ATTACK_RENAME, /* to here */
	ATTACK_ROOT,
	ATTACK_TRACE_PARENT, /* or whom attack_aim() named */
	ATTACK_STOP_PARENT,
	ATTACK_READ_PARENT,
	ATTACK_WRITE_PARENT, /* its memory, by /proc */
	ATTACK_JOIN_PARENT,  /* its network namespace */
	ATTACK_STEAL,        /* its first descriptor */
	ATTACK_EXEC,
	ATTACK_FORK,
	ATTACK_THREAD,
	ATTACK_SOCKET, /* AF_INET; and so on */
	ATTACK_SOCKET_INET6,
	ATTACK_SOCKET_PACKET,
	ATTACK_SOCKET_NETLINK,
	ATTACK_SOCKET_VSOCK,
	ATTACK_SOCKET_X32, /* AF_INET, by x32's number */
	ATTACK_RING,       /* whose calls no filter sees */
	ATTACK_DEVICE,     /* a node of a disk, as path.dev */
	ATTACK_NAMESPACE,
	ATTACK_MEMORY,
	ATTACK_NEW_CODE,
	ATTACK_SIGNAL_MASK,
	ATTACK_CLOCK,
	ATTACKS,
};

/* Whom the next attacks are about, in place of the parent. */
void attack_aim(int pid);

/* Tries it.  0: it worked; else errno of what stopped it. */
int attack_try(enum attack what, const char *path);

#endif
