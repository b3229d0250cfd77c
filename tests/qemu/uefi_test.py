#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The UEFI loader on a machine in QEMU that starts from reset.

usage: uefi_test.py BUILD_DIR [--arch x86_64|aarch64|u-boot] [CASE...]

Every case writes a disk, starts the machine and reads its serial line.  TAP on
standard output; BUILD_DIR/qemu/ARCH has summary.json and a log of each case.
u-boot is AArch64 under U-Boot's UEFI: no Secure Boot, variables in a file, so
floors are in a TPM.
"""
import argparse
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import uefi_disk as disks
import uefi_guest as guest
import uefi_machine as machine

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TIMEOUT = 180
END = r"guest: end|voltseal: resets|Security Violation|Access Denied"
LAYOUT = [("esp", 16), ("record", 1), ("keyring-0", 1), ("keyring-1", 1),
          ("kernel-a", 40), ("kernel-b", 40), ("rootfs-a", 8),
          ("rootfs-b", 8), ("recovery", 40)]
COMPONENTS = ["kernel:gw-rev3", "rootfs:gw-rev3:verity",
              "recovery=recovery:gw-rev3"]
US, THEM = 6, 48  # signers: two of the first three; two strangers
CASES = []


class Failure(Exception):
    pass


class Skip(Exception):
    pass


EDK2 = ("x86_64", "aarch64")
ALL = EDK2 + ("u-boot",)


def case(expected, kinds=EDK2):
    def add(function):
        CASES.append((function, expected, kinds))
        return function
    return add


class World:
    """What all cases share: keys, signed slots, a machine that is set up."""

    LAYOUT = LAYOUT

    def __init__(self, build, kind, work, logs=None):
        self.build = build
        self.name = kind
        self.kind = machine.KINDS[kind]
        self.arch = self.kind.arch
        self.work = work
        self.tpm = None  # a TPM to copy: all cases have one
        self.logs = os.path.join(build, "qemu", logs or kind)
        shutil.rmtree(self.logs, ignore_errors=True)
        os.makedirs(self.logs)
        self.case = "setup"

    def path(self, name):
        return os.path.join(self.work, name)

    def program(self, name):
        return os.path.join(self.build, "boot/port/uefi",
                            name + self.kind.suffix + ".EFI")

    def prepare(self):
        fetched = subprocess.run(
            [f"{ROOT}/tools/qemu-kernel",
             {"x86_64": "amd64", "aarch64": "arm64"}[self.arch]],
            stdout=subprocess.PIPE, text=True, check=False)
        if fetched.returncode == 77:
            skip("Debian's kernel cannot be fetched")
        debian = fetched.stdout.strip()
        machine.make_keys(self.path("keys"))
        self.make_images(debian)
        self.make_slots()
        self.loader, self.unsigned = self.make_loader("loader")
        self.tpm_loader, _ = self.make_loader("tpm-loader", "floors=tpm")
        self.set_up()

    def make_images(self, debian):
        machine.run("clang", f"--target={self.arch}-linux-gnu", "-static",
                    "-nostdlib", "-ffreestanding", "-fno-stack-protector",
                    "-fuse-ld=lld", "-O2", "-o", self.path("verity"),
                    f"{HERE}/uefi_verity.c",
                    f"{HERE}/uefi_start_{self.arch}.S")
        guest.make_initrd(debian, self.path("verity"), self.path("initrd"))
        for version, more in (("1.0.0", ""), ("1.1.0", ""),
                              ("attack", " attack=floors"), ("recovery", "")):
            machine.run(f"{ROOT}/boot/port/uefi/kernel-image",
                        f"{debian}/vmlinuz", self.path("initrd"),
                        f"console={self.kind.console} panic=-1 quiet "
                        f"no_timer_check{more}",
                        self.path("kernel-image-" + version))
        self.make_bad_kernels()
        for version in ("1.0.0", "1.1.0"):
            guest.make_root(self.work, version,
                            self.path("rootfs-image-" + version))

    def make_bad_kernels(self):
        """One that comes back, and one that does not load."""
        back = self.path("back.efi")
        machine.run("clang", f"--target={self.arch}-unknown-windows", "-O2",
                    "-ffreestanding", "-fshort-wchar", f"-I{ROOT}", "-c",
                    f"{HERE}/uefi_back.c", "-o", back + ".obj")
        machine.run("lld", "-flavor", "link", "-subsystem:efi_application",
                    "-entry:efi_main", "-nodefaultlib", "-out:" + back,
                    back + ".obj")
        machine.run(f"{ROOT}/boot/port/uefi/kernel-image", back, "-", "x",
                    self.path("kernel-image-back"))
        with open(self.path("kernel-image-back"), "rb") as f:
            raw = f.read()
        with open(self.path("kernel-image-broken"), "wb") as f:
            f.write(raw[:4096] + b"??" + raw[4098:])

    def make_slots(self):
        lines = [f"ring {self.path('ring')} 7 7 3",
                 f"ring {self.path('ring-next')} 8 14 15",
                 f"ring {self.path('ring-theirs')} 9 56 56"]

        def slot(name, component, version, seq, security, signers, image):
            lines.append(f"slot {self.path(name)} {component} {version} {seq} "
                         f"{security} {signers} {self.path(image)}")

        for component in ("kernel", "rootfs"):
            image = component + "-image-"
            slot(component + "-1.0.0", component, "1.0.0", 1, 1, US,
                 image + "1.0.0")
            slot(component + "-1.1.0", component, "1.1.0", 2, 2, US,
                 image + "1.1.0")
            slot(component + "-theirs", component, "6.6.6", 9, 9, THEM,
                 image + "1.1.0")
        slot("kernel-attack", "kernel", "1.0.1", 3, 2, US,
             "kernel-image-attack")
        for name in ("back", "broken"):
            slot("kernel-" + name, "kernel", "1.1.1", 3, 2, US,
                 "kernel-image-" + name)
        slot("recovery-1.0.0", "recovery", "1.0.0", 1, 1, US,
             "kernel-image-recovery")
        subprocess.run([f"{self.build}/tests/qemu/uefi_forge"],
                       input="\n".join(lines), text=True, check=True)

    def make_loader(self, name, *more):
        unsigned = self.path(f"unsigned-{name}.efi")
        machine.run(f"{ROOT}/boot/port/uefi/loader-image",
                    self.program("BOOT"), self.path("ring"), unsigned,
                    *COMPONENTS, *more)
        machine.sign(self.path("keys"), unsigned, self.path(name + ".efi"))
        return self.path(name + ".efi"), unsigned

    def boots_as(self, loader):
        return {f"EFI/BOOT/BOOT{self.kind.suffix}.EFI": loader}

    def setup_files(self, floors):
        """Keys and floors, for the firmware's setup mode."""
        files = self.boots_as(self.program("SETUP"))
        for name in ("PK", "KEK", "db"):
            files[f"voltseal/{name}.auth"] = self.path(f"keys/{name}.auth")
        with open(self.path("floors"), "wb") as f:
            f.write(b"\1\0\0\0" * 4 + b"\0\0\0\0" + b"\1\0\0\0")
        files["voltseal/" + floors] = self.path("floors")
        return files

    def set_up(self):
        self.disk = disks.Disk(self.path("disk"), self.LAYOUT)
        self.disk.write_esp(self.setup_files(
            "tpmfloors" if self.name == "u-boot" else "floors"))
        self.variables = self.path("vars")
        self.kind.make_variables(self.variables)
        self.disk.write_slot("kernel-a", self.path("kernel-1.0.0"))
        self.disk.write_slot("rootfs-a", self.path("rootfs-1.0.0"))
        self.disk.write_slot("kernel-b", self.path("kernel-1.1.0"))
        self.disk.write_slot("rootfs-b", self.path("rootfs-1.1.0"))
        self.disk.write_slot("recovery", self.path("recovery-1.0.0"))
        self.disk.write_records(0, [("good", 0), ("empty", 0)])

    def start(self, disk, variables, until=END, tpm=None, stick=None):
        one = machine.Machine(self.name, disk, variables, tpm)
        one.stick = stick
        try:
            said = one.start(until, TIMEOUT)
        except TimeoutError as e:
            said = str(e) + "\ntimed out\n"
        with open(os.path.join(self.logs, self.case + ".log"), "a",
                  encoding="utf-8") as log:
            log.write(said + "\n--- end of start\n")
        return said


