/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/controller_sim.c - a controller at the other end of a line.
 */
#include "tests/agent/controller_sim.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/controllers/serial.h"
#include "boot/crc.h"
#include "boot/flash_floor.h"
#include "boot/port/cortexm/nor.h"
#include "seal/bytes.h"
#include "seal/slot.h"

enum { POLL_MS = 20, WIRE_ROOM = 4096, AT_RESULT = 4, AT_BODY = 5 };

/* The one whose flash is mapped, and what its line holds for the moment. */
static struct sim *mapped;
static uint8_t wire[WIRE_ROOM];
static size_t wire_len;

const uint8_t *vs_nor_map(uint32_t at, uint32_t len)
{
	return at <= sizeof(mapped->bytes) && len <= sizeof(mapped->bytes) - at
	               ? mapped->bytes + at
	               : NULL;
}

static vs_status flash_read(void *ctx, uint32_t at, uint8_t *out, size_t len)
{
	const struct sim *s = ctx;

	assert_true(at + len <= sizeof(s->bytes));
	memcpy(out, s->bytes + at, len);
	return VS_OK;
}

/* How much of len is done: with the power gone nothing is. */
static size_t done_of(struct sim *s, size_t len)
{
	if (s->dead)
		return 0;
	if (s->halves < 0 || s->halves-- > 0)
		return len;
	s->dead = true;
	return len / 2;
}

static vs_status flash_program(void *ctx, uint32_t at, const uint8_t *in,
                               size_t len)
{
	struct sim *s = ctx;

	if (at + len > sizeof(s->bytes) || at % VS_FLASH_GRAIN != 0 ||
	    len % VS_FLASH_GRAIN != 0)
		return VS_ERR_IO;
	for (size_t i = 0; i < len; i++)
		if (s->bytes[at + i] != 0xff)
			return VS_ERR_IO;
	memcpy(s->bytes + at, in, done_of(s, len));
	return s->dead ? VS_ERR_IO : VS_OK;
}

static vs_status flash_erase(void *ctx, uint32_t sector)
{
	struct sim *s = ctx;
	uint8_t *at = s->bytes + (size_t)sector * VS_NOR_SECTOR_LEN;

	assert_true(sector < VS_NOR_SECTORS);
	memset(at, 0xff, done_of(s, VS_NOR_SECTOR_LEN));
	return s->dead ? VS_ERR_IO : VS_OK;
}

static uint8_t *slot_at(struct sim *s, int slot)
{
	return s->bytes + (size_t)(slot == 0 ? VS_AT_SLOT_A : VS_AT_SLOT_B) *
	                          VS_NOR_SECTOR_LEN;
}

static uint64_t slot_len(void *ctx, int component, int slot)
{
	(void)ctx;
	(void)slot;
	return component == 0 ? SIM_SLOT_LEN : 0;
}

static vs_status slot_read(void *ctx, int component, int slot, uint64_t at,
                           uint8_t *out, size_t len)
{
	(void)component;
	memcpy(out, slot_at(ctx, slot) + at, len);
	return VS_OK;
}

static vs_status floor_get(void *ctx, int component, uint32_t *out)
{
	const struct sim *s = ctx;
	const struct vs_flash_part at = {&s->flash, VS_AT_FLOOR};

	return vs_flash_floor_get(&at, component, out);
}

static vs_status floor_raise(void *ctx, int component, uint32_t to)
{
	const struct sim *s = ctx;
	const struct vs_flash_part at = {&s->flash, VS_AT_FLOOR};

	return vs_flash_floor_raise(&at, component, to);
}

