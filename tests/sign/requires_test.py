# SPDX-License-Identifier: Apache-2.0
"""What an image requires is said when the release is proposed, shown to
people before they sign, and signed with the metadata as it was shown.

Arguments: voltseal-sign, folder of the helpers.  S0.23 S3.35
"""
import json
import os
import sys

from world import main, read, test, tree, write


def propose(w, name, seq, *requires, components=("gateway", "controller")):
    """Arguments of propose release; versions are the release's name."""
    images = {"gateway": ("image", "gw-rev3"), "controller": ("small",
                                                              "mc-rev1")}
    args = ["propose", "release", "--room", w.room, "--name", name, "--seq",
            seq, "--level", 1]
    for c in components:
        image, hardware = images[c]
        args += ["--component", f"{c}={w.path(image)}:{name}:{hardware}:1"]
    for text in requires:
        args += ["--requires", text]
    return args


@test
def what_no_charger_could_satisfy_is_not_proposed(w):
    w.open_room()
    w.images()
    before = tree(w.room)

    def refused(word, *requires):
        w.refuse(word, *propose(w, "1.1.0", 11, *requires))
        assert tree(w.room) == before, requires

    refused("this release brings 1.1.0 (requires-unmet)",
            "gateway=controller:1.1.1")
    refused("does not name it (wrong-component)", "gateway=display:1.0")
    for text, word in (
            ("gateway", "NAME=OTHER:VERSION"),
            ("gateway=controller", "NAME=OTHER:VERSION"),
            ("gateway=controller:", "[A-Za-z0-9._-]"),
            ("gateway=:1.0", "[A-Za-z0-9._-]"),
            ("gateway=controller:>1", "[A-Za-z0-9._-]"),
            ("gateway=gateway:1.0", "itself"),
            ("display=controller:1.0", "no such --component"),
            ("gateway=controller:" + "1" * 300, "too long")):
        refused(word, text)
    refused("given twice", "gateway=controller:1.0", "gateway=controller:1.1")
    refused("more than 8", *(f"gateway=c{i}:1" for i in range(9)))


@test
def a_requirement_is_shown_before_anybody_signs(w):
    w.run(*propose(w, "1.1.0", 11, "gateway=controller:1.0.9"))
    out, _ = w.run(*w.args("show", "1.1.0"))
    gateway, controller = out.split("component controller")
    assert ("requires           controller 1.0.9 or later "
            "(this release brings 1.1.0)") in gateway
    assert "requires" not in controller
    both = json.loads(w.run(*w.args("show", "1.1.0"), "--json")[0])
    assert [c["requires"] for c in both["components"]] == [
        {"controller": "1.0.9"}, {}]
    out, _ = w.run(*w.args("approve", "1.1.0", "alice"))
    assert "controller 1.0.9 or later" in out


@test
def a_requirement_changed_under_way_is_not_signed(w):
    w.run(*w.args("approve", "1.1.0", "bob"))
    about = w.proposal("1.1.0", "proposal.json")
    metadata = w.proposal("1.1.0", "image.release.json")
    old, was = json.loads(read(about)), read(metadata)
    custom = json.loads(was)["signed"]["targets"][
        "gateway/gateway-1.1.0.seal"]["custom"]
    assert custom["requires"] == {"controller": "1.0.9"}

    def attempt(word, requires, also=False):
        new = json.loads(json.dumps(old))
        new["images"][0]["requires"] = requires
        write(about, json.dumps(new))
        if also:
            whole = json.loads(was)
            whole["signed"]["targets"]["gateway/gateway-1.1.0.seal"][
                "custom"]["requires"] = requires
            write(metadata, json.dumps(dict(whole, signatures=[])))
        before = tree(w.room)
        w.refuse(word, *w.args("approve", "1.1.0", "carol"))
        assert tree(w.room) == before
        write(metadata, was)

    attempt("seal-mismatch", {"controller": "1.0.8"})
    attempt("seal-mismatch", {})
    attempt("requires", {"controller": 1})
    attempt("requires", {"gateway": "1.0"})
    # both tell the same lie
    attempt("requires-unmet", {"controller": "2.0"}, also=True)
    attempt("wrong-component", {"display": "2.0"}, also=True)
    write(about, json.dumps(old))
    w.run(*w.args("approve", "1.1.0", "carol"))
    w.run(*w.args("publish", "1.1.0"))


@test
def what_was_shown_is_what_is_published(w):
    targets = w.release("1.1.0")
    assert targets["gateway/gateway-1.1.0.seal"]["custom"]["requires"] == {
        "controller": "1.0.9"}
    assert "requires" not in targets["controller/controller-1.1.0.seal"][
        "custom"]
    assert "all good" in w.run("verify", "--room", w.room)[0]


@test
def what_comes_in_another_release_may_be_required(w):
    w.run(*propose(w, "1.2.0", 12, "gateway=controller:1.3.0",
                   components=("gateway",)))
    out, _ = w.run(*w.args("show", "1.2.0"))
    assert "requires           controller 1.3.0 or later\n" in out
    w.publish("1.2.0", "alice", "bob", "alice")
    assert w.release("1.2.0")["gateway/gateway-1.2.0.seal"]["custom"][
        "requires"] == {"controller": "1.3.0"}
    assert w.release("1.1.0")["gateway/gateway-1.1.0.seal"]["custom"][
        "requires"] == {"controller": "1.0.9"}, "the older one says the same"


@test
def a_ceremony_shows_it_on_paper(w):
    w.run(*propose(w, "1.3.0", 13, "gateway=controller:1.3.0"))
    w.token("erin", "author")
    w.run("export", "--room", w.room, "--proposal", "1.3.0", "--out",
          w.path("stick"), "--token", "erin", "--key", "author",
          "--pin-file", w.pin)
    told = read(w.path("stick", "difference.txt")).decode()
    assert told.count("  + requires: controller 1.3.0\n") == 1


if __name__ == "__main__":
    sys.exit(main())
