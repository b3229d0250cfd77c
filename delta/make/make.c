/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/make.c - plan, match each pair in rounds, then one walk.
 */
#include "delta/make/make.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "delta/make/bare.h"
#include "delta/make/fit.h"
#include "delta/make/pair.h"
#include "delta/make/parted.h"
#include "delta/walk.h"

#define THREADS 2
#define WALK_WEIGHT 4 /* a block of the walk, in blocks of a round */

static vs_status read_image(void *ctx, uint64_t from, void *out, size_t len)
{
	const struct vs_image *image = ctx;

	memcpy(out, image->bytes + from, len);
	return VS_OK;
}

static void step(struct vs_make *m, uint64_t by)
{
	m->done += by;
	if (m->step)
		m->step(m->ctx, m->done, m->total);
}

/* Blocks that a file's rounds pass over. */
static uint64_t work_of(const struct vs_file *f)
{
	return ((uint64_t)f->blocks + f->was_blocks) *
	       (f->predicted ? VS_PAIR_ROUNDS : 1);
}

static void foresee(struct vs_make *m, const struct vs_layout *l)
{
	m->done = m->total = 0;
	m->copied = 0;
	for (size_t i = 0; i < l->file_count; i++)
		m->total += work_of(&l->files[i]);
	for (size_t i = 0; i < l->segment_count; i++)
		if (l->segments[i].file == VS_SEGMENT_COPY)
			m->copied +=
				(uint64_t)l->segments[i].count * VS_DELTA_BLOCK;
		else
			m->total +=
				(uint64_t)l->segments[i].count * WALK_WEIGHT;
}

/* The layout has the old image's; the new one is looked at again. */
static uint32_t new_load(const struct vs_make *m, const struct vs_file *f)
{
	uint32_t addr = 0;

	if (f->load == 0 ||
	    !vs_bare_find(m->is.bytes, (size_t)m->is.len, &addr))
		return 0;
	return addr | 1;
}

static vs_status match_file(const struct vs_make *m, const struct vs_plan *plan,
                            uint32_t number, struct vs_covers *covers)
{
	const struct vs_layout *l = &plan->layout;
	const struct vs_file *f = &l->files[number];
	const struct vs_plan_file *is = &plan->files[number];
	struct vs_image images[2] = {m->was, m->is};
	struct vs_old_image sides[2] = {
		{&images[0], m->was.len, read_image},
		{&images[1], m->is.len,  read_image},
	};
	const struct vs_old_image raw[2] = {sides[0], sides[1]};
	struct vs_inode_view views[2];
	struct vs_inode_image flipped[2];
	/* clang-format off */
	const struct vs_pair_files files = {
		.was = {&sides[0], f->was, f->was_count,
		        (uint64_t)f->was_blocks * VS_DELTA_BLOCK},
		.is = {&sides[1], is->is, is->count,
		       (uint64_t)f->blocks * VS_DELTA_BLOCK},
		.load = {f->load, new_load(m, f)},
		.predicted = f->predicted,
	};
	/* clang-format on */

	for (int side = 0; side < 2 && number == 0; side++) {
		vs_inode_view_init(&views[side], l->inodes[side].seed,
		                   l->inodes[side].tables,
		                   l->inodes[side].count);
		vs_inode_image_init(&flipped[side], &raw[side], &views[side],
		                    &sides[side]);
	}
	return vs_pair_match(&files, covers);
}

static vs_status count_bytes(void *ctx, const uint8_t *in, size_t len)
{
	struct vs_make *m = ctx;

	m->bytes += len;
	return m->write(m->ctx, in, len);
}

/* The new section table, which the walk codes. */
static vs_status open_new(struct vs_make *m, const struct vs_plan *plan,
                          uint32_t number, struct vs_elf **out)
{
	const struct vs_file *f = &plan->layout.files[number];
	struct vs_old_image new = {&m->is, m->is.len, read_image};
	const struct vs_old file = {&new, plan->files[number].is,
	                            plan->files[number].count,
	                            (uint64_t)f->blocks *VS_DELTA_BLOCK};

	*out = calloc(2, sizeof(struct vs_elf));
	if (!*out)
		return VS_ERR_NOMEM;
	return vs_elf_open(&file, new_load(m, f), &(*out)[1]);
}

/* Threads that take file after file, the most work first. */
struct crew {
	struct vs_make *m;
	const struct vs_plan *plan;
	struct vs_walk *walk;
	uint32_t *order; /* owned; files by work; the first: to try alone */
	pthread_mutex_t lock;
	size_t next, later;
	vs_status status; /* the first that was not VS_OK */
};