class Charger:
    """One case's own machine: a copy of the disk and of the variables."""

    def __init__(self, world):
        self.world = world
        self.disk = world.disk.copy(world.path("case-disk"))
        self.variables = world.path("case-vars")
        shutil.copy(world.variables, self.variables)
        self.said = ""
        self.tpm = None
        self.stick = None
        if world.tpm:
            self.tpm = machine.Tpm(world.work, world.tpm).__enter__()

    def drop(self):
        if self.tpm:
            self.tpm.power_off()

    def start(self, *wanted, never=(), until=END):
        """Starts it and looks for these patterns, in this order."""
        self.said = self.world.start(self.disk, self.variables, until,
                                     self.tpm and self.tpm.power_on(),
                                     self.stick)
        at = 0
        for pattern in wanted:
            found = re.compile(pattern).search(self.said, at)
            if not found:
                raise Failure(f"not on the serial line: {pattern}")
            at = found.end()
        for pattern in never:
            if re.search(pattern, self.said):
                raise Failure(f"on the serial line: {pattern}")

    def move_floors_to_tpm(self):
        """The machine as if it had been set up with floors in its TPM."""
        self.world.kind.make_variables(self.variables)
        self.disk.write_esp(self.world.setup_files("tpmfloors"))
        self.start("voltseal: set up\n",
                   until="voltseal: (set up|cannot be set up.*)\n")
        self.disk.write_esp(self.world.boots_as(self.world.tpm_loader))

    def decision(self):
        found = re.search("guest: decision ([0-9a-f]+)", self.said)
        if not found:
            raise Failure("the system found no decision record")
        raw = bytes.fromhex(found.group(1))
        if raw[:8] != b"VSDECIDE" or len(raw) != 76 + 2 * 176:
            raise Failure("the decision record is not whole")
        return raw

    def expect_record(self, slot, states):
        record = self.disk.record()
        seen = record and (record[1], [s[0] for s in record[2]])
        if seen != (slot, states):
            raise Failure(f"the boot record says {record}")

    def write(self, name, slot):
        self.disk.write_slot(name, self.world.path(slot))


