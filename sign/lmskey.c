/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmskey.c - a person's LMS key, opened, unlocked and used.
 *
 * The state lies in one file that is written in place, so that the file
 * itself, by its inode and its birth, tells a copy from the original.
 */
#include "sign/lmskey.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "sign/lmsfile.h"
#include "sign/lmsseed.h"
#include "sign/say.h"

static vs_status disk_read(void *ctx, unsigned copy,
                           uint8_t out[static VS_LMSLEAF_COPY_LEN])
{
	const struct vs_lmskey *k = ctx;

	return vs_file_pread(k->fd, out, VS_LMSLEAF_COPY_LEN,
	                     (uint64_t)copy * VS_LMSFILE_COPY_STEP);
}

static vs_status disk_write(void *ctx, unsigned copy,
                            const uint8_t in[static VS_LMSLEAF_COPY_LEN])
{
	const struct vs_lmskey *k = ctx;
	vs_status status =
		vs_file_pwrite(k->fd, in, VS_LMSLEAF_COPY_LEN,
	                       (uint64_t)copy * VS_LMSFILE_COPY_STEP);

	if (!status && fsync(k->fd))
		status = VS_ERR_IO;
	return status;
}

static vs_status disk_sha256(void *ctx, const uint8_t *in, size_t len,
                             uint8_t out[static 32])
{
	struct vs_lmskey *k = ctx;

	return k->crypto.sha256(k->crypto.ctx, in, len, NULL, 0, out);
}

struct vs_lmsleaf_disk vs_lmsfile_disk(struct vs_lmskey *key)
{
	return (struct vs_lmsleaf_disk){key, disk_read, disk_write,
	                                disk_sha256};
}

vs_status vs_lmsfile_home(struct vs_lmskey *key,
                          uint8_t out[static VS_LMSLEAF_ID_LEN])
{
	struct statx st;
	uint8_t text[24];

	if (statx(key->fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st))
		return VS_ERR_IO;
	if (!(st.stx_mask & STATX_BTIME))
		st.stx_btime = (struct statx_timestamp){0};
	memset(text, 0, sizeof text);
	memcpy(text, &st.stx_ino, sizeof st.stx_ino);
	memcpy(text + 8, &st.stx_btime.tv_sec, sizeof st.stx_btime.tv_sec);
	memcpy(text + 16, &st.stx_btime.tv_nsec, sizeof st.stx_btime.tv_nsec);
	return disk_sha256(key, text, sizeof text, out);
}

vs_status vs_lmsfile_path(const char *dir, const char *name,
                          char out[static PATH_MAX])
{
	vs_status status = vs_path_join(out, PATH_MAX, dir, name);

	return status ? vs_say_io(status, dir) : VS_OK;
}

/* One process at a time counts leaves. */
static vs_status open_state(struct vs_lmskey *key)
{
	char path[PATH_MAX];
	uint8_t home[VS_LMSLEAF_ID_LEN];
	struct vs_lmsleaf_disk disk = vs_lmsfile_disk(key);
	struct vs_why why = {0};
	vs_status status = vs_lmsfile_path(key->dir, VS_LMSFILE_LEAVES, path);

	if (status)
		return status;
	key->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (key->fd < 0)
		return vs_say_io(errno == ENOENT ? VS_ERR_ABSENT : VS_ERR_IO,
		                 path);
	if (flock(key->fd, LOCK_EX | LOCK_NB)) {
		vs_error("%s: another command is at work with this key", path);
		return VS_ERR_STATE;
	}
	status = vs_lmsfile_home(key, home);
	if (status)
		return vs_say_io(status, path);
	status = vs_lmsleaf_load(&disk, key->pub.id, home, &key->leaf, &why);
	if (!status && key->leaf.end > UINT32_C(1)
	                                       << vs_lms_height(key->pub.key))
		status = vs_fail(VS_ERR_INPUT, &why, VS_REASON_MALFORMED,
		                 "has leaves that the tree has not", 0);
	return status ? vs_say_why(status, path, &why) : VS_OK;
}

vs_status vs_lmskey_open(const char *dir, struct vs_lmskey *out)
{
	char path[PATH_MAX];

	size_t len = strlen(dir);

	*out = (struct vs_lmskey){.fd = -1};
	if (len >= sizeof out->dir)
		return vs_say_io(VS_ERR_LIMIT, dir);
	memcpy(out->dir, dir, len + 1);
	vs_status status = vs_openssl_init(&out->crypto);
	if (status)
		return vs_say_io(status, dir);
	status = vs_lmsfile_path(dir, VS_LMSFILE_PUBLIC, path);
	if (!status)
		status = vs_lmspub_load(path, &out->pub);
	return status ? status : open_state(out);
}

void vs_lmskey_drop(struct vs_lmskey *key)
{
	vs_lms_secret_drop(&key->secret);
	vs_openssl_drop(&key->crypto);
	free(key->tree);
	vs_fd_drop(&key->fd);
	*key = (struct vs_lmskey){.fd = -1};
}

