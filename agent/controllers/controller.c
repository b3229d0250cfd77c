/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/controllers/controller.c - brings one controller to one image.
 *
 * Each function looks first and then does what is missing, so that it can be
 * called again after a cut at any instant, on either side of the line.
 */
#include "agent/controllers/controller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "boot/crc.h"
#include "boot/decision.h"
#include "boot/port/cortexm/serve.h"
#include "seal/bytes.h"
#include "seal/slot.h"

enum {
	BY_LOADER = 255,
	ERASED = 0xff,
	GRAIN = VS_FLASH_GRAIN,
	SECTOR_MAX = 1 << 20,
	SLOT_MAX = 16 << 20,
	FLASH_ATTEMPTS = 3, /* of a sector */
	ROUNDS = 8,         /* looks of one vs_controller_start() */
	START_MS = 30000,
	KNOCK_MS = 500, /* for one answer while it restarts */
	CALL_MS = 120000,
};

/* docs/formats/serial.md section 3: the status. */
enum {
	IN_RUNS = 0,
	IN_TARGET = 1,
	IN_RECORDED = 2,
	IN_FIRST = 3,
	IN_SLOTS = 4,
	IN_SECTOR_LEN = 12,
	IN_SLOT_LEN = 16,
	IN_DATA_MAX = 20,
	IN_RAISE_FLOOR = 22,
	IN_COMPONENT = 24,
	IN_HARDWARE = 56,
	IN_VERSION = 88,
};

/* One call of a function of the header: what it asks with, and until when. */
struct call {
	struct vs_controller *c;
	uint64_t end_ms;
	struct vs_why *why;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct call begin_call(struct vs_controller *c, struct vs_why *why)
{
	c->error[0] = '\0';
	return (struct call){c, now_ms() + CALL_MS + 2 * c->start_ms, why};
}

void vs_controller_init(struct vs_controller *c, struct vs_serial *line,
                        const char *component, const char *hardware)
{
	memset(c, 0, sizeof(*c));
	c->line = line;
	c->component = component;
	c->hardware = hardware;
	c->start_ms = START_MS;
}

static vs_status silent(const struct call *k, const char *what)
{
	return vs_fail(VS_ERR_IO, k->why, VS_REASON_UNREADABLE, what, 0);
}

static vs_status malformed(const struct call *k, const char *what)
{
	return vs_fail(VS_ERR_INPUT, k->why, VS_REASON_MALFORMED, what, 0);
}

/* What the controller's word for it means here. */
static vs_status judge(const struct call *k, vs_status result)
{
	switch (result) {
	case VS_OK:
		return VS_OK;
	case VS_ERR_INPUT:
		return malformed(k, "the controller does not understand");
	case VS_ERR_REFUSED:
		return vs_fail(VS_ERR_REFUSED, k->why, VS_REASON_HASH_MISMATCH,
		               "the controller holds other bytes", 0);
	case VS_ERR_IO:
		return silent(k, "the controller's flash cannot be written");
	case VS_ERR_ABSENT:
		return vs_fail(VS_ERR_INPUT, k->why, VS_REASON_UNSUPPORTED,
		               "the controller has no such request", 0);
	case VS_ERR_STATE:
		return vs_fail(VS_ERR_STATE, k->why, VS_REASON_CONFLICT,
		               "the controller's boot record forbids it", 0);
	default:
		return malformed(k, "the controller's answer has no meaning");
	}
}

static vs_status may_go_on(const struct call *k)
{
	if (k->c->tick && !k->c->tick(k->c->tick_ctx))
		return vs_fail(VS_ERR_STATE, k->why, VS_REASON_CONFLICT,
		               "stopped", 0);
	if (now_ms() >= k->end_ms)
		return silent(k, "the controller takes too long");
	return VS_OK;
}

/* Asks, and wants a body of body_len bytes. */
static vs_status ask(const struct call *k, uint8_t type, const uint8_t *in,
                     size_t len, struct vs_serial_answer *out, size_t body_len)
{
	vs_status status = may_go_on(k);

	if (status != VS_OK)
		return status;
	status = vs_serial_ask(k->c->line, type, in, len, out);
	if (status != VS_OK)
		return silent(k, "the controller does not answer");
	status = judge(k, out->result);
	if (status == VS_OK && out->len != body_len)
		return malformed(k, "the controller's answer has no meaning");
	return status;
}

static vs_status tell(const struct call *k, uint8_t type, const uint8_t *in,
                      size_t len)
{
	struct vs_serial_answer answer;

	return ask(k, type, in, len, &answer, 0);
}

/* A text of 32 bytes: printable, then zeros. */
static bool take_text(const uint8_t *in, char out[static VS_COMPONENT_LEN])
{
	size_t len = 0;

	while (len < VS_COMPONENT_LEN && in[len] > ' ' && in[len] <= '~')
		len++;
	if (len == VS_COMPONENT_LEN ||
	    first_nonzero(in + len, VS_COMPONENT_LEN - len) !=
	            VS_COMPONENT_LEN - len)
		return false;
	memcpy(out, in, VS_COMPONENT_LEN);
	return true;
}

/* The record's own rules say what may stand there. */
static bool take_record(const uint8_t *in, struct vs_controller_view *v)
{
	struct vs_record said = {.slot = in[IN_FIRST],
	                         .raise_floor = in[IN_RAISE_FLOOR]};
	uint8_t raw[VS_RECORD_LEN];

	if (in[IN_RECORDED] > 1 || in[IN_RAISE_FLOOR + 1] != 0)
		return false;
	for (size_t i = 0; i < VS_SLOTS; i++) {
		const uint8_t *p = in + IN_SLOTS + 4 * i;

		said.slots[i].state = p[0];
		said.slots[i].tries = p[1];
		said.slots[i].reason = get16(p + 2);
	}
	v->recorded = in[IN_RECORDED] == 1;
	vs_record_encode(&said, raw);
	return vs_record_decode(raw, &v->record, NULL) == VS_OK;
}

static bool take_sizes(const uint8_t *in, struct vs_controller_view *v)
{
	v->sector_len = get32(in + IN_SECTOR_LEN);
	v->slot_len = get32(in + IN_SLOT_LEN);
	v->data_max = get16(in + IN_DATA_MAX);
	return v->sector_len >= GRAIN && v->sector_len <= SECTOR_MAX &&
	       v->sector_len % GRAIN == 0 && v->slot_len <= SLOT_MAX &&
	       v->slot_len >= VS_SLOT_FOOTER_LEN &&
	       v->slot_len % v->sector_len == 0 && v->data_max >= GRAIN &&
	       v->data_max <= VS_SERVE_DATA_MAX && v->data_max % GRAIN == 0;
}

static vs_status take_status(const struct call *k, const uint8_t *in,
                             struct vs_controller_view *v)
{
	bool by_loader = in[IN_RUNS] == BY_LOADER;

