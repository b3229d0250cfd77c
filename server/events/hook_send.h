/* SPDX-License-Identifier: Apache-2.0
 *
 * server/events/hook_send.h - several deliveries at once.
 */
#ifndef VS_SERVER_EVENTS_HOOK_SEND_H
#define VS_SERVER_EVENTS_HOOK_SEND_H

#include <stdatomic.h>

#include "server/events/hook.h"
#include "server/net/network.h"

struct vs_delivery {
	struct vs_hook hook;
	char id[48];
	char *body; /* owned: free() */
	size_t len;
	uint64_t upto; /* the record that it ends with */
	/* after vs_hook_send() */
	bool taken; /* 2xx */
	char said[128];
};

struct vs_hook_way {
	const char *ca; /* PEM file; "" = the system's */
	const struct vs_networks *networks;
	uint64_t now_s;
	const _Atomic bool *closing; /* gives up when it becomes true */
};

/* Sends each and notes how it went.  VS_OK; VS_ERR_NOMEM: nothing was sent.
 */
vs_status vs_hook_send(struct vs_delivery *all, size_t count,
                       const struct vs_hook_way *way) VS_MUST_CHECK;

#endif
