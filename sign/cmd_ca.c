/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_ca.c - ca init, ca issue: the device CA and what it certifies.
 *
 * CA/ca.json names token and key, CA/cert.pem is the certificate, CA/issued/
 * keeps a copy of every certificate by serial number.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/csr.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/pem.h"
#include "base/x509.h"
#include "sign/commands.h"
#include "sign/say.h"
#include "sign/token.h"
#include "trust/json.h"

enum { day_s = 86400, early_s = 300, pem_max = 64 * 1024 };

struct signer {
	struct vs_p11 *token;
	struct vs_p11_key key;
};

static vs_status sign_with_token(void *ctx, const uint8_t *message, size_t len,
                                 uint8_t *sig, size_t *sig_len)
{
	struct signer *s = ctx;
	uint8_t raw[VS_P256_RAW_LEN];
	vs_status status = vs_p11_sign(s->token, &s->key, message, len, raw);

	if (status)
		return vs_token_failed(s->token, status);
	return vs_p256_der(raw, sig, sig_len);
}

/* Clocks of chargers are late more often than early. */
static void set_times(struct vs_x509_request *r, uint64_t days)
{
	uint64_t now = (uint64_t)time(NULL);

	r->from_s = now - early_s;
	r->until_s = now + days * day_s;
}

static vs_status store_cert(const char *path, X509 *cert)
{
	VS_AUTO(vs_free_drop) char *pem = NULL;
	size_t len;
	vs_status status = vs_x509_pem(cert, &pem, &len);

	if (!status)
		status = vs_file_replace(path, pem, len, 0644);
	return status ? vs_say_io(status, path) : VS_OK;
}

static vs_status store_ca(const struct vs_args *args, X509 *cert)
{
	char path[PATH_MAX];
	const char *dir = vs_args_text(args, "dir");
	VS_AUTO(vs_json_drop)
	json_t *o =
		json_pack("{s:s, s:s}", "token", vs_args_text(args, "token"),
	                  "key", vs_args_text(args, "key"));

	if (!o)
		return vs_say_io(VS_ERR_NOMEM, dir);
	vs_status status = vs_path_join(path, sizeof path, dir, "ca.json");
	if (!status)
		status = vs_say_json(path, o, 0644);
	if (!status)
		status = vs_path_join(path, sizeof path, dir, "cert.pem");
	return status ? status : store_cert(path, cert);
}

static vs_status find_or_make(struct signer *s, const char *label)
{
	vs_status status = vs_p11_find(s->token, label, &s->key);

	if (status == VS_ERR_ABSENT)
		status = vs_p11_generate(s->token, label, &s->key);
	return status ? vs_token_failed(s->token, status) : VS_OK;
}

static vs_status prepare_dir(const char *dir)
{
	char path[PATH_MAX];
	vs_status status = vs_path_join(path, sizeof path, dir, "cert.pem");

	if (!status && vs_file_exists(path)) {
		vs_error("%s: there is a CA in this folder already", dir);
		return VS_ERR_STATE;
	}
	if (!status)
		status = vs_path_join(path, sizeof path, dir, "issued");
	if (!status)
		status = vs_file_mkdirs(path, 0755);
	return status ? vs_say_io(status, dir) : VS_OK;
}

static vs_status run_init(const struct vs_args *args)
{
	struct signer s = {0};
	EVP_PKEY *pkey = NULL;
	X509 *cert = NULL;
	const char *subject = vs_args_text(args, "subject");
	struct vs_x509_request request = {
		.kind = VS_X509_CA,
		.subject = subject ? subject : "Voltseal device CA",
	};
	vs_status status = prepare_dir(vs_args_text(args, "dir"));

	if (status)
		return status;
	status = vs_token_open(args, true, &s.token);
	if (status)
		return status;
	set_times(&request, vs_args_uint(args, "days"));
	status = find_or_make(&s, vs_args_text(args, "key"));
	if (!status)
		status = vs_p256_key(s.key.point, &pkey);
	if (!status) {
		status = vs_x509_make(&request, pkey, NULL, sign_with_token, &s,
		                      &cert);
		if (status)
			vs_error("CA certificate: %s", vs_status_name(status));
	}
	if (!status)
		status = store_ca(args, cert);
	if (!status)
		printf("%s: CA \"%s\" with key %s of token %s\n",
		       vs_args_text(args, "dir"), request.subject, s.key.label,
		       vs_args_text(args, "token"));
	X509_free(cert);
	EVP_PKEY_free(pkey);
	vs_p11_close(&s.token);
	return status;
}

