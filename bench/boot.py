# SPDX-License-Identifier: Apache-2.0
"""The boot stage's figures, for bench/run: its size, what a controller spends
on verifying 1 MiB, and what the UEFI loader adds to a gateway's boot.

Where QEMU or a firmware is missing, missing() says what.
"""
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "qemu"))
sys.dont_write_bytecode = True
import cortexm_bench  # noqa: E402
import cortexm_machine  # noqa: E402
import uefi_disk as disks  # noqa: E402
import uefi_machine  # noqa: E402
import uefi_test  # noqa: E402

TICK = 40  # instructions to one of the controller's timer, with shift=0
MIB = 1 << 20
UP = "guest: decision"  # the system's second line
NUMBER = "be"  # Boot00BE, as boot_option.c has it


def missing(programs):
    """What this machine lacks, or []."""
    tools = ["qemu-system-arm", "qemu-system-x86_64", "sbsign", "mformat",
             "clang", "lld", "mke2fs"]
    files = uefi_machine.KINDS["x86_64"].missing()
    built = [os.path.join(programs, p) for p in (
        "boot/port/uefi/BOOTX64.EFI", "tests/qemu/uefi_forge",
        "boot/port/cortexm/cortexm/time.elf", "tests/qemu/cortexm_forge")]
    return ([t for t in tools if not shutil.which(t)] +
            [f for f in files + built if not os.path.exists(f)])


class Controller:
    """Figures of the Cortex-M loader."""

    def __init__(self, programs, work):
        self.dir = os.path.join(programs, "boot/port/cortexm/cortexm")
        self.bench = cortexm_bench.Bench(
            self.dir, os.path.join(programs, "tests/qemu/cortexm_forge"))
        self.work = os.path.abspath(work)

    def flash_bytes(self):
        """{variant: bytes of loader}"""
        with open(os.path.join(self.dir, "size"), encoding="ascii") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        return {re.search("loader-(.*).elf", row[5]).group(1):
                int(row[0]) + int(row[1]) for row in rows}

    def ram_bytes(self):
        """Stack and variables, the deepest seen from reset to the start of an
        image that two people and LMS signed."""
        self.bench.make(2, {"one": ("controller.bin", "1.0.0", 1, 1,
                                    "ctl-rev2", "2l")})
        cortexm_machine.flash(
            self.bench.file,
            cortexm_machine.record(5, 0, [(cortexm_machine.GOOD, 0, 0),
                                          (cortexm_machine.EMPTY, 0, 0)]),
            cortexm_machine.floors({0: 1}), self.bench.slots["one"])
        with self.bench.start() as running:
            running.wait_for("loader: memory ")
            return int(re.match(r"\d+", running.wait_for("\r\n")).group(0))

    def verify_instructions(self, length):
        image = os.path.join(self.work, f"image-{length}")
        with open(image, "wb") as f:
            f.write(os.urandom(length))
        self.bench.make(2, {f"timed-{length}": (image, "1.0.0", 1, 1,
                                                "ctl-rev2", "2l")})
        slot = os.path.join(self.bench.dir, f"timed-{length}.slot")
        size = os.path.join(self.work, "length")
        with open(size, "wb") as f:
            f.write(struct.pack("<I", os.path.getsize(slot)))
        argv = ["qemu-system-arm", "-M", "mps2-an385", "-accel", "tcg",
                "-icount", "shift=0,sleep=off", "-display", "none",
                "-monitor", "none", "-serial", "stdio", "-kernel",
                os.path.join(self.dir, "time.elf")]
        for path, at in ((slot, 0x21000000), (size, 0x21800000),
                         (self.bench.factory, 0x21801000)):
            argv += ["-device",
                     f"loader,file={path},addr={at:#x},force-raw=on"]
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as process:
            said = process.stdout.readline().decode("ascii")
            process.kill()
        found = re.match(r"verified (\d+)", said)
        if not found:
            raise RuntimeError("the controller says: " + said)
        return int(found.group(1)) * TICK

    def drop(self):
        self.bench.drop()


