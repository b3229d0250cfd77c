# SPDX-License-Identifier: Apache-2.0
"""A transparency log from the signing room to a witness, a monitor and a
charger's judgement, with the real programs; and everybody who lies.

Arguments: voltseal-sign, folder of tests/sign's helpers, voltseal, cut.so,
folder of tests/sign.
"""
import atexit
import base64
import functools
import http.client
import http.server
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading

sys.path.insert(0, sys.argv[5])
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import model  # noqa: E402
from world import main, read, sha256, test, write  # noqa: E402

VOLTSEAL, CUT = map(os.path.abspath, sys.argv[3:5])
ORIGIN = "log.example/seals"
NAME = "witness.example/w1"


def log(w, *parts, room=None):
    """A path in a room's log."""
    return os.path.join(room or w.room, "log", *parts)


def run(*args, expect=0):
    """Runs voltseal; gives (stdout, stderr)."""
    done = subprocess.run([VOLTSEAL, *map(str, args)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, timeout=60)
    assert done.returncode == expect, (
        f"{' '.join(map(str, args))}: exit {done.returncode}, not {expect}\n"
        f"{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


class Witness:
    """A running witness; stop it or kill it."""

    def __init__(self, w, state="witness"):
        self.w, self.state = w, w.path(state)
        self.cut = w.path("cut")
        self.process = self.port = None
        atexit.register(lambda: self.process and self.process.kill())
        self.start()

    def start(self):
        """On a free port."""
        env = dict(os.environ, LD_PRELOAD=CUT, VS_CUT=self.cut)
        env["ASAN_OPTIONS"] = "verify_asan_link_order=0"
        self.process = subprocess.Popen(
            [VOLTSEAL, "witness", "serve", "--key", self.w.path("witness.key"),
             "--name", NAME, "--policy", self.w.path("policy.logs"),
             "--state", self.state, "--listen", "127.0.0.1:0"],
            env=env, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on port "), line
        self.port = int(line.split()[-1])

    @property
    def url(self):
        """The submission prefix."""
        return f"http://127.0.0.1:{self.port}"

    def post(self, body, path="/add-checkpoint", method="POST"):
        """(status, body, type) of an answer."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            c.request(method, path, body)
            answer = c.getresponse()
            return (answer.status, answer.read().decode(),
                    answer.headers["Content-Type"])
        finally:
            c.close()

    def size(self):
        """The size that it keeps."""
        files = [f for f in os.listdir(self.state)
                 if f != "lock" and "." not in f]
        assert len(files) == 1, files
        return model.checkpoint(read(os.path.join(self.state, files[0])))[1]

    def stop(self):
        """As a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        self.process.stdout.close()

    def died(self):
        """Waits for the end by a signal."""
        assert self.process.wait(30) == -signal.SIGKILL
        self.process.stdout.close()
        os.unlink(self.cut)


def request(w, old, proof_from, size, room=None):
    """A request with an honest proof of the room's log."""
    folder = log(w, room=room)
    note = read(os.path.join(folder, "checkpoints", str(size)))
    hashes = model.leaves(folder, size)
    return model.request(old, model.consistency(proof_from, hashes), note)


class Served:
    """A folder served on loopback, as the server serves it."""

    def __init__(self, folder):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=folder))
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def seal_of(w, name, component):
    """The seal file of a release's component."""
    target, = [t for p, t in w.release(name).items()
               if p.startswith(component)]
    return os.path.join(w.out, "artifacts", target["hashes"]["sha256"])


def monitor(w, url, state, *more, expect=0):
    """Events of one look."""
    out, err = run("monitor", "--log", url, "--policy", w.path("policy"),
                   "--state", w.path(state), "--once", "--json", *more,
                   expect=expect)
    del err
    return [json.loads(line) for line in out.splitlines()]


def alarms(events):
    """Their reasons."""
    return [e["reason"] for e in events if e["event"] == "alarm"]


def new_entry(w, room=None, tag=""):
    """One more entry: an SBOM makes a new one about the same seal."""
    new_entry.count += 1
    sbom = write(w.path("sbom"), f"sbom {tag} {new_entry.count}")
    w.run("log", "append", "--room", room or w.room, "--seal",
          seal_of(w, "1.0.0", "gateway"), "--sbom", sbom)


new_entry.count = 0


def sign(w, room=None):
    """Signs the log as it stands; gives the words."""
    return w.run("log", "checkpoint", "--room", room or w.room, "--key",
                 w.path("log.key"))[0]


def publish(w, expect=0):
    """The room's last release with what the room's log has of it."""
    return w.run(*w.args("publish", "6.6.6"), expect=expect)[0]


def witnessed(w, witness, start, room=None):
    """request, ask, cosign: the way of a checkpoint to its publication."""
    room = room or w.room
    w.run("log", "request", "--room", room, "--from", start, "--out",
          w.path("request"))
    run("witness", "ask", witness.url, w.path("request"), "--out",
        w.path("answer"))
    out, _ = w.run("log", "cosign", "--room", room, w.path("answer"))
    assert "published" in out


@test
def what_is_in_force_is_logged_once(w):
    w.images()
    w.open_room()
    w.propose("1.0.0", 10, "1.0.0")
    w.approve_release("1.0.0")
    w.run(*w.args("publish", "1.0.0"))
    vkey, _ = w.run("log", "init", "--room", w.room, "--origin", ORIGIN,
                    "--key", w.path("log.key"))
    w.vkey = vkey.strip()
    assert w.vkey.startswith(ORIGIN + "+")
    assert os.stat(w.path("log.key")).st_mode & 0o777 == 0o600
    assert "2 added, 2 in the log" in w.run("log", "append", "--room",
                                            w.room)[0]
    assert "0 added, 2 in the log" in w.run("log", "append", "--room",
                                            w.room)[0]
    assert "published" in sign(w)
    w.refuse("conflict", "log", "init", "--room", w.room, "--origin", "other",
             "--key", w.path("log.key"))


@test
def the_files_are_those_of_the_standard(w):
    origin, size, root = model.checkpoint(read(log(w, "checkpoint")))
    assert (origin, size) == (ORIGIN, 2)
    texts = model.entries(log(w), size)
    hashes = model.leaves(log(w), size)
    assert hashes == [model.leaf_hash(e) for e in texts]
    assert model.root(hashes) == root
    for entry in texts:
        leaf = json.loads(entry)
        assert entry.decode() == json.dumps(leaf, sort_keys=True,
                                            separators=(",", ":"))
        seal = seal_of(w, "1.0.0", leaf["component"])
        assert leaf["seal"] == {"length": os.path.getsize(seal),
                                "sha256": sha256(seal)}
        assert leaf["releaseCounter"] == 10 and leaf["rollbackIndex"] == 1


@test
def openssl_verifies_the_checkpoint(w):
    text, lines = read(log(w, "checkpoint")).split(b"\n\n")
    sig = base64.b64decode(lines.split()[-1])
    write(w.path("text"), text + b"\n")
    write(w.path("sig"), sig[4:])
    key = base64.b64decode(w.vkey.split("+", 2)[2])
    assert key[0] == 1 and sig[:4].hex() == w.vkey.split("+")[1]
    write(w.path("pub.der"),
          bytes.fromhex("302a300506032b6570032100") + key[1:])
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform",
                    "DER", "-inkey", w.path("pub.der"), "-rawin", "-in",
                    w.path("text"), "-sigfile", w.path("sig")], check=True,
                   stdout=subprocess.DEVNULL)


