/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/guard_test.c - who may connect, and for how long, by a clock
 * of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/listen/limit.h"
#include "server/net/guard.h"
#include "server/net/network.h"
#include "server/net/throttle.h"

enum { most = 16, start_ms = 1000000 };

static const struct vs_guard_limits limits = {
	.connections = 8,
	.strangers = 4,
	.of_each = 2,
	.handshakes = 3,
	.handshake_s = 8, /* so the grace is two seconds */
	.idle_s = 20,
	.request_s = 10,
	.min_bytes_s = 100,
};

/* Guests that arrived, each with a socket whose other end is ours. */
struct world {
	struct vs_guard_figures figures;
	struct vs_guard *guard;
	struct vs_guest guests[most];
	int ends[most];
	size_t count;
	uint64_t now_ms;
};

static struct world *begin(const struct vs_guard_limits *l)
{
	static struct world w;

	w = (struct world){.now_ms = start_ms};
	assert_int_equal(vs_guard_new(l, &w.figures, 7, &w.guard), VS_OK);
	return &w;
}

static void leave(struct world *w, size_t i)
{
	vs_guard_leave(&w->guests[i]);
	close(w->guests[i].fd);
	close(w->ends[i]);
	w->ends[i] = -1;
}

static void end(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->ends[i] >= 0)
			leave(w, i);
	assert_int_equal(atomic_load(&w->figures.strangers), 0);
	assert_int_equal(atomic_load(&w->figures.under_way), 0);
	vs_guard_free(&w->guard);
}

/* A connection of address 10.0.0.n; NULL if it was turned away. */
static struct vs_guest *arrive(struct world *w, uint8_t n)
{
	const uint8_t address[4] = {10, 0, 0, n};
	int pair[2];

	if (!vs_guard_admit(w->guard, address, sizeof address, w->now_ms))
		return NULL;
	assert_true(w->count < most);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct vs_guest *g = &w->guests[w->count];
	*g = (struct vs_guest){.guard = w->guard, .fd = pair[0]};
	memcpy(g->address, address, sizeof address);
	g->address_len = sizeof address;
	w->ends[w->count++] = pair[1];
	vs_guard_enter(g, w->now_ms);
	return g;
}

static struct vs_guest *arrive_known(struct world *w, uint8_t n,
                                     const char *name)
{
	struct vs_guest *g = arrive(w, n);

	assert_non_null(g);
	assert_true(vs_guard_hello(g, w->now_ms));
	vs_guard_shaken(g, false, w->now_ms);
	vs_guard_know(g, name);
	return g;
}

static bool is_cut(const struct world *w, size_t i)
{
	struct pollfd look = {.fd = w->ends[i], .events = POLLRDHUP};

	assert_int_not_equal(poll(&look, 1, 0), -1);
	return look.revents & POLLRDHUP;
}

static size_t cuts(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->count; i++)
		n += is_cut(w, i);
	return n;
}

static void after(struct world *w, uint64_t ms)
{
	w->now_ms += ms;
	vs_guard_step(w->guard, w->now_ms);
}

static void
when_all_places_are_taken_the_oldest_stranger_gives_way(void **state)
{
	struct world *w = begin(&limits);

	(void)state;
	arrive_known(w, 1, "CP-1");
	for (uint8_t n = 0; n < 7; n++)
		assert_non_null(arrive(w, 10 + n));
	assert_null(arrive(w, 30)); /* all of them have just come */
	assert_int_equal(atomic_load(&w->figures.refused[VS_REFUSED_FULL]), 1);
	assert_int_equal(cuts(w), 0);
	w->now_ms += 2000;
	assert_non_null(arrive(w, 30));
	assert_true(is_cut(w, 1));
	assert_int_equal(cuts(w), 1);
	assert_non_null(arrive(w, 31));
	assert_true(is_cut(w, 2));
	assert_false(is_cut(w, 0));
	assert_int_equal(atomic_load(&w->figures.cut[VS_CUT_ROOM]), 2);
	end(w);
}

static void who_is_known_keeps_his_place(void **state)
{
	struct world *w = begin(&limits);
	char name[8];

	(void)state;
	for (uint8_t n = 0; n < 8; n++) {
		snprintf(name, sizeof name, "CP-%d", n);
		arrive_known(w, 1, name);
	}
	w->now_ms += 5000;
	assert_null(arrive(w, 2));
	assert_int_equal(cuts(w), 0);
	leave(w, 3);
	assert_non_null(arrive(w, 2));
	end(w);
}

