/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/pair.h - covers between an old file and a new one.
 *
 * Programs are matched in rounds: with blanks where operands are, then with
 * what the map of the round before says.  Pure: pairs may be matched side by
 * side, and give the same covers each time.
 */
#ifndef VS_DELTA_MAKE_PAIR_H
#define VS_DELTA_MAKE_PAIR_H

#include "delta/make/match.h"
#include "delta/old.h"

#define VS_PAIR_ROUNDS 3

struct vs_pair_files {
	struct vs_old was, is; /* borrowed */
	uint32_t load[2];      /* as in struct vs_file, of both */
	bool predicted;        /* they are programs */
};

/* Gives *out: free(out->list), in every case.  VS_OK; VS_ERR_NOMEM; VS_ERR_IO
 * (what the images give).
 */
vs_status vs_pair_match(const struct vs_pair_files *files,
                        struct vs_covers *out) VS_MUST_CHECK;

#endif
