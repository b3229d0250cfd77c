/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/bare.h - where a microcontroller's image is loaded.
 *
 * Nothing in the image says so.  Its vector table says about where, and
 * pointers to functions exactly: at that address they point to where functions
 * begin.  A wrong answer costs bytes.
 */
#ifndef VS_DELTA_MAKE_BARE_H
#define VS_DELTA_MAKE_BARE_H

#include "base/status.h"

/* Whether this looks like an image for a Cortex-M, and its address. */
bool vs_bare_find(const uint8_t *image, size_t len, uint32_t *addr);

#endif
