/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/witness_keep.h - what a witness has seen, and its decision as one
 * step.
 *
 * The last checkpoint of each log is one file, replaced whole.  It is on the
 * disk before the cosignature leaves; a cut between the two costs the log a
 * question more and nothing else.  A file that cannot be read is never taken
 * for a log that was not seen.
 *
 * Standard: C2SP tlog-witness.  Any number of threads; one process a folder.
 */
#ifndef VS_OPERATE_WITNESS_KEEP_H
#define VS_OPERATE_WITNESS_KEEP_H

#include <openssl/evp.h>

#include "base/buffer.h"
#include "trust/witness.h"

struct vs_witness;

struct vs_witness_config {
	const struct vs_tlog_policy *logs; /* kept */
	struct vs_vkey name;               /* the witness's own, type 04 */
	EVP_PKEY *key;                     /* kept */
	const char *dir;
};

/* Locks the folder, which it makes if need be.  Gives *out.
 * VS_OK; VS_ERR_STATE if another process has it; VS_ERR_IO (errno tells).
 */
vs_status vs_witness_new(const struct vs_witness_config *config,
                         struct vs_witness **out) VS_MUST_CHECK;
void vs_witness_free(struct vs_witness **w); /* also for VS_AUTO */

/* Decides, keeps and cosigns.  out: the body of the answer, which is
 * cosignature lines (200), the size that is kept (409) or a line for a
 * person.
 */
enum vs_witness_answer vs_witness_add(struct vs_witness *w, const void *body,
                                      size_t len, uint64_t now_s,
                                      struct vs_text *out,
                                      struct vs_why *why) VS_MUST_CHECK;

#endif
