/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/cuts_quiet.h - what would have been said.
 */
#ifndef VS_TESTS_AGENT_CUTS_QUIET_H
#define VS_TESTS_AGENT_CUTS_QUIET_H

/* The last line of an error; whoever reads it empties it. */
extern char quiet_error[512];

#endif
