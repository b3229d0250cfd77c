/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/wire.h - messages between disk and net: a head, and bytes after
 * it.
 *
 * Format: docs/formats/line.md.
 */
#ifndef VS_AGENT_WIRE_H
#define VS_AGENT_WIRE_H

#include "agent/line/requests.h"
#include "base/status.h"

#define VS_WIRE_LINES 4
#define VS_WIRE_FILE_MAX 65536 /* a CA or a certificate */
#define VS_WIRE_OPEN_MAX (3 * VS_WIRE_FILE_MAX + 64)
#define VS_WIRE_ASK_MAX (UINT32_C(1) << 20) /* URL and report */
#define VS_WIRE_SIGN_MAX 256
#define VS_WIRE_TEXT_MAX 255

/* Words of this machine: both ends are of one build.  No padding. */
struct vs_wire_head {
	uint32_t what;   /* enum vs_request */
	uint32_t number; /* of the question; of READY 0 */
	uint32_t len;    /* bytes after it */
	uint32_t status; /* FAILED: enum vs_status */
	uint32_t code;   /* ANSWER: of HTTP; GET, SEND, READ: most, or all */
	uint32_t retry_after_s;
	uint64_t received;    /* by this line, so far */
	uint64_t first, last; /* STREAM; its DONE: the file's length, 0 */
};

/* OPEN: this, then the three files. */
struct vs_wire_open {
	uint32_t connect_ms, answer_ms, min_bytes_s, slow_ms;
	uint64_t max_bytes_s;
	uint32_t redirects;
	uint32_t ca_len, cert_len, elsewhere_len; /* 0: none */
};

/* All of it, or VS_ERR_IO, also after wait_ms (0: as long as it takes). */
vs_status vs_wire_send(int fd, const struct vs_wire_head *head,
                       const void *body, uint64_t wait_ms) VS_MUST_CHECK;
vs_status vs_wire_recv(int fd, void *out, size_t len,
                       uint64_t wait_ms) VS_MUST_CHECK;

#endif
