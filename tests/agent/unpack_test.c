/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/unpack_test.c - voltseal-unpack from inside and from outside:
 * what the real one may do after a bug in its decoder, what any program in its
 * place may, and what either can do to a slot.  Invariants: none of it is
 * written but clusters that hash right; the agent comes to an end.
 *
 * S1.17
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/install/install.h"
#include "base/file.h"
#include "seal/slot.h"
#include "tests/agent/attack.h"
#include "tests/agent/maker.h"

#define CLUSTERS 4
#define IMAGE_LEN ((CLUSTERS - 1) * (size_t)VS_CLUSTER_LEN + 70001)
#define ANSWER_MS 400
#define SEEDS 150

static struct maker maker;
static struct made release;
static uint8_t slot[MAKER_SLOT_LEN];

static int setup(void **state)
{
	uint8_t *image = malloc(IMAGE_LEN);

	(void)state;
	assert_non_null(image);
	maker_init(&maker);
	noise(image, IMAGE_LEN, 1);
	maker_seal(&maker, &release, "gateway", 1, 1, image, IMAGE_LEN);
	free(image);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_drop(&release);
	maker_drop(&maker);
	return 0;
}

/* A copy of the hostile program under a name that says what it does. */
static const char *hostile(const char *name, char *path)
{
	char first[PATH_MAX];
	uint8_t *bytes;
	size_t len;

	maker_path(&maker, "hostile", first);
	if (!vs_file_exists(first)) {
		assert_int_equal(vs_file_read(HOSTILE, 64 << 20, &bytes, &len),
		                 VS_OK);
		assert_int_equal(vs_file_replace(first, bytes, len, 0755),
		                 VS_OK);
		free(bytes);
	}
	maker_path(&maker, name, path);
	unlink(path);
	assert_int_equal(link(first, path), 0);
	return path;
}

/* Has a running one try this.  Gives what its end was, or -1 if it lives and
 * says in *error what stopped it.
 */
static int attack(struct vs_unpack *u, enum attack what, const char *path,
                  int *error)
{
	struct vs_lane *l = &u->lanes[0];
	size_t len = strlen(path) + 2;
	uint8_t said[1];
	siginfo_t end = {0};
	vs_status status;

	l->frame[0] = (uint8_t)what;
	memcpy(l->frame + 1, path, len - 1);
	status = vs_lane_decode(l, len, said, sizeof(said), NULL);
	*error = said[0];
	if (status == VS_OK)
		return -1;
	assert_int_equal(status, VS_ERR_INPUT);
	assert_int_equal(waitid(P_PID, (id_t)u->pid, &end, WEXITED | WNOWAIT),
	                 0);
	return end.si_status;
}

/* S1.17: with its decoder in somebody's hands it is ended at the first call
 * that it does not need, whatever it is.
 */
static void a_decoder_taken_over_can_call_nothing(void **state)
{
	const struct vs_unpack_program program = {TURNED, ANSWER_MS};
	char path[PATH_MAX];

	(void)state;
	maker_put(&maker, "open-to-all", "x", 1);
	maker_path(&maker, "open-to-all", path);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(maker.dir, 0777), 0);
	for (enum attack a = 0; a < ATTACKS; a++) {
		struct vs_unpack u;
		struct vs_why why;
		int error;

		assert_int_equal(vs_unpack_start(&u, &program, 1, &why), VS_OK);
		assert_int_equal(attack(&u, a, path, &error), SIGSYS);
		vs_unpack_end(&u);
	}
	assert_int_equal(chmod(maker.dir, 0700), 0);
}

static void assert_stopped(struct vs_unpack *u, enum attack what,
                           const char *path, int by)
{
	int error;

	assert_int_equal(attack(u, what, path, &error), -1);
	assert_int_equal(error, by);
}

