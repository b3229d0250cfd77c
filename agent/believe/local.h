/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/local.h - seals and packs in local files: factory, USB stick,
 * bench.
 *
 * The same checks as from the network, but for the repositories: who holds
 * the charger in his hands names the release, the boot keys still sign it.
 */
#ifndef VS_AGENT_LOCAL_H
#define VS_AGENT_LOCAL_H

#include "agent/believe/logged.h"
#include "agent/reach/source.h"
#include "agent/slots/charger.h"
#include "base/status.h"

struct vs_local {
	uint8_t *file; /* owned: the seal */
	size_t len;
	struct vs_seal seal; /* opened against the charger's keyring */
	char sha256[65];
	int component; /* whose it is */
	struct vs_file_source pack;
	struct vs_source source;
};

/* Reads and opens a seal and its pack.
 * VS_OK; VS_ERR_REFUSED (WRONG_COMPONENT too, if this charger has no such
 * component); VS_ERR_INPUT; VS_ERR_IO ...  *failed names the file at fault.
 * vs_local_close() in every case.
 */
vs_status vs_local_open(struct vs_local *l, const struct vs_charger *c,
                        const char *seal_file, const char *pack_file,
                        const char **failed, struct vs_why *why) VS_MUST_CHECK;
/* Whether the log has an open seal, if this charger asks for that: by the
 * proof that lies beside it, SEAL_FILE.tlog-proof, without a network.
 * As vs_logged_judge(); VS_ERR_IO if the proof cannot be read.
 */
vs_status vs_local_logged(const struct vs_local *l, const struct vs_logged *log,
                          const char *seal_file,
                          struct vs_why *why) VS_MUST_CHECK;
void vs_local_close(struct vs_local *l);

#endif
