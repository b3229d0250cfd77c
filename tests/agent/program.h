/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/program.h - voltseal-agent run as a person runs it, and heard.
 */
#ifndef VS_TESTS_AGENT_PROGRAM_H
#define VS_TESTS_AGENT_PROGRAM_H

#include <sys/resource.h>
#include <sys/types.h>

#include "tests/agent/maker.h"

/* What the program said last. */
struct said {
	int code;
	char out[16384], err[16384];
};
extern struct said said;

#define WORDS(...) ((const char *const[]){"voltseal-agent", __VA_ARGS__, NULL})

/* Starts it in m->dir; no byte beyond file_max is written into any file, 0: no
 * limit. */
pid_t start(const struct maker *m, const char *const *words, rlim_t file_max);
/* Waits for its end, into said. */
void hear(const struct maker *m, pid_t pid);
/* Exit code, and exactly one line, which says this. */
void assert_line(int code, const char *what);

#endif
