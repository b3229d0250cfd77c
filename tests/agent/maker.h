/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/maker.h - a release team, its seals and packs, a charger.
 *
 * Every helper asserts: a test that gets something back has it whole.
 */
#ifndef VS_TESTS_AGENT_MAKER_H
#define VS_TESTS_AGENT_MAKER_H

#include "agent/install/install.h"
#include "agent/slots/charger.h"
#include "tests/seal/fixture.h"
#include "trust/leaf.h"

#define MAKER_PEOPLE 2
#define MAKER_SLOT_LEN (UINT64_C(5) << 20)

struct maker {
	struct vs_crypto crypto;
	struct person people[MAKER_PEOPLE];
	struct vs_keyring ring; /* both must sign; gateway and controller */
	char dir[64];           /* a folder of its own; removed by drop */
};

/* One image with its seal and pack, in memory. */
struct made {
	uint8_t *image, *seal, *pack;
	size_t image_len, seal_len, pack_len;
	struct vs_seal opened;
	char sha256[65]; /* of the seal */
};

void maker_init(struct maker *m);
/* The same, with its folder in this one. */
void maker_init_in(struct maker *m, const char *folder);
void maker_drop(struct maker *m);

/* "m->dir/name", in a buffer of the caller's own. */
const char *maker_path(const struct maker *m, const char *name, char *out);
void maker_put(const struct maker *m, const char *name, const void *bytes,
               size_t len);

/* A new private key, and a certificate for it in another file. */
void maker_identity(const struct maker *m, const char *key, const char *name);

/* A certificate of the key for itself, which is its CA too, in m->dir/name. */
void maker_certificate(const struct maker *m, EVP_PKEY *key, const char *name);

/* Seals and packs an image for gateway (gw-rev3) or controller (ct-rev1). */
void maker_seal(struct maker *m, struct made *out, const char *component,
                uint64_t seq, uint32_t security, const uint8_t *image,
                size_t len);
void made_drop(struct made *r);
/* In m->dir/name.seal and name.pack. */
void maker_put_made(const struct maker *m, const char *name,
                    const struct made *r);
/* What a log says of it, from the header alone. */
struct vs_leaf made_leaf(const struct made *r);

/* A charger with both components, slot A GOOD and holding these, slot B
 * EMPTY; no decision yet.  In m->dir/charger.
 */
void maker_charger(struct maker *m, const struct made *gateway,
                   const struct made *controller, uint32_t floor);
/* Its boot record, wherever it keeps it. */
struct vs_record maker_record(const struct maker *m);
void maker_set_record(const struct maker *m, struct vs_record record);
/* Installs an image in a slot of it: "charger/slot-b/gateway". */
void maker_fill_slot(const struct maker *m, const char *name,
                     const struct made *r);
/* A keyring file, signed by these; gives its length. */
size_t maker_ring(const struct vs_keyring *ring, struct person *const *signers,
                  size_t count, uint8_t out[static VS_KEYRING_LEN_MAX]);
/* Scraps it, so that another can be made. */
void maker_scrap_charger(const struct maker *m);
/* Removes a folder and all in it. */
void maker_scrap(const struct maker *m, const char *name);
/* The charger's decision.json, as far as the agent reads it. */
void maker_decide(const struct maker *m, const struct vs_boot_decision *d);

/* A source over a pack in memory that counts what is asked of it. */
struct counted {
	const uint8_t *pack;
	size_t len;
	uint64_t at, end;
	uint64_t bytes, requests;
	uint64_t fail_after; /* bytes; 0: never */
	/* It may have a delta, too: to any image, so that it can be wrong. */
	const uint8_t *delta;
	size_t delta_len;
	uint64_t delta_bytes, deltas_asked;
	unsigned breaks;     /* so many reads of it fail, each after */
	uint64_t break_each; /* so many bytes */
	uint64_t until_break;
	const uint8_t *from; /* what is open */
};
void counted_init(struct counted *c, const struct made *r,
                  struct vs_source *out);

/* A slot disk of its own file whose n-th write, and all after it, do not
 * reach the disk: VS_ERR_IO, as if the power was cut there.
 */
struct cut_disk {
	struct vs_disk_ops ops;
	uint64_t writes; /* done so far */
	uint64_t cut_at; /* 0: never */
	uint64_t syncs;
	bool torn; /* the write that is cut leaves its first half */
	/* Writes of each cluster that were done. */
	unsigned clusters[MAKER_SLOT_LEN / VS_CLUSTER_LEN];
};
void cut_disk_init(struct cut_disk *c);

#endif
