/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/log.h - a log in memory, with keys of its own and witnesses.
 *
 * Everything is the same in every run.  What fails here fails the test.
 */
#ifndef VS_TESTS_TRUST_LOG_H
#define VS_TESTS_TRUST_LOG_H

#include <openssl/evp.h>

#include "trust/cosign.h"
#include "trust/evidence.h"
#include "trust/proof.h"

#define LOG_MAX 1024
#define LOG_ORIGIN "log.example/seals"

struct signer {
	EVP_PKEY *pkey;
	struct vs_vkey vkey;
};

struct log {
	struct signer key;
	struct vs_hash leaves[LOG_MAX];
	uint64_t size;
};

/* A key out of one byte. */
struct signer signer_make(const char *name, enum vs_note_type type,
                          uint8_t seed);
void signer_drop(struct signer *s);
/* A vs_cosign_fn; ctx is a struct signer. */
vs_status signer_sign(void *ctx, const void *message, size_t len,
                      uint8_t sig[static VS_NOTE_SIG_LEN]);

void log_init(struct log *l, const char *origin, uint8_t seed);
void log_drop(struct log *l);
void log_add(struct log *l, const void *entry, size_t len);
/* Adds n entries that differ by tag and number. */
void log_fill(struct log *l, size_t n, const char *tag);
struct vs_merkle_source log_source(struct log *l);
struct vs_merkle_head log_head(struct log *l, uint64_t size);

/* A signed checkpoint of the log's first size entries. */
void log_checkpoint(struct log *l, uint64_t size, struct vs_text *out);
/* Adds a witness's line to a checkpoint. */
void log_cosign(struct vs_text *checkpoint, const struct signer *witness,
                uint64_t time_s);

/* A seal's entry that differs by number, and it in the log. */
struct vs_leaf leaf_make(unsigned number);
void log_add_leaf(struct log *l, const struct vs_leaf *leaf);
/* A proof file of entry index under a checkpoint of this size, with leaf and
 * links from the sizes in from as extra data; leaf NULL: without. */
void log_prove(struct log *l, uint64_t index, uint64_t size,
               const struct vs_text *checkpoint, const struct vs_leaf *leaf,
               const uint64_t *from, size_t from_count, struct vs_text *out);

/* Room for a text, on the heap for ever: the tests are short. */
struct vs_text text_make(size_t cap);

/* The folder of third-party vectors. */
const char *vectors(void);
/* Where there is none: says so and leaves the tests third_party_* out. */
void without_vectors(void);
/* A whole file, with a zero after it. */
char *slurp(const char *dir, const char *name, size_t *len);

#endif
