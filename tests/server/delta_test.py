#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Deltas on the server: brought by people, served to chargers, reckoned with
in what a release costs those who run an earlier one."""
import json
import os
import struct
import sys
import time

import harness
from chargers import Image
from harness import World


def delta(old, new, more=b"what it codes"):
    """The head of a delta, and something behind it."""
    return (b"VSDELTA1" + struct.pack("<H6xQQ", 1, 5000, 6000) + old + new +
            bytes(32) + more)


def deltas(tap, world):
    """A delta lies under the roots that its head names, for chargers"""
    otto, c = world.people["otto"], world.chargers["CP-0001"].client
    old, new = os.urandom(32), os.urandom(32)
    data = delta(old, new)
    name = f"{old.hex()}-{new.hex()}"
    path = "/v1/deltas/" + name
    tap.equal((otto.get(path).code, c.get("/deltas/" + name).code),
              (404, 404), "it is not there")
    for what, body in (("nothing", b""), ("a head alone", data[:128]),
                       ("no delta", b"x" * 500),
                       ("another old one", delta(new, new)),
                       ("another new one", delta(old, old)),
                       ("another version", data[:8] + b"\2" + data[9:])):
        answer = otto.put(path, body)
        tap.check(answer.code == 400 and answer.one_line(),
                  f"{what} is refused", answer)
    for bad in ("x", name[:-1], name.upper(), name + "0", old.hex(),
                name.replace("-", "_"), "-" * 129):
        tap.equal(otto.put("/v1/deltas/" + bad, data).code, 400,
                  f"{bad[:8]}... ({len(bad)}) names no delta")
    tap.check(world.wait(lambda: not leftovers(world), 10),
              "none of them leaves anything", leftovers(world))
    answer = otto.put(path, data)
    tap.check(answer.code == 201 and answer.json() ==
              {"name": name, "length": len(data)}, "it is new", answer)
    tap.equal(otto.put(path, data + b"more").code, 200,
              "it is there already, and stays as it is")
    tap.equal(json.loads(otto.good(path)),
              {"name": name, "length": len(data)}, "its length is told")
    tap.equal(c.get("/deltas/" + name).body, data, "a charger gets it")
    answer = c.get("/deltas/" + name, Range="bytes=0-4095")
    tap.check(answer.code == 206 and answer.body == data and
              answer.headers["Content-Range"] ==
              f"bytes 0-{len(data) - 1}/{len(data)}",
              "a range beyond its end tells its length", answer)
    for bad in (name[:-1], "../voltseal.db", "..%2fvoltseal.db", "", ".",
                f"{new.hex()}-{old.hex()}"):
        tap.equal(c.get("/deltas/" + bad).code, 404,
                  f"{bad[:12]} is not there")
    world.power_cut()
    tap.equal(c.get("/deltas/" + name).body, data, "it outlives a power cut")


def downloads(tap, world):
    """Each predecessor's way to a release, and what it costs"""
    room, otto, c = world.room, world.people["otto"], world.chargers["CP-0001"]
    made, plain = {}, room.image
    noise = os.urandom(len(plain("gateway", 1).data))

    def image(component, seq):
        """Two clusters: the second changes always, the first from 42 on."""
        data = bytearray(noise)
        data[-9:] = b"%09d" % seq
        if seq >= 42:
            data[77:80] = b"new"
        made[seq] = Image(bytes(data), plain(component, seq).salt)
        return made[seq]

    room.image = image
    for seq in (40, 41, 42):
        room.release(f"4.{seq}.0", seq, components=("gateway",))
    room.release("4.43.0", 43, components=("gateway",))
    room.image = plain
    world.upload()
    answer = world.publish(room.files())
    tap.equal(answer.code, 200, "four releases are published")
    c.install("4.40.0", 40)
    ecus = c.body()["ecus"]
    for e in ecus:
        if e["path"].startswith("gateway/"):
            e["sha256"] = room.targets[e["path"]]["hashes"]["sha256"]
    tap.equal(c.report(ecus=ecus).code, 200, "the charger runs the first")

    def ways(name):
        said = json.loads(otto.good("/v1/releases/" + name))["downloads"]
        return {d["from"]: d for d in said}

    pack = made[41].pack()
    frames = struct.unpack("<2I", pack[64:72])
    of = ways("4.41.0")["4.40.0"]
    tap.equal(of, {"component": "gateway", "from": "4.40.0",
                   "release_seq": 40, "chargers": 1, "way": "clusters",
                   "bytes": 72 + frames[1], "without_delta": 72 + frames[1]},
              "one cluster of two, and the index")
    tap.equal(ways("4.41.0").keys(), {"4.40.0"}, "later ones are none")
    of = ways("4.42.0")["4.41.0"]
    tap.equal((of["way"], of["bytes"], of["chargers"]),
              ("whole", len(made[42].pack()), 0), "both clusters")
    data = delta(made[40].root, made[41].root)
    name = f"{made[40].root.hex()}-{made[41].root.hex()}"
    otto.put("/v1/deltas/" + name, data)
    of = ways("4.41.0")["4.40.0"]
    tap.equal((of["way"], of["bytes"], of["without_delta"]),
              ("delta", len(data), 72 + frames[1]), "a delta is shorter")
    long = delta(made[41].root, made[43].root, bytes(len(noise) + 9999))
    otto.put(f"/v1/deltas/{made[41].root.hex()}-{made[43].root.hex()}", long)
    of = ways("4.43.0")["4.41.0"]
    tap.equal((of["way"], of["bytes"]), ("whole", len(made[43].pack())),
              "one that is longer is not fetched")