	v->runs = by_loader ? VS_CONTROLLER_BY_LOADER : in[IN_RUNS];
	v->target = in[IN_TARGET];
	if (v->target >= VS_SLOTS ||
	    (!by_loader && (v->runs >= VS_SLOTS || v->runs == v->target)) ||
	    !take_record(in, v) || !take_sizes(in, v) ||
	    !take_text(in + IN_COMPONENT, v->component) ||
	    !take_text(in + IN_HARDWARE, v->hardware) ||
	    !take_text(in + IN_VERSION, v->header.version))
		return malformed(k, "the controller's status has no meaning");
	return VS_OK;
}

/* It must agree with the status, which the same controller gave. */
static vs_status take_decision(const struct call *k, const uint8_t *in,
                               struct vs_controller_view *v)
{
	char names[VS_BOOT_COMPONENTS_MAX][VS_COMPONENT_LEN];
	struct vs_boot_decision d;
	int count;
	bool runs = v->runs != VS_CONTROLLER_BY_LOADER;

	if (vs_decision_decode(in, VS_DECISION_LEN(1), &d, names, &count,
	                       NULL) != VS_OK ||
	    strcmp(names[0], v->component) != 0 ||
	    d.verdict != (runs ? VS_VERDICT_BOOT : VS_VERDICT_DENY) ||
	    (runs && d.slot != v->runs) ||
	    strcmp(d.header[0].version, v->header.version) != 0)
		return malformed(k, "the controller's decision has no meaning");
	v->header = d.header[0];
	memcpy(v->header.component, v->component, VS_COMPONENT_LEN);
	v->floor = d.floor[0];
	for (int i = 0; i < VS_SLOTS; i++)
		v->refused[i] = d.seen[i].refused < VS_REASON_COUNT
		                        ? d.seen[i].refused
		                        : VS_REASON_BOOT_FAILED;
	return VS_OK;
}

/* A line that leads to another controller is a wiring fault, or a lie. */
static vs_status is_mine(const struct call *k,
                         const struct vs_controller_view *v)
{
	struct vs_controller *c = k->c;

	if (strcmp(v->component, c->component) != 0) {
		snprintf(c->error, sizeof(c->error),
		         "says that it is \"%s\", not \"%s\"", v->component,
		         c->component);
		return vs_fail(VS_ERR_REFUSED, k->why,
		               VS_REASON_WRONG_COMPONENT,
		               "the controller is of another component", 0);
	}
	if (strcmp(v->hardware, c->hardware) != 0) {
		snprintf(c->error, sizeof(c->error),
		         "says that its hardware is \"%s\", not \"%s\"",
		         v->hardware, c->hardware);
		return vs_fail(VS_ERR_REFUSED, k->why, VS_REASON_WRONG_HARDWARE,
		               "the controller is of other hardware", 0);
	}
	return VS_OK;
}

static vs_status look(const struct call *k)
{
	struct vs_controller_view v = {0};
	struct vs_serial_answer answer;
	vs_status status =
		ask(k, VS_SERVE_STATUS, NULL, 0, &answer, VS_SERVE_STATUS_LEN);

	if (status == VS_OK)
		status = take_status(k, answer.body, &v);
	if (status == VS_OK)
		status = is_mine(k, &v);
	if (status == VS_OK)
		status = ask(k, VS_SERVE_DECISION, NULL, 0, &answer,
		             VS_DECISION_LEN(1));
	if (status == VS_OK)
		status = take_decision(k, answer.body, &v);
	if (status == VS_OK)
		k->c->view = v;
	return status;
}

vs_status vs_controller_look(struct vs_controller *c, struct vs_why *why)
{
	const struct call k = begin_call(c, why);

	return look(&k);
}

/* All that a decision tells of an image, its root hash among it. */
bool vs_controller_runs(const struct vs_controller *c,
                        const struct vs_seal_header *h)
{
	const struct vs_controller_view *v = &c->view;
	struct vs_seal_header said = v->header;

	memcpy(said.hardware, h->hardware, sizeof(said.hardware));
	return v->runs != VS_CONTROLLER_BY_LOADER &&
	       vs_seal_header_equal(&said, h);
}

bool vs_controller_on_trial(const struct vs_controller *c)
{
	const struct vs_controller_view *v = &c->view;

	return v->runs != VS_CONTROLLER_BY_LOADER && v->recorded &&
	       v->record.slots[v->runs].state == VS_SLOT_TRIAL;
}

bool vs_controller_armed(const struct vs_controller *c)
{
	const struct vs_controller_view *v = &c->view;

	return v->runs != VS_CONTROLLER_BY_LOADER && v->recorded &&
	       v->record.slot != v->runs;
}

static vs_status read_part(const struct call *k, const struct vs_disk *from,
                           uint8_t *out, uint64_t len, uint64_t at)
{
	if (len > 0 && vs_disk_read(from, out, (size_t)len, at) != VS_OK)
		return silent(k, "the slot with its image cannot be read");
	return VS_OK;
}

/* The whole slot as it is to be: data, tree, footer, and 0xff, which flash
 * has without being written, where nothing lies.  Gives *out (free()).
 */
static vs_status lay_out(const struct call *k,
                         const struct vs_controller_image *image, uint8_t **out)
{
	const struct vs_seal *seal = image->seal;
	const struct vs_tree *t = &seal->tree;
	uint32_t slot_len = k->c->view.slot_len;
	struct vs_slot_layout layout;
	uint8_t *slot;
	vs_status status = vs_slot_layout(t, slot_len, &layout, k->why);

	if (status != VS_OK)
		return status;
	slot = malloc(slot_len);
	if (!slot)
		return vs_fail(VS_ERR_NOMEM, k->why, VS_REASON_TOO_LARGE,
		               "no memory for the controller's slot", 0);
	memset(slot, ERASED, slot_len);
	/* The same offsets in any slot, but for the footer's. */
	status = read_part(k, image->from, slot, layout.tree_at + t->len, 0);
	if (status == VS_OK &&
	    vs_slot_footer_encode(seal->raw, &seal->signatures,
	                          slot + layout.footer_at) != VS_OK)
		status = malformed(k, "the seal");
	if (status != VS_OK) {
		free(slot);
		return status;
	}
	*out = slot;
	return VS_OK;
}

static vs_status sector_stands(const struct call *k, uint32_t at,
                               const uint8_t *want, bool *stands)
{
	uint32_t len = k->c->view.sector_len;
	struct vs_serial_answer answer;
	uint8_t in[8];
	vs_status status;

	put32(in, at);
	put32(in + 4, len);
	status = ask(k, VS_SERVE_CHECK, in, sizeof(in), &answer, 4);
	if (status == VS_OK)
		*stands = get32(answer.body) == vs_crc32(want, len);
	return status;
}

static bool is_blank(const uint8_t *in, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (in[i] != ERASED)
			return false;
	return true;
}

static vs_status write_sector(const struct call *k, uint32_t at,
                              const uint8_t *want)
{
	const struct vs_controller_view *v = &k->c->view;
	uint8_t in[4 + VS_SERVE_DATA_MAX];
	vs_status status;

	put32(in, at / v->sector_len);
	status = tell(k, VS_SERVE_ERASE, in, 4);
	for (uint32_t i = 0; i < v->sector_len && status == VS_OK;
	     i += v->data_max) {
		uint32_t len = v->sector_len - i < v->data_max
		                       ? v->sector_len - i
		                       : v->data_max;

		if (is_blank(want + i, len))
			continue;
		put32(in, at + i);
		memcpy(in + 4, want + i, len);
		status = tell(k, VS_SERVE_WRITE, in, 4 + len);
	}
	return status;
}

/* Until it stands there, by the controller's own word. */
static vs_status bring_sector(const struct call *k, uint32_t at,
                              const uint8_t *want)
{
	bool stands = false;
	vs_status status = sector_stands(k, at, want, &stands);

	for (int i = 0; i < FLASH_ATTEMPTS && status == VS_OK && !stands; i++) {
		status = write_sector(k, at, want);
		k->c->sectors_written++;
		if (status == VS_ERR_IO && i + 1 < FLASH_ATTEMPTS)
			status = VS_OK; /* erased and written once more */
		if (status == VS_OK)
			status = sector_stands(k, at, want, &stands);
	}
	if (status == VS_OK && !stands)
		return silent(k, "the controller's flash keeps other bytes");
	return status;
}

static vs_status fits(const struct call *k, const struct vs_seal_header *h)
{
	const struct vs_controller *c = k->c;

	if (strcmp(h->component, c->component) != 0)
		return vs_fail(VS_ERR_REFUSED, k->why,
		               VS_REASON_WRONG_COMPONENT,
		               "sealed for another component", 0);
	if (!vs_seal_header_fits(h, c->hardware))
		return vs_fail(VS_ERR_REFUSED, k->why, VS_REASON_WRONG_HARDWARE,
		               "not made for this hardware", 0);
	if (c->view.floor != UINT32_MAX && h->security_version < c->view.floor)
		return vs_fail(VS_ERR_REFUSED, k->why, VS_REASON_BELOW_FLOOR,
		               "below the controller's floor", 0);
	return VS_OK;
}

/* Gives the checksum of the whole slot. */
static vs_status write_slot(const struct call *k,
                            const struct vs_controller_image *image,
                            uint32_t *crc)
{
	const struct vs_controller_view *v = &k->c->view;
	uint8_t *slot = NULL;
	vs_status status = fits(k, &image->seal->header);

	if (status == VS_OK)
		status = lay_out(k, image, &slot);
	if (status == VS_OK)
		status = tell(k, VS_SERVE_BEGIN, NULL, 0);
	for (uint32_t at = 0; at < v->slot_len && status == VS_OK;
	     at += v->sector_len)
		status = bring_sector(k, at, slot + at);
	if (status == VS_OK)
		*crc = vs_crc32(slot, v->slot_len);
	free(slot);
	return status;
}

vs_status vs_controller_write(struct vs_controller *c,
                              const struct vs_controller_image *image,
                              struct vs_why *why)
{
	struct call k = begin_call(c, why);
	uint32_t crc;
	vs_status status = look(&k);

