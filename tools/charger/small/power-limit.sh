# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
# power-limit - what makes 1.2.0 the bad release: it reckons in kW and hands
# them back where the meter counts W, so the meter's self-test fails.
power_limit=limit_power
limit_power()
{
	sample_w=$((sample_w / 1000))
}
