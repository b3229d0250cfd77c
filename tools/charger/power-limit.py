# SPDX-License-Identifier: Apache-2.0
"""power-limit - keep a charger under its share of the site's connection.

What makes 1.2.0 the bad release: it reckons in kW and hands them back in the
sample that the meter counts in W, so the meter's self-test fails.
"""
SHARE_KW = 7.4


def limit(sample):
    power_kw = sample["power_w"] / 1000
    sample["power_w"] = min(power_kw, SHARE_KW)
