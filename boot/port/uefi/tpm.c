/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/tpm.c - TPM commands, byte by byte; numbers are big endian.
 */
#include "boot/port/uefi/tpm.h"

#include "boot/memory.h"

enum {
	NO_SESSIONS = 0x8001,
	SESSIONS = 0x8002,
	HIERARCHY_CONTROL = 0x121,
	NV_UNDEFINE = 0x122,
	NV_DEFINE = 0x12a,
	NV_WRITE = 0x137,
	NV_READ = 0x14e,
	FLUSH = 0x165,
	NV_READ_PUBLIC = 0x169,
	START_SESSION = 0x176,
	POLICY_PCR = 0x17f,
	OWNER = 0x40000001,
	NOBODY = 0x40000007,
	PASSWORD = 0x40000009,
	PLATFORM = 0x4000000c,
	SHA256 = 0x000b,
	NO_CIPHER = 0x0010,
	POLICY_SESSION = 1,
	NONCE_LEN = 16,
	POLICY_LEN = 32,
	PUBLIC_LEN = 4 + 2 + 4 + 2 + POLICY_LEN + 2,
};

/* TPMA_NV: written under the policy alone, read by anybody */
#define NV_POLICY_WRITE 0x00000008u
#define NV_AUTH_READ 0x00040000u
#define NV_NO_LOCKOUT 0x02000000u
#define NV_WRITTEN 0x20000000u
#define NV_BY_PLATFORM 0x40000000u
#define NV_OURS (NV_POLICY_WRITE | NV_AUTH_READ | NV_NO_LOCKOUT)

/* What a TPM says that is busy: RETRY, YIELDED, TESTING, NV_RATE. */
#define IS_BUSY(code)                                                          \
	((code) == 0x922 || (code) == 0x908 || (code) == 0x90a ||              \
	 (code) == 0x920)

enum {
	COMMAND_MAX = 192,
	ANSWER_MAX = 256,
	HEAD_LEN = 10,
	AT_LEN = 2,
	AT_CODE = 6,
	ASKS_MAX = 50,
	BUSY_US = 100000,
};

/* SHA-256 of: 32 zeros, TPM_CC_PolicyPCR, the selection below, SHA-256 of 32
 * zeros.
 */
static const uint8_t policy[POLICY_LEN] = {
	0xfd, 0x32, 0xfa, 0x22, 0xc5, 0x2c, 0xfc, 0x8e, 0x1a, 0x0c, 0x29,
	0xeb, 0x38, 0x51, 0x9f, 0x87, 0x08, 0x4c, 0xab, 0x0b, 0x04, 0xb0,
	0xd8, 0xf0, 0x20, 0xa4, 0xd3, 0x8b, 0x2f, 0x4e, 0x22, 0x3e,
};

/* one bank, SHA-256, three bytes: PCR 11 */
static const uint8_t selection[] = {0, 0, 0, 1, 0, SHA256, 3, 0, 8, 0};

struct command {
	size_t len;
	uint8_t bytes[COMMAND_MAX];
};

struct answer {
	size_t len;
	uint8_t bytes[ANSWER_MAX];
};

static void add(struct command *c, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len && c->len < COMMAND_MAX; i++)
		c->bytes[c->len++] = in[i];
}

static void add8(struct command *c, unsigned v)
{
	const uint8_t raw[] = {(uint8_t)v};

	add(c, raw, sizeof(raw));
}

static void add16(struct command *c, unsigned v)
{
	add8(c, v >> 8);
	add8(c, v);
}

static void add32(struct command *c, uint32_t v)
{
	add16(c, v >> 16);
	add16(c, v & 0xffff);
}

static void begin(struct command *c, unsigned tag, uint32_t code)
{
	memset(c, 0, sizeof(*c));
	add16(c, tag);
	add32(c, 0); /* its length, when it is known */
	add32(c, code);
}

/* An authorization by this session, with an empty password. */
static void add_session(struct command *c, uint32_t session)
{
	add32(c, 4 + 2 + 1 + 2);
	add32(c, session);
	add16(c, 0);
	add8(c, 0);
	add16(c, 0);
}

