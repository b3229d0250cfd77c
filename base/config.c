/* SPDX-License-Identifier: Apache-2.0
 *
 * base/config.c - "key = value" files read through a table.
 */
#include "base/config.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"

enum { entries_max = 256, file_max = 64 * 1024 };

struct entry {
	char *name;
	char *value;
	uint64_t number;
	size_t file; /* that set it; a later one may set it anew */
};

struct vs_config {
	const struct vs_config_key *table;
	size_t count;
	struct entry *of_key;   /* one per table row; name NULL = not set */
	struct entry *wildcard; /* those a ".*" row took, in file order */
	size_t wildcards;
};

/* Where a message points. */
struct place {
	const char *file;
	size_t number; /* of the file, in the order of reading */
	size_t line;
	char *error;
};

VS_PRINTF(3, 4)
static vs_status wrong(const struct place *p, const char *key, const char *fmt,
                       ...)
{
	char text[128];
	char quoted[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	vs_log_quote(key, quoted, sizeof quoted);
	if (p->line)
		snprintf(p->error, 256, "%s:%zu: %s: %s", p->file, p->line,
		         quoted, text);
	else
		snprintf(p->error, 256, "%s: %s: %s", p->file, quoted, text);
	return VS_ERR_INPUT;
}

static bool is_wildcard(const struct vs_config_key *k)
{
	size_t n = strlen(k->name);

	return n > 2 && strcmp(k->name + n - 2, ".*") == 0;
}

static const struct vs_config_key *find_key(const struct vs_config *c,
                                            const char *name)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct vs_config_key *k = &c->table[i];
		size_t n = strlen(k->name);

		if (is_wildcard(k) ? strncmp(k->name, name, n - 1) == 0 &&
		                             name[n - 1] != 0
		                   : strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}

static vs_status parse_uint(const struct vs_config_key *k, const char *value,
                            const struct place *p, uint64_t *out)
{
	char quoted[64];
	char *end;

	errno = 0;
	unsigned long long n = strtoull(value, &end, 10);
	if (errno || *end || value[0] < '0' || value[0] > '9')
		return wrong(p, k->name, "\"%s\" is not a whole number",
		             vs_log_quote(value, quoted, sizeof quoted));
	if (n < k->min)
		return wrong(p, k->name, "%llu is below %llu", n,
		             (unsigned long long)k->min);
	if (n > k->max)
		return wrong(p, k->name, "%llu is above %llu", n,
		             (unsigned long long)k->max);
	*out = n;
	return VS_OK;
}

static vs_status check_value(const struct vs_config_key *k, const char *value,
                             const struct place *p, uint64_t *number)
{
	size_t len = strlen(value);

	*number = 0;
	switch (k->type) {
	case VS_CONFIG_UINT:
		return parse_uint(k, value, p, number);
	case VS_CONFIG_BOOL:
		*number = strcmp(value, "yes") == 0;
		if (!*number && strcmp(value, "no") != 0)
			return wrong(p, k->name, "say yes or no");
		return VS_OK;
	case VS_CONFIG_TEXT:
		if (len < k->min || len > k->max)
			return wrong(p, k->name,
			             "needs %llu to %llu characters",
			             (unsigned long long)k->min,
			             (unsigned long long)k->max);
		return VS_OK;
	}
	return VS_ERR_STATE;
}

/* Sets it, once in each file. */
static vs_status set_entry(struct entry *e, const char *name, const char *value,
                           uint64_t number, const struct place *p)
{
	struct entry next = {strdup(name), strdup(value), number, p->number};

	if (!next.name || !next.value) {
		free(next.name);
		free(next.value);
		return VS_ERR_NOMEM;
	}
	free(e->name);
	free(e->value);
	*e = next;
	return VS_OK;
}

static struct entry *find_wildcard(struct vs_config *c, const char *name)
{
	for (size_t i = 0; i < c->wildcards; i++)
		if (strcmp(c->wildcard[i].name, name) == 0)
			return &c->wildcard[i];
	return c->wildcards < entries_max ? &c->wildcard[c->wildcards] : NULL;
}

static vs_status add(struct vs_config *c, const char *name, const char *value,
                     const struct place *p)
{
	const struct vs_config_key *k = find_key(c, name);
	uint64_t number;

	if (!k)
		return wrong(p, name, "no such key");
	vs_status status = check_value(k, value, p, &number);
	if (status)
		return status;
	struct entry *e = is_wildcard(k) ? find_wildcard(c, name)
	                                 : &c->of_key[k - c->table];
	if (!e)
		return wrong(p, name, "too many entries");
	bool first = !e->name;
	if (!first && e->file == p->number)
		return wrong(p, name, "set twice");
	status = set_entry(e, name, value, number, p);
	if (!status && first && is_wildcard(k))
		c->wildcards++;
	return status;
}

static char *trim(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	size_t n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
		s[--n] = 0;
	return s;
}

static vs_status parse_line(struct vs_config *c, char *line,
                            const struct place *p)
{
	line = trim(line);
	if (!*line || *line == '#')
		return VS_OK;
	char *equals = strchr(line, '=');
	if (!equals)
		return wrong(p, line, "not of the form key = value");
	*equals = 0;
	char *name = trim(line);
	if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") !=
	                      strlen(name))
		return wrong(p, name, "not a key: use a-z 0-9 _ . -");
	return add(c, name, trim(equals + 1), p);
}

static vs_status parse_lines(struct vs_config *c, const char *text, size_t len,
                             struct place *p)
{
	const char *end = text + len;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((stop ? stop : end) - text);
		VS_AUTO(vs_free_drop) char *line = strndup(text, n);

