/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/nor.h - NOR flash in memory whose power can be cut in any
 * operation, and a loop that cuts it in all of them.
 *
 * Breaking a rule of boot/flash.h (programming what is not erased, or what was
 * programmed) fails the test at once.
 */
#ifndef VS_TESTS_BOOT_NOR_H
#define VS_TESTS_BOOT_NOR_H

#include "boot/flash.h"

/* How an operation that is cut ends: not begun, its first half done, done but
 * never returned, or torn at random in each 16 bytes in one of 13 ways.
 */
enum { NOR_NOT_BEGUN, NOR_HALF, NOR_DONE, NOR_TORN, NOR_WAYS = NOR_TORN + 13 };

enum { NOR_LEN_MAX = 32768 };

struct nor {
	struct vs_flash flash;
	uint32_t sectors;
	uint8_t bytes[NOR_LEN_MAX];
	bool used[NOR_LEN_MAX / VS_FLASH_GRAIN]; /* since the last erase */
	long ops;    /* erases and programs begun since nor_power_on() */
	long cut_at; /* the one that is cut; -1: none */
	int way;
	bool dead;
	uint32_t noise;
	uint32_t acked[8]; /* what a test was told is durable */
};

void nor_init(struct nor *n, uint32_t sector_len, uint32_t sectors);
/* Makes it hold this from at on, as much as there is room for.  If len is odd
 * the grains become whole words, as floors and journals have them: what is
 * behind their checksums is reached.
 */
void nor_fill(struct nor *n, uint32_t at, const uint8_t *in, size_t len);
void nor_power_on(struct nor *n);
/* Copies what there is, not the room for more. */
void nor_copy(struct nor *to, const struct nor *from);

/* Something that goes on from what the flash holds until it is done. */
struct story {
	const char *name;
	struct nor *nor;
	void *ctx;
	/* Puts flash and expectations back to where the story begins. */
	void (*begin)(struct story *);
	/* True if it came to its end, false if the power went. */
	bool (*run)(struct story *);
	/* After each time the power comes back, and at the end. */
	void (*check)(struct story *, bool ended);
};

struct cuts {
	long single, twice;
};

/* Cuts each operation in each of NOR_WAYS ways and lets the story end; if
 * then_ways is above 0, also each operation of what follows the first cut, in
 * as many ways.  Adds to *count; any bad case fails the test.
 */
void story_cut(struct story *s, int then_ways, struct cuts *count);

#endif