def up(slot, version):
    return (f"voltseal: starts slot {slot}, version {version}",
            f"guest: opens rootfs-{slot}", f"guest: version {version}")


@case("Secure Boot is on; the sealed kernel starts to a system on a root file "
      "system under dm-verity; the decision is there to read, floors are not")
def a_sealed_system_starts_under_secure_boot(c):
    c.start("voltseal: Secure Boot is on", *up("a", "1.0.0"),
            "guest: data [0-9a-f]{16}", "guest: end",
            never=["floors are seen", "floors were written"])
    raw = c.decision()
    if raw[13] != 1 or raw[14] != 0 or raw[72:78] != b"kernel":
        raise Failure("the decision record says something else")


@case("the firmware refuses it")
def an_unsigned_loader_is_refused_by_the_firmware(c):
    c.disk.write_esp(c.world.boots_as(c.world.unsigned))
    c.start("Access Denied|Security Violation", never=["voltseal: loader"])


@case("the firmware refuses it")
def a_changed_built_in_keyring_is_refused_by_the_firmware(c):
    with open(c.world.loader, "rb") as f:
        program = bytearray(f.read())
    program[program.index(b"VLTRING1") + 40] ^= 1
    with open(c.world.path("changed.efi"), "wb") as f:
        f.write(program)
    c.disk.write_esp(c.world.boots_as(c.world.path("changed.efi")))
    c.start("Access Denied|Security Violation", never=["voltseal: loader"])


