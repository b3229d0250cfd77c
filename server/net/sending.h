/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/sending.h - artifacts that are being sent, each open once.
 *
 * A thousand chargers that fetch one pack need one descriptor.  Which file it
 * is the file system says at each request: what was taken away under its name
 * is sent to nobody new.
 */
#ifndef VS_SERVER_NET_SENDING_H
#define VS_SERVER_NET_SENDING_H

#include <microhttpd.h>
#include <pthread.h>

#include "base/status.h"

/* So many artifacts at once: no more are opened. */
#define VS_SENDING_FILES 2048u

struct vs_sending;

struct vs_sendings {
	pthread_mutex_t lock; /* guards what follows */
	struct vs_sending *first;
	size_t files; /* open now */
};

void vs_sendings_init(struct vs_sendings *s);
/* When everything has been sent or broken off. */
void vs_sendings_drop(struct vs_sendings *s);

/* The answer that sends len bytes from offset on; takes fd; s is kept until
 * the answer is destroyed.  NULL without memory, or with too many open.
 */
struct MHD_Response *vs_sending_answer(struct vs_sendings *s, int fd,
                                       uint64_t offset, uint64_t len);

#endif
