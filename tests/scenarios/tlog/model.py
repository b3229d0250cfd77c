# SPDX-License-Identifier: Apache-2.0
"""A log by its standard, independent of the product: tiles, bundles, proofs
(RFC 6962, C2SP tlog-tiles).
"""
import base64
import hashlib
import os
import struct


def node(left, right):
    """The hash over two hashes."""
    return hashlib.sha256(b"\1" + left + right).digest()


def leaf_hash(entry):
    """The hash of an entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def root(leaves):
    """MTH of RFC 6962, over hashes of leaves."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def split(n):
    """The largest power of two below n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def consistency(old, leaves):
    """PROOF(old, D[n]) of RFC 6962 2.1.2."""
    def sub(m, d, whole):
        if m == len(d):
            return [] if whole else [root(d)]
        k = split(len(d))
        if m <= k:
            return sub(m, d[:k], whole) + [root(d[k:])]
        return sub(m - k, d[k:], False) + [root(d[:k])]
    return sub(old, leaves, True) if old else []


def path(kind, index, width):
    """tile/KIND/N, partial if need be."""
    name = f"{index % 1000:03}"
    while index >= 1000:
        index //= 1000
        name = f"x{index % 1000:03}/{name}"
    return f"tile/{kind}/{name}" + ("" if width == 256 else f".p/{width}")


def entries(folder, size):
    """All entries of a log's folder."""
    out = []
    for at in range(0, size, 256):
        width = min(256, size - at)
        with open(os.path.join(folder, path("entries", at // 256, width)),
                  "rb") as f:
            data = f.read()
        while data:
            n, = struct.unpack(">H", data[:2])
            out.append(data[2:2 + n])
            data = data[2 + n:]
    assert len(out) == size
    return out


def leaves(folder, size):
    """Hashes of all leaves, out of the tiles of level 0."""
    out = []
    for at in range(0, size, 256):
        width = min(256, size - at)
        with open(os.path.join(folder, path("0", at // 256, width)),
                  "rb") as f:
            data = f.read()
        assert len(data) == 32 * width
        out += [data[i:i + 32] for i in range(0, len(data), 32)]
    return out


def checkpoint(text):
    """(origin, size, root) of a checkpoint."""
    origin, size, head = text.decode().split("\n")[:3]
    return origin, int(size), base64.b64decode(head)


def request(old, proof, note):
    """What a witness is asked."""
    lines = "".join(base64.b64encode(h).decode() + "\n" for h in proof)
    return f"old {old}\n{lines}\n".encode() + note
