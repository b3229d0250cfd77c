/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/broken.c - SoftHSM that fails as tokens do.
 *
 * VS_BROKEN says how: "C_Sign=0x32" has that call answer so; "lost" closes
 * all sessions before the first signature; "attribute=0x163" answers with the
 * opposite of a boolean attribute of private keys.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *honest;
static CK_FUNCTION_LIST list;
static CK_RV answer;
static CK_ATTRIBUTE_TYPE flipped;

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application,
                          CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	(void)slot, (void)flags, (void)application, (void)notify, (void)session;
	return answer;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE who,
                   CK_UTF8CHAR *pin, CK_ULONG len)
{
	(void)session, (void)who, (void)pin, (void)len;
	return answer;
}

static CK_RV find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *want,
                       CK_ULONG count)
{
	(void)session, (void)want, (void)count;
	return answer;
}

static CK_RV get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                           CK_ATTRIBUTE *a, CK_ULONG count)
{
	(void)session, (void)object, (void)a, (void)count;
	return answer;
}

static CK_RV flip(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                  CK_ATTRIBUTE *a, CK_ULONG count)
{
	CK_RV rv = honest->C_GetAttributeValue(session, object, a, count);

	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
		if (a[i].type == flipped)
			*(CK_BBOOL *)a[i].pValue ^= 1;
	return rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *how,
                       CK_OBJECT_HANDLE key)
{
	(void)session, (void)how, (void)key;
	return answer;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len,
                  CK_BYTE *sig, CK_ULONG *sig_len)
{
	(void)session, (void)data, (void)data_len, (void)sig, (void)sig_len;
	return answer;
}

static CK_RV lose(CK_SESSION_HANDLE session, CK_MECHANISM *how,
                  CK_OBJECT_HANDLE key)
{
	CK_SESSION_INFO info;

	if (honest->C_GetSessionInfo(session, &info) != CKR_OK ||
	    honest->C_CloseAllSessions(info.slotID) != CKR_OK)
		return CKR_GENERAL_ERROR;
	return honest->C_SignInit(session, how, key);
}

static CK_RV generate(CK_SESSION_HANDLE session, CK_MECHANISM *how,
                      CK_ATTRIBUTE *a, CK_ULONG a_count, CK_ATTRIBUTE *b,
                      CK_ULONG b_count, CK_OBJECT_HANDLE *x,
                      CK_OBJECT_HANDLE *y)
{
	(void)session, (void)how, (void)a, (void)a_count, (void)b;
	(void)b_count, (void)x, (void)y;
	return answer;
}

static void break_one(const char *name)
{
	if (strcmp(name, "C_OpenSession") == 0)
		list.C_OpenSession = open_session;
	else if (strcmp(name, "C_Login") == 0)
		list.C_Login = login;
	else if (strcmp(name, "C_FindObjectsInit") == 0)
		list.C_FindObjectsInit = find_init;
	else if (strcmp(name, "C_GetAttributeValue") == 0)
		list.C_GetAttributeValue = get_attribute;
	else if (strcmp(name, "C_SignInit") == 0)
		list.C_SignInit = sign_init;
	else if (strcmp(name, "C_Sign") == 0)
		list.C_Sign = sign;
	else if (strcmp(name, "C_GenerateKeyPair") == 0)
		list.C_GenerateKeyPair = generate;
	else if (strcmp(name, "lost") == 0)
		list.C_SignInit = lose;
	else if (strcmp(name, "attribute") == 0)
		list.C_GetAttributeValue = flip;
	else
		abort(); /* a test that breaks nothing */
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	void *library = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
	void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
	const char *how = getenv("VS_BROKEN");
	CK_C_GetFunctionList get;
	char name[32];

	memcpy(&get, &symbol, sizeof get);
	if (!how || !get || get(&honest) != CKR_OK)
		return CKR_GENERAL_ERROR;
	list = *honest;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(how, "="), how);
	how = strchr(how, '=');
	answer = how ? strtoul(how + 1, NULL, 0) : CKR_OK;
	flipped = answer;
	break_one(name);
	*out = &list;
	return CKR_OK;
}
