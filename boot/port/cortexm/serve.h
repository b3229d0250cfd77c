/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/serve.h - the controller's side of the serial update
 * protocol.
 *
 * The gateway writes the slot that does not run, byte by byte what its agent
 * has verified, and arms it.  Nothing here is believed: the loader verifies
 * what was written before it starts it.  The slot that runs cannot be written,
 * and none that could still start is touched before the record says so.
 *
 * The controller's image and, when nothing may start, the loader serve alike.
 * Format: docs/formats/serial.md, version 1.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_CORTEXM_SERVE_H
#define VS_BOOT_PORT_CORTEXM_SERVE_H

#include "boot/flash.h"
#include "boot/port/cortexm/board.h"
#include "boot/port/cortexm/frame.h"

#define VS_SERVE_LOADER UINT32_MAX /* vs_handover.slot: no image runs */
#define VS_SERVE_DATA_MAX 512

enum vs_serve_type { /* a reply has bit 7 set */
	             VS_SERVE_STATUS = 1,
	             VS_SERVE_DECISION,
	             VS_SERVE_BEGIN,
	             VS_SERVE_ERASE,
	             VS_SERVE_CHECK,
	             VS_SERVE_WRITE,
	             VS_SERVE_FINISH,
	             VS_SERVE_CONFIRM,
	             VS_SERVE_GIVE_UP,
	             VS_SERVE_RESTART,
};

#define VS_SERVE_STATUS_LEN 120
#define VS_SERVE_REPLY_MAX                                                     \
	(VS_FRAME_HEAD + 1 + VS_DECISION_LEN(1) + VS_FRAME_CRC)

struct vs_serve {
	const struct vs_flash *flash; /* keeps */
	const struct vs_handover *h;  /* keeps */
	struct vs_record_ops record;
	struct vs_flash_part record_at;
	bool begun;   /* the loader only: it may write */
	bool restart; /* asked for: do it */
	struct vs_frame in;
	uint8_t reply[VS_SERVE_REPLY_MAX]; /* the last one ... */
	size_t reply_len;                  /* ... 0: none yet ... */
	uint8_t asked[VS_FRAME_CRC];       /* ... and what it answered */
};

void vs_serve_init(struct vs_serve *s, const struct vs_flash *flash,
                   const struct vs_handover *h);

/* Takes a byte of the line and, if it ended a request, does and answers it. */
void vs_serve_take(struct vs_serve *s, uint8_t byte, void (*put)(uint8_t byte));

#endif
