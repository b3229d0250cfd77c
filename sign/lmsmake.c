/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmsmake.c - folders of LMS keys: made, and cut off from another.
 *
 * A folder is made under another name and renamed when it is whole.  What it
 * may sign with is gone from everywhere else before its state is written.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "sign/lmsfile.h"
#include "sign/lmsgrow.h"
#include "sign/lmsseed.h"
#include "sign/say.h"
#include "trust/json.h"

/* A folder that is being made. */
struct folder {
	const char *final;
	char dir[PATH_MAX]; /* until it is whole */
};

/* Where a file's number is another one tomorrow, the state would be taken for
 * a copy of itself; over a network two machines have it at once.
 */
static vs_status check_filesystem(const char *dir)
{
	static const uint32_t none[] = {
		0x4d44,     /* FAT */
		0x2011bab0, /* exFAT */
		0x5346544e, /* NTFS */
		0x6969,     /* NFS */
		0x517b,     /* SMB */
		0xfe534d42, /* SMB 2 */
		0xff534d42, /* CIFS */
		0x65735546, /* FUSE */
		0x01021997, /* 9P */
	};
	struct statfs fs;

	if (statfs(dir, &fs))
		return vs_say_io(VS_ERR_IO, dir);
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		if ((uint32_t)fs.f_type != none[i])
			continue;
		vs_error("%s: an LMS key cannot lie on this kind of file "
		         "system: take ext4, xfs or btrfs (%s)",
		         dir, vs_reason_name(VS_REASON_UNSUPPORTED));
		return VS_ERR_INPUT;
	}
	return VS_OK;
}

/* Ours, or a temporary beside it. */
static bool is_ours(const char *name)
{
	static const char *const names[] = {VS_LMSFILE_PUBLIC, VS_LMSFILE_SEED,
	                                    VS_LMSFILE_TREE, VS_LMSFILE_LEAVES};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(name, names[i], len) == 0 &&
		    (!name[len] || name[len] == '.'))
			return true;
	}
	return false;
}

/* Removes what a command that failed or was cut off has left. */
static vs_status clear(const char *dir)
{
	DIR *all = opendir(dir);
	bool ok = all != NULL;

	for (struct dirent *e; ok && (e = readdir(all));)
		if (is_ours(e->d_name))
			ok = unlinkat(dirfd(all), e->d_name, 0) == 0;
	if (ok)
		ok = rmdir(dir) == 0;
	if (!ok)
		vs_say_io(VS_ERR_IO, dir);
	if (all)
		closedir(all);
	return ok ? VS_OK : VS_ERR_IO;
}

static vs_status begin(const char *final, struct folder *out)
{
	int n = snprintf(out->dir, sizeof out->dir, "%s.new", final);

	out->final = final;
	if (n < 0 || (size_t)n >= sizeof out->dir)
		return vs_say_io(VS_ERR_LIMIT, final);
	if (vs_file_exists(final)) {
		vs_error("%s: there is something already (%s)", final,
		         vs_reason_name(VS_REASON_CONFLICT));
		return VS_ERR_STATE;
	}
	if (vs_file_exists(out->dir) && clear(out->dir))
		return VS_ERR_IO;
	if (mkdir(out->dir, 0700))
		return vs_say_io(VS_ERR_IO, out->dir);
	vs_status status = check_filesystem(out->dir);
	if (status)
		rmdir(out->dir);
	return status;
}

static vs_status put(const struct folder *f, const char *name,
                     const void *bytes, size_t len)
{
	char path[PATH_MAX];
	vs_status status = vs_lmsfile_path(f->dir, name, path);

	if (status)
		return status;
	status = vs_file_replace(path, bytes, len, 0600);
	return status ? vs_say_io(status, path) : VS_OK;
}

static vs_status put_public(const struct folder *f, const struct vs_lmspub *pub)
{
	VS_AUTO(vs_json_drop) json_t *o = vs_lmspub_encode(pub);
	char path[PATH_MAX];
	vs_status status = vs_lmsfile_path(f->dir, VS_LMSFILE_PUBLIC, path);

	if (status)
		return status;
	return o ? vs_say_json(path, o, 0644) : vs_say_io(VS_ERR_NOMEM, path);
}

/* The state is the last file: a folder without it signs nothing. */
static vs_status put_state(const struct folder *f, const struct vs_lmspub *pub,
                           uint32_t first, uint32_t end)
{
	VS_AUTO(vs_lmskey_drop) struct vs_lmskey key = {.fd = -1, .pub = *pub};
	struct vs_lmsleaf_disk disk = vs_lmsfile_disk(&key);
	struct vs_lmsleaf leaf = {.first = first, .next = first, .end = end};
	char path[PATH_MAX];
	vs_status status = vs_lmsfile_path(f->dir, VS_LMSFILE_LEAVES, path);

	if (status)
		return status;
	status = vs_openssl_init(&key.crypto);
	if (status)
		return vs_say_io(status, path);
	key.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (key.fd < 0)
		return vs_say_io(VS_ERR_IO, path);
	memcpy(leaf.key_id, pub->id, sizeof leaf.key_id);
	status = vs_lmsfile_home(&key, leaf.home);
	if (!status)
		status = vs_lmsleaf_make(&disk, &leaf);
	return status ? vs_say_io(status, path) : VS_OK;
}

