/* SPDX-License-Identifier: Apache-2.0
 *
 * base/pkcs11.c - people's keys on tokens, through PKCS#11 called directly.
 */
#include "base/pkcs11.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <p11-kit/pkcs11.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

enum { slots_max = 64, id_len = 16 };

/* OBJECT IDENTIFIER 1.2.840.10045.3.1.7 */
static const CK_BYTE p256_oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07};

struct vs_p11 {
	void *library;
	CK_FUNCTION_LIST *call;
	bool initialized;
	bool has_session;
	CK_SESSION_HANDLE session;
	char label[VS_P11_LABEL_MAX + 1]; /* of the token, once logged in */
	char error[256];
};

static const char wrong_pin[] = "wrong PIN";
static const char wrong_len[] = "wrong PIN (its length)";
static const char locked[] = "the PIN is locked";
static const char expired[] = "the PIN has expired";
static const char no_pin[] = "the token has no user PIN yet";
static const char removed[] = "the token was taken out: put it back and start "
			      "again";
static const char full[] = "the token is full: remove what it no longer needs";
static const char lost[] = "the session was lost: start again";
static const char busy[] = "the token has no session free: others use it";
static const char failed[] = "the token failed";
static const char no_ecdsa[] = "the token does not do ECDSA on P-256";
static const char no_sign[] = "the key may not sign";
static const char read_only[] = "the token is write protected";
static const char bad_module[] = "the module failed (its configuration?)";

static const struct {
	CK_RV rv;
	vs_status status;
	const char *text;
} rv_texts[] = {
	{CKR_PIN_INCORRECT,              VS_ERR_DENIED, wrong_pin },
	{CKR_PIN_INVALID,                VS_ERR_DENIED, wrong_pin },
	{CKR_PIN_LEN_RANGE,              VS_ERR_DENIED, wrong_len },
	{CKR_PIN_LOCKED,                 VS_ERR_DENIED, locked    },
	{CKR_PIN_EXPIRED,                VS_ERR_DENIED, expired   },
	{CKR_USER_PIN_NOT_INITIALIZED,   VS_ERR_CRYPTO, no_pin    },
	{CKR_TOKEN_NOT_PRESENT,          VS_ERR_ABSENT, removed   },
	{CKR_DEVICE_REMOVED,             VS_ERR_ABSENT, removed   },
	{CKR_SLOT_ID_INVALID,            VS_ERR_ABSENT, removed   },
	{CKR_TOKEN_NOT_RECOGNIZED,       VS_ERR_ABSENT, removed   },
	{CKR_DEVICE_MEMORY,              VS_ERR_LIMIT,  full      },
	{CKR_SESSION_HANDLE_INVALID,     VS_ERR_STATE,  lost      },
	{CKR_SESSION_CLOSED,             VS_ERR_STATE,  lost      },
	{CKR_USER_NOT_LOGGED_IN,         VS_ERR_STATE,  lost      },
	{CKR_SESSION_COUNT,              VS_ERR_STATE,  busy      },
	{CKR_DEVICE_ERROR,               VS_ERR_CRYPTO, failed    },
	{CKR_MECHANISM_INVALID,          VS_ERR_CRYPTO, no_ecdsa  },
	{CKR_KEY_FUNCTION_NOT_PERMITTED, VS_ERR_CRYPTO, no_sign   },
	{CKR_TOKEN_WRITE_PROTECTED,      VS_ERR_CRYPTO, read_only },
	{CKR_GENERAL_ERROR,              VS_ERR_CRYPTO, bad_module},
};

VS_PRINTF(3, 4)
static vs_status fail(struct vs_p11 *p, vs_status status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(p->error, sizeof p->error, fmt, args) < 0)
		p->error[0] = 0;
	va_end(args);
	return status;
}

static vs_status fail_rv(struct vs_p11 *p, const char *what, CK_RV rv)
{
	const char *of = p->label[0] ? "token " : "";
	const char *then = p->label[0] ? ": " : "";

	for (size_t i = 0; i < sizeof rv_texts / sizeof *rv_texts; i++)
		if (rv_texts[i].rv == rv)
			return fail(p, rv_texts[i].status, "%s%s%s%s: %s", of,
			            p->label, then, what, rv_texts[i].text);
	return fail(p, VS_ERR_CRYPTO, "%s%s%s%s: the module says 0x%lx", of,
	            p->label, then, what, rv);
}

