#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second applier of deltas: second.py OLD DELTA OUT.

Written from docs/formats/delta.md and delta-coding.md, to see that they are
enough; slow.  Exits with 0, or with 1 at a fault: then OUT holds the blocks
before it.  libzstd, liblz4 and liblzma must be installed.
"""
import sys

from second_packing import packer_version
from second_programs import Fault, Finder, Learnt, Pair, le, read_table
from second_units import NewImage, OldView, Units

M32, M64 = (1 << 32) - 1, (1 << 64) - 1
BLOCK = 4096


def cut(a, b):
    """a / b towards zero."""
    return a // b if a >= 0 else -(-a // b)


class Coder:
    """Section 2: bits."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.low, self.high, self.code = 0, M32, 0
        for _ in range(4):
            self.code = self.code << 8 | self.byte()

    def byte(self):
        """The next byte of the delta."""
        if self.at >= len(self.data):
            raise Fault("the delta ends early")
        self.at += 1
        return self.data[self.at - 1]

    def bit(self, one):
        """A bit whose chance of being 1 is one of 65536."""
        middle = self.low + ((self.high - self.low) * one >> 16)
        if self.code <= middle:
            out, self.high = 1, middle
        else:
            out, self.low = 0, middle + 1
        while (self.low ^ self.high) < 1 << 24:
            self.code = (self.code << 8 | self.byte()) & M32
            self.low = self.low << 8 & M32
            self.high = self.high << 8 & M32 | 255
        return out


class Tree:
    """Section 3: n bits, by chances."""

    def __init__(self, coder, bits):
        self.coder, self.bits = coder, bits
        self.chances = [32768] * (1 << bits)

    def one(self, node):
        """A bit by one chance."""
        p = self.chances[node]
        bit = self.coder.bit(min(max(p, 64), 65472))
        self.chances[node] = p + (65535 - p) // 16 if bit else p - p // 16
        return bit

    def value(self):
        """All bits."""
        node = 1
        for _ in range(self.bits):
            node = 2 * node + self.one(node)
        return node - (1 << self.bits)


