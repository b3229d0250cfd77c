#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/api/openapi.yaml: served as it is, whole in itself, and every example
in it replayed against the server, whose answers fit what it says."""
import hashlib
import os
import re
import sys

import harness
import yamlread
from harness import World
from session_test import enrol, totp

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PATH = os.path.join(TOP, "docs", "api", "openapi.yaml")
METHODS = ("get", "put", "post", "delete")
KINDS = {"object": dict, "array": list, "string": str, "integer": int,
         "boolean": bool}


class Description:
    """The document, with its references followed."""

    def __init__(self, text):
        self.doc = yamlread.load(text)

    def follow(self, node):
        """What a $ref stands for."""
        while isinstance(node, dict) and "$ref" in node:
            at = self.doc
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            node = at
        return node

    def operations(self):
        """(method, path, operation) of each."""
        for path, item in self.doc["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method.upper(), path, item[method]

    def references(self, node=None):
        """Every $ref."""
        node = self.doc if node is None else node
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for v in node.values():
                yield from self.references(v if v is not None else {})
        elif isinstance(node, list):
            for v in node:
                yield from self.references(v)

    def wrong(self, value, schema, where="", strict=True):
        """Why a value does not fit a schema, a line each."""
        schema = self.follow(schema) or {}
        for part in schema.get("allOf", []):
            yield from self.wrong(value, part, where)
        fits = [not list(self.wrong(value, part, where))
                for part in schema.get("oneOf", [True])
                if part is not True]
        if fits and fits.count(True) != 1:
            yield f"{where}: fits {fits.count(True)} of {len(fits)}"
        kind = schema.get("type")
        if kind and (not isinstance(value, KINDS[kind]) or
                     (kind == "integer" and isinstance(value, bool))):
            yield f"{where}: {value!r} is no {kind}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is none of {schema['enum']}"
        if "pattern" in schema and not re.search(schema["pattern"],
                                                 str(value)):
            yield f"{where}: {value!r} is not {schema['pattern']}"
        if isinstance(value, int) and (
                value < schema.get("minimum", value) or
                value > schema.get("maximum", value)):
            yield f"{where}: {value} is out of bounds"
        if isinstance(value, list):
            for i, v in enumerate(value):
                yield from self.wrong(v, schema.get("items", {}),
                                      f"{where}[{i}]")
        if isinstance(value, dict):
            members = schema.get("properties", {})
            yield from (f"{where}: no {n}" for n in schema.get("required", [])
                        if n not in value)
            for n, v in value.items():
                if n in members:
                    yield from self.wrong(v, members[n], f"{where}.{n}")
                elif schema.get("additionalProperties") is False:
                    yield f"{where}: {n} is not known"


def whole(tap, world, d):
    """It is OpenAPI that is whole in itself"""
    tap.check(d.doc["openapi"] == "3.1.0" and d.doc["info"]["version"],
              "OpenAPI 3.1")
    broken = []
    for ref in set(d.references()):
        try:
            d.follow({"$ref": ref})
        except (KeyError, TypeError):
            broken.append(ref)
    tap.equal(broken, [], "each reference leads somewhere")
    used = set(d.references())
    idle = [f"#/components/{kind}/{n}" for kind in
            ("parameters", "responses", "schemas", "requestBodies")
            for n in d.doc["components"].get(kind, {})
            if f"#/components/{kind}/{n}" not in used]
    tap.equal(idle, [], "each component is used")
    bad = [(m, p) for m, p, o in d.operations()
           if not o.get("summary") or not o.get("responses")]
    tap.equal(bad, [], "each operation has a summary and answers")
    bad = []
    for m, p, o in d.operations():
        said = {d.follow(x)["name"] for x in o.get("parameters", [])
                if d.follow(x)["in"] == "path"}
        if said != set(re.findall(r"\{(\w+)\}", p)):
            bad.append((m, p, said))
    tap.equal(bad, [], "each part of a path is described")
    del world


def served(tap, world, d):
    """The server hands it out as it is"""
    answer = world.person(None).get("/v1/openapi.yaml")
    with open(PATH, "rb") as f:
        tap.check(answer.code == 200 and answer.body == f.read() and
                  answer.headers["Content-Type"] == "application/yaml",
                  "to whoever asks", answer)
    del d


def examples(d):
    """(method, path, code or None, media): each media type with an example,
    of a request's body or of an answer."""
    for m, p, o in d.operations():
        body = d.follow(o.get("requestBody", {}))
        for media in body.get("content", {}).values():
            if "example" in media:
                yield m, p, None, media
        for code, answer in o["responses"].items():
            for media in (d.follow(answer).get("content") or {}).values():
                if "example" in media:
                    yield m, p, code, media


def given(node):
    """Whatever in the document has an example."""
    if isinstance(node, dict):
        if {"example", "examples"} & set(node):
            yield node
        for v in node.values():
            yield from given(v)
    elif isinstance(node, list):
        for v in node:
            yield from given(v)


def complete(tap, world, d):
    """Each body has an example, and there is none that is not replayed"""
    media = [m for _, _, _, m in examples(d)]
    idle = [n for n in given(d.doc) if not any(n is m for m in media)]
    tap.equal(idle, [], "each is of a body or of an answer")
    without = []
    for m, p, o in d.operations():
        body = d.follow(o.get("requestBody", {})).get("content", {})
        if "application/json" in body and \
                "example" not in body["application/json"]:
            without.append((m, p))
    tap.equal(without, [], "each request with a body has one")
    del world


