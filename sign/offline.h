/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/offline.h - the process gives up the network before it starts work.
 *
 * The room itself needs no socket of any kind.  Local (AF_UNIX) sockets stay
 * possible, because PKCS#11 modules reach smart cards through pcscd; every
 * other family is refused by the kernel for the rest of the process's life.
 */
#ifndef VS_SIGN_OFFLINE_H
#define VS_SIGN_OFFLINE_H

#include "base/status.h"

/* VS_OK; VS_ERR_STATE with a line in error[]: then nothing may be signed. */
vs_status vs_offline_enter(char error[static 256]) VS_MUST_CHECK;

#endif
