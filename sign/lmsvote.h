/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmsvote.h - a person's LMS key beside the token, to vote with.
 */
#ifndef VS_SIGN_LMSVOTE_H
#define VS_SIGN_LMSVOTE_H

#include "sign/args.h"
#include "sign/lmskey.h"
#include "sign/room.h"

/* Rows for commands that sign with one. */
#define VS_LMS_OPTIONS                                                         \
	VS_TEXT(VS_OPTIONAL, "lms-key", "DIR",                                 \
	        "the person's LMS key, where the keyring asks for one"),       \
		VS_TEXT(VS_OPTIONAL, "passphrase-file", "FILE",                \
	                "its passphrase, mode 0600; asked on the terminal if " \
	                "missing")

/* Opens --lms-key of the person whose token --token is, if it was given;
 * refuses a key whose state is older than the room.  Says by itself what is
 * wrong.  Drop *out in every case.
 */
vs_status vs_lmsvote_open(const struct vs_args *args, const struct vs_room *r,
                          struct vs_lmskey *out) VS_MUST_CHECK;

/* Whether it is open, and the key of this boot id. */
bool vs_lmsvote_is(const struct vs_lmskey *key, const char *id);

/* Warns of a key that is nearly used up: below a tenth. */
void vs_lmsvote_warn(const struct vs_lmskey *key);

#endif
