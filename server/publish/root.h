/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/root.h - a root file that this server is given, held against
 * itself and the one before it.
 *
 * Standard: TUF 1.0.34 section 5.3.
 */
#ifndef VS_SERVER_PUBLISH_ROOT_H
#define VS_SERVER_PUBLISH_ROOT_H

#include "base/status.h"

struct vs_root_file {
	const uint8_t *bytes;
	size_t len;
};

/* root satisfies itself and, if there is one, the root before it, and is of
 * this version; who signs the online roles is another question.
 * VS_OK; VS_ERR_REFUSED (THRESHOLD, WRONG_VERSION); VS_ERR_INPUT.
 */
vs_status vs_root_check(const struct vs_root_file *root,
                        const struct vs_root_file *before, uint64_t version,
                        struct vs_why *why) VS_MUST_CHECK;

#endif
