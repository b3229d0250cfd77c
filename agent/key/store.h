/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/key/store.h - a device that holds a P-256 key and signs digests.
 *
 * One key, opened once; what failed is closed and opened anew, for a module
 * that has lost its token finds it again in no other way.  Only voltseal-key
 * calls these: whatever they do, the agent waits for a time and no longer.
 */
#ifndef VS_AGENT_KEY_STORE_H
#define VS_AGENT_KEY_STORE_H

#include "agent/conf/key_place.h"
#include "base/p256.h"
#include "base/status.h"

#define VS_KEY_ERROR_LEN 256

/* How it is opened. */
enum {
	VS_KEY_MAKE = 1,   /* makes the key where there is none */
	VS_KEY_PERSON = 2, /* somebody waits: a PIN's last try may be used */
};

struct vs_key_store {
	size_t len; /* of what the key is held in, which is zeros at first */
	/* Opens the key whose public part is in point; close in every case.
	 * VS_OK; VS_ERR_ABSENT (no device or no key); VS_ERR_DENIED (PIN);
	 * VS_ERR_REFUSED (no P-256 key, or one that could leave the device or
	 * do more than sign); VS_ERR_STATE, VS_ERR_IO, VS_ERR_CRYPTO ...; with
	 * a line in error.
	 */
	vs_status (*open)(void *held, const struct vs_key_place *place,
	                  unsigned how, uint8_t point[static VS_P256_POINT_LEN],
	                  char error[static VS_KEY_ERROR_LEN]);
	/* VS_OK and DER; else a line in error. */
	vs_status (*sign)(void *held,
	                  const uint8_t digest[static VS_P256_DIGEST_LEN],
	                  uint8_t sig[static VS_P256_DER_MAX], size_t *len,
	                  char error[static VS_KEY_ERROR_LEN]);
	void (*close)(void *held);
};

extern const struct vs_key_store vs_key_pkcs11, vs_key_tpm;

#endif
