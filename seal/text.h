/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/text.h - the short names in headers and keyrings.
 *
 * A text is 0 to 31 characters of [A-Za-z0-9._+:-] in 32 bytes; the rest is
 * zeros.  So one text has one encoding and prints without escapes.
 *
 * Format: docs/formats/seal.md section 1.
 * For the .c files of this room only.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_SEAL_TEXT_H
#define VS_SEAL_TEXT_H

#include "base/status.h"
#include "seal/bytes.h"

#define TEXT_LEN 32 /* with the closing zero */

/* The text's length; TEXT_LEN if it has no closing zero or a foreign
 * character before it.
 */
size_t vs_text_len(const char *text);

/* Writes text, which vs_text_len() found good, padded with zeros. */
void vs_text_encode(const char *text, uint8_t out[static TEXT_LEN]);

/* False if in is no text: foreign characters, no closing zero, or bytes
 * after it.
 */
bool vs_text_decode(const uint8_t in[static TEXT_LEN], char *out) VS_MUST_CHECK;

/* Whether both are texts and the same. */
bool vs_text_equal(const char *a, const char *b);

#endif
