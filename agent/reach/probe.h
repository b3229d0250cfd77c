/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/probe.h - runs one small program and hears what it says.
 *
 * No shell, no inherited environment, a time limit that ends the program and
 * all it started, and output with a bound.
 */
#ifndef VS_AGENT_PROBE_H
#define VS_AGENT_PROBE_H

#include "base/status.h"

#define VS_PROBE_OUTPUT_MAX 4096
#define VS_PROBE_LINE_LEN 160

struct vs_probe {
	const char *root;    /* entered by chroot; NULL or "/": none */
	const char *program; /* absolute, as seen from root */
	const char *arg;     /* its one argument; NULL: none */
	uint64_t timeout_ms;
	const int *watch; /* ended when this hangs up; NULL: nobody watches */
	/* out: */
	bool timed_out;
	int code; /* exit code, or 128 + the signal */
	char output[VS_PROBE_OUTPUT_MAX + 1]; /* text; what is over is lost */
	size_t len;
};

/* VS_OK if it ended with code 0; VS_ERR_REFUSED if it ended otherwise or had
 * to be ended; VS_ERR_IO if it could not be run at all.
 */
vs_status vs_probe_run(struct vs_probe *p) VS_MUST_CHECK;

/* The last line of the output that is not empty, printable, cut to fit. */
void vs_probe_last_line(const struct vs_probe *p,
                        char out[static VS_PROBE_LINE_LEN]);

#endif
