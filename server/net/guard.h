/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/guard.h - who is connected to a listener, and for how long.
 *
 * A stranger is a connection on which nobody has proved himself yet.  There
 * are few of one address, they have to get on, and the oldest gives way when
 * the listener is full: strangers cannot keep others out.  A handshake is
 * counted before it costs anything.  Whoever is known has so many connections,
 * and keeps them while he uses them: over three quarters of all, those that
 * rest are ended.  Whatever is sent or fetched has to move.
 *
 * To cut a connection is to shut its socket down; the listener finds it ended
 * and calls vs_guard_leave().  Any thread may call anything.
 */
#ifndef VS_SERVER_NET_GUARD_H
#define VS_SERVER_NET_GUARD_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/status.h"

struct vs_guard_limits {
	unsigned connections;    /* in all */
	unsigned strangers;      /* of one address */
	unsigned of_each;        /* of one who is known; 0: any number */
	unsigned handshakes;     /* under way */
	unsigned handshake_rate; /* begun in a second; 0: any number */
	unsigned handshake_s;    /* from the connection to its end */
	unsigned idle_s;         /* between two requests of one we know */
	unsigned request_s;      /* for the head of a request */
	unsigned min_bytes_s;    /* of a body or an answer, over request_s */
};

enum vs_guard_refusal {
	VS_REFUSED_FULL,
	VS_REFUSED_ADDRESS,
	VS_REFUSED_HANDSHAKES,
	VS_REFUSED_END,
};

enum vs_guard_cut {
	VS_CUT_HANDSHAKE, /* not done within handshake_s */
	VS_CUT_REQUEST,   /* no request within its time */
	VS_CUT_SLOW,      /* a body or an answer below min_bytes_s */
	VS_CUT_ROOM,      /* gave way to others */
	VS_CUT_NEWER,     /* of one who has of_each newer ones */
	VS_CUT_END,
};

struct vs_guard_figures {
	_Atomic uint64_t refused[VS_REFUSED_END], cut[VS_CUT_END];
	_Atomic uint64_t handshakes[2]; /* done: full, resumed */
	_Atomic uint64_t under_way;     /* handshakes, now */
	_Atomic uint64_t strangers;     /* now */
};

enum vs_guard_phase {
	VS_GUARD_HANDSHAKE, /* or nothing was said yet */
	VS_GUARD_IDLE,      /* a request may come */
	VS_GUARD_BODY,      /* a request's body comes */
	VS_GUARD_BUSY,      /* it is ours to do something */
	VS_GUARD_ANSWER,    /* an answer goes out */
	VS_GUARD_STREAM,    /* so does one without end; it may rest */
};

struct vs_guard;
struct vs_parked;

/* One connection.  The caller makes it with zeroes, sets what is above the
 * line, and keeps it until vs_guard_leave().
 */
struct vs_guest {
	struct vs_guard *guard;
	int fd; /* borrowed: open until vs_guard_leave() */
	uint8_t address[16];
	size_t address_len;
	void *peer;               /* the caller's */
	struct vs_parked *parked; /* likewise */
	/* ---- */
	_Atomic unsigned phase; /* of enum vs_guard_phase */
	_Atomic uint64_t since_ms, moved;
	uint64_t key; /* of the address, or of who is known */
	uint64_t entered_ms, looked_ms, moved_then;
	bool known, shaking, cut;
	struct vs_guest *before, *after; /* strangers, or those we know */
	struct vs_guest *twin;           /* in the same bucket */
};

/* limits are copied, figures kept.  VS_OK; VS_ERR_NOMEM. */
vs_status vs_guard_new(const struct vs_guard_limits *limits,
                       struct vs_guard_figures *figures, uint64_t seed,
                       struct vs_guard **out) VS_MUST_CHECK;
/* When everybody has left. */
void vs_guard_free(struct vs_guard **g);

/* Whether one more connection of this address may come; somebody may be cut
 * for it.
 */
bool vs_guard_admit(struct vs_guard *g, const uint8_t *address, size_t len,
                    uint64_t now_ms);
void vs_guard_enter(struct vs_guest *guest, uint64_t now_ms);
/* He says hello: false if his handshake must not begin now. */
bool vs_guard_hello(struct vs_guest *guest, uint64_t now_ms);
void vs_guard_shaken(struct vs_guest *guest, bool resumed, uint64_t now_ms);
/* He has proved to be this one.  Again and again: the first time counts. */
void vs_guard_know(struct vs_guest *guest, const char *name);
void vs_guard_phase(struct vs_guest *guest, enum vs_guard_phase phase,
                    uint64_t now_ms);
/* So many bytes of his body came. */
void vs_guard_moved(struct vs_guest *guest, size_t len);
void vs_guard_leave(struct vs_guest *guest);

/* Cuts those whose time is over; to be called about once a second. */
void vs_guard_step(struct vs_guard *g, uint64_t now_ms);

#endif
