/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/key/device_key.c - a file's key in memory, any other in voltseal-key.
 */
#include "agent/key/device_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/key/signer.h"
#include "base/csr.h"
#include "base/p256.h"
#include "base/pem.h"

enum { make_ms = 60000, person_ms = 60000 };

struct vs_device_key {
	EVP_PKEY *own;        /* of a file, the whole of it; else NULL */
	EVP_PKEY *public_key; /* else; owned by signer */
	enum vs_key_kind kind;
	struct vs_signer signer;
};

static vs_status fail(vs_status status, char error[static VS_ERROR_LEN],
                      const char *setting, const char *file)
{
	const char *what = status == VS_ERR_DENIED
	                           ? "others may read this private key"
	                           : vs_status_name(status);

	snprintf(error, VS_ERROR_LEN, "%s: %.160s: %s", setting, file, what);
	return status;
}

static vs_status open_file(const struct vs_conf *conf, struct vs_device_key *k,
                           char error[static VS_ERROR_LEN])
{
	vs_status status = vs_pem_private_key(conf->key_file, &k->own);

	return status == VS_OK
	               ? VS_OK
	               : fail(status, error, "device_key", conf->key_file);
}

/* The certificate says whose signatures are waited for. */
static vs_status open_device(const struct vs_conf *conf,
                             struct vs_device_key *k,
                             char error[static VS_ERROR_LEN])
{
	X509 *cert = NULL;
	vs_status status = vs_pem_certificate(conf->cert_file, &cert);
	EVP_PKEY *key;

	if (status != VS_OK)
		return fail(status, error, "cert_file", conf->cert_file);
	key = X509_get_pubkey(cert);
	X509_free(cert);
	if (!vs_p256_is(key)) {
		snprintf(error, VS_ERROR_LEN,
		         "cert_file: %.160s: not of a P-256 key",
		         conf->cert_file);
		EVP_PKEY_free(key);
		return VS_ERR_REFUSED;
	}
	vs_signer_init(&k->signer, conf->device_key, key, conf->device_key_ms,
	               conf->backoff_max_ms);
	k->public_key = key;
	return VS_OK;
}

vs_status vs_device_key_open(const struct vs_conf *conf,
                             struct vs_device_key **out,
                             char error[static VS_ERROR_LEN])
{
	struct vs_device_key *k = calloc(1, sizeof(*k));
	vs_status status;

	*out = NULL;
	if (!k)
		return fail(VS_ERR_NOMEM, error, "device_key",
		            conf->device_key);
	k->kind = conf->key.kind;
	status = k->kind == VS_KEY_FILE ? open_file(conf, k, error)
	                                : open_device(conf, k, error);
	if (status == VS_OK)
		*out = k;
	else
		free(k);
	return status;
}

void vs_device_key_close(struct vs_device_key **key)
{
	struct vs_device_key *k = *key;

	*key = NULL;
	if (!k)
		return;
	if (!k->own)
		vs_signer_drop(&k->signer);
	EVP_PKEY_free(k->own);
	free(k);
}

EVP_PKEY *vs_device_key_public(const struct vs_device_key *k)
{
	return k->own ? k->own : k->public_key;
}

/* Which device it is that fails, in front of how. */
static vs_status name_it(const struct vs_device_key *k, vs_status status,
                         const char *what, char error[static VS_KEY_ERROR_LEN])
{
	if (status != VS_OK)
		snprintf(error, VS_KEY_ERROR_LEN, "device key (%s): %.220s",
		         vs_key_kind_name(k->kind), what);
	return status;
}

vs_status vs_device_key_sign(struct vs_device_key *k, const void *message,
                             size_t message_len, uint8_t *sig, size_t *len,
                             char error[static VS_KEY_ERROR_LEN])
{
	uint8_t digest[VS_P256_DIGEST_LEN];
	char said[VS_KEY_ERROR_LEN] = "";
	vs_status status;

	error[0] = '\0';
	if (k->own) {
		status = vs_pem_sign(k->own, message, message_len, sig, len);
		return name_it(k, status, "no signature", error);
	}
	if (*len < VS_P256_DER_MAX || EVP_Digest(message, message_len, digest,
	                                         NULL, EVP_sha256(), NULL) != 1)
		return name_it(k, VS_ERR_CRYPTO, "no digest", error);
	status = vs_signer_sign(&k->signer, digest, sig, len, said);
	return name_it(k, status, said, error);
}

vs_status vs_device_key_check(struct vs_device_key *k,
                              char error[static VS_KEY_ERROR_LEN])
{
	static const char message[] = "voltseal-agent check-config";
	uint8_t sig[VS_DEVICE_KEY_SIG_MAX];
	size_t len = sizeof(sig);

	if (!k->own)
		k->signer.how |= VS_KEY_PERSON;
	return vs_device_key_sign(k, message, sizeof(message), sig, &len,
	                          error);
}

static vs_status sign_request(void *ctx, const void *message, size_t len,
                              uint8_t *sig, size_t *sig_len)
{
	struct vs_signer *s = ctx;
	uint8_t digest[VS_P256_DIGEST_LEN];
	char error[VS_KEY_ERROR_LEN];

	if (*sig_len < VS_P256_DER_MAX ||
	    EVP_Digest(message, len, digest, NULL, EVP_sha256(), NULL) != 1)
		return VS_ERR_CRYPTO;
	return vs_signer_sign(s, digest, sig, sig_len, error);
}

vs_status vs_device_key_request(const char *place, const char *subject,
                                X509_REQ **out,
                                char error[static VS_KEY_ERROR_LEN])
{
	uint8_t point[VS_P256_POINT_LEN];
	struct vs_signer s;
	EVP_PKEY *key = NULL;
	vs_status status;

	*out = NULL;
	vs_signer_init(&s, place, NULL, make_ms, 0);
	s.how = VS_KEY_MAKE | VS_KEY_PERSON;
	status = vs_signer_point(&s, point, error);
	if (status == VS_OK) {
		status = vs_p256_key(point, &key);
		snprintf(error, VS_KEY_ERROR_LEN, "its public part: %s",
		         vs_status_name(status));
	}
	if (status == VS_OK) {
		status = vs_csr_make(subject, key, sign_request, &s, out);
		if (status != VS_OK)
			snprintf(error, VS_KEY_ERROR_LEN, "%.240s",
			         s.error[0] ? s.error : vs_status_name(status));
	}
	EVP_PKEY_free(key);
	vs_signer_drop(&s);
	return status;
}
