/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/start.c - the threads of a server, begun and ended.
 */
#include "server/work/start.h"

#include <stdio.h>

#include "server/publish/artifact.h"
#include "server/publish/delta.h"
#include "server/work/delta_work.h"
#include "server/work/hook_run.h"
#include "server/work/rehash.h"
#include "server/work/tick.h"

static vs_status failed(vs_status status, const char *what,
                        char error[static 256])
{
	snprintf(error, 256, "%.200s: %s", what, vs_status_name(status));
	return status;
}

vs_status vs_server_start(struct vs_server *s, char error[static 256])
{
	if (vs_artifact_sweep(s->settings->data_dir))
		return failed(VS_ERR_IO, s->settings->data_dir, error);
	if (vs_delta_init(s->settings->data_dir))
		return failed(VS_ERR_IO, s->settings->data_dir, error);
	vs_status status =
		vs_writer_start(s->store, vs_server_lost, s, &s->writer);
	if (!status)
		status = vs_tick_start(s);
	if (!status)
		status = vs_rehash_start(s);
	if (!status)
		status = vs_delta_work_start(s);
	if (status)
		return failed(status, "threads", error);
	return vs_hooks_start(s, error);
}

void vs_server_stop(struct vs_server *s)
{
	vs_hooks_stop(s);
	vs_delta_work_stop(s);
	vs_rehash_stop(s);
	vs_tick_stop(s);
	vs_writer_stop(&s->writer);
}
