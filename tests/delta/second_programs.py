# SPDX-License-Identifier: Apache-2.0
"""Sections 7 to 9 of docs/formats/delta-coding.md: what is known of programs.

Written from the document, to see that it is enough; not from the C code.
"""
import bisect

OTHER, CODE, DATA, RELA, DYNSYM, EH_FRAME, EH_HDR, BSS = range(8)
M32, M64 = (1 << 32) - 1, (1 << 64) - 1


class Fault(Exception):
    """Nothing comes out from here on."""


def le(data, at, size):
    """A little-endian number."""
    return int.from_bytes(data[at:at + size], "little")


def sle(data, at, size):
    """The same in two's complement."""
    return int.from_bytes(data[at:at + size], "little", signed=True)


def signed(value, bits):
    """The low bits of a number, in two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


class Row:
    """A section: where it is in memory and in the file."""

    def __init__(self, kind, addr, at, length):
        self.kind, self.addr, self.at, self.len = kind, addr, at, length


class Table:
    """All sections of a file; section 7."""

    def __init__(self, arch, wide, rows):
        self.arch, self.wide, self.rows = arch, wide, rows
        self.sorted = {}

    def last(self, attribute, value):
        """The last row that begins at or before a value, if that holds it."""
        if attribute not in self.sorted:
            rows = [i for i, row in enumerate(self.rows)
                    if attribute == "addr" or row.kind != BSS]
            rows.sort(key=lambda i: getattr(self.rows[i], attribute))
            self.sorted[attribute] = rows, [
                getattr(self.rows[i], attribute) for i in rows]
        rows, begins = self.sorted[attribute]
        k = bisect.bisect_right(begins, value)
        if k == 0 or value - begins[k - 1] >= self.rows[rows[k - 1]].len:
            return None
        return rows[k - 1]

    def by_addr(self, addr):
        """The number of the row that holds an address, or None."""
        return self.last("addr", addr)

    def by_place(self, place):
        """The same of a place in the file."""
        return self.last("at", place)

    def mapped(self, addr):
        """Whether some row holds an address."""
        return self.by_addr(addr) is not None


def kind_of(kind, flags, name):
    """What a section is, by its header."""
    if kind == 8:
        return BSS
    if kind in (4, 9):
        return RELA
    if kind == 11:
        return DYNSYM
    if flags & 4:
        return CODE
    if name == b".eh_frame":
        return EH_FRAME
    if name == b".eh_frame_hdr":
        return EH_HDR
    return DATA if flags & 1 else OTHER


def read_table(old, load):
    """The old file's sections; a fault if there are none."""
    if load & 1:
        return Table("thumb", False, [Row(CODE, load - 1, 0, old.len),
                                      Row(BSS, 0x20000000, 0, 0x100000)])
    head = old.read(0, 64)
    wide = head[4] == 2
    arch = {(62, True): "x86-64", (183, True): "a64", (243, True): "rv64",
            (40, False): "arm"}.get((le(head, 18, 2), wide))
    if head[:4] != b"\x7fELF" or head[4] not in (1, 2) or head[5] != 1 \
            or not arch:
        raise Fault("no ELF")
    table = le(head, 40, 8) if wide else le(head, 32, 4)
    step, count, names = (le(head, at, 2) for at in
                          ((58, 60, 62) if wide else (46, 48, 50)))
    if step < (64 if wide else 40) or names >= count or \
            table + step * count > old.len:
        raise Fault("no section headers")
    word = 8 if wide else 4

    def header(i):
        raw = old.read(table + i * step, 64)
        return [le(raw, 0, 4), le(raw, 4, 4)] + [
            le(raw, 8 + word * k, word) for k in range(4)]

    def fits(kind, addr, at, length):
        return addr < 1 << 46 and length < (1 << 31) - 1 and \
            at < (1 << 31) - 1 and (kind == 8 or at + length <= old.len)

    _, kind, _, addr, names_at, names_len = header(names)
    if not fits(kind, addr, names_at, names_len):
        raise Fault("no names")
    rows, end = [], 0
    for i in range(count):
        name, kind, flags, addr, at, length = header(i)
        if not flags & 2 or length == 0 or (kind == 8 and flags & 0x400):
            continue
        if not fits(kind, addr, at, length) or len(rows) == 64 or \
                (kind != 8 and at < end):
            raise Fault("sections")
        if kind != 8:
            end = at + length
        called = b""
        if name < names_len:
            called = old.read(names_at + name, 15).split(b"\0")[0]
        rows.append(Row(kind_of(kind, flags, called), addr, at, length))
    if not rows:
        raise Fault("no sections")
    return Table(arch, wide, rows)


