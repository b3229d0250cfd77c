/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/rogue.c - makes on a token what voltseal-sign never makes.
 *
 * rogue TOKEN PIN copy LABEL NEW       the same key under another label
 * rogue TOKEN PIN twin LABEL           one more key of a label
 * rogue TOKEN PIN loose LABEL          a key that can be taken off
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST *call;
static CK_SESSION_HANDLE session;

static bool load(void)
{
	void *library = dlopen(MODULE, RTLD_NOW);
	void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
	CK_C_GetFunctionList get;

	memcpy(&get, &symbol, sizeof get);
	return get && get(&call) == CKR_OK &&
	       call->C_Initialize(NULL) == CKR_OK;
}

static bool login(const char *token, char *pin)
{
	CK_SLOT_ID slots[64];
	CK_ULONG count = 64;

	if (call->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		return false;
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;
		size_t len = strlen(token);

		if (call->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    memcmp(info.label, token, len) != 0 ||
		    info.label[len] != ' ')
			continue;
		return call->C_OpenSession(slots[i],
		                           CKF_SERIAL_SESSION | CKF_RW_SESSION,
		                           NULL, NULL, &session) == CKR_OK &&
		       call->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin,
		                     strlen(pin)) == CKR_OK;
	}
	return false;
}

static bool copy_one(CK_OBJECT_CLASS class, char *label, char *new)
{
	CK_ATTRIBUTE want[] = {
		{CKA_CLASS, &class, sizeof class },
		{CKA_LABEL, label,  strlen(label)},
	};
	CK_ATTRIBUTE other = {CKA_LABEL, new, strlen(new)};
	CK_OBJECT_HANDLE object, copy;
	CK_ULONG found = 0;

	return call->C_FindObjectsInit(session, want, 2) == CKR_OK &&
	       call->C_FindObjects(session, &object, 1, &found) == CKR_OK &&
	       call->C_FindObjectsFinal(session) == CKR_OK && found == 1 &&
	       call->C_CopyObject(session, object, &other, 1, &copy) == CKR_OK;
}

static bool generate(char *label, bool loose)
{
	CK_BYTE oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
	                 0xce, 0x3d, 0x03, 0x01, 0x07};
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_MECHANISM how = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE public, private;
	CK_ATTRIBUTE publics[] = {
		{CKA_TOKEN,     &yes,  sizeof yes   },
		{CKA_LABEL,     label, strlen(label)},
		{CKA_EC_PARAMS, oid,   sizeof oid   },
	};
	CK_ATTRIBUTE privates[] = {
		{CKA_TOKEN,       &yes,               sizeof yes   },
		{CKA_PRIVATE,     &yes,               sizeof yes   },
		{CKA_SENSITIVE,   &yes,               sizeof yes   },
		{CKA_EXTRACTABLE, loose ? &yes : &no, sizeof yes   },
		{CKA_SIGN,        &yes,               sizeof yes   },
		{CKA_LABEL,       label,              strlen(label)},
	};

	return call->C_GenerateKeyPair(session, &how, publics, 3, privates, 6,
	                               &public, &private) == CKR_OK;
}

int main(int argc, char **argv)
{
	if (argc < 5 || !load() || !login(argv[1], argv[2]))
		return 1;
	bool copy = argc == 6 && strcmp(argv[3], "copy") == 0;
	bool ok = copy ? copy_one(CKO_PRIVATE_KEY, argv[4], argv[5]) &&
	                          copy_one(CKO_PUBLIC_KEY, argv[4], argv[5])
	               : generate(argv[4], strcmp(argv[3], "loose") == 0);
	call->C_Finalize(NULL);
	if (!ok)
		fprintf(stderr, "rogue: the token did not do it\n");
	return ok ? 0 : 1;
}
