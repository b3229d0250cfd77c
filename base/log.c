/* SPDX-License-Identifier: Apache-2.0
 *
 * base/log.c - one line a fact, for programs.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { line_max = 1024, wide_max = 6 * line_max + 256 };

static const char *name = "voltseal";
static enum vs_log_form form = VS_LOG_TEXT;
static int journal = -1;

void vs_log_init(const char *program)
{
	name = program;
}

vs_status vs_log_form(enum vs_log_form wanted, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;

	if (wanted == VS_LOG_JOURNAL) {
		if (len == 0 || len >= sizeof a.sun_path)
			return VS_ERR_IO;
		memcpy(a.sun_path, path, len + 1);
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return VS_ERR_IO;
		if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
			close(fd);
			return VS_ERR_IO;
		}
		if (journal >= 0)
			close(journal);
		journal = fd;
	}
	form = wanted;
	return VS_OK;
}

/* JSON's text; other bytes than ASCII as if they were Latin-1. */
static size_t escape(const char *text, char *out, size_t cap)
{
	size_t used = 0;

	for (; *text && used + 7 < cap; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			out[used++] = '\\';
		if (c >= 0x20 && c < 0x7f)
			out[used++] = (char)c;
		else
			used += (size_t)snprintf(out + used, 7, "\\u%04x", c);
	}
	out[used] = 0;
	return used;
}

static void write_all(int fd, const char *text, size_t len)
{
	ssize_t n = write(fd, text, len);

	(void)n; /* there is nobody left to tell */
}

static void write_json(const char *level, const char *text)
{
	char message[6 * line_max], line[wide_max];
	struct timespec now;
	struct tm t;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &t);
	escape(text, message, sizeof message);
	int n = snprintf(line, sizeof line,
	                 "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\","
	                 "\"level\":\"%s\",\"program\":\"%s\","
	                 "\"message\":\"%s\"}\n",
	                 t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
	                 t.tm_min, t.tm_sec, now.tv_nsec / 1000000, level, name,
	                 message);
	if (n > 0 && (size_t)n < sizeof line)
		write_all(STDERR_FILENO, line, (size_t)n);
}

/* Standard: systemd's native journal protocol.  A line has no line's end in
 * it, so each field stands on a line of its own.
 */
static void write_journal(const char *level, const char *text)
{
	char line[line_max + 256];
	int priority = level[0] == 'e' ? 3 : level[0] == 'w' ? 4 : 6;
	int n = snprintf(line, sizeof line,
	                 "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n",
	                 priority, name, text);

	if (n <= 0 || (size_t)n >= sizeof line)
		return;
	if (send(journal, line, (size_t)n, MSG_NOSIGNAL) < 0)
		write_all(STDERR_FILENO, line, (size_t)n);
}

/* One write a line, so that lines of several threads never mix. */
VS_PRINTF(2, 0)
static void line(const char *level, const char *fmt, va_list args)
{
	char text[line_max], whole[line_max + 64];

	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		return;
	if (form == VS_LOG_JSON) {
		write_json(level, text);
		return;
	}
	/* What came in unquoted must not begin a line, or a field. */
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	if (form == VS_LOG_JOURNAL) {
		write_journal(level, text);
		return;
	}
	int n = snprintf(whole, sizeof whole, "%s %s: %s\n", level, name, text);
	if (n > 0 && (size_t)n < sizeof whole)
		write_all(STDERR_FILENO, whole, (size_t)n);
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