static void hand_over(struct sim *s, const struct vs_boot_component *what,
                      const struct vs_boot_decision *d)
{
	struct vs_record rec = sim_record(s);
	bool boots = d->verdict == VS_VERDICT_BOOT;

	memset(&s->h, 0, sizeof(s->h));
	s->h.slot = boots ? (uint32_t)d->slot : VS_SERVE_LOADER;
	s->h.target = boots ? !s->h.slot : rec.seq > 0 ? !rec.slot : 1;
	s->h.target_at = s->h.target == 0 ? VS_AT_SLOT_A : VS_AT_SLOT_B;
	memcpy(s->h.component, s->component, VS_COMPONENT_LEN);
	memcpy(s->h.hardware, s->hardware, VS_HARDWARE_LEN);
	s->h.decision_len = VS_DECISION_LEN(1);
	vs_decision_encode(d, what, 1, s->h.decision);
}

void sim_boot(struct sim *s, enum vs_reset_cause cause)
{
	const struct vs_boot_component what = {s->component, s->hardware, true};
	struct vs_flash_part record_at = {&s->flash, VS_AT_RECORD};
	struct vs_boot_ops ops = {.ctx = s,
	                          .crypto = s->maker->crypto,
	                          .slot_len = slot_len,
	                          .read = slot_read,
	                          .floor_get = floor_get,
	                          .floor_raise = floor_raise};
	struct vs_boot_decision d;

	mapped = s;
	s->dead = false;
	s->halves = -1;
	s->boots++;
	vs_flash_record_ops(&record_at, &ops.record);
	do {
		assert_int_equal(vs_boot_decide(&ops, &what, 1, &s->maker->ring,
		                                cause, &s->scratch, &d),
		                 VS_OK);
		cause = VS_RESET_WATCHDOG;
	} while (d.verdict == VS_VERDICT_BOOT && s->stillborn > 0 &&
	         d.header[0].release_seq == s->stillborn);
	hand_over(s, &what, &d);
	vs_serve_init(&s->serve, &s->flash, &s->h);
}

const char *sim_version(const struct sim *s)
{
	return (const char *)s->h.decision + 72 + 32;
}

static void put(uint8_t byte)
{
	assert_true(wire_len < sizeof(wire));
	wire[wire_len++] = byte;
}

static void say(const struct sim *s, const char *text, bool zero)
{
	ssize_t n = write(s->fd, text, strlen(text) + zero);

	(void)n; /* nobody need listen */
}

static void start_again(struct sim *s, enum vs_reset_cause cause)
{
	sim_boot(s, cause);
	say(s, "loader: memory 7012\r\n", false);
	say(s,
	    s->h.slot == VS_SERVE_LOADER ? "loader: nothing starts, serving\r\n"
	                                 : "controller: here I am\r\n",
	    true);
}

/* Changes the answer that is about to go, checksum and all. */
static void tell_a_lie(struct sim *s)
{
	uint8_t *r = s->serve.reply;
	size_t len = s->serve.reply_len - VS_FRAME_CRC;
	uint8_t type = r[1] & 0x7f;
	bool status = type == VS_SERVE_STATUS;

	if (s->lie == SIM_OTHER_COMPONENT && status)
		r[AT_BODY + 24] = 'x';
	else if (s->lie == SIM_OTHER_HARDWARE && status)
		r[AT_BODY + 56] = 'x';
	else if (s->lie == SIM_OTHER_VERSION && status)
		r[AT_BODY + 88] = '7';
	else if (s->lie == SIM_OTHER_IMAGE && type == VS_SERVE_DECISION)
		r[AT_BODY + 72 + 96] ^= 1;
	else if (s->lie == SIM_NO_SIZES && status)
		put32(r + AT_BODY + 12, 0);
	else if (s->lie == SIM_HUGE && status)
		put32(r + AT_BODY + 16, UINT32_C(0x80000000));
	else if (s->lie == SIM_RUNS_NOWHERE && status)
		r[AT_BODY] = 2;
	else if (s->lie == SIM_OTHER_BYTES && type == VS_SERVE_CHECK)
		r[AT_BODY] ^= 1;
	else if (s->lie == SIM_ODD_RESULT)
		r[AT_RESULT] = 99;
	else if (s->lie == SIM_SHORT && type != VS_SERVE_RESTART)
		len--;
	if (type == VS_SERVE_DECISION)
		put32(r + AT_BODY + VS_DECISION_LEN(1) - 4,
		      vs_crc32(r + AT_BODY, VS_DECISION_LEN(1) - 4));
	s->serve.reply_len = vs_frame_seal(r, len);
	wire_len = vs_serial_stuff(r, s->serve.reply_len, wire);
}

