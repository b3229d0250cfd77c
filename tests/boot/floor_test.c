/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/floor_test.c - a host's floors only go up, whatever the disk does.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "boot/port/host/floor.h"

enum { COPY_LEN = 512, COPY_APART = 4096 };

static const struct vs_machine machine = {
	.vehicle = "CP-1",
	.count = 2,
	.components = {{"gateway", "gw-rev3", true},
                       {"meter", "mcu-rev1", true}},
};

struct place {
	char dir[64];
	char path[80];
	int fd;
};

static int make_place(void **state)
{
	const uint32_t floors[VS_BOOT_COMPONENTS_MAX] = {3, 4};
	struct place *p = calloc(1, sizeof(*p));

	*state = p;
	if (!p)
		return -1;
	snprintf(p->dir, sizeof(p->dir), "/tmp/voltseal-floor.XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/floor", p->dir);
	if (vs_floor_create(p->path, &machine, floors) != VS_OK)
		return -1;
	p->fd = open(p->path, O_RDWR | O_CLOEXEC);
	return p->fd < 0 ? -1 : 0;
}

static int drop_place(void **state)
{
	struct place *p = *state;

	close(p->fd);
	unlink(p->path);
	rmdir(p->dir);
	free(p);
	return 0;
}

static uint32_t floor_of(const struct place *p, const char *name)
{
	uint32_t v = 0;

	assert_int_equal(vs_floor_get(p->fd, name, &v), VS_OK);
	return v;
}

static void flip(const struct place *p, int copy, size_t bit)
{
	uint64_t at = (uint64_t)copy * COPY_APART + bit / 8;
	uint8_t byte;

	assert_int_equal(vs_file_pread(p->fd, &byte, 1, at), VS_OK);
	byte ^= (uint8_t)(1 << bit % 8);
	assert_int_equal(vs_file_pwrite(p->fd, &byte, 1, at), VS_OK);
}

/* S0.18 S3.20 S3.21 */
static void a_floor_rises_and_never_sinks(void **state)
{
	const struct place *p = *state;
	const uint32_t low[VS_BOOT_COMPONENTS_MAX] = {0};

	assert_int_equal(floor_of(p, "gateway"), 3);
	assert_int_equal(vs_floor_raise(p->fd, "gateway", 9), VS_OK);
	assert_int_equal(vs_floor_raise(p->fd, "gateway", 5), VS_OK);
	assert_int_equal(floor_of(p, "gateway"), 9);
	assert_int_equal(floor_of(p, "meter"), 4);
	assert_int_equal(vs_floor_create(p->path, &machine, low), VS_ERR_STATE);
	assert_int_equal(floor_of(p, "gateway"), 9);
}

/* S3.22 */
static void an_unknown_component_has_no_floor(void **state)
{
	const struct place *p = *state;
	uint32_t v;

	assert_int_equal(vs_floor_get(p->fd, "relay", &v), VS_ERR_IO);
	assert_int_equal(vs_floor_raise(p->fd, "relay", 1), VS_ERR_IO);
	assert_int_equal(vs_floor_get(-1, "gateway", &v), VS_ERR_IO);
}

/* S3.22 */
static void a_flipped_bit_lowers_no_floor(void **state)
{
	const struct place *p = *state;
	uint32_t v;

	assert_int_equal(vs_floor_raise(p->fd, "gateway", 9), VS_OK);
	for (size_t bit = 0; bit < COPY_LEN * 8; bit++) {
		flip(p, 0, bit);
		assert_int_equal(floor_of(p, "gateway"), 9);
		flip(p, 1, bit);
		assert_int_equal(vs_floor_get(p->fd, "gateway", &v), VS_ERR_IO);
		flip(p, 0, bit);
		assert_int_equal(floor_of(p, "gateway"), 9);
		flip(p, 1, bit);
	}
}

/* Raises while only the first copy can be written: a limit on the file's size
 * stands in for the cut.
 */
static void raise_cut_at_the_second_copy(const struct place *p, uint32_t to)
{
	struct rlimit none;
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &none), 0);
	limit = none;
	limit.rlim_cur = COPY_APART;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	vs_status status = vs_floor_raise(p->fd, "gateway", to);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(status, VS_ERR_IO);
}

/* S0.18 S3.26 */
static void a_raise_cut_in_its_middle_has_happened(void **state)
{
	const struct place *p = *state;

	raise_cut_at_the_second_copy(p, 20);
	assert_int_equal(floor_of(p, "gateway"), 20);
	assert_int_equal(floor_of(p, "meter"), 4);
}

/* A raise that is cut leaves one copy torn; the next one must not begin with
 * the copy that is whole, or a second cut would leave none.
 */
static void the_torn_copy_is_written_first(void **state)
{
	const struct place *p = *state;

	flip(p, 1, 77);
	raise_cut_at_the_second_copy(p, 20);
	assert_int_equal(floor_of(p, "gateway"), 3);
	assert_int_equal(vs_floor_raise(p->fd, "gateway", 20), VS_OK);
	flip(p, 0, 77);
	assert_int_equal(floor_of(p, "gateway"), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_floor_rises_and_never_sinks,
	                                        make_place, drop_place),
		cmocka_unit_test_setup_teardown(
			an_unknown_component_has_no_floor, make_place,
			drop_place),
		cmocka_unit_test_setup_teardown(a_flipped_bit_lowers_no_floor,
	                                        make_place, drop_place),
		cmocka_unit_test_setup_teardown(
			a_raise_cut_in_its_middle_has_happened, make_place,
			drop_place),
		cmocka_unit_test_setup_teardown(the_torn_copy_is_written_first,
	                                        make_place, drop_place),
	};

	return cmocka_run_group_tests_name("boot floor", tests, NULL, NULL);
}
