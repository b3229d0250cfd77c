# SPDX-License-Identifier: Apache-2.0
"""Programs of Debian's packages in two versions: as released, and as updated.

Fetched with apt from where this machine's own apt fetches, in a folder of its
own: nothing of the machine's apt or packages is changed."""
import glob
import os
import re
import runpy
import shlex
import shutil
import subprocess
import tempfile

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                     "tools")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PATIENCE_S = 120
# No network is told soon, and an index that cannot be had is a failure.
FETCHING = ("-qq", "-o", "Acquire::http::Timeout=10", "-o",
            "Acquire::https::Timeout=10", "-o", "Acquire::Retries=1", "-o",
            "Acquire::Languages=none", "-o", "APT::Sandbox::User=root", "-o",
            "APT::Update::Error-Mode=any")


class NoPackages(RuntimeError):
    """Why there is nothing to be had, in a line."""


def run(argv, **options):
    """What a program of Debian's says."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL,
                              timeout=PATIENCE_S, **options)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise NoPackages(" ".join(str(e).split())) from e
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NoPackages(f"{argv[0]}: {said[0] if said else 'failed'}")
    return done.stdout


def list_mirrors(images):
    """As tools/images does it."""
    try:
        return images["list_mirrors"]()
    except (OSError, images["Failure"]) as e:
        raise NoPackages(" ".join(str(e).split())) from e


def suites():
    """{suite: URI}: the release, then its security updates."""
    images = runpy.run_path(os.path.join(TOOLS, "images"), run_name="images")
    wanted = (images["RELEASE"], images["RELEASE"] + "-security")
    found = list_mirrors(images)
    if not set(wanted) <= set(found):  # its apt has fetched nothing yet
        for uri, suite in re.findall(r"'(.*)/dists/([^/']*)/InRelease'",
                                     run(["apt-get", "update",
                                          "--print-uris"])):
            found.setdefault(suite, uri)
    for suite in wanted:
        if suite not in found:
            raise NoPackages(f"this machine's apt sources have no '{suite} "
                             "main'")
    return {suite: found[suite] for suite in wanted}


class Apt:
    """Of these suites, for one kind of machine."""

    def __init__(self, folder, arch, uris):
        self.folder, self.uris = folder, uris
        for name in ("lists/partial", "cache/archives/partial", "etc"):
            os.makedirs(os.path.join(folder, name))
        open(os.path.join(folder, "status"), "wb").close()
        with open(os.path.join(folder, "etc", "sources.list"), "w",
                  encoding="ascii") as out:
            for suite, uri in uris.items():
                out.write(f"deb [signed-by={KEYRING}] {uri} {suite} main\n")
        self.options = list(FETCHING)
        for key, value in (
                ("APT::Architecture", arch), ("APT::Architectures", arch),
                ("Dir::State", folder), ("Dir::State::lists", "lists"),
                ("Dir::State::status", os.path.join(folder, "status")),
                ("Dir::Cache", os.path.join(folder, "cache")),
                ("Dir::Cache::pkgcache", "pkgcache.bin"),
                ("Dir::Cache::srcpkgcache", "srcpkgcache.bin"),
                ("Dir::Etc", os.path.join(folder, "etc"))):
            self.options += ["-o", f"{key}={value}"]
        self.borrow_lists()
        run(["apt-get", *self.options, "update"])

    def borrow_lists(self):
        """What this machine has fetched already need not come again."""
        said = shlex.split(run(["apt-config", "shell", "LISTS",
                                "Dir::State::lists/d"]))
        for suite in self.uris if said else ():
            for path in glob.glob(os.path.join(
                    glob.escape(said[0].partition("=")[2]),
                    f"*_dists_{suite}_*")):
                shutil.copy2(path, os.path.join(self.folder, "lists"))

    def unpack(self, package, suite, out):
        """False if that suite has none."""
        what = f"{package}/{suite}"
        if subprocess.run(["apt-get", *self.options, "--print-uris",
                           "download", what], capture_output=True,
                          check=False).returncode:
            return False
        work = tempfile.mkdtemp(dir=self.folder)
        run(["apt-get", *self.options, "download", what], cwd=work)
        run(["dpkg-deb", "-x", os.path.join(work, os.listdir(work)[0]), out])
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


def fetch_pairs(apt, packages, out):
    """OUT/NAME.old and OUT/NAME.new of the programs that differ."""
    seen = set()  # another name of one program is none of its own
    os.makedirs(out)
    for package in packages:
        trees = [os.path.join(apt.folder, package + side)
                 for side in (".old", ".new")]
        if not all(apt.unpack(package, suite, tree)
                   for suite, tree in zip(apt.uris, trees)):
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


def pairs(folder):
    """[(old, new)], the same order each time."""
    if not os.path.isdir(folder):
        return []
    names = sorted(n[:-4] for n in os.listdir(folder) if n.endswith(".old"))
    return [tuple(os.path.join(folder, f"{name}.{side}")
                  for side in ("old", "new")) for name in names]
