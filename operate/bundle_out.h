/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/bundle_out.h - a bundle as it is written: a folder, or one tar file.
 *
 * A tar file has its name only once it is whole; a folder's files each replace
 * what was there.  Each function says by itself what is wrong.
 *
 * Format: docs/formats/bundle.md.
 */
#ifndef VS_OPERATE_BUNDLE_OUT_H
#define VS_OPERATE_BUNDLE_OUT_H

#include <jansson.h>
#include <limits.h>

#include "operate/args.h"

struct vs_bundle_out {
	const char *path; /* keeps */
	bool folder;
	int fd;              /* owned: of the tar file, or of the file begun */
	char part[PATH_MAX]; /* what fd is called now; "": there is none */
	char file[PATH_MAX]; /* in a folder: what it is to be called */
	uint64_t left;       /* of the file begun */
	uint64_t bytes;      /* written so far */
	json_t *names;       /* owned: what is in it already */
};

/* A folder if path ends with a slash or is one.  vs_bundle_out_drop() in every
 * case, which removes what is not whole.
 */
enum vs_exit vs_bundle_out_open(struct vs_bundle_out *o,
                                const char *path) VS_MUST_CHECK;
void vs_bundle_out_drop(struct vs_bundle_out *o); /* also for VS_AUTO */

bool vs_bundle_out_has(const struct vs_bundle_out *o, const char *name);
/* A file of len bytes; then its bytes, in pieces; then its end. */
enum vs_exit vs_bundle_out_begin(struct vs_bundle_out *o, const char *name,
                                 uint64_t len) VS_MUST_CHECK;
enum vs_exit vs_bundle_out_more(struct vs_bundle_out *o, const void *in,
                                size_t len) VS_MUST_CHECK;
enum vs_exit vs_bundle_out_end(struct vs_bundle_out *o) VS_MUST_CHECK;
/* All three; a name that is in it already is passed over. */
enum vs_exit vs_bundle_out_add(struct vs_bundle_out *o, const char *name,
                               const void *in, size_t len) VS_MUST_CHECK;
/* It is whole, and on the disk. */
enum vs_exit vs_bundle_out_close(struct vs_bundle_out *o) VS_MUST_CHECK;

#endif
