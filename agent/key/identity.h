/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/key/identity.h - do the files of this charger's identity fit together?
 */
#ifndef VS_AGENT_IDENTITY_H
#define VS_AGENT_IDENTITY_H

#include "agent/conf/conf.h"

/* Reads ca_file and cert_file, and has the device key sign: the certificate
 * must be the key's.  For a person who waits: a PIN's last try may be used.
 * VS_OK; else a line for a person in error, naming setting and file, or the
 * device.
 */
vs_status vs_identity_check(const struct vs_conf *conf,
                            char error[static VS_ERROR_LEN]) VS_MUST_CHECK;

#endif
