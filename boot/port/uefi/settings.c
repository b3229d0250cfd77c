/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/settings.c - reads the loader's settings.
 */
#include "boot/port/uefi/settings.h"

#include "seal/bytes.h"

enum {
	AT_MAGIC = 0,
	AT_FORMAT = 8,
	AT_COUNT = 10,
	AT_KEYRING_LEN = 12,
	AT_STORE = 16,
	AT_RESERVED = 17,
	AT_COMPONENTS = 32,
	COMPONENT_LEN = 96,
	IN_HARDWARE = VS_COMPONENT_LEN,
	IN_HASH_WHOLE = IN_HARDWARE + VS_HARDWARE_LEN,
	AT_KEYRING =
		AT_COMPONENTS + (VS_BOOT_COMPONENTS_MAX + 1) * COMPONENT_LEN,
};

static const uint8_t magic[8] = {'V', 'S', 'L', 'O', 'A', 'D', 'E', 'R'};

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

/* Printable, then zeros, at least one. */
static bool is_text(const uint8_t *in, size_t cap)
{
	size_t len = 0;

	while (len < cap && in[len] > ' ' && in[len] <= '~')
		len++;
	return len < cap && first_nonzero(in + len, cap - len) == cap - len;
}

static vs_status decode_component(const uint8_t *in, size_t at,
                                  struct vs_settings_component *out,
                                  struct vs_why *why)
{
	const uint8_t *p = in + at;
	size_t rest = COMPONENT_LEN - IN_HASH_WHOLE - 1;

	if (!is_text(p, VS_COMPONENT_LEN) ||
	    !is_text(p + IN_HARDWARE, VS_HARDWARE_LEN))
		return malformed(why, "not a name", at);
	if (p[IN_HASH_WHOLE] > 1 ||
	    first_nonzero(p + IN_HASH_WHOLE + 1, rest) != rest)
		return malformed(why, "unknown flag", at + IN_HASH_WHOLE);
	if ((p[0] == 0) != (p[IN_HARDWARE] == 0))
		return malformed(why, "name without hardware", at);
	memcpy(out->name, p, VS_COMPONENT_LEN);
	memcpy(out->hardware, p + IN_HARDWARE, VS_HARDWARE_LEN);
	out->hash_whole = p[IN_HASH_WHOLE] == 1;
	return VS_OK;
}

static vs_status check_head(const uint8_t *in, struct vs_why *why)
{
	if (memcmp(in + AT_MAGIC, magic, sizeof(magic)) != 0)
		return malformed(why, "loader has no settings", AT_MAGIC);
	if (get16(in + AT_FORMAT) != 1)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "unknown version of settings", AT_FORMAT);
	if (get16(in + AT_COUNT) < 1 ||
	    get16(in + AT_COUNT) > VS_BOOT_COMPONENTS_MAX)
		return malformed(why, "bad number of components", AT_COUNT);
	if (get32(in + AT_KEYRING_LEN) > VS_KEYRING_LEN_MAX)
		return malformed(why, "keyring is too long", AT_KEYRING_LEN);
	if (in[AT_STORE] > 1)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "unknown store of floors", AT_STORE);
	if (first_nonzero(in + AT_RESERVED, AT_COMPONENTS - AT_RESERVED) !=
	    AT_COMPONENTS - AT_RESERVED)
		return malformed(why, "reserved byte is not zero", AT_RESERVED);
	return VS_OK;
}

vs_status vs_settings_decode(const uint8_t in[static VS_SETTINGS_LEN],
                             struct vs_settings *out, struct vs_why *why)
{
	vs_status status = check_head(in, why);

	memset(out, 0, sizeof(*out));
	if (status != VS_OK)
		return status;
	out->count = get16(in + AT_COUNT);
	out->keyring = in + AT_KEYRING;
	out->keyring_len = get32(in + AT_KEYRING_LEN);
	out->floors_in_tpm = in[AT_STORE] == 1;
	for (int c = 0; c <= VS_BOOT_COMPONENTS_MAX && status == VS_OK; c++) {
		bool last = c == VS_BOOT_COMPONENTS_MAX;
		size_t at = AT_COMPONENTS + (size_t)c * COMPONENT_LEN;
		struct vs_settings_component *to =
			last ? &out->recovery : &out->components[c];

		status = decode_component(in, at, to, why);
		if (status == VS_OK && !last &&
		    (to->name[0] != '\0') != (c < out->count))
			status = malformed(why, "not so many components", at);
	}
	/* What is started from memory must have been verified there. */
	if (status == VS_OK && !out->components[0].hash_whole)
		status = malformed(why, "the kernel must be hashed whole",
		                   AT_COMPONENTS + IN_HASH_WHOLE);
	if (status == VS_OK && out->recovery.name[0] != '\0' &&
	    !out->recovery.hash_whole)
		status = malformed(why, "the recovery must be hashed whole",
		                   AT_KEYRING - COMPONENT_LEN + IN_HASH_WHOLE);
	return status;
}
