/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/tlog_leaf.h - log entries out of seals and out of metadata.
 *
 * Both ways give the same entry: a release's metadata is made from its
 * seals.  Each function says by itself what is wrong.
 */
#ifndef VS_SIGN_TLOG_LEAF_H
#define VS_SIGN_TLOG_LEAF_H

#include <jansson.h>

#include "seal/keyring.h"
#include "trust/leaf.h"

/* Out of a target of the release role; SBOM and provenance as
 * custom.sbom.sha256 and custom.provenance.sha256 have them.
 */
vs_status vs_tlog_leaf_of_target(const char *path, const json_t *target,
                                 struct vs_leaf *out) VS_MUST_CHECK;

/* Out of a seal file that the ring accepts; ring NULL: of any seal. */
vs_status vs_tlog_leaf_of_seal(const char *path, const struct vs_keyring *ring,
                               struct vs_leaf *out) VS_MUST_CHECK;

#endif
