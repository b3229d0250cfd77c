/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/slots/storage_uefi.c - partitions of the loader's disk, and its
 * variable.
 *
 * The running system can neither read nor raise the floors: what is known of
 * them is what the loader said at this start.
 *
 * Format: docs/formats/loader.md sections 2 and 3.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/confine/places.h"
#include "agent/slots/storage.h"
#include "base/file.h"
#include "boot/crc.h"
#include "boot/decision.h"
#include "seal/bytes.h"

#define DECISION "VoltsealDecision-c52002e5-85b0-414a-8449-59f4e4c98f86"

enum {
	ATTRIBUTES_LEN = 4,
	/* Boot services and runtime, and not kept: no running system can make
	 * such a variable. */
	ATTRIBUTES = 6,
	RING_HEAD = 16,
	RING_LEN_MAX = 8 * VS_KEYRING_LEN_MAX,
	UNIT = 4096,
	CAUSE_AT = 2 * UNIT,
	PLACES = 2, /* keyrings' places on this disk */
};

static const uint8_t ring_magic[8] = {'V', 'S', 'R', 'I', 'N', 'G', 'S', '1'};
static const uint8_t cause_magic[8] = {'V', 'S', 'R', 'E', 'S', 'E', 'T', '1'};

static vs_status node_path(const char *node, char *out, size_t cap)
{
	if (node[0] == '\0')
		return VS_ERR_ABSENT;
	return vs_path_join(out, cap, vs_places.dev, node);
}

/* A partition that is not there is no error: what needs it will say so. */
static vs_status open_node(const char *node, int flags, int *fd,
                           char error[static VS_STORAGE_ERROR_LEN])
{
	char path[PATH_MAX];
	vs_status status = node_path(node, path, sizeof(path));

	*fd = -1;
	if (status == VS_ERR_ABSENT)
		return VS_OK;
	if (status == VS_OK)
		*fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
	if (*fd >= 0)
		return VS_OK;
	snprintf(error, VS_STORAGE_ERROR_LEN, "%.160s: %s", path,
	         strerror(errno));
	return VS_ERR_IO;
}

static void find_nodes(struct vs_storage *s, const struct vs_partitions *p)
{
	char name[VS_COMPONENT_LEN + 2];

	/* Each leaves "" where there is none. */
	(void)!vs_partitions_find(p, "record", s->record);
	for (int i = 0; i < PLACES; i++) {
		snprintf(name, sizeof(name), "keyring-%d", i);
		(void)!vs_partitions_find(p, name, s->rings[i]);
	}
	for (int i = 0; i < s->machine->count * VS_SLOTS; i++) {
		int c = i / VS_SLOTS, slot = i % VS_SLOTS;

		if (s->machine->components[c].serial)
			continue;
		snprintf(name, sizeof(name), "%s-%c",
		         s->machine->components[c].name, 'a' + slot);
		(void)!vs_partitions_find(p, name, s->slots[c][slot]);
	}
}

/* What a controller is to run is no business of this loader's: a file. */
static vs_status open_file(const struct vs_storage *s, int c, int slot, int *fd,
                           char error[static VS_STORAGE_ERROR_LEN])
{
	char path[PATH_MAX];
	vs_status status =
		vs_boot_files_slot_path(s->dir, s->machine->components[c].name,
	                                slot, path, sizeof(path));

	*fd = -1;
	if (status == VS_OK)
		*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd >= 0 || (status == VS_OK && errno == ENOENT))
		return VS_OK;
	snprintf(error, VS_STORAGE_ERROR_LEN, "%.160s: %s", path,
	         status == VS_OK ? strerror(errno) : "path is too long");
	return VS_ERR_IO;
}

/* What a keyring's partition holds: nothing, a chain, or something else. */
static vs_status read_ring(int fd, uint8_t **out, size_t *len)
{
	uint8_t head[RING_HEAD];
	vs_status status = vs_file_pread(fd, head, sizeof(head), 0);

	if (status != VS_OK)
		return status;
	if (first_nonzero(head, sizeof(head)) == sizeof(head))
		return VS_ERR_ABSENT;
	*len = get32(head + sizeof(ring_magic));
	if (memcmp(head, ring_magic, sizeof(ring_magic)) != 0 ||
	    get32(head + sizeof(ring_magic) + 4) != 0 || *len > RING_LEN_MAX)
		return VS_ERR_IO;
	*out = malloc(*len + 1);
	if (!*out)
		return VS_ERR_NOMEM;
	return vs_file_pread(fd, *out, *len, RING_HEAD);
}

