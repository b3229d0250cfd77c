/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/component.h - "gateway=IMAGE:VERSION:HARDWARE[,HARDWARE2]:SECURITY",
 * and "gateway=controller:1.4.0", what it requires.
 */
#ifndef VS_SIGN_COMPONENT_H
#define VS_SIGN_COMPONENT_H

#include <limits.h>

#include "base/status.h"
#include "seal/header.h"
#include "trust/requires.h"

struct vs_component {
	char image[PATH_MAX];         /* may hold colons itself */
	struct vs_seal_header header; /* what the text says of it */
	struct vs_requires requires;
};

/* Says by itself what is wrong. */
vs_status vs_component_parse(const char *text,
                             struct vs_component *out) VS_MUST_CHECK;

/* Adds a requirement to the one of count components that text names.  Says by
 * itself what is wrong.
 */
vs_status vs_component_require(const char *text, struct vs_component *all,
                               size_t count) VS_MUST_CHECK;

/* "gw-rev3,gw-rev4" into the header. */
vs_status vs_component_hardware(const char *list,
                                struct vs_seal_header *out) VS_MUST_CHECK;
/* One name into a header field of 32 bytes. */
vs_status vs_component_text(const char *field, const char *text,
                            char out[static VS_VERSION_LEN]) VS_MUST_CHECK;

#endif
