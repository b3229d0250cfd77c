/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/controller_agent_test.c - the agent updates a controller that
 * starts from reset, over a terminal that QEMU gives.
 *
 * usage: controller_agent_test PROGRAMS, which boot/port/cortexm/build made
 *
 * Only the server is in memory, and nobody waits for the agent's pauses; the
 * line's time is the real one.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/agent/controller_sim.h"
#include "tests/agent/life.h"
#include "tests/agent/power.h"

#define PSRAM (16L << 20)
#define GATEWAY_LEN 9000
#define IMAGE_MAX 100000
#define SPOKEN_MS 20000

static const char *programs;
static struct maker maker;
static struct server server;
static struct made gateway_2, gateway_3, controller_2, controller_3;
static struct sim sim; /* of its memory alone: how flash looks */
static pid_t qemu;
static int tty = -1; /* kept open: QEMU looks only once a second who listens */

static void make(struct made *out, const char *component, uint64_t seq,
                 const uint8_t *image, size_t len)
{
	maker_seal(&maker, out, component, seq, (uint32_t)seq - 1, image, len);
}

static int setup(void **state)
{
	uint8_t gateway[GATEWAY_LEN];
	char path[PATH_MAX];
	uint8_t *image;
	size_t len;

	(void)state;
	power_set_time(NOW);
	maker_init(&maker);
	assert_int_equal(
		vs_path_join(path, sizeof(path), programs, "controller.bin"),
		VS_OK);
	assert_int_equal(vs_file_read(path, IMAGE_MAX, &image, &len), VS_OK);
	noise(gateway, sizeof(gateway), 1);
	make(&gateway_2, "gateway", 2, gateway, sizeof(gateway));
	gateway[5] ^= 1;
	make(&gateway_3, "gateway", 3, gateway, sizeof(gateway));
	make(&controller_2, "controller", 2, image, len);
	make(&controller_3, "controller", 3, image, len);
	free(image);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_drop(&gateway_2);
	made_drop(&gateway_3);
	made_drop(&controller_2);
	made_drop(&controller_3);
	maker_drop(&maker);
	return 0;
}

/* What the factory writes: who it is, whom it believes; its flash. */
static void make_controller(void)
{
	static uint8_t page[VS_FACTORY_LEN];
	struct vs_factory f = {.component = "controller",
	                       .hardware = "ct-rev1",
	                       .ring = maker.ring};
	char path[PATH_MAX];

	memcpy(page, &f, sizeof(f));
	maker_put(&maker, "factory.bin", page, sizeof(page));
	sim_init(&sim, &maker, &controller_2, 1);
	maker_put(&maker, "flash.bin", sim.bytes, sizeof(sim.bytes));
	assert_int_equal(truncate(maker_path(&maker, "flash.bin", path), PSRAM),
	                 0);
}

static void start_qemu(const char *variant, int out)
{
	char kernel[PATH_MAX], memory[PATH_MAX + 80], factory[PATH_MAX + 80];
	char path[PATH_MAX];

	snprintf(kernel, sizeof(kernel), "%s/loader-%s.elf", programs, variant);
	snprintf(memory, sizeof(memory),
	         "memory-backend-file,id=m,size=%ld,mem-path=%s,share=on",
	         PSRAM, maker_path(&maker, "flash.bin", path));
	snprintf(factory, sizeof(factory),
	         "loader,file=%s,addr=%#x,force-raw=on",
	         maker_path(&maker, "factory.bin", path),
	         (unsigned)VS_FACTORY_AT);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* no test leaves it behind */
	dup2(out, STDOUT_FILENO);
	execlp("qemu-system-arm", "qemu-system-arm", "-M",
	       "mps2-an385,memory-backend=m", "-object", memory, "-accel",
	       "tcg", "-display", "none", "-monitor", "none", "-serial", "pty",
	       "-kernel", kernel, "-device", factory, (char *)NULL);
	_exit(127);
}

