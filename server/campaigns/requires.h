/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/requires.h - whether a charger has what a release requires
 * beside it.
 *
 * The chargers judge that themselves, by what is installed; here the versions
 * in the last signed report tell, so that nobody is told what it must refuse.
 *
 * Format: docs/formats/uptane-profile.md.
 */
#ifndef VS_SERVER_CAMPAIGNS_REQUIRES_H
#define VS_SERVER_CAMPAIGNS_REQUIRES_H

#include "server/fleet/fleet.h"

#define VS_LACKS_LEN 128 /* of the sentence */

/* Whether some image of the release requires another component than it would
 * find; then why says which: "requires controller 1.4.0, has 1.3.2".  False of
 * a charger that has told no version at all yet.
 */
bool vs_device_lacks(const struct vs_device *d, const struct vs_releases *r,
                     const char *release, char why[static VS_LACKS_LEN]);

/* What its director names: vs_device_release(), but "" for what it neither
 * runs nor could install now.
 */
const char *vs_device_named(const struct vs_device *d,
                            const struct vs_releases *r);

#endif
