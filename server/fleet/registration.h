/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/registration.h - a charger as a person registers it.
 *
 * What is said in JSON becomes the texts that its row has; memory is filled
 * from those alone, after the registration as after a restart.
 */
#ifndef VS_SERVER_FLEET_REGISTRATION_H
#define VS_SERVER_FLEET_REGISTRATION_H

#include <jansson.h>

#include "seal/header.h"
#include "server/store/store.h"
#include "trust/key.h"
#include "trust/uptane.h"

#define VS_DEVICE_ID_LEN 64
#define VS_NAME_LEN 64
#define VS_LABELS_MAX 21 /* 16 tags; what comes once */

/* What a person says of a charger.  ecus etc. point into the JSON. */
struct vs_registration {
	const char *id, *site, *feeder, *model, *certificate;
	int32_t utc_offset_min;
	struct {
		const char *id, *component, *hardware;
	} ecus[VS_ECUS_MAX];
	size_t ecu_count;
	struct {
		const char *kind, *value; /* "tenant", "tag", "zone" ... */
	} labels[VS_LABELS_MAX];
	size_t label_count;
};

/* VS_OK; VS_ERR_INPUT with why naming the field. */
vs_status vs_registration_parse(const json_t *body, struct vs_registration *out,
                                struct vs_why *why) VS_MUST_CHECK;

/* What is remembered of a certificate. */
struct vs_device_certificate {
	uint8_t fingerprint[32]; /* SHA-256 of its DER */
	uint64_t expires_s;
	struct vs_key key; /* owned */
};
/* Reads one whose common name must be id.
 * VS_OK; VS_ERR_INPUT; VS_ERR_CRYPTO.  Drop in every case.
 */
vs_status vs_device_certificate_read(const char *pem, const char *id,
                                     struct vs_device_certificate *out,
                                     struct vs_why *why) VS_MUST_CHECK;
void vs_device_certificate_drop(struct vs_device_certificate *c);

/* A charger's row; borrows all of it. */
struct vs_enrolled {
	const char *id, *site, *feeder, *model;
	const char *labels; /* "tag=x\ntenant=y\n" */
	const char *ecus;   /* "ID COMPONENT HARDWARE" for each, with blanks */
	const uint8_t *fingerprint; /* 32 bytes */
	uint64_t seq, expires_s;
	int32_t utc_offset_min;
};

#define VS_LABELS_LEN 2048
#define VS_ECUS_LEN 1536

/* Spells a registration as its row: labels and ecus are written into texts,
 * which *out borrows as it does *r and *c.
 * VS_OK; VS_ERR_LIMIT.
 */
struct vs_registration_texts {
	char labels[VS_LABELS_LEN], ecus[VS_ECUS_LEN];
};
vs_status vs_registration_spell(const struct vs_registration *r,
                                const struct vs_device_certificate *c,
                                struct vs_registration_texts *texts,
                                struct vs_enrolled *out) VS_MUST_CHECK;

/* Rows of a new charger. VS_ERR_STATE if the id is taken. */
vs_status vs_enrolled_store(struct vs_store *s, const struct vs_enrolled *e,
                            const char *pem, uint64_t now_s) VS_MUST_CHECK;
/* The certificate in force; gives *out (free()).  VS_ERR_ABSENT. */
vs_status vs_enrolled_certificate(struct vs_store *s, const char *id,
                                  char **out) VS_MUST_CHECK;

#endif