def file_path_node(path):
    raw = path.replace("/", "\\").encode("utf-16le") + b"\0\0"
    return struct.pack("<BBH", 4, 4, 4 + len(raw)) + raw


def load_option(disk, path, options):
    """EFI_LOAD_OPTION for a file of the disk's first partition."""
    start, size = disk.parts["esp"]
    guid = disks.uuid.uuid5(disks.VOLTSEAL_TYPE, "esp").bytes_le
    drive = struct.pack("<BBHIQQ16sBB", 4, 1, 42, 1, start // disks.SECTOR,
                        size // disks.SECTOR, guid, 2, 2)
    where = drive + file_path_node(path) + struct.pack("<BBH", 0x7f, 0xff, 4)
    return (struct.pack("<IH", 1, len(where)) + "bench".encode("utf-16le") +
            b"\0\0" + where + options.encode("utf-16le") +
            (b"\0\0" if options else b""))


class Gateway(uefi_test.World):
    """One disk, started by way of the loader or straight: the same kernel,
    initrd and command line, under Secure Boot."""
    LAYOUT = [("esp", 64)] + uefi_test.LAYOUT[1:]

    def __init__(self, programs, work):
        super().__init__(os.path.abspath(programs), "x86_64",
                         os.path.abspath(work), "bench")
        self.debian = None
        self.machines = {}

    def make_images(self, debian):
        self.debian = debian
        super().make_images(debian)

    def set_option(self, variables, path, options):
        """Has the firmware start this file from now on."""
        program = self.path("option.efi")
        for source in ("bench/boot_option", "boot/port/uefi/efi"):
            uefi_machine.run(
                "clang", "--target=x86_64-unknown-windows", "-O2", "-std=c17",
                "-ffreestanding", "-fshort-wchar", "-mno-red-zone",
                f"-I{ROOT}", "-c", f"{ROOT}/{source}.c", "-o",
                self.path(os.path.basename(source) + ".obj"))
        uefi_machine.run("lld", "-flavor", "link",
                         "-subsystem:efi_application", "-entry:efi_main",
                         "-nodefaultlib", "-out:" + program,
                         self.path("boot_option.obj"), self.path("efi.obj"))
        raw = load_option(self.disk, path, options)
        with open(program, "r+b") as f:
            f.seek(f.read().index(b"BENCHOPT") + 8)
            f.write(struct.pack("<I", len(raw)) + raw)
        uefi_machine.sign(self.path("keys"), program, program + ".signed")
        self.disk.write_esp(self.boots_as(program + ".signed"))
        if "option set" not in self.start(self.disk, variables,
                                          "option (set|failed)"):
            raise RuntimeError("the firmware takes no boot option")

    def make_machines(self):
        """What the loader would say to the kernel, the firmware says too."""
        self.prepare()
        uefi_test.provision(self)
        said = self.start(self.disk, self.variables)
        command = re.search("guest: command line (.*)", said).group(1)
        uefi_machine.sign(self.path("keys"), f"{self.debian}/vmlinuz",
                          self.path("linux.efi"))
        for name, path, options in (
                ("loader", "/EFI/BOOT/BOOTX64.EFI", ""),
                ("straight", "/linux.efi", "initrd=\\initrd " + command)):
            self.machines[name] = self.path("vars-" + name)
            shutil.copy(self.variables, self.machines[name])
            self.set_option(self.machines[name], path, options)
        self.disk.write_esp(dict(self.boots_as(self.loader), **{
            "linux.efi": self.path("linux.efi"),
            "initrd": self.path("initrd")}))

    def boot(self, name):
        """(seconds, seconds of processor) from reset to the system."""
        shutil.copy(self.machines[name], self.path("vars-round"))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        one = uefi_machine.Machine(self.name, self.disk,
                                   self.path("vars-round"))
        one.boots_first = False
        said = one.start(UP, 300)
        took = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if UP not in said or ("voltseal: loader" in said) != (
                name == "loader"):
            raise RuntimeError(f"{name}: it did not start:\n{said}")
        return took, (after.ru_utime + after.ru_stime - used.ru_utime -
                      used.ru_stime)
