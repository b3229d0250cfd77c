/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/policy.h - which logs are believed, and how many witnesses it takes.
 *
 * A checkpoint is valid if one of the logs signed it and the quorum of
 * witnesses cosigned it.  A known key's bad signature refuses it, whether or
 * not the rest would do.
 *
 * Standard: C2SP tlog-policy.  Log keys of type 01, witnesses' of type 04.
 */
#ifndef VS_TRUST_POLICY_H
#define VS_TRUST_POLICY_H

#include "trust/checkpoint.h"

#define VS_POLICY_LEN_MAX (UINT32_C(256) << 10)
#define VS_POLICY_LOGS_MAX 32
#define VS_POLICY_NODES_MAX 96 /* witnesses and groups */
#define VS_POLICY_URL_LEN 512  /* with the closing zero */

struct vs_tlog_log {
	struct vs_vkey key;          /* its name is the log's origin */
	char url[VS_POLICY_URL_LEN]; /* "" = none */
};

/* A witness, or a group of nodes before it. */
struct vs_tlog_node {
	struct vs_span name; /* borrowed from the policy's text */
	bool is_group;
	struct vs_vkey key; /* of a witness */
	char url[VS_POLICY_URL_LEN];
	size_t threshold; /* of a group */
	size_t parent;    /* the group it is in; SIZE_MAX = none */
};

/* Large (some 100 KiB): not for the stack of a thread. */
struct vs_tlog_policy {
	struct vs_tlog_log logs[VS_POLICY_LOGS_MAX];
	size_t log_count;
	struct vs_tlog_node nodes[VS_POLICY_NODES_MAX];
	size_t node_count;
	size_t quorum; /* a node; SIZE_MAX: none is asked for */
};

/* Keeps text.  VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED: a key of another
 * type); VS_ERR_LIMIT (TOO_LARGE); why->at is in the line at fault.
 */
vs_status vs_tlog_policy_parse(const char *text, size_t len,
                               struct vs_tlog_policy *out,
                               struct vs_why *why) VS_MUST_CHECK;

struct vs_tlog_valid {
	struct vs_note note; /* keeps in */
	struct vs_checkpoint checkpoint;
	size_t witnesses; /* that cosigned */
	uint64_t time_s;  /* the latest of their times; 0 = none */
};

/* Whether a log of the policy signed a checkpoint: without the witnesses.
 * VS_OK with witnesses and time_s 0; VS_ERR_INPUT; VS_ERR_LIMIT;
 * VS_ERR_REFUSED (WRONG_ORIGIN, UNKNOWN_KEY, BAD_SIGNATURE); VS_ERR_CRYPTO.
 */
vs_status vs_tlog_policy_signed(const struct vs_tlog_policy *policy,
                                const void *in, size_t len,
                                struct vs_tlog_valid *out,
                                struct vs_why *why) VS_MUST_CHECK;

/* Whether a checkpoint is valid under a policy.
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT; VS_ERR_REFUSED (WRONG_ORIGIN,
 * UNKNOWN_KEY, BAD_SIGNATURE, WITNESSES); VS_ERR_NOMEM; VS_ERR_CRYPTO.
 */
vs_status vs_tlog_policy_check(const struct vs_tlog_policy *policy,
                               const void *in, size_t len,
                               struct vs_tlog_valid *out,
                               struct vs_why *why) VS_MUST_CHECK;

#endif
