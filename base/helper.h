/* SPDX-License-Identifier: Apache-2.0
 *
 * base/helper.h - one thread beside the caller's, which does jobs in order.
 *
 * Once it is there it makes no system call but futex, to wait and to wake (of
 * this process alone), so that both threads can give up all others: what a
 * thread gives up for itself is a job, too.
 */
#ifndef VS_BASE_HELPER_H
#define VS_BASE_HELPER_H

#include "base/status.h"

#define VS_HELPER_JOBS 4 /* given and not done, at most */

struct vs_helper;

/* How many cores this process may use, at least 1. */
unsigned vs_helper_cores(void);

/* Starts the thread, with a stack of that many bytes; gives *out.
 * VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_helper_new(size_t stack_len, struct vs_helper **out) VS_MUST_CHECK;
/* Waits for all jobs and ends it; also for VS_AUTO. */
void vs_helper_free(struct vs_helper **h);

/* The rest is for the one thread that has it, which it is handed to as a
 * context: helper is a struct vs_helper.
 *
 * Has job(arg) done after those given before; waits where VS_HELPER_JOBS are
 * not done.  What it does not change meanwhile the caller may read.
 */
void vs_helper_give(void *helper, void (*job)(void *arg), void *arg);
/* How many of those given are not done yet. */
unsigned vs_helper_busy(void *helper);
/* Waits until at most busy are not done: what the others did can be seen. */
void vs_helper_await(void *helper, unsigned busy);

#endif
