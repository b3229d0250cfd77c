/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/program_test.c - voltseal-agent as a person meets it: help,
 * figures, and one clear line for whatever is wrong, which changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/agent/maker.h"
#include "tests/agent/program.h"
#include "tests/trust/log.h"
#include "tests/trust/repo.h"

#define GATEWAY_LEN ((size_t)VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000
#define BIG_LEN ((size_t)MAKER_SLOT_LEN)
#define ARGS_MAX 48
#define RUN(...) hear(&maker, start(&maker, WORDS(__VA_ARGS__), 0))

static struct maker maker;
static struct made gateway_1, gateway_2, controller_1, big;
static char charger[PATH_MAX], fresh[PATH_MAX];

static struct log tree;
static char policy[1024];

static const char conf[] = "server_url = https://127.0.0.1:1\n"
			   "ca_file = ../cert.pem\n"
			   "cert_file = ../cert.pem\n"
			   "device_key = file:../device.key\n"
			   "poll_ms = 100\n"
			   "status_age_ms = 60000\n";
/* The device key is in a file. */
#define DEVELOPMENT "mode = development\n"

static void make_root(void)
{
	struct memfile root = repo_first_root();

	maker_put(&maker, "root.json", root.bytes, root.len);
	free(root.bytes);
}

/* Release 1 and the gateway's 2 are in the log, no more. */
static void make_log(void)
{
	const struct vs_leaf leaves[] = {made_leaf(&gateway_1),
	                                 made_leaf(&controller_1),
	                                 made_leaf(&gateway_2)};
	char vkey[VS_VKEY_LEN];

	log_init(&tree, LOG_ORIGIN, 1);
	for (size_t i = 0; i < 3; i++)
		log_add_leaf(&tree, &leaves[i]);
	vs_vkey_encode(&tree.key.vkey, vkey);
	snprintf(policy, sizeof(policy), "log %s\nquorum none\n", vkey);
}

/* A proof beside a seal's file, at a checkpoint of this size. */
static void put_proof(const char *name, uint64_t size)
{
	static const char *const names[] = {"gateway1", "controller",
	                                    "gateway2"};
	const struct made *const made[] = {&gateway_1, &controller_1,
	                                   &gateway_2};
	struct vs_text at = text_make(4096), proof = text_make(65536);
	uint64_t index = 0;
	char rel[64];

	while (strcmp(names[index], name) != 0)
		index++;
	const struct vs_leaf leaf = made_leaf(made[index]);
	log_checkpoint(&tree, size, &at);
	log_prove(&tree, index, size, &at, &leaf, (uint64_t[]){2}, size > 2,
	          &proof);
	snprintf(rel, sizeof(rel), "%s.seal.tlog-proof", name);
	maker_put(&maker, rel, proof.at, proof.len);
}

static int setup(void **state)
{
	uint8_t *image = malloc(BIG_LEN);

	(void)state;
	assert_non_null(image);
	maker_init(&maker);
	noise(image, BIG_LEN, 1);
	maker_seal(&maker, &gateway_1, "gateway", 1, 1, image, GATEWAY_LEN);
	maker_seal(&maker, &controller_1, "controller", 1, 1, image,
	           CONTROLLER_LEN);
	maker_seal(&maker, &gateway_2, "gateway", 2, 1, image + 9, GATEWAY_LEN);
	maker_seal(&maker, &big, "gateway", 3, 1, image, BIG_LEN);
	free(image);
	make_log();
	maker_put_made(&maker, "gateway1", &gateway_1);
	maker_put_made(&maker, "gateway2", &gateway_2);
	maker_put_made(&maker, "controller", &controller_1);
	maker_put_made(&maker, "big", &big);
	maker_identity(&maker, "other.key", "other.pem");
	maker_identity(&maker, "device.key", "cert.pem");
	make_root();
	maker_path(&maker, "charger", charger);
	maker_path(&maker, "fresh", fresh);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_drop(&gateway_1);
	made_drop(&gateway_2);
	made_drop(&controller_1);
	made_drop(&big);
	log_drop(&tree);
	maker_drop(&maker);
	return 0;
}

static int begin(void **state)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s" DEVELOPMENT, conf);

	(void)state;
	maker_charger(&maker, &gateway_1, &controller_1, 1);
	maker_put(&maker, "charger/agent.conf", text, (size_t)n);
	maker_put(&maker, "charger/agent/lock", "", 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	maker_scrap_charger(&maker);
	return 0;
}

