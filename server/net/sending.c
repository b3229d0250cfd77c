/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/sending.c - artifacts that are being sent, each open once.
 */
#include "server/net/sending.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two TLS records: libmicrohttpd would read 4 KiB at a time, and send as much
 * in each record.
 */
enum { piece = 32 * 1024 };

/* An open file. */
struct vs_sending {
	struct vs_sending *next;
	int fd;
	dev_t dev;
	ino_t ino;
	size_t users;
};

/* One answer. */
struct part {
	struct vs_sendings *all;
	struct vs_sending *file;
	uint64_t offset, len;
};

void vs_sendings_init(struct vs_sendings *s)
{
	*s = (struct vs_sendings){.first = NULL};
	pthread_mutex_init(&s->lock, NULL);
}

void vs_sendings_drop(struct vs_sendings *s)
{
	assert(!s->first);
	pthread_mutex_destroy(&s->lock);
}

/* Takes fd: it is closed at once if the file is open already.  While a file
 * is open no other can have its number.
 */
static struct vs_sending *join(struct vs_sendings *s, int fd)
{
	struct vs_sending *f = NULL;
	struct stat is;

	pthread_mutex_lock(&s->lock);
	if (!fstat(fd, &is)) {
		f = s->first;
		while (f && (f->dev != is.st_dev || f->ino != is.st_ino))
			f = f->next;
	} else {
		close(fd);
		fd = -1;
	}
	if (f) {
		close(fd);
	} else if (fd >= 0 && s->files < VS_SENDING_FILES &&
	           (f = calloc(1, sizeof *f))) {
		*f = (struct vs_sending){.next = s->first,
		                         .fd = fd,
		                         .dev = is.st_dev,
		                         .ino = is.st_ino};
		s->first = f;
		s->files++;
	} else if (fd >= 0) {
		close(fd);
	}
	if (f)
		f->users++;
	pthread_mutex_unlock(&s->lock);
	return f;
}

static void leave(struct vs_sendings *s, struct vs_sending *f)
{
	struct vs_sending **at = &s->first;

	pthread_mutex_lock(&s->lock);
	if (--f->users == 0) {
		while (*at != f)
			at = &(*at)->next;
		*at = f->next;
		s->files--;
		close(f->fd);
		free(f);
	}
	pthread_mutex_unlock(&s->lock);
}

static ssize_t read_piece(void *ctx, uint64_t at, char *out, size_t max)
{
	const struct part *p = ctx;
	ssize_t n;

	if (at >= p->len)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (max > p->len - at)
		max = (size_t)(p->len - at);
	do
		n = pread(p->file->fd, out, max, (off_t)(p->offset + at));
	while (n < 0 && errno == EINTR);
	/* Cut short under us, or unreadable: the other side sees less than
	 * was announced. */
	return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_part(void *ctx)
{
	struct part *p = ctx;

	leave(p->all, p->file);
	free(p);
}

struct MHD_Response *vs_sending_answer(struct vs_sendings *s, int fd,
                                       uint64_t offset, uint64_t len)
{
	struct part *p = calloc(1, sizeof *p);
	struct vs_sending *file = join(s, fd);
	struct MHD_Response *answer = NULL;

	if (p && file) {
		*p = (struct part){s, file, offset, len};
		answer = MHD_create_response_from_callback(
			len, piece, read_piece, p, free_part);
	}
	if (answer)
		return answer;
	if (file)
		leave(s, file);
	free(p);
	return NULL;
}
