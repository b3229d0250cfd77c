/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/serve.c - the serial update protocol.
 *
 * Each request is a row of a table.  A request that was done already and comes
 * again, because its answer was lost, gets the same answer and is not done
 * again.
 */
#include "boot/port/cortexm/serve.h"

#include "boot/crc.h"
#include "boot/port/cortexm/nor.h"
#include "seal/bytes.h"

enum {
	AT_TYPE = 1,
	AT_NUMBER = 2,
	AT_RESULT = VS_FRAME_HEAD,
	AT_BODY,
	REPLY = 0x80,
	TRIES_MAX = VS_TRIES_MAX,
	NOBODY = 255, /* the slot that runs, if the loader serves */
};

#define SLOT_LEN ((uint32_t)VS_SLOT_SECTORS * VS_NOR_SECTOR_LEN)

/* What a request does: payload in; body and its length out. */
struct call {
	struct vs_serve *s;
	const uint8_t *in;
	size_t len;
	uint8_t *body;
	size_t body_len;
};

static bool by_loader(const struct vs_serve *s)
{
	return s->h->slot == VS_SERVE_LOADER;
}

static uint32_t target_at(const struct vs_serve *s)
{
	return s->h->target_at * VS_NOR_SECTOR_LEN;
}

/* Whether the target may be written: it cannot start, and the record knows. */
static vs_status may_write(const struct vs_serve *s)
{
	struct vs_record rec;

	if (by_loader(s))
		return s->begun ? VS_OK : VS_ERR_STATE;
	if (vs_record_load(&s->record, &rec) != VS_OK)
		return VS_ERR_STATE;
	return rec.slots[s->h->target].state == VS_SLOT_EMPTY ? VS_OK
	                                                      : VS_ERR_STATE;
}

static void put_slot(uint8_t *out, const struct vs_record *rec, int slot)
{
	out[0] = rec->slots[slot].state;
	out[1] = rec->slots[slot].tries;
	put16(out + 2, rec->slots[slot].reason);
}

static vs_status status(struct call *c)
{
	const struct vs_handover *h = c->s->h;
	struct vs_record rec;
	bool known = vs_record_load(&c->s->record, &rec) == VS_OK;
	uint8_t *out = c->body;

	c->body_len = VS_SERVE_STATUS_LEN;
	memset(out, 0, c->body_len);
	out[0] = by_loader(c->s) ? NOBODY : (uint8_t)h->slot;
	out[1] = (uint8_t)h->target;
	out[2] = known;
	out[3] = rec.slot;
	put_slot(out + 4, &rec, 0);
	put_slot(out + 8, &rec, 1);
	put32(out + 12, VS_NOR_SECTOR_LEN);
	put32(out + 16, SLOT_LEN);
	put16(out + 20, VS_SERVE_DATA_MAX);
	put16(out + 22, rec.raise_floor);
	memcpy(out + 24, h->component, VS_COMPONENT_LEN);
	memcpy(out + 56, h->hardware, VS_HARDWARE_LEN);
	/* The version of what runs: docs/formats/boot-record.md section 4. */
	memcpy(out + 88, h->decision + 72 + 32, VS_VERSION_LEN);
	return VS_OK;
}

static vs_status decision(struct call *c)
{
	c->body_len = VS_DECISION_LEN(1);
	memcpy(c->body, c->s->h->decision, c->body_len);
	return VS_OK;
}

static vs_status begin(struct call *c)
{
	struct vs_serve *s = c->s;
	struct vs_record rec;
	vs_status status;

	if (by_loader(s)) {
		s->begun = true; /* nothing starts anyway */
		return VS_OK;
	}
	if (vs_record_load(&s->record, &rec) != VS_OK)
		return VS_ERR_STATE;
	if (rec.slots[s->h->target].state == VS_SLOT_EMPTY)
		return VS_OK;
	status = vs_record_begin(&rec, (int)s->h->target);
	return status == VS_OK ? vs_record_store(&s->record, &rec) : status;
}

