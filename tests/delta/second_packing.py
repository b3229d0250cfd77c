# SPDX-License-Identifier: Apache-2.0
"""Section 15 of docs/formats/delta-coding.md: what packs and unpacks.

Written from the document.  Python has zlib and, but for the container, xz;
the other two libraries are called as they are installed.
"""
import ctypes
import lzma
import zlib

from second_programs import Fault

NONE, ZSTD, XZ, GZIP, LZ4 = range(5)


def library(name, **functions):
    """A library and what its functions give."""
    out = ctypes.CDLL(name)
    for function, gives in functions.items():
        getattr(out, function).restype = gives
    return out


SIZE, POINTER = ctypes.c_size_t, ctypes.c_void_p
LIBZSTD = library("libzstd.so.1", ZSTD_createCCtx=POINTER,
                  ZSTD_freeCCtx=SIZE, ZSTD_compressBound=SIZE,
                  ZSTD_compressCCtx=SIZE, ZSTD_decompress=SIZE)
LIBLZ4 = library("liblz4.so.1")
LIBLZMA = library("liblzma.so.5", lzma_version_number=ctypes.c_uint32)


def packer_version(packing):
    """What the head must say."""
    if packing == ZSTD:
        return LIBZSTD.ZSTD_versionNumber()
    if packing == XZ:
        return LIBLZMA.lzma_version_number()
    if packing == GZIP:
        a, b, c = (int(n) for n in zlib.ZLIB_RUNTIME_VERSION.split(".")[:3])
        return a << 16 | b << 8 | c
    if packing == LZ4:
        return LIBLZ4.LZ4_versionNumber()
    return 0


def zstd_pack(level, data):
    """What ZSTD_compressCCtx() gives."""
    room = LIBZSTD.ZSTD_compressBound(SIZE(len(data)))
    out, cctx = ctypes.create_string_buffer(room), POINTER(
        LIBZSTD.ZSTD_createCCtx())
    n = LIBZSTD.ZSTD_compressCCtx(cctx, out, SIZE(room), data,
                                  SIZE(len(data)), level)
    LIBZSTD.ZSTD_freeCCtx(cctx)
    if n > room:
        raise RuntimeError("libzstd does not pack")
    return out.raw[:n]


def zstd_unpack(data, size):
    """What a frame holds, if that is not longer."""
    out = ctypes.create_string_buffer(size + 1)
    n = LIBZSTD.ZSTD_decompress(out, SIZE(size), data, SIZE(len(data)))
    if n > size:
        raise Fault("packed: zstd")
    return out.raw[:n]


def lz4_fill(level, data, room):
    """(packed bytes, how many they hold), as much as has room."""
    out, taken = ctypes.create_string_buffer(room), ctypes.c_int(len(data))
    if level == 0:
        n = LIBLZ4.LZ4_compress_destSize(data, out, ctypes.byref(taken),
                                         room)
    else:
        state = (ctypes.c_uint64 * (LIBLZ4.LZ4_sizeofStateHC() // 8 + 1))()
        n = LIBLZ4.LZ4_compress_HC_destSize(
            state, data, out, ctypes.byref(taken), room, level)
    return out.raw[:n], taken.value


def lz4_unpack(data, size):
    """What a block holds: exactly so many bytes."""
    out = ctypes.create_string_buffer(size)
    if LIBLZ4.LZ4_decompress_safe(data, out, len(data), size) != size:
        raise Fault("packed: lz4")
    return out.raw


def vli(n):
    """A number as xz has them."""
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def crc(data):
    """With its checksum behind it."""
    return data + zlib.crc32(data).to_bytes(4, "little")


def padded(data):
    """To a multiple of four."""
    return data + bytes(-len(data) % 4)


def xz_pack(level, data):
    """What lzma_stream_buffer_encode() gives; section 15."""
    size = (2 | level & 1) << level // 2 + 11
    raw = lzma.compress(data, lzma.FORMAT_RAW, filters=[
        {"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": size}])
    most = len(data) + 3 * -(-len(data) // 65536) + 1
    if len(raw) > most:
        return bytes(most)  # is not shorter, whatever it is
    how = b"\x21\x01" + bytes([level])
    room = (2 + len(vli(most) + vli(len(data)) + how) + 3) // 4 * 4
    header = bytes([room // 4, 0xc0]) + vli(len(raw)) + vli(len(data)) + how
    block = crc(header + bytes(room - len(header))) + raw
    unpadded = len(block) + 4
    index = crc(padded(b"\0\1" + vli(unpadded) + vli(len(data))))
    footer = (len(index) // 4 - 1).to_bytes(4, "little") + b"\0\1"
    return b"\xfd7zXZ\0" + crc(b"\0\1") + padded(block) + zlib.crc32(
        data).to_bytes(4, "little") + index + zlib.crc32(footer).to_bytes(
            4, "little") + footer + b"YZ"


def pack(packing, level, data):
    """A unit."""
    if packing == ZSTD:
        return zstd_pack(level, data)
    if packing == GZIP:
        z = zlib.compressobj(level, zlib.DEFLATED, 15, 8, 0)
        return z.compress(data) + z.flush()
    if packing == XZ:
        return xz_pack(level, data)
    raise Fault("no packing")


def unpack(packing, data, size):
    """What a unit holds: exactly so many bytes."""
    good = True
    try:
        if packing == ZSTD:
            out = zstd_unpack(data, size)
        elif packing == GZIP:
            z = zlib.decompressobj()
            out = z.decompress(data, size + 1)
            good = z.eof
        elif packing == XZ:
            z = lzma.LZMADecompressor(lzma.FORMAT_XZ, 4 << 20)
            out = z.decompress(data)
            good = z.eof and not z.unused_data
        else:
            raise Fault("no packing")
    except (zlib.error, lzma.LZMAError) as e:
        raise Fault(f"packed: {e}") from e
    if not good or len(out) != size:
        raise Fault("of another length")
    return out
