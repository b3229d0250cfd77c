/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/net.h - the agent's side of the network: fetch bytes, post
 * reports.
 *
 * Nothing that comes through here is believed by whom it is given to.
 */
#ifndef VS_AGENT_NET_H
#define VS_AGENT_NET_H

#include "agent/conf/conf.h"
#include "agent/key/device_key.h"
#include "agent/reach/bundle.h"
#include "base/buffer.h"
#include "base/http.h"
#include "base/status.h"
#include "trust/tuf.h"

#define VS_URL_LEN 2048

/* After so many times of not getting one from a place, it is asked for packs
 * alone. */
#define VS_NET_DELTA_FAULTS 3

/* A place that has packs and deltas.  Only the server is shown who asks. */
struct vs_net_place {
	const char *url; /* keeps; NULL: there is none */
	struct vs_http *http;
	bool lied;              /* gave wrong bytes of the release at hand */
	unsigned delta_faults;  /* of deltas to it: see VS_NET_DELTA_FAULTS */
	uint64_t rest_until_ms; /* it asked not to be asked before */
};

enum { VS_PLACE_CACHE, VS_PLACE_MIRROR, VS_PLACE_SERVER, VS_PLACES };

struct vs_net {
	/* keeps; NULL: the server is asked.  Else nobody is, and what it has
	 * is taken for what the server would have said. */
	const struct vs_bundle *bundle;
	struct vs_http *http;     /* metadata, seals, reports */
	struct vs_http *download; /* packs: rate limited, its own connection */
	struct vs_http *mirror;   /* the same without credentials */
	const char *server;       /* keeps */
	struct vs_net_place places[VS_PLACES]; /* in the order of asking */
	char release[65];       /* whose bytes they were judged by */
	uint32_t retry_after_s; /* of the last failed answer; 0: not said */
	char error[256];        /* what the last failure was, for a person */
};

/* Keeps conf and key.  VS_OK (vs_net_close); VS_ERR_NOMEM; VS_ERR_IO. */
vs_status vs_net_open(const struct vs_conf *conf, struct vs_device_key *key,
                      struct vs_net *out) VS_MUST_CHECK;
void vs_net_close(struct vs_net *n);

/* Bytes of heads and bodies that came in since it was opened. */
uint64_t vs_net_received(const struct vs_net *n);
/* The places are about to be asked for a release: for another one than
 * before nobody has lied, and if all have, each may try once more.
 */
void vs_net_judge_anew(struct vs_net *n, const char release[static 65]);

/* "SERVER/folder/name" into out.  VS_ERR_LIMIT if it does not fit. */
vs_status vs_net_url(const struct vs_net *n, const char *folder,
                     const char *name,
                     char out[static VS_URL_LEN]) VS_MUST_CHECK;

/* GETs a whole file.  Gives *out (free()).
 * VS_OK; VS_ERR_ABSENT (404, 403); VS_ERR_LIMIT; VS_ERR_IO.
 */
vs_status vs_net_get(struct vs_net *n, const char *folder, const char *name,
                     size_t max, uint8_t **out, size_t *len,
                     uint32_t *retry_after_s) VS_MUST_CHECK;

/* POSTs a report.  VS_OK if the server has it; VS_ERR_IO if not. */
vs_status vs_net_post(struct vs_net *n, const char *name, const char *text,
                      size_t len, struct vs_http_answer *answer) VS_MUST_CHECK;

/* One TUF repository: fetched below SERVER/name, kept in DIR/agent/name. */
struct vs_repo {
	struct vs_net *net; /* NULL: only what is stored */
	const char *name;   /* "director", "image" */
	char dir[PATH_MAX];
	uint32_t retry_after_s; /* of the last timestamp; 0: not said */
	struct vs_tuf_ops ops;  /* points back here: do not move */
};

/* VS_OK; VS_ERR_LIMIT. */
vs_status vs_repo_init(struct vs_repo *r, struct vs_net *net, const char *name,
                       const char *charger_dir) VS_MUST_CHECK;

#endif
