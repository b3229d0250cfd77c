/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/filter_tree.h - a filter as filter*.c share it.
 *
 * Children stand before their parents, so no tree has a circle; the root is
 * the last node.
 */
#ifndef VS_CAMPAIGN_FILTER_TREE_H
#define VS_CAMPAIGN_FILTER_TREE_H

#include "campaign/filter.h"

enum vs_filter_kind {
	VS_FILTER_ALL,
	VS_FILTER_NOT, /* of left */
	VS_FILTER_AND,
	VS_FILTER_OR,
	VS_FILTER_TEST,
};

enum vs_filter_op {
	VS_OP_EQ,
	VS_OP_NE,
	VS_OP_LT,
	VS_OP_LE,
	VS_OP_GT,
	VS_OP_GE,
	VS_OP_IN,
	VS_OP_NOT_IN,
};

enum vs_filter_field {
	VS_FIELD_ID,
	VS_FIELD_MODEL,
	VS_FIELD_HARDWARE,
	VS_FIELD_SITE,
	VS_FIELD_FEEDER,
	VS_FIELD_REGION,
	VS_FIELD_TENANT,
	VS_FIELD_ZONE,
	VS_FIELD_TAG,
	VS_FIELD_COMPONENT, /* the name is the test's first value */
};

struct vs_filter_node {
	uint8_t kind, field, op;
	uint16_t left, right;  /* nodes */
	uint16_t first, count; /* values of a test */
};

struct vs_filter {
	struct vs_filter_node nodes[VS_FILTER_NODES_MAX];
	size_t node_count;
	uint16_t values[VS_FILTER_VALUES_MAX]; /* offsets in pool */
	size_t value_count;
	char pool[VS_FILTER_LEN_MAX * 2]; /* each with a closing zero */
	size_t pool_used;
};

extern const char *const vs_filter_fields[VS_FIELD_COMPONENT];
extern const char *const vs_filter_ops[VS_OP_IN];

/* Whether this text can stand without quotes. */
bool vs_filter_bare(const char *text, size_t len);
/* and, or, not, in, has, all */
bool vs_filter_keyword(const char *text, size_t len);

const char *vs_filter_value(const struct vs_filter *f,
                            const struct vs_filter_node *n, size_t i);

#endif