def made(world):
    """What lies in the folder of deltas."""
    return sorted(os.listdir(world.path("data", "deltas")))


def background(tap, world):
    """Deltas are made for what chargers run, and dropped with them"""
    room, otto, c = world.room, world.people["otto"], world.chargers["CP-0001"]
    plain, images = room.image, {}
    noise = os.urandom(len(plain("gateway", 1).data))

    def image(component, seq):
        """52 has little in common with the others."""
        data = bytearray(os.urandom(len(noise)) if seq == 52 else noise)
        for at in range(0, len(data), 100000):
            data[at:at + 9] = b"%09d" % seq
        images[seq] = Image(bytes(data), plain(component, seq).salt)
        return images[seq]

    room.image = image
    for seq in (50, 51, 52, 53):
        room.release(f"5.{seq}.0", seq, components=("gateway",))
    room.image = plain
    world.upload()
    tap.equal(world.publish(room.files()).code, 200, "releases are published")

    def name(old, new):
        return f"{images[old].root.hex()}-{images[new].root.hex()}"

    def runs(charger, seq):
        charger.install(f"5.{seq}.0", seq)
        ecus = charger.body()["ecus"]
        for e in ecus:
            if e["path"].startswith("gateway/"):
                e["sha256"] = room.targets[e["path"]]["hashes"]["sha256"]
        return charger.report(ecus=ecus).code

    time.sleep(2)
    roots = [i.root.hex() for i in images.values()]
    tap.equal([n for n in made(world)
               if n.removeprefix(".useless-").split("-")[0] in roots], [],
              "from what nobody runs none is made")
    tap.equal(runs(c, 51), 200, "a charger runs 51")
    tap.check(world.wait(lambda: {name(51, 53), ".useless-" + name(51, 52)} <=
                         set(made(world)), 240),
              "from 51 to 53 one is made, to 52 it would save nothing",
              made(world))
    tap.equal([n for n in made(world) if n.startswith(images[50].root.hex())
               or n == name(51, 52)], [],
              "and none that nobody would fetch")
    data = c.client.get("/deltas/" + name(51, 53)).body
    tap.check(data[:8] == b"VSDELTA1" and len(data) < 2000,
              "chargers get it", len(data))
    way = [d for d in json.loads(otto.good("/v1/releases/5.53.0"))["downloads"]
           if d["from"] == "5.51.0"][0]
    tap.equal((way["way"], way["bytes"]), ("delta", len(data)),
              "and the release says so")
    path = world.path("data", "deltas", name(51, 53))
    os.unlink(path)
    world.power_cut()
    tap.check(world.wait(lambda: os.path.exists(path), 240),
              "a start goes on with what is not there")
    with open(path, "rb") as f:
        tap.equal(f.read(), data, "the same two images make the same delta")
    tap.equal(runs(c, 53), 200, "the charger goes on to 53")
    time.sleep(3)
    tap.check(os.path.exists(path), "a new one stays for a day")
    os.utime(path, (1, 1))
    tap.check(world.wait(lambda: not os.path.exists(path), 20),
              "an old one that nobody would fetch is dropped", made(world))
    for n in made(world):
        os.utime(world.path("data", "deltas", n), (1, 1))
    tap.check(world.wait(lambda: not [n for n in made(world)
                                      if n.startswith(".")], 20),
              "and what was found useless is forgotten", made(world))


def leftovers(world):
    """Files of the artifacts folder that are under no hash."""
    return [n for n in os.listdir(world.path("data", "artifacts"))
            if len(n) != 64]


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder, artifact_max_mb=2, idle_s=5,
                  delta_s=1)
    world.add_people()
    try:
        world.start()
        world.fleet(1)
        for section in (deltas, downloads, background):
            tap.section(section, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
