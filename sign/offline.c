/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/offline.c - the process gives up the network before it starts work.
 */
#include "sign/offline.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* io_uring could make sockets behind the filter's back. */
static const int refused_calls[] = {
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
};

static int add_rules(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
	                          SCMP_SYS(socket), 1,
	                          SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));

	for (size_t i = 0; !rc && i < sizeof refused_calls / sizeof(int); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
		                      refused_calls[i], 0);
	return rc;
}

vs_status vs_offline_enter(char error[static 256])
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter)
		return VS_ERR_NOMEM;
	int rc = add_rules(filter);
	if (!rc)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	if (rc) {
		snprintf(error, 256, "cannot give up the network: %s",
		         strerror(-rc));
		return VS_ERR_STATE;
	}
	return VS_OK;
}
