/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/uptane.c - what the director and the image repository agree upon.
 *
 * First the director's file is judged alone (is it for us, is it well
 * formed), then each image against the image repository, then the set, then
 * what the set needs beside it.
 *
 * Standard: Uptane 2.1.0 section 5.4.4.
 */
#include "trust/uptane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/json.h"
#include "trust/tuf_state.h"

struct check {
	bool plain; /* the Standard's fields alone */
	struct vs_tuf *director, *image;
	const struct vs_vehicle *vehicle;
	struct vs_assignments *out;
	struct vs_why *why;
};

static vs_status refuse(const struct check *c, vs_reason reason,
                        const char *what)
{
	return vs_fail(VS_ERR_REFUSED, c->why, reason, what, 0);
}

static vs_status find_ecu(const struct check *c, const char *id, size_t *out)
{
	for (size_t i = 0; i < c->vehicle->ecu_count; i++) {
		if (strcmp(c->vehicle->ecus[i].id, id) == 0) {
			*out = i;
			return VS_OK;
		}
	}
	return refuse(c, VS_REASON_UNKNOWN_ECU,
	              "names an ECU this charger lacks");
}

/* In the vehicle's order, so that the director has no say in it. */
static vs_status insert(const struct check *c, size_t ecu, const char *path)
{
	struct vs_assignments *out = c->out;
	size_t i = out->count;
	char *copy = strdup(path);

	if (!copy)
		return vs_fail(VS_ERR_NOMEM, c->why, VS_REASON_NONE,
		               "out of memory", 0);
	for (; i > 0 && out->at[i - 1].ecu > ecu; i--)
		out->at[i] = out->at[i - 1];
	out->at[i] = (struct vs_assignment){.ecu = ecu, .path = copy};
	out->count++;
	return VS_OK;
}

/* One ECU that the director names for path. */
static vs_status add_ecu(const struct check *c, const char *path,
                         const char *id, const json_t *says)
{
	struct vs_assignments *out = c->out;
	const char *hardware;
	size_t ecu = 0;
	vs_status status = find_ecu(c, id, &ecu);

	if (status)
		return status;
	for (size_t i = 0; i < out->count; i++) {
		if (out->at[i].ecu == ecu)
			return refuse(c, VS_REASON_DUPLICATE_ECU,
			              "names one ECU twice");
	}
	status = vs_json_string(says, "hardwareId", &hardware, c->why);
	if (status)
		return status;
	if (strcmp(hardware, c->vehicle->ecus[ecu].hardware) != 0)
		return refuse(c, VS_REASON_WRONG_HARDWARE,
		              "the ECU has another hardware id");
	if (out->count == VS_ECUS_MAX)
		return vs_fail(VS_ERR_LIMIT, c->why, VS_REASON_TOO_LARGE,
		               "too many ECUs", 0);
	return insert(c, ecu, path);
}

/* A file with images is bound to us by its ECU ids; one without them would
 * say "nothing to do" to every charger it is replayed to.
 */
static vs_status check_vehicle(const struct check *c, const json_t *body)
{
	const json_t *said = json_object_get(body, "vehicleIdentifier");
	const char *vehicle = json_string_value(said), *ours = c->vehicle->id;
	bool empty = json_object_size(json_object_get(body, "targets")) == 0;

	if (!said && c->plain && !empty)
		return VS_OK;
	if (!vehicle)
		return refuse(c, VS_REASON_WRONG_VEHICLE,
		              "does not say which charger it is for");
	if ((ours || !c->plain) && (!ours || strcmp(vehicle, ours) != 0))
		return refuse(c, VS_REASON_WRONG_VEHICLE,
		              "made for another charger");
	return VS_OK;
}

