/* SPDX-License-Identifier: Apache-2.0
 *
 * base/version.h - which of two versions is the later one.
 *
 * Numbers between dots first, one after the other; one that is missing counts
 * as 0, so 2.1 and 2.1.0 are the same.  Then the text after them: "-" or "~"
 * makes it earlier than none (2.1.0-rc1 < 2.1.0), anything else later
 * (2.1.0 < 2.1.0a).  Within the text runs of digits count as numbers
 * (rc9 < rc10).  Numbers may have any length.
 *
 * Format: docs/formats/filter.md.
 */
#ifndef VS_BASE_VERSION_H
#define VS_BASE_VERSION_H

/* Below 0, 0 or above 0, as strcmp(). */
int vs_version_compare(const char *a, const char *b);

#endif
