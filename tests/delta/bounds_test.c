/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/bounds_test.c - what an old image can make the applier do, and
 * hold, has an end.
 */
#include "delta/walk.h"
#include "tests/delta/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BLOCK VS_DELTA_BLOCK
#define TABLE_AT BLOCK /* of the unwind table, in the program */

/* An image that counts what is read of it. */
struct counted {
	uint8_t *bytes; /* owned: free() */
	size_t len, reads, read;
};

static vs_status read_counted(void *ctx, uint64_t from, void *out, size_t len)
{
	struct counted *c = ctx;

	c->reads++;
	c->read += len;
	memcpy(out, c->bytes + from, len);
	return VS_OK;
}

static void put_section(uint8_t *program, size_t number, const uint64_t *words)
{
	uint8_t *at = program + 64 + number * 64;

	vs_put_le(at, words[0], 4); /* its name */
	vs_put_le(at + 4, words[1], 4);
	for (size_t i = 0; i < 4; i++)
		vs_put_le(at + 8 + 8 * i, words[2 + i], 8);
}

/* The head of a program for arm64 with an unwind table of so many bytes. */
static void put_program(uint8_t *out, uint64_t table_len)
{
	static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
	const uint64_t table[] = {1, 1, 2, TABLE_AT, TABLE_AT, table_len};
	const uint64_t names[] = {0, 3, 0, 0, 1024, 16};

	memcpy(out, ident, sizeof(ident));
	vs_put_le(out + 18, 183, 2);
	vs_put_le(out + 40, 64, 8); /* section headers */
	vs_put_le(out + 58, 64, 2);
	vs_put_le(out + 60, 3, 2);
	vs_put_le(out + 62, 2, 2);
	put_section(out, 1, table);
	put_section(out, 2, names);
	memcpy(out + 1025, ".eh_frame", 10);
}

/* S0.31 */
static void a_table_of_tiny_records_is_read_about_once(void **state)
{
	const uint32_t blocks = 257;
	struct counted c = {calloc(blocks, BLOCK), blocks * (size_t)BLOCK, 0,
	                    0};
	const struct vs_old_image image = {&c, c.len, read_counted};
	const struct vs_extent all = {0, 0, blocks};
	const struct vs_old old = {&image, &all, 1, c.len};
	size_t table_len = c.len - TABLE_AT;
	struct vs_frames frames;
	struct vs_elf elf;

	(void)state;
	assert_non_null(c.bytes);
	put_program(c.bytes, table_len);
	for (size_t i = 0; i + 5 <= table_len; i += 5)
		c.bytes[TABLE_AT + i] = 1;
	assert_int_equal(vs_elf_read(&old, &elf), VS_OK);
	assert_int_equal(elf.count, 1);
	assert_int_equal(elf.rows[0].kind, VS_SECTION_EH_FRAME);
	c.reads = c.read = 0;
	assert_int_equal(vs_frames_init(&frames, &old, &elf), VS_OK);
	assert_int_equal(frames.len, table_len);
	/* the first record in the second block of the table, and so on */
	assert_int_equal(frames.starts[1], (BLOCK + 4) / 5 * 5);
	assert_int_equal(frames.starts[200], (200 * BLOCK + 4) / 5 * 5);
	assert_true(c.reads <= blocks + 1);
	assert_true(c.read <= table_len + blocks * 4u);
	vs_frames_drop(&frames);
	free(c.bytes);
}

/* A delta of programs that are all the same one, blocks of them in turns:
 * block 0 of each, then block 1 of each.
 */
struct many {
	struct counted c;
	struct vs_old_image image;
	struct vs_extent extent;
	struct vs_layout layout;
};

static void many_init(struct many *m, uint32_t count, uint64_t table_len,
                      bool together)
{
	uint32_t blocks = 1 + (uint32_t)(table_len / BLOCK) + 1;
	struct vs_layout *l = &m->layout;

	*m = (struct many){
		.c = {calloc(1, BLOCK), BLOCK, 0, 0}
        };
	assert_non_null(m->c.bytes);
	put_program(m->c.bytes, table_len);
	m->image = (struct vs_old_image){&m->c, BLOCK, read_counted};
	m->extent = (struct vs_extent){0, 0, 1};
	l->blocks = 2 * count;
	l->was_blocks = 1;
	l->file_count = count + 1u;
	l->segment_count = 2u * count;
	l->files = calloc(l->file_count, sizeof(*l->files));
	l->segments = calloc(l->segment_count, sizeof(*l->segments));
	assert_non_null(l->files);
	assert_non_null(l->segments);
	for (uint32_t i = 1; i <= count; i++)
		l->files[i] =
			(struct vs_file){true, 2, blocks, 0, &m->extent, 1};
	for (uint32_t i = 0; i < 2 * count; i++)
		l->segments[i] =
			together ? (struct vs_segment){i, 1, 1 + i % count,
		                                       i / count}
				 : (struct vs_segment){i, 1, 1 + i / 2, i % 2};
}

