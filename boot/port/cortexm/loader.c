/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/loader.c - the controller's boot stage.
 *
 * boot/boot.h decides; this finds the slots, hands the decision over and
 * jumps.  An image starts in one place, start(), which asks everything again
 * that brought it there.  If nothing may start, the loader itself speaks the
 * serial update protocol, so that the gateway can put an image in.
 */
#include "boot/port/cortexm/loader.h"

#include "boot/crc.h"
#include "boot/flash_floor.h"
#include "boot/memory.h"
#include "boot/port/bearssl.h"
#include "boot/port/cortexm/nor.h"
#include "boot/port/cortexm/place.h"
#include "boot/port/cortexm/serve.h"
#include "boot/port/cortexm/uart.h"

#define SLOT_LEN ((uint32_t)VS_SLOT_SECTORS * VS_NOR_SECTOR_LEN)

/* docs/formats/boot-record.md section 5, seal.md sections 1 and 3. */
enum {
	FLOOR_OF_IMAGE = 0x46, /* mark, number 0, reserved */
	FLOOR_WORDS = 4,
	FLOOR_CRC = 12,
	NAME_WORDS = VS_COMPONENT_LEN / 4, /* component, and each hardware id */
	AT_COMPONENT = 16,
	AT_SECURITY = 216,
	FOOTER_LEN = 16384,
	LMS_ROOT = 24, /* in a public key: RFC 8554 section 5.3 */
};

_Static_assert(VS_COMPONENT_LEN == VS_HARDWARE_LEN && VS_HARDWARE_LEN % 4 == 0,
               "names are compared by words, one after the other");

struct loader {
	struct vs_flash flash;
	struct vs_flash_part floor_at;
	struct vs_flash_part record_at;
	struct vs_place place;
	struct vs_boot_ops ops;
	struct vs_crypto bearssl;
	struct vs_boot_decision d;
	volatile uint32_t prepared;         /* enum step, one after the other */
	volatile uint32_t hashed[VS_SLOTS]; /* blocks of each slot */
	volatile uint32_t signers[VS_SLOTS]; /* a bit for each key */
	volatile uint32_t asked; /* the slot whose header was hashed last */
};

/* Constant, so that no instruction that fills it in can be skipped. */
static const struct vs_boot_component controller = {
	.name = (const char *)VS_FACTORY_AT,
	.hardware = (const char *)VS_FACTORY_AT + VS_COMPONENT_LEN,
	.hash_whole = true,
};

/* What start() wants to have happened, as sums. */
enum step { RING_SOUND = 0x1359, DECIDED = 0x2468000, BROUGHT = 0x50000000 };

static uint64_t slot_len(void *ctx, int component, int slot)
{
	(void)ctx;
	return component == 0 && slot >= 0 && slot < VS_SLOTS ? SLOT_LEN : 0;
}

static const uint8_t *map(void *ctx, int component, int slot, uint64_t at,
                          size_t len)
{
	const struct loader *l = ctx;
	uint64_t all = slot_len(ctx, component, slot);

	if (at > all || len > all - at)
		return NULL;
	return vs_nor_map(vs_place_of(&l->place, slot) * VS_NOR_SECTOR_LEN +
	                          (uint32_t)at,
	                  (uint32_t)len);
}

/* Notes the keys of the ring that have these bytes at from, as such that signed
 * what was asked for.
 */
static void note(struct loader *l, const uint8_t *bytes, size_t from,
                 size_t len)
{
	const struct vs_keyring *ring = &vs_board_factory()->ring;

	for (uint32_t i = 0; i < VS_KEYRING_KEYS_MAX; i++)
		if (memcmp(ring->keys[i].point + from, bytes, len) == 0)
			l->signers[l->asked] |= UINT32_C(1) << i;
}

/* Counts the blocks of slots that are hashed: boot/ counts what it means to
 * check, this counts what the image's length demands.  And sees the roots of
 * LMS keys: only their signatures lead there.
 */
