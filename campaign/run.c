/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/run.c - seats, their moves, and the counters that go along.
 *
 * A seat changes in vs_run_apply() and vs_run_restore() alone, so that
 * counters, grid and the list of those under way cannot drift apart.
 */
#include "campaign/run.h"

#include <assert.h>
#include <stdlib.h>

/* Sorted by device. */
struct vs_index {
	uint32_t device, place;
};

static const struct move {
	uint8_t from, cause, to;
} moves[] = {
	{VS_MEMBER_WAITING, VS_CAUSE_START,    VS_MEMBER_STARTED},
	{VS_MEMBER_WAITING, VS_CAUSE_SKIP,     VS_MEMBER_SKIPPED},
 /* withdrawn too late: it installed all the same */
	{VS_MEMBER_WAITING, VS_CAUSE_ARRIVED,  VS_MEMBER_SOAKING},
	{VS_MEMBER_WAITING, VS_CAUSE_BROKE,    VS_MEMBER_FAILED },
	{VS_MEMBER_STARTED, VS_CAUSE_ARRIVED,  VS_MEMBER_SOAKING},
	{VS_MEMBER_STARTED, VS_CAUSE_BROKE,    VS_MEMBER_FAILED },
	{VS_MEMBER_STARTED, VS_CAUSE_LATE,     VS_MEMBER_FAILED },
	{VS_MEMBER_STARTED, VS_CAUSE_WITHDRAW, VS_MEMBER_WAITING},
	{VS_MEMBER_SOAKING, VS_CAUSE_SOAKED,   VS_MEMBER_UPDATED},
	{VS_MEMBER_SOAKING, VS_CAUSE_BROKE,    VS_MEMBER_FAILED },
	{VS_MEMBER_SOAKING, VS_CAUSE_ILL,      VS_MEMBER_FAILED },
	{VS_MEMBER_SOAKING, VS_CAUSE_SILENT,   VS_MEMBER_FAILED },
 /* only who was too late; see vs_run_change() */
	{VS_MEMBER_FAILED,  VS_CAUSE_ARRIVED,  VS_MEMBER_SOAKING},
	{VS_MEMBER_FAILED,  VS_CAUSE_RETRY,    VS_MEMBER_WAITING},
};

static uint32_t brief(uint64_t s)
{
	return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

static bool under_way(uint8_t state)
{
	return state == VS_MEMBER_STARTED || state == VS_MEMBER_SOAKING;
}

void vs_run_init(struct vs_run *r, const struct vs_plan *p,
                 struct vs_grid *grid)
{
	*r = (struct vs_run){.plan = p, .grid = grid};
}

void vs_run_drop(struct vs_run *r)
{
	for (size_t i = 0; i < r->count; i++) {
		uint8_t state = r->seats[i].state;

		if (under_way(state) || state == VS_MEMBER_FAILED)
			vs_grid_count(r->grid, r->seats[i].device,
			              -(int)under_way(state),
			              -(int)(state == VS_MEMBER_FAILED));
	}
	free(r->seats);
	free(r->index);
	free(r->open);
	*r = (struct vs_run){0};
}

vs_status vs_run_add(struct vs_run *r, uint32_t device, uint16_t fits)
{
	assert(device < r->grid->count && !r->index);
	if (r->count >= UINT32_MAX - 1)
		return VS_ERR_LIMIT;
	if (r->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct vs_seat *more = realloc(r->seats, cap * sizeof *more);

		if (!more)
			return VS_ERR_NOMEM;
		r->seats = more;
		r->cap = cap;
	}
	r->seats[r->count++] = (struct vs_seat){.device = device, .fits = fits};
	return VS_OK;
}

struct ranked {
	uint64_t rank;
	struct vs_seat seat;
};

static int by_rank(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return (a->seat.device > b->seat.device) -
	       (a->seat.device < b->seat.device);
}

static int by_device(const void *left, const void *right)
{
	const struct vs_index *a = left, *b = right;

	return (a->device > b->device) - (a->device < b->device);
}

static vs_status sort(struct vs_run *r,
                      const char *(*id)(void *ctx, uint32_t device), void *ctx)
{
	size_t n = r->count ? r->count : 1;
	struct ranked *all = malloc(n * sizeof *all);

	if (!all)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < r->count; i++)
		all[i] = (struct ranked){
			vs_plan_rank(r->plan->salt,
		                     id(ctx, r->seats[i].device)),
			r->seats[i]};
	qsort(all, r->count, sizeof *all, by_rank);
	for (size_t i = 0; i < r->count; i++)
		r->seats[i] = all[i].seat;
	free(all);
	return VS_OK;
}

