# SPDX-License-Identifier: Apache-2.0
"""Machines in QEMU that start from reset: firmware, variables, serial line."""
import hashlib
import os
import re
import selectors
import shutil
import struct
import subprocess
import time
import zlib

OWNER = "9dfde671-6b41-4bb8-9db5-a4f28ebe5c0f"


class Kind:
    """What differs between machines of two processors."""

    def __init__(self, arch, machine, code, variables):
        self.arch = arch
        self.qemu = "qemu-system-" + arch
        self.machine = machine
        self.code = code
        self.variables = variables
        self.suffix, self.console, self.tpm = {
            "x86_64": ("X64", "ttyS0", "tpm-crb"),
            "aarch64": ("AA64", "ttyAMA0", "tpm-tis-device")}[arch]

    def missing(self):
        return [f for f in (shutil.which(self.qemu) or self.qemu, self.code,
                            self.variables)
                if f and not os.path.exists(f)]

    def make_variables(self, out):
        """What the firmware keeps, as new."""
        shutil.copy(self.variables, out)

    def firmware(self, variables):
        return ["-drive", "if=pflash,format=raw,unit=0,readonly=on,file="
                + self.code,
                "-drive", "if=pflash,format=raw,unit=1,file=" + variables]


class UBoot(Kind):
    """Debian's U-Boot: its environment is in flash, its UEFI variables in a
    file of the EFI system partition."""
    ENVIRONMENT_LEN = 0x40000
    FLASH_LEN = 64 << 20

    def make_variables(self, out):
        body = (b"bootdelay=0\0bootcmd=nvme scan; "
                b"load nvme 0:1 0x42000000 /EFI/BOOT/BOOTAA64.EFI && "
                b"bootefi 0x42000000; poweroff\0")
        body = body.ljust(self.ENVIRONMENT_LEN - 4, b"\0")
        with open(out, "wb") as f:
            f.write(struct.pack("<I", zlib.crc32(body)) + body)
            f.truncate(self.FLASH_LEN)

    def firmware(self, variables):
        return ["-bios", self.code, "-drive",
                "if=pflash,format=raw,unit=1,file=" + variables]


KINDS = {
    "x86_64": Kind(
        "x86_64",
        ["-M", "q35,smm=on", "-cpu", "max", "-global",
         "driver=cfi.pflash01,property=secure,value=on"],
        "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
        "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    "aarch64": Kind(
        "aarch64", ["-M", "virt", "-cpu", "cortex-a57"],
        "/usr/share/AAVMF/AAVMF_CODE.fd",
        "/usr/share/AAVMF/AAVMF_VARS.fd"),
    "u-boot": UBoot(
        "aarch64", ["-M", "virt", "-cpu", "cortex-a57"],
        "/usr/lib/u-boot/qemu_arm64/u-boot.bin", None),
}


def run(*argv, cwd=None):
    subprocess.run(argv, check=True, cwd=cwd, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_keys(folder):
    """PK, KEK and db, each with a private key, as the firmware takes them."""
    os.makedirs(folder)
    for name in ("PK", "KEK", "db"):
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-sha256", "-days", "3650", "-subj", f"/CN=Voltseal test {name}",
            "-keyout", name + ".key", "-out", name + ".crt", cwd=folder)
        run("cert-to-efi-sig-list", "-g", OWNER, name + ".crt", name + ".esl",
            cwd=folder)
    for signer, name in (("PK", "PK"), ("PK", "KEK"), ("KEK", "db")):
        run("sign-efi-sig-list", "-g", OWNER, "-k", signer + ".key", "-c",
            signer + ".crt", name, name + ".esl", name + ".auth", cwd=folder)


def sign(keys, program, out):
    run("sbsign", "--key", f"{keys}/db.key", "--cert", f"{keys}/db.crt",
        "--output", out, program)


class Machine:
    def __init__(self, kind, disk, variables, tpm=None):
        self.kind = KINDS[kind]
        self.disk = disk
        self.variables = variables
        self.tpm = tpm
        self.stick = None  # the path of a disk on USB
        self.boots_first = True  # whatever the firmware's own order says

    def argv(self):
        argv = [self.kind.qemu, *self.kind.machine, "-accel", "tcg",
                "-m", "512", "-nodefaults", "-display", "none",
                "-serial", "stdio", "-no-reboot",
                *self.kind.firmware(self.variables),
                "-drive", "if=none,id=disk,format=raw,file=" + self.disk.path,
                "-device", "nvme,drive=disk,serial=voltseal"
                + (",bootindex=0" if self.boots_first else "")]
        if self.stick:
            argv += ["-device", "qemu-xhci", "-drive",
                     "if=none,id=stick,format=raw,file=" + self.stick,
                     "-device", "usb-storage,drive=stick"]
        if self.tpm:
            argv += ["-chardev", "socket,id=tpm,path=" + self.tpm,
                     "-tpmdev", "emulator,id=tpm,chardev=tpm",
                     "-device", self.kind.tpm + ",tpmdev=tpm"]
        return argv

    def start(self, until, timeout):
        """Runs until the serial line says so, or the machine stops.
        Gives what it said; TimeoutError after timeout seconds.
        """
        process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        try:
            return self._listen(process.stdout, re.compile(until.encode()),
                                time.monotonic() + timeout)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    @staticmethod
    def _listen(pipe, until, end):
        said = b""
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while not until.search(said):
                if not selector.select(end - time.monotonic()):
                    raise TimeoutError(clean(said))
                piece = os.read(pipe.fileno(), 65536)
                if not piece:
                    break
                said += piece
        return clean(said)


class Tpm:
    """A TPM, empty or a copy of one, that lives as long as the block it is made
    for: powered on for each start of a machine, and off with it."""

    def __init__(self, folder, model=None):
        self.model = model
        self.state = os.path.join(folder, "tpm")
        self.socket = os.path.join(self.state, "socket")
        self.process = None

    def __enter__(self):
        shutil.rmtree(self.state, ignore_errors=True)
        if self.model:
            shutil.copytree(self.model, self.state)
        else:
            os.makedirs(self.state)
        return self

    def power_on(self):
        self.power_off()
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + self.state,
             "--ctrl", "type=unixio,path=" + self.socket, "--flags",
             "not-need-init,startup-clear"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not os.path.exists(self.socket) and time.monotonic() < end:
            time.sleep(0.05)
        return self.socket

    def power_off(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.process = None

    def __exit__(self, *_):
        self.power_off()


def pcr(events):
    """What a PCR of zeros is after these were measured into it."""
    value = bytes(32)
    for event in events:
        value = hashlib.sha256(
            value + hashlib.sha256(event).digest()).digest()
    return value.hex().upper()


def clean(said):
    """Text without a terminal's escapes."""
    text = said.decode("utf-8", "replace").replace("\r", "")
    return re.sub(r"\x1b\[[0-9;=?]*[A-Za-z]", "", text)
