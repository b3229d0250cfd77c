/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/handshake.c - what a TLS 1.3 client signs.
 */
#include "agent/line/handshake.h"

#include <string.h>

#define SPACES 64

bool vs_handshake_is(const uint8_t *in, size_t len)
{
	static const char text[] = "TLS 1.3, client CertificateVerify";
	const size_t before = SPACES + sizeof(text); /* its zero included */

	if (len != before + 32 && len != before + 48)
		return false;
	for (size_t i = 0; i < SPACES; i++)
		if (in[i] != ' ')
			return false;
	return memcmp(in + SPACES, text, sizeof(text)) == 0;
}
