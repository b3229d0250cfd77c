/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/repository.h - where a plain TUF client keeps and gets metadata.
 *
 * Files lie in one folder under their role's name, byte for byte as received,
 * each replaced atomically.
 */
#ifndef VS_OPERATE_REPOSITORY_H
#define VS_OPERATE_REPOSITORY_H

#include "base/http.h"
#include "trust/tuf.h"

struct vs_repository {
	const char *dir;      /* keeps */
	const char *url;      /* keeps; NULL: nothing can be fetched */
	struct vs_http *http; /* keeps; NULL if url is */
};

/* Gives the operations over *r, which is kept. */
void vs_repository_ops(struct vs_repository *r, struct vs_tuf_ops *out);

/* "BASE/NAME" with one slash between.  VS_ERR_LIMIT if it does not fit. */
vs_status vs_repository_url(const char *base, const char *name, char *out,
                            size_t cap) VS_MUST_CHECK;

#endif
