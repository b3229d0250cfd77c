/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/hostile_test.c - numbers that lead out of a file or an image.
 *
 * Each stream is made by the encoder for larger images, where it is right, and
 * read for smaller ones, where it must be an error.
 */
#include "delta/covers.h"
#include "delta/layout.h"
#include "delta/unit.h"
#include "tests/delta/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LARGE 100

static struct vs_coder coder;

struct layout_row {
	const char *what;
	struct vs_segment segment;
	struct vs_extent extent;
	struct vs_inodes tables[2];
	uint32_t blocks, was_blocks; /* of the smaller images */
};

static const struct layout_row layouts[] = {
	{"a segment begins behind the image",
         {60, 1, 0, 0},
         {0, 0, 1},
         {{1, 1, 1}, {1, 1, 1}},
         50,    LARGE},
	{"a segment ends behind the image",
         {40, 20, 0, 0},
         {0, 0, 1},
         {{1, 1, 1}, {1, 1, 1}},
         50,    LARGE},
	{"a copy begins behind the old image",
         {0, 1, VS_SEGMENT_COPY, 60},
         {0, 0, 1},
         {{1, 1, 1}, {1, 1, 1}},
         LARGE, 50   },
	{"a copy ends behind the old image",
         {0, 20, VS_SEGMENT_COPY, 40},
         {0, 0, 1},
         {{1, 1, 1}, {1, 1, 1}},
         LARGE, 50   },
	{"an extent begins behind the old image",
         {0, 1, 0, 0},
         {0, 60, 1},
         {{1, 1, 1}, {1, 1, 1}},
         LARGE, 50   },
	{"an extent ends behind the old image",
         {0, 1, 0, 0},
         {0, 40, 20},
         {{1, 1, 1}, {1, 1, 1}},
         LARGE, 50   },
	{"old inodes lie behind the image",
         {0, 1, 0, 0},
         {0, 0, 1},
         {{60, 1, 1}, {1, 1, 1}},
         LARGE, 50   },
	{"old inodes end behind the image",
         {0, 1, 0, 0},
         {0, 0, 1},
         {{40, 20, 1}, {1, 1, 1}},
         LARGE, 50   },
	{"new inodes lie behind the image",
         {0, 1, 0, 0},
         {0, 0, 1},
         {{1, 1, 1}, {60, 1, 1}},
         50,    LARGE},
	{"new inodes end behind the image",
         {0, 1, 0, 0},
         {0, 0, 1},
         {{1, 1, 1}, {40, 20, 1}},
         50,    LARGE},
};

static vs_status decode(struct bytes *b, uint32_t blocks, uint32_t was_blocks)
{
	struct vs_layout out = {.blocks = blocks, .was_blocks = was_blocks};
	vs_status status;

	b->at = 0;
	vs_coder_decode_init(&coder, bytes_read, b);
	status = vs_layout_code(&out, &coder);
	vs_layout_drop(&out);
	return status;
}

/* S0.31 */
static void a_layout_that_leads_out_of_an_image_is_an_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		struct layout_row row = layouts[i];
		struct vs_file file = {
			.blocks = LARGE,
			.was_blocks = LARGE,
			.was = &row.extent,
			.was_count = 1,
		};
		struct vs_layout in = {
			.blocks = LARGE,
			.was_blocks = LARGE,
			.segments = &row.segment,
			.segment_count = 1,
			.files = &file,
			.file_count = 1,
			.extents = &row.extent,
			.extent_count = 1,
			.inodes = {{1, &row.tables[0], 1},
		                   {1, &row.tables[1], 1}},
		};
		struct bytes b = {0};

		vs_coder_encode_init(&coder, bytes_write, &b);
		assert_int_equal(vs_layout_code(&in, &coder), VS_OK);
		assert_int_equal(vs_coder_finish(&coder), VS_OK);
		assert_int_equal(decode(&b, LARGE, LARGE), VS_OK);
		if (decode(&b, row.blocks, row.was_blocks) != VS_ERR_INPUT)
			fail_msg("%s", row.what);
		free(b.data);
	}
}

struct cover_row {
	const char *what;
	struct vs_cover cover;
	uint64_t new_len, old_len; /* of the smaller files */
	size_t max;
};

static const struct cover_row covers[] = {
	{"begins behind the new file", {60, 0, 1},  50,    LARGE, 2},
	{"ends behind the new file",   {40, 0, 20}, 50,    LARGE, 2},
	{"begins behind the old file", {0, 60, 1},  LARGE, 50,    2},
	{"ends behind the old file",   {0, 40, 20}, LARGE, 50,    2},
	{"is one too many",            {0, 0, 1},   LARGE, LARGE, 0},
};

