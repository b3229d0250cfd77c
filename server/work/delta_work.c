/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/delta_work.c - the thread that has deltas made.
 */
#include "server/work/delta_work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "server/publish/delta.h"
#include "server/work/pairs.h"

#define USELESS ".useless-"
#define PROGRAM "voltseal-delta"
#define FAILED_MAX 16

enum { look_ms = 200, keep_s = 86400, longest_s = 3600 };

struct vs_delta_work {
	struct vs_server *server;
	pthread_t thread;
	_Atomic bool stopping;
	char folder[VS_ARTIFACT_PATH_MAX];
	/* not tried again before the next start, or before more chargers
	 * would fetch it than so many; the last ones */
	struct {
		char name[VS_DELTA_NAME_LEN];
		uint64_t chargers;
	} failed[FAILED_MAX];
	size_t failed_count;
	struct vs_pairs pairs;
	char names[VS_PAIRS_MAX][VS_DELTA_NAME_LEN]; /* "": none is wanted */
};

static void rest(void)
{
	const struct timespec t = {.tv_nsec = look_ms * 1000000L};

	nanosleep(&t, NULL);
}

/* What each pair's delta is called, if somebody would fetch one. */
static void name_all(struct vs_delta_work *w)
{
	const char *data_dir = w->server->settings->data_dir;

	for (size_t i = 0; i < w->pairs.count; i++) {
		const struct vs_pair *p = &w->pairs.at[i];
		struct vs_way way;

		w->names[i][0] = '\0';
		if (p->chargers == 0 ||
		    vs_way_between(data_dir, &p->from, &p->to, &way) ||
		    way.kind == VS_WAY_NOTHING)
			continue;
		vs_delta_name(way.old_root, way.new_root, w->names[i]);
	}
}

static bool is_wanted(const struct vs_delta_work *w, const char *name)
{
	for (size_t i = 0; i < w->pairs.count; i++)
		if (strcmp(w->names[i], name) == 0)
			return true;
	return false;
}

static bool has_failed(const struct vs_delta_work *w, const char *name,
                       uint64_t chargers)
{
	for (size_t i = 0; i < FAILED_MAX; i++)
		if (strcmp(w->failed[i].name, name) == 0 &&
		    chargers <= w->failed[i].chargers)
			return true;
	return false;
}

/* For more chargers there may be room: others go for it. */
static void note_failed(struct vs_delta_work *w, size_t i, int end)
{
	size_t at = w->failed_count++ % FAILED_MAX;

	memcpy(w->failed[at].name, w->names[i], VS_DELTA_NAME_LEN);
	w->failed[at].chargers =
		end == VS_DELTA_NO_ROOM ? w->pairs.at[i].chargers : UINT64_MAX;
}

static bool is_there(const struct vs_delta_work *w, const char *prefix,
                     const char *name)
{
	char file[sizeof USELESS + VS_DELTA_NAME_LEN];
	char path[VS_ARTIFACT_PATH_MAX];

	snprintf(file, sizeof file, "%s%s", prefix, name);
	return !vs_path_join(path, sizeof path, w->folder, file) &&
	       vs_file_exists(path);
}

/* Who is wanted by nobody goes after a day: it may have been brought before
 * its release.  Gives the bytes of those that stay.
 */
