/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/slots/storage.c - the kinds of storage.
 */
#include "agent/slots/storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct vs_storage_kind *const kinds[] = {&vs_storage_files,
                                                      &vs_storage_uefi};

static const struct vs_storage_kind *find(const struct vs_machine *machine)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i]->name, machine->storage) == 0)
			return kinds[i];
	return NULL;
}

vs_status vs_storage_open(struct vs_storage *s, const char *dir,
                          const struct vs_machine *machine,
                          char error[static VS_STORAGE_ERROR_LEN])
{
	memset(s, 0, sizeof(*s));
	s->dir = dir;
	s->machine = machine;
	s->kind = find(machine);
	if (s->kind)
		return s->kind->open(s, error);
	snprintf(error, VS_STORAGE_ERROR_LEN,
	         "machine.conf: storage: is neither files nor uefi");
	return VS_ERR_INPUT;
}

void vs_storage_close(struct vs_storage *s)
{
	vs_boot_files_drop(&s->files);
}

/* A loader that hands the machine over has made the image its root. */
const char *vs_storage_image(const struct vs_machine *machine)
{
	const struct vs_storage_kind *kind = find(machine);

	return kind && kind->image ? kind->image() : getenv("VOLTSEAL_IMAGE");
}

vs_status vs_storage_put_cause(const struct vs_storage *s,
                               enum vs_reset_cause cause)
{
	return s->kind->put_cause ? s->kind->put_cause(s, cause) : VS_OK;
}
