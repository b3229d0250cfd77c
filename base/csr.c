/* SPDX-License-Identifier: Apache-2.0
 *
 * base/csr.c - requests for certificates.
 */
#include "base/csr.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/p256.h"

enum { name_max = 64, csr_max = 64 * 1024 };

static bool printable(const char *subject)
{
	size_t len = strlen(subject);

	for (size_t i = 0; i < len; i++)
		if (subject[i] < ' ' || subject[i] > '~')
			return false;
	return len > 0 && len <= name_max;
}

static X509_NAME *name_of(const char *subject)
{
	X509_NAME *name = X509_NAME_new();

	if (name && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	                                       (const unsigned char *)subject,
	                                       -1, -1, 0) != 1) {
		X509_NAME_free(name);
		name = NULL;
	}
	return name;
}

static bool fill(X509_REQ *csr, const char *subject, EVP_PKEY *key)
{
	X509_NAME *name = name_of(subject);
	X509_ALGOR *how = X509_ALGOR_new();
	bool ok = name && how &&
	          X509_REQ_set_version(csr, X509_REQ_VERSION_1) == 1 &&
	          X509_REQ_set_subject_name(csr, name) == 1 &&
	          X509_REQ_set_pubkey(csr, key) == 1 &&
	          X509_ALGOR_set0(how, OBJ_nid2obj(NID_ecdsa_with_SHA256),
	                          V_ASN1_UNDEF, NULL) == 1 &&
	          X509_REQ_set1_signature_algo(csr, how) == 1;

	X509_ALGOR_free(how);
	X509_NAME_free(name);
	return ok;
}

static vs_status put_signature(X509_REQ *csr, uint8_t *sig, size_t len)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();

	if (!bits || ASN1_BIT_STRING_set(bits, sig, (int)len) != 1) {
		ASN1_BIT_STRING_free(bits);
		return VS_ERR_NOMEM;
	}
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* no unused bits */
	X509_REQ_set0_signature(csr, bits);
	return VS_OK;
}

static vs_status sign_csr(X509_REQ *csr, vs_csr_sign sign, void *ctx)
{
	uint8_t sig[VS_P256_DER_MAX];
	size_t len = sizeof(sig);
	uint8_t *tbs = NULL;
	int tbs_len = i2d_re_X509_REQ_tbs(csr, &tbs);
	vs_status status = VS_ERR_CRYPTO;

	if (tbs_len > 0)
		status = sign(ctx, tbs, (size_t)tbs_len, sig, &len);
	if (status == VS_OK)
		status = put_signature(csr, sig, len);
	OPENSSL_free(tbs);
	return status;
}

vs_status vs_csr_make(const char *subject, EVP_PKEY *key, vs_csr_sign sign,
                      void *ctx, X509_REQ **out)
{
	vs_status status = VS_ERR_INPUT;

	*out = NULL;
	if (!printable(subject) || !vs_p256_is(key))
		return VS_ERR_INPUT;
	*out = X509_REQ_new();
	if (!*out)
		return VS_ERR_NOMEM;
	status = fill(*out, subject, key) ? sign_csr(*out, sign, ctx)
	                                  : VS_ERR_CRYPTO;
	if (status == VS_OK && X509_REQ_verify(*out, key) != 1)
		status = VS_ERR_CRYPTO;
	if (status != VS_OK) {
		X509_REQ_free(*out);
		*out = NULL;
	}
	ERR_clear_error();
	return status;
}

vs_status vs_csr_store(const char *path, X509_REQ *csr)
{
	BIO *bio = BIO_new(BIO_s_mem());
	vs_status status = VS_ERR_CRYPTO;
	char *text;

	if (!bio)
		return VS_ERR_NOMEM;
	if (PEM_write_bio_X509_REQ(bio, csr) == 1) {
		long n = BIO_get_mem_data(bio, &text);

		status = vs_file_replace(path, text, (size_t)n, 0644);
	}
	BIO_free(bio);
	return status;
}

vs_status vs_csr_load(const char *path, X509_REQ **out)
{
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	size_t len;
	vs_status status = vs_file_read(path, csr_max, &text, &len);
	BIO *bio;

	*out = NULL;
	if (status != VS_OK)
		return status;
	bio = BIO_new_mem_buf(text, (int)len);
	if (!bio)
		return VS_ERR_NOMEM;
	*out = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	BIO_free(bio);
	status = VS_ERR_INPUT;
	if (*out) {
		EVP_PKEY *key = X509_REQ_get0_pubkey(*out);

		status = vs_p256_is(key) && X509_REQ_verify(*out, key) == 1
		                 ? VS_OK
		                 : VS_ERR_REFUSED;
	}
	if (status != VS_OK) {
		X509_REQ_free(*out);
		*out = NULL;
	}
	ERR_clear_error();
	return status;
}

bool vs_csr_names(X509_REQ *csr, const char *subject)
{
	const X509_NAME *name = X509_REQ_get_subject_name(csr);
	int at = X509_NAME_get_index_by_NID((X509_NAME *)(uintptr_t)name,
	                                    NID_commonName, -1);
	const ASN1_STRING *text;

	if (X509_NAME_entry_count(name) != 1 || at != 0)
		return false;
	text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	return (size_t)ASN1_STRING_length(text) == strlen(subject) &&
	       memcmp(ASN1_STRING_get0_data(text), subject, strlen(subject)) ==
	               0;
}
