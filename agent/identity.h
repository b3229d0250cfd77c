/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/identity.h - do the files of this charger's identity fit together?
 */
#ifndef VS_AGENT_IDENTITY_H
#define VS_AGENT_IDENTITY_H

#include "agent/conf.h"

/* Reads ca_file, cert_file and key_file; the certificate must be the key's.
 * VS_OK; else a line for a person in error, naming setting and file.
 */
vs_status vs_identity_check(const struct vs_conf *conf,
                            char error[static VS_ERROR_LEN]) VS_MUST_CHECK;

#endif
