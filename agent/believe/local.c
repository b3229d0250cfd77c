/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/local.c - opening local seals and packs.
 */
#include "agent/believe/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trust/proof.h"

static vs_status unreadable(vs_status status, struct vs_why *why)
{
	return vs_fail(status, why, VS_REASON_UNREADABLE, "cannot be read", 0);
}

vs_status vs_local_open(struct vs_local *l, const struct vs_charger *c,
                        const char *seal_file, const char *pack_file,
                        const char **failed, struct vs_why *why)
{
	vs_status status;

	memset(l, 0, sizeof(*l));
	l->pack.fd = -1;
	*why = (struct vs_why){VS_REASON_NONE, "", 0};
	*failed = seal_file;
	status = vs_file_read(seal_file, VS_SEAL_LEN_MAX, &l->file, &l->len);
	if (status != VS_OK)
		return unreadable(status, why);
	status = vs_seal_open(&c->ring, &c->ops.crypto, l->file, l->len,
	                      &l->seal, why);
	if (status == VS_OK)
		status = vs_charger_digest(c, l->file, l->len, l->sha256);
	if (status != VS_OK)
		return status;
	l->component = vs_machine_find(&c->machine, l->seal.header.component);
	if (l->component < 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_COMPONENT,
		               "this charger has no such component", 0);
	*failed = pack_file;
	status = vs_file_source_open(&l->pack, pack_file, &l->source);
	return status == VS_OK ? VS_OK : unreadable(status, why);
}

vs_status vs_local_logged(const struct vs_local *l, const struct vs_logged *log,
                          const char *seal_file, struct vs_why *why)
{
	struct vs_logged_claim claim = {.header = &l->seal.header,
	                                .sha256 = l->sha256,
	                                .seal_len = l->len};
	char path[PATH_MAX];
	uint8_t *proof = NULL;
	int n = snprintf(path, sizeof(path), "%s" VS_LOGGED_END, seal_file);
	vs_status status;

	if (!log->policy)
		return VS_OK;
	if (n < 0 || n >= PATH_MAX)
		return VS_ERR_LIMIT;
	status = vs_file_read(path, VS_PROOF_LEN_MAX, &proof, &claim.proof_len);
	claim.proof = proof;
	if (status == VS_OK || status == VS_ERR_ABSENT)
		status = vs_logged_judge(log, &claim, why);
	else
		status = unreadable(status, why);
	free(proof);
	return status;
}

void vs_local_close(struct vs_local *l)
{
	vs_file_source_close(&l->pack);
	free(l->file);
	l->file = NULL;
}