class Stage:
    """What each example finds when it is replayed."""

    def __init__(self, world):
        self.world = world
        self.seq = 3
        self.uri = enrol(world, "olga", "correct horse battery")[1]

    def body(self, path, example):
        """An example with what only a CA, a signing room or a clock makes."""
        world, out = self.world, dict(example)
        if path == "/v1/session":
            out["code"] = totp(self.uri)
        elif path == "/v1/repository":
            assert set(out) == {"files"}
            self.seq += 1
            world.room.release(f"1.{self.seq}.0", self.seq)
            world.upload()
            out["files"] = {n: f.decode()
                            for n, f in world.room.files().items()}
        elif "certificate" in out:
            new = path == "/v1/devices"
            name = out["id"] if new else "CP-0002"
            key = world.chargers["CP-0001"].key
            pem = world.path("identities", "example.pem")
            world.device_ca.issue("/CN=" + name, key.path, pem)
            with open(pem, encoding="utf-8") as f:
                out["certificate"] = f.read()
        return out

    def release(self, asked=False):
        """A release in the lab, or one that is asked to be general."""
        self.seq += 1
        name = f"1.{self.seq}.0"
        self.world.room.release(name, self.seq)
        self.world.upload()
        assert self.world.publish(self.world.room.files()).code == 200
        for to in ("pilot", "general") if asked else ():
            answer = self.world.people["otto"].post(
                f"/v1/releases/{name}/promote", {"to": to, "evidence": [
                    {"kind": "x", "sha256": hashlib.sha256(b"").hexdigest()}]})
            assert answer.code == 200, answer
        return name

    def campaign(self, **plan):
        """A campaign that nobody has approved."""
        return self.world.campaign("1.1.0", start=False, **plan)

    def path(self, path):
        """A path with what its parts stand for."""
        if path.startswith("/v1/releases/{id}/"):
            name = self.release(path.endswith(("/approve", "/reject")))
        elif path.startswith("/v1/campaigns/{id}"):
            name = self.campaign(filter={"ids": ["CP-0001"]})
            if path.endswith("/send-back"):
                for who, word in (("anna", "approve"), ("otto", "start")):
                    assert self.world.people[who].post(
                        f"/v1/campaigns/{name}/{word}").code == 200
                assert self.world.chargers["CP-0001"].told()
        elif path.startswith("/v1/devices/{id}"):
            name = "CP-0002"
        else:
            name = "0"
        return path.replace("{id}", name)


def replayed(tap, world, d):
    """Every example is replayed"""
    stage = Stage(world)
    count = 0
    for method, path, code, media in examples(d):
        example, schema = media["example"], media.get("schema", {})
        what = f"{method} {path}" + (f" {code}" if code else "")
        tap.equal(list(d.wrong(example, schema)), [],
                  f"{what}: its example fits its schema")
        count += 1
        operation = d.doc["paths"][path][method.lower()]
        declared = {int(c) for c in operation["responses"]}
        # who may do it is the matrix's business: one of them may
        for who in ("otto", "anna", "adam"):
            if code:
                answer = world.people[who].get(stage.path(path))
                if answer.code == int(code) and answer.json() == example:
                    break
            else:
                client = world.people[who] if path != "/v1/session" else \
                    world.person(None)
                answer = client.ask(method, stage.path(path),
                                    stage.body(path, example))
                if 200 <= answer.code < 300:
                    break
        good = answer.code in declared and (
            answer.json() == example if code else answer.code < 300)
        tap.check(good, f"{what}: is answered as it says", answer)
        if not good or code:
            continue
        said = d.follow(operation["responses"][str(answer.code)])
        for media in (said.get("content") or {}).values():
            tap.equal(list(d.wrong(answer.json(), media["schema"])), [],
                      f"{what}: the answer fits its schema")
    tap.check(count >= 15, f"{count} examples")


def lists(tap, world, d):
    """What is read fits what is described"""
    number = world.campaign("1.1.0", filter={"ids": ["CP-0001"]})
    ids = {"campaigns": number, "devices": "CP-0001", "releases": "1.1.0",
           "artifacts": hashlib.sha256(b"").hexdigest(), "running": "0" * 64}
    for method, path, o in d.operations():
        if method != "GET" or path in ("/v1/events", "/v1/session", "/log/{name}",
                                       "/v1/openapi.yaml"):
            continue
        known = [v for k, v in ids.items() if f"/{k}/" in path]
        if "{name}" in path or ("{id}" in path and not known):
            continue  # of what there is none here
        path = path.replace("{id}", "".join(known))
        answer = world.people["adam"].get(path)
        media = (d.follow(o["responses"]["200"]).get("content") or {}).get(
            "application/json")
        if tap.equal(answer.code, 200, path) and media:
            tap.equal(list(d.wrong(answer.json(), media["schema"]))[:5], [],
                      f"{path}: the answer fits its schema")


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder, release_stage="lab", person_rate=1000)
    world.add_people()
    with open(PATH, encoding="utf-8") as f:
        d = Description(f.read())
    try:
        world.start()
        world.room.release("1.1.0", 2)
        world.room.release("1.1.0-again", 3)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        assert world.people["otto"].put("/v1/artifacts/" + hashlib.sha256(
            b"").hexdigest(), b"").code == 201
        world.fleet(1, 2, tags=["lab"])
        world.fleet(3, site="12", model="ac22")
        for section in (whole, served, complete, replayed, lists):
            tap.section(section, world, d)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
