/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/pair.c - match, prune, and look again with what that has shown.
 */
#include "delta/make/pair.h"

#include <stdlib.h>

#include "delta/make/prune.h"
#include "delta/make/view.h"

/* One pair of files while it is matched. */
struct pair {
	const struct vs_old *was, *is;
	struct vs_elf old, new;
	struct vs_frames old_frames, new_frames;
	uint8_t *old_view, *new_view; /* owned */
	struct vs_covers covers;
};

static vs_status match(struct pair *p)
{
	vs_status status;

	free(p->covers.list);
	status = vs_match(p->old_view, (size_t)p->was->len, p->new_view,
	                  (size_t)p->is->len, &p->covers);
	if (status == VS_OK)
		vs_prune(p->old_view, (size_t)p->was->len, p->new_view,
		         (size_t)p->is->len, &p->covers);
	return status;
}

static vs_status read_views(struct pair *p)
{
	vs_status status =
		vs_old_read(p->was, 0, p->old_view, (size_t)p->was->len);

	return status == VS_OK
	               ? vs_old_read(p->is, 0, p->new_view, (size_t)p->is->len)
	               : status;
}

static vs_status views(struct pair *p, const struct vs_pair *known)
{
	vs_status status = read_views(p);

	if (status == VS_OK)
		status = vs_view_make(p->was, &p->old, &p->old_frames, known,
		                      false, p->old_view);
	if (status == VS_OK)
		status = vs_view_make(p->is, &p->new, &p->new_frames, known,
		                      true, p->new_view);
	return status;
}

static vs_status open_programs(struct pair *p, const uint32_t load[2])
{
	vs_status status = vs_elf_open(p->was, load[0], &p->old);

	if (status == VS_OK)
		status = vs_elf_open(p->is, load[1], &p->new);
	if (status == VS_OK)
		status = vs_frames_init(&p->old_frames, p->was, &p->old);
	if (status == VS_OK)
		status = vs_frames_init(&p->new_frames, p->is, &p->new);
	return status;
}

/* Once with blanks, then with what the map of the round before says. */
static vs_status match_rounds(struct pair *p, const uint32_t load[2])
{
	struct vs_learnt learnt;
	struct vs_map map = {NULL, 0};
	const struct vs_pair known = {
		.was = &p->old, .is = &p->new, .map = &map, .learnt = &learnt};
	vs_status status = vs_learnt_init(&learnt);

	if (status == VS_OK)
		status = open_programs(p, load);
	for (int round = 0; round < VS_PAIR_ROUNDS && status == VS_OK;
	     round++) {
		status = views(p, round == 0 ? NULL : &known);
		if (status == VS_OK)
			status = match(p);
		vs_map_drop(&map);
		if (status == VS_OK)
			status = vs_map_init(&map, p->covers.list,
			                     p->covers.count);
	}
	vs_map_drop(&map);
	vs_learnt_drop(&learnt);
	return status;
}

static vs_status match_plain(struct pair *p)
{
	vs_status status = read_views(p);

	return status == VS_OK ? match(p) : status;
}

vs_status vs_pair_match(const struct vs_pair_files *files,
                        struct vs_covers *out)
{
	struct pair p = {.was = &files->was, .is = &files->is};
	vs_status status = VS_ERR_NOMEM;

	p.old_view = malloc((size_t)p.was->len + 1);
	p.new_view = malloc((size_t)p.is->len + 1);
	if (p.old_view && p.new_view)
		status = files->predicted ? match_rounds(&p, files->load)
		                          : match_plain(&p);
	*out = p.covers;
	free(p.old_view);
	free(p.new_view);
	vs_frames_drop(&p.old_frames);
	vs_frames_drop(&p.new_frames);
	return status;
}