/* "char device redirected to /dev/pts/3 (label serial0)" */
static void read_terminal(int in, char *name, size_t cap)
{
	static const char before[] = "redirected to ";
	char said[512] = "";
	size_t len = 0;
	const char *at;

	while (!(at = strstr(said, before)) || !strchr(at, '(')) {
		struct pollfd p = {in, POLLIN, 0};
		ssize_t n;

		assert_int_equal(poll(&p, 1, SPOKEN_MS), 1);
		n = read(in, said + len, sizeof(said) - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
		said[len] = '\0';
	}
	at += sizeof(before) - 1;
	snprintf(name, cap, "%.*s", (int)strcspn(at, " ("), at);
}

static void power_on(const char *variant)
{
	char name[128], text[512];
	int ends[2], n;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	qemu = fork();
	assert_true(qemu >= 0);
	if (qemu == 0)
		start_qemu(variant, ends[1]);
	close(ends[1]);
	read_terminal(ends[0], name, sizeof(name));
	close(ends[0]);
	tty = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(tty >= 0);
	n = snprintf(text, sizeof(text),
	             "vehicle = CP-0001\n"
	             "charger_component = gateway\n"
	             "component.gateway.hardware = gw-rev3\n"
	             "component.controller.hardware = ct-rev1\n"
	             "component.controller.driver = serial\n"
	             "component.controller.device = %s\n",
	             name);
	maker_put(&maker, "charger/machine.conf", text, (size_t)n);
}

static void power_off(void)
{
	assert_int_equal(kill(qemu, SIGKILL), 0);
	assert_int_equal(waitpid(qemu, NULL, 0), qemu);
	close(tty);
}

static const struct vs_report_ecu *told(void)
{
	return &server.heard->last.ecus[1];
}

static bool rests(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_IDLE && a->state.outbox.count == 0 &&
	       a->director_version > 0 && a->healthy &&
	       strcmp(server.heard->last.status, "Idle") == 0;
}

static bool is_updated(const struct vs_agent *a)
{
	return rests(a) && a->charger.slot == 1 && told()->release_seq == 3 &&
	       told()->floor == 2;
}

static bool has_fallen_back(const struct vs_agent *a)
{
	return rests(a) && a->charger.slot == 0 && a->state.failed_count == 1 &&
	       told()->release_seq == 2;
}

static void begin(const char *variant)
{
	maker_charger(&maker, &gateway_2, &controller_2, 1);
	server_init(&server);
	server_provision(&server, &maker);
	server_offer(&server, &gateway_3, &controller_3);
	server_publish(&server);
	life_configure(&maker);
	make_controller();
	power_on(variant);
}

static void end(void)
{
	power_off();
	server_drop(&server);
	maker_scrap_charger(&maker);
}

/* The flash as the machine left it. */
static void read_flash(void)
{
	char path[PATH_MAX];
	int fd = open(maker_path(&maker, "flash.bin", path),
	              O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(vs_file_pread(fd, sim.bytes, sizeof(sim.bytes), 0),
	                 VS_OK);
	close(fd);
}

static void update(const char *variant)
{
	struct life l = {.maker = &maker,
	                 .server = &server,
	                 .done = is_updated,
	                 .sick = -1};
	struct vs_record rec;

	begin(variant);
	assert_true(life_run(&l));
	assert_int_equal(server.heard->installed, 1);
	assert_string_equal(told()->version, "1.3.0");
	assert_string_equal(told()->sha256, controller_3.sha256);
	end();
	read_flash();
	rec = sim_record(&sim);
	assert_int_equal(rec.slot, 1);
	assert_int_equal(rec.slots[1].state, VS_SLOT_GOOD);
	assert_int_equal(sim_floor(&sim), 2);
}

/* S0.17 S3.26 S3.30 */
static void a_release_of_both_is_installed(void **state)
{
	(void)state;
	update("direct");
	assert_true(sim_holds(&sim, 1, &controller_3));
	assert_true(sim_holds(&sim, 0, &controller_2));
}

/* The new image was moved to where it runs. */
static void a_controller_that_swaps_is_updated_the_same_way(void **state)
{
	(void)state;
	update("swap");
	assert_true(sim_holds(&sim, 0, &controller_3));
}

static void a_sick_gateway_takes_its_controller_back(void **state)
{
	struct life l = {.maker = &maker,
	                 .server = &server,
	                 .done = has_fallen_back,
	                 .sick = 1};
	struct vs_record rec;

	(void)state;
	begin("direct");
	assert_true(life_run(&l));
	end();
	read_flash();
	rec = sim_record(&sim);
	assert_int_equal(rec.slot, 0);
	assert_int_equal(rec.slots[0].state, VS_SLOT_GOOD);
	assert_int_equal(rec.slots[1].state, VS_SLOT_BAD);
	assert_int_equal(rec.slots[1].reason, VS_REASON_HEALTH_FAILED);
	assert_int_equal(sim_floor(&sim), 1);
}

/* Why nothing can be run; NULL if it can. */
static const char *missing(void)
{
	char path[PATH_MAX];
	const char *word = getenv("PATH");

	if (vs_path_join(path, sizeof(path), programs, "missing") != VS_OK ||
	    vs_file_exists(path))
		return "the controller's programs cannot be built here";
	for (; word && *word;
	     word += strcspn(word, ":"), word += *word == ':') {
		int n = snprintf(path, sizeof(path), "%.*s/qemu-system-arm",
		                 (int)strcspn(word, ":"), word);

		if (n > 0 && (size_t)n < sizeof(path) &&
		    access(path, X_OK) == 0)
			return NULL;
	}
	return "there is no qemu-system-arm";
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_release_of_both_is_installed),
		cmocka_unit_test(
			a_controller_that_swaps_is_updated_the_same_way),
		cmocka_unit_test(a_sick_gateway_takes_its_controller_back),
	};

	if (argc != 2)
		return 2;
	programs = argv[1];
	if (missing()) {
		printf("1..0 # SKIP %s\n", missing());
		return 0;
	}
	return cmocka_run_group_tests_name("qemu controller agent", tests,
	                                   setup, teardown);
}
