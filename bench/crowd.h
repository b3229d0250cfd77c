/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/crowd.h - many TLS connections to one server, from one thread.
 *
 * A link connects, shakes hands, asks and reads the answer; who drives it is
 * told when it is ready and when an answer is whole, and asks again.  Every
 * handshake is a full one.
 */
#ifndef VS_BENCH_CROWD_H
#define VS_BENCH_CROWD_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

enum crowd_state {
	CROWD_AWAY, /* no connection */
	CROWD_CONNECTING,
	CROWD_SHAKING,
	CROWD_READY, /* nothing is asked */
	CROWD_SENDING,
	CROWD_READING,
};

enum { CROWD_KEEP = 4096 }; /* so much of an answer is kept */

struct crowd_link {
	struct crowd *crowd;
	unsigned number;
	enum crowd_state state;
	int fd;
	SSL *ssl;
	X509 *certificate; /* keeps; NULL: none is shown */
	const char *out;   /* keeps, until the answer is there */
	size_t out_len, out_at;
	char *in; /* owned; head and body, as much as is kept */
	size_t in_len;
	int code;           /* of the answer */
	const char *body;   /* in in, once the head is whole */
	uint64_t body_left; /* bytes of it that are not read yet */
	uint64_t due_us;    /* whoever drives it: when it was to ask */
	uint64_t budget;    /* bytes that a slow reader may read now */
	bool slow;          /* it reads only what its budget allows */
	bool closes;        /* the server ends it after this answer */
	unsigned tries;     /* whoever drives it */
};

struct crowd {
	int epoll;
	SSL_CTX *tls;
	EVP_PKEY *key; /* of every certificate; keeps */
	struct sockaddr_in to;
	struct crowd_link *links; /* owned */
	size_t count, ready, failed;
	uint64_t read; /* bytes of bodies */
	char why[160]; /* of the last that failed */
	/* Called from crowd_turn(): the first time, and after each answer. */
	void (*on_ready)(struct crowd_link *l);
	void (*on_answer)(struct crowd_link *l);
	/* A link that failed is AWAY; NULL: nothing more is done */
	void (*on_failure)(struct crowd_link *l);
};

/* host: IPv4.  ca: the PEM file of the server's CA.  False with why set. */
bool crowd_open(struct crowd *c, const char *host, unsigned port,
                const char *ca, size_t count);
void crowd_close(struct crowd *c);

/* Begins a connection, from an address of 127.0.0.0/8 of its own. */
void crowd_connect(struct crowd_link *l);
void crowd_ask(struct crowd_link *l, const char *request, size_t len);
void crowd_leave(struct crowd_link *l);
/* What a slow reader's budget allows. */
void crowd_read(struct crowd_link *l);
/* Waits for so long at most and does what has come. */
void crowd_turn(struct crowd *c, int timeout_ms);

uint64_t crowd_us(void);

#endif
