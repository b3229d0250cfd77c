/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/seclude_test.c - the process that writes slots, from inside: it
 * makes no socket to a network, reaches into nobody who has one, and yet has
 * checks, status command and voltseal-net where the network is.
 *
 * As root it also is in a namespace without interfaces; as another user the
 * filter alone keeps it.
 *
 * S1.17
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/confine/landlock.h"
#include "base/file.h"
#include "tests/agent/maker.h"

#define SAID_MAX 65536
#define OTHER_USER 65530
#define NAME_LEN 64
#define IDLE "{\"session\": false, \"contactors\": \"open\"}"

static struct maker maker;
static char said[SAID_MAX];
static int server = -1;
static unsigned port;

static void listen_here(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);

	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(server >= 0);
	assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(server, 16), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&at, &len), 0);
	port = ntohs(at.sin_port);
}

/* How many have come since. */
static unsigned callers(void)
{
	unsigned count = 0;
	int fd;

	while ((fd = accept(server, NULL, NULL)) >= 0) {
		close(fd);
		count++;
	}
	return count;
}

static void put_program(const char *rel, char path[static PATH_MAX])
{
	uint8_t *bytes;
	size_t len;

	assert_int_equal(vs_file_read(REACH, 64 << 20, &bytes, &len), VS_OK);
	maker_put(&maker, rel, bytes, len);
	free(bytes);
	assert_int_equal(chmod(maker_path(&maker, rel, path), 0755), 0);
}

static void put_charger(void)
{
	static const char machine[] = "vehicle = CP-0001\nstorage = files\n"
				      "charger_component = gateway\n"
				      "component.gateway.hardware = gw-rev3\n";
	char rel[PATH_MAX], path[PATH_MAX], conf[2 * PATH_MAX];

	maker_path(&maker, "charger/agent", path);
	assert_int_equal(vs_file_mkdirs(path, 0777), VS_OK);
	maker_path(&maker, "image/usr/lib/voltseal/health.d", path);
	assert_int_equal(vs_file_mkdirs(path, 0755), VS_OK);
	maker_put(&maker, "charger/machine.conf", machine, sizeof(machine) - 1);
	snprintf(rel, sizeof(rel),
	         "image/usr/lib/voltseal/health.d/10-reach-%u", port);
	put_program(rel, path);
	snprintf(rel, sizeof(rel), "command-%u", port);
	put_program(rel, path);
	snprintf(conf, sizeof(conf),
	         "server_url = https://127.0.0.1:%u\nca_file = ../cert.pem\n"
	         "cert_file = ../cert.pem\ndevice_key = file:../device.key\n"
	         "status_command = %s\n",
	         port, path);
	maker_put(&maker, "charger/agent.conf", conf, strlen(conf));
}

static int setup(void **state)
{
	(void)state;
	maker_init(&maker);
	listen_here();
	maker_identity(&maker, "device.key", "cert.pem");
	put_charger();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(server);
	maker_drop(&maker);
	return 0;
}

static int give_one(const char *path, const struct stat *st, int kind,
                    struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return lchown(path, OTHER_USER, OTHER_USER);
}

static void become_other(void)
{
	if (nftw(maker.dir, give_one, 16, FTW_PHYS) != 0 ||
	    setgroups(0, NULL) != 0 ||
	    setresgid(OTHER_USER, OTHER_USER, OTHER_USER) != 0 ||
	    setresuid(OTHER_USER, OTHER_USER, OTHER_USER) != 0)
		_exit(126);
}

static bool old_kernel; /* without Landlock, for who is run */

static void make_old(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset,
	                 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		_exit(126);
}

