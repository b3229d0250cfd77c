/* SPDX-License-Identifier: Apache-2.0
 *
 * base/status.h - what went wrong, in two closed lists.
 *
 * vs_status says what the caller should do next; vs_reason says which rule
 * the input broke.  The reason's name is the same word on the device, in the
 * server's audit log and on a person's screen; a name never changes its
 * meaning once released.
 *
 * Freestanding: the boot stage includes this file too.
 */
#ifndef VS_BASE_STATUS_H
#define VS_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VS_MUST_CHECK __attribute__((warn_unused_result))
#define VS_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* Runs drop(&variable) when the variable's scope ends. */
#define VS_AUTO(drop) __attribute__((cleanup(drop)))

typedef enum vs_status {
	VS_OK = 0,
	VS_ERR_INPUT,   /* malformed: whoever made it must mend it */
	VS_ERR_REFUSED, /* well formed, not to be believed: drop it */
	VS_ERR_IO,      /* storage or network failed: try again later */
	VS_ERR_NOMEM,   /* no memory: give up this piece of work */
	VS_ERR_LIMIT,   /* larger than a fixed maximum: drop it */
	VS_ERR_ABSENT,  /* there is no such thing */
	VS_ERR_STATE,   /* not in this state: ask again when it has changed */
	VS_ERR_DENIED,  /* who asks may not have it */
	VS_ERR_CRYPTO,  /* the crypto library or token failed, not the input */
} vs_status;

/* Why something was refused.  Append only; docs/reasons.md explains each. */
typedef enum vs_reason {
	VS_REASON_NONE = 0,

	/* Any input */
	VS_REASON_MALFORMED,   /* does not follow its format */
	VS_REASON_TOO_LARGE,   /* over the format's maximum */
	VS_REASON_UNSUPPORTED, /* a version or scheme we do not know */
	VS_REASON_UNREADABLE,  /* could not be read or fetched */

	/* TUF metadata (TUF 1.0.34 section 5) */
	VS_REASON_THRESHOLD,        /* too few good signatures */
	VS_REASON_DUPLICATE_KEYID,  /* one key id signs twice */
	VS_REASON_WRONG_TYPE,       /* _type is not the role asked for */
	VS_REASON_WRONG_VERSION,    /* not the version that was announced */
	VS_REASON_ROLLBACK,         /* metadata version went down */
	VS_REASON_EXPIRED,          /* past its expires time: freeze */
	VS_REASON_LENGTH_MISMATCH,  /* longer or shorter than announced */
	VS_REASON_HASH_MISMATCH,    /* other bytes than announced */
	VS_REASON_NOT_LISTED,       /* no trusted metadata names it */
	VS_REASON_VANISHED,         /* was listed before, is not any more */
	VS_REASON_DELEGATION_LIMIT, /* too many delegations on the way */
	VS_REASON_BAD_PATH,         /* a name with .. or foreign characters */

	/* Uptane (Standard 2.1.0, 5.4.4) */
	VS_REASON_NOT_IN_BOTH,      /* director and image repository differ */
	VS_REASON_CUSTOM_MISMATCH,  /* must-match custom fields differ */
	VS_REASON_WRONG_HARDWARE,   /* not made for this hardware id */
	VS_REASON_UNKNOWN_ECU,      /* names an ECU this charger lacks */
	VS_REASON_DUPLICATE_ECU,    /* names one ECU twice */
	VS_REASON_WRONG_VEHICLE,    /* made for another charger */
	VS_REASON_RELEASE_ROLLBACK, /* release_seq not above installed one */
	VS_REASON_BELOW_FLOOR,      /* security_version below the floor */
	VS_REASON_INCOMPLETE_SET,   /* a component of the release is missing */
	VS_REASON_DELEGATES,        /* director targets may not delegate */

	/* Seals, slots, packs */
	VS_REASON_SEAL_SIGNATURE,   /* too few boot keys signed the seal */
	VS_REASON_SEAL_MISMATCH,    /* seal says other than its target entry */
	VS_REASON_TREE_MISMATCH,    /* sent tree does not give the root hash */
	VS_REASON_CLUSTER_MISMATCH, /* bytes do not hash to their tree node */
	VS_REASON_WRONG_COMPONENT,  /* keyring does not cover the component */
	VS_REASON_TOO_BIG_FOR_SLOT, /* image, tree and footer do not fit */
	VS_REASON_NO_SEAL,          /* a slot without a seal */
	VS_REASON_KEYRING_ROLLBACK, /* keyring version went down */

	/* Boot and trial */
	VS_REASON_NO_TRIES,       /* trial boots are used up */
	VS_REASON_MARKED_BAD,     /* the agent gave this slot up */
	VS_REASON_HEALTH_FAILED,  /* a health check said no */
	VS_REASON_HEALTH_TIMEOUT, /* health was not shown in time */
	VS_REASON_BOOT_FAILED,    /* the image did not come up */

	/* Reports and requests */
	VS_REASON_BAD_SIGNATURE, /* signed by another key, or altered */
	VS_REASON_REPLAY,        /* counter not above the last one */
	VS_REASON_FOUR_EYES,     /* one person cannot do both */
	VS_REASON_NOT_ALLOWED,   /* this role may not do that */
	VS_REASON_CONFLICT,      /* something else happened first */

	/* Transparency log (C2SP tlog-checkpoint, tlog-proof, tlog-policy) */
	VS_REASON_WRONG_ORIGIN,  /* a log that the policy does not name */
	VS_REASON_UNKNOWN_KEY,   /* no signature by a key of that log */
	VS_REASON_WITNESSES,     /* too few witnesses have cosigned */
	VS_REASON_NOT_LOGGED,    /* the checkpoint does not cover it */
	VS_REASON_LOG_FORKED,    /* two checkpoints contradict: split view */
	VS_REASON_LOG_TRUNCATED, /* the log has less than it had */
	VS_REASON_LOG_REPLAYED,  /* an older checkpoint than the last */
	VS_REASON_LOG_GAP,       /* nothing leads from the last one here */
	VS_REASON_UNEXPECTED_RELEASE, /* in the log, expected by nobody */

	/* Uptane profile, later than the list above */
	VS_REASON_REQUIRES_UNMET, /* another component is too old for it */

	/* Deltas */
	VS_REASON_OTHER_PACKER, /* made for another version of a library */

	VS_REASON_COUNT
} vs_reason;

/* What was wrong with an input and where.  A function that takes one writes
 * it whenever it returns other than VS_OK.  what is a string constant; at is
 * a byte offset into the input, 0 if none applies.
 */
struct vs_why {
	vs_reason code;
	const char *what;
	size_t at;
};

/* The reason's word: lower case with hyphens, e.g. "release-rollback".
 * Gives "unknown" for values that are not in the list.  Hosted.
 */
const char *vs_reason_name(vs_reason reason);

/* The status as a short English phrase, e.g. "malformed input".  Hosted. */
const char *vs_status_name(vs_status status);

/* Fills *why (if not NULL) and returns status, for return statements. */
static inline vs_status vs_fail(vs_status status, struct vs_why *why,
                                vs_reason code, const char *what, size_t at)
{
	if (why) {
		why->code = code;
		why->what = what;
		why->at = at;
	}
	return status;
}

#endif