class Number:
    """Section 3: a number model."""

    def __init__(self, coder):
        self.coder, self.length = coder, Tree(coder, 6)
        self.first = [Tree(coder, 3) for _ in range(49)]

    def upto(self, most):
        """A number with a maximum."""
        length = self.length.value()
        if length > 48:
            raise Fault("a number of too many bits")
        out, node = (1 if length else 0), 1
        for i in range(1, length):
            if i <= 3:
                bit = self.first[length].one(node & 7)
                node = 2 * node + bit
            else:
                bit = self.coder.bit(32768)
            out = 2 * out + bit
        if out > most:
            raise Fault("a number above its maximum")
        return out

    def signed(self):
        """A difference."""
        n = self.upto((1 << 48) - 1)
        return -(n // 2) - 1 if n & 1 else n // 2

    def near(self, expected, most):
        """A number near another."""
        out = expected + self.signed()
        if not 0 <= out <= most:
            raise Fault("a number out of bounds")
        return out


class File:
    """A file of the layout, and what is open of it."""

    def __init__(self):
        self.predicted = self.load = self.blocks = self.was = 0
        self.extents = []
        self.left = 0
        self.covers = self.pair = self.old = None


class Layout:
    """Section 4."""

    def __init__(self, coder, blocks, was_blocks):
        self.coder = coder
        self.models()
        files = self.count.upto(4096)
        extents = self.count.upto(65536)
        segments = self.count.upto(65536)
        self.files = []
        for _ in range(files):
            extents -= self.file(extents, was_blocks)
        self.models()
        self.segments(segments, blocks, was_blocks)
        self.tables = [self.inodes(was_blocks), self.inodes(blocks)]

    def models(self):
        """All six models anew."""
        self.count, self.gap, self.len, self.place, self.index = (
            Number(self.coder) for _ in range(5))
        self.kind = Tree(self.coder, 1)

    def file(self, extents, was_blocks):
        """A file and its old extents; gives how many."""
        f = File()
        f.predicted = self.kind.one(1)
        f.load = self.index.upto(M32)
        f.blocks = self.len.upto(1 << 18)
        f.was = self.len.near(f.blocks, 1 << 18)
        n = self.count.upto(extents)
        pos = img = 0
        for _ in range(n):
            at = pos + self.gap.upto(f.was - pos)
            count = 1 + self.len.upto(f.was - at)
            image = self.place.near(img, was_blocks)
            if count > f.was - at or count > was_blocks - image:
                raise Fault("an extent")
            f.extents.append((at, count, image))
            pos, img = at + count, image + count
        self.files.append(f)
        return n

    def segments(self, n, blocks, was_blocks):
        """What each block is made from: (file or None, block)."""
        self.origin = {}
        last, end, expected = 0, 0, {}
        for _ in range(n):
            at = end + self.gap.upto(blocks - end)
            f, most = None, was_blocks
            copy = self.kind.one(1)
            count = 1 + self.len.upto(blocks - at)
            if not copy:
                f = last = self.index.near(last, len(self.files))
                if f == len(self.files):
                    raise Fault("a segment of no file")
                most = self.files[f].blocks
            begin = self.place.near(expected.get(f, 0), most)
            if count > blocks - at or count > most - begin:
                raise Fault("a segment")
            expected[f] = begin + count
            end = at + count
            for i in range(count):
                self.origin[at + i] = f, begin + i
            if f is not None:
                self.files[f].left += count

    def inodes(self, most):
        """(seed, tables) of an image."""
        t, tables, seed, end, inode = self.count.upto(1024), [], 0, 0, 1
        if t:
            seed = self.index.upto(M32)
        for _ in range(t):
            at = end + self.gap.upto(most - end)
            n = self.len.upto(most - at)
            first = self.place.near(inode, M32)
            tables.append((at, n, first))
            end, inode = at + n, first + 16 * n & M32
        return seed, tables


def crc_table():
    """crc32c of each byte."""
    out = []
    for c in range(256):
        for _ in range(8):
            c = c >> 1 ^ (0x82f63b78 if c & 1 else 0)
        out.append(c)
    return out


CRC = crc_table()


def crc32c(crc, data):
    """Nothing is inverted."""
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return crc


def flip(seed, tables, block, data):
    """Section 13: a block with inode checksums changed."""
    table = None
    for each in tables:
        if each[0] <= block:
            table = each
    if not table or block - table[0] >= table[1]:
        return data
    out = b""
    for i in range(16):
        inode = bytearray(data[256 * i:256 * i + 256])
        number = table[2] + 16 * (block - table[0]) + i & M32
        was = le(inode, 0x7c, 2) | le(inode, 0x82, 2) << 16
        inode[0x7c:0x7e] = inode[0x82:0x84] = b"\0\0"
        c = 0
        if any(inode):
            c = crc32c(seed, number.to_bytes(4, "little"))
            c = crc32c(crc32c(c, inode[0x64:0x68]), inode)
        c ^= was
        inode[0x7c:0x7e] = (c & 0xffff).to_bytes(2, "little")
        inode[0x82:0x84] = (c >> 16).to_bytes(2, "little")
        out += inode
    return out


class OldFile:
    """A file's old bytes by its extents; section 5."""

    def __init__(self, file, block):
        self.len = file.was * BLOCK
        self.places = {}
        self.block = block  # gives one of the old image
        for at, count, image in file.extents:
            for i in range(count):
                self.places[at + i] = image + i

    def read(self, at, size):
        """Zeros where there is nothing."""
        out = []
        first, end = at // BLOCK, (at + size + BLOCK - 1) // BLOCK
        for k in range(first, end):
            place = self.places.get(k)
            out.append(bytes(BLOCK) if place is None else self.block(place))
        return b"".join(out)[at - first * BLOCK:][:size]


def h(a, b):
    """The hash of contexts."""
    x = (a * 0x9e3779b1 ^ b * 0x85ebca77) & M32
    x ^= x >> 15
    x = x * 0xc2b2ae3d & M32
    return x ^ x >> 13


S = (22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955,
     17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565, 62428, 63615,
     64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514)
T = (40960, 25206, 18204, 14247, 11703, 9930, 8623, 7620, 6827, 6183, 5650,
     5201, 4819, 4489, 4201, 3948)


def squash(x):
    """A chance of a stretched one."""
    t = min(max(x, -2047), 2047) + 2048
    k, f = t >> 7, t & 127
    return S[k] * (128 - f) + S[k + 1] * f >> 7


def stretch_table():
    """The inverse."""
    out, x = [], -2047
    for i in range(4096):
        while x < 2047 and squash(x) < 16 * i + 8:
            x += 1
        out.append(x)
    return out


CONTEXTS = 7
SQUASH = [squash(x) for x in range(-2047, 2048)]
STRETCH = stretch_table()


class Mixer:
    """Section 12."""

    def __init__(self, coder, rate):
        self.coder, self.rate = coder, rate
        self.sets = {}

    def weights(self, which):
        """Of a set."""
        found = self.sets.get(which)
        if not found:
            found = [8192] * (CONTEXTS + 1)
            self.sets[which] = found
        return found

    def bit(self, inputs, first, second):
        """A bit by inputs and two sets."""
        inputs.append(256)
        both = self.weights((0, first)), self.weights((1, second))
        dots = []
        for weights in both:
            dot = sum([i * w for i, w in zip(inputs, weights)])
            dot = dot >> 16 if dot >= 0 else -(-dot >> 16)
            dots.append(min(max(dot, -2047), 2047))
        bit = self.coder.bit(SQUASH[cut(dots[0] + dots[1], 2) + 2047])
        for weights, dot in zip(both, dots):
            miss = cut((65535 if bit else 0) - SQUASH[dot + 2047], 16)
            miss *= self.rate
            for k, i in enumerate(inputs):
                step = i * miss
                w = weights[k] + (step >> 16 if step >= 0 else -(-step >> 16))
                weights[k] = min(max(w, -1 << 23), 1 << 23)
        return bit


class Spot:
    """What is known of a byte, or of bytes."""

    def __init__(self, **known):
        self.covered = self.guess = self.section = self.operand = 0
        self.part = self.source = self.scale = self.load = 0
        self.__dict__.update(known)


class Text:
    """Section 11: bytes and hits."""

    def __init__(self, coder):
        self.bytes, self.hits = Mixer(coder, 10), Mixer(coder, 6)
        self.counts16 = [[0] * (1 << 18) for _ in range(CONTEXTS)]
        self.counts32 = [[0] * (1 << 16) for _ in range(CONTEXTS)]
        self.past = self.outcomes = self.pieces = self.since = 0
        self.last_miss = 0

    def went(self, byte):
        """A byte goes into past."""
        self.past = (self.past << 8 | byte) & M64

    def contexts(self, s):
        """Those of a byte."""
        past, p = self.past, self.past & M32
        place = s.operand << 8 | s.part << 4 | s.covered << 3
        kind = s.section << 16 | place
        g = s.guess << 1 | s.covered
        return (h(p & 0xff, place), h(p & 0xffff, 0), h(p & 0xffffff, 0),
                h(g, kind), h(g << 8 | p & 0xff, s.part),
                h((past >> 24 & 0xff) << 8 | past >> 56, 0),
                h((p >> 8 & 0xffff) << 8 | s.section, 0))

    def byte(self, s):
        """A byte."""
        contexts, node, slots = self.contexts(s), 1, []
        for i in range(7, -1, -1):
            if i in (7, 3):
                x = 0 if i == 7 else node << 8
                slots = [h(c + x & M32, k) >> 18 << 4
                         for k, c in enumerate(contexts)]
            y = node if i > 3 else 1 << 3 - i | node & (1 << 3 - i) - 1
            same = int((s.guess | 256) >> i + 1 == node)
            following = s.guess >> i & 1
            if i == 0 and s.covered and same:
                node = 2 * node + 1 - following
                break
            node = 2 * node + self.byte_bit(
                [slot + y for slot in slots], node | s.covered << 8,
                (s.operand << 6 | s.part << 3 | (i > 3) << 2 | same << 1 |
                 following) & 2047)
        byte = node & 255
        if s.covered:
            self.last_miss = s.guess << 8 | byte
        self.went(byte)
        return byte

    def byte_bit(self, slots, first, second):
        """One of its bits."""
        inputs = []
        for counts, slot in zip(self.counts16, slots):
            c = counts[slot]
            inputs.append(STRETCH[c >> 4] if c else 0)
        bit = self.bytes.bit(inputs, first, second)
        aim = 4095 if bit else 0
        for counts, slot in zip(self.counts16, slots):
            c = counts[slot]
            p, n = (c >> 4, c & 15) if c else (2048, 0)
            p += cut((aim - p) * T[n], 65536)
            counts[slot] = p << 4 | min(n + 1, 15)
        return bit

    def hit(self, s):
        """Whether guesses are right."""
        p, scale = self.past & M32, s.scale
        place = scale << 24 | s.operand << 16 | s.part << 12 | s.source << 8
        seen = self.pieces if scale else self.outcomes
        sb = self.since.bit_length()
        contexts = (
            h(place, seen & 0xff), h(place | s.guess, 0),
            h(s.guess << 8 | p & 0xff, scale), h(seen & 0xffff, scale),
            h(p & 0xffff, place),
            h(s.load << 8 | s.section, sb << 8 | scale),
            h(self.last_miss << 8 | s.guess, place))
        slots = [c >> 16 for c in contexts]
        inputs = []
        for counts, slot in zip(self.counts32, slots):
            c = counts[slot]
            inputs.append(STRETCH[c >> 20] if c else 0)
        bit = self.hits.bit(
            inputs, 64 * scale + (seen & 63),
            (scale << 8 | (s.operand & 15) << 4 | (s.part & 7) << 1 |
             (s.source > 1)) & 1023)
        aim = (1 << 22) - 1 if bit else 0
        for counts, slot in zip(self.counts32, slots):
            c = counts[slot]
            p, n = (c >> 10, c & 1023) if c else (1 << 21, 0)
            p += cut((aim - p) * 2, 2 * n + 3)
            counts[slot] = p << 10 | min(n + 1, 255)
        if scale:
            self.pieces = (self.pieces << 1 | bit) & M32
            return bit
        self.outcomes = (self.outcomes << 1 | bit) & M32
        self.since = self.since + 1 & M32 if bit else 0
        return bit


class Covers:
    """Section 6, and the new section table of section 7."""

    def __init__(self, coder):
        self.count, self.gap, self.len, self.far, self.section = (
            Number(coder) for _ in range(5))
        self.known, self.which = Tree(coder, 5), Tree(coder, 1)

    def read(self, most, new_len, old_len):
        """The covers of a file: (at, from, len)."""
        recent, last, long, end, out = [0] * 16, 0, 0, 0, []
        for _ in range(self.count.upto(most)):
            at = end + self.gap.upto(new_len - end)
            size = 1 + self.len.upto(new_len - at)
            k = self.known.value()
            if k < 16:
                d = recent[k]
            else:
                d = (long if self.which.one(1) else last) + self.far.signed()
                k = 15
            recent = [d] + recent[:k] + recent[k + 1:]
            last = d
            if size >= 64:
                long = d
            src = at + d
            if not 0 <= src <= old_len or size > old_len - src or \
                    size > new_len - at:
                raise Fault("a cover")
            out.append((at, src, size))
            end = at + size
        return out

    def table(self, was):
        """The new section table."""
        rows, a, p = [], 0, 0
        for old in was.rows:
            new = type(old)(
                old.kind, self.section.near(old.addr + a, 1 << 46),
                self.section.near(old.at + p, (1 << 31) - 1),
                self.section.near(old.len, (1 << 31) - 1))
            a, p = new.addr - old.addr, new.at - old.at
            rows.append(new)
        return type(was)(was.arch, was.wide, rows)


class Walk:
    """Sections 5 and 10: the new blocks, one after another."""

    def __init__(self, coder, layout, old_block):
        self.layout, self.old_block = layout, old_block
        self.covers, self.text = Covers(coder), Text(coder)
        self.learnt, self.covers_open, self.programs = Learnt(), 0, 0
        self.frames = 0

    def seen(self, place):
        """A block of the old image as file 0 sees it."""
        return flip(*self.layout.tables[0], place, self.old_block(place))

    def block(self, b):
        """The next one."""
        number, place = self.layout.origin.get(b, (None, None))
        if place is None:
            return bytes(BLOCK)
        if number is None:
            return self.old_block(place)
        f = self.layout.files[number]
        if f.covers is None:
            self.open(f, number)
        out = self.coded(f, place * BLOCK)
        if number == 0:
            out = flip(*self.layout.tables[1], b, out)
        f.left -= 1
        if f.left == 0:
            self.covers_open -= len(f.covers)
            self.programs -= f.predicted
            f.covers = f.pair = None
        return out

    def open(self, f, number):
        """With a file's first block."""
        f.old = OldFile(f, self.old_block if number else self.seen)
        f.covers = self.covers.read(65536 - self.covers_open,
                                    f.blocks * BLOCK, f.old.len)
        self.covers_open += len(f.covers)
        if not f.predicted:
            return
        if self.programs == 256:
            raise Fault("programs")
        self.programs += 1
        f.pair = Pair(f.old, read_table(f.old, f.load), f.covers, number,
                      self.learnt)
        f.pair.new = self.covers.table(f.pair.was)
        if f.pair.frames.row:
            self.frames += f.pair.frames.row.len
        if self.frames > 256 << 20:
            raise Fault("unwind tables")

    def coded(self, f, at):
        """A block of a file."""
        out, end, last = b"", at + BLOCK, None
        for cover in f.covers:
            if cover[0] >= end:
                break
            last, before = cover, last
            if cover[0] + cover[2] <= at:
                continue
            if cover[0] > at:
                out += self.gap(f, before, at, cover[0] - at)
                at = cover[0]
            size = min(cover[0] + cover[2], end) - at
            out += Piece(self.text, f, cover, at, size).decode()
            at += size
        if at < end:
            out += self.gap(f, last, at, end - at)
        return out

    def gap(self, f, cover, at, size):
        """Bytes that no cover has."""
        beside = bytes(size)
        if cover:
            beside = f.old.read(at + cover[1] - cover[0], size)
        return bytes(self.text.byte(Spot(guess=g)) for g in beside)


class Piece:
    """Section 10."""

    def __init__(self, text, f, cover, at, size):
        self.text, self.cover, self.pair, self.len = text, cover, f.pair, size
        self.place = at + cover[1] - cover[0]
        self.guess = bytearray(f.old.read(self.place, size))
        self.kind, self.part = bytearray(size), bytearray(size)
        self.source, self.section, self.operands = bytearray(size), 0, []
        if not self.pair:
            return
        row = self.pair.was.by_place(self.place)
        if row is not None:
            self.section = self.pair.was.rows[row].kind
        self.first = max(self.place - 4160, 0)
        self.window = f.old.read(self.first,
                                 self.place + size + 64 - self.first)
        self.operands = Finder(
            self.pair.was, self.pair.frames, self.window, self.first,
            (self.place, self.place + size)).found
        for o in self.operands:
            self.predict(o)

    def predict(self, o):
        """Guesses an operand."""
        at = o.place - self.first
        done = self.pair.written(self.cover, o, self.window[at:at + o.len])
        for i in range(o.len if done else 0):
            k = o.place + i - self.place
            if 0 <= k < self.len:
                self.guess[k] = done[0][i]
                self.kind[k], self.part[k] = o.kind, i
                self.source[k] = done[1]

    def learn(self, new, begin, end):
        """Learns from operands that end there."""
        for o in self.operands:
            first = o.place - self.place
            last = first + o.len - 1
            if 0 <= first and begin <= last < end:
                self.pair.learn(self.cover, o, new[first:last + 1])

    def whole(self, begin, size, scale):
        """Whether all bytes are as guessed."""
        c = sum(self.kind[i] != 0 and self.source[i] != 1
                for i in range(begin, begin + size))
        hit = self.text.hit(Spot(
            covered=1, section=self.section, scale=scale,
            load=c.bit_length() << 4 | size >> 6 * scale - 2))
        if hit:
            for byte in self.guess[max(begin, begin + size - 8):begin + size]:
                self.text.went(byte)
            self.text.since = self.text.since + size & M32
        return hit

    def decode(self):
        """The new bytes."""
        if self.len > 64 and self.whole(0, self.len, 2):
            self.learn(self.guess, 0, self.len)
            return bytes(self.guess)
        new, missed = bytearray(), False
        for begin in range(0, self.len, 64):
            size = min(64, self.len - begin)
            for o in self.operands:
                if begin <= o.place - self.place < begin + size:
                    self.predict(o)
            known = self.len > 64 and begin + size == self.len and not missed
            if not known and self.whole(begin, size, 1):
                new += self.guess[begin:begin + size]
            else:
                missed = True
                self.bytes(new, begin, size)
            self.learn(new, begin, begin + size)
        return bytes(new)

    def bytes(self, new, begin, size):
        """Bytes of which at least one is not as guessed."""
        missed = False
        for i in range(begin, begin + size):
            spot = Spot(covered=1, guess=self.guess[i], section=self.section,
                        operand=self.kind[i], part=self.part[i],
                        source=self.source[i])
            known = not missed and i + 1 == begin + size
            if not known and self.text.hit(spot):
                new.append(spot.guess)
                self.text.went(spot.guess)
            else:
                missed = True
                new.append(self.text.byte(spot))


def head(delta, old):
    """(form, length of the new image)."""
    if len(delta) < 128 or delta[:8] != b"VSDELTA1" or le(delta, 8, 2) != 1 \
            or delta[10] > 1 or any(delta[11:16]) or any(delta[100:128]) or \
            (delta[10] == 0 and any(delta[96:100])):
        raise Fault("the head")
    was, new = le(delta, 16, 8), le(delta, 24, 8)
    if not 0 < was <= 1 << 36 or not 0 < new <= 1 << 36 or was != len(old):
        raise Fault("lengths")
    return delta[10], new


def plain(old, coder, new_len):
    """Blocks of form 0."""
    old += bytes(-len(old) % BLOCK)
    blocks = (new_len + BLOCK - 1) // BLOCK
    layout = Layout(coder, blocks, len(old) // BLOCK)
    walk = Walk(coder, layout, lambda b: old[b * BLOCK:(b + 1) * BLOCK])
    for b in range(blocks):
        yield walk.block(b)


def in_units(old, coder, delta):
    """Bytes of form 1, in parts of any length."""
    was = Units(coder, Number, Tree, False, len(old))
    now = Units(coder, Number, Tree, True, len(old))
    if packer_version(now.packing) != le(delta, 96, 4):
        raise Fault("another packer")
    view = OldView(was, old)
    layout = Layout(coder, now.blocks, was.blocks)
    yield from NewImage(old, Walk(coder, layout, view.read), now).parts()


def apply(old, delta):
    """The new image block by block; a Fault ends them.

    Returns how many bytes of the delta were used.
    """
    form, new_len = head(delta, old)
    coder = Coder(delta, 128)
    parts = in_units(old, coder, delta) if form else plain(old, coder, new_len)
    held, left = b"", new_len
    for part in parts:
        held += part
        while left and len(held) >= min(left, BLOCK):
            size = min(left, BLOCK)
            yield held[:size]
            held, left = held[size:], left - size
        if not left:
            return coder.at
    raise Fault("the units end early")


def main(old_path, delta_path, out_path):
    """Applies a delta."""
    with open(old_path, "rb") as f:
        old = f.read()
    with open(delta_path, "rb") as f:
        delta = f.read()
    with open(out_path, "wb") as out:
        try:
            for part in apply(old, delta):
                out.write(part)
        except Fault as fault:
            print(f"second: {fault}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
