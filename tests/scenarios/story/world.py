# SPDX-License-Identifier: Apache-2.0
"""The machine the story runs on: programs, ports, processes, waiting."""
import json
import os
import signal
import socket
import subprocess
import sys
import time


class StoryError(Exception):
    """The story did not go as it must; the text says where."""


def free_port():
    """A loopback port that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read_json(path):
    """A JSON file that its writer replaces atomically; None if absent."""
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def write_text(path, text, mode=0o644):
    """Writes a small file."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode),
              "w", encoding="utf-8") as f:
        f.write(text)


LEFT = "left-running"


def alive(pid):
    """Whether a process still does anything."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def stop_left(folder):
    """Ends what leave_running() left there; gives how many there were."""
    folder = os.path.abspath(folder)
    stopped = []
    try:
        with open(os.path.join(folder, LEFT), encoding="ascii") as f:
            groups = [int(line) for line in f]
    except FileNotFoundError:
        return 0
    for group in groups:
        try:  # the number may be somebody else's by now
            with open(f"/proc/{group}/cmdline", "rb") as f:
                ours = os.fsencode(folder) in f.read()
            if ours:
                os.killpg(group, signal.SIGTERM)
                stopped.append(group)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended by itself
    end = time.monotonic() + 20
    while any(map(alive, stopped)) and time.monotonic() < end:
        time.sleep(0.1)
    os.unlink(os.path.join(folder, LEFT))
    return len(stopped)


class World:
    """Runs the real programs below one folder and stops them all again."""

    def __init__(self, programs, folder):
        self.programs = os.path.abspath(programs)
        self.folder = os.path.abspath(folder)
        self.logs = os.path.join(self.folder, "logs")
        self.started = time.monotonic()
        self.running = []
        self.env = dict(os.environ)
        os.makedirs(self.logs, exist_ok=True)

    def say(self, text):
        """One line of progress with the seconds so far."""
        print(f"# [{self.seconds():6.1f} s] {text}", flush=True)

    def seconds(self):
        """Seconds since the story began."""
        return time.monotonic() - self.started

    def program(self, name):
        """The path of one of our programs in the build folder."""
        room = {"voltseal-sign": "sign", "voltseal-server": "server",
                "voltseal-agent": "agent", "voltseal-boot": "boot/port/host",
                "voltseal": "operate"}[name]
        return os.path.join(self.programs, room, name)

    def run(self, name, *args, expect=0, stdin=None):
        """Runs one of our programs to its end; gives what it printed."""
        done = subprocess.run(
            [self.program(name), *map(str, args)], env=self.env, text=True,
            stdin=subprocess.DEVNULL if stdin is None else None, input=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if (done.returncode == 0) != (expect == 0):
            raise StoryError(
                f"{name} {' '.join(map(str, args))}: exit {done.returncode}, "
                f"expected {expect}\n{done.stdout}{done.stderr}")
        return done.stdout if expect == 0 else done.stderr

    def start(self, name, *args, log):
        """Starts one of our programs in a process group of its own."""
        path = os.path.join(self.logs, log + ".log")
        with open(path, "ab") as out:
            process = subprocess.Popen(
                [self.program(name), *map(str, args)], env=self.env,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True)
        self.running.append(process)
        return process

    def stop(self, process, sig=signal.SIGTERM):
        """Ends a process group and waits for its first process."""
        if process.poll() is None:
            os.killpg(process.pid, sig)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise StoryError("a program did not stop within 20 s") from None
        finally:
            if process in self.running:
                self.running.remove(process)

    def stop_all(self):
        """Ends everything that still runs."""
        for process in list(self.running):
            try:
                self.stop(process)
            except StoryError as e:
                print(e, file=sys.stderr)

    def leave_running(self):
        """Writes down the process groups for stop_left(), forgets them."""
        write_text(os.path.join(self.folder, LEFT),
                   "".join(f"{p.pid}\n" for p in self.running))
        self.running.clear()

    def wait_for(self, what, ask, seconds=60, every=0.2):
        """Asks until the answer is true; gives the answer."""
        end = time.monotonic() + seconds
        while True:
            answer = ask()
            if answer:
                return answer
            if time.monotonic() > end:
                raise StoryError(f"waited {seconds} s in vain: {what}")
            time.sleep(every)
