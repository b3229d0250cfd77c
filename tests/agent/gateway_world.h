/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/gateway_world.h - two releases, and a gateway on the first.
 *
 * Slot A is GOOD and holds it, slot B is EMPTY.  The loader knows both
 * components; each has security versions of its own.
 */
#ifndef VS_TESTS_AGENT_GATEWAY_WORLD_H
#define VS_TESTS_AGENT_GATEWAY_WORLD_H

#include "tests/agent/gateway.h"

#define GATEWAY_LEN ((size_t)2 * VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000

extern struct maker maker;
/* Security versions: 1 and 2; 2 and 3. */
extern struct made gateway_1, controller_1, gateway_2, controller_2;
extern struct vs_charger *charger; /* since world_open(); NULL before it */

/* For cmocka: the releases, for a group of tests. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* A gateway on the first release, or on another; it has not started yet. */
int world_begin(void **state);
void world_begin_on(const struct made *gateway_image,
                    const struct made *controller_image);
int world_end(void **state);

/* Opens charger as the agent does; what was open before is closed already.
 * error: one line, or "".  Dropped by world_end().
 */
vs_status world_open(char error[static VS_ERROR_LEN]);

/* A loader that is told nothing of the cause, as under UEFI: for struct life.
 */
void world_boot(enum vs_reset_cause cause);

/* Writes into a partition. */
void world_overwrite(const char *name, const void *in, size_t len, uint64_t at);
/* All of it: what a bad flash or a clumsy hand leaves. */
void world_destroy(const char *name);

#endif
