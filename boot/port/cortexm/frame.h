/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/frame.h - frames of bytes on a serial line.
 *
 * A frame on the line has no zero byte in it and ends with one, so whoever
 * lost the thread finds it again at the next zero.  What is not whole, or has
 * another checksum, never happened.
 *
 * Format: docs/formats/serial.md section 1, version 1.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_CORTEXM_FRAME_H
#define VS_BOOT_PORT_CORTEXM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VS_FRAME_VERSION 1
#define VS_FRAME_HEAD 4 /* version, type, number */
#define VS_FRAME_CRC 4
#define VS_FRAME_PAYLOAD_MAX 520
#define VS_FRAME_MAX (VS_FRAME_HEAD + VS_FRAME_PAYLOAD_MAX + VS_FRAME_CRC)

/* Starts as zeros. */
struct vs_frame {
	uint8_t bytes[VS_FRAME_MAX]; /* head, payload, checksum */
	size_t len;
	uint8_t left; /* bytes to come before the next code */
	uint8_t code; /* the last one */
	bool idle;    /* the last group is empty behind a full one */
	bool spoilt;  /* to be dropped at its end */
};

/* Takes a byte of the line.  True if it ended a frame that is whole, which
 * f->bytes and f->len then hold until the next call.
 */
bool vs_frame_feed(struct vs_frame *f, uint8_t byte);

/* Appends the checksum to the len bytes in out, which has room for it.
 * Gives the new length.
 */
size_t vs_frame_seal(uint8_t *out, size_t len);

/* Puts a sealed frame on the line, byte by byte, its end included. */
void vs_frame_send(const uint8_t *in, size_t len, void (*put)(uint8_t byte));

#endif