static void strangers_of_one_address_are_few_and_others_come(void **state)
{
	struct world *w = begin(&limits);

	(void)state;
	assert_non_null(arrive(w, 2));
	for (size_t i = 0; i < 4; i++)
		assert_non_null(arrive(w, 1));
	assert_null(arrive(w, 1));
	assert_int_equal(atomic_load(&w->figures.refused[VS_REFUSED_ADDRESS]),
	                 1);
	assert_non_null(arrive(w, 3));
	/* One who is known counts no more. */
	assert_true(vs_guard_hello(&w->guests[1], w->now_ms));
	vs_guard_shaken(&w->guests[1], true, w->now_ms);
	vs_guard_know(&w->guests[1], "CP-1");
	assert_non_null(arrive(w, 1));
	/* And later the oldest of this address gives way, not an older one
	 * of another. */
	w->now_ms += 2000;
	assert_non_null(arrive(w, 1));
	assert_true(is_cut(w, 2));
	assert_int_equal(cuts(w), 1);
	end(w);
}

static void handshakes_under_way_are_bounded(void **state)
{
	struct world *w = begin(&limits);

	(void)state;
	for (uint8_t n = 0; n < 5; n++)
		assert_non_null(arrive(w, n));
	for (size_t i = 0; i < 3; i++)
		assert_true(vs_guard_hello(&w->guests[i], w->now_ms));
	/* A second hello after a retry is the same handshake. */
	assert_true(vs_guard_hello(&w->guests[0], w->now_ms));
	assert_false(vs_guard_hello(&w->guests[3], w->now_ms));
	assert_null(arrive(w, 9)); /* at the door already */
	assert_int_equal(
		atomic_load(&w->figures.refused[VS_REFUSED_HANDSHAKES]), 2);
	vs_guard_shaken(&w->guests[0], false, w->now_ms);
	assert_true(vs_guard_hello(&w->guests[3], w->now_ms));
	assert_false(vs_guard_hello(&w->guests[4], w->now_ms));
	leave(w, 1);
	assert_true(vs_guard_hello(&w->guests[4], w->now_ms));
	assert_int_equal(atomic_load(&w->figures.under_way), 3);
	assert_int_equal(atomic_load(&w->figures.handshakes[0]), 1);
	end(w);
}

static void handshakes_in_a_second_are_bounded(void **state)
{
	struct vs_guard_limits l = limits;
	struct world *w;
	unsigned begun = 0;

	(void)state;
	l.handshakes = 1000;
	l.handshake_rate = 5;
	l.connections = l.strangers = 1000;
	w = begin(&l);
	for (size_t i = 0; i < 8; i++) {
		struct vs_guest *g = arrive(w, 1);

		begun += g && vs_guard_hello(g, w->now_ms);
	}
	assert_int_equal(begun, 5);
	w->now_ms += 200; /* a fifth of a second: one more */
	struct vs_guest *g = arrive(w, 1);
	assert_non_null(g);
	assert_true(vs_guard_hello(g, w->now_ms));
	assert_null(arrive(w, 1));
	w->now_ms += 60000; /* what was not used does not add up */
	for (begun = 0; (g = arrive(w, 1)) != NULL; begun++)
		assert_true(vs_guard_hello(g, w->now_ms));
	assert_int_equal(begun, 5);
	end(w);
}

static void nobody_shakes_hands_twice(void **state)
{
	struct world *w = begin(&limits);
	struct vs_guest *g = arrive_known(w, 1, "CP-1");

	(void)state;
	assert_false(vs_guard_hello(g, w->now_ms));
	end(w);
}

static void a_handshake_that_does_not_end_is_cut(void **state)
{
	struct world *w = begin(&limits);

	(void)state;
	assert_non_null(arrive(w, 1)); /* says nothing */
	assert_non_null(arrive(w, 2)); /* says hello */
	assert_true(vs_guard_hello(&w->guests[1], w->now_ms + 4000));
	after(w, 7999);
	assert_int_equal(cuts(w), 0);
	after(w, 1);
	assert_true(is_cut(w, 0) && is_cut(w, 1));
	after(w, 60000); /* once */
	assert_int_equal(atomic_load(&w->figures.cut[VS_CUT_HANDSHAKE]), 2);
	end(w);
}

