/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/elf_test.c - which section has an address.
 */
#include "delta/elf.h"
#include "tests/delta/fixture.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* One by one, as nobody would do it who has many to look up. */
static const struct vs_section_row *by_hand(const struct vs_elf *e,
                                            uint64_t addr, bool place)
{
	for (size_t i = 0; i < e->count; i++) {
		uint64_t from = place ? e->rows[i].at : e->rows[i].addr;

		if (place && e->rows[i].kind == VS_SECTION_BSS)
			continue;
		if (addr >= from && addr - from < e->rows[i].len)
			return &e->rows[i];
	}
	return NULL;
}

/* Sections in any order, with and without gaps, some without bytes. */
static void random_sections(struct vs_elf *e, uint32_t *seed)
{
	uint32_t at = 0, addr = 4096;

	memset(e, 0, sizeof(*e));
	e->count = next_number(seed) % (VS_SECTIONS_MAX + 1);
	for (size_t i = 0; i < e->count; i++) {
		struct vs_section_row *row = &e->rows[i];
		uint32_t len = next_number(seed) % 3 * 7;

		at += next_number(seed) % 3 * 5;
		addr += next_number(seed) % 3 * 4;
		*row = (struct vs_section_row){VS_SECTION_CODE, addr, at, len};
		if (next_number(seed) % 4 == 0)
			row->kind = VS_SECTION_BSS;
		at += len;
		addr += len;
	}
	for (size_t i = 0; i + 1 < e->count; i++) {
		size_t other = i + next_number(seed) % (e->count - i);
		struct vs_section_row row = e->rows[i];

		e->rows[i] = e->rows[other];
		e->rows[other] = row;
	}
}

/* S0.31 */
static void each_address_is_found_in_its_section(void **state)
{
	uint32_t seed = 3;
	struct vs_elf e;

	(void)state;
	for (int round = 0; round < 300; round++) {
		random_sections(&e, &seed);
		vs_elf_index(&e);
		for (uint32_t addr = 0; addr < 6000; addr++) {
			const struct vs_section_row *row =
				by_hand(&e, addr, false);

			assert_ptr_equal(vs_elf_by_addr(&e, addr), row);
			row = by_hand(&e, addr, true);
			assert_ptr_equal(vs_elf_by_place(&e, addr), row);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_found_in_its_section),
	};

	return cmocka_run_group_tests_name("delta elf", tests, NULL, NULL);
}
