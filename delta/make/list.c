/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/list.c - twice the room.
 */
#include "delta/make/list.h"

#include <stdlib.h>
#include <string.h>

#define FIRST 256

bool vs_list_grow(void *list, size_t *cap, size_t count, size_t each)
{
	size_t more = *cap ? *cap * 2 : FIRST;
	void *at;

	if (count < *cap)
		return true;
	/* whatever type it points to */
	memcpy(&at, list, sizeof(at));
	at = realloc(at, more * each);
	if (!at)
		return false;
	memcpy(list, &at, sizeof(at));
	*cap = more;
	return true;
}
