# SPDX-License-Identifier: Apache-2.0
"""Ways to bring one image into a slot: the floor, ours, and others'.  Each
result is compared with the image."""
import contextlib
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "tests", "scenarios", "story"))
sys.dont_write_bytecode = True
import large  # noqa: E402
from cell import Watch, put, settle  # noqa: E402
from world import StoryError, free_port, read_json  # noqa: E402

FOOTER = 16384
FETCHING = "Downloading"


def check(image, slot, name):
    """The slot holds the image."""
    if subprocess.run(["cmp", "-s", "-n", str(os.path.getsize(image)), image,
                       slot], check=False).returncode:
        raise RuntimeError(name + " did not install the image")


class Way:
    """One way to install: what it is called, and how it is done once."""
    name = ""

    def __init__(self, timer, folder, image):
        self.timer, self.folder, self.image = timer, folder, image
        self.slot = os.path.join(folder, "slot")
        os.makedirs(folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def empty(self):
        """As a slot that was never written."""
        with open(self.slot, "wb") as out:
            out.truncate(os.path.getsize(self.image))

    def commands(self):
        raise NotImplementedError

    def check(self):
        check(self.image, self.slot, self.name)

    def once(self, **how):
        self.empty()
        got = self.timer.run(*self.commands(), **how)
        if got:
            self.check()
        return got


class Floor(Way):
    """zstd -d of one frame, and sync."""
    name = "zstd -d, sync"

    def __init__(self, timer, folder, image, frame):
        super().__init__(timer, folder, image)
        self.frame = frame

    def empty(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.slot)

    def commands(self):
        return (["zstd", "-q", "-d", self.frame, "-o", self.slot],
                ["sync", self.slot])


class Copy(Floor):
    """Nothing to decode, nothing verified."""
    name = "cp, sync"

    def commands(self):
        return (["cp", "--sparse=never", "--reflink=never", self.image,
                 self.slot], ["sync", self.slot])


class Ours(Way):
    """voltseal-agent install, from a pack in a file."""
    name = "voltseal-agent"

    def __init__(self, timer, machine, image):
        self.charger = machine.charger(1)
        super().__init__(timer, self.charger.folder, image)
        self.machine, self.slot = machine, self.charger.slot

    def empty(self):
        self.charger.empty_slot()

    def commands(self):
        return (self.machine.install_command(self.charger),)

    def resume(self, **how):
        """All of it stands, and the power was cut before the footer."""
        with open(self.slot, "r+b") as slot:
            slot.seek(-FOOTER, os.SEEK_END)
            slot.write(bytes(FOOTER))
            slot.flush()
            os.fsync(slot.fileno())
            os.posix_fadvise(slot.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        got = self.timer.run(*self.commands(), **how)
        self.check()
        return got


def make_key(folder):
    """A key and a certificate with which the others sign."""
    key, cert = (os.path.join(folder, n) for n in ("key.pem", "cert.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
         "-days", "30", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost",
         "-addext", "extendedKeyUsage=codeSigning,serverAuth"], check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return key, cert


RAUC = """[system]
compatible=bench
bootloader=noop
bundle-formats=plain
statusfile={folder}/status
mountprefix={folder}/mnt
[keyring]
path={cert}
check-purpose=codesign
[slot.gateway.0]
device={folder}/running
type=raw
bootname=A
[slot.gateway.1]
device={slot}
type=raw
bootname=B
"""
MANIFEST = """[update]
compatible=bench
version=1
[bundle]
format=plain
[image.gateway]
filename=gateway.img
"""


class Rauc(Way):
    """A squashfs bundle with zstd; the kernel mounts and decodes it."""
    name = "rauc 1.8"
    program = "rauc"

    def __init__(self, timer, folder, image):
        super().__init__(timer, folder, image)
        self.env = self.bus = self.service = None
        key, cert = make_key(folder)
        put(self.path("conf"), RAUC.format(folder=folder, cert=cert,
                                           slot=self.slot))
        os.makedirs(self.path("mnt"))
        os.makedirs(self.path("in"))
        put(self.path("in/manifest.raucm"), MANIFEST)
        shutil.copy(image, self.path("in/gateway.img"))
        put(self.path("running"), "")
        subprocess.run(
            ["rauc", "--cert", cert, "--key", key, "bundle",
             "--mksquashfs-args=-comp zstd -b 512K "
             f"-Xcompression-level {large.LEVEL}",
             self.path("in"), self.path("bundle")], check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.path("in"))

    def start(self, cores):
        """A bus and the service on it."""
        address = "unix:path=" + self.path("bus")
        self.env = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=address,
                        DBUS_STARTER_BUS_TYPE="session")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--address=" + address],
            **quiet)
        time.sleep(0.3)
        self.service = subprocess.Popen(
            ["rauc", "-c", self.path("conf"), "--override-boot-slot=A",
             "service"], env=self.env,
            preexec_fn=self.timer.cell.enter(cores), **quiet)
        time.sleep(0.7)

    def stop(self):
        for one in (self.service, self.bus):
            one.terminate()
            one.wait()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("bus"))

    def commands(self):
        return (["rauc", "-c", self.path("conf"), "install",
                 self.path("bundle")], ["sync", self.slot])

    def once(self, **how):
        self.start(how.get("cores"))
        try:
            return super().once(service=self.service.pid, env=self.env, **how)
        except FileNotFoundError:
            return None  # the service is no more
        finally:
            self.stop()


