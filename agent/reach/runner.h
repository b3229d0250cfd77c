/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/runner.h - the process that stays where the network is, and
 * starts what has to be started there.
 *
 * Disk forks it before it gives the network up (agent/confine/seclude.h), and
 * then asks it.  It starts the running image's health checks, the status
 * command of agent.conf and voltseal-net, and nothing else: which programs
 * these are it knows from its start, so a request names none and carries no
 * text.  It ends with disk, and all that it started ends with it.
 *
 * Any thread may ask; one at a time is answered.
 *
 * Format: docs/formats/runner.md.
 */
#ifndef VS_AGENT_RUNNER_H
#define VS_AGENT_RUNNER_H

#include <pthread.h>

#include "agent/line/requests.h"
#include "agent/line/wire.h"
#include "agent/reach/health.h"

#define VS_RUNNER_FD 3    /* where it hears disk */
#define VS_RUNNER_MS 5000 /* what the status command may take */

/* What it is told once, before it is forked. */
struct vs_runner_config {
	const char *image; /* root of the image that runs; NULL: not known */
	uint64_t check_ms; /* of one health check */
	const char *status_command; /* "": none */
	const char *net_path; /* in voltseal-net's place; NULL: as installed */
	bool offline;         /* it starts no voltseal-net */
};

/* Messages, each as one packet.  Words of this machine. */
struct vs_runner_request {
	uint32_t what;
	uint32_t number; /* from 1 on, of READY 0 */
};

struct vs_runner_answer {
	uint32_t what, number;
	uint32_t status; /* enum vs_status */
	uint32_t reason; /* CHECKED: enum vs_reason */
	uint32_t len;    /* of the text; of packet: all of it */
	char text[VS_PROBE_OUTPUT_MAX];
};

struct vs_runner {
	int fd;  /* -1: none */
	int pid; /* its parent is who started it */
	uint32_t number;
	enum vs_lane_phase phase;
	uint64_t check_ms;
	pthread_mutex_t lock;
	struct vs_runner_answer said;
};

/* Forks it.  Before threads, keys and confinement.
 * VS_OK (vs_runner_end); VS_ERR_IO, VS_ERR_NOMEM.
 */
vs_status vs_runner_start(struct vs_runner *r,
                          const struct vs_runner_config *config) VS_MUST_CHECK;
/* Ends it and all that it started, and waits for that. */
void vs_runner_end(struct vs_runner *r);

/* Whether it broke off: nothing can be started any more. */
bool vs_runner_lost(struct vs_runner *r);

/* vs_health_check() of the image, by the runner; VS_ERR_IO also: lost. */
vs_status vs_runner_check(struct vs_runner *r,
                          char detail[static VS_PROBE_LINE_LEN],
                          struct vs_why *why) VS_MUST_CHECK;

/* What the status command printed, with a zero after it.
 * VS_OK; VS_ERR_REFUSED, VS_ERR_IO as vs_probe_run() has them, or lost.
 */
vs_status vs_runner_ask(struct vs_runner *r,
                        char out[static VS_PROBE_OUTPUT_MAX + 1],
                        size_t *len) VS_MUST_CHECK;

/* Starts a voltseal-net in place of any other.  Gives its lines.
 * VS_OK; VS_ERR_IO, VS_ERR_NOMEM: why, for a person.
 */
vs_status vs_runner_net(struct vs_runner *r, int lines[static VS_WIRE_LINES],
                        char why[static VS_PROBE_LINE_LEN]) VS_MUST_CHECK;
/* Ends the voltseal-net that there is. */
void vs_runner_end_net(struct vs_runner *r);

/* In the child: serves until the other side is closed. */
_Noreturn void vs_runner_serve(int fd, const struct vs_runner_config *config);

#endif