static uint32_t get(const struct answer *a, size_t at, size_t len)
{
	uint32_t v = 0;

	for (size_t i = 0; i < len; i++)
		v = v << 8 | a->bytes[at + i];
	return v;
}

/* Sends it once; the TPM's code, or UINT32_MAX if it gave none. */
static uint32_t send(const struct vs_tpm *tpm, struct command *c,
                     struct answer *a)
{
	memset(a, 0, sizeof(*a));
	if (tpm->device->submit_command(tpm->device, (uint32_t)c->len, c->bytes,
	                                sizeof(a->bytes),
	                                a->bytes) != EFI_SUCCESS)
		return UINT32_MAX;
	a->len = get(a, AT_LEN, 4);
	if (a->len < HEAD_LEN || a->len > sizeof(a->bytes))
		return UINT32_MAX;
	return get(a, AT_CODE, 4);
}

/* VS_OK if the TPM did it, with an answer of at least len bytes. */
static vs_status ask(const struct vs_tpm *tpm, struct command *c, size_t len,
                     struct answer *a)
{
	struct command head = {.len = AT_LEN};
	uint32_t code;

	if (c->len >= COMMAND_MAX)
		return VS_ERR_LIMIT;
	add32(&head, (uint32_t)c->len);
	memcpy(c->bytes + AT_LEN, head.bytes + AT_LEN, 4);
	code = send(tpm, c, a);
	for (int asked = 1; IS_BUSY(code) && asked < ASKS_MAX; asked++) {
		(void)tpm->boot->stall(BUSY_US);
		code = send(tpm, c, a);
	}
	return code == 0 && a->len >= len ? VS_OK : VS_ERR_IO;
}

vs_status vs_tpm_open(const struct efi_system *system, struct vs_tpm *out)
{
	out->boot = system->boot;
	out->device = NULL;
	if (system->boot->locate_protocol(&efi_tcg2_id, NULL, &out->device) !=
	            EFI_SUCCESS ||
	    !out->device)
		return VS_ERR_ABSENT;
	return VS_OK;
}

static void add_public(struct command *c, uint32_t index, uint32_t attributes,
                       size_t len)
{
	add16(c, PUBLIC_LEN);
	add32(c, index);
	add16(c, SHA256);
	add32(c, attributes);
	add16(c, POLICY_LEN);
	add(c, policy, POLICY_LEN);
	add16(c, (unsigned)len);
}

static vs_status define_under(const struct vs_tpm *tpm, uint32_t hierarchy,
                              uint32_t index, size_t len)
{
	uint32_t by = hierarchy == PLATFORM ? NV_BY_PLATFORM : 0;
	struct command c;
	struct answer a;

	begin(&c, SESSIONS, NV_DEFINE);
	add32(&c, hierarchy);
	add_session(&c, PASSWORD);
	add16(&c, 0); /* the index has no password */
	add_public(&c, index, NV_OURS | by, len);
	return ask(tpm, &c, HEAD_LEN, &a);
}

static vs_status undefine_under(const struct vs_tpm *tpm, uint32_t hierarchy,
                                uint32_t index)
{
	struct command c;
	struct answer a;

	begin(&c, SESSIONS, NV_UNDEFINE);
	add32(&c, hierarchy);
	add32(&c, index);
	add_session(&c, PASSWORD);
	return ask(tpm, &c, HEAD_LEN, &a);
}

vs_status vs_tpm_define(const struct vs_tpm *tpm, uint32_t index, size_t len)
{
	if (undefine_under(tpm, PLATFORM, index) != VS_OK)
		(void)undefine_under(tpm, OWNER, index);
	if (define_under(tpm, PLATFORM, index, len) == VS_OK)
		return VS_OK;
	return define_under(tpm, OWNER, index, len);
}

