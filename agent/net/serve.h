/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/net/serve.h - net's end of a line: asks servers what disk wants to
 * know.
 *
 * Format: docs/formats/line.md.
 */
#ifndef VS_AGENT_NET_SERVE_H
#define VS_AGENT_NET_SERVE_H

#include "base/status.h"

/* Says that it is ready, and answers until disk is gone. */
void vs_net_serve(int fd);

#endif
