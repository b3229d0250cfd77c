/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/flow.c - a window that is moved seldom.
 */
#include "delta/flow.h"

#include <stdlib.h>
#include <string.h>

#define SPARE (UINT32_C(64) << 10) /* bytes packed before it is moved */

static size_t window_of(const struct vs_flow *f)
{
	return (size_t)f->ahead + SPARE + VS_DELTA_BLOCK;
}

vs_status vs_flow_begin(struct vs_flow *f, uint32_t len)
{
	if (!f->window)
		f->window = malloc(window_of(f));
	if (!f->window)
		return VS_ERR_NOMEM;
	f->at = f->end = 0;
	f->left = len;
	f->skip = 0;
	f->cluster = 0;
	f->fixes = NULL;
	f->fix_count = 0;
	return VS_OK;
}

void vs_flow_drop(struct vs_flow *f)
{
	free(f->window);
	vs_cluster_packer_drop(&f->packer);
	*f = (struct vs_flow){0};
}

uint8_t *vs_flow_want(struct vs_flow *f, size_t *len)
{
	if (f->left == 0 || f->end - f->at >= f->ahead)
		return NULL;
	if (window_of(f) - f->end < VS_DELTA_BLOCK) {
		memmove(f->window, f->window + f->at, f->end - f->at);
		f->end -= f->at;
		f->at = 0;
	}
	*len = f->left < VS_DELTA_BLOCK ? f->left : VS_DELTA_BLOCK;
	return f->window + f->end;
}

void vs_flow_took(struct vs_flow *f, size_t len)
{
	f->end += len;
	f->left -= (uint32_t)len;
	if (f->skip > 0) {
		len = len < f->skip ? len : f->skip;
		f->at += len;
		f->skip -= (uint32_t)len;
	}
}

bool vs_flow_done(const struct vs_flow *f)
{
	return f->left == 0 && f->at == f->end;
}

/* The bytes of a cluster that comes otherwise, and those that it holds. */
static vs_status take_fix(struct vs_flow *f, uint8_t *out, size_t *len)
{
	const struct vs_fix *fix = f->fixes;
	size_t held = f->end - f->at;

	if (fix->len > held) {
		f->skip = fix->len - (uint32_t)held;
		if (f->skip > f->left)
			return VS_ERR_INPUT;
	} else {
		held = fix->len;
	}
	*len = (size_t)fix->blocks * VS_DELTA_BLOCK;
	memcpy(out, f->fixed, *len);
	f->fixed += *len;
	f->fixes++;
	f->fix_count--;
	f->at += held;
	return VS_OK;
}

vs_status vs_flow_next(struct vs_flow *f, uint8_t *out, size_t *len)
{
	size_t held = f->end - f->at, used = 0;
	vs_status status;

	if (f->fix_count > 0 && f->fixes->cluster == f->cluster) {
		status = take_fix(f, out, len);
	} else {
		if (held > f->ahead)
			held = f->ahead;
		status =
			vs_cluster_pack(&f->packer, f->level, f->window + f->at,
		                        held, out, f->room, &used, len);
		f->at += used;
		f->packed_bytes += used;
		f->packed_units++;
	}
	f->cluster++;
	return status;
}
