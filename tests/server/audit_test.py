#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The audit log: what charger and people did is in it, in the closed list's
words, and nobody alters, drops or swaps a record unnoticed: not in the
database, not in an export.

usage: audit_test.py VOLTSEAL-SERVER VOLTSEAL
"""
import base64
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import time

import harness
from chargers import canonical, sha256, stamp, verified
from harness import World

GENESIS = "0" * 64
FIELDS = {"seq", "time", "actor", "action", "subject", "reason", "detail",
          "prev", "hash"}


def read(*path):
    """A file of the repository."""
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(top, *path), encoding="utf-8") as f:
        return f.read()


def closed_list():
    """The words of base/status.h, by the table that names them."""
    return re.findall(r"\[VS_REASON_\w+\] =\s+\"([a-z-]+)\"",
                      read("base", "status.c"))


class Operate:
    """The operator's command line, as the auditor uses it."""

    def __init__(self, program, world):
        self.program = program
        self.token = world.write(world.people["aude"].token.encode(),
                                 "aude.token")
        os.chmod(self.token, 0o600)
        self.common = ["--server", f"https://127.0.0.1:{world.ports[1]}",
                       "--ca", world.server_ca.certificate, "--token-file",
                       self.token]

    def run(self, *args, data=None):
        """Runs it to its end."""
        return subprocess.run([self.program, *args], input=data,
                              capture_output=True, check=False, timeout=30)

    def export(self):
        """voltseal audit export: its lines."""
        done = self.run("audit", "export", *self.common)
        assert done.returncode == 0, done
        return done.stdout.splitlines(keepends=True)

    def verify(self, lines, *more):
        """voltseal audit verify of such lines."""
        return self.run("audit", "verify", "-", *more, data=b"".join(lines))


def words(tap, world):
    """Every reason a charger gives is in the log in the same word"""
    # S0.27
    known = closed_list()
    tap.check(len(known) > 40 and known[0] == "none",
              "the closed list was read", known)
    charger = world.chargers["CP-0001"]
    wrong = []
    for about in ("targets/x.seal", ""):
        for word in known[1:]:
            charger.report()
            before = world.audit()[-1]["seq"]
            got = charger.report(reason=word, about=about)
            *new, kept = [r for r in world.audit() if r["seq"] > before]
            told = [(r["actor"], r["subject"], r["reason"]) for r in new]
            if (got.code, told, kept["action"]) != (
                    200, [(charger.id, charger.id, word)], "report-kept"):
                wrong.append((word, about, got, new, kept))
            if about and new and (new[0]["action"], new[0]["detail"]) != \
                    ("refused", about):
                wrong.append((word, new))
    tap.check(not wrong, f"all {len(known) - 1} words, with a file and "
              "without", "\n".join(map(str, wrong[:5])))
    charger.report()
    before = world.audit()[-1]["seq"]
    charger.report(fellBack=True, fallbackReason="boot-failed", detail="no")
    new = [(r["action"], r["reason"]) for r in world.audit()
           if r["seq"] > before]
    tap.equal(new, [("fell-back", "boot-failed"), ("report-kept", "")],
              "and so is why it fell back")
    charger.report(fellBack=True, fallbackReason="boot-failed", detail="no")
    tap.equal(world.audit()[-1]["seq"], before + 2, "which is told once")
    got = charger.report(reason="bored")
    tap.equal(got.code, 400, "a word that is not in the list is refused")
    tap.equal((world.audit()[-1]["action"], world.audit()[-1]["reason"]),
              ("report-refused", "malformed"), "and that is in the log")


