#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gateway in QEMU that is killed at random instants, of its boot and of its
updates, and always starts again.

usage: uefi_kill_test.py BUILD_DIR [KILLS [SEED]]

The machine updates itself without end: it writes the other slot, arms it, is
reset, confirms, is reset.  Every second kill comes before the system is up,
every other one after it.  Between two kills the machine must come up, from a
slot, not from recovery.  TAP on standard output.
"""
import os
import random
import re
import selectors
import subprocess
import sys
import tempfile
import time

import uefi_disk as disks
import uefi_guest as guest
import uefi_machine as machine
import uefi_test as cases

UP = re.compile(rb"guest: up ([ab])")
NEVER = re.compile(rb"starts recovery|starts nothing|update: (cannot|no)|"
                   rb"timed out")
STEP = re.compile(rb"guest: (up [ab]|update: \w+)|voltseal: (starts \w+)|"
                  rb"voltseal: (loader)|(BdsDxe: starting)")
LIMIT_S = 240


class World(cases.World):
    """A machine whose system updates it."""
    LAYOUT = cases.LAYOUT + [("source-kernel", 40), ("source-rootfs", 8)]

    def make_images(self, debian):
        machine.run("cc", "-static", "-O2", "-std=gnu17", "-I", cases.ROOT,
                    "-o", self.path("update"),
                    f"{cases.HERE}/uefi_update.c",
                    f"{cases.ROOT}/boot/record.c", f"{cases.ROOT}/boot/crc.c",
                    f"{cases.ROOT}/base/status.c")
        super().make_images(debian)
        guest.make_initrd(debian, self.path("verity"), self.path("initrd"),
                          self.path("update"))
        machine.run(f"{cases.ROOT}/boot/port/uefi/kernel-image",
                    f"{debian}/vmlinuz", self.path("initrd"),
                    f"console={self.kind.console} panic=-1 quiet "
                    "no_timer_check update=1",
                    self.path("kernel-image-1.1.0"))

    def set_up(self):
        super().set_up()
        for name in ("kernel", "rootfs"):
            for slot in ("a", "b"):
                self.disk.wipe(f"{name}-{slot}")
            self.disk.write_slot(name + "-a", self.path(name + "-1.1.0"))
            self.disk.write_slot("source-" + name, self.path(name + "-1.1.0"))


class Gateway:
    def __init__(self, world):
        self.world = world
        self.said = b""
        self.process = None

    def start(self):
        one = machine.Machine(self.world.name, self.world.disk,
                              self.world.variables)
        self.said = b""
        self.process = subprocess.Popen(
            one.argv(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)

    def listen(self, until, seconds):
        """True when it said so; False when the time is over, or the machine
        was reset, which ends it."""
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not (until and until.search(self.said)):
                if not selector.select(max(0, end - time.monotonic())):
                    return False
                piece = os.read(self.process.stdout.fileno(), 65536)
                if not piece:
                    return False
                self.said += piece
        return True

    def reset(self):
        """Whether it has ended by itself."""
        return self.process.poll() is not None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if NEVER.search(self.said):
            raise cases.Failure("it does not start:\n" +
                                machine.clean(self.said))
        copies = [disks.read_record(self.world.disk.read("record", at, 512))
                  for at in (0, 4096)]
        if not any(copies):
            raise cases.Failure("neither copy of the record is whole")
        steps = STEP.findall(self.said)
        return b"".join(steps[-1]).decode() if steps else "firmware"

    def come_up(self):
        """Must reach its system, within any number of resets it asks for."""
        self.start()
        if not self.listen(UP, LIMIT_S):
            self.said += b"\ntimed out\n"
            self.kill()
        return UP.search(self.said).group(1).decode()


def while_it_boots(gateway, rng, took):
    gateway.start()
    gateway.listen(None, rng.uniform(0, took))
    return gateway.kill()


def while_it_works(gateway, rng, took):
    """Over the update, and what follows its resets."""
    gateway.come_up()
    end = time.monotonic() + rng.uniform(0, took)
    while time.monotonic() < end:
        gateway.listen(None, end - time.monotonic())
        if gateway.reset() and time.monotonic() < end:
            gateway.kill()
            gateway.come_up()
    return gateway.kill()


def measure(gateway):
    """Seconds until the system is up, and of one update."""
    began = time.monotonic()
    gateway.come_up()
    up = time.monotonic()
    gateway.listen(None, LIMIT_S)
    if b"update: armed" not in gateway.said:
        raise cases.Failure("no update:\n" + machine.clean(gateway.said))
    gateway.kill()
    return up - began, time.monotonic() - up


def rehearse(world, kills, seed):
    rng = random.Random(seed)
    gateway = Gateway(world)
    boot_s, work_s = measure(gateway)
    print(f"# {boot_s:.1f} s until it is up, {work_s:.1f} s for an update, "
          f"seed {seed}", flush=True)
    slots = set()
    for n in range(1, kills + 1):
        if n % 2:
            at = while_it_works(gateway, rng, 1.3 * work_s)
        else:
            at = while_it_boots(gateway, rng, boot_s)
        print(f"# kill {n}, after: {at}; {world.disk.record()}", flush=True)
    for _ in range(4):  # and it still gets through an update
        slots.add(gateway.come_up())
        gateway.listen(None, LIMIT_S)
        gateway.kill()
    if slots != {"a", "b"}:
        raise cases.Failure("no update comes through any more")


def main():
    build = os.path.abspath(sys.argv[1])
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory(prefix="voltseal-kill-") as work:
        world = World(build, "x86_64", work, "kills")
        absent = cases.missing(world)
        if absent or os.uname().machine != "x86_64":
            cases.skip("not here: " + ", ".join(absent or ["an x86-64"]))
        print("1..1", flush=True)
        name = "a_gateway_killed_at_any_time_starts_again"
        try:
            world.prepare()
            cases.provision(world)
            rehearse(world, kills, seed)
            print(f"ok 1 - {name}\n# {kills} kills, each followed by a start "
                  "from a slot that verifies")
        except cases.Failure as e:
            print(f"not ok 1 - {name}\n# " + str(e).replace("\n", "\n# "))
            sys.exit(1)


if __name__ == "__main__":
    main()
