/* SPDX-License-Identifier: Apache-2.0
 *
 * base/buffer.h - bytes that grow, up to a maximum set at the start.
 */
#ifndef VS_BASE_BUFFER_H
#define VS_BASE_BUFFER_H

#include "base/status.h"

struct vs_buffer {
	uint8_t *data; /* owned; data[len] is always a zero once grown */
	size_t len;
	size_t cap;
	size_t max; /* len never passes this */
};

void vs_buffer_init(struct vs_buffer *b, size_t max);
void vs_buffer_drop(struct vs_buffer *b); /* also for VS_AUTO */

/* VS_OK; VS_ERR_LIMIT or VS_ERR_NOMEM with *b unchanged. */
vs_status vs_buffer_add(struct vs_buffer *b, const void *in,
                        size_t len) VS_MUST_CHECK;
vs_status vs_buffer_printf(struct vs_buffer *b, const char *fmt, ...)
	VS_PRINTF(2, 3) VS_MUST_CHECK;

/* Gives the bytes (free()) and leaves *b empty. */
uint8_t *vs_buffer_take(struct vs_buffer *b, size_t *len);

/* free() for a variable of any pointer type, for VS_AUTO. */
void vs_free_drop(void *pointer_to_pointer);

#endif