static vs_status sync_dir(const char *dir)
{
	VS_AUTO(vs_fd_drop)
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) ? vs_say_io(VS_ERR_IO, dir) : VS_OK;
}

static vs_status commit(const struct folder *f)
{
	char parent[PATH_MAX];
	size_t len = strlen(f->final);
	vs_status status = sync_dir(f->dir);

	if (status)
		return status;
	if (rename(f->dir, f->final))
		return vs_say_io(VS_ERR_IO, f->final);
	while (len && f->final[len - 1] == '/')
		len--;
	while (len && f->final[len - 1] != '/')
		len--;
	if (!len)
		return sync_dir(".");
	memcpy(parent, f->final, len); /* it fitted with a suffix */
	parent[len] = 0;
	return sync_dir(parent);
}

/* What failed leaves nothing; it has said why already. */
static vs_status finish(const struct folder *f, vs_status status)
{
	if (!status)
		status = commit(f);
	if (status && vs_file_exists(f->dir))
		(void)clear(f->dir);
	return status;
}

static vs_status set_names(const struct vs_lmskey_new *want,
                           struct vs_lmspub *out)
{
	if (!*want->holder || strlen(want->holder) >= sizeof out->holder ||
	    !*want->label || strlen(want->label) >= sizeof out->label) {
		vs_error("%s: holder and label: must be texts of 1 to %zu and "
		         "%zu bytes",
		         want->dir, sizeof out->holder - 1,
		         sizeof out->label - 1);
		return VS_ERR_INPUT;
	}
	vs_log_quote(want->holder, out->holder, sizeof out->holder);
	vs_log_quote(want->label, out->label, sizeof out->label);
	return VS_OK;
}

/* Seed and tree of a key that nobody has yet. */
static vs_status grow(const struct folder *f, const struct vs_lmskey_new *want,
                      struct vs_lms_secret *secret, struct vs_lmspub *out)
{
	size_t len = vs_lms_tree_len(want->height);
	VS_AUTO(vs_free_drop) uint8_t *tree = calloc(1, len);
	uint8_t seed[VS_LMSSEED_LEN];

	if (!tree)
		return vs_say_io(VS_ERR_NOMEM, want->dir);
	secret->height = want->height;
	if (RAND_bytes(secret->id, sizeof secret->id) != 1 ||
	    RAND_priv_bytes(secret->seed, sizeof secret->seed) != 1)
		return vs_say_io(VS_ERR_CRYPTO, want->dir);
	vs_status status = vs_lmsgrow(secret, tree, out->key);
	if (!status)
		status = vs_lmsseed_encode(secret->seed, out->key,
		                           want->passphrase, seed);
	if (!status && EVP_Digest(out->key, sizeof out->key, out->id, NULL,
	                          EVP_sha256(), NULL) != 1)
		status = VS_ERR_CRYPTO;
	if (status)
		return vs_say_io(status, want->dir);
	status = put(f, VS_LMSFILE_TREE, tree, len);
	return status ? status : put(f, VS_LMSFILE_SEED, seed, sizeof seed);
}

vs_status vs_lmskey_make(const struct vs_lmskey_new *want,
                         struct vs_lmspub *out)
{
	struct vs_lms_secret secret = {0};
	struct folder f;

	*out = (struct vs_lmspub){0};
	vs_status status = set_names(want, out);
	if (!status)
		status = begin(want->dir, &f);
	if (status)
		return status;
	status = grow(&f, want, &secret, out);
	vs_lms_secret_drop(&secret);
	if (!status)
		status = put_public(&f, out);
	if (!status)
		status = put_state(&f, out, 0, UINT32_C(1) << want->height);
	return finish(&f, status);
}

static vs_status copy(const struct vs_lmskey *key, const struct folder *f,
                      const char *name, size_t max)
{
	char path[PATH_MAX];
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	size_t len;
	vs_status status = vs_lmsfile_path(key->dir, name, path);

	if (status)
		return status;
	status = vs_file_read(path, max, &bytes, &len);
	return status ? vs_say_io(status, path) : put(f, name, bytes, len);
}

vs_status vs_lmskey_reserve(struct vs_lmskey *key, uint32_t count,
                            const char *dir)
{
	size_t tree_len = vs_lms_tree_len(vs_lms_height(key->pub.key));
	struct folder f;
	uint32_t first;
	vs_status status = begin(dir, &f);

	if (status)
		return status;
	status = copy(key, &f, VS_LMSFILE_TREE, tree_len);
	if (!status)
		status = copy(key, &f, VS_LMSFILE_SEED, VS_LMSSEED_LEN);
	if (!status)
		status = put_public(&f, &key->pub);
	if (!status)
		status = vs_lmsfile_take(key, count, &first);
	if (!status)
		status = put_state(&f, &key->pub, first, first + count);
	return finish(&f, status);
}
