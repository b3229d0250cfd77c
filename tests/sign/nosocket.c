/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/nosocket.c - runs a program that dies at its first socket, of
 * whatever family, and at its first child.
 *
 * The kernel kills it with SIGSYS; nothing it does can take that back.  A
 * program without children gives no PIN to one.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

static int add_rules(scmp_filter_ctx filter)
{
	static const int deadly[] = {
		SCMP_SYS(socket),  SCMP_SYS(socketpair), SCMP_SYS(connect),
		SCMP_SYS(bind),    SCMP_SYS(listen),     SCMP_SYS(accept),
		SCMP_SYS(accept4), SCMP_SYS(sendto),     SCMP_SYS(recvfrom),
		SCMP_SYS(fork),    SCMP_SYS(vfork),
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof deadly / sizeof *deadly; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i],
		                      0);
	/* threads may be; clone3 hides its flags, so libc is sent to clone */
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS,
		                      SCMP_SYS(clone), 1,
		                      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_VM, 0));
	if (!rc)
		rc = seccomp_rule_add(
			filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_VFORK, CLONE_VFORK));
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
		                      SCMP_SYS(clone3), 0);
	return rc;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 2 || !filter || add_rules(filter) || seccomp_load(filter))
		return 125;
	seccomp_release(filter);
	execv(argv[1], argv + 1);
	perror(argv[1]);
	return 125;
}