static bool label_ok(const char *label)
{
	size_t len = strlen(label);

	if (!len || len > VS_P11_LABEL_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (label[i] <= ' ' || label[i] > '~')
			return false;
	return true;
}

const char *vs_p11_error(const struct vs_p11 *p)
{
	return p->error;
}

/* ISO C has no cast from an object pointer to a function pointer. */
static CK_C_GetFunctionList entry_point(void *library)
{
	CK_C_GetFunctionList get = NULL;
	void *symbol = dlsym(library, "C_GetFunctionList");

	_Static_assert(sizeof get == sizeof symbol, "POSIX");
	memcpy(&get, &symbol, sizeof get);
	return get;
}

static vs_status load(struct vs_p11 *p, const char *module)
{
	p->library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	if (!p->library)
		return fail(p, VS_ERR_ABSENT, "%s: cannot load: %s", module,
		            dlerror());
	CK_C_GetFunctionList get = entry_point(p->library);
	if (!get || get(&p->call) != CKR_OK || !p->call)
		return fail(p, VS_ERR_CRYPTO, "%s: not a PKCS#11 module",
		            module);
	CK_RV rv = p->call->C_Initialize(NULL);
	if (rv != CKR_OK)
		return fail_rv(p, module, rv);
	p->initialized = true;
	return VS_OK;
}

vs_status vs_p11_open(const char *module, struct vs_p11 **out,
                      char error[static 256])
{
	struct vs_p11 *p = calloc(1, sizeof *p);

	*out = NULL;
	error[0] = 0;
	if (!p)
		return VS_ERR_NOMEM;
	vs_status status = load(p, module);
	if (status) {
		memcpy(error, p->error, sizeof p->error);
		vs_p11_close(&p);
	}
	*out = p;
	return status;
}

static void end_session(struct vs_p11 *p)
{
	if (!p->has_session)
		return;
	/* closing the last session of a token logs out of it */
	p->call->C_CloseSession(p->session);
	p->has_session = false;
	p->label[0] = 0;
}

void vs_p11_close(struct vs_p11 **pp)
{
	struct vs_p11 *p = *pp;

	*pp = NULL;
	if (!p)
		return;
	end_session(p);
	if (p->initialized)
		p->call->C_Finalize(NULL);
	if (p->library)
		dlclose(p->library);
	free(p);
}

static void pad_label(const char *label, CK_UTF8CHAR out[static 32])
{
	size_t len = strlen(label);

	for (size_t i = 0; i < VS_P11_LABEL_MAX; i++)
		out[i] = i < len ? (CK_UTF8CHAR)label[i] : ' ';
}

static vs_status slots(struct vs_p11 *p, CK_SLOT_ID ids[static slots_max],
                       CK_ULONG *count)
{
	/* the first call makes SoftHSM see tokens made since the last one */
	CK_RV rv = p->call->C_GetSlotList(CK_TRUE, NULL, count);

	if (rv != CKR_OK)
		return fail_rv(p, "looking for tokens", rv);
	*count = slots_max;
	rv = p->call->C_GetSlotList(CK_TRUE, ids, count);
	return rv == CKR_OK ? VS_OK : fail_rv(p, "looking for tokens", rv);
}

/* Counts the tokens of this label; *slot is the last one. */
static vs_status slots_named(struct vs_p11 *p, const char *label,
                             CK_SLOT_ID *slot, size_t *found)
{
	CK_SLOT_ID ids[slots_max] = {0};
	CK_ULONG count = 0;
	CK_UTF8CHAR want[VS_P11_LABEL_MAX];
	vs_status status = slots(p, ids, &count);

	*found = 0;
	if (status)
		return status;
	pad_label(label, want);
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;

		if (p->call->C_GetTokenInfo(ids[i], &info) != CKR_OK ||
		    !(info.flags & CKF_TOKEN_INITIALIZED) ||
		    memcmp(info.label, want, sizeof want) != 0)
			continue;
		*slot = ids[i];
		++*found;
	}
	return VS_OK;
}