static vs_status load_seed(struct vs_lmskey *key, const char *passphrase)
{
	char path[PATH_MAX];
	uint8_t bytes[VS_LMSSEED_LEN];
	struct stat st;
	vs_status status = vs_lmsfile_path(key->dir, VS_LMSFILE_SEED, path);

	if (status)
		return status;
	VS_AUTO(vs_fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return vs_say_io(VS_ERR_IO, path);
	if (!S_ISREG(st.st_mode) || st.st_mode & (S_IRWXG | S_IRWXO)) {
		vs_error("%s: others may read it; chmod 600", path);
		return VS_ERR_DENIED;
	}
	if (vs_file_pread(fd, bytes, sizeof bytes, 0))
		return vs_say_io(VS_ERR_IO, path);
	status = vs_lmsseed_decode(bytes, key->pub.key, passphrase,
	                           key->secret.seed);
	if (status == VS_ERR_DENIED) {
		vs_error("%s: wrong passphrase, or the file was changed", path);
		return status;
	}
	return status ? vs_say_io(status, path) : VS_OK;
}

/* The nodes above the leaves are made anew, up to the public key. */
static vs_status load_tree(struct vs_lmskey *key)
{
	char path[PATH_MAX];
	uint8_t root[VS_LMS_KEY_LEN];
	size_t want = vs_lms_tree_len(key->secret.height), len;
	vs_status status = vs_lmsfile_path(key->dir, VS_LMSFILE_TREE, path);

	if (status)
		return status;
	status = vs_file_read(path, want, &key->tree, &len);
	if (status)
		return vs_say_io(status, path);
	if (len == want)
		status = vs_lms_close(&key->secret, &key->crypto, key->tree,
		                      root);
	if (status)
		return vs_say_io(status, path);
	if (len == want && memcmp(root, key->pub.key, sizeof root) == 0)
		return VS_OK;
	vs_error("%s: is not the tree of this key (%s)", path,
	         vs_reason_name(VS_REASON_HASH_MISMATCH));
	return VS_ERR_REFUSED;
}

vs_status vs_lmskey_unlock(struct vs_lmskey *key, const char *passphrase)
{
	/* no core of it, and no swapping if that can be had */
	if (prctl(PR_SET_DUMPABLE, 0) || mlock(key, sizeof *key))
		vs_warn("%s: the seed may be swapped out: %s", key->dir,
		        strerror(errno));
	key->secret.height = vs_lms_height(key->pub.key);
	memcpy(key->secret.id, key->pub.key + 8, VS_LMS_ID_LEN);
	vs_status status = load_seed(key, passphrase);
	return status ? status : load_tree(key);
}

uint32_t vs_lmskey_left(const struct vs_lmskey *key)
{
	return key->leaf.end - key->leaf.next;
}

vs_status vs_lmskey_enough(const struct vs_lmskey *key, uint32_t count)
{
	uint32_t left = vs_lmskey_left(key);

	if (count <= left)
		return VS_OK;
	if (left)
		vs_error("%s: LMS key %s of %s has %u leaves left, and %u are "
		         "needed (%s)",
		         key->dir, key->pub.label, key->pub.holder,
		         (unsigned)left, (unsigned)count,
		         vs_reason_name(VS_REASON_THRESHOLD));
	else
		vs_error("%s: LMS key %s of %s is used up: it has signed all "
		         "it can; another LMS key of the keyring must sign, "
		         "and its successor is due (%s)",
		         key->dir, key->pub.label, key->pub.holder,
		         vs_reason_name(VS_REASON_THRESHOLD));
	return VS_ERR_LIMIT;
}

vs_status vs_lmsfile_take(struct vs_lmskey *key, uint32_t count,
                          uint32_t *first)
{
	struct vs_lmsleaf_disk disk = vs_lmsfile_disk(key);
	vs_status status = vs_lmskey_enough(key, count);

	if (status)
		return status;
	if (key->broken) /* what is on the disk is not known any more */
		return vs_say_io(VS_ERR_STATE, key->dir);
	status = vs_lmsleaf_take(&disk, &key->leaf, count, first);
	key->broken = status != VS_OK;
	return status ? vs_say_io(status, key->dir) : VS_OK;
}

vs_status vs_lmskey_sign(struct vs_lmskey *key, const void *message, size_t len,
                         uint8_t sig[static VS_LMS_SIG_LEN_MAX],
                         size_t *sig_len)
{
	struct vs_lms_job job = {.message = message, .len = len};
	vs_status status = vs_lmsfile_take(key, 1, &job.leaf);

	if (status)
		return status;
	if (RAND_bytes(job.randomizer, sizeof job.randomizer) != 1)
		return vs_say_io(VS_ERR_CRYPTO, key->dir);
	status = vs_lms_sign(&key->secret, &key->crypto, key->tree, &job, sig);
	*sig_len = VS_LMS_SIG_LEN(key->secret.height);
	return status ? vs_say_io(status, key->dir) : VS_OK;
}