static vs_status open_rings(struct vs_storage *s,
                            char error[static VS_STORAGE_ERROR_LEN])
{
	for (int i = 0; i < VS_BOOT_RINGS; i++) {
		VS_AUTO(vs_fd_drop) int fd = -1;
		vs_status status = open_node(s->rings[i], O_RDONLY, &fd, error);

		if (status != VS_OK)
			return status;
		s->files.rings[i].status = VS_ERR_ABSENT;
		if (fd >= 0)
			s->files.rings[i].status =
				read_ring(fd, &s->files.rings[i].bytes,
			                  &s->files.rings[i].len);
	}
	return VS_OK;
}

static vs_status open_disk(struct vs_storage *s,
                           char error[static VS_STORAGE_ERROR_LEN])
{
	struct vs_partitions *p = malloc(sizeof(*p));
	vs_status status = VS_ERR_NOMEM;

	if (p)
		status = vs_partitions_open(p, vs_places.sys_block,
		                            vs_places.dev, error);
	else
		snprintf(error, VS_STORAGE_ERROR_LEN, "no memory");
	if (status == VS_OK)
		find_nodes(s, p);
	free(p);
	return status;
}

static vs_status open_uefi(struct vs_storage *s,
                           char error[static VS_STORAGE_ERROR_LEN])
{
	vs_status status = vs_boot_files_init(&s->files, s->machine, error);

	if (status == VS_OK)
		status = open_disk(s, error);
	if (status == VS_OK)
		status = open_node(s->record, O_RDWR, &s->files.record, error);
	for (int i = 0; status == VS_OK && i < s->machine->count * VS_SLOTS;
	     i++) {
		int c = i / VS_SLOTS, slot = i % VS_SLOTS;

		if (s->machine->components[c].serial)
			status = open_file(s, c, slot, &s->files.slots[c][slot],
			                   error);
		else
			status = open_node(s->slots[c][slot], O_RDONLY,
			                   &s->files.slots[c][slot], error);
	}
	return status == VS_OK ? open_rings(s, error) : status;
}

static vs_status floor_get(void *ctx, int component, uint32_t *out)
{
	const struct vs_storage *s = ctx;
	const struct vs_boot_decision *d = &s->start.decision;

	if (!s->start.known)
		return VS_ERR_IO;
	if (component == VS_BOOT_EPOCH)
		*out = d->epoch_floor;
	else if (component >= s->machine->count)
		return VS_ERR_IO;
	else if (s->machine->components[component].serial)
		*out = 0; /* the controller keeps its own, and says it */
	else
		*out = d->floor[component];
	return *out == UINT32_MAX ? VS_ERR_IO : VS_OK;
}

static vs_status floor_raise(void *ctx, int component, uint32_t to)
{
	(void)ctx;
	(void)component;
	(void)to;
	return VS_ERR_DENIED;
}

static void ops(struct vs_storage *s, struct vs_boot_ops *out)
{
	vs_boot_files_ops(&s->files, out);
	out->floor_get = floor_get;
	out->floor_raise = floor_raise;
}

static vs_status bad(char error[static VS_STORAGE_ERROR_LEN], const char *what)
{
	snprintf(error, VS_STORAGE_ERROR_LEN, DECISION ": %.160s", what);
	return VS_ERR_INPUT;
}

/* Component k of the loader's settings is c in machine.conf. */
static void move_component(struct vs_boot_decision *out, int c,
                           const struct vs_boot_decision *in, int k)
{
	out->header[c] = in->header[k];
	out->floor[c] = in->floor[k];
	for (int slot = 0; slot < VS_SLOTS; slot++) {
		struct vs_boot_slot_view *v = &out->seen[slot];

		v->release_seq[c] = in->seen[slot].release_seq[k];
		v->security_version[c] = in->seen[slot].security_version[k];
		if (v->refused != VS_REASON_NONE &&
		    in->seen[slot].component == k)
			v->component = c;
	}
}

/* The loader's settings and machine.conf must mean the same machine. */
static vs_status
reorder(const struct vs_machine *m, const struct vs_boot_decision *in,
        char names[static VS_BOOT_COMPONENTS_MAX][VS_COMPONENT_LEN], int count,
        struct vs_boot_decision *out, char error[static VS_STORAGE_ERROR_LEN])
{
	static const struct vs_boot_decision none;
	bool seen[VS_BOOT_COMPONENTS_MAX] = {false};
	int serial = 0;

	*out = *in;
	for (int c = 0; c < m->count; c++) {
		serial += m->components[c].serial;
		move_component(out, c, &none, 0);
	}
	for (int k = 0; k < count; k++) {
		int c = vs_machine_find(m, names[k]);

		if (c < 0 || seen[c] || m->components[c].serial ||
		    count != m->count - serial)
			return bad(error, "machine.conf names other components "
			                  "than the loader's settings");
		seen[c] = true;
		move_component(out, c, in, k);
	}
	return VS_OK;
}