static void a_head_that_does_not_come_in_time_is_cut(void **state)
{
	struct world *w = begin(&limits);
	struct vs_guest *stranger = arrive(w, 1);

	(void)state;
	assert_non_null(stranger);
	assert_true(vs_guard_hello(stranger, w->now_ms));
	vs_guard_shaken(stranger, false, w->now_ms);
	arrive_known(w, 2, "CP-1");
	after(w, 9999);
	assert_int_equal(cuts(w), 0);
	after(w, 1);
	assert_true(is_cut(w, 0) && !is_cut(w, 1));
	after(w, 19999);
	assert_false(is_cut(w, 1));
	after(w, 1);
	assert_true(is_cut(w, 1));
	assert_int_equal(atomic_load(&w->figures.cut[VS_CUT_REQUEST]), 2);
	end(w);
}

static void a_body_that_crawls_is_cut_and_one_that_moves_is_not(void **state)
{
	struct world *w = begin(&limits);

	(void)state;
	for (uint8_t n = 0; n < 3; n++)
		arrive_known(w, n, n ? "CP-1" : "CP-2");
	vs_guard_phase(&w->guests[0], VS_GUARD_BODY, w->now_ms);
	vs_guard_phase(&w->guests[1], VS_GUARD_BODY, w->now_ms);
	vs_guard_phase(&w->guests[2], VS_GUARD_BUSY, w->now_ms);
	for (unsigned s = 0; s < 40; s++) {
		vs_guard_moved(&w->guests[0], 99);
		vs_guard_moved(&w->guests[1], 101);
		after(w, 1000);
		assert_int_equal(is_cut(w, 0), s >= 10);
	}
	/* What takes us long is not theirs. */
	assert_true(!is_cut(w, 1) && !is_cut(w, 2));
	assert_int_equal(atomic_load(&w->figures.cut[VS_CUT_SLOW]), 1);
	/* A new request begins with a new time. */
	vs_guard_phase(&w->guests[1], VS_GUARD_IDLE, w->now_ms);
	vs_guard_phase(&w->guests[1], VS_GUARD_BODY, w->now_ms);
	after(w, 1000);
	after(w, 9999);
	assert_false(is_cut(w, 1));
	after(w, 1);
	assert_true(is_cut(w, 1));
	end(w);
}

static void a_stream_may_rest(void **state)
{
	struct world *w = begin(&limits);
	struct vs_guest *g = arrive_known(w, 1, "vera");

	(void)state;
	vs_guard_phase(g, VS_GUARD_STREAM, w->now_ms);
	for (unsigned i = 0; i < 10; i++)
		after(w, 60000);
	assert_int_equal(cuts(w), 0);
	end(w);
}

static void a_charger_s_oldest_resting_connection_gives_way(void **state)
{
	struct world *w = begin(&limits);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		arrive_known(w, 1, "CP-1");
		w->now_ms++;
	}
	arrive_known(w, 1, "CP-2");
	vs_guard_phase(&w->guests[0], VS_GUARD_ANSWER, w->now_ms);
	arrive_known(w, 1, "CP-1");
	assert_true(is_cut(w, 1)); /* the older one fetches something */
	assert_int_equal(cuts(w), 1);
	vs_guard_phase(&w->guests[3], VS_GUARD_ANSWER, w->now_ms);
	arrive_known(w, 1, "CP-1");
	assert_true(is_cut(w, 0)); /* nobody rests: the oldest */
	assert_int_equal(cuts(w), 2);
	assert_int_equal(atomic_load(&w->figures.cut[VS_CUT_NEWER]), 2);
	vs_guard_know(&w->guests[2], "CP-1"); /* he is who he was first */
	assert_int_equal(cuts(w), 2);
	end(w);
}

static void in_a_crowd_those_who_rest_give_way(void **state)
{
	struct world *w = begin(&limits);
	struct vs_guest *works = arrive_known(w, 1, "CP-2");

	(void)state;
	arrive_known(w, 1, "CP-1");
	for (uint8_t n = 0; n < 4; n++)
		assert_non_null(arrive(w, n));
	/* A stranger whose request is awaited has his time all the same. */
	assert_true(vs_guard_hello(&w->guests[2], w->now_ms));
	vs_guard_shaken(&w->guests[2], false, w->now_ms);
	after(w, 4000); /* six of eight are no crowd */
	assert_int_equal(cuts(w), 0);
	assert_non_null(arrive(w, 7));
	vs_guard_phase(works, VS_GUARD_ANSWER, w->now_ms);
	vs_guard_phase(works, VS_GUARD_IDLE, w->now_ms);
	vs_guard_phase(&w->guests[1], VS_GUARD_IDLE, w->now_ms - 500);
	after(w, 1499);
	assert_int_equal(cuts(w), 0);
	after(w, 1); /* two seconds of rest for one of them */
	assert_true(is_cut(w, 1));
	assert_int_equal(cuts(w), 1);
	after(w, 1000); /* and with him gone there is room */
	assert_int_equal(cuts(w), 1);
	assert_int_equal(atomic_load(&w->figures.cut[VS_CUT_ROOM]), 1);
	end(w);
}

