/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/sim.h - a charger in memory whose power can be cut at any write.
 *
 * Images are really signed (two of three P-256 keys) and really hashed.
 */
#ifndef VS_TESTS_BOOT_SIM_H
#define VS_TESTS_BOOT_SIM_H

#include "boot/boot.h"

#define SIM_COMPONENTS 2
#define SIM_SLOT_LEN (VS_BLOCK_LEN * 12)
#define SIM_RING_LEN 4096

/* How a write that is cut leaves its bytes. */
enum sim_cut {
	SIM_NOT_BEGUN,
	SIM_HALF,   /* the first half is new */
	SIM_DONE,   /* all new, but the call never returned */
	SIM_ERASED, /* half new, the rest 0xff */
	SIM_TORN,   /* 13 ways: each 16 bytes old, new, 0xff, or a mixture */
	SIM_CUTS = SIM_TORN + 13
};

/* What is in a slot. */
struct sim_image {
	uint64_t release_seq;
	uint32_t security_version;
	int signatures;        /* 0..3; 2 are needed */
	const char *component; /* NULL: the right one */
	const char *hardware;  /* NULL: the right one */
	uint64_t claimed_len;  /* 0: the true length of the image */
	unsigned signed_by;    /* a mask of people, in place of signatures */
};

struct sim {
	struct vs_boot_ops ops;
	struct vs_boot_component components[SIM_COMPONENTS];
	int count;
	struct vs_keyring ring;
	struct vs_boot_scratch scratch;
	uint8_t slots[SIM_COMPONENTS][VS_SLOTS][SIM_SLOT_LEN];
	uint64_t slot_len; /* SIM_SLOT_LEN, or what a test says */
	uint8_t record[2][VS_RECORD_LEN];
	uint8_t recovery[SIM_SLOT_LEN];
	uint8_t rings[VS_BOOT_RINGS][SIM_RING_LEN];
	size_t ring_len[VS_BOOT_RINGS]; /* 0: nothing there */
	uint32_t floor[VS_BOOT_RECOVERY + 1];
	bool floor_unreadable, floor_stuck, record_stuck, record_forgets;
	bool epoch_unreadable, ring_unreadable;

	long writes; /* begun since sim_power_on() */
	long cut_at; /* the write that is cut; -1: none */
	enum sim_cut cut;
	bool dead; /* the power is off */
	uint32_t noise;
};

/* Before the first sim_new(): image blocks get a quick hash that is none, for
 * tests that decide a hundred thousand times.  Headers are hashed as ever.
 */
void sim_quick_blocks(void);

struct sim *sim_new(void);
void sim_free(struct sim *s);

/* Forgets nothing but that the power was off. */
void sim_power_on(struct sim *s);

uint32_t sim_random(struct sim *s);

/* One storage write, cut or not. */
vs_status sim_write(struct sim *s, uint8_t *to, const uint8_t *from,
                    size_t len);

/* The slot's bytes for an image, made once and kept. */
const uint8_t *sim_slot_bytes(struct sim *s, int component,
                              const struct sim_image *image);

/* Puts an image there at once, as a factory does. */
void sim_place(struct sim *s, int component, int slot,
               const struct sim_image *image);

/* Installs as an agent does: image and tree, then the footer. */
vs_status sim_install(struct sim *s, int component, int slot,
                      const struct sim_image *image);

/* From now on keyrings can be stored: the epoch has a floor, too. */
void sim_use_rings(struct sim *s);

/* Appends a ring of the people of mask, signed by those of by, to a place. */
void sim_append_ring(struct sim *s, int place, unsigned mask, uint32_t version,
                     unsigned by);

/* From now on slots are mapped, and nothing is lent. */
void sim_use_map(struct sim *s);

/* Sets both copies' contents without a write being counted. */
void sim_set_record(struct sim *s, const struct vs_record *rec);

vs_status sim_decide(struct sim *s, enum vs_reset_cause cause,
                     struct vs_boot_decision *d);

#endif
