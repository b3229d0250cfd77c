/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/life.c - power on, boot, run, reboot.
 */
#include "tests/agent/life.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/deliver.h"
#include "agent/run/settle.h"
#include "agent/run/update.h"
#include "base/file.h"
#include "tests/agent/power.h"

#define LIFE_MS 300000

static const char conf[] = "server_url = " SERVER_URL "\n"
			   "mode = demo\n"
			   "ca_file = ca.pem\n"
			   "cert_file = device.crt\n"
			   "device_key = file:device.key\n"
			   "poll_ms = 1000\n"
			   "report_ms = 60000\n"
			   "backoff_max_ms = 10000\n"
			   "jitter_percent = 0\n"
			   "workers = 1\n"
			   "status_age_ms = 86400000\n"
			   "tries = 2\n"
			   "health_checks = 2\n"
			   "health_interval_ms = 100\n"
			   "health_timeout_ms = 1000\n";

static const char idle[] = "{\"session\": false, \"contactors\": \"open\"}";

void life_configure(const struct maker *m)
{
	maker_put(m, "charger/agent.conf", conf, sizeof(conf) - 1);
	maker_put(m, "charger/run/charger.json", idle, sizeof(idle) - 1);
}

/* The verdict is to start a set of one release, at or above its floor; the
 * caller knows the bytes it must have.
 */
static void judge(const struct vs_charger *c, const struct vs_boot_decision *d)
{
	assert_int_equal(d->verdict, VS_VERDICT_BOOT);
	for (int i = 0; i < c->machine.count; i++) {
		assert_true(d->header[i].security_version >= d->floor[i]);
		assert_int_equal(d->header[i].release_seq,
		                 d->header[0].release_seq);
	}
}

struct vs_boot_decision life_boot(const struct maker *m,
                                  enum vs_reset_cause cause)
{
	struct vs_charger *c = malloc(sizeof(*c));
	struct vs_boot_decision d;
	char path[PATH_MAX];
	char error[VS_ERROR_LEN] = "";

	assert_non_null(c);
	maker_path(m, "charger", path);
	assert_int_equal(vs_charger_open_blank(c, path, error), VS_OK);
	assert_int_equal(vs_boot_decide(&c->ops, c->components,
	                                c->machine.count, &c->ring, cause,
	                                c->scratch, &d),
	                 VS_OK);
	judge(c, &d);
	vs_charger_close(c);
	free(c);
	maker_decide(m, &d);
	return d;
}

static struct life *now; /* whose agent asks whether to stop */
static uint64_t until_ms;

static bool stopped(void)
{
	now->stuck = power_slept_ms() > until_ms;
	return now->stuck || now->done(now->agent);
}

static bool never(void)
{
	return false;
}

void life_open(struct life *l)
{
	char path[PATH_MAX];
	char error[VS_ERROR_LEN] = "";
	struct vs_agent *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	maker_path(l->maker, "charger", path);
	if (vs_agent_open(a, path, LIFE_BUILT, error) != VS_OK)
		fail_msg("%s", error);
	a->stopped = never;
	/* A root without checks is well; no root at all is not. */
	a->image = a->charger.slot == l->sick ? NULL : l->maker->dir;
	l->agent = a;
}

void life_close(struct life *l)
{
	vs_agent_close(l->agent);
	free(l->agent);
	l->agent = NULL;
}

bool life_run(struct life *l)
{
	enum vs_reset_cause cause = VS_RESET_POWER;
	int code = VS_EXIT_REBOOT;

	now = l;
	until_ms = power_slept_ms() + LIFE_MS;
	while (code == VS_EXIT_REBOOT) {
		if (l->boot)
			l->boot(cause);
		else
			(void)life_boot(l->maker, cause);
		life_open(l);
		l->agent->stopped = stopped;
		code = vs_agent_run(l->agent);
		life_close(l);
		cause = VS_RESET_REQUEST;
	}
	return !l->stuck;
}

void life_look(struct life *l)
{
	life_open(l);
	assert_int_equal(vs_agent_settle(l->agent), VS_OK);
	vs_agent_poll(l->agent);
	l->agent->report_at = 0;
	vs_agent_deliver(l->agent);
}

bool life_holds(const struct maker *m, const char *slot, const struct made *r)
{
	char path[PATH_MAX];
	VS_AUTO(vs_fd_drop)
	int fd = open(maker_path(m, slot, path), O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = malloc(r->image_len);
	bool same;

	assert_true(fd >= 0);
	assert_non_null(bytes);
	assert_int_equal(vs_file_pread(fd, bytes, r->image_len, 0), VS_OK);
	same = memcmp(bytes, r->image, r->image_len) == 0;
	free(bytes);
	return same;
}

bool life_holds_both(const struct maker *m, char slot,
                     const struct made *gateway, const struct made *controller)
{
	char name[64];

	snprintf(name, sizeof(name), "charger/slot-%c/gateway", slot);
	if (!life_holds(m, name, gateway))
		return false;
	snprintf(name, sizeof(name), "charger/slot-%c/controller", slot);
	return life_holds(m, name, controller);
}
