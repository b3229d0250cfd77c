/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/key_shim.c - SoftHSM with the fault that KEY_FAULT names.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static CK_FUNCTION_LIST *honest;
static CK_FUNCTION_LIST list;

static bool fault(const char *name)
{
	const char *asked = getenv("KEY_FAULT");

	return asked && strcmp(asked, name) == 0;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len,
                  CK_BYTE *sig, CK_ULONG *sig_len)
{
	CK_RV rv;

	while (fault("hang"))
		pause();
	if (fault("crash"))
		abort();
	rv = honest->C_Sign(session, data, data_len, sig, sig_len);
	if (fault("lie") && rv == CKR_OK && sig && *sig_len)
		sig[*sig_len - 1] ^= 1;
	return rv;
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = honest->C_GetTokenInfo(slot, info);

	if (fault("last try") && rv == CKR_OK)
		info->flags |= CKF_USER_PIN_FINAL_TRY;
	return rv;
}

static CK_RV log_in(CK_SESSION_HANDLE session, CK_USER_TYPE who,
                    CK_UTF8CHAR *pin, CK_ULONG len)
{
	while (fault("hang at login"))
		pause();
	return honest->C_Login(session, who, pin, len);
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	void *library = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
	void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
	CK_C_GetFunctionList get;

	memcpy(&get, &symbol, sizeof(get));
	if (!get || get(&honest) != CKR_OK)
		return CKR_GENERAL_ERROR;
	list = *honest;
	list.C_Sign = sign;
	list.C_Login = log_in;
	list.C_GetTokenInfo = token_info;
	*out = &list;
	return CKR_OK;
}