static vs_status erase(struct call *c)
{
	const struct vs_flash *flash = c->s->flash;
	uint32_t sector = get32(c->in);
	vs_status status = may_write(c->s);

	if (sector >= VS_SLOT_SECTORS)
		return VS_ERR_INPUT;
	if (status != VS_OK)
		return status;
	return flash->erase(flash->ctx, c->s->h->target_at + sector);
}

/* at and len are within the slot, whole grains. */
static bool in_slot(uint32_t at, uint32_t len)
{
	return at <= SLOT_LEN && len > 0 && len <= SLOT_LEN - at &&
	       at % VS_FLASH_GRAIN == 0 && len % VS_FLASH_GRAIN == 0;
}

static uint32_t crc_of(const struct vs_serve *s, uint32_t at, uint32_t len)
{
	const uint8_t *bytes = vs_nor_map(target_at(s) + at, len);

	return bytes ? vs_crc32(bytes, len) : 0;
}

static vs_status check(struct call *c)
{
	uint32_t at = get32(c->in);
	uint32_t len = get32(c->in + 4);

	if (!in_slot(at, len))
		return VS_ERR_INPUT;
	c->body_len = 4;
	put32(c->body, crc_of(c->s, at, len));
	return VS_OK;
}

static vs_status write(struct call *c)
{
	uint32_t at = get32(c->in);
	uint32_t len = (uint32_t)c->len - 4;
	vs_status status = may_write(c->s);

	if (!in_slot(at, len) ||
	    at % VS_NOR_SECTOR_LEN + len > VS_NOR_SECTOR_LEN)
		return VS_ERR_INPUT;
	if (status != VS_OK)
		return status;
	return vs_flash_write(c->s->flash, target_at(c->s) + at, c->in + 4,
	                      len);
}

/* The loader found nothing to start, whatever the record said: without one it
 * takes what verifies.
 */
static vs_status forget_record(const struct vs_serve *s)
{
	vs_status status = VS_OK;

	for (uint32_t i = 0; i < 2 && status == VS_OK; i++)
		status = s->flash->erase(s->flash->ctx, VS_AT_RECORD + i);
	return status;
}

static vs_status finish(struct call *c)
{
	struct vs_serve *s = c->s;
	struct vs_record rec;
	uint8_t tries = c->in[4];
	vs_status status = may_write(s);

	if (tries < 1 || tries > TRIES_MAX || first_nonzero(c->in + 5, 3) != 3)
		return VS_ERR_INPUT;
	if (status != VS_OK)
		return status;
	if (crc_of(s, 0, SLOT_LEN) != get32(c->in))
		return VS_ERR_REFUSED;
	if (by_loader(s))
		return forget_record(s);
	if (vs_record_load(&s->record, &rec) != VS_OK)
		return VS_ERR_STATE;
	status = vs_record_arm(&rec, (int)s->h->target, tries);
	return status == VS_OK ? vs_record_store(&s->record, &rec) : status;
}

static vs_status confirm(struct call *c)
{
	const struct vs_serve *s = c->s;
	struct vs_record rec;
	vs_status status;

	if (by_loader(s) || vs_record_load(&s->record, &rec) != VS_OK)
		return VS_ERR_STATE;
	if (rec.slots[s->h->slot].state == VS_SLOT_GOOD)
		return VS_OK;
	status = vs_record_confirm(&rec, (int)s->h->slot);
	return status == VS_OK ? vs_record_store(&s->record, &rec) : status;
}

static vs_status give_up(struct call *c)
{
	const struct vs_serve *s = c->s;
	uint16_t reason = get16(c->in);
	struct vs_record rec;
	vs_status status;

	if (reason == VS_REASON_NONE || reason >= VS_REASON_COUNT)
		return VS_ERR_INPUT;
	if (by_loader(s) || vs_record_load(&s->record, &rec) != VS_OK)
		return VS_ERR_STATE;
	status = vs_record_give_up(&rec, (int)s->h->slot, (vs_reason)reason);
	return status == VS_OK ? vs_record_store(&s->record, &rec) : status;
}

