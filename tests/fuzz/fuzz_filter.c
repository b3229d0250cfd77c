/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_filter.c - what is printed is read as the same tree, and
 * takes the same chargers.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct vs_fact_component parts[] = {
	{"gateway", "2.1.0-rc1", "gw"},
	{"b",       "1",         "x" },
};
static const char *const tags[] = {"dc", "a"};
static const struct vs_facts chargers[] = {
	{.id = "a",
         .model = "ac22",
         .site = "12",
         .feeder = "",
         .tags = tags,
         .tag_count = 2,
         .components = parts,
         .component_count = 2},
	{0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vs_filter *f, *again;
	struct vs_why why = {0};
	char *text, *twice;

	if (vs_filter_parse((const char *)data, size, &f, &why)) {
		assert(!f && why.what && why.at <= size);
		return 0;
	}
	assert(!vs_filter_print(f, &text));
	if (strlen(text) <= VS_FILTER_LEN_MAX) {
		assert(!vs_filter_parse(text, strlen(text), &again, &why));
		assert(vs_filter_equal(f, again));
		for (size_t i = 0; i < 2; i++)
			assert(vs_filter_match(f, &chargers[i]) ==
			       vs_filter_match(again, &chargers[i]));
		assert(!vs_filter_print(again, &twice));
		assert(!strcmp(text, twice));
		free(twice);
		vs_filter_free(&again);
	}
	free(text);
	vs_filter_free(&f);
	return 0;
}
