/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/monitor_state.c - how far a monitor has followed a log.
 */
#include "operate/monitor_state.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "trust/json.h"

enum { state_max = 512 * 1024 };

void vs_monitor_drop(struct vs_monitor_state *s)
{
	free(s->note);
	s->note = NULL;
}

static vs_status take_edge(const json_t *list, struct vs_monitor_state *s)
{
	struct vs_hash root;
	size_t next = 0, len;

	s->edge = (struct vs_merkle_edge){.size = s->checkpoint.head.size};
	for (unsigned level = 0; level < VS_MERKLE_DEPTH_MAX; level++) {
		const json_t *text;
		struct vs_span span;

		if (!(s->edge.size >> level & 1))
			continue;
		text = json_array_get(list, next++);
		span = (struct vs_span){json_string_value(text),
		                        json_string_length(text)};
		if (!span.at ||
		    vs_span_base64(&span, s->edge.nodes[level].bytes,
		                   VS_HASH_LEN, &len) ||
		    len != VS_HASH_LEN)
			return VS_ERR_INPUT;
	}
	vs_status status = vs_merkle_edge_root(&s->edge, &root);
	if (status)
		return status;
	return next == json_array_size(list) &&
	                       vs_hash_same(&root, &s->checkpoint.head.root)
	               ? VS_OK
	               : VS_ERR_INPUT;
}

static vs_status decode(const json_t *o, struct vs_monitor_state *s)
{
	const char *text;
	struct vs_note note;
	json_t *list;
	vs_status status = vs_json_string(o, "checkpoint", &text, NULL);

	if (!status)
		status = vs_json_array(o, "edge", &list, NULL);
	if (!status)
		status = vs_json_uint(o, "time", &s->time_s, NULL);
	if (status)
		return status;
	s->note = strdup(text);
	if (!s->note)
		return VS_ERR_NOMEM;
	s->note_len = strlen(text);
	status = vs_note_parse(s->note, s->note_len, &note, NULL);
	if (!status)
		status = vs_checkpoint_parse(&note, &s->checkpoint, NULL);
	return status ? status : take_edge(list, s);
}

vs_status vs_monitor_load(const char *dir, struct vs_monitor_state *out)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	VS_AUTO(vs_json_drop) json_t *o = NULL;
	char path[PATH_MAX];
	size_t len;
	vs_status status = vs_path_join(path, sizeof path, dir, "monitor.json");

	*out = (struct vs_monitor_state){0};
	if (status)
		return status;
	status = vs_file_read(path, state_max, &bytes, &len);
	if (status)
		return status == VS_ERR_ABSENT ? VS_OK : status;
	status = vs_json_parse(bytes, len, state_max, &o, NULL);
	return status ? status : decode(o, out);
}

static json_t *edge_list(const struct vs_merkle_edge *edge)
{
	json_t *list = json_array();
	bool ok = list;

	for (unsigned i = 0; i < VS_MERKLE_DEPTH_MAX && ok; i++) {
		char base64[VS_BASE64_LEN(VS_HASH_LEN) + 1];
		struct vs_text t = {base64, sizeof base64, 0};

		if (edge->size >> i & 1)
			ok = !vs_text_base64(&t, edge->nodes[i].bytes,
			                     VS_HASH_LEN) &&
			     !json_array_append_new(list, json_string(base64));
	}
	if (ok)
		return list;
	json_decref(list);
	return NULL;
}

vs_status vs_monitor_store(const char *dir, const struct vs_monitor_state *s)
{
	VS_AUTO(vs_json_drop) json_t *o = NULL;
	VS_AUTO(vs_free_drop) char *text = NULL;
	char path[PATH_MAX];
	vs_status status = vs_path_join(path, sizeof path, dir, "monitor.json");

	if (status)
		return status;
	o = json_pack("{s:s%, s:I, s:o}", "checkpoint", s->note, s->note_len,
	              "time", (json_int_t)s->time_s, "edge",
	              edge_list(&s->edge));
	if (o)
		text = json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS);
	return text ? vs_file_replace(path, text, strlen(text), 0644)
	            : VS_ERR_NOMEM;
}
