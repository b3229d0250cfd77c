# SPDX-License-Identifier: Apache-2.0
"""Tokens, PINs and keys: whom the signing room lets sign, and that it talks
to nobody else.

Arguments: voltseal-sign, folder of the helpers.  S0.43 S3.17 S3.35
"""
import json
import os
import pty
import shutil
import signal
import subprocess
import sys

from world import (BROKEN, LIAR, NOSOCKET, PIN, PROBE, ROGUE, SIGN, SO_PIN, main,
                   read, test, tree, write)

@test
def a_room_stands(w):
    w.open_room()
    w.images()
    w.propose("1.0.0", 10, "1.0.0")


@test
def a_wrong_pin_a_missing_token_and_an_open_pin_file_get_one_clear_line(w):
    wrong = write(w.path("wrong"), "999999\n", 0o600)
    # SoftHSM tells syslog of a wrong PIN, so it must be let to try
    line = w.refuse("wrong PIN", "key", "list", "--token", "alice",
                    "--pin-file", wrong, guard=False, code=3)
    assert "alice" in line
    w.refuse("no token", "key", "list", "--token", "mallory", "--pin-file",
             w.pin, code=4)
    w.refuse("none of this label", "key", "export", "--token", "alice",
             "--key", "nope", "--pin-file", w.pin, "--out", w.path("x"),
             code=4)
    loose = write(w.path("loose"), PIN, 0o644)
    w.refuse("0600", "key", "list", "--token", "alice", "--pin-file", loose,
             code=3)
    w.refuse("cannot load", "key", "list", "--token", "alice", "--pin-file",
             w.pin, "--module", w.path("nowhere.so"), code=4)
    w.refuse("no such option", "key", "list", "--token", "alice", "--pin",
             "1", code=2)
    assert not os.path.exists(w.path("x"))


@test
def a_pin_is_asked_on_the_terminal_and_not_shown_there(w):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(NOSOCKET, [NOSOCKET, SIGN, "key", "list", "--token",
                             "alice"], w.env)
    said = b""
    signal.alarm(60)  # no answer is a failure, not a wait
    while b": " not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, PIN.encode() + b"\n")
    try:
        while piece := os.read(terminal, 1000):
            said += piece
    except OSError:
        pass  # the other side has gone
    signal.alarm(0)
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


def rogue(w, *args):
    """Does to alice's token what voltseal-sign would not."""
    subprocess.run([ROGUE, "alice", PIN, *args], env=w.env, check=True)


def unchanged(w, word, *args, **kw):
    """Refused, and the whole room is as it was."""
    before = tree(w.room)
    w.refuse(word, *args, **kw)
    assert tree(w.room) == before


@test
def a_refused_token_changes_nothing_in_the_room(w):
    wrong = w.path("wrong")
    args = ["approve", "--room", w.room, "--proposal", "1.0.0", "--yes"]
    unchanged(w, "wrong PIN", *args, "--token", "alice", "--pin-file", wrong,
              guard=False, code=3)
    unchanged(w, "no token of this label", *args, "--token", "mallory",
              "--pin-file", w.pin, code=4)
    w.token("dave", "release", "boot")
    unchanged(w, "no key that may approve", *args, "--token", "dave",
              "--pin-file", w.pin)


@test
def a_token_that_signs_wrongly_is_caught_before_anything_is_kept(w):
    unchanged(w, "does not verify", *w.args("approve", "1.0.0", "alice"),
              "--module", LIAR)


def broken(w, how, word, *args, **kw):
    """Refused with a token that fails this way, and nothing is left."""
    w.env["VS_BROKEN"] = how
    unchanged(w, word, *args, "--module", BROKEN, **kw)
    del w.env["VS_BROKEN"]


@test
def each_trouble_with_a_token_has_a_message_of_its_own(w):
    approve = w.args("approve", "1.0.0", "alice")
    generate = ["key", "generate", "--token", "alice", "--key", "new",
                "--pin-file", w.pin]
    troubles = {  # by what PKCS#11 calls it
        0x32: ("taken out", 4),       # CKR_DEVICE_REMOVED
        0xe0: ("taken out", 4),       # CKR_TOKEN_NOT_PRESENT
        0xb3: ("session was lost", 1),  # CKR_SESSION_HANDLE_INVALID
        0xb0: ("session was lost", 1),  # CKR_SESSION_CLOSED
        0x30: ("token failed", 1),    # CKR_DEVICE_ERROR
        0x31: ("token is full", 1),   # CKR_DEVICE_MEMORY
        0x80000001: ("0x80000001", 1),
    }
    for rv, (word, code) in troubles.items():
        for call in ("C_OpenSession", "C_FindObjectsInit",
                     "C_GetAttributeValue", "C_SignInit", "C_Sign"):
            broken(w, f"{call}={rv:#x}", word, *approve, code=code)
        broken(w, f"C_GenerateKeyPair={rv:#x}", word, *generate, code=code)
    for rv, word in {0xa0: "wrong PIN", 0xa4: "the PIN is locked",
                     0xa3: "the PIN has expired"}.items():
        broken(w, f"C_Login={rv:#x}", word, *approve, code=3)
    # a session that is really gone
    broken(w, "lost", "session was lost", *approve)
    # a person looks for the token by its name
    w.env["VS_BROKEN"] = "C_Sign=0x32"
    line = w.refuse("token alice: signing", *approve, "--module", BROKEN,
                    code=4)
    del w.env["VS_BROKEN"]
    assert "0x" not in line


