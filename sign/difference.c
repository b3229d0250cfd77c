/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/difference.c - a proposal against what is in force, value by value.
 */
#include "sign/difference.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "sign/say.h"
#include "sign/subject.h"
#include "trust/json.h"

enum { place_max = 512 };

/* Where in a document the walk is. */
struct place {
	struct vs_buffer *out;
	vs_status status; /* the first failure; nothing is written after it */
	char sign;        /* '-' or '+' */
	size_t len;
	char text[place_max];
};

static size_t enter(struct place *at, const char *name)
{
	size_t before = at->len;
	char quoted[128];
	int n = snprintf(at->text + at->len, sizeof at->text - at->len, "%s%s",
	                 at->len ? "." : "",
	                 vs_log_quote(name, quoted, sizeof quoted));

	if (n < 0 || (size_t)n >= sizeof at->text - at->len)
		at->status = VS_ERR_LIMIT;
	else
		at->len += (size_t)n;
	return before;
}

static void leave(struct place *at, size_t before)
{
	at->len = before;
	at->text[before] = 0;
}

static void line(struct place *at, const json_t *value)
{
	/* ASCII, so that no value moves the cursor */
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII |
	                                       JSON_SORT_KEYS | JSON_COMPACT);

	if (!text && !at->status)
		at->status = VS_ERR_NOMEM;
	if (!at->status)
		at->status = vs_buffer_printf(at->out, "  %c %s: %s\n",
		                              at->sign, at->text, text);
	free(text);
}

/* Every value below v. */
static void whole(struct place *at, json_t *v, char sign)
{
	const char *name;
	json_t *one;

	at->sign = sign;
	if (!v)
		return;
	if (!json_is_object(v)) {
		line(at, v);
		return;
	}
	json_object_foreach(v, name, one)
	{
		size_t before = enter(at, name);

		whole(at, one, sign);
		leave(at, before);
	}
}

static json_t *find(const json_t *list, const json_t *like)
{
	const json_t *name = json_object_get(like, "name");
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (name ? json_equal(json_object_get(one, "name"), name)
		         : json_equal(one, like))
			return one;
	}
	return NULL;
}

static void compare(struct place *at, json_t *was, json_t *now);

/* A delegated role is known by its name, a key id by itself. */
static void compare_lists(struct place *at, json_t *was, json_t *now)
{
	json_t *one;
	size_t i;

	json_array_foreach(was, i, one)
	{
		if (!find(now, one))
			whole(at, one, '-');
	}
	json_array_foreach(now, i, one)
	{
		const char *name =
			json_string_value(json_object_get(one, "name"));
		size_t before = name ? enter(at, name) : at->len;
		json_t *old = find(was, one);

		if (old)
			compare(at, old, one);
		else
			whole(at, one, '+');
		leave(at, before);
	}
}

static void compare_objects(struct place *at, json_t *was, json_t *now)
{
	const char *name;
	json_t *one;

	json_object_foreach(was, name, one)
	{
		size_t before = enter(at, name);

		compare(at, one, json_object_get(now, name));
		leave(at, before);
	}
	json_object_foreach(now, name, one)
	{
		size_t before = enter(at, name);

		if (!json_object_get(was, name))
			whole(at, one, '+');
		leave(at, before);
	}
}

static void compare(struct place *at, json_t *was, json_t *now)
{
	if (at->status || json_equal(was, now))
		return;
	if (json_is_object(was) && json_is_object(now)) {
		compare_objects(at, was, now);
	} else if (json_is_array(was) && json_is_array(now)) {
		compare_lists(at, was, now);
	} else {
		whole(at, was, '-');
		whole(at, now, '+');
	}
}

/* Members in the order of their names, however they were made. */
static vs_status sorted(const struct vs_envelope *e, json_t **out)
{
	char *text;
	vs_status status = VS_ERR_NOMEM;

	*out = NULL;
	if (!e->body)
		return VS_OK;
	text = json_dumps(e->body, JSON_SORT_KEYS | JSON_COMPACT);
	if (text)
		status = vs_json_parse(text, strlen(text), strlen(text), out,
		                       NULL);
	free(text);
	return status;
}

static vs_status metadata(struct place *at, const struct vs_room *r,
                          const struct vs_document *d)
{
	struct vs_envelope in_force = {0};
	VS_AUTO(vs_json_drop) json_t *was = NULL;
	VS_AUTO(vs_json_drop) json_t *now = NULL;
	vs_status status =
		vs_room_metadata(r, d->repository, d->role, &in_force);

	if (status == VS_ERR_ABSENT)
		status = VS_OK;
	if (!status)
		status = sorted(&in_force, &was);
	if (!status)
		status = sorted(&d->envelope, &now);
	if (!status && !was)
		was = json_object();
	if (!status)
		compare(at, was, now);
	vs_envelope_drop(&in_force);
	return status ? status : at->status;
}