/* The end of a wave that goes by number, of total. */
static uint64_t end_of(const struct vs_wave *w, size_t total)
{
	uint64_t end = w->amount;

	if (w->kind == VS_WAVE_PERCENT)
		end = ((uint64_t)total * end + 99) / 100;
	return end < total ? end : total;
}

static void seat_in(struct vs_seat *s, size_t wave, uint64_t *taken)
{
	s->wave = (uint8_t)wave;
	++*taken;
}

/* Wave after wave takes those whom no earlier one took. */
static void fill_waves(struct vs_run *r)
{
	size_t total = 0, cursor = 0;
	uint64_t taken = 0;

	for (size_t i = 0; i < r->count; i++) {
		r->seats[i].wave = VS_NO_WAVE;
		total += r->seats[i].state != VS_MEMBER_SKIPPED;
	}
	for (size_t w = 0; w < r->plan->wave_count; w++) {
		bool by_filter = r->plan->waves[w].kind == VS_WAVE_FILTER;
		uint64_t end = end_of(&r->plan->waves[w], total);

		for (size_t i = by_filter ? 0 : cursor;
		     i < r->count && (by_filter || taken < end); i++) {
			struct vs_seat *s = &r->seats[i];

			if (!by_filter)
				cursor = i + 1;
			if (s->wave == VS_NO_WAVE &&
			    s->state != VS_MEMBER_SKIPPED &&
			    (!by_filter || s->fits >> w & 1))
				seat_in(s, w, &taken);
		}
	}
	for (size_t w = 0; w <= VS_WAVES_MAX; w++)
		r->waves[w] = (struct vs_tally){0};
	for (size_t i = 0; i < r->count; i++) {
		r->waves[r->seats[i].wave].size++;
		r->waves[r->seats[i].wave].n[r->seats[i].state]++;
	}
	r->refill = false;
}

vs_status vs_run_order(struct vs_run *r,
                       const char *(*id)(void *ctx, uint32_t device), void *ctx)
{
	size_t n = r->count ? r->count : 1;
	vs_status status = sort(r, id, ctx);

	if (status)
		return status;
	r->index = malloc(n * sizeof *r->index);
	r->open = malloc(n * sizeof *r->open);
	if (!r->index || !r->open)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < r->count; i++)
		r->index[i] =
			(struct vs_index){r->seats[i].device, (uint32_t)i};
	qsort(r->index, r->count, sizeof *r->index, by_device);
	fill_waves(r);
	return VS_OK;
}

size_t vs_run_find(const struct vs_run *r, uint32_t device)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->index[middle].device < device)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->count && r->index[low].device == device
	               ? r->index[low].place
	               : VS_NO_PLACE;
}

static void count_start(struct vs_run *r, uint64_t now_s)
{
	uint64_t minute = now_s / 60;
	size_t slot = (size_t)(minute % VS_STARTS_SLOTS);

	/* A minute that lies ahead is kept: the clock went back. */
	if (r->start_min[slot] < minute) {
		r->start_min[slot] = minute;
		r->starts[slot] = 0;
	}
	r->starts[slot]++;
}

static void open_add(struct vs_run *r, size_t place)
{
	r->seats[place].open_at = (uint32_t)r->open_count;
	r->open[r->open_count++] = (uint32_t)place;
}

static void open_remove(struct vs_run *r, size_t place)
{
	uint32_t at = r->seats[place].open_at;
	uint32_t last = r->open[--r->open_count];

	r->open[at] = last;
	r->seats[last].open_at = at;
}

/* In millionths; who had none before had half a fault, for all one knows. */
static uint64_t expected(uint64_t before, uint64_t after_s, uint64_t before_s)
{
	uint64_t halves = before ? 2 * before : 1;

	/* Both times are below 2^32, so nothing overflows in doubles, and the
	 * same seat always gives the same number. */
	return (uint64_t)(500000.0 * (double)halves * (double)after_s /
	                  (double)before_s);
}

