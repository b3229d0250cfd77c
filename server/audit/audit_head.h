/* SPDX-License-Identifier: Apache-2.0
 *
 * server/audit/audit_head.h - signed heads of the audit log, one an hour.
 *
 * A head is a signed note of which the lines are "voltseal-audit", the number
 * of records and the hash of the last.  Who keeps one elsewhere can show that
 * the log was made anew, whoever had the database.
 *
 * Format: docs/formats/audit.md.
 */
#ifndef VS_SERVER_AUDIT_AUDIT_HEAD_H
#define VS_SERVER_AUDIT_AUDIT_HEAD_H

#include <jansson.h>
#include <openssl/evp.h>

#include "server/store/store.h"
#include "trust/note.h"

#define VS_AUDIT_ORIGIN "voltseal-audit"

struct vs_audit_signer {
	EVP_PKEY *pkey; /* owned */
	struct vs_vkey key;
};

/* Reads DATA/online/audit.pem; makes it, and audit.vkey for others, if make.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_IO; VS_ERR_CRYPTO with a line in error[].
 */
vs_status vs_audit_signer_load(const char *data_dir, bool make,
                               struct vs_audit_signer *out,
                               char error[static 256]) VS_MUST_CHECK;
void vs_audit_signer_drop(struct vs_audit_signer *s);

/* Signs the log's head if the last signed one is older than every_s and there
 * is something new.  Within the caller's transaction.
 */
vs_status vs_audit_head_sign(struct vs_store *s,
                             const struct vs_audit_signer *signer,
                             uint64_t now_s, uint64_t every_s) VS_MUST_CHECK;

/* Holds every head against the log: those of this key by their signature,
 * all by their hash.  *seq: the one at fault.
 * VS_OK; VS_ERR_REFUSED (BAD_SIGNATURE, HASH_MISMATCH); VS_ERR_IO.
 */
vs_status vs_audit_head_check(struct vs_store *s, const struct vs_vkey *key,
                              uint64_t *seq, struct vs_why *why) VS_MUST_CHECK;

/* Gives *out (json_decref): up to limit heads above after. */
vs_status vs_audit_head_list(struct vs_store *s, uint64_t after, uint64_t limit,
                             json_t **out) VS_MUST_CHECK;

#endif
