/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/slots/storage_files.c - a folder of files, shared with voltseal-boot.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/slots/decided.h"
#include "agent/slots/storage.h"
#include "agent/state/outbox.h"
#include "base/file.h"
#include "trust/json.h"

#define DECISION_MAX (64 * 1024)

static vs_status fail(vs_status status, char error[static VS_STORAGE_ERROR_LEN],
                      const char *file, const char *what)
{
	snprintf(error, VS_STORAGE_ERROR_LEN, "%.120s: %.120s", file, what);
	return status;
}

static vs_status open_files(struct vs_storage *s,
                            char error[static VS_STORAGE_ERROR_LEN])
{
	return vs_boot_files_open(s->dir, s->machine, O_RDONLY, &s->files,
	                          error);
}

static void ops(struct vs_storage *s, struct vs_boot_ops *out)
{
	vs_boot_files_ops(&s->files, out);
}

static vs_status take_seen(struct vs_start *start, const json_t *decision)
{
	json_t *seen;
	const char *word;
	vs_status status = vs_json_array(decision, "seen", &seen, NULL);

	for (size_t slot = 0; slot < VS_SLOTS && status == VS_OK; slot++) {
		status = vs_json_string(json_array_get(seen, slot), "refused",
		                        &word, NULL);
		if (status == VS_OK)
			start->seen[slot] = vs_reason_parse(word);
	}
	return status;
}

static vs_status take_decision(struct vs_start *start, const json_t *decision)
{
	uint64_t slot;
	vs_status status = vs_json_uint(decision, "slot", &slot, NULL);

	if (status != VS_OK || slot >= VS_SLOTS)
		return VS_ERR_INPUT;
	start->slot = (int)slot;
	start->trial = json_is_true(json_object_get(decision, "trial"));
	start->fell_back = json_is_true(json_object_get(decision, "fell_back"));
	return take_seen(start, decision);
}

/* A decision that is there but unreadable is not guessed around. */
static vs_status read_start(struct vs_storage *s, const struct vs_boot_ops *at,
                            char error[static VS_STORAGE_ERROR_LEN])
{
	VS_AUTO(vs_json_drop) json_t *decision = NULL;
	char path[PATH_MAX];
	struct vs_record record;
	uint8_t *text = NULL;
	size_t len;
	vs_status status =
		vs_path_join(path, sizeof(path), s->dir, "decision.json");

	if (status == VS_OK)
		status = vs_file_read(path, DECISION_MAX, &text, &len);
	if (status == VS_ERR_ABSENT) {
		if (vs_record_load(&at->record, &record) != VS_OK)
			return fail(VS_ERR_ABSENT, error, "boot-record",
			            "neither copy can be read");
		s->start.slot = record.slot;
		return VS_OK;
	}
	if (status != VS_OK)
		return fail(status, error, path, vs_status_name(status));
	status = vs_json_parse(text, len, DECISION_MAX, &decision, NULL);
	free(text);
	if (status == VS_OK)
		status = take_decision(&s->start, decision);
	/* what an older voltseal-boot wrote is less, and enough to run by */
	if (status == VS_OK)
		s->start.known = vs_decided_parse(decision, s->machine,
		                                  &s->start.decision) == VS_OK;
	if (status != VS_OK)
		return fail(status, error, path, "is not a boot decision");
	return VS_OK;
}

static vs_status slot_path(const struct vs_storage *s, int component, int slot,
                           char *out, size_t cap)
{
	return vs_boot_files_slot_path(
		s->dir, s->machine->components[component].name, slot, out, cap);
}

static vs_status put_ring(const struct vs_storage *s, int place,
                          const uint8_t *chain, size_t len)
{
	char name[32], path[PATH_MAX];
	vs_status status;

	snprintf(name, sizeof(name), "keyring-%d", place);
	status = vs_path_join(path, sizeof(path), s->dir, name);
	return status == VS_OK ? vs_file_replace(path, chain, len, 0644)
	                       : status;
}

const struct vs_storage_kind vs_storage_files = {
	.name = "files",
	.open = open_files,
	.ops = ops,
	.start = read_start,
	.slot_path = slot_path,
	.put_ring = put_ring,
};
