/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_uptane.c - whatever two rightly signed repositories say,
 * what is assigned is what both say, for this charger.
 *
 * {"director": BODY, "image": BODY}: two targets files, signed here.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "tests/trust/repo.h"
#include "trust/json.h"
#include "trust/uptane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct vs_ecu ecus[] = {
	{"CP-0001-gateway",    "gw-rev3", 10, 4, "aa", "gateway",    "1.0.0"},
	{"CP-0001-controller", "mc-rev1", 10, 4, "",   "controller", "1.3.0"},
};
static const struct vs_vehicle vehicle = {"CP-0001", ecus, 2};

static struct repo *repository(size_t which)
{
	static struct repo both[2];
	static bool ready[2];

	if (!ready[which]) {
		repo_init(&both[which]);
		both[which].listed_hashes = false;
		repo_publish_root(&both[which]);
		repo_provision(&both[which], 1);
		ready[which] = true;
	}
	return &both[which];
}

/* Gives NULL if TUF itself will not have it. */
static struct vs_tuf *open(size_t which, json_t *body)
{
	static const char *const stored[] = {"timestamp", "snapshot",
	                                     "targets"};
	struct repo *r = repository(which);
	struct vs_tuf *t;

	for (size_t i = 0; i < sizeof stored / sizeof *stored; i++)
		(void)r->ops.remove(r, stored[i]);
	json_object_set_new(body, "_type", json_string("targets"));
	json_object_set_new(body, "spec_version", json_string("1.0.31"));
	json_decref(r->targets);
	r->targets = json_incref(body);
	repo_publish_files(r);
	if (repo_refresh(r, NOW, &t, NULL))
		vs_tuf_close(&t);
	return t;
}

static const json_t *entry(const json_t *body, const char *path)
{
	return json_object_get(json_object_get(body, "targets"), path);
}

static void hold(const struct vs_assignment *a, const json_t *director,
                 const json_t *image, bool plain)
{
	const json_t *says = entry(director, a->path);
	const json_t *is = entry(image, a->path);
	const json_t *custom = json_object_get(is, "custom");
	const json_t *ids = json_object_get(custom, "hardwareIds");
	const struct vs_ecu *ecu = &ecus[a->ecu];
	bool made_for = false;

	assert(says && is && a->name);
	assert(json_equal(json_object_get(says, "length"),
	                  json_object_get(is, "length")));
	assert(json_equal(json_object_get(says, "hashes"),
	                  json_object_get(is, "hashes")));
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));

		made_for = made_for || (id && !strcmp(id, ecu->hardware));
	}
	assert(made_for);
	if (plain)
		return;
	assert(a->rollback_index >= ecu->security_version);
	assert(a->release_counter > ecu->release_seq ||
	       !strcmp(a->sha256, ecu->installed_sha256));
	assert(json_equal(json_object_get(json_object_get(says, "custom"),
	                                  "releaseCounter"),
	                  json_object_get(custom, "releaseCounter")));
}

/* The version of a component once all that is assigned is installed. */
static const char *version_of(const struct vs_assignments *out,
                              const char *component)
{
	for (size_t e = 0; e < sizeof ecus / sizeof *ecus; e++) {
		const char *name = ecus[e].component;
		const char *version = ecus[e].version;

		for (size_t i = 0; i < out->count; i++) {
			const json_t *custom = out->at[i].custom;

			if (out->at[i].ecu != e)
				continue;
			name = json_string_value(
				json_object_get(custom, "component"));
			version = json_string_value(
				json_object_get(custom, "version"));
		}
		if (name && version && !strcmp(name, component))
			return version;
	}
	return NULL;
}

static void hold_requires(const struct vs_assignments *out, const json_t *says)
{
	for (size_t i = 0; i < out->count; i++) {
		json_t *all = json_object_get(out->at[i].custom, "requires");
		const char *component;
		json_t *least;

		assert(!json_object_get(
			json_object_get(entry(says, out->at[i].path), "custom"),
			"requires"));
		json_object_foreach(all, component, least)
		{
			const char *has = version_of(out, component);

			assert(out->installed ||
			       (has &&
			        vs_version_compare(
					has, json_string_value(least)) >= 0));
		}
	}
}

static void check(struct vs_tuf *director, struct vs_tuf *image, bool plain)
{
	const json_t *body = vs_tuf_targets(director);
	struct vs_assignments out;
	struct vs_why why = {0};
	vs_status status = (plain ? vs_uptane_check_plain : vs_uptane_check)(
		director, image, &vehicle, &out, &why);

	assert(!status || why.what);
	assert(status != VS_ERR_REFUSED || why.code != VS_REASON_NONE);
	for (size_t i = 0; !status && i < out.count; i++) {
		assert(i == 0 || out.at[i - 1].ecu < out.at[i].ecu);
		hold(&out.at[i], body, vs_tuf_targets(image), plain);
	}
	if (!status && (!plain || !out.count))
		assert(!strcmp(json_string_value(json_object_get(
				       body, "vehicleIdentifier")),
		               "CP-0001"));
	if (!status && !plain)
		hold_requires(&out, body);
	vs_assignments_drop(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vs_tuf *director = NULL, *image = NULL;
	json_t *both, *d, *i;

	if (vs_json_parse(data, size, 65536, &both, NULL))
		return 0;
	d = json_object_get(both, "director");
	i = json_object_get(both, "image");
	/* An image repository that delegates needs more files than this. */
	if (json_is_object(d) && json_is_object(i) &&
	    !json_object_get(i, "delegations")) {
		director = open(0, d);
		image = director ? open(1, i) : NULL;
	}
	if (image) {
		check(director, image, false);
		check(director, image, true);
	}
	vs_tuf_close(&director);
	vs_tuf_close(&image);
	json_decref(both);
	return 0;
}
