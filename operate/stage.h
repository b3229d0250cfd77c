/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/stage.h - voltseal release promote, approve, reject, retire.
 */
#ifndef VS_OPERATE_STAGE_H
#define VS_OPERATE_STAGE_H

#include "operate/args.h"

enum vs_exit vs_release_promote(const struct vs_args *a);
enum vs_exit vs_release_approve(const struct vs_args *a);
enum vs_exit vs_release_reject(const struct vs_args *a);
enum vs_exit vs_release_retire(const struct vs_args *a);
enum vs_exit vs_release_evidence(const struct vs_args *a);

#endif