@test
def proofs_are_judged_as_a_charger_judges(w):
    write(w.path("policy"), f"log {w.vkey}\nquorum none\n")
    w.run("log", "prove", "--room", w.room, "--out", w.path("proofs"))
    seal = seal_of(w, "1.0.0", "gateway")
    proof = w.path("proofs", "gateway", "gateway-1.0.0.seal.tlog-proof")
    args = ("log", "verify", "--policy", w.path("policy"), "--seal", seal)
    assert "of 2 in " + ORIGIN in w.run(*args, proof)[0]
    other = w.path("proofs", "controller",
                   "controller-1.0.0.seal.tlog-proof")
    w.refuse("seal-mismatch", *args, other)
    bad = write(w.path("bad"), read(proof).replace(b"\n2\n", b"\n3\n"))
    w.refuse("bad-signature", *args, bad)
    shutil.copy(log(w, "checkpoint"), w.path("kept-2"))


@test
def a_monitor_tells_what_is_new_and_only_once(w):
    with Served(log(w)) as served:
        events = monitor(w, served.url, "monitor")
        seals = [e for e in events if e["event"] == "seal"]
        assert [e["index"] for e in seals] == [0, 1]
        assert {e["leaf"]["component"] for e in seals} == {"gateway",
                                                           "controller"}
        assert events[-1] == {"event": "checkpoint", "origin": ORIGIN,
                              "size": 2, "witnesses": 0}
        assert len(monitor(w, served.url, "monitor")) == 1
    assert len(monitor(w, log(w), "monitor")) == 1  # a folder will do
    monitor(w, served.url, "monitor", expect=3)
    monitor(w, w.path("nowhere"), "monitor", expect=3)


