/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_propose.c - propose release: seal the images, ask for signatures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sign/commands.h"
#include "sign/component.h"
#include "sign/proposal.h"
#include "sign/release.h"
#include "sign/rotate.h"
#include "sign/say.h"
#include "trust/json.h"

enum { seq_max = 2147483647 };

struct plan {
	struct vs_room *room;
	const char *name;
	const char *successor; /* the proposal of the next keyring, or NULL */
	uint64_t seq;
	int level;
	struct vs_component components[VS_IMAGES_MAX];
	size_t count;
};

static vs_status check_numbers(const struct plan *plan,
                               const struct vs_seal_header *h,
                               const json_t *in_force)
{
	struct vs_predecessor old;

	vs_predecessor_find(in_force, h->component, &old);
	if (old.found && plan->seq <= old.release_seq) {
		vs_error("%s: seq: %" PRIu64 " is not above %" PRIu64
		         " of release %s, which is in force (%s)",
		         h->component, plan->seq, old.release_seq, old.release,
		         vs_reason_name(VS_REASON_RELEASE_ROLLBACK));
		return VS_ERR_REFUSED;
	}
	if (h->security_version < old.security_version) {
		vs_error("%s: security version: %" PRIu32 " is below %" PRIu64
		         ", which is in force (%s)",
		         h->component, h->security_version,
		         old.security_version,
		         vs_reason_name(VS_REASON_BELOW_FLOOR));
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}

static vs_status check_requires(const struct plan *plan, size_t i,
                                const struct vs_keyring *ring)
{
	const struct vs_component *c = plan->components;
	struct vs_runs brings[VS_IMAGES_MAX];

	for (size_t k = 0; k < plan->count; k++)
		brings[k] = (struct vs_runs){c[k].header.component,
		                             c[k].header.version};
	return vs_release_requires(ring, c[i].header.component, &c[i].requires,
	                           brings, plan->count);
}

static vs_status check_component(const struct plan *plan, size_t i,
                                 const struct vs_keyring *ring,
                                 const json_t *in_force)
{
	const struct vs_seal_header *h = &plan->components[i].header;
	enum vs_policy_roles row;

	for (size_t k = 0; k < i; k++) {
		if (strcmp(plan->components[k].header.component,
		           h->component) == 0) {
			vs_error("--component %s: is given twice",
			         h->component);
			return VS_ERR_INPUT;
		}
	}
	if (!vs_release_known(ring, h->component)) {
		vs_error("--component %s: the boot keyring does not name it "
		         "(%s)",
		         h->component,
		         vs_reason_name(VS_REASON_WRONG_COMPONENT));
		return VS_ERR_REFUSED;
	}
	vs_status status =
		vs_release_role(plan->room, h->component, plan->name, &row);
	if (!status)
		status = check_numbers(plan, h, in_force);
	return status ? status : check_requires(plan, i, ring);
}

static vs_status check_plan(const struct plan *plan)
{
	struct vs_keyring ring;
	VS_AUTO(vs_json_drop) json_t *in_force = NULL;

	if (!vs_room_version(plan->room, VS_IMAGE, "targets")) {
		vs_error("%s: the room's first proposal is not in force yet: "
		         "approve and publish it first",
		         plan->room->dir);
		return VS_ERR_STATE;
	}
	vs_status status = vs_room_keyring(plan->room, &ring);
	if (status == VS_ERR_ABSENT)
		vs_error("%s: there is no boot keyring in force yet",
		         plan->room->dir);
	if (status)
		return status;
	status = vs_room_released(plan->room, &in_force);
	for (size_t i = 0; i < plan->count && !status; i++)
		status = check_component(plan, i, &ring, in_force);
	return status;
}

/* A release for both keyrings is of no use if there is no second one. */
static vs_status check_successor(const struct plan *plan)
{
	VS_AUTO(vs_proposal_free) struct vs_proposal *next = NULL;
	struct vs_proposal release = {0};
	struct vs_keyring ring;
	vs_status status = vs_proposal_open(plan->room, plan->successor, &next);

	if (status)
		return status;
	release.successor = next;
	status = vs_rotate_successor(plan->room, &release, &ring);
	if (status == VS_ERR_ABSENT)
		vs_error("--keyring %s: is in force already", next->name);
	for (size_t i = 0; i < plan->count && !status; i++) {
		if (vs_release_known(&ring,
		                     plan->components[i].header.component))
			continue;
		vs_error("--component %s: the next keyring does not name it "
		         "(%s)",
		         plan->components[i].header.component,
		         vs_reason_name(VS_REASON_WRONG_COMPONENT));
		status = VS_ERR_REFUSED;
	}
	return status;
}

static vs_status seal_one(struct plan *plan, struct vs_draft *d, size_t i)
{
	struct vs_component *c = &plan->components[i];
	char pack[PATH_MAX];
	struct vs_sealer_job job = {
		.image = c->image, .pack = pack, .level = plan->level};
	struct vs_sealed sealed;
	vs_status status = vs_draft_pack_path(d, c->header.component, pack);

	c->header.release_seq = plan->seq;
	if (!status)
		status = vs_room_salt(plan->room, c->header.component,
		                      c->header.salt);
	if (status)
		return status;
	job.header = c->header;
	status = vs_sealer_run(&job, &sealed);
	if (status)
		return status;
	status = vs_release_allowed(plan->room, c->header.component, plan->name,
	                            sealed.image_sha256);
	if (!status)
		status = vs_draft_add_image(d, &sealed, &c->requires);
	if (!status)
		printf("%s %s: %" PRIu64 " bytes sealed, pack %" PRIu64
		       " bytes\n",
		       c->header.component, c->header.version,
		       sealed.fields.image_len, sealed.pack_len);
	vs_sealed_drop(&sealed);
	return status;
}

/* One for each role that releases a part of it. */
static vs_status add_documents(const struct plan *plan, struct vs_draft *d)
{
	bool wanted[VS_POLICY_ROLES] = {false};
	enum vs_policy_roles row;
	vs_status status = VS_OK;

	for (size_t i = 0; i < plan->count && !status; i++) {
		status = vs_release_role(plan->room,
		                         plan->components[i].header.component,
		                         plan->name, &row);
		if (!status)
			wanted[row] = true;
	}
	for (int i = 0; i < VS_POLICY_ROLES && !status; i++) {
		const char *role = vs_policy_delegated((enum vs_policy_roles)i);

		if (wanted[i])
			status = vs_draft_add_metadata(
				d, VS_IMAGE, role,
				vs_room_version(plan->room, VS_IMAGE, role) + 1,
				NULL);
	}
	return status;
}

static vs_status propose(struct plan *plan, const char *update_type)
{
	VS_AUTO(vs_draft_drop) struct vs_draft d = {0};
	vs_status status = vs_draft_begin(plan->room, plan->name, &d);

	for (size_t i = 0; i < plan->count && !status; i++)
		status = seal_one(plan, &d, i);
	if (!status)
		status = add_documents(plan, &d);
	if (!status &&
	    json_object_set_new(d.about, "release",
	                        json_pack("{s:s, s:s, s:I}", "name", plan->name,
	                                  "updateType", update_type, "seq",
	                                  (json_int_t)plan->seq)))
		status = vs_say_io(VS_ERR_NOMEM, d.dir);
	if (!status && plan->successor &&
	    json_object_set_new(json_object_get(d.about, "release"), "keyring",
	                        json_string(plan->successor)))
		status = vs_say_io(VS_ERR_NOMEM, d.dir);
	return status ? status : vs_draft_commit(&d);
}

static vs_status parse_type(const char *text)
{
	static const char *const types[] = {"security", "feature", "content"};
	char quoted[64];

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(text, types[i]) == 0)
			return VS_OK;
	vs_error("--update-type %s: must be security, feature or content",
	         vs_log_quote(text, quoted, sizeof quoted));
	return VS_ERR_INPUT;
}

