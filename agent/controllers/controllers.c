/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/controllers/controllers.c - the controllers of one gateway, one after
 * the other.
 *
 * A line is opened for each piece of work, so a cable that was pulled and put
 * back needs nobody.
 */
#include "agent/controllers/controllers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK_PATIENCE_MS = 1000, CHECK_ATTEMPTS = 2 };

/* One controller at work, with what a slot of the gateway holds for it. */
struct work {
	struct vs_controllers *cs;
	int i; /* the component */
	int slot;
	int tries;
	struct vs_serial line;
	struct vs_controller ctl;
	uint8_t *file; /* owned: the seal, which seal points into */
	struct vs_seal seal;
	struct vs_disk disk;
	struct vs_controller_image image;
	struct vs_why *why;
};

bool vs_controllers_any(const struct vs_charger *c)
{
	for (int i = 0; i < c->machine.count; i++)
		if (c->machine.components[i].serial)
			return true;
	return false;
}

static vs_status open_line(struct work *w)
{
	const struct vs_charger *c = w->cs->charger;
	const char *device = c->machine.components[w->i].device;
	vs_status status = vs_serial_open(&w->line, device);

	vs_controller_init(&w->ctl, &w->line, c->components[w->i].name,
	                   c->components[w->i].hardware);
	w->ctl.tick = w->cs->tick;
	w->ctl.tick_ctx = w->cs->tick_ctx;
	if (status == VS_OK)
		return VS_OK;
	snprintf(w->ctl.error, sizeof(w->ctl.error), "%.100s: %s", device,
	         vs_status_name(status));
	return vs_fail(status, w->why, VS_REASON_UNREADABLE,
	               "the controller's line cannot be opened", 0);
}

static vs_status open_image(struct work *w)
{
	struct vs_charger *c = w->cs->charger;
	size_t len;
	vs_status status;

	if (w->slot < 0)
		return VS_OK; /* nothing of a slot is asked for */
	status = vs_charger_seal(c, w->i, w->slot, &w->file, &len, &w->seal,
	                         w->why);
	if (status != VS_OK)
		return status;
	status = vs_charger_open_slot(c, w->i, w->slot, NULL, &w->disk);
	if (status != VS_OK)
		return vs_fail(status, w->why, VS_REASON_UNREADABLE,
		               "the controller's image cannot be read", 0);
	w->image = (struct vs_controller_image){&w->seal, &w->disk};
	return VS_OK;
}

/* Which slot's image runs there, first asked of the one that runs here; -1:
 * neither's.
 */
static int slot_of(const struct work *w)
{
	const struct vs_charger *c = w->cs->charger;
	int found = -1;

	for (int k = 0; k < VS_SLOTS && found < 0; k++) {
		int slot = c->slot == 1 ? !k : k;
		struct vs_seal seal;
		uint8_t *file = NULL;
		struct vs_why why;
		size_t len;

		if (vs_charger_seal(c, w->i, slot, &file, &len, &seal, &why) ==
		            VS_OK &&
		    vs_controller_runs(&w->ctl, &seal.header))
			found = slot;
		free(file);
	}
	return found;
}

/* For the reports: what the controller itself said last. */
static void note(const struct work *w)
{
	const struct vs_controller_view *v = &w->ctl.view;
	struct vs_told *t = &w->cs->charger->told[w->i];
	uint32_t *floor = &w->cs->charger->running[w->i].floor;

	if (v->slot_len == 0)
		return; /* it said nothing */
	t->known = true;
	memcpy(t->version, v->header.version, sizeof(t->version));
	t->release_seq = v->header.release_seq;
	t->security_version = v->header.security_version;
	t->floor = v->floor;
	t->slot = slot_of(w);
	/* The higher of the two counts: nothing below it would start. */
	if (v->floor != UINT32_MAX && v->floor > *floor)
		*floor = v->floor;
}

/* The controller's word for a person, with its name. */
static void say(struct work *w, vs_status status)
{
	struct vs_controllers *cs = w->cs;

	if (status == VS_OK)
		return;
	cs->failed = w->i;
	snprintf(cs->detail, sizeof(cs->detail), "%s: %.120s",
	         cs->charger->components[w->i].name,
	         w->ctl.error[0] ? w->ctl.error : w->why->what);
}