/* The key that ca.json names, and whether it is the one in cert.pem. */
static vs_status load_ca(const char *dir, struct signer *s, X509 **cert)
{
	char path[PATH_MAX];
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	VS_AUTO(vs_json_drop) json_t *o = NULL;
	struct vs_why why = {0};
	const char *label;
	size_t len;
	EVP_PKEY *pkey = NULL;
	vs_status status = vs_path_join(path, sizeof path, dir, "ca.json");

	if (!status)
		status = vs_file_read(path, pem_max, &bytes, &len);
	if (status)
		return vs_say_io(status, path);
	status = vs_json_parse(bytes, len, pem_max, &o, &why);
	if (!status)
		status = vs_json_string(o, "key", &label, &why);
	if (status)
		return vs_say_why(status, path, &why);
	status = vs_path_join(path, sizeof path, dir, "cert.pem");
	if (!status)
		status = vs_pem_certificate(path, cert);
	if (status)
		return vs_say_io(status, path);
	status = vs_p11_find(s->token, label, &s->key);
	if (status)
		return vs_token_failed(s->token, status);
	if (vs_p256_key(s->key.point, &pkey) ||
	    EVP_PKEY_eq(pkey, X509_get0_pubkey(*cert)) != 1) {
		vs_error("%s: is not of key %s on this token", path, label);
		status = VS_ERR_REFUSED;
	}
	EVP_PKEY_free(pkey);
	return status;
}

/* A record of what was issued, by serial number. */
static vs_status record(const char *dir, X509 *cert)
{
	char path[PATH_MAX];
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = n ? BN_bn2hex(n) : NULL;
	int len =
		hex ? snprintf(path, sizeof path, "%s/issued/%s.pem", dir, hex)
		    : -1;

	OPENSSL_free(hex);
	BN_free(n);
	if (len < 0 || (size_t)len >= sizeof path)
		return vs_say_io(VS_ERR_LIMIT, dir);
	return store_cert(path, cert);
}

/* A key that has no certificate yet, of a command that was cut off or made by
 * hand, gets one; otherwise a new one is made.
 */
static vs_status prepare_key(const char *out, char path[static PATH_MAX],
                             EVP_PKEY **key, bool *made)
{
	vs_status status = vs_path_join(path, PATH_MAX, out, "cert.pem");

	*made = false;
	if (!status && vs_file_exists(path)) {
		vs_error("%s: there is a certificate already; it is not "
		         "replaced",
		         path);
		return VS_ERR_STATE;
	}
	if (!status)
		status = vs_path_join(path, PATH_MAX, out, "key.pem");
	if (!status)
		status = vs_file_mkdirs(out, 0755);
	if (!status && vs_file_exists(path)) {
		status = vs_pem_private_key(path, key);
	} else if (!status) {
		*made = true;
		status = vs_pem_generate(path, false, key);
	}
	return status ? vs_say_io(status, path) : VS_OK;
}

/* The key of who asked, which never was here. */
static vs_status take_request(const char *file, const char *subject,
                              EVP_PKEY **key)
{
	X509_REQ *csr;
	vs_status status = vs_csr_load(file, &csr);

	*key = NULL;
	if (status == VS_ERR_INPUT || status == VS_ERR_REFUSED) {
		vs_error("%s: is no request that its own P-256 key has signed",
		         file);
		return status;
	}
	if (status)
		return vs_say_io(status, file);
	if (vs_csr_names(csr, subject))
		*key = X509_REQ_get_pubkey(csr);
	X509_REQ_free(csr);
	if (*key)
		return VS_OK;
	vs_error("%s: asks for another name than %s", file, subject);
	return VS_ERR_REFUSED;
}