static vs_status read_entry(const struct check *c, const char *path,
                            const json_t *entry)
{
	const char *id;
	json_t *ecus, *says;
	vs_status status = vs_json_object(json_object_get(entry, "custom"),
	                                  "ecuIdentifiers", &ecus, c->why);

	if (status)
		return status;
	if (json_object_size(ecus) == 0)
		return vs_fail(VS_ERR_INPUT, c->why, VS_REASON_MALFORMED,
		               "ecuIdentifiers", 0);
	json_object_foreach(ecus, id, says)
	{
		status = add_ecu(c, path, id, says);
		if (status)
			return status;
	}
	return VS_OK;
}

static vs_status read_director(const struct check *c, const json_t *body)
{
	const char *path;
	json_t *entry;
	vs_status status = check_vehicle(c, body);

	if (status)
		return status;
	if (json_array_size(json_object_get(
		    json_object_get(body, "delegations"), "roles")))
		return refuse(c, VS_REASON_DELEGATES,
		              "the director may not delegate");
	json_object_foreach(json_object_get(body, "targets"), path, entry)
	{
		status = read_entry(c, path, entry);
		if (status)
			return status;
	}
	return VS_OK;
}

/* The fields that both repositories must give alike. */
static vs_status must_match(const struct check *c, const json_t *director,
                            const json_t *image)
{
	static const char *const fields[] = {"hardwareIds", "releaseCounter",
	                                     "rollbackIndex"};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (c->plain && !json_object_get(director, fields[i]))
			continue;
		if (!json_equal(json_object_get(director, fields[i]),
		                json_object_get(image, fields[i])))
			return refuse(c, VS_REASON_CUSTOM_MISMATCH, fields[i]);
	}
	/* Signed offline or not at all: the director has no say in it. */
	if (!c->plain && json_object_get(director, "requires"))
		return refuse(c, VS_REASON_CUSTOM_MISMATCH, "requires");
	return VS_OK;
}

static vs_status made_for(const struct check *c, const json_t *custom,
                          const char *hardware)
{
	json_t *ids;
	vs_status status = vs_json_array(custom, "hardwareIds", &ids, c->why);

	if (status)
		return status;
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));

		if (id && strcmp(id, hardware) == 0)
			return VS_OK;
	}
	return refuse(c, VS_REASON_WRONG_HARDWARE,
	              "not made for this hardware id");
}

static bool is_installed(const struct check *c, const struct vs_assignment *a)
{
	const struct vs_ecu *ecu = &c->vehicle->ecus[a->ecu];

	return ecu->installed_sha256 && *a->sha256 &&
	       strcmp(ecu->installed_sha256, a->sha256) == 0;
}

static vs_status check_counters(const struct check *c, const json_t *custom,
                                struct vs_assignment *a)
{
	const struct vs_ecu *ecu = &c->vehicle->ecus[a->ecu];
	uint64_t rollback;
	vs_status status = vs_json_uint(custom, "releaseCounter",
	                                &a->release_counter, c->why);

	if (!status)
		status = vs_json_uint(custom, "rollbackIndex", &rollback,
		                      c->why);
	if (status)
		return status;
	if (rollback > UINT32_MAX)
		return vs_fail(VS_ERR_INPUT, c->why, VS_REASON_MALFORMED,
		               "rollbackIndex", 0);
	a->rollback_index = (uint32_t)rollback;
	if (a->release_counter <= ecu->release_seq && !is_installed(c, a))
		return refuse(c, VS_REASON_RELEASE_ROLLBACK,
		              "release_seq is not above the installed one");
	if (a->rollback_index < ecu->security_version)
		return refuse(c, VS_REASON_BELOW_FLOOR,
		              "security_version is below the floor");
	return VS_OK;
}

/* Copies what the image repository says of one assignment. */
static vs_status copy_target(const struct check *c,
                             const struct vs_target *target,
                             struct vs_assignment *a)
{
	const char *hex =
		json_string_value(json_object_get(target->hashes, "sha256"));

