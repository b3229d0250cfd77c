/* SPDX-License-Identifier: Apache-2.0
 *
 * base/buffer.c - bytes that grow, up to a maximum set at the start.
 */
#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vs_buffer_init(struct vs_buffer *b, size_t max)
{
	*b = (struct vs_buffer){.max = max};
}

void vs_buffer_drop(struct vs_buffer *b)
{
	free(b->data);
	*b = (struct vs_buffer){.max = b->max};
}

static vs_status reserve(struct vs_buffer *b, size_t more)
{
	assert(b->max < SIZE_MAX / 2);
	if (more > b->max - b->len)
		return VS_ERR_LIMIT;
	size_t need = b->len + more + 1;
	if (need <= b->cap)
		return VS_OK;
	size_t cap = b->cap ? b->cap : 64;
	while (cap < need)
		cap *= 2;
	uint8_t *data = realloc(b->data, cap);
	if (!data)
		return VS_ERR_NOMEM;
	b->data = data;
	b->cap = cap;
	return VS_OK;
}

vs_status vs_buffer_add(struct vs_buffer *b, const void *in, size_t len)
{
	vs_status status = reserve(b, len);

	if (status)
		return status;
	if (len)
		memcpy(b->data + b->len, in, len);
	b->len += len;
	b->data[b->len] = 0;
	return VS_OK;
}

vs_status vs_buffer_printf(struct vs_buffer *b, const char *fmt, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		return VS_ERR_NOMEM;
	vs_status status = vs_buffer_add(b, text, (size_t)n);
	free(text);
	return status;
}

uint8_t *vs_buffer_take(struct vs_buffer *b, size_t *len)
{
	uint8_t *data = b->data;

	*len = b->len;
	*b = (struct vs_buffer){.max = b->max};
	return data;
}

void vs_free_drop(void *pointer_to_pointer)
{
	void *p;

	memcpy(&p, pointer_to_pointer, sizeof p);
	free(p);
}
