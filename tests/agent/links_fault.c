/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/links_fault.c - a table of ways to spoil an answer.
 */
#include "tests/agent/links_fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/agent/power.h"

static _Atomic uint64_t drawn;

/* Other numbers for each seed and each fault, the same in each run. */
static unsigned draw(const struct links_plan *plan, unsigned below)
{
	uint64_t x = plan->seed * UINT64_C(0x9e3779b97f4a7c15) +
	             ++drawn * UINT64_C(0xbf58476d1ce4e5b9);

	x ^= x >> 31;
	x *= UINT64_C(0x94d049bb133111eb);
	return (unsigned)((x >> 33) % below);
}

static size_t some(const struct link *l, const struct links_plan *plan)
{
	return l->bytes && l->len > 1 ? draw(plan, (unsigned)l->len) : 0;
}

/* Head and the first n bytes of the right answer. */
static bool begin(struct link *l, size_t n)
{
	char head[LINK_HEAD];

	links_head(l, l->len, head);
	return links_say(l, head, l->bytes, l->bytes ? n : 0);
}

static bool latency(struct link *l, const struct links_plan *plan)
{
	size_t half = some(l, plan);
	bool ok;

	links_wait(l, (int)draw(plan, 30));
	ok = begin(l, half);
	links_wait(l, (int)draw(plan, 30));
	return ok &&
	       (!l->bytes || links_put(l, l->bytes + half, l->len - half));
}

static bool loss(struct link *l, const struct links_plan *plan)
{
	const struct linger now = {1, 0};

	begin(l, some(l, plan));
	links_wait(l, (int)draw(plan, 60));
	setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return false;
}

static bool trickle(struct link *l, const struct links_plan *plan)
{
	bool ok = begin(l, 0);

	(void)plan;
	for (size_t i = 0; ok && l->bytes && i < l->len; i++)
		ok = links_put(l, l->bytes + i, 1) && links_wait(l, 1000);
	return false;
}

static bool stall(struct link *l, const struct links_plan *plan)
{
	if (begin(l, some(l, plan)))
		links_wait(l, 60000);
	return false;
}

static bool cut(struct link *l, const struct links_plan *plan)
{
	begin(l, some(l, plan));
	return false;
}

/* A right answer with another head. */
static bool renamed(struct link *l, size_t first, size_t last)
{
	char head[LINK_HEAD];

	snprintf(head, sizeof(head),
	         "HTTP/1.1 206 Partial Content\r\n"
	         "Content-Range: bytes %zu-%zu/%zu\r\nContent-Length: %zu\r\n"
	         "\r\n",
	         first, last, l->total, l->len);
	return links_say(l, head, l->bytes, l->bytes ? l->len : 0);
}

static bool wrong_range(struct link *l, const struct links_plan *plan)
{
	size_t by = 1 + draw(plan, 500);

	return draw(plan, 2) ? renamed(l, l->first + by, l->first + by + l->len)
	                     : renamed(l, l->first, l->first + l->len - 1 + by);
}

/* Honest about it, or not. */
static bool other_range(struct link *l, const struct links_plan *plan)
{
	size_t room = l->total - l->first - l->len;
	size_t by = room ? 1 + draw(plan, (unsigned)room) : 0;
	size_t named = draw(plan, 2) ? l->first + by : l->first;

	if (l->bytes)
		l->bytes += by;
	return renamed(l, named, named + l->len - 1);
}

static bool changed(struct link *l, const struct links_plan *plan)
{
	char head[LINK_HEAD];
	uint8_t *other = calloc(1, l->len + 1);
	bool ok;

	(void)plan;
	assert_non_null(other);
	links_head(l, l->len, head);
	if (l->ranged)
		memcpy(strstr(head, "one"), "two", 3);
	for (size_t i = 0; l->bytes && i < l->len; i++)
		other[i] = l->bytes[i] ^ (i > l->len / 2 ? 0x55 : 0);
	ok = links_say(l, head, other, l->bytes ? l->len : 0);
	free(other);
	return ok;
}

static bool refuse(struct link *l, unsigned code, const char *line)
{
	char head[LINK_HEAD];

	snprintf(head, sizeof(head),
	         "HTTP/1.1 %u -\r\n%sContent-Length: 5\r\n\r\nsorry", code,
	         line);
	return links_say(l, head, "", 0);
}

static bool error_5xx(struct link *l, const struct links_plan *plan)
{
	static const unsigned codes[] = {500, 502, 503, 504};

	return refuse(l, codes[draw(plan, 4)], "");
}

static bool too_many(struct link *l, const struct links_plan *plan)
{
	char line[64];

	snprintf(line, sizeof(line), "Retry-After: %u\r\n",
	         plan->retry_s ? plan->retry_s : 2 + draw(plan, 20));
	return refuse(l, draw(plan, 2) ? 429 : 503, line);
}

static bool truncated(struct link *l, const struct links_plan *plan)
{
	l->len = some(l, plan);
	if (l->len == 0)
		l->ranged = false;
	return begin(l, l->len);
}

