/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_api.h - the handlers of people's requests, by noun.
 */
#ifndef VS_SERVER_API_OPERATOR_API_H
#define VS_SERVER_API_OPERATOR_API_H

#include "server/api/request.h"

void vs_operator_get_artifact(struct vs_request *r);
void vs_operator_begin_artifact(struct vs_request *r);
void vs_operator_more_artifact(struct vs_request *r, const void *in,
                               size_t len);
void vs_operator_put_artifact(struct vs_request *r);
void vs_operator_get_delta(struct vs_request *r);
void vs_operator_begin_delta(struct vs_request *r);
void vs_operator_put_delta(struct vs_request *r);

void vs_operator_publish(struct vs_request *r);
void vs_operator_releases(struct vs_request *r);
void vs_operator_release(struct vs_request *r);
void vs_operator_promote(struct vs_request *r);
void vs_operator_release_approve(struct vs_request *r);
void vs_operator_release_reject(struct vs_request *r);
void vs_operator_retire(struct vs_request *r);
void vs_operator_evidence(struct vs_request *r);

void vs_operator_devices(struct vs_request *r);
void vs_operator_device(struct vs_request *r);
void vs_operator_report(struct vs_request *r);
void vs_operator_certificate(struct vs_request *r);
void vs_operator_register(struct vs_request *r);
void vs_operator_bundle(struct vs_request *r);

void vs_operator_versions(struct vs_request *r);
void vs_operator_overdue(struct vs_request *r);
void vs_operator_running(struct vs_request *r);
void vs_operator_forecast(struct vs_request *r);

void vs_operator_campaigns(struct vs_request *r);
void vs_operator_campaign(struct vs_request *r);
void vs_operator_create(struct vs_request *r);
void vs_operator_move(struct vs_request *r);
void vs_operator_dry_run(struct vs_request *r);
void vs_operator_send_back(struct vs_request *r);
void vs_operator_campaign_members(struct vs_request *r);
void vs_operator_campaign_stuck(struct vs_request *r);
void vs_operator_campaign_forecast(struct vs_request *r);
void vs_operator_freeze_show(struct vs_request *r);
void vs_operator_freeze(struct vs_request *r);

void vs_session_begin(struct vs_request *r);
void vs_session_show(struct vs_request *r);
void vs_session_end(struct vs_request *r);
void vs_operator_tokens(struct vs_request *r);
void vs_operator_token_make(struct vs_request *r);
void vs_operator_token_remove(struct vs_request *r);

void vs_log_get(struct vs_request *r);
void vs_operator_put_log(struct vs_request *r);
void vs_operator_put_proof(struct vs_request *r);

void vs_operator_heads(struct vs_request *r);
void vs_operator_audit(struct vs_request *r);
void vs_operator_hooks(struct vs_request *r);
void vs_operator_hook_add(struct vs_request *r);
void vs_operator_hook_remove(struct vs_request *r);
void vs_operator_hook_enable(struct vs_request *r);
void vs_operator_hook_test(struct vs_request *r);
void vs_operator_events(struct vs_request *r);
void vs_operator_openapi(struct vs_request *r);
void vs_operator_whoami(struct vs_request *r);

#endif