/* Runs an agent and hears it to its end; gives its exit code. */
static int hear(const char *program, const char *const *words, bool as_other)
{
	char image[PATH_MAX], path[PATH_MAX];
	size_t len = 1; /* each line begins behind a line's end */
	int pipes[2], status;
	ssize_t n;
	pid_t pid;

	unlink(maker_path(&maker, "charger/agent/lock", image));
	maker_path(&maker, "attacked", path);
	maker_path(&maker, "image", image);
	(void)callers();
	assert_int_equal(pipe(pipes), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		setenv("VOLTSEAL_IMAGE", image, 1);
		setenv("ATTACK_PATH", path, 1);
		if (as_other)
			become_other();
		if (old_kernel)
			make_old();
		if (dup2(pipes[1], 1) != 1 || dup2(pipes[1], 2) != 2)
			_exit(126);
		execv(program, (char *const *)(uintptr_t)words);
		_exit(126);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	said[0] = '\n';
	said[len] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define WORDS(...) ((const char *const[]){"voltseal-agent", __VA_ARGS__, NULL})

/* The turned agent, which does what it is told. */
static void run(const char *const *words, bool as_other)
{
	int code = hear(TURNED, words, as_other);

	if (code != 0)
		fail_msg("%s: %d: %s", words[1], code, said);
}

/* What follows "NAME " at the start of a line. */
static const char *heard(const char *name)
{
	static char out[512];
	char line[NAME_LEN];
	const char *at;
	size_t len;

	snprintf(line, sizeof(line), "\n%s ", name);
	at = strstr(said, line);
	if (!at)
		fail_msg("nothing of %s in: %s", name, said);
	at += strlen(line);
	len = strcspn(at, "\n");
	if (len >= sizeof(out))
		len = sizeof(out) - 1;
	memcpy(out, at, len);
	out[len] = '\0';
	return out;
}

static void expect(const char *name, int error)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", error);
	if (strcmp(heard(name), number) != 0)
		fail_msg("%s: %s, not %s", name, heard(name), number);
}

static void expect_no_way_out(void)
{
	static const char *const denied[] = {
		"inet", "inet6",   "packet", "netlink",     "vsock",
		"ring", "unshare", "ptrace", "read-memory", "steal"};

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		expect(denied[i], EPERM);
	expect("setns", EPERM);
	expect("x32", EPERM);
	expect("unix", 0);
	expect("pair", 0);
}

/* Command and net come to the port; the check too, if it can be run. */
static void expect_others_reach(bool check)
{
	assert_string_equal(heard("command"), "0 " IDLE);
	assert_string_equal(heard("check"), check ? "0 " : heard("check"));
	assert_int_equal(callers(), check ? 3 : 2);
	assert_non_null(heard("net"));
}

/* Files, users, children, the last blocks: what of it this test has. */
static void expect_rights(const char *set)
{
	char line[256];
	uint64_t ours = 0;
	FILE *f = fopen("/proc/self/status", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, set, strlen(set)) == 0)
			ours = strtoull(line + strlen(set) + 1, NULL, 16);
	fclose(f);
	assert_true(ours != 0);
	assert_int_equal(strtoull(heard(set), NULL, 16), ours & 0x10000ff);
}

/* As root: a namespace of its own, too. */
static void expect_secluded(void)
{
	char here[128] = "";

	expect_no_way_out();
	assert_true(readlink("/proc/self/ns/net", here, sizeof(here) - 1) > 0);
	assert_int_equal(strncmp(heard("namespace"), "net:", 4), 0);
	assert_string_not_equal(heard("namespace"), here);
	assert_null(strstr(said, "\ninterface "));
	/* by capability, or by Landlock */
	assert_true(strcmp(heard("device"), "1") == 0 ||
	            strcmp(heard("device"), "13") == 0);
	expect_rights("CapPrm");
	expect_rights("CapBnd");
}

static void disk_makes_no_socket_and_has_no_interface(void **state)
{
	char dir[PATH_MAX];

	(void)state;
	run(WORDS("run", "--dir", maker_path(&maker, "charger", dir)), false);
	expect_secluded();
	expect("write-memory", EACCES);
	expect_others_reach(true);
}

/* Where a namespace is not to be had. */
static void another_user_s_disk_makes_no_socket_either(void **state)
{
	char here[128] = "", dir[PATH_MAX];

	(void)state;
	run(WORDS("run", "--dir", maker_path(&maker, "charger", dir)), true);
	expect_no_way_out();
	expect("write-memory", EACCES);
	assert_true(readlink("/proc/self/ns/net", here, sizeof(here) - 1) > 0);
	assert_string_equal(heard("namespace"), here);
	assert_string_equal(heard("CapPrm"), "0000000000000000");
	expect_others_reach(false);
}

/* Nobody is there to run checks for it, or to fetch. */
static void disk_of_a_bundle_has_the_status_command_alone(void **state)
{
	char dir[PATH_MAX];

	(void)state;
	run(WORDS("install", "--dir", maker_path(&maker, "charger", dir),
	          maker.dir),
	    false);
	expect_secluded();
	expect("write-memory", EACCES);
	assert_string_equal(heard("command"), "0 " IDLE);
	assert_int_equal(strncmp(heard("check"), "0 ", 2) == 0, false);
	assert_non_null(strstr(heard("start"), "no network"));
	assert_string_equal(heard("net"), "there is no runner");
	assert_int_equal(callers(), 1);
}