/* A seat's part in the sums of faults; sign 1 or -1. */
static void count_faults(struct vs_run *r, const struct vs_seat *s, int sign)
{
	uint64_t one = sign > 0 ? 1 : UINT64_MAX; /* modulo 2^64 */
	uint64_t after_s = s->seen_s - s->base_s, expected_u;

	if (!s->has_base ||
	    (s->state != VS_MEMBER_SOAKING && s->state != VS_MEMBER_UPDATED))
		return;
	/* A burst within the first second is one too. */
	expected_u =
		expected(s->before_faults, after_s ? after_s : 1, s->before_s);
	r->faults.after += one * s->after_faults;
	r->faults.after_s += one * after_s;
	r->faults.expected_u += one * expected_u;
	r->faults.spread_u +=
		one * (expected_u / s->before_s * after_s +
	               expected_u % s->before_s * after_s / s->before_s);
}

static void swap_seat(struct vs_run *r, size_t place,
                      const struct vs_seat *next)
{
	struct vs_seat *s = &r->seats[place];
	struct vs_tally *t = &r->waves[s->wave];
	uint8_t was = s->state, is = next->state;

	count_faults(r, s, -1);
	if (under_way(was) && !under_way(is))
		open_remove(r, place);
	uint32_t open_at = s->open_at;
	uint8_t wave = s->wave;
	*s = *next;
	s->open_at = open_at;
	s->wave = wave;
	if (!under_way(was) && under_way(is))
		open_add(r, place);
	t->n[was]--;
	t->n[is]++;
	int busy = under_way(is) - under_way(was);
	int failed = (is == VS_MEMBER_FAILED) - (was == VS_MEMBER_FAILED);
	if (busy || failed)
		vs_grid_count(r->grid, s->device, busy, failed);
	count_faults(r, s, 1);
	if ((was == VS_MEMBER_SKIPPED) != (is == VS_MEMBER_SKIPPED))
		r->refill = true;
	if (is == VS_MEMBER_WAITING && place < r->cursor)
		r->cursor = place;
}

/* What the device's counter says since the soak began. */
static void see_faults(const struct vs_run *r, struct vs_seat *s)
{
	const struct vs_grid_device *d = &r->grid->devices[s->device];

	if (!s->has_base || d->last_report_s < s->base_s)
		return;
	s->seen_s = d->last_report_s;
	/* Below the base: it began anew with the new image. */
	s->after_faults = d->faults >= s->base_faults
	                          ? d->faults - s->base_faults
	                          : d->faults;
}

void vs_run_restore(struct vs_run *r, size_t place, const struct vs_seat *kept)
{
	struct vs_seat next = *kept;

	next.device = r->seats[place].device;
	next.fits = r->seats[place].fits;
	see_faults(r, &next);
	swap_seat(r, place, &next);
	if (next.started_s)
		count_start(r, next.started_s);
}

void vs_run_restored(struct vs_run *r)
{
	fill_waves(r);
}

static void begin_soak(const struct vs_run *r, struct vs_seat *s)
{
	const struct vs_grid_device *d = &r->grid->devices[s->device];

	s->base_s = s->seen_s = s->since_s;
	s->after_faults = 0;
	s->has_base = d->has_faults && s->before_s;
	s->base_faults = d->faults;
}

/* What it had been like, up to the moment at which it is told. */
static void note_before(const struct vs_run *r, struct vs_seat *s)
{
	const struct vs_grid_device *d = &r->grid->devices[s->device];

	s->before_s = 0;
	s->before_faults = 0;
	if (!d->has_faults || d->last_report_s <= d->old_s)
		return;
	s->before_s = d->last_report_s - d->old_s;
	s->before_faults = d->faults - d->old_faults;
}

vs_status vs_run_change(const struct vs_run *r, size_t place,
                        enum vs_cause cause, uint64_t now_s,
                        struct vs_change *out)
{
	const struct vs_seat *s = &r->seats[place];
	size_t i = 0, n = sizeof moves / sizeof *moves;

