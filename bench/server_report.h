/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/server_report.h - signed reports, made quickly.
 *
 * Format: docs/formats/report.md.
 */
#ifndef VS_BENCH_SERVER_REPORT_H
#define VS_BENCH_SERVER_REPORT_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "trust/key.h"

enum { REPORT_MAX = 4096, REPORT_NONCE = 65 };

/* One charger's; what the server wants to see in the next one. */
struct reporter {
	unsigned number; /* CP-0001 is 1 */
	uint64_t counter;
	char nonce[REPORT_NONCE];
};

/* POST /report as it goes over the wire, in out: its length; 0 on failure.
 * news: its status is another one each time.
 */
size_t report_make(struct reporter *r, EVP_PKEY *key, const char *key_id,
                   bool news, char out[static REPORT_MAX]);
/* Takes the nonce out of an answer; false if there is none. */
bool report_nonce(struct reporter *r, const char *body);

#endif
