/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/rehash.h - artifacts are read again and again, slowly.
 *
 * One whose bytes no longer hash to its name loses the name, so that it is
 * served to nobody, and who watches is told.  Uploading it again mends it.
 */
#ifndef VS_SERVER_WORK_REHASH_H
#define VS_SERVER_WORK_REHASH_H

#include "server/hold/server.h"

vs_status vs_rehash_start(struct vs_server *s) VS_MUST_CHECK;
void vs_rehash_stop(struct vs_server *s); /* also if it never started */

#endif