static void an_address_is_known_by_its_network(void **state)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
	                         .sin_addr.s_addr = htonl(0x0a000001)};
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_addr.s6_addr = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 9, 9}
        };
	struct sockaddr_in6 both = {
		.sin6_family = AF_INET6,
		.sin6_addr.s6_addr = {[10] = 255, [11] = 255, 10, 0, 0, 1}
        };
	struct sockaddr other = {.sa_family = AF_UNIX};
	uint8_t a[16], b[16];

	(void)state;
	assert_int_equal(vs_network_key((struct sockaddr *)&v4, a), 4);
	assert_int_equal(vs_network_key((struct sockaddr *)&both, b), 4);
	assert_memory_equal(a, b, 4);
	assert_int_equal(vs_network_key((struct sockaddr *)&v6, a), 8);
	v6.sin6_addr.s6_addr[15] = 1;
	assert_int_equal(vs_network_key((struct sockaddr *)&v6, b), 8);
	assert_memory_equal(a, b, 8);
	v6.sin6_addr.s6_addr[7] = 1;
	assert_int_equal(vs_network_key((struct sockaddr *)&v6, b), 8);
	assert_memory_not_equal(a, b, 8);
	assert_int_equal(vs_network_key(&other, a), 0);
}

/* Each third of the time has its share of a thousand chargers. */
static void those_who_are_sent_away_are_spread(void **state)
{
	static struct vs_throttle t;
	unsigned thirds[3] = {0};
	char name[16];

	(void)state;
	vs_throttle_init(&t, 1, 1, 12345);
	for (int i = 0; i < 1000; i++) {
		size_t len = (size_t)snprintf(name, sizeof name, "CP-%04d", i);
		uint64_t n = vs_throttle_spread(&t, name, len, 29);

		assert_true(n <= 29);
		assert_int_equal(vs_throttle_spread(&t, name, len, 29), n);
		thirds[n / 10]++;
	}
	for (size_t i = 0; i < 3; i++)
		assert_in_range(thirds[i], 250, 420);
	assert_int_equal(vs_throttle_spread(&t, "x", 1, 0), 0);
	vs_throttle_drop(&t);
}

static void more_files_than_the_system_gives_are_an_error(void **state)
{
	struct vs_settings s = {.device_connections = 100,
	                        .operator_connections = 10};
	struct rlimit before, now;
	char error[256] = "";

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = before;
	now.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(vs_limit_check(&s, false, error), VS_OK);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, 64);
	assert_int_equal(vs_limit_check(&s, true, error), VS_OK);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_true(now.rlim_cur >= 2 * 110 && now.rlim_cur <= before.rlim_max);
	if (before.rlim_max != RLIM_INFINITY) {
		s.device_connections = (unsigned)before.rlim_max;
		assert_int_equal(vs_limit_check(&s, true, error), VS_ERR_LIMIT);
		assert_non_null(strstr(error, "open files"));
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			when_all_places_are_taken_the_oldest_stranger_gives_way),
		cmocka_unit_test(who_is_known_keeps_his_place),
		cmocka_unit_test(
			strangers_of_one_address_are_few_and_others_come),
		cmocka_unit_test(handshakes_under_way_are_bounded),
		cmocka_unit_test(handshakes_in_a_second_are_bounded),
		cmocka_unit_test(nobody_shakes_hands_twice),
		cmocka_unit_test(a_handshake_that_does_not_end_is_cut),
		cmocka_unit_test(a_head_that_does_not_come_in_time_is_cut),
		cmocka_unit_test(
			a_body_that_crawls_is_cut_and_one_that_moves_is_not),
		cmocka_unit_test(a_stream_may_rest),
		cmocka_unit_test(
			a_charger_s_oldest_resting_connection_gives_way),
		cmocka_unit_test(in_a_crowd_those_who_rest_give_way),
		cmocka_unit_test(an_address_is_known_by_its_network),
		cmocka_unit_test(those_who_are_sent_away_are_spread),
		cmocka_unit_test(more_files_than_the_system_gives_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
