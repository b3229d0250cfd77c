/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/tls.h - the files that TLS listeners are opened with.
 *
 * They are read and judged before anything listens: a key of another
 * certificate or a CA file without a certificate is an error with a name, not
 * a listener that refuses everybody.
 */
#ifndef VS_SERVER_LISTEN_TLS_H
#define VS_SERVER_LISTEN_TLS_H

#include "server/config.h"

/* PEM texts, each with a zero after it; owned. */
struct vs_tls {
	uint8_t *cert, *key;
	uint8_t *ca; /* of the chargers */
};

/* VS_OK; VS_ERR_ABSENT, VS_ERR_INPUT, VS_ERR_DENIED (others may read the
 * key) ... with a line in error[].  vs_tls_drop() in every case.
 */
vs_status vs_tls_load(const struct vs_settings *s, struct vs_tls *out,
                      char error[static 256]) VS_MUST_CHECK;
void vs_tls_drop(struct vs_tls *t);

/* Whether vs_tls_load() would be VS_OK. */
vs_status vs_tls_check(const struct vs_settings *s,
                       char error[static 256]) VS_MUST_CHECK;

#endif
