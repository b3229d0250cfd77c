/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/server.h - an update server in memory.
 *
 * The agent's own requests reach it: server_http.c, linked before the library,
 * is the HTTP client in place of base/http.c; links_server.c is a real server.
 * What it hears it notes in memory that processes share, so that it outlives a
 * charger that loses its power.
 */
#ifndef VS_TESTS_AGENT_SERVER_H
#define VS_TESTS_AGENT_SERVER_H

#include "base/http.h"
#include "tests/agent/maker.h"
#include "tests/trust/repo.h"
#include "trust/report.h"

#define SERVER_URL "https://server"
#define SERVER_PARTS 2
#define HEARD_NOTES 256 /* what is the same again is kept once */

/* What chargers told it, over all their lives. */
struct heard {
	uint64_t reports;
	uint64_t counter; /* the last one */
	char nonce[65];   /* given last, and before */
	char nonce_before[65];
	uint64_t given;
	bool bad; /* a report not signed by the key, a counter that was used
	           * before, a nonce that was not given, or none after one */
	bool refused[VS_REASON_COUNT];
	uint64_t installed; /* reports of that status, */
	uint64_t bundled;   /* and those of them from a bundle */
	struct vs_report last;
	uint64_t pack_bytes;         /* of packs and deltas, */
	uint64_t delta_bytes;        /* and those of them of deltas */
	uint64_t notes[HEARD_NOTES]; /* server_note() of each report */
	size_t note_count;
};

struct server_part {
	const struct made *made;
	char path[80];  /* of the target */
	char name[192]; /* that path with the hash, as it is fetched */
	char pack[65];  /* its SHA-256 */
};

struct server {
	struct repo director, image;
	struct server_part parts[SERVER_PARTS];
	size_t part_count;
	struct vs_key device; /* who signs the reports */
	struct heard *heard;  /* shared */
	bool down;            /* no answer to anything */
	uint64_t issued_s;    /* what timestamps say; 0: nothing */
	bool forgetful;       /* refuses any nonce, and gives none then */
	const char *proof;    /* that each seal is in the log; NULL: none */
	unsigned proofs_asked, seals_asked;
	/* A file below /log/, or NULL; owned by who gives it. */
	const uint8_t *(*log)(const char *name, size_t *len);
	bool log_down; /* no answer to anything below /log/ */
	/* A file below /keyring/, or NULL; owned by who gives it. */
	const uint8_t *(*keyring)(const char *name, size_t *len);
	/* The same below /deltas/. */
	const uint8_t *(*delta)(const char *name, size_t *len);
};

/* Both repositories with nothing to install for CP-0001, published.  One
 * server at a time.
 */
void server_init(struct server *s);
void server_drop(struct server *s);

/* Their roots, and an identity, into maker's charger folder. */
void server_provision(struct server *s, const struct maker *m);

/* Names these in both repositories, not yet published.  controller may be
 * NULL.  Keeps them.
 */
void server_offer(struct server *s, const struct made *gateway,
                  const struct made *controller);
/* Signs all metadata anew, versions one higher. */
void server_publish(struct server *s);
/* The same with a version of the director's that is above this. */
void server_heal(struct server *s, uint64_t director_version);

/* A number for what a report tells, but for who, when and how often. */
uint64_t server_note(const struct vs_report *r);
bool server_heard(uint64_t note);

extern struct server *server_now; /* the one that answers */

/* "PREFIX/rest" -> rest, or NULL. */
const char *server_below(const char *url, const char *prefix);
/* The bytes of a URL below SERVER_URL; NULL: 404. */
const uint8_t *server_find(const char *url, size_t *len);
/* Takes a report.  What was heard is remembered over any power cut. */
void server_hear(const char *text, size_t len, struct vs_http_answer *out);

#endif