/* The walk takes the covers over. */
static vs_status prepare_file(const struct crew *c, uint32_t number)
{
	struct vs_open_file *f = &c->walk->files[number];
	struct vs_covers covers = {NULL, 0, 0};
	vs_status status = match_file(c->m, c->plan, number, &covers);

	free(f->covers); /* of a try in vain */
	free(f->elf);
	f->elf = NULL;
	f->covers = covers.list;
	f->cover_count = covers.count;
	if (status == VS_OK && c->plan->layout.files[number].predicted)
		status = open_new(c->m, c->plan, number, &f->elf);
	return status;
}

static void note_done(struct crew *c, uint32_t number)
{
	const struct vs_file *f = &c->plan->layout.files[number];

	c->m->covers += c->walk->files[number].cover_count;
	c->m->pairs += f->predicted;
	step(c->m, work_of(f));
}

static void *crew_work(void *arg)
{
	struct crew *c = arg;
	bool more = true;

	while (more) {
		uint32_t number = 0;
		vs_status status = VS_OK;

		(void)pthread_mutex_lock(&c->lock);
		more = c->status == VS_OK &&
		       c->next < c->plan->layout.file_count;
		if (more)
			number = c->order[c->next++];
		(void)pthread_mutex_unlock(&c->lock);
		if (more)
			status = prepare_file(c, number);
		(void)pthread_mutex_lock(&c->lock);
		if (status == VS_ERR_NOMEM)
			c->order[c->later++] = number; /* next >= later + 1 */
		else if (status != VS_OK && c->status == VS_OK)
			c->status = status;
		else if (more)
			note_done(c, number);
		(void)pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

/* What there was no memory for beside others. */
static vs_status prepare_alone(struct crew *c)
{
	for (size_t i = 0; i < c->later && c->status == VS_OK; i++) {
		c->status = prepare_file(c, c->order[i]);
		if (c->status == VS_OK)
			note_done(c, c->order[i]);
	}
	return c->status;
}

static void sort_by_work(uint32_t *order, const struct vs_layout *l)
{
	for (uint32_t i = 0; i < l->file_count; i++) {
		uint64_t work = work_of(&l->files[i]);
		size_t at = i;

		for (; at > 0 && work_of(&l->files[order[at - 1]]) < work; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

/* Matches all pairs: what comes out is the same with any number of threads. */
static vs_status prepare(struct vs_make *m, const struct vs_plan *plan,
                         struct vs_walk *w)
{
	struct crew c = {.m = m, .plan = plan, .walk = w};
	pthread_t threads[THREADS - 1];
	bool started[THREADS - 1];

	c.order = malloc((plan->layout.file_count + 1) * sizeof(*c.order));
	if (!c.order || pthread_mutex_init(&c.lock, NULL) != 0) {
		free(c.order);
		return VS_ERR_NOMEM;
	}
	sort_by_work(c.order, &plan->layout);
	for (size_t i = 0; i < THREADS - 1; i++)
		started[i] =
			pthread_create(&threads[i], NULL, crew_work, &c) == 0;
	(void)crew_work(&c);
	for (size_t i = 0; i < THREADS - 1; i++)
		if (started[i])
			(void)pthread_join(threads[i], NULL);
	(void)pthread_mutex_destroy(&c.lock);
	(void)prepare_alone(&c);
	free(c.order);
	return c.status;
}

/* views NULL: the images are plain. */
static vs_status encode(struct vs_make *m, struct vs_plan *plan,
                        struct vs_views *views)
{
	struct vs_layout *l = &plan->layout;
	struct vs_old_image old = {&m->was, m->was.len, read_image};
	struct vs_coder *coder = malloc(sizeof(*coder));
	struct vs_walk w = {0};
	uint8_t block[VS_DELTA_BLOCK];
	bool coded;
	vs_status status = VS_ERR_NOMEM;

	if (coder) {
		vs_coder_encode_init(coder, count_bytes, m);
		status = VS_OK;
	}
	for (int side = 0; side < 2 && views && status == VS_OK; side++)
		status = vs_units_code(&views->units[side],
		                       views->units[0].image_len, coder);
	if (status == VS_OK) {
		status = vs_layout_code(l, coder);
		m->layout_bytes = m->bytes + coder->at;
	}
	if (status == VS_OK)
		status = vs_walk_init(&w, &old, l, coder);
	if (status == VS_OK)
		status = prepare(m, plan, &w);
	if (status == VS_OK)
		status = vs_fit_covers(&w, VS_COVERS_MAX);
	for (uint64_t at = 0; status == VS_OK && at < m->is.len;
	     at += VS_DELTA_BLOCK) {
		memcpy(block, m->is.bytes + at, VS_DELTA_BLOCK);
		coded = w.segment < l->segment_count &&
		        l->segments[w.segment].file != VS_SEGMENT_COPY &&
		        w.block >= l->segments[w.segment].at;
		status = vs_walk_blocks(&w, block, 1);
		if (coded)
			step(m, WALK_WEIGHT);
	}
	if (status == VS_OK)
		status = vs_coder_finish(coder);
	if (w.layout)
		vs_walk_drop(&w);
	free(coder);
	return status;
}

/* The image in whole blocks: the one that was given, or a copy. */
static vs_status pad(struct vs_image *image, uint8_t **copy)
{
	uint64_t len = (image->len + VS_DELTA_BLOCK - 1) / VS_DELTA_BLOCK *
	               VS_DELTA_BLOCK;

	*copy = NULL;
	if (image->len == 0 || image->len > VS_DELTA_IMAGE_MAX)
		return VS_ERR_LIMIT;
	if (len == image->len)
		return VS_OK;
	*copy = calloc(1, (size_t)len);
	if (!*copy)
		return VS_ERR_NOMEM;
	memcpy(*copy, image->bytes, (size_t)image->len);
	image->bytes = *copy;
	image->len = len;
	return VS_OK;
}

static vs_status write_head(struct vs_make *m, const struct vs_views *views)
{
	struct vs_delta_head head = {.old_len = m->was.len,
	                             .new_len = m->is.len};
	uint8_t raw[VS_DELTA_HEAD_LEN];

	if (views) {
		head.form = VS_DELTA_UNITS;
		head.packer = vs_packing_version(
			(enum vs_packing)views->units[1].packing);
	}
	memcpy(head.old_root, m->old_root, sizeof(head.old_root));
	memcpy(head.new_root, m->new_root, sizeof(head.new_root));
	vs_delta_head_encode(&head, raw);
	return count_bytes(m, raw, sizeof(raw));
}

/* Of the images, or of their views. */
static vs_status make(struct vs_make *m, struct vs_views *views)
{
	const struct vs_plan_given given = {views ? &views->files[0] : NULL,
	                                    views ? &views->files[1] : NULL,
	                                    views ? views->known : NULL};
	struct vs_plan plan = {0};
	vs_status status =
		vs_plan_make(&m->was, &m->is, views ? &given : NULL, &plan);

	foresee(m, &plan.layout);
	if (status == VS_OK)
		status = encode(m, &plan, views);
	vs_plan_drop(&plan);
	return status;
}

static vs_status make_plain(struct vs_make *m)
{
	const struct vs_image given[2] = {m->was, m->is};
	uint8_t *copies[2] = {NULL, NULL};
	vs_status status = write_head(m, NULL);

	if (status == VS_OK)
		status = pad(&m->was, &copies[0]);
	if (status == VS_OK)
		status = pad(&m->is, &copies[1]);
	if (status == VS_OK)
		status = make(m, NULL);
	free(copies[0]);
	free(copies[1]);
	m->was = given[0];
	m->is = given[1];
	return status;
}

static vs_status make_units(struct vs_make *m, struct vs_views *views)
{
	const struct vs_image given[2] = {m->was, m->is};
	vs_status status = write_head(m, views);

	m->was = views->images[0];
	m->is = views->images[1];
	if (status == VS_OK)
		status = make(m, views);
	m->was = given[0];
	m->is = given[1];
	return status;
}

vs_status vs_delta_make(struct vs_make *m)
{
	struct vs_views views;
	vs_status status;

	m->bytes = 0;
	m->covers = m->pairs = 0;
	m->units = m->units_failed = m->tables = 0;
	status = vs_views_make(&m->was, &m->is, &views);
	if (status == VS_OK) {
		m->units = views.tried;
		m->units_failed = views.failed;
		m->tables = views.tables;
		status = make_units(m, &views);
	} else if (status == VS_ERR_ABSENT || status == VS_ERR_LIMIT) {
		status = make_plain(m);
	}
	vs_views_drop(&views);
	return status;
}
