/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/seclude.h - disk gives the network up, for good.
 *
 * What has to be started where the network is, is started by the runner
 * (agent/reach/runner.h), which was forked before.
 *
 * | what                                    | where                         |
 * |-----------------------------------------|-------------------------------|
 * | a network namespace without interfaces  | where the kernel lets it, and |
 * |                                         | it is root                    |
 * | no socket but AF_UNIX, no io_uring, no  | always, or it does not start  |
 * | other namespace, no look into another   |                               |
 * | process                                 |                               |
 * | no capability but those over files,     | where it is root              |
 * | users and its children                  |                               |
 * | Landlock: no TCP, no device node        | where the kernel has it       |
 */
#ifndef VS_AGENT_SECLUDE_H
#define VS_AGENT_SECLUDE_H

#include "base/status.h"

struct vs_secluded {
	bool namespace; /* of its own */
	int landlock;   /* its version; 0: there is none */
};

/* Of this process, before it has threads: agent/cmd/divide.c, for every command
 * that writes slots, boot record or floor or uses the device key.
 * VS_OK; VS_ERR_DENIED: it is not kept from the network.
 */
vs_status vs_seclude(struct vs_secluded *out) VS_MUST_CHECK;

/* "own namespace, filter, Landlock 7"; for a person. */
const char *vs_secluded_say(const struct vs_secluded *s, char out[static 96]);

#endif
