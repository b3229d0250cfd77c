/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_key_place.c - what is taken as a device key's place names
 * all that its device needs, and means the same when it is written out.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/conf/key_place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each byte that could mean something else with its percent sign. */
static void add(char *out, size_t cap, const char *name, const char *value)
{
	size_t n = strlen(out);

	n += (size_t)snprintf(out + n, cap - n, "%s", name);
	for (; *value; value++)
		n += (size_t)snprintf(out + n, cap - n,
		                      strchr("%;&?=", *value) ? "%%%02X" : "%c",
		                      (unsigned char)*value);
}

static void write_out(const struct vs_key_place *p, char *out, size_t cap)
{
	const char *device = p->kind == VS_KEY_TPM ? p->tcti : p->module;

	if (p->kind == VS_KEY_TPM) {
		snprintf(out, cap, "tpm:0x%08x", p->handle);
		add(out, cap, "?tcti=", device);
	} else {
		snprintf(out, cap, "pkcs11:");
		add(out, cap, "object=", p->object);
		add(out, cap, ";token=", p->token);
		add(out, cap, "?module-path=", device);
	}
	if (p->pin_file[0] != '\0')
		add(out, cap, "&pin-source=", p->pin_file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vs_key_place p, again;
	const char *what = NULL;
	char *text = malloc(size + 1);
	char out[4096];

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (vs_key_place_parse(text, &p, &what) != VS_OK) {
		assert(what);
		free(text);
		return 0;
	}
	free(text);
	if (p.kind == VS_KEY_FILE) {
		assert(p.file[0]);
		return 0;
	}
	assert(p.kind == VS_KEY_TPM
	               ? p.handle >> 23 == 0x81000000 >> 23 && p.tcti[0]
	               : p.token[0] && p.object[0] && p.module[0] == '/' &&
	                         p.pin_file[0] == '/');
	write_out(&p, out, sizeof(out));
	assert(vs_key_place_parse(out, &again, &what) == VS_OK);
	assert(memcmp(&p, &again, sizeof(p)) == 0);
	return 0;
}
