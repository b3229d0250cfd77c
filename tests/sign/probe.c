/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/probe.c - a "module" that tries to reach out, family by family.
 *
 * Writes a line for each to the file of the environment's PROBE: the family
 * and errno, 0 if it got a socket.
 */
#include <errno.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void try(FILE *out, const char *name, int family, int type)
{
	int fd = socket(family, type, 0);

	fprintf(out, "%s %d\n", name, fd < 0 ? errno : 0);
	if (fd >= 0)
		close(fd);
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	const char *path = getenv("PROBE");
	FILE *out = path ? fopen(path, "we") : NULL;

	(void)list;
	if (!out)
		return CKR_GENERAL_ERROR;
	try(out, "ipv4", AF_INET, SOCK_STREAM);
	try(out, "ipv4-datagram", AF_INET, SOCK_DGRAM);
	try(out, "ipv6", AF_INET6, SOCK_STREAM);
	try(out, "netlink", AF_NETLINK, SOCK_RAW);
	try(out, "packet", AF_PACKET, SOCK_RAW);
	try(out, "bluetooth", AF_BLUETOOTH, SOCK_RAW);
	try(out, "vsock", AF_VSOCK, SOCK_STREAM);
	try(out, "unix", AF_UNIX, SOCK_STREAM);
	fprintf(out, "umask %o\n", (unsigned)umask(0));
	long ring = syscall(SYS_io_uring_setup, 1, NULL);
	fprintf(out, "io_uring %d\n", ring < 0 ? errno : 0);
	fclose(out);
	return CKR_GENERAL_ERROR;
}
