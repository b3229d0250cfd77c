/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/policy.c - which logs are believed, and how many witnesses it takes.
 */
#include "trust/policy.h"

#include <string.h>

#include "trust/cosign.h"

enum { words_max = VS_POLICY_NODES_MAX + 4, no_node = -1 };

struct line {
	struct vs_span words[words_max];
	size_t count;
	size_t at; /* in the text, for a person */
};

static vs_status wrong(const struct line *l, struct vs_why *why,
                       const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, l->at);
}

static vs_status too_many(const struct line *l, struct vs_why *why,
                          const char *what)
{
	return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE, what, l->at);
}

static vs_status split_words(const struct vs_span *text, struct line *l,
                             struct vs_why *why)
{
	size_t i = 0;

	l->count = 0;
	for (size_t n = 0; n < text->len; n++)
		if (((uint8_t)text->at[n] < ' ' && text->at[n] != '\t') ||
		    text->at[n] == 0x7f)
			return wrong(l, why, "a control character");
	while (i < text->len) {
		size_t start;

		while (i < text->len && strchr(" \t", text->at[i]))
			i++;
		start = i;
		while (i < text->len && !strchr(" \t", text->at[i]))
			i++;
		if (i == start)
			break;
		if (l->count == 0 && text->at[start] == '#')
			return VS_OK;
		if (l->count == words_max)
			return too_many(l, why, "too many words in a line");
		l->words[l->count++] =
			(struct vs_span){text->at + start, i - start};
	}
	return VS_OK;
}

static vs_status take_url(const struct line *l, size_t word,
                          char out[static VS_POLICY_URL_LEN],
                          struct vs_why *why)
{
	*out = '\0';
	if (l->count > word + 1)
		return wrong(l, why, "words after the URL");
	if (l->count <= word)
		return VS_OK;
	if (l->words[word].len >= VS_POLICY_URL_LEN)
		return too_many(l, why, "a URL is too long");
	memcpy(out, l->words[word].at, l->words[word].len);
	out[l->words[word].len] = '\0';
	return VS_OK;
}

static vs_status take_key(const struct line *l, size_t word,
                          enum vs_note_type type, struct vs_vkey *out,
                          struct vs_why *why)
{
	vs_status status;

	if (l->count <= word)
		return wrong(l, why, "a key is missing");
	status = vs_vkey_parse(l->words[word].at, l->words[word].len, out, why);
	if (status && why)
		why->at = l->at;
	if (!status && out->type != type)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               type == VS_NOTE_ED25519
		                       ? "a log's key is not of type 01"
		                       : "a witness's key is not of type 04",
		               l->at);
	return status;
}

static int find(const struct vs_tlog_policy *p, const struct vs_span *name)
{
	for (size_t i = 0; i < p->node_count; i++) {
		const struct vs_span *is = &p->nodes[i].name;

		if (is->len == name->len &&
		    memcmp(is->at, name->at, is->len) == 0)
			return (int)i;
	}
	return no_node;
}

/* A node under a new name. */
static vs_status new_node(const struct line *l, struct vs_tlog_policy *p,
                          struct vs_tlog_node **out, struct vs_why *why)
{
	if (l->count < 3)
		return wrong(l, why, "words are missing");
	if (vs_span_is(&l->words[1], "none") ||
	    find(p, &l->words[1]) != no_node)
		return wrong(l, why, "a name is taken");
	if (p->node_count == VS_POLICY_NODES_MAX)
		return too_many(l, why, "too many witnesses and groups");
	*out = &p->nodes[p->node_count];
	**out = (struct vs_tlog_node){.name = l->words[1], .parent = SIZE_MAX};
	return VS_OK;
}

static vs_status add_log(const struct line *l, struct vs_tlog_policy *p,
                         struct vs_why *why)
{
	struct vs_tlog_log *log = &p->logs[p->log_count];

	if (p->log_count == VS_POLICY_LOGS_MAX)
		return too_many(l, why, "too many logs");
	vs_status status = take_key(l, 1, VS_NOTE_ED25519, &log->key, why);
	if (!status)
		status = take_url(l, 2, log->url, why);
	for (size_t i = 0; i < p->log_count && !status; i++)
		if (!memcmp(p->logs[i].key.key, log->key.key, VS_NOTE_KEY_LEN))
			return wrong(l, why, "two logs have one key");
	p->log_count += !status;
	return status;
}

static vs_status add_witness(const struct line *l, struct vs_tlog_policy *p,
                             struct vs_why *why)
{
	struct vs_tlog_node *node = NULL;
	vs_status status = new_node(l, p, &node, why);

	if (!status)
		status = take_key(l, 2, VS_NOTE_COSIGNER, &node->key, why);
	if (!status)
		status = take_url(l, 3, node->url, why);
	for (size_t i = 0; i < p->node_count && !status; i++)
		if (!p->nodes[i].is_group &&
		    !memcmp(p->nodes[i].key.key, node->key.key,
		            VS_NOTE_KEY_LEN))
			return wrong(l, why, "two witnesses have one key");
	p->node_count += !status;
	return status;
}

static vs_status take_threshold(const struct line *l, size_t members,
                                size_t *out, struct vs_why *why)
{
	uint64_t k = 0;

	if (vs_span_is(&l->words[2], "all"))
		k = members;
	else if (vs_span_is(&l->words[2], "any"))
		k = 1;
	else if (vs_span_number(&l->words[2], &k))
		return wrong(l, why, "neither all nor any nor a number");
	if (k == 0 || k > members)
		return wrong(l, why, "a threshold no group can be of");
	*out = (size_t)k;
	return VS_OK;
}