/* Whether index is what vs_tpm_define() makes, and was written. */
static vs_status check_public(const struct vs_tpm *tpm, uint32_t index,
                              size_t len)
{
	struct command wanted = {0};
	struct command c;
	struct answer a;
	uint32_t attributes;

	begin(&c, NO_SESSIONS, NV_READ_PUBLIC);
	add32(&c, index);
	if (ask(tpm, &c, HEAD_LEN + 2 + PUBLIC_LEN, &a) != VS_OK)
		return VS_ERR_IO;
	attributes = get(&a, HEAD_LEN + 2 + 6, 4);
	add_public(&wanted, index,
	           NV_OURS | NV_WRITTEN | (attributes & NV_BY_PLATFORM), len);
	return memcmp(a.bytes + HEAD_LEN, wanted.bytes, wanted.len) == 0
	               ? VS_OK
	               : VS_ERR_IO;
}

vs_status vs_tpm_read(const struct vs_tpm *tpm, uint32_t index, uint8_t *out,
                      size_t len)
{
	const size_t at = HEAD_LEN + 4; /* the parameters' length is between */
	struct command c;
	struct answer a;

	if (len > VS_TPM_DATA_MAX || check_public(tpm, index, len) != VS_OK)
		return VS_ERR_IO;
	begin(&c, SESSIONS, NV_READ);
	add32(&c, index);
	add32(&c, index);
	add_session(&c, PASSWORD);
	add16(&c, (unsigned)len);
	add16(&c, 0);
	if (ask(tpm, &c, at + 2 + len, &a) != VS_OK || get(&a, at, 2) != len)
		return VS_ERR_IO;
	memcpy(out, a.bytes + at + 2, len);
	return VS_OK;
}

static void flush(const struct vs_tpm *tpm, uint32_t session)
{
	struct command c;
	struct answer a;

	begin(&c, NO_SESSIONS, FLUSH);
	add32(&c, session);
	(void)ask(tpm, &c, HEAD_LEN, &a);
}

/* A session in which PCR 11 has the value that it has. */
static vs_status start_session(const struct vs_tpm *tpm, uint32_t *session)
{
	static const uint8_t nonce[NONCE_LEN] = {0};
	struct command c;
	struct answer a;

	begin(&c, NO_SESSIONS, START_SESSION);
	add32(&c, NOBODY);
	add32(&c, NOBODY);
	add16(&c, NONCE_LEN);
	add(&c, nonce, NONCE_LEN);
	add16(&c, 0);
	add8(&c, POLICY_SESSION);
	add16(&c, NO_CIPHER);
	add16(&c, SHA256);
	if (ask(tpm, &c, HEAD_LEN + 4, &a) != VS_OK)
		return VS_ERR_IO;
	*session = get(&a, HEAD_LEN, 4);
	begin(&c, NO_SESSIONS, POLICY_PCR);
	add32(&c, *session);
	add16(&c, 0);
	add(&c, selection, sizeof(selection));
	if (ask(tpm, &c, HEAD_LEN, &a) == VS_OK)
		return VS_OK;
	flush(tpm, *session);
	return VS_ERR_IO;
}

vs_status vs_tpm_write(const struct vs_tpm *tpm, uint32_t index, size_t at,
                       const uint8_t *in, size_t len)
{
	uint32_t session = 0;
	struct command c;
	struct answer a;

	if (len > VS_TPM_DATA_MAX || start_session(tpm, &session) != VS_OK)
		return VS_ERR_IO;
	begin(&c, SESSIONS, NV_WRITE);
	add32(&c, index);
	add32(&c, index);
	add_session(&c, session);
	add16(&c, (unsigned)len);
	add(&c, in, len);
	add16(&c, (unsigned)at);
	if (ask(tpm, &c, HEAD_LEN, &a) == VS_OK)
		return VS_OK; /* and the session is gone */
	flush(tpm, session);
	return VS_ERR_IO;
}

void vs_tpm_close_platform(const struct vs_tpm *tpm)
{
	struct command c;
	struct answer a;

	begin(&c, SESSIONS, HIERARCHY_CONTROL);
	add32(&c, PLATFORM);
	add_session(&c, PASSWORD);
	add32(&c, PLATFORM);
	add8(&c, 0);
	(void)ask(tpm, &c, HEAD_LEN, &a);
}