static void many_drop(struct many *m)
{
	free(m->layout.files);
	free(m->layout.segments);
	free(m->c.bytes);
}

/* One way through: blocks until there is no next one. */
static vs_status walk(struct many *m, struct vs_coder *coder, size_t *blocks)
{
	struct vs_walk w;
	uint8_t block[BLOCK];
	vs_status status = vs_walk_init(&w, &m->image, &m->layout, coder);

	for (uint32_t i = 0; coder->encode && i <= m->layout.file_count - 1;
	     i++) {
		/* the new program is the old one */
		const struct vs_old old = {
			&m->image, &m->extent, 1,
			(uint64_t)m->layout.files[i].was_blocks * BLOCK};

		struct vs_cover *cover = calloc(1, sizeof(*cover));

		assert_non_null(cover);
		*cover = (struct vs_cover){0, 0, 2 * BLOCK};
		w.files[i].covers = cover;
		w.files[i].cover_count = i > 0;
		if (i == 0)
			continue;
		w.files[i].elf = calloc(2, sizeof(struct vs_elf));
		assert_non_null(w.files[i].elf);
		assert_int_equal(vs_elf_read(&old, &w.files[i].elf[1]), VS_OK);
	}
	*blocks = 0;
	while (status == VS_OK && *blocks < m->layout.blocks) {
		memset(block, 0, sizeof(block));
		if (m->layout.segments[*blocks].from == 0)
			memcpy(block, m->c.bytes, sizeof(block));
		status = vs_walk_blocks(&w, block, 1);
		*blocks += status == VS_OK;
	}
	vs_walk_drop(&w);
	return status;
}

/* The encoder and the decoder go as far, and end alike. */
static void check_many(uint32_t count, uint64_t table_len, bool together,
                       size_t expected)
{
	static struct vs_coder coder;
	struct many m;
	struct bytes b = {0};
	size_t blocks;
	vs_status status;

	many_init(&m, count, table_len, together);
	vs_coder_encode_init(&coder, bytes_write, &b);
	status = walk(&m, &coder, &blocks);
	assert_int_equal(status, expected < 2 * count ? VS_ERR_LIMIT : VS_OK);
	assert_int_equal(blocks, expected);
	assert_int_equal(vs_coder_finish(&coder), VS_OK);
	vs_coder_decode_init(&coder, bytes_read, &b);
	assert_int_equal(walk(&m, &coder, &blocks), status);
	assert_int_equal(blocks, expected);
	free(b.data);
	many_drop(&m);
}

/* S0.31 */
static void only_so_many_programs_are_open_at_once(void **state)
{
	(void)state;
	check_many(VS_PROGRAMS_MAX, 64, true, 2 * VS_PROGRAMS_MAX);
	check_many(VS_PROGRAMS_MAX + 1, 64, true, VS_PROGRAMS_MAX);
	/* one after another there may be more */
	check_many(VS_PROGRAMS_MAX + 1, 64, false, 2 * VS_PROGRAMS_MAX + 2);
}

/* S0.31: also if each program is closed before the next one is opened */
static void only_so_much_of_unwind_tables_is_read(void **state)
{
	const uint32_t table = UINT32_C(32) << 20;
	const uint32_t fit = (uint32_t)(VS_FRAMES_MAX / table);

	(void)state;
	check_many(fit, table, true, 2 * fit);
	check_many(fit + 1, table, true, fit);
	check_many(fit + 1, table, false, 2 * fit);
}

#define PIECE 40
#define PIECES (VS_COVERS_MAX + VS_COVERS_MAX / 4)

/* Pieces of an image in another order: each would be a cover. */
static void what_has_no_room_for_its_covers_keeps_the_longest(void **state)
{
	const size_t len = (size_t)PIECE * PIECES;
	struct bytes was = {.data = malloc(len), .len = len};
	struct bytes is = {.data = malloc(len), .len = len};
	struct bytes delta = {0};
	struct vs_make figures;

	(void)state;
	assert_non_null(was.data);
	assert_non_null(is.data);
	fill(was.data, len, 7);
	/* a stride that is prime to their number */
	for (size_t i = 0; i < PIECES; i++)
		memcpy(is.data + i * PIECE,
		       was.data + i * 7919 % PIECES * PIECE, PIECE);
	assert_int_equal(make_delta(&was, &is, &delta, &figures), VS_OK);
	assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
	print_message("# %zu covers, %zu bytes of %zu\n",
	              (size_t)figures.covers, delta.len, len);
	assert_true(figures.covers > VS_COVERS_MAX);
	assert_true(delta.len < len / 2);
	free(was.data);
	free(is.data);
	free(delta.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_of_tiny_records_is_read_about_once),
		cmocka_unit_test(only_so_many_programs_are_open_at_once),
		cmocka_unit_test(only_so_much_of_unwind_tables_is_read),
		cmocka_unit_test(
			what_has_no_room_for_its_covers_keeps_the_longest),
	};

	return cmocka_run_group_tests_name("delta bounds", tests, NULL, NULL);
}