class Operand:
    """A place in old bytes that holds an address."""

    def __init__(self, kind, place, size, target, base=0, detail=0):
        self.kind, self.place, self.len = kind, place, size
        self.target, self.base, self.detail = target & M64, base & M64, detail


NONE, CALL, JUMP, DATA_REL, WORD64, WORD32, SIZE64, SIZE32, TABLE, HERE, \
    BACK, BRANCH, PAGE, LOW, THUMB, ARM, JAL, HIGH, REST = range(19)


def thumb_off(b):
    """The distance in a bl or b.w."""
    f, g = le(b, 0, 2), le(b, 2, 2)
    s = f >> 10 & 1
    i1, i2 = 1 ^ g >> 13 & 1 ^ s, 1 ^ g >> 11 & 1 ^ s
    return signed(s << 24 | i1 << 23 | i2 << 22 | (f & 0x3ff) << 12 |
                  (g & 0x7ff) << 1, 25)


def jal_off(w):
    """The distance in a jal."""
    return signed(w >> 31 << 20 | (w >> 12 & 0xff) << 12 |
                  (w >> 20 & 1) << 11 | (w >> 21 & 0x3ff) << 1, 21)


def bits_put(word, value, low, count):
    """A word with count bits from low on replaced."""
    mask = (1 << count) - 1
    return word & ~(mask << low) | (value & mask) << low


def get(o, addr, base, b):
    """The target that bytes at an address name, or None."""
    if o.kind in (CALL, JUMP, DATA_REL):
        return addr + o.detail + sle(b, 0, 4)
    if o.kind in (WORD64, WORD32):
        return le(b, 0, o.len)
    if o.kind == TABLE:
        return base + sle(b, 0, 4)
    if o.kind == HERE:
        return addr + sle(b, 0, 4)
    if o.kind == BACK:
        return addr - le(b, 0, 4)
    if o.kind == BRANCH:
        low = 0 if o.detail == 26 else 5
        return addr + 4 * signed(le(b, 0, 4) >> low, o.detail)
    if o.kind == THUMB:
        return addr + 4 + thumb_off(b)
    if o.kind == ARM:
        return addr + 8 + 4 * signed(le(b, 0, 3), 24)
    if o.kind == JAL:
        return addr + jal_off(le(b, 0, 4))
    return None


def put(o, addr, base, target, b):
    """The operand's bytes, so that they reach a target."""
    word = le(b, 0, 4)
    size = 4
    if o.kind in (CALL, JUMP, DATA_REL):
        word = target - addr - o.detail
    elif o.kind in (WORD64, WORD32):
        word, size = target, o.len
    elif o.kind in (SIZE64, SIZE32):
        word, size = target + 1 - base, o.len
    elif o.kind == TABLE:
        word = target - base
    elif o.kind == HERE:
        word = target - addr
    elif o.kind == BACK:
        word = addr - target
    elif o.kind == BRANCH:
        word = bits_put(word, target - addr >> 2,
                        0 if o.detail == 26 else 5, o.detail)
    elif o.kind == PAGE:
        pages = (target >> 12) - (addr >> 12)
        word = bits_put(bits_put(word, pages, 29, 2), pages >> 2, 5, 19)
    elif o.kind == LOW:
        word = bits_put(word, (target & 0xfff) >> o.detail, 10, 12)
    elif o.kind == THUMB:
        off = target - addr - 4
        s = off >> 24 & 1
        f = 0xf000 | s << 10 | off >> 12 & 0x3ff
        g = word >> 16 & 0xd000 | (1 ^ off >> 23 & 1 ^ s) << 13 | \
            (1 ^ off >> 22 & 1 ^ s) << 11 | off >> 1 & 0x7ff
        word = g << 16 | f
    elif o.kind == ARM:
        word = bits_put(word, target - addr - 8 >> 2, 0, 24)
    elif o.kind == JAL:
        off = target - addr
        for value, low, count in ((off >> 20, 31, 1), (off >> 12, 12, 8),
                                  (off >> 11, 20, 1), (off >> 1, 21, 10)):
            word = bits_put(word, value, low, count)
    elif o.kind == HIGH:
        word = bits_put(word, target - addr + 0x800 >> 12, 12, 20)
    elif o.kind == REST:
        off = target - base
        if o.detail:
            word = bits_put(bits_put(word, off >> 5, 25, 7), off, 7, 5)
        else:
            word = bits_put(word, off, 20, 12)
    return (word & (1 << 8 * size) - 1).to_bytes(size, "little")


