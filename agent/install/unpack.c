/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/unpack.c - starting and ending it.
 *
 * Disk's mapping of the clusters is for reading alone, and nobody can shorten
 * what both have mapped.
 */
#include "agent/install/unpack.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/line/birth.h"
#include "base/file.h"

#define NAME VS_UNPACK_USER
#define START_MS 10000
#define ANSWER_MS 30000

static const char *const texts[VS_BIRTH_TEXTS] = VS_BIRTH_SAY(NAME);

static vs_status fail(vs_status status, struct vs_why *why, const char *what)
{
	return vs_fail(status, why, VS_REASON_UNREADABLE, what, 0);
}

/* Where its lanes lie: frames for writing, clusters for reading. */
static vs_status map_lanes(struct vs_unpack *u, int shared)
{
	for (unsigned i = 0; i < u->count; i++) {
		struct vs_lane *l = &u->lanes[i];
		off_t at = (off_t)(i * VS_LANE_LEN);
		void *frame =
			mmap(NULL, VS_LANE_FRAME_LEN, PROT_READ | PROT_WRITE,
		             MAP_SHARED, shared, at);
		void *cluster =
			mmap(NULL, VS_LANE_CLUSTER_LEN, PROT_READ, MAP_SHARED,
		             shared, at + (off_t)VS_LANE_FRAME_LEN);

		l->frame = frame == MAP_FAILED ? NULL : frame;
		l->cluster = cluster == MAP_FAILED ? NULL : cluster;
		if (!l->frame || !l->cluster)
			return VS_ERR_NOMEM;
	}
	return VS_OK;
}

static vs_status share(struct vs_unpack *u, int *shared)
{
	*shared = memfd_create("lanes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*shared < 0 ||
	    ftruncate(*shared, (off_t)(u->count * VS_LANE_LEN)) != 0 ||
	    fcntl(*shared, F_ADD_SEALS,
	          F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return VS_ERR_NOMEM;
	return map_lanes(u, *shared);
}

static vs_status open_sockets(struct vs_unpack *u, struct vs_birth *b)
{
	for (unsigned i = 0; i < u->count; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		               pair) != 0)
			return VS_ERR_IO;
		u->lanes[i].fd = pair[0];
		b->fds[b->count++] = pair[1];
	}
	return VS_OK;
}

/* The shared memory and the other ends, which are the child's alone. */
static void drop_fds(struct vs_birth *b)
{
	for (unsigned i = 0; i < b->count; i++)
		vs_fd_drop(&b->fds[i]);
}

static vs_status bear(struct vs_unpack *u, const char *path, int old,
                      struct vs_why *why)
{
	VS_AUTO(drop_fds)
	struct vs_birth b = {
		.texts = texts,
		.name = NAME,
		.path = path,
		.uid = VS_UNPACK_UID,
		.memory_max = VS_UNPACK_MEMORY_MAX,
		.with_thread = true,
		.arg = (char)(old < 0 ? '0' + u->count : VS_UNPACK_DELTA),
		.count = 1};
	vs_status status = share(u, &b.fds[0]);

	if (status == VS_OK)
		status = open_sockets(u, &b);
	/* It has the rights that it was opened with, for whoever has it. */
	if (status == VS_OK && old >= 0 &&
	    (fcntl(old, F_GETFL) & O_ACCMODE) != O_RDONLY)
		return fail(VS_ERR_DENIED, why,
		            "the running slot is open for writing");
	if (status == VS_OK && old >= 0) {
		b.fds[b.count] = fcntl(old, F_DUPFD_CLOEXEC, 0);
		status = b.fds[b.count++] >= 0 ? VS_OK : VS_ERR_IO;
	}
	if (status != VS_OK)
		return fail(status, why, "no memory or sockets to unpack");
	return vs_birth(&b, &u->pid, why);
}

static vs_status start(struct vs_unpack *u,
                       const struct vs_unpack_program *program, unsigned count,
                       int old, struct vs_why *why)
{
	static const struct vs_unpack_program preset = {NULL, 0};
	vs_status status;

	program = program ? program : &preset;
	*u = (struct vs_unpack){.pid = -1, .count = count};
	for (unsigned i = 0; i < VS_LANES_MAX; i++) {
		u->lanes[i].fd = -1;
		u->lanes[i].answer_ms = START_MS;
	}
	status = count <= VS_LANES_MAX ? bear(u, program->path, old, why)
	                               : VS_ERR_LIMIT;
	for (unsigned i = 0; status == VS_OK && i < count; i++)
		if (vs_lane_start(&u->lanes[i]) != VS_OK)
			status = fail(VS_ERR_IO, why,
			              texts[vs_birth_end(&u->pid)]);
	for (unsigned i = 0; i < VS_LANES_MAX; i++)
		u->lanes[i].answer_ms =
			program->answer_ms ? program->answer_ms : ANSWER_MS;
	if (status != VS_OK)
		vs_unpack_end(u);
	return status;
}

vs_status vs_unpack_start(struct vs_unpack *u,
                          const struct vs_unpack_program *program,
                          unsigned count, struct vs_why *why)
{
	return start(u, program, count, -1, why);
}

vs_status vs_unpack_start_delta(struct vs_unpack *u,
                                const struct vs_unpack_program *program,
                                int old, struct vs_why *why)
{
	return start(u, program, 1, old, why);
}

void vs_unpack_end(struct vs_unpack *u)
{
	for (unsigned i = 0; i < u->count && i < VS_LANES_MAX; i++) {
		struct vs_lane *l = &u->lanes[i];

		vs_fd_drop(&l->fd);
		l->fd = -1;
		if (l->frame)
			munmap(l->frame, VS_LANE_FRAME_LEN);
		if (l->cluster)
			munmap((void *)(uintptr_t)l->cluster,
			       VS_LANE_CLUSTER_LEN);
		l->frame = NULL;
		l->cluster = NULL;
	}
	(void)vs_birth_end(&u->pid);
}
