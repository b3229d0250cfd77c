#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The online keys on a PKCS#11 token: made there, signing there, and missed
with a clear word when the token is gone."""
import json
import os
import subprocess
import sys

import harness
from chargers import canonical, verified
from harness import World

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
NAMES = ("director", "snapshot", "timestamp")


def make_token(folder, label, pin):
    """A token of SoftHSM, for this process and its children."""
    tokens = os.path.join(folder, "tokens")
    os.makedirs(tokens, exist_ok=True)
    conf = os.path.join(folder, "softhsm2.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(f"directories.tokendir = {tokens}\n"
                "objectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = conf
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label",
                    label, "--so-pin", "so-secret", "--pin", pin],
                   check=True, capture_output=True)
    return tokens


def make_pin(folder, name, pin, mode=0o600):
    """A PIN file."""
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(pin + "\n")
    os.chmod(path, mode)
    return path


def publics(world):
    """The public keys that init has left for the signing room."""
    out = {}
    for name in NAMES:
        with open(world.path("data", "online", name + ".pub.json"),
                  encoding="utf-8") as f:
            out[name] = json.load(f, strict=False)["tuf"]
    return out


def made(tap, world):
    """Keys are made on the token, once"""
    keys = publics(world)
    tap.equal({k["keytype"] for k in keys.values()}, {"ecdsa"},
              "all three are of P-256")
    tap.equal(len({k["keyval"]["public"] for k in keys.values()}), 3,
              "and each is another")
    tap.equal([n for n in os.listdir(world.path("data", "online"))
               if not n.endswith(".pub.json") and "audit" not in n], [],
              "no private key of them is in a file")
    world.run("init", "--config", world.conf)
    tap.equal(publics(world), keys, "a second init leaves them")


def wrong(tap, world):
    """What is wrong with the token is said in one line before the start"""
    # S3.45
    pins = world.folder
    cases = {
        "no such token": {"online_token": "elsewhere"},
        "a wrong PIN": {"online_pin_file": make_pin(pins, "bad", "999999")},
        "a PIN that others may read":
            {"online_pin_file": make_pin(pins, "open", "123456", 0o644)},
        "no PIN file": {"online_pin_file": world.path("nowhere")},
        "no such module": {"online_module": world.path("nowhere.so")},
    }
    for what, changed in cases.items():
        conf = world.configure(world.path("wrong.conf"), **changed)
        for command in ("init", "run"):
            done = world.run(command, "--config", conf, expect=None)
            tap.check(done.returncode == 1 and
                      len(done.stderr.strip().splitlines()) == 1,
                      f"{command}: {what}", done)
    for key in ("online_module", "online_token", "online_pin_file"):
        conf = world.configure(world.path("wrong.conf"), **{key: None})
        done = world.run("check-config", "--config", conf, expect=None)
        tap.check(done.returncode == 2 and "all three or none" in done.stderr,
                  f"two of three, without {key}, are refused", done)


def by(world, file, name):
    """Whether the token's key of this name has signed a file."""
    key = world.room.online[name]
    signature = [s for s in file["signatures"]
                 if s["keyid"] == world.room.online_id(name)]
    return len(signature) == 1 and verified(
        key, canonical(file["signed"]), bytes.fromhex(signature[0]["sig"]))


def signing(tap, world):
    """Chargers are told what the token signed"""
    # S0.24
    charger, = world.fleet(1)
    tap.equal([by(world, f, "director") for f in charger.director()],
              [True] * 3, "timestamp, snapshot, targets of the director")
    world.room.release("1.1.0", 2)
    world.upload()
    answer = world.publish(world.room.files())
    tap.equal(answer.code, 200, "a release is published")
    timestamp = json.loads(charger.client.good("/image/timestamp.json"))
    tap.check(by(world, timestamp, "timestamp"),
              "the image repository's timestamp")
    at = timestamp["signed"]["meta"]["snapshot.json"]["version"]
    snapshot = json.loads(charger.client.good(f"/image/{at}.snapshot.json"))
    tap.check(by(world, snapshot, "snapshot"), "and its snapshot")


def lost(tap, world, tokens):
    """A token that is taken out is missed, and found when it is back"""
    # S3.45
    charger = world.chargers["CP-0001"]
    before = charger.told()
    away = tokens + ".away"
    os.rename(tokens, away)
    os.mkdir(tokens)
    world.campaign("1.1.0")
    answer = charger.client.get("/director/timestamp.json")
    tap.check(world.wait(lambda: "online keys: " in world.said()),
              "the log says what is wrong", world.said())
    tap.check(answer.code in (200, 503), "the poll is answered", answer)
    if answer.code == 200:
        tap.equal(charger.told(), before, "with what was signed before")
    os.rmdir(tokens)
    os.rename(away, tokens)

    def told():
        answer = charger.client.get("/director/timestamp.json")
        return answer.code == 200 and charger.told() == {
            "gateway": 2, "controller": 2}
    tap.check(world.wait(told), "the release comes once the token is back",
              world.said())
    tap.equal([by(world, f, "director") for f in charger.director()],
              [True] * 3, "signed by its key")


def denied(tap, world, tokens):
    """A wrong PIN is tried once: the token would lock itself"""
    # S3.45
    away = tokens + ".away"
    os.rename(tokens, away)
    os.mkdir(tokens)
    charger, = world.fleet(2)

    def answer():
        return charger.client.get("/director/timestamp.json").code
    tap.equal(answer(), 503, "without a token a new charger has to wait")
    make_pin(world.folder, "pin", "999999")
    os.rmdir(tokens)
    os.rename(away, tokens)
    tap.equal(answer(), 503, "the PIN is wrong now")
    make_pin(world.folder, "pin", "123456")
    tap.equal(answer(), 503, "and is not tried again")
    tap.check("not tried again before" in world.said(), "the log says so",
              world.said())
    world.stop()
    world.start()
    tap.equal(answer(), 200, "before the next start")


def all_of_it(tap, program, folder):
    """The sections, one server after the other."""
    tokens = make_token(folder, "online", "123456")
    world = World(program, folder, online_module=MODULE,
                  online_token="online",
                  online_pin_file=make_pin(folder, "pin", "123456"))
    try:
        tap.section(made, world)
        tap.section(wrong, world)
        world.add_people()
        world.start()
        tap.section(signing, world)
        tap.section(lost, world, tokens)
        tap.section(denied, world, tokens)
        tap.equal(world.stop(), 0, "it ends as asked")
        tap.section(harness.quiet, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(all_of_it))