@test
def a_monitor_knows_what_is_expected(w):
    metadata = [f for f in os.listdir(os.path.join(w.out, "metadata"))
                if f.endswith(".release.json")]
    newest = max(metadata, key=lambda f: int(f.split(".")[0]))
    expected = ("--expected", os.path.join(w.out, "metadata", newest))
    assert not alarms(monitor(w, log(w), "expecting", *expected))
    w.run("propose", "release", "--room", w.room, "--name", "6.6.6", "--seq",
          11, "--level", 1, "--update-type", "security", "--component",
          f"gateway={w.path('small')}:6.6.6:gw-rev3:1")
    w.approve_release("6.6.6")
    assert "log append, log checkpoint --" in publish(w)
    w.run("log", "append", "--room", w.room)
    assert "voltseal-sign log checkpoint --" in publish(w)
    sign(w)
    assert "not-logged" not in publish(w)
    found = monitor(w, log(w), "expecting", *expected, expect=1)
    assert alarms(found) == ["unexpected-release"]
    assert [e["leaf"]["version"] for e in found
            if e["event"] == "seal"] == ["6.6.6"]
    # it was told; the log itself is in order
    assert not alarms(monitor(w, log(w), "expecting", *expected))
    digest = sha256(seal_of(w, "6.6.6", "gateway"))
    listed = write(w.path("list"), f"# by the release team\n{digest} 6.6.6\n")
    shutil.rmtree(w.path("expecting"))
    assert not alarms(monitor(w, log(w), "expecting", *expected,
                              "--expected", listed))
    run("monitor", "--log", log(w), "--policy", w.path("policy"), "--state",
        w.path("expecting"), "--once", "--expected",
        write(w.path("list"), "no digest\n"), expect=1)


@test
def what_is_published_of_the_log_goes_out_with_its_proofs(w):
    # S0.18
    out = os.path.join(w.out, "log")
    shutil.rmtree(out)
    shutil.rmtree(os.path.join(w.out, "proofs"))
    assert "not-logged" not in publish(w)
    size = model.checkpoint(read(log(w, "checkpoint")))[1]
    assert size == 3 and sorted(os.listdir(out)) == ["checkpoint", "tile"]
    files = [os.path.relpath(os.path.join(d, f), out)
             for d, _, names in os.walk(out) for f in names]
    assert sorted(files) == ["checkpoint", "tile/0/000.p/3",
                             "tile/entries/000.p/3"], files
    for name in files:
        assert read(os.path.join(out, name)) == read(log(w, name)), name
    for component, name in (("gateway", "1.0.0"), ("controller", "1.0.0"),
                            ("gateway", "6.6.6")):
        said, _ = w.run(
            "log", "verify", "--policy", w.path("policy"), "--seal",
            seal_of(w, name, component), os.path.join(
                w.out, "proofs", component,
                f"{component}-{name}.seal.tlog-proof"))
        assert f"of {size} in " in said
    tile = os.path.join(out, "tile/0/000.p/3")
    write(tile, read(tile)[::-1])  # a folder that has another log
    metadata = os.path.join(w.out, "metadata")
    shutil.rmtree(metadata)
    w.refuse("conflict", *w.args("publish", "6.6.6"))
    assert not os.path.exists(metadata)  # it names what must be there
    os.unlink(tile)
    os.unlink(os.path.join(out, "checkpoint"))
    publish(w)
    assert read(tile) == read(log(w, "tile/0/000.p/3"))
    assert read(os.path.join(out, "checkpoint")) == read(log(w, "checkpoint"))


