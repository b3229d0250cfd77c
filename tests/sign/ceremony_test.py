# SPDX-License-Identifier: Apache-2.0
"""A whole ceremony with the real program, under a filter that kills it at
its first socket, and what it must refuse.

Arguments: voltseal-sign, folder of the helpers.  S0.1 S0.20 S0.43 S2.40 S3.35
"""
import base64
import json
import os
import re
import shutil
import subprocess
import sys

from world import PEOPLE, changed, main, read, sha256, test, write

@test
def a_token_is_made_for_each_person_and_holds_its_keys(w):
    for person in PEOPLE:
        w.token(person, "root", "release", "boot")
    out, _ = w.run("key", "list", "--token", "alice", "--pin-file", w.pin)
    assert len(re.findall("tuf  [0-9a-f]{64}", out)) == 3
    public = json.loads(read(w.key("alice", "root")))
    assert public["holder"] == "alice" and len(public["boot"]) == 130
    w.refuse("already", "token", "init", "--label", "alice", "--pin-file",
             w.pin, "--so-pin-file", w.so_pin)
    w.refuse("already", "key", "generate", "--token", "alice", "--key",
             "root", "--pin-file", w.pin)


@test
def a_room_comes_into_force_when_two_people_have_approved_it(w):
    w.online_key()
    w.run("room", "init", "--dir", w.room, "--policy", w.policy())
    w.refuse("already", "room", "init", "--dir", w.room, "--policy",
             w.path("policy.json"))
    out, _ = w.run(*w.args("show", "init"))
    assert "0 of 2 approvals" in out and "alice (root)" in out
    w.refuse("0 of 2 approvals", *w.args("publish", "init"))
    out, _ = w.run(*w.args("approve", "init", "alice"))
    assert "1 of 2 approvals" in out and "needs 1 more of: bob" in out
    w.refuse("1 of 2 approvals", *w.args("publish", "init"))
    w.refuse("a key counts once", *w.args("approve", "init", "alice"))
    w.refuse("1 of 2 approvals", *w.args("publish", "init"))
    w.run(*w.args("approve", "init", "bob"))
    w.run(*w.args("publish", "init"))
    out, _ = w.run(*w.args("publish", "init"))
    assert "already" in out
    for name in ("metadata/1.root.json", "metadata/1.targets.json",
                 "image-root/1.root.json", "director-root/1.root.json",
                 "keyring"):
        assert os.path.exists(os.path.join(w.out, name)), name


@test
def a_release_with_one_approval_is_refused_and_so_is_one_key_twice(w):
    w.images()
    w.propose("1.0.0", 10, "1.0.0")
    out, _ = w.run(*w.args("show", "1.0.0"))
    assert sha256(w.path("image")) in out and "gw-rev3" in out
    w.refuse("0 of 2 approvals", *w.args("publish", "1.0.0"))
    w.run(*w.args("approve", "1.0.0", "alice"))
    w.refuse("1 of 2 approvals", *w.args("publish", "1.0.0"))
    w.refuse("a key counts once", *w.args("approve", "1.0.0", "alice"))
    whole = json.loads(w.run(*w.args("show", "1.0.0"), "--json")[0])
    assert whole["components"][0]["image_sha256"] == sha256(w.path("image"))
    assert whole["approvals"][0]["approved"] == ["alice (boot)"]
    out, _ = w.run(*w.args("approve", "1.0.0", "bob"))
    assert "seals of release 1.0.0: 2 of 2" in out
    assert "image release 1: 1 of 2" in out
    w.refuse("1 of 2 approvals", *w.args("publish", "1.0.0"))
    w.refuse("a key counts once", *w.args("approve", "1.0.0", "bob"))
    w.run(*w.args("approve", "1.0.0", "carol"))
    w.run(*w.args("publish", "1.0.0"))


