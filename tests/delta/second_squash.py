# SPDX-License-Identifier: Apache-2.0
"""Section 16 of docs/formats/delta-coding.md: tables of a squashfs.

Written from the document.
"""
from second_packing import XZ, pack, unpack
from second_programs import Fault, le, sle

META, NOTHING = 8192, (1 << 32) - 1
M32, M64 = (1 << 32) - 1, (1 << 64) - 1


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
