/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/source.h - where the bytes of a pack come from, believed by
 * nobody.
 *
 * A source is read by one thread at a time.  The network and a local file
 * look the same to the install; so will a socket to another process.
 */
#ifndef VS_AGENT_SOURCE_H
#define VS_AGENT_SOURCE_H

#include "base/http.h"
#include "base/status.h"

struct vs_source {
	void *ctx;
	/* Begins to read the bytes first..last (inclusive) of the pack; ends
	 * what was open before.  VS_OK; VS_ERR_ABSENT; VS_ERR_IO. */
	vs_status (*open)(void *ctx, uint64_t first, uint64_t last);
	/* The next len bytes, exactly.  VS_OK; VS_ERR_IO. */
	vs_status (*read)(void *ctx, void *out, size_t len);
	void (*close)(void *ctx);
	/* The same of the delta from one image to another, which are named by
	 * their root hashes; last may be beyond its end.  *len: all of it.
	 * VS_OK; VS_ERR_ABSENT: there is none; VS_ERR_IO.  NULL: there never
	 * is. */
	vs_status (*open_delta)(void *ctx, const uint8_t *old_root,
	                        const uint8_t *new_root, uint64_t first,
	                        uint64_t last, uint64_t *len);
};

/* A pack in a local file (USB stick, service laptop, factory). */
struct vs_file_source {
	int fd; /* owned */
	uint64_t at;
};

/* VS_OK; VS_ERR_ABSENT; VS_ERR_IO.  vs_file_source_close() in every case. */
vs_status vs_file_source_open(struct vs_file_source *f, const char *path,
                              struct vs_source *out) VS_MUST_CHECK;
void vs_file_source_close(struct vs_file_source *f);

/* A pack behind an URL. */
struct vs_http_source {
	struct vs_http *http; /* keeps */
	const char *url;      /* of the pack; keeps */
	const char *deltas;   /* folder of deltas; keeps; NULL: none */
	struct vs_http_stream *stream;
	bool delta;             /* the stream is of one */
	uint64_t received_max;  /* of http, by vs_http_received(); 0: none */
	uint64_t delta_max;     /* a longer one is as none; 0: none is */
	bool gave;              /* some bytes came */
	bool failed;            /* the last it did was to fail */
	bool delta_failed;      /* and that was about a delta */
	bool spent;             /* for received_max */
	uint32_t retry_after_s; /* it asked to wait, and is not asked again */
};

/* received_max, delta_max and deltas are zero, and may be set. */
void vs_http_source_init(struct vs_http_source *h, struct vs_http *http,
                         const char *url, struct vs_source *out);

#endif
