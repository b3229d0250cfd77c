/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/key_shim.c - SoftHSM with the fault that KEY_FAULT names.
 *
 * "attack": it tries what a key's device has no business with, before it
 * signs, and says in file KEY_TOLD what came of it: "NAME errno".
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/agent/attack.h"

static CK_FUNCTION_LIST *honest;
static CK_FUNCTION_LIST list;

static bool fault(const char *name)
{
	const char *asked = getenv("KEY_FAULT");

	return asked && strcmp(asked, name) == 0;
}

/* On a child of its own, which nothing but a filter guards. */
static void attack(void)
{
	static const struct {
		enum attack what;
		const char *name;
	} attacks[] = {
		{ATTACK_SOCKET,         "inet"   },
		{ATTACK_SOCKET_INET6,   "inet6"  },
		{ATTACK_SOCKET_NETLINK, "netlink"},
		{ATTACK_RING,           "ring"   },
		{ATTACK_NAMESPACE,      "unshare"},
		{ATTACK_TRACE_PARENT,   "ptrace" },
		{ATTACK_READ_PARENT,    "memory" },
		{ATTACK_STEAL,          "steal"  },
		{ATTACK_EXEC,           "exec"   },
	};
	FILE *f = fopen(getenv("KEY_TOLD"), "we");
	int victim = fork();

	if (victim == 0)
		for (;;)
			pause();
	attack_aim(victim);
	for (size_t i = 0; f && i < sizeof(attacks) / sizeof(*attacks); i++) {
		fprintf(f, "%s %d\n", attacks[i].name,
		        attack_try(attacks[i].what, "/dev/null"));
		fflush(f);
	}
	if (f) {
		long at = syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL,
		                  NULL, 0);

		fprintf(f, "exec-at %d\n", at < 0 ? errno : 0);
		fprintf(f, "unix %d\n", socket(AF_UNIX, SOCK_STREAM, 0) < 0);
		fprintf(f, "dumpable %d\n", prctl(PR_GET_DUMPABLE));
		fprintf(f, "rights %d\n",
		        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
		fclose(f);
	}
	if (victim > 0)
		kill(victim, SIGKILL);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len,
                  CK_BYTE *sig, CK_ULONG *sig_len)
{
	CK_RV rv;

	while (fault("hang"))
		pause();
	if (fault("crash"))
		abort();
	if (fault("attack"))
		attack();
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