	while (i < n && (moves[i].from != s->state || moves[i].cause != cause))
		i++;
	if (i == n)
		return VS_ERR_STATE;
	if (s->state == VS_MEMBER_FAILED && cause == VS_CAUSE_ARRIVED &&
	    s->cause != VS_CAUSE_LATE && s->cause != VS_CAUSE_SILENT)
		return VS_ERR_STATE;
	if (s->state == VS_MEMBER_WAITING &&
	    (cause == VS_CAUSE_ARRIVED || cause == VS_CAUSE_BROKE) &&
	    !s->attempts)
		return VS_ERR_STATE;
	if (cause == VS_CAUSE_RETRY && s->attempts >= VS_ATTEMPTS_MAX)
		return VS_ERR_STATE;
	*out = (struct vs_change){place, cause, *s};
	out->next.state = moves[i].to;
	out->next.cause = (uint8_t)cause;
	out->next.since_s = brief(now_s);
	if (cause == VS_CAUSE_START) {
		out->next.started_s = brief(now_s);
		out->next.attempts++;
		out->next.past = false;
		note_before(r, &out->next);
	} else if (cause == VS_CAUSE_ARRIVED) {
		begin_soak(r, &out->next);
	}
	return VS_OK;
}

void vs_run_apply(struct vs_run *r, const struct vs_change *c)
{
	if (c->cause == VS_CAUSE_START)
		count_start(r, c->next.started_s);
	swap_seat(r, c->place, &c->next);
}

void vs_run_reported(struct vs_run *r, size_t place, bool past)
{
	struct vs_seat *s = &r->seats[place];

	s->past = past;
	count_faults(r, s, -1);
	see_faults(r, s);
	count_faults(r, s, 1);
}

static uint64_t since(uint64_t now_s, uint64_t then_s)
{
	return now_s > then_s ? now_s - then_s : 0;
}

/* Only a report from the end of the soak time or later shows that the charger
 * stayed healthy through it: one that went silent has not.
 */
static enum vs_cause due(const struct vs_run *r, const struct vs_seat *s,
                         uint64_t now_s)
{
	const struct vs_plan *p = r->plan;
	const struct vs_grid_device *d = &r->grid->devices[s->device];
	uint64_t age_s = since(now_s, s->since_s);
	bool reported = d->last_report_s >= s->since_s;

	if (s->state == VS_MEMBER_STARTED)
		return p->timeout_s && age_s >= p->timeout_s ? VS_CAUSE_LATE
		                                             : VS_CAUSE_NONE;
	if (reported && d->ill)
		return VS_CAUSE_ILL;
	if (reported && age_s >= p->soak_s &&
	    d->last_report_s - s->since_s >= p->soak_s)
		return VS_CAUSE_SOAKED;
	if (p->timeout_s && age_s >= (uint64_t)p->soak_s + p->timeout_s)
		return VS_CAUSE_SILENT;
	return VS_CAUSE_NONE;
}

bool vs_run_due(const struct vs_run *r, uint64_t now_s, size_t *iter,
                struct vs_change *out)
{
	while (*iter < r->open_count) {
		size_t place = r->open[(*iter)++];
		enum vs_cause cause = due(r, &r->seats[place], now_s);

		/* Never another status: the table has each of these rows. */
		if (cause != VS_CAUSE_NONE &&
		    !vs_run_change(r, place, cause, now_s, out))
			return true;
	}
	return false;
}

static const char *const state_names[VS_MEMBER_STATES] = {
	[VS_MEMBER_WAITING] = "waiting", [VS_MEMBER_STARTED] = "started",
	[VS_MEMBER_SOAKING] = "soaking", [VS_MEMBER_UPDATED] = "updated",
	[VS_MEMBER_FAILED] = "failed",   [VS_MEMBER_SKIPPED] = "skipped",
};

static const char *const cause_names[VS_CAUSES] = {
	[VS_CAUSE_NONE] = "",
	[VS_CAUSE_START] = "told",
	[VS_CAUSE_ARRIVED] = "arrived",
	[VS_CAUSE_BROKE] = "broke",
	[VS_CAUSE_LATE] = "late",
	[VS_CAUSE_SOAKED] = "soaked",
	[VS_CAUSE_ILL] = "ill",
	[VS_CAUSE_SILENT] = "silent",
	[VS_CAUSE_WITHDRAW] = "withdrawn",
	[VS_CAUSE_RETRY] = "retry",
	[VS_CAUSE_SKIP] = "skipped",
};

const char *vs_member_state_name(enum vs_member_state s)
{
	return (unsigned)s < VS_MEMBER_STATES ? state_names[s] : "unknown";
}

const char *vs_cause_name(enum vs_cause c)
{
	return (unsigned)c < VS_CAUSES ? cause_names[c] : "unknown";
}
