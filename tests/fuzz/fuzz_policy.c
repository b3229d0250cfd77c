/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_policy.c - a policy that is read hangs together: groups
 * have members before them, each in one group, and enough of them.
 */
#include <assert.h>

#include "trust/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vs_tlog_policy p;
	size_t members[VS_POLICY_NODES_MAX] = {0};

	if (vs_tlog_policy_parse((const char *)data, size, &p, NULL))
		return 0;
	assert(p.log_count <= VS_POLICY_LOGS_MAX);
	assert(p.node_count <= VS_POLICY_NODES_MAX);
	assert(p.quorum == SIZE_MAX || p.quorum < p.node_count);
	for (size_t i = 0; i < p.node_count; i++) {
		const struct vs_tlog_node *n = &p.nodes[i];

		assert(n->name.len && n->name.at >= (const char *)data &&
		       n->name.at + n->name.len <= (const char *)data + size);
		if (n->is_group)
			assert(n->threshold && n->threshold <= members[i]);
		if (n->parent == SIZE_MAX)
			continue;
		assert(n->parent > i && n->parent < p.node_count);
		assert(p.nodes[n->parent].is_group);
		members[n->parent]++;
	}
	return 0;
}