@case("slot a is refused for a cluster that does not match, slot b starts", ALL)
def a_changed_kernel_byte_is_refused(c):
    c.disk.write_records(0, [("good", 0), ("good", 0)])
    c.disk.flip("kernel-a", 9000000)
    c.start("slot a, kernel: cluster-mismatch", *up("b", "1.1.0"),
            "guest: end")
    c.expect_record(1, ["good", "good"])


@case("slot b is refused for its signatures, slot a starts", ALL)
def a_slot_signed_by_strangers_is_refused(c):
    c.write("kernel-b", "kernel-theirs")
    c.write("rootfs-b", "rootfs-theirs")
    c.disk.write_records(1, [("good", 0), ("trial", 3)])
    c.start("slot b, kernel: seal-signature", *up("a", "1.0.0"))
    c.expect_record(0, ["good", "bad"])


@case("slot b is refused for its rootfs alone, slot a starts", ALL)
def a_kernel_without_its_root_file_system_is_refused(c):
    c.disk.wipe("rootfs-b")
    c.disk.write_records(1, [("good", 0), ("trial", 3)])
    c.start("slot b, rootfs: no-seal", *up("a", "1.0.0"))


@case("a keyring of strangers counts for nothing; the one that the threshold "
      "signed takes over, and its epoch rises when it is confirmed; when both "
      "places are lost nothing starts until somebody brings it on a stick")
def a_keyring_changes_only_by_its_own_threshold(c):
    with open(c.world.path("ring-theirs"), "rb") as f:
        c.disk.write("keyring-0", disks.keyring_partition(f.read()))
    c.start("starts slot a.*keyring 7", "guest: end")
    if c.decision()[28 + 4:28 + 6] == b"\0\0":
        raise Failure("the decision does not say why it was refused")
    with open(c.world.path("ring-next"), "rb") as f:
        ring = disks.keyring_partition(f.read())
    c.disk.write("keyring-0", ring)
    c.disk.write("keyring-1", ring)
    c.disk.write_records(0, [("good", 0), ("empty", 0)], raise_floor=1)
    c.start("epoch raised", "starts slot a.*floor raised, keyring 8")
    c.disk.write("keyring-0", b"\0" * 4096)
    c.disk.write("keyring-1", b"\0" * 4096)
    c.start("slot a, kernel: ", "starts nothing, recovery: ",
            never=["starts slot", "starts recovery"])
    stick = disks.Disk(c.world.path("stick"), [("keyring", 1)])
    stick.write("keyring", ring)
    c.stick = stick.path
    c.start("a medium with a keyring is here", "starts slot a.*keyring 8",
            "guest: end")


@case("one copy lost: the other one is in force; both lost: the newest slot "
      "that verifies starts, as good, without new tries", ALL)
def a_changed_boot_record_is_healed(c):
    c.disk.write_records(0, [("good", 0), ("good", 0)])
    c.disk.flip("record", 4096 + 16)
    c.start(*up("a", "1.0.0"), never=["record was lost"])
    c.disk.flip("record", 100)
    c.disk.write("record", b"\xff" * 512, 4096)
    c.start("both copies of the boot record are unreadable",
            "starts slot b, version 1.1.0, good, .*record was lost",
            "guest: version 1.1.0")
    c.expect_record(1, ["good", "good"])


@case("tries 1, 0, then slot a starts and slot b is bad", ALL)
def a_trial_that_nobody_confirms_falls_back(c):
    c.disk.write_records(1, [("good", 0), ("trial", 2)])
    for left in (1, 0):
        c.start(f"starts slot b, version 1.1.0, on trial, tries left {left}",
                "guest: version 1.1.0")
    c.start("slot b, kernel: no-tries-left",
            "starts slot a, version 1.0.0, good, .*fell back",
            "guest: version 1.0.0")
    c.expect_record(0, ["good", "bad"])


