/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cmd/divide.c - a command leaves the network; who starts something
 * there stays.
 *
 * A file of its own: a test that plays commands in its own process, which is
 * to leave nothing, links another one.
 */
#include <stdio.h>

#include "agent/cmd/commands.h"
#include "agent/conf/conf.h"
#include "agent/reach/runner.h"
#include "base/log.h"

static struct vs_runner runner = {.fd = -1, .pid = -1};

/* It is told what it will ever start. */
static vs_status start_runner(const char *dir, enum vs_stays stays,
                              char error[static VS_ERROR_LEN])
{
	struct vs_runner_config config = {.offline = stays != VS_STAYS_ALL};
	struct vs_machine machine;
	struct vs_conf conf;
	vs_status status = vs_machine_load(dir, &machine, error);

	if (status == VS_OK)
		status = vs_conf_load(dir, &conf, error);
	if (status != VS_OK)
		return status;
	if (stays == VS_STAYS_ALL)
		config.image = vs_storage_image(&machine);
	config.check_ms = conf.health_check_ms;
	config.status_command = conf.status_command;
	status = vs_runner_start(&runner, &config);
	vs_conf_drop(&conf);
	if (status != VS_OK)
		snprintf(error, VS_ERROR_LEN,
		         "voltseal-runner cannot be started");
	return status;
}

bool vs_cmd_divide(const char *dir, enum vs_stays stays,
                   struct vs_division *out)
{
	char error[VS_ERROR_LEN];
	vs_status status = VS_OK;

	*out = (struct vs_division){.runner = NULL};
	if (stays != VS_STAYS_NOBODY)
		status = start_runner(dir, stays, error);
	if (status == VS_OK && stays != VS_STAYS_NOBODY)
		out->runner = &runner;
	if (status == VS_OK) {
		status = vs_seclude(&out->secluded);
		snprintf(error, sizeof(error),
		         "cannot be kept from the network: a kernel without "
		         "CONFIG_SECCOMP_FILTER");
	}
	if (status == VS_OK)
		return true;
	vs_error("%s", error);
	vs_division_end(out);
	return false;
}

void vs_division_end(struct vs_division *d)
{
	if (d->runner)
		vs_runner_end(d->runner);
	d->runner = NULL;
}
