/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/program_test.c - programs for each machine, and bare images of
 * microcontrollers, come out as they were, and small.
 */
#include "delta/make/bare.h"
#include "tests/delta/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LOAD_ADDR 0x08008000

/* Bytes of the delta behind its head; with blind not known for programs. */
static size_t cost(struct bytes was, struct bytes is, size_t blind)
{
	struct bytes delta = {0};
	struct vs_make figures;

	if (blind > 0) {
		memset(was.data, 0, blind);
		memset(is.data, 0, blind);
	}
	assert_int_equal(make_delta(&was, &is, &delta, &figures), VS_OK);
	assert_int_equal(figures.pairs, blind == 0);
	assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
	assert_int_equal(delta.at, delta.len);
	free(delta.data);
	return delta.len - VS_DELTA_HEAD_LEN;
}

/* At most so many percent of what it costs without them. */
static void check_pair(const char *old, const char *new, size_t blind,
                       size_t percent)
{
	struct bytes was, is;
	size_t known, unknown;

	if (access(old, R_OK) != 0)
		skip(); /* built without clang */
	was = load(old);
	is = load(new);
	known = cost(was, is, 0);
	unknown = cost(was, is, blind);
	print_message("# %zu bytes, %zu without prediction\n", known, unknown);
	assert_true(known * 100 < unknown * percent);
	free(was.data);
	free(is.data);
}

/* S0.31 */
static void
a_microcontrollers_image_costs_less_when_its_addresses_are_known(void **state)
{
	(void)state;
	check_pair(PROGRAMS "/firmware_thumb_old",
	           PROGRAMS "/firmware_thumb_new", 16, 50);
}

static void
an_arm64_program_costs_less_when_its_addresses_are_known(void **state)
{
	(void)state;
	check_pair(PROGRAMS "/firmware_a64_old", PROGRAMS "/firmware_a64_new",
	           1, 55);
}

static void
a_32_bit_arm_program_costs_less_when_its_addresses_are_known(void **state)
{
	(void)state;
	check_pair(PROGRAMS "/firmware_arm_old", PROGRAMS "/firmware_arm_new",
	           1, 90);
}

static void an_a32_program_costs_less_when_its_addresses_are_known(void **state)
{
	(void)state;
	check_pair(PROGRAMS "/firmware_a32_old", PROGRAMS "/firmware_a32_new",
	           1, 80);
}

static void
a_riscv_program_costs_less_when_its_addresses_are_known(void **state)
{
	(void)state;
	check_pair(PROGRAMS "/firmware_riscv_old",
	           PROGRAMS "/firmware_riscv_new", 1, 55);
}

static void
an_x86_64_program_costs_less_when_its_addresses_are_known(void **state)
{
	(void)state;
	check_pair(SPECIMEN, SPECIMEN_MORE, 1, 60);
}

/* S0.31 */
static void builds_of_one_program_with_other_options_come_out(void **state)
{
	static const char *const builds[] = {
		SPECIMEN,
		SPECIMEN_MORE,
		PROGRAMS "/delta_specimen_o1",
		PROGRAMS "/delta_specimen_os",
		PROGRAMS "/firmware_a64_old",
		PROGRAMS "/firmware_thumb_old",
	};
	const size_t count = sizeof(builds) / sizeof(builds[0]);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++) {
			struct bytes was, is, delta = {0};

			if (access(builds[i], R_OK) != 0 ||
			    access(builds[k], R_OK) != 0)
				continue;
			was = load(builds[i]);
			is = load(builds[k]);
			assert_int_equal(make_delta(&was, &is, &delta, NULL),
			                 VS_OK);
			assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
			assert_true(delta.len < is.len / 2 + 400);
			free(was.data);
			free(is.data);
			free(delta.data);
		}
}

/* The linker was told to leave a section out. */
static void programs_with_other_sections_come_out_unpredicted(void **state)
{
	struct bytes was = load(SPECIMEN);
	struct bytes is = load(PROGRAMS "/delta_specimen_less");

	(void)state;
	for (int way = 0; way < 2; way++) {
		struct bytes delta = {0};
		struct vs_make figures;

		assert_int_equal(make_delta(way ? &is : &was, way ? &was : &is,
		                            &delta, &figures),
		                 VS_OK);
		assert_int_equal(figures.pairs, 0);
		assert_int_equal(
			apply_delta(way ? &is : &was, way ? &was : &is, &delta),
			VS_OK);
		assert_true(delta.len < is.len / 4);
		free(delta.data);
	}
	free(was.data);
	free(is.data);
}

static void a_load_address_is_the_one_that_the_linker_was_told(void **state)
{
	struct bytes image, header = {0};
	uint32_t addr = 1;

	(void)state;
	if (access(PROGRAMS "/firmware_thumb_old", R_OK) != 0)
		skip();
	image = load(PROGRAMS "/firmware_thumb_old");
	assert_true(vs_bare_find(image.data, image.len, &addr));
	assert_int_equal(addr, LOAD_ADDR);
	/* behind a boot loader's header */
	header.data = calloc(1, image.len + 0x200);
	assert_non_null(header.data);
	memcpy(header.data + 0x200, image.data, image.len);
	assert_true(vs_bare_find(header.data, image.len + 0x200, &addr));
	assert_int_equal(addr, LOAD_ADDR - 0x200);
	/* a vector table alone proves nothing */
	memset(image.data + 0x40, 0, image.len - 0x40);
	assert_false(vs_bare_find(image.data, image.len, &addr));
	free(image.data);
	free(header.data);
}

static void what_is_no_vector_table_has_no_load_address(void **state)
{
	static uint8_t bytes[65536];
	uint32_t addr;

	(void)state;
	assert_false(vs_bare_find(bytes, sizeof(bytes), &addr));
	for (uint32_t seed = 0; seed < 50; seed++) {
		fill(bytes, sizeof(bytes), seed);
		assert_false(vs_bare_find(bytes, sizeof(bytes), &addr));
	}
	assert_false(vs_bare_find(bytes, 15, &addr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_microcontrollers_image_costs_less_when_its_addresses_are_known),
		cmocka_unit_test(
			an_arm64_program_costs_less_when_its_addresses_are_known),
		cmocka_unit_test(
			a_32_bit_arm_program_costs_less_when_its_addresses_are_known),
		cmocka_unit_test(
			an_a32_program_costs_less_when_its_addresses_are_known),
		cmocka_unit_test(
			a_riscv_program_costs_less_when_its_addresses_are_known),
		cmocka_unit_test(
			an_x86_64_program_costs_less_when_its_addresses_are_known),
		cmocka_unit_test(
			builds_of_one_program_with_other_options_come_out),
		cmocka_unit_test(
			programs_with_other_sections_come_out_unpredicted),
		cmocka_unit_test(
			a_load_address_is_the_one_that_the_linker_was_told),
		cmocka_unit_test(what_is_no_vector_table_has_no_load_address),
	};

	return cmocka_run_group_tests_name("delta program", tests, NULL, NULL);
}
