/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/filter_print.c - the one printed form of a filter.
 */
#include <stdlib.h>
#include <string.h>

#include "campaign/filter.h"
#include "campaign/filter_tree.h"

/* Written twice: once to measure, once for good. */
struct printer {
	const struct vs_filter *f;
	char *out; /* NULL: only measure */
	size_t len;
};

static void put(struct printer *p, const char *text, size_t len)
{
	if (p->out)
		memcpy(p->out + p->len, text, len);
	p->len += len;
}

static void say(struct printer *p, const char *text)
{
	put(p, text, strlen(text));
}

static void quoted(struct printer *p, const char *text)
{
	say(p, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			say(p, "\\");
		put(p, text, 1);
	}
	say(p, "\"");
}

static void value(struct printer *p, const char *text)
{
	if (vs_filter_bare(text, strlen(text)))
		say(p, text);
	else
		quoted(p, text);
}

static bool is_field(const char *text)
{
	for (size_t i = 0; i < VS_FIELD_COMPONENT; i++)
		if (strcmp(vs_filter_fields[i], text) == 0)
			return true;
	return false;
}

static void test(struct printer *p, const struct vs_filter_node *n)
{
	size_t first = n->field == VS_FIELD_COMPONENT;

	if (!first)
		say(p, vs_filter_fields[n->field]);
	else if (is_field(vs_filter_value(p->f, n, 0)))
		quoted(p, vs_filter_value(p->f, n, 0));
	else
		value(p, vs_filter_value(p->f, n, 0));
	say(p, " ");
	if (n->op < VS_OP_IN) {
		say(p, vs_filter_ops[n->op]);
		say(p, " ");
		value(p, vs_filter_value(p->f, n, first));
		return;
	}
	say(p, n->op == VS_OP_IN ? "in (" : "not in (");
	for (size_t i = first; i < n->count; i++) {
		if (i > first)
			say(p, ", ");
		value(p, vs_filter_value(p->f, n, i));
	}
	say(p, ")");
}

/* How tightly a node holds together; or the least. */
static int grip(uint8_t kind)
{
	return kind == VS_FILTER_OR ? 1 : kind == VS_FILTER_AND ? 2 : 3;
}

static void node(struct printer *p, size_t at);

static void operand(struct printer *p, size_t at, int least)
{
	bool needs = grip(p->f->nodes[at].kind) < least;

	if (needs)
		say(p, "(");
	node(p, at);
	if (needs)
		say(p, ")");
}

static void node(struct printer *p, size_t at)
{
	const struct vs_filter_node *n = &p->f->nodes[at];

	switch ((enum vs_filter_kind)n->kind) {
	case VS_FILTER_ALL:
		say(p, "all");
		break;
	case VS_FILTER_NOT:
		say(p, "not ");
		operand(p, n->left, 3);
		break;
	case VS_FILTER_AND:
	case VS_FILTER_OR:
		operand(p, n->left, grip(n->kind));
		say(p, n->kind == VS_FILTER_AND ? " and " : " or ");
		operand(p, n->right, grip(n->kind) + 1);
		break;
	case VS_FILTER_TEST:
		test(p, n);
		break;
	}
}

vs_status vs_filter_print(const struct vs_filter *f, char **out)
{
	struct printer p = {.f = f};

	node(&p, f->node_count - 1);
	*out = malloc(p.len + 1);
	if (!*out)
		return VS_ERR_NOMEM;
	p.out = *out;
	p.len = 0;
	node(&p, f->node_count - 1);
	p.out[p.len] = 0;
	return VS_OK;
}
