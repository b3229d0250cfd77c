/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmsvote.c - a person's LMS key beside the token, to vote with.
 */
#include "sign/lmsvote.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "sign/leafuse.h"
#include "sign/token.h"

static vs_status unlock(const struct vs_args *args, struct vs_lmskey *key)
{
	char pass[VS_PIN_MAX] = "", what[96];

	snprintf(what, sizeof what, "passphrase of LMS key %.32s of %.32s",
	         key->pub.label, key->pub.holder);
	vs_status status =
		vs_pin_read(vs_args_text(args, "passphrase-file"), what, pass);
	if (!status)
		status = vs_lmskey_unlock(key, pass);
	OPENSSL_cleanse(pass, sizeof pass);
	return status;
}

vs_status vs_lmsvote_open(const struct vs_args *args, const struct vs_room *r,
                          struct vs_lmskey *out)
{
	const char *dir = vs_args_text(args, "lms-key");
	const char *token = vs_args_text(args, "token");

	*out = (struct vs_lmskey){.fd = -1};
	if (!dir)
		return VS_OK;
	vs_status status = vs_lmskey_open(dir, out);
	if (status)
		return status;
	if (strcmp(out->pub.holder, token) != 0) {
		vs_error("%s: is the key of %s, and the token that of %s (%s)",
		         dir, out->pub.holder, token,
		         vs_reason_name(VS_REASON_NOT_ALLOWED));
		return VS_ERR_REFUSED;
	}
	status = vs_leafuse_check(r, out);
	return status ? status : unlock(args, out);
}

bool vs_lmsvote_is(const struct vs_lmskey *key, const char *id)
{
	char own[65];

	if (!key->tree)
		return false;
	vs_hex_encode(key->pub.id, sizeof key->pub.id, own);
	return strcmp(own, id) == 0;
}

void vs_lmsvote_warn(const struct vs_lmskey *key)
{
	uint32_t all = UINT32_C(1) << vs_lms_height(key->pub.key);
	uint32_t left = vs_lmskey_left(key);

	if (key->tree && left < all / 10)
		vs_warn("%s: %u signatures are left of LMS key %s of %s: make "
		        "another key and change the keyring before it ends",
		        key->dir, (unsigned)left, key->pub.label,
		        key->pub.holder);
}
