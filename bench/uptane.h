/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/uptane.h - what the maker and the judge of the measured repositories
 * agree upon.
 */
#ifndef VS_BENCH_UPTANE_H
#define VS_BENCH_UPTANE_H

#include "trust/uptane.h"

#define BENCH_TARGETS 200
#define BENCH_ECUS VS_ECUS_MAX
#define BENCH_VEHICLE "CP-0001"
#define BENCH_NOW UINT64_C(1800000000)
#define BENCH_DIGEST                                                           \
	"b71278bd1e63b0f798e16d7c8b0c3dd2e7134aa0218e11b2ca149a17e736cb8b"

#endif