static vs_status slot_of(struct vs_p11 *p, const char *label, CK_SLOT_ID *slot)
{
	size_t found;

	if (!label_ok(label))
		return fail(p, VS_ERR_INPUT,
		            "token label: 1 to 32 printable characters "
		            "without spaces");
	vs_status status = slots_named(p, label, slot, &found);
	if (status)
		return status;
	if (!found)
		return fail(p, VS_ERR_ABSENT,
		            "token %s: there is no token of "
		            "this label",
		            label);
	if (found > 1)
		return fail(p, VS_ERR_REFUSED,
		            "token %s: %zu tokens have this "
		            "label",
		            label, found);
	return VS_OK;
}

static vs_status empty_slot(struct vs_p11 *p, CK_SLOT_ID *slot)
{
	CK_SLOT_ID ids[slots_max] = {0};
	CK_ULONG count = 0;
	vs_status status = slots(p, ids, &count);

	if (status)
		return status;
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;

		if (p->call->C_GetTokenInfo(ids[i], &info) != CKR_OK ||
		    info.flags & CKF_TOKEN_INITIALIZED)
			continue;
		*slot = ids[i];
		return VS_OK;
	}
	return fail(p, VS_ERR_ABSENT, "the module has no empty token");
}

/* PKCS#11 takes what it reads through pointers to non-const. */
static CK_UTF8CHAR *text_arg(const char *text, char copy[static 256])
{
	size_t len = strnlen(text, 255);

	memcpy(copy, text, len);
	copy[len] = 0;
	return (CK_UTF8CHAR *)copy;
}

static vs_status session_login(struct vs_p11 *p, CK_SLOT_ID slot,
                               CK_USER_TYPE who, const char *pin, bool writable)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | (writable ? CKF_RW_SESSION : 0);
	char copy[256];

	end_session(p);
	CK_RV rv = p->call->C_OpenSession(slot, flags, NULL, NULL, &p->session);
	if (rv != CKR_OK)
		return fail_rv(p, "opening the token", rv);
	p->has_session = true;
	rv = p->call->C_Login(p->session, who, text_arg(pin, copy),
	                      (CK_ULONG)strnlen(pin, 255));
	OPENSSL_cleanse(copy, sizeof copy);
	if (rv == CKR_OK)
		return VS_OK;
	end_session(p);
	return fail_rv(p, "login", rv);
}

static vs_status set_user_pin(struct vs_p11 *p, const char *pin)
{
	char copy[256];
	CK_RV rv = p->call->C_InitPIN(p->session, text_arg(pin, copy),
	                              (CK_ULONG)strnlen(pin, 255));

	OPENSSL_cleanse(copy, sizeof copy);
	return rv == CKR_OK ? VS_OK : fail_rv(p, "setting the user PIN", rv);
}

vs_status vs_p11_init_token(struct vs_p11 *p, const char *label,
                            const char *so_pin, const char *pin)
{
	CK_SLOT_ID slot = 0;
	CK_UTF8CHAR padded[VS_P11_LABEL_MAX];
	char copy[256];
	vs_status status = slot_of(p, label, &slot);

	if (status == VS_OK || status == VS_ERR_REFUSED)
		return fail(p, VS_ERR_STATE, "token %s: there is one already",
		            label);
	if (status != VS_ERR_ABSENT)
		return status;
	status = empty_slot(p, &slot);
	if (status)
		return status;
	pad_label(label, padded);
	CK_RV rv = p->call->C_InitToken(slot, text_arg(so_pin, copy),
	                                (CK_ULONG)strnlen(so_pin, 255), padded);
	OPENSSL_cleanse(copy, sizeof copy);
	if (rv != CKR_OK)
		return fail_rv(p, "initializing the token", rv);
	/* SoftHSM moves a new token to another slot */
	status = slot_of(p, label, &slot);
	if (!status)
		status = session_login(p, slot, CKU_SO, so_pin, true);
	if (!status)
		status = set_user_pin(p, pin);
	end_session(p);
	return status;
}

vs_status vs_p11_last_try(struct vs_p11 *p, const char *label, bool *last)
{
	CK_SLOT_ID slot = 0;
	CK_TOKEN_INFO info;
	vs_status status = slot_of(p, label, &slot);

	*last = false;
	if (status)
		return status;
	CK_RV rv = p->call->C_GetTokenInfo(slot, &info);
	if (rv != CKR_OK)
		return fail_rv(p, "reading the token", rv);
	*last = info.flags & (CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED);
	return VS_OK;
}