static void answer(struct sim *s, bool faulty)
{
	int times = faulty && s->fault == SIM_TWICE ? 2 : 1;

	if (s->lie != SIM_HONEST)
		tell_a_lie(s);
	if (faulty && s->fault == SIM_LOSE_ANSWER)
		return;
	if (faulty && s->fault == SIM_SPOIL_ANSWER)
		wire[wire_len / 2] ^= 0x20;
	for (int i = 0; i < times; i++)
		if (write(s->fd, wire, wire_len) < 0)
			return;
}

static void lose_power(struct sim *s)
{
	if (s->deadly)
		_exit(s->deadly);
	start_again(s, VS_RESET_POWER);
}

/* One question, whole as it stood on the line, its zero included. */
static void take(struct sim *s, uint8_t *in, size_t len)
{
	long n = s->questions++;
	bool faulty = s->every > 0 && n % s->every == s->first;
	int times = faulty && s->fault == SIM_TWICE ? 2 : 1;

	if (faulty && s->fault == SIM_LOSE_QUESTION)
		return;
	if (faulty && s->fault == SIM_SPOIL_QUESTION)
		in[len / 2] ^= 0x20;
	if (n == s->cut_at && s->cut == SIM_CUT_BEFORE) {
		lose_power(s);
		return;
	}
	if (n == s->cut_at &&
	    (s->cut == SIM_CUT_WITHIN || s->cut == SIM_CUT_LATER))
		s->halves = s->cut == SIM_CUT_LATER;
	for (int i = 0; i < times; i++) {
		wire_len = 0;
		for (size_t k = 0; k < len; k++)
			vs_serve_take(&s->serve, in[k], put);
		if (s->dead || (n == s->cut_at && s->cut == SIM_CUT_BEHIND)) {
			lose_power(s);
			return;
		}
		if (wire_len > 0)
			answer(s, faulty);
		if (s->serve.restart && s->lie == SIM_STAYS) {
			s->serve.restart = false;
		} else if (s->serve.restart) {
			start_again(s, VS_RESET_REQUEST);
			return; /* a second copy is lost while it starts */
		}
	}
	s->halves = -1;
}

static void listen_to(struct sim *s)
{
	uint8_t question[WIRE_ROOM], chunk[256];
	size_t at = 0;
	struct pollfd p = {s->fd, POLLIN, 0};

	while (!s->stop) {
		ssize_t n;

		if (s->lie == SIM_BABBLES)
			say(s, "and another thing: ", false);
		if (poll(&p, 1, s->lie == SIM_BABBLES ? 0 : POLL_MS) <= 0)
			continue;
		n = read(s->fd, chunk, sizeof(chunk));
		if (n == 0)
			return;
		for (ssize_t i = 0; i < n; i++) {
			question[at++] = chunk[i];
			if (chunk[i] != 0 && at < sizeof(question))
				continue;
			if (at > 1 && s->lie < SIM_BABBLES)
				take(s, question, at);
			at = 0;
		}
	}
}

static void *run(void *ctx)
{
	listen_to(ctx);
	return NULL;
}

static void begin(struct sim *s, int fd)
{
	s->fd = fd;
	s->stop = false;
	start_again(s, VS_RESET_POWER);
	assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
}