static vs_status decode_covers(struct bytes *b, uint64_t new_len,
                               uint64_t old_len, size_t max)
{
	struct vs_cover_models models;
	struct vs_cover *list = NULL;
	size_t count = 0;
	vs_status status;

	b->at = 0;
	vs_cover_models_init(&models);
	vs_coder_decode_init(&coder, bytes_read, b);
	status = vs_covers_code(&models, &coder, &list, &count, max, new_len,
	                        old_len);
	free(list);
	return status;
}

static void a_cover_that_leads_out_of_a_file_is_an_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(covers) / sizeof(covers[0]); i++) {
		struct vs_cover one = covers[i].cover, *list = &one;
		struct vs_cover_models models;
		struct bytes b = {0};
		size_t count = 1;

		vs_cover_models_init(&models);
		vs_coder_encode_init(&coder, bytes_write, &b);
		assert_int_equal(vs_covers_code(&models, &coder, &list, &count,
		                                2, LARGE, LARGE),
		                 VS_OK);
		assert_int_equal(vs_coder_finish(&coder), VS_OK);
		assert_int_equal(decode_covers(&b, LARGE, LARGE, 2), VS_OK);
		if (decode_covers(&b, covers[i].new_len, covers[i].old_len,
		                  covers[i].max) != VS_ERR_INPUT)
			fail_msg("%s", covers[i].what);
		free(b.data);
	}
}

static void a_section_below_zero_is_an_error(void **state)
{
	struct vs_elf was = {.arch = VS_ARCH_THUMB, .count = 1}, is;
	struct vs_cover_models models;
	struct bytes b = {0};

	(void)state;
	was.rows[0] = (struct vs_section_row){VS_SECTION_CODE, 500, 500, 500};
	is = was;
	is.rows[0].addr = 100;
	vs_cover_models_init(&models);
	vs_coder_encode_init(&coder, bytes_write, &b);
	assert_int_equal(vs_elf_code(&models, &coder, &was, &is), VS_OK);
	assert_int_equal(vs_coder_finish(&coder), VS_OK);
	for (uint64_t addr = 500; addr >= 300; addr -= 200) {
		b.at = 0;
		was.rows[0].addr = addr;
		vs_cover_models_init(&models);
		vs_coder_decode_init(&coder, bytes_read, &b);
		assert_int_equal(vs_elf_code(&models, &coder, &was, &is),
		                 addr == 500 ? VS_OK : VS_ERR_INPUT);
	}
	free(b.data);
}

static void any_other_head_is_an_error(void **state)
{
	static const size_t at[] = {0,  7,  8,  9,  10, 15,
	                            21, 23, 29, 31, 96, 127};
	const struct vs_delta_head head = {.old_len = 1, .new_len = 2};
	uint8_t raw[VS_DELTA_HEAD_LEN];
	struct vs_delta_head out;
	struct vs_why why;

	(void)state;
	vs_delta_head_encode(&head, raw);
	assert_int_equal(vs_delta_head_decode(raw, &out, &why), VS_OK);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		raw[at[i]] ^= 0x40;
		assert_int_equal(vs_delta_head_decode(raw, &out, &why),
		                 VS_ERR_INPUT);
		raw[at[i]] ^= 0x40;
	}
	raw[16] = 0;
	assert_int_equal(vs_delta_head_decode(raw, &out, &why), VS_ERR_INPUT);
}

/* The delta asks for addresses; the old image has no program. */
static void a_program_that_is_gone_is_an_error(void **state)
{
	struct bytes was = load(SPECIMEN), is = load(SPECIMEN_MORE);
	struct bytes delta = {0};

	(void)state;
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	memset(was.data, 0, was.len);
	assert_int_equal(apply_delta(&was, &is, &delta), VS_ERR_INPUT);
	free(was.data);
	free(is.data);
	free(delta.data);
}

struct unit_row {
	const char *what;
	bool is_new;
	struct vs_unit unit;
	struct vs_slice slices[2];
	size_t slice_count;
	uint64_t old_len; /* that it is read for */
	vs_status status;
};

