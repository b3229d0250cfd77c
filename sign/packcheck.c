/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/packcheck.c - whether a pack decodes to the image a seal is about.
 *
 * The people who sign and the one who publishes look at the bytes themselves,
 * not at what the proposal says of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "seal/pack.h"
#include "sign/progress.h"
#include "sign/release.h"
#include "sign/say.h"

struct check {
	const char *pack;
	int fd;
	const struct vs_seal *seal;
	struct vs_crypto crypto;
	struct vs_pack_index index;
	struct vs_pack_decoder *decoder;
	uint8_t *frame, *data;
	EVP_MD_CTX *md;
};

static void drop(struct check *c)
{
	EVP_MD_CTX_free(c->md);
	free(c->frame);
	free(c->data);
	vs_pack_decoder_free(&c->decoder);
	vs_pack_index_drop(&c->index);
	vs_openssl_drop(&c->crypto);
	vs_fd_drop(&c->fd);
}

static vs_status read_index(struct check *c)
{
	uint8_t head[VS_PACK_HEAD_LEN];
	struct vs_pack_head fields;
	struct vs_why why = {0};
	vs_status status = vs_file_pread(c->fd, head, sizeof head, 0);

	if (status)
		return vs_say_io(status, c->pack);
	status = vs_pack_head_decode(head, &fields, &why);
	if (status)
		return vs_say_why(status, c->pack, &why);
	if (fields.image_len != c->seal->header.image_len ||
	    memcmp(fields.root_hash, c->seal->header.root_hash,
	           VS_SHA256_LEN) != 0) {
		vs_error("%s: root hash: is of another image than the seal",
		         c->pack);
		return VS_ERR_REFUSED;
	}
	size_t len = vs_pack_index_len(&fields) - VS_PACK_HEAD_LEN;
	VS_AUTO(vs_free_drop) uint8_t *bytes = malloc(len);
	if (!bytes)
		return vs_say_io(VS_ERR_NOMEM, c->pack);
	status = vs_file_pread(c->fd, bytes, len, VS_PACK_HEAD_LEN);
	if (status)
		return vs_say_io(status, c->pack);
	status = vs_pack_index_decode(&fields, bytes, len, &c->index, &why);
	return status ? vs_say_why(status, c->pack, &why) : VS_OK;
}

static vs_status check_cluster(struct check *c, uint64_t i)
{
	const struct vs_tree *tree = &c->seal->tree;
	uint64_t at = c->index.at[i];
	size_t len = (size_t)(c->index.at[i + 1] - at);
	size_t want = vs_tree_cluster_len(tree, i);
	uint8_t leaves[VS_BLOCK_LEN];
	struct vs_why why = {0};
	vs_status status = vs_file_pread(c->fd, c->frame, len, at);

	if (status)
		return vs_say_io(status, c->pack);
	status = vs_pack_decode(c->decoder, c->frame, len, c->data, want, &why);
	if (!status)
		status = vs_tree_check_cluster(tree, &c->crypto,
		                               &c->seal->header, c->seal->upper,
		                               i, c->data, leaves, &why);
	if (!status && EVP_DigestUpdate(c->md, c->data, want) != 1)
		status = vs_fail(VS_ERR_CRYPTO, &why, VS_REASON_NONE,
		                 "hash failed", 0);
	return status ? vs_say_why(status, c->pack, &why) : VS_OK;
}

static vs_status prepare(struct check *c, const char *seal_path)
{
	struct vs_why why = {0};
	vs_status status = vs_openssl_init(&c->crypto);

	if (!status)
		status = vs_pack_decoder_new(&c->decoder);
	c->frame = malloc(VS_PACK_FRAME_MAX);
	c->data = malloc(VS_CLUSTER_LEN);
	c->md = EVP_MD_CTX_new();
	if (status || !c->frame || !c->data || !c->md ||
	    EVP_DigestInit_ex(c->md, EVP_sha256(), NULL) != 1)
		return vs_say_io(VS_ERR_NOMEM, c->pack);
	status = vs_tree_check_upper(&c->seal->tree, &c->crypto,
	                             &c->seal->header, c->seal->upper, &why);
	if (status)
		return vs_say_why(status, seal_path, &why);
	c->fd = open(c->pack, O_RDONLY | O_CLOEXEC);
	return c->fd < 0 ? vs_say_io(VS_ERR_IO, c->pack) : read_index(c);
}

vs_status vs_pack_check(const char *pack, const struct vs_seal *seal,
                        const char *seal_path, char image_sha256[static 65])
{
	struct check c = {.pack = pack, .fd = -1, .seal = seal};
	const char *name = strrchr(pack, '/');
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct vs_progress bar;
	vs_status status = prepare(&c, seal_path);

	vs_progress_start(&bar, name ? name + 1 : pack, seal->tree.image_len);
	for (uint64_t i = 0; i < seal->tree.clusters && !status; i++) {
		status = check_cluster(&c, i);
		vs_progress_step(&bar, vs_tree_cluster_len(&seal->tree, i));
	}
	vs_progress_end(&bar);
	if (!status && EVP_DigestFinal_ex(c.md, digest, NULL) != 1)
		status = vs_say_io(VS_ERR_CRYPTO, pack);
	if (!status)
		vs_hex_encode(digest, 32, image_sha256);
	drop(&c);
	return status;
}

static vs_status check_image(const struct vs_image *i)
{
	char sha256[65];
	uint64_t len;
	vs_status status = vs_file_sha256(i->pack_path, sha256, &len);

	if (status)
		return vs_say_io(status, i->pack_path);
	if (len != i->pack_len || strcmp(sha256, i->pack_sha256) != 0) {
		vs_error("%s: pack: was changed after it was proposed (%s)",
		         i->pack_path, vs_reason_name(VS_REASON_HASH_MISMATCH));
		return VS_ERR_REFUSED;
	}
	status = vs_pack_check(i->pack_path, &i->seal, i->seal_path, sha256);
	if (status)
		return status;
	if (strcmp(sha256, i->image_sha256) != 0) {
		vs_error("%s: imageSha256: is not of this image (%s)",
		         i->pack_path, vs_reason_name(VS_REASON_HASH_MISMATCH));
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}

vs_status vs_release_check_packs(const struct vs_proposal *p)
{
	vs_status status = VS_OK;

	for (size_t i = 0; i < p->image_count && !status; i++)
		status = check_image(&p->images[i]);
	return status;
}