	if (hex ? !vs_digest_is_hex(hex, 64) : !c->plain)
		return vs_fail(VS_ERR_INPUT, c->why, VS_REASON_MALFORMED,
		               "sha256", 0);
	if (hex)
		memcpy(a->sha256, hex, sizeof a->sha256);
	a->length = target->length;
	a->custom = json_deep_copy(target->custom);
	if (!a->custom)
		return vs_fail(VS_ERR_NOMEM, c->why, VS_REASON_NONE,
		               "out of memory", 0);
	return (c->plain ? vs_target_url : vs_target_name)(
		target, vs_tuf_consistent(c->image), &a->name, c->why);
}

static vs_status find_image(const struct check *c, const char *path,
                            struct vs_target *out)
{
	vs_status status = vs_tuf_find(c->image, path, out, c->why);

	if (status == VS_ERR_ABSENT)
		return refuse(c, VS_REASON_NOT_IN_BOTH,
		              "the image repository does not name it");
	if (!status)
		vs_tuf_blame(c->image, path);
	return status;
}

static vs_status check_one(const struct check *c, const json_t *says,
                           struct vs_assignment *a)
{
	struct vs_target target;
	vs_status status = find_image(c, a->path, &target);

	if (status)
		return status;
	if (json_integer_value(json_object_get(says, "length")) !=
	            (json_int_t)target.length ||
	    !json_equal(json_object_get(says, "hashes"), target.hashes))
		return refuse(c, VS_REASON_NOT_IN_BOTH,
		              "the repositories give other length or hashes");
	if (!target.custom)
		return vs_fail(VS_ERR_INPUT, c->why, VS_REASON_MALFORMED,
		               "custom", 0);
	status = must_match(c, json_object_get(says, "custom"), target.custom);
	if (!status)
		status = made_for(c, target.custom,
		                  c->vehicle->ecus[a->ecu].hardware);
	if (!status)
		status = copy_target(c, &target, a);
	return status || c->plain ? status
	                          : check_counters(c, target.custom, a);
}

static bool assigned(const struct vs_assignments *a, const char *path)
{
	for (size_t i = 0; path && i < a->count; i++) {
		if (strcmp(a->at[i].path, path) == 0)
			return true;
	}
	return false;
}

static bool lists(const json_t *set, const char *path)
{
	for (size_t i = 0; i < json_array_size(set); i++) {
		const char *one = json_string_value(json_array_get(set, i));

		if (one && strcmp(one, path) == 0)
			return true;
	}
	return false;
}

/* One release, and all of it. */
static vs_status check_set(const struct check *c)
{
	const struct vs_assignments *out = c->out;

	for (size_t i = 0; i < out->count; i++) {
		const json_t *custom = out->at[i].custom;
		const json_t *set = json_object_get(custom, "releaseSet");
		const json_t *release = json_object_get(custom, "release");
		const json_t *first =
			json_object_get(out->at[0].custom, "release");

		if (release != first && !json_equal(release, first))
			return refuse(c, VS_REASON_INCOMPLETE_SET,
			              "images of different releases");
		for (size_t j = 0; j < json_array_size(set); j++) {
			if (!assigned(out, json_string_value(
						   json_array_get(set, j))))
				return refuse(c, VS_REASON_INCOMPLETE_SET,
				              "a part of the release is "
				              "missing");
		}
		for (size_t j = 0; set && j < out->count; j++) {
			if (!lists(set, out->at[j].path))
				return refuse(c, VS_REASON_INCOMPLETE_SET,
				              "an image is not part of the "
				              "release");
		}
	}
	return VS_OK;
}

/* What each ECU runs once all that is assigned is installed. */
static void foresee(const struct check *c, struct vs_runs *runs)
{
	for (size_t i = 0; i < c->vehicle->ecu_count; i++)
		runs[i] = (struct vs_runs){c->vehicle->ecus[i].component,
		                           c->vehicle->ecus[i].version};
	for (size_t i = 0; i < c->out->count; i++) {
		const struct vs_assignment *a = &c->out->at[i];

		runs[a->ecu] = (struct vs_runs){
			json_string_value(
				json_object_get(a->custom, "component")),
			json_string_value(
				json_object_get(a->custom, "version"))};
	}
}