static vs_status sha256(void *ctx, const uint8_t *a, size_t a_len,
                        const uint8_t *b, size_t b_len,
                        uint8_t digest[static VS_SHA256_LEN])
{
	struct loader *l = ctx;
	vs_status status;

	for (uint32_t slot = 0; slot < VS_SLOTS; slot++) {
		const uint8_t *at = map(l, 0, (int)slot, 0, SLOT_LEN);

		if (b_len == VS_BLOCK_LEN && b >= at && b < at + SLOT_LEN)
			l->hashed[slot]++;
		if (a == at + SLOT_LEN - FOOTER_LEN)
			l->asked = slot;
	}
	status = l->bearssl.sha256(l->bearssl.ctx, a, a_len, b, b_len, digest);
	if (status == VS_OK)
		note(l, digest, LMS_ROOT, VS_SHA256_LEN);
	return status;
}

/* Who says yes to another digest too did not look.  Both are asked by one call,
 * so that no skip spoils the second answer alone.
 */
static vs_status p256_verify(void *ctx,
                             const uint8_t key[static VS_P256_KEY_LEN],
                             const uint8_t digest[static VS_SHA256_LEN],
                             const uint8_t sig[static VS_P256_SIG_LEN])
{
	const uint8_t *const asked[2] = {(const uint8_t *)vs_board_factory(),
	                                 digest};
	struct loader *l = ctx;
	volatile vs_status said[2];

	for (int i = 0; i < 2; i++)
		said[i] = l->bearssl.p256_verify(l->bearssl.ctx, key, asked[i],
		                                 sig);
	if (said[0] != VS_ERR_REFUSED)
		return VS_ERR_REFUSED;
	if (said[1] == VS_OK)
		note(l, key, 0, VS_P256_KEY_LEN);
	return said[1];
}

static vs_status floor_get(void *ctx, int component, uint32_t *out)
{
	const struct loader *l = ctx;

	return vs_flash_floor_get(&l->floor_at, component, out);
}

static vs_status floor_raise(void *ctx, int component, uint32_t to)
{
	const struct loader *l = ctx;

	return vs_flash_floor_raise(&l->floor_at, component, to);
}

static void say(void *ctx, const char *what, int component, int slot,
                vs_reason reason)
{
	(void)ctx;
	(void)component;
	vs_uart_text("loader: ");
	vs_uart_text(what);
	if (slot >= 0) {
		vs_uart_text(", slot ");
		vs_uart_number((uint32_t)slot);
	}
	if (reason != VS_REASON_NONE) {
		vs_uart_text(", reason ");
		vs_uart_number(reason);
	}
	vs_uart_text("\r\n");
}

/* came_back: slots that did not start, a bit for each. */
static void set_up(struct loader *l, uint32_t came_back)
{
	memset(l, 0, sizeof(*l));
	vs_nor_init(&l->flash);
	l->floor_at.flash = &l->flash;
	l->floor_at.first = VS_AT_FLOOR;
	l->record_at.flash = &l->flash;
	l->record_at.first = VS_AT_RECORD;
	l->ops.ctx = l;
	vs_flash_record_ops(&l->record_at, &l->ops.record);
	vs_bearssl_i15(&l->bearssl);
	l->ops.crypto.ctx = l;
	l->ops.crypto.sha256 = sha256;
	l->ops.crypto.p256_verify = p256_verify;
	l->ops.slot_len = slot_len;
	l->ops.floor_get = floor_get;
	l->ops.floor_raise = floor_raise;
	l->ops.map = map;
	l->ops.came_back = came_back;
	l->ops.log = say;
	l->d.slot = -1;
	l->d.verdict = VS_VERDICT_DENY;
}

/* Who could change the keyring could change this loader; what may have gone
 * wrong is the factory.
 */
static vs_status check_ring(const struct vs_keyring *ring)
{
	if (ring->version < 1 || ring->key_count > VS_KEYRING_KEYS_MAX ||
	    ring->component_count > VS_KEYRING_COMPONENTS_MAX ||
	    ring->threshold < 1 ||
	    ring->threshold + ring->lms_threshold > ring->key_count)
		return VS_ERR_INPUT;
	/* A key that stood there twice would count as two people. */
	for (unsigned i = 1; i < ring->key_count; i++)
		for (unsigned k = 0; k < i; k++)
			if (memcmp(ring->keys[i].point, ring->keys[k].point,
			           VS_P256_KEY_LEN) == 0)
				return VS_ERR_INPUT;
	return VS_OK;
}