static uint64_t sweep(const struct vs_delta_work *w)
{
	DIR *d = opendir(w->folder);
	const struct dirent *e;
	uint64_t bytes = 0;

	while (d && (e = readdir(d))) {
		const char *name = e->d_name;
		struct stat st;

		if (strncmp(name, USELESS, strlen(USELESS)) == 0)
			name += strlen(USELESS);
		if (!vs_delta_is_name(name) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (is_wanted(w, name) ||
		    (uint64_t)st.st_mtime + keep_s > vs_server_now()) {
			bytes += (uint64_t)st.st_size;
			continue;
		}
		if (unlinkat(dirfd(d), e->d_name, 0) == 0)
			vs_info("delta %.24s...: dropped, nobody would fetch "
			        "it",
			        name);
	}
	if (d)
		closedir(d);
	return bytes;
}

/* Beside this program, or where it is installed. */
static void find_program(char out[static PATH_MAX])
{
	char self[PATH_MAX - sizeof PROGRAM - 1];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	snprintf(out, PATH_MAX, SBINDIR "/" PROGRAM);
	if (n <= 0)
		return;
	self[n] = '\0';
	snprintf(out, PATH_MAX, "%s/" PROGRAM, dirname(self));
}

/* Waits for it; ends it when the server stops, or after an hour. */
static int wait_for(struct vs_delta_work *w, pid_t pid)
{
	uint64_t end_ms = vs_server_ms() + UINT64_C(1000) * longest_s;
	int how = 0;

	for (;;) {
		pid_t got = waitpid(pid, &how, WNOHANG);

		if (got == pid && WIFSIGNALED(how))
			return WTERMSIG(how) == SIGXCPU ? VS_DELTA_NO_TIME
			                                : VS_DELTA_FAILED;
		if (got == pid)
			return WEXITSTATUS(how);
		if (got < 0 && errno != EINTR)
			return VS_DELTA_FAILED;
		if (atomic_load(&w->stopping) || vs_server_ms() > end_ms)
			kill(pid, SIGKILL);
		rest();
	}
}

static int run(struct vs_delta_work *w, const struct vs_pair *p,
               uint64_t room_mb)
{
	const struct vs_settings *s = w->server->settings;
	char program[PATH_MAX], memory[32], disk[32], cpu[32], data_dir[1024];
	char from[2][65], to[2][65];
	char *argv[] = {program, data_dir, from[0], from[1], to[0],
	                to[1],   memory,   disk,    cpu,     NULL};
	char *env[] = {NULL};
	pid_t pid;

	find_program(program);
	snprintf(data_dir, sizeof data_dir, "%s", s->data_dir);
	memcpy(from[0], p->from.seal, 65);
	memcpy(from[1], p->from.pack, 65);
	memcpy(to[0], p->to.seal, 65);
	memcpy(to[1], p->to.pack, 65);
	snprintf(memory, sizeof memory, "%" PRIu64, s->delta_memory_mb);
	snprintf(disk, sizeof disk, "%" PRIu64, room_mb);
	snprintf(cpu, sizeof cpu, "%" PRIu64, s->delta_cpu_s);
	if (posix_spawn(&pid, program, NULL, NULL, argv, env)) {
		vs_warn("%s: cannot be started", program);
		return VS_DELTA_FAILED;
	}
	return wait_for(w, pid);
}

static void note_useless(const struct vs_delta_work *w, const char *name)
{
	char file[sizeof USELESS + VS_DELTA_NAME_LEN];
	char path[VS_ARTIFACT_PATH_MAX];

	snprintf(file, sizeof file, USELESS "%s", name);
	if (vs_path_join(path, sizeof path, w->folder, file) ||
	    vs_file_replace(path, "", 0, 0600))
		vs_warn("%s: cannot be written", path);
}

/* How many chargers would fetch it. */
static uint64_t chargers_of(const struct vs_delta_work *w, const char *name)
{
	uint64_t most = 0;

	for (size_t i = 0; i < w->pairs.count; i++)
		if (strcmp(w->names[i], name) == 0 &&
		    w->pairs.at[i].chargers > most)
			most = w->pairs.at[i].chargers;
	return most;
}

/* Makes room: of those that fewer chargers would fetch than so many, the one
 * for the fewest goes.  What nobody would fetch yet was brought by somebody,
 * and is the sweep's.  False: there is none.
 */
static bool evict(const struct vs_delta_work *w, uint64_t chargers)
{
	char least[VS_DELTA_NAME_LEN] = "", path[VS_ARTIFACT_PATH_MAX];
	DIR *d = opendir(w->folder);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		uint64_t has;

		if (!vs_delta_is_name(e->d_name))
			continue;
		has = chargers_of(w, e->d_name);
		if (has == 0 || has >= chargers)
			continue;
		chargers = has;
		memcpy(least, e->d_name, sizeof least);
	}
	if (d)
		closedir(d);
	if (!least[0] || vs_path_join(path, sizeof path, w->folder, least) ||
	    vs_file_remove(path))
		return false;
	vs_info("delta %.24s...: dropped, for one that more chargers would "
	        "fetch (delta_disk_mb)",
	        least);
	return true;
}