int sim_on(struct sim *s)
{
	int ends[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	s->other = -1;
	begin(s, ends[0]);
	return ends[1];
}

void sim_on_terminal(struct sim *s, const char *link)
{
	struct termios t;
	char name[128];
	int fd;

	assert_int_equal(openpty(&fd, &s->other, name, NULL, NULL), 0);
	assert_int_equal(tcgetattr(s->other, &t), 0);
	cfmakeraw(&t); /* no echo of what it says before anybody listens */
	assert_int_equal(tcsetattr(s->other, TCSANOW, &t), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	(void)unlink(link);
	assert_int_equal(symlink(name, link), 0);
	begin(s, fd);
}

void sim_off(struct sim *s)
{
	s->stop = true;
	(void)shutdown(s->fd, SHUT_RDWR); /* a terminal has none */
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	close(s->fd);
	if (s->other >= 0)
		close(s->other);
	mapped = s;
}

struct vs_record sim_record(struct sim *s)
{
	struct vs_flash_part at = {&s->flash, VS_AT_RECORD};
	struct vs_record_ops ops;
	struct vs_record rec;
	vs_status status;

	vs_flash_record_ops(&at, &ops);
	status = vs_record_load(&ops, &rec);
	(void)status; /* all zeros if there is none */
	return rec;
}

void sim_set_record(struct sim *s, const struct vs_record *record)
{
	struct vs_flash_part at = {&s->flash, VS_AT_RECORD};
	struct vs_record_ops ops;
	struct vs_record rec = *record;

	vs_flash_record_ops(&at, &ops);
	assert_int_equal(vs_record_store(&ops, &rec), VS_OK);
}

uint32_t sim_floor(struct sim *s)
{
	uint32_t floor;

	assert_int_equal(floor_get(s, 0, &floor), VS_OK);
	return floor;
}

/* By docs/formats/seal.md section 3, not by the code under test. */
static void lay_out(const struct sim *s, const struct made *r, uint8_t *out)
{
	const struct vs_seal *seal = &r->opened;
	const struct vs_tree *t = &seal->tree;
	uint8_t *tree = out + t->blocks * VS_BLOCK_LEN;

	memset(out, 0xff, SIM_SLOT_LEN);
	memset(out, 0, t->blocks * VS_BLOCK_LEN);
	memcpy(out, r->image, r->image_len);
	for (uint64_t i = 0; i < t->clusters && t->levels > 0; i++)
		assert_int_equal(vs_tree_hash_cluster(
					 &s->maker->crypto, seal->header.salt,
					 r->image + i * VS_CLUSTER_LEN,
					 vs_tree_cluster_len(t, i),
					 tree + vs_tree_leaves_at(t, i)),
		                 VS_OK);
	memcpy(tree, seal->upper, t->upper_len);
	assert_int_equal(
		vs_slot_footer_encode(seal->raw, &seal->signatures,
	                              out + SIM_SLOT_LEN - VS_SLOT_FOOTER_LEN),
		VS_OK);
}

void sim_fill(struct sim *s, int slot, const struct made *r)
{
	lay_out(s, r, slot_at(s, slot));
}

bool sim_holds(const struct sim *s, int slot, const struct made *r)
{
	static uint8_t want[SIM_SLOT_LEN];
	const uint8_t *at =
		s->bytes + (size_t)(slot == 0 ? VS_AT_SLOT_A : VS_AT_SLOT_B) *
				   VS_NOR_SECTOR_LEN;

	lay_out(s, r, want);
	return memcmp(at, want, sizeof(want)) == 0;
}

void sim_init(struct sim *s, const struct maker *m, const struct made *image,
              uint32_t floor)
{
	const struct vs_flash_part floor_at = {&s->flash, VS_AT_FLOOR};
	const uint32_t floors[VS_FLASH_FLOORS] = {floor};
	struct vs_record rec = {.slot = 0};

	memset(s, 0, sizeof(*s));
	memset(s->bytes, 0xff, sizeof(s->bytes));
	s->maker = m;
	s->flash = (struct vs_flash){s, VS_NOR_SECTOR_LEN, flash_read,
	                             flash_program, flash_erase};
	s->halves = -1;
	s->cut_at = -1;
	memcpy(s->component, "controller", 11);
	memcpy(s->hardware, "ct-rev1", 8);
	assert_int_equal(vs_flash_floor_create(&floor_at, 1, floors), VS_OK);
	rec.slots[0].state = VS_SLOT_GOOD;
	sim_set_record(s, &rec);
	sim_fill(s, 0, image);
}