static vs_status restart(struct call *c)
{
	c->s->restart = true;
	return VS_OK;
}

static vs_status do_call(uint8_t type, struct call *c)
{
	static const struct {
		uint16_t min, max; /* of the payload */
	} lens[] = {
		[VS_SERVE_STATUS] = {0,  0                    },
		[VS_SERVE_DECISION] = {0,  0                    },
		[VS_SERVE_BEGIN] = {0,  0                    },
		[VS_SERVE_ERASE] = {4,  4                    },
		[VS_SERVE_CHECK] = {8,  8                    },
		[VS_SERVE_WRITE] = {20, 4 + VS_SERVE_DATA_MAX},
		[VS_SERVE_FINISH] = {8,  8                    },
		[VS_SERVE_CONFIRM] = {0,  0                    },
		[VS_SERVE_GIVE_UP] = {2,  2                    },
		[VS_SERVE_RESTART] = {0,  0                    },
	};

	if (type < VS_SERVE_STATUS || type > VS_SERVE_RESTART)
		return VS_ERR_ABSENT;
	if (c->len < lens[type].min || c->len > lens[type].max)
		return VS_ERR_INPUT;
	/* Not a table: code that runs at any address has none of addresses. */
	switch (type) {
	case VS_SERVE_STATUS:
		return status(c);
	case VS_SERVE_DECISION:
		return decision(c);
	case VS_SERVE_BEGIN:
		return begin(c);
	case VS_SERVE_ERASE:
		return erase(c);
	case VS_SERVE_CHECK:
		return check(c);
	case VS_SERVE_WRITE:
		return write(c);
	case VS_SERVE_FINISH:
		return finish(c);
	case VS_SERVE_CONFIRM:
		return confirm(c);
	case VS_SERVE_GIVE_UP:
		return give_up(c);
	default:
		return restart(c);
	}
}

static void answer(struct vs_serve *s)
{
	const uint8_t *in = s->in.bytes;
	struct call c = {
		.s = s,
		.in = in + VS_FRAME_HEAD,
		.len = s->in.len - VS_FRAME_HEAD - VS_FRAME_CRC,
		.body = s->reply + AT_BODY,
	};
	vs_status result = VS_ERR_INPUT;

	if (in[0] == VS_FRAME_VERSION)
		result = do_call(in[AT_TYPE], &c);
	if (result != VS_OK)
		c.body_len = 0;
	s->reply[0] = VS_FRAME_VERSION;
	s->reply[AT_TYPE] = in[AT_TYPE] | REPLY;
	put16(s->reply + AT_NUMBER, get16(in + AT_NUMBER));
	s->reply[AT_RESULT] = (uint8_t)result;
	s->reply_len = vs_frame_seal(s->reply, AT_BODY + c.body_len);
}

void vs_serve_init(struct vs_serve *s, const struct vs_flash *flash,
                   const struct vs_handover *h)
{
	memset(s, 0, sizeof(*s));
	s->flash = flash;
	s->h = h;
	s->record_at.flash = flash;
	s->record_at.first = VS_AT_RECORD;
	vs_flash_record_ops(&s->record_at, &s->record);
}

void vs_serve_take(struct vs_serve *s, uint8_t byte, void (*put)(uint8_t byte))
{
	const uint8_t *crc;

	if (!vs_frame_feed(&s->in, byte) || s->in.bytes[AT_TYPE] >= REPLY)
		return;
	crc = s->in.bytes + s->in.len - VS_FRAME_CRC;
	if (s->reply_len == 0 || memcmp(crc, s->asked, VS_FRAME_CRC) != 0)
		answer(s);
	memcpy(s->asked, crc, VS_FRAME_CRC);
	vs_frame_send(s->reply, s->reply_len, put);
}
