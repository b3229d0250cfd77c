# SPDX-License-Identifier: Apache-2.0
"""The images that deltas are measured with.  Debian as it was released, the
same with all updates, and with OpenSSL's alone: ext4 in 400 MiB, laid out
alike, and packed from the same files.  Programs for arm64, of the packages as
released and as updated.  Made once, by the recipe of tools/images, and kept."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

import large

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "delta"))
sys.dont_write_bytecode = True
import packages  # noqa: E402

PACKAGES = "systemd,openssl,python3,nginx,sqlite3,libnode108"
RELEASED, UPDATED, OPENSSL = "released", "updated", "openssl"
IMAGES = (RELEASED, UPDATED, OPENSSL)
# What has an update; of each the programs that differ are pairs.
ARM64 = ("libssl3", "openssl", "python3.11-minimal", "perl-base", "nginx")
ONLY_OPENSSL = """Package: *
Pin: release n=SUITE
Pin-Priority: -1

Package: openssl libssl3
Pin: release n=SUITE
Pin-Priority: 990
"""


def run(argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv[:2])} failed:\n{done.stdout}"
                           f"{done.stderr}")
    return done.stdout


# --- the file systems ---------------------------------------------------------

def bootstrap(made, name, tree, mirrors, work):
    """mmdebstrap as tools/images calls it, with this list of packages."""
    security = made.RELEASE + "-security"
    suites = {RELEASED: [made.RELEASE], UPDATED: made.SUITES["1.1.0"],
              OPENSSL: [made.RELEASE, security]}[name]
    argv = ["mmdebstrap", "--quiet", "--variant=minbase",
            "--include=" + PACKAGES, "--components=main",
            "--format=directory",
            '--aptopt=APT::Install-Recommends "false"']
    argv += ["--dpkgopt=" + option for option in made.WITHOUT]
    if name == OPENSSL:
        pins = os.path.join(work, "pins")
        with open(pins, "w", encoding="ascii") as out:
            out.write(ONLY_OPENSSL.replace("SUITE", security))
        argv.append(f'--setup-hook=cp "{pins}" '
                    '"$1/etc/apt/preferences.d/pins"')
        argv.append('--customize-hook=rm "$1/etc/apt/preferences.d/pins"')
    argv += [made.RELEASE, tree]
    argv += [f"deb {mirrors[suite]} {suite} main" for suite in suites]
    run(argv, env=dict(os.environ, SOURCE_DATE_EPOCH=str(made.EPOCH),
                       LC_ALL="C.UTF-8"))
    made.sweep(tree)
    made.settle_times(tree)


def make_images(made, folder, work, say):
    trees = {name: os.path.join(work, name) for name in IMAGES}
    mirrors = made.find_mirrors()
    for name, tree in trees.items():
        say(f"pair: Debian, {name}")
        bootstrap(made, name, tree, mirrors, work)
    inodes = max(made.count_tree(tree)[1] for tree in trees.values())
    inodes = -(-(inodes + 64) // 256) * 256
    for name, tree in trees.items():
        made.make_ext4(tree, name, large.SIZE, inodes,
                       os.path.join(folder, name + ".img"))


# --- the programs -------------------------------------------------------------

def make_arm64(made, folder, work, say):
    """Pairs FOLDER/arm64/NAME.old and NAME.new of the programs that differ."""
    say("pair: programs for arm64")
    found = made.find_mirrors()
    apt = packages.Apt(os.path.join(work, "apt"), "arm64", {
        suite: found[suite]
        for suite in (made.RELEASE, made.RELEASE + "-security")})
    packages.fetch_pairs(apt, ARM64, os.path.join(folder, "arm64"))


def arm64(folder):
    """[(old, new)], the same order each time."""
    return packages.pairs(os.path.join(folder, "arm64"))


# --- all of it ----------------------------------------------------------------

def recipe_hash():
    """Of everything that decides what the images hold, packages aside."""
    digest = hashlib.sha256()
    for path in (__file__, packages.__file__):
        with open(os.path.abspath(path), "rb") as source:
            digest.update(source.read())
    return digest.hexdigest()


def ensure(folder, say):
    """Makes in folder what is not there, or was made by another recipe."""
    folder = os.path.abspath(folder)
    stamp = os.path.join(folder, "recipe")
    want = recipe_hash()
    if os.path.exists(stamp):
        with open(stamp, encoding="ascii") as made:
            if made.read().strip() == want:
                return folder
    if os.geteuid() != 0:
        raise RuntimeError("the images need root; run it with sudo")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    work = tempfile.mkdtemp(prefix="voltseal-pair.")
    os.chmod(work, 0o755)
    try:
        made = large.recipe()
        make_images(made, folder, work, say)
        make_arm64(made, folder, work, say)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    with open(stamp, "w", encoding="ascii") as out:
        out.write(want + "\n")
    return folder