@test
def what_is_published_is_what_the_images_are(w):
    targets = w.release("1.0.0")
    assert sorted(targets) == ["controller/controller-1.0.0.seal",
                               "gateway/gateway-1.0.0.seal"]
    for path, target in targets.items():
        custom = target["custom"]
        assert custom["releaseSet"] == sorted(targets, reverse=True)
        assert custom["releaseCounter"] == 10 and custom["rollbackIndex"] == 1
        for digest, length in ((target["hashes"]["sha256"], target["length"]),
                               (custom["pack"]["sha256"],
                                custom["pack"]["length"])):
            file = os.path.join(w.out, "artifacts", digest)
            assert sha256(file) == digest and os.path.getsize(file) == length
        seal = os.path.join(w.out, "artifacts", target["hashes"]["sha256"])
        w.run("verify", "--seal", seal, "--keyring",
              os.path.join(w.out, "keyring"))
        out, _ = w.run("inspect", "--json", seal)
        fields = json.loads(out)
        assert fields["component"] == path.split("/", maxsplit=1)[0]
        assert len(fields["signed_by"]) == 2
        assert fields["signed_by"] == sorted(fields["signed_by"])
    out, _ = w.run("verify", "--room", w.room)
    assert "all good" in out
    for name in ("keyring", "metadata/1.release.json"):
        w.run("inspect", os.path.join(w.out, name))


