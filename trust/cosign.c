/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/cosign.c - a witness's signature on a log's checkpoint.
 */
#include "trust/cosign.h"

#include <stdlib.h>
#include <string.h>

/* Gives out->at (free()): what a witness signs. */
static vs_status message_of(const struct vs_note *note, uint64_t time_s,
                            struct vs_text *out)
{
	size_t cap = VS_COSIGN_HEAD_LEN + note->text.len + 1;

	*out = (struct vs_text){malloc(cap), cap, 0};
	if (!out->at)
		return VS_ERR_NOMEM;
	vs_status status = vs_text_string(out, "cosignature/v1\ntime ");
	if (!status)
		status = vs_text_number(out, time_s);
	if (!status)
		status = vs_text_string(out, "\n");
	return status ? status
	              : vs_text_add(out, note->text.at, note->text.len);
}

vs_status vs_cosign_add(const struct vs_note *note,
                        const struct vs_vkey *witness, uint64_t time_s,
                        vs_cosign_fn sign, void *ctx, struct vs_text *out)
{
	uint8_t stamped[VS_COSIGN_LEN];
	struct vs_text message;

	if (time_s > INT64_MAX)
		return VS_ERR_INPUT;
	for (unsigned i = 0; i < 8; i++)
		stamped[i] = (uint8_t)(time_s >> (56 - 8 * i));
	vs_status status = message_of(note, time_s, &message);
	if (!status)
		status = sign(ctx, message.at, message.len, stamped + 8);
	free(message.at);
	return status ? status
	              : vs_note_add_line(out, witness, stamped, sizeof stamped);
}

static vs_status verify_one(const struct vs_note *note,
                            const struct vs_vkey *witness,
                            const uint8_t stamped[static VS_COSIGN_LEN],
                            uint64_t *time_s)
{
	struct vs_text message;

	*time_s = 0;
	for (unsigned i = 0; i < 8; i++)
		*time_s = *time_s << 8 | stamped[i];
	if (*time_s > INT64_MAX)
		return VS_ERR_REFUSED;
	vs_status status = message_of(note, *time_s, &message);
	if (!status)
		status = vs_vkey_verify(witness, message.at, message.len,
		                        stamped + 8);
	free(message.at);
	return status;
}

vs_status vs_cosign_verify(const struct vs_note *note,
                           const struct vs_vkey *witness, uint64_t *time_s,
                           struct vs_why *why)
{
	uint8_t stamped[VS_COSIGN_LEN];
	size_t at = 0, good = 0;
	uint64_t time;
	vs_status status;

	*time_s = 0;
	while (!(status = vs_note_next(note, witness, &at, stamped,
	                               sizeof stamped, why))) {
		status = verify_one(note, witness, stamped, &time);
		if (status)
			return vs_fail(status, why,
			               status == VS_ERR_REFUSED
			                       ? VS_REASON_BAD_SIGNATURE
			                       : VS_REASON_NONE,
			               "a known witness's signature is bad", 0);
		if (time > *time_s)
			*time_s = time;
		good++;
	}
	if (status != VS_ERR_ABSENT)
		return status;
	return good ? VS_OK
	            : vs_fail(VS_ERR_ABSENT, why, VS_REASON_UNKNOWN_KEY,
	                      "this witness has not signed", 0);
}