static vs_status add_group(const struct line *l, struct vs_tlog_policy *p,
                           struct vs_why *why)
{
	struct vs_tlog_node *node = NULL;
	vs_status status = new_node(l, p, &node, why);

	if (status)
		return status;
	node->is_group = true;
	status = take_threshold(l, l->count - 3, &node->threshold, why);
	for (size_t i = 3; i < l->count && !status; i++) {
		int member = find(p, &l->words[i]);

		if (member == no_node)
			return wrong(l, why, "a member is not defined before");
		/* so each witness counts in one way only */
		if (p->nodes[member].parent != SIZE_MAX)
			return wrong(l, why, "a member is in a group already");
		p->nodes[member].parent = p->node_count;
	}
	p->node_count += !status;
	return status;
}

static vs_status set_quorum(const struct line *l, struct vs_tlog_policy *p,
                            bool *seen, struct vs_why *why)
{
	int node;

	if (*seen)
		return wrong(l, why, "a second quorum");
	*seen = true;
	if (l->count != 2)
		return wrong(l, why, "a quorum takes one name");
	if (vs_span_is(&l->words[1], "none"))
		return VS_OK;
	node = find(p, &l->words[1]);
	if (node == no_node)
		return wrong(l, why, "the quorum is not defined before");
	p->quorum = (size_t)node;
	return VS_OK;
}

static vs_status take_line(const struct line *l, struct vs_tlog_policy *p,
                           bool *seen, struct vs_why *why)
{
	if (l->count == 0)
		return VS_OK;
	if (vs_span_is(&l->words[0], "log"))
		return add_log(l, p, why);
	if (vs_span_is(&l->words[0], "witness"))
		return add_witness(l, p, why);
	if (vs_span_is(&l->words[0], "group"))
		return add_group(l, p, why);
	if (vs_span_is(&l->words[0], "quorum"))
		return set_quorum(l, p, seen, why);
	return wrong(l, why, "neither log nor witness nor group nor quorum");
}

vs_status vs_tlog_policy_parse(const char *text, size_t len,
                               struct vs_tlog_policy *out, struct vs_why *why)
{
	struct vs_span rest = {text, len}, span;
	struct line line = {.count = 0};
	bool seen = false;
	vs_status status;

	out->log_count = 0;
	out->node_count = 0;
	out->quorum = SIZE_MAX;
	if (len > VS_POLICY_LEN_MAX)
		return too_many(&line, why, "a policy is over 256 KiB");
	while ((status = vs_span_line(&rest, &span)) == VS_OK) {
		line.at = (size_t)(span.at - text);
		status = split_words(&span, &line, why);
		if (!status)
			status = take_line(&line, out, &seen, why);
		if (status)
			return status;
	}
	line.at = len;
	if (status == VS_ERR_INPUT)
		return wrong(&line, why, "the last line does not end");
	return seen ? VS_OK : wrong(&line, why, "there is no quorum");
}

/* Signed by a key of the log that it names. */
static vs_status check_log(const struct vs_tlog_policy *p,
                           const struct vs_tlog_valid *v, struct vs_why *why)
{
	size_t named = 0, good = 0;

	for (size_t i = 0; i < p->log_count; i++) {
		vs_status status;

		if (strcmp(p->logs[i].key.name, v->checkpoint.origin) != 0)
			continue;
		named++;
		status = vs_note_verify(&v->note, &p->logs[i].key, why);
		if (status && status != VS_ERR_ABSENT)
			return status;
		good += status == VS_OK;
	}
	if (named == 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_ORIGIN,
		               "a checkpoint of a log that is not believed", 0);
	return good ? VS_OK
	            : vs_fail(VS_ERR_REFUSED, why, VS_REASON_UNKNOWN_KEY,
	                      "no key of this log has signed", 0);
}

static vs_status check_witnesses(const struct vs_tlog_policy *p,
                                 struct vs_tlog_valid *v, struct vs_why *why)
{
	size_t votes[VS_POLICY_NODES_MAX] = {0};
	bool quorum = p->quorum == SIZE_MAX;

	/* members stand before their groups: one pass counts all */
	for (size_t i = 0; i < p->node_count; i++) {
		const struct vs_tlog_node *node = &p->nodes[i];
		vs_status status = VS_OK;
		uint64_t time_s = 0;
		bool yes = node->is_group && votes[i] >= node->threshold;

		if (!node->is_group) {
			status = vs_cosign_verify(&v->note, &node->key, &time_s,
			                          why);
			yes = status == VS_OK;
			v->witnesses += yes;
		}
		if (status && status != VS_ERR_ABSENT)
			return status;
		if (time_s > v->time_s)
			v->time_s = time_s;
		if (yes && node->parent != SIZE_MAX)
			votes[node->parent]++;
		quorum = quorum || (yes && i == p->quorum);
	}
	return quorum ? VS_OK
	              : vs_fail(VS_ERR_REFUSED, why, VS_REASON_WITNESSES,
	                        "too few witnesses have cosigned", 0);
}

vs_status vs_tlog_policy_signed(const struct vs_tlog_policy *policy,
                                const void *in, size_t len,
                                struct vs_tlog_valid *out, struct vs_why *why)
{
	vs_status status = vs_note_parse(in, len, &out->note, why);

	out->witnesses = 0;
	out->time_s = 0;
	if (!status)
		status = vs_checkpoint_parse(&out->note, &out->checkpoint, why);
	return status ? status : check_log(policy, out, why);
}

vs_status vs_tlog_policy_check(const struct vs_tlog_policy *policy,
                               const void *in, size_t len,
                               struct vs_tlog_valid *out, struct vs_why *why)
{
	vs_status status = vs_tlog_policy_signed(policy, in, len, out, why);

	return status ? status : check_witnesses(policy, out, why);
}
