/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/gateway_test.c - a gateway's partitions and variables: what the
 * agent takes for its slots, its boot record, its decision and its floors.
 *
 * S0.2 S0.15 S0.16
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/believe/successor.h"
#include "agent/install/set.h"
#include "base/file.h"
#include "boot/decision.h"
#include "boot/port/host/partitions.h"
#include "seal/bytes.h"
#include "tests/agent/gateway_world.h"
#include "tests/agent/life.h"
#include "tests/agent/power.h"

static int group_set_up(void **state)
{
	power_set_time(NOW);
	return world_set_up(state);
}

/* It has started once. */
static int set_up(void **state)
{
	world_begin(state);
	(void)gateway_boot(VS_RESET_POWER);
	return 0;
}

static void must_open(void)
{
	char error[VS_ERROR_LEN];

	if (world_open(error) != VS_OK)
		fail_msg("%s", error);
}

/* Refused, in a line that says this. */
static void must_not_open(vs_status status, const char *says)
{
	char error[VS_ERROR_LEN];

	assert_int_equal(world_open(error), status);
	if (!strstr(error, says))
		fail_msg("%s", error);
	vs_charger_close(charger);
}

/* The factory's files are the partitions' bytes: gateway_make() only moves
 * them.
 */
static void a_folder_copied_into_partitions_runs_as_it_is(void **state)
{
	(void)state;
	must_open();
	assert_int_equal(charger->slot, 0);
	assert_false(charger->trial);
	assert_string_equal(charger->running[0].header.version, "1.1.0");
	assert_string_equal(charger->running[0].sha256, gateway_1.sha256);
	assert_string_equal(charger->running[1].sha256, controller_1.sha256);
}

/* S0.18 */
static void floors_and_names_are_what_the_loader_said(void **state)
{
	const struct vs_boot_decision *d;
	uint32_t floor;

	(void)state;
	gateway.firmware->floors[1] = 2;
	gateway.firmware->floors[VS_BOOT_EPOCH] = 1;
	(void)gateway_boot(VS_RESET_POWER);
	must_open();
	d = &charger->storage.start.decision;
	assert_int_equal(charger->running[0].floor, 1);
	assert_int_equal(charger->running[1].floor, 2);
	assert_int_equal(charger->rings.epoch, 1);
	assert_int_equal(d->header[0].security_version, 1);
	assert_int_equal(d->header[1].security_version, 2);
	assert_int_equal(d->seen[1].refused, VS_REASON_NO_SEAL);
	assert_int_not_equal(charger->ops.floor_raise(charger->ops.ctx, 0, 9),
	                     VS_OK);
	assert_int_equal(charger->ops.floor_get(charger->ops.ctx, 0, &floor),
	                 VS_OK);
	assert_int_equal(floor, 1);
}

static void a_refused_component_keeps_its_name(void **state)
{
	char node[64], path[PATH_MAX];

	(void)state;
	maker_path(&maker, gateway_node("controller-b", node), path);
	maker_fill_slot(&maker, gateway_node("gateway-b", node), &gateway_1);
	(void)gateway_boot(VS_RESET_POWER);
	must_open();
	assert_int_equal(charger->storage.start.decision.seen[1].component, 0);
	vs_charger_close(charger);
	/* A GOOD slot whose second component is not there. */
	gateway.firmware->floors[1] = 2;
	{
		struct vs_record record = {.slot = 1};

		must_open();
		record.slots[0].state = record.slots[1].state = VS_SLOT_GOOD;
		assert_int_equal(vs_record_store(&charger->ops.record, &record),
		                 VS_OK);
		vs_charger_close(charger);
	}
	(void)gateway_boot(VS_RESET_POWER);
	must_open();
	assert_int_equal(charger->slot, 0);
	assert_true(charger->fell_back);
	assert_int_equal(charger->storage.start.decision.seen[1].component, 1);
	assert_int_equal(charger->seen[1], VS_REASON_NO_SEAL);
}

