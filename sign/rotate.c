/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/rotate.c - boot keyrings that follow one another.
 */
#include "sign/rotate.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "sign/derive.h"
#include "sign/say.h"

void vs_rings_drop(struct vs_rings *rings)
{
	free(rings->at);
	*rings = (struct vs_rings){0};
}

static vs_status open_next(const struct vs_crypto *crypto, const char *path,
                           const uint8_t *bytes, size_t len,
                           struct vs_rings *out)
{
	struct vs_why why = {0};
	const struct vs_keyring *before =
		out->count ? &out->at[out->count - 1] : NULL;

	if (out->count == VS_RINGS_MAX) {
		vs_error("%s: more than %d keyrings", path, VS_RINGS_MAX);
		return VS_ERR_LIMIT;
	}
	vs_status status = vs_keyring_open(before, crypto, bytes, len,
	                                   &out->at[out->count], &why);
	if (status)
		return vs_say_why(status, path, &why);
	out->count++;
	return VS_OK;
}

static vs_status load_in_force(const struct vs_room *r,
                               const struct vs_crypto *crypto,
                               struct vs_rings *out)
{
	uint64_t last = vs_room_version(r, VS_BOOT, VS_KEYRING);
	vs_status status = VS_OK;

	for (uint64_t version = 1; version <= last && !status; version++) {
		char path[PATH_MAX];
		VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
		size_t len;

		status = vs_room_file(r, VS_BOOT, VS_KEYRING, version, path);
		if (status)
			return status;
		status = vs_file_read(path, VS_KEYRING_LEN_MAX, &bytes, &len);
		if (status)
			return vs_say_io(status, path);
		status = open_next(crypto, path, bytes, len, out);
	}
	return status;
}

vs_status vs_rings_load(const struct vs_room *r, struct vs_proposal *p,
                        struct vs_rings *out)
{
	const struct vs_document *d =
		p ? vs_proposal_document(p, VS_BOOT, VS_KEYRING) : NULL;
	struct vs_crypto crypto;

	*out = (struct vs_rings){
		.at = calloc(VS_RINGS_MAX, sizeof(struct vs_keyring))};
	if (!out->at)
		return vs_say_io(VS_ERR_NOMEM, r->dir);
	vs_status status = vs_openssl_init(&crypto);
	if (status)
		return vs_say_io(status, r->dir);
	status = load_in_force(r, &crypto, out);
	if (!status && d && d->version == out->count + 1)
		status = open_next(&crypto, d->path, d->bytes, d->len, out);
	vs_openssl_drop(&crypto);
	if (!status && !out->count) {
		vs_error("%s: boot keyring: nothing is in force yet", r->dir);
		status = VS_ERR_ABSENT;
	}
	return status;
}

static bool lists(const json_t *hardware, const char *id)
{
	const json_t *one;
	size_t i;

	json_array_foreach(hardware, i, one)
	{
		if (strcmp(json_string_value(one), id) == 0)
			return true;
	}
	return false;
}

/* Whether a later target of this component is for this hardware. */
static bool superseded(json_t *all, const json_t *custom, const char *id)
{
	const json_t *component = json_object_get(custom, "component");
	json_int_t seq =
		json_integer_value(json_object_get(custom, "releaseCounter"));
	const char *name;
	json_t *entry;

	json_object_foreach(all, name, entry)
	{
		const json_t *other = json_object_get(entry, "custom");

		if (json_equal(json_object_get(other, "component"),
		               component) &&
		    json_integer_value(
			    json_object_get(other, "releaseCounter")) > seq &&
		    lists(json_object_get(other, "hardwareIds"), id))
			return true;
	}
	return false;
}

bool vs_target_newest(const json_t *all, const char *name)
{
	const json_t *custom =
		json_object_get(json_object_get(all, name), "custom");
	const json_t *id;
	size_t i;

	json_array_foreach(json_object_get(custom, "hardwareIds"), i, id)
	{
		if (!superseded((json_t *)(uintptr_t)all, custom,
		                json_string_value(id)))
			return true;
	}
	return false;
}

static vs_status derive(const struct vs_policy *p, uint64_t version,
                        const char *path, uint8_t out[VS_KEYRING_LEN_MAX],
                        size_t *len)
{
	struct vs_keyring ring;
	struct vs_why why = {0};

	vs_derive_keyring(p, &ring);
	ring.version = (uint32_t)version;
	vs_status status =
		vs_keyring_encode(&ring, out, VS_KEYRING_LEN_MAX, len, &why);
	return status ? vs_say_why(status, path, &why) : VS_OK;
}

vs_status vs_rotate_keyring(const struct vs_room *r, const struct vs_policy *p,
                            struct vs_draft *d, bool *added)
{
	uint64_t now = vs_room_version(r, VS_BOOT, VS_KEYRING);
	uint8_t old[VS_KEYRING_LEN_MAX], new[VS_KEYRING_LEN_MAX];
	size_t old_len, new_len;
	struct vs_keyring ring;
	vs_status status = derive(r->policy, now, r->dir, old, &old_len);

	*added = false;
	if (!status)
		status = derive(p, now, r->dir, new, &new_len);
	if (status || (old_len == new_len && memcmp(old, new, old_len) == 0))
		return status;
	if (!now) {
		vs_error("%s: there is no boot keyring in force yet", r->dir);
		return VS_ERR_STATE;
	}
	*added = true;
	vs_derive_keyring(p, &ring);
	ring.version = (uint32_t)now + 1;
	return vs_draft_add_keyring(d, &ring);
}

static vs_status refuse(const struct vs_document *d, const char *what)
{
	vs_error("%s: %s (%s)", d->path, what,
	         vs_reason_name(VS_REASON_NOT_ALLOWED));
	return VS_ERR_REFUSED;
}

vs_status vs_rotate_check(const struct vs_room *r, const struct vs_proposal *p,
                          const struct vs_document *d)
{
	uint8_t want[VS_KEYRING_LEN_MAX];
	size_t len;

	if (p->image_count)
		return refuse(d, "is no part of a release");
	if (d->version > 1 && !p->policy)
		return refuse(d, "follows from no policy");
	if (d->version > 1 && p->document_count > 1)
		return refuse(d, "is to be changed alone");
	vs_status status = derive(d->version > 1 ? p->policy : r->policy,
	                          d->version, d->path, want, &len);
	if (status)
		return status;
	if (len != d->body_len || memcmp(want, d->bytes, len) != 0)
		return refuse(d, "is not what the policy says");
	return VS_OK;
}

vs_status vs_rotate_successor(const struct vs_room *r,
                              const struct vs_proposal *p,
                              struct vs_keyring *out)
{
	const struct vs_document *d =
		p->successor ? vs_proposal_document(p->successor, VS_BOOT,
	                                            VS_KEYRING)
			     : NULL;
	uint64_t now = vs_room_version(r, VS_BOOT, VS_KEYRING);

	if (!p->successor)
		return VS_ERR_ABSENT;
	if (!d || !d->present) {
		vs_error("proposal %s: proposes no keyring",
		         p->successor->name);
		return VS_ERR_REFUSED;
	}
	/* in force meanwhile: the ballot of that one is enough */
	if (d->version <= now)
		return VS_ERR_ABSENT;
	vs_status status = d->version == now + 1
	                           ? vs_rotate_check(r, p->successor, d)
	                           : refuse(d, "is not the next keyring");
	*out = d->ring;
	return status;
}