/* A child of the runner's, by its parent's number; 0: none. */
static pid_t child_of(pid_t parent)
{
	char path[64], list[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent,
	         parent);
	f = fopen(path, "re");
	if (!f || !fgets(list, sizeof(list), f))
		list[0] = '\0';
	if (f)
		fclose(f);
	return (pid_t)strtol(list, NULL, 10);
}

static void nap(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static pid_t start_real(const char *err)
{
	char dir[PATH_MAX], image[PATH_MAX];
	char *words[] = {(char[]){"voltseal-agent"}, (char[]){"run"},
	                 (char[]){"--dir"}, dir, NULL};
	pid_t pid;

	maker_path(&maker, "charger", dir);
	maker_path(&maker, "image", image);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int fd = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		setenv("VOLTSEAL_IMAGE", image, 1);
		/* Not longer than the test, whatever becomes of it. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || fd < 0 ||
		    dup2(fd, 2) != 2)
			_exit(126);
		execv(AGENT_PROGRAM, words);
		_exit(126);
	}
	return pid;
}

/* It runs release 1; 2 of its gateway lies beside it. */
static void make_whole_charger(void)
{
	uint8_t image[9000];
	struct made gateway, controller, next;
	char conf[2 * PATH_MAX], command[PATH_MAX], rel[64];

	noise(image, sizeof(image), 1);
	maker_seal(&maker, &gateway, "gateway", 1, 1, image, sizeof(image));
	maker_seal(&maker, &controller, "controller", 1, 1, image,
	           sizeof(image));
	maker_seal(&maker, &next, "gateway", 2, 1, image + 1,
	           sizeof(image) - 1);
	maker_put(&maker, "gateway.seal", next.seal, next.seal_len);
	maker_put(&maker, "gateway.pack", next.pack, next.pack_len);
	maker_scrap_charger(&maker);
	maker_charger(&maker, &gateway, &controller, 1);
	snprintf(rel, sizeof(rel), "command-%u", port);
	snprintf(conf, sizeof(conf),
	         "server_url = https://127.0.0.1:1\nca_file = ../cert.pem\n"
	         "cert_file = ../cert.pem\ndevice_key = file:../device.key\n"
	         "health_interval_ms = 100\nmode = demo\n"
	         "status_command = %s\n",
	         maker_path(&maker, rel, command));
	maker_put(&maker, "charger/agent.conf", conf, strlen(conf));
	made_drop(&gateway);
	made_drop(&controller);
	made_drop(&next);
}

/* All that write slots, boot record or floor, or use the device key. */
static void each_command_s_disk_is_kept_from_the_network(void **state)
{
	char d[PATH_MAX], any[PATH_MAX], fresh[PATH_MAX], csr[PATH_MAX];
	const char *const part = "gateway=gw-rev3:2000000";
	const char *const *const commands[] = {
		WORDS("install", "--dir", d, "--seal", any, "--pack", any),
		WORDS("install", "--dir", d, "--seal", any, "--pack", any,
	              "--arm"),
		WORDS("provision", "--dir", fresh, "--vehicle", "CP-1",
	              "--component", part, "--seal", "gateway=x", "--pack",
	              "gateway=x", "--keyring", any, "--director-root", any,
	              "--image-root", any, "--server", "https://h", "--ca", any,
	              "--cert", any, "--key", any),
		WORDS("provision", "--vehicle", "CP-1", "--key",
	              "tpm:0x81010001", "--csr", csr),
		WORDS("keyring", "--dir", d, any),
		WORDS("check-config", "--dir", d),
		WORDS("mark-reset", "--dir", d, "crash"),
	};

	(void)state;
	make_whole_charger();
	maker_path(&maker, "charger", d);
	maker_path(&maker, "cert.pem", any);
	maker_path(&maker, "fresh", fresh);
	maker_path(&maker, "csr.pem", csr);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		run(commands[i], false);
		expect_secluded();
		assert_int_equal(callers(), 0);
	}
}

static void expect_landlock(int version)
{
	char d[PATH_MAX], words[64];

	maker_path(&maker, "charger", d);
	assert_int_equal(
		hear(AGENT_PROGRAM, WORDS("status", "--dir", d), false), 0);
	snprintf(words, sizeof(words), "Landlock %d is in force", version);
	assert_non_null(strstr(
		said, version > 0 ? words : "this kernel has no Landlock"));
	assert_int_equal(hear(AGENT_PROGRAM,
	                      WORDS("status", "--dir", d, "--json"), false),
	                 0);
	snprintf(words, sizeof(words), "\"landlock\": %d,", version);
	assert_non_null(strstr(said, words));
	run(WORDS("run", "--dir", d), false);
	snprintf(words, sizeof(words), "filter of calls, Landlock %d\n",
	         version);
	assert_non_null(strstr(said, "without a network: own namespace"));
	assert_non_null(strstr(
		said, version > 0 ? words
				  : "filter of calls; this kernel has no "
				    "Landlock\n"));
}

static void
status_and_log_of_disk_say_whether_landlock_is_in_force(void **state)
{
	(void)state;
	expect_landlock(vs_landlock_version());
	old_kernel = true;
	expect_landlock(0);
	old_kernel = false;
}

/* And yet it unpacks, and asks whether the charger is idle. */
static void an_install_reaches_what_it_has_to_start(void **state)
{
	char d[PATH_MAX], seal[PATH_MAX], pack[PATH_MAX];
	int code;

	(void)state;
	code = hear(AGENT_PROGRAM,
	            WORDS("install", "--dir", maker_path(&maker, "charger", d),
	                  "--seal", maker_path(&maker, "gateway.seal", seal),
	                  "--pack", maker_path(&maker, "gateway.pack", pack),
	                  "--arm"),
	            false);
	if (code != 0 || !strstr(said, "; armed"))
		fail_msg("%d: %s", code, said);
	assert_int_equal(callers(), 1);
}

/* Without it nothing can be started and no health be shown: an image on trial
 * must not pay for that.
 */
static void an_agent_whose_runner_is_gone_begins_anew(void **state)
{
	char err[PATH_MAX];
	uint8_t *text;
	size_t len;
	int status;
	pid_t agent, runner = 0;

	(void)state;
	make_whole_charger();
	agent = start_real(maker_path(&maker, "err", err));
	for (int i = 0; i < 500 && runner == 0; i++) {
		nap(20);
		runner = child_of(agent);
	}
	assert_true(runner > 0);
	nap(300);
	assert_int_equal(kill(runner, SIGKILL), 0);
	assert_int_equal(waitpid(agent, &status, 0), agent);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(vs_file_read(err, 65536, &text, &len), VS_OK);
	assert_non_null(strstr((char *)text, "voltseal-runner broke off"));
	assert_non_null(strstr((char *)text, "without a network: "));
	free(text);
}

static void a_stopped_agent_leaves_no_process(void **state)
{
	char err[PATH_MAX];
	int status;
	pid_t agent, runner = 0;

	(void)state;
	agent = start_real(maker_path(&maker, "err", err));
	for (int i = 0; i < 500 && runner == 0; i++) {
		nap(20);
		runner = child_of(agent);
	}
	assert_true(runner > 0);
	nap(300);
	/* As a service manager does it: all of them at once. */
	assert_int_equal(kill(runner, SIGTERM), 0);
	assert_int_equal(kill(agent, SIGTERM), 0);
	assert_int_equal(waitpid(agent, &status, 0), agent);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(kill(runner, 0), -1);
	assert_int_equal(errno, ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disk_makes_no_socket_and_has_no_interface),
		cmocka_unit_test(another_user_s_disk_makes_no_socket_either),
		cmocka_unit_test(disk_of_a_bundle_has_the_status_command_alone),
		cmocka_unit_test(each_command_s_disk_is_kept_from_the_network),
		cmocka_unit_test(
			status_and_log_of_disk_say_whether_landlock_is_in_force),
		cmocka_unit_test(an_install_reaches_what_it_has_to_start),
		cmocka_unit_test(an_agent_whose_runner_is_gone_begins_anew),
		cmocka_unit_test(a_stopped_agent_leaves_no_process),
	};

	if (geteuid() != 0) {
		puts("# skipped: who is not root cannot be both");
		cmocka_set_skip_filter("*disk*");
	}
	return cmocka_run_group_tests_name("agent seclude", tests, setup,
	                                   teardown);
}
