# SPDX-License-Identifier: Apache-2.0
"""delta makes what works or nothing; delta inspect tells what it holds.

Arguments: voltseal-sign, folder of the helpers.  S0.31
"""
import json
import os
import random
import subprocess
import sys

from world import SIGN, main, read, test, write


def seal(w, name, component="gateway"):
    """An unsigned seal of an image: delta asks for no more."""
    salt = write(w.path("salt"), "00" * 32 + "\n")
    w.run("seal", "--image", w.path(name), "--component", component,
          "--hardware", "gw", "--version", "1", "--seq", 1,
          "--security-version", 1, "--salt-file", salt, "--level", 1,
          "--out", w.path(name + ".seal"), "--pack", w.path("pack"))
    return w.path(name + ".seal")


def args(w, old="old", new="new", **images):
    """Of voltseal-sign delta."""
    return ["delta", w.path(old + ".seal"), w.path(new + ".seal"),
            "--old", images.get("old_image", w.path(old)),
            "--new", images.get("new_image", w.path(new)),
            "--out", w.path("delta")]


def refuse(w, word, *args, code=1):
    """Refused, and nothing is written."""
    w.refuse(word, *args, code=code)
    assert not os.path.exists(w.path("delta")), "a delta of a refusal"
    assert not [n for n in os.listdir(w.folder) if n.endswith(".new")]


@test
def images_that_differ_a_little_have_seals(w):
    old = random.Random(1).randbytes(1500000)
    write(w.path("old"), old)
    write(w.path("new"), old[:700000] + b"moved on" + old[700000:])
    write(w.path("other"), random.Random(2).randbytes(100000))
    for name in ("old", "new", "other"):
        seal(w, name)


@test
def a_wrong_image_is_refused_before_anything_is_made(w):
    refuse(w, "cluster 0", *args(w, new="other",
                                 new_image=write(w.path("short"), bytes(100000))))
    refuse(w, "bytes", *args(w, old_image=w.path("new")))
    flipped = bytearray(read(w.path("old")))
    flipped[-1] ^= 1
    write(w.path("flipped"), bytes(flipped))
    refuse(w, "cluster 2", *args(w, old_image=w.path("flipped")))
    refuse(w, "nowhere", *args(w, old_image=w.path("nowhere")), code=4)
    refuse(w, "nowhere", *args(w, "nowhere"), code=4)
    refuse(w, "folder", *args(w, old_image=write_folder(w)))


def write_folder(w):
    os.makedirs(w.path("folder"), exist_ok=True)
    return w.path("folder")


@test
def seals_that_make_no_pair_are_refused(w):
    write(w.path("meter"), b"meter" * 1000)
    seal(w, "meter", "meter")
    refuse(w, "meter", *args(w, new="meter"))
    refuse(w, "same image", *args(w, "old", "old"))
    broken = bytearray(read(w.path("old.seal")))
    broken[-4000] ^= 1
    write(w.path("broken.seal"), bytes(broken))
    refuse(w, "broken.seal", *args(w, "broken"))
    refuse(w, "too little in common", *args(w, new="other"))


@test
def a_missing_seal_or_image_is_a_wrong_call(w):
    w.refuse("NEW.seal", *args(w)[:2], *args(w)[3:], code=2)
    os.rename(w.path("new"), w.path("moved"))
    refuse(w, "--new", *args(w)[:5], *args(w)[7:], code=4)
    os.rename(w.path("moved"), w.path("new"))
    w.refuse("not expected", *args(w), "third", code=2)


@test
def a_delta_is_made_and_tells_what_it_holds(w):
    made = json.loads(w.run(*args(w), "--json")[0])
    assert made["delta_len"] == os.path.getsize(w.path("delta")) < 600, made
    told = json.loads(w.run("delta", "inspect", "--json",
                            w.path("delta"))[0])
    for side in ("old", "new"):
        fields = json.loads(w.run("inspect", "--json",
                                  w.path(side + ".seal"))[0])
        assert told[side + "_root"] == fields["root_hash"]
        assert told[side + "_len"] == fields["image_len"]
    assert told["copied"] == made["copied"] > 600000
    text, _ = w.run("delta", "inspect", w.path("delta"))
    assert "covers" not in text and told["new_root"] in text


@test
def images_beside_their_seals_are_found_and_the_delta_has_its_name(w):
    os.rename(w.path("old"), w.path("old.img"))
    done = subprocess.run([SIGN, *args(w)[:3], "--json"], cwd=w.folder,
                          check=True, capture_output=True, text=True)
    os.rename(w.path("old.img"), w.path("old"))
    made = json.loads(done.stdout)
    assert made["path"] == f"{made['old_root']}-{made['new_root']}", made
    assert read(w.path(made["path"])) == read(w.path("delta"))