@test
def a_witness_key_and_its_state_are_its_own(w):
    vkey, _ = run("witness", "init", "--key", w.path("witness.key"), "--name",
                  NAME)
    w.witness_vkey = vkey.strip()
    assert os.stat(w.path("witness.key")).st_mode & 0o777 == 0o600
    assert run("witness", "init", "--key", w.path("witness.key"), "--name",
               NAME)[0] == vkey
    write(w.path("policy.logs"), f"log {w.vkey}\nquorum none\n")
    write(w.path("policy"), f"log {w.vkey}\nwitness w1 {w.witness_vkey}\n"
          "quorum w1\n")
    w.witness = Witness(w)
    serve = ("witness", "serve", "--name", NAME, "--policy",
             w.path("policy.logs"), "--listen", "127.0.0.1:0", "--key")
    _, err = run(*serve, w.path("witness.key"), "--state", w.path("witness"),
                 expect=1)
    assert "another witness" in err
    shutil.copy(w.path("witness.key"), w.path("open.key"))
    os.chmod(w.path("open.key"), 0o644)
    _, err = run(*serve, w.path("open.key"), "--state", w.path("other"),
                 expect=1)
    assert "chmod 600" in err


@test
def a_checkpoint_is_published_when_its_quorum_has_cosigned(w):
    w.run("log", "policy", "--room", w.room, w.path("policy"))
    new_entry(w)
    assert "waits for witnesses" in sign(w)
    assert model.checkpoint(read(log(w, "checkpoint")))[1] == 3
    publish(w)  # what waits for witnesses stays in the room
    assert os.listdir(os.path.join(w.out, "log", "tile", "0")) == ["000.p"]
    assert os.listdir(os.path.join(w.out, "log", "tile", "0", "000.p")) == [
        "3"]
    witnessed(w, w.witness, 0)
    text = read(log(w, "checkpoint")).decode()
    assert model.checkpoint(text.encode())[1] == 4
    assert NAME in text and not os.path.exists(log(w, "pending"))
    assert w.witness.size() == 4
    events = monitor(w, log(w), "monitor")
    assert events[-1]["witnesses"] == 1 and not alarms(events)


@test
def every_request_gets_the_answer_of_the_standard(w):
    post = w.witness.post
    for _ in range(3):
        new_entry(w)
    sign(w)
    assert model.checkpoint(read(log(w, "pending")))[1] == 7
    code, text, kind = post(request(w, 3, 3, 7))
    assert (code, text, kind) == (409, "4\n", "text/x.tlog.size")
    note = read(log(w, "checkpoints", "7"))
    assert post(b"no request")[0] == 400
    assert post(b"")[0] == 400
    assert post(request(w, 8, 4, 7))[0] == 400
    assert post(model.request(4, [], note))[0] == 422
    assert post(model.request(4, [bytes(32)] * 3, note))[0] == 422
    assert post(request(w, 4, 4, 7).replace(ORIGIN.encode(), b"log.other/x")
                )[0] == 404
    stranger = note.replace(b"\xe2\x80\x94 " + ORIGIN.encode(),
                            b"\xe2\x80\x94 stranger")
    proof = model.consistency(4, model.leaves(log(w), 7))
    assert post(model.request(4, proof, stranger))[0] == 403
    assert post(model.request(4, proof, note.replace(b"\n7\n", b"\n8\n"))
                )[0] == 403
    assert post(b"", path="/")[0] == 404
    assert post(None, method="GET")[0] == 405
    c = http.client.HTTPConnection("127.0.0.1", w.witness.port, timeout=30)
    c.putrequest("POST", "/add-checkpoint")
    c.putheader("Content-Length", "1000000")
    c.endheaders()
    assert c.getresponse().status == 413
    c.close()
    assert w.witness.size() == 4
    code, text, _ = post(request(w, 4, 4, 7))
    assert code == 200 and text.startswith("\u2014 " + NAME + " ")
    assert w.witness.size() == 7
    # a log that asks late is told where the witness is
    w.run("log", "request", "--room", w.room, "--from", 4, "--out",
          w.path("request"))
    out, _ = run("witness", "ask", w.witness.url, w.path("request"), "--out",
                 w.path("answer"), expect=1)
    assert out == "7\n"
    witnessed(w, w.witness, 7)


@test
def a_rollback_is_refused_and_changes_nothing(w):
    post = w.witness.post
    assert post(request(w, 7, 3, 3))[0] == 400
    assert post(request(w, 3, 3, 3))[:2] == (409, "7\n")
    assert post(request(w, 0, 0, 3))[:2] == (409, "7\n")
    assert w.witness.size() == 7


