# SPDX-License-Identifier: Apache-2.0
"""The images that deltas are measured with.  Debian as it was released, the
same with all updates, and with OpenSSL's alone: ext4 in 400 MiB, laid out
alike, and packed from the same files.  Programs for arm64, of the packages as
released and as updated.  Made once, by the recipe of tools/images, and kept."""
import hashlib
import os
import shutil
import subprocess
import tempfile

import large

PACKAGES = "systemd,openssl,python3,nginx,sqlite3,libnode108"
RELEASED, UPDATED, OPENSSL = "released", "updated", "openssl"
IMAGES = (RELEASED, UPDATED, OPENSSL)
# What has an update; of each the programs that differ are pairs.
ARM64 = ("libssl3", "openssl", "python3.11-minimal", "perl-base", "nginx")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
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

class Apt:
    """Debian's packages for another machine, without touching this one."""

    def __init__(self, made, folder, arch):
        self.made, self.folder = made, folder
        self.security = made.RELEASE + "-security"
        for name in ("lists/partial", "cache/archives/partial", "etc"):
            os.makedirs(os.path.join(folder, name))
        open(os.path.join(folder, "status"), "wb").close()
        with open(os.path.join(folder, "etc", "sources.list"), "w",
                  encoding="ascii") as out:
            for suite, uri in self.mirrors().items():
                out.write(f"deb [signed-by={KEYRING}] {uri} {suite} main\n")
        self.options = []
        for key, value in (
                ("APT::Architecture", arch), ("APT::Architectures", arch),
                ("Dir::State", folder), ("Dir::State::lists", "lists"),
                ("Dir::State::status", os.path.join(folder, "status")),
                ("Dir::Cache", os.path.join(folder, "cache")),
                ("Dir::Etc", os.path.join(folder, "etc")),
                ("APT::Sandbox::User", "root"), ("Acquire::Languages",
                                                 "none")):
            self.options += ["-o", f"{key}={value}"]
        run(["apt-get", "-qq", *self.options, "update"])

    def mirrors(self):
        found = self.made.find_mirrors()
        return {s: found[s] for s in (self.made.RELEASE, self.security)}

    def unpack(self, package, suite, out):
        """False if that suite has none."""
        work = tempfile.mkdtemp(dir=self.folder)
        done = subprocess.run(
            ["apt-get", "-qq", *self.options, "download",
             f"{package}/{suite}"], cwd=work, capture_output=True,
            check=False)
        debs = os.listdir(work)
        if done.returncode or not debs:
            return False
        run(["dpkg-deb", "-x", os.path.join(work, debs[0]), out])
        return True


def programs_of(tree):
    """{path: bytes} of the ELF files under a folder."""
    found = {}
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                continue
            with open(path, "rb") as program:
                content = program.read()
            if content[:4] == b"\x7fELF":
                found[os.path.relpath(path, tree)] = content
    return found


def make_arm64(made, folder, work, say):
    """Pairs FOLDER/arm64/NAME.old and NAME.new of the programs that differ."""
    say("pair: programs for arm64")
    apt = Apt(made, os.path.join(work, "apt"), "arm64")
    out = os.path.join(folder, "arm64")
    seen = set()  # another name of one program is none of its own
    os.makedirs(out)
    for package in ARM64:
        trees = [os.path.join(work, package + side) for side in ("-0", "-1")]
        if not (apt.unpack(package, made.RELEASE, trees[0]) and
                apt.unpack(package, apt.security, trees[1])):
            continue
        old, new = (programs_of(tree) for tree in trees)
        for path in sorted(set(old) & set(new)):
            if old[path] == new[path] or new[path] in seen:
                continue
            seen.add(new[path])
            name = os.path.basename(path)
            for side, content in (("old", old[path]), ("new", new[path])):
                with open(os.path.join(out, f"{name}.{side}"), "wb") as file:
                    file.write(content)


def arm64(folder):
    """[(old, new)], the same order each time."""
    where = os.path.join(folder, "arm64")
    if not os.path.isdir(where):
        return []
    names = sorted(n[:-4] for n in os.listdir(where) if n.endswith(".old"))
    return [tuple(os.path.join(where, f"{name}.{side}")
                  for side in ("old", "new")) for name in names]


# --- all of it ----------------------------------------------------------------

def recipe_hash():
    """Of everything that decides what the images hold, packages aside."""
    with open(os.path.abspath(__file__), "rb") as source:
        return hashlib.sha256(source.read()).hexdigest()


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
