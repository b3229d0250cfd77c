# SPDX-License-Identifier: Apache-2.0
"""A whole ceremony with the real program, under a filter that kills it at
its first socket, and what it must refuse.  TAP on standard output.

Arguments: voltseal-sign, nosocket.  S0.1 S0.20 S0.43 S2.40 S3.17 S3.35
"""
import hashlib
import json
import os
import pty
import random
import shutil
import subprocess
import sys
import tempfile

SIGN, NOSOCKET = sys.argv[1], sys.argv[2]
PIN, SO_PIN = "246813", "97531864"
PEOPLE = ("alice", "bob", "carol")
TESTS = []


def test(function):
    """A test's name is a sentence."""
    TESTS.append(function)
    return function


def write(path, data, mode=0o644):
    """Writes text or bytes to a file of this mode."""
    with open(path, "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)
    os.chmod(path, mode)
    return path


def read(path):
    """The bytes of a file."""
    with open(path, "rb") as f:
        return f.read()


def sha256(path):
    """SHA-256 of a file in hex."""
    return hashlib.sha256(read(path)).hexdigest()


class World:
    """Tokens, pins, images and a room in a folder of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.env = dict(os.environ, SOFTHSM2_CONF=self.path("softhsm2.conf"))
        os.mkdir(self.path("tokens"))
        os.mkdir(self.path("keys"))
        write(self.path("softhsm2.conf"),
              f"directories.tokendir = {self.path('tokens')}\n"
              "objectstore.backend = file\nlog.level = ERROR\n")
        self.pin = write(self.path("pin"), PIN + "\n", 0o600)
        self.so_pin = write(self.path("so-pin"), SO_PIN + "\n", 0o600)
        self.room = self.path("room")
        self.out = self.path("out")

    def path(self, *parts):
        """A path inside the world."""
        return os.path.join(self.folder, *parts)

    def run(self, *args, expect=0, guard=True, stdin=None):
        """Runs voltseal-sign; gives (stdout, stderr)."""
        command = ([NOSOCKET] if guard else []) + [SIGN, *map(str, args)]
        done = subprocess.run(command, env=self.env, input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        assert done.returncode == expect, (
            f"{' '.join(map(str, args))}: exit {done.returncode}, not "
            f"{expect}\n{done.stdout}{done.stderr}")
        return done.stdout, done.stderr

    def refuse(self, word, *args, code=1, guard=True):
        """A refusal is one line on standard error that holds the word."""
        out, err = self.run(*args, expect=code, guard=guard)
        lines = err.strip().splitlines()
        assert len(lines) == 1, f"not one line: {err}"
        assert word in lines[0], f"no {word!r} in: {err}"
        assert PIN not in out + err
        return lines[0]

    def token(self, name, *keys):
        """A person with a token."""
        self.run("token", "init", "--label", name, "--pin-file", self.pin,
                 "--so-pin-file", self.so_pin)
        for key in keys:
            self.run("key", "generate", "--token", name, "--key", key,
                     "--pin-file", self.pin)
            self.run("key", "export", "--token", name, "--key", key,
                     "--pin-file", self.pin, "--out", self.key(name, key))

    def key(self, name, key):
        """The file with the public part."""
        return self.path("keys", f"{name}-{key}.pub.json")

    def policy(self, **changes):
        """The policy of the tests; keys by name, relative to its file."""
        def keys(kind):
            return [f"keys/{p}-{kind}.pub.json" for p in PEOPLE]
        online = {"keys": ["keys/online.pem"], "threshold": 1}
        people = {"threshold": 2, "expires_days": 365}
        whole = {
            "root": {"keys": keys("root"), **people},
            "targets": {"keys": keys("root"), **people},
            "release": {"keys": keys("release"), **people,
                        "paths": ["gateway/*", "controller/*"]},
            "snapshot": online, "timestamp": online,
            "director": {"online": online},
            "keyring": {"keys": keys("boot"), "threshold": 2,
                        "components": ["gateway", "controller"]},
        }
        whole.update(changes)
        return write(self.path("policy.json"), json.dumps(whole))

    def args(self, verb, proposal, who=None):
        """Arguments of approve, publish and show."""
        args = [verb, "--room", self.room, "--proposal", proposal]
        if who:
            args += ["--token", who, "--pin-file", self.pin, "--yes"]
        if verb == "publish":
            args += ["--out", self.out]
        return args

    def propose(self, name, seq, version, security=1, image="image",
                expect=0):
        """Proposes a release of both components."""
        return self.run(
            "propose", "release", "--room", self.room, "--name", name,
            "--seq", seq, "--level", 1, "--update-type", "security",
            "--component", f"gateway={self.path(image)}:{version}:gw-rev3:"
            f"{security}",
            "--component", f"controller={self.path('small')}:{version}:"
            f"mc-rev1,mc-rev2:{security}", expect=expect)

    def approve_release(self, name):
        """Seals by two, then metadata by two."""
        for who in ("alice", "bob", "alice"):
            self.run(*self.args("approve", name, who))

    def release(self, name):
        """The release metadata in force as published."""
        versions = [f for f in os.listdir(os.path.join(self.out, "metadata"))
                    if f.endswith(".release.json")]
        newest = max(versions, key=lambda f: int(f.split(".")[0]))
        whole = json.loads(read(os.path.join(self.out, "metadata", newest)))
        return {path: target
                for path, target in whole["signed"]["targets"].items()
                if target["custom"]["release"] == name}


@test
def a_token_is_made_for_each_person_and_holds_its_keys(w):
    for person in PEOPLE:
        w.token(person, "root", "release", "boot")
    out, _ = w.run("key", "list", "--token", "alice", "--pin-file", w.pin)
    assert len(out.splitlines()) == 3
    public = json.loads(read(w.key("alice", "root")))
    assert public["holder"] == "alice" and len(public["boot"]) == 130
    w.refuse("already", "token", "init", "--label", "alice", "--pin-file",
             w.pin, "--so-pin-file", w.so_pin)
    w.refuse("already", "key", "generate", "--token", "alice", "--key",
             "root", "--pin-file", w.pin)


@test
def a_wrong_pin_a_missing_token_and_an_open_pin_file_get_one_clear_line(w):
    wrong = write(w.path("wrong"), "999999\n", 0o600)
    # SoftHSM tells syslog of a wrong PIN, so it must be let to try
    line = w.refuse("wrong PIN", "key", "list", "--token", "alice",
                    "--pin-file", wrong, guard=False)
    assert "alice" in line
    w.refuse("no token", "key", "list", "--token", "mallory", "--pin-file",
             w.pin)
    w.refuse("none of this label", "key", "export", "--token", "alice",
             "--key", "nope", "--pin-file", w.pin, "--out", w.path("x"))
    loose = write(w.path("loose"), PIN, 0o644)
    w.refuse("0600", "key", "list", "--token", "alice", "--pin-file", loose)
    w.refuse("cannot load", "key", "list", "--token", "alice", "--pin-file",
             w.pin, "--module", w.path("nowhere.so"))
    assert not os.path.exists(w.path("x"))


@test
def a_pin_is_asked_on_the_terminal_and_not_shown_there(w):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(NOSOCKET, [NOSOCKET, SIGN, "key", "list", "--token",
                             "alice"], w.env)
    said = b""
    while b": " not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, PIN.encode() + b"\n")
    try:
        while piece := os.read(terminal, 1000):
            said += piece
    except OSError:
        pass  # the other side has gone
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, said
    assert b"PIN of token alice" in said and b"release" in said
    assert PIN.encode() not in said


@test
def a_private_key_cannot_be_taken_off_its_token(w):
    tool = shutil.which("pkcs11-tool")
    if not tool:
        return "SKIP pkcs11-tool is not installed"
    base = [tool, "--module", "/usr/lib/softhsm/libsofthsm2.so", "--login",
            "--pin", PIN, "--token-label", "alice", "--label", "root"]
    out = w.path("stolen")
    subprocess.run([*base, "--read-object", "--type", "privkey",
                    "--output-file", out], env=w.env, check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert not os.path.exists(out) or not read(out)
    # an imported key is known outside: it may sign nothing here
    pem = w.path("foreign.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-outform", "DER", "-out",
                    pem], check=True, stderr=subprocess.DEVNULL)
    for kind in ("privkey", "pubkey"):
        data = pem
        if kind == "pubkey":
            data = w.path("foreign.pub")
            subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", pem,
                            "-pubout", "-outform", "DER", "-out", data],
                           check=True)
        subprocess.run([*base[:-1], "foreign", "--write-object", data,
                        "--type", kind], env=w.env, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    w.refuse("key foreign", "key", "export", "--token", "alice", "--key",
             "foreign", "--pin-file", w.pin, "--out", w.path("x"))
    return None


@test
def a_faulty_policy_is_told_by_file_and_field_and_makes_no_room(w):
    subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out",
                    w.path("online.key")], check=True)
    subprocess.run(["openssl", "pkey", "-in", w.path("online.key"), "-pubout",
                    "-out", w.path("keys", "online.pem")], check=True)
    good = json.loads(read(w.policy()))
    root = good["root"]
    for field, change in {
            "threshold": dict(root, threshold=4),
            "expires_days": dict(root, expires_days=0),
            "one person": dict(root, keys=root["keys"][:2] +
                               ["keys/alice-boot.pub.json"]),
            "one key twice": dict(root, keys=root["keys"][:1] * 2),
            "no such file": dict(root, keys=["keys/nobody.pub.json"]),
    }.items():
        policy = w.policy(root=change)
        w.refuse(field, "room", "init", "--dir", w.room, "--policy", policy)
    w.refuse("components", "room", "init", "--dir", w.room, "--policy",
             w.policy(keyring=dict(good["keyring"], components=[])))
    write(w.path("policy.json"), '{"root": 1, "root": 2}')
    w.refuse("policy.json", "room", "init", "--dir", w.room, "--policy",
             w.path("policy.json"))
    assert not os.path.exists(os.path.join(w.room, "policy.json"))


@test
def a_room_comes_into_force_when_two_people_have_approved_it(w):
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
    random.seed(7)
    write(w.path("image"), random.randbytes(3_000_001) + bytes(900_000))
    write(w.path("small"), random.randbytes(3_000))
    w.propose("1.0.0", 10, "1.0.0")
    out, _ = w.run(*w.args("show", "1.0.0"))
    assert sha256(w.path("image")) in out and "gw-rev3" in out
    w.refuse("0 of 2 approvals", *w.args("publish", "1.0.0"))
    w.run(*w.args("approve", "1.0.0", "alice"))
    w.refuse("1 of 2 approvals", *w.args("publish", "1.0.0"))
    w.refuse("a key counts once", *w.args("approve", "1.0.0", "alice"))
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


def changed(path, at, flip=1):
    """Flips a bit; gives a function that puts the file back."""
    old = read(path)
    new = bytearray(old)
    new[at] ^= flip
    write(path, bytes(new))
    return lambda: write(path, old)


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
        if b"expires" not in old:
            w.refuse("do not say", *w.args("approve", "1.1.0", "alice"))
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
def a_renewal_says_the_same_again_and_nothing_else(w):
    w.refuse("--role", "propose", "renew", "--room", w.room, "--name", "r",
             "--role", "snapshot")
    w.run("propose", "renew", "--room", w.room, "--name", "renew", "--role",
          "root", "--role", "targets", "--role", "release", "--role",
          "director-root")
    w.run(*w.args("approve", "renew", "alice"))
    w.refuse("1 of 2 approvals", *w.args("publish", "renew"))
    root = os.path.join(w.room, "proposals", "renew", "image.root.json")
    old = read(root)
    body = json.loads(old)["signed"]
    body["roles"]["root"]["threshold"] = 1
    write(root, json.dumps({"signatures": [], "signed": body}))
    w.refuse("new expiry", *w.args("approve", "renew", "bob"))
    write(root, old)
    w.run(*w.args("approve", "renew", "bob"))
    w.run(*w.args("publish", "renew"))
    for name in ("metadata/2.root.json", "metadata/2.targets.json",
                 "metadata/4.release.json", "image-root/2.root.json",
                 "director-root/2.root.json", "metadata/1.root.json"):
        assert os.path.exists(os.path.join(w.out, name)), name
    out, _ = w.run("verify", "--room", w.room)
    assert "all good" in out


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


@test
def wrong_calls_end_with_2_and_help_teaches(w):
    assert "Usage:" in w.run("approve", "--help")[0]
    assert "way of a release" in w.run("--help")[0]
    w.refuse("no such command", "sign", code=2)
    w.refuse("no such option", "show", "--rom", "x", code=2)
    w.refuse("missing", "show", "--room", "x", code=2)
    w.refuse("twice", "show", "--room", "x", "--room", "y", code=2)
    w.refuse("not a number", "propose", "release", "--seq", "0", code=2)
    w.refuse("not a signing room", "show", "--room", w.path("keys"),
             "--proposal", "x")
    w.refuse("none of this name", *w.args("show", "nope"))
    w.refuse("no such name", *w.args("show", "../../etc"))
    _, err = w.run("approve", "--room", w.room, "--proposal", "1.3.0",
                   "--token", "carol", "--pin-file", w.pin, expect=1,
                   stdin="no\n")
    assert "nothing was signed" in err


@test
def the_program_gives_up_the_network_by_itself(w):
    probe = write(w.path("probe.c"), """
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
int C_GetFunctionList(void **list);
int C_GetFunctionList(void **list)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	FILE *f = fopen(PROBE, "w");
	(void)list;
	fprintf(f, "%d", fd < 0 ? errno : 0);
	fclose(f);
	return 5;
}
""")
    said = w.path("probe.out")
    module = w.path("probe.so")
    subprocess.run(["cc", "-shared", "-fPIC", f'-DPROBE="{said}"', probe,
                    "-o", module], check=True)
    w.refuse("not a PKCS#11 module", "key", "list", "--token", "alice",
             "--pin-file", w.pin, "--module", module, guard=False)
    assert read(said) == b"1", read(said)  # EPERM


@test
def the_filter_of_these_tests_kills(w):
    done = subprocess.run([NOSOCKET, sys.executable, "-c",
                           "import socket; socket.socket()"], check=False,
                          stderr=subprocess.DEVNULL)
    assert done.returncode == -31, done.returncode
    assert w


def main():
    """Runs the tests in order: each builds on the room as it is then."""
    failed = 0
    print(f"1..{len(TESTS)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="vs-ceremony-") as folder:
        world = World(folder)
        for number, function in enumerate(TESTS, 1):
            name = function.__name__.replace("_", " ")
            try:
                skip = function(world)
                print(f"ok {number} - {name}" +
                      (f" # {skip}" if skip else ""), flush=True)
            except Exception as error:  # a broken test must not hide others
                failed += 1
                print(f"not ok {number} - {name}", flush=True)
                for line in f"{type(error).__name__}: {error}".splitlines():
                    print("# " + line, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