@test
def a_fork_is_refused_and_kept_as_evidence(w):
    # the whole room copied, and each copy goes its own way
    w.fork = w.path("fork")
    shutil.copytree(w.room, w.fork)
    new_entry(w, tag="honest")
    new_entry(w, room=w.fork, tag="forked")
    new_entry(w, room=w.fork, tag="forked")
    sign(w)
    sign(w, room=w.fork)
    witnessed(w, w.witness, 7)
    assert w.witness.size() == 8
    code, text, _ = w.witness.post(request(w, 8, 8, 9, room=w.fork))
    assert code == 422 and "log-forked" in text
    assert w.witness.size() == 8
    evidence, = [f for f in os.listdir(w.witness.state)
                 if f.endswith(".fork")]
    assert model.checkpoint(read(os.path.join(
        w.witness.state, evidence)))[1] == 9
    # two roots for one size
    shutil.rmtree(w.fork)
    shutil.copytree(w.room, w.fork)
    for name in ("checkpoint", "checkpoints/8"):
        os.unlink(log(w, name, room=w.fork))
    for folder, _, files in os.walk(log(w, "tile", room=w.fork)):
        for name in files:
            if name == "8":
                os.unlink(os.path.join(folder, name))
    size7 = read(log(w, "checkpoints", "7"))
    write(log(w, "state", room=w.fork),
          b"\n".join(size7.split(b"\n")[1:3]) + b"\n")
    write(log(w, "checkpoint", room=w.fork), size7)
    new_entry(w, room=w.fork, tag="forked")
    sign(w, room=w.fork)
    code, text, _ = w.witness.post(request(w, 8, 8, 8, room=w.fork))
    assert (code, text) == (409, "8\n")


@test
def an_old_copy_of_the_room_does_not_sign_again(w):
    room = w.path("restored")
    shutil.copytree(w.fork, room)
    shutil.copy(log(w, "checkpoint"), log(w, "pending", room=room))
    w.refuse("log-forked", "log", "checkpoint", "--room", room, "--key",
             w.path("log.key"))
    size7 = read(log(w, "checkpoints", "7"))
    write(log(w, "state", room=room),
          b"\n".join(size7.split(b"\n")[1:3]) + b"\n")
    w.refuse("log-truncated", "log", "checkpoint", "--room", room, "--key",
             w.path("log.key"))


@test
def a_monitor_sees_a_fork_a_cut_and_a_replay(w):
    events = monitor(w, log(w), "monitor")
    assert events[-1]["size"] == 8 and not alarms(events)
    plain = w.path("policy-plain")
    write(plain, f"log {w.vkey}\nquorum none\n")

    def look(folder, expect=1):
        out, _ = run("monitor", "--log", folder, "--policy", plain, "--state",
                     w.path("monitor"), "--once", "--json", expect=expect)
        return alarms([json.loads(line) for line in out.splitlines()])

    forked = w.path("forked-log")
    shutil.copytree(log(w, room=w.fork), forked)
    shutil.copy(os.path.join(forked, "pending"),
                os.path.join(forked, "checkpoint"))
    assert look(forked) == ["log-forked"]
    assert os.path.exists(w.path("monitor", "evidence-log-forked-8"))
    # the fork grows: no entry of it can make it the log that was
    new_entry(w, room=w.fork, tag="forked")
    sign(w, room=w.fork)
    shutil.rmtree(forked)
    shutil.copytree(log(w, room=w.fork), forked)
    shutil.copy(os.path.join(forked, "pending"),
                os.path.join(forked, "checkpoint"))
    assert look(forked) == ["log-forked"]
    # an older checkpoint of the true log
    cut = w.path("cut-log")
    shutil.copytree(log(w), cut)
    shutil.copy(log(w, "checkpoints", "7"), os.path.join(cut, "checkpoint"))
    assert look(cut) == ["log-replayed"]
    new_entry(w)
    sign(w)
    witnessed(w, w.witness, 8)
    shutil.rmtree(cut)
    shutil.copytree(log(w), cut)
    shutil.rmtree(os.path.join(cut, "tile", "entries"))
    assert look(cut) == ["log-truncated"]
    # entries that are not those that were signed
    shutil.rmtree(cut)
    shutil.copytree(log(w), cut)
    bundle = os.path.join(cut, "tile", "entries", "000.p", "9")
    write(bundle, read(bundle).replace(b"gateway", b"gatewaY"))
    assert look(cut) == ["hash-mismatch"]
    # a foreign key, a foreign log
    write(plain, f"log {w.vkey.replace(ORIGIN, 'log.other/x')}\n"
          "quorum none\n")
    run("monitor", "--log", log(w), "--policy", plain, "--state",
        w.path("monitor"), "--once", expect=1)
    # the true log is still followed
    assert not alarms(monitor(w, log(w), "monitor"))


