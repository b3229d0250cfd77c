/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/leaf.c - what the log says of a seal: one entry a seal.
 */
#include "trust/leaf.h"

#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/json.h"

#define TYPE "voltseal-seal"
#define COUNTER_MAX ((UINT64_C(1) << 53) - 1)

static vs_status malformed(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

/* Printable ASCII that needs no escape. */
static bool text_fits(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len >= VS_LEAF_TEXT_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~' || strchr("\"\\", text[i]))
			return false;
	return true;
}

static bool digest_fits(const char *hex)
{
	return vs_digest_is_hex(hex, VS_LEAF_HEX_LEN - 1);
}

static vs_status check(const struct vs_leaf *l, struct vs_why *why)
{
	if (!text_fits(l->component))
		return malformed(why, "component");
	if (!text_fits(l->version))
		return malformed(why, "version");
	if (l->hardware_count == 0 || l->hardware_count > VS_LEAF_HARDWARE_MAX)
		return malformed(why, "hardwareIds");
	for (size_t i = 0; i < l->hardware_count; i++)
		if (!text_fits(l->hardware[i]))
			return malformed(why, "hardwareIds");
	if (l->release_seq > COUNTER_MAX || l->security_version > COUNTER_MAX ||
	    l->seal_len > COUNTER_MAX)
		return malformed(why, "a counter is over 2^53-1");
	if (!digest_fits(l->seal_sha256))
		return malformed(why, "seal.sha256");
	if (*l->sbom_sha256 && !digest_fits(l->sbom_sha256))
		return malformed(why, "sbom.sha256");
	if (*l->provenance_sha256 && !digest_fits(l->provenance_sha256))
		return malformed(why, "provenance.sha256");
	return VS_OK;
}

static bool add_digest(json_t *o, const char *name, const char *hex)
{
	return !*hex ||
	       !json_object_set_new(o, name, json_pack("{s:s}", "sha256", hex));
}

vs_status vs_leaf_to_json(const struct vs_leaf *l, json_t **out,
                          struct vs_why *why)
{
	json_t *hardware;
	bool ok;

	*out = NULL;
	vs_status status = check(l, why);
	if (status)
		return status;
	hardware = json_array();
	ok = hardware;
	for (size_t i = 0; i < l->hardware_count && ok; i++)
		ok = !json_array_append_new(hardware,
		                            json_string(l->hardware[i]));
	*out = json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:{s:I, s:s}}",
	                 "_type", TYPE, "component", l->component, "version",
	                 l->version, "hardwareIds", hardware, "releaseCounter",
	                 (json_int_t)l->release_seq, "rollbackIndex",
	                 (json_int_t)l->security_version, "seal", "length",
	                 (json_int_t)l->seal_len, "sha256", l->seal_sha256);
	if (ok && *out && add_digest(*out, "sbom", l->sbom_sha256) &&
	    add_digest(*out, "provenance", l->provenance_sha256))
		return VS_OK;
	json_decref(*out);
	*out = NULL;
	return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "an entry", 0);
}

vs_status vs_leaf_encode(const struct vs_leaf *leaf, char **out, size_t *len,
                         struct vs_why *why)
{
	json_t *object;
	vs_status status = vs_leaf_to_json(leaf, &object, why);

	*out = NULL;
	if (status)
		return status;
	status = vs_json_canonical(object, out, len);
	json_decref(object);
	return status ? vs_fail(status, why, VS_REASON_NONE, "an entry", 0)
	              : VS_OK;
}

static vs_status take_text(const json_t *o, const char *name,
                           char out[static VS_LEAF_TEXT_LEN],
                           struct vs_why *why)
{
	const char *text;
	vs_status status = vs_json_string(o, name, &text, why);

	if (status)
		return status;
	if (!text_fits(text))
		return malformed(why, name);
	memcpy(out, text, strlen(text) + 1);
	return VS_OK;
}

static vs_status take_digest(const json_t *o, const char *name,
                             char out[static VS_LEAF_HEX_LEN],
                             struct vs_why *why)
{
	const char *hex;
	json_t *holder;
	vs_status status = vs_json_object(o, name, &holder, why);

