# SPDX-License-Identifier: Apache-2.0
"""Sections 14 to 16 of docs/formats/delta-coding.md: packed images.

Written from the document.  What is packed by libzstd or liblz4 is not done:
Python has neither.
"""
import lzma
import zlib

from second_programs import Fault, le, sle

RAW, PACKED, TABLES, COPY, FILE = range(5)
NONE, ZSTD, XZ, GZIP, LZ4 = range(5)
LEVELS = ((0, 0), (1, 22), (2, 16), (1, 9), (0, 12))
BLOCK, META, NOTHING = 4096, 8192, (1 << 32) - 1
M32, M64 = (1 << 32) - 1, (1 << 64) - 1


class Missing(Exception):
    """Python's own libraries do not pack that way."""


class Unit:
    """Bytes that are packed together."""

    def __init__(self, kind):
        self.kind, self.at, self.packed, self.len = kind, 0, 0, 0
        self.slices = []  # (first block in the view, length)


class Units:
    """Section 14: one side's list."""

    def __init__(self, coder, number, tree, is_new, old_len):
        self.is_new, self.old_len = is_new, old_len
        self.count, self.place, self.packed, self.len, self.slices, \
            self.slice, self.inode, self.fixes = (
                number(coder) for _ in range(8))
        self.kinds = [tree(coder, 2) for _ in range(5)]
        units, self.left = self.count.upto(32768), self.count.upto(65536)
        self.packing, self.level = self.count.upto(4), self.count.upto(100)
        self.block = self.len.upto(1 << 20)
        low, high = LEVELS[self.packing]
        if not self.block or not low <= self.level <= high:
            raise Fault("a packing")
        if self.packing == LZ4:
            ahead = self.count.upto(16)
            self.fixes.upto(4096)
            if not ahead or self.block % BLOCK:
                raise Fault("clusters")
            raise Missing("lz4")
        self.end = self.blocks = self.before = 0
        self.list = [self.unit() for _ in range(units)]
        if units and self.left:
            raise Fault("slices of no unit")
        if self.packing == ZSTD:
            raise Missing("zstd")

    def unit(self):
        """The next one."""
        u = Unit(self.kinds[self.before].value())
        self.before = u.kind
        if u.kind == COPY and not self.is_new:
            raise Fault("an old copy")
        if not self.is_new:
            u.at = self.end + self.place.upto(self.old_len - self.end)
        elif u.kind == COPY:
            u.at = self.place.near(self.end, self.old_len)
        if not self.is_new or u.kind == COPY:
            u.packed = self.packed.upto(self.old_len - u.at)
            self.end = u.at + u.packed
        most = {TABLES: 1 << 23, RAW: 1 << 30}.get(u.kind, 1 << 20)
        if u.kind == RAW and not self.is_new:
            u.len = u.packed
        else:
            u.len = self.len.near(self.block, most)
        if u.len > most or (u.len == 0 and u.kind != COPY) or (
                u.kind in (PACKED, TABLES) and u.packed > most):
            raise Fault("a unit's length")
        self.cut(u)
        return u

    def cut(self, u):
        """Its slices."""
        n, rest = self.slices.upto(self.left), u.len
        self.left -= n
        if (n == 0) != (u.len == 0) or (u.kind == TABLES and n != 6):
            raise Fault("slices")
        for i in range(n):
            size = self.slice.upto(rest) if i + 1 < n else rest
            if size == 0 and u.kind != TABLES:
                raise Fault("an empty slice")
            u.slices.append((self.blocks, size))
            self.blocks += (size + BLOCK - 1) // BLOCK
            rest -= size
            if self.blocks > 1 << 24:
                raise Fault("the view")


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
    if packing == GZIP:
        z = zlib.compressobj(level, zlib.DEFLATED, 15, 8, 0)
        return z.compress(data) + z.flush()
    if packing == XZ:
        return xz_pack(level, data)
    raise Fault("no packing")


def unpack(packing, data, size):
    """What a unit holds: exactly so many bytes."""
    try:
        if packing == GZIP:
            z = zlib.decompressobj()
            out = z.decompress(data, size + 1)
            good = z.eof
        elif packing == XZ:
            z = lzma.LZMADecompressor(lzma.FORMAT_XZ)
            out = z.decompress(data)
            good = z.eof and not z.unused_data
        else:
            raise Fault("no packing")
    except (zlib.error, lzma.LZMAError) as e:
        raise Fault(f"packed: {e}") from e
    if not good or len(out) != size:
        raise Fault("of another length")
    return out