@test
def a_cut_between_keeping_and_answering_costs_one_question(w):
    new_entry(w)
    sign(w)
    body = request(w, 9, 9, 10)
    for when, kept, again in (("before", 9, 200), ("after", 10, 409)):
        if when == "after":
            new_entry(w)
            sign(w)
            body, kept, again = request(w, 10, 10, 11), 11, 409
        write(w.witness.cut, when)
        try:
            w.witness.post(body)
            raise AssertionError("an answer left a dead witness")
        except (http.client.HTTPException, OSError):
            pass
        w.witness.died()
        w.witness.start()
        assert w.witness.size() == kept
        code, text, _ = w.witness.post(body)
        assert code == again, (when, code, text)
        assert again == 200 or text == f"{kept}\n"
        assert w.witness.size() == (10 if when == "before" else 11)
    witnessed(w, w.witness, 11)


@test
def of_many_at_once_each_step_is_cosigned_once(w):
    for _ in range(20):
        new_entry(w)
        sign(w)
    last = model.checkpoint(read(log(w, "pending")))[1]
    assert last == 31
    hashes = model.leaves(log(w), last)
    notes = {n: read(log(w, "checkpoints", str(n)))
             for n in range(11, last + 1)}
    steps, lock = [], threading.Lock()

    def ask(seed):
        rng = random.Random(seed)
        size = 11
        while size < last:
            to = min(last, size + rng.randint(1, 3))
            code, text, _ = w.witness.post(model.request(
                size, model.consistency(size, hashes[:to]), notes[to]))
            assert code in (200, 409), (code, text)
            if code == 200:
                with lock:
                    steps.append((size, to))
                size = to
            else:
                assert int(text) > size or int(text) == last
                size = int(text)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    # one chain: no size was left twice, none went back
    steps.sort()
    assert steps[0][0] == 11 and steps[-1][1] == last
    assert all(a[1] == b[0] for a, b in zip(steps, steps[1:])), steps
    assert w.witness.size() == last


@test
def a_charger_that_keeps_a_checkpoint_refuses_the_fork(w):
    witnessed(w, w.witness, 31)
    seal = seal_of(w, "1.0.0", "controller")
    proof = w.path("proof")
    w.run("log", "prove", "--room", w.room, "--seal", seal, "--out", proof)
    args = ("log", "verify", "--policy", w.path("policy"), "--seal", seal)
    w.run(*args, proof)
    # what it kept: among the linked ones, then too old, then linked by hand
    w.run(*args, "--last", log(w, "checkpoints", "30"), proof)
    kept = log(w, "checkpoints", "2")
    w.run(*args, "--last", kept, proof)
    # an older proof after a newer checkpoint
    newest = log(w, "checkpoint")
    old = w.path("proofs", "controller", "controller-1.0.0.seal.tlog-proof")
    w.refuse("too-few-witnesses", *args, old)
    plain = write(w.path("policy-plain"), f"log {w.vkey}\nquorum none\n")
    plain_args = ("log", "verify", "--policy", plain, "--seal", seal)
    w.refuse("log-replayed", *plain_args, "--last", newest, old)
    # the fork proves the same seal, and its checkpoint contradicts
    os.unlink(log(w, "policy", room=w.fork))
    sign(w, room=w.fork)
    w.run("log", "prove", "--room", w.fork, "--seal", seal, "--out", proof,
          "--from", 8)
    w.run(*plain_args, proof)
    w.run(*plain_args, "--last", log(w, "checkpoints", "7"), proof)
    w.refuse("log-forked", *plain_args, "--last",
             log(w, "checkpoints", "8"), proof)
    w.witness.stop()


@test
def a_witness_whose_memory_is_damaged_signs_nothing(w):
    state = w.path("witness")
    name, = [f for f in os.listdir(state) if f != "lock" and "." not in f]
    path = os.path.join(state, name)
    kept = read(path)
    w.witness = Witness(w)
    for bad in (b"", kept[:-1], kept.replace(b"\n31\n", b"\n30\n")):
        write(path, bad)
        assert w.witness.post(request(w, 31, 31, 31))[0] == 500
        assert w.witness.post(request(w, 0, 0, 31))[0] == 500
    write(path, kept + bytes(200_000))  # what cannot be read at all
    assert w.witness.post(request(w, 0, 0, 31))[0] == 500
    write(path, kept)
    assert w.witness.post(request(w, 31, 31, 31))[0] == 200
    w.witness.stop()


if __name__ == "__main__":
    sys.exit(main())
