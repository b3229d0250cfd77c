/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/filter.c - asking a filter about a charger, and printing it.
 *
 * Whatever a charger has several of (tags, hardware ids) fits if one fits;
 * "a != b" is "not a = b" and "a not in (b)" is "not a in (b)", always.
 */
#include "campaign/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "campaign/filter_tree.h"

const char *const vs_filter_fields[VS_FIELD_COMPONENT] = {
	[VS_FIELD_ID] = "id",
	[VS_FIELD_MODEL] = "model",
	[VS_FIELD_HARDWARE] = "hardware",
	[VS_FIELD_SITE] = "site",
	[VS_FIELD_FEEDER] = "feeder",
	[VS_FIELD_REGION] = "region",
	[VS_FIELD_TENANT] = "tenant",
	[VS_FIELD_ZONE] = "zone",
	[VS_FIELD_TAG] = "tag",
};

const char *const vs_filter_ops[VS_OP_IN] = {
	[VS_OP_EQ] = "=",  [VS_OP_NE] = "!=", [VS_OP_LT] = "<",
	[VS_OP_LE] = "<=", [VS_OP_GT] = ">",  [VS_OP_GE] = ">=",
};

void vs_filter_free(struct vs_filter **f)
{
	free(*f);
	*f = NULL;
}

const char *vs_filter_value(const struct vs_filter *f,
                            const struct vs_filter_node *n, size_t i)
{
	return f->pool + f->values[n->first + i];
}

static bool same(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

static const char *text_of(const struct vs_facts *c, uint8_t field)
{
	switch ((enum vs_filter_field)field) {
	case VS_FIELD_ID:
		return c->id;
	case VS_FIELD_MODEL:
		return c->model;
	case VS_FIELD_SITE:
		return c->site;
	case VS_FIELD_FEEDER:
		return c->feeder;
	case VS_FIELD_REGION:
		return c->region;
	case VS_FIELD_TENANT:
		return c->tenant;
	case VS_FIELD_ZONE:
		return c->zone;
	case VS_FIELD_HARDWARE:
	case VS_FIELD_TAG:
	case VS_FIELD_COMPONENT:
		break;
	}
	return NULL;
}

static bool has(const struct vs_facts *c, uint8_t field, const char *value)
{
	bool found = false;

	if (field == VS_FIELD_TAG) {
		for (size_t i = 0; !found && i < c->tag_count; i++)
			found = same(c->tags[i], value);
		return found;
	}
	if (field == VS_FIELD_HARDWARE) {
		for (size_t i = 0; !found && i < c->component_count; i++)
			found = same(c->components[i].hardware, value);
		return found;
	}
	return same(text_of(c, field), value);
}

static bool fits(int order, uint8_t op)
{
	switch ((enum vs_filter_op)op) {
	case VS_OP_LT:
		return order < 0;
	case VS_OP_LE:
		return order <= 0;
	case VS_OP_GT:
		return order > 0;
	case VS_OP_GE:
		return order >= 0;
	case VS_OP_EQ:
	case VS_OP_NE:
	case VS_OP_IN:
	case VS_OP_NOT_IN:
		break;
	}
	return order == 0;
}

static bool component(const struct vs_filter *f, const struct vs_filter_node *n,
                      const struct vs_facts *c)
{
	const char *name = vs_filter_value(f, n, 0);

	for (size_t i = 0; i < c->component_count; i++) {
		const char *version = c->components[i].version;

		if (!same(c->components[i].name, name) || !version || !*version)
			continue;
		for (size_t k = 1; k < n->count; k++)
			if (fits(vs_version_compare(version,
			                            vs_filter_value(f, n, k)),
			         n->op))
				return true;
	}
	return false;
}

static bool test(const struct vs_filter *f, const struct vs_filter_node *n,
                 const struct vs_facts *c)
{
	bool found = n->field == VS_FIELD_COMPONENT && component(f, n, c);

	if (n->field != VS_FIELD_COMPONENT)
		for (size_t i = 0; !found && i < n->count; i++)
			found = has(c, n->field, vs_filter_value(f, n, i));
	return found != (n->op == VS_OP_NE || n->op == VS_OP_NOT_IN);
}

/* A chain of and leans to the left, so this goes no deeper than there are
 * nodes.
 */
static bool match(const struct vs_filter *f, size_t at,
                  const struct vs_facts *c)
{
	const struct vs_filter_node *n = &f->nodes[at];

	switch ((enum vs_filter_kind)n->kind) {
	case VS_FILTER_NOT:
		return !match(f, n->left, c);
	case VS_FILTER_AND:
		return match(f, n->left, c) && match(f, n->right, c);
	case VS_FILTER_OR:
		return match(f, n->left, c) || match(f, n->right, c);
	case VS_FILTER_TEST:
		return test(f, n, c);
	case VS_FILTER_ALL:
		break;
	}
	return true;
}

bool vs_filter_match(const struct vs_filter *f, const struct vs_facts *c)
{
	return match(f, f->node_count - 1, c);
}

static bool equal(const struct vs_filter *a, size_t i,
                  const struct vs_filter *b, size_t k)
{
	const struct vs_filter_node *x = &a->nodes[i], *y = &b->nodes[k];

	if (x->kind != y->kind || x->field != y->field || x->op != y->op ||
	    x->count != y->count)
		return false;
	for (size_t v = 0; v < x->count; v++)
		if (strcmp(vs_filter_value(a, x, v),
		           vs_filter_value(b, y, v)) != 0)
			return false;
	if (x->kind == VS_FILTER_NOT)
		return equal(a, x->left, b, y->left);
	if (x->kind == VS_FILTER_AND || x->kind == VS_FILTER_OR)
		return equal(a, x->left, b, y->left) &&
		       equal(a, x->right, b, y->right);
	return true;
}

bool vs_filter_equal(const struct vs_filter *a, const struct vs_filter *b)
{
	return equal(a, a->node_count - 1, b, b->node_count - 1);
}
