#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures for Prometheus: on loopback alone, documented one by one, true, and
in the form that promtool accepts; alert rules and dashboard use no others.

promtool is in Debian's package prometheus; without it its checks are skipped.
"""
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time

import harness
from harness import World, free_port

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MONITORING = os.path.join(TOP, "packaging", "monitoring")
FIGURE = re.compile(r"\b(?:voltseal|process)_[a-z_]+")
SUFFIX = re.compile(r"_(?:bucket|sum|count)$")


def ask(world, path="/metrics", method="GET"):
    """(code, type, text) of the listener for figures."""
    c = http.client.HTTPConnection("127.0.0.1", world.metrics_port,
                                   timeout=10)
    try:
        c.request(method, path)
        answer = c.getresponse()
        return (answer.status, answer.headers["Content-Type"],
                answer.read().decode())
    finally:
        c.close()


def figures(world):
    """{name with labels: value}."""
    out = {}
    for line in ask(world)[2].splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name not in out, f"{name} is there twice"
            out[name] = float(value)
    return out


def read(*parts):
    """A file of the source."""
    with open(os.path.join(TOP, *parts), encoding="utf-8") as f:
        return f.read()


def loopback(tap, world):
    """It listens on loopback, and only if it is told to"""
    for address in ("0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464",
                    "[2001:db8::1]:9464", "128.0.0.1:9464"):
        path = world.configure(world.path("m.conf"), metrics_listen=address)
        done = world.run("check-config", "--config", path, expect=None)
        tap.check(done.returncode == 2 and done.stderr.strip().endswith(
            f'metrics_listen: "{address}" is not on loopback'),
            f"{address} is refused", done)
    for address in ("127.0.0.1:9464", "127.9.9.9:1", "[::1]:9464"):
        path = world.configure(world.path("m.conf"), metrics_listen=address)
        world.run("check-config", "--config", path)
        tap.check(True, f"{address} is taken")
    path = world.configure(world.path("m.conf"), metrics_listen="localhost")
    tap.equal(world.run("check-config", "--config", path,
                        expect=None).returncode, 2, "a name is none")
    code, kind, text = ask(world)
    tap.check(code == 200 and kind.startswith("text/plain; version=0.0.4"),
              "GET /metrics is answered", (code, kind))
    tap.equal([ask(world, "/")[0], ask(world, "/metrics", "POST")[0],
               ask(world, "/v1/whoami")[0]], [404] * 3, "nothing else is")
    known = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
    tap.check(len(known) == len(set(known)) > 20, f"{len(known)} families")


def documented(tap, world):
    """Documentation, alerts and dashboard know the same figures"""
    text = ask(world)[2]
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    page = read("docs", "operations", "monitoring.md")
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \| ", page, re.MULTILINE))
    tap.equal(rows, types, "each is in the table of monitoring.md, and no "
              "other")
    labels = {n: set(re.findall(r"`(\w+)`", cell)) for n, cell in re.findall(
        r"^\| `(\w+)` \| \w+ \| ([^|]*)\|", page, re.MULTILINE)}
    said = {}
    for line in text.splitlines():
        name = SUFFIX.sub("", re.match(r"[\w]*", line).group())
        if name in types:
            said.setdefault(name, set()).update(
                set(re.findall(r'(\w+)="', line)) - {"le"})
    wrong = {n: (labels.get(n), v) for n, v in said.items()
             if labels.get(n) != v}
    tap.equal(wrong, {}, "with its labels")
    for name in ("voltseal.rules.yml", "voltseal.grafana.json"):
        used = {SUFFIX.sub("", n) for n in FIGURE.findall(
            read("packaging", "monitoring", name))}
        tap.equal(used - set(types), set(), f"{name} asks for no other")
        tap.check(len(used) > 8, f"{name} asks for {len(used)}")
    board = json.loads(read("packaging", "monitoring",
                            "voltseal.grafana.json"))
    tap.check(all(p["targets"] for p in board["panels"]) and
              len({p["id"] for p in board["panels"]}) == len(board["panels"]),
              "the dashboard is JSON with a question in each panel")
    alerts = re.findall(r"- alert: (\w+)",
                        read("packaging", "monitoring", "voltseal.rules.yml"))
    tap.equal(re.findall(r"^\| `(Voltseal\w+)` \|", page, re.MULTILINE),
              alerts, "each alert says what to do about it")


def true(tap, world):
    """Figures are what happened"""
    before = figures(world)

    def more(name):
        return now.get(name, 0) - before.get(name, 0)
    otto = world.people["otto"]
    chargers = world.fleet(1, 2, 3)
    assert chargers[0].client.get("/director/timestamp.json").code == 200
    assert chargers[0].client.get("/director/timestamp.json").code == 200
    assert chargers[1].report(healthy=False).code == 200
    assert chargers[2].report(fellBack=True,
                              fallbackReason="boot-failed").code == 200
    assert chargers[2].send(b"{}").code == 400
    registered = world.charger(4, "north")
    assert otto.post("/v1/devices", registered.registration()).code == 201
    stranger = world.charger(9, "north")
    assert stranger.client.get("/director/timestamp.json").code == 401
    assert world.person("vs_" + "0" * 64).get("/v1/whoami").code == 401
    assert otto.get("/v1/nothing").code == 404
    assert otto.get("/v1/releases/none").code == 404
    world.room.release("1.1.0", 2)
    world.upload()
    world.publish(world.room.files())
    number = world.campaign("1.1.0", filter={"ids": ["CP-0001", "CP-0002"]})
    now = figures(world)
    polls = 'voltseal_polls_total{answer="%s"}'
    tap.equal((more(polls % "made"), more(polls % "memory")), (1, 1),
              "polls, from memory and made")
    route = 'voltseal_requests_total{listener="devices",method="POST",' \
        'route="/report",code="%s"}'
    tap.equal((more(route % "2xx"), more(route % "4xx")), (5, 1), "reports")
    tap.equal(more('voltseal_requests_total{listener="people",method="GET",'
                   'route="/v1/releases/*",code="4xx"}'), 1, "a 404")
    tap.equal(more('voltseal_requests_total{listener="people",method="",'
                   'route="",code="4xx"}'), 2,
              "no such path, and a token of nobody's")
    tap.equal([more(n) for n in ("voltseal_credentials_rejected_total",
                                 "voltseal_certificates_rejected_total")],
              [1, 1], "wrong credentials and certificates")
    tap.equal([now["voltseal_devices" + n] for n in (
        "", "_silent", "_unhealthy", "_fallen_back", "_report_refused")],
        [4, 1, 1, 1, 1], "chargers")
    tap.check(3 <= now["voltseal_devices_online"] <= 4, "online")
    tap.equal((now['voltseal_releases{stage="general"}'],
               now['voltseal_campaigns{state="running"}']), (1, 1),
              "releases and campaigns")
    tap.equal(now[f'voltseal_campaign_members{{campaign="{number}",'
                  'state="waiting"}'] + now.get(
        f'voltseal_campaign_members{{campaign="{number}",state="started"}}',
        0), 2, "and its chargers")
    world.people["otto"].post(f"/v1/campaigns/{number}/abort")
    now = figures(world)
    tap.check(not [n for n in now if n.startswith("voltseal_campaign_mem")],
              "one that is over is not counted")
    tap.equal(now["voltseal_audit_records_total"],
              float(world.audit()[-1]["seq"]), "the audit log's records")
    for name in ("voltseal_commit_duration_seconds",
                 'voltseal_request_duration_seconds{listener="devices"}'):
        base, _, label = name.partition("{")
        label = label.rstrip("}")
        buckets = [v for n, v in now.items()
                   if n.startswith(base + "_bucket") and label in n]
        tap.check(buckets == sorted(buckets) and buckets[-1] == now[
            base + "_count" + ("{" + label + "}" if label else "")] > 0,
            f"{base} adds up", buckets)
    tap.check(now["voltseal_commit_jobs_total"] >=
              now["voltseal_commits_total"] > 5 and
              now["voltseal_commit_failures_total"] == 0, "commits")
    tap.check(now["process_resident_memory_bytes"] > 1e6 and
              now["process_cpu_seconds_total"] > 0 and
              now["process_open_fds"] > 5 and
              now["voltseal_store_bytes"] > 4096, "the process")
    opened = now['voltseal_connections{listener="people"}']
    tap.check(0 <= opened < 5, "connections are counted down too", opened)
    secrets = [c.token for c in world.people.values()] + ["CP-00", "otto"]
    text = ask(world)[2]
    tap.equal([s for s in secrets if s in text], [],
              "no charger, no person, no secret")


def untouched(tap, world):
    """A poll reads memory and writes nothing"""
    chargers = world.fleet(11, 12, 13, site="polls")
    hour = (time.gmtime().tm_hour + 6) % 24
    number = world.campaign(
        "1.1.0", filter={"sites": ["polls"]},
        window={"start": f"{hour:02}:00", "end": f"{hour:02}:30"})

    def polls():
        for c in chargers:
            assert c.client.get("/director/timestamp.json").code == 200

    def disk():
        return {name: (os.stat(name).st_size, os.stat(name).st_mtime_ns)
                for folder, _, names in os.walk(world.path("data"))
                for name in (os.path.join(folder, n) for n in names)}
    polls()
    assert world.wait(lambda: "window" in world.shown(number)["because"])
    before, files = figures(world), disk()
    for _ in range(100):
        polls()
    after = figures(world)
    name = 'voltseal_polls_total{answer="memory"}'
    tap.equal(after[name] - before[name], 300, "300, from memory")
    tap.equal(after["voltseal_audit_records_total"],
              before["voltseal_audit_records_total"], "without a record")
    tap.equal(disk(), files, "no file of the server has changed")
    assert chargers[0].report().code == 200
    tap.check(disk() != files and figures(world)["voltseal_commits_total"] >
              after["voltseal_commits_total"], "(a report does change one)")
    world.people["otto"].post(f"/v1/campaigns/{number}/abort")


def outside(tap, world):
    """promtool accepts figures and alert rules"""
    promtool = shutil.which("promtool")
    rules = os.path.join(MONITORING, "voltseal.rules.yml")
    if not promtool:
        tap.skip("promtool check", "promtool is not installed")
        return
    done = subprocess.run([promtool, "check", "metrics"], check=False,
                          input=ask(world)[2], capture_output=True, text=True)
    tap.check(done.returncode == 0 and not done.stderr.strip(),
              "promtool check metrics", done)
    done = subprocess.run([promtool, "check", "rules", rules], check=False,
                          capture_output=True, text=True)
    tap.check(done.returncode == 0, "promtool check rules", done)


def run(tap, program, folder):
    """All of it over one server."""
    port = free_port()
    world = World(program, folder, metrics_listen=f"127.0.0.1:{port}")
    world.metrics_port = port
    world.add_people()
    try:
        world.start()
        for section in (loopback, true, untouched, documented, outside):
            tap.section(section, world)
        world.stop()
        world.configure(world.conf, metrics_listen="")
        world.start()
        tap.check("metrics on port" not in world.said().split(
            "stopped")[-1], "without metrics_listen there is none")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