static bool in_ring(const struct vs_keyring *ring, const uint8_t *id)
{
	for (size_t i = 0; i < ring->key_count; i++)
		if (memcmp(ring->keys[i].id, id, VS_SHA256_LEN) == 0)
			return true;
	return false;
}

static bool covers(const struct vs_keyring *ring, const char *component)
{
	for (size_t i = 0; i < ring->component_count; i++)
		if (strcmp(ring->components[i], component) == 0)
			return true;
	return false;
}

/* What a has and b has not. */
static void ring_side(struct place *at, char sign, const struct vs_keyring *a,
                      const struct vs_keyring *b)
{
	char hex[65];

	for (size_t i = 0; i < a->key_count && !at->status; i++) {
		if (in_ring(b, a->keys[i].id))
			continue;
		vs_hex_encode(a->keys[i].id, VS_SHA256_LEN, hex);
		at->status =
			vs_buffer_printf(at->out, "  %c key: %s\n", sign, hex);
	}
	for (size_t i = 0; i < a->component_count && !at->status; i++)
		if (!covers(b, a->components[i]))
			at->status = vs_buffer_printf(at->out,
			                              "  %c component: %s\n",
			                              sign, a->components[i]);
	if (!at->status && a->key_count &&
	    (a->threshold != b->threshold ||
	     a->lms_threshold != b->lms_threshold))
		at->status = vs_buffer_printf(
			at->out, "  %c threshold: %u, LMS %u\n", sign,
			a->threshold, a->lms_threshold);
}

static vs_status keyring(struct place *at, const struct vs_room *r,
                         const struct vs_document *d)
{
	struct vs_keyring was = {0};
	vs_status status = vs_room_keyring(r, &was);

	if (status && status != VS_ERR_ABSENT)
		return status;
	ring_side(at, '-', &was, &d->ring);
	ring_side(at, '+', &d->ring, &was);
	return at->status;
}

static vs_status seal(struct place *at, const struct vs_image *image)
{
	const struct vs_seal_header *h = &image->seal.header;
	char root[65], salt[2 * VS_SALT_LEN + 1];

	vs_hex_encode(h->root_hash, VS_SHA256_LEN, root);
	vs_hex_encode(h->salt, VS_SALT_LEN, salt);
	for (size_t i = 0; i < VS_HARDWARE_MAX && h->hardware[i][0]; i++)
		if (vs_buffer_printf(at->out, "  + hardware: %s\n",
		                     h->hardware[i]))
			return VS_ERR_LIMIT;
	for (size_t i = 0; i < image->requires.count; i++)
		if (vs_buffer_printf(at->out, "  + requires: %s %s\n",
		                     image->requires.at[i].component,
		                     image->requires.at[i].least))
			return VS_ERR_LIMIT;
	return vs_buffer_printf(at->out,
	                        "  + version: %s\n  + release_seq: %" PRIu64
	                        "\n  + security_version: %" PRIu32
	                        "\n  + image_len: %" PRIu64
	                        "\n  + salt: %s\n  + root_hash: %s\n",
	                        h->version, h->release_seq, h->security_version,
	                        h->image_len, salt, root);
}

static vs_status title(struct vs_buffer *out, const struct vs_subject *s)
{
	return vs_buffer_printf(out, "%s\n  bytes %zu, SHA-256 %s\n", s->name,
	                        s->len, s->sha256);
}

static vs_status one_document(struct place *at, const struct vs_room *r,
                              const struct vs_document *d)
{
	struct vs_subject s;
	vs_status status = vs_subject_document(d, &s);

	if (!status)
		status = title(at->out, &s);
	if (status)
		return status;
	return strcmp(d->repository, VS_BOOT) == 0 ? keyring(at, r, d)
	                                           : metadata(at, r, d);
}

vs_status vs_difference(const struct vs_room *r, const struct vs_proposal *p,
                        struct vs_buffer *out)
{
	vs_status status = vs_buffer_printf(out, "proposal %s\n", p->name);

	for (size_t i = 0; i < p->image_count && !status; i++) {
		struct place at = {.out = out};
		struct vs_subject s;

		status = vs_subject_image(&p->images[i], &s);
		if (!status)
			status = title(out, &s);
		if (!status)
			status = seal(&at, &p->images[i]);
	}
	for (size_t i = 0; i < p->document_count && !status; i++) {
		struct place at = {.out = out};

		if (p->documents[i].present)
			status = one_document(&at, r, &p->documents[i]);
	}
	return status ? vs_say_io(status, p->dir) : VS_OK;
}
