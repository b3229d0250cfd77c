/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/monitor_pass.h - one look at a log: is it the log that it was, and
 * what is new in it?
 *
 * An entry is told of only after a checkpoint that is valid under the policy
 * covers it; the state moves on after it was told.
 */
#ifndef VS_OPERATE_MONITOR_PASS_H
#define VS_OPERATE_MONITOR_PASS_H

#include "operate/monitor_say.h"
#include "operate/monitor_source.h"
#include "operate/monitor_state.h"
#include "trust/policy.h"

/* Digests of seals, sorted. */
struct vs_monitor_expected {
	bool asked;                   /* else nothing is unexpected */
	char (*hex)[VS_LEAF_HEX_LEN]; /* owned */
	size_t count;
};

/* Adds a file: lines of SHA-256 in hex (what follows them, and lines with #,
 * is for people), or a TUF targets file, of which the seals are expected.
 * VS_OK; VS_ERR_INPUT; VS_ERR_ABSENT; VS_ERR_IO; VS_ERR_NOMEM; VS_ERR_LIMIT.
 */
vs_status vs_monitor_expect(struct vs_monitor_expected *e, const char *path,
                            struct vs_why *why) VS_MUST_CHECK;
/* Whether a seal is expected, or everything is. */
bool vs_monitor_expects(const struct vs_monitor_expected *e,
                        const char hex[static VS_LEAF_HEX_LEN]);
void vs_monitor_expected_drop(struct vs_monitor_expected *e);

struct vs_monitor_pass {
	struct vs_log_source *source;
	const struct vs_tlog_policy *policy;
	const struct vs_monitor_expected *expected;
	const char *dir; /* state and evidence */
	struct vs_monitor_say *say;
};

/* VS_OK, alarms or not; VS_ERR_IO or VS_ERR_ABSENT if the log does not
 * answer (why says what); VS_ERR_INPUT if the state is broken; VS_ERR_LIMIT;
 * VS_ERR_NOMEM; VS_ERR_CRYPTO.
 */
vs_status vs_monitor_look(const struct vs_monitor_pass *p,
                          struct vs_why *why) VS_MUST_CHECK;

#endif