static void two_partitions_of_one_name_count_as_none(void **state)
{
	(void)state;
	snprintf(gateway_find("controller-b")->name, 36, "gateway-a");
	gateway_show("vda");
	must_not_open(VS_ERR_ABSENT, "running slot a, gateway: slot is absent");
}

static void a_partition_of_another_type_counts_as_none(void **state)
{
	(void)state;
	gateway_find("controller-a")->foreign = true;
	gateway_show("vda");
	must_not_open(VS_ERR_ABSENT, "running slot a, controller: slot is");
}

static void a_partition_that_the_kernel_does_not_show_is_none(void **state)
{
	(void)state;
	gateway_find("gateway-a")->hidden = true;
	gateway_show("vda");
	must_not_open(VS_ERR_ABSENT, "running slot a, gateway: slot is absent");
}

/* As after a new table that the kernel has not taken up. */
static void a_partition_that_the_kernel_shows_shorter_is_none(void **state)
{
	char node[64], name[128];

	(void)state;
	snprintf(name, sizeof(name), "sys/vda/%s/size",
	         gateway_node("gateway-a", node) + strlen("dev/"));
	maker_put(&maker, name, "8192\n", 5);
	must_not_open(VS_ERR_ABSENT, "running slot a, gateway: slot is absent");
}

/* In whatever order they are looked at, and though their tables name the rest.
 */
static void other_disks_without_a_record_do_not_matter(void **state)
{
	static const char *const others[] = {"sda", "sdb", "zda", "aaa", "mmc"};
	struct gateway mine = gateway;

	(void)state;
	gateway_find("record")->foreign = true;
	snprintf(gateway_find("gateway-a")->name, 36, "gateway-x");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		gateway_show(others[i]);
	gateway = mine;
	must_open();
}

static void two_disks_with_a_record_are_told_not_chosen_from(void **state)
{
	(void)state;
	gateway_show("sda");
	must_not_open(VS_ERR_INPUT, "take the foreign disk away");
}

static void no_disk_with_a_record_is_told(void **state)
{
	(void)state;
	gateway_find("record")->foreign = true;
	gateway_show("vda");
	must_not_open(VS_ERR_ABSENT, "no disk holds a partition record");
}

static void without_a_decision_no_slot_is_guessed(void **state)
{
	(void)state;
	gateway_put_decision(0, NULL, 0);
	must_not_open(VS_ERR_ABSENT, "did Voltseal's loader start this");
}

/* A running system can only make variables that are kept. */
static void a_decision_that_a_system_could_have_made_is_none(void **state)
{
	uint8_t raw[VS_DECISION_LEN(2)];
	static const struct vs_boot_component order[] = {{.name = "controller"},
	                                                 {.name = "gateway"}};

	(void)state;
	vs_decision_encode(&gateway.firmware->last, order, 2, raw);
	gateway_put_decision(7, raw, sizeof(raw));
	must_not_open(VS_ERR_INPUT, "was not made by a loader");
	gateway_put_decision(6, raw, sizeof(raw));
	must_open();
}

static void no_flipped_bit_of_a_decision_passes(void **state)
{
	uint8_t raw[VS_DECISION_LEN(2)];
	char error[VS_ERROR_LEN];
	static const struct vs_boot_component order[] = {{.name = "controller"},
	                                                 {.name = "gateway"}};

	(void)state;
	vs_decision_encode(&gateway.firmware->last, order, 2, raw);
	for (size_t i = 0; i < sizeof(raw); i++) {
		raw[i] ^= (uint8_t)(1 << i % 8);
		gateway_put_decision(6, raw, sizeof(raw));
		assert_int_equal(world_open(error), VS_ERR_INPUT);
		vs_charger_close(charger);
		raw[i] ^= (uint8_t)(1 << i % 8);
	}
	gateway_put_decision(6, raw, sizeof(raw) - 1);
	assert_int_equal(world_open(error), VS_ERR_INPUT);
	vs_charger_close(charger);
	gateway_put_decision(6, raw, sizeof(raw));
	must_open();
}

