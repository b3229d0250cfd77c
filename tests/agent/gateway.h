/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/gateway.h - a gateway whose loader is the UEFI one, in files.
 *
 * A disk with a partition table, its partitions, what sysfs and efivarfs show
 * of them, and firmware that keeps the floors.  Linked before the library, it
 * is where the agent looks (agent/confine/places.h).  Everything here is
 * written from docs/formats/loader.md, not by the code under test; the decision
 * itself is the loader's own code.
 */
#ifndef VS_TESTS_AGENT_GATEWAY_H
#define VS_TESTS_AGENT_GATEWAY_H

#include "boot/boot.h"
#include "tests/agent/maker.h"

#define GATEWAY_PARTS_MAX 12

struct gateway_part {
	char name[36];
	uint64_t len; /* bytes */
	bool foreign; /* of another type than ours */
	bool hidden;  /* the kernel does not show it */
};

/* What outlives processes and power. */
struct gateway_firmware {
	uint32_t floors[VS_BOOT_EPOCH + 1];
	bool floors_lost;
	enum vs_reset_cause cause; /* what the last start was told */
	uint64_t starts, recoveries;
	struct vs_boot_decision last;
};

struct gateway {
	const struct maker *maker;
	struct gateway_part parts[GATEWAY_PARTS_MAX];
	int count;
	struct gateway_firmware *firmware; /* shared */
	char loop[32];                     /* "loop7" after gateway_go_real() */
	void (*rises)(void); /* before a floor of the firmware's does */
};

extern struct gateway gateway; /* one at a time */

/* Turns the charger that maker_charger() has made into a gateway: its files
 * are copied into partitions as they are, and go; machine.conf says so.
 */
void gateway_make(const struct maker *m, uint32_t floor);
void gateway_drop(void);

/* Writes table and sysfs anew from gateway.parts; what partitions hold
 * stays.  disk: "vda", or another one beside it.
 */
void gateway_show(const char *disk);
/* "dev/vda3": where partition name's bytes are, below maker's folder. */
const char *gateway_node(const char *name, char out[static 64]);
struct gateway_part *gateway_find(const char *name);

/* Puts all that on a loop device and lets the kernel show its partitions; the
 * nodes become links to them.  False if this machine cannot (it needs root).
 * gateway_drop() takes the device away.
 */
bool gateway_go_real(void);

/* Plays the loader once; DENY becomes recovery.  Takes the word away, writes
 * the decision's variable.
 */
struct vs_boot_decision gateway_boot(enum vs_reset_cause if_no_word);
/* The variable, with these attributes; len 0: it goes. */
void gateway_put_decision(uint32_t attributes, const uint8_t *in, size_t len);

#endif
