/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/head.c - 128 bytes, little endian.
 */
#include "delta/head.h"

#include <string.h>

#include "delta/operand.h"

#define AT_VERSION 8
#define AT_FORM 10
#define AT_RESERVED 11
#define AT_OLD_LEN 16
#define AT_NEW_LEN 24
#define AT_OLD_ROOT 32
#define AT_NEW_ROOT 64
#define AT_PACKER 96
#define AT_END 100
#define VERSION 1

static const uint8_t magic[8] = "VSDELTA1";

void vs_delta_head_encode(const struct vs_delta_head *in,
                          uint8_t out[static VS_DELTA_HEAD_LEN])
{
	memset(out, 0, VS_DELTA_HEAD_LEN);
	memcpy(out, magic, sizeof(magic));
	vs_put_le(out + AT_VERSION, VERSION, 2);
	out[AT_FORM] = in->form;
	vs_put_le(out + AT_OLD_LEN, in->old_len, 8);
	vs_put_le(out + AT_NEW_LEN, in->new_len, 8);
	memcpy(out + AT_OLD_ROOT, in->old_root, VS_DELTA_ROOT_LEN);
	memcpy(out + AT_NEW_ROOT, in->new_root, VS_DELTA_ROOT_LEN);
	vs_put_le(out + AT_PACKER, in->packer, 4);
}

static vs_status fail(struct vs_why *why, vs_reason code, const char *what,
                      size_t at)
{
	if (why)
		*why = (struct vs_why){code, what, at};
	return VS_ERR_INPUT;
}

static bool is_zero(const uint8_t *in, size_t len)
{
	uint8_t all = 0;

	for (size_t i = 0; i < len; i++)
		all |= in[i];
	return all == 0;
}

vs_status vs_delta_head_decode(const uint8_t in[static VS_DELTA_HEAD_LEN],
                               struct vs_delta_head *out, struct vs_why *why)
{
	if (memcmp(in, magic, sizeof(magic)) != 0)
		return fail(why, VS_REASON_MALFORMED, "not a delta", 0);
	if (vs_le(in + AT_VERSION, 2) != VERSION)
		return fail(why, VS_REASON_UNSUPPORTED, "version", AT_VERSION);
	out->form = in[AT_FORM];
	if (out->form >= VS_DELTA_FORMS)
		return fail(why, VS_REASON_UNSUPPORTED, "form", AT_FORM);
	out->packer = (uint32_t)vs_le(in + AT_PACKER, 4);
	out->old_len = vs_le(in + AT_OLD_LEN, 8);
	out->new_len = vs_le(in + AT_NEW_LEN, 8);
	if (!is_zero(in + AT_RESERVED, AT_OLD_LEN - AT_RESERVED) ||
	    !is_zero(in + AT_END, VS_DELTA_HEAD_LEN - AT_END) ||
	    (out->form == VS_DELTA_PLAIN && out->packer != 0))
		return fail(why, VS_REASON_MALFORMED, "reserved bytes",
		            AT_RESERVED);
	if (out->old_len == 0 || out->old_len > VS_DELTA_IMAGE_MAX ||
	    out->new_len == 0 || out->new_len > VS_DELTA_IMAGE_MAX)
		return fail(why, VS_REASON_MALFORMED, "image length",
		            AT_OLD_LEN);
	memcpy(out->old_root, in + AT_OLD_ROOT, VS_DELTA_ROOT_LEN);
	memcpy(out->new_root, in + AT_NEW_ROOT, VS_DELTA_ROOT_LEN);
	return VS_OK;
}