	if (!status)
		status = vs_json_string(holder, "sha256", &hex, why);
	if (status)
		return status;
	if (!digest_fits(hex))
		return malformed(why, name);
	memcpy(out, hex, VS_LEAF_HEX_LEN);
	return VS_OK;
}

static vs_status take_hardware(const json_t *o, struct vs_leaf *out,
                               struct vs_why *why)
{
	json_t *list;
	vs_status status = vs_json_array(o, "hardwareIds", &list, why);

	if (status)
		return status;
	out->hardware_count = json_array_size(list);
	if (out->hardware_count > VS_LEAF_HARDWARE_MAX)
		return malformed(why, "hardwareIds");
	for (size_t i = 0; i < out->hardware_count; i++) {
		const char *id = json_string_value(json_array_get(list, i));

		if (!id || !text_fits(id))
			return malformed(why, "hardwareIds");
		memcpy(out->hardware[i], id, strlen(id) + 1);
	}
	return VS_OK;
}

static vs_status take_optional(const json_t *in, struct vs_leaf *out,
                               struct vs_why *why)
{
	vs_status status = VS_OK;

	if (json_object_get(in, "sbom"))
		status = take_digest(in, "sbom", out->sbom_sha256, why);
	if (!status && json_object_get(in, "provenance"))
		status = take_digest(in, "provenance", out->provenance_sha256,
		                     why);
	return status;
}

vs_status vs_leaf_from_json(const json_t *in, struct vs_leaf *out,
                            struct vs_why *why)
{
	const char *type;
	json_t *seal, *again;

	*out = (struct vs_leaf){0};
	vs_status status = vs_json_string(in, "_type", &type, why);
	if (!status && strcmp(type, TYPE) != 0)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "an entry of another kind", 0);
	if (status ||
	    (status = take_text(in, "component", out->component, why)) ||
	    (status = take_text(in, "version", out->version, why)) ||
	    (status = take_hardware(in, out, why)) ||
	    (status = vs_json_uint(in, "releaseCounter", &out->release_seq,
	                           why)) ||
	    (status = vs_json_uint(in, "rollbackIndex", &out->security_version,
	                           why)) ||
	    (status = vs_json_object(in, "seal", &seal, why)) ||
	    (status = vs_json_uint(seal, "length", &out->seal_len, why)) ||
	    (status = take_digest(in, "seal", out->seal_sha256, why)) ||
	    (status = take_optional(in, out, why)) ||
	    (status = vs_leaf_to_json(out, &again, why)))
		return status;
	/* a member more than we write would be believed by nobody */
	if (!json_equal(in, again))
		status = malformed(why, "members that do not belong");
	json_decref(again);
	return status;
}

vs_status vs_leaf_decode(const void *in, size_t len, struct vs_leaf *out,
                         struct vs_why *why)
{
	json_t *object;
	char *again = NULL;
	size_t again_len = 0;
	vs_status status =
		vs_json_parse(in, len, VS_LEAF_LEN_MAX, &object, why);

	*out = (struct vs_leaf){0};
	if (status)
		return status;
	status = vs_leaf_from_json(object, out, why);
	json_decref(object);
	if (!status)
		status = vs_leaf_encode(out, &again, &again_len, why);
	if (!status && (again_len != len || memcmp(again, in, len) != 0))
		status = malformed(why, "not canonical");
	free(again);
	return status;
}

static bool agree(const char *a, const char *b)
{
	return !*a || !*b || strcmp(a, b) == 0;
}

bool vs_leaf_covers(const struct vs_leaf *entry, const struct vs_leaf *seal)
{
	if (entry->hardware_count != seal->hardware_count)
		return false;
	for (size_t i = 0; i < seal->hardware_count; i++)
		if (strcmp(entry->hardware[i], seal->hardware[i]) != 0)
			return false;
	return strcmp(entry->component, seal->component) == 0 &&
	       strcmp(entry->version, seal->version) == 0 &&
	       entry->release_seq == seal->release_seq &&
	       entry->security_version == seal->security_version &&
	       entry->seal_len == seal->seal_len &&
	       strcmp(entry->seal_sha256, seal->seal_sha256) == 0 &&
	       agree(entry->sbom_sha256, seal->sbom_sha256) &&
	       agree(entry->provenance_sha256, seal->provenance_sha256);
}