static const char *why_not(int end)
{
	switch (end) {
	case VS_DELTA_NO_ROOM:
		return "no room for it (delta_disk_mb)";
	case VS_DELTA_NO_MEMORY:
		return "takes more memory than it may (delta_memory_mb)";
	case VS_DELTA_NO_TIME:
		return "takes more processor time than it may (delta_cpu_s)";
	default:
		return "could not be made";
	}
}

static void make(struct vs_delta_work *w, size_t i, uint64_t room_mb)
{
	const struct vs_pair *p = &w->pairs.at[i];
	const char *name = w->names[i];
	int end = run(w, p, room_mb);

	if (atomic_load(&w->stopping))
		return;
	if (end == VS_DELTA_MADE) {
		vs_info("delta %.24s...: made, for the %" PRIu64
		        " chargers with %s %s",
		        name, p->chargers, p->component, p->version);
		return;
	}
	if (end == VS_DELTA_USELESS) {
		vs_info("delta %.24s...: would save nothing", name);
		note_useless(w, name);
		return;
	}
	if (end == VS_DELTA_NO_ROOM && evict(w, p->chargers))
		return;
	vs_warn("delta %.24s...: %s", name, why_not(end));
	note_failed(w, i, end);
}

/* The pair that most chargers would gain by; count if there is none. */
static size_t choose(const struct vs_delta_work *w)
{
	size_t best = w->pairs.count;

	for (size_t i = 0; i < w->pairs.count; i++) {
		const char *name = w->names[i];

		if (!name[0] || has_failed(w, name, w->pairs.at[i].chargers) ||
		    is_there(w, "", name) || is_there(w, USELESS, name))
			continue;
		if (best == w->pairs.count ||
		    w->pairs.at[i].chargers > w->pairs.at[best].chargers)
			best = i;
	}
	return best;
}

/* Whether there may be more to do at once. */
static bool look(struct vs_delta_work *w)
{
	uint64_t used_mb;
	size_t i;

	vs_pairs_collect(w->server, NULL, &w->pairs);
	name_all(w);
	used_mb = sweep(w) >> 20;
	i = choose(w);
	if (i == w->pairs.count)
		return false;
	if (used_mb >= w->server->settings->delta_disk_mb) {
		if (evict(w, w->pairs.at[i].chargers))
			return true;
		vs_warn("no deltas are made: delta_disk_mb is used up");
		return false;
	}
	make(w, i, w->server->settings->delta_disk_mb - used_mb);
	return true;
}

static void *work(void *ctx)
{
	struct vs_delta_work *w = ctx;

	while (!atomic_load(&w->stopping)) {
		uint64_t end_ms =
			vs_server_ms() + w->server->settings->delta_s * 1000;

		if (look(w))
			continue;
		while (!atomic_load(&w->stopping) && vs_server_ms() < end_ms)
			rest();
	}
	return NULL;
}

vs_status vs_delta_work_start(struct vs_server *s)
{
	struct vs_delta_work *w;

	if (s->settings->delta_disk_mb == 0)
		return VS_OK;
	w = calloc(1, sizeof *w);
	if (!w)
		return VS_ERR_NOMEM;
	w->server = s;
	if (vs_path_join(w->folder, sizeof w->folder, s->settings->data_dir,
	                 "deltas") ||
	    pthread_create(&w->thread, NULL, work, w)) {
		free(w);
		return VS_ERR_IO;
	}
	s->delta_work = w;
	return VS_OK;
}

void vs_delta_work_stop(struct vs_server *s)
{
	struct vs_delta_work *w = s->delta_work;

	s->delta_work = NULL;
	if (!w)
		return;
	atomic_store(&w->stopping, true);
	pthread_join(w->thread, NULL);
	free(w);
}
