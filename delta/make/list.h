/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/list.h - lists that grow while an image is read.
 */
#ifndef VS_DELTA_MAKE_LIST_H
#define VS_DELTA_MAKE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Makes room for one more behind count elements of each bytes.  list: the
 * address of the pointer to them (free()).  False: there is no memory, and
 * nothing has changed.
 */
bool vs_list_grow(void *list, size_t *cap, size_t count, size_t each);

#endif
