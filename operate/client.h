/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/client.h - the server's operator API.
 *
 * TLS under a given CA and a bearer token out of a file that only its owner
 * can read: never in the command line.  Each failure is said in one line on
 * standard error where it is first seen.
 */
#ifndef VS_OPERATE_CLIENT_H
#define VS_OPERATE_CLIENT_H

#include <jansson.h>

#include "base/config.h"
#include "operate/args.h"

struct vs_client;

/* --server, --ca, --token-file; then VOLTSEAL_SERVER, VOLTSEAL_CA,
 * VOLTSEAL_TOKEN_FILE; then the config file.  The table of its keys: */
extern const struct vs_config_key vs_client_keys[];
extern const size_t vs_client_key_count;

enum vs_exit vs_client_open(const struct vs_args *a,
                            struct vs_client **out) VS_MUST_CHECK;
void vs_client_close(struct vs_client **c); /* also for VS_AUTO */

/* Asks and gives *out (json_decref; NULL if out is NULL).  body may be NULL.
 * about names what is done, for the error line.
 */
struct vs_request {
	const char *method, *path, *about;
	const json_t *body;
};
enum vs_exit vs_client_ask(struct vs_client *c, const struct vs_request *r,
                           json_t **out) VS_MUST_CHECK;
enum vs_exit vs_client_get(struct vs_client *c, const char *path,
                           const char *about, json_t **out) VS_MUST_CHECK;

/* Whether the server holds what PUT path would bring (vs_client_path()). */
enum vs_exit vs_client_has(struct vs_client *c, const char *path,
                           bool *out) VS_MUST_CHECK;
/* Brings a file, streamed; progress may be NULL. */
enum vs_exit
vs_client_put_file(struct vs_client *c, const char *path, const char *file,
                   void (*progress)(void *ctx, uint64_t done, uint64_t total),
                   void *ctx) VS_MUST_CHECK;

/* Follows GET PATH (server-sent events) until each gives false or the stream
 * ends; each is given the data of one event with its name.  VS_EXIT_OK then;
 * VS_EXIT_UNREACHABLE, said in one line only if loud.
 */
struct vs_client_stream {
	const char *path, *about;
	bool (*each)(void *ctx, const char *event, const char *data);
	void *ctx;
	bool loud;
};
enum vs_exit vs_client_follow(struct vs_client *c,
                              const struct vs_client_stream *s) VS_MUST_CHECK;

/* GETs bytes: *out (free()), NULL if the server has none (404). */
enum vs_exit vs_client_fetch(struct vs_client *c, const char *path,
                             const char *about, uint8_t **out,
                             size_t *len) VS_MUST_CHECK;
/* GETs just len bytes, in pieces; a server that has more or fewer is said so.
 * each may give false to end it: VS_EXIT_FAILED, and nothing is said.
 */
struct vs_client_pieces {
	const char *path, *about;
	uint64_t len;
	bool (*each)(void *ctx, const uint8_t *in, size_t len);
	void *ctx;
};
enum vs_exit
vs_client_pieces_get(struct vs_client *c,
                     const struct vs_client_pieces *p) VS_MUST_CHECK;
/* PUTs bytes; about names them in the error line. */
enum vs_exit vs_client_put(struct vs_client *c, const char *path,
                           const char *about, const void *in,
                           size_t len) VS_MUST_CHECK;

/* "/v1/KIND/NAME" with the name percent-encoded. */
enum vs_exit vs_client_path(const char *kind, const char *name, char *out,
                            size_t cap) VS_MUST_CHECK;

/* Reads a JSON object from a file that a person wrote; one line with file,
 * line and reason if it is none.
 */
enum vs_exit vs_client_read_json(const char *file, json_t **out) VS_MUST_CHECK;

void vs_client_json_drop(json_t **v); /* for VS_AUTO */

#endif
