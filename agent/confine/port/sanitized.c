/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/port/sanitized.c - linked by a build with the address sanitizer
 * alone: it looks for leaks by tracing its own process, which a process that
 * has given that up cannot (agent/confine/seclude.h).
 */
#include <sys/prctl.h>

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return prctl(PR_GET_SECCOMP) > 0;
}
