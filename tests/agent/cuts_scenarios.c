/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/cuts_scenarios.c - the things that a charger goes through.
 *
 * Release 2 runs in slot A and is to become 3, in slot B.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/believe/successor.h"
#include "agent/cmd/commands.h"
#include "base/file.h"
#include "tests/agent/bundle_files.h"
#include "tests/agent/cuts.h"
#include "tests/agent/gateway.h"

static bool told(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_IDLE && a->state.outbox.count == 0 &&
	       a->director_version > 0 &&
	       strcmp(stage.server.heard->last.status, "Idle") == 0;
}

static bool runs_3(const struct vs_agent *a)
{
	return told(a) && a->charger.slot == 1 && !a->charger.trial &&
	       stage.server.heard->last.ecus[0].release_seq == 3;
}

static bool runs_4(const struct vs_agent *a)
{
	return told(a) && a->charger.slot == 0 && !a->charger.trial &&
	       stage.server.heard->last.ecus[0].release_seq == 4;
}

static bool has_fallen_back(const struct vs_agent *a)
{
	return told(a) && a->charger.slot == 0 && a->state.failed_count == 1 &&
	       stage.server.heard->last.fallback_reason != VS_REASON_NONE;
}

static bool is_armed(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_REBOOTING;
}

/* What the loader has to know of a slot that was once replaced. */
static void set_good(int slot)
{
	struct vs_record record = maker_record(&stage.maker);

	record.slots[slot].state = VS_SLOT_GOOD;
	maker_set_record(&stage.maker, record);
}

static void make_charger(void)
{
	stage_drop_deltas();
	maker_charger(&stage.maker, &stage.gateway[2], &stage.controller[2], 1);
	server_provision(&stage.server, &stage.maker);
	life_configure(&stage.maker);
	if (!stage.on_gateway)
		return;
	gateway_make(&stage.maker, 1);
	gateway.rises = model_counter;
}

/* Release 1, which 2 replaced, is in slot B. */
static void make_used_charger(void)
{
	char name[64];

	make_charger();
	maker_fill_slot(&stage.maker, stage_slot(0, 1, name),
	                &stage.gateway[1]);
	maker_fill_slot(&stage.maker, stage_slot(1, 1, name),
	                &stage.controller[1]);
	set_good(1);
}

static void offer(int gateway_release, int controller_release)
{
	server_offer(&stage.server, &stage.gateway[gateway_release],
	             controller_release ? &stage.controller[controller_release]
	                                : NULL);
	server_publish(&stage.server);
}

static void at_first(void)
{
	make_charger();
	offer(3, 3);
}

static void at_update(void)
{
	make_used_charger();
	offer(3, 0);
}

static void at_set(void)
{
	make_used_charger();
	offer(3, 3);
}

static void at_deltas(void)
{
	at_set();
	stage_deltas(false);
}

static void at_lying_deltas(void)
{
	at_set();
	stage_deltas(true);
}

/* Images of the scenario's kind. */
static void at_kind(void)
{
	at_deltas();
	assert_int_equal(stage_delta_in_units(), stage.kind != SPECIMEN_EXT4);
}

static void at_armed(void)
{
	at_set();
	stage_live(is_armed, -1);
}

static void at_second(void)
{
	at_armed();
	offer(4, 4);
}

static void at_floor(void)
{
	at_set();
	stage_live(runs_3, -1);
}

/* The update, cut when a cluster of it was written. */
static void at_resume(void)
{
	struct model_cut cut = {.fate = MODEL_KEPT};

	at_set();
	model_outside(stage.server.heard, sizeof(*stage.server.heard));
	model_begin(stage.maker.dir);
	stage_live(runs_3, -1);
	cut.op = model_find_write(VS_CLUSTER_LEN) + 1;
	assert_true(cut.op < model_ops());
	model_cut(&cut);
	model_end();
	assert_int_equal(stage.server.heard->installed, 0);
}

static void run_update(void)
{
	stage_live(runs_3, -1);
	stage_check(1, 3, 2, 2);
	assert_true(stage.server.heard->installed > 0);
}

