/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/sweep.h - what a power cut left of files that were being
 * replaced.
 */
#ifndef VS_AGENT_SWEEP_H
#define VS_AGENT_SWEEP_H

/* Removes the temporaries of vs_file_replace() (NAME.NUMBER.new) in DIR and in
 * the agent's folders below it.  Only for who holds the lock on DIR.  What
 * cannot be removed stays: it harms nobody.
 */
void vs_sweep(const char *dir);

#endif
