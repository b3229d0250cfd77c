/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/tree.h - a file tree in memory, edited by chance, and what the
 * builders of file systems make of it.
 */
#ifndef VS_TESTS_DELTA_TREE_H
#define VS_TESTS_DELTA_TREE_H

#include "tests/delta/fixture.h"

#define TREE_FILES 40

struct tree {
	struct tree_file {
		char name[24]; /* "" : there is none; may have a folder */
		struct bytes bytes;
	} files[TREE_FILES];
};

/* Text, noise, zeros; some of them long, and a program in two versions. */
void tree_init(struct tree *t, uint32_t seed, const char *program);
void tree_copy(struct tree *to, const struct tree *from);
void tree_drop(struct tree *t);
/* Files change, grow, go, come, and are renamed. */
void tree_edit(struct tree *t, uint32_t *seed, size_t edits);
void tree_set(struct tree *t, size_t file, const char *name,
              struct bytes bytes);

/* An image of it.  In words, TREE and IMAGE stand for their paths. */
struct bytes tree_image(const struct tree *t, const char *const *words);

#endif
