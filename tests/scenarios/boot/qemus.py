# SPDX-License-Identifier: Apache-2.0
"""Machines in QEMU as the demonstration keeps them: switched on, listened to,
reset in place, cut off from power.  Their disks are files that stay."""
import os
import re
import socket
import subprocess
import threading
import time

import cortexm_machine
import uefi_machine
from world import StoryError


class Line:
    """A serial line's text as it comes, and a place up to which it was
    read."""

    def __init__(self, log):
        self.text = ""
        self.at = 0
        self.ended = False
        self.news = threading.Condition()
        self.began = time.monotonic()
        self.log = log
        self.fresh = True  # at the beginning of a line

    def take(self, raw):
        """More of it."""
        text = uefi_machine.clean(raw)
        with open(self.log, "a", encoding="utf-8") as log:
            for row in text.splitlines(keepends=True):
                if self.fresh:
                    log.write(f"[{time.monotonic() - self.began:6.1f}] ")
                log.write(row)
                self.fresh = row.endswith("\n")
        with self.news:
            self.text += text
            self.news.notify_all()

    def end(self):
        """Nothing more will come."""
        with self.news:
            self.ended = True
            self.news.notify_all()

    def wait(self, pattern, seconds, never=None):
        """The first line from here on that matches; reads on behind it.
        StoryError if it does not come, or if one that must not come does."""
        wanted = re.compile(f"[^\n]*(?:{pattern})[^\n]*\n")
        bad = re.compile(f"[^\n]*(?:{never})[^\n]*\n") if never else None
        end = time.monotonic() + seconds
        with self.news:
            while True:
                found = wanted.search(self.text, self.at)
                wrong = bad and bad.search(self.text, self.at)
                if wrong and (not found or wrong.start() < found.start()):
                    raise StoryError("must not be on the serial line: "
                                     + wrong.group().strip())
                if found:
                    self.at = found.end()
                    return found.group().strip()
                left = end - time.monotonic()
                if self.ended or left <= 0:
                    why = "the machine went off" if self.ended else \
                        f"{seconds} s"
                    raise StoryError(
                        f"not on the serial line ({why}): {pattern}")
                self.news.wait(min(left, 1))


class Qemu:
    """A machine from power-on to power-off.  A reset ends the process (OVMF
    takes minutes where it is reset in place), and another one goes on."""

    def __init__(self, argv, log, before=None):
        """before: is called before each start."""
        self.argv = argv
        self.before = before
        self.process = None
        self.off = False
        self.lock = threading.Lock()
        self.line = Line(log)
        self.errors = log + ".qemu"
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _start(self):
        with self.lock:
            if self.off:
                return False
            if self.before:
                self.before()
            with open(self.errors, "ab") as errors:
                self.process = subprocess.Popen(
                    self.argv, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=errors,
                    start_new_session=True)
        return True

    def _run(self):
        while self._start():
            began = time.monotonic()
            self._listen(self.process.stdout)
            self.process.wait()
            self.process.stdout.close()
            if time.monotonic() - began < 1:
                break  # it did not even start: its own words are in errors
        self.line.end()

    def _listen(self, pipe):
        rest = b""
        while True:
            piece = os.read(pipe.fileno(), 65536)
            if not piece:
                break
            # What may be half an escape, or half a character, waits.
            rest += piece
            cut = rest.rfind(b"\n") + 1
            self.line.take(rest[:cut])
            rest = rest[cut:]
        self.line.take(rest + b"\n")

    def cut(self):
        """Power off, at once."""
        with self.lock:
            self.off = True
            if self.process and self.process.poll() is None:
                self.process.kill()
        self.thread.join()


def gateway_argv(box, network):
    """box: disk, variables, tpm, shell and controller: paths, or None."""
    kind = uefi_machine.KINDS["x86_64"]
    argv = [kind.qemu, *kind.machine, "-accel", "tcg", "-m", "512",
            "-nodefaults", "-display", "none", "-no-reboot",
            "-drive", "if=pflash,format=raw,unit=0,readonly=on,file="
            + kind.code,
            "-drive", "if=pflash,format=raw,unit=1,file=" + box["variables"],
            "-drive", "if=none,id=disk,format=raw,cache=unsafe,file="
            + box["disk"],
            "-device", "nvme,drive=disk,serial=voltseal,bootindex=0",
            "-netdev", "user,id=net" + ("" if network else ",restrict=on"),
            "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci", "-serial", "stdio"]
    for name, server in (("controller", False), ("shell", True)):
        if box.get(name):
            argv += ["-chardev", f"socket,id={name},path={box[name]},"
                     + ("server=on,wait=off" if server else "reconnect=1"),
                     "-serial", "chardev:" + name]
        else:
            argv += ["-serial", "null"]
    if box.get("stick"):
        argv += ["-drive", "if=none,id=stick,format=raw,readonly=on,file="
                 + box["stick"], "-device", "nvme,drive=stick,serial=stick"]
    if box.get("tpm"):
        argv += ["-chardev", "socket,id=tpm,path=" + box["tpm"], "-tpmdev",
                 "emulator,id=tpm,chardev=tpm", "-device",
                 kind.tpm + ",tpmdev=tpm"]
    return argv


def controller_argv(programs, flash, page, line):
    """line: the socket that the gateway's second serial port joins; its text
    goes to standard output too."""
    return ["qemu-system-arm", "-M", "mps2-an385,memory-backend=m", "-object",
            f"memory-backend-file,id=m,size={cortexm_machine.PSRAM},"
            f"mem-path={flash},share=on", "-accel", "tcg", "-display", "none",
            "-monitor", "none", "-chardev", f"socket,id=line,path={line},"
            "server=on,wait=off,logfile=/dev/stdout", "-serial",
            "chardev:line", "-kernel",
            os.path.join(programs, "boot/port/cortexm/cortexm",
                         "loader-direct.elf"), "-device",
            f"loader,file={page},addr={cortexm_machine.FACTORY_AT:#x},"
            "force-raw=on"]


class Shell:
    """The intruder's root shell, on a serial line of its own."""

    def __init__(self, path):
        self.line = socket.socket(socket.AF_UNIX)
        self.line.connect(path)
        self.line.settimeout(1)

    def run(self, script, seconds):
        """Runs a script of one line; gives what it says before its end."""
        end = time.monotonic() + seconds
        heard = b""
        self.line.sendall(b"\n" + script.encode() + b"; echo =do''ne=\n")
        while b"=done=" not in heard:
            if time.monotonic() > end:
                raise StoryError(f"the root shell says nothing: {heard!r}")
            try:
                heard += self.line.recv(65536)
            except TimeoutError:
                pass
        return heard.decode("utf-8", "replace").replace("\r", "")

    def send(self, script):
        """Runs it without waiting."""
        self.line.sendall(b"\n" + script.encode() + b"\n")

    def close(self):
        self.line.close()
