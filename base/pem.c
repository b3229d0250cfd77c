/* SPDX-License-Identifier: Apache-2.0
 *
 * base/pem.c - OpenSSL keys and certificates in files.
 */
#include "base/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"

enum { pem_max = 64 * 1024 };

/* A key file never asks on the terminal: an encrypted one is refused. */
static int no_password(char *out, int cap, int writing, void *ctx)
{
	(void)out;
	(void)cap;
	(void)writing;
	(void)ctx;
	return -1;
}

vs_status vs_pem_private_key(const char *path, EVP_PKEY **out)
{
	struct stat st;
	VS_AUTO(vs_free_drop) uint8_t *pem = NULL;
	size_t len;

	*out = NULL;
	if (stat(path, &st))
		return errno == ENOENT ? VS_ERR_ABSENT : VS_ERR_IO;
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return VS_ERR_DENIED;
	vs_status status = vs_file_read(path, pem_max, &pem, &len);
	if (status)
		return status;
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	if (!bio)
		return VS_ERR_NOMEM;
	*out = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	OPENSSL_cleanse(pem, len);
	ERR_clear_error();
	return *out ? VS_OK : VS_ERR_INPUT;
}

vs_status vs_pem_certificate_text(const char *pem, size_t len, X509 **out)
{
	*out = NULL;
	if (len > pem_max)
		return VS_ERR_LIMIT;
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	if (!bio)
		return VS_ERR_NOMEM;
	*out = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return *out ? VS_OK : VS_ERR_INPUT;
}

vs_status vs_pem_certificate(const char *path, X509 **out)
{
	VS_AUTO(vs_free_drop) uint8_t *pem = NULL;
	size_t len;

	*out = NULL;
	vs_status status = vs_file_read(path, pem_max, &pem, &len);
	if (status)
		return status;
	return vs_pem_certificate_text((char *)pem, len, out);
}

static vs_status write_key(const char *path, EVP_PKEY *key)
{
	char *pem;
	BIO *bio = BIO_new(BIO_s_secmem());

	if (!bio)
		return VS_ERR_NOMEM;
	vs_status status = VS_ERR_CRYPTO;
	if (PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) ==
	    1) {
		long len = BIO_get_mem_data(bio, &pem);

		status = len > 0 ? vs_file_replace(path, pem, (size_t)len, 0600)
		                 : VS_ERR_CRYPTO;
	}
	BIO_free(bio);
	return status;
}

vs_status vs_pem_generate(const char *path, bool ed25519, EVP_PKEY **out)
{
	*out = ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
	               : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (!*out)
		return VS_ERR_CRYPTO;
	vs_status status = write_key(path, *out);
	if (status) {
		EVP_PKEY_free(*out);
		*out = NULL;
	}
	return status;
}

vs_status vs_pem_sign(EVP_PKEY *key, const void *message, size_t len,
                      uint8_t *sig, size_t *sig_len)
{
	bool pure = EVP_PKEY_get_id(key) == EVP_PKEY_ED25519;
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (!md)
		return VS_ERR_NOMEM;
	vs_status status = VS_ERR_CRYPTO;
	if (EVP_DigestSignInit(md, NULL, pure ? NULL : EVP_sha256(), NULL,
	                       key) == 1 &&
	    EVP_DigestSign(md, sig, sig_len, message, len) == 1)
		status = VS_OK;
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return status;
}
