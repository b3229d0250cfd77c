/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/cuts_stage.c - the charger that is cut, and its judge.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "seal/slot.h"
#include "tests/agent/cuts.h"
#include "tests/agent/gateway.h"
#include "tests/agent/power.h"

#define GATEWAY_LEN ((size_t)VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000

struct stage stage;

uint32_t stage_security(int release)
{
	return release < 3 ? 1 : (uint32_t)release - 1;
}

void stage_make(void)
{
	uint8_t *image = malloc(GATEWAY_LEN);

	assert_non_null(image);
	power_set_time(NOW);
	/* Nothing of the model's needs a disk. */
	maker_init_in(&stage.maker,
	              access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	noise(image, GATEWAY_LEN, 1);
	for (int r = 1; r < RELEASES; r++) {
		/* the first cluster stays the same from 2 to 3 */
		if (r != 3)
			noise(image, GATEWAY_LEN, (uint64_t)r);
		noise(image + GATEWAY_LEN - 99, 99, (uint64_t)r + 10);
		maker_seal(&stage.maker, &stage.gateway[r], "gateway",
		           (uint64_t)r, stage_security(r), image, GATEWAY_LEN);
		maker_seal(&stage.maker, &stage.controller[r], "controller",
		           (uint64_t)r, stage_security(r), image + r,
		           CONTROLLER_LEN);
	}
	free(image);
}

void stage_drop(void)
{
	stage_drop_deltas();
	stage_give_back();
	for (int r = 1; r < RELEASES; r++) {
		made_drop(&stage.gateway[r]);
		made_drop(&stage.controller[r]);
	}
	maker_drop(&stage.maker);
}

const char *stage_slot(int component, int slot, char out[static 64])
{
	const char *name = component == 0 ? "gateway" : "controller";
	char part[32];

	if (!stage.on_gateway) {
		snprintf(out, 64, "charger/slot-%c/%s", 'a' + slot, name);
		return out;
	}
	snprintf(part, sizeof(part), "%s-%c", name, 'a' + slot);
	return gateway_node(part, out);
}

static const struct made *made_of(int component, int release)
{
	return component == 0 ? &stage.gateway[release]
	                      : &stage.controller[release];
}

/* The release whose footer stands in a slot; 0: none. */
static int footer_of(int component, int slot)
{
	uint8_t footer[VS_SLOT_FOOTER_LEN];
	struct vs_signatures sigs;
	char name[64], path[PATH_MAX];
	const uint8_t *raw;
	VS_AUTO(vs_fd_drop)
	int fd = open(maker_path(&stage.maker,
	                         stage_slot(component, slot, name), path),
	              O_RDONLY | O_CLOEXEC);

	if (fd < 0 ||
	    vs_file_pread(fd, footer, sizeof(footer),
	                  MAKER_SLOT_LEN - sizeof(footer)) != VS_OK ||
	    vs_slot_footer_decode(footer, &raw, &sigs, NULL) != VS_OK)
		return 0;
	for (int r = 1; r < RELEASES; r++)
		if (memcmp(raw, made_of(component, r)->seal,
		           VS_SEAL_HEADER_LEN) == 0)
			return r;
	return 0;
}

static bool holds(int component, int slot, int release)
{
	char name[64];

	return release > 0 &&
	       life_holds(&stage.maker, stage_slot(component, slot, name),
	                  made_of(component, release));
}

void stage_check_footers(void)
{
	for (int i = 0; i < 2 * VS_SLOTS; i++) {
		int release = footer_of(i / 2, i % 2);

		assert_true(release == 0 || holds(i / 2, i % 2, release));
	}
}

/* Releases 1 to 4 are whole; 3 may also bring the gateway's image alone. */
static void assert_whole(int slot)
{
	int gateway_has = footer_of(0, slot),
	    controller_has = footer_of(1, slot);

	assert_true(holds(0, slot, gateway_has));
	assert_true(holds(1, slot, controller_has));
	if (gateway_has != controller_has)
		assert_true(gateway_has == 3 && controller_has == 2 &&
		            stage.server.part_count == 1);
}

/* A floor is never above what is confirmed: the slot to fall back to is. */
static void assert_floor_is_late(const struct vs_boot_decision *d,
                                 const struct vs_record *record)
{
	for (int i = 0; i < 2; i++) {
		bool stands = false;

		for (int slot = 0; slot < VS_SLOTS; slot++)
			stands = stands ||
			         (record->slots[slot].state == VS_SLOT_GOOD &&
			          stage_security(footer_of(i, slot)) >=
			                  d->floor[i]);
		assert_true(stands);
	}
}

static void judge(const struct vs_boot_decision *d,
                  const struct vs_record *record)
{
	assert_int_equal(d->verdict, VS_VERDICT_BOOT);
	for (int i = 0; i < 2; i++)
		assert_true(d->header[i].security_version >= d->floor[i]);
	assert_whole(d->slot);
	assert_floor_is_late(d, record);
}

/* The loader's code over the files that a host has. */
static struct vs_boot_decision boot_host(enum vs_reset_cause cause)
{
	struct vs_charger *c = malloc(sizeof(*c));
	struct vs_boot_decision d;
	char path[PATH_MAX];
	char error[VS_ERROR_LEN] = "";

	assert_non_null(c);
	maker_path(&stage.maker, "charger", path);
	if (vs_charger_open_blank(c, path, error) != VS_OK)
		fail_msg("%s", error);
	assert_int_equal(vs_boot_decide(&c->ops, c->components,
	                                c->machine.count, &c->ring, cause,
	                                c->scratch, &d),
	                 VS_OK);
	vs_charger_close(c);
	free(c);
	maker_decide(&stage.maker, &d);
	return d;
}

struct vs_boot_decision stage_boot(enum vs_reset_cause cause)
{
	struct vs_boot_decision d =
		stage.on_gateway ? gateway_boot(cause) : boot_host(cause);
	struct vs_record record = maker_record(&stage.maker);

	stage.boots++;
	judge(&d, &record);
	return d;
}

static void boot(enum vs_reset_cause cause)
{
	(void)stage_boot(cause);
}

void stage_live(bool (*done)(const struct vs_agent *a), int sick)
{
	struct life l = {.maker = &stage.maker,
	                 .server = &stage.server,
	                 .done = done,
	                 .sick = sick,
	                 .boot = boot};

	assert_true(life_run(&l));
}

void stage_check(int slot, int gateway_release, int controller_release,
                 uint32_t floor)
{
	struct vs_boot_decision d = stage_boot(VS_RESET_POWER);

	assert_int_equal(d.slot, slot);
	assert_false(d.trial);
	assert_true(holds(0, slot, gateway_release));
	assert_true(holds(1, slot, controller_release));
	assert_int_equal(d.floor[0], floor);
	assert_int_equal(maker_record(&stage.maker).slots[slot].state,
	                 VS_SLOT_GOOD);
	assert_false(stage.server.heard->bad);
}
