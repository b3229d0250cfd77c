/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/commands.h - the rows of voltseal-sign's table, one file each.
 *
 * A command says on standard error, once and in one line, what went wrong;
 * the status it gives is only for the exit code.
 */
#ifndef VS_SIGN_COMMANDS_H
#define VS_SIGN_COMMANDS_H

#include "sign/args.h"

/* All of them, in the order of --help; NULL ends. */
extern const struct vs_command *const vs_commands[];

extern const struct vs_command vs_cmd_token_init;
extern const struct vs_command vs_cmd_key_generate;
extern const struct vs_command vs_cmd_key_list;
extern const struct vs_command vs_cmd_key_export;
extern const struct vs_command vs_cmd_lms_generate;
extern const struct vs_command vs_cmd_lms_show;
extern const struct vs_command vs_cmd_lms_export;
extern const struct vs_command vs_cmd_lms_reserve;
extern const struct vs_command vs_cmd_room_init;
extern const struct vs_command vs_cmd_propose_release;
extern const struct vs_command vs_cmd_propose_renew;
extern const struct vs_command vs_cmd_propose_policy;
extern const struct vs_command vs_cmd_seal;
extern const struct vs_command vs_cmd_show;
extern const struct vs_command vs_cmd_approve;
extern const struct vs_command vs_cmd_export;
extern const struct vs_command vs_cmd_sign;
extern const struct vs_command vs_cmd_merge;
extern const struct vs_command vs_cmd_transcript_show;
extern const struct vs_command vs_cmd_transcript_witness;
extern const struct vs_command vs_cmd_publish;
extern const struct vs_command vs_cmd_verify;
extern const struct vs_command vs_cmd_inspect;
extern const struct vs_command vs_cmd_forecast;
extern const struct vs_command vs_cmd_delta_inspect;
extern const struct vs_command vs_cmd_delta;
extern const struct vs_command vs_cmd_ca_init;
extern const struct vs_command vs_cmd_ca_issue;
extern const struct vs_command vs_cmd_log_init;
extern const struct vs_command vs_cmd_log_policy;
extern const struct vs_command vs_cmd_log_append;
extern const struct vs_command vs_cmd_log_checkpoint;
extern const struct vs_command vs_cmd_log_request;
extern const struct vs_command vs_cmd_log_cosign;
extern const struct vs_command vs_cmd_log_prove;
extern const struct vs_command vs_cmd_log_verify;
extern const struct vs_command vs_cmd_completion;

#endif