@test
def veritysetup_agrees_with_the_root_hash_and_the_pack_decodes(w):
    target = w.release("1.0.0")["gateway/gateway-1.0.0.seal"]
    seal = os.path.join(w.out, "artifacts", target["hashes"]["sha256"])
    fields = json.loads(w.run("inspect", "--json", seal)[0])
    assert target["custom"]["imageSha256"] == sha256(w.path("image"))
    tool = shutil.which("veritysetup") or "/usr/sbin/veritysetup"
    if not os.path.exists(tool):
        return "SKIP veritysetup is not installed"
    padded = write(w.path("padded"), read(w.path("image")) +
                   bytes(-os.path.getsize(w.path("image")) % 4096))
    out = subprocess.run(
        [tool, "format", "--no-superblock", "--hash=sha256",
         "--data-block-size=4096", "--hash-block-size=4096",
         "--salt=" + fields["salt"], padded, w.path("hashes")],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    assert fields["root_hash"] in out
    return None


@test
def numbers_that_do_not_rise_and_components_nobody_named_are_refused(w):
    def propose(word, name, seq, component):
        w.refuse(word, "propose", "release", "--room", w.room, "--name", name,
                 "--seq", seq, "--component", component)
    image = w.path("small")
    propose("not above", "1.0.1", 10, f"controller={image}:1:mc-rev1:1")
    propose("is below", "1.0.1", 11, f"controller={image}:1:mc-rev1:0")
    propose("does not name", "1.0.1", 11, f"display={image}:1:mc-rev1:1")
    propose("must be", "1.0.1", 11, f"controller={image}")
    propose("hardware", "1.0.1", 11, f"controller={image}:1:a b:1")
    propose("No such file", "1.0.1", 11,
            f"controller={w.path('nowhere')}:1:mc-rev1:1")
    propose("already", "1.0.0", 11, f"controller={image}:1:mc-rev1:1")
    assert not os.path.exists(os.path.join(w.room, "proposals", "1.0.1"))


@test
def whatever_is_changed_after_an_approval_is_refused(w):
    write(w.path("image"), read(w.path("image"))[:-4096] + b"\1" * 4096)
    w.propose("1.1.0", 11, "1.1.0", security=2)
    out, _ = w.run(*w.args("show", "1.1.0"))
    assert "1.0.0 -> 1.1.0" in out and "RAISES THE FLOOR" in out
    folder = os.path.join(w.room, "proposals", "1.1.0")
    seal = os.path.join(folder, "gateway.seal")
    pack = os.path.join(folder, "gateway.pack")
    w.run(*w.args("approve", "1.1.0", "alice"))
    undo = changed(pack, os.path.getsize(pack) - 5)
    w.refuse("hash-mismatch", *w.args("approve", "1.1.0", "bob"))
    undo()
    for at in (216, 264 + 5):  # security_version, root hash
        undo = changed(seal, at)
        w.run(*w.args("approve", "1.1.0", "bob"), expect=1)
        undo()
    undo = changed(seal, os.path.getsize(seal) - 5)  # the tree
    w.run(*w.args("approve", "1.1.0", "bob"), expect=1)
    undo()
    w.run(*w.args("approve", "1.1.0", "bob"))
    metadata = os.path.join(folder, "image.release.json")
    w.run(*w.args("approve", "1.1.0", "alice"))
    original = read(metadata)
    for old, new in ((b'"rollbackIndex":2', b'"rollbackIndex":1'),
                     (b'"gw-rev3"', b'"gw-rev9"'),
                     (b'"expires":"2', b'"expires":"3')):
        assert old in original
        write(metadata, original.replace(old, new))
        w.run(*w.args("publish", "1.1.0"), expect=1)
        # without the signatures somebody could be brought to sign it
        bare = json.loads(original.replace(old, new))
        write(metadata, json.dumps(dict(bare, signatures=[])))
        w.run(*w.args("approve", "1.1.0", "alice"), expect=1)
        assert not json.loads(read(metadata))["signatures"], old
    write(metadata, original)
    for path, at in ((pack, 100), (pack, os.path.getsize(pack) - 5),
                     (seal, 216), (seal, os.path.getsize(seal) - 5)):
        undo = changed(path, at)
        w.run(*w.args("publish", "1.1.0"), expect=1)
        undo()
    assert not w.release("1.1.0")
    w.run(*w.args("publish", "1.1.0"))
    assert len(w.release("1.1.0")) == 2 and len(w.release("1.0.0")) == 2
    w.run("verify", "--room", w.room)


@test
def equal_data_keeps_equal_hashes_from_release_to_release(w):
    salts = {json.loads(w.run("inspect", "--json", os.path.join(
        w.out, "artifacts", t["hashes"]["sha256"]))[0])["salt"]
        for name in ("1.0.0", "1.1.0")
        for path, t in w.release(name).items() if path.startswith("gateway")}
    assert len(salts) == 1


@test
def two_open_releases_cannot_both_come_into_force(w):
    w.propose("1.2.0", 12, "1.2.0", security=2)
    w.propose("1.3.0", 13, "1.3.0", security=2)
    w.approve_release("1.2.0")
    w.approve_release("1.3.0")
    w.run(*w.args("publish", "1.2.0"))
    w.refuse("version", *w.args("publish", "1.3.0"))
    assert not w.release("1.3.0")


@test
def the_seal_command_makes_what_a_proposal_makes(w):
    salt = os.path.join(w.room, "salts", "gateway")
    w.run("seal", "--image", w.path("image"), "--component", "gateway",
          "--hardware", "gw-rev3", "--version", "1.2.0", "--seq", 12,
          "--security-version", 2, "--salt-file", salt, "--level", 1,
          "--out", w.path("x.useal"), "--pack", w.path("x.pack"))
    target = w.release("1.2.0")["gateway/gateway-1.2.0.seal"]
    assert sha256(w.path("x.pack")) == target["custom"]["pack"]["sha256"]
    signed = os.path.join(w.out, "artifacts", target["hashes"]["sha256"])
    assert read(w.path("x.useal"))[:512] == read(signed)[:512]
    w.refuse("seal-signature", "verify", "--seal", w.path("x.useal"),
             "--keyring", os.path.join(w.out, "keyring"))


@test
def the_device_ca_certifies_chargers_as_clients_and_the_server_by_name(w):
    w.token("certificates")
    ca = w.path("ca")
    token = ["--token", "certificates", "--pin-file", w.pin]
    w.run("ca", "init", "--dir", ca, *token, "--key", "device-ca")
    w.run("ca", "issue", "--dir", ca, *token, "--subject", "CP-0001",
          "--out", w.path("cp"))
    w.run("ca", "issue", "--dir", ca, *token, "--subject", "server",
          "--server", "localhost,127.0.0.1", "--out", w.path("srv"))
    w.refuse("not replaced", "ca", "issue", "--dir", ca, *token, "--subject",
             "CP-0001", "--out", w.path("cp"))
    w.refuse("certificate of", "ca", "issue", "--dir", ca, *token,
             "--subject", "a/b", "--out", w.path("bad"))
    assert not os.path.exists(w.path("bad", "key.pem"))
    assert os.stat(w.path("cp", "key.pem")).st_mode & 0o777 == 0o600
    for folder, purpose, good in (("cp", "sslclient", True),
                                  ("cp", "sslserver", False),
                                  ("srv", "sslserver", True),
                                  ("srv", "sslclient", False)):
        done = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-purpose", purpose,
             "-CAfile", os.path.join(ca, "cert.pem"),
             w.path(folder, "cert.pem")], check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert (done.returncode == 0) == good, (folder, purpose)
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in",
         w.path("srv", "cert.pem")], check=True, stdout=subprocess.PIPE,
        text=True).stdout
    assert "DNS:localhost" in text and "IP Address:127.0.0.1" in text
    assert len(os.listdir(os.path.join(ca, "issued"))) == 2


