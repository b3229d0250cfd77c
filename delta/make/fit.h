/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/fit.h - as many covers as an applier has room for.
 */
#ifndef VS_DELTA_MAKE_FIT_H
#define VS_DELTA_MAKE_FIT_H

#include "delta/walk.h"

/* Drops the shortest covers of the files that have most, until those that are
 * open at once are at most max.  Files have their covers, and no more of the
 * walk is done.
 * VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_fit_covers(struct vs_walk *w, size_t max) VS_MUST_CHECK;

#endif