static vs_status prepare(const struct vs_args *args, const char *out,
                         char path[static PATH_MAX], EVP_PKEY **key, bool *made)
{
	const char *csr = vs_args_text(args, "csr");
	vs_status status;

	if (!csr)
		return prepare_key(out, path, key, made);
	*made = false;
	status = vs_path_join(path, PATH_MAX, out, "cert.pem");
	if (!status && vs_file_exists(path)) {
		vs_error("%s: there is a certificate already; it is not "
		         "replaced",
		         path);
		return VS_ERR_STATE;
	}
	if (!status)
		status = vs_file_mkdirs(out, 0755);
	return status ? vs_say_io(status, path)
	              : take_request(csr, vs_args_text(args, "subject"), key);
}

static vs_status issue_into(const struct vs_args *args, X509 *ca,
                            struct signer *s,
                            const struct vs_x509_request *request)
{
	const char *ca_dir = vs_args_text(args, "dir");
	const char *out = vs_args_text(args, "out");
	char path[PATH_MAX];
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	bool made;
	vs_status status = prepare(args, out, path, &key, &made);

	if (status)
		return status;
	status = vs_x509_make(request, key, ca, sign_with_token, s, &cert);
	EVP_PKEY_free(key);
	if (status) {
		vs_error("certificate of %s: %s", request->subject,
		         vs_status_name(status));
		/* no key of ours without its certificate */
		if (made && vs_file_remove(path))
			vs_error("%s: could not be removed again", path);
		return status;
	}
	status = record(ca_dir, cert);
	if (!status && !vs_path_join(path, sizeof path, out, "ca.pem"))
		status = store_cert(path, ca);
	if (!status && !vs_path_join(path, sizeof path, out, "cert.pem"))
		status = store_cert(path, cert);
	X509_free(cert);
	return status;
}

static vs_status run_issue(const struct vs_args *args)
{
	struct signer s = {0};
	X509 *ca = NULL;
	const char *names = vs_args_text(args, "server");
	struct vs_x509_request request = {
		.kind = names ? VS_X509_SERVER : VS_X509_CLIENT,
		.subject = vs_args_text(args, "subject"),
		.names = names,
	};
	vs_status status = vs_token_open(args, false, &s.token);

	if (status)
		return status;
	set_times(&request, vs_args_uint(args, "days"));
	status = load_ca(vs_args_text(args, "dir"), &s, &ca);
	if (!status)
		status = issue_into(args, ca, &s, &request);
	if (!status)
		printf("%s: %s certificate of %s\n", vs_args_text(args, "out"),
		       names ? "server" : "device", request.subject);
	X509_free(ca);
	vs_p11_close(&s.token);
	return status;
}

static const struct vs_option init_options[] = {
	VS_TEXT(VS_REQUIRED, "dir", "DIR", "the CA's folder"),
	VS_TOKEN_OPTIONS,
	VS_TEXT(VS_REQUIRED, "key", "LABEL",
                "the CA's key on the token; made if it is not there"),
	VS_TEXT(VS_OPTIONAL, "subject", "NAME",
                "common name; \"Voltseal device CA\" if missing"),
	VS_UINT(VS_OPTIONAL, "days", "N", "days of validity", 1, 9125, 7300),
};

static const struct vs_option issue_options[] = {
	VS_TEXT(VS_REQUIRED, "dir", "DIR", "the CA's folder"),
	VS_TOKEN_OPTIONS,
	VS_TEXT(VS_REQUIRED, "subject", "NAME",
                "common name: the charger's id"),
	VS_TEXT(VS_OPTIONAL, "server", "NAMES",
                "a server's certificate for these host names and addresses"),
	VS_TEXT(VS_REQUIRED, "out", "DIR",
                "gets key.pem (mode 0600), cert.pem and ca.pem"),
	VS_TEXT(VS_OPTIONAL, "csr", "FILE",
                "certify the key that this request is of; no key.pem then"),
	VS_UINT(VS_OPTIONAL, "days", "N", "days of validity", 1, 7300, 3650),
};

const struct vs_command vs_cmd_ca_init = {
	"ca init",    "make the device CA, its key on a token",
	NULL,         NULL,
	init_options, sizeof init_options / sizeof *init_options,
	run_init,
};

const struct vs_command vs_cmd_ca_issue = {
	"ca issue",
	"certify a charger's or a server's key, made here or asked for",
	"A charger's certificate is for clients only, its common name is the "
	"charger's\nid.  With --server it is for servers only and carries "
	"the names.",
	NULL,
	issue_options,
	sizeof issue_options / sizeof *issue_options,
	run_issue,
};