static void a_decision_about_other_components_is_refused(void **state)
{
	uint8_t raw[VS_DECISION_LEN(2)];
	static const struct vs_boot_component strange[] = {
		{.name = "controller"}, {.name = "meter"}};
	static const struct vs_boot_component twice[] = {{.name = "gateway"},
	                                                 {.name = "gateway"}};

	(void)state;
	vs_decision_encode(&gateway.firmware->last, strange, 2, raw);
	gateway_put_decision(6, raw, sizeof(raw));
	must_not_open(VS_ERR_INPUT, "machine.conf names other components");
	vs_charger_close(charger);
	vs_decision_encode(&gateway.firmware->last, twice, 2, raw);
	gateway_put_decision(6, raw, sizeof(raw));
	must_not_open(VS_ERR_INPUT, "machine.conf names other components");
	vs_charger_close(charger);
	vs_decision_encode(&gateway.firmware->last, twice, 1, raw);
	gateway_put_decision(6, raw, VS_DECISION_LEN(1));
	must_not_open(VS_ERR_INPUT, "machine.conf names other components");
}

static void the_running_partitions_are_never_opened_for_writing(void **state)
{
	struct vs_disk disk;

	(void)state;
	must_open();
	assert_int_equal(vs_charger_open_slot(charger, 0, 0, NULL, &disk),
	                 VS_OK);
	assert_int_equal(fcntl(disk.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	vs_disk_close(&disk);
	assert_int_equal(vs_charger_open_slot(charger, 0, 1, NULL, &disk),
	                 VS_OK);
	assert_int_equal(fcntl(disk.fd, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_int_equal(disk.len, MAKER_SLOT_LEN);
	vs_disk_close(&disk);
}

static void read_part(const char *name, void *out, size_t len, uint64_t at)
{
	char node[64], path[PATH_MAX];
	VS_AUTO(vs_fd_drop)
	int fd = open(maker_path(&maker, gateway_node(name, node), path),
	              O_RDONLY | O_CLOEXEC);

	assert_int_equal(vs_file_pread(fd, out, len, at), VS_OK);
}

/* loader.md, section 2, byte for byte */
static void the_word_is_as_its_page_says(void **state)
{
	static const uint8_t request[17] = {'V',  'S',  'R',  'E',  'S', 'E',
	                                    'T',  '1',  2,    0,    0,   0,
	                                    0x3c, 0x2f, 0xe6, 0x0c, 0};
	uint8_t raw[17];

	(void)state;
	must_open();
	assert_int_equal(
		vs_storage_put_cause(&charger->storage, VS_RESET_REQUEST),
		VS_OK);
	read_part("record", raw, sizeof(raw), 8192);
	assert_memory_equal(raw, request, sizeof(raw));
	(void)gateway_boot(VS_RESET_UNKNOWN);
	assert_int_equal(gateway.firmware->cause, VS_RESET_REQUEST);
	(void)gateway_boot(VS_RESET_UNKNOWN);
	assert_int_equal(gateway.firmware->cause, VS_RESET_UNKNOWN);
}

static void a_word_that_cannot_be_left_is_an_error(void **state)
{
	char node[64], path[PATH_MAX];

	(void)state;
	must_open();
	assert_int_equal(
		unlink(maker_path(&maker, gateway_node("record", node), path)),
		0);
	assert_int_equal(
		vs_storage_put_cause(&charger->storage, VS_RESET_REQUEST),
		VS_ERR_IO);
}

static bool is_updated(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_IDLE && a->charger.slot == 1 &&
	       a->state.outbox.count == 0;
}

static void an_update_goes_through_partitions_word_and_floor(void **state)
{
	struct server server;
	struct life life = {.maker = &maker,
	                    .server = &server,
	                    .done = is_updated,
	                    .sick = -1,
	                    .boot = world_boot};
	char node[64];

	(void)state;
	server_init(&server);
	server_provision(&server, &maker);
	server_offer(&server, &gateway_2, &controller_2);
	server_publish(&server);
	life_configure(&maker);
	assert_true(life_run(&life));
	assert_int_equal(gateway.firmware->cause, VS_RESET_REQUEST);
	assert_int_equal(server.heard->installed, 1);
	assert_int_equal(server.heard->last.ecus[0].release_seq, 2);
	assert_true(life_holds(&maker, gateway_node("gateway-b", node),
	                       &gateway_2));
	assert_true(life_holds(&maker, gateway_node("controller-b", node),
	                       &controller_2));
	assert_true(life_holds(&maker, gateway_node("gateway-a", node),
	                       &gateway_1));
	assert_int_equal(gateway.firmware->floors[0], 1);
	(void)gateway_boot(VS_RESET_POWER);
	assert_int_equal(gateway.firmware->floors[0], 2);
	assert_int_equal(gateway.firmware->floors[1], 3);
	must_open();
	assert_int_equal(charger->running[1].floor, 3);
	server_drop(&server);
}

/* S2.37 */
static void a_keyring_is_framed_in_both_partitions(void **state)
{
	static const char *const names[] = {"keyring-0", "keyring-1"};
	static uint8_t file[VS_KEYRING_LEN_MAX], raw[16 + VS_KEYRING_LEN_MAX];
	struct person *const both[] = {&maker.people[0], &maker.people[1]};
	const struct vs_conf conf = {.demo = true};
	struct vs_keyring ring = maker.ring;
	struct vs_why why;
	size_t len;

	(void)state;
	ring.version++;
	len = maker_ring(&ring, both, 2, file);
	must_open();
	assert_int_equal(vs_successor_take(charger, &conf, file, len, &why),
	                 VS_OK);
	vs_charger_close(charger);
	for (size_t i = 0; i < 2; i++) {
		read_part(names[i], raw, 16 + len, 0);
		assert_memory_equal(raw, "VSRINGS1", 8);
		assert_int_equal(get32(raw + 8), len);
		assert_int_equal(get32(raw + 12), 0);
		assert_memory_equal(raw + 16, file, len);
	}
	must_open();
	assert_int_equal(charger->ring.version, ring.version);
	assert_int_equal(vs_successor_settle(charger, &why), VS_OK);
	vs_charger_close(charger);
	(void)gateway_boot(VS_RESET_POWER);
	assert_int_equal(gateway.firmware->floors[VS_BOOT_EPOCH], ring.version);
	must_open();
	assert_int_equal(charger->rings.epoch, ring.version);
}

static void a_damaged_keyring_place_is_written_again(void **state)
{
	/* magic, length 1, a reserved byte that is not 0; then a byte */
	static const uint8_t reserved[] = "VSRINGS1\1\0\0\0\1\0\0\0x";
	static uint8_t file[VS_KEYRING_LEN_MAX];
	struct person *const both[] = {&maker.people[0], &maker.people[1]};
	const struct vs_conf conf = {.demo = true};
	struct vs_keyring ring = maker.ring;
	struct vs_why why;
	char node[64];
	uint8_t head[8];
	size_t len;

	(void)state;
	ring.version++;
	len = maker_ring(&ring, both, 2, file);
	must_open();
	assert_int_equal(vs_successor_take(charger, &conf, file, len, &why),
	                 VS_OK);
	vs_charger_close(charger);
	maker_put(&maker, gateway_node("keyring-0", node), "VSRINGS1 is torn",
	          16);
	must_open();
	assert_int_equal(charger->ring.version, ring.version);
	assert_int_equal(charger->places[0].refused, VS_REASON_UNREADABLE);
	assert_int_equal(vs_successor_settle(charger, &why), VS_OK);
	read_part("keyring-0", head, sizeof(head), 0);
	assert_memory_equal(head, "VSRINGS1", 8);
	vs_charger_close(charger);
	must_open();
	assert_int_equal(charger->places[0].version, ring.version);
	vs_charger_close(charger);
	maker_put(&maker, gateway_node("keyring-0", node), reserved,
	          sizeof(reserved));
	must_open();
	assert_int_equal(charger->places[0].refused, VS_REASON_UNREADABLE);
}

/* Loop devices stand in for the disk: block devices have no file's length,
 * and can be held by somebody.
 */
static void real_block_devices_are_as_files(void **state)
{
	struct counted counted[2];
	struct vs_source source[2];
	struct vs_set set = {.target = 1, .workers = 1};
	struct vs_why why = {VS_REASON_NONE, "", 0};
	char node[64], path[PATH_MAX];
	int held;

	(void)state;
	if (!gateway_go_real()) {
		print_message("# skipped: no loop device with partitions\n");
		skip();
	}
	must_open();
	assert_int_equal(charger->slot, 0);
	counted_init(&counted[0], &gateway_2, &source[0]);
	counted_init(&counted[1], &controller_2, &source[1]);
	set.charger = charger;
	for (int i = 0; i < 2; i++)
		set.parts[i].source = &source[i];
	set.parts[0].seal = &gateway_2.opened;
	set.parts[1].seal = &controller_2.opened;
	maker_path(&maker, gateway_node("controller-b", node), path);
	held = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	assert_true(held >= 0);
	assert_int_equal(vs_set_write(&set, &why), VS_ERR_IO);
	assert_int_equal(set.failed, 1);
	close(held);
	assert_int_equal(vs_set_write(&set, &why), VS_OK);
	assert_int_equal(vs_set_arm(charger, 1, 2, &why), VS_OK);
	assert_int_equal(
		vs_storage_put_cause(&charger->storage, VS_RESET_REQUEST),
		VS_OK);
	vs_charger_close(charger);
	assert_int_equal(gateway_boot(VS_RESET_UNKNOWN).slot, 1);
	assert_int_equal(gateway.firmware->cause, VS_RESET_REQUEST);
	must_open();
	assert_true(charger->trial);
	assert_string_equal(charger->running[0].sha256, gateway_2.sha256);
	vs_charger_close(charger);
}

static void an_unknown_kind_of_storage_is_named(void **state)
{
	static const char text[] = "vehicle = CP-0001\nstorage = tape\n"
				   "charger_component = gateway\n"
				   "component.gateway.hardware = gw-rev3\n";

	(void)state;
	maker_put(&maker, "charger/machine.conf", text, sizeof(text) - 1);
	must_not_open(VS_ERR_INPUT, "storage: is neither files nor uefi");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_folder_copied_into_partitions_runs_as_it_is),
		TEST(floors_and_names_are_what_the_loader_said),
		TEST(a_refused_component_keeps_its_name),
		TEST(two_partitions_of_one_name_count_as_none),
		TEST(a_partition_of_another_type_counts_as_none),
		TEST(a_partition_that_the_kernel_does_not_show_is_none),
		TEST(a_partition_that_the_kernel_shows_shorter_is_none),
		TEST(other_disks_without_a_record_do_not_matter),
		TEST(two_disks_with_a_record_are_told_not_chosen_from),
		TEST(no_disk_with_a_record_is_told),
		TEST(without_a_decision_no_slot_is_guessed),
		TEST(a_decision_that_a_system_could_have_made_is_none),
		TEST(no_flipped_bit_of_a_decision_passes),
		TEST(a_decision_about_other_components_is_refused),
		TEST(the_running_partitions_are_never_opened_for_writing),
		TEST(the_word_is_as_its_page_says),
		TEST(a_word_that_cannot_be_left_is_an_error),
		TEST(an_update_goes_through_partitions_word_and_floor),
		TEST(a_keyring_is_framed_in_both_partitions),
		TEST(a_damaged_keyring_place_is_written_again),
		TEST(real_block_devices_are_as_files),
		TEST(an_unknown_kind_of_storage_is_named),
	};

	return cmocka_run_group_tests_name("agent gateway", tests, group_set_up,
	                                   world_tear_down);
}
