/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/requires.c - whether a charger has what a release requires
 * beside it.
 */
#include "server/campaigns/requires.h"

#include <stdio.h>

bool vs_device_lacks(const struct vs_device *d, const struct vs_releases *r,
                     const char *release, char why[static VS_LACKS_LEN])
{
	const struct vs_release_target *comes[VS_ECUS_MAX];
	struct vs_runs runs[VS_ECUS_MAX];
	bool told = false;

	for (size_t i = 0; i < d->ecu_count; i++) {
		const struct vs_device_ecu *e = &d->ecus[i];

		comes[i] = vs_release_target(r, release, e->component,
		                             e->hardware);
		runs[i] = (struct vs_runs){e->component,
		                           comes[i] ? comes[i]->version
		                                    : e->version};
		told = told || e->version[0];
	}
	for (size_t i = 0; told && i < d->ecu_count; i++) {
		const char *has;
		const struct vs_requirement *unmet =
			comes[i] ? vs_requires_unmet(&comes[i]->requires, runs,
		                                     d->ecu_count, &has)
				 : NULL;

		if (!unmet)
			continue;
		snprintf(why, VS_LACKS_LEN, "requires %s %s, has %s",
		         unmet->component, unmet->least, *has ? has : "none");
		return true;
	}
	return false;
}

const char *vs_device_named(const struct vs_device *d,
                            const struct vs_releases *r)
{
	const char *release = vs_device_release(d, r);
	char why[VS_LACKS_LEN];

	if (!*release || vs_device_runs(d, r, release))
		return release;
	return vs_device_lacks(d, r, release, why) ? "" : release;
}
