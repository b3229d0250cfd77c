/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_serve.c - whatever a gateway asks of a controller, the slot
 * that runs and the floors stay as they are, and a slot that might start is
 * never written.
 *
 * The input is a row of requests: a byte for the length, type, number and
 * payload; their checksums are made here.  Its first byte says who serves.
 */
#include <assert.h>
#include <string.h>

#include "boot/port/cortexm/nor.h"
#include "boot/port/cortexm/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LEN = VS_NOR_SECTOR_LEN * (VS_AT_SLOT_B + VS_SLOT_SECTORS) };

static uint8_t nor[LEN];
static bool clean[LEN / VS_NOR_SECTOR_LEN]; /* sectors of 0x55 */
static uint32_t target_at;
static bool by_loader;
static struct vs_record_ops record;

const uint8_t *vs_nor_map(uint32_t at, uint32_t len)
{
	return at <= LEN && len <= LEN - at ? nor + at : NULL;
}

static vs_status flash_read(void *ctx, uint32_t at, uint8_t *out, size_t len)
{
	(void)ctx;
	assert(at <= LEN && len <= LEN - at);
	memcpy(out, nor + at, len);
	return VS_OK;
}

/* Slots are written by who may; the record by its own rules. */
static void check_sector(uint32_t sector)
{
	struct vs_record rec;
	bool slot = sector >= target_at && sector < target_at + VS_SLOT_SECTORS;

	assert(slot || sector == VS_AT_RECORD || sector == VS_AT_RECORD + 1);
	if (slot && !by_loader) {
		assert(vs_record_load(&record, &rec) == VS_OK);
		assert(rec.slots[1].state == VS_SLOT_EMPTY);
	}
	clean[sector] = false;
}

static vs_status flash_program(void *ctx, uint32_t at, const uint8_t *in,
                               size_t len)
{
	(void)ctx;
	assert(at % VS_FLASH_GRAIN == 0 && len % VS_FLASH_GRAIN == 0);
	assert(at < LEN && at % VS_NOR_SECTOR_LEN + len <= VS_NOR_SECTOR_LEN);
	check_sector(at / VS_NOR_SECTOR_LEN);
	for (size_t i = 0; i < len; i++)
		if (nor[at + i] != 0xff)
			return VS_ERR_IO;
	memcpy(nor + at, in, len);
	return VS_OK;
}

static vs_status flash_erase(void *ctx, uint32_t sector)
{
	(void)ctx;
	check_sector(sector);
	memset(nor + sector * VS_NOR_SECTOR_LEN, 0xff, VS_NOR_SECTOR_LEN);
	return VS_OK;
}

static size_t answered;

static void put(uint8_t byte)
{
	(void)byte;
	answered++;
}

static struct vs_serve serve;

static void feed(uint8_t byte)
{
	vs_serve_take(&serve, byte, put);
}

/* Sends a request; gives the bytes of data it took. */
static size_t ask(const uint8_t *data, size_t size)
{
	uint8_t raw[VS_FRAME_MAX] = {0};
	/* Written whole blocks are the ones that matter. */
	size_t len = data[0] == 0xff ? VS_FRAME_HEAD + 4 + VS_SERVE_DATA_MAX
	                             : VS_FRAME_HEAD + data[0] % 32u;
	size_t taken = len < size - 1 ? len : size - 1;
	size_t before = answered;

	memcpy(raw, data + 1, taken);
	vs_frame_send(raw, vs_frame_seal(raw, len), feed);
	assert(raw[1] >= 0x80 || answered > before); /* the line never hangs */
	return 1 + taken;
}

static void set_up(struct vs_flash *flash, struct vs_handover *h, uint8_t how)
{
	static struct vs_flash_part part;
	struct vs_record rec = {.seq = 3, .slot = how >> 1 & 1};

	for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++) {
		if (!clean[i])
			memset(nor + i * VS_NOR_SECTOR_LEN, 0x55,
			       VS_NOR_SECTOR_LEN);
		clean[i] = true;
	}
	*flash = (struct vs_flash){NULL, VS_NOR_SECTOR_LEN, flash_read,
	                           flash_program, flash_erase};
	part = (struct vs_flash_part){flash, VS_AT_RECORD};
	vs_flash_record_ops(&part, &record);
	by_loader = how & 1;
	rec.slots[0].state = how >> 2 & 3;
	rec.slots[1].state = how >> 4 & 3;
	vs_record_encode(&rec, nor);
	clean[VS_AT_RECORD] = false;
	if (how & 0x40) /* it cannot be read */
		nor[20] ^= 0xff;
	memset(h, 0, sizeof(*h));
	h->slot = by_loader ? VS_SERVE_LOADER : 0;
	h->target = 1;
	h->target_at = target_at = VS_AT_SLOT_B;
	vs_serve_init(&serve, flash, h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vs_flash flash;
	static struct vs_handover h;

	if (size < 1)
		return 0;
	set_up(&flash, &h, data[0]);
	for (size_t at = 1; at < size && !serve.restart;)
		at += ask(data + at, size - at);
	return 0;
}
