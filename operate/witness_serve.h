/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/witness_serve.h - a witness that answers over HTTP.
 *
 * POST /add-checkpoint, and nothing else.  Plain HTTP is enough where
 * something in front of it does TLS: the checkpoints are signed, and who asks
 * is not a secret.
 *
 * Standard: C2SP tlog-witness.
 */
#ifndef VS_OPERATE_WITNESS_SERVE_H
#define VS_OPERATE_WITNESS_SERVE_H

#include "operate/witness_keep.h"

struct vs_witness_server;

struct vs_witness_listen {
	const char *address;  /* "127.0.0.1:7000", "[::1]:0" */
	const char *tls_cert; /* PEM files, or NULL for plain HTTP */
	const char *tls_key;
};

/* w is kept.  Gives *out and the port it got.
 * VS_OK; VS_ERR_INPUT, VS_ERR_IO with a line in error[].
 */
vs_status vs_witness_start(struct vs_witness *w,
                           const struct vs_witness_listen *listen,
                           struct vs_witness_server **out, uint16_t *port,
                           char error[static 256]) VS_MUST_CHECK;
/* Ends after the requests that are under way. */
void vs_witness_stop(struct vs_witness_server **s);

#endif
