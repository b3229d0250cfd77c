/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/plan.h - a campaign's plan out of a file and options.
 */
#ifndef VS_OPERATE_PLAN_H
#define VS_OPERATE_PLAN_H

#include <jansson.h>

#include "operate/args.h"

/* Gives *out (json_decref): the body of POST /v1/campaigns.  What the file
 * says, then what the options say, then the defaults.  One line on standard
 * error for the first thing that is wrong.
 */
enum vs_exit vs_plan_read(const struct vs_args *a, json_t **out) VS_MUST_CHECK;

#endif
