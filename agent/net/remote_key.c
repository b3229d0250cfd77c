/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/net/remote_key.c - an OpenSSL provider whose keys are elsewhere.
 *
 * It says that it has the private part and refuses to export it: then OpenSSL
 * leaves the signing to this provider, and lets it see the whole message.
 */
#include "agent/net/remote_key.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NAME "voltseal-remote"
#define PARAM "remote-key"

struct remote {
	EVP_PKEY *public_key; /* owned */
	vs_remote_sign sign;
	void *ctx;
};

static void *key_new(void *provider)
{
	(void)provider;
	return calloc(1, sizeof(struct remote));
}

static void key_free(void *key)
{
	struct remote *r = key;

	if (r)
		EVP_PKEY_free(r->public_key);
	free(r);
}

static int key_has(const void *key, int selection)
{
	(void)selection;
	return key != NULL;
}

static int key_match(const void *one, const void *other, int selection)
{
	const struct remote *a = one, *b = other;

	(void)selection;
	return EVP_PKEY_eq(a->public_key, b->public_key) == 1;
}

static int key_import(void *key, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PARAM);
	struct remote *r = key;

	(void)selection;
	if (!p || p->data_size != sizeof(*r))
		return 0;
	memcpy(r, p->data, sizeof(*r));
	return EVP_PKEY_up_ref(r->public_key);
}

static const OSSL_PARAM *import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_string(PARAM, NULL, 0), OSSL_PARAM_END};

	(void)selection;
	return types;
}

static int key_export(void *key, int selection, OSSL_CALLBACK *take, void *arg)
{
	const struct remote *r = key;
	OSSL_PARAM *params = NULL;
	int done;

	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return 0;
	if (EVP_PKEY_todata(r->public_key, EVP_PKEY_PUBLIC_KEY, &params) != 1)
		return 0;
	done = take(params, arg);
	OSSL_PARAM_free(params);
	return done;
}

static const OSSL_PARAM *export_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END};

	return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? NULL : types;
}

static int key_get_params(void *key, OSSL_PARAM params[])
{
	const struct remote *r = key;

	return EVP_PKEY_get_params(r->public_key, params);
}

static const OSSL_PARAM *gettable_params(void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL,
	                               0),
		OSSL_PARAM_END};

	(void)provider;
	return types;
}

static const char *ec_signs_by(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}

#define CALL(id, f)                                                            \
	{                                                                      \
		id, (void (*)(void))(f)                                        \
	}
#define KEY_CALLS                                                              \
	CALL(OSSL_FUNC_KEYMGMT_NEW, key_new),                                  \
		CALL(OSSL_FUNC_KEYMGMT_FREE, key_free),                        \
		CALL(OSSL_FUNC_KEYMGMT_HAS, key_has),                          \
		CALL(OSSL_FUNC_KEYMGMT_MATCH, key_match),                      \
		CALL(OSSL_FUNC_KEYMGMT_IMPORT, key_import),                    \
		CALL(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types),            \
		CALL(OSSL_FUNC_KEYMGMT_EXPORT, key_export),                    \
		CALL(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, export_types),            \
		CALL(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),            \
		CALL(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable_params)

static const OSSL_DISPATCH ec_key[] = {
	KEY_CALLS,
	CALL(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, ec_signs_by),
	{0, NULL}
};
static const OSSL_DISPATCH ed_key[] = {
	KEY_CALLS, {0, NULL}
};

/* One signature at a time, of a message that comes whole. */
struct signing {
	const struct remote *key;
};

static void *signing_new(void *provider, const char *query)
{
	(void)provider;
	(void)query;
	return calloc(1, sizeof(struct signing));
}

static void signing_free(void *signing)
{
	free(signing);
}

static int signing_init(void *signing, const char *digest, void *key,
                        const OSSL_PARAM params[])
{
	struct signing *s = signing;

	(void)params;
	/* P-256 with SHA-256, and Ed25519 with what it has. */
	if (digest && digest[0] != '\0' && strcmp(digest, "SHA256") != 0 &&
	    strcmp(digest, "SHA2-256") != 0)
		return 0;
	s->key = key;
	return 1;
}

static int signing_sign(void *signing, unsigned char *sig, size_t *sig_len,
                        size_t cap, const unsigned char *in, size_t len)
{
	const struct signing *s = signing;

	if (!sig) {
		*sig_len = (size_t)EVP_PKEY_get_size(s->key->public_key);
		return 1;
	}
	*sig_len = cap;
	return s->key->sign(s->key->ctx, in, len, sig, sig_len);
}

static const OSSL_DISPATCH signature[] = {
	CALL(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
	CALL(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
	CALL(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_init),
	CALL(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_sign),
	{0, NULL}
};

#define DOES(names, calls)                                                     \
	{                                                                      \
		names, "provider=" NAME, calls, ""                             \
	}

static const OSSL_ALGORITHM keys[] = {
	DOES("EC:id-ecPublicKey:1.2.840.10045.2.1", ec_key),
	DOES("ED25519:1.3.101.112", ed_key),
	{0},
};
static const OSSL_ALGORITHM signatures[] = {
	DOES("ECDSA", signature),
	DOES("ED25519:1.3.101.112", signature),
	{0},
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_KEYMGMT     ? keys
	       : operation == OSSL_OP_SIGNATURE ? signatures
	                                        : NULL;
}

static int start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                 const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH calls[] = {
		CALL(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query), {0, NULL}
        };

	(void)in;
	*out = calls;
	*provider = (void *)(uintptr_t)handle;
	return 1;
}

static pthread_once_t loaded_once = PTHREAD_ONCE_INIT;
static bool loaded;

/* The usual one first: all that is not remote stays with it. */
static void load(void)
{
	loaded = OSSL_PROVIDER_load(NULL, "default") &&
	         OSSL_PROVIDER_add_builtin(NULL, NAME, start) == 1 &&
	         OSSL_PROVIDER_load(NULL, NAME);
}

vs_status vs_remote_key_new(EVP_PKEY *public_key, vs_remote_sign sign,
                            void *ctx, EVP_PKEY **out)
{
	struct remote r = {public_key, sign, ctx};
	OSSL_PARAM params[2] = {
		OSSL_PARAM_construct_octet_string(PARAM, &r, sizeof(r)),
		OSSL_PARAM_construct_end()};
	const char *type = EVP_PKEY_is_a(public_key, "EC") ? "EC" : "ED25519";
	EVP_PKEY_CTX *c;
	bool made;

	*out = NULL;
	if (!EVP_PKEY_is_a(public_key, type))
		return VS_ERR_INPUT;
	pthread_once(&loaded_once, load);
	if (!loaded)
		return VS_ERR_CRYPTO;
	c = EVP_PKEY_CTX_new_from_name(NULL, type, "provider=" NAME);
	made = c && EVP_PKEY_fromdata_init(c) == 1 &&
	       EVP_PKEY_fromdata(c, out, EVP_PKEY_KEYPAIR, params) == 1;
	EVP_PKEY_CTX_free(c);
	return made ? VS_OK : VS_ERR_CRYPTO;
}
