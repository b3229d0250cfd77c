/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/controllers/serial.h - questions and answers over a serial line.
 *
 * One question at a time, asked again until its answer comes or the attempts
 * are used up.  Nothing on the line is believed and nothing on it can hang:
 * every wait has an end, and text or noise between frames is dropped.
 *
 * Format: docs/formats/serial.md sections 1 and 2, version 1.
 */
#ifndef VS_AGENT_SERIAL_H
#define VS_AGENT_SERIAL_H

#include "base/status.h"
#include "boot/port/cortexm/frame.h"

/* A frame as the line carries it, its zero included. */
#define VS_SERIAL_WIRE_MAX (VS_FRAME_MAX + VS_FRAME_MAX / 254 + 2)

/* Answers' results: vs_status as the other side means it. */
struct vs_serial_answer {
	vs_status result;    /* VS_OK: done, and there may be a body */
	const uint8_t *body; /* until the next question */
	size_t len;
};

struct vs_serial {
	int fd;               /* owned; -1: none */
	uint16_t number;      /* of the last question */
	uint64_t patience_ms; /* for the answer to one attempt */
	unsigned attempts;
	struct vs_frame in;
	uint64_t asked;   /* questions so far ... */
	uint64_t repeats; /* ... and how often one had to be asked again */
};

/* Takes fd, which must be readable and writable; asks for answers in three
 * seconds, three times.
 * VS_OK (vs_serial_close); VS_ERR_IO, fd closed.
 */
vs_status vs_serial_init(struct vs_serial *s, int fd) VS_MUST_CHECK;

/* The same for a device: 115200 baud, 8 bits, no parity, 1 stop bit, raw, for
 * this process alone.  A device that is no terminal is refused.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_DENIED (somebody else has it); VS_ERR_IO.
 */
vs_status vs_serial_open(struct vs_serial *s, const char *path) VS_MUST_CHECK;
void vs_serial_close(struct vs_serial *s); /* also for VS_AUTO */

/* Asks, and waits for the answer, at most attempts * patience_ms.
 *
 * VS_OK with *out, whatever its result; VS_ERR_IO: no answer in time, or the
 * line is gone; VS_ERR_LIMIT: len is over VS_FRAME_PAYLOAD_MAX.
 */
vs_status vs_serial_ask(struct vs_serial *s, uint8_t type, const uint8_t *in,
                        size_t len, struct vs_serial_answer *out) VS_MUST_CHECK;

/* Stuffs the len bytes of a sealed frame, at most VS_FRAME_MAX, and puts the
 * zero behind them.  Gives the length on the line.
 */
size_t vs_serial_stuff(const uint8_t *in, size_t len,
                       uint8_t out[static VS_SERIAL_WIRE_MAX]);

#endif
