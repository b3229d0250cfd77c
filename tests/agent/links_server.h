/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/links_server.h - a real HTTPS server on loopback, behind a link
 * that makes one kind of fault.
 *
 * It serves what server.h has, to the real HTTP client.  One in a process, in
 * threads of its own, under four names: links.test is the update server;
 * cache.test, mirror.test and other.test have packs alone.  Names are looked
 * up here too.
 */
#ifndef VS_TESTS_AGENT_LINKS_SERVER_H
#define VS_TESTS_AGENT_LINKS_SERVER_H

#include <limits.h>

#include "tests/agent/server.h"

enum link_fault {
	LINK_LATENCY,
	LINK_LOSS,        /* a stall, then a reset */
	LINK_TRICKLE,     /* a byte a second */
	LINK_STALL,       /* nothing more, for ever */
	LINK_CUT,         /* closed after byte n */
	LINK_WRONG_RANGE, /* the bytes asked for, under another name */
	LINK_OTHER_RANGE, /* other bytes than asked for */
	LINK_CHANGED,     /* the file changed: another ETag, other bytes */
	LINK_ERROR_5XX,
	LINK_TOO_MANY,      /* 429 with Retry-After */
	LINK_TRUNCATED,     /* shorter than asked for, and says so */
	LINK_TOO_LONG,      /* longer than asked for, and says so */
	LINK_ENDLESS,       /* right bytes, and then without end */
	LINK_PORTAL,        /* 200 and a web page */
	LINK_TO_HTTP,       /* redirects: to http, */
	LINK_TO_ITSELF,     /* in a loop, */
	LINK_TO_OTHER_HOST, /* and where another host has it */
	LINK_NO_NAME,       /* DNS fails */
	LINK_CLOCK,         /* the system's clock jumps */
	LINK_RESTART,       /* the server is away for a moment */
	LINK_HALF_CLOSED,   /* TCP is closed in one direction */
	LINK_WRONG_CERT,
	LINK_NO_RANGES, /* HTTP/1.0 200 and the whole file */
	LINK_GZIP,      /* an encoding that nobody asked for */
	LINK_SLOW_TLS,
	LINK_FAULTS,
	LINK_NONE = LINK_FAULTS,
};

enum link_host { HOST_SERVER, HOST_CACHE, HOST_MIRROR, HOST_OTHER, HOSTS };

struct links_plan {
	enum link_fault fault;
	enum link_host where;
	uint64_t seed;
	bool packs_only;
	unsigned skip;    /* requests answered well before */
	unsigned count;   /* requests that meet the fault; UINT_MAX: all */
	unsigned retry_s; /* what LINK_TOO_MANY asks for; 0: by seed */
	unsigned absent;  /* bit 1 << host: that host has nothing */
	unsigned named;   /* bit 1 << host: in agent.conf */
};

/* What the server saw. */
struct links_seen {
	_Atomic unsigned requests, faults;
	_Atomic unsigned asked[HOSTS];    /* requests for packs */
	_Atomic uint64_t bytes;           /* given to the link, heads too */
	_Atomic uint64_t last_ms, gap_ms; /* agent's time of the last fault,
	                                   * and from it to what came next */
	_Atomic bool plain;               /* somebody spoke without TLS */
	_Atomic bool credentials;         /* a client certificate or an
	                                   * Authorization, elsewhere */
	_Atomic bool nobody;              /* no certificate at the server */
};

extern struct links_seen links_seen;

/* Makes the CA's, the server's and the wrong certificate in dir: ca.pem. */
void links_make_identity(const char *dir);
/* While the server is away no time passes. */
extern _Atomic bool links_away;
/* Listens; gives the port. */
unsigned links_start(const char *dir, const struct links_plan *plan);

#endif