	if (status != VS_OK || vs_controller_runs(c, &image->seal->header))
		return status;
	k.end_ms += c->view.slot_len;
	return write_slot(&k, image, &crc);
}

/* Its answer may be lost with it, and a second request would be a second
 * restart, which takes a try: so asked once, but of a loader, which has none.
 * Then knocks until somebody opens.
 */
static vs_status restart(const struct call *k)
{
	struct vs_serial *line = k->c->line;
	uint64_t end = now_ms() + k->c->start_ms;
	uint64_t patience = line->patience_ms;
	unsigned attempts = line->attempts;
	struct vs_serial_answer answer;
	vs_status status;

	if (k->c->view.runs != VS_CONTROLLER_BY_LOADER)
		line->attempts = 1;
	/* it may go before it answers: what it says then will tell */
	bool answered = vs_serial_ask(line, VS_SERVE_RESTART, NULL, 0,
	                              &answer) == VS_OK;
	(void)answered;
	line->attempts = 1;
	line->patience_ms = patience < KNOCK_MS ? patience : KNOCK_MS;
	do {
		status = may_go_on(k);
		if (status == VS_OK)
			status = vs_serial_ask(line, VS_SERVE_STATUS, NULL, 0,
			                       &answer);
	} while (status == VS_ERR_IO && now_ms() < end && now_ms() < k->end_ms);
	line->attempts = attempts;
	line->patience_ms = patience;
	if (status == VS_ERR_IO)
		return silent(k, "the controller does not come back");
	return status == VS_OK ? look(k) : status;
}

vs_status vs_controller_restart(struct vs_controller *c, struct vs_why *why)
{
	const struct call k = begin_call(c, why);

	return restart(&k);
}

static vs_status give_up(const struct call *k, vs_reason reason)
{
	uint8_t in[2];

	put16(in, (uint16_t)(reason ? reason : VS_REASON_HEALTH_FAILED));
	return tell(k, VS_SERVE_GIVE_UP, in, sizeof(in));
}

vs_status vs_controller_give_up(struct vs_controller *c, vs_reason reason,
                                struct vs_why *why)
{
	const struct call k = begin_call(c, why);