class Frames:
    """Where an .eh_frame's records begin."""

    def __init__(self, old, table):
        row = None
        for each in table.rows:
            if each.kind == EH_FRAME:
                row = each
        self.row, self.starts = None, []
        if not row or row.len > 64 << 20:
            return
        self.row = row
        data, reached, at = old.read(row.at, row.len), [0], 0
        while at + 4 <= row.len:
            n = le(data, at, 4)
            if n == 0 or n > row.len:
                break
            at += n + 4
            reached.append(at)
        i = 0
        for k in range(row.len // 4096 + 2):
            while i < len(reached) and reached[i] < 4096 * k:
                i += 1
            self.starts.append(reached[i] if i < len(reached) else row.len)


class Finder:
    """The operands in one window of old bytes; section 8."""

    def __init__(self, table, frames, data, first, wanted):
        self.table, self.frames, self.data = table, frames, data
        self.first, self.wanted, self.found = first, wanted, []
        for row in table.rows:
            if row.kind == BSS:
                continue
            begin = max(row.at - first, 0)
            end = min(row.at + row.len - first, len(data))
            if begin < end:
                self.row, self.begin, self.end = row, begin, end
                self.base = (row.addr + first - row.at) & M64
                self.search()

    def addr(self, i):
        """The address of byte i of the window."""
        return self.base + i & M64

    def add(self, kind, i, size, target, base=0, detail=0):
        """Counts an operand, if it counts."""
        place = self.first + i
        if place + size <= self.wanted[0] or place >= self.wanted[1]:
            return
        if self.found and self.found[-1].place + self.found[-1].len > place:
            return
        self.found.append(Operand(kind, place, size, target, base, detail))

    def add_mapped(self, kind, i, target, base=0, detail=0):
        """Counts an operand of 4 bytes whose target is in some row."""
        if self.table.mapped(target & M64):
            self.add(kind, i, 4, target, base, detail)

    def word(self, i, size):
        """An address, if it is one."""
        target = le(self.data, i, size)
        if self.table.mapped(target):
            self.add(WORD64 if size == 8 else WORD32, i, size, target)

    def size(self, i, size, base):
        """What may be the distance of two addresses."""
        n = le(self.data, i, size)
        base &= M64
        if n == 0 or n > M32 or not self.table.mapped(base) or \
                not self.table.mapped(base + n - 1 & M64):
            return
        self.add(SIZE64 if size == 8 else SIZE32, i, size, base + n - 1, base)

    def entries(self, step, head=0):
        """The equal entries of a table that lie whole in the part."""
        i = self.row.at - self.first + head
        if i < self.begin:
            i += (self.begin - i + step - 1) // step * step
        return range(i, self.end - step + 1, step)

    def search(self):
        """One row's part."""
        kind, wide = self.row.kind, self.table.wide
        if kind == CODE:
            {"x86-64": self.x86_64, "a64": self.a64, "arm": self.arm,
             "thumb": lambda: self.thumb(self.begin, self.end),
             "rv64": self.rv64}[self.table.arch]()
        elif kind == DATA:
            for i in self.entries(8 if wide else 4):
                self.word(i, 8 if wide else 4)
        elif kind == RELA:
            self.rela(wide)
        elif kind == DYNSYM and wide:
            for i in self.entries(24):
                self.word(i + 8, 8)
                self.size(i + 16, 8, le(self.data, i + 8, 8))
        elif kind == DYNSYM:
            for i in self.entries(16):
                self.word(i + 4, 4)
                self.size(i + 8, 4, le(self.data, i + 4, 4))
        elif kind == EH_HDR:
            if self.first <= self.row.at and self.end - self.begin >= 8:
                i = self.begin + 4
                self.add(HERE, i, 4, self.addr(i) + sle(self.data, i, 4))
            for i in self.entries(4, 12):
                self.add(TABLE, i, 4, self.row.addr + sle(self.data, i, 4),
                         self.row.addr)
        elif kind == EH_FRAME:
            self.eh_frame()

    def rela(self, wide):
        """Relocations."""
        if not wide:
            for i in self.entries(8):
                self.word(i, 4)
            return
        types = (3, 58) if self.table.arch == "rv64" else (8, 37, 1027, 1032)
        for i in self.entries(24):
            self.word(i, 8)
            if le(self.data, i + 8, 4) in types:
                self.word(i + 16, 8)

    def eh_frame(self):
        """Unwind records."""
        if self.row is not self.frames.row:
            return
        offset = self.first + self.begin - self.row.at
        i = self.begin + self.frames.starts[-(-offset // 4096)] - offset
        while i + 16 <= self.end:
            n = le(self.data, i, 4)
            if n == 0 or n > self.row.len:
                return
            back = le(self.data, i + 4, 4)
            if back:
                here = self.addr(i + 8) + sle(self.data, i + 8, 4)
                self.add(BACK, i + 4, 4, self.addr(i + 4) - back)
                self.add(HERE, i + 8, 4, here)
                self.size(i + 12, 4, here)
            i += n + 4

    X86 = {0x00: "0000....0000...t", 0x10: "0000....0000....",
           0x20: "0000....0000....", 0x30: "0000....0000....",
           0x60: "...0.....4.1....", 0x80: "14.100000000.0..",
           0xc0: "11..wv14........", 0xd0: "00.0.....0.0.0..",
           0xe0: "........cc......", 0xf0: "......gh......00"}
    X86_0F = {0x10: "000000000......0", 0x20: "........00000000",
              0x30: "........x.y.....", 0x70: "1...000.....0000",
              0x80: "jjjjjjjjjjjjjjjj", 0xa0: "....1.......1..0",
              0xb0: "00....00..1...00", 0xc0: "001.1.10........",
              **{n: "0" * 16 for n in (0x40, 0x50, 0x60, 0x90, 0xd0, 0xe0,
                                       0xf0)}}

    def look(self, i):
        """(kind, bytes before the operand, detail) of an instruction."""
        def known(table, at):
            if i + at >= self.end:
                return "."
            byte = self.data[i + at]
            return table.get(byte & 0xf0, "." * 16)[byte & 15]

        modrm, what = 1, known(self.X86, 0)
        if what == "c":
            return CALL, 1, 4
        if what == "t":
            modrm, what = 2, known(self.X86_0F, 1)
            if what == "j":
                return JUMP, 2, 4
            if what in "xy":
                modrm, what = 3, "0" if what == "x" else "1"
        elif what == "v":
            modrm, what = 3, known(self.X86_0F, 2)
            if not what.isdigit():
                return NONE, 0, 0
        elif what == "w":
            modrm = 4
        if what == "." or i + modrm + 5 > self.end or \
                self.data[i + modrm] & 0xc7 != 5:
            return NONE, 0, 0
        if what == "w":
            what = "1" if self.data[i + 1] & 31 == 3 else "0"
        none = self.data[i + modrm] & 0x30
        after = {"g": 0 if none else 1, "h": 0 if none else 4}.get(what)
        if after is None:
            after = int(what)
        if after == 4 and 0x66 in self.data[max(i - 2, self.begin):i]:
            after = 2
        return DATA_REL, modrm + 1, 4 + after

    def x86_64(self):
        """Calls, jumps and data beside the instruction pointer."""
        i = self.begin
        while i < self.end:
            kind, ahead, detail = self.look(i)
            if kind != NONE and i + ahead + 4 <= self.end:
                target = self.addr(i + ahead) + detail + \
                    sle(self.data, i + ahead, 4) & M64
                row = self.table.by_addr(target)
                if row is not None and (kind == DATA_REL or
                                        self.table.rows[row].kind == CODE):
                    self.add(kind, i + ahead, 4, target, 0, detail)
                    i += ahead + 4
                    continue
            i += 1

    @staticmethod
    def a64_adds(w):
        """The shift of what adds to an adrp, or None."""
        if w & 0xffc00000 == 0x91000000:
            return 0
        if w & 0x3b000000 != 0x39000000:
            return None
        return 4 if w >> 26 & 1 and w >> 23 & 1 else w >> 30

    def a64(self):
        """Branches and pages."""
        def at(i):
            return le(self.data, i, 4)

        def page(w, i):
            return (self.addr(i) & ~0xfff) + (
                signed((w >> 5 & 0x7ffff) << 2 | w >> 29 & 3, 21) << 12)

        i = self.begin + (-self.addr(self.begin) & 3)
        for i in range(i, self.end - 3, 4):
            w = at(i)
            bits = 0
            if w & 0x7c000000 == 0x14000000:
                bits = 26
            elif w & 0xff000010 == 0x54000000 or w & 0x7e000000 == 0x34000000:
                bits = 19
            elif w & 0x7e000000 == 0x36000000:
                bits = 14
            if bits:
                off = signed(w >> (0 if bits == 26 else 5), bits)
                self.add_mapped(BRANCH, i, self.addr(i) + 4 * off, 0, bits)
            elif w & 0x9f000000 == 0x90000000:
                target = page(w, i)
                for k in range(i + 4, min(i + 32, self.end - 4) + 1, 4):
                    n = at(k)
                    shift = self.a64_adds(n)
                    if shift is not None and n >> 5 & 31 == w & 31:
                        target += (n >> 10 & 0xfff) << shift
                        break
                self.add_mapped(PAGE, i, target)
            elif self.a64_adds(w) is not None:
                shift = self.a64_adds(w)
                for k in range(i - 4, max(i - 32, self.begin) - 1, -4):
                    n = at(k)
                    if n & 0x9f000000 == 0x90000000 and \
                            n & 31 == w >> 5 & 31:
                        self.add_mapped(LOW, i, page(n, k) + (
                            (w >> 10 & 0xfff) << shift), 0, shift)
                        break

    def thumb(self, begin, end):
        """bl, b.w and addresses."""
        i = begin + (self.addr(begin) & 1)
        while i + 4 <= end:
            addr = self.addr(i)
            b = self.data[i:i + 4]
            kind, target = NONE, 0
            if b[1] & 0xf8 == 0xf0 and b[3] & 0x90 == 0x90:
                kind, target = THUMB, addr + 4 + thumb_off(b) & M64
            elif addr % 4 == 0:
                kind, target = WORD32, le(b, 0, 4)
            if kind != NONE and self.table.mapped(target):
                self.add(kind, i, 4, target)
                i += 4
            else:
                i += 2

    def arm(self):
        """A32 and Thumb-2, told apart by groups."""
        i = self.begin + (-self.addr(self.begin) & 3)
        parts = []
        while i < self.end:
            end = min(i + 64 - self.addr(i) % 64, self.end)
            words = range(i, end - 3, 4)
            always = sum(self.data[k + 3] >> 4 == 14 for k in words)
            a32 = always * 2 > len(words)
            if parts and parts[-1][2] == a32:
                parts[-1][1] = end
            else:
                parts.append([i, end, a32])
            i = end
        for begin, end, a32 in parts:
            if not a32:
                self.thumb(begin, end)
                continue
            for i in range(begin, end - 3, 4):
                w = le(self.data, i, 4)
                if w & 0x0e000000 == 0x0a000000 and w >> 28 != 15:
                    self.add_mapped(
                        ARM, i, self.addr(i) + 8 + 4 * signed(w, 24))
                else:
                    self.add_mapped(WORD32, i, w)

    @staticmethod
    def rv64_adds(w):
        """(what is added, whether it stores) or None."""
        code = w & 0x7f
        if code in (0x23, 0x27):
            return signed(w >> 25 << 5 | w >> 7 & 31, 12), 1
        if code in (0x67, 0x03, 0x07) or (
                code in (0x13, 0x1b) and w & 0x7000 == 0):
            return signed(w >> 20, 12), 0
        return None

    def rv64(self):
        """jal, and auipc with what adds to it."""
        i = self.begin + (self.addr(self.begin) & 1)
        while i + 4 <= self.end:
            if self.data[i] & 3 != 3:
                i += 2
                continue
            w = le(self.data, i, 4)
            if w & 0x7f == 0x6f:
                self.add_mapped(JAL, i, self.addr(i) + jal_off(w))
            elif w & 0x7f == 0x17:
                for k in range(i + 4, min(i + 32, self.end - 4) + 1, 2):
                    n = le(self.data, k, 4)
                    adds = self.rv64_adds(n)
                    if n & 3 == 3 and adds and n >> 15 & 31 == w >> 7 & 31:
                        self.add_mapped(HIGH, i, self.addr(i) + signed(
                            w & 0xfffff000, 32) + adds[0])
                        break
            elif self.rv64_adds(w):
                low, stores = self.rv64_adds(w)
                for k in range(i - 2, max(i - 32, self.begin) - 1, -2):
                    n = le(self.data, k, 4)
                    if n & 0x7f == 0x17 and n >> 7 & 31 == w >> 15 & 31:
                        base = self.addr(k)
                        self.add_mapped(REST, i, base + signed(
                            n & 0xfffff000, 32) + low, base, stores)
                        break
            i += 4


class Map:
    """Where old places went, by the longest cover; section 9."""

    def __init__(self, covers):
        ends = sorted({c[1] for c in covers} | {c[1] + c[2] for c in covers})
        by_from = sorted(covers, key=lambda c: c[1])
        self.rows, held, i = [], [], 0
        for begin, end in zip(ends, ends[1:]):
            while i < len(by_from) and by_from[i][1] <= begin:
                held.append(by_from[i])
                i += 1
            held = [c for c in held if c[1] + c[2] > begin]
            if held:
                at, src, length = min(held, key=lambda c: (-c[2], c[0]))
                self.rows.append((begin, end, at - src, length))

    def shift(self, place):
        """(shift, source) of an old place."""
        left = right = None
        low = bisect.bisect_right(self.rows, (place, 1 << 64))
        if low > 0:
            left = self.rows[low - 1]
            if place < left[1]:
                return left[2], 3
        if low < len(self.rows):
            right = self.rows[low]
        if left and right:
            return (left if left[3] >= right[3] else right)[2], 4
        return (left or right or (0, 0, 0))[2], 4


class Learnt:
    """Targets seen in decoded bytes."""

    def __init__(self):
        self.rows = {}

    @staticmethod
    def find(number, target):
        """A row's number, and the check of a target."""
        h = (target + (number << 48)) * 0x9e3779b97f4a7c15 & M64
        return h >> 47, h >> 8 & M32 | 1

    def shift(self, number, target):
        """What is known of an old target, or None."""
        row, check = self.find(number, target)
        known = self.rows.get(row, (0, 0))
        return known[1] if known[0] == check else None

    def learn(self, number, old, new):
        """A target was seen."""
        shift = signed(new - old, 64)
        if -1 << 31 <= shift < 1 << 31:
            row, check = self.find(number, old)
            self.rows[row] = check, shift


class Pair:
    """Two versions of one program: sections 9 and 10."""

    def __init__(self, old, was, covers, number, learnt):
        self.was, self.new = was, None
        self.frames = Frames(old, was)
        self.map, self.number, self.learnt = Map(covers), number, learnt

    def new_addr(self, row, place):
        """The address of a place in the new file."""
        place &= M32
        new = self.new.rows[row]
        if not 0 <= place - new.at < new.len:
            other = self.new.by_place(place)
            if other is not None:
                new = self.new.rows[other]
        return new.addr + place - new.at & M64

    def translate(self, cover, target):
        """(new address, source) of an old address."""
        row = self.was.by_addr(target)
        if row is None:
            return target, 0
        was = self.was.rows[row]
        known = self.learnt.shift(self.number, target)
        if was.kind == BSS:
            if known is not None:
                return target + known & M64, 2
            return self.new.rows[row].addr + target - was.addr & M64, 5
        place = was.at + (target - was.addr) & M32
        at, src, length = cover
        if src <= place < src + length:
            return self.new_addr(row, place + at - src), 1
        if known is not None:
            return target + known & M64, 2
        shift, source = self.map.shift(place)
        return self.new_addr(row, place + shift), source

    def stands(self, cover, place):
        """(row, address) of an old place's operand in the new file."""
        new = place + cover[0] - cover[1] & M32
        was, now = self.was.by_place(place), self.new.by_place(new)
        if was is None or now is None or \
                self.was.rows[was].kind != self.new.rows[now].kind:
            return None
        row = self.new.rows[now]
        return row, row.addr + new - row.at & M64

    def written(self, cover, o, data):
        """(bytes, source) of an operand in the new file, or None."""
        where = self.stands(cover, o.place)
        if not where:
            return None
        target, source = self.translate(cover, o.target)
        base = where[0].addr if o.kind == TABLE else 0
        if o.kind in (SIZE64, SIZE32, REST):
            base = self.translate(cover, o.base)[0]
        return put(o, where[1], base, target, data), source

    def learn(self, cover, o, data):
        """Learns from an operand's new bytes."""
        where = self.stands(cover, o.place)
        if where:
            target = get(o, where[1], where[0].addr, data)
            if target is not None:
                self.learnt.learn(self.number, o.target, target & M64)
