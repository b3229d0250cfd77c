#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GET /v1/events: records of the audit log as they come, nothing twice and
nothing left out over broken connections and power cuts, each person's own."""
import json
import os
import socket
import subprocess
import sys
import time

import harness
from harness import World


class Stream:
    """A reader of server-sent events."""

    def __init__(self, world, client, path="/v1/events", **headers):
        plain = socket.create_connection(("127.0.0.1", world.ports[1]), 20)
        self.socket = client.context.wrap_socket(
            plain, server_hostname="127.0.0.1")
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{k}: {v}" for k, v in client.headers(headers).items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer = b""
        head = self.until(b"\r\n\r\n")
        self.code = int(head.split(b" ", 2)[1])
        self.kind = head.lower().partition(b"content-type: ")[2].split(
            b"\r\n")[0].decode()
        self.text = b""

    def until(self, end):
        """Bytes up to and without end."""
        while end not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more
        out, _, self.buffer = self.buffer.partition(end)
        return out

    def chunk(self):
        """One chunk of the body; b"" at its end."""
        size = int(self.until(b"\r\n"), 16)
        data = self.until(b"\r\n") if size == 0 else None
        if size == 0:
            return b""
        while len(self.buffer) < size + 2:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more
        data, self.buffer = self.buffer[:size], self.buffer[size + 2:]
        return data

    def event(self, seconds=20):
        """The next event as a dict, or None at the end; comments too."""
        self.socket.settimeout(seconds)
        while b"\n\n" not in self.text:
            data = self.chunk()
            if not data:
                return None
            self.text += data
        one, _, self.text = self.text.partition(b"\n\n")
        return dict(line.split(": ", 1)
                    for line in one.decode().splitlines())

    def records(self, count, seconds=20):
        """The next records of the log."""
        out, end = [], time.monotonic() + seconds
        while len(out) < count and time.monotonic() < end:
            e = self.event(seconds)
            if e is None:
                break
            if "id" in e and e["event"] != "reset":
                r = json.loads(e["data"])
                assert int(e["id"]) == r["seq"] and e["event"] == r["action"]
                out.append(r)
        return out

    def close(self):
        """Hangs up."""
        self.socket.close()


def follow(tap, world):
    """Records come as they are written, to who reads the log"""
    # S0.29
    s = Stream(world, world.people["aude"])
    tap.equal((s.code, s.kind, s.event()), (200, "text/event-stream",
                                            {"retry": "3000"}), "a stream")
    began = time.monotonic()
    assert world.people["otto"].post("/v1/devices", world.charger(
        20, "north").registration()).code == 201
    got = s.records(1)
    tap.check(got[0]["action"] == "device-registered" and
              got[0]["subject"] == "CP-0020" and
              time.monotonic() - began < 5, "soon after it happens", got)
    world.chargers["CP-0020"].report(status="Downloading")
    tap.equal(s.records(1)[0]["action"], "status", "and the next")
    tap.equal(got[0], [r for r in world.audit()
                       if r["seq"] == got[0]["seq"]][0], "as the log has it")
    s.close()


def resume(tap, world):
    """Who was away goes on where he was: nothing twice, nothing left out"""
    log = world.audit()
    for way in ("header", "query"):
        got, after = [], 0
        while len(got) < len(log) and (after or not got):
            s = Stream(world, world.people["aude"],
                       "/v1/events" + (f"?after={after}" if way == "query"
                                       else ""),
                       **({"Last-Event-ID": str(after)} if way == "header"
                          else {}))
            assert s.code == 200, s.buffer
            part = s.records(min(7, len(log) - len(got)))
            s.close()
            if way == "header" and len(got) == 14:
                world.power_cut()
            got += part
            after = part and part[-1]["seq"]
        tap.equal([r["seq"] for r in got], [r["seq"] for r in log],
                  f"all {len(log)} by {way}, seven at a time")
    s = Stream(world, world.people["aude"], **{"Last-Event-ID": "999999"})
    s.event()
    e = s.event()
    tap.check(e["event"] == "reset" and json.loads(e["data"]) == {
        "last": world.audit()[-1]["seq"]},
        "who knows more than the log is told to start over", e)
    s.close()
    tap.equal([Stream(world, world.people["aude"],
                      **{"Last-Event-ID": x}).code
               for x in ("x", "-1", "1" * 16)] +
              [Stream(world, world.people["aude"], "/v1/events?after=x").code],
              [400] * 4, "what is no number is refused")


def seen(tap, world):
    """Each sees what he may see"""
    log = world.audit()
    mine = {name: Stream(world, world.people[name], "/v1/events?after=0")
            for name in ("vera", "aude", "nora")}
    otto = world.people["otto"]
    mark = world.charger(29, "south")
    assert otto.post("/v1/devices", mark.registration()).code == 201
    last = world.audit()[-1]
    got = {}
    for name, s in mine.items():
        got[name] = []
        while not got[name] or got[name][-1]["seq"] != last["seq"]:
            part = s.records(1)
            if not part:
                break
            got[name] += part
        s.close()
    tap.equal(len(got["aude"]), last["seq"], "an auditor sees all")
    actions = {r["action"] for r in got["vera"]}
    tap.check("device-registered" in actions and "campaign-created" in actions
              and not actions & {"token-added", "person-added",
                                 "artifact-uploaded", "denied"},
              "a viewer sees chargers and campaigns, no credentials", actions)
    tap.equal(len(got["vera"]), len([r for r in log + [last] if r["action"]
                                     in actions]), "all of these")
    foreign = [r for r in got["nora"] if r["actor"] != "nora" and
               r["subject"] not in ("CP-0002", "CP-0029")]
    tap.check(not foreign and {r["subject"] for r in got["nora"]} >=
              {"CP-0002", "CP-0029"}, "one of the south sees the south",
              foreign[:3])
    tap.equal([world.person("vs_" + "0" * 64).get("/v1/events").code,
               world.people["otto"].post("/v1/events").code], [401, 405],
              "nobody else, and in no other way")


