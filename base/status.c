/* SPDX-License-Identifier: Apache-2.0
 *
 * base/status.c - the words of statuses and reasons.
 */
#include "base/status.h"

static const char *const reasons[VS_REASON_COUNT] = {
	[VS_REASON_NONE] = "none",
	[VS_REASON_MALFORMED] = "malformed",
	[VS_REASON_TOO_LARGE] = "too-large",
	[VS_REASON_UNSUPPORTED] = "unsupported",
	[VS_REASON_UNREADABLE] = "unreadable",
	[VS_REASON_THRESHOLD] = "threshold-not-met",
	[VS_REASON_DUPLICATE_KEYID] = "duplicate-key-id",
	[VS_REASON_WRONG_TYPE] = "wrong-type",
	[VS_REASON_WRONG_VERSION] = "wrong-version",
	[VS_REASON_ROLLBACK] = "metadata-rollback",
	[VS_REASON_EXPIRED] = "metadata-expired",
	[VS_REASON_LENGTH_MISMATCH] = "length-mismatch",
	[VS_REASON_HASH_MISMATCH] = "hash-mismatch",
	[VS_REASON_NOT_LISTED] = "not-listed",
	[VS_REASON_VANISHED] = "vanished",
	[VS_REASON_DELEGATION_LIMIT] = "delegation-limit",
	[VS_REASON_BAD_PATH] = "bad-path",
	[VS_REASON_NOT_IN_BOTH] = "not-in-both-repositories",
	[VS_REASON_CUSTOM_MISMATCH] = "custom-mismatch",
	[VS_REASON_WRONG_HARDWARE] = "wrong-hardware",
	[VS_REASON_UNKNOWN_ECU] = "unknown-ecu",
	[VS_REASON_DUPLICATE_ECU] = "duplicate-ecu",
	[VS_REASON_WRONG_VEHICLE] = "wrong-vehicle",
	[VS_REASON_RELEASE_ROLLBACK] = "release-rollback",
	[VS_REASON_BELOW_FLOOR] = "below-floor",
	[VS_REASON_INCOMPLETE_SET] = "incomplete-set",
	[VS_REASON_DELEGATES] = "director-delegates",
	[VS_REASON_SEAL_SIGNATURE] = "seal-signature",
	[VS_REASON_SEAL_MISMATCH] = "seal-mismatch",
	[VS_REASON_TREE_MISMATCH] = "tree-mismatch",
	[VS_REASON_CLUSTER_MISMATCH] = "cluster-mismatch",
	[VS_REASON_WRONG_COMPONENT] = "wrong-component",
	[VS_REASON_TOO_BIG_FOR_SLOT] = "too-big-for-slot",
	[VS_REASON_NO_SEAL] = "no-seal",
	[VS_REASON_KEYRING_ROLLBACK] = "keyring-rollback",
	[VS_REASON_NO_TRIES] = "no-tries-left",
	[VS_REASON_MARKED_BAD] = "marked-bad",
	[VS_REASON_HEALTH_FAILED] = "health-failed",
	[VS_REASON_HEALTH_TIMEOUT] = "health-timeout",
	[VS_REASON_BOOT_FAILED] = "boot-failed",
	[VS_REASON_BAD_SIGNATURE] = "bad-signature",
	[VS_REASON_REPLAY] = "replay",
	[VS_REASON_FOUR_EYES] = "four-eyes",
	[VS_REASON_NOT_ALLOWED] = "not-allowed",
	[VS_REASON_CONFLICT] = "conflict",
	[VS_REASON_WRONG_ORIGIN] = "wrong-origin",
	[VS_REASON_UNKNOWN_KEY] = "unknown-key",
	[VS_REASON_WITNESSES] = "too-few-witnesses",
	[VS_REASON_NOT_LOGGED] = "not-logged",
	[VS_REASON_LOG_FORKED] = "log-forked",
	[VS_REASON_LOG_TRUNCATED] = "log-truncated",
	[VS_REASON_LOG_REPLAYED] = "log-replayed",
	[VS_REASON_LOG_GAP] = "log-gap",
	[VS_REASON_UNEXPECTED_RELEASE] = "unexpected-release",
	[VS_REASON_REQUIRES_UNMET] = "requires-unmet",
	[VS_REASON_OTHER_PACKER] = "other-packer",
};

static const char *const statuses[] = {
	[VS_OK] = "ok",
	[VS_ERR_INPUT] = "malformed input",
	[VS_ERR_REFUSED] = "refused",
	[VS_ERR_IO] = "input or output failed",
	[VS_ERR_NOMEM] = "out of memory",
	[VS_ERR_LIMIT] = "over a limit",
	[VS_ERR_ABSENT] = "not there",
	[VS_ERR_STATE] = "not in this state",
	[VS_ERR_DENIED] = "not permitted",
	[VS_ERR_CRYPTO] = "crypto failed",
};

const char *vs_reason_name(vs_reason reason)
{
	if ((unsigned)reason >= VS_REASON_COUNT || !reasons[reason])
		return "unknown";
	return reasons[reason];
}

const char *vs_status_name(vs_status status)
{
	if ((unsigned)status >= sizeof statuses / sizeof *statuses)
		return "unknown";
	return statuses[status];
}
