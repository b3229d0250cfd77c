#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Storage that fails: bytes that change on disk are found and not served, and
a full disk costs answers, never what was acknowledged."""
import http.client
import os
import re
import resource
import subprocess
import sys
import time

import harness
from chargers import sha256
from harness import World, free_port


def figure(world, name):
    """One figure of /metrics."""
    c = http.client.HTTPConnection("127.0.0.1", world.metrics_port,
                                   timeout=10)
    c.request("GET", "/metrics")
    text = c.getresponse().read().decode()
    c.close()
    return float(re.search(rf"(?m)^{name} (\S+)$", text).group(1))


def flip(path, at):
    """One bit of a file, without a trace in its times."""
    was = os.stat(path)
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def flipped(tap, world):
    """A byte that changed on disk is found, told, and served to nobody"""
    # S1.9
    packs = [n for n, data in world.room.artifacts.items()
             if data[:8] == b"VPACK001"]
    charger, name = world.chargers["CP-0001"], max(
        packs, key=lambda n: len(world.room.artifacts[n]))
    folder = world.path("data", "artifacts")
    get = charger.client.get
    tap.equal(get(f"/packs/{name}.pack").code, 200, "(it is served)")
    tap.check(world.wait(lambda: figure(
        world, "voltseal_artifacts_rehashed_total") >= len(packs)),
        "artifacts are read again")
    flip(os.path.join(folder, name), len(world.room.artifacts[name]) - 1)
    tap.check(world.wait(lambda: get(f"/packs/{name}.pack").code == 404, 10),
              "the changed one is not served any more")
    record = world.wait(lambda: [r for r in world.audit()
                                 if r["action"] == "artifact-damaged"])
    tap.check(record and (record[0]["subject"], record[0]["actor"],
                          record[0]["reason"]) ==
              (name, "server", "hash-mismatch"), "the log has it", record)
    tap.equal((figure(world, "voltseal_artifacts_damaged_total"),
               f"artifact {name}: " in world.said()), (1, True),
              "the figures and the program's log too")
    tap.equal(world.people["vera"].get("/v1/artifacts/" + name).code, 404,
              "people are told that it is missing")
    others = [n for n in packs if n != name]
    tap.check(others and all(get(f"/packs/{n}.pack").code == 200
                             for n in others), "the others are served")
    world.power_cut()
    tap.equal(get(f"/packs/{name}.pack").code, 404,
              "after a restart it is not served either")
    world.upload()
    answer = get(f"/packs/{name}.pack")
    tap.check(answer.code == 200 and sha256(answer.body) == name,
              "uploading it again mends it")
    time.sleep(2)
    tap.equal(len([r for r in world.audit()
                   if r["action"] == "artifact-damaged"]), 1,
              "it is told once")


def full(tap, world):
    """A full disk: clear answers, nothing lost, and on again when there is
    room"""
    world.stop()
    charger, otto = world.chargers["CP-0001"], world.people["otto"]
    db = world.path("data", "voltseal.db")
    most = max(os.path.getsize(db), os.path.getsize(db + "-wal")
               if os.path.exists(db + "-wal") else 0) + 200000

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE,
                           (most, resource.RLIM_INFINITY))
    start = subprocess.Popen

    def limited(*args, **how):
        return start(*args, preexec_fn=limit, **how)
    subprocess.Popen = limited
    try:
        world.start()
    finally:
        subprocess.Popen = start
    assert charger.client.get("/director/timestamp.json").code == 200
    acknowledged, refused, n = charger.counter, None, 0
    while n < 400 and not refused:
        answer = charger.report(detail="x" * 100, status=f"Idle{n % 2}")
        if answer.code == 200:
            acknowledged = charger.counter
        else:
            refused = answer
        n += 1
    tap.check(refused and refused.code == 503 and refused.one_line() and
              refused.headers["Retry-After"],
              "a report that cannot be kept gets 503 and when to come again",
              (n, refused))
    answer = otto.put("/v1/artifacts/" + sha256(b"y" * most * 2),
                      b"y" * most * 2)
    tap.check(answer.code == 503 and answer.one_line(),
              "an upload that does not fit too", answer)
    answer = otto.post("/v1/devices", world.charger(
        9, "north").registration())
    tap.equal(answer.code, 503, "a registration too")
    tap.equal([world.people["vera"].get("/v1/devices").code,
               charger.client.get("/director/timestamp.json").code],
              [200, 200], "who reads is served")
    tap.check("database" in world.said() and world.process.poll() is None,
              "it says so, and lives")
    resource.prlimit(world.process.pid, resource.RLIMIT_FSIZE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    tap.check(world.wait(lambda: charger.report().code == 200),
              "when there is room it goes on")
    acknowledged = charger.counter
    tap.equal(otto.post("/v1/devices", world.chargers[
        "CP-0009"].registration()).code, 201, "for people as well")
    world.power_cut()
    with world.reader() as rows:
        kept = rows.execute("SELECT counter FROM report WHERE device = ?",
                            (charger.id,)).fetchone()[0]
    tap.check(kept >= acknowledged, "nothing acknowledged is lost",
              (kept, acknowledged))
    log = world.audit()
    tap.equal([r["seq"] for r in log], list(range(1, len(log) + 1)),
              "and the log has no gap")
    tap.check(not [n for n in os.listdir(world.path("data", "artifacts"))
                   if n.startswith(".upload")], "no half upload is left")


def other(tap, world):
    """A state that is not what its report says is found"""
    world.stop()
    tap.equal(world.run("check-config", "--config", world.conf,
                        expect=None).returncode, 0, "(it is in order)")
    with world.database() as db:
        db.execute("UPDATE charger_state SET runs = "
                   "replace(runs, '1.0.0', '9.9.9')")
    done = world.run("check-config", "--config", world.conf, expect=None)
    tap.check(done.returncode == 1 and "CP-0001" in done.stderr and
              "its report says other" in done.stderr,
              "by check-config, in one line", done)
    with world.database() as db:
        db.execute("UPDATE charger_state SET runs = "
                   "replace(runs, '9.9.9', '1.0.0')")
        db.execute("UPDATE report SET body = replace(CAST(body AS TEXT), "
                   "'\"healthy\": true', '\"healthy\": false') "
                   "WHERE device = 'CP-0001'")
    done = world.run("check-config", "--config", world.conf, expect=None)
    tap.check(done.returncode == 1 and "CP-0001" in done.stderr,
              "and so is a report that nobody signed", done)


def run(tap, program, folder):
    """All of it over one server."""
    port = free_port()
    world = World(program, folder, rehash_s=1, rehash_mb_s=1000,
                  metrics_listen=f"127.0.0.1:{port}")
    world.metrics_port = port
    world.add_people()
    try:
        world.start()
        world.room.release("1.1.0", 2)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        world.fleet(1)
        for section in (flipped, full, other):
            tap.section(section, world)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
