/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/floor.c - floors in two copies that only go up.
 */
#include "boot/port/host/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/file.h"

enum {
	COPIES = 2,
	COPY_LEN = 512,
	COPY_APART = 4096,
	AT_COUNT = 8,
	AT_ENTRIES = 12,
	ENTRY_LEN = VS_COMPONENT_LEN + 4,
	ENTRIES_MAX = VS_BOOT_COMPONENTS_MAX + 1, /* and the epoch */
	AT_DIGEST = COPY_LEN - VS_SHA256_LEN,
};

static const uint8_t magic[8] = {'V', 'S', 'F', 'L', 'O', 'O', 'R', '1'};

struct floors {
	uint32_t count;
	struct {
		char name[VS_COMPONENT_LEN];
		uint32_t value;
	} at[ENTRIES_MAX];
};

static void put32(uint8_t *out, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get32(const uint8_t *in)
{
	uint32_t v = 0;

	for (int i = 3; i >= 0; i--)
		v = v << 8 | in[i];
	return v;
}

static void encode(const struct floors *in, uint8_t out[static COPY_LEN])
{
	memset(out, 0, COPY_LEN);
	memcpy(out, magic, sizeof(magic));
	put32(out + AT_COUNT, in->count);
	for (uint32_t i = 0; i < in->count; i++) {
		uint8_t *entry = out + AT_ENTRIES + i * ENTRY_LEN;

		memcpy(entry, in->at[i].name, VS_COMPONENT_LEN);
		put32(entry + VS_COMPONENT_LEN, in->at[i].value);
	}
	SHA256(out, AT_DIGEST, out + AT_DIGEST);
}

static bool decode(const uint8_t in[static COPY_LEN], struct floors *out)
{
	uint8_t digest[VS_SHA256_LEN];

	SHA256(in, AT_DIGEST, digest);
	if (memcmp(digest, in + AT_DIGEST, sizeof(digest)) != 0 ||
	    memcmp(in, magic, sizeof(magic)) != 0)
		return false;
	memset(out, 0, sizeof(*out));
	out->count = get32(in + AT_COUNT);
	if (out->count > ENTRIES_MAX)
		return false;
	for (uint32_t i = 0; i < out->count; i++) {
		const uint8_t *entry = in + AT_ENTRIES + i * ENTRY_LEN;

		if (entry[VS_COMPONENT_LEN - 1] != 0)
			return false;
		memcpy(out->at[i].name, entry, VS_COMPONENT_LEN);
		out->at[i].value = get32(entry + VS_COMPONENT_LEN);
	}
	return true;
}

static uint32_t *find(struct floors *f, const char *component)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (strcmp(f->at[i].name, component) == 0)
			return &f->at[i].value;
	return NULL;
}

/* Adds what is higher in other; an entry that is missing is added too. */
static void merge(struct floors *f, const struct floors *other)
{
	for (uint32_t i = 0; i < other->count; i++) {
		uint32_t *mine = find(f, other->at[i].name);

		if (!mine && f->count < ENTRIES_MAX)
			f->at[f->count++] = other->at[i];
		else if (mine && *mine < other->at[i].value)
			*mine = other->at[i].value;
	}
}

/* Gives how many copies are valid; *torn is one that is not, or 0. */
static int load(int fd, struct floors *out, int *torn)
{
	uint8_t raw[COPY_LEN];
	struct floors one;
	int valid = 0;

	memset(out, 0, sizeof(*out));
	*torn = 0;
	for (int copy = 0; copy < COPIES; copy++) {
		if (vs_file_pread(fd, raw, sizeof(raw),
		                  (uint64_t)copy * COPY_APART) != VS_OK ||
		    !decode(raw, &one)) {
			*torn = copy;
			continue;
		}
		merge(out, &one);
		valid++;
	}
	return valid;
}

static vs_status store(int fd, const struct floors *in, int first)
{
	uint8_t raw[COPY_LEN];

	encode(in, raw);
	for (int i = 0; i < COPIES; i++) {
		int copy = first ^ i;

		if (vs_file_pwrite(fd, raw, sizeof(raw),
		                   (uint64_t)copy * COPY_APART) != VS_OK ||
		    vs_file_sync(fd) != VS_OK)
			return VS_ERR_IO;
	}
	return VS_OK;
}

vs_status vs_floor_create(const char *path, const struct vs_machine *m,
                          const uint32_t floors[static VS_BOOT_COMPONENTS_MAX])
{
	uint8_t whole[COPY_APART + COPY_LEN] = {0};
	struct floors f = {0};

	if (vs_file_exists(path))
		return VS_ERR_STATE;
	for (int c = 0; c < m->count; c++) {
		memcpy(f.at[c].name, m->components[c].name, VS_COMPONENT_LEN);
		f.at[c].value = floors[c];
		f.count++;
	}
	memcpy(f.at[f.count++].name, VS_FLOOR_EPOCH, sizeof(VS_FLOOR_EPOCH));
	encode(&f, whole);
	memcpy(whole + COPY_APART, whole, COPY_LEN);
	return vs_file_replace(path, whole, sizeof(whole), 0600);
}

vs_status vs_floor_get(int fd, const char *component, uint32_t *out)
{
	struct floors f;
	uint32_t *value;
	int torn;

	if (load(fd, &f, &torn) == 0)
		return VS_ERR_IO;
	value = find(&f, component);
	if (!value)
		return VS_ERR_IO;
	*out = *value;
	return VS_OK;
}

vs_status vs_floor_raise(int fd, const char *component, uint32_t to)
{
	struct floors f;
	uint32_t *value;
	int torn;

	if (load(fd, &f, &torn) == 0)
		return VS_ERR_IO;
	value = find(&f, component);
	if (!value)
		return VS_ERR_IO;
	if (*value >= to)
		return VS_OK;
	*value = to;
	return store(fd, &f, torn);
}
