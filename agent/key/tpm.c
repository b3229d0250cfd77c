/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/key/tpm.c - the device key in a TPM, at a persistent handle.
 *
 * Through ESYS and not through OpenSSL's provider: that can neither make a
 * persistent key nor say whether one could leave the TPM.
 *
 * Standard: TPM 2.0 part 2, 8.3 (attributes) and 12.2; part 3, 24.1, 28.5.
 */
#include "agent/key/store.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "base/log.h"
#include "base/pin.h"

struct held {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR key;
	uint32_t handle;
};

/* What a key that can only sign, and only here, has and has not. */
#define MUST                                                                   \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |                      \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |          \
	 TPMA_OBJECT_SIGN_ENCRYPT)
#define MUST_NOT (TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

/* Errors of format one carry the number of a handle, session or parameter. */
static TSS2_RC bare(TSS2_RC rc)
{
	return rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc & 0xfff;
}

static const struct {
	TSS2_RC rc;
	vs_status status;
	const char *text;
} texts[] = {
	{TPM2_RC_AUTH_FAIL,  VS_ERR_DENIED,  "wrong PIN"                         },
	{TPM2_RC_BAD_AUTH,   VS_ERR_DENIED,  "wrong PIN, or it needs one"        },
	{TPM2_RC_LOCKOUT,    VS_ERR_STATE,   "the TPM is locked after wrong PINs"},
	{TPM2_RC_HANDLE,     VS_ERR_ABSENT,  "there is no key there"             },
	{TPM2_RC_NV_SPACE,   VS_ERR_LIMIT,
         "the TPM has no room for one more key"                                  },
	{TPM2_RC_HIERARCHY,  VS_ERR_STATE,
         "the TPM's owner hierarchy is disabled"                                 },
	{TPM2_RC_INITIALIZE, VS_ERR_STATE,   "the TPM was not started"           },
	{TPM2_RC_FAILURE,    VS_ERR_CRYPTO,  "the TPM has failed"                },
	{TPM2_RC_CURVE,      VS_ERR_REFUSED, "the TPM does not do P-256"         },
};

/* The TPM's own errors are of layer 0; others are of the way to it, which may
 * be another one next time.
 */
