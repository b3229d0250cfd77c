/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/key_world.h - a token of SoftHSM and a TPM (swtpm, over a local
 * socket) in a folder of their own.
 *
 * Every helper asserts.
 */
#ifndef VS_TESTS_AGENT_KEY_WORLD_H
#define VS_TESTS_AGENT_KEY_WORLD_H

#include <limits.h>
#include <tss2/tss2_tpm2_types.h>

#include "agent/conf/key_place.h"

#define KEY_WORLD_PIN "246813"

struct key_world {
	char dir[64];
	char tcti[PATH_MAX];
	/* places: a key on the token, the same by key_shim.c, two in the TPM */
	char token[VS_KEY_PLACE_MAX], shim[VS_KEY_PLACE_MAX];
	char tpm[VS_KEY_PLACE_MAX], tpm_with_pin[VS_KEY_PLACE_MAX];
};

extern struct key_world key_world;

void key_world_begin(void);
void key_world_end(void);

const char *key_world_path(const char *name, char out[static PATH_MAX]);
const char *key_world_token(const char *object,
                            char out[static VS_KEY_PLACE_MAX]);
const char *key_world_handle(uint32_t handle,
                             char out[static VS_KEY_PLACE_MAX]);

/* Writes the file that all places name. */
void key_world_pin(const char *pin, unsigned mode);
/* The token is out, or in again. */
void key_world_take_token(bool out);
void key_world_start_tpm(void);
void key_world_stop_tpm(void);
/* Makes a key in the TPM that we would never make. */
void key_world_make(uint32_t handle, TPMI_ECC_CURVE curve,
                    TPMA_OBJECT attributes);
/* Runs a program to its end, which must be good.  Ends with NULL. */
void key_world_run(const char *program, ...);

#endif
