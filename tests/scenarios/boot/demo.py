#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A charger from reset: signing room, server, and machines in QEMU that start
by their own firmware, are updated, attacked, destroyed and repaired.

What a case observed are lines of the serial log; nothing else counts."""
import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "story"),
                os.path.join(ROOT, "tests", "qemu")]

# pylint: disable=wrong-import-position
import uefi_disk                                     # noqa: E402
import uefi_machine                                  # noqa: E402
from factory import (CONTROLLER_SLOT, LAYOUT, SETTINGS, Factory,
                     Gateway, Part)                  # noqa: E402
from qemus import (Qemu, Shell, controller_argv,
                   gateway_argv)                     # noqa: E402
from company import Company                          # noqa: E402
from world import StoryError, World                  # noqa: E402

MIB = 1 << 20
COPIES = ("old-image", "changed-kernel", "changed-rootfs", "changed-keyring",
          "changed-record", "unsigned-loader")  # machines of tampering cases
START = 180   # seconds: from power-on to the charger program, with patience
UPDATE = 240  # an update until the restart


class Case:
    """What was expected, and the lines that were seen."""

    def __init__(self, name, expected):
        self.name = name
        self.expected = expected
        self.observed = []
        self.passed = False
        self.seconds = 0.0

    def see(self, line):
        """A line of the serial log."""
        self.observed.append(line)
        return line


class Box:
    """One charger's own machine: disk, firmware variables, TPM."""

    def __init__(self, demo, name, disk, source):
        """disk: the files are there; source: whose variables and TPM."""
        self.demo = demo
        self.name = name
        self.disk = disk
        self.folder = os.path.join(demo.world.folder, name)
        self.log = os.path.join(demo.world.logs, name + ".log")
        self.qemu = None
        self.network = name == "box"
        self.files = {"disk": disk.path,
                      "variables": os.path.join(self.folder, "variables"),
                      "shell": os.path.join(self.folder, "shell")}
        if source:
            shutil.copy(os.path.join(source, "variables"),
                        self.files["variables"])
            shutil.copytree(os.path.join(source, "tpm"),
                            os.path.join(self.folder, "tpm"),
                            ignore=shutil.ignore_patterns("socket"))
        self.tpm = uefi_machine.Tpm(self.folder)
        os.makedirs(self.tpm.state, exist_ok=True)

    def on(self):
        """Power."""
        if self.demo.stopping:
            raise StoryError("interrupted")
        self.files["tpm"] = self.tpm.socket
        self.qemu = Qemu(gateway_argv(self.files, self.network), self.log,
                         self.power_tpm)
        self.demo.running.append(self)

    def power_tpm(self):
        """The TPM is reset with the machine."""
        self.tpm.power_off()
        if os.path.exists(self.tpm.socket):
            os.unlink(self.tpm.socket)
        self.tpm.power_on()

    def off(self):
        """No power, at once."""
        if self in self.demo.running:
            self.demo.running.remove(self)
            self.qemu.cut()
            self.tpm.power_off()

    def wait(self, pattern, seconds=START, never=None):
        """See Line.wait()."""
        return self.qemu.line.wait(pattern, seconds, never)

    def shell(self):
        """The intruder's."""
        return Shell(self.files["shell"])

    def copy(self, name):
        """Another machine with all that this one has; it must be off."""
        folder = os.path.join(self.demo.world.folder, name)
        os.makedirs(folder)
        disk = self.disk.copy(os.path.join(folder, "disk"))
        return Box(self.demo, name, disk, self.folder)