vs_status vs_p11_login(struct vs_p11 *p, const char *label, const char *pin,
                       bool writable)
{
	CK_SLOT_ID slot = 0;
	vs_status status = slot_of(p, label, &slot);

	if (status)
		return status;
	status = session_login(p, slot, CKU_USER, pin, writable);
	if (status) {
		char why[192];

		snprintf(why, sizeof why, "%.*s", (int)sizeof why - 1,
		         p->error);
		return fail(p, status, "token %s: %s", label, why);
	}
	snprintf(p->label, sizeof p->label, "%s", label);
	return VS_OK;
}

/* Objects of a class, with a label if it is not NULL; at most max. */
static vs_status find(struct vs_p11 *p, CK_OBJECT_CLASS class,
                      const char *label, CK_OBJECT_HANDLE *out, CK_ULONG max,
                      CK_ULONG *count)
{
	char copy[256];
	CK_ATTRIBUTE want[2] = {
		{CKA_CLASS, &class, sizeof class}
        };
	CK_ULONG n = 1;

	if (label) {
		want[1].type = CKA_LABEL;
		want[1].pValue = text_arg(label, copy);
		want[1].ulValueLen = (CK_ULONG)strnlen(label, 255);
		n = 2;
	}
	CK_RV rv = p->call->C_FindObjectsInit(p->session, want, n);
	if (rv != CKR_OK)
		return fail_rv(p, "looking for keys", rv);
	rv = p->call->C_FindObjects(p->session, out, max, count);
	p->call->C_FindObjectsFinal(p->session);
	return rv == CKR_OK ? VS_OK : fail_rv(p, "looking for keys", rv);
}

/* Attributes that the token does not have or does not tell are an answer;
 * a token that is gone is none.
 */
static bool answered(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
	       rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_BUFFER_TOO_SMALL;
}

static vs_status is(struct vs_p11 *p, CK_OBJECT_HANDLE key,
                    CK_ATTRIBUTE_TYPE type, CK_BBOOL want, bool *out)
{
	CK_BBOOL value = 2;
	CK_ATTRIBUTE a = {type, &value, sizeof value};
	CK_RV rv = p->call->C_GetAttributeValue(p->session, key, &a, 1);

	*out = rv == CKR_OK && a.ulValueLen == sizeof value && value == want;
	return answered(rv) ? VS_OK : fail_rv(p, "reading a key", rv);
}

static vs_status check_curve(struct vs_p11 *p, CK_OBJECT_HANDLE key,
                             const char *label)
{
	CK_BYTE oid[32];
	CK_KEY_TYPE kind = 0;
	CK_ATTRIBUTE a[] = {
		{CKA_KEY_TYPE,  &kind, sizeof kind},
		{CKA_EC_PARAMS, oid,   sizeof oid },
	};
	CK_RV rv = p->call->C_GetAttributeValue(p->session, key, a, 2);

	if (!answered(rv))
		return fail_rv(p, "reading a key", rv);
	if (rv != CKR_OK || kind != CKK_EC ||
	    a[1].ulValueLen != sizeof p256_oid ||
	    memcmp(oid, p256_oid, sizeof p256_oid) != 0)
		return fail(p, VS_ERR_REFUSED, "key %s: not a P-256 key",
		            label);
	return VS_OK;
}

static vs_status check_private(struct vs_p11 *p, CK_OBJECT_HANDLE key,
                               const char *label)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		CK_BBOOL want;
		const char *otherwise;
	} rules[] = {
		{CKA_SENSITIVE,         CK_TRUE,  "it is not sensitive"          },
		{CKA_EXTRACTABLE,       CK_FALSE, "it can be taken off the token"},
		{CKA_NEVER_EXTRACTABLE, CK_TRUE,
	         "it could be taken off the token once"                          },
		{CKA_ALWAYS_SENSITIVE,  CK_TRUE,  "it could be read once"        },
		{CKA_LOCAL,             CK_TRUE,  "it was not made on the token" },
	};
	vs_status status = check_curve(p, key, label);

	for (size_t i = 0; i < sizeof rules / sizeof *rules && !status; i++) {
		bool good;

		status = is(p, key, rules[i].type, rules[i].want, &good);
		if (!status && !good)
			return fail(p, VS_ERR_REFUSED, "key %s: %s", label,
			            rules[i].otherwise);
	}
	return status;
}

