/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/herd.c - certificates for many virtual chargers at once.
 *
 * usage: herd CA.pem CA.key KEY.pem COUNT FOLDER [SECONDS]
 * FOLDER/CP-0001.cert.pem ... with the public half of KEY.pem, for they are
 * many and the test is one; good for so many seconds.
 */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { month_s = 30 * 86400, most = 100000 };

static X509 *read_certificate(const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *out = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	return out;
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *out = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	return out;
}

static int add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	int ok = e && X509_add_ext(cert, e, -1) == 1;

	X509_EXTENSION_free(e);
	return ok;
}

static X509 *issue(const X509 *ca, EVP_PKEY *ca_key, EVP_PKEY *key, long number,
                   long life_s)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();
	char id[32];

	snprintf(id, sizeof id, "CP-%04ld", number);
	int ok = cert && name && X509_set_version(cert, 2) == 1 &&
	         ASN1_INTEGER_set(X509_get_serialNumber(cert), number) == 1 &&
	         X509_gmtime_adj(X509_getm_notBefore(cert), -60) &&
	         X509_gmtime_adj(X509_getm_notAfter(cert), life_s) &&
	         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	                                    (const unsigned char *)id, -1, -1,
	                                    0) == 1 &&
	         X509_set_subject_name(cert, name) == 1 &&
	         X509_set_issuer_name(cert, X509_get_subject_name(ca)) == 1 &&
	         X509_set_pubkey(cert, key) == 1 &&
	         add_extension(cert, NID_basic_constraints,
	                       "critical,CA:FALSE") &&
	         add_extension(cert, NID_key_usage,
	                       "critical,digitalSignature") &&
	         add_extension(cert, NID_ext_key_usage, "clientAuth") &&
	         X509_sign(cert, ca_key, EVP_sha256()) > 0;

	X509_NAME_free(name);
	if (!ok) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static int write_certificate(const char *folder, long number, X509 *cert)
{
	char path[1024];

	snprintf(path, sizeof path, "%s/CP-%04ld.cert.pem", folder, number);
	FILE *f = fopen(path, "we");
	int ok = f && PEM_write_X509(f, cert) == 1;

	return f && fclose(f) == 0 && ok;
}

int main(int argc, char **argv)
{
	bool right = argc == 6 || argc == 7;
	X509 *ca = right ? read_certificate(argv[1]) : NULL;
	EVP_PKEY *ca_key = right ? read_key(argv[2]) : NULL;
	EVP_PKEY *key = right ? read_key(argv[3]) : NULL;
	long count = right ? strtol(argv[4], NULL, 10) : 0;
	long life_s = argc == 7 ? strtol(argv[6], NULL, 10) : month_s;
	int ok = ca && ca_key && key && count > 0 && count <= most;

	for (long n = 1; ok && n <= count; n++) {
		X509 *cert = issue(ca, ca_key, key, n, life_s);

		ok = cert && write_certificate(argv[5], n, cert);
		X509_free(cert);
	}
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	if (!ok)
		fprintf(stderr, "herd: failed\n");
	return ok ? 0 : 1;
}