	return give_up(&k, reason);
}

static vs_status finish(const struct call *k, uint32_t crc, int tries)
{
	uint8_t in[8] = {0};

	put32(in, crc);
	in[4] = (uint8_t)tries;
	return tell(k, VS_SERVE_FINISH, in, sizeof(in));
}

/* Why the controller did not start what was armed, in its own words. */
static vs_status not_started(const struct call *k, int slot)
{
	const struct vs_controller_view *v = &k->c->view;
	vs_reason reason = v->refused[slot];

	return vs_fail(VS_ERR_REFUSED, k->why,
	               reason != VS_REASON_NONE ? reason
	                                        : VS_REASON_BOOT_FAILED,
	               "the controller does not start it", 0);
}

/* One step nearer, after a look.  *armed: the slot in which the image was
 * armed, -1: not yet.
 */
static vs_status step(const struct call *k,
                      const struct vs_controller_image *image, int tries,
                      vs_reason reason, int *armed)
{
	struct vs_controller *c = k->c;
	uint32_t crc;
	vs_status status = VS_OK;

	if (vs_controller_armed(c))
		return restart(k); /* what starts next is seen then */
	if (*armed >= 0)
		return not_started(k, *armed);
	if (vs_controller_on_trial(c)) {
		status = give_up(k, reason);
		return status == VS_OK ? restart(k) : status;
	}
	status = write_slot(k, image, &crc);
	if (status == VS_OK)
		status = finish(k, crc, tries);
	if (status != VS_OK)
		return status;
	*armed = c->view.target;
	return restart(k);
}

/* That it runs is not enough: nothing else may be about to start. */
static bool is_done(const struct vs_controller *c,
                    const struct vs_seal_header *h)
{
	return vs_controller_runs(c, h) && !vs_controller_armed(c);
}

vs_status vs_controller_start(struct vs_controller *c,
                              const struct vs_controller_image *image,
                              int tries, vs_reason reason, struct vs_why *why)
{
	const struct vs_seal_header *h = &image->seal->header;
	struct call k = begin_call(c, why);
	int armed = -1;
	vs_status status = look(&k);

	k.end_ms += c->view.slot_len;
	for (int i = 0; i < ROUNDS && status == VS_OK && !is_done(c, h); i++)
		status = step(&k, image, tries, reason, &armed);
	if (status == VS_OK && !is_done(c, h))
		status = silent(&k, "the controller comes to no end");
	return status;
}

vs_status vs_controller_confirm(struct vs_controller *c,
                                const struct vs_seal_header *h,
                                struct vs_why *why)
{
	const struct call k = begin_call(c, why);
	vs_status status = look(&k);

	if (status != VS_OK)
		return status;
	if (!is_done(c, h))
		return vs_fail(VS_ERR_STATE, why, VS_REASON_CONFLICT,
		               "the controller runs something else", 0);
	if (!vs_controller_on_trial(c))
		return VS_OK;
	status = tell(&k, VS_SERVE_CONFIRM, NULL, 0);
	return status == VS_OK ? look(&k) : status;
}
