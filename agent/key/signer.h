/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/key/signer.h - the process that holds the device key's device:
 * voltseal-key.
 *
 * Started when it is needed first, and anew after any failure: not before a
 * pause that doubles, and after a wrong PIN not at all.  Nobody waits longer
 * than was said, whatever the device does.  Any thread.
 *
 * Format: docs/formats/key.md.
 */
#ifndef VS_AGENT_SIGNER_H
#define VS_AGENT_SIGNER_H

#include <openssl/evp.h>
#include <pthread.h>

#include "agent/key/store.h"
#include "agent/line/requests.h"

#define VS_SIGNER_PROGRAM "voltseal-key"

struct vs_signer {
	char place[VS_KEY_PLACE_MAX + 1];
	EVP_PKEY *expected; /* owned; whose signatures it gives; NULL: any's */
	unsigned how;       /* VS_KEY_MAKE, VS_KEY_PERSON */
	uint64_t answer_ms, pause_max_ms;

	pthread_mutex_t lock; /* guards what follows */
	int pid, fd;
	enum vs_lane_phase phase;
	uint32_t number;
	unsigned failures;
	uint64_t not_before_ms; /* of the monotonic clock */
	bool denied;
	vs_status status; /* of the last failure, while it lasts */
	char error[VS_KEY_ERROR_LEN];
};

/* Starts nothing yet.  takes expected. */
void vs_signer_init(struct vs_signer *s, const char *place, EVP_PKEY *expected,
                    uint64_t answer_ms, uint64_t pause_max_ms);
void vs_signer_drop(struct vs_signer *s);

/* The key's public part, opened now if it is not.
 * VS_OK; VS_ERR_REFUSED (not the one that was expected); as
 * vs_key_store.open; VS_ERR_IO (no answer in time); with a line in error.
 */
vs_status vs_signer_point(struct vs_signer *s,
                          uint8_t point[static VS_P256_POINT_LEN],
                          char error[static VS_KEY_ERROR_LEN]) VS_MUST_CHECK;

/* ECDSA of a SHA-256 digest, verified.  The same. */
vs_status vs_signer_sign(struct vs_signer *s,
                         const uint8_t digest[static VS_P256_DIGEST_LEN],
                         uint8_t sig[static VS_P256_DER_MAX], size_t *len,
                         char error[static VS_KEY_ERROR_LEN]) VS_MUST_CHECK;

/* Starts this program instead, for tests.  Keeps path. */
void vs_signer_use(const char *path);

#endif