		p->line++;
		if (!line)
			return VS_ERR_NOMEM;
		if (strlen(line) != n)
			return wrong(p, line, "holds a zero byte");
		vs_status status = parse_line(c, line, p);
		if (status)
			return status;
		text += n + 1;
	}
	return VS_OK;
}

static vs_status fill_presets(struct vs_config *c, struct place *p)
{
	p->line = 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct vs_config_key *k = &c->table[i];

		if (is_wildcard(k) || c->of_key[i].name)
			continue;
		if (!k->preset)
			return wrong(p, k->name, "missing");
		vs_status status = add(c, k->name, k->preset, p);
		if (status)
			return status;
	}
	return VS_OK;
}

static vs_status make(const struct vs_config_key *table, size_t count,
                      struct vs_config **out)
{
	struct vs_config *c = calloc(1, sizeof *c);

	*out = c;
	if (!c)
		return VS_ERR_NOMEM;
	c->table = table;
	c->count = count;
	c->of_key = calloc(count ? count : 1, sizeof *c->of_key);
	c->wildcard = calloc(entries_max, sizeof *c->wildcard);
	return c->of_key && c->wildcard ? VS_OK : VS_ERR_NOMEM;
}

/* Who fails says why; but for who had no memory to begin with. */
static vs_status end(vs_status status, struct vs_config **out, const char *name,
                     char error[static 256])
{
	if (!status)
		return status;
	if (!error[0])
		snprintf(error, 256, "%.200s: %s", name,
		         vs_status_name(status));
	vs_config_free(out);
	return status;
}

vs_status vs_config_parse(const char *name, const char *text, size_t len,
                          const struct vs_config_key *table, size_t count,
                          struct vs_config **out, char error[static 256])
{
	struct place p = {.file = name, .error = error};

	error[0] = 0;
	vs_status status = make(table, count, out);
	if (!status)
		status = parse_lines(*out, text, len, &p);
	if (!status)
		status = fill_presets(*out, &p);
	return end(status, out, name, error);
}

static vs_status read_file(struct vs_config *c, struct place *p)
{
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	size_t len;
	vs_status status = vs_file_read(p->file, file_max, &text, &len);

	p->line = 0;
	if (!status)
		return parse_lines(c, (char *)text, len, p);
	snprintf(p->error, 256, "%s: %s", p->file,
	         status == VS_ERR_LIMIT ? "over 64 KiB" : strerror(errno));
	return status;
}

static int is_part(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 5 &&
	       strcmp(d->d_name + len - 5, ".conf") == 0;
}

/* FOLDER/NAME.conf of each NAME, in the order of their bytes. */
static vs_status read_parts(struct vs_config *c, const char *folder,
                            struct place *p)
{
	struct dirent **found = NULL;
	vs_status status = VS_OK;
	char path[4096];
	int n = scandir(folder, &found, is_part, alphasort);

	if (n < 0 && (errno == ENOENT || errno == ENOTDIR))
		return VS_OK;
	if (n < 0) {
		snprintf(p->error, 256, "%.200s: %s", folder, strerror(errno));
		return VS_ERR_IO;
	}
	for (int i = 0; i < n; i++) {
		if (!status)
			status = vs_path_join(path, sizeof path, folder,
			                      found[i]->d_name);
		p->file = path;
		p->number++;
		if (!status)
			status = read_file(c, p);
		free(found[i]);
	}
	free(found);
	p->file = folder;
	return status;
}

vs_status vs_config_load(const char *path, const struct vs_config_key *table,
                         size_t count, struct vs_config **out,
                         char error[static 256])
{
	struct place p = {.file = path, .error = error};
	char folder[4096];
	int n = snprintf(folder, sizeof folder, "%s.d", path);

	error[0] = 0;
	vs_status status = make(table, count, out);
	if (!status)
		status = read_file(*out, &p);
	if (!status && n > 0 && (size_t)n < sizeof folder)
		status = read_parts(*out, folder, &p);
	p.file = path;
	if (!status)
		status = fill_presets(*out, &p);
	return end(status, out, path, error);
}

void vs_config_free(struct vs_config **config)
{
	struct vs_config *c = *config;

	*config = NULL;
	if (!c)
		return;
	for (size_t i = 0; c->of_key && i < c->count; i++) {
		free(c->of_key[i].name);
		free(c->of_key[i].value);
	}
	for (size_t i = 0; i < c->wildcards; i++) {
		free(c->wildcard[i].name);
		free(c->wildcard[i].value);
	}
	free(c->of_key);
	free(c->wildcard);
	free(c);
}

static const struct entry *entry(const struct vs_config *c, const char *name,
                                 enum vs_config_type type)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->table[i].name, name) == 0 &&
		    c->table[i].type == type)
			return &c->of_key[i];
	assert(false && "a key that is in the table, of its type");
	return NULL;
}

const char *vs_config_text(const struct vs_config *c, const char *name)
{
	return entry(c, name, VS_CONFIG_TEXT)->value;
}

uint64_t vs_config_uint(const struct vs_config *c, const char *name)
{
	return entry(c, name, VS_CONFIG_UINT)->number;
}

bool vs_config_bool(const struct vs_config *c, const char *name)
{
	return entry(c, name, VS_CONFIG_BOOL)->number != 0;
}

bool vs_config_entry(const struct vs_config *c, size_t i, const char **name,
                     const char **value)
{
	if (i >= c->wildcards)
		return false;
	*name = c->wildcard[i].name;
	*value = c->wildcard[i].value;
	return true;
}
