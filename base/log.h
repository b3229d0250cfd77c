/* SPDX-License-Identifier: Apache-2.0
 *
 * base/log.h - one line a fact, for programs; libraries never print.
 *
 * Lines go to standard error as "LEVEL program: text".  A text that came
 * from outside is quoted with vs_log_quote so that it cannot forge a line.
 */
#ifndef VS_BASE_LOG_H
#define VS_BASE_LOG_H

#include "base/status.h"

enum vs_log_form {
	VS_LOG_TEXT,    /* "LEVEL program: text" */
	VS_LOG_JSON,    /* an object a line: time, level, program, message */
	VS_LOG_JOURNAL, /* journald: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER */
};

/* Where journald listens. */
#define VS_LOG_SOCKET "/run/systemd/journal/socket"

/* program is kept. */
void vs_log_init(const char *program);
/* Before other threads log.  socket: for VS_LOG_JOURNAL.  VS_OK; VS_ERR_IO:
 * nobody listens there, and the form stays as it was.
 */
vs_status vs_log_form(enum vs_log_form form, const char *socket) VS_MUST_CHECK;
void vs_info(const char *fmt, ...) VS_PRINTF(1, 2);
void vs_warn(const char *fmt, ...) VS_PRINTF(1, 2);
void vs_error(const char *fmt, ...) VS_PRINTF(1, 2);

/* Copies text into out with control and non-ASCII bytes as \xNN, cut to
 * cap - 1 characters.  Gives out.
 */
const char *vs_log_quote(const char *text, char *out, size_t cap);

#endif
