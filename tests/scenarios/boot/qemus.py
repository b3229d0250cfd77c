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

    def __init__(self, pipe, log):
        self.text = ""
        self.at = 0
        self.ended = False
        self.news = threading.Condition()
        self.pipe = pipe
        self.log = log
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        began = time.monotonic()
        with open(self.log, "a", encoding="utf-8") as log:
            rest = b""
            while True:
                piece = os.read(self.pipe.fileno(), 65536)
                if not piece:
                    break
                # An escape that is cut in two waits for its other half.
                rest += piece
                cut = rest.rfind(b"\x1b", len(rest) - 16)
                done, rest = ((rest, b"") if cut < 0 else
                              (rest[:cut], rest[cut:]))
                if rest and re.fullmatch(rb"\x1b\[[0-9;=?]*[A-Za-z].*", rest,
                                         re.DOTALL):
                    done, rest = done + rest, b""
                text = uefi_machine.clean(done)
                stamp = f"[{time.monotonic() - began:6.1f}] "
                log.write(text.replace("\n", "\n" + stamp))
                log.flush()
                with self.news:
                    self.text += text
                    self.news.notify_all()
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
    """One process, one serial line."""

    def __init__(self, argv, log):
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        self.line = Line(self.process.stdout, log)

    def cut(self):
        """Power off, at once."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.line.thread.join()
        self.process.stdout.close()


def gateway_argv(box, network):
    """box: disk, variables, tpm, shell and controller: paths, or None."""
    kind = uefi_machine.KINDS["x86_64"]
    argv = [kind.qemu, *kind.machine, "-accel", "tcg", "-m", "512",
            "-nodefaults", "-display", "none",
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
                 + box["stick"], "-device", "virtio-blk-pci,drive=stick"]
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
