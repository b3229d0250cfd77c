/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/key/identity.c - CA, certificate and key, judged before they are
 * needed.
 */
#include "agent/key/identity.h"

#include <stdio.h>

#include "agent/key/device_key.h"
#include "base/pem.h"

static vs_status fail(vs_status status, char error[static VS_ERROR_LEN],
                      const char *setting, const char *file)
{
	const char *what = vs_status_name(status);

	if (status == VS_ERR_REFUSED)
		what = "is not this key's certificate";
	snprintf(error, VS_ERROR_LEN, "%s: %.160s: %s", setting, file, what);
	return status;
}

static vs_status match(const struct vs_conf *conf, const X509 *cert,
                       char error[static VS_ERROR_LEN])
{
	VS_AUTO(vs_device_key_close) struct vs_device_key *key = NULL;
	vs_status status = vs_device_key_open(conf, &key, error);

	if (status != VS_OK)
		return status;
	if (EVP_PKEY_eq(X509_get0_pubkey(cert), vs_device_key_public(key)) != 1)
		return fail(VS_ERR_REFUSED, error, "cert_file",
		            conf->cert_file);
	return vs_device_key_check(key, error);
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