@test
def a_token_that_was_taken_away_is_absent(w):
    os.rename(w.path("tokens"), w.path("pocket"))
    os.mkdir(w.path("tokens"))
    unchanged(w, "no token of this label", *w.args("approve", "1.0.0",
                                                   "alice"), code=4)
    os.rmdir(w.path("tokens"))
    os.rename(w.path("pocket"), w.path("tokens"))


@test
def a_key_that_is_or_was_outside_its_token_signs_nothing(w):
    for attribute, word in {
            0x103: "not sensitive",           # CKA_SENSITIVE
            0x162: "can be taken off",        # CKA_EXTRACTABLE
            0x164: "could be taken off",      # CKA_NEVER_EXTRACTABLE
            0x165: "could be read once",      # CKA_ALWAYS_SENSITIVE
            0x163: "not made on the token",   # CKA_LOCAL
    }.items():
        how = f"attribute={attribute:#x}"
        broken(w, how, word, *w.args("approve", "1.0.0", "alice"))
        broken(w, how, word, "key", "export", "--token", "alice", "--key",
               "root", "--pin-file", w.pin, "--out", w.path("x"))
    assert not os.path.exists(w.path("x"))


@test
def a_key_under_another_label_is_still_one_key(w):
    w.run(*w.args("approve", "1.0.0", "alice"))
    rogue(w, "copy", "boot", "boot2")
    unchanged(w, "a key counts once", *w.args("approve", "1.0.0", "alice"))
    unchanged(w, "1 of 2 approvals",
              "publish", "--room", w.room, "--proposal", "1.0.0")
    # nor does a policy take it for two people's
    other = json.loads(read(w.key("alice", "root")))
    other.update(holder="eve", label="spare")
    write(w.path("keys", "eve-root.pub.json"), json.dumps(other))
    policy = w.policy(root={
        "keys": ["keys/alice-root.pub.json", "keys/eve-root.pub.json"],
        "threshold": 2, "expires_days": 365})
    w.refuse("one key twice", "room", "init", "--dir", w.path("room2"),
             "--policy", policy)
    assert not os.path.exists(w.path("room2"))


@test
def two_keys_of_one_label_and_a_loose_key_sign_nothing(w):
    export = ["key", "export", "--token", "alice", "--pin-file", w.pin,
              "--out", w.path("x")]
    rogue(w, "loose", "loose")
    w.refuse("it can be taken off the token", *export, "--key", "loose")
    rogue(w, "twin", "release")
    w.refuse("exactly one", *export, "--key", "release")
    assert not os.path.exists(w.path("x"))
    w.run(*w.args("approve", "1.0.0", "bob"))
    line = w.refuse("no key that may approve",
                    *w.args("approve", "1.0.0", "alice"))
    assert "exactly one private" in line, line
    _, err = w.run("key", "list", "--token", "alice", "--pin-file", w.pin)
    assert "cannot be used" in err


@test
def two_tokens_of_one_label_are_none(w):
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label",
                    "carol", "--pin", PIN, "--so-pin", SO_PIN], env=w.env,
                   check=True, stdout=subprocess.DEVNULL)
    unchanged(w, "2 tokens have this label",
              *w.args("approve", "1.0.0", "carol"))


@test
def nothing_that_a_token_or_ca_keeps_may_be_read_by_others(w):
    w.token("certificates")
    ca = ["--dir", w.path("ca"), "--token", "certificates", "--pin-file",
          w.pin]
    w.run("ca", "init", *ca, "--key", "ca")
    w.run("ca", "issue", *ca, "--subject", "CP-1", "--out", w.path("cp"))
    assert os.stat(w.path("cp", "key.pem")).st_mode & 0o077 == 0
    secrets = [os.path.join(at, name)
               for at, folders, files in os.walk(w.path("tokens"))
               for name in folders + files]
    assert len(secrets) > 20
    for path in secrets:
        assert os.stat(path).st_mode & 0o077 == 0, path


@test
def a_module_finds_the_umask_closed_and_no_network(w):
    w.env["PROBE"] = w.path("probe")
    w.refuse("not a PKCS#11 module", "key", "list", "--token", "alice",
             "--pin-file", w.pin, "--module", PROBE, guard=False)
    said = dict(line.split() for line in
                read(w.path("probe")).decode().splitlines())
    # smart cards are reached through pcscd, so AF_UNIX alone is left
    assert said.pop("unix") == "0"
    assert said.pop("umask") == "77"
    assert len(said) == 8 and set(said.values()) == {"1"}, said  # EPERM


@test
def the_filter_of_these_tests_kills(w):
    for line in ("import socket as s; s.socket(s.AF_INET)",
                 "import socket as s; s.socket(s.AF_INET6)",
                 "import socket as s; s.socket(s.AF_UNIX)",
                 "import socket as s; s.socket(s.AF_NETLINK, s.SOCK_RAW)",
                 "import socket as s; s.socketpair()",
                 "import os; os.fork()",
                 "import subprocess as s; s.run(['true'])"):
        done = subprocess.run([NOSOCKET, sys.executable, "-c", line],
                              check=False, stderr=subprocess.DEVNULL)
        assert done.returncode == -31, (line, done.returncode)
    assert w


if __name__ == "__main__":
    sys.exit(main())