@test
def what_the_bytes_are_spent_on_adds_up_to_the_delta(w):
    told = json.loads(w.run("delta", "inspect", "--json", w.path("delta"),
                            "--old", w.path("old"))[0])
    spent = sum(sum(f["spent"].values()) for f in told["files"])
    assert 8 < spent < told["delta_len"] - 128, told
    assert sum(f["covers"] for f in told["files"]) >= 2
    text, _ = w.run("delta", "inspect", w.path("delta"), "--old",
                    w.path("old"))
    assert "literals" in text and "(sum)" in text


@test
def the_same_images_give_the_same_file(w):
    first = read(w.path("delta"))
    w.run(*args(w))
    assert read(w.path("delta")) == first


@test
def inspect_of_another_image_or_a_broken_delta_is_one_clear_line(w):
    delta, bad = read(w.path("delta")), w.path("bad")
    w.refuse("shorter", "delta", "inspect", w.path("delta"), "--old",
             w.path("meter"))
    w.refuse("nowhere", "delta", "inspect", w.path("nowhere"), code=4)
    for length in (0, 1, 100, 127, 128, 130):
        write(bad, delta[:length])
        w.refuse("bad", "delta", "inspect", bad)
    write(bad, delta[:-20])
    w.refuse("cannot be applied", "delta", "inspect", bad, "--old",
             w.path("old"))
    rand = random.Random(3)
    for _ in range(20):
        flipped = bytearray(delta)
        flipped[rand.randrange(len(delta))] ^= 1 << rand.randrange(8)
        write(bad, bytes(flipped))
        for more in ([], ["--old", w.path("old")]):
            done = subprocess.run([SIGN, "delta", "inspect", bad, *more],
                                  check=False, capture_output=True)
            assert done.returncode in (0, 1), done


def tree(w, name, lines):
    """A folder of a program's neighbours: texts, of which some change."""
    folder = w.path(name)
    os.makedirs(os.path.join(folder, "etc"))
    for i in range(40):
        text = "".join(f"{i} {k} of {name if i < lines else 'all'}\n"
                       for k in range(i * 37))
        write(os.path.join(folder, "etc", f"file{i:02}"), text)
    write(os.path.join(folder, "once"), random.Random(4).randbytes(9000))
    if lines:
        write(os.path.join(folder, "fresh"),
              random.Random(5).randbytes(60000))
    return folder


BUILDERS = {
    "ext4": "/usr/sbin/mke2fs -q -t ext4 -b 4096 -d TREE IMAGE 8M",
    "squashfs": "/usr/bin/mksquashfs TREE IMAGE -comp zstd -noappend "
                "-no-progress -quiet",
    "xz": "/usr/bin/mksquashfs TREE IMAGE -comp xz -noappend -no-progress "
          "-quiet -no-fragments",
    "erofs": "/usr/bin/mkfs.erofs --quiet IMAGE TREE",
    "lz4": "/usr/bin/mkfs.erofs --quiet -zlz4hc,9 -C16384 IMAGE TREE",
}


@test
def each_file_of_a_file_system_is_told_by_its_name(w):
    for kind, words in BUILDERS.items():
        for side, lines in (("was", 0), ("is", 12)):
            folder = tree(w, f"{kind}-{side}-tree", lines)
            image = w.path(f"{kind}-{side}")
            subprocess.run([{"TREE": folder, "IMAGE": image}.get(x, x)
                            for x in words.split()], check=True,
                           stdout=subprocess.DEVNULL)
            seal(w, f"{kind}-{side}")
        w.run(*args(w, f"{kind}-was", f"{kind}-is"))
        told = json.loads(w.run("delta", "inspect", "--json",
                                w.path("delta"), "--old",
                                w.path(f"{kind}-was"))[0])
        spent = {row["name"]: row["bytes"] for row in told["spent"]}
        # neighbours in one block of fragments, or of inodes with what is
        # beside them, share what it costs
        assert 56000 < spent["/fresh"] < 60500, (kind, spent)
        assert spent["/etc/file08"] > 0, (kind, spent)
        if kind in ("ext4", "xz"):
            assert "/once" not in spent and "/etc/file39" not in spent
        whole = sum(f["bytes"] for f in told["files"])
        assert abs(sum(spent.values()) - whole) < len(spent) + 8
        text, _ = w.run("delta", "inspect", w.path("delta"), "--old",
                        w.path(f"{kind}-was"))
        assert text.index("/fresh") < text.index("/etc/file08"), text


if __name__ == "__main__":
    sys.exit(main())