/* S1.17: what agent and kernel hold any program to that is started there. */
static void any_program_there_is_another_user_with_little_memory(void **state)
{
	struct vs_unpack_program program = {.answer_ms = ANSWER_MS};
	char path[PATH_MAX], key[PATH_MAX], target[PATH_MAX];
	struct vs_unpack u;
	struct vs_why why;

	(void)state;
	maker_put(&maker, "device.key", "secret", 6);
	maker_put(&maker, "slot", "image", 5);
	maker_path(&maker, "device.key", key);
	maker_path(&maker, "slot", target);
	program.path = hostile("attack", path);
	assert_int_equal(vs_unpack_start(&u, &program, 1, &why), VS_OK);
	assert_stopped(&u, ATTACK_MEMORY, "", ENOMEM);
	assert_stopped(&u, ATTACK_CLOCK, "", EPERM);
	assert_stopped(&u, ATTACK_ROOT, "", EPERM);
	if (geteuid() == 0) {
		assert_stopped(&u, ATTACK_WRITE_FILE, target, EACCES);
		assert_stopped(&u, ATTACK_READ_FILE, key, EACCES);
		assert_stopped(&u, ATTACK_READ_FILE, "/etc/shadow", EACCES);
		assert_stopped(&u, ATTACK_CHANGE_MODE, target, EACCES);
		assert_stopped(&u, ATTACK_RENAME, target, EACCES);
		assert_stopped(&u, ATTACK_TRACE_PARENT, "", EPERM);
		assert_stopped(&u, ATTACK_READ_PARENT, "", EPERM);
		assert_stopped(&u, ATTACK_STOP_PARENT, "", EPERM);
	}
	vs_unpack_end(&u);
}

/* S1.17: the running slot, which a delta is applied to. */
static void the_running_slot_is_there_for_reading_alone(void **state)
{
	struct vs_unpack_program program = {.answer_ms = ANSWER_MS};
	char path[PATH_MAX], slot_path[PATH_MAX];
	struct vs_unpack u;
	struct vs_why why;
	int fd;

	(void)state;
	maker_put(&maker, "running", "image", 5);
	maker_path(&maker, "running", slot_path);
	program.path = hostile("attack", path);
	fd = open(slot_path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(vs_unpack_start_delta(&u, &program, fd, &why),
	                 VS_ERR_DENIED);
	assert_string_equal(why.what, "the running slot is open for writing");
	close(fd);
	fd = open(slot_path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(vs_unpack_start_delta(&u, &program, fd, &why), VS_OK);
	assert_stopped(&u, ATTACK_WRITE_OLD, "", EBADF);
	vs_unpack_end(&u);
	close(fd);
}

/* "Name:\tvalue" of /proc/PID/status. */
static void assert_status(int pid, const char *line)
{
	char path[64];
	char text[8192];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 0);
	text[n] = '\0';
	if (!strstr(text, line))
		fail_msg("no \"%s\" in %s", line, text);
}

static unsigned open_files(int pid)
{
	const struct dirent *entry;
	char path[64];
	unsigned bits = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			bits |= 1u << strtoul(entry->d_name, NULL, 10);
	closedir(d);
	return bits;
}

/* S1.17: the real one, while it waits for work. */
static void the_real_one_has_given_up_what_it_does_not_need(void **state)
{
	struct vs_unpack u;
	struct vs_why why;

	(void)state;
	assert_int_equal(vs_unpack_start(&u, NULL, 2, &why), VS_OK);
	assert_status(u.pid, "\nName:\tvoltseal-unpack\n" + 1);
	assert_status(u.pid, "\nNoNewPrivs:\t1\n");
	assert_status(u.pid, "\nSeccomp:\t2\n");
	assert_status(u.pid, "\nThreads:\t2\n");
	if (geteuid() == 0) {
		assert_status(u.pid, "\nUid:\t65532\t65532\t65532\t65532\n");
		assert_status(u.pid, "\nGid:\t65532\t65532\t65532\t65532\n");
		assert_status(u.pid, "\nGroups:\t \n");
		assert_status(u.pid, "\nCapPrm:\t0000000000000000\n");
		assert_status(u.pid, "\nCapEff:\t0000000000000000\n");
		/* 0, 1, 2 and two lanes */
		assert_int_equal(open_files(u.pid), 0x37);
	}
	vs_unpack_end(&u);
}

static void one_that_cannot_be_started_says_why(void **state)
{
	static const struct {
		const char *path, *what;
	} cases[] = {
		{"/nonexistent/unpack", "voltseal-unpack is not there"      },
		{"/etc/passwd",         "voltseal-unpack cannot be executed"},
		{"die",                 "voltseal-unpack cannot be started" },
		{"hang",                "voltseal-unpack does not get ready"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_unpack_program program = {cases[i].path, ANSWER_MS};
		char path[PATH_MAX];
		struct vs_unpack u;
		struct vs_why why;

		if (cases[i].path[0] != '/')
			program.path = hostile(cases[i].path, path);
		assert_int_equal(vs_unpack_start(&u, &program, 2, &why),
		                 VS_ERR_IO);
		assert_string_equal(why.what, cases[i].what);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
}

static vs_status install(const struct vs_unpack_program *program,
                         unsigned workers, struct vs_install_stats *stats,
                         struct vs_why *why)
{
	struct cut_disk cut;
	struct counted counted;
	struct vs_source source;
	struct vs_disk d;
	struct vs_install in = {.seal = &release.opened,
	                        .target = &d,
	                        .source = &source,
	                        .workers = workers,
	                        .unpack = program};
	char path[PATH_MAX];
	vs_status status;

	cut_disk_init(&cut);
	counted_init(&counted, &release, &source);
	assert_int_equal(vs_disk_open(&d, maker_path(&maker, "target", path),
	                              true, &cut.ops),
	                 VS_OK);
	status = vs_install_run(&in, stats, why);
	assert_int_equal(vs_file_pread(d.fd, slot, sizeof(slot), 0), VS_OK);
	vs_disk_close(&d);
	return status;
}

static void make_target(void)
{
	char path[PATH_MAX];
	int fd;

	maker_path(&maker, "target", path);
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)MAKER_SLOT_LEN), 0);
	close(fd);
}