def progress(tap, world):
    """A campaign's counters come when they change"""
    s = Stream(world, world.people["vera"])
    number = world.campaign("1.1.0", name="live",
                            filter={"ids": ["CP-0001"]})
    states, odd, end = [], 0, time.monotonic() + 10
    while time.monotonic() < end and "running" not in states:
        e = s.event()
        if e and e.get("event") == "progress":
            data = json.loads(e["data"])
            if data["id"] == number:
                states.append(data["state"])
                odd += "id" in e or data["progress"]["members"] != 1
    tap.check("running" in states and not odd, "until it runs, with its "
              "counters", states)
    s.close()
    world.people["otto"].post(f"/v1/campaigns/{number}/abort")


def ends(tap, world):
    """A stream ends with its credentials, and with the server"""
    token = world.people["vera"].post("/v1/tokens", {
        "label": "stream", "days": 1}).json()
    world.people["stream"] = client = world.person(token["token"])
    s = Stream(world, client)
    s.event()
    assert world.people["vera"].ask(
        "DELETE", "/v1/tokens/" + token["id"]).code == 200
    began, e = time.monotonic(), {}
    while e is not None and time.monotonic() - began < 25:
        e = s.event(25)
    tap.check(e is None and time.monotonic() - began < 25,
              "a token that was taken back ends it within a beat")
    s = Stream(world, world.people["vera"])
    s.event()
    began = time.monotonic()
    tap.equal(world.stop(), 0, "the server stops while somebody listens")
    tap.check(time.monotonic() - began < 5, "and does not wait for him")
    try:
        while s.event(5) is not None:
            pass
        tap.check(True, "his stream has an end")
    except (EOFError, OSError):
        tap.check(False, "his stream has an end")
    world.start()


def limits(tap, world):
    """So many streams at once; who does not read costs a page"""
    streams = [Stream(world, world.people["vera"]) for _ in range(3)]
    tap.equal([s.code for s in streams], [200] * 3, "three are allowed")
    answer = world.people["vera"].get("/v1/events")
    tap.check(answer.code == 503 and answer.headers["Retry-After"],
              "the fourth is told when to come again", answer)
    tap.equal(world.people["vera"].get("/v1/whoami").code, 200,
              "others are served")
    for s in streams:
        s.close()
    tap.check(world.wait(lambda: Stream(
        world, world.people["vera"]).code == 200, 5),
        "places are free again when they hang up")


def command(tap, world, voltseal):
    """voltseal events follows, over a restart, until what it waits for"""
    token = world.write(world.people["otto"].token.encode(), "otto.token")
    os.chmod(token, 0o600)

    def follow_on(*args):
        return subprocess.Popen(
            [voltseal, "events", *args, "--server",
             f"https://127.0.0.1:{world.ports[1]}", "--ca",
             world.server_ca.certificate, "--token-file", token],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = world.audit()
    number = str(len(world.people["vera"].get("/v1/campaigns").json()) + 1)
    p = follow_on("--after", "0", "--until", "campaign-aborted", "--json",
                  "--subject", number)
    q = follow_on("--after", "0", "--fail", "campaign-abo*", "--action",
                  "campaign-*")
    lines = [q.stdout.readline() for r in log
             if r["action"].startswith("campaign-")]
    tap.check(lines and all(" campaign-" in line for line in lines),
              "what was is told first", lines[:3])
    # the first two were aborted before
    tap.equal(q.wait(20), 1, "--fail ends it with exit status 1")
    p2 = follow_on("--until", "campaign-aborted", "--subject", number)
    time.sleep(1)
    world.stop()
    world.start()
    world.campaign("1.1.0", name="watched", filter={"ids": ["CP-0001"]})
    world.people["otto"].post(f"/v1/campaigns/{number}/abort")
    try:
        out, err = p.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
    got = [json.loads(line)["action"] for line in out.splitlines()]
    tap.check(p.returncode == 0 and not err and got == [
        "campaign-created", "campaign-approved", "campaign-started",
        "campaign-aborted"], "over a restart, each once, until the end",
        (out, err))
    p2.kill()
    p2.communicate()
    for args in (["--after", "x"], ["more"]):
        r = follow_on(*args)
        r.communicate()
        tap.equal(r.returncode, 2, f"events {args[0]} is a wrong line")
    world.stop()
    r = follow_on()
    err = r.communicate()[1]
    tap.check(r.returncode == 3 and err.count("\n") == 1,
              "no server: exit 3 and one line", err)
    world.start()


def run(tap, program, voltseal, folder):
    """All of it over one server."""
    world = World(program, folder, event_streams=3, person_rate=1000)
    world.add_people()
    token = world.run("user", "add", "nora", "--role", "auditor", "--scope",
                      "site=south", "--config", world.conf).strip()
    try:
        world.start()
        world.people["nora"] = world.person(token)
        world.room.release("1.1.0", 2)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        world.fleet(1)
        world.fleet(2, site="south")
        world.people["vera"].post("/v1/tokens", {"label": "x"})
        world.campaign("1.1.0", start=False)
        for section in (follow, resume, seen, progress, ends, limits):
            tap.section(section, world)
        tap.section(command, world, voltseal)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
