/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/say.c - what a person reads.
 */
#include "operate/say.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { cell_max = 161, columns_max = 16, bar_width = 32 };

static const json_t *member(const json_t *o, const char *name)
{
	char part[64];
	const char *dot;

	while (o && (dot = strchr(name, '.'))) {
		size_t len = (size_t)(dot - name);

		if (len >= sizeof part)
			return NULL;
		memcpy(part, name, len);
		part[len] = 0;
		o = json_object_get(o, part);
		name = dot + 1;
	}
	return json_object_get(o, name);
}

/* What does not fit is seen to be missing. */
static void put(char *out, size_t cap, const char *text)
{
	static const char cut[] = "...";
	size_t len = strlen(out);
	int n = snprintf(out + len, cap - len, "%s%s", len ? ", " : "", text);

	if (n < 0 || (size_t)n >= cap - len)
		memcpy(out + cap - sizeof cut, cut, sizeof cut);
}

static void scalar(const json_t *v, char *out, size_t cap)
{
	if (json_is_string(v) && *json_string_value(v))
		(void)vs_log_quote(json_string_value(v), out, cap);
	else if (json_is_integer(v))
		(void)snprintf(out, cap, "%" JSON_INTEGER_FORMAT,
		               json_integer_value(v));
	else if (json_is_real(v))
		(void)snprintf(out, cap, "%g", json_real_value(v));
	else if (json_is_boolean(v))
		(void)snprintf(out, cap, "%s", json_is_true(v) ? "yes" : "no");
	else
		(void)snprintf(out, cap, "-");
}

/* A thing inside a list: itself, or its version, or its id. */
static void brief(const json_t *v, char *out, size_t cap)
{
	static const char *const tells[] = {"version", "id", "path"};

	for (size_t i = 0; json_is_object(v) && i < 3; i++)
		if (json_object_get(v, tells[i])) {
			scalar(json_object_get(v, tells[i]), out, cap);
			return;
		}
	scalar(v, out, cap);
}

static void cell(const json_t *v, char out[static cell_max])
{
	char part[cell_max], named[cell_max + 64], quoted[64];
	const char *key;
	const json_t *item;
	size_t i;

	out[0] = 0;
	if (json_is_array(v)) {
		for (i = 0; i < json_array_size(v); i++) {
			brief(json_array_get(v, i), part, sizeof part);
			put(out, cell_max, part);
		}
	} else if (json_is_object(v)) {
		void *it = json_object_iter((json_t *)(uintptr_t)v);

		for (; it;
		     it = json_object_iter_next((json_t *)(uintptr_t)v, it)) {
			key = json_object_iter_key(it);
			item = json_object_iter_value(it);
			brief(item, part, sizeof part);
			(void)snprintf(named, sizeof named, "%s %s",
			               vs_log_quote(key, quoted, sizeof quoted),
			               part);
			put(out, cell_max, named);
		}
	} else {
		scalar(v, out, cell_max);
	}
	if (!out[0])
		(void)snprintf(out, cell_max, "-");
}

void vs_say_table(const json_t *rows, const struct vs_column *columns,
                  size_t count)
{
	size_t width[columns_max], n = json_array_size(rows);
	char text[cell_max];

	if (count > columns_max)
		count = columns_max;
	for (size_t c = 0; c < count; c++) {
		width[c] = strlen(columns[c].title);
		for (size_t r = 0; r < n; r++) {
			cell(member(json_array_get(rows, r), columns[c].member),
			     text);
			if (strlen(text) > width[c])
				width[c] = strlen(text);
		}
	}
	for (size_t c = 0; c < count; c++)
		printf("%-*s%s", c + 1 < count ? (int)width[c] : 0,
		       columns[c].title, c + 1 < count ? "  " : "\n");
	for (size_t r = 0; r < n; r++)
		for (size_t c = 0; c < count; c++) {
			cell(member(json_array_get(rows, r), columns[c].member),
			     text);
			printf("%-*s%s", c + 1 < count ? (int)width[c] : 0,
			       text, c + 1 < count ? "  " : "\n");
		}
}

void vs_say_fields(const json_t *object)
{
	json_t *o = (json_t *)(uintptr_t)object;
	char text[cell_max], quoted[64];

	for (void *it = json_object_iter(o); it;
	     it = json_object_iter_next(o, it)) {
		const json_t *v = json_object_iter_value(it);

		if (json_is_array(v) && json_is_object(json_array_get(v, 0)))
			continue;
		cell(v, text);
		printf("%-18s %s\n",
		       vs_log_quote(json_object_iter_key(it), quoted,
		                    sizeof quoted),
		       text);
	}
}

void vs_say_json(const json_t *value)
{
	(void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	(void)putchar('\n');
}

const char *vs_say_text(const json_t *object, const char *name, char *out,
                        size_t cap)
{
	scalar(member(object, name), out, cap);
	return out;
}

json_int_t vs_say_int(const json_t *object, const char *name)
{
	return json_integer_value(member(object, name));
}

bool vs_say_terminal(void)
{
	return isatty(STDERR_FILENO) == 1;
}

void vs_say_progress(const char *label, uint64_t done, uint64_t total)
{
	static struct timespec last;
	struct timespec now = {0};
	char bar[bar_width + 1];

	if (!vs_say_terminal())
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (done < total && now.tv_sec == last.tv_sec &&
	    now.tv_nsec - last.tv_nsec < 100000000)
		return;
	last = now;
	size_t full = total ? (size_t)((double)done / (double)total * bar_width)
	                    : bar_width;
	if (full > bar_width)
		full = bar_width;
	memset(bar, '.', bar_width);
	memset(bar, '#', full);
	bar[bar_width] = 0;
	fprintf(stderr, "\r\033[K[%s] %3u%%  %s", bar,
	        total ? (unsigned)((double)done / (double)total * 100) : 100,
	        label);
	(void)fflush(stderr);
}

void vs_say_progress_end(void)
{
	if (vs_say_terminal())
		fputs("\r\033[K", stderr);
}
