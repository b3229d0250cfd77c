/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/controllers/controller.h - brings one controller to one image, over its
 * line.
 *
 * The controller is asked what it is, where it stands and what it decided;
 * what it answers is judged, never trusted.  Every step can be cut and is
 * begun again by looking once more: nothing is remembered here.
 *
 * Format: docs/formats/serial.md, version 1.
 */
#ifndef VS_AGENT_CONTROLLER_H
#define VS_AGENT_CONTROLLER_H

#include "agent/controllers/serial.h"
#include "agent/slots/disk.h"
#include "boot/boot.h"
#include "boot/record.h"
#include "seal/seal.h"

#define VS_CONTROLLER_BY_LOADER (-1)
#define VS_CONTROLLER_LINE_LEN 160

/* What a controller said of itself, in range and free of contradictions. */
struct vs_controller_view {
	int runs; /* the slot; VS_CONTROLLER_BY_LOADER: no image does */
	int target;
	bool recorded; /* its boot record is readable, so it is: */
	struct vs_record record;
	uint32_t sector_len, slot_len, data_max;
	char component[VS_COMPONENT_LEN];
	char hardware[VS_HARDWARE_LEN];
	struct vs_seal_header header; /* of what runs; no hardware ids */
	uint32_t floor;               /* UINT32_MAX: not readable there */
	vs_reason refused[VS_SLOTS];  /* at its last start, and why */
};

struct vs_controller {
	struct vs_serial *line; /* keeps */
	const char *component;  /* what machine.conf says that it is */
	const char *hardware;
	uint64_t start_ms; /* for it to come back after a restart */
	/* Between questions; false stops with VS_ERR_STATE.  May be NULL. */
	bool (*tick)(void *ctx);
	void *tick_ctx;
	struct vs_controller_view view; /* what it said last */
	uint32_t sectors_written;       /* by vs_controller_write(), in all */
	char error[VS_CONTROLLER_LINE_LEN]; /* of what failed, for a person */
};

/* An image as the controller's slot is to hold it. */
struct vs_controller_image {
	const struct vs_seal *seal; /* opened: verified whole */
	const struct vs_disk *from; /* a slot of any length that holds it */
};

void vs_controller_init(struct vs_controller *c, struct vs_serial *line,
                        const char *component, const char *hardware);

/* Of all the functions below: VS_ERR_IO (UNREADABLE): no answer, or the
 * controller's flash failed; VS_ERR_INPUT (MALFORMED): it does not follow the
 * protocol; VS_ERR_REFUSED: it is another one than machine.conf says
 * (WRONG_COMPONENT, WRONG_HARDWARE), or does not take the image; VS_ERR_STATE:
 * stopped by tick, or (CONFLICT) its boot record stands against it.
 */

/* Asks what it is, where it stands and what it decided, into c->view. */
vs_status vs_controller_look(struct vs_controller *c,
                             struct vs_why *why) VS_MUST_CHECK;

/* Whether what runs, by the last look, is just what this header is of. */
bool vs_controller_runs(const struct vs_controller *c,
                        const struct vs_seal_header *h);
/* Whether what runs is on trial, and whether another slot starts next. */
bool vs_controller_on_trial(const struct vs_controller *c);
bool vs_controller_armed(const struct vs_controller *c);

/* Looks, then writes the image into the target slot, what differs of it, and
 * leaves it there: it does not start.  Nothing is done if the image runs.
 * Also VS_ERR_REFUSED (TOO_BIG_FOR_SLOT, BELOW_FLOOR).
 */
vs_status vs_controller_write(struct vs_controller *c,
                              const struct vs_controller_image *image,
                              struct vs_why *why) VS_MUST_CHECK;

/* Brings the image to run, restarting the controller as often as that takes:
 * something else on trial is given up for reason; what is not written is.
 * The image may be on trial then: the caller confirms it.
 * Also VS_ERR_REFUSED with the reason why the controller did not start it;
 * it runs what it ran before then.
 */
vs_status vs_controller_start(struct vs_controller *c,
                              const struct vs_controller_image *image,
                              int tries, vs_reason reason,
                              struct vs_why *why) VS_MUST_CHECK;

/* Looks; if this runs on trial, vouches for it.  No restart: see
 * vs_controller_restart() for the floor.  VS_ERR_STATE (CONFLICT) if it does
 * not run.
 */
vs_status vs_controller_confirm(struct vs_controller *c,
                                const struct vs_seal_header *h,
                                struct vs_why *why) VS_MUST_CHECK;

/* What runs on trial is not to be started again.  No restart. */
vs_status vs_controller_give_up(struct vs_controller *c, vs_reason reason,
                                struct vs_why *why) VS_MUST_CHECK;

/* Restarts it and waits until it answers again, into c->view. */
vs_status vs_controller_restart(struct vs_controller *c,
                                struct vs_why *why) VS_MUST_CHECK;

#endif
