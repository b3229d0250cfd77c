/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/key_world.c - SoftHSM and swtpm.
 */
#include "tests/agent/key_world.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/pkcs11.h"

#define WORDS_MAX 24
#define TRIES 500

struct key_world key_world;
static pid_t tpm = -1;

const char *key_world_path(const char *name, char out[static PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s", key_world.dir, name);
	return out;
}

static void spawn(char *const *words, pid_t *pid)
{
	*pid = fork();
	assert_int_not_equal(*pid, -1);
	if (*pid > 0)
		return;
	/* Not longer than the test, and without its words in its output. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    !freopen("/dev/null", "w", stdout) ||
	    !freopen("/dev/null", "w", stderr))
		_exit(126);
	execvp(words[0], words);
	_exit(127);
}

void key_world_run(const char *program, ...)
{
	char *words[WORDS_MAX] = {(char *)(uintptr_t)program};
	int status;
	pid_t pid;
	va_list args;

	va_start(args, program);
	for (size_t i = 1; words[i - 1]; i++) {
		assert_true(i < WORDS_MAX);
		words[i] = va_arg(args, char *);
	}
	va_end(args);
	spawn(words, &pid);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("%s: status %d", program, status);
}

void key_world_pin(const char *pin, unsigned mode)
{
	char path[PATH_MAX];

	assert_int_equal(vs_file_replace(key_world_path("pin", path), pin,
	                                 strlen(pin), mode),
	                 VS_OK);
}

void key_world_take_token(bool out)
{
	char in[PATH_MAX], away[PATH_MAX];

	key_world_path("tokens", in);
	key_world_path("away", away);
	if (out) {
		assert_int_equal(rename(in, away), 0);
		assert_int_equal(mkdir(in, 0700), 0);
	} else {
		assert_int_equal(rmdir(in), 0);
		assert_int_equal(rename(away, in), 0);
	}
}

/* tctildr looks for the control channel beside the socket, as .ctrl. */
void key_world_start_tpm(void)
{
	const struct timespec pause = {0, 10000000};
	char dir[PATH_MAX], server[PATH_MAX + 32], control[PATH_MAX + 40];
	char path[PATH_MAX];
	const char *words[] = {
		"swtpm", "socket",   "--tpm2",        "--tpmstate",
		dir,     "--server", server,          "--ctrl",
		control, "--flags",  "startup-clear", NULL};

	snprintf(dir, sizeof(dir), "dir=%s/tpm", key_world.dir);
	key_world_path("swtpm", path);
	snprintf(server, sizeof(server), "type=unixio,path=%s", path);
	snprintf(control, sizeof(control), "type=unixio,path=%s.ctrl", path);
	spawn((char *const *)(uintptr_t)words, &tpm);
	key_world_path("swtpm.ctrl", path);
	for (int i = 0; i < TRIES && access(path, F_OK) != 0; i++)
		nanosleep(&pause, NULL);
	assert_int_equal(access(key_world_path("swtpm", path), F_OK), 0);
	assert_int_equal(access(key_world_path("swtpm.ctrl", path), F_OK), 0);
}

void key_world_stop_tpm(void)
{
	char path[PATH_MAX];

	kill(tpm, SIGTERM);
	assert_int_equal(waitpid(tpm, NULL, 0), tpm);
	tpm = -1;
	unlink(key_world_path("swtpm", path));
	unlink(key_world_path("swtpm.ctrl", path));
}

const char *key_world_token(const char *object,
                            char out[static VS_KEY_PLACE_MAX])
{
	snprintf(out, VS_KEY_PLACE_MAX,
	         "pkcs11:token=charger;object=%s?module-path=%s&"
	         "pin-source=file:%s/pin",
	         object, VS_P11_MODULE, key_world.dir);
	return out;
}

const char *key_world_handle(uint32_t handle, char out[static VS_KEY_PLACE_MAX])
{
	snprintf(out, VS_KEY_PLACE_MAX, "tpm:0x%08x?tcti=swtpm:path=%s/swtpm",
	         handle, key_world.dir);
	return out;
}

static void make_token(void)
{
	char path[PATH_MAX], conf[PATH_MAX], error[256];
	struct vs_p11 *p;
	FILE *f;

	assert_int_equal(mkdir(key_world_path("tokens", path), 0700), 0);
	f = fopen(key_world_path("softhsm2.conf", conf), "w");
	assert_non_null(f);
	fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\n",
	        path);
	assert_int_equal(fclose(f), 0);
	setenv("SOFTHSM2_CONF", conf, 1);
	assert_int_equal(vs_p11_open(VS_P11_MODULE, &p, error), VS_OK);
	assert_int_equal(
		vs_p11_init_token(p, "charger", "135792", KEY_WORLD_PIN),
		VS_OK);
	vs_p11_close(&p);
}

void key_world_begin(void)
{
	char path[PATH_MAX];
	int n;

	snprintf(key_world.dir, sizeof(key_world.dir), "/tmp/vs-key-XXXXXX");
	assert_non_null(mkdtemp(key_world.dir));
	key_world_pin(KEY_WORLD_PIN, 0600);
	make_token();
	assert_int_equal(mkdir(key_world_path("tpm", path), 0700), 0);
	key_world_start_tpm();
	snprintf(key_world.tcti, sizeof(key_world.tcti), "swtpm:path=%s/swtpm",
	         key_world.dir);
	key_world_token("device", key_world.token);
	snprintf(key_world.shim, sizeof(key_world.shim),
	         "pkcs11:token=charger;object=device?module-path=%s&"
	         "pin-source=file:%s/pin",
	         KEY_SHIM, key_world.dir);
	key_world_handle(0x81010001, key_world.tpm);
	key_world_handle(0x81010002, key_world.tpm_with_pin);
	n = (int)strlen(key_world.tpm_with_pin);
	snprintf(key_world.tpm_with_pin + n,
	         sizeof(key_world.tpm_with_pin) - (size_t)n,
	         "&pin-source=file:%s/pin", key_world.dir);
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void key_world_end(void)
{
	if (tpm > 0)
		key_world_stop_tpm();
	nftw(key_world.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void key_world_make(uint32_t handle, TPMI_ECC_CURVE curve,
                    TPMA_OBJECT attributes)
{
	TPM2B_PUBLIC public = {
		.publicArea = {.type = TPM2_ALG_ECC,
	                       .nameAlg = TPM2_ALG_SHA256,
	                       .objectAttributes = attributes}
        };
	TPMS_ECC_PARMS *ecc = &public.publicArea.parameters.eccDetail;
	const TPM2B_SENSITIVE_CREATE secret = {0};
	const TPM2B_DATA outside = {0};
	const TPML_PCR_SELECTION pcrs = {0};
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR made, kept;

	ecc->curveID = curve;
	ecc->symmetric.algorithm = TPM2_ALG_NULL;
	ecc->scheme.scheme = TPM2_ALG_NULL;
	ecc->kdf.scheme = TPM2_ALG_NULL;
	if (attributes & TPMA_OBJECT_RESTRICTED) {
		ecc->scheme.scheme = TPM2_ALG_ECDSA;
		ecc->scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
	}
	assert_int_equal(Tss2_TctiLdr_Initialize(key_world.tcti, &tcti), 0);
	assert_int_equal(Esys_Initialize(&esys, tcti, NULL), 0);
	assert_int_equal(Esys_CreatePrimary(esys, ESYS_TR_RH_OWNER,
	                                    ESYS_TR_PASSWORD, ESYS_TR_NONE,
	                                    ESYS_TR_NONE, &secret, &public,
	                                    &outside, &pcrs, &made, NULL, NULL,
	                                    NULL, NULL),
	                 0);
	assert_int_equal(Esys_EvictControl(esys, ESYS_TR_RH_OWNER, made,
	                                   ESYS_TR_PASSWORD, ESYS_TR_NONE,
	                                   ESYS_TR_NONE, handle, &kept),
	                 0);
	assert_int_equal(Esys_FlushContext(esys, made), 0);
	Esys_Finalize(&esys);
	Tss2_TctiLdr_Finalize(&tcti);
}