/* Verifies again what was moved. */
static vs_status look_again(struct loader *l, const struct vs_keyring *ring)
{
	struct vs_seal_header header;
	struct vs_why why;
	vs_status status;

	l->hashed[l->d.slot] = 0;
	l->signers[l->d.slot] = 0;
	status = vs_boot_verify_component(&l->ops, &controller, 0, l->d.slot,
	                                  ring, NULL, &header, &why);

	if (status != VS_OK)
		return status;
	return vs_seal_header_equal(&header, &l->d.header[0]) ? VS_OK
	                                                      : VS_ERR_REFUSED;
}

static vs_status bring(struct loader *l, const struct vs_keyring *ring)
{
	bool moved = true;
	vs_status status = vs_place_bring(&l->place, l->d.slot, &moved);

	if (status == VS_OK && moved)
		status = look_again(l, ring);
	return status;
}

/* Decides, and has the slot where it runs. */
static vs_status choose(struct loader *l)
{
	const struct vs_keyring *ring = &vs_board_factory()->ring;
	vs_status status = check_ring(ring);

	if (status != VS_OK)
		return status;
	l->prepared += RING_SOUND;
	status = vs_place_init(&l->place, &l->flash);
	if (status == VS_OK)
		status = vs_boot_decide(&l->ops, &controller, 1, ring,
		                        vs_board_cause(), NULL, &l->d);
	if (status != VS_OK || l->d.verdict != VS_VERDICT_BOOT)
		return VS_ERR_REFUSED;
	l->prepared += DECIDED;
	status = bring(l, ring);
	if (status == VS_OK)
		l->prepared += BROUGHT;
	return status;
}

static void hand_over(struct loader *l)
{
	struct vs_handover *h = vs_board_handover();
	struct vs_record rec;
	uint32_t slot = (uint32_t)l->d.slot;
	uint32_t target = !slot;

	if (l->d.verdict != VS_VERDICT_BOOT) {
		slot = VS_SERVE_LOADER;
		target = 1;
		if (vs_record_load(&l->ops.record, &rec) == VS_OK)
			target = !rec.slot;
	}
	h->slot = slot;
	h->target = target;
	h->target_at = vs_place_of(&l->place, (int)target);
	memcpy(h->component, controller.name, VS_COMPONENT_LEN);
	memcpy(h->hardware, controller.hardware, VS_HARDWARE_LEN);
	h->decision_len = VS_DECISION_LEN(1);
	vs_decision_encode(&l->d, &controller, 1, h->decision);
}

/* The head of an image: its stack's top, and where it begins, from its first
 * byte on, with bit 0 set for Thumb.
 */
static bool can_jump(const struct loader *l, uint32_t top, uint32_t entry)
{
	return top > VS_IMAGE_RAM_AT && top <= VS_IMAGE_RAM_END &&
	       top % 8 == 0 && entry % 2 == 1 &&
	       entry < l->d.header[0].image_len;
}

static bool all_done(const struct loader *l)
{
	uint64_t blocks =
		(l->d.header[0].image_len + VS_BLOCK_LEN - 1) / VS_BLOCK_LEN;

	return blocks > 0 && l->hashed[l->d.slot & 1] >= blocks &&
	       l->prepared == (uint32_t)RING_SOUND + DECIDED + BROUGHT &&
	       l->d.verdict == VS_VERDICT_BOOT;
}

/* The footer of the slot that is about to start. */
static const uint32_t *footer_of(const struct loader *l)
{
	return (const uint32_t *)(VS_NOR_AT +
	                          vs_place_of(&l->place, l->d.slot) *
	                                  VS_NOR_SECTOR_LEN +
	                          SLOT_LEN - FOOTER_LEN);
}

/* Whether the signed version, as it stands in the slot, is at or above all that
 * the floors' sectors hold.  Reads both anew and in its own way: a skip in what
 * boot/ decodes them with would spoil each of its looks alike.
 */