def chain(tap, world, operate):
    """The chain holds, computed a second time"""
    # S0.27 S2.24
    records = world.audit()
    prev, wrong = GENESIS, []
    for seq, r in enumerate(records, 1):
        body = {k: v for k, v in r.items() if k != "hash"}
        if set(r) != FIELDS or r["seq"] != seq or r["prev"] != prev or \
                sha256(canonical(body)) != r["hash"]:
            wrong.append(r)
        prev = r["hash"]
    tap.check(len(records) > 100 and not wrong,
              "each record's hash is the hash of its canonical form",
              wrong[:2])
    done = operate.verify(operate.export(), "--head", prev)
    tap.check(done.returncode == 0 and prev.encode() in done.stdout,
              "voltseal audit verify agrees", done)
    by_hand = re.search(r"```python\n(.*?)```", read(
        "docs", "formats", "audit.md"), re.DOTALL).group(1)
    lines = operate.export()
    for what, log, code in (("the log", lines, 0),
                            ("a log cut in the middle",
                             lines[:5] + lines[6:], 1)):
        done = subprocess.run([sys.executable, "-c", by_hand],
                              input=b"".join(log), capture_output=True,
                              check=False)
        tap.check(done.returncode == code and
                  (prev.encode() in done.stdout or code),
                  f"docs/formats/audit.md by hand: {what}", done)


def export(tap, world, operate):
    """voltseal audit verify finds what was done to an export"""
    lines = operate.export()
    head = json.loads(lines[-1])["hash"]
    middle = len(lines) // 2
    edited = lines[middle].replace(b'"actor":"', b'"actor":"x')
    tap.check(edited != lines[middle], "(there is something to edit)")
    swapped = lines[:]
    swapped[middle], swapped[middle + 1] = lines[middle + 1], lines[middle]
    cases = [("an edited record", lines[:middle] + [edited] +
              lines[middle + 1:], middle + 1),
             ("a record taken out", lines[:middle] + lines[middle + 1:],
              middle + 1),
             ("two records swapped", swapped, middle + 1),
             ("a record twice", lines[:middle] + lines[middle - 1:],
              middle + 1),
             ("a line cut off", lines[:-1] + [lines[-1][:-2]], len(lines))]
    for what, altered, line in cases:
        done = operate.verify(altered)
        tap.check(done.returncode == 1 and f":{line}: ".encode() in
                  done.stderr and not done.stdout,
                  f"{what} is found, with its line", done)
    done = operate.verify(lines[:-1])
    tap.equal(done.returncode, 0, "a log cut short is a good chain")
    done = operate.verify(lines[:-1], "--head", head)
    tap.equal(done.returncode, 1, "but not with the head that was kept")


def sealed(record):
    """A line with a hash that fits it, as a forger would write it."""
    body = {k: v for k, v in record.items() if k != "hash"}
    return json.dumps({**body, "hash": sha256(canonical(body))}).encode() \
        + b"\n"


def tampered(lines, i):
    """(what, log) of each kind of change to the record at i."""
    record, rest = json.loads(lines[i]), lines[i + 1:]
    for field in sorted(FIELDS):
        other = record[field] + 1 if field == "seq" else \
            "0" * 63 + "1" if field in ("hash", "prev") else \
            record[field] + "x"
        changed = {**record, field: other}
        yield f"{field} changed", lines[:i] + [
            json.dumps(changed).encode() + b"\n"] + rest
        if field != "hash":
            yield f"{field} changed and hashed anew", lines[:i] + [
                sealed(changed)] + rest
    yield "a member more", lines[:i] + [
        json.dumps({**record, "more": ""}).encode() + b"\n"] + rest
    yield "dropped", lines[:i] + rest
    yield "twice", lines[:i + 1] + lines[i:]
    if rest:
        yield "swapped with the next", \
            lines[:i] + [rest[0], lines[i]] + rest[1:]
    yield "one inserted before it, which fits", \
        lines[:i] + [sealed({**record, "actor": "mallory"})] + lines[i:]
    yield "one inserted after it, which fits", lines[:i + 1] + [sealed(
        {**record, "seq": record["seq"] + 1, "prev": record["hash"]})] + rest


