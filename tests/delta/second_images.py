# SPDX-License-Identifier: Apache-2.0
"""File systems in two versions, for second_test.py."""
import os
import random
import shutil
import subprocess
import tempfile

from second_clusters import OldFile
from second_packing import lz4_fill
from second_programs import Fault

PROGRAMS = "delta_specimen", "delta_specimen_more"
UUID = "4ea5ee68-fea0-5586-1068-90ded5733820"
MKE2FS = ("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-O", "^has_journal",
          "-N", "64", "-U", UUID, "-E", "hash_seed=" + UUID, "-d", "TREE",
          "IMAGE", "512k")
SQUASH = ("mksquashfs", "TREE", "IMAGE", "-noappend", "-all-root",
          "-no-xattrs", "-processors", "1", "-all-time", "1700000000",
          "-mkfs-time", "1700000000")
EROFS = ("mkfs.erofs", "-T1700000000", "-U", UUID, "--all-root", "-x-1",
         "IMAGE", "TREE")
SYSTEMS = {
    "an ext4 image": MKE2FS,
    "a squashfs of gzip": (*SQUASH, "-b", "16384", "-comp", "gzip",
                           "-Xcompression-level", "6"),
    "a squashfs of xz without fragments": (
        *SQUASH, "-b", "8192", "-comp", "xz", "-no-fragments"),
    "a squashfs of zstd": (*SQUASH, "-b", "16384", "-comp", "zstd",
                           "-Xcompression-level", "12"),
    "a plain erofs": EROFS,
}
FIXED = "clusters packed otherwise"
CLUSTERS = {  # of an erofs
    "clusters of 64 KiB": (*EROFS, "-zlz4hc,12", "-C65536"),
    "clusters of level 0": (*EROFS, "-zlz4", "-Eforce-inode-extended"),
    "clusters of 4 KiB": (*EROFS, "-zlz4hc,9"),
    "clusters with a full index": (*EROFS, "-zlz4hc,12",
                                   "-Elegacy-compress"),
    FIXED: (*EROFS, "-zlz4", "-C8192"),
}
SYSTEMS.update(CLUSTERS)
OTHERWISE = (2, 3, -3)  # clusters that come otherwise, in two batches
LONG = 400000


def long_file(more):
    """One of several batches, which changes here and there."""
    dice = random.Random(5)
    words = [b"%x " % dice.randrange(1 << 20) for _ in range(200)]
    text = b"".join(dice.choice(words) for _ in range(LONG // 4))
    text = bytearray(text[:LONG])
    text[200000:200000] = dice.randbytes(9000)  # as it is, packed or not
    if more:
        for at in (390000, 300000, 210000, 150000, 90, 40):
            text[at:at + dice.choice((0, 5, 7))] = b"changed"
    return bytes(text)


def fill(tree, name, seed, more, others):
    """Makes a folder's files; a program is one of them."""
    dice = random.Random(seed)
    os.makedirs(tree + "/sub")
    shutil.copy(name, tree + "/sub/program")
    for i in range(4 if more else 3):
        text = b"".join(dice.choice((b"lock ", b"plug ", b"meter\n"))
                        for _ in range(dice.randrange(1, 4000)))
        with open(f"{tree}/{i}", "wb") as f:
            f.write(text + dice.randbytes(dice.randrange(900)))
        os.symlink(str(i), f"{tree}/sub/{i}")
    for n, content in others.items():
        with open(f"{tree}/sub/{n}", "wb") as f:
            f.write(content)
    for at, folders, files in os.walk(tree):
        for n in (".", *folders, *files):
            os.utime(os.path.join(at, n), (1700000000, 1700000000),
                     follow_symlinks=False)


def image_of(words, name, seed, more, others):
    """A file system with a program and some files; None: no such tool."""
    program_path = shutil.which(words[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not program_path:
        return None
    with tempfile.TemporaryDirectory() as folder:
        tree, image = (os.path.join(folder, n) for n in ("tree", "image"))
        fill(tree, name, seed, more, others)
        swap = {"TREE": tree, "IMAGE": image}
        subprocess.run([program_path, *(swap.get(w, w) for w in words[1:])],
                       check=True, timeout=60, stdout=subprocess.DEVNULL,
                       env={"E2FSPROGS_FAKE_TIME": "1700000000"})
        with open(image, "rb") as f:
            return f.read()


def inode_of(image, content):
    """Where the inode of a file is that holds this."""
    for at in range(1152, len(image), 32):
        try:
            f = OldFile(image, at)
            if f.len == len(content) and f.read(0, f.len) == content:
                return f
        except Fault:
            pass
    raise RuntimeError("no such file")


def otherwise(image, content):
    """Some clusters of a file at another level: (place, blocks)."""
    f = inode_of(image, content)
    for k in OTHERWISE:
        c = f.clusters[k]
        at, room = c.block * 4096, c.blocks * 4096
        packed, taken = lz4_fill(12, f.content(c), room)
        made = bytes(room - len(packed)) + packed
        if c.stored or taken != c.end - c.begin or \
                made == image[at:at + room]:
            raise RuntimeError("cannot be otherwise")
        yield at, made


def images(which, programs):
    """Two of them; programs: the folder of the specimens."""
    def made(more, **others):
        return image_of(SYSTEMS[which], os.path.join(programs, PROGRAMS[more]),
                        1, more, others)

    if which not in CLUSTERS:
        return made(0), made(1)
    long = long_file(0), long_file(1)
    if which != FIXED:
        return made(0, long=long[0]), made(1, long=long[1])
    image = made(1, long=long[1])
    if not image:
        return None, None
    # In a file, too: what looks like nothing old is slow to decode.
    blocks = b"".join(block for _, block in otherwise(image, long[1]))
    old, new = (made(more, long=long[more], blocks=blocks) for more in (0, 1))
    for at, block in list(otherwise(new, long[1])):
        new = new[:at] + block + new[at + len(block):]
    return old, new