static vs_status take_decision(struct vs_storage *s, const uint8_t *in,
                               size_t len,
                               char error[static VS_STORAGE_ERROR_LEN])
{
	char names[VS_BOOT_COMPONENTS_MAX][VS_COMPONENT_LEN];
	struct vs_boot_decision d;
	struct vs_why why;
	int count;

	if (len < ATTRIBUTES_LEN || get32(in) != ATTRIBUTES)
		return bad(error, "was not made by a loader");
	if (vs_decision_decode(in + ATTRIBUTES_LEN, len - ATTRIBUTES_LEN, &d,
	                       names, &count, &why) != VS_OK)
		return bad(error, why.what);
	return reorder(s->machine, &d, names, count, &s->start.decision, error);
}

static vs_status read_start(struct vs_storage *s, const struct vs_boot_ops *at,
                            char error[static VS_STORAGE_ERROR_LEN])
{
	struct vs_start *start = &s->start;
	const struct vs_boot_decision *d = &start->decision;
	char path[PATH_MAX];
	uint8_t *bytes = NULL;
	size_t len;
	vs_status status =
		vs_path_join(path, sizeof(path), vs_places.efivars, DECISION);

	(void)at;
	if (status == VS_OK)
		status =
			vs_file_read(path, ATTRIBUTES_LEN + VS_DECISION_LEN_MAX,
		                     &bytes, &len);
	if (status != VS_OK) {
		snprintf(error, VS_STORAGE_ERROR_LEN,
		         "%.150s: %s: is efivarfs mounted, and did Voltseal's "
		         "loader start this system?",
		         path, vs_status_name(status));
		return status;
	}
	status = take_decision(s, bytes, len, error);
	free(bytes);
	if (status != VS_OK)
		return status;
	start->known = true;
	start->slot = d->slot;
	start->recovery = d->verdict == VS_VERDICT_RECOVER;
	start->trial = d->trial;
	start->fell_back = d->fell_back;
	for (int slot = 0; slot < VS_SLOTS; slot++)
		start->seen[slot] = d->seen[slot].refused;
	if ((d->verdict == VS_VERDICT_BOOT && d->slot >= 0) || start->recovery)
		return VS_OK;
	return bad(error, "says that nothing was to start");
}

static vs_status slot_path(const struct vs_storage *s, int component, int slot,
                           char *out, size_t cap)
{
	if (s->machine->components[component].serial)
		return vs_boot_files_slot_path(
			s->dir, s->machine->components[component].name, slot,
			out, cap);
	return node_path(s->slots[component][slot], out, cap);
}

/* Writes len bytes, whole units, and makes them durable. */
static vs_status put(const char *node, const uint8_t *in, size_t len,
                     uint64_t at)
{
	VS_AUTO(vs_fd_drop) int fd = -1;
	char error[VS_STORAGE_ERROR_LEN];
	vs_status status = open_node(node, O_RDWR, &fd, error);

	if (status == VS_OK && fd < 0)
		status = VS_ERR_ABSENT;
	if (status == VS_OK)
		status = vs_file_pwrite(fd, in, len, at);
	return status == VS_OK ? vs_file_sync(fd) : status;
}

/* A cut in it leaves bytes that no loader takes for a chain, and the other
 * place: both are written, one after the other.
 */
static vs_status put_ring(const struct vs_storage *s, int place,
                          const uint8_t *chain, size_t len)
{
	size_t whole = (RING_HEAD + len + UNIT - 1) / UNIT * UNIT;
	uint8_t *out;
	vs_status status;

	if (len > RING_LEN_MAX)
		return VS_ERR_LIMIT;
	out = calloc(1, whole);
	if (!out)
		return VS_ERR_NOMEM;
	memcpy(out, ring_magic, sizeof(ring_magic));
	put32(out + sizeof(ring_magic), (uint32_t)len);
	memcpy(out + RING_HEAD, chain, len);
	status = put(s->rings[place], out, whole, 0);
	free(out);
	return status;
}

static vs_status put_cause(const struct vs_storage *s,
                           enum vs_reset_cause cause)
{
	uint8_t out[UNIT] = {0};

	memcpy(out, cause_magic, sizeof(cause_magic));
	out[sizeof(cause_magic)] = (uint8_t)cause;
	put32(out + 12, vs_crc32(out, 12));
	return put(s->record, out, sizeof(out), CAUSE_AT);
}

static const char *image(void)
{
	return vs_places.image;
}

const struct vs_storage_kind vs_storage_uefi = {
	.name = "uefi",
	.open = open_uefi,
	.ops = ops,
	.start = read_start,
	.slot_path = slot_path,
	.put_ring = put_ring,
	.put_cause = put_cause,
	.image = image,
};