static bool above_floor(const struct loader *l)
{
	const uint32_t *version = footer_of(l) + AT_SECURITY / 4;
	const uint32_t *word =
		(const uint32_t *)(VS_NOR_AT + VS_AT_FLOOR * VS_NOR_SECTOR_LEN);
	const uint32_t *end = word + 2 * VS_NOR_SECTOR_LEN / sizeof(*word);
	uint32_t looked = 0;

	for (; word < end; word += FLOOR_WORDS, looked++)
		if (word[0] == FLOOR_OF_IMAGE && word[1] == ~word[2] &&
		    word[3] == vs_crc32((const uint8_t *)word, FLOOR_CRC) &&
		    *version < word[1])
			return false;
	return looked == 2 * VS_NOR_SECTOR_LEN / VS_FLASH_GRAIN;
}

/* How many of count names in a row, of 32 bytes each, are just this one. */
static uint32_t named(const uint32_t *names, uint32_t count,
                      const uint32_t *name)
{
	uint32_t same = 0;

	for (; count > 0; count--, names += NAME_WORDS) {
		uint32_t differs = 0;

		for (uint32_t i = 0; i < NAME_WORDS; i++)
			differs |= names[i] ^ name[i];
		same += differs == 0;
	}
	return same;
}

/* Whether the signed names, as they stand in the slot, are this machine's;
 * anew and in another way, for the same reason.
 */
static bool made_for_this(const struct loader *l)
{
	const uint32_t *own = (const uint32_t *)VS_FACTORY_AT;
	const uint32_t *names = footer_of(l) + AT_COMPONENT / 4;

	return named(names, 1, own) == 1 &&
	       named(names + NAME_WORDS, VS_HARDWARE_MAX, own + NAME_WORDS) ==
	               1;
}

/* Whether enough keys of each kind were seen to have signed: another count than
 * the one that led here, of what the crypto itself found.
 */
static bool signed_enough(const struct loader *l)
{
	const struct vs_keyring *ring = &vs_board_factory()->ring;
	uint32_t signers = l->signers[l->d.slot & 1];
	uint32_t people = 0;
	uint32_t lms = 0;

	for (uint32_t i = 0; i < VS_KEYRING_KEYS_MAX; i++, signers >>= 1) {
		if (ring->keys[i].scheme == VS_SCHEME_LMS_SHA256)
			lms += signers & 1;
		else
			people += signers & 1;
	}
	return people >= ring->threshold && lms >= ring->lms_threshold;
}

static void jump(uint32_t top, uint32_t entry)
{
	__asm__ volatile("cpsie i\n\t"
	                 "msr msp, %0\n\t"
	                 "bx %1"
	                 :
	                 : "r"(top), "r"(entry)
	                 : "memory");
	for (;;)
		;
}

/* Comes back if something is missing. */
static void start(const struct loader *l)
{
	uint32_t at = vs_place_of(&l->place, l->d.slot) * VS_NOR_SECTOR_LEN;
	const uint32_t *head = (const uint32_t *)(VS_NOR_AT + at);

	if (!all_done(l) || !signed_enough(l) || !above_floor(l) ||
	    !made_for_this(l) || !can_jump(l, head[0], head[1]))
		return;
	vs_board_watch();
	vs_board_expect(VS_RESET_WATCHDOG);
	if (all_done(l))
		vs_board_guard(false);
	if (all_done(l) && signed_enough(l) && above_floor(l) &&
	    made_for_this(l))
		jump(head[0], VS_NOR_AT + at + head[1]);
}

/* Whether there was an image to start, which came back. */
static bool run_one(struct loader *l, uint32_t came_back)
{
	set_up(l, came_back);
	if (choose(l) != VS_OK)
		return false;
	hand_over(l);
	vs_uart_text("loader: memory ");
	vs_uart_number(vs_loader_used());
	vs_uart_text("\r\n");
	start(l);
	vs_board_guard(true);
	say(l, "does not start", 0, l->d.slot, VS_REASON_BOOT_FAILED);
	return true;
}

/* Nothing runs: whoever asks must not take the loader for an image. */
static void start_none(struct loader *l)
{
	l->d.verdict = VS_VERDICT_DENY;
	l->d.slot = -1;
	memset(l->d.header, 0, sizeof(l->d.header));
	hand_over(l);
	vs_loader_serve(&l->flash);
}

void vs_loader_run(void)
{
	static struct loader l;
	uint32_t came_back = 0;

	vs_board_guard(true);
	vs_uart_init();
	while (run_one(&l, came_back))
		came_back |= UINT32_C(1) << l.d.slot;
	start_none(&l);
}
