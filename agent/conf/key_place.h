/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/conf/key_place.h - where the device key is, as device_key says it.
 *
 *   file:PATH
 *   pkcs11:token=LABEL;object=LABEL?module-path=PATH&pin-source=file:PATH
 *   tpm:0x81010001[?tcti=CONF&pin-source=file:PATH]
 *
 * One meaning each: what is not understood, repeated or left over is refused.
 *
 * Standard: RFC 7512, the attributes above and type=private; TCG "Registry of
 * Reserved TPM 2.0 Handles" for the range of persistent ones.
 */
#ifndef VS_AGENT_KEY_PLACE_H
#define VS_AGENT_KEY_PLACE_H

#include "base/status.h"

#define VS_KEY_PLACE_MAX 1024 /* of its text */
#define VS_KEY_PATH_MAX 256
#define VS_KEY_LABEL_MAX 32
#define VS_KEY_TCTI "device:/dev/tpmrm0"

enum vs_key_kind { VS_KEY_FILE, VS_KEY_PKCS11, VS_KEY_TPM, VS_KEY_KINDS };

struct vs_key_place {
	enum vs_key_kind kind;
	char file[VS_KEY_PATH_MAX]; /* as it stands there, perhaps relative */
	char token[VS_KEY_LABEL_MAX + 1], object[VS_KEY_LABEL_MAX + 1];
	char module[VS_KEY_PATH_MAX];
	uint32_t handle;
	char tcti[VS_KEY_PATH_MAX];
	char pin_file[VS_KEY_PATH_MAX]; /* ""; else it begins with a slash */
};

/* VS_OK; VS_ERR_INPUT with what is wrong in *what. */
vs_status vs_key_place_parse(const char *text, struct vs_key_place *out,
                             const char **what) VS_MUST_CHECK;

/* "file", "pkcs11" or "tpm". */
const char *vs_key_kind_name(enum vs_key_kind kind);

#endif