def every(tap, world, operate):
    """Any record changed, dropped, swapped or inserted is found"""
    # S0.27: every record, every kind
    real, log, prev = {}, [], GENESIS
    for line in operate.export():
        record = json.loads(line)
        real.setdefault(record["action"], record)
    last = record
    for seq, kind in enumerate(sorted(harness.kinds()), 1):
        # each kind that there is once, with what a real one says
        log.append(sealed({**real.get(kind, last), "action": kind,
                           "seq": seq, "prev": prev}))
        prev = json.loads(log[-1])["hash"]
    tap.equal(operate.verify(log, "--head", prev).returncode, 0,
              "(it is a good log before)")
    missed, tried = [], 0
    for i in range(len(log)):
        for what, bad in tampered(log, i):
            done = operate.verify(bad, "--head", prev)
            tried += 1
            if done.returncode != 1 or done.stdout or not done.stderr:
                missed.append((i + 1, what, done))
    tap.check(not missed and len(real) > 10 and len(log) > 55 and
              tried > 20 * len(log),
              f"{tried} changes of {len(log)} records, each of its kind",
              missed[:3])
    del world


CHANGES = [
    ("another actor", "UPDATE audit SET actor = 'nobody' WHERE seq = :m",
     "m"),
    ("another action", "UPDATE audit SET action = 'done' WHERE seq = :m",
     "m"),
    ("another reason", "UPDATE audit SET reason = 'none' WHERE seq = :m",
     "m"),
    ("another time", "UPDATE audit SET time_s = time_s + 1 WHERE seq = :m",
     "m"),
    ("another detail", "UPDATE audit SET detail = 'x' || detail "
     "WHERE seq = 1", "first"),
    ("another hash", "UPDATE audit SET hash = :g WHERE seq = :l", "l"),
    ("another prev", "UPDATE audit SET prev = :g WHERE seq = :m", "m"),
    ("a record taken out", "DELETE FROM audit WHERE seq = :m", "m"),
    ("the first taken out", "DELETE FROM audit WHERE seq = 1", "first"),
    ("the last cut off", "DELETE FROM audit WHERE seq = :l", "l"),
    ("two records swapped", "UPDATE audit SET seq = CASE seq "
     "WHEN :m THEN -1 WHEN :m + 1 THEN :m ELSE seq END; "
     "UPDATE audit SET seq = :m + 1 WHERE seq = -1", "m"),
    ("one slipped in", "INSERT INTO audit SELECT :l + 1, time_s, actor, "
     "action, subject, reason, detail, hash, hash FROM audit "
     "WHERE seq = :l", "l + 1"),
    ("a good one after a gap", "INSERT INTO audit SELECT :l + 5, time_s, "
     "actor, action, subject, reason, detail, hash, :f FROM audit "
     "WHERE seq = :l; UPDATE meta SET value = (:l + 5) || ' ' || :f "
     "WHERE name = 'audit_head'", "l + 1"),
    ("the whole log taken away", "DELETE FROM audit", "first"),
    ("log and head taken away", "DELETE FROM audit; DELETE FROM meta "
     "WHERE name = 'audit_head'", None),
    ("the head taken away", "DELETE FROM meta WHERE name = 'audit_head'",
     "l + 1"),
]


class Database:
    """The database of a stopped server, with a copy to go back to."""

    def __init__(self, world):
        self.world = world
        self.path = world.path("data", "voltseal.db")
        db = world.database()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        with open(self.path, "rb") as f:
            self.whole = f.read()

    def change(self, statements, values):
        """Runs statements; executescript() takes no values."""
        db = self.world.database()
        with db:
            for statement in statements.split(";"):
                names = re.findall(r":(\w)", statement)
                db.execute(statement, {n: values[n] for n in names})
        db.close()

    def restore(self):
        """As it was."""
        for old in glob.glob(self.path + "*"):
            os.unlink(old)
        with open(self.path, "wb") as f:
            f.write(self.whole)


