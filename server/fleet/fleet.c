/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/fleet.c - the table of chargers.
 */
#include "server/fleet/fleet.h"

#include <stdlib.h>
#include <string.h>

enum { arena_len = 64 * 1024, names_max = 1024, piece_len = 1024 };

/* What is never freed by itself lies in a few large pieces. */
struct vs_arena {
	struct vs_arena *next; /* owned */
	size_t used;
	char bytes[arena_len];
};

static char *arena_take(struct vs_arena **a, size_t len)
{
	if (!*a || len > arena_len - (*a)->used) {
		struct vs_arena *fresh = malloc(sizeof *fresh);

		if (!fresh)
			return NULL;
		fresh->next = *a;
		fresh->used = 0;
		*a = fresh;
	}
	(*a)->used += len;
	return (*a)->bytes + (*a)->used - len;
}

static void arena_drop(struct vs_arena **a)
{
	while (*a) {
		struct vs_arena *next = (*a)->next;

		free(*a);
		*a = next;
	}
}

static size_t hash(const char *id)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ (h >> 32));
}

struct vs_device *vs_fleet_at(const struct vs_fleet *f, size_t i)
{
	return &f->pieces[i / piece_len][i % piece_len];
}

static void place(struct vs_fleet *f, size_t number)
{
	size_t i = hash(vs_fleet_at(f, number)->id) & (f->slots - 1);

	while (f->table[i])
		i = (i + 1) & (f->slots - 1);
	f->table[i] = (uint32_t)(number + 1);
}

/* Half of the slots stay free. */
static vs_status grow_table(struct vs_fleet *f)
{
	size_t slots = f->slots ? 2 * f->slots : 2 * piece_len;
	uint32_t *table = calloc(slots, sizeof *table);

	if (!table)
		return VS_ERR_NOMEM;
	free(f->table);
	f->table = table;
	f->slots = slots;
	for (size_t i = 0; i < f->count; i++)
		place(f, i);
	return VS_OK;
}

/* Room for one more. */
static vs_status grow(struct vs_fleet *f)
{
	size_t n = f->cap / piece_len;

	if (f->count == f->cap) {
		struct vs_device **pieces =
			realloc(f->pieces, (n + 1) * sizeof(*pieces));

		if (!pieces)
			return VS_ERR_NOMEM;
		f->pieces = pieces;
		pieces[n] = malloc(piece_len * sizeof **pieces);
		if (!pieces[n])
			return VS_ERR_NOMEM;
		f->cap += piece_len;
	}
	return 2 * (f->count + 1) > f->slots ? grow_table(f) : VS_OK;
}

/* Copies the next word of the text, up to a blank or its end. */
static bool word(const char **text, char *out, size_t cap)
{
	size_t len = strcspn(*text, " ");

	if (!len || len >= cap)
		return false;
	memcpy(out, *text, len);
	out[len] = 0;
	*text += len + ((*text)[len] == ' ');
	return true;
}

/* An id and its ECUs' ids, one behind the other, and what they are. */
struct names {
	char text[names_max];
	size_t len;
	struct vs_device_ecu ecus[VS_ECUS_MAX];
	unsigned count;
};

static vs_status read_names(const struct vs_enrolled *e, struct names *out)
{
	const char *at = e->ecus;

	memset(out, 0, sizeof *out);
	if (strlen(e->id) >= VS_DEVICE_ID_LEN)
		return VS_ERR_INPUT;
	out->len = strlen(e->id) + 1;
	memcpy(out->text, e->id, out->len);
	while (*at) {
		struct vs_device_ecu *next = &out->ecus[out->count];
		char *id = out->text + out->len;

		if (out->count == VS_ECUS_MAX || !word(&at, id, 64) ||
		    !word(&at, next->component, sizeof next->component) ||
		    !word(&at, next->hardware, sizeof next->hardware))
			return VS_ERR_INPUT;
		out->len += strlen(id) + 1;
		out->count++;
	}
	return VS_OK;
}

/* What others have too.  Until the drop nobody gives it back but ecus, state
 * and told, which d changes.
 */
static vs_status share(struct vs_fleet *f, const struct vs_enrolled *e,
                       const struct names *n, struct vs_device *d)
{
	static const struct vs_device_state silent;
	struct vs_device_kind kind;
	const void *ecus = NULL, *state = NULL, *shared = NULL;

	memset(&kind, 0, sizeof kind);
	kind.utc_offset_min = e->utc_offset_min;
	vs_status status = vs_pool_text(&f->pool, e->site, &d->site);
	if (!status)
		status = vs_pool_text(&f->pool, e->feeder, &d->feeder);
	if (!status)
		status = vs_pool_text(&f->pool, e->model, &kind.model);
	if (!status)
		status = vs_pool_text(&f->pool, e->labels, &kind.labels);
	if (!status)
		status = vs_pool_take(&f->pool, &kind, sizeof kind, &shared);
	if (!status)
		status = vs_pool_take(&f->pool, n->ecus,
		                      n->count * sizeof *n->ecus, &ecus);
	if (!status)
		status = vs_pool_take(&f->pool, &silent, sizeof silent, &state);
	if (!status)
		status = vs_device_told_take(f, "", "", &d->told);
	d->kind = shared;
	d->ecus = ecus;
	d->state = state;
	return status;
}

