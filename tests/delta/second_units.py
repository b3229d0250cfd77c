# SPDX-License-Identifier: Apache-2.0
"""Section 14 of docs/formats/delta-coding.md: packed images, in units.

Written from the document.
"""
from second_clusters import Batch, OldFile, Packer
from second_packing import LZ4, pack, unpack
from second_programs import Fault
from second_squash import pack_tables, unpack_tables

RAW, PACKED, TABLES, COPY, FILE = range(5)
LEVELS = ((0, 0), (1, 22), (2, 16), (1, 9), (0, 12))
MOST = {RAW: 1 << 30, PACKED: 1 << 20, TABLES: 1 << 23, COPY: 1 << 20,
        FILE: 1 << 30}
BATCH, LONGER = 1 << 17, 1 << 21
BLOCK = 4096


class Unit:
    """Bytes that are packed together."""

    def __init__(self, kind):
        self.kind, self.at, self.packed, self.len = kind, 0, 0, 0
        self.slices = []  # (first block in the view, length)
        self.batches = []  # of a new file


class Units:
    """One side's list."""

    def __init__(self, coder, number, tree, is_new, old_len):
        self.is_new, self.old_len = is_new, old_len
        self.count, self.place, self.packed, self.len, self.slices, \
            self.slice, self.inode, self.batches, self.batch, self.fixes, \
            self.fix_at, self.fix_len = (number(coder) for _ in range(12))
        self.kinds = [tree(coder, 2) for _ in range(5)]
        units, self.left = self.count.upto(32768), self.count.upto(65536)
        self.packing, self.level = self.count.upto(4), self.count.upto(100)
        self.block = self.len.upto(1 << 20)
        low, high = LEVELS[self.packing]
        if not self.block or not low <= self.level <= high:
            raise Fault("a packing")
        if self.packing == LZ4:
            self.ahead = self.count.upto(16)
            self.batches_left = self.batches.upto(65536)
            self.fixes_left = self.fixes.upto(4096)
            if not self.ahead or self.block % BLOCK:
                raise Fault("clusters")
        self.end = self.blocks = self.before = self.slot = 0
        self.list = [self.unit() for _ in range(units)]
        if units and self.left:
            raise Fault("slices of no unit")

    def unit(self):
        """The next one."""
        u = Unit(self.kinds[self.before].value())
        if u.kind == PACKED and self.packing == LZ4:
            u.kind = FILE
        self.before = u.kind
        if u.kind == COPY and not self.is_new:
            raise Fault("an old copy")
        self.lengths(u)
        if u.len == 0 and u.kind != COPY:
            raise Fault("a unit of nothing")
        fixed = 0
        if u.kind == FILE and self.is_new:
            fixed = self.read_batches(u)
        self.cut(u)
        if u.kind == FILE and (
                len(u.slices) != (2 if fixed else 1) or
                (fixed and u.slices[0][1] != fixed)):
            raise Fault("a file's slices")
        return u

    def lengths(self, u):
        """Where it is, and how long."""
        if u.kind == FILE:
            if not self.is_new:
                self.slot = self.inode.near(self.slot, self.old_len // 32)
                u.at = 32 * self.slot
        elif not self.is_new:
            u.at = self.end + self.place.upto(self.old_len - self.end)
        elif u.kind == COPY:
            u.at = self.place.near(self.end, self.old_len)
        if u.kind == COPY or (not self.is_new and u.kind != FILE):
            u.packed = self.packed.upto(self.old_len - u.at)
            self.end = u.at + u.packed
            if not self.is_new and u.packed > MOST[u.kind]:
                raise Fault("a unit's length")
        if u.kind == RAW and not self.is_new:
            u.len = u.packed
        else:
            u.len = self.len.near(self.block, MOST[u.kind])

    def read_batches(self, u):
        """Those of a new file; gives how many bytes come as they are."""
        m = self.batches.upto(self.batches_left)
        if m == 0:
            raise Fault("a file of no batch")
        self.batches_left -= m
        for i in range(m):
            batch = Batch()
            self.read_fixes(batch)
            if i + 1 < m:
                batch.len = BATCH + self.batch.upto(LONGER)
            u.batches.append(batch)
        fixed = sum(batch.fixed() for batch in u.batches)
        last = u.len - fixed - sum(batch.len for batch in u.batches)
        if not 1 <= last <= BATCH + LONGER or fixed > 1 << 20:
            raise Fault("the last batch")
        u.batches[-1].len = last
        return fixed

    def read_fixes(self, batch):
        """Those of a batch."""
        n, c = self.fixes.upto(self.fixes_left), 0
        self.fixes_left -= n
        for _ in range(n):
            cluster = c + self.fix_at.upto(BATCH + LONGER)
            c = cluster + 1
            size = self.fix_len.near(self.block, BATCH + LONGER)
            blocks = self.fix_len.near(self.block // BLOCK, 256)
            if not size or not blocks or c > BATCH + LONGER:
                raise Fault("a fix")
            batch.fixes[cluster] = size, blocks

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
        if u.kind == FILE:
            if u not in self.held:
                self.held[u] = OldFile(self.image, u.at)
            out = self.held[u].read(place, size)
        else:
            out = self.bytes(u)[place:place + size]
        return out + bytes(BLOCK - size)

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


class NewImage:
    """The new image's bytes, in parts."""

    def __init__(self, old, walk, units):
        self.old, self.walk, self.units = old, walk, units
        self.passed = 0
        self.longest = max((u.len for u in units.list if u.kind == PACKED),
                           default=0)

    def next_block(self):
        """Passes one of the view."""
        self.passed += 1
        return self.walk.block(self.passed - 1)

    def parts(self):
        """All of them."""
        known, done = {}, 0
        for u in self.units.list:
            begin = done
            for part in self.unit(u, begin, known):
                yield part
                done += len(part)
            if u.kind in (RAW, PACKED):
                known[begin] = done - begin

    def unit(self, u, place, known):
        """Those of a unit that lies there."""
        if u.kind == FILE:
            yield from Packer(self.units.level, self.units.block,
                              self.units.ahead).file(
                                  u.batches, [size for _, size in u.slices],
                                  self.next_block)
            return
        slices = []
        for _, size in u.slices:
            held = bytearray()
            for at in range(0, size, BLOCK):
                block = self.next_block()[:size - at]
                if u.kind == RAW and u.len > self.longest:
                    yield block
                else:
                    held += block
            slices.append(held)
        out = bytes(b"".join(slices))
        if u.kind == COPY:
            out = self.old[u.at:u.at + u.packed]
        elif u.kind == PACKED:
            out = pack(self.units.packing, self.units.level, out)
        elif u.kind == TABLES:
            out = pack_tables(slices, place, self.units, known)
        yield out
