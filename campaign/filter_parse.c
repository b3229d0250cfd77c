/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/filter_parse.c - reading a filter, by recursive descent.
 *
 * Each not and each parenthesis takes one of VS_FILTER_DEPTH_MAX, so that no
 * text can make this function call itself more often.
 */
#include <stdlib.h>
#include <string.h>

#include "campaign/filter.h"
#include "campaign/filter_tree.h"

enum token_kind { END, WORD, QUOTED, OP, OPEN, CLOSE, COMMA };

struct token {
	enum token_kind kind;
	size_t at, len; /* in the text; of QUOTED with its quotes */
	uint8_t op;
};

struct parser {
	const char *text;
	size_t len;
	struct token now;
	struct vs_filter *f;
	unsigned depth;
	struct vs_why *why;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("._-+:/@~", c));
}

bool vs_filter_keyword(const char *text, size_t len)
{
	static const char *const words[] = {"and", "or",  "not",
	                                    "in",  "has", "all"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == len && !memcmp(words[i], text, len))
			return true;
	return false;
}

bool vs_filter_bare(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!letter(text[i]))
			return false;
	return len && !vs_filter_keyword(text, len);
}

static vs_status fail(const struct parser *p, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, p->why, VS_REASON_MALFORMED, what, at);
}

static vs_status too_large(const struct parser *p, const char *what, size_t at)
{
	return vs_fail(VS_ERR_LIMIT, p->why, VS_REASON_TOO_LARGE, what, at);
}

static vs_status lex_quoted(struct parser *p)
{
	size_t i = p->now.at + 1;

	while (i < p->len && p->text[i] != '"') {
		if ((unsigned char)p->text[i] < 0x20)
			return fail(p, "a control character in quotes", i);
		if (p->text[i] == '\\' &&
		    (++i == p->len || !strchr("\"\\", p->text[i]) ||
		     !p->text[i]))
			return fail(p, "after \\ only \" or \\", i);
		i++;
	}
	if (i == p->len)
		return fail(p, "the quote does not end", p->now.at);
	p->now.kind = QUOTED;
	p->now.len = i + 1 - p->now.at;
	return VS_OK;
}

static bool lex_op(struct parser *p)
{
	/* The longer ones first. */
	static const uint8_t order[] = {VS_OP_NE, VS_OP_LE, VS_OP_GE,
	                                VS_OP_EQ, VS_OP_LT, VS_OP_GT};

	for (size_t i = 0; i < sizeof order; i++) {
		const char *op = vs_filter_ops[order[i]];
		size_t len = strlen(op);

		if (p->len - p->now.at < len ||
		    memcmp(p->text + p->now.at, op, len) != 0)
			continue;
		p->now.kind = OP;
		p->now.op = order[i];
		p->now.len = len;
		return true;
	}
	return false;
}

/* Goes on to the next token. */
static vs_status next(struct parser *p)
{
	size_t at = p->now.at + p->now.len, end;

	while (at < p->len && blank(p->text[at]))
		at++;
	p->now = (struct token){.kind = END, .at = at};
	if (at == p->len)
		return VS_OK;
	for (end = at; end < p->len && letter(p->text[end]);)
		end++;
	p->now.len = end > at ? end - at : 1;
	p->now.kind = WORD;
	if (end > at)
		return VS_OK;
	if (p->text[at] == '"')
		return lex_quoted(p);
	if (lex_op(p))
		return VS_OK;
	switch (p->text[at]) {
	case '(':
		p->now.kind = OPEN;
		return VS_OK;
	case ')':
		p->now.kind = CLOSE;
		return VS_OK;
	case ',':
		p->now.kind = COMMA;
		return VS_OK;
	default:
		return fail(p, "a character that filters do not have", at);
	}
}

static bool at_word(const struct parser *p, const char *word)
{
	return p->now.kind == WORD && p->now.len == strlen(word) &&
	       memcmp(p->text + p->now.at, word, p->now.len) == 0;
}

static vs_status add_node(struct parser *p, const struct vs_filter_node *n,
                          uint16_t *out)
{
	if (p->f->node_count == VS_FILTER_NODES_MAX)
		return too_large(p, "more than 256 tests and words", p->now.at);
	*out = (uint16_t)p->f->node_count;
	p->f->nodes[p->f->node_count++] = *n;
	return VS_OK;
}

/* Takes the word or quoted text that now is. */
static vs_status add_value(struct parser *p)
{
	struct vs_filter *f = p->f;
	size_t at = p->now.at, end = at + p->now.len, start = f->pool_used;
	bool quoted = p->now.kind == QUOTED;

	if (!quoted && (p->now.kind != WORD ||
	                vs_filter_keyword(p->text + at, p->now.len)))
		return fail(p, "a value is missing", at);
	if (f->value_count == VS_FILTER_VALUES_MAX)
		return too_large(p, "more than 2048 values", at);
	for (size_t i = at + quoted; i < end - quoted; i++) {
		if (quoted && p->text[i] == '\\')
			i++;
		f->pool[f->pool_used++] = p->text[i];
	}
	if (f->pool_used - start >= VS_FILTER_VALUE_LEN)
		return too_large(p, "a value of more than 63 bytes", at);
	f->pool[f->pool_used++] = 0;
	f->values[f->value_count++] = (uint16_t)start;
	return next(p);
}

static vs_status read_list(struct parser *p)
{
	vs_status status = next(p);

	if (!status && p->now.kind != OPEN)
		return fail(p, "after in comes (", p->now.at);
	do {
		if (!status)
			status = next(p);
		if (!status)
			status = add_value(p);
	} while (!status && p->now.kind == COMMA);
	if (!status && p->now.kind != CLOSE)
		return fail(p, "a list goes on with , or ends with )",
		            p->now.at);
	return status ? status : next(p);
}

