# SPDX-License-Identifier: Apache-2.0
"""ELF files of instructions by chance, two versions of each.

No compiler makes some of the operands that a delta predicts; here all kinds
are, most of them wrongly predicted.  Nothing is repaired in the new version
but where sections lie, so that an applier that predicts any of it otherwise
goes astray at once.
"""
import random
import struct

X86, A64, ARM, RV64 = 62, 183, 40, 243


def near(dice, bits):
    """A small or a large distance."""
    return dice.randrange(1 << dice.choice((bits, min(bits, 12))))


def x86_64(dice):
    """Calls, jumps, and what names data."""
    opcode = dice.choice((
        b"\xe8", b"\xe9", b"\x0f\x8f", b"\x0f\x84", b"\x66\xc7", b"\xc7",
        b"\x66\x48\x81", b"\x48\x8b", b"\x8d", b"\xf6", b"\xf7", b"\x66\xf7",
        b"\x80", b"\x01", b"\x0f\xb6", b"\x0f\x38\xf0", b"\x0f\x3a\x0f",
        b"\xc5\xf9\x6f", b"\xc5\xf9\x70", b"\xc5\xf9\x38", b"\xc4\xe2\x79\x18",
        b"\xc4\xe3\x79\x18", b"\x0f\xc2", b"\x0f\x1f", b"\xff", b"\x69",
        bytes([dice.randrange(256)]), bytes([0x0f, dice.randrange(256)])))
    if opcode[-1] in (0xe8, 0xe9) or opcode[-1] & 0xf0 == 0x80:
        modrm = b""
    else:
        modrm = bytes([5 | dice.randrange(8) << 3])
    far = dice.randrange(-5000, 20000) if dice.randrange(9) else near(dice, 31)
    return opcode + modrm + struct.pack("<i", far) + dice.randbytes(
        dice.choice((0, 0, 1, 4)))


def a64(dice):
    """Branches and pages."""
    low = dice.randrange(4)
    word = dice.choice((
        0x14000000 | dice.randrange(2) << 31 | near(dice, 26),
        0x54000000 | near(dice, 19) << 5 | dice.randrange(16),
        0x34000000 | dice.randrange(4) << 24 | near(dice, 11) << 5 | low,
        0x36000000 | dice.randrange(2) << 24 | near(dice, 11) << 5 | low,
        0x90000000 | dice.randrange(4) << 29 | dice.randrange(4) << 5 | low,
        0x91000000 | dice.randrange(4096) << 10 | low << 5,
        0x39000000 | dice.randrange(4) << 30 | dice.randrange(2) << 26 |
        dice.randrange(4) << 22 | dice.randrange(4096) << 10 | low << 5,
        dice.getrandbits(32)))
    return struct.pack("<I", word)


def arm(dice):
    """A stretch of A32 or of Thumb-2."""
    if dice.randrange(2):
        return b"".join(struct.pack("<I", dice.choice((
            0xea000000 | near(dice, 24), 0x0b000000 | near(dice, 12),
            0xe0000000 | dice.getrandbits(28), 0x10000 + near(dice, 14),
            0xebffff00 | dice.getrandbits(8)))) for _ in range(40))
    return b"".join(dice.choice((
        struct.pack("<HH", 0xf000 | dice.choice((0, 0x7ff, near(dice, 11))),
                    dice.choice((0xf800, 0xb800, 0xd000)) | near(dice, 11)),
        struct.pack("<I", 0x10000 + near(dice, 14)),
        dice.randbytes(2))) for _ in range(50))


def rv64(dice):
    """jal, auipc, what adds to it, and short ones."""
    low = dice.randrange(1, 3)
    code = dice.choice((0x13, 0x1b, 0x67, 0x03, 0x07, 0x23, 0x27))
    return dice.choice((
        struct.pack("<I", dice.getrandbits(12) << 20 & 0xfff00000 |
                    dice.randrange(2) << 12 | 0xef),
        struct.pack("<I", dice.choice((0, 0x1000, 0x3000, 0xfffff000)) |
                    low << 7 | 0x17),
        struct.pack("<I", dice.getrandbits(12) << 20 | low << 15 |
                    dice.randrange(8) << 12 | dice.randrange(32) << 7 | code),
        struct.pack("<H", dice.getrandbits(16) & ~3)))


