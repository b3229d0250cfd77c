/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/keyrings.c - the boot keyrings that chargers may take over, by
 * version.
 */
#include "server/publish/keyrings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/file.h"

enum { versions_max = 1024 };

static vs_status take(const uint8_t *bytes, size_t len, uint32_t version,
                      const struct vs_crypto *crypto, struct vs_keyring *before,
                      struct vs_why *why)
{
	vs_status status = vs_keyring_open(before->version ? before : NULL,
	                                   crypto, bytes, len, before, why);

	if (!status && before->version != version)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_VERSION,
		               "its version is not its name's", 0);
	return status;
}

vs_status vs_keyrings_load(const char *file, const struct vs_keyring *newest,
                           const struct vs_crypto *crypto,
                           struct vs_fileset *out, char bad[static 1100],
                           struct vs_why *why)
{
	struct vs_keyring before = {0}; /* version 0: it is not there */

	for (uint32_t n = 1; n <= newest->version && n <= versions_max; n++) {
		VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
		char name[16];
		size_t len;

		snprintf(bad, 1100, "%.1040s.%" PRIu32, file, n);
		snprintf(name, sizeof name, "%" PRIu32, n);
		vs_fail(VS_OK, why, VS_REASON_UNREADABLE, "cannot be read", 0);
		vs_status status =
			vs_file_read(bad, VS_KEYRING_LEN_MAX, &bytes, &len);
		if (status == VS_ERR_ABSENT) {
			before.version = 0;
			continue;
		}
		if (!status)
			status = take(bytes, len, n, crypto, &before, why);
		if (!status)
			status = vs_fileset_put(out, name, bytes, len);
		if (status)
			return status;
	}
	return VS_OK;
}
