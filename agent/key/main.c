/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/key/main.c - voltseal-key: the device key's device, and nothing
 * else.
 *
 * A process of its own, because what stands between us and the device is not
 * ours: a vendor's module or driver that hangs or crashes ends here, and holds
 * the agent up no longer than it waits.  It ends with its line.  What a module
 * may need, files and local sockets, stays; a network, other processes and
 * other programs do not.
 *
 * Format: docs/formats/key.md.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "agent/confine/confine.h"
#include "agent/confine/seclude.h"
#include "agent/key/store.h"
#include "agent/line/birth.h"
#include "agent/line/wire.h"

static const struct vs_key_store *const stores[VS_KEY_KINDS] = {
	[VS_KEY_PKCS11] = &vs_key_pkcs11,
	[VS_KEY_TPM] = &vs_key_tpm,
};

struct line {
	int fd;
	enum vs_lane_phase phase;
	const struct vs_key_store *store;
	void *held; /* owned: by the store, in our memory */
	char error[VS_KEY_ERROR_LEN];
};

static bool say(struct line *l, struct vs_wire_head head, const void *body)
{
	return vs_request_pass(VS_PARTY_KEY, head.what, &l->phase) &&
	       vs_wire_send(l->fd, &head, body, 0) == VS_OK;
}

/* What has failed once is not asked again: who needs it starts another. */
static bool fail(struct line *l, uint32_t number, vs_status status)
{
	struct vs_wire_head head = {.what = VS_REQUEST_FAILED,
	                            .number = number,
	                            .len = (uint32_t)strlen(l->error),
	                            .status = status};

	(void)say(l, head, l->error);
	return false;
}

static bool hear(struct line *l, struct vs_wire_head *head, void *body,
                 size_t max)
{
	return vs_wire_recv(l->fd, head, sizeof(*head), 0) == VS_OK &&
	       vs_request_pass(VS_PARTY_DISK, head->what, &l->phase) &&
	       head->len <= max &&
	       vs_wire_recv(l->fd, body, head->len, 0) == VS_OK;
}

static bool open_key(struct line *l)
{
	char text[VS_KEY_PLACE_MAX + 1];
	uint8_t point[VS_P256_POINT_LEN];
	struct vs_key_place place;
	struct vs_wire_head head;
	const char *what;
	vs_status status;

	if (!hear(l, &head, text, VS_KEY_PLACE_MAX))
		return false;
	text[head.len] = '\0';
	status = vs_key_place_parse(text, &place, &what);
	if (status != VS_OK || !stores[place.kind]) {
		memcpy(l->error, "no such device", sizeof("no such device"));
		return fail(l, head.number, VS_ERR_INPUT);
	}
	l->store = stores[place.kind];
	l->held = calloc(1, l->store->len);
	if (!l->held) {
		memcpy(l->error, "no memory", sizeof("no memory"));
		return fail(l, head.number, VS_ERR_NOMEM);
	}
	status = l->store->open(l->held, &place, head.code, point, l->error);
	if (status != VS_OK)
		return fail(l, head.number, status);
	head = (struct vs_wire_head){.what = VS_REQUEST_TOLD,
	                             .number = head.number,
	                             .len = sizeof(point)};
	return say(l, head, point);
}

static bool sign(struct line *l)
{
	uint8_t digest[VS_P256_DIGEST_LEN], sig[VS_P256_DER_MAX];
	struct vs_wire_head head;
	size_t len = 0;
	vs_status status;

	if (!hear(l, &head, digest, sizeof(digest)) ||
	    head.len != sizeof(digest))
		return false;
	status = l->store->sign(l->held, digest, sig, &len, l->error);
	if (status != VS_OK)
		return fail(l, head.number, status);
	head = (struct vs_wire_head){.what = VS_REQUEST_SIGNED,
	                             .number = head.number,
	                             .len = (uint32_t)len};
	return say(l, head, sig);
}

/* There will be a PIN and a session in this memory, and code that nobody here
 * has read.  Who started this may have given up as much, or less.
 */
static vs_status give_up(void)
{
	static const struct vs_confine_call calls[] = {
		{SYS_execve,   VS_CALL_FAILS, 0, 0},
		{SYS_execveat, VS_CALL_FAILS, 0, 0},
	};
	const struct vs_confine_filter filter = {
		.calls = calls,
		.count = sizeof(calls) / sizeof(calls[0]),
		.others = VS_OTHERS_MAY,
	};
	struct vs_secluded secluded;
	vs_status status = vs_seclude(&secluded);

	return status == VS_OK ? vs_confine_filter(&filter) : status;
}

int main(void)
{
	struct line l = {.fd = VS_BIRTH_FD, .phase = VS_SIGNER_STARTING};
	const struct vs_wire_head ready = {.what = VS_REQUEST_READY};

	if (give_up() != VS_OK)
		return 1;
	if (say(&l, ready, NULL) && open_key(&l))
		while (sign(&l))
			;
	if (l.held)
		l.store->close(l.held);
	free(l.held);
	return 0;
}
