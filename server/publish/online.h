/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/online.h - the keys this server signs with: director,
 * snapshot, timestamp.
 *
 * They choose among what the release team signed and keep it fresh; they
 * sign no image.  Which key signs which role is what a root says, not us.
 */
#ifndef VS_SERVER_PUBLISH_ONLINE_H
#define VS_SERVER_PUBLISH_ONLINE_H

#include <jansson.h>

#include "base/status.h"
#include "trust/envelope.h"

#define VS_ONLINE_KEYS 3

extern const char *const vs_online_names[VS_ONLINE_KEYS];

/* Where the keys are: in files, or with a module on a token. */
struct vs_online_place {
	const char *data_dir;
	const char *module; /* PKCS#11; "": DATA/online/NAME.pem */
	const char *token;  /* its label */
	const char *pin_file;
};

struct vs_online_token;

struct vs_online {
	struct vs_online_token *token; /* owned; NULL: keys in files */
	struct vs_online_key {
		EVP_PKEY *pkey;       /* owned; NULL: on the token */
		struct vs_key public; /* owned */
	} keys[VS_ONLINE_KEYS];
};

/* Makes the keys, and DATA/online/NAME.pub.json of each for the signing room.
 * What is there already stays.
 * VS_OK; VS_ERR_IO; VS_ERR_CRYPTO; and with a token as online_token.h says;
 * with a line in error[].
 */
vs_status vs_online_init(const struct vs_online_place *place,
                         char error[static 256]) VS_MUST_CHECK;
/* place is kept.  The same; vs_online_drop() in every case. */
vs_status vs_online_load(const struct vs_online_place *place,
                         struct vs_online *out,
                         char error[static 256]) VS_MUST_CHECK;
void vs_online_drop(struct vs_online *o);

/* Who signs a repository's online roles, by its root. */
struct vs_signers {
	struct vs_role snapshot, timestamp, targets;
};

/* root: a root file.  VS_OK; VS_ERR_INPUT.  Drop *out in every case. */
vs_status vs_signers_parse(const uint8_t *root, size_t len,
                           struct vs_signers *out,
                           struct vs_why *why) VS_MUST_CHECK;
void vs_signers_drop(struct vs_signers *s);

/* Whether our keys are enough for what the root wants of the role. */
bool vs_online_satisfies(const struct vs_online *o, const struct vs_role *role);

/* Signs body with each online key that the role lists.  Takes body; gives
 * *out (free()).
 * VS_OK; VS_ERR_REFUSED (THRESHOLD) if our keys do not satisfy the role.
 */
vs_status vs_online_sign(const struct vs_online *o, const struct vs_role *role,
                         json_t *body, char **out, size_t *len,
                         struct vs_why *why) VS_MUST_CHECK;

#endif
