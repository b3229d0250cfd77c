/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/uptane_args.h - a charger, as the command line describes it.
 */
#ifndef VS_OPERATE_UPTANE_ARGS_H
#define VS_OPERATE_UPTANE_ARGS_H

#include "operate/args.h"
#include "trust/uptane.h"

#define VS_UPTANE_ID_MAX 128 /* of an ECU's or hardware's id, with the zero */

struct vs_uptane_args {
	bool plain;                /* --profile plain */
	struct vs_vehicle vehicle; /* points into this struct and at argv */
	struct vs_ecu ecus[VS_ECUS_MAX];
	char ids[VS_ECUS_MAX][VS_UPTANE_ID_MAX];
	char components[VS_ECUS_MAX][VS_REQUIRES_LEN];
};

/* Reads --profile, --vehicle, --ecu, --installed, --floor and --runs.  *out
 * must not move afterwards.
 * VS_EXIT_OK; VS_EXIT_USAGE after one line on standard error.
 */
enum vs_exit vs_uptane_args_read(const struct vs_args *a,
                                 struct vs_uptane_args *out) VS_MUST_CHECK;

#endif
