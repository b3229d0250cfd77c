# SPDX-License-Identifier: Apache-2.0
"""A microcontroller's image of 160 KB in two versions: all of BearSSL, built
for a Cortex-M3, behind tests/delta/firmware.c without and with one function
more, so that everything moves.  It is never run."""
import glob
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.join(HERE, "..", "tests", "delta")
BUILD = ["clang", "--target=thumbv7m-none-eabi", "-mcpu=cortex-m3", "-Oz",
         "-ffreestanding", "-fvisibility=hidden", "-fno-stack-protector",
         "-w", "-c"]
BARE = ["-DBR_USE_UNIX_TIME=0", "-DBR_USE_WIN32_TIME=0",
        "-DBR_USE_URANDOM=0", "-DBR_USE_GETENTROPY=0"]
# What BearSSL asks of a C library: declared, and nowhere to be found.
DECLARED = """#include <stddef.h>
void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
"""


def missing():
    """Programs that are not installed."""
    return [name for name in ("clang", "ld.lld") if not shutil.which(name)]


def make(out):
    """OUT/firmware-old.bin and OUT/firmware-new.bin, unless they are there;
    their paths, or None where that cannot be."""
    paths = tuple(os.path.abspath(os.path.join(out, f"firmware-{side}.bin"))
                  for side in ("old", "new"))
    if all(os.path.exists(path) for path in paths):
        return paths
    fetched = subprocess.run([os.path.join(HERE, "..", "tools", "bearssl"),
                              "fetch"], capture_output=True, text=True,
                             check=False)
    if missing() or fetched.returncode:
        return None
    sources = fetched.stdout.strip()
    with tempfile.TemporaryDirectory() as work:
        for name in ("string.h", "stdlib.h"):
            with open(os.path.join(work, name), "w",
                      encoding="ascii") as header:
                header.write(DECLARED)
        subprocess.run(
            [*BUILD, *BARE, "-I" + work, f"-I{sources}/inc",
             f"-I{sources}/src",
             *sorted(glob.glob(f"{sources}/src/**/*.c", recursive=True))],
            cwd=work, check=True)
        objects = sorted(glob.glob(os.path.join(work, "*.o")))
        main = os.path.join(work, "main")
        for path, more in zip(paths, ([], ["-DMORE"])):
            subprocess.run([*BUILD, *more, os.path.join(TESTS, "firmware.c"),
                            "-o", main], check=True)
            subprocess.run(
                ["ld.lld", "--oformat=binary", "-s", "--build-id=none", "-T",
                 os.path.join(TESTS, "firmware.ld"),
                 "--unresolved-symbols=ignore-all", main, *objects,
                 "-o", path], check=True)
    return paths