static uint64_t footprint;

static int add_to_footprint(const char *path, const struct stat *st, int kind,
                            struct FTW *at)
{
	uint64_t sum = (uint64_t)st->st_size * 31 + (uint64_t)st->st_mode;

	(void)at;
	if (kind == FTW_F)
		sum += (uint64_t)st->st_mtim.tv_sec * 1000000007 +
		       (uint64_t)st->st_mtim.tv_nsec;
	for (; *path; path++)
		sum = sum * 1099511628211U + (uint8_t)*path;
	footprint += sum;
	return 0;
}

/* Changes with any file that is written, made or removed in the charger. */
static uint64_t footprint_now(void)
{
	footprint = 0;
	assert_int_equal(nftw(charger, add_to_footprint, 16, FTW_PHYS), 0);
	return footprint;
}

static void help_is_there_for_every_command(void **state)
{
	static const char *const commands[] = {"run",     "status",
	                                       "install", "provision",
	                                       "keyring", "check-config"};

	(void)state;
	RUN("--help");
	assert_int_equal(said.code, 0);
	for (size_t i = 0; i < 6; i++)
		assert_non_null(strstr(said.out, commands[i]));
	for (size_t i = 0; i < 6; i++) {
		char usage[64];

		RUN(commands[i], "--help");
		snprintf(usage, sizeof(usage), "usage: voltseal-agent %s ",
		         commands[i]);
		assert_int_equal(said.code, 0);
		assert_int_equal(strncmp(said.out, usage, strlen(usage)), 0);
		RUN(commands[i]);
		assert_int_equal(said.code, 2);
		RUN(commands[i], "--no-such-option");
		assert_int_equal(said.code, 2);
	}
	RUN("no-such-command");
	assert_int_equal(said.code, 2);
}

static void status_says_what_runs(void **state)
{
	json_t *all;
	const char *version;

	(void)state;
	RUN("status", "--dir", charger);
	assert_int_equal(said.code, 0);
	assert_non_null(strstr(said.out, "CP-0001: slot a, Idle (Idle)"));
	assert_non_null(strstr(said.out, "controller   1.1.0"));
	RUN("status", "--dir", charger, "--json");
	assert_int_equal(said.code, 0);
	all = json_loads(said.out, 0, NULL);
	assert_non_null(all);
	assert_int_equal(json_unpack(all, "{s:{s:{s:s}}}", "components",
	                             "gateway", "version", &version),
	                 0);
	assert_string_equal(version, "1.1.0");
	json_decref(all);
}

/* Runs every command that reads the charger's folder; none changes it. */
static void must_say(const char *what)
{
	uint64_t before = footprint_now();

	RUN("check-config", "--dir", charger);
	assert_line(1, what);
	RUN("run", "--dir", charger);
	assert_line(1, what);
	assert_int_equal(footprint_now(), before);
}

static void a_bad_setting_is_named_with_file_and_line(void **state)
{
	static const char *const bad[][2] = {
		{"poll = 7\n",                 "agent.conf:7: poll: "         },
		{"report_ms = 5\n",            "agent.conf:7: report_ms: "    },
		{"report_ms = soon\n",         "agent.conf:7: report_ms: "    },
		{"poll_ms = 200\n",            "agent.conf:7: poll_ms: "      },
		{"require_idle = perhaps\n",   "agent.conf:7: require_idle: " },
		{"window\n",                   "agent.conf:7: "               },
		{"window = 25:00-26:00\n",     "window: is not HH:MM-HH:MM"   },
		{"status_command = charger\n", "status_command: is not an abs"},
		{"poll_min_ms = 2000000000\n", "poll_min_ms: "                },
		{"tries = 8\n",                "agent.conf:7: tries: "        },
	};

	(void)state;
	RUN("check-config", "--dir", charger);
	assert_int_equal(said.code, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[1024];
		int n = snprintf(text, sizeof(text), "%s%s" DEVELOPMENT, conf,
		                 bad[i][0]);

		maker_put(&maker, "charger/agent.conf", text, (size_t)n);
		must_say(bad[i][1]);
	}
	maker_put(&maker, "charger/agent.conf", "", 0);
	must_say("agent.conf");
}

