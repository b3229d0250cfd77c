/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/trial.c - two threads over the parts.
 */
#include "delta/make/trial.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "delta/make/clusters.h"

#define THREADS 2

static vs_status as_is(const struct vs_part *part, const uint8_t *packed,
                       struct vs_trial *t)
{
	free(t->bytes);
	t->bytes = malloc(part->packed);
	if (!t->bytes)
		return VS_ERR_NOMEM;
	memcpy(t->bytes, packed, part->packed);
	t->len = part->packed;
	return VS_OK;
}

static bool comes_out(struct vs_packer *packer, const struct vs_parted *parted,
                      const struct vs_part *part, const uint8_t *packed,
                      const struct vs_trial *t, uint8_t *again)
{
	size_t n = 0;

	return vs_packer_pack(packer, parted->packing, parted->level, t->bytes,
	                      t->len, again, VS_PACKED_ROOM(t->len),
	                      &n) == VS_OK &&
	       n == part->packed && memcmp(again, packed, n) == 0;
}

vs_status vs_trial_run(struct vs_packer *packer, const struct vs_image *image,
                       const struct vs_parted *parted, size_t number,
                       struct vs_trial *t)
{
	const struct vs_part *part = &parted->parts[number];
	const uint8_t *packed = image->bytes + part->at;
	size_t room = part->len ? part->len : parted->block, n = 0;
	uint8_t *again;
	vs_status status;

	t->as_is = false;
	if (part->stored)
		return as_is(part, packed, t);
	if (parted->packing == VS_PACKING_LZ4) {
		status = vs_clusters_try(image, parted, part, t);
		return status == VS_OK && t->as_is ? as_is(part, packed, t)
		                                   : status;
	}
	t->bytes = malloc(room);
	again = malloc(VS_PACKED_ROOM(room));
	status = t->bytes && again
	                 ? vs_packer_open(packer, parted->packing, packed,
	                                  part->packed, t->bytes, room, &n)
	                 : VS_ERR_NOMEM;
	t->len = (uint32_t)n;
	if (status == VS_ERR_INPUT || n == 0 || (part->len && n != part->len) ||
	    (t->pack && status == VS_OK &&
	     !comes_out(packer, parted, part, packed, t, again)))
		t->as_is = true;
	free(again);
	if (status == VS_ERR_NOMEM)
		return status;
	return t->as_is ? as_is(part, packed, t) : VS_OK;
}

struct crew {
	const struct vs_image *image;
	const struct vs_parted *parted;
	struct vs_trial *trials;
	size_t first;
	vs_status status;
};

static void *work(void *ctx)
{
	struct crew *c = ctx;
	struct vs_packer packer = {0};

	for (size_t i = c->first; i < c->parted->count && c->status == VS_OK;
	     i += THREADS)
		if (c->trials[i].wanted)
			c->status = vs_trial_run(&packer, c->image, c->parted,
			                         i, &c->trials[i]);
	vs_packer_drop(&packer);
	return NULL;
}

vs_status vs_trials_run(const struct vs_image *image,
                        const struct vs_parted *parted, struct vs_trial *trials)
{
	struct crew crews[THREADS];
	pthread_t threads[THREADS];
	bool started[THREADS];
	vs_status status = VS_OK;

	for (size_t i = 0; i < THREADS; i++) {
		crews[i] = (struct crew){image, parted, trials, i, VS_OK};
		/* the last share is this thread's, and any that has none */
		started[i] =
			i + 1 < THREADS &&
			pthread_create(&threads[i], NULL, work, &crews[i]) == 0;
	}
	for (size_t i = 0; i < THREADS; i++)
		if (!started[i])
			(void)work(&crews[i]);
	for (size_t i = 0; i < THREADS; i++) {
		if (started[i] && pthread_join(threads[i], NULL) != 0)
			crews[i].status = VS_ERR_NOMEM;
		if (crews[i].status != VS_OK)
			status = crews[i].status;
	}
	return status;
}

/* Where the applier will have what it packed: as in delta/repack.c. */
static size_t known_units(const struct vs_units *units,
                          struct vs_squash_known *known)
{
	uint64_t at = 0;
	size_t n = 0;

	for (size_t i = 0; units->is_new && i < units->count; i++) {
		const struct vs_unit *u = &units->list[i];

		if (u->kind != VS_UNIT_COPY)
			known[n++] = (struct vs_squash_known){
				at, (uint32_t)u->packed};
		at += u->packed;
	}
	return n;
}

uint8_t *vs_trial_tables(struct vs_packer *packer, const struct vs_image *image,
                         const struct vs_parted *parted,
                         const struct vs_units *units, vs_status *status)
{
	const uint8_t *packed = image->bytes + parted->tables_at;
	size_t sum = 0, n = 0, room = (size_t)parted->tables_len;
	struct vs_squash_known *known =
		malloc((units->count + 1) * sizeof(*known));
	uint8_t *bytes, *copy = NULL, *again = NULL;
	struct vs_squash s = {.block = parted->block,
	                      .packing = parted->packing,
	                      .level = parted->level,
	                      .packer = packer,
	                      .known = known};

	for (int i = 0; i < VS_TABLE_PARTS; i++)
		sum += s.lens[i] = parted->lens[i];
	bytes = malloc(sum + 1);
	copy = malloc(sum + 1);
	again = malloc(room + 1);
	*status = known && bytes && copy && again ? VS_OK : VS_ERR_NOMEM;
	if (*status == VS_OK) {
		s.known_count = known_units(units, known);
		s.parts[0] = bytes;
		for (int i = 1; i < VS_TABLE_PARTS; i++)
			s.parts[i] = s.parts[i - 1] + s.lens[i - 1];
		*status = vs_squash_unpack(&s, packed, room);
	}
	if (*status == VS_OK && units->is_new) {
		memcpy(copy, bytes, sum);
		for (int i = 0; i < VS_TABLE_PARTS; i++)
			s.parts[i] = copy + (s.parts[i] - bytes);
		*status =
			vs_squash_pack(&s, parted->tables_at, again, room, &n);
		if (*status == VS_OK &&
		    (n != room || memcmp(again, packed, n) != 0))
			*status = VS_ERR_INPUT;
	}
	free(known);
	free(copy);
	free(again);
	if (*status == VS_OK)
		return bytes;
	free(bytes);
	if (*status != VS_ERR_NOMEM)
		*status = VS_OK;
	return NULL;
}