/* Tokens give the point in an OCTET STRING, some bare: both are read. */
static vs_status read_point(struct vs_p11 *p, CK_OBJECT_HANDLE key,
                            const char *label,
                            uint8_t out[static VS_P256_POINT_LEN])
{
	CK_BYTE value[128];
	CK_ATTRIBUTE a = {CKA_EC_POINT, value, sizeof value};
	const CK_BYTE *point = value;
	CK_RV rv = p->call->C_GetAttributeValue(p->session, key, &a, 1);

	if (!answered(rv))
		return fail_rv(p, "reading a key", rv);
	if (rv != CKR_OK)
		return fail(p, VS_ERR_CRYPTO, "key %s: no public point", label);
	if (a.ulValueLen == VS_P256_POINT_LEN + 2 && value[0] == 0x04 &&
	    value[1] == VS_P256_POINT_LEN)
		point += 2;
	else if (a.ulValueLen != VS_P256_POINT_LEN)
		return fail(p, VS_ERR_REFUSED,
		            "key %s: its public point has an unknown form",
		            label);
	if (point[0] != 0x04)
		return fail(p, VS_ERR_REFUSED,
		            "key %s: its public point has an unknown form",
		            label);
	memcpy(out, point, VS_P256_POINT_LEN);
	return VS_OK;
}

vs_status vs_p11_find(struct vs_p11 *p, const char *label,
                      struct vs_p11_key *out)
{
	CK_OBJECT_HANDLE private[2], public[2];
	CK_ULONG privates = 0, publics = 0;

	*out = (struct vs_p11_key){0};
	if (!label_ok(label))
		return fail(p, VS_ERR_INPUT,
		            "key label: 1 to 32 printable characters without "
		            "spaces");
	vs_status status =
		find(p, CKO_PRIVATE_KEY, label, private, 2, &privates);
	if (!status)
		status = find(p, CKO_PUBLIC_KEY, label, public, 2, &publics);
	if (status)
		return status;
	if (!privates && !publics)
		return fail(p, VS_ERR_ABSENT,
		            "key %s: there is none of this label on the token",
		            label);
	if (privates != 1 || publics != 1)
		return fail(p, VS_ERR_REFUSED,
		            "key %s: the token must hold exactly one private "
		            "and one public key of this label",
		            label);
	status = check_private(p, private[0], label);
	if (!status)
		status = read_point(p, public[0], label, out -> point);
	if (status)
		return status;
	snprintf(out->label, sizeof out->label, "%s", label);
	out->handle = private[0];
	return VS_OK;
}

vs_status vs_p11_generate(struct vs_p11 *p, const char *label,
                          struct vs_p11_key *out)
{
	CK_MECHANISM how = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BYTE id[id_len], oid[sizeof p256_oid];
	char copy[256];
	CK_OBJECT_HANDLE public, private;
	vs_status status = vs_p11_find(p, label, out);

	if (status == VS_OK || status == VS_ERR_REFUSED)
		return fail(p, VS_ERR_STATE,
		            "key %s: there is one already on the token", label);
	if (status != VS_ERR_ABSENT)
		return status;
	if (RAND_bytes(id, sizeof id) != 1)
		return fail(p, VS_ERR_CRYPTO, "no random numbers");
	memcpy(oid, p256_oid, sizeof oid);
	text_arg(label, copy);
	CK_ULONG len = (CK_ULONG)strlen(label);
	CK_ATTRIBUTE publics[] = {
		{CKA_TOKEN,     &yes, sizeof yes},
		{CKA_VERIFY,    &yes, sizeof yes},
		{CKA_LABEL,     copy, len       },
		{CKA_ID,        id,   sizeof id },
		{CKA_EC_PARAMS, oid,  sizeof oid},
	};
	CK_ATTRIBUTE privates[] = {
		{CKA_TOKEN,       &yes, sizeof yes},
		{CKA_PRIVATE,     &yes, sizeof yes},
		{CKA_SENSITIVE,   &yes, sizeof yes},
		{CKA_EXTRACTABLE, &no,  sizeof no },
		{CKA_SIGN,        &yes, sizeof yes},
		{CKA_LABEL,       copy, len       },
		{CKA_ID,          id,   sizeof id },
	};
	CK_RV rv = p->call->C_GenerateKeyPair(
		p->session, &how, publics, sizeof publics / sizeof *publics,
		privates, sizeof privates / sizeof *privates, &public,
		&private);
	if (rv != CKR_OK)
		return fail_rv(p, "making the key", rv);
	return vs_p11_find(p, label, out);
}