@case("the floor rises at the start after the confirmation; the old image, "
      "correctly signed, is refused from then on", ALL)
def an_old_signed_image_below_the_floor_is_refused(c):
    c.disk.write_records(1, [("good", 0), ("good", 0)], raise_floor=1)
    c.start("floor raised: slot b, kernel", "starts slot b.*floor raised")
    c.disk.write_records(0, [("good", 0), ("good", 0)])
    c.start("slot a, kernel: below-floor", *up("b", "1.1.0"))


@case("reading it is an error, the rest can be read", ALL)
def a_changed_block_of_the_root_file_system_is_an_io_error(c):
    raw = c.disk.read("rootfs-a", 0, 4 << 20)
    c.disk.flip("rootfs-a", raw.rindex(b"1.0.0....") - 300000)
    c.start(*up("a", "1.0.0"), "guest: data .*(I/O error|Input/output)",
            "guest: end")


@case("the recovery image starts", ALL)
def with_both_slots_destroyed_recovery_starts(c):
    for name in ("kernel-a", "kernel-b", "rootfs-a", "rootfs-b"):
        c.disk.wipe(name)
    c.disk.write_records(0, [("good", 0), ("good", 0)])
    c.start("voltseal: starts recovery 1.0.0", "guest: recovery",
            "guest: end")
    if c.decision()[13] != 2:
        raise Failure("the decision record says something else")


@case("the other slot starts in the same start, the record names it; if both "
      "fail, recovery does", ALL)
def a_sealed_kernel_that_does_not_start_gives_way(c):
    c.write("kernel-a", "kernel-back")
    c.disk.write_records(0, [("good", 0), ("good", 0)])
    c.start("starts slot a, version 1.1.1", "guest: comes back",
            "the kernel came back: ", "slot a, kernel: boot-failed",
            *up("b", "1.1.0"))
    c.expect_record(1, ["good", "good"])
    if c.decision()[52:54] == b"\0\0":
        raise Failure("the decision does not say why slot a was refused")
    c.write("kernel-b", "kernel-broken")
    c.disk.write_records(1, [("good", 0), ("trial", 3)])
    c.start("starts slot b, version 1.1.1", "the kernel does not load: ",
            "slot b, kernel: boot-failed", "starts slot a, version 1.1.1",
            "guest: comes back", "starts recovery 1.0.0", "guest: recovery",
            "guest: end")
    c.expect_record(0, ["good", "bad"])


@case("no slot starts, the recovery image does")
def without_floors_only_recovery_starts(c):
    shutil.copy(c.world.path("vars-without-floors"), c.variables)
    c.start("slot a, kernel: unreadable", "starts recovery 1.0.0",
            "guest: recovery", never=["starts slot"])


@case("root in the running system can neither see, change nor replace them")
def floors_are_out_of_the_running_systems_reach(c):
    c.write("kernel-a", "kernel-attack")
    c.write("rootfs-a", "rootfs-1.1.0")
    c.start("starts slot a, version 1.0.1", "guest: floors are hidden",
            "guest: end", never=["floors were written"])
    c.disk.write_records(1, [("good", 0), ("good", 0)], raise_floor=1)
    c.start("floor raised", *up("b", "1.1.0"))
    c.write("kernel-a", "kernel-1.0.0")
    c.disk.write_records(0, [("good", 0), ("good", 0)])
    c.start("slot a, kernel: below-floor", *up("b", "1.1.0"))


@case("the decision names it, once", ALL)
def the_agents_word_for_a_reset_reaches_the_decision(c):
    c.disk.write("record", disks.reset_note(2), 8192)
    c.start("guest: end")
    if c.decision()[15] != 2:
        raise Failure("the cause is not in the decision")
    c.start("guest: end")
    if c.decision()[15] != 0:
        raise Failure("the cause was not taken away")


