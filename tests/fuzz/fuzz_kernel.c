/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_kernel.c - a kernel image's parts cover all of it.
 */
#include <assert.h>
#include <stdint.h>

#include "boot/port/uefi/kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vs_kernel k;
	struct vs_why why = {VS_REASON_NONE, NULL, 0};

	if (vs_kernel_decode(data, size, &k, &why) != VS_OK) {
		assert(why.what && why.at <= size);
		return 0;
	}
	assert(k.kernel == data + VS_KERNEL_HEAD_LEN && k.kernel_len > 0);
	assert(k.command_len <= VS_KERNEL_COMMAND_MAX);
	assert(k.initrd >= k.kernel + k.kernel_len);
	assert(k.initrd + k.initrd_len == data + size);
	return 0;
}
