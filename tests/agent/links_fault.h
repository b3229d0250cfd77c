/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/links_fault.h - the ways in which an answer is spoilt.
 */
#ifndef VS_TESTS_AGENT_LINKS_FAULT_H
#define VS_TESTS_AGENT_LINKS_FAULT_H

#include <openssl/ssl.h>

#include "tests/agent/links_server.h"

#define LINK_HEAD 1024

/* One connection, and the request that it has to answer. */
struct link {
	int fd;
	SSL *tls;
	bool stays; /* open for another request */
	enum link_host host;
	unsigned port;
	const char *path;     /* of the request */
	const uint8_t *bytes; /* the right ones; NULL: 404 */
	size_t first, len, total;
	bool ranged;
};

/* Each gives false when the connection is of no more use. */
bool links_put(struct link *l, const void *bytes, size_t len);
bool links_say(struct link *l, const char *head, const void *body, size_t len);
/* Waits so long, or until the client is gone. */
bool links_wait(struct link *l, int ms);
/* The head of the right answer, but for its Content-Length. */
void links_head(const struct link *l, size_t len, char out[static LINK_HEAD]);
/* Closes all connections, and for a moment takes no new ones. */
void links_restart(void);

/* Whether the fault is one of connections, not of answers. */
bool links_of_connection(enum link_fault fault);
bool links_answer_badly(struct link *l, const struct links_plan *plan);

#endif