static vs_status unmet(const struct check *c, const struct vs_requirement *r,
                       const char *has)
{
	snprintf(c->out->unmet.component, VS_REQUIRES_LEN, "%s", r->component);
	snprintf(c->out->unmet.least, VS_REQUIRES_LEN, "%s", r->least);
	snprintf(c->out->unmet.has, VS_REQUIRES_LEN, "%s", has);
	return refuse(c, VS_REASON_REQUIRES_UNMET,
	              "requires a later version of another component");
}

/* Of what is installed already nothing more is asked. */
static vs_status check_requires(const struct check *c)
{
	struct vs_runs runs[VS_ECUS_MAX];
	struct vs_requires requires;
	vs_status status;

	if (c->out->count == 0)
		return VS_OK;
	if (c->vehicle->ecu_count > VS_ECUS_MAX)
		return vs_fail(VS_ERR_LIMIT, c->why, VS_REASON_TOO_LARGE,
		               "too many ECUs", 0);
	foresee(c, runs);
	for (size_t i = 0; i < c->out->count; i++) {
		const struct vs_assignment *a = &c->out->at[i];
		const struct vs_requirement *r;
		const char *has;

		vs_tuf_blame(c->image, a->path);
		status = vs_requires_read(a->custom, &requires, c->why);
		if (status)
			return status;
		r = vs_requires_unmet(&requires, runs, c->vehicle->ecu_count,
		                      &has);
		if (r && !c->out->installed)
			return unmet(c, r, has);
	}
	return VS_OK;
}

static vs_status check_all(const struct check *c)
{
	const json_t *body = vs_tuf_targets(c->director);
	struct vs_assignments *out = c->out;
	const json_t *targets;
	vs_status status;

	if (!body || !vs_tuf_targets(c->image))
		return vs_fail(VS_ERR_STATE, c->why, VS_REASON_NONE,
		               "a repository was not refreshed", 0);
	vs_tuf_blame_top(c->director, TARGETS);
	status = read_director(c, body);
	if (status)
		return status;
	targets = json_object_get(body, "targets");
	out->installed = out->count > 0;
	for (size_t i = 0; !status && i < out->count; i++) {
		status = check_one(c, json_object_get(targets, out->at[i].path),
		                   &out->at[i]);
		if (!status && !is_installed(c, &out->at[i]))
			out->installed = false;
	}
	if (!status && !c->plain)
		status = check_set(c);
	return status || c->plain ? status : check_requires(c);
}

static vs_status check(const struct check *c)
{
	vs_status status;

	*c->out = (struct vs_assignments){0};
	status = check_all(c);
	if (status) {
		c->out->installed = false;
		return status;
	}
	vs_tuf_blame(c->director, "");
	vs_tuf_blame(c->image, "");
	return VS_OK;
}

vs_status vs_uptane_check(struct vs_tuf *director, struct vs_tuf *image,
                          const struct vs_vehicle *vehicle,
                          struct vs_assignments *out, struct vs_why *why)
{
	return check(
		&(struct check){false, director, image, vehicle, out, why});
}

vs_status vs_uptane_check_plain(struct vs_tuf *director, struct vs_tuf *image,
                                const struct vs_vehicle *vehicle,
                                struct vs_assignments *out, struct vs_why *why)
{
	return check(&(struct check){true, director, image, vehicle, out, why});
}

void vs_assignments_drop(struct vs_assignments *a)
{
	for (size_t i = 0; i < a->count; i++) {
		free(a->at[i].path);
		free(a->at[i].name);
		json_decref(a->at[i].custom);
	}
	*a = (struct vs_assignments){0};
}
