/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/controller_sim.h - a controller at the other end of a line.
 *
 * Its answers and its frames are the real ones (boot/port/cortexm), its boot
 * is boot/boot.h's, its flash is memory that keeps the rules of NOR.  A thread
 * plays it, so that the gateway's side waits as it would.
 */
#ifndef VS_TESTS_AGENT_CONTROLLER_SIM_H
#define VS_TESTS_AGENT_CONTROLLER_SIM_H

#include <pthread.h>
#include <stdatomic.h>

#include "boot/port/cortexm/board.h"
#include "boot/port/cortexm/serve.h"
#include "tests/agent/maker.h"

#define SIM_SLOT_LEN ((uint32_t)VS_SLOT_SECTORS * VS_NOR_SECTOR_LEN)

/* What happens to a frame on its way. */
enum sim_fault {
	SIM_NONE,
	SIM_LOSE_QUESTION,
	SIM_SPOIL_QUESTION,
	SIM_LOSE_ANSWER,
	SIM_SPOIL_ANSWER,
	SIM_TWICE, /* question and answer alike */
	SIM_FAULTS
};

/* How the power goes. */
enum sim_cut {
	SIM_CUT_BEFORE, /* a question is done */
	SIM_CUT_WITHIN, /* half of the first thing it writes is written */
	SIM_CUT_LATER,  /* the first thing, and half of the second */
	SIM_CUT_BEHIND, /* done, not answered */
	SIM_CUTS
};

/* What a controller says that is not so. */
enum sim_lie {
	SIM_HONEST,
	SIM_OTHER_COMPONENT,
	SIM_OTHER_HARDWARE,
	SIM_OTHER_VERSION, /* than it decided to start */
	SIM_OTHER_IMAGE,   /* a root hash that nobody sealed */
	SIM_NO_SIZES,      /* sectors of no bytes */
	SIM_HUGE,          /* a slot that no memory holds */
	SIM_RUNS_NOWHERE,  /* in a slot that there is not */
	SIM_OTHER_BYTES,   /* checksums are never those wanted */
	SIM_ODD_RESULT,    /* a result that has no meaning */
	SIM_SHORT,         /* an answer without its last byte */
	SIM_STAYS,         /* does not restart, and says it will */
	SIM_BABBLES,       /* text without end, no answer */
	SIM_SILENT,
	SIM_LIES
};

struct sim {
	const struct maker *maker;
	struct vs_flash flash;
	uint8_t bytes[VS_NOR_SECTORS * VS_NOR_SECTOR_LEN];
	struct vs_handover h;
	struct vs_serve serve;
	struct vs_boot_scratch scratch;
	char component[VS_COMPONENT_LEN], hardware[VS_HARDWARE_LEN];

	/* to be set while it is off */
	enum sim_lie lie;
	enum sim_fault fault;
	long every, first; /* frames with the fault; every 0: none */
	enum sim_cut cut;
	long cut_at;        /* the question at which the power goes; -1: none */
	uint64_t stillborn; /* release_seq of an image that hangs; 0: none */
	int deadly; /* then the whole process ends, with this; 0: it does not */

	long questions; /* since it was made */
	long boots;
	bool dead;  /* the power is gone; comes back by itself */
	int halves; /* flash operations until only half is done; -1: never */

	int fd, other; /* the line; a terminal's other end, kept open */
	pthread_t thread;
	atomic_bool stop;
};

/* Made in the factory: slot 0 GOOD and holding an image, slot 1 EMPTY, the
 * floor; off.
 */
void sim_init(struct sim *s, const struct maker *m, const struct made *image,
              uint32_t floor);
/* Gives the other end of the line, the caller's own. */
int sim_on(struct sim *s);
/* The same at a terminal, to which link then leads. */
void sim_on_terminal(struct sim *s, const char *link);
void sim_off(struct sim *s);

/* While it is off: the boot record, the floor, what a boot decides now. */
struct vs_record sim_record(struct sim *s);
void sim_set_record(struct sim *s, const struct vs_record *record);
uint32_t sim_floor(struct sim *s);
void sim_boot(struct sim *s, enum vs_reset_cause cause);
/* "1.2.0": what runs; "" if nothing does. */
const char *sim_version(const struct sim *s);
/* Whether a slot holds this image, laid out as it must be, and 0xff. */
bool sim_holds(const struct sim *s, int slot, const struct made *r);
/* Writes an image into a slot, as a gateway would have. */
void sim_fill(struct sim *s, int slot, const struct made *r);

#endif