@case("PCR 11 holds the seals of what started, PCR 12 command line and decision")
def what_starts_is_measured(c):
    if not shutil.which("swtpm"):
        raise Skip("swtpm is not here")
    with machine.Tpm(c.world.work) as c.tpm:
        c.start("guest: pcrs", "guest: end")
    command = re.search("guest: command line (.*)", c.said).group(1)
    seals = [c.disk.read(name, -disks.FOOTER_LEN, 512)
             for name in ("kernel-a", "rootfs-a")]
    expected = " ".join(machine.pcr(events) for events in
                        (seals, [command.encode(), c.decision()]))
    if expected not in c.said:
        raise Failure(f"PCRs 11 and 12 should be {expected}")


@case("the floor rises at the start after the confirmation; root can neither "
      "write it nor put one of his own in its place: without the one that was "
      "set up nothing starts but recovery")
def floors_in_a_tpm_are_out_of_the_running_systems_reach(c):
    if not shutil.which("swtpm"):
        raise Skip("swtpm is not here")
    with machine.Tpm(c.world.work) as c.tpm:
        c.move_floors_to_tpm()
        c.disk.write_records(1, [("good", 0), ("good", 0)], raise_floor=1)
        c.start("floor raised: slot b, kernel", "starts slot b.*floor raised",
                "guest: end")
        c.write("kernel-a", "kernel-attack")
        c.write("rootfs-a", "rootfs-1.0.0")
        c.disk.write_records(0, [("good", 0), ("good", 0)])
        c.start("slot a, rootfs: below-floor", *up("b", "1.1.0"))
        c.write("rootfs-a", "rootfs-1.1.0")
        c.disk.write_records(0, [("good", 0), ("good", 0)])
        c.start("starts slot a, version 1.0.1, good, floor 2",
                "guest: tpm session 00000000", "guest: tpm policy 00000000",
                "guest: tpm write-by-policy 0000099d",
                "guest: tpm take-away 00000000",
                "guest: tpm make-anew 00000000",
                "guest: tpm write-anew 00000000", "guest: end",
                never=["write-(as|by)-[a-z]* 00000000",
                       "as-platform 00000000"])
        c.start("slot a, kernel: unreadable", "slot b, kernel: unreadable",
                "starts recovery 1.0.0", "guest: recovery",
                never=["starts slot"])


@case("a sealed system starts with floors in the TPM, which root can neither "
      "write nor take away: the platform's hierarchy is closed to him; the "
      "firmware's variables hold none. Without the TPM recovery alone starts",
      ("u-boot",))
def under_u_boot_floors_are_the_tpms_business(c):
    c.start(*up("a", "1.0.0"), "guest: data [0-9a-f]{16}", "guest: end",
            never=["floors were written"])
    c.disk.write_records(1, [("good", 0), ("good", 0)], raise_floor=1)
    c.start("floor raised: slot b, kernel", "guest: end")
    c.write("kernel-a", "kernel-attack")
    c.write("rootfs-a", "rootfs-1.1.0")
    c.disk.write_records(0, [("good", 0), ("good", 0)])
    c.start("starts slot a, version 1.0.1, good, floor 2",
            "guest: tpm write-by-policy 0000099d",
            "guest: tpm take-away-as-platform ", "guest: tpm take-away ",
            "guest: end", never=["(write|take|make)-[a-z-]* 00000000"])
    c.write("kernel-a", "kernel-1.0.0")
    c.disk.write_records(0, [("good", 0), ("good", 0)])
    c.start("slot a, kernel: below-floor", *up("b", "1.1.0"))
    c.tpm.power_off()
    c.tpm = None
    c.start("slot a, kernel: unreadable", "starts recovery 1.0.0",
            "guest: recovery", never=["starts slot"])