static bool too_long(struct link *l, const struct links_plan *plan)
{
	size_t more = 1 + draw(plan, 2000000);
	uint8_t *junk = malloc(more);
	char head[LINK_HEAD];
	bool ok;

	assert_non_null(junk);
	memset(junk, 'x', more);
	links_head(l, l->len + more, head);
	ok = links_say(l, head, l->bytes, l->bytes ? l->len : 0) &&
	     links_put(l, junk, l->bytes ? more : 0);
	free(junk);
	return ok;
}

static bool endless(struct link *l, const struct links_plan *plan)
{
	static const char junk[4096] = {1};
	bool ok;

	(void)plan;
	if (!l->bytes)
		return begin(l, 0);
	ok = links_say(l,
	               l->ranged ? "HTTP/1.1 206 Partial Content\r\n"
	                         : "HTTP/1.1 200 OK\r\n",
	               "", 0);
	if (ok && l->ranged) {
		char line[128];

		snprintf(line, sizeof(line),
		         "Content-Range: bytes %zu-%zu/%zu\r\n", l->first,
		         l->first + l->len - 1, l->total);
		ok = links_say(l, line, "", 0);
	}
	ok = ok && links_say(l, "\r\n", l->bytes, l->len);
	while (ok)
		ok = links_put(l, junk, sizeof(junk));
	return false;
}

static bool portal(struct link *l, const struct links_plan *plan)
{
	(void)plan;
	return links_say(l,
	                 "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
	                 "Content-Length: 25\r\n\r\n"
	                 "<html>Pay for WLAN</html>",
	                 "", 0);
}

static bool redirect(struct link *l, const char *scheme, const char *host)
{
	char line[LINK_HEAD / 2];

	snprintf(line, sizeof(line), "Location: %s://%s:%u%.300s\r\n", scheme,
	         host, l->port, l->path);
	return refuse(l, 302, line);
}

static bool to_http(struct link *l, const struct links_plan *plan)
{
	(void)plan;
	return redirect(l, "http", "other.test");
}

static bool to_itself(struct link *l, const struct links_plan *plan)
{
	(void)plan;
	return redirect(l, "https", "links.test");
}

static bool to_other_host(struct link *l, const struct links_plan *plan)
{
	(void)plan;
	return redirect(l, "https", "other.test");
}

static bool no_name(struct link *l, const struct links_plan *plan)
{
	(void)plan;
	return begin(l, l->len);
}

/* Up to four years, either way; back at the next fault but one. */
static bool jump(struct link *l, const struct links_plan *plan)
{
	uint64_t by = draw(plan, 126000000);

	power_set_time(draw(plan, 2) ? NOW - by : NOW + by);
	if (draw(plan, 2) || plan->count < 3)
		power_set_time(NOW);
	return begin(l, l->len);
}

static bool restart(struct link *l, const struct links_plan *plan)
{
	begin(l, some(l, plan));
	links_restart();
	return false;
}

static bool half_closed(struct link *l, const struct links_plan *plan)
{
	begin(l, some(l, plan));
	shutdown(l->fd, draw(plan, 2) ? SHUT_WR : SHUT_RD);
	links_wait(l, 60000);
	return false;
}

static bool no_ranges(struct link *l, const struct links_plan *plan)
{
	(void)plan;
	if (l->bytes)
		links_say(l, "HTTP/1.0 200 OK\r\n\r\n", l->bytes - l->first,
		          l->total);
	return false;
}

static bool gzip(struct link *l, const struct links_plan *plan)
{
	char head[LINK_HEAD];
	char coded[LINK_HEAD + 64];

	(void)plan;
	links_head(l, l->len, head);
	snprintf(coded, sizeof(coded), "%.*sContent-Encoding: gzip\r\n\r\n",
	         (int)strlen(head) - 2, head);
	return links_say(l, coded, l->bytes, l->bytes ? l->len : 0);
}

static bool (*const ways[LINK_FAULTS])(struct link *,
                                       const struct links_plan *) = {
	[LINK_LATENCY] = latency,
	[LINK_LOSS] = loss,
	[LINK_TRICKLE] = trickle,
	[LINK_STALL] = stall,
	[LINK_CUT] = cut,
	[LINK_WRONG_RANGE] = wrong_range,
	[LINK_OTHER_RANGE] = other_range,
	[LINK_CHANGED] = changed,
	[LINK_ERROR_5XX] = error_5xx,
	[LINK_TOO_MANY] = too_many,
	[LINK_TRUNCATED] = truncated,
	[LINK_TOO_LONG] = too_long,
	[LINK_ENDLESS] = endless,
	[LINK_PORTAL] = portal,
	[LINK_TO_HTTP] = to_http,
	[LINK_TO_ITSELF] = to_itself,
	[LINK_TO_OTHER_HOST] = to_other_host,
	[LINK_NO_NAME] = no_name,
	[LINK_CLOCK] = jump,
	[LINK_RESTART] = restart,
	[LINK_HALF_CLOSED] = half_closed,
	[LINK_NO_RANGES] = no_ranges,
	[LINK_GZIP] = gzip,
};

bool links_of_connection(enum link_fault fault)
{
	return fault == LINK_WRONG_CERT || fault == LINK_SLOW_TLS;
}

bool links_answer_badly(struct link *l, const struct links_plan *plan)
{
	return ways[plan->fault](l, plan) && l->stays;
}