static bool is(const uint8_t *at, size_t len, const uint8_t *like)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != (like ? like[i] : 0))
			return false;
	return true;
}

static bool has_footer(void)
{
	const uint8_t *raw;
	struct vs_signatures sigs;

	return vs_slot_footer_decode(slot + sizeof(slot) - VS_SLOT_FOOTER_LEN,
	                             &raw, &sigs, NULL) == VS_OK;
}

/* Each cluster is the release's or untouched, the leaves are either, and a
 * footer is there only over the whole.
 */
static void assert_slot(bool whole)
{
	assert_int_equal(has_footer(), whole);
	for (uint64_t i = 0; i < CLUSTERS; i++) {
		const uint8_t *at = slot + i * VS_CLUSTER_LEN;
		size_t len = vs_tree_cluster_len(&release.opened.tree, i);

		assert_true(is(at, len, release.image + i * VS_CLUSTER_LEN) ||
		            (!whole && is(at, len, NULL)));
	}
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* S1.17 S0.14 S3.43: by seed it answers right, wrongly, twice, early, late,
 * never, with one cluster for another, and changes what is being judged.
 */
static void play(const char *kind, unsigned seeds, unsigned *delayed)
{
	for (unsigned seed = 1; seed <= seeds; seed++) {
		struct vs_unpack_program program = {.answer_ms = ANSWER_MS};
		struct vs_install_stats stats;
		struct vs_why why = {VS_REASON_NONE, "", 0};
		char name[64], path[PATH_MAX];
		uint64_t began;
		vs_status status;

		snprintf(name, sizeof(name), "%s-%u", kind, seed);
		program.path = hostile(name, path);
		make_target();
		began = now_ms();
		status = install(&program, 1, &stats, &why);
		assert_true(now_ms() - began < 20000);
		assert_slot(status == VS_OK);
		*delayed += status != VS_OK;
		if (status != VS_OK)
			assert_true(status == VS_ERR_INPUT ||
			            status == VS_ERR_REFUSED ||
			            status == VS_ERR_NOMEM);
		/* What it did not spoil stands, and the real one ends it. */
		assert_int_equal(install(NULL, 1, &stats, &why), VS_OK);
		assert_slot(true);
		unlink(path);
	}
}

static void a_hostile_program_in_its_place_can_only_delay(void **state)
{
	unsigned delayed = 0;

	(void)state;
	play("draw", SEEDS, &delayed);
	print_message("# %u of %u delayed\n", delayed, (unsigned)SEEDS);
	assert_in_range(delayed, SEEDS / 3, SEEDS - 1);
}

static void bytes_that_change_while_judged_are_judged_as_copied(void **state)
{
	unsigned delayed = 0;

	(void)state;
	play("spin", SEEDS / 5, &delayed);
	print_message("# %u of %u delayed\n", delayed, SEEDS / 5);
	assert_in_range(delayed, 1, SEEDS / 5);
}

/* Nothing is left behind by any of these. */
static void an_ended_one_leaves_no_process(void **state)
{
	struct vs_install_stats stats;
	struct vs_why why;

	(void)state;
	make_target();
	assert_int_equal(install(NULL, 2, &stats, &why), VS_OK);
	assert_slot(true);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_decoder_taken_over_can_call_nothing),
		cmocka_unit_test(
			any_program_there_is_another_user_with_little_memory),
		cmocka_unit_test(the_running_slot_is_there_for_reading_alone),
		cmocka_unit_test(
			the_real_one_has_given_up_what_it_does_not_need),
		cmocka_unit_test(one_that_cannot_be_started_says_why),
		cmocka_unit_test(a_hostile_program_in_its_place_can_only_delay),
		cmocka_unit_test(
			bytes_that_change_while_judged_are_judged_as_copied),
		cmocka_unit_test(an_ended_one_leaves_no_process),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
