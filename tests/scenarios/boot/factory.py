# SPDX-License-Identifier: Apache-2.0
"""The factory: a gateway's disk, its firmware's keys and floors, a loader that
is signed; and copies of a charger, to be tampered with."""
import os
import shutil
import struct
import subprocess

import cortexm_machine
import uefi_disk
import uefi_machine
from fleet import Charger
from world import StoryError

MIB = 1 << 20
LAYOUT = [("esp", 16), ("record", 1), ("keyring-0", 1), ("keyring-1", 1),
          ("kernel-a", 18), ("kernel-b", 18), ("rootfs-a", 40),
          ("rootfs-b", 40), ("recovery", 28), ("data", 24)]
CONTROLLER_SLOT = 32 * 4096  # bytes
LOADER = "EFI/BOOT/BOOTX64.EFI"
# The controller has a loader of its own.
COMPONENTS = ["kernel:gw-rev3", "rootfs:gw-rev3:verity",
              "recovery=recovery:gw-rev3"]
MACHINE = """component.controller.driver = serial
component.controller.device = /dev/ttyS1
"""
SETTINGS = {"poll_ms": 1000, "poll_min_ms": 1000, "report_ms": 2000,
            "jitter_percent": 0, "backoff_max_ms": 2000,
            "status_file": "/run/charger.json", "tries": 1,
            "health_checks": 2, "health_interval_ms": 500,
            "health_check_ms": 8000, "health_timeout_ms": 12000}
# What is in partitions or in the firmware, with storage = uefi
# (docs/operations/agent.md); a controller's slots stay in the folder.
GATEWAY = ("kernel", "rootfs")
MOVED = [f"slot-{slot}/{component}" for slot in "ab"
         for component in GATEWAY] + ["boot-record", "floor", "decision.json"]


def run(*argv):
    """A tool of the factory; StoryError with what it said."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode:
        raise StoryError(f"{' '.join(argv)}: {done.stdout}")


class Gateway(Charger):
    """A charger whose gateway starts by itself: provisioned as any charger,
    then put onto a disk."""
    hardware = {"rootfs": "gw-rev3", "kernel": "gw-rev3",
                "controller": "mc-rev2"}
    host = "10.0.2.2"  # the host's loopback, as the guest sees it
    provision_args = ("--storage", "uefi")

    def power_on(self):
        raise NotImplementedError("a gateway is switched on by its box")


class Part(Charger):
    """Provisioned only for the one slot that is then taken from it."""

    def __init__(self, world, number, server, component, hardware):
        super().__init__(world, number, server)
        self.hardware = {component: hardware}

    def register(self):
        """The server need not know it."""


def factory_page(keyring, component, hardware):
    """What the factory writes beside a controller's loader (docs/boot.md,
    section 3), from a keyring's file (docs/formats/seal.md, section 4)."""
    with open(keyring, "rb") as f:
        ring = f.read()
    threshold, version, keys, names = struct.unpack_from("<HIHH", ring, 10)
    lms, = struct.unpack_from("<H", ring, 24)
    page = struct.pack("<32s32sIHHHH", component.encode(), hardware.encode(),
                       version, threshold, lms, keys, names)
    at = 32 + 32 * names
    for i in range(16):
        key = ring[at + 104 * i:at + 104 * i + 104] if i < keys else b""
        length, = struct.unpack_from("<H", key, 34) if key else (0,)
        page += (key[:34] + key[36:36 + length]).ljust(100, b"\0")
    page += ring[32:at].ljust(8 * 32, b"\0")
    return page.ljust(4096, b"\0")


class Factory:
    """Makes one charger in the folder WORLD/box."""

    def __init__(self, world, root):
        self.world = world
        self.root = root
        self.folder = os.path.join(world.folder, "box")
        os.makedirs(self.folder)

    def path(self, *parts):
        """Below the box's folder."""
        return os.path.join(self.folder, *parts)

    def uefi(self, name):
        """One of the UEFI programs of the build."""
        return os.path.join(self.world.programs, "boot/port/uefi", name)

    def make_loader(self, keyring):
        """Keys of the firmware; the loader with its settings, signed."""
        uefi_machine.make_keys(self.path("keys"))
        run(os.path.join(self.root, "boot/port/uefi/loader-image"),
            self.uefi("BOOTX64.EFI"), keyring, self.path("unsigned.efi"),
            *COMPONENTS)
        uefi_machine.sign(self.path("keys"), self.path("unsigned.efi"),
                          self.path("loader.efi"))

    def make_disk(self, gateway, recovery):
        """Slot a as provision filled it, the recovery image, the data."""
        disk = uefi_disk.Disk(self.path("disk"), LAYOUT)
        for component in GATEWAY:
            self.copy(disk, component + "-a", os.path.join(
                gateway.folder, "slot-a", component))
        self.copy(disk, "recovery", os.path.join(
            recovery.folder, "slot-a", "recovery"))
        self.copy(disk, "record",
                  os.path.join(gateway.folder, "boot-record"))
        self.copy(disk, "data", self.make_data(gateway))
        return disk

    @staticmethod
    def copy(disk, partition, path):
        """A file's bytes to the beginning of a partition."""
        with open(path, "rb") as f:
            disk.write(partition, f.read())

    def make_data(self, gateway):
        """The file system with the charger's folder."""
        tree = self.path("data")
        shutil.copytree(gateway.folder, os.path.join(tree, "charger"))
        for name in MOVED:
            path = os.path.join(tree, "charger", name)
            if os.path.exists(path):
                os.unlink(path)
        with open(os.path.join(tree, "charger", "machine.conf"), "a",
                  encoding="utf-8") as conf:
            conf.write(MACHINE)
        image = self.path("data.img")
        size = dict(LAYOUT)["data"]
        run("mke2fs", "-q", "-t", "ext4", "-L", "data", "-m", "0", "-d", tree,
            image, f"{size}M")
        return image

    def make_controller(self, part, floor):
        """A controller's flash and its factory's page."""
        with open(os.path.join(part.folder, "slot-a", "controller"),
                  "rb") as f:
            slot = f.read()
        good = [(cortexm_machine.GOOD, 0, 0), (cortexm_machine.EMPTY, 0, 0)]
        cortexm_machine.flash(self.path("flash"),
                              cortexm_machine.record(1, 0, good),
                              cortexm_machine.floors({0: floor}), slot)
        with open(self.path("factory-page"), "wb") as f:
            f.write(factory_page(os.path.join(part.folder, "keyring"),
                                 "controller", "mc-rev2"))

    def set_up(self, disk, floors):
        """What SETUPX64.EFI wants on its medium (docs/operations/uefi.md)."""
        files = {LOADER: self.uefi("SETUPX64.EFI")}
        for name in ("PK", "KEK", "db"):
            files[f"voltseal/{name}.auth"] = self.path(f"keys/{name}.auth")
        with open(self.path("floors"), "wb") as f:
            f.write(b"".join(n.to_bytes(4, "little") for n in floors))
        files["voltseal/floors"] = self.path("floors")
        disk.write_esp(files)
        shutil.copy(uefi_machine.KINDS["x86_64"].variables,
                    self.path("variables"))

    def put_loader(self, disk, signed=True):
        """What the firmware starts from now on."""
        disk.write_esp({LOADER: self.path("loader.efi" if signed
                                          else "unsigned.efi")})
