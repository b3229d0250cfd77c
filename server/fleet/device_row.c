/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/device_row.c - a charger's last report, to rows and back.
 */
#include "server/fleet/device_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "trust/json.h"

enum { text_max = 4096 };

#define AT(member) offsetof(struct vs_device_state, member)

/* What is zero or empty is left out: most of it is. */
static const struct {
	const char *name;
	size_t at, len;
} texts[] = {
	{"status", AT(status), 32 },
	{"phase",  AT(phase),  32 },
	{"detail", AT(detail), 160},
	{"about",  AT(about),  128},
};

static const struct {
	const char *name;
	size_t at;
} numbers[] = {
	{"director_trusted", AT(director_trusted) },
	{"campaign_seq",     AT(campaign_seq)     },
	{"bytes_total",      AT(bytes_total)      },
	{"due",              AT(watch.due_since_s)},
};

static const struct {
	const char *name;
	size_t at;
} flags[] = {
	{"healthy",   AT(healthy)  },
	{"charging",  AT(charging) },
	{"trial",     AT(trial)    },
	{"fell_back", AT(fell_back)},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static int put(json_t *o, const char *name, uint64_t n)
{
	return n ? json_object_set_new(o, name, json_integer((json_int_t)n))
	         : 0;
}

static int put_reason(json_t *o, const char *name, vs_reason reason)
{
	return reason ? json_object_set_new(o, name,
	                                    json_string(vs_reason_name(reason)))
	              : 0;
}

static int put_watch(json_t *o, const struct vs_watch *w)
{
	json_t *floors = json_array();
	size_t count = VS_ECUS_MAX;
	int bad = json_object_set_new(o, "floors", floors);

	while (count && !w->floors[count - 1])
		count--;
	for (size_t i = 0; !bad && i < count; i++)
		bad = json_array_append_new(floors, json_integer(w->floors[i]));
	for (int i = 0; !bad && i < VS_FLAGS; i++)
		bad = put(o, vs_flag_name((enum vs_flag)i), w->since_s[i]);
	return bad || put(o, "epoch", w->epoch);
}

vs_status vs_device_said_write(const struct vs_device_state *s, char **out)
{
	const char *base = (const char *)s;
	VS_AUTO(vs_json_drop) json_t *o = json_object();
	int bad = !o || put_reason(o, "reason", s->reason) ||
	          put_reason(o, "fallback_reason", s->fallback_reason) ||
	          json_object_set_new(o, "slot", json_integer(s->slot)) ||
	          put_watch(o, &s->watch);

	for (size_t i = 0; !bad && i < COUNT(texts); i++)
		if (base[texts[i].at])
			bad = json_object_set_new(
				o, texts[i].name,
				json_string(base + texts[i].at));
	for (size_t i = 0; !bad && i < COUNT(numbers); i++) {
		uint64_t n;

		memcpy(&n, base + numbers[i].at, sizeof n);
		bad = put(o, numbers[i].name, n);
	}
	for (size_t i = 0; !bad && i < COUNT(flags); i++)
		bad = put(o, flags[i].name, base[flags[i].at] != 0);
	*out = bad ? NULL : json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

static vs_status bad_row(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

static uint64_t get(const json_t *o, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(o, name));

	return n < 0 ? 0 : (uint64_t)n;
}

static vs_status get_reason(const json_t *o, const char *name, vs_reason *out,
                            struct vs_why *why)
{
	const char *word = json_string_value(json_object_get(o, name));
	vs_reason r = VS_REASON_NONE;

	while (word && r < VS_REASON_COUNT &&
	       strcmp(vs_reason_name(r), word) != 0)
		r++;
	if (r == VS_REASON_COUNT)
		return bad_row(why, "charger_state: reason");
	*out = r;
	return VS_OK;
}

static vs_status get_watch(const json_t *o, struct vs_watch *w,
                           struct vs_why *why)
{
	const json_t *floors = json_object_get(o, "floors");
	uint64_t epoch = get(o, "epoch");

	if (json_array_size(floors) > VS_ECUS_MAX || epoch > UINT32_MAX)
		return bad_row(why, "charger_state: watch");
	w->epoch = (uint32_t)epoch;
	for (size_t i = 0; i < json_array_size(floors); i++)
		w->floors[i] =
			(uint32_t)json_integer_value(json_array_get(floors, i));
	for (int i = 0; i < VS_FLAGS; i++)
		w->since_s[i] = get(o, vs_flag_name((enum vs_flag)i));
	return VS_OK;
}

vs_status vs_device_said_read(const char *text, struct vs_device_state *s,
                              struct vs_why *why)
{
	char *base = (char *)s;
	VS_AUTO(vs_json_drop) json_t *o = NULL;
	vs_status status = vs_json_parse(text, strlen(text), text_max, &o, why);

	memset(s, 0, sizeof *s);
	for (size_t i = 0; !status && i < COUNT(texts); i++) {
		const char *t =
			json_string_value(json_object_get(o, texts[i].name));

		if (t && strlen(t) >= texts[i].len)
			status = bad_row(why, texts[i].name);
		else if (t)
			memcpy(base + texts[i].at, t, strlen(t));
	}
	for (size_t i = 0; !status && i < COUNT(numbers); i++) {
		uint64_t n = get(o, numbers[i].name);

		memcpy(base + numbers[i].at, &n, sizeof n);
	}
	for (size_t i = 0; !status && i < COUNT(flags); i++) {
		bool set = get(o, flags[i].name) != 0;

		memcpy(base + flags[i].at, &set, sizeof set);
	}
	if (!status)
		status = get_reason(o, "reason", &s->reason, why);
	if (!status)
		status = get_reason(o, "fallback_reason", &s->fallback_reason,
		                    why);
	s->slot = (int)json_integer_value(json_object_get(o, "slot"));
	return status ? status : get_watch(o, &s->watch, why);
}

vs_status vs_device_runs_write(const struct vs_device_ecu *ecus, size_t count,
                               char **out)
{
	VS_AUTO(vs_json_drop) json_t *all = json_array();
	int bad = !all;

	for (size_t i = 0; !bad && i < count; i++) {
		const struct vs_device_ecu *e = &ecus[i];
		char seal[17];

		snprintf(seal, sizeof seal, "%016" PRIx64, e->seal);
		bad = json_array_append_new(
			all, json_pack("[s, I, I, s]", e->version,
		                       (json_int_t)e->release_seq,
		                       (json_int_t)e->floor, seal));
	}
	*out = bad ? NULL : json_dumps(all, JSON_COMPACT);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

vs_status vs_device_runs_read(const char *text, struct vs_device_ecu *ecus,
                              size_t count, struct vs_why *why)
{
	VS_AUTO(vs_json_drop)
	json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (json_array_size(all) != count)
		return bad_row(why, "charger_state: runs");
	for (size_t i = 0; i < count; i++) {
		struct vs_device_ecu *e = &ecus[i];
		const char *version, *seal;
		json_int_t seq, floor;

		if (json_unpack(json_array_get(all, i), "[s, I, I, s]",
		                &version, &seq, &floor, &seal) ||
		    strlen(version) >= sizeof e->version || seq < 0 ||
		    floor < 0 || floor > UINT32_MAX)
			return bad_row(why, "charger_state: runs");
		memset(e->version, 0, sizeof e->version);
		memcpy(e->version, version, strlen(version));
		e->release_seq = (uint64_t)seq;
		e->floor = (uint32_t)floor;
		e->seal = strtoull(seal, NULL, 16);
	}
	return VS_OK;
}

/* Nothing but numbers, for most reports say what the one before said. */
static vs_status store_numbers(struct vs_store *s, const struct vs_device *d)
{
	const struct vs_value row[] = {
		vs_text(d->id), vs_uint(d->counter), vs_uint(d->received_s),
		vs_uint(d->faults), vs_uint(vs_device_fetched(d))};

	return vs_store_query(s,
	                      "UPDATE charger_state SET counter = ?2, "
	                      "received_s = ?3, faults = ?4, fetched = ?5 "
	                      "WHERE device = ?1",
	                      row, 5, NULL, NULL);
}

static vs_status store_all(struct vs_store *s, const struct vs_device_next *n)
{
	const struct vs_device *d = &n->device;
	VS_AUTO(vs_free_drop) char *runs = NULL;
	VS_AUTO(vs_free_drop) char *said = NULL;
	vs_status status = vs_device_runs_write(n->ecus, d->ecu_count, &runs);

	if (!status)
		status = vs_device_said_write(&n->state, &said);
	if (status)
		return status;
	const struct vs_value row[] = {vs_text(d->id),
	                               vs_uint(d->counter),
	                               vs_uint(d->received_s),
	                               vs_uint(d->faults),
	                               vs_uint(vs_device_fetched(d)),
	                               vs_text(runs),
	                               vs_text(said)};
	return vs_store_query(
		s,
		"INSERT INTO charger_state (device, counter, received_s, "
		"faults, fetched, runs, said) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
		"ON CONFLICT (device) DO UPDATE SET "
		"counter = excluded.counter, received_s = excluded.received_s, "
		"faults = excluded.faults, fetched = excluded.fetched, "
		"runs = excluded.runs, said = excluded.said",
		row, 7, NULL, NULL);
}

bool vs_device_state_same(const struct vs_device_state *a,
                          const struct vs_device_state *b)
{
	const void *one = a, *other = b;

	return memcmp(one, other, sizeof *a) == 0;
}

vs_status vs_device_state_store(struct vs_store *s,
                                const struct vs_device_next *n,
                                const struct vs_device *was)
{
	bool same =
		was->counter && vs_device_state_same(&n->state, was->state) &&
		memcmp(n->ecus, was->ecus, was->ecu_count * sizeof *n->ecus) ==
			0;

	return same ? store_numbers(s, &n->device) : store_all(s, n);
}

static vs_status reread(const struct vs_report_kept *k, const char *pem,
                        struct vs_report *out, struct vs_why *why)
{
	struct vs_device_certificate c;
	vs_status status = vs_device_certificate_read(pem, k->id, &c, why);

	if (!status)
		status = vs_report_decode(k->body, k->len, &c.key, out, why);
	vs_device_certificate_drop(&c);
	return status;
}

vs_status vs_report_reread(const struct vs_report_kept *k,
                           struct vs_report *out, struct vs_why *why)
{
	vs_status status = reread(k, k->pem, out, why);

	return status == VS_ERR_REFUSED && *k->pem_before
	               ? reread(k, k->pem_before, out, why)
	               : status;
}