static const struct unit_row unit_rows[] = {
	{"all is well",
         false, {VS_UNIT_PACKED, 40, 20, 0, 1, 4096, 0, 0},
         {{0, 4096, 0, 0}},
         1, 100,
         VS_OK       },
	{"a unit begins behind the old image",
         false, {VS_UNIT_PACKED, 40, 20, 0, 1, 4096, 0, 0},
         {{0, 4096, 0, 0}},
         1, 30,
         VS_ERR_INPUT},
	{"a unit ends behind the old image",
         false, {VS_UNIT_PACKED, 40, 20, 0, 1, 4096, 0, 0},
         {{0, 4096, 0, 0}},
         1, 50,
         VS_ERR_INPUT},
	{"a copy begins behind the old image",
         true,  {VS_UNIT_COPY, 40, 20, 0, 0, 0, 0, 0},
         {{0, 0, 0, 0}},
         0, 30,
         VS_ERR_INPUT},
	{"a copy ends behind the old image",
         true,  {VS_UNIT_COPY, 40, 20, 0, 0, 0, 0, 0},
         {{0, 0, 0, 0}},
         0, 50,
         VS_ERR_INPUT},
	{"a copy in the old image",
         false, {VS_UNIT_COPY, 40, 20, 0, 0, 0, 0, 0},
         {{0, 0, 0, 0}},
         0, 100,
         VS_ERR_INPUT},
	{"a unit that holds nothing",
         true,  {VS_UNIT_PACKED, 0, 0, 0, 0, 0, 0, 0},
         {{0, 0, 0, 0}},
         0, 100,
         VS_ERR_INPUT},
	{"a slice of nothing",
         true,  {VS_UNIT_PACKED, 0, 0, 0, 2, 4096, 0, 0},
         {{0, 0, 0, 0}, {0, 4096, 0, 0}},
         2, 100,
         VS_ERR_INPUT},
	{"a unit that is too long",
         true,  {VS_UNIT_PACKED, 0, 0, 0, 1, VS_UNIT_LEN_MAX + 1, 0, 0},
         {{0, VS_UNIT_LEN_MAX + 1, 0, 0}},
         1, 100,
         VS_ERR_INPUT},
	{"tables that have not all parts",
         true,  {VS_UNIT_TABLES, 0, 0, 0, 1, 4096, 0, 0},
         {{0, 4096, 0, 0}},
         1, 100,
         VS_ERR_INPUT},
	{"slices that no unit has",
         true,  {VS_UNIT_PACKED, 0, 0, 0, 1, 4096, 0, 0},
         {{0, 4096, 0, 0}, {1, 4096, 0, 0}},
         2, 100,
         VS_ERR_INPUT},
};

static void a_unit_that_leads_out_of_its_bounds_is_an_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(unit_rows) / sizeof(*unit_rows); i++) {
		struct unit_row row = unit_rows[i];
		struct vs_units in = {.is_new = row.is_new,
		                      .packing = VS_PACKING_ZSTD,
		                      .level = 3,
		                      .block = 4096,
		                      .list = &row.unit,
		                      .count = 1,
		                      .slices = row.slices,
		                      .slice_count = row.slice_count};
		struct vs_units out = {.is_new = row.is_new};
		struct bytes b = {0};
		vs_status status;

		vs_coder_encode_init(&coder, bytes_write, &b);
		/* what the encoder itself finds wrong is written all the
		 * same, and read by others */
		status = vs_units_code(&in, LARGE, &coder);
		assert_true(status == VS_OK || status == VS_ERR_INPUT);
		coder.status = VS_OK;
		assert_int_equal(vs_coder_finish(&coder), VS_OK);
		vs_coder_decode_init(&coder, bytes_read, &b);
		status = vs_units_code(&out, row.old_len, &coder);
		if (status != row.status)
			print_message("# %s\n", row.what);
		assert_int_equal(status, row.status);
		vs_units_drop(&out);
		free(b.data);
	}
}

/* One new file of an erofs, a batch and 8192 bytes, of which one cluster is
 * fixed.
 */
struct file_unit {
	uint32_t block, ahead;
	struct vs_unit unit;
	struct vs_slice slices[2];
	struct vs_batch batches[3];
	struct vs_fix fixes[2];
	size_t slice_count, batch_count, fix_count;
};

static void a_file_is(const char *what, struct file_unit f, vs_status wanted)
{
	struct vs_units in = {.is_new = true,
	                      .packing = VS_PACKING_LZ4,
	                      .level = 12,
	                      .block = f.block,
	                      .ahead = f.ahead,
	                      .list = &f.unit,
	                      .count = 1,
	                      .slices = f.slices,
	                      .slice_count = f.slice_count,
	                      .batches = f.batches,
	                      .batch_count = f.batch_count,
	                      .fixes = f.fixes,
	                      .fix_count = f.fix_count};
	struct vs_units out = {.is_new = true};
	struct bytes b = {0};
	vs_status status;

	vs_coder_encode_init(&coder, bytes_write, &b);
	status = vs_units_code(&in, LARGE, &coder);
	assert_true(status == VS_OK || status == VS_ERR_INPUT);
	coder.status = VS_OK;
	assert_int_equal(vs_coder_finish(&coder), VS_OK);
	vs_coder_decode_init(&coder, bytes_read, &b);
	status = vs_units_code(&out, LARGE, &coder);
	if (status != wanted)
		print_message("# %s\n", what);
	assert_int_equal(status, wanted);
	if (wanted == VS_OK) {
		assert_int_equal(out.list[0].kind, VS_UNIT_FILE);
		assert_memory_equal(out.fixes, f.fixes, sizeof(*f.fixes));
		assert_int_equal(out.batches[0].len, f.batches[0].len);
		assert_int_equal(out.batches[1].fixes, f.batches[1].fixes);
	}
	vs_units_drop(&out);
	free(b.data);
}