class Demo:
    """The steps in order."""

    def __init__(self, args):
        self.args = args
        self.world = World(args.programs, args.out)
        self.company = Company(self.world, os.path.abspath(args.images), 300)
        self.factory = Factory(self.world, ROOT)
        self.running = []
        self.stopping = False
        self.done = set()
        self.cases = []
        self.gateway = Gateway(self.world, 1, self.company.server)
        self.box = None
        self.controller = None

    def say(self, text):
        """A line of progress."""
        self.world.say(text)

    @contextlib.contextmanager
    def case(self, name, expected):
        """A case: failed if the block does not come to its end."""
        case = Case(name, expected)
        self.cases.append(case)
        began = time.monotonic()
        try:
            yield case
            case.passed = True
        except StoryError as e:
            case.observed.append(str(e))
            raise
        finally:
            case.seconds = round(time.monotonic() - began, 1)
            word = "ok" if case.passed else "NOT AS EXPECTED"
            self.say(f"{word}: {name}"
                     + ("" if case.passed else f": {case.observed[-1]}"))

    # Signing room, factory

    def release(self, name, seq, security, controller="1.0.0"):
        """All that a charger runs, as one release."""
        self.say(f"sealing {name}")
        self.company.release(name, seq, {
            "kernel": (name, "gw-rev3", security),
            "rootfs": (name, "gw-rev3", security),
            "controller": (controller, "mc-rev2", security)})

    def prepare(self):
        """From empty folders to a charger that waits for power."""
        self.say("signing room: a token for each of three holders")
        self.company.open()
        self.company.release("recovery-1", 1,
                          {"recovery": ("1.0.0", "gw-rev3", 1)})
        self.release("1.0.0", 2, 1)
        self.say("factory: disk, firmware keys, signed loader")
        self.factory.make_loader(self.company.keyring())
        sizes = dict(layout())
        room = self.company.room
        self.gateway.make(room, self.company.releases["1.0.0"],
                          {"kernel": sizes["kernel-a"],
                           "rootfs": sizes["rootfs-a"],
                           "controller": CONTROLLER_SLOT}, **SETTINGS)
        server = self.company.server
        recovery = Part(self.world, 2, server, "recovery", "gw-rev3")
        recovery.make(room, self.company.releases["recovery-1"],
                      {"recovery": sizes["recovery"]})
        controller = Part(self.world, 3, server, "controller", "mc-rev2")
        controller.make(room, self.company.releases["1.0.0"],
                        {"controller": CONTROLLER_SLOT})
        self.factory.make_controller(controller, 1)
        disk = self.factory.make_disk(self.gateway, recovery)
        self.factory.set_up(disk, [1, 1, 1, 1, 0, 1])
        self.box = Box(self, "box", disk, None)
        self.box.files["controller"] = self.factory.path("line")

    def power_controller(self):
        """The controller has a supply of its own."""
        self.controller = Qemu(controller_argv(
            self.world.programs, self.factory.path("flash"),
            self.factory.path("factory-page"), self.factory.path("line")),
            os.path.join(self.world.logs, "controller.log"))

    def set_up(self):
        """Keys and floors, once, in the firmware's setup mode."""
        with self.case("set up", "the firmware takes our keys and the "
                       "floors, once") as c:
            self.box.on()
            c.see(self.box.wait("voltseal: set up"))
            self.box.off()
            self.factory.put_loader(self.box.disk)

    # The charger's life

    def first_start(self):
        """1.0.0, from reset."""
        self.power_controller()
        self.controller.line.wait("controller: version 1.0.0 in slot 0", 20)
        with self.case("first start of 1.0.0",
                       "Secure Boot is on; slot a starts, good; its root is "
                       "under dm-verity; the charger program and the agent "
                       "run; the server has a signed report") as c:
            self.box.on()
            c.see(self.box.wait("voltseal: Secure Boot is on"))
            c.see(self.box.wait("voltseal: starts slot a, version 1.0.0, "
                                "good"))
            c.see(self.box.wait("voltseal-init: slot a,"))
            c.see(self.box.wait("charger 1.0.0"))
            c.see(self.box.wait("voltseal-agent: health: well"))
            self.company.reports("1.0.0", 60)

    def update(self):
        """1.1.0 from the server: written, armed, on trial, confirmed."""
        self.release("1.1.0", 3, 2, "1.1.0")
        with self.case("update to 1.1.0",
                       "the agent writes slot b, restarts; slot b starts on "
                       "trial, shows its health and is confirmed") as c:
            self.company.campaign("1.1.0")
            c.see(self.box.wait("slot b: .* clusters", UPDATE))
            c.see(self.box.wait("voltseal: starts slot b, version 1.1.0, on "
                                "trial, tries left 0"))
            c.see(self.box.wait("charger 1.1.0"))
            c.see(self.box.wait("voltseal-agent: .*Committing on"))
            c.see(self.controller.line.wait("controller: version 1.1.0", 20))
            self.company.reports("1.1.0", 60)
            self.box.off()

    def floor(self):
        """The start after the confirmation."""
        with self.case("the floor rises",
                       "at the start after the confirmation, before slot b "
                       "starts") as c:
            self.box.on()
            c.see(self.box.wait("floor raised: slot b, kernel"))
            c.see(self.box.wait("floor raised: slot b, rootfs"))
            c.see(self.box.wait("voltseal: starts slot b, version 1.1.0, "
                                "good, floor 2"))
            c.see(self.box.wait("charger 1.1.0"))

    def hang(self):
        """1.2.0 never gets to feed the watchdog."""
        self.release("1.2.0", 4, 2, "1.1.0")
        with self.case("an image that hangs",
                       "slot a starts on trial and hangs; the watchdog resets "
                       "the machine; slot b starts again") as c:
            self.company.campaign("1.2.0")
            c.see(self.box.wait("slot a: .* clusters", UPDATE))
            c.see(self.box.wait("voltseal: starts slot a, version 1.2.0, on "
                                "trial, tries left 0"))
            c.see(self.box.wait("charger 1.2.0: hangs"))
            c.see(self.box.wait("slot a, kernel: no-tries-left"))
            c.see(self.box.wait("voltseal: starts slot b, version 1.1.0, "
                                "good, .*fell back"))
            c.see(self.box.wait("charger 1.1.0"))
            self.company.reports("1.1.0", 60)

    def unwell(self):
        """1.3.0 starts, but its own health check says no."""
        self.release("1.3.0", 5, 2, "1.1.0")
        with self.case("an image that is not well",
                       "slot a starts on trial; its health check fails; the "
                       "agent gives it up; slot b starts again") as c:
            self.company.campaign("1.3.0")
            c.see(self.box.wait("slot a: .* clusters", UPDATE))
            c.see(self.box.wait("voltseal: starts slot a, version 1.3.0, on "
                                "trial"))
            c.see(self.box.wait("slot a is given up: health-failed"))
            c.see(self.box.wait("voltseal: starts slot b, version 1.1.0"))
            c.see(self.box.wait("charger 1.1.0"))
            self.company.reports("1.1.0", 60)

    def repair(self):
        """Nothing of either slot is left."""
        with self.case("both slots destroyed",
                       "the recovery image starts, reports, repairs a slot "
                       "over the network; the slot starts on trial and is "
                       "confirmed") as c:
            self.box.off()
            for name in ("kernel-a", "kernel-b", "rootfs-a", "rootfs-b"):
                size = dict(layout())[name]
                self.box.disk.write(name, bytes(size))
            self.box.on()
            c.see(self.box.wait("slot [ab], kernel: no-seal"))
            c.see(self.box.wait("voltseal: starts recovery"))
            c.see(self.box.wait("recovery: starts the agent"))
            c.see(self.box.wait("slot [ab]: .* clusters", UPDATE))
            c.see(self.box.wait("recovery: restarts"))
            c.see(self.box.wait("voltseal: starts slot [ab], version 1.1.0"))
            c.see(self.box.wait("charger 1.1.0"))
            self.company.reports("1.1.0", 60)
            self.box.off()

    # Tampering, on copies

    def old_image(self, off):
        """Root owns the running system, and has an old signed release."""
        with self.case("an old signed image, written to the slot by root",
                       "slot a is refused, below the floor; slot b starts"
                       ) as c:
            box = off.copy("old-image")
            self.stick(off, box)
            box.on()
            c.see(box.wait("floor raised: slot b"))
            c.see(box.wait("charger 1.1.0"))
            shell = box.shell()
            said = shell.run("; ".join(
                ["for n in 1 2 3 4 5 6 7 8 9; do [ -e "
                 "/dev/disk/by-partlabel/old-record ] && break; sleep 1; done",
                 "cd /dev/disk/by-partlabel"]
                + [f"dd if=old-{n} of={to} bs=1M conv=fsync 2>&1"
                   for n, to in (("kernel", "kernel-a"),
                                 ("rootfs", "rootfs-a"),
                                 ("record", "record"))]), 60)
            if said.count("copied") != 3:
                raise StoryError(f"root could not write: {said}")
            c.see("root's shell: old kernel-a, rootfs-a and record written")
            shell.send("reboot -ff")
            c.see(box.wait("slot a, kernel: below-floor"))
            c.see(box.wait("voltseal: starts slot b, version 1.1.0"))
            shell.close()
            box.off()

    def stick(self, off, box):
        """A medium with 1.0.0's slots and a record that names them."""
        parts = dict(layout())
        path = os.path.join(box.folder, "stick")
        stick = uefi_disk.Disk(path, [
            ("old-kernel", parts["kernel-a"] // MIB),
            ("old-rootfs", parts["rootfs-a"] // MIB), ("old-record", 1)])
        for name in ("kernel", "rootfs"):
            stick.write("old-" + name,
                        off.disk.read(name + "-a", 0, parts[name + "-a"]))
        good = [("good", 0), ("good", 0)]
        stick.write("old-record", uefi_disk.record(90, 0, good))
        stick.write("old-record", uefi_disk.record(91, 0, good), 4096)
        box.files["stick"] = path

    def changed_kernel(self, off):
        """One bit of the kernel image."""
        with self.case("a changed kernel byte",
                       "slot b is refused, its cluster does not match; slot a "
                       "starts") as c:
            box = off.copy("changed-kernel")
            box.disk.write_records(1, [("good", 0), ("good", 0)])
            box.disk.flip("kernel-b", 7 * MIB)
            box.on()
            c.see(box.wait("slot b, kernel: cluster-mismatch"))
            c.see(box.wait("voltseal: starts slot a, version 1.0.0, good, "
                           ".*fell back"))
            c.see(box.wait("voltseal-init: slot a,"))
            box.off()

    def changed_rootfs(self, off):
        """One bit of the root file system, where it is mounted by."""
        with self.case("a changed block of the root file system",
                       "dm-verity refuses the block; the initrd gives slot b "
                       "up; slot a starts") as c:
            box = off.copy("changed-rootfs")
            box.disk.write_records(1, [("good", 0), ("good", 0)])
            box.disk.flip("rootfs-b", 100)
            box.on()
            c.see(box.wait("voltseal: starts slot b, version 1.1.0, good"))
            c.see(box.wait("voltseal-init: slot b is given up: "
                           "cluster-mismatch"))
            c.see(box.wait("voltseal: starts slot a, version 1.0.0, good"))
            c.see(box.wait("charger 1.0.0"))
            box.off()

    def changed_keyring(self, off):
        """Strangers' keyring in one place, rubbish in the other."""
        with self.case("a keyring of strangers",
                       "it counts for nothing: slot b starts under the "
                       "built-in keyring") as c:
            box = off.copy("changed-keyring")
            with open(self.strangers(), "rb") as f:
                ring = uefi_disk.keyring_partition(f.read())
            box.disk.write("keyring-0", ring)
            box.disk.write("keyring-1", os.urandom(4096))
            box.on()
            c.see(box.wait("voltseal: starts slot b, version 1.1.0, good, "
                           ".*keyring 1(?!\\d)", never="keyring 9"))
            c.see(box.wait("voltseal-init: slot b,"))
            box.off()

    def strangers(self):
        """A keyring, version 9, that strangers signed."""
        out = os.path.join(self.world.folder, "strangers")
        subprocess.run([os.path.join(self.world.programs,
                                     "tests/qemu/uefi_forge")],
                       input=f"ring {out} 9 56 56", text=True, check=True)
        return out

    def changed_record(self, off):
        """First one copy, then both."""
        with self.case("a changed boot record",
                       "one copy lost: the other one is in force; both lost: "
                       "the newest slot that verifies starts, as good") as c:
            box = off.copy("changed-record")
            box.disk.write_records(0, [("good", 0), ("good", 0)])
            box.disk.flip("record", 4096 + 16)
            box.on()
            c.see(box.wait("voltseal: starts slot a, version 1.0.0, good",
                           never="unreadable|lost"))
            box.off()
            box.disk.write("record", b"\xff" * 8192)
            box.on()
            c.see(box.wait("both copies of the boot record are unreadable"))
            c.see(box.wait("voltseal: starts slot b, version 1.1.0, good, "
                           ".*record was lost"))
            c.see(box.wait("voltseal-init: slot b,"))
            box.off()

    def unsigned_loader(self, off):
        """Ours, but nobody signed it."""
        with self.case("an unsigned loader",
                       "the firmware refuses to start it") as c:
            box = off.copy("unsigned-loader")
            self.factory.put_loader(box.disk, signed=False)
            box.on()
            c.see(box.wait("Access Denied|Security Violation",
                           never="voltseal: loader"))
            box.off()

    def tamper(self, off):
        """All of it; each case stands alone."""
        for step in (self.unsigned_loader, self.old_image,
                     self.changed_rootfs, self.changed_kernel,
                     self.changed_keyring, self.changed_record):
            if self.stopping:
                break
            try:
                step(off)
            except StoryError:
                pass  # the case is told
            finally:
                for box in list(self.running):
                    if box is not self.box:
                        box.off()
                for name in os.listdir(self.world.folder):
                    if name in COPIES:
                        shutil.rmtree(os.path.join(self.world.folder, name))
        self.done.add("tampering")

    # The whole

    def tell_all(self):
        """Life and tampering at the same time, once there is what to copy."""
        self.prepare()
        self.set_up()
        self.first_start()
        self.update()
        off = self.box.copy("confirmed")
        tampering = threading.Thread(target=self.tamper, args=(off,))
        tampering.start()
        try:
            self.floor()
            self.hang()
            self.unwell()
            self.repair()
        except KeyboardInterrupt:
            self.stop()
            raise
        finally:
            tampering.join()
        self.done.add("life")

    def stop(self):
        """Ends everything that still runs, and starts nothing more."""
        self.stopping = True
        for box in list(self.running):
            box.off()
        if self.controller:
            self.controller.cut()
        self.world.stop_all()

    def summary(self):
        """Writes it; whether all was as expected."""
        good = (self.done == {"tampering", "life"}
                and all(c.passed for c in self.cases))
        with open(os.path.join(self.world.folder, "summary.json"), "w",
                  encoding="utf-8") as f:
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            json.dump({"seconds": round(self.world.seconds(), 1),
                       "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
                       "passed": good,
                       "cases": [{"case": c.name, "expected": c.expected,
                                  "observed": c.observed, "passed": c.passed,
                                  "seconds": c.seconds}
                                 for c in self.cases]}, f, indent=1)
            f.write("\n")
        return good


def layout():
    """Partitions and their bytes."""
    return [(name, size * MIB) for name, size in LAYOUT]


def interrupted(*_):
    """Ends like Ctrl-C."""
    raise KeyboardInterrupt


def main():
    """0 if every case was as expected."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--programs", required=True, help="the build folder")
    p.add_argument("--images", required=True,
                   help="what tools/boot-images made")
    p.add_argument("--out", required=True, help="folder for all that is made")
    args = p.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    shutil.rmtree(args.out, ignore_errors=True)
    os.makedirs(args.out)
    demo = Demo(args)
    try:
        demo.tell_all()
    except StoryError as e:
        print(f"the demonstration broke off: {e}\nlogs: {demo.world.logs}",
              file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        demo.stop()
    good = demo.summary()
    print(f"{demo.world.seconds():.1f} s; "
          f"{os.path.join(demo.world.folder, 'summary.json')}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