static void run_set(void)
{
	stage_live(runs_3, -1);
	stage_check(1, 3, 3, 2);
	assert_true(stage.server.heard->installed > 0);
}

/* The packs are noise, their changed clusters 14000 bytes. */
static void run_deltas(void)
{
	run_set();
	assert_true(stage.server.heard->pack_bytes < 6000);
}

static void run_lying_deltas(void)
{
	run_set();
	assert_true(stage.server.heard->pack_bytes > 14000);
}

/* Before the cuts and after them deltas came, and no cluster; an index says
 * what clusters would have cost.
 */
static void run_kind(void)
{
	const struct heard *heard = stage.server.heard;

	run_set();
	assert_in_range(heard->delta_bytes, 1, 4 * stage_deltas_len());
	assert_true(heard->pack_bytes - heard->delta_bytes < 1000);
}

static void run_floor(void)
{
	stage_live(runs_3, -1);
	stage_check(1, 3, 3, 2);
	if (stage.on_gateway)
		assert_int_equal(gateway.firmware->floors[1], 2);
}

static void run_sick(void)
{
	stage_live(has_fallen_back, 1);
	stage_check(0, 2, 2, 1);
	assert_true(stage.server.heard->refused[VS_REASON_HEALTH_FAILED]);
	assert_int_equal(stage.server.heard->installed, 0);
}

static void run_second(void)
{
	stage_live(runs_4, -1);
	stage_check(0, 4, 4, 3);
	assert_true(stage.server.heard->installed > 0);
}

static struct {
	uint8_t bytes[VS_KEYRING_LEN_MAX];
	size_t len;
} successor;

/* The same people, and version 2. */
static void at_keyring(void)
{
	struct person *const both[] = {&stage.maker.people[0],
	                               &stage.maker.people[1]};
	struct vs_keyring ring = stage.maker.ring;

	make_charger();
	(void)stage_boot(VS_RESET_POWER);
	ring.version = 2;
	successor.len = maker_ring(&ring, both, 2, successor.bytes);
}

static void with_charger(bool take)
{
	const struct vs_conf conf = {.demo = true};
	struct vs_charger *c = malloc(sizeof(*c));
	struct vs_why why = {VS_REASON_NONE, "", 0};
	char path[PATH_MAX], error[VS_ERROR_LEN] = "";
	vs_status status;

	assert_non_null(c);
	maker_path(&stage.maker, "charger", path);
	if (vs_charger_open(c, path, error) != VS_OK)
		fail_msg("%s", error);
	status = take ? vs_successor_take(c, &conf, successor.bytes,
	                                  successor.len, &why)
	              : vs_successor_settle(c, &why);
	if (status != VS_OK)
		fail_msg("%s", why.what);
	vs_charger_close(c);
	free(c);
}

/* As `voltseal-agent keyring` does it, and the agent at its next start. */
static void run_keyring(void)
{
	struct vs_boot_decision d;

	(void)stage_boot(VS_RESET_POWER);
	with_charger(true);
	with_charger(false);
	d = stage_boot(VS_RESET_REQUEST);
	assert_int_equal(d.slot, 0);
	assert_int_equal(d.epoch_floor, 2);
	with_charger(false);
}

/* A stick with seals and packs, and a person who types. */
static void put_stick(void)
{
	const struct made *g = &stage.gateway[3], *c = &stage.controller[3];

	maker_put(&stage.maker, "gateway.seal", g->seal, g->seal_len);
	maker_put(&stage.maker, "gateway.pack", g->pack, g->pack_len);
	maker_put(&stage.maker, "controller.seal", c->seal, c->seal_len);
	maker_put(&stage.maker, "controller.pack", c->pack, c->pack_len);
}

void stage_stick(void)
{
	make_used_charger();
	server_offer(&stage.server, &stage.gateway[2], &stage.controller[2]);
	server_publish(&stage.server);
	put_stick();
}

/* What it prints is for its person. */
static int silently(int argc, const char *const *words)
{
	int out, null, code;

	fflush(stdout);
	out = dup(1);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_true(out >= 0 && null >= 0 && dup2(null, 1) == 1);
	optind = 0;
	code = vs_cmd_install(argc, (char **)(uintptr_t)words);
	fflush(stdout);
	assert_int_equal(dup2(out, 1), 1);
	close(out);
	close(null);
	return code;
}