/* Does one piece of work with each of them, up to the first that fails. */
static vs_status each(struct vs_controllers *cs, int slot, int tries,
                      vs_status (*work)(struct work *), struct vs_why *why)
{
	vs_status status = VS_OK;

	cs->detail[0] = '\0';
	cs->waits = false;
	for (int i = 0; i < cs->charger->machine.count && status == VS_OK;
	     i++) {
		struct work w = {.cs = cs,
		                 .i = i,
		                 .slot = slot,
		                 .tries = tries,
		                 .disk = {.fd = -1},
		                 .line = {.fd = -1},
		                 .why = why};

		if (!cs->charger->machine.components[i].serial)
			continue;
		*why = (struct vs_why){VS_REASON_UNREADABLE, "it failed", 0};
		status = open_line(&w);
		if (status == VS_OK)
			status = open_image(&w);
		if (status == VS_OK)
			status = work(&w);
		note(&w);
		say(&w, status);
		vs_serial_close(&w.line);
		vs_disk_close(&w.disk);
		free(w.file);
	}
	return status;
}

/* Whether it runs just what the slot holds, by the last look. */
static bool is_right(const struct work *w)
{
	return vs_controller_runs(&w->ctl, &w->seal.header) &&
	       !vs_controller_armed(&w->ctl);
}

static vs_status is_wrong(struct work *w)
{
	const struct vs_controller_view *v = &w->ctl.view;
	bool runs = v->runs != VS_CONTROLLER_BY_LOADER;

	snprintf(w->ctl.error, sizeof(w->ctl.error), "runs %s, not %s",
	         runs ? v->header.version : "nothing", w->seal.header.version);
	return vs_fail(VS_ERR_REFUSED, w->why, VS_REASON_HEALTH_FAILED,
	               "the controller runs something else", 0);
}

/* Sooner than by a flash that is slow: whether anybody is there at all. */
static vs_status look(struct work *w)
{
	uint64_t patience = w->line.patience_ms;
	unsigned attempts = w->line.attempts;
	vs_status status;

	w->line.patience_ms = CHECK_PATIENCE_MS;
	w->line.attempts = CHECK_ATTEMPTS;
	status = vs_controller_look(&w->ctl, w->why);
	w->line.patience_ms = patience;
	w->line.attempts = attempts;
	return status;
}

static vs_status write_one(struct work *w)
{
	vs_status status = look(w);

	return status == VS_OK ? vs_controller_write(&w->ctl, &w->image, w->why)
	                       : status;
}

static vs_status start_one(struct work *w)
{
	vs_status status = look(w);

	return status == VS_OK
	               ? vs_controller_start(&w->ctl, &w->image, w->tries,
	                                     w->cs->reason, w->why)
	               : status;
}

static vs_status check_one(struct work *w)
{
	vs_status status = look(w);

	if (status != VS_OK || is_right(w))
		return status;
	return is_wrong(w);
}

/* Nothing is wrong with it: confirms, and lets the floor rise. */
static vs_status rest(struct work *w)
{
	vs_status status = VS_OK;

	if (vs_controller_on_trial(&w->ctl))
		status =
			vs_controller_confirm(&w->ctl, &w->seal.header, w->why);
	if (status != VS_OK || !w->ctl.view.record.raise_floor)
		return status;
	w->cs->waits = !w->cs->idle;
	return w->cs->idle ? vs_controller_restart(&w->ctl, w->why) : VS_OK;
}

static vs_status settle_one(struct work *w)
{
	vs_status status = look(w);

	if (status == VS_OK && !is_right(w)) {
		w->cs->waits = !w->cs->idle;
		if (w->cs->waits)
			return is_wrong(w);
		status = start_one(w);
	}
	return status == VS_OK ? rest(w) : status;
}

static vs_status give_up_one(struct work *w)
{
	vs_status status = look(w);

	if (status == VS_OK && vs_controller_on_trial(&w->ctl) &&
	    !vs_controller_armed(&w->ctl)) {
		status = vs_controller_give_up(&w->ctl, w->cs->reason, w->why);
		if (status == VS_OK)
			status = vs_controller_look(&w->ctl, w->why);
	}
	if (status == VS_OK && w->cs->idle && vs_controller_armed(&w->ctl))
		status = vs_controller_restart(&w->ctl, w->why);
	return status;
}

vs_status vs_controllers_write(struct vs_controllers *cs, int slot,
                               struct vs_why *why)
{
	return each(cs, slot, 0, write_one, why);
}

vs_status vs_controllers_start(struct vs_controllers *cs, int slot, int tries,
                               struct vs_why *why)
{
	return each(cs, slot, tries, start_one, why);
}

vs_status vs_controllers_check(struct vs_controllers *cs, int slot,
                               struct vs_why *why)
{
	return each(cs, slot, 0, check_one, why);
}

vs_status vs_controllers_settle(struct vs_controllers *cs, int slot, int tries,
                                struct vs_why *why)
{
	return each(cs, slot, tries, settle_one, why);
}

vs_status vs_controllers_give_up(struct vs_controllers *cs, struct vs_why *why)
{
	return each(cs, -1, 0, give_up_one, why);
}
