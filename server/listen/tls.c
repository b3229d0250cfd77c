/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/tls.c - certificate, key and CA, read and judged.
 */
#include "server/listen/tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/pem.h"

enum { pem_max = 256 * 1024 };

static vs_status say(vs_status status, const char *key, const char *path,
                     const char *what, char error[static 256])
{
	snprintf(error, 256, "%s: %.180s: %s", key, path, what);
	return status;
}

static vs_status read_certificate(const char *key, const char *path,
                                  uint8_t **pem, X509 **out,
                                  char error[static 256])
{
	size_t len;
	vs_status status = vs_file_read(path, pem_max, pem, &len);

	*out = NULL;
	if (status)
		return say(status, key, path, vs_status_name(status), error);
	status = vs_pem_certificate_text((char *)*pem, len, out);
	return status ? say(status, key, path, "no certificate in PEM", error)
	              : VS_OK;
}

static vs_status read_key(const struct vs_settings *s, X509 *cert,
                          uint8_t **pem, char error[static 256])
{
	EVP_PKEY *key;
	size_t len;
	vs_status status = vs_pem_private_key(s->tls_key, &key);

	if (status == VS_ERR_DENIED)
		return say(status, "tls_key", s->tls_key,
		           "others may read it: chmod 600", error);
	if (status == VS_ERR_INPUT)
		return say(status, "tls_key", s->tls_key,
		           "no private key in PEM", error);
	if (!status && X509_check_private_key(cert, key) != 1)
		status = say(VS_ERR_INPUT, "tls_key", s->tls_key,
		             "not the key of tls_cert", error);
	else if (!status)
		status = vs_file_read(s->tls_key, pem_max, pem, &len);
	if (status && !error[0])
		say(status, "tls_key", s->tls_key, vs_status_name(status),
		    error);
	ERR_clear_error();
	EVP_PKEY_free(key);
	return status;
}

vs_status vs_tls_load(const struct vs_settings *s, struct vs_tls *out,
                      char error[static 256])
{
	X509 *cert = NULL, *ca = NULL;

	*out = (struct vs_tls){0};
	error[0] = 0;
	vs_status status = read_certificate("tls_cert", s->tls_cert, &out->cert,
	                                    &cert, error);
	if (!status)
		status = read_key(s, cert, &out->key, error);
	if (!status)
		status = read_certificate("device_ca", s->device_ca, &out->ca,
		                          &ca, error);
	X509_free(ca);
	X509_free(cert);
	return status;
}

void vs_tls_drop(struct vs_tls *t)
{
	if (t->key)
		explicit_bzero(t->key, strlen((char *)t->key));
	free(t->cert);
	free(t->key);
	free(t->ca);
	*t = (struct vs_tls){0};
}

vs_status vs_tls_check(const struct vs_settings *s, char error[static 256])
{
	struct vs_tls t;
	vs_status status = vs_tls_load(s, &t, error);

	vs_tls_drop(&t);
	return status;
}
