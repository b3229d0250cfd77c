/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/subject.c - what a signature is over: its name and its bytes.
 */
#include "sign/subject.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "sign/say.h"

static vs_status digest(struct vs_subject *s)
{
	uint8_t hash[32];

	if (EVP_Digest(s->bytes, s->len, hash, NULL, EVP_sha256(), NULL) != 1)
		return vs_say_io(VS_ERR_CRYPTO, s->name);
	vs_hex_encode(hash, sizeof hash, s->sha256);
	return VS_OK;
}

vs_status vs_subject_document(const struct vs_document *d,
                              struct vs_subject *out)
{
	bool ring = strcmp(d->repository, VS_BOOT) == 0;

	*out = (struct vs_subject){
		.bytes = ring ? (const void *)d->bytes : d->envelope.canon,
		.len = ring ? d->body_len : d->envelope.canon_len,
	};
	snprintf(out->name, sizeof out->name, "%.24s %.40s %" PRIu64,
	         d->repository, d->role, d->version);
	snprintf(out->file, sizeof out->file, "%.24s.%.40s.%" PRIu64,
	         d->repository, d->role, d->version);
	return digest(out);
}

vs_status vs_subject_image(const struct vs_image *i, struct vs_subject *out)
{
	*out = (struct vs_subject){.bytes = i->seal.raw,
	                           .len = VS_SEAL_HEADER_LEN};
	snprintf(out->name, sizeof out->name, "seal %s",
	         i->seal.header.component);
	snprintf(out->file, sizeof out->file, "%s.seal",
	         i->seal.header.component);
	return digest(out);
}

vs_status vs_subject_each(const struct vs_proposal *p,
                          vs_status (*each)(void *ctx,
                                            const struct vs_subject *s),
                          void *ctx)
{
	struct vs_subject s;
	vs_status status = VS_OK;

	for (size_t i = 0; i < p->image_count && !status; i++) {
		status = vs_subject_image(&p->images[i], &s);
		if (!status)
			status = each(ctx, &s);
	}
	for (size_t i = 0; i < p->document_count && !status; i++) {
		if (!p->documents[i].present)
			continue;
		status = vs_subject_document(&p->documents[i], &s);
		if (!status)
			status = each(ctx, &s);
	}
	return status;
}