@case("recovery alone starts")
def a_tpm_that_is_gone_or_new_is_no_store(c):
    if not shutil.which("swtpm"):
        raise Skip("swtpm is not here")
    with machine.Tpm(c.world.work) as c.tpm:
        c.move_floors_to_tpm()
        c.start("starts slot a, version 1.0.0, good, floor 1")
    with machine.Tpm(c.world.work) as c.tpm:
        c.start("slot a, kernel: unreadable", "starts recovery 1.0.0",
                "guest: recovery", never=["starts slot"])
    c.tpm = None
    c.start("slot a, kernel: unreadable", "starts recovery 1.0.0",
            "guest: recovery", never=["starts slot"])


def run_case(world, number, function, expected):
    name = function.__name__
    world.case = name
    began = time.monotonic()
    charger = Charger(world)
    observed = "as expected"
    try:
        function(charger)
    except Failure as e:
        observed = str(e)
    except Skip as e:
        observed = f"skipped: {e}"
        name += f" # SKIP {e}"
    finally:
        charger.drop()
    seconds = round(time.monotonic() - began, 1)
    good = observed.startswith(("as expected", "skipped"))
    print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    if not good:
        print(f"# {observed}\n# serial line:")
        print("\n".join("#   " + line
                        for line in charger.said.split("\n")[-30:]))
    lines = [line for line in charger.said.split("\n")
             if line.startswith(("voltseal:", "guest:", "BdsDxe"))]
    return {"case": function.__name__.replace("_", " "), "expected": expected,
            "observed": observed, "passed": good, "seconds": seconds,
            "serial": [line for line in lines if "decision " not in line]}


def without_floors(variables, out):
    """A firmware whose store was reset: the floors' variable is marked as
    deleted, in EDK2's layout (60 bytes before the name, its third the state).
    """
    name = "VoltsealFloors".encode("utf-16le")
    with open(variables, "rb") as f:
        raw = bytearray(f.read())
    at = raw.find(name)
    while at >= 0:
        if raw[at - 60:at - 58] == b"\xaa\x55":
            raw[at - 58] &= 0xfd
        at = raw.find(name, at + 1)
    with open(out, "wb") as f:
        f.write(raw)


def provision(world):
    until = "voltseal: (set up|cannot be set up.*)\n"
    if world.name == "u-boot":
        with machine.Tpm(world.path("factory")) as tpm:
            said = world.start(world.disk, world.variables, until,
                               tpm.power_on())
        world.tpm, world.loader = tpm.state, world.tpm_loader
    else:
        said = world.start(world.disk, world.variables, until)
        without_floors(world.variables, world.path("vars-without-floors"))
    if "voltseal: set up\n" not in said:
        raise Failure("the machine cannot be set up:\n" + said)
    world.disk.write_esp(world.boots_as(world.loader))


def skip(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def missing(world):
    tools = ["sbsign", "cert-to-efi-sig-list", "mformat", "clang", "openssl",
             "mke2fs"]
    if world.name == "u-boot":
        tools.append("swtpm")
    return ([t for t in tools if not shutil.which(t)] + world.kind.missing() +
            [p for p in (world.program("BOOT"), world.program("SETUP"))
             if not os.path.exists(p)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--arch", default="x86_64", choices=machine.KINDS)
    parser.add_argument("cases", nargs="*")
    args = parser.parse_intermixed_args()
    chosen = [(f, e) for f, e, kinds in CASES if args.arch in kinds and
              (not args.cases or f.__name__ in args.cases)]
    if not chosen:
        skip("no such case on this machine")
    with tempfile.TemporaryDirectory(prefix="voltseal-qemu-") as work:
        world = World(os.path.abspath(args.build), args.arch, work)
        absent = missing(world)
        if absent:
            skip("not here: " + ", ".join(absent))
        world.prepare()
        provision(world)
        print(f"1..{len(chosen)}", flush=True)
        results = [run_case(world, n, f, e)
                   for n, (f, e) in enumerate(chosen, 1)]
    with open(os.path.join(world.logs, "summary.json"), "w",
              encoding="utf-8") as f:
        json.dump(results, f, indent=1)
    sys.exit(not all(r["passed"] for r in results))


if __name__ == "__main__":
    main()
