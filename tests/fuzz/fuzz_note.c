/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_note.c - a note that is read can be put together again
 * from its pieces, byte for byte; so can a key.
 */
#include <assert.h>
#include <string.h>

#include "trust/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void key(const uint8_t *data, size_t size)
{
	char text[VS_VKEY_LEN];
	struct vs_vkey k;

	if (vs_vkey_parse((const char *)data, size, &k, NULL))
		return;
	vs_vkey_encode(&k, text);
	assert(strlen(text) == size && !memcmp(text, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char dash[] = "\xe2\x80\x94 ";
	struct vs_note n;
	size_t at;

	key(data, size);
	if (vs_note_parse(data, size, &n, NULL))
		return 0;
	assert(n.count && n.text.len && n.text.at[n.text.len - 1] == '\n');
	at = n.text.len + 1;
	for (size_t i = 0; i < n.count; i++) {
		assert(!memcmp(data + at, dash, 4));
		assert(n.lines[i].name.at == (const char *)data + at + 4);
		at += 4 + n.lines[i].name.len + 1 + n.lines[i].base64.len + 1;
		assert(data[at - 1] == '\n');
	}
	assert(at == size);
	return 0;
}
