/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/wait.h - asks the server again and again until something is over.
 *
 * A server that restarts does not end it; --within does.
 */
#ifndef VS_OPERATE_WAIT_H
#define VS_OPERATE_WAIT_H

#include <jansson.h>

#include "operate/client.h"

/* How far it is, for a person; a bar where total is not 0. */
struct vs_wait_line {
	char text[320];
	uint64_t done, total;
};

struct vs_wait {
	const char *path;  /* GET */
	const char *about; /* "campaign watch", for error lines */
	/* Looks at an answer and fills *line.  True: it is over, and *e says
	 * how it ended.
	 */
	bool (*look)(void *ctx, const json_t *v, struct vs_wait_line *line,
	             enum vs_exit *e);
	void *ctx;
};

/* Whether --within, if given, is a time. */
enum vs_exit vs_wait_check(const struct vs_args *a) VS_MUST_CHECK;
/* Gives *out (json_decref), the last answer, where it came to an end: what
 * look() says.  VS_EXIT_TIMEOUT after one line; VS_EXIT_UNREACHABLE.
 */
enum vs_exit vs_wait(const struct vs_args *a, struct vs_client *c,
                     const struct vs_wait *w, json_t **out) VS_MUST_CHECK;

#endif
