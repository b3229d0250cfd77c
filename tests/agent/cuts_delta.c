/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/cuts_delta.c - the server's deltas, from release 2 to 3, and
 * images of the kinds that they are made for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "delta/head.h"
#include "tests/agent/cuts.h"
#include "tests/agent/delta_maker.h"

static struct {
	char name[2 * 64 + 2]; /* as it is asked for */
	uint8_t *bytes;
	size_t len;
} deltas[2];

/* Releases 2 and 3 of both components while they are not noise. */
static struct made aside[2][2];
static bool are_aside;

static void make(int i, const struct made *from, const struct made *to)
{
	char old_root[65], new_root[65];

	vs_hex_encode(from->opened.header.root_hash, VS_SHA256_LEN, old_root);
	vs_hex_encode(to->opened.header.root_hash, VS_SHA256_LEN, new_root);
	snprintf(deltas[i].name, sizeof(deltas[i].name), "%s-%s", old_root,
	         new_root);
	deltas[i].bytes = delta_make(from, to, &deltas[i].len);
}

static const uint8_t *find(const char *name, size_t *len)
{
	for (int i = 0; i < 2; i++) {
		*len = deltas[i].len;
		if (deltas[i].bytes && strcmp(name, deltas[i].name) == 0)
			return deltas[i].bytes;
	}
	return NULL;
}

void stage_deltas(bool lying)
{
	stage_drop_deltas();
	make(0, &stage.gateway[2], &stage.gateway[3]);
	make(1, &stage.controller[2], &stage.controller[3]);
	/* behind the head, which names images that nobody compares */
	if (lying)
		for (int i = 0; i < 2; i++)
			deltas[i].bytes[VS_DELTA_HEAD_LEN +
			                (deltas[i].len - VS_DELTA_HEAD_LEN) /
			                        2] ^= 8;
	stage.server.delta = find;
}

void stage_drop_deltas(void)
{
	for (int i = 0; i < 2; i++) {
		free(deltas[i].bytes);
		deltas[i].bytes = NULL;
	}
	stage.server.delta = NULL;
}

size_t stage_deltas_len(void)
{
	return deltas[0].len + deltas[1].len;
}

bool stage_delta_in_units(void)
{
	struct vs_delta_head head;

	assert_int_equal(vs_delta_head_decode(deltas[0].bytes, &head, NULL),
	                 VS_OK);
	return head.form == VS_DELTA_UNITS;
}

static void seal(struct made *out, const char *component, int release,
                 enum specimen kind)
{
	struct bytes image = specimen_image(kind, release == 3);

	maker_seal(&stage.maker, out, component, (uint64_t)release,
	           stage_security(release), image.data, image.len);
	free(image.data);
}

void stage_take(void)
{
	assert_false(are_aside);
	are_aside = true;
	for (int r = 2; r <= 3; r++) {
		aside[0][r - 2] = stage.gateway[r];
		aside[1][r - 2] = stage.controller[r];
		seal(&stage.gateway[r], "gateway", r, stage.kind);
		seal(&stage.controller[r], "controller", r,
		     SPECIMEN_CONTROLLER);
	}
}

void stage_give_back(void)
{
	for (int r = 2; are_aside && r <= 3; r++) {
		made_drop(&stage.gateway[r]);
		made_drop(&stage.controller[r]);
		stage.gateway[r] = aside[0][r - 2];
		stage.controller[r] = aside[1][r - 2];
	}
	are_aside = false;
}
