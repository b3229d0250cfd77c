/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/slots/storage.h - where a charger keeps slots, boot record and
 * keyrings, and where its loader tells what it decided.
 *
 * One row of a table for each kind; machine.conf's `storage` names it:
 *   files  a folder, with voltseal-boot (boot/port/host/files.h)
 *   uefi   partitions and firmware variables, with the UEFI loader
 *
 * Formats: docs/formats/boot-record.md, docs/formats/loader.md.
 */
#ifndef VS_AGENT_STORAGE_H
#define VS_AGENT_STORAGE_H

#include "boot/port/host/files.h"
#include "boot/port/host/machine.h"
#include "boot/port/host/partitions.h"

#define VS_STORAGE_ERROR_LEN 256

/* What the loader says of this start. */
struct vs_start {
	int slot;      /* the running one; -1: the recovery image runs */
	bool recovery; /* neither slot would start */
	bool trial, fell_back;
	vs_reason seen[VS_SLOTS]; /* why it passed a slot over */
	/* The whole of it, components as in machine.conf, if known is set. */
	bool known;
	struct vs_boot_decision decision;
};

struct vs_storage {
	struct vs_boot_files files; /* first: it is the operations' context */
	const struct vs_storage_kind *kind;
	const struct vs_machine *machine; /* keeps */
	const char *dir;                  /* keeps */
	bool started;                     /* start is filled */
	struct vs_start start;
	/* uefi: nodes of partitions; "": there is none */
	char record[VS_NODE_LEN];
	char rings[VS_BOOT_RINGS][VS_NODE_LEN];
	char slots[VS_BOOT_COMPONENTS_MAX][VS_SLOTS][VS_NODE_LEN];
};

struct vs_storage_kind {
	const char *name;
	/* Opens s->files, slots for reading, and finds what else there is. */
	vs_status (*open)(struct vs_storage *s,
	                  char error[static VS_STORAGE_ERROR_LEN]);
	/* The loader's operations over it. */
	void (*ops)(struct vs_storage *s, struct vs_boot_ops *out);
	/* Fills s->start. */
	vs_status (*start)(struct vs_storage *s, const struct vs_boot_ops *ops,
	                   char error[static VS_STORAGE_ERROR_LEN]);
	vs_status (*slot_path)(const struct vs_storage *s, int component,
	                       int slot, char *out, size_t cap);
	/* Replaces what a keyring's place holds, durably. */
	vs_status (*put_ring)(const struct vs_storage *s, int place,
	                      const uint8_t *chain, size_t len);
	/* Leaves the word for the loader why the machine starts next, durably.
	 * NULL: this loader knows by itself. */
	vs_status (*put_cause)(const struct vs_storage *s,
	                       enum vs_reset_cause cause);
	/* Root of the image that runs; NULL: the loader says it by
	 * VOLTSEAL_IMAGE. */
	const char *(*image)(void);
};

extern const struct vs_storage_kind vs_storage_files;
extern const struct vs_storage_kind vs_storage_uefi;

/* Opens the storage that machine names.  VS_OK; else a line for a person in
 * error; vs_storage_close() in every case.
 */
vs_status
vs_storage_open(struct vs_storage *s, const char *dir,
                const struct vs_machine *machine,
                char error[static VS_STORAGE_ERROR_LEN]) VS_MUST_CHECK;
void vs_storage_close(struct vs_storage *s);

/* Root of the image that runs on a machine of this kind; NULL: not known. */
const char *vs_storage_image(const struct vs_machine *machine);

/* VS_OK, also where no word is needed; VS_ERR_IO. */
vs_status vs_storage_put_cause(const struct vs_storage *s,
                               enum vs_reset_cause cause) VS_MUST_CHECK;

#endif