int stage_install(void)
{
	char dir[PATH_MAX], files[4][PATH_MAX];
	const char *const names[] = {"gateway.seal", "gateway.pack",
	                             "controller.seal", "controller.pack"};
	const char *words[] = {"install", "--dir",  dir,      "--seal",
	                       files[0],  "--pack", files[1], "--seal",
	                       files[2],  "--pack", files[3], "--workers",
	                       "1",       "--arm",  "--json", NULL};

	maker_path(&stage.maker, "charger", dir);
	for (int i = 0; i < 4; i++)
		maker_path(&stage.maker, names[i], files[i]);
	return silently(15, words);
}

static void run_stick(void)
{
	struct vs_boot_decision d = stage_boot(VS_RESET_POWER);

	if (d.slot == 0)
		assert_int_equal(stage_install(), VS_EXIT_OK);
	stage_live(runs_3, -1);
	stage_check(1, 3, 3, 2);
	assert_true(stage.server.heard->installed > 0);
}

static void at_bundle(void)
{
	at_set();
	bundle_put(&stage.server, &stage.maker, "CP-0001", "stick");
}

static int install_bundle(void)
{
	char dir[PATH_MAX], file[PATH_MAX];
	const char *words[] = {"install", "--dir", dir,  "--workers",
	                       "1",       "--arm", file, NULL};

	maker_path(&stage.maker, "charger", dir);
	maker_path(&stage.maker, "stick.tar", file);
	return silently(7, words);
}

/* Nobody but the bundle brings it, and the server hears of that. */
static void run_bundle(void)
{
	struct vs_boot_decision d = stage_boot(VS_RESET_POWER);

	if (d.slot == 0)
		assert_int_equal(install_bundle(), VS_EXIT_OK);
	stage_live(runs_3, -1);
	stage_check(1, 3, 3, 2);
	assert_true(stage.server.heard->bundled > 0);
}

#define ROW(name, begin, run, boots, gateway, kind)                            \
	{                                                                      \
		name, begin, run, boots, gateway, kind                         \
	}
#define HOST(name, at, run, boots)                                             \
	ROW(name, at, run, boots, false, SPECIMEN_NONE)
#define UEFI(name, at, run, boots)                                             \
	ROW(name, at, run, boots, true, SPECIMEN_NONE)
#define KIND(name, kind)                                                       \
	ROW("an update by deltas of " name, at_kind, run_kind, 3, false,       \
	    SPECIMEN_##kind)

const struct scenario scenarios[] = {
	HOST("a fresh install", at_first, run_set, 3),
	HOST("an update", at_update, run_update, 3),
	HOST("a resumed update", at_resume, run_set, 3),
	HOST("a release of two components", at_set, run_set, 3),
	HOST("another keyring", at_keyring, run_keyring, 2),
	HOST("a commit", at_armed, run_set, 3),
	HOST("a fallback", at_armed, run_sick, 3),
	HOST("a second release during a trial", at_second, run_second, 4),
	HOST("an install from a stick", stage_stick, run_stick, 3),
	HOST("a floor that rises in a file", at_floor, run_floor, 2),
	UEFI("a floor that rises in firmware", at_floor, run_floor, 2),
	UEFI("a release, with a UEFI loader", at_set, run_set, 3),
	UEFI("another keyring, with a UEFI loader", at_keyring, run_keyring, 2),
	HOST("an update by deltas", at_deltas, run_deltas, 3),
	HOST("an update by deltas that lie", at_lying_deltas, run_lying_deltas,
             3),
	HOST("an install from a bundle", at_bundle, run_bundle, 3),
	KIND("ext4", EXT4),
	KIND("squashfs with zstd", ZSTD),
	KIND("squashfs with xz", XZ),
	KIND("squashfs with gzip", GZIP),
	KIND("erofs", EROFS),
	KIND("erofs with lz4hc", LZ4HC),
};
const size_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);