/* Every key of the tests' repositories and logs is published with them. */
static void a_demo_key_is_not_believed_in_production(void **state)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%smode = demo\n", conf);

	(void)state;
	maker_put(&maker, "charger/tlog-policy", policy, strlen(policy));
	must_say("tlog-policy: a demo key: its private part is published");
	maker_put(&maker, "charger/agent.conf", text, (size_t)n);
	RUN("check-config", "--dir", charger);
	assert_int_equal(said.code, 0);
	assert_non_null(strstr(said.out, "in order, as a demo"));
	n = snprintf(text, sizeof(text), "%smode = test\n", conf);
	maker_put(&maker, "charger/agent.conf", text, (size_t)n);
	must_say("mode: is not production, development or demo");
}

static void what_a_charger_is_made_of_is_judged_too(void **state)
{
	char path[PATH_MAX];

	(void)state;
	maker_put(&maker, "charger/machine.conf", "vehicle = \n", 11);
	must_say("machine.conf:1: vehicle");
	assert_int_equal(
		unlink(maker_path(&maker, "charger/machine.conf", path)), 0);
	must_say("machine.conf: No such file");
}

static void a_damaged_keyring_or_identity_is_said(void **state)
{
	char path[PATH_MAX];

	(void)state;
	maker_path(&maker, "device.key", path);
	assert_int_equal(chmod(path, 0644), 0);
	must_say("device.key: others may read this private key");
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(rename(path, maker_path(&maker, "away", fresh)), 0);
	must_say("device.key: ");
	assert_int_equal(rename(fresh, path), 0);
	maker_path(&maker, "fresh", fresh);
	maker_put(&maker, "charger/keyring", "VSKEYS", 6);
	must_say("keyring: ");
}

static void an_identity_must_fit_together(void **state)
{
	static const char lines[] =
		"server_url = https://127.0.0.1:1\n"
		"ca_file = ../cert.pem\n"
		"cert_file = ../other.pem\n"
		"device_key = file:../device.key\n" DEVELOPMENT;

	(void)state;
	maker_put(&maker, "charger/agent.conf", lines, sizeof(lines) - 1);
	RUN("check-config", "--dir", charger);
	assert_line(1, "cert_file: ");
	assert_non_null(strstr(said.err, "is not this key's certificate"));
}

static void damaged_storage_is_said_and_not_guessed_around(void **state)
{
	char path[PATH_MAX];

	(void)state;
	maker_put(&maker, "charger/decision.json", "{\"slot\": 7}", 11);
	RUN("status", "--dir", charger);
	assert_line(1, "decision.json: is not a boot decision");
	assert_int_equal(
		unlink(maker_path(&maker, "charger/decision.json", path)), 0);
	maker_put(&maker, "charger/agent/state.json", "{", 1);
	RUN("status", "--dir", charger);
	assert_line(1, "agent/state.json: malformed input");
	assert_int_equal(
		truncate(maker_path(&maker, "charger/slot-a/gateway", path),
	                 100),
		0);
	RUN("status", "--dir", charger);
	assert_line(1, "running slot a, gateway: ");
	RUN("status", "--dir", "/no/such/charger");
	assert_line(1, "/no/such/charger: No such file or directory");
}

static void install_from_files(const char *name, rlim_t file_max)
{
	char seal[PATH_MAX], pack[PATH_MAX], rel[64];

	snprintf(rel, sizeof(rel), "%s.seal", name);
	maker_path(&maker, rel, seal);
	snprintf(rel, sizeof(rel), "%s.pack", name);
	maker_path(&maker, rel, pack);
	hear(&maker, start(&maker,
	                   WORDS("install", "--dir", charger, "--seal", seal,
	                         "--pack", pack, "--json"),
	                   file_max));
}

static void what_cannot_be_installed_is_refused_untouched(void **state)
{
	char none[PATH_MAX], seal[PATH_MAX], pack[PATH_MAX];
	uint64_t before = footprint_now();

	(void)state;
	install_from_files("big", 0);
	assert_line(4, "big.seal: too-big-for-slot: ");
	install_from_files("none", 0);
	assert_line(1, "none.seal: unreadable: ");
	maker_path(&maker, "gateway2.seal", seal);
	maker_path(&maker, "controller.pack", pack);
	maker_path(&maker, "none", none);
	RUN("install", "--dir", charger, "--seal", seal, "--pack", none);
	assert_line(1, "none: unreadable: ");
	RUN("install", "--dir", charger, "--component", "controller", "--seal",
	    seal, "--pack", pack);
	assert_line(4, "gateway2.seal: wrong-component: ");
	assert_int_equal(footprint_now(), before);
	RUN("install", "--dir", charger, "--seal", seal, "--pack", pack);
	assert_line(4, "gateway: hash-mismatch: the pack is of another image");
}

