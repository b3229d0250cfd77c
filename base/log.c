/* SPDX-License-Identifier: Apache-2.0
 *
 * base/log.c - one line a fact, for programs.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *name = "voltseal";

void vs_log_init(const char *program)
{
	name = program;
}

/* One write a line, so that lines of several threads never mix. */
VS_PRINTF(2, 0)
static void line(const char *level, const char *fmt, va_list args)
{
	char text[1024];
	int head = snprintf(text, sizeof text, "%s %s: ", level, name);

	if (head < 0)
		return;
	size_t room = sizeof text - (size_t)head - 1;
	int body = vsnprintf(text + head, room, fmt, args);
	if (body < 0)
		return;
	size_t len = (size_t)body < room ? (size_t)body : room - 1;
	len += (size_t)head;
	text[len++] = '\n';
	ssize_t n = write(STDERR_FILENO, text, len);
	(void)n; /* there is nobody left to tell */
}

void vs_info(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	line("info", fmt, args);
	va_end(args);
}

void vs_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	line("warning", fmt, args);
	va_end(args);
}

void vs_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	line("error", fmt, args);
	va_end(args);
}

const char *vs_log_quote(const char *text, char *out, size_t cap)
{
	static const char digits[] = "0123456789abcdef";
	size_t used = 0;

	if (!cap)
		return "";
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		bool plain = c >= 0x20 && c < 0x7f && c != '\\';

		if (used + (plain ? 1 : 4) >= cap)
			break;
		if (plain) {
			out[used++] = *p;
			continue;
		}
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = digits[c >> 4];
		out[used++] = digits[c & 15];
	}
	out[used] = 0;
	return out;
}
