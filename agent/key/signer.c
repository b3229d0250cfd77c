/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/key/signer.c - starts voltseal-key, asks it, ends it.
 *
 * It is believed as far as its signatures verify.
 */
#include "agent/key/signer.h"

#include <openssl/core_names.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/line/birth.h"
#include "agent/line/wire.h"
#include "base/file.h"
#include "base/p256.h"

enum {
	start_ms = 10000,
	pause_ms = 1000,
	reap_tries = 20,
	reap_ms = 10,
	memory_max = 512 << 20,
	file_max = 16 << 20, /* a token may be files: SoftHSM */
};

static const char *const texts[VS_BIRTH_TEXTS] =
	VS_BIRTH_SAY(VS_SIGNER_PROGRAM);
static const char *program;

void vs_signer_use(const char *path)
{
	program = path;
}

static uint64_t now_ms(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void vs_signer_init(struct vs_signer *s, const char *place, EVP_PKEY *expected,
                    uint64_t answer_ms, uint64_t pause_max_ms)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->place, sizeof(s->place), "%s", place);
	s->expected = expected;
	s->answer_ms = answer_ms;
	s->pause_max_ms = pause_max_ms;
	s->pid = s->fd = -1;
	s->phase = VS_LANE_BROKEN;
	pthread_mutex_init(&s->lock, NULL);
}

/* Whether it is gone.  A driver may hold a process that was killed: it is
 * waited for now and then, but not with the agent's time.
 */
static bool reap(struct vs_signer *s)
{
	const struct timespec pause = {0, reap_ms * 1000000L};

	vs_fd_drop(&s->fd);
	s->phase = VS_LANE_BROKEN;
	if (s->pid <= 0)
		return true;
	kill(-s->pid, SIGKILL);
	kill(s->pid, SIGKILL);
	for (int i = 0; i < reap_tries; i++) {
		if (waitpid(s->pid, NULL, WNOHANG) != 0) {
			s->pid = -1;
			return true;
		}
		nanosleep(&pause, NULL);
	}
	return false;
}

void vs_signer_drop(struct vs_signer *s)
{
	(void)reap(s);
	EVP_PKEY_free(s->expected);
	s->expected = NULL;
	pthread_mutex_destroy(&s->lock);
}

static vs_status fail(struct vs_signer *s, vs_status status, const char *what)
{
	snprintf(s->error, sizeof(s->error), "%s", what);
	return status;
}

/* Says something and hears the answer: its head, and what is behind it. */
static vs_status ask(struct vs_signer *s, struct vs_wire_head *head,
                     const void *said, void *heard, size_t max)
{
	bool failed;

	head->number = ++s->number;
	if (!vs_request_pass(VS_PARTY_DISK, head->what, &s->phase) ||
	    vs_wire_send(s->fd, head, said, s->answer_ms) != VS_OK)
		return fail(s, VS_ERR_IO, VS_SIGNER_PROGRAM " broke off");
	if (vs_wire_recv(s->fd, head, sizeof(*head), s->answer_ms) != VS_OK)
		return fail(s, VS_ERR_IO,
		            "the device does not answer, or its module ended");
	if (head->number != s->number ||
	    !vs_request_pass(VS_PARTY_KEY, head->what, &s->phase) ||
	    head->len > (head->what == VS_REQUEST_FAILED ? VS_KEY_ERROR_LEN - 1
	                                                 : max))
		return fail(s, VS_ERR_IO, VS_SIGNER_PROGRAM " broke off");
	failed = head->what == VS_REQUEST_FAILED;
	memset(s->error, 0, sizeof(s->error));
	if (vs_wire_recv(s->fd, failed ? s->error : heard, head->len,
	                 s->answer_ms) != VS_OK)
		return fail(s, VS_ERR_IO, VS_SIGNER_PROGRAM " broke off");
	if (!failed)
		return VS_OK;
	for (char *c = s->error; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return head->status > VS_OK && head->status <= VS_ERR_CRYPTO
	               ? (vs_status)head->status
	               : VS_ERR_IO;
}

static vs_status bear(struct vs_signer *s)
{
	struct vs_birth b = {.texts = texts,
	                     .name = VS_SIGNER_PROGRAM,
	                     .path = program,
	                     .memory_max = memory_max,
	                     .file_max = file_max,
	                     .ours = true,
	                     .arg = '1',
	                     .count = 1};
	struct vs_why why = {VS_REASON_NONE, "no sockets", 0};
	vs_status status = VS_ERR_IO;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
		s->fd = pair[0];
		b.fds[0] = pair[1];
		status = vs_birth(&b, &s->pid, &why);
		vs_fd_drop(&pair[1]);
	}
	return status == VS_OK ? VS_OK : fail(s, status, why.what);
}

