/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/rehash.c - the reading thread.
 */
#include "server/work/rehash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "server/audit/audit.h"
#include "server/publish/artifact.h"

enum { piece = 256 * 1024, look_ms = 200 };

struct vs_rehash {
	struct vs_server *server;
	pthread_t thread;
	_Atomic bool stopping;
	uint8_t bytes[piece];
};

static void rest_ms(uint64_t ms)
{
	const struct timespec t = {.tv_sec = (time_t)(ms / 1000),
	                           .tv_nsec = (long)(ms % 1000) * 1000000L};

	nanosleep(&t, NULL);
}

/* Until the time is over or the server stops. */
static void wait_s(const struct vs_rehash *a, uint64_t s)
{
	uint64_t end_ms = vs_server_ms() + s * 1000;

	while (!atomic_load(&a->stopping) && vs_server_ms() < end_ms)
		rest_ms(look_ms);
}

/* VS_ERR_STATE when the server stops. */
static vs_status hash_file(struct vs_rehash *a, int fd, char hex[static 65])
{
	uint64_t per_s = a->server->settings->rehash_mb_s << 20;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	vs_status status = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1
	                           ? VS_OK
	                           : VS_ERR_CRYPTO;
	uint8_t hash[32];
	ssize_t n = 1;

	/* What the disk has, not what memory remembers of it. */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	while (!status && n > 0) {
		if (atomic_load(&a->stopping))
			status = VS_ERR_STATE;
		n = read(fd, a->bytes, piece);
		if (n < 0)
			status = VS_ERR_IO;
		if (!status && EVP_DigestUpdate(md, a->bytes, (size_t)n) != 1)
			status = VS_ERR_CRYPTO;
		rest_ms((uint64_t)(n > 0 ? n : 0) * 1000 / per_s);
	}
	if (!status && EVP_DigestFinal_ex(md, hash, NULL) != 1)
		status = VS_ERR_CRYPTO;
	EVP_MD_CTX_free(md);
	if (!status)
		vs_hex_encode(hash, sizeof hash, hex);
	return status;
}

struct telling {
	struct vs_job job;
	const char *sha256, *detail;
};

static vs_status run_tell(struct vs_job *job, struct vs_store *store)
{
	const struct telling *t = (struct telling *)job;
	const struct vs_audit record = {"server", "artifact-damaged", t->sha256,
	                                vs_reason_name(VS_REASON_HASH_MISMATCH),
	                                t->detail};

	return vs_audit_append(store, vs_server_now(), &record);
}

static void damaged(struct vs_rehash *a, const char *folder, const char *name,
                    const char *why)
{
	struct telling t = {
		.job = {.run = run_tell}, .sha256 = name, .detail = why};
	char from[VS_ARTIFACT_PATH_MAX], to[VS_ARTIFACT_PATH_MAX + 16];
	vs_status status = vs_path_join(from, sizeof from, folder, name);

	snprintf(to, sizeof to, "%s/.damaged-%s", folder, name);
	if (!status && rename(from, to))
		status = VS_ERR_IO;
	vs_error("artifact %s: %s%s", name, why,
	         status ? "; and it cannot be taken away" : "");
	vs_metrics_count(&a->server->metrics, VS_COUNT_DAMAGED);
	status = vs_writer_call(a->server->writer, &t.job);
	if (status)
		vs_error("artifact %s: audit: %s", name,
		         vs_status_name(status));
}

static void look_at(struct vs_rehash *a, const char *folder, const char *name)
{
	char path[VS_ARTIFACT_PATH_MAX], hex[65];

	if (vs_path_join(path, sizeof path, folder, name))
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	vs_status status = hash_file(a, fd, hex);
	close(fd);
	if (status == VS_ERR_IO)
		damaged(a, folder, name, "the disk cannot read it");
	else if (!status && strcmp(hex, name) != 0)
		damaged(a, folder, name, "its bytes are not its own any more");
	else if (!status)
		vs_metrics_count(&a->server->metrics, VS_COUNT_REHASHED);
}

static void pass(struct vs_rehash *a)
{
	char folder[VS_ARTIFACT_PATH_MAX];
	const struct dirent *e;
	DIR *d = NULL;

	if (!vs_path_join(folder, sizeof folder, a->server->settings->data_dir,
	                  "artifacts"))
		d = opendir(folder);
	if (!d) {
		vs_warn("artifacts: %s", strerror(errno));
		return;
	}
	while (!atomic_load(&a->stopping) && (e = readdir(d)))
		if (vs_hex_is_sha256(e->d_name))
			look_at(a, folder, e->d_name);
	closedir(d);
}

static void *work(void *ctx)
{
	struct vs_rehash *a = ctx;

	while (!atomic_load(&a->stopping)) {
		pass(a);
		wait_s(a, a->server->settings->rehash_s);
	}
	return NULL;
}

vs_status vs_rehash_start(struct vs_server *s)
{
	struct vs_rehash *a = calloc(1, sizeof *a);

	if (!a)
		return VS_ERR_NOMEM;
	a->server = s;
	if (pthread_create(&a->thread, NULL, work, a)) {
		free(a);
		return VS_ERR_IO;
	}
	s->rehash = a;
	return VS_OK;
}

void vs_rehash_stop(struct vs_server *s)
{
	struct vs_rehash *a = s->rehash;

	s->rehash = NULL;
	if (!a)
		return;
	atomic_store(&a->stopping, true);
	pthread_join(a->thread, NULL);
	free(a);
}