def words(dice, size, wide):
    """Addresses and other numbers."""
    each = 8 if wide else 4
    return b"".join(
        (0x10000 + dice.randrange(0x8000) if dice.randrange(5) else
         dice.getrandbits(31)).to_bytes(each, "little")
        for _ in range(size // each))


def tables(dice, machine, wide):
    """Relocations, symbols and unwind tables, 1 KiB of each."""
    rela = dynsym = frame = b""
    while len(rela) < 960:
        kind = dice.choice((3, 58) if machine == RV64 else
                           (8, 37, 1027, 1032, 6))
        rela += words(dice, 8, wide) + struct.pack("<q", kind) + words(
            dice, 8, wide) if wide else words(dice, 8, wide)
    while len(dynsym) < 960:
        size = dice.choice((0, 1, 64, 5000, 1 << 30))
        if wide:
            dynsym += dice.randbytes(8) + words(dice, 8, True) + struct.pack(
                "<q", size)
        else:
            dynsym += dice.randbytes(4) + words(dice, 4, False) + \
                struct.pack("<i", size) + dice.randbytes(4)
    while len(frame) < 6000:
        n = dice.choice((12, 16, 20, 28))
        back = dice.choice((0, len(frame) + 4, 4))
        frame += struct.pack("<IIiI", n, back, dice.randrange(-9000, 9000),
                             dice.randrange(300)) + dice.randbytes(n - 12)
    header = b"\1\x1b\3\x3b" + b"".join(
        struct.pack("<i", dice.randrange(-20000, 20000)) for _ in range(200))
    return rela, dynsym, frame + bytes(4), header


def elf(machine, sections):
    """A file of (name, type, flags, bytes or a length without bytes)."""
    wide = machine != ARM
    names = b"\0" + b"".join(s[0] + b"\0" for s in sections) + b".names\0"
    body, rows, addr = bytes(64), [], 0x10000
    for name, kind, flags, data in sections:
        body += bytes(-len(body) % 16)
        size = data if kind == 8 else len(data)
        addr = (addr + 15) // 16 * 16 if kind == 8 else 0x10000 + len(body)
        rows.append((names.index(name + b"\0"), kind, flags, addr, len(body),
                     size))
        body += b"" if kind == 8 else data
        addr += size
    rows = [(0,) * 6] + rows + [(names.index(b".names\0"), 3, 0, 0, len(body),
                                 len(names))]
    body += names
    form = "<IIQQQQ24x" if wide else "<IIIIII16x"
    head = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    if wide:
        head += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 0, len(body),
                            0, 64, 0, 0, 64, len(rows), len(rows) - 1)
    else:
        head += struct.pack("<HHIIIIIHHHHHH", 3, machine, 1, 0, 0, len(body),
                            0, 52, 0, 0, 40, len(rows), len(rows) - 1)
    return head + body[len(head):] + b"".join(
        struct.pack(form, *row) for row in rows)


def pair(machine, seed):
    """Two versions of a file."""
    dice = random.Random(seed)
    wide = machine != ARM
    one = {X86: x86_64, A64: a64, ARM: arm, RV64: rv64}[machine]
    code = b""
    while len(code) < 6000:
        code += one(dice)
    rela, dynsym, frame, header = tables(dice, machine, wide)
    data = words(dice, 1200, wide)
    files = []
    for more in (b"", dice.randbytes(204)):
        files.append(elf(machine, (
            (b".rela", 4 if wide else 9, 2, rela), (b".dynsym", 11, 2, dynsym),
            (b".text", 1, 6, code[:2000] + more + code[2000:]),
            (b".rodata", 1, 2, b"between " * 20),
            (b".eh_frame_hdr", 1, 2, header), (b".eh_frame", 1, 2, frame),
            (b".data", 1, 3, data + more[:64]), (b".bss", 8, 3, 0x6000))))
    return files