class OldView:
    """The old image's view."""

    def __init__(self, units, image):
        self.units, self.image, self.held = units, image, {}
        self.blocks = {}
        for u in units.list:
            place = 0
            for at, size in u.slices:
                for i in range((size + BLOCK - 1) // BLOCK):
                    self.blocks[at + i] = (
                        u, place + i * BLOCK, min(size - i * BLOCK, BLOCK))
                place += size
        self.tables = None

    def read(self, b):
        """A block."""
        if b not in self.blocks:
            return bytes(BLOCK)
        u, place, size = self.blocks[b]
        return self.bytes(u)[place:place + size] + bytes(BLOCK - size)

    def bytes(self, u):
        """What a unit holds."""
        packed = self.image[u.at:u.at + u.packed]
        if u.kind == RAW:
            return packed
        if u not in self.held:
            if u.kind == PACKED:
                self.held[u] = unpack(self.units.packing, packed, u.len)
            else:
                if self.tables not in (None, u):
                    raise Fault("tables twice")
                self.tables = u
                self.held[u] = unpack_tables(
                    packed, [size for _, size in u.slices], self.units)
        return self.held[u]


class Squash:
    """Section 16: the walk through tables, both ways."""

    LENGTHS = (32, 32, 24, 24, 24, 20, 20, 40, 56, 28, 28, 28, 24, 24)

    def __init__(self, parts, block, known, undo):
        self.parts, self.block, self.known = parts, block, known
        self.undo, self.starts, self.places = undo, [], {}
        self.fragments = []

    def diff(self, part, at, size, d):
        """A field and what it should be."""
        v, mask = le(part, at, size), (1 << 8 * size) - 1
        other = (v + d if self.undo else v - d) & mask
        part[at:at + size] = other.to_bytes(size, "little")
        return other if self.undo else v

    def swap(self, part, at, d):
        """The same for one that is right or foreign."""
        v = le(part, at, 4)
        other = 0 if v == d else d if v == 0 else v
        part[at:at + 4] = other.to_bytes(4, "little")
        return other if self.undo else v

    def first(self):
        """Fragments and inodes."""
        part, e = self.parts[2], 0
        for i in range(0, len(part) // 16 * 16, 16):
            at = self.diff(part, i, 8, e)
            size = self.swap(part, i + 8, self.known.get(at, 0)) & 0xffffff
            self.fragments.append((at, size))
            e = at + size & M64
        self.data, self.frag, self.frag_end = 96, 0, 0
        self.num = self.fold = self.fold_end = 0
        at = 0
        while at < len(self.parts[0]):
            at += self.inode(self.parts[0], at)

    def inode(self, part, at):
        """One inode; gives its length."""
        left = len(part) - at
        kind = le(part, at, 2)
        if left < 16 or not 1 <= kind <= 14 or left < self.LENGTHS[kind - 1]:
            raise Fault("an inode")
        size = self.LENGTHS[kind - 1]
        blocks = 0
        if kind in (2, 9):
            length = le(part, at + 28, 4) if kind == 2 else \
                le(part, at + 24, 8)
            blocks = length // self.block
            if length % self.block and \
                    le(part, at + (20 if kind == 2 else 44), 4) == NOTHING:
                blocks += 1
            more = 4 * blocks
        else:
            more = le(part, at + 20, 4) if kind in (3, 10) else 0
        if more > left - size:
            raise Fault("an inode's end")
        size += more
        for _ in range(le(part, at + 32, 2) if kind == 8 else 0):
            if left - size < 12:
                raise Fault("a folder's index")
            size += 12 + le(part, at + size + 8, 4) + 1
            if size > left:
                raise Fault("a folder's index")
        self.num = self.diff(part, at + 12, 4, self.num + 1 & M32)
        if self.num < len(part) // 20 + 2:
            self.places[self.num] = at
        if kind in (2, 9):
            self.file(part, at, kind == 9, length, blocks)
        elif kind in (1, 8):
            self.folder(part, at, kind == 8)
        return size

    def file(self, part, at, is_long, length, blocks):
        """Where its data and its tail are."""
        tail = length % self.block
        fragment = at + (44 if is_long else 20)
        if tail and le(part, fragment, 4) != NOTHING:
            fits = tail <= self.block - self.frag_end
            i = self.swap(part, fragment, self.frag + (0 if fits else 1))
            o = self.swap(part, at + (48 if is_long else 24),
                          self.frag_end if fits else 0)
            if not (i >= len(self.fragments) or i < self.frag or
                    (i == self.frag and o < self.frag_end) or
                    o > self.block - tail):
                self.frag, self.frag_end = i, o + tail
        if not blocks:
            return
        a = self.diff(part, at + 16, 8 if is_long else 4,
                      self.behind(self.data))
        if a > (1 << 63) - 1:
            a = 0
        first = at + (56 if is_long else 32)
        for i in range(blocks):
            a += self.swap(part, first + 4 * i,
                           self.known.get(a, 0)) & 0xffffff
        self.data = max(self.data, a)

    def behind(self, x):
        """Where data goes on."""
        low, high = 0, len(self.fragments)
        while low < high:
            middle = (low + high) // 2
            if self.fragments[middle][0] < x:
                low = middle + 1
            else:
                high = middle
        while low < len(self.fragments) and self.fragments[low][0] == x:
            x += self.fragments[low][1]
            low += 1
        return x

    def folder(self, part, at, is_long):
        """Where its names are."""
        size = le(part, at + 20, 4) if is_long else le(part, at + 24, 2)
        self.fold = self.diff(part, at + (24 if is_long else 16), 4,
                              self.fold)
        self.fold_end = self.diff(part, at + (34 if is_long else 26), 2,
                                  self.fold_end % META)
        self.fold_end = self.fold_end + max(size - 3, 0) & M32
        self.diff(part, at + 28, 4, self.num)

    def where(self, n):
        """A packed piece's begin, and the place in it."""
        place = self.places.get(n & M32)
        if place is None or place // META >= len(self.starts):
            return 0, 0
        return self.starts[place // META], place % META

    def second(self):
        """Exports and folders."""
        part = self.parts[3]
        for i in range(len(part) // 8):
            s, o = self.where(i + 1)
            self.diff(part, 8 * i, 8, s << 16 | o)
        part, number, at = self.parts[1], 0, 0
        while at < len(part):
            if len(part) - at < 20:
                raise Fault("a folder's head")
            number = self.diff(part, at + 8, 4, number)
            self.diff(part, at + 4, 4,
                      self.where(number + sle(part, at + 14, 2))[0])
            names = le(part, at, 4) + 1
            at += 12
            for _ in range(names):
                size = 9 + le(part, at + 6, 2)
                if len(part) - at < 8 or size > len(part) - at:
                    raise Fault("a name")
                self.diff(part, at, 2,
                          self.where(number + sle(part, at + 2, 2))[1])
                at += size


def unpack_tables(data, lengths, units):
    """An old image's tables in normal form."""
    parts, at, starts = [], 0, []
    for i, length in enumerate(lengths[:5]):
        part, begin, pieces = bytearray(), at, 0
        while len(part) < length:
            want = min(length - len(part), META)
            if at + 2 > len(data):
                raise Fault("tables end early")
            if i == 0:
                starts.append(at - begin)
            size = le(data, at, 2)
            piece = data[at + 2:at + 2 + (size & 0x7fff)]
            if len(piece) < size & 0x7fff:
                raise Fault("tables end early")
            at += 2 + len(piece)
            if not size & 0x8000:
                piece = unpack(units.packing, piece, want)
            if len(piece) != want:
                raise Fault("a piece of tables")
            part += piece
            pieces += 1
        at += 8 * pieces if i >= 2 else 0
        parts.append(part)
    parts.append(bytearray(data[at:]))
    if at > len(data) or len(parts[5]) != lengths[5]:
        raise Fault("the rest of the tables")
    walk = Squash(parts, units.block, {}, False)
    walk.starts = starts
    walk.first()
    walk.second()
    return bytes(b"".join(parts))


def pack_tables(parts, place, units, known):
    """The new image's tables, which lie at a place."""
    walk, out = Squash(parts, units.block, known, True), b""
    level = 2 if units.packing == XZ else units.level
    walk.first()
    for i, part in enumerate(parts[:5]):
        begin, index = len(out), b""
        for at in range(0, len(part), META):
            piece = bytes(part[at:at + META])
            packed, mark = pack(units.packing, level, piece), 0
            if len(packed) >= len(piece):
                packed, mark = piece, 0x8000
            if i == 0:
                walk.starts.append(len(out) - begin)
            index += (place + len(out)).to_bytes(8, "little")
            out += (len(packed) | mark).to_bytes(2, "little") + packed
        if i >= 2:
            out += index
        if i == 0:
            walk.second()
    return out + bytes(parts[5])


def packer_version(packing):
    """What the head must say; None: Python does not tell."""
    if packing == GZIP:
        a, b, c = (int(n) for n in zlib.ZLIB_RUNTIME_VERSION.split(".")[:3])
        return a << 16 | b << 8 | c
    return None if packing == XZ else 0


def new_image(old, walk, units):
    """The new image's bytes, in parts."""
    known, done, block = {}, 0, 0
    longest = max((u.len for u in units.list if u.kind == PACKED), default=0)
    for u in units.list:
        slices = []
        for _, size in u.slices:
            parts = []
            for at in range(0, size, BLOCK):
                parts.append(walk.block(block)[:size - at])
                block += 1
                if u.kind == RAW and u.len > longest:
                    yield parts[-1]
            slices.append(bytearray(b"".join(parts)))
        out = b"".join(slices)
        if u.kind == COPY:
            out = old[u.at:u.at + u.packed]
        elif u.kind == PACKED:
            out = pack(units.packing, units.level, out)
        elif u.kind == TABLES:
            out = pack_tables(slices, done, units, known)
        if u.kind in (RAW, PACKED):
            known[done] = len(out)
        if u.kind != RAW or u.len <= longest:
            yield bytes(out)
        done += len(out)
