/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/rollout_zone.c - reading TZif.
 *
 * The file's own list of changes is used, which Debian's go on to 2037; the
 * rule in its footer, for the years after, is not.
 */
#include "server/fleet/rollout_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"

#define ZONES "/usr/share/zoneinfo/"

enum { header_len = 44, file_max = 64 * 1024, changes_max = 2000 };
enum { types_max = 256, type_len = 6, offset_max_s = 26 * 3600 };

struct vs_rollout_zone {
	char name[VS_ZONE_NAME_LEN];
	int32_t offset_min; /* of one without a name */
	struct vs_zone zone;
	struct vs_zone_change *changes; /* owned; zone's */
	struct vs_rollout_zone *next;
};

/* The counts of a header, in the file's order. */
struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const uint8_t *p)
{
	uint64_t n = (uint64_t)be32(p) << 32 | be32(p + 4);

	/* As two's complement says, without a cast that leaves it open. */
	return n <= INT64_MAX ? (int64_t)n : -(int64_t)~n - 1;
}

static vs_status bad(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

static vs_status read_header(const uint8_t *in, size_t len, size_t at,
                             struct counts *c, struct vs_why *why)
{
	if (len - at < header_len || memcmp(in + at, "TZif", 4) != 0)
		return bad(why, "no TZif header", at);
	if (in[at + 4] < '2')
		return bad(why, "TZif version 1", at + 4);
	*c = (struct counts){be32(in + at + 20), be32(in + at + 24),
	                     be32(in + at + 28), be32(in + at + 32),
	                     be32(in + at + 36), be32(in + at + 40)};
	if (c->time > changes_max || c->type == 0 || c->type > types_max ||
	    c->chars > 4096 || c->leap > 4096 || c->isut > types_max ||
	    c->isstd > types_max)
		return bad(why, "TZif counts out of bounds", at + 20);
	return VS_OK;
}

static size_t block_len(const struct counts *c, size_t time_len)
{
	return c->time * (time_len + 1) + c->type * (size_t)type_len +
	       c->chars + c->leap * (time_len + 4) + c->isstd + c->isut;
}

static vs_status read_block(const uint8_t *in, const struct counts *c,
                            struct vs_zone_change **out, struct vs_why *why)
{
	const uint8_t *types = in + c->time * (size_t)8;
	const uint8_t *infos = types + c->time;
	struct vs_zone_change *at = calloc(c->time + 1, sizeof *at);

	if (!at)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	for (uint32_t i = 0; i <= c->time; i++) {
		uint32_t type = i ? types[i - 1] : 0;

		at[i].from_s = i ? be64(in + (i - 1) * (size_t)8) : INT64_MIN;
		if (type >= c->type ||
		    (i && at[i].from_s <= at[i - 1].from_s)) {
			free(at);
			return bad(why, "TZif changes out of order", i);
		}
		at[i].offset_s = (int32_t)be32(infos + type * (size_t)type_len);
		if (at[i].offset_s < -offset_max_s ||
		    at[i].offset_s > offset_max_s) {
			free(at);
			return bad(why, "TZif offset out of bounds", i);
		}
	}
	*out = at;
	return VS_OK;
}

vs_status vs_zone_decode(const uint8_t *in, size_t len,
                         struct vs_zone_change **out, size_t *count,
                         struct vs_why *why)
{
	struct counts c = {0};
	vs_status status = read_header(in, len, 0, &c, why);

	*out = NULL;
	if (status)
		return status;
	size_t second = header_len + block_len(&c, 4);
	if (second > len)
		return bad(why, "TZif ends early", len);
	status = read_header(in, len, second, &c, why);
	if (status)
		return status;
	if (block_len(&c, 8) > len - second - header_len)
		return bad(why, "TZif ends early", len);
	*count = (size_t)c.time + 1;
	return read_block(in + second + header_len, &c, out, why);
}

bool vs_zone_name_ok(const char *text)
{
	static const char fit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789_+-/";
	size_t len = strlen(text);

	return len && len < VS_ZONE_NAME_LEN && strspn(text, fit) == len &&
	       text[0] != '/' && text[len - 1] != '/' && !strstr(text, "//");
}

static vs_status read_file(const char *name, struct vs_zone_change **out,
                           size_t *count)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	char path[sizeof ZONES + VS_ZONE_NAME_LEN];
	struct vs_why why;
	size_t len;

	if (!vs_zone_name_ok(name))
		return VS_ERR_ABSENT;
	snprintf(path, sizeof path, ZONES "%s", name);
	vs_status status = vs_file_read(path, file_max, &bytes, &len);
	if (status)
		return status == VS_ERR_NOMEM ? status : VS_ERR_ABSENT;
	return vs_zone_decode(bytes, len, out, count, &why);
}

bool vs_zone_known(const char *name)
{
	struct vs_zone_change *changes = NULL;
	size_t count;
	bool known = read_file(name, &changes, &count) == VS_OK;

	free(changes);
	return known;
}

static vs_status fixed(int32_t offset_min, struct vs_zone_change **out,
                       size_t *count)
{
	*out = calloc(1, sizeof **out);
	if (!*out)
		return VS_ERR_NOMEM;
	**out = (struct vs_zone_change){INT64_MIN, offset_min * 60};
	*count = 1;
	return VS_OK;
}

static vs_status make(const char *name, int32_t offset_min,
                      struct vs_rollout_zone **out)
{
	struct vs_rollout_zone *z = calloc(1, sizeof *z);
	vs_status status = z ? VS_OK : VS_ERR_NOMEM;

	*out = z;
	if (status)
		return status;
	snprintf(z->name, sizeof z->name, "%s", name);
	z->offset_min = offset_min;
	if (name[0])
		status = read_file(name, &z->changes, &z->zone.count);
	else
		status = fixed(offset_min, &z->changes, &z->zone.count);
	z->zone.at = z->changes;
	return status;
}

vs_status vs_rollout_zone_take(struct vs_rollout_zones *all, const char *name,
                               int32_t offset_min, const struct vs_zone **out)
{
	struct vs_rollout_zone *z = all->first;

	while (z && (strcmp(z->name, name) != 0 ||
	             (!name[0] && z->offset_min != offset_min)))
		z = z->next;
	if (!z) {
		vs_status status = make(name, offset_min, &z);

		if (status) {
			free(z);
			return status;
		}
		z->next = all->first;
		all->first = z;
	}
	*out = &z->zone;
	return VS_OK;
}

void vs_rollout_zones_drop(struct vs_rollout_zones *all)
{
	while (all->first) {
		struct vs_rollout_zone *z = all->first;

		all->first = z->next;
		free(z->changes);
		free(z);
	}
}