SW_DESCRIPTION = """software =
{{
	version = "1";
	hardware-compatibility = ["1.0"];
	images: ({{
		filename = "gateway.zst";
		device = "{slot}";
		type = "raw";
		compressed = "zstd";
		sha256 = "{digest}";
		installed-directly = true;
	}});
}}
"""


class Swupdate(Way):
    """A signed cpio archive with one zstd frame, installed as it streams."""
    name = "swupdate 2022.12"
    program = "swupdate"

    def __init__(self, timer, folder, image, frame):
        super().__init__(timer, folder, image)
        self.key, self.cert = make_key(folder)
        digest = subprocess.run(["sha256sum", frame], check=True, text=True,
                                capture_output=True).stdout.split()[0]
        put(self.path("sw-description"),
            SW_DESCRIPTION.format(slot=self.slot, digest=digest))
        subprocess.run(
            ["openssl", "cms", "-sign", "-in", "sw-description", "-out",
             "sw-description.sig", "-signer", self.cert, "-inkey", self.key,
             "-outform", "DER", "-nosmimecap", "-binary"], check=True,
            cwd=folder)
        shutil.copy(frame, self.path("gateway.zst"))
        with open(self.path("gateway.swu"), "wb") as out:
            subprocess.run(
                ["cpio", "-o", "-H", "crc", "--quiet"], check=True, text=True,
                input="sw-description\nsw-description.sig\ngateway.zst\n",
                stdout=out, cwd=folder)
        os.unlink(self.path("gateway.zst"))

    def commands(self):
        return ([*self.begin(), "-i", self.path("gateway.swu")],
                ["sync", self.slot])

    def begin(self):
        return ["swupdate", "-H", "bench:1.0", "-k", self.cert,
                "--cert-purpose", "codeSigning"]


NGINX = """daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ }}
http {{
    access_log off;
    sendfile on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        root {folder};
    }}
}}
"""


class SwupdateTls(Way):
    """The same from nginx over loopback TLS."""
    name = "swupdate 2022.12 from nginx"

    def __init__(self, of):
        super().__init__(of.timer, of.folder, of.image)
        self.of, self.port, self.server = of, free_port(), None
        put(self.path("nginx.conf"),
            NGINX.format(folder=of.folder, port=self.port, cert=of.cert,
                         key=of.key))
        self.env = dict(os.environ, SSL_CERT_FILE=of.cert)

    def commands(self):
        return ([*self.of.begin(), "-d",
                 f"-u https://localhost:{self.port}/gateway.swu"],
                ["sync", self.slot])

    def once(self, **how):
        with subprocess.Popen(
                ["nginx", "-p", self.folder, "-e", self.path("nginx.log"),
                 "-c", self.path("nginx.conf")], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=self.timer.cell.enter(None)) as server:
            time.sleep(0.5)
            try:
                return super().once(env=self.env, **how)
            finally:
                server.terminate()


class OursTls:
    """voltseal-agent run, told by the server to install: from the moment when
    it begins to fetch to the moment when the slot is whole."""
    name = "voltseal-agent from voltseal-server"

    def __init__(self, timer, chargers, image):
        self.timer, self.left, self.image = timer, list(chargers), image

    def phase(self, charger):
        state = read_json(os.path.join(charger.folder, "agent", "state.json"))
        return state["phase"] if state else ""

    def wait(self, charger, agent, what):
        """Until what(phase) is true."""
        end = time.monotonic() + 120
        while not what(self.phase(charger)):
            if agent.poll() is not None or time.monotonic() > end:
                raise StoryError("the charger did not fetch the release")
            time.sleep(0.002)

    def once(self, watch=False):
        charger = self.left.pop()
        settle()
        with open(charger.log, "wb") as log:
            agent = subprocess.Popen(
                [charger.world.program("voltseal-agent"), "run", "--dir",
                 charger.folder], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
                preexec_fn=self.timer.cell.enter(None))
        try:
            watcher = Watch(agent.pid)
            self.wait(charger, agent, FETCHING.__eq__)
            start = time.monotonic()
            if watch:
                watcher.start()
            self.wait(charger, agent, FETCHING.__ne__)
            took = time.monotonic() - start
            memory = watcher.stop() if watch else None
        except StoryError:
            return None
        finally:
            if watch:
                watcher.over.set()
            agent.terminate()
            agent.wait()
        check(self.image, charger.slot, self.name)
        os.truncate(charger.slot, 0)  # it is not needed any more
        return {"seconds": took, "memory": memory}
