/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/provision_test.c - the power goes in the factory.
 *
 * A new charger's folder is made, below a folder that is new too, on a disk
 * with a write cache (storage_model.h), and cut before and in the midst of
 * each operation.  What survives has no charger, and can be made again, or a
 * whole one; once the command has said that it is done, the whole one.
 *
 * S3.26 S3.43
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/cmd/commands.h"
#include "agent/conf/conf.h"
#include "base/file.h"
#include "tests/agent/cuts_quiet.h"
#include "tests/agent/maker.h"
#include "tests/agent/power.h"
#include "tests/agent/storage_model.h"
#include "tests/trust/repo.h"

#define GATEWAY_LEN ((size_t)VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000

static struct maker maker;
static struct made gateway, controller;
static char charger[PATH_MAX];

static void make_inputs(void)
{
	struct memfile root = repo_first_root();

	maker_put(&maker, "root.json", root.bytes, root.len);
	free(root.bytes);
	maker_identity(&maker, "device.key", "cert.pem");
}

static int setup(void **state)
{
	uint8_t *image = malloc(GATEWAY_LEN);

	(void)state;
	assert_non_null(image);
	power_set_time(NOW);
	maker_init_in(&maker,
	              access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	noise(image, GATEWAY_LEN, 1);
	maker_seal(&maker, &gateway, "gateway", 1, 1, image, GATEWAY_LEN);
	maker_seal(&maker, &controller, "controller", 1, 1, image,
	           CONTROLLER_LEN);
	free(image);
	maker_put_made(&maker, "gateway", &gateway);
	maker_put_made(&maker, "controller", &controller);
	make_inputs();
	/* for the keyring of its people */
	maker_charger(&maker, &gateway, &controller, 1);
	maker_path(&maker, "plant/charger", charger);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_drop(&gateway);
	made_drop(&controller);
	maker_drop(&maker);
	return 0;
}

static int provision(void)
{
	static const char *const files[][2] = {
		{"gateway=",    "gateway.seal"   },
		{"gateway=",    "gateway.pack"   },
		{"controller=", "controller.seal"},
		{"controller=", "controller.pack"},
		{"",            "charger/keyring"},
		{"",            "root.json"      },
		{"",            "cert.pem"       },
		{"",            "device.key"     },
	};
	char t[8][PATH_MAX + 32], path[PATH_MAX];
	const char *words[] = {"provision",
	                       "--dir",
	                       charger,
	                       "--vehicle",
	                       "CP-0002",
	                       "--component",
	                       "gateway=gw-rev3:2000000",
	                       "--component",
	                       "controller=ct-rev1:100000",
	                       "--seal",
	                       t[0],
	                       "--pack",
	                       t[1],
	                       "--seal",
	                       t[2],
	                       "--pack",
	                       t[3],
	                       "--keyring",
	                       t[4],
	                       "--director-root",
	                       t[5],
	                       "--image-root",
	                       t[5],
	                       "--server",
	                       "https://127.0.0.1:1",
	                       "--ca",
	                       t[6],
	                       "--cert",
	                       t[6],
	                       "--key",
	                       t[7],
	                       "--set",
	                       "mode=demo",
	                       NULL};

	for (size_t i = 0; i < 8; i++)
		snprintf(t[i], sizeof(t[i]), "%s%s", files[i][0],
		         maker_path(&maker, files[i][1], path));
	optind = 0;
	return vs_cmd_provision(sizeof(words) / sizeof(words[0]) - 1,
	                        (char **)(uintptr_t)words);
}

static bool holds(const char *slot, const struct made *r)
{
	char path[PATH_MAX];
	uint8_t *bytes = malloc(r->image_len);
	VS_AUTO(vs_fd_drop)
	int fd = open(maker_path(&maker, slot, path), O_RDONLY | O_CLOEXEC);
	bool same = fd >= 0 && bytes &&
	            vs_file_pread(fd, bytes, r->image_len, 0) == VS_OK &&
	            memcmp(bytes, r->image, r->image_len) == 0;

	free(bytes);
	return same;
}

/* All that a charger starts with, and asks its server with. */
static void assert_whole(void)
{
	static const char *const files[] = {"agent/director/root.json",
	                                    "agent/image/root.json",
	                                    "device.key",
	                                    "device.crt",
	                                    "server-ca.pem",
	                                    "run",
	                                    "slot-b/gateway",
	                                    "slot-b/controller"};
	struct vs_charger *c = malloc(sizeof(*c));
	struct vs_record record;
	struct vs_conf conf;
	struct vs_why why = {VS_REASON_NONE, "", 0};
	char path[PATH_MAX], error[VS_ERROR_LEN] = "";

	assert_non_null(c);
	if (vs_charger_open(c, charger, error) != VS_OK)
		fail_msg("%s", error);
	assert_int_equal(vs_record_load(&c->ops.record, &record), VS_OK);
	assert_int_equal(record.slots[0].state, VS_SLOT_GOOD);
	if (vs_charger_verify(c, 0, &why) != VS_OK)
		fail_msg("%s", why.what);
	assert_int_equal(c->running[0].floor, 1);
	vs_charger_close(c);
	free(c);
	assert_true(holds("plant/charger/slot-a/gateway", &gateway));
	assert_true(holds("plant/charger/slot-a/controller", &controller));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_int_equal(
			vs_path_join(path, sizeof(path), charger, files[i]),
			VS_OK);
		if (!vs_file_exists(path))
			fail_msg("%s is not there", path);
	}
	if (vs_conf_load(charger, &conf, error) != VS_OK)
		fail_msg("%s", error);
	vs_conf_drop(&conf);
}

static unsigned made_again;

static void recover(bool done)
{
	if (vs_file_exists(charger)) {
		assert_whole();
		return;
	}
	if (done)
		fail_msg("the charger is gone");
	made_again++;
	if (provision() != VS_EXIT_OK)
		fail_msg("%s", quiet_error);
	assert_whole();
}

static void a_cut_in_the_factory_leaves_a_whole_charger_or_none(void **state)
{
	size_t count;
	unsigned points = 0;

	(void)state;
	model_outside(NULL, 0);
	model_begin(maker.dir);
	assert_int_equal(provision(), VS_EXIT_OK);
	count = model_ops();
	for (size_t op = 0; op <= count; op++)
		for (int how = 0; how < MODEL_FATES; how++) {
			struct model_cut cut = {.op = op,
			                        .fate = (enum model_fate)how,
			                        .half = how == MODEL_MIXED &&
			                                op < count,
			                        .seed = op * 7919 + 1};
			char text[256];

			/* for who reads the failure of it */
			snprintf(quiet_error, sizeof(quiet_error),
			         "op %zu of %zu: %s", op, count,
			         model_say(op, text));
			model_cut(&cut);
			points++;
			recover(op == count);
			model_back();
		}
	model_end();
	print_message("# %zu operations, %u cuts, %u made again\n", count,
	              points, made_again);
	assert_true(count > 40);
	assert_in_range(made_again, 1, points - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_cut_in_the_factory_leaves_a_whole_charger_or_none),
	};

	return cmocka_run_group_tests_name("agent provision", tests, setup,
	                                   teardown);
}
