/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/wait.c - asks the server again and again until something is over.
 */
#include "operate/wait.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "operate/say.h"

enum { unreachable_max = 30 };

static uint64_t now_s(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

enum vs_exit vs_wait_check(const struct vs_args *a)
{
	const char *within = vs_args_get(a, "within");
	uint64_t long_s;

	return !within || vs_args_duration(within, &long_s)
	               ? VS_EXIT_OK
	               : vs_args_wrong(a, "--within: not a time like 90s, 5m "
	                                  "or 2h");
}

/* A bar on a terminal; elsewhere a line whenever something has changed. */
static void show(const struct vs_wait_line *line, struct vs_wait_line *last)
{
	if (vs_say_terminal())
		vs_say_progress(line->text, line->done, line->total);
	else if (strcmp(line->text, last->text) != 0)
		fprintf(stderr, "%s\n", line->text);
	*last = *line;
}

enum vs_exit vs_wait(const struct vs_args *a, struct vs_client *c,
                     const struct vs_wait *w, json_t **out)
{
	const struct timespec pause = {.tv_sec = 1};
	const char *within = vs_args_get(a, "within");
	struct vs_wait_line last = {.text = ""};
	uint64_t long_s = UINT64_MAX / 2, begun_s = now_s();
	unsigned missed = 0;
	enum vs_exit e = vs_wait_check(a);

	*out = NULL;
	if (e)
		return e;
	if (within)
		(void)vs_args_duration(within, &long_s);
	while (now_s() - begun_s < long_s) {
		VS_AUTO(vs_client_json_drop) json_t *v = NULL;
		struct vs_wait_line line = {.text = ""};

		e = vs_client_get(c, w->path, w->about, &v);
		/* A server that restarts does not end it. */
		if (e &&
		    (e != VS_EXIT_UNREACHABLE || ++missed == unreachable_max))
			return e;
		if (!e) {
			bool over = w->look(w->ctx, v, &line, &e);

			missed = 0;
			show(&line, &last);
			if (over) {
				vs_say_progress_end();
				*out = json_incref(v);
				return e;
			}
		}
		(void)nanosleep(&pause, NULL);
	}
	vs_say_progress_end();
	fprintf(stderr, "voltseal: %s: the time is over\n", w->about);
	return VS_EXIT_TIMEOUT;
}
