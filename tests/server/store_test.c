/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/store_test.c - SQLite does what a store must do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/server/scratch.h"
#include "tests/server/store_conformance.h"

static vs_status open_one(void *state, bool writer, struct vs_store **out,
                          char error[static 256])
{
	const struct scratch *s = state;

	return vs_store_open_sqlite(s->db, writer, out, error);
}

static vs_status open_backup(const char *path, struct vs_store **out,
                             char error[static 256])
{
	return vs_store_open_sqlite(path, false, out, error);
}

int main(void)
{
	static const struct store_engine sqlite = {
		.name = "store in SQLite",
		.make = scratch_make,
		.remove = scratch_remove,
		.open = open_one,
		.open_backup = open_backup,
	};

	return store_conformance(&sqlite);
}
