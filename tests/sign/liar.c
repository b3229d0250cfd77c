/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/liar.c - SoftHSM with a fault: one bit of each signature is
 * wrong.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

static CK_FUNCTION_LIST *honest;
static CK_FUNCTION_LIST list;

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len,
                  CK_BYTE *sig, CK_ULONG *sig_len)
{
	CK_RV rv = honest->C_Sign(session, data, data_len, sig, sig_len);

	if (rv == CKR_OK && sig && *sig_len)
		sig[*sig_len - 1] ^= 1;
	return rv;
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	void *library = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
	void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
	CK_C_GetFunctionList get;

	memcpy(&get, &symbol, sizeof get);
	if (!get || get(&honest) != CKR_OK)
		return CKR_GENERAL_ERROR;
	list = *honest;
	list.C_Sign = sign;
	*out = &list;
	return CKR_OK;
}
