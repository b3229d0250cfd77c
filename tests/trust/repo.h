/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/repo.h - a TUF repository and its client's disk, in memory.
 *
 * A test sets the fields it cares about, publishes, opens a client on it, and
 * looks at the verdict, the requests and the stored files.  Keys come from
 * fixed seeds, so that every run signs the same bytes.
 */
#ifndef VS_TESTS_TRUST_REPO_H
#define VS_TESTS_TRUST_REPO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trust/tuf.h"
#include "trust/write.h"

#define NOW 1800000000U /* 2027-01-15 */
#define DAY 86400U
#define KEYS 32
#define FILES 400
#define EXTRA 48

enum { R_ROOT, R_TIMESTAMP, R_SNAPSHOT, R_TARGETS, R_COUNT };

struct memfile {
	char name[256];
	uint8_t *bytes;
	size_t len;
};

struct signers {
	int at[4]; /* indices of keys */
	size_t count;
	uint64_t threshold;
};

struct extra { /* a delegated role's file */
	char name[64];
	uint64_t version, expires;
	int key;
	json_t *body; /* owned */
	bool unlisted;
};

struct repo {
	struct vs_tuf_ops ops;
	struct memfile served[FILES], stored[FILES];
	char requests[8192]; /* names, each with a space before */
	char events[20480]; /* " ?NAME" asked, " !ROLE" stored, " -ROLE" gone */
	int stores;         /* so far */
	int fail_store;     /* this one fails; 0 = none */
	int writes, cut;  /* stores and removals; the power goes at this one */
	bool unreachable; /* every fetch fails */
	bool fail_load, fail_remove;

	struct vs_key keys[KEYS];
	EVP_PKEY *secret[KEYS];
	struct signers role[R_COUNT];
	struct signers old_root; /* signs the next root too; count 0 = none */
	uint64_t version[R_COUNT], expires[R_COUNT];
	bool consistent, listed_hashes;
	json_t *targets; /* owned: the body, without version and expires */
	struct extra extra[EXTRA];
	size_t extra_count;

	/* Changes a file's body before it is signed; NULL = nothing. */
	void (*edit)(struct repo *r, const char *file, json_t *body);
	/* Changes the envelope after it. */
	void (*spoil)(struct repo *r, const char *file, struct vs_envelope *e);
};

/* Root 1 of two of three keys, and version 1 of all else, not published. */
void repo_init(struct repo *r);
void repo_drop(struct repo *r);

/* Signs body with the keys, gives the bytes.  Takes body. */
void repo_sign(struct repo *r, const char *file, json_t *body,
               const struct signers *by, struct memfile *out);
void repo_serve(struct repo *r, const char *name, const void *bytes,
                size_t len);
void repo_unserve(struct repo *r, const char *name);
struct memfile *repo_served(struct repo *r, const char *name);
struct memfile *repo_stored(struct repo *r, const char *name);
void repo_store(struct repo *r, const char *name, const void *bytes,
                size_t len);

/* A key as vs_write_* want it. */
struct vs_write_role repo_role(struct repo *r, const char *name,
                               const struct signers *s, struct vs_key keys[4]);

/* The first root of such a repository.  Gives the bytes: free(). */
struct memfile repo_first_root(void);

void repo_publish_root(struct repo *r);  /* version[R_ROOT] */
void repo_publish_files(struct repo *r); /* the other four kinds */
void repo_publish(struct repo *r);       /* both */
/* Puts the served root of this version onto the client's disk. */
void repo_provision(struct repo *r, uint64_t version);

/* A target of a few bytes, named in body; custom is taken. */
void repo_add_target(json_t *body, const char *path, const char *bytes,
                     json_t *custom);
struct extra *repo_add_role(struct repo *r, const char *name, int key);
/* delegator: NULL is the top-level targets. */
void repo_delegate(struct repo *r, json_t *delegator, const char *name, int key,
                   const char *path, bool terminating);

/* Opens, refreshes, and gives status; *out and *why if not NULL. */
vs_status repo_refresh(struct repo *r, uint64_t now_s, struct vs_tuf **out,
                       struct vs_why *why);

/* For cmocka: *state is a repository, of which nothing is published. */
int repo_set_up_new(void **state);
/* The same, published, and a client that has its root. */
int repo_set_up(void **state);
int repo_tear_down(void **state);
/* A client that has been through version 1 of everything, and a repository
 * about to publish version 2 of all but root. */
struct repo *repo_second(void **state);
/* The version of a stored file; 0 = none. */
uint64_t repo_stored_version(struct repo *r, const char *role);
void repo_same_file(const struct memfile *a, const struct memfile *b);
/* Serves a file under another name too. */
void repo_serve_as(struct repo *r, const char *from, const char *to);

/* The whole thing: a refresh at NOW must go through. */
void repo_must_pass(struct repo *r);
/* A refresh at NOW must fail thus. */
void repo_must_fail(struct repo *r, vs_status status, vs_reason reason,
                    const char *file);

#endif
