/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/places_here.c - the program looks for disk and firmware in the
 * folder where it was started: what gateway.c has made there.
 */
#include "agent/confine/places.h"

const struct vs_places vs_places = {"sys", "dev", "efivars", "/"};