static vs_status read_op(struct parser *p, struct vs_filter_node *n)
{
	vs_status status;

	if (p->now.kind == OP) {
		n->op = p->now.op;
		if (n->field != VS_FIELD_COMPONENT && n->op != VS_OP_EQ &&
		    n->op != VS_OP_NE)
			return fail(p, "only versions have an order",
			            p->now.at);
		status = next(p);
		return status ? status : add_value(p);
	}
	n->op = VS_OP_IN;
	if (at_word(p, "not")) {
		n->op = VS_OP_NOT_IN;
		status = next(p);
		if (status)
			return status;
	}
	if (!at_word(p, "in"))
		return fail(p, "after a field comes =, !=, <, <=, >, >= or in",
		            p->now.at);
	return read_list(p);
}

static bool names_component(const struct parser *p)
{
	return p->now.kind == QUOTED ||
	       (p->now.kind == WORD &&
	        !vs_filter_keyword(p->text + p->now.at, p->now.len));
}

static vs_status read_test(struct parser *p, uint16_t *out)
{
	struct vs_filter_node n = {.kind = VS_FILTER_TEST,
	                           .field = VS_FIELD_COMPONENT,
	                           .first = (uint16_t)p->f->value_count};
	vs_status status = VS_OK;

	for (size_t i = 0; i < VS_FIELD_COMPONENT; i++)
		if (at_word(p, vs_filter_fields[i]))
			n.field = (uint8_t)i;
	if (n.field == VS_FIELD_COMPONENT)
		status = names_component(p)
		                 ? add_value(p)
		                 : fail(p, "a field is missing", p->now.at);
	else
		status = next(p);
	if (!status)
		status = read_op(p, &n);
	n.count = (uint16_t)(p->f->value_count - n.first);
	return status ? status : add_node(p, &n, out);
}

/* "has tag x" */
static vs_status read_has(struct parser *p, uint16_t *out)
{
	struct vs_filter_node n = {.kind = VS_FILTER_TEST,
	                           .field = VS_FIELD_TAG,
	                           .op = VS_OP_EQ,
	                           .first = (uint16_t)p->f->value_count,
	                           .count = 1};
	vs_status status = next(p);

	if (!status && !at_word(p, "tag"))
		return fail(p, "after has comes tag", p->now.at);
	if (!status)
		status = next(p);
	if (!status)
		status = add_value(p);
	return status ? status : add_node(p, &n, out);
}

static vs_status read_or(struct parser *p, uint16_t *out);

static vs_status read_unary(struct parser *p, uint16_t *out)
{
	struct vs_filter_node n = {.kind = VS_FILTER_NOT};
	vs_status status;

	if (at_word(p, "not")) {
		status = next(p);
		if (!status && ++p->depth > VS_FILTER_DEPTH_MAX)
			return too_large(p, "too deep", p->now.at);
		if (!status)
			status = read_unary(p, &n.left);
		p->depth--;
		return status ? status : add_node(p, &n, out);
	}
	if (p->now.kind == OPEN) {
		status = next(p);
		if (!status)
			status = read_or(p, out);
		if (!status && p->now.kind != CLOSE)
			return fail(p, "a ) is missing", p->now.at);
		return status ? status : next(p);
	}
	if (at_word(p, "all")) {
		n.kind = VS_FILTER_ALL;
		status = next(p);
		return status ? status : add_node(p, &n, out);
	}
	return at_word(p, "has") ? read_has(p, out) : read_test(p, out);
}

/* a and b and c, or with or: the tree leans to the left. */
static vs_status read_chain(struct parser *p, const char *word,
                            vs_status (*part)(struct parser *, uint16_t *),
                            uint16_t *out)
{
	struct vs_filter_node n = {.kind = word[0] == 'a' ? VS_FILTER_AND
	                                                  : VS_FILTER_OR};
	vs_status status;

	*out = 0;
	status = part(p, out);
	while (!status && at_word(p, word)) {
		n.left = *out;
		status = next(p);
		if (!status)
			status = part(p, &n.right);
		if (!status)
			status = add_node(p, &n, out);
	}
	return status;
}

static vs_status read_and(struct parser *p, uint16_t *out)
{
	return read_chain(p, "and", read_unary, out);
}

static vs_status read_or(struct parser *p, uint16_t *out)
{
	if (++p->depth > VS_FILTER_DEPTH_MAX)
		return too_large(p, "too deep", p->now.at);
	vs_status status = read_chain(p, "or", read_and, out);

	p->depth--;
	return status;
}

vs_status vs_filter_parse(const char *text, size_t len, struct vs_filter **out,
                          struct vs_why *why)
{
	struct parser p = {.text = text, .len = len, .why = why};
	uint16_t root;

	*out = NULL;
	if (len > VS_FILTER_LEN_MAX)
		return too_large(&p, "longer than 16384 bytes",
		                 VS_FILTER_LEN_MAX);
	if (len && memchr(text, 0, len))
		return fail(&p, "a zero byte", 0);
	p.f = calloc(1, sizeof *p.f);
	if (!p.f)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	vs_status status = next(&p);
	if (!status && p.now.kind == END)
		status = fail(&p, "empty; all takes every charger", 0);
	if (!status)
		status = read_or(&p, &root);
	if (!status && p.now.kind != END)
		status = fail(&p, "and, or, or the end is missing", p.now.at);
	if (status)
		vs_filter_free(&p.f);
	*out = p.f;
	return status;
}