def tamper(tap, world):
    """A server does not start over a log that was tampered with"""
    # S0.27
    records = world.audit()
    world.stop()
    database = Database(world)
    last = records[-1]["seq"]
    forged = {**records[-1], "seq": last + 5, "prev": records[-1]["hash"]}
    del forged["hash"]
    values = {"l": last, "m": last // 2, "g": GENESIS,
              "f": sha256(canonical(forged))}
    places = {"m": last // 2, "l": last, "first": 1, "l + 1": last + 1}
    for what, statements, place in CHANGES:
        if what == "another reason":
            values["m"] = next(r["seq"] for r in records if r["reason"])
            places["m"] = values["m"]
        database.change(statements, values)
        for command in ("run", "check-config"):
            done = world.run(command, "--config", world.conf, expect=None)
            said = f"broken at seq {places[place]} " if place else \
                "the audit log is empty"
            tap.check(done.returncode == 1 and said in done.stderr and
                      len(done.stderr.splitlines()) == 1,
                      f"{what}: {command} names seq {place}", done)
        database.restore()
    world.start()
    tap.equal(world.audit()[-1]["hash"], records[-1]["hash"],
              "unchanged, it starts and the log is as it was")


def alive(tap, world, operate):
    """What is done to the log of a running server shows in its export"""
    middle = world.audit()[-1]["seq"] // 2
    db = world.database()
    with db:
        db.execute("UPDATE audit SET actor = 'x' || actor WHERE seq = ?",
                   (middle,))
    done = operate.verify(operate.export())
    tap.check(done.returncode == 1 and f":{middle}: ".encode() in
              done.stderr, "voltseal audit verify names the record", done)
    with db:
        db.execute("UPDATE audit SET actor = substr(actor, 2) "
                   "WHERE seq = ?", (middle,))
    db.close()
    world.chargers["CP-0001"].report(status="Downloading")
    tap.equal(operate.verify(operate.export()).returncode, 0,
              "put right, the chain holds")


def open_head(note, vkey):
    """(number of records, hash of the last) of a head that the key signed."""
    origin, _, raw = vkey.split("+", 2)
    text, lines = note.split("\n\n")
    text += "\n"
    name, sig = lines.strip()[len("\u2014 "):].split(" ")
    assert origin == name == text.split("\n")[0] == "voltseal-audit", note
    key = base64.b64decode(raw)
    sig = base64.b64decode(sig)
    assert sig[:4] == hashlib.sha256(b"voltseal-audit\n" + key).digest()[:4]
    assert verified({"keyval": {"public": key[1:].hex()}}, text.encode(),
                    sig[4:]), note
    _, size, last, _ = text.split("\n")
    return int(size), base64.b64decode(last).hex()


def forge(world):
    """The whole log made anew, consistent in itself, with another actor."""
    with world.database() as db:
        prev, seq = GENESIS, 0
        rows = db.execute("SELECT seq, time_s, actor, action, subject, "
                          "reason, detail FROM audit ORDER BY seq").fetchall()
        for seq, time_s, actor, action, subject, reason, detail in rows:
            actor = "mallory" if actor == "otto" else actor
            record = {"seq": seq, "time": stamp(time_s), "actor": actor,
                      "action": action, "subject": subject, "reason": reason,
                      "detail": detail, "prev": prev}
            digest = sha256(canonical(record))
            db.execute("UPDATE audit SET actor = ?, prev = ?, hash = ? "
                       "WHERE seq = ?", (actor, prev, digest, seq))
            prev = digest
        db.execute("UPDATE meta SET value = ? WHERE name = 'audit_head'",
                   (f"{seq} {prev}",))


def heads(tap, world):
    """Heads are signed in their time; with one kept elsewhere a log that was
    made anew is found out"""
    # S0.27 S2.24
    aude = world.people["aude"]
    world.stop()
    world.settings["audit_head_s"] = 1
    world.configure(world.conf)
    world.start()
    before = len(aude.get("/v1/audit/heads?limit=1000").json()["heads"])
    for i in range(3):
        world.chargers["CP-0001"].report(status=f"Head{i}")
        time.sleep(1.3)
    said = aude.get("/v1/audit/heads?limit=1000").json()
    records = {r["seq"]: r["hash"] for r in world.audit()}
    opened = [open_head(h["note"], said["key"]) for h in said["heads"]]
    tap.check(len(opened) >= before + 3 and
              all(records[size] == last for size, last in opened) and
              [h["seq"] for h in said["heads"]] == [s for s, _ in opened],
              "each is of its record, signed by the key", opened)
    time.sleep(2.5)
    tap.equal(aude.get("/v1/audit/heads?limit=1000").json()["heads"],
              said["heads"], "nothing new, no new head")
    tap.equal(aude.get(f"/v1/audit/heads?after={opened[0][0]}&limit=1")
              .json()["heads"], [said["heads"][1]], "page by page")
    with open(world.path("data", "online", "audit.vkey"),
              encoding="utf-8") as f:
        tap.equal(f.read().strip(), said["key"], "its key is a file, too")
    world.stop()
    database = Database(world)
    forge(world)
    done = world.run("run", "--config", world.conf, expect=None)
    tap.check(done.returncode == 1 and "signed at seq" in done.stderr and
              "hash-mismatch" in done.stderr,
              "over a log that was made anew it does not start", done)
    database.restore()
    with world.database() as db:
        db.execute("UPDATE audit_head SET note = replace(note, ?, ?)",
                   (said["heads"][0]["note"].split(" ")[-1],
                    said["heads"][1]["note"].split(" ")[-1]))
    done = world.run("check-config", "--config", world.conf, expect=None)
    tap.check(done.returncode == 1 and "bad-signature" in done.stderr,
              "nor over a head that is not signed by its key", done)
    database.restore()
    os.unlink(world.path("data", "online", "audit.pem"))
    world.start()
    world.chargers["CP-0001"].report(status="Later")
    new = world.wait(lambda: [
        h for h in aude.get("/v1/audit/heads?limit=1000").json()["heads"]
        if h["seq"] > opened[-1][0]], 4)
    vkey = aude.get("/v1/audit/heads").json()["key"]
    tap.check(new and vkey != said["key"] and
              open_head(new[0]["note"], vkey)[0] == new[0]["seq"],
              "a new key goes on where the old one ended", new)


def people(tap, world):
    """What people did, and tried to do, is in the log with their names"""
    log = [(r["actor"], r["action"]) for r in world.audit()]
    for entry in (("host", "server-initialised"), ("host", "person-added"),
                  ("otto", "device-registered"),
                  ("otto", "artifact-uploaded"),
                  ("otto", "release-published"),
                  ("otto", "publish-refused"), ("vera", "denied")):
        tap.check(entry in log, f"{entry[0]}: {entry[1]}", log[-3:])
    late = world.people["aude"].get("/v1/audit?after=999999")
    tap.equal(late.json(), [], "after the end there is nothing")
    page = world.people["aude"].get("/v1/audit?limit=999999")
    tap.check(page.code == 200 and len(page.json()) <= 1000,
              "no page is over 1000 records", len(page.json()))


def run(tap, program, operate, folder):
    """All of it over one server."""
    world = World(program, folder)
    world.add_people()
    try:
        world.start()
        world.fleet(1)
        world.room.release("1.1.0", 2)
        files = world.room.files()
        assert world.publish(files).code == 409
        world.upload()
        assert world.publish(files).code == 200
        assert world.people["vera"].post("/v1/devices").code == 403
        operate = Operate(operate, world)
        tap.section(words, world)
        tap.section(people, world)
        tap.section(chain, world, operate)
        tap.section(export, world, operate)
        tap.section(every, world, operate)
        tap.section(tamper, world)
        tap.section(alive, world, operate)
        tap.section(heads, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