def ask(w, name, subject, *how):
    """A request by OpenSSL, as a charger's key would sign it."""
    subprocess.run(
        ["openssl", "req", "-new", "-nodes", "-newkey", *how, "-subj",
         subject, "-keyout", w.path(name + ".key"), "-out",
         w.path(name + ".csr")], check=True, stderr=subprocess.DEVNULL)
    return w.path(name + ".csr")


def public_of(*command):
    """A public key, in PEM."""
    return subprocess.run(["openssl", *command], check=True,
                          stdout=subprocess.PIPE).stdout


# S1.15, S1.20
@test
def a_key_that_never_left_its_charger_is_certified_by_its_request(w):
    w.token("requests")
    ca = ["--dir", w.path("ca-req"), "--token", "requests", "--pin-file",
          w.pin]
    w.run("ca", "init", *ca, "--key", "device-ca")
    p256 = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    good = ask(w, "good", "/CN=CP-7", *p256)
    w.run("ca", "issue", *ca, "--subject", "CP-7", "--csr", good, "--out",
          w.path("asked"))
    assert sorted(os.listdir(w.path("asked"))) == ["ca.pem", "cert.pem"]
    assert public_of("x509", "-noout", "-pubkey", "-in",
                     w.path("asked", "cert.pem")) == public_of(
        "req", "-noout", "-pubkey", "-in", good)
    subprocess.run(["openssl", "verify", "-x509_strict", "-purpose",
                    "sslclient", "-CAfile", w.path("asked", "ca.pem"),
                    w.path("asked", "cert.pem")], check=True,
                   stdout=subprocess.DEVNULL)
    w.refuse("not replaced", "ca", "issue", *ca, "--subject", "CP-7",
             "--csr", good, "--out", w.path("asked"))

    def refuse(word, subject, csr):
        w.refuse(word, "ca", "issue", *ca, "--subject", subject, "--csr",
                 csr, "--out", w.path("refused"))
        assert os.listdir(w.path("refused")) == []

    refuse("another name than CP-8", "CP-8", good)
    refuse("another name", "CP-7", ask(w, "two", "/CN=CP-7/O=x", *p256))
    refuse("no request", "CP-7", ask(w, "rsa", "/CN=CP-7", "rsa:2048"))
    refuse("no request", "CP-7", w.path("asked", "cert.pem"))
    with open(good, encoding="ascii") as f:
        lines = f.read().splitlines()
    body = bytearray(base64.b64decode("".join(lines[1:-1])))
    body[-1] ^= 1
    with open(w.path("forged.csr"), "w", encoding="ascii") as f:
        f.write(f"{lines[0]}\n{base64.b64encode(body).decode()}\n"
                f"{lines[-1]}\n")
    refuse("no request", "CP-7", w.path("forged.csr"))


@test
def wrong_calls_end_with_2_and_help_teaches(w):
    assert "Usage:" in w.run("approve", "--help")[0]
    assert "way of a release" in w.run("--help")[0]
    w.refuse("no such command", "sing", code=2)
    w.refuse("no such option", "show", "--rom", "x", code=2)
    w.refuse("missing", "show", "--room", "x", code=2)
    w.refuse("twice", "show", "--room", "x", "--room", "y", code=2)
    w.refuse("not a number", "propose", "release", "--seq", "0", code=2)
    w.refuse("not a signing room", "show", "--room", w.path("keys"),
             "--proposal", "x", code=4)
    w.refuse("none of this name", *w.args("show", "nope"), code=4)
    w.refuse("no such name", *w.args("show", "../../etc"))
    _, err = w.run("approve", "--room", w.room, "--proposal", "1.3.0",
                   "--token", "carol", "--pin-file", w.pin, expect=3,
                   stdin="no\n")
    assert "nothing was signed" in err


@test
def all_that_goes_out_may_be_read_and_is_not_the_rooms_own_file(w):
    for at, folders, files in os.walk(w.out):
        for name in folders:
            mode = os.stat(os.path.join(at, name)).st_mode & 0o777
            assert mode == 0o755, (name, oct(mode))
        for name in files:
            st = os.stat(os.path.join(at, name))
            assert st.st_mode & 0o777 == 0o644, (name, oct(st.st_mode))
            assert st.st_nlink == 1, name


if __name__ == "__main__":
    sys.exit(main())
