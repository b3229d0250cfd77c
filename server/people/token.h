/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people/token.h - what people.c and token.c share.
 */
#ifndef VS_SERVER_PEOPLE_TOKEN_H
#define VS_SERVER_PEOPLE_TOKEN_H

#include "server/people/people.h"

#define VS_TOKEN_HASH_LEN 32

void vs_token_hash(const char *token, uint8_t out[static VS_TOKEN_HASH_LEN]);

/* Role bits as the database has them: a decimal number. */
unsigned vs_people_bits(const char *text);

#endif