static uint32_t brief(uint64_t time_s)
{
	return (uint32_t)(time_s < UINT32_MAX ? time_s : UINT32_MAX);
}

void vs_device_certify(struct vs_device *d,
                       const struct vs_device_certificate *c)
{
	memcpy(d->fingerprint, c->fingerprint, sizeof d->fingerprint);
	d->expires_s = brief(c->expires_s);
}

vs_status vs_fleet_add(struct vs_fleet *f, const struct vs_enrolled *e,
                       struct vs_device **out)
{
	struct names n;
	vs_status status = read_names(e, &n);

	*out = NULL;
	if (!status && (f->count == UINT32_MAX - 1 || e->seq > UINT32_MAX))
		status = VS_ERR_LIMIT;
	if (!status)
		status = grow(f);
	if (status)
		return status;
	struct vs_device *d = vs_fleet_at(f, f->count);
	char *text = arena_take(&f->texts, n.len);
	if (!text)
		return VS_ERR_NOMEM;
	memset(d, 0, sizeof *d);
	memcpy(text, n.text, n.len);
	d->id = text;
	d->ecu_count = n.count & 15;
	d->seq = (uint32_t)e->seq;
	d->expires_s = brief(e->expires_s);
	d->director_stale = true;
	memcpy(d->fingerprint, e->fingerprint, sizeof d->fingerprint);
	status = share(f, e, &n, d);
	if (status)
		return status;
	place(f, f->count++);
	if (d->seq > f->last_seq)
		f->last_seq = d->seq;
	*out = d;
	return VS_OK;
}

struct vs_device *vs_fleet_find(const struct vs_fleet *f, const char *id)
{
	if (!f->slots)
		return NULL;
	for (size_t i = hash(id) & (f->slots - 1); f->table[i];
	     i = (i + 1) & (f->slots - 1)) {
		struct vs_device *d = vs_fleet_at(f, f->table[i] - 1);

		if (strcmp(d->id, id) == 0)
			return d;
	}
	return NULL;
}

static int by_seq(const void *left, const void *right)
{
	const struct vs_device *a = left, *b = right;

	return (a->seq > b->seq) - (a->seq < b->seq);
}

vs_status vs_fleet_sort(struct vs_fleet *f)
{
	bool sorted = true;

	for (size_t i = 1; sorted && i < f->count; i++)
		sorted = vs_fleet_at(f, i - 1)->seq < vs_fleet_at(f, i)->seq;
	if (sorted)
		return VS_OK;
	struct vs_device *all = malloc(f->count * sizeof *all);
	if (!all)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < f->count; i++)
		memcpy(&all[i], vs_fleet_at(f, i), sizeof *all);
	qsort(all, f->count, sizeof *all, by_seq);
	memset(f->table, 0, f->slots * sizeof *f->table);
	for (size_t i = 0; i < f->count; i++) {
		memcpy(vs_fleet_at(f, i), &all[i], sizeof *all);
		place(f, i);
	}
	free(all);
	return VS_OK;
}

void vs_fleet_drop(struct vs_fleet *f)
{
	for (size_t i = 0; i < f->count; i++)
		vs_director_free(&vs_fleet_at(f, i)->director);
	for (size_t i = 0; i < f->cap / piece_len; i++)
		free(f->pieces[i]);
	free(f->pieces);
	free(f->table);
	arena_drop(&f->texts);
	vs_pool_drop(&f->pool);
	*f = (struct vs_fleet){0};
}

void vs_fleet_inherit(struct vs_fleet *f, struct vs_fleet *before)
{
	for (size_t i = 0; i < before->count; i++) {
		struct vs_device *old = vs_fleet_at(before, i);
		struct vs_device *d = vs_fleet_find(f, old->id);

		if (!d || !old->director)
			continue;
		/* One that was made anew and not committed differs. */
		d->director_stale =
			old->director_stale ||
			old->director->version != old->director_version ||
			old->director->version != d->director_version;
		d->director = old->director;
		old->director = NULL;
	}
}

const char *vs_device_ecu_id(const struct vs_device *d, size_t i)
{
	const char *at = d->id;

	for (i++; i; i--)
		at += strlen(at) + 1;
	return at;
}

vs_status vs_device_told_take(struct vs_fleet *f, const char *release,
                              const char *campaign,
                              const struct vs_device_told **out)
{
	struct vs_device_told told = {0};
	const void *copy;

	if (strlen(release) >= sizeof told.release ||
	    strlen(campaign) >= sizeof told.campaign)
		return VS_ERR_LIMIT;
	memcpy(told.release, release, strlen(release));
	memcpy(told.campaign, campaign, strlen(campaign));
	vs_status status = vs_pool_take(&f->pool, &told, sizeof told, &copy);
	if (!status)
		*out = copy;
	return status;
}

void vs_device_told_put(struct vs_fleet *f, struct vs_device *d,
                        const struct vs_device_told *told)
{
	const struct vs_device_told *old = d->told;

	d->told = told;
	d->director_stale = true;
	vs_pool_give(&f->pool, old);
}
