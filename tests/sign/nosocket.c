/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/nosocket.c - runs a program that dies at its first socket.
 *
 * The kernel kills it with SIGSYS; nothing it does can take that back.
 */
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const int deadly[] = {
		SCMP_SYS(socket),  SCMP_SYS(socketpair), SCMP_SYS(connect),
		SCMP_SYS(bind),    SCMP_SYS(listen),     SCMP_SYS(accept),
		SCMP_SYS(accept4), SCMP_SYS(sendto),     SCMP_SYS(recvfrom),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 2 || !filter)
		return 125;
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
		if (seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i],
		                     0))
			return 125;
	if (seccomp_load(filter))
		return 125;
	seccomp_release(filter);
	execv(argv[1], argv + 1);
	perror(argv[1]);
	return 125;
}