static vs_status fail(const struct held *h, TSS2_RC rc, const char *what,
                      char error[static VS_KEY_ERROR_LEN])
{
	bool of_tpm = (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER ||
	              (rc & TSS2_RC_LAYER_MASK) == TSS2_RESMGR_TPM_RC_LAYER;
	char said[120];

	for (size_t i = 0; of_tpm && i < sizeof(texts) / sizeof(*texts); i++) {
		if (texts[i].rc != bare(rc))
			continue;
		snprintf(error, VS_KEY_ERROR_LEN, "key 0x%08x: %s: %s",
		         h->handle, what, texts[i].text);
		return texts[i].status;
	}
	snprintf(error, VS_KEY_ERROR_LEN, "key 0x%08x: %s: %s", h->handle, what,
	         vs_log_quote(Tss2_RC_Decode(rc), said, sizeof(said)));
	return of_tpm ? VS_ERR_CRYPTO : VS_ERR_STATE;
}

static vs_status refuse(const struct held *h, const char *what,
                        char error[static VS_KEY_ERROR_LEN])
{
	snprintf(error, VS_KEY_ERROR_LEN, "key 0x%08x: %s", h->handle, what);
	return VS_ERR_REFUSED;
}

static vs_status connect_tpm(struct held *h, const char *tcti,
                             char error[static VS_KEY_ERROR_LEN])
{
	TSS2_RC rc = Tss2_TctiLdr_Initialize(tcti, &h->tcti);
	char said[120];

	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_Initialize(&h->esys, h->tcti, NULL);
	if (rc == TSS2_RC_SUCCESS)
		return VS_OK;
	snprintf(error, VS_KEY_ERROR_LEN, "no TPM at %.80s: %s", tcti,
	         vs_log_quote(Tss2_RC_Decode(rc), said, sizeof(said)));
	return VS_ERR_ABSENT;
}

static void close_key(void *held)
{
	struct held *h = held;

	if (h->esys && h->key != ESYS_TR_NONE)
		(void)Esys_TR_Close(h->esys, &h->key);
	Esys_Finalize(&h->esys);
	Tss2_TctiLdr_Finalize(&h->tcti);
}

/* x and y come without leading zeros. */
static bool put(const TPM2B_ECC_PARAMETER *from, uint8_t *to)
{
	if (from->size > 32)
		return false;
	memset(to, 0, 32U - from->size);
	memcpy(to + 32 - from->size, from->buffer, from->size);
	return true;
}

static vs_status judge(const struct held *h, const TPMT_PUBLIC *key,
                       uint8_t point[static VS_P256_POINT_LEN],
                       char error[static VS_KEY_ERROR_LEN])
{
	if (key->type != TPM2_ALG_ECC ||
	    key->parameters.eccDetail.curveID != TPM2_ECC_NIST_P256)
		return refuse(h, "not a P-256 key", error);
	if ((key->objectAttributes & MUST) != MUST)
		return refuse(h,
		              "it was not made in this TPM, could leave it, or "
		              "may not sign",
		              error);
	if (key->objectAttributes & MUST_NOT)
		return refuse(h, "it is for more, or less, than signing",
		              error);
	point[0] = 4;
	if (!put(&key->unique.ecc.x, point + 1) ||
	    !put(&key->unique.ecc.y, point + 33))
		return refuse(h, "its public point has an unknown form", error);
	return VS_OK;
}

static vs_status find(struct held *h, uint8_t point[static VS_P256_POINT_LEN],
                      char error[static VS_KEY_ERROR_LEN])
{
	TPM2B_PUBLIC *key = NULL;
	TSS2_RC rc = Esys_TR_FromTPMPublic(h->esys, h->handle, ESYS_TR_NONE,
	                                   ESYS_TR_NONE, ESYS_TR_NONE, &h->key);
	vs_status status;

	if (rc != TSS2_RC_SUCCESS) {
		h->key = ESYS_TR_NONE;
		return fail(h, rc, "finding it", error);
	}
	rc = Esys_ReadPublic(h->esys, h->key, ESYS_TR_NONE, ESYS_TR_NONE,
	                     ESYS_TR_NONE, &key, NULL, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return fail(h, rc, "reading it", error);
	status = judge(h, &key->publicArea, point, error);
	Esys_Free(key);
	return status;
}

/* Random bytes in the template: another key each time, though the TPM derives
 * it from the same seed.  No dictionary attack logic: what others do wrong
 * must not lock this charger out.
 */
static bool template(TPM2B_PUBLIC *out)
{
	*out = (TPM2B_PUBLIC){0};
	out->publicArea.type = TPM2_ALG_ECC;
	out->publicArea.nameAlg = TPM2_ALG_SHA256;
	out->publicArea.objectAttributes = MUST | TPMA_OBJECT_NODA;
	out->publicArea.parameters.eccDetail.symmetric.algorithm =
		TPM2_ALG_NULL;
	out->publicArea.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
	out->publicArea.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
	out->publicArea.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
	out->publicArea.unique.ecc.x.size = 32;
	out->publicArea.unique.ecc.y.size = 32;
	return RAND_bytes(out->publicArea.unique.ecc.x.buffer, 32) == 1 &&
	       RAND_bytes(out->publicArea.unique.ecc.y.buffer, 32) == 1;
}

static vs_status make(struct held *h, const TPM2B_AUTH *pin,
                      char error[static VS_KEY_ERROR_LEN])
{
	TPM2B_SENSITIVE_CREATE secret = {.sensitive.userAuth = *pin};
	TPM2B_PUBLIC public;
	const TPM2B_DATA outside = {0};
	const TPML_PCR_SELECTION pcrs = {0};
	ESYS_TR made = ESYS_TR_NONE, kept = ESYS_TR_NONE;
	TSS2_RC rc;

	if (!template(&public))
		return refuse(h, "no random numbers", error);
	rc = Esys_CreatePrimary(h->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
	                        ESYS_TR_NONE, ESYS_TR_NONE, &secret, &public,
	                        &outside, &pcrs, &made, NULL, NULL, NULL, NULL);
	OPENSSL_cleanse(&secret, sizeof(secret));
	if (rc != TSS2_RC_SUCCESS)
		return fail(h, rc, "making it", error);
	rc = Esys_EvictControl(h->esys, ESYS_TR_RH_OWNER, made,
	                       ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
	                       h->handle, &kept);
	(void)Esys_FlushContext(h->esys, made);
	if (rc != TSS2_RC_SUCCESS)
		return fail(h, rc, "keeping it", error);
	(void)Esys_TR_Close(h->esys, &kept);
	return VS_OK;
}

static vs_status read_pin(const char *file, TPM2B_AUTH *out,
                          char error[static VS_KEY_ERROR_LEN])
{
	char pin[VS_PIN_MAX];
	vs_status status = VS_OK;
	size_t len;

	out->size = 0;
	if (file[0] == '\0')
		return VS_OK;
	status = vs_pin_file(file, pin, error);
	if (status == VS_ERR_DENIED)
		status = VS_ERR_INPUT;
	if (status == VS_OK) {
		len = strlen(pin);
		if (len <= 32) {
			memcpy(out->buffer, pin, len);
			out->size = (UINT16)len;
		} else {
			snprintf(error, VS_KEY_ERROR_LEN,
			         "%.160s: PIN file: longer than 32 bytes",
			         file);
			status = VS_ERR_INPUT;
		}
	}
	OPENSSL_cleanse(pin, sizeof(pin));
	return status;
}

static vs_status open_key(void *held, const struct vs_key_place *at,
                          unsigned how, uint8_t point[static VS_P256_POINT_LEN],
                          char error[static VS_KEY_ERROR_LEN])
{
	struct held *h = held;
	TPM2B_AUTH pin = {0};
	vs_status status = read_pin(at->pin_file, &pin, error);

	h->key = ESYS_TR_NONE;
	h->handle = at->handle;
	if (status == VS_OK)
		status = connect_tpm(h, at->tcti, error);
	if (status == VS_OK) {
		status = find(h, point, error);
		if (status == VS_ERR_ABSENT && (how & VS_KEY_MAKE)) {
			status = make(h, &pin, error);
			if (status == VS_OK)
				status = find(h, point, error);
		}
	}
	if (status == VS_OK && pin.size > 0) {
		TSS2_RC rc = Esys_TR_SetAuth(h->esys, h->key, &pin);

		if (rc != TSS2_RC_SUCCESS)
			status = fail(h, rc, "taking its PIN", error);
	}
	OPENSSL_cleanse(&pin, sizeof(pin));
	return status;
}

static vs_status sign(void *held,
                      const uint8_t digest[static VS_P256_DIGEST_LEN],
                      uint8_t sig[static VS_P256_DER_MAX], size_t *len,
                      char error[static VS_KEY_ERROR_LEN])
{
	struct held *h = held;
	const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_ECDSA,
	                                .details.ecdsa.hashAlg =
	                                        TPM2_ALG_SHA256};
	const TPMT_TK_HASHCHECK ours = {.tag = TPM2_ST_HASHCHECK,
	                                .hierarchy = TPM2_RH_NULL};
	TPM2B_DIGEST in = {.size = VS_P256_DIGEST_LEN};
	TPMT_SIGNATURE *out = NULL;
	uint8_t raw[VS_P256_RAW_LEN];
	vs_status status;
	TSS2_RC rc;

	memcpy(in.buffer, digest, VS_P256_DIGEST_LEN);
	rc = Esys_Sign(h->esys, h->key, ESYS_TR_PASSWORD, ESYS_TR_NONE,
	               ESYS_TR_NONE, &in, &scheme, &ours, &out);
	if (rc != TSS2_RC_SUCCESS)
		return fail(h, rc, "signing", error);
	status = out->sigAlg == TPM2_ALG_ECDSA &&
	                         put(&out->signature.ecdsa.signatureR, raw) &&
	                         put(&out->signature.ecdsa.signatureS, raw + 32)
	                 ? vs_p256_der(raw, sig, len)
	                 : VS_ERR_CRYPTO;
	Esys_Free(out);
	if (status != VS_OK)
		snprintf(error, VS_KEY_ERROR_LEN, "key 0x%08x: no signature",
		         h->handle);
	return status;
}

const struct vs_key_store vs_key_tpm = {sizeof(struct held), open_key, sign,
                                        close_key};
