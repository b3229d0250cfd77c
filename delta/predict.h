/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/predict.h - old bytes as the new linker must have written them.
 *
 * An operand's old target goes through the map to a new one; what the bytes
 * then really said is learnt, and wins from there on.
 */
#ifndef VS_DELTA_PREDICT_H
#define VS_DELTA_PREDICT_H

#include "delta/map.h"
#include "delta/operand.h"

#define VS_PIECE_MAX VS_DELTA_BLOCK

enum vs_source_of {
	VS_FROM_NOTHING = 0,
	VS_FROM_COVER,   /* it lies in the same cover: same distance */
	VS_FROM_LEARNT,  /* seen before, in bytes that are decoded */
	VS_FROM_MAP,     /* another cover holds it */
	VS_FROM_NEAR,    /* no cover does; a neighbour's shift */
	VS_FROM_SECTION, /* it has no bytes: the section's own shift */
};

struct vs_learnt {
	struct vs_learnt_row {
		uint32_t check; /* of module and old target; 0: unused */
		int32_t shift;  /* new target - old target */
	} * rows;               /* owned */
};

vs_status vs_learnt_init(struct vs_learnt *l) VS_MUST_CHECK; /* 1 MiB */
void vs_learnt_drop(struct vs_learnt *l);

/* All that is known of a pair of files; borrowed for a call. */
struct vs_pair {
	const struct vs_old *old;
	const struct vs_elf *was, *is; /* same arch, rows of the same kinds */
	const struct vs_map *map;
	const struct vs_frames *frames;
	struct vs_learnt *learnt;
	uint32_t number; /* of the pair */
};

/* len bytes of the new file from at on, and what they are by the cover. */
struct vs_piece {
	const struct vs_cover *cover;
	uint32_t at, len; /* within the cover; len at most VS_PIECE_MAX */
	uint8_t guess[VS_PIECE_MAX];
	/* of each byte: operand kind, part, source (0 for plain bytes) */
	uint8_t kind[VS_PIECE_MAX], part[VS_PIECE_MAX], source[VS_PIECE_MAX];
	enum vs_section section; /* of the first byte */
	struct vs_operands operands;
	/* of each operand: the new file's row that it stands in, counted from
	 * 1; 0 if it is no longer in a section of its kind
	 */
	uint8_t stands[VS_OPERANDS_MAX];
	uint32_t window_first; /* place of the window's first byte */
	uint8_t window[VS_WINDOW_BEFORE + VS_PIECE_MAX + VS_WINDOW_AFTER];
};

/* Reads the old bytes and finds their operands; guesses are made for all.
 * VS_OK; VS_ERR_IO.
 */
vs_status vs_piece_init(struct vs_piece *p, const struct vs_pair *pair,
                        const struct vs_cover *cover, uint32_t at,
                        uint32_t len) VS_MUST_CHECK;
/* Guesses once more, by what has been learnt since: the operands that begin
 * in bytes [from, end) of the piece.
 */
void vs_piece_guess(struct vs_piece *p, const struct vs_pair *pair,
                    uint32_t from, uint32_t end);
/* Learns from the operands that lie in bytes [from, end) of the piece, or
 * end there; bytes are those of the whole piece, as they really are.
 */
void vs_piece_learn(const struct vs_piece *p, const struct vs_pair *pair,
                    uint32_t from, uint32_t end, const uint8_t *bytes);

/* Where an old address went; *source says how that is known. */
uint64_t vs_pair_translate(const struct vs_pair *pair,
                           const struct vs_cover *cover, uint64_t target,
                           enum vs_source_of *source);

#endif
