/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/key/pkcs11.c - the device key on a PKCS#11 token.
 */
#include "agent/key/store.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/pin.h"
#include "base/pkcs11.h"

struct held {
	struct vs_p11 *token;
	struct vs_p11_key key;
};

/* A token's words are not its own line of a log. */
static vs_status tell(const struct vs_p11 *token, vs_status status,
                      char error[static VS_KEY_ERROR_LEN])
{
	vs_log_quote(vs_p11_error(token), error, VS_KEY_ERROR_LEN);
	return status;
}

/* A PIN that is wrong at every start locks the token for good. */
static vs_status spare(struct vs_p11 *token, const char *label,
                       char error[static VS_KEY_ERROR_LEN])
{
	bool last;
	vs_status status = vs_p11_last_try(token, label, &last);

	if (status != VS_OK)
		return tell(token, status, error);
	if (!last)
		return VS_OK;
	snprintf(error, VS_KEY_ERROR_LEN,
	         "token %s: the PIN's last try is left to a person: "
	         "check-config",
	         label);
	return VS_ERR_STATE;
}

static vs_status log_in(struct held *h, const struct vs_key_place *at,
                        unsigned how, char error[static VS_KEY_ERROR_LEN])
{
	char pin[VS_PIN_MAX];
	vs_status status = vs_pin_file(at->pin_file, pin, error);

	/* Denied is what a token says, and is not tried again. */
	if (status == VS_ERR_DENIED)
		status = VS_ERR_INPUT;
	if (status == VS_OK)
		status = vs_p11_open(at->module, &h->token, error);
	if (status == VS_OK && !(how & VS_KEY_PERSON))
		status = spare(h->token, at->token, error);
	if (status == VS_OK) {
		status = vs_p11_login(h->token, at->token, pin,
		                      how & VS_KEY_MAKE);
		if (status != VS_OK)
			tell(h->token, status, error);
	}
	OPENSSL_cleanse(pin, sizeof(pin));
	return status;
}

static void close_key(void *held)
{
	struct held *h = held;

	vs_p11_close(&h->token);
}

static vs_status open_key(void *held, const struct vs_key_place *at,
                          unsigned how, uint8_t point[static VS_P256_POINT_LEN],
                          char error[static VS_KEY_ERROR_LEN])
{
	struct held *h = held;
	vs_status status = log_in(h, at, how, error);

	if (status == VS_OK) {
		status = vs_p11_find(h->token, at->object, &h->key);
		if (status == VS_ERR_ABSENT && (how & VS_KEY_MAKE))
			status = vs_p11_generate(h->token, at->object, &h->key);
		if (status != VS_OK)
			tell(h->token, status, error);
	}
	memcpy(point, h->key.point, VS_P256_POINT_LEN);
	return status;
}

static vs_status sign(void *held,
                      const uint8_t digest[static VS_P256_DIGEST_LEN],
                      uint8_t sig[static VS_P256_DER_MAX], size_t *len,
                      char error[static VS_KEY_ERROR_LEN])
{
	struct held *h = held;
	uint8_t raw[VS_P256_RAW_LEN];
	vs_status status = vs_p11_sign_digest(h->token, &h->key, digest, raw);

	if (status != VS_OK)
		return tell(h->token, status, error);
	snprintf(error, VS_KEY_ERROR_LEN, "key %s: no signature", h->key.label);
	return vs_p256_der(raw, sig, len);
}

const struct vs_key_store vs_key_pkcs11 = {sizeof(struct held), open_key, sign,
                                           close_key};
