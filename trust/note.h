/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/note.h - text signed by one or more keys, and the keys as text.
 *
 * A line by a key that is not known is ignored; a known key's line must
 * verify, each of them, or the note is refused.
 *
 * Standard: C2SP signed-note v1.  Ed25519 only (types 01 and 04).
 */
#ifndef VS_TRUST_NOTE_H
#define VS_TRUST_NOTE_H

#include "base/status.h"
#include "trust/text.h"

#define VS_NOTE_LEN_MAX (UINT32_C(128) << 10)
#define VS_NOTE_LINES_MAX 64 /* signature lines */
#define VS_NOTE_NAME_LEN 256 /* with the closing zero */
#define VS_NOTE_KEY_LEN 32
#define VS_NOTE_SIG_LEN 64
#define VS_VKEY_LEN (VS_NOTE_NAME_LEN + 64) /* as text, with the zero */

enum vs_note_type {
	VS_NOTE_ED25519 = 1,  /* over the note's text */
	VS_NOTE_COSIGNER = 4, /* tlog-cosignature v1: with a time */
};

struct vs_vkey {
	char name[VS_NOTE_NAME_LEN];
	uint8_t id[4];
	enum vs_note_type type;
	uint8_t key[VS_NOTE_KEY_LEN];
};

/* A verifier key: NAME+ID+BASE64.  The id must be the key's, and the key a
 * fit point.  VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED); VS_ERR_CRYPTO.
 */
vs_status vs_vkey_parse(const char *text, size_t len, struct vs_vkey *out,
                        struct vs_why *why) VS_MUST_CHECK;
vs_status vs_vkey_make(const char *name, enum vs_note_type type,
                       const uint8_t key[static VS_NOTE_KEY_LEN],
                       struct vs_vkey *out, struct vs_why *why) VS_MUST_CHECK;
void vs_vkey_encode(const struct vs_vkey *key, char out[static VS_VKEY_LEN]);
/* Whether a signature over message is this key's.
 * VS_OK; VS_ERR_REFUSED; VS_ERR_CRYPTO.
 */
vs_status
vs_vkey_verify(const struct vs_vkey *key, const void *message, size_t len,
               const uint8_t sig[static VS_NOTE_SIG_LEN]) VS_MUST_CHECK;

/* Views into the caller's bytes, which it keeps alive and unchanged. */
struct vs_note {
	struct vs_span text; /* with its last newline */
	struct {
		struct vs_span name, base64; /* of id and signature */
		uint8_t id[4];
	} lines[VS_NOTE_LINES_MAX];
	size_t count; /* at least 1 */
};

/* VS_OK; VS_ERR_INPUT (MALFORMED); VS_ERR_LIMIT (TOO_LARGE). */
vs_status vs_note_parse(const void *in, size_t len, struct vs_note *out,
                        struct vs_why *why) VS_MUST_CHECK;

/* The signature on the next line of this key, from line *at on; *at moves
 * past it.  VS_OK and exactly len bytes; VS_ERR_ABSENT if there is none;
 * VS_ERR_REFUSED (BAD_SIGNATURE) if it has another length.
 */
vs_status vs_note_next(const struct vs_note *note, const struct vs_vkey *key,
                       size_t *at, void *out, size_t len,
                       struct vs_why *why) VS_MUST_CHECK;

/* Verifies every line of a key of type 01.
 * VS_OK; VS_ERR_ABSENT (UNKNOWN_KEY) if it has none; VS_ERR_REFUSED
 * (BAD_SIGNATURE); VS_ERR_CRYPTO.
 */
vs_status vs_note_verify(const struct vs_note *note, const struct vs_vkey *key,
                         struct vs_why *why) VS_MUST_CHECK;

/* Writes a signature line.  VS_OK; VS_ERR_LIMIT. */
vs_status vs_note_add_line(struct vs_text *out, const struct vs_vkey *key,
                           const void *sig, size_t len) VS_MUST_CHECK;

#endif
