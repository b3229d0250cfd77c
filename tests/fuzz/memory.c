/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/memory.c - what libraries write, told to MemorySanitizer.
 *
 * Their code is not instrumented, so that it takes what comes out of them for
 * never written, and does not see what goes in.  Each call that the delta room
 * makes of them is linked to these (-Wl,--wrap): what goes in must have been
 * written, and what came out is said to be.
 */
#include <lz4.h>
#include <lz4hc.h>
#include <lzma.h>
#include <sanitizer/msan_interface.h>
#include <zlib.h>
#include <zstd.h>

#define WRAPPED(name) __typeof__(name) __real_##name, __wrap_##name

WRAPPED(ZSTD_compressCCtx);
WRAPPED(ZSTD_decompressDCtx);
WRAPPED(lzma_stream_buffer_encode);
WRAPPED(lzma_stream_buffer_decode);
WRAPPED(deflate);
WRAPPED(uncompress);
WRAPPED(LZ4_compress_destSize);
WRAPPED(LZ4_compress_HC_destSize);
WRAPPED(LZ4_decompress_safe);

static void begin(const void *in, size_t len)
{
	__msan_check_mem_is_initialized(in, len);
	/* what it compares of its own is its own affair */
	__msan_scoped_disable_interceptor_checks();
}

static void end(const void *out, size_t len)
{
	__msan_scoped_enable_interceptor_checks();
	__msan_unpoison(out, len);
}

size_t __wrap_ZSTD_compressCCtx(ZSTD_CCtx *c, void *out, size_t room,
                                const void *in, size_t len, int level)
{
	size_t n;

	begin(in, len);
	n = __real_ZSTD_compressCCtx(c, out, room, in, len, level);
	end(out, ZSTD_isError(n) ? 0 : n);
	return n;
}

size_t __wrap_ZSTD_decompressDCtx(ZSTD_DCtx *d, void *out, size_t room,
                                  const void *in, size_t len)
{
	size_t n;

	begin(in, len);
	n = __real_ZSTD_decompressDCtx(d, out, room, in, len);
	end(out, ZSTD_isError(n) ? 0 : n);
	return n;
}

lzma_ret __wrap_lzma_stream_buffer_encode(lzma_filter *filters,
                                          lzma_check check,
                                          const lzma_allocator *memory,
                                          const uint8_t *in, size_t len,
                                          uint8_t *out, size_t *at, size_t room)
{
	lzma_ret ret;

	begin(in, len);
	ret = __real_lzma_stream_buffer_encode(filters, check, memory, in, len,
	                                       out, at, room);
	end(out, *at);
	return ret;
}

lzma_ret __wrap_lzma_stream_buffer_decode(uint64_t *limit, uint32_t flags,
                                          const lzma_allocator *memory,
                                          const uint8_t *in, size_t *in_at,
                                          size_t len, uint8_t *out, size_t *at,
                                          size_t room)
{
	lzma_ret ret;

	begin(in, len);
	ret = __real_lzma_stream_buffer_decode(limit, flags, memory, in, in_at,
	                                       len, out, at, room);
	end(out, *at);
	return ret;
}

int __wrap_deflate(z_stream *z, int flush)
{
	const Bytef *out = z->next_out;
	int ret;

	begin(z->next_in, z->avail_in);
	ret = __real_deflate(z, flush);
	end(out, (size_t)(z->next_out - out));
	return ret;
}

int __wrap_uncompress(Bytef *out, uLongf *len, const Bytef *in, uLong in_len)
{
	int ret;

	begin(in, in_len);
	ret = __real_uncompress(out, len, in, in_len);
	end(out, ret == Z_OK ? *len : 0);
	return ret;
}

int __wrap_LZ4_compress_destSize(const char *in, char *out, int *len, int room)
{
	int n;

	begin(in, (size_t)*len);
	n = __real_LZ4_compress_destSize(in, out, len, room);
	end(out, n > 0 ? (size_t)n : 0);
	return n;
}

int __wrap_LZ4_compress_HC_destSize(void *state, const char *in, char *out,
                                    int *len, int room, int level)
{
	int n;

	begin(in, (size_t)*len);
	n = __real_LZ4_compress_HC_destSize(state, in, out, len, room, level);
	end(out, n > 0 ? (size_t)n : 0);
	return n;
}

int __wrap_LZ4_decompress_safe(const char *in, char *out, int len, int room)
{
	int n;

	begin(in, (size_t)len);
	n = __real_LZ4_decompress_safe(in, out, len, room);
	end(out, n > 0 ? (size_t)n : 0);
	return n;
}
