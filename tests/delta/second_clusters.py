# SPDX-License-Identifier: Apache-2.0
"""Section 17 of docs/formats/delta-coding.md: files of an erofs.

Written from the document.
"""
from second_packing import lz4_fill, lz4_unpack
from second_programs import Fault, le

BLOCK, PIECE = 4096, 65536
STORED, LZ4_BLOCK, INSIDE = range(3)  # types of entries


def up(n, to=BLOCK):
    """Up to a multiple."""
    return -(-n // to) * to


class Cluster:
    """Of an old file: where it begins there, and in the image."""

    def __init__(self, begin, block, stored):
        self.begin, self.block, self.stored = begin, block, stored
        self.blocks, self.end = 1, None
        self.held = None


class OldFile:
    """A file of the old image."""

    def __init__(self, image, at):
        self.image = image
        wide = self.number(at, 2) & 1
        xattrs = self.number(at + 2, 2)
        self.len = self.number(at + 8, 8 if wide else 4)
        x = at + (64 if wide else 32)
        if xattrs:
            x += 12 + 4 * (xattrs - 1)
        x = up(x, 8)
        layout = self.number(at, 2) >> 1 & 7
        self.advise = self.number(x + 4, 2)
        if layout not in (1, 3) or self.advise & ~7 or \
                self.number(x + 6, 2) or not 1 <= self.len <= 1 << 30:
            raise Fault("an inode")
        self.long = self.advise >> 1 & 1
        count = up(self.len) // BLOCK
        self.index = x, x + 8 + count * (8 if layout == 1 else 2)
        self.clusters = []
        self.follow(self.full(x + 16, count) if layout == 1
                    else self.compact(x + 8, count))

    def number(self, at, size):
        """Of the image."""
        if at + size > len(self.image):
            raise Fault("beyond the image")
        return le(self.image, at, size)

    def full(self, at, count):
        """The entries of a full index: (type, low, block)."""
        for k in range(at, at + 8 * count, 8):
            kind = self.number(k, 2) & 3
            yield (kind, self.number(k + (4 if kind == INSIDE else 2), 2),
                   self.number(k + 4, 4))

    def compact(self, at, count):
        """Those of a compact one."""
        while count > 0:
            n = 2
            if at % 32 == 0 and self.advise & 1 and count >= 16:
                n = 16
            yield from self.one_pack(at, n, min(n, count))
            at += 32 if n == 16 else 8
            count -= n

    def one_pack(self, at, entries, wanted):
        """Those of a pack."""
        size, width = (32, 14) if entries == 16 else (8, 16)
        bits = self.number(at, size - 4)
        base = self.number(at + size - 4, 4)
        n, behind = (0 if self.long else 1), 0
        for i in range(wanted):
            entry, block = bits >> i * width, None
            low, kind = entry & 0xfff, entry >> 12 & 3
            if kind == INSIDE and self.long and low & 0x800:
                n, behind = n + (low & 0x7ff), 0
            elif kind in (STORED, LZ4_BLOCK):
                n, behind = n + behind, 1
                block = base + n
            yield kind, low, block

    def follow(self, entries):
        """Makes the clusters."""
        ended, fresh = False, None
        for k, (kind, low, block) in enumerate(entries):
            was, fresh = fresh, None
            if kind in (STORED, LZ4_BLOCK):
                if low >= BLOCK or ended:
                    raise Fault("an entry")
                begin = BLOCK * k + low
                if begin >= self.len:
                    ended = True
                    continue
                fresh = Cluster(begin, block, kind == STORED)
                self.clusters.append(fresh)
            elif kind == INSIDE:
                if self.long and low & 0x800:
                    if not was:
                        raise Fault("a length of no cluster")
                    was.blocks = low & 0x7ff
            else:
                raise Fault("an entry's type")
        self.judge()

    def judge(self):
        """Whether they are as they must be."""
        expected = 0
        for i, c in enumerate(self.clusters):
            c.end = self.len
            if i + 1 < len(self.clusters):
                c.end = self.clusters[i + 1].begin
            size = c.end - c.begin
            if (i == 0 and c.begin != 0) or c.begin < expected or \
                    size < 1 or size > (BLOCK if c.stored else 1 << 21) or \
                    not 1 <= c.blocks <= 256 or \
                    (c.block + c.blocks) * BLOCK > len(self.image):
                raise Fault("a cluster")
            expected = c.end
        if not self.clusters:
            raise Fault("no cluster")

    def content(self, c):
        """What a cluster holds."""
        if c.held is None:
            at, size = c.block * BLOCK, c.end - c.begin
            data = self.image[at:at + c.blocks * BLOCK]
            c.held = data[:size] if c.stored else \
                lz4_unpack(data.lstrip(b"\0"), size)
        return c.held

    def read(self, at, size):
        """Bytes; zeros behind the end."""
        out = b""
        for c in self.clusters:
            if c.begin < at + size and c.end > at:
                first = max(at - c.begin, 0)
                out += self.content(c)[first:at + size - c.begin]
        return out + bytes(size - len(out))


class Batch:
    """Clusters of a new file that are made at once."""

    def __init__(self):
        self.len, self.fixes = 0, {}  # number: (length, blocks)

    def fixed(self):
        """How many bytes come as they are."""
        return sum(blocks * BLOCK for _, blocks in self.fixes.values())


class Packer:
    """A new file, batch by batch."""

    def __init__(self, level, block, ahead):
        self.level, self.block, self.ahead = level, block, ahead * PIECE

    def file(self, batches, slices, next_block):
        """Bytes of the new image; next_block() passes one of the view."""
        fixed, size = b"", slices[-1]
        if len(slices) > 1:
            while len(fixed) < slices[0]:
                fixed += next_block()
        content, begin = b"", 0
        for batch in batches:
            end = begin + batch.len
            while len(content) < min(end + self.ahead, size):
                content += next_block()
                content = content[:size]
            here = batch.fixed()
            yield self.batch(batch, content[begin:], fixed[:here])
            begin, fixed = end, fixed[here:]

    def batch(self, batch, content, fixed):
        """One of them."""
        out, at, number, left = b"", 0, 0, dict(batch.fixes)
        while at < batch.len:
            fix = left.pop(number, None)
            if fix:
                size, blocks = fix
                made = fixed[:blocks * BLOCK]
                fixed = fixed[blocks * BLOCK:]
            else:
                made, size = self.cluster(content[at:at + self.ahead])
            out, at, number = out + made, at + size, number + 1
        if at > batch.len or left:
            raise Fault("a batch")
        return out

    def cluster(self, content):
        """(bytes of the image, how many of the file they hold)."""
        if len(content) > BLOCK:
            packed, size = lz4_fill(self.level, content, self.block)
            if size > up(len(packed)):
                return bytes(-len(packed) % BLOCK) + packed, size
        out = content[:BLOCK]
        return out + bytes(BLOCK - len(out)), len(out)