/* S0.6 */
static void a_log_that_the_policy_asks_for_is_asked_without_a_network(void **s)
{
	(void)s;
	maker_put(&maker, "charger/tlog-policy", policy, strlen(policy));
	install_from_files("gateway2", 0);
	assert_line(4, "gateway2.seal: not-logged: ");
	put_proof("gateway2", 3);
	maker_put(&maker, "charger/tlog-policy", "quorum none\n", 12);
	install_from_files("gateway2", 0);
	assert_line(4, "gateway2.seal: wrong-origin: ");
	maker_put(&maker, "charger/tlog-policy", policy, strlen(policy));
	install_from_files("gateway2", 0);
	assert_int_equal(said.code, 0);
	assert_non_null(strstr(said.out, "\"slot\": 1"));
	maker_put(&maker, "charger/tlog-policy", "log\n", 4);
	must_say("tlog-policy: at byte ");
	install_from_files("gateway2", 0);
	assert_line(1, "tlog-policy: at byte ");
}

static void a_full_disk_is_called_so_and_then_gone_on_from(void **state)
{
	(void)state;
	install_from_files("gateway2", 300000);
	assert_line(1, "gateway: unreadable: no space is left for the slot");
	RUN("status", "--dir", charger);
	assert_int_equal(said.code, 0);
	install_from_files("gateway2", 0);
	assert_int_equal(said.code, 0);
	assert_non_null(strstr(said.out, "\"slot\": 1"));
}

static void an_install_is_not_armed_while_a_gate_is_closed(void **state)
{
	static const char busy[] =
		"{\"session\": true, \"contactors\": \"closed\"}";
	static const char idle[] =
		"{\"session\": false, \"contactors\": \"open\"}";
	char seal[PATH_MAX], pack[PATH_MAX];
	const char *const *words = WORDS("install", "--dir", charger, "--seal",
	                                 seal, "--pack", pack, "--arm");

	(void)state;
	maker_path(&maker, "gateway2.seal", seal);
	maker_path(&maker, "gateway2.pack", pack);
	hear(&maker, start(&maker, words, 0));
	assert_line(1, "not armed: the charger's status is not there");
	maker_put(&maker, "charger/run/charger.json", "{", 1);
	hear(&maker, start(&maker, words, 0));
	assert_line(1, "not armed: the charger's status is malformed");
	maker_put(&maker, "charger/run/charger.json", busy, sizeof(busy) - 1);
	hear(&maker, start(&maker, words, 0));
	assert_line(1, "not armed: a charging session is running");
	maker_put(&maker, "charger/run/charger.json", idle, sizeof(idle) - 1);
	hear(&maker, start(&maker, words, 0));
	assert_int_equal(said.code, 0);
}

/* S3.20: from the file that the signing room publishes */
static void a_keyring_changes_hands_by_command(void **state)
{
	static uint8_t file[VS_KEYRING_LEN_MAX];
	struct person *const both[] = {&maker.people[0], &maker.people[1]};
	struct vs_keyring ring = maker.ring;
	char path[PATH_MAX];
	size_t len;

	(void)state;
	RUN("keyring", "--dir", charger);
	assert_int_equal(said.code, 0);
	assert_string_equal(said.out, "keyring 1, built in 1, epoch 0\n");
	ring.version = 2;
	len = maker_ring(&ring, both, 1, file);
	maker_put(&maker, "keyring.2", file, len);
	maker_path(&maker, "keyring.2", path);
	RUN("keyring", "--dir", charger, path);
	assert_line(4, "keyring.2: seal-signature: ");
	len = maker_ring(&ring, both, 2, file);
	maker_put(&maker, "keyring.2", file, len);
	RUN("keyring", "--dir", charger, path);
	assert_int_equal(said.code, 0);
	assert_string_equal(said.out, "keyring 2, built in 1, epoch 0\n");
	RUN("status", "--dir", charger, "--json");
	assert_non_null(strstr(said.out, "\"keyring\": 2"));
	RUN("keyring", "--dir", charger,
	    maker_path(&maker, "charger/keyring", path));
	assert_line(4, "keyring: keyring-rollback: ");
	RUN("keyring", "--dir", charger, "/no/such/keyring");
	assert_line(1, "/no/such/keyring: unreadable: ");
}