/* A label too long to be one of ours comes out empty. */
static vs_status label_of(struct vs_p11 *p, CK_OBJECT_HANDLE key,
                          char out[static VS_P11_LABEL_MAX + 1])
{
	CK_ATTRIBUTE a = {CKA_LABEL, out, VS_P11_LABEL_MAX};
	CK_RV rv = p->call->C_GetAttributeValue(p->session, key, &a, 1);

	if (!answered(rv))
		return fail_rv(p, "reading a key", rv);
	out[rv == CKR_OK && a.ulValueLen <= VS_P11_LABEL_MAX ? a.ulValueLen
	                                                     : 0] = 0;
	return VS_OK;
}

/* What is refused for itself is left out; a token that fails is an error. */
static bool left_out(vs_status status)
{
	return status == VS_ERR_REFUSED || status == VS_ERR_INPUT;
}

vs_status vs_p11_list(struct vs_p11 *p,
                      struct vs_p11_key out[static VS_P11_KEYS_MAX],
                      size_t *count, size_t *refused)
{
	CK_OBJECT_HANDLE keys[VS_P11_KEYS_MAX];
	CK_ULONG found = 0;

	*count = *refused = 0;
	vs_status status =
		find(p, CKO_PRIVATE_KEY, NULL, keys, VS_P11_KEYS_MAX, &found);
	for (CK_ULONG i = 0; i < found && !status; i++) {
		char label[VS_P11_LABEL_MAX + 1];

		status = label_of(p, keys[i], label);
		if (!status)
			status = vs_p11_find(p, label, &out[*count]);
		if (!status)
			++*count;
		if (left_out(status)) {
			++*refused;
			status = VS_OK;
		}
	}
	return status;
}

/* A token that lies about its public key, or a fault, is caught here. */
static bool verifies(const struct vs_p11_key *key,
                     const uint8_t digest[static VS_P256_DIGEST_LEN],
                     const uint8_t raw[static VS_P256_RAW_LEN])
{
	uint8_t der[VS_P256_DER_MAX];
	size_t len;
	EVP_PKEY *pkey = NULL;
	bool ok = vs_p256_der(raw, der, &len) == VS_OK &&
	          vs_p256_key(key->point, &pkey) == VS_OK &&
	          vs_p256_verifies(pkey, digest, der, len);

	EVP_PKEY_free(pkey);
	return ok;
}

vs_status vs_p11_sign_digest(struct vs_p11 *p, const struct vs_p11_key *key,
                             const uint8_t digest[static VS_P256_DIGEST_LEN],
                             uint8_t raw[static VS_P256_RAW_LEN])
{
	CK_MECHANISM how = {CKM_ECDSA, NULL, 0};
	CK_BYTE copy[VS_P256_DIGEST_LEN];
	CK_ULONG raw_len = VS_P256_RAW_LEN;

	memcpy(copy, digest, sizeof copy);
	CK_RV rv = p->call->C_SignInit(p->session, &how, key->handle);
	if (rv == CKR_OK)
		rv = p->call->C_Sign(p->session, copy, sizeof copy, raw,
		                     &raw_len);
	if (rv != CKR_OK)
		return fail_rv(p, "signing", rv);
	if (raw_len != VS_P256_RAW_LEN || !verifies(key, digest, raw)) {
		memset(raw, 0, VS_P256_RAW_LEN);
		return fail(p, VS_ERR_CRYPTO,
		            "key %s: the token's signature does not verify",
		            key->label);
	}
	return VS_OK;
}

vs_status vs_p11_sign(struct vs_p11 *p, const struct vs_p11_key *key,
                      const void *message, size_t len,
                      uint8_t raw[static VS_P256_RAW_LEN])
{
	uint8_t digest[VS_P256_DIGEST_LEN];

	/* SoftHSM has no CKM_ECDSA_SHA256: hash here, sign the digest */
	if (EVP_Digest(message, len, digest, NULL, EVP_sha256(), NULL) != 1)
		return fail(p, VS_ERR_CRYPTO, "SHA-256 failed");
	return vs_p11_sign_digest(p, key, digest, raw);
}
