/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/online_token.c - the online keys on a PKCS#11 token.
 *
 * What failed is closed, whatever it was: a module that has lost its token
 * finds it again only when it is begun anew.
 */
#include "server/publish/online_token.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/pin.h"
#include "base/pkcs11.h"

struct vs_online_token {
	const struct vs_online_place *place;
	pthread_mutex_t lock; /* guards what follows */
	struct vs_p11 *token; /* NULL: to be opened */
	struct vs_p11_key keys[VS_ONLINE_KEYS];
	bool found[VS_ONLINE_KEYS];
	bool denied; /* a PIN that is wrong again and again locks the token */
};

/* Closes it; error says why. */
static vs_status lose(struct vs_online_token *t, vs_status status,
                      char error[static 256])
{
	char quoted[160];

	if (t->token)
		snprintf(error, 256, "online keys: %s",
		         vs_log_quote(vs_p11_error(t->token), quoted,
		                      sizeof quoted));
	vs_p11_close(&t->token);
	for (size_t i = 0; i < VS_ONLINE_KEYS; i++)
		t->found[i] = false;
	return status;
}

static vs_status log_in(struct vs_online_token *t, bool writable,
                        char error[static 256])
{
	const struct vs_online_place *at = t->place;
	char pin[VS_PIN_MAX];
	vs_status status = VS_ERR_DENIED;

	snprintf(error, 256,
	         "online keys: the PIN was wrong, and is not tried "
	         "again before the next start");
	if (!t->denied)
		status = vs_pin_file(at->pin_file, pin, error);
	if (!status)
		status = vs_p11_open(at->module, &t->token, error);
	if (!status) {
		status = vs_p11_login(t->token, at->token, pin, writable);
		t->denied = status == VS_ERR_DENIED;
		if (status)
			lose(t, status, error);
	}
	OPENSSL_cleanse(pin, sizeof pin);
	return status;
}

static vs_status find(struct vs_online_token *t, size_t i, bool make)
{
	vs_status status = VS_OK;

	if (t->found[i])
		return VS_OK;
	status = vs_p11_find(t->token, vs_online_names[i], &t->keys[i]);
	if (status == VS_ERR_ABSENT && make)
		status = vs_p11_generate(t->token, vs_online_names[i],
		                         &t->keys[i]);
	t->found[i] = status == VS_OK;
	return status;
}

vs_status vs_online_token_open(const struct vs_online_place *place,
                               bool writable, struct vs_online_token **out,
                               char error[static 256])
{
	struct vs_online_token *t = calloc(1, sizeof *t);

	*out = t;
	snprintf(error, 256, "online keys: no memory");
	if (!t)
		return VS_ERR_NOMEM;
	t->place = place;
	pthread_mutex_init(&t->lock, NULL);
	vs_status status = log_in(t, writable, error);
	if (status)
		vs_online_token_drop(out);
	return status;
}

void vs_online_token_drop(struct vs_online_token **token)
{
	struct vs_online_token *t = *token;

	*token = NULL;
	if (!t)
		return;
	vs_p11_close(&t->token);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

vs_status vs_online_token_key(struct vs_online_token *t, size_t i, bool make,
                              EVP_PKEY **out, char error[static 256])
{
	*out = NULL;
	snprintf(error, 256, "online keys: the token was closed");
	pthread_mutex_lock(&t->lock);
	vs_status status = t->token ? find(t, i, make) : VS_ERR_STATE;
	if (!status)
		status = vs_p256_key(t->keys[i].point, out);
	if (status)
		lose(t, status, error);
	pthread_mutex_unlock(&t->lock);
	return status;
}

static vs_status sign_once(struct vs_online_token *t, size_t i,
                           const void *message, size_t message_len,
                           uint8_t *sig, size_t *len)
{
	uint8_t raw[VS_P256_RAW_LEN];
	char error[256];
	vs_status status = VS_OK;

	if (!t->token)
		status = log_in(t, false, error);
	if (!status) {
		status = find(t, i, false);
		if (!status)
			status = vs_p11_sign(t->token, &t->keys[i], message,
			                     message_len, raw);
		if (status)
			lose(t, status, error);
	}
	if (status)
		vs_warn("%s", error);
	return status ? status : vs_p256_der(raw, sig, len);
}

vs_status vs_online_token_sign(struct vs_online_token *t, size_t i,
                               const void *message, size_t message_len,
                               uint8_t *sig, size_t *len)
{
	if (*len < VS_P256_DER_MAX)
		return VS_ERR_LIMIT;
	pthread_mutex_lock(&t->lock);
	/* A session that was lost is no reason to fail, if there is another. */
	bool was_open = t->token != NULL;
	vs_status status = sign_once(t, i, message, message_len, sig, len);
	if (status && was_open)
		status = sign_once(t, i, message, message_len, sig, len);
	pthread_mutex_unlock(&t->lock);
	return status;
}
