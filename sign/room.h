/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/room.h - a signing room: a folder with policy, proposals, what is in
 * force.
 *
 * One command at a time works in a room.  What is in force is only added to:
 * ROOM/in-force/REPOSITORY/VERSION.ROLE.json for the repositories image and
 * director, ROOM/in-force/boot/VERSION.keyring, and ROOM/in-force/artifacts.
 */
#ifndef VS_SIGN_ROOM_H
#define VS_SIGN_ROOM_H

#include <limits.h>

#include "base/status.h"
#include "seal/keyring.h"
#include "sign/policy.h"
#include "trust/envelope.h"

#define VS_IMAGE "image"
#define VS_DIRECTOR "director"
#define VS_BOOT "boot"
#define VS_KEYRING "keyring" /* the boot repository's one role */

struct vs_room {
	char dir[PATH_MAX];
	int lock_fd;
	struct vs_policy *policy; /* owned */
};

/* Opens and locks a room that room init made.  Says by itself what is wrong.
 * Drop *out in every case.
 */
vs_status vs_room_open(const char *dir, struct vs_room *out) VS_MUST_CHECK;
void vs_room_drop(struct vs_room *r);

/* A path inside the room.  VS_ERR_LIMIT (said) if it is too long. */
vs_status vs_room_path(const struct vs_room *r, char out[static PATH_MAX],
                       const char *fmt, ...) VS_PRINTF(3, 4) VS_MUST_CHECK;

/* The file in force of a repository and role at a version. */
vs_status vs_room_file(const struct vs_room *r, const char *repository,
                       const char *role, uint64_t version,
                       char out[static PATH_MAX]) VS_MUST_CHECK;

/* The highest version in force; 0 = none. */
uint64_t vs_room_version(const struct vs_room *r, const char *repository,
                         const char *role);

/* Metadata in force at its highest version.  VS_OK; VS_ERR_ABSENT (not said);
 * everything else is said.
 */
vs_status vs_room_metadata(const struct vs_room *r, const char *repository,
                           const char *role,
                           struct vs_envelope *out) VS_MUST_CHECK;

/* All that is released, as {"targets": {...}}, from every delegated role in
 * force.  VS_OK and *out (json_decref); everything else is said.
 */
vs_status vs_room_released(const struct vs_room *r, json_t **out) VS_MUST_CHECK;

/* The keyring in force, verified through its whole chain.  VS_OK;
 * VS_ERR_ABSENT (not said); everything else is said.
 */
vs_status vs_room_keyring(const struct vs_room *r,
                          struct vs_keyring *out) VS_MUST_CHECK;

/* The salt of a component, made at its first use and kept for ever. */
vs_status vs_room_salt(const struct vs_room *r, const char *component,
                       uint8_t out[static VS_SALT_LEN]) VS_MUST_CHECK;

/* Reads a salt file: 64 hex digits. */
vs_status vs_salt_load(const char *path,
                       uint8_t out[static VS_SALT_LEN]) VS_MUST_CHECK;

/* Whether text may name a proposal, release or component: 1 to 31 of
 * [A-Za-z0-9._-], not beginning with a dot or dash.
 */
bool vs_room_name_ok(const char *text);

/* _type of a role's metadata: delegated roles are "targets". */
const char *vs_role_type(const char *role);
size_t vs_role_max(const char *role);

#endif