static vs_status run_in(struct vs_room *r, const struct vs_args *args)
{
	const char *type = vs_args_text(args, "update-type");
	const char *text;
	size_t at = 0;
	struct plan plan = {
		.room = r,
		.name = vs_args_text(args, "name"),
		.successor = vs_args_text(args, "keyring"),
		.seq = vs_args_uint(args, "seq"),
		.level = (int)vs_args_uint(args, "level"),
	};
	char name[VS_VERSION_LEN];
	vs_status status = vs_component_text("--name", plan.name, name);

	if (!status)
		status = parse_type(type ? type : "feature");
	while (!status && (text = vs_args_next(args, "component", &at))) {
		if (plan.count == VS_IMAGES_MAX) {
			vs_error("--component: more than %d", VS_IMAGES_MAX);
			return VS_ERR_LIMIT;
		}
		status = vs_component_parse(text,
		                            &plan.components[plan.count++]);
	}
	at = 0;
	while (!status && (text = vs_args_next(args, "requires", &at)))
		status =
			vs_component_require(text, plan.components, plan.count);
	if (!status)
		status = check_plan(&plan);
	if (!status && plan.successor)
		status = check_successor(&plan);
	if (!status)
		status = propose(&plan, type ? type : "feature");
	if (!status)
		printf("proposal %s is ready for approval:\n"
		       "  voltseal-sign approve --room %s --proposal %s "
		       "--token NAME\n",
		       plan.name, r->dir, plan.name);
	return status;
}

static vs_status run(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	vs_status status = vs_room_open(vs_args_text(args, "room"), &r);

	return status ? status : run_in(&r, args);
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REQUIRED, "name", "NAME", "the release's name, e.g. 1.1.0"),
	VS_UINT(VS_REQUIRED, "seq", "N",
                "release_seq: above every release before", 1, seq_max, 0),
	VS_TEXT(VS_ONE_OR_MORE, "component",
                "C=IMAGE:VERSION:HW[,HW2]:SECURITY", "an image of the release"),
	VS_TEXT(VS_REPEATED, "requires", "C=OTHER:VERSION",
                "C is installed only where OTHER is VERSION or later, or "
                "comes with it"),
	VS_TEXT(VS_OPTIONAL, "update-type", "TYPE",
                "security, feature or content (feature)"),
	VS_TEXT(VS_OPTIONAL, "keyring", "NAME",
                "proposal of the next boot keyring, which the seals must "
                "suit, too"),
	VS_UINT(VS_OPTIONAL, "level", "N", "zstd level of the packs", 1, 19,
                19),
};

const struct vs_command vs_cmd_propose_release = {
	"propose release",
	"seal and pack images and ask for signatures",
	"Reads each image once.  HW is the hardware id it was made for, "
	"SECURITY its\nsecurity_version: once a charger has confirmed it, "
	"nothing below it ever starts\nthere again.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};
