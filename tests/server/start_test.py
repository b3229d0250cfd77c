#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Before it serves: configuration, files, roots, the command line.  What is
wrong is named in one line, and nothing is changed."""
import hashlib
import json
import os
import sys
import time

import harness
from chargers import Key, stamp
from harness import World

GOOD = ["data_dir = /d", "tls_cert = c", "tls_key = k", "device_ca = a",
        "director_root = r", "image_root = i", "keyring = b"]
# what is wrong, the lines, the line that is named, what is said of it
LINES = [
    ("an unknown key", ["datadir = x"], ":1: datadir: no such key"),
    ("a line without =", GOOD[:2] + ["tls_key"], ":3: tls_key: "),
    ("a key set twice", GOOD + ["data_dir = /e"], ":8: data_dir: set twice"),
    ("a number that is none", GOOD + ["# why", "poll_s = soon"],
     ":9: poll_s: \"soon\" is not a whole number"),
    ("a negative number", GOOD + ["", "", "poll_s = -1"], ":10: poll_s: "),
    ("a number below its least", GOOD + ["timestamp_ttl_s = 1"],
     ":8: timestamp_ttl_s: 1 is below 2"),
    ("a number above its most", GOOD + ["device_threads = 65"],
     ":8: device_threads: 65 is above 64"),
    ("an empty value", ["data_dir ="], ":1: data_dir: "),
    ("a key in capitals", ["DATA_DIR = /d"], ":1: DATA_DIR: "),
    ("a zero byte", ["data_dir = /d\0e"], ":1: data_dir = /d: "),
    ("a missing key", GOOD[1:], ": data_dir: missing"),
]
LINES += [(f"{key} = {address}", GOOD + [f"{key} = {address}"],
           f": {key}: \"{address}\" is not ADDRESS:PORT")
          for key in ("device_listen", "operator_listen")
          for address in ("localhost:1", "127.0.0.1", "127.0.0.1:x",
                          "127.0.0.1:70000", "1.2.3.4.5:1", "::1:80", ":80",
                          "[127.0.0.1]:80", "[::1:80", "127.0.0.1:")]


def one_line(done):
    """Whether a program said one line, on standard error alone."""
    return not done.stdout and len(done.stderr.strip().splitlines()) == 1 \
        and "Sanitizer" not in done.stderr


def settings(tap, world):
    """A wrong line of the configuration is named, and exit is 2"""
    path = world.path("lines.conf")
    for what, lines, said in LINES:
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        for command in ("run", "init", "check-config"):
            done = world.run(command, "--config", path, expect=None)
            if not tap.check(done.returncode == 2 and one_line(done) and
                             path + said in done.stderr,
                             f"{command}: {what} is named", done):
                break
    tap.check(not os.path.exists("/d"), "and nothing is made of it")
    done = world.run("run", "--config", world.path("none.conf"), expect=None)
    tap.check(done.returncode == 2 and one_line(done) and
              "none.conf" in done.stderr, "a missing file is named", done)


def drop_ins(tap, world):
    """Drop-ins count, in order; --check-config judges them all"""
    conf = world.configure(world.path("parts.conf"), poll_s=7)
    folder = conf + ".d"
    os.makedirs(folder)

    def put(name, text):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    put("20.conf", "log = loud\n")
    done = world.run("--check-config", "--config", conf, expect=None)
    tap.check(done.returncode == 2 and one_line(done) and
              'log: "loud" is not text, json or journal' in done.stderr,
              "a wrong value of a drop-in is named", done)
    put("30.conf", "log = json\n")
    done = world.run("--check-config", "--config", conf)
    tap.check("in order" in done, "a later one counts", done)
    put("10.conf", "data_dir = /nowhere\nsomething = 1\n")
    done = world.run("check-config", "--config", conf, expect=None)
    tap.check(done.returncode == 2 and
              f"{folder}/10.conf:2: something: no such key" in done.stderr,
              "a key that there is not is named with its file", done)
    put("10.conf", "")
    put("20.conf", "")
    good, world.conf = world.conf, conf
    mark = len(world.said())
    world.start()
    world.stop()
    world.conf = good
    lines = [json.loads(x) for x in world.said()[mark:].splitlines()]
    tap.check(lines and all(set(x) == {"time", "level", "program", "message"}
                            and x["program"] == "voltseal-server" and
                            x["level"] == "info" for x in lines),
              "log = json: an object a line", lines)
    if not os.path.exists("/run/systemd/journal/socket"):
        put("30.conf", "log = journal\n")
        done = world.run("run", "--config", conf, expect=None)
        tap.check(done.returncode == 1 and one_line(done) and
                  "journal" in done.stderr,
                  "log = journal without a journal is an error", done)


def command_line(tap, world):
    """The command line says in one line what is wrong, and exit is 2"""
    conf = world.conf
    for args in ([], ["dance"], ["run"], ["run", "--config"], ["user"],
                 ["user", "add"], ["user", "add", "--config", conf],
                 ["user", "add", "x", "--config", conf],
                 ["user", "add", "x", "--role", "king", "--config", conf],
                 ["user", "add", "x", "y", "--role", "viewer", "--config",
                  conf],
                 ["run", "--config", conf, "--fast"],
                 ["run", "--config", conf, "more"],
                 ["init", "--role", "viewer", "--config", conf]):
        done = world.run(*args, expect=None)
        tap.check(done.returncode == 2 and one_line(done),
                  f"{' '.join(args) or 'nothing'}".replace(
                      world.folder, "DIR") + ": one line, exit 2", done)
    for name in ("../x", "a b", "", ".x", "x" * 64):
        done = world.run("user", "add", name, "--role", "viewer", "--config",
                         conf, expect=None)
        tap.check(done.returncode == 1 and one_line(done),
                  f"nobody is called '{name[:8]}'", done)
    said = world.run("--help")
    tap.check(all(word in said for word in (
        "check-config", "artifact_max_mb", "auditor", "user remove")),
        "--help names commands, roles and settings", said)


def files(tap, world):
    """A file that is missing or wrong is named by its key, and exit is 1"""
    conf = world.path("other.conf")
    empty = world.write(b"", "empty")
    text = world.write(b"{}\n", "text")
    other = Key(world.path("other.key")).path
    shared = world.write(open(world.settings["tls_key"], "rb").read(),
                         "shared.key")
    os.chmod(shared, 0o644)
    cases = [("tls_cert", "/nowhere/cert.pem", "/nowhere"),
             ("tls_cert", text, "no certificate"),
             ("tls_key", "/nowhere/key.pem", "/nowhere"),
             ("tls_key", world.write(b"x", "bad.key"), "no private key"),
             ("tls_key", other, "not the key of tls_cert"),
             ("tls_key", shared, "others may read it"),
             ("device_ca", empty, "no certificate"),
             ("director_root", "/nowhere/1.root.json", "/nowhere"),
             ("director_root", empty, "malformed"),
             ("image_root", text, "malformed"),
             ("keyring", "/nowhere/keyring", "/nowhere"),
             ("keyring", empty, "empty"),
             ("data_dir", world.path("nowhere"), "nowhere")]
    os.chmod(world.path("bad.key"), 0o600)
    for key, value, said in cases:
        world.configure(conf, **{key: value})
        for command in ("run", "check-config"):
            done = world.run(command, "--config", conf, expect=None)
            tap.check(done.returncode == 1 and one_line(done) and
                      said in done.stderr and
                      (value in done.stderr or key == "data_dir"),
                      f"{command}: {key} = {os.path.basename(value)}", done)
    ring = bytearray(world.room.keyring())
    ring[40] ^= 1
    done = world.run("run", "--config", world.configure(
        conf, keyring=world.write(bytes(ring), "flipped-keyring")),
        expect=None)
    tap.check(done.returncode == 1 and one_line(done) and
              "flipped-keyring" in done.stderr,
              "a keyring with one bit flipped is refused by name", done)


def roots(tap, world):
    """Roots are believed only in an unbroken chain that ends in our keys"""
    # S0.44
    room, conf = world.room, world.path("roots.conf")

    def start(key, said, what, *chain):
        paths = [world.write(data, what, f"{n}.root.json")
                 for n, data in enumerate(chain, 1)]
        done = world.run("check-config", "--config", world.configure(
            conf, **{key: paths[0]}), expect=None)
        tap.check(done.returncode == 1 and one_line(done) and
                  said in done.stderr and what in done.stderr,
                  f"{key}, {what}: refused", done)
    for key, first in (("director_root", room.director_root),
                       ("image_root", room.first_root)):
        altered = json.loads(first)
        altered["signed"]["expires"] = stamp(time.time() + 99)
        start(key, "threshold-not-met", "altered",
              json.dumps(altered).encode())
        director = key == "director_root"
        start(key, "other keys", "foreign", room.foreign_root(director))
        start(key, "threshold-not-met", "one-signature",
              room.root(director=director, signers=room.roots[:1]))
        start(key, "wrong-version", "second",
              room.root(2, director=director))
    first = room.director_root
    start("director_root", "wrong-version", "gap", first,
          room.root(3, director=True))
    start("director_root", "threshold-not-met", "unsigned", first,
          room.root(2, director=True, signers=room.releasers[:2]))
    roots, room.roots = room.roots, room.releasers
    rogue = room.root(2, director=True)
    room.roots = roots
    start("director_root", "threshold-not-met", "rogue", first, rogue)
    chain = world.write(first, "good", "1.root.json")
    world.write(room.root(2, director=True), "good", "2.root.json")
    done = world.run("check-config", "--config", world.configure(
        conf, director_root=chain), expect=None)
    tap.check(done.returncode == 0 and "in order" in done.stdout,
              "a good second root of the director is taken", done)


def snapshot(folder):
    """Names and hashes of all files in a folder; SQLite's own scratch files
    apart, and the database by what it says."""
    out = {}
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith(("-shm", "-wal", "lock")):
                continue
            with open(os.path.join(where, name), "rb") as f:
                out[os.path.join(where, name)] = hashlib.sha256(
                    f.read()).hexdigest()
    return out


def check_config(tap, world):
    """check-config changes nothing, also while a server runs"""
    before = snapshot(world.data)
    tap.check("in order" in world.run("check-config", "--config",
                                      world.conf),
              "a good configuration is in order")
    tap.equal(snapshot(world.data), before, "it has changed nothing")
    world.start()
    half = world.write(b"half", "data", "artifacts", ".upload-aBcDeF")
    for command in ("check-config", "init"):
        world.run(command, "--config", world.conf)
        tap.check(os.path.exists(half),
                  f"{command} leaves an upload under way alone")
    done = world.run("run", "--config", world.conf, expect=None)
    tap.check(done.returncode == 1 and one_line(done) and
              "another server" in done.stderr and os.path.exists(half),
              "a second server over the same data refuses to start", done)
    tap.equal(world.people["otto"].get("/v1/whoami").code, 200,
              "and the first is not disturbed")
    world.power_cut()
    tap.check(not os.path.exists(half), "a start sweeps it away")
    tap.equal(world.stop(), 0, "it stops in good order")
    moved = world.path("data", "voltseal.db")
    os.rename(moved, moved + ".away")
    done = world.run("run", "--config", world.conf, expect=None)
    tap.check(done.returncode == 1 and "voltseal.db" in done.stderr and
              not os.path.exists(moved),
              "without its database it does not start over", done)
    world.write(b"", "data", "voltseal.db")
    done = world.run("check-config", "--config", world.conf, expect=None)
    tap.check(done.returncode == 1 and one_line(done) and
              "no such table" in done.stderr and
              os.path.getsize(moved) == 0,
              "an empty file is no database, and is left as it is", done)
    done = world.run("run", "--config", world.conf, expect=None)
    tap.check(done.returncode == 1 and one_line(done) and
              "the audit log is empty" in done.stderr,
              "nor does a server start without a log", done)
    world.run("init", "--config", world.conf)
    world.run("check-config", "--config", world.conf)
    tap.check(True, "init begins one, also where a power cut left none")
    os.rename(moved + ".away", moved)


def init_again(tap, world):
    """init keeps what is there"""
    before = snapshot(world.data)
    world.run("init", "--config", world.conf)
    tap.equal(snapshot(world.data), before, "a second init changes nothing")
    fresh = world.configure(world.path("fresh.conf"),
                            data_dir=world.path("fresh"))
    world.run("init", "--config", fresh)
    modes = {n: oct(os.stat(world.path("fresh", *n)).st_mode & 0o777)
             for n in (("online",), ("artifacts",),
                       ("online", "director.pem"))}
    tap.equal(list(modes.values()), ["0o700", "0o700", "0o600"],
              "keys and folders are the owner's alone")
    blocked = world.write(b"", "a-file")
    done = world.run("init", "--config", world.configure(
        fresh, data_dir=os.path.join(blocked, "data")), expect=None)
    tap.check(done.returncode == 1 and one_line(done) and
              blocked in done.stderr, "a folder that cannot be made is named",
              done)


def run(tap, program, folder):
    """All of it over one folder; a server runs only for check_config."""
    world = World(program, folder)
    world.add_people()
    try:
        for section in (settings, drop_ins, command_line, files, roots,
                        check_config, init_again):
            tap.section(section, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