static void one_agent_works_at_a_time(void **state)
{
	char path[PATH_MAX];
	int fd = open(maker_path(&maker, "charger/agent/lock", path), O_RDWR);

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	RUN("run", "--dir", charger);
	assert_line(1, "another voltseal-agent is at work here");
	install_from_files("gateway2", 0);
	assert_line(1, "another voltseal-agent is at work here");
	close(fd);
}

static unsigned count(const char *word)
{
	unsigned n = 0;

	for (const char *p = said.err; (p = strstr(p, word)); p++)
		n++;
	return n;
}

/* S0.28: not a line for each try, and an orderly end. */
static void a_server_that_is_down_is_said_once(void **state)
{
	pid_t pid = start(&maker, WORDS("run", "--dir", charger), 0);

	(void)state;
	usleep(1500000);
	assert_int_equal(kill(pid, SIGTERM), 0);
	hear(&maker, pid);
	assert_int_equal(said.code, 0);
	assert_int_equal(count(" poll: "), 1);
	assert_int_equal(count(" report: "), 1);
	assert_int_equal(count("error "), 0);
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

/* What provision is given, after --dir DIR. */
static const char *words_of_a_factory[ARGS_MAX];
static char texts[16][PATH_MAX + 32];

static const char *text(size_t i, const char *before, const char *name)
{
	char path[PATH_MAX];

	snprintf(texts[i], sizeof(texts[i]), "%s%s", before,
	         maker_path(&maker, name, path));
	return texts[i];
}

static void fill_words(const char *seal, const char *root, const char *cert,
                       const char *set)
{
	const char *const words[] = {"voltseal-agent",
	                             "provision",
	                             "--dir",
	                             fresh,
	                             "--vehicle",
	                             "CP-0002",
	                             "--component",
	                             "gateway=gw-rev3:2000000",
	                             "--component",
	                             "controller=ct-rev1:100000",
	                             "--serial",
	                             "controller=/dev/ttyS9",
	                             "--seal",
	                             text(0, "gateway=", seal),
	                             "--pack",
	                             text(1, "gateway=", "gateway1.pack"),
	                             "--seal",
	                             text(2, "controller=", "controller.seal"),
	                             "--pack",
	                             text(3, "controller=", "controller.pack"),
	                             "--keyring",
	                             text(4, "", "charger/keyring"),
	                             "--director-root",
	                             text(5, "", root),
	                             "--image-root",
	                             text(6, "", "root.json"),
	                             "--server",
	                             "https://127.0.0.1:1",
	                             "--ca",
	                             text(7, "", "cert.pem"),
	                             "--cert",
	                             text(8, "", cert),
	                             "--key",
	                             text(9, "", "device.key"),
	                             "--set",
	                             set,
	                             "--set",
	                             "mode=demo",
	                             NULL};

	memcpy(words_of_a_factory, words, sizeof(words));
}

static void set_mode(const char *text)
{
	size_t n = 0;

	while (words_of_a_factory[n])
		n++;
	words_of_a_factory[n - 1] = text;
}

static void must_leave_nothing(int code, const char *what)
{
	char part[PATH_MAX];

	hear(&maker, start(&maker, words_of_a_factory, 0));
	assert_line(code, what);
	assert_false(vs_file_exists(fresh));
	assert_false(vs_file_exists(maker_path(&maker, "fresh.new", part)));
}

static void must_not_arm_without_the_controller(void)
{
	static const char idle[] =
		"{\"session\": false, \"contactors\": \"open\"}";
	char seal[PATH_MAX], pack[PATH_MAX];

	maker_put(&maker, "fresh/run/charger.json", idle, sizeof(idle) - 1);
	maker_path(&maker, "gateway2.seal", seal);
	maker_path(&maker, "gateway2.pack", pack);
	RUN("install", "--dir", fresh, "--seal", seal, "--pack", pack, "--arm");
	assert_line(1, "controller: /dev/ttyS9: ");
}

static void a_factory_gets_a_whole_charger_or_nothing(void **state)
{
	struct vs_machine machine;
	struct stat st;
	char path[PATH_MAX];
	char error[256];

	(void)state;
	fill_words("none.seal", "root.json", "cert.pem", "tries=2");
	must_leave_nothing(1, "none.seal: ");
	fill_words("big.seal", "root.json", "cert.pem", "tries=2");
	must_leave_nothing(4, "gateway: ");
	fill_words("gateway1.seal", "cert.pem", "cert.pem", "tries=2");
	must_leave_nothing(4, "cert.pem: malformed: ");
	fill_words("gateway1.seal", "root.json", "cert.pem", "tries=9");
	must_leave_nothing(1, "agent.conf:5: tries: ");
	fill_words("gateway1.seal", "root.json", "cert.pem", "device_key=x");
	must_leave_nothing(1, "agent.conf:5: device_key: ");
	fill_words("gateway1.seal", "root.json", "other.pem", "tries=2");
	must_leave_nothing(1, "device.crt: is not this key's certificate");
	fill_words("gateway1.seal", "root.json", "cert.pem", "tries=2");
	set_mode("mode=production");
	must_leave_nothing(1, "agent/director/root.json: a demo key: ");
	set_mode("mode=development");
	must_leave_nothing(1, "agent/director/root.json: a demo key: ");
	set_mode("mode=demo");
	hear(&maker, start(&maker, words_of_a_factory, 0));
	assert_int_equal(said.code, 0);
	assert_int_equal(
		stat(maker_path(&maker, "fresh/device.key", path), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(vs_machine_load(fresh, &machine, error), VS_OK);
	assert_false(machine.components[0].serial);
	assert_true(machine.components[1].serial);
	assert_string_equal(machine.components[1].device, "/dev/ttyS9");
	RUN("check-config", "--dir", fresh);
	assert_int_equal(said.code, 0);
	RUN("status", "--dir", fresh);
	assert_non_null(strstr(said.out, "CP-0002: slot a, Idle (Idle)"));
	hear(&maker, start(&maker, words_of_a_factory, 0));
	assert_line(1, "there is something here already");
	RUN("status", "--dir", fresh);
	assert_int_equal(said.code, 0);
	must_not_arm_without_the_controller();
}

/* S0.6: the first release is in the log too, and the log remembered. */
static void a_factory_may_ask_for_a_log(void **state)
{
	char path[PATH_MAX], file[PATH_MAX];
	size_t n = 0;

	(void)state;
	assert_int_equal(nftw(fresh, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	fill_words("gateway1.seal", "root.json", "cert.pem", "tries=2");
	while (words_of_a_factory[n])
		n++;
	words_of_a_factory[n++] = "--tlog-policy";
	words_of_a_factory[n++] = maker_path(&maker, "policy", file);
	words_of_a_factory[n] = NULL;
	maker_put(&maker, "policy", "log\n", 4);
	must_leave_nothing(1, "tlog-policy: at byte ");
	maker_put(&maker, "policy", policy, strlen(policy));
	must_leave_nothing(4, "gateway1.seal: not-logged: ");
	put_proof("gateway1", 2);
	must_leave_nothing(4, "controller.seal: not-logged: ");
	put_proof("controller", 2);
	hear(&maker, start(&maker, words_of_a_factory, 0));
	assert_int_equal(said.code, 0);
	assert_true(
		vs_file_exists(maker_path(&maker, "fresh/tlog-policy", path)));
	RUN("check-config", "--dir", fresh);
	assert_int_equal(said.code, 0);
	/* an older checkpoint than the factory's */
	put_proof("gateway1", 1);
	RUN("install", "--dir", fresh, "--seal",
	    maker_path(&maker, "gateway1.seal", path), "--pack",
	    maker_path(&maker, "gateway1.pack", file));
	assert_line(4, "gateway1.seal: log-replayed: ");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_is_there_for_every_command),
		EACH(status_says_what_runs),
		EACH(a_bad_setting_is_named_with_file_and_line),
		EACH(a_demo_key_is_not_believed_in_production),
		EACH(what_a_charger_is_made_of_is_judged_too),
		EACH(a_damaged_keyring_or_identity_is_said),
		EACH(an_identity_must_fit_together),
		EACH(damaged_storage_is_said_and_not_guessed_around),
		EACH(what_cannot_be_installed_is_refused_untouched),
		EACH(a_log_that_the_policy_asks_for_is_asked_without_a_network),
		EACH(a_full_disk_is_called_so_and_then_gone_on_from),
		EACH(an_install_is_not_armed_while_a_gate_is_closed),
		EACH(a_keyring_changes_hands_by_command),
		EACH(one_agent_works_at_a_time),
		EACH(a_server_that_is_down_is_said_once),
		EACH(a_factory_gets_a_whole_charger_or_nothing),
		EACH(a_factory_may_ask_for_a_log),
	};

	return cmocka_run_group_tests_name("agent program", tests, setup,
	                                   teardown);
}
