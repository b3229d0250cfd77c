/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_tar.c - heads of a tar file: what is read can be written,
 * and reads back as the same.  The checksum is set right first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t head[VS_TAR_BLOCK] = {0}, again[VS_TAR_BLOCK];
	struct vs_tar_entry e, back;
	struct vs_why why;
	unsigned sum = 0;

	memcpy(head, data, size < sizeof(head) ? size : sizeof(head));
	if (size > 0 && data[0] % 2 == 0) {
		memset(head + 148, ' ', 8);
		for (size_t i = 0; i < sizeof(head); i++)
			sum += head[i];
		snprintf((char *)head + 148, 8, "%06o", sum);
	}
	if (vs_tar_decode(head, &e, &why) != VS_OK)
		return 0;
	if (strlen(e.name) >= sizeof(e.name) || e.len > VS_TAR_FILE_MAX ||
	    vs_tar_padded(e.len) % VS_TAR_BLOCK != 0)
		abort();
	if (vs_tar_encode(&e, again) != VS_OK)
		return 0; /* a name that is cut elsewhere */
	if (vs_tar_decode(again, &back, &why) != VS_OK ||
	    strcmp(back.name, e.name) != 0 || back.len != e.len ||
	    back.folder != e.folder)
		abort();
	return 0;
}
