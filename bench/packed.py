# SPDX-License-Identifier: Apache-2.0
"""Packed file systems of what an ext4 image holds, without being root: the
same files go through debugfs into a folder, and from there to the builder."""
import os
import shutil
import subprocess

EPOCH = "1700000000"
UUID = "4ea5ee68-fea0-5586-1068-90ded5733820"
# kind: (builder, words with TREE and IMAGE)
KINDS = {
    "squashfs zstd-19":
        "mksquashfs TREE IMAGE -comp zstd -Xcompression-level 19 -noappend "
        "-no-progress -quiet -processors 2 -no-xattrs "
        f"-mkfs-time {EPOCH}",
    "erofs":
        f"mkfs.erofs -T {EPOCH} -U {UUID} -x-1 --quiet IMAGE TREE",
    "erofs lz4hc":
        "mkfs.erofs -zlz4hc,12 -C65536 "
        f"-T {EPOCH} -U {UUID} -x-1 --quiet IMAGE TREE",
}


def missing():
    """Builders that are not installed."""
    return [words.split()[0] for words in KINDS.values()
            if not shutil.which(words.split()[0])]


def unfold(image, folder):
    """The files of an ext4 image, once."""
    if os.path.isdir(folder):
        return folder
    os.makedirs(folder)
    subprocess.run(["debugfs", "-R", f"rdump / {folder}", image], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def build(kind, image, folder):
    """An image of that kind with the ext4 image's files."""
    name = os.path.splitext(os.path.basename(image))[0]
    tree = unfold(image, os.path.join(folder, name))
    out = os.path.join(folder, f"{name}.{kind.replace(' ', '-')}")
    names = {"TREE": tree, "IMAGE": out}
    if not os.path.exists(out):
        subprocess.run([names.get(w, w) for w in KINDS[kind].split()],
                       check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    return out
