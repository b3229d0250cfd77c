/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/limit.c - descriptors that the settings need.
 */
#include "server/listen/limit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "server/net/sending.h"

/* Database, log, artifacts that are uploaded and read again, webhooks. */
enum { others = 128, reserve = 64 };

unsigned vs_limit_sockets(unsigned connections)
{
	return connections + connections / 8 + reserve;
}

/* However many fetch an artifact, it is open once. */
static rlim_t needed(unsigned connections)
{
	unsigned files =
		connections < VS_SENDING_FILES ? connections : VS_SENDING_FILES;

	return (rlim_t)vs_limit_sockets(connections) + files;
}

vs_status vs_limit_check(const struct vs_settings *s, bool raise,
                         char error[static 256])
{
	rlim_t need = needed(s->device_connections) +
	              needed(s->operator_connections) + others;
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now)) {
		snprintf(error, 256, "open files: %s", strerror(errno));
		return VS_ERR_IO;
	}
	if (now.rlim_max < need) {
		snprintf(error, 256,
		         "device_connections = %u and operator_connections = "
		         "%u need %llu open files, and %llu are allowed: "
		         "LimitNOFILE= of the service, or ulimit -n",
		         s->device_connections, s->operator_connections,
		         (unsigned long long)need,
		         (unsigned long long)now.rlim_max);
		return VS_ERR_LIMIT;
	}
	if (!raise || now.rlim_cur >= need)
		return VS_OK;
	now.rlim_cur = need;
	if (!setrlimit(RLIMIT_NOFILE, &now))
		return VS_OK;
	snprintf(error, 256, "open files: %s", strerror(errno));
	return VS_ERR_IO;
}
