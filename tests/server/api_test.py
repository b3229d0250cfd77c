#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the API behaves as such: pages, keys that make a POST count once, tags
that keep two people from deciding past each other."""
import sys
import threading

import harness
from harness import World


def walk(client, path):
    """All pages of a list, by their Link headers."""
    out = []
    while path:
        answer = client.get(path)
        assert answer.code == 200, answer
        out.append(answer.json())
        link = answer.headers.get("Link")
        path = link and link[1:link.index(">")]
        assert not link or link.endswith('; rel="next"'), link
    return out


def pages(tap, world):
    """Lists come in pages that miss nothing and tell nothing twice"""
    vera = world.people["vera"]
    whole = [d["id"] for d in vera.get("/v1/devices").json()]
    for limit in (1, 2, 3, 5, 6, 1000):
        got = walk(vera, f"/v1/devices?limit={limit}")
        tap.check([d["id"] for page in got for d in page] == whole and
                  all(len(p) == limit for p in got[:-1]) and
                  0 < len(got[-1]) <= limit,
                  f"chargers by {limit}", [len(p) for p in got])
    first = vera.get("/v1/devices?limit=2")
    world.fleet(90)
    rest = walk(vera, first.headers["Link"][1:].split(">")[0])
    tap.equal([d["id"] for d in first.json()] +
              [d["id"] for p in rest for d in p], whole + ["CP-0090"],
              "one that came meanwhile is on the last page")
    for path in ("campaigns", "releases"):
        got = walk(vera, f"/v1/{path}?limit=1")
        flat = [x for page in got for x in page]
        tap.check(flat == vera.get(f"/v1/{path}").json() and len(got) == 2,
                  f"{path} one by one", got)
    token = world.run("user", "add", "nora", "--role", "viewer", "--scope",
                      "site=south", "--config", world.conf).strip()
    world.people["nora"] = nora = world.person(token)
    got = walk(nora, "/v1/devices?limit=1")
    tap.equal([d["id"] for p in got for d in p], ["CP-0011", "CP-0012"],
              "pages hold what one may see")
    for query in ("after=CP-9999", "after=", "limit=x", "after=../x"):
        tap.equal(vera.get("/v1/devices?" + query).code, 400, query)
    tap.equal(nora.get("/v1/devices?after=CP-0001").code, 400,
              "another's is no place to go on from")


def keyed(client, path, body, key):
    """A POST with a key."""
    return client.ask("POST", path, body, {"Idempotency-Key": key})


def keys(tap, world):
    """A POST with a key counts once"""
    otto, olga = world.people["otto"], world.people["olga"]
    plan = {"name": "once", "release": "1.1.0", "waves": [{"percent": 100}]}

    def count():
        return len(otto.get("/v1/campaigns").json())
    before = count()
    first = keyed(otto, "/v1/campaigns", plan, "k-1")
    again = keyed(otto, "/v1/campaigns", plan, "k-1")
    tap.check(first.code == again.code == 201 and first.body == again.body and
              "Idempotency-Replayed" not in first.headers and
              again.headers["Idempotency-Replayed"] == "true" and
              count() == before + 1, "the second gets the first's answer",
              (first, again))
    world.power_cut()
    tap.check(keyed(otto, "/v1/campaigns", plan, "k-1").body == first.body and
              count() == before + 1, "also after a power cut")
    other = keyed(otto, "/v1/campaigns", {**plan, "name": "two"}, "k-1")
    tap.check(other.code == 422 and other.reason == "conflict",
              "another request with the key is refused", other)
    tap.equal(keyed(otto, "/v1/campaigns/1/pause", b"", "k-1").code, 422,
              "also on another path")
    tap.equal(keyed(olga, "/v1/campaigns", plan, "k-1").code, 201,
              "another's key is another key")
    bad = [keyed(otto, "/v1/campaigns", {}, "k-2") for _ in range(2)]
    tap.check([a.code for a in bad] == [400, 400] and
              bad[1].headers["Idempotency-Replayed"] == "true" and
              bad[1].headers["Content-Type"] == "application/problem+json",
              "a refusal is an answer too", bad)
    tap.equal([keyed(otto, "/v1/campaigns", plan, k).code
               for k in ("a b", "x" * 65, "../x")], [400] * 3,
              "a key is a name")
    together(tap, otto, plan, count)
    with world.reader() as db:
        db.execute("UPDATE once SET code = 0 WHERE name = 'k-1'")
    lost = keyed(otto, "/v1/campaigns", plan, "k-1")
    tap.check(lost.code == 409 and lost.reason == "conflict",
              "where the end is not known nothing is done again", lost)
    with world.reader() as db:
        db.execute("UPDATE once SET created_s = created_s - 86401")
    tap.equal(keyed(otto, "/v1/campaigns", {**plan, "name": "three"},
                    "k-1").code, 201, "a day later the key is free")
    made = keyed(otto, "/v1/tokens", {"label": "t"}, "k-9").json()
    with world.reader() as db:
        kept = db.execute("SELECT * FROM once WHERE name = 'k-9'").fetchall()
    tap.check(made["token"] and not kept,
              "an answer that holds a secret is not kept")


def together(tap, client, plan, count):
    """Eight at once with one key make one campaign."""
    before, codes = count(), []
    plan = {**plan, "name": "eight"}

    def ask():
        codes.append(keyed(client, "/v1/campaigns", plan, "k-8").code)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tap.check(count() == before + 1 and set(codes) <= {201, 409} and
              201 in codes, "eight at once: one campaign", codes)


def tags(tap, world):
    """Who decides says what he has seen"""
    otto, anna = world.people["otto"], world.people["anna"]
    made = otto.post("/v1/campaigns", {
        "name": "tags", "release": "1.1.0", "waves": [{"percent": 100}]})
    path = f"/v1/campaigns/{made.json()['id']}"
    seen = otto.get(path).headers["ETag"]
    tap.check(seen == made.headers["ETag"] and seen == otto.get(path).headers[
        "ETag"] and len(seen) == 34 and seen[0] == seen[-1] == '"',
        "a campaign has a tag", seen)

    def move(who, word, tag):
        return who.ask("POST", f"{path}/{word}", b"", {"If-Match": tag})
    answer = move(anna, "approve", '"' + "0" * 32 + '"')
    tap.check(answer.code == 412 and answer.reason == "conflict",
              "with another tag nothing is decided", answer)
    answer = move(anna, "approve", seen)
    tap.check(answer.code == 200 and answer.headers["ETag"] != seen,
              "with the right one it is, and the tag is another", answer)
    tap.equal(move(otto, "start", seen).code, 412, "the old one is over")
    tap.equal(otto.get(path).json()["state"], "approved", "(not started)")
    tap.equal(move(otto, "start", '"x", ' + answer.headers["ETag"]).code, 200,
              "one of several")
    tap.equal([move(otto, "pause", "*").code, otto.post(
        f"{path}/resume").code], [200, 200], "any, or none at all")
    tap.equal(move(otto, "abort", "W/" + seen).code, 412, "a weak old one")


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder)
    world.add_people()
    try:
        world.start()
        world.fleet(1, 2, 3)
        world.fleet(11, 12, site="south")
        for name, seq in (("1.1.0", 2), ("1.2.0", 3)):
            world.room.release(name, seq)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        for name in ("one", "two"):
            world.campaign("1.1.0", name, start=False)
        for section in (pages, keys, tags):
            tap.section(section, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