#define FILE_LEN (VS_BATCH_LEN + 1 + 8192)

static void a_file_whose_parts_are_not_its_own_is_an_error(void **state)
{
	const struct file_unit good = {
		.block = 4096,
		.ahead = 2,
		.unit = {VS_UNIT_FILE, 0, 0, 0, 2, 4096 + FILE_LEN, 0, 2},
		.slices = {{0, 4096, 0, 0},           {1, FILE_LEN, 0, 4096}},
		.batches = {{VS_BATCH_LEN + 1, 0, 0},           {8192, 0, 1}},
		.fixes = {{1, 5000, 1}          },
		.slice_count = 2,
		.batch_count = 2,
		.fix_count = 1,
	};
	struct file_unit f = good;

	(void)state;
	a_file_is("all is well", f, VS_OK);
	f.block = 4097;
	a_file_is("a cluster of half blocks", f, VS_ERR_INPUT);
	f = good;
	f.ahead = 0;
	a_file_is("nothing looked at", f, VS_ERR_INPUT);
	f = good;
	f.ahead = VS_CLUSTER_AHEAD_MAX + 1;
	a_file_is("more looked at than there is room for", f, VS_ERR_INPUT);
	f = good;
	f.fixes[0].len = 0;
	a_file_is("a fix that holds nothing", f, VS_ERR_INPUT);
	f = good;
	f.fixes[0].blocks = 2;
	a_file_is("a fix longer than its bytes", f, VS_ERR_INPUT);
	f = good;
	f.fixes[0].blocks = 35;
	a_file_is("a fix as long as the unit", f, VS_ERR_INPUT);
	f = good;
	f.batches[1].fixes = 2;
	a_file_is("more fixes than there are", f, VS_ERR_INPUT);
	f = good;
	f.unit.slices = 1;
	f.slice_count = 1;
	a_file_is("fixes without bytes", f, VS_ERR_INPUT);
	f = good;
	f.batches[1].fixes = 0;
	a_file_is("bytes without fixes", f, VS_ERR_INPUT);
	f = good;
	f.unit.batches = 0;
	a_file_is("a file without batches", f, VS_ERR_INPUT);
	f = good;
	f.unit.batches = 3;
	a_file_is("more batches than there are", f, VS_ERR_INPUT);
	f = good;
	f.batches[0].len += 8192;
	a_file_is("batches as long as the file", f, VS_ERR_INPUT);
	f = good;
	f.batches[0].len = VS_BATCH_LEN - 1;
	a_file_is("a batch that is too short", f, VS_ERR_INPUT);
	f = good;
	f.batches[0].len = VS_BATCH_MAX + 1;
	f.unit.len += VS_BATCH_MAX;
	a_file_is("a batch that is too long", f, VS_ERR_INPUT);
	f = good;
	f.unit.len += VS_BATCH_MAX - 8191;
	f.slices[1].len += VS_BATCH_MAX - 8191;
	a_file_is("a last batch that is too long", f, VS_ERR_INPUT);
	f = good;
	f.unit.len += VS_BATCH_MAX - 8192;
	f.slices[1].len += VS_BATCH_MAX - 8192;
	a_file_is("one that is just not", f, VS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_layout_that_leads_out_of_an_image_is_an_error),
		cmocka_unit_test(a_cover_that_leads_out_of_a_file_is_an_error),
		cmocka_unit_test(a_section_below_zero_is_an_error),
		cmocka_unit_test(any_other_head_is_an_error),
		cmocka_unit_test(
			a_unit_that_leads_out_of_its_bounds_is_an_error),
		cmocka_unit_test(
			a_file_whose_parts_are_not_its_own_is_an_error),
		cmocka_unit_test(a_program_that_is_gone_is_an_error),
	};

	return cmocka_run_group_tests_name("delta hostile", tests, NULL, NULL);
}