static vs_status greet(struct vs_signer *s)
{
	struct vs_wire_head head;

	s->phase = VS_SIGNER_STARTING;
	s->number = 0;
	if (vs_wire_recv(s->fd, &head, sizeof(head), start_ms) == VS_OK &&
	    head.number == 0 && head.len == 0 &&
	    vs_request_pass(VS_PARTY_KEY, head.what, &s->phase))
		return VS_OK;
	return fail(s, VS_ERR_IO, texts[vs_birth_end(&s->pid)]);
}

static bool is_expected(const struct vs_signer *s,
                        const uint8_t point[static VS_P256_POINT_LEN])
{
	uint8_t own[VS_P256_POINT_LEN + 1];
	size_t len = 0;

	return !s->expected ||
	       (EVP_PKEY_get_octet_string_param(s->expected,
	                                        OSSL_PKEY_PARAM_PUB_KEY, own,
	                                        sizeof(own), &len) == 1 &&
	        len == VS_P256_POINT_LEN && memcmp(own, point, len) == 0);
}

static vs_status start(struct vs_signer *s,
                       uint8_t point[static VS_P256_POINT_LEN])
{
	struct vs_wire_head head = {.what = VS_REQUEST_OPEN,
	                            .len = (uint32_t)strlen(s->place),
	                            .code = s->how};
	vs_status status;

	if (!reap(s))
		return fail(s, VS_ERR_IO, "the device hangs");
	status = bear(s);
	if (status == VS_OK)
		status = greet(s);
	if (status == VS_OK)
		status = ask(s, &head, s->place, point, VS_P256_POINT_LEN);
	if (status == VS_OK && head.len != VS_P256_POINT_LEN)
		status = fail(s, VS_ERR_IO, VS_SIGNER_PROGRAM " broke off");
	if (status == VS_OK && !is_expected(s, point))
		status = fail(s, VS_ERR_REFUSED,
		              "the certificate is of another key");
	return status;
}

/* Whether it may be tried again; else what went wrong stands. */
static bool may_try(const struct vs_signer *s)
{
	return !s->denied && (s->failures == 0 || now_ms() >= s->not_before_ms);
}

static vs_status settle(struct vs_signer *s, vs_status status,
                        char error[static VS_KEY_ERROR_LEN])
{
	uint64_t ms = pause_ms;

	if (status == VS_OK) {
		s->failures = 0;
		return VS_OK;
	}
	(void)reap(s);
	for (unsigned i = 0; i < s->failures && ms < s->pause_max_ms; i++)
		ms *= 2;
	s->failures++;
	s->not_before_ms =
		now_ms() + (ms < s->pause_max_ms ? ms : s->pause_max_ms);
	s->denied = status == VS_ERR_DENIED;
	s->status = status;
	memcpy(error, s->error, VS_KEY_ERROR_LEN);
	return status;
}

static vs_status stands(const struct vs_signer *s,
                        char error[static VS_KEY_ERROR_LEN])
{
	memcpy(error, s->error, VS_KEY_ERROR_LEN);
	return s->status;
}

vs_status vs_signer_point(struct vs_signer *s,
                          uint8_t point[static VS_P256_POINT_LEN],
                          char error[static VS_KEY_ERROR_LEN])
{
	vs_status status;

	pthread_mutex_lock(&s->lock);
	status = may_try(s) ? settle(s, start(s, point), error)
	                    : stands(s, error);
	pthread_mutex_unlock(&s->lock);
	return status;
}

static vs_status sign_once(struct vs_signer *s,
                           const uint8_t digest[static VS_P256_DIGEST_LEN],
                           uint8_t sig[static VS_P256_DER_MAX], size_t *len)
{
	struct vs_wire_head head = {.what = VS_REQUEST_SIGN,
	                            .len = VS_P256_DIGEST_LEN};
	uint8_t point[VS_P256_POINT_LEN];
	vs_status status = VS_OK;

	if (s->phase != VS_SIGNER_WAITING)
		status = start(s, point);
	if (status == VS_OK)
		status = ask(s, &head, digest, sig, VS_P256_DER_MAX);
	if (status != VS_OK)
		return status;
	*len = head.len;
	if (s->expected && !vs_p256_verifies(s->expected, digest, sig, *len))
		return fail(s, VS_ERR_CRYPTO,
		            "the device's signature does not verify");
	return VS_OK;
}

vs_status vs_signer_sign(struct vs_signer *s,
                         const uint8_t digest[static VS_P256_DIGEST_LEN],
                         uint8_t sig[static VS_P256_DER_MAX], size_t *len,
                         char error[static VS_KEY_ERROR_LEN])
{
	vs_status status;
	bool was_open;

	pthread_mutex_lock(&s->lock);
	if (may_try(s)) {
		/* A session that was lost is no reason to fail, if there is
		 * another; a device that hangs is. */
		was_open = s->phase == VS_SIGNER_WAITING;
		status = sign_once(s, digest, sig, len);
		if (was_open && status != VS_OK && status != VS_ERR_IO)
			status = sign_once(s, digest, sig, len);
		status = settle(s, status, error);
	} else {
		status = stands(s, error);
	}
	pthread_mutex_unlock(&s->lock);
	return status;
}
