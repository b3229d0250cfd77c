/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/kernel.c - takes a kernel image apart.
 */
#include "boot/port/uefi/kernel.h"

#include "seal/bytes.h"

enum {
	AT_MAGIC = 0,
	AT_FORMAT = 8,
	AT_MACHINE = 10,
	AT_COMMAND_LEN = 12,
	AT_KERNEL_LEN = 16,
	AT_INITRD_LEN = 24,
	AT_RESERVED = 32,
	AT_COMMAND = 64,
	ALIGN = 4096,
};

static const uint8_t magic[8] = {'V', 'S', 'K', 'E', 'R', 'N', 'E', 'L'};

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

static bool all_zero(const uint8_t *in, size_t from, size_t to)
{
	return first_nonzero(in + from, to - from) == to - from;
}

static vs_status decode_head(const uint8_t *in, size_t len,
                             struct vs_kernel *out, struct vs_why *why)
{
	uint32_t command_len;

	if (len < VS_KERNEL_HEAD_LEN ||
	    memcmp(in + AT_MAGIC, magic, sizeof(magic)) != 0)
		return malformed(why, "not a kernel image", AT_MAGIC);
	if (get16(in + AT_FORMAT) != 1)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "unknown version of kernel image", AT_FORMAT);
	command_len = get32(in + AT_COMMAND_LEN);
	if (command_len > VS_KERNEL_COMMAND_MAX)
		return malformed(why, "command line is too long",
		                 AT_COMMAND_LEN);
	for (size_t i = 0; i < command_len; i++)
		if (in[AT_COMMAND + i] < ' ' || in[AT_COMMAND + i] > '~')
			return malformed(why, "command line is not text",
			                 AT_COMMAND + i);
	if (!all_zero(in, AT_RESERVED, AT_COMMAND) ||
	    !all_zero(in, AT_COMMAND + command_len, VS_KERNEL_HEAD_LEN))
		return malformed(why, "reserved byte is not zero", AT_RESERVED);
	out->machine = get16(in + AT_MACHINE);
	out->command = (const char *)in + AT_COMMAND;
	out->command_len = command_len;
	return VS_OK;
}

vs_status vs_kernel_decode(const uint8_t *in, size_t len, struct vs_kernel *out,
                           struct vs_why *why)
{
	vs_status status = decode_head(in, len, out, why);
	uint64_t kernel_len;
	uint64_t initrd_len;
	size_t room;
	size_t end;
	size_t initrd_at;

	if (status != VS_OK)
		return status;
	kernel_len = get64(in + AT_KERNEL_LEN);
	initrd_len = get64(in + AT_INITRD_LEN);
	room = len - VS_KERNEL_HEAD_LEN;
	if (kernel_len == 0 || kernel_len > room)
		return malformed(why, "kernel is not in the image",
		                 AT_KERNEL_LEN);
	end = VS_KERNEL_HEAD_LEN + (size_t)kernel_len;
	initrd_at = initrd_len == 0 ? end : (end + ALIGN - 1) / ALIGN * ALIGN;
	if (initrd_at > len || initrd_len != len - initrd_at)
		return malformed(why, "initrd does not end the image",
		                 AT_INITRD_LEN);
	if (!all_zero(in, end, initrd_at))
		return malformed(why, "byte between kernel and initrd", end);
	out->kernel = in + VS_KERNEL_HEAD_LEN;
	out->kernel_len = (size_t)kernel_len;
	out->initrd = in + initrd_at;
	out->initrd_len = (size_t)initrd_len;
	return VS_OK;
}
