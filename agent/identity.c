/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/identity.c - CA, certificate and key, judged before they are needed.
 */
#include "agent/identity.h"

#include <stdio.h>

#include "base/pem.h"

static vs_status fail(vs_status status, char error[static VS_ERROR_LEN],
                      const char *setting, const char *file)
{
	const char *what = vs_status_name(status);

	if (status == VS_ERR_DENIED)
		what = "others may read this private key";
	else if (status == VS_ERR_REFUSED)
		what = "is not this key's certificate";
	snprintf(error, VS_ERROR_LEN, "%s: %.160s: %s", setting, file, what);
	return status;
}

static vs_status match(const struct vs_conf *conf, const X509 *cert,
                       char error[static VS_ERROR_LEN])
{
	EVP_PKEY *key = NULL;
	vs_status status = vs_pem_private_key(conf->key_file, &key);

	if (status != VS_OK)
		return fail(status, error, "key_file", conf->key_file);
	if (X509_check_private_key(cert, key) != 1)
		status = fail(VS_ERR_REFUSED, error, "cert_file",
		              conf->cert_file);
	EVP_PKEY_free(key);
	return status;
}

vs_status vs_identity_check(const struct vs_conf *conf,
                            char error[static VS_ERROR_LEN])
{
	X509 *cert = NULL;
	vs_status status = vs_pem_certificate(conf->ca_file, &cert);

	X509_free(cert);
	cert = NULL;
	if (status != VS_OK)
		return fail(status, error, "ca_file", conf->ca_file);
	status = vs_pem_certificate(conf->cert_file, &cert);
	if (status == VS_OK)
		status = match(conf, cert, error);
	else
		status = fail(status, error, "cert_file", conf->cert_file);
	X509_free(cert);
	return status;
}
