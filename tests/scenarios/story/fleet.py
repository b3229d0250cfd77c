# SPDX-License-Identifier: Apache-2.0
"""The update server, its operators, and the chargers on their sites."""
import json
import os
import signal
import ssl
import urllib.error
import urllib.request

from world import StoryError, free_port, read_json, write_text

HARDWARE = {"gateway": "gw-rev3", "controller": "mc-rev2"}
SITES = ("north", "north", "north", "east", "east", "east", "south", "south")


class Server:
    """voltseal-server with a planner and a checker."""
    names = "localhost,127.0.0.1"  # in its certificate

    def __init__(self, world, room, ttl):
        self.world = world
        self.room = room
        self.process = None
        self.folder = os.path.join(world.folder, "server")
        self.data = os.path.join(self.folder, "data")
        self.conf = os.path.join(self.folder, "server.conf")
        self.ports = {"device": free_port(), "operator": free_port()}
        self.ttl = ttl
        os.makedirs(self.folder, exist_ok=True)

    def make(self):
        """Certificate, configuration, database, online keys."""
        tls = os.path.join(self.folder, "tls")
        self.room.issue("server-ca", "update-server", tls,
                        server=self.names)
        root = os.path.join(self.world.folder, "published")
        values = {
            "data_dir": self.data,
            "device_listen": f"127.0.0.1:{self.ports['device']}",
            "operator_listen": f"127.0.0.1:{self.ports['operator']}",
            "tls_cert": os.path.join(tls, "cert.pem"),
            "tls_key": os.path.join(tls, "key.pem"),
            "device_ca": self.room.authority("device-ca"),
            "director_root": os.path.join(root, "director-root",
                                          "1.root.json"),
            "image_root": os.path.join(root, "image-root", "1.root.json"),
            "keyring": os.path.join(root, "keyring"),
            "timestamp_ttl_s": self.ttl,
            "director_ttl_s": self.ttl,
            "poll_s": 1,
            "release_stage": "general",
            **self.settings,
        }
        write_text(self.conf, "".join(f"{k} = {v}\n"
                                      for k, v in values.items()))
        self.world.run("voltseal-server", "init", "--config", self.conf)

    # Who is to be caught while he writes must have much to fetch.
    settings = {"delta_disk_mb": 0}

    def people(self):
        """One who plans and one who approves; tokens in files."""
        for name, role in (("planner", "operator"), ("checker", "approver")):
            token = self.world.run("voltseal-server", "user", "add", name,
                                   "--role", role, "--config", self.conf)
            write_text(self.token_file(name), token.strip() + "\n", 0o600)

    def token_file(self, name):
        """Where one operator keeps the token."""
        return os.path.join(self.folder, name + ".token")

    def start(self):
        """Starts it and waits until it answers."""
        self.process = self.world.start("voltseal-server", "run", "--config",
                                        self.conf, log="server")
        self.world.wait_for("the server's answer", self.answers, 20)

    def answers(self):
        """Whether the operator listener answers."""
        if self.process.poll() is not None:
            raise StoryError("the server ended; see logs/server.log")
        try:
            return self.get("whoami")
        except (urllib.error.URLError, ConnectionError):
            return None

    def stop(self):
        """Asks it to stop."""
        self.world.stop(self.process)

    def get(self, path):
        """One GET of the operators' API, as the planner."""
        with open(self.token_file("planner"), encoding="utf-8") as f:
            token = f.read().strip()
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.ports['operator']}/v1/{path}",
            headers={"Authorization": "Bearer " + token})
        context = ssl.create_default_context(
            cafile=self.room.authority("server-ca"))
        with urllib.request.urlopen(request, timeout=10,
                                    context=context) as answer:
            return json.load(answer)

    def cli(self, who, *args, expect=0):
        """The operators' command line as one of them."""
        return self.world.run(
            "voltseal", "--server",
            f"https://127.0.0.1:{self.ports['operator']}",
            "--ca", self.room.authority("server-ca"),
            "--token-file", self.token_file(who), *args, expect=expect)

    def campaign(self, name, release, **plan):
        """Creates a campaign as planner, has it approved, starts it."""
        path = os.path.join(self.folder, name + ".json")
        write_text(path, json.dumps({"name": name, "release": release,
                                     **plan}))
        made = json.loads(self.cli("planner", "--json", "campaign", "create",
                                   path))
        number = str(made["id"])
        said = self.cli("planner", "campaign", "approve", number, expect=1)
        self.room.refused(said, "the creator approves")
        self.cli("checker", "campaign", "approve", number)
        self.cli("planner", "campaign", "start", number)
        return number

    def audit(self):
        """The whole audit log, page by page."""
        records, after = [], 0
        while True:
            page = self.get(f"audit?after={after}&limit=500")
            if not page:
                return records
            records += page
            after = page[-1]["seq"]

    def refusals(self):
        """{charger: [(reason, about)]} of the audit log."""
        out = {}
        for record in self.audit():
            if record["action"] == "refused":
                out.setdefault(record["subject"], []).append(
                    (record["reason"], record["detail"]))
        return out


class Charger:
    """One charger: a folder with slots, and a boot loader process."""
    hardware = HARDWARE
    host = "localhost"  # the server, as the charger reaches it
    provision_args = ()  # more than every charger is given

    def __init__(self, world, number, server):
        self.world = world
        self.id = f"CP-{number:04d}"
        self.site = SITES[(number - 1) % len(SITES)]
        self.server = server
        self.folder = os.path.join(world.folder, "chargers", self.id)
        self.run_folder = os.path.join(self.folder, "run")
        self.tls = os.path.join(world.folder, "identities", self.id)
        self.process = None

    def ecus(self):
        """{component: (ECU id, hardware id)}."""
        return {c: (f"{self.id}-{c}", h) for c, h in self.hardware.items()}

    def identify(self, room):
        """Gets a certificate; gives where the key is, and a mode of the agent
        that takes a key there."""
        room.issue("device-ca", self.id, self.tls)
        return os.path.join(self.tls, "key.pem"), "development"

    def make(self, room, release, slot_bytes, **settings):
        """Identity, first firmware, registration at the server."""
        key, mode = self.identify(room)
        published = os.path.join(self.world.folder, "published")
        args = []
        for component, hardware in self.hardware.items():
            seal, pack = release[component]
            args += ["--component",
                     f"{component}={hardware}:{slot_bytes[component]}",
                     "--seal", f"{component}={seal}",
                     "--pack", f"{component}={pack}"]
        for name, value in {"mode": mode, **settings}.items():
            args += ["--set", f"{name}={value}"]
        self.world.run(
            "voltseal-agent", "provision", "--dir", self.folder,
            "--vehicle", self.id, *args,
            "--keyring", os.path.join(published, "keyring"),
            "--director-root",
            os.path.join(published, "director-root", "1.root.json"),
            "--image-root",
            os.path.join(published, "image-root", "1.root.json"),
            "--server", f"https://{self.host}:{self.server.ports['device']}",
            "--ca", room.authority("server-ca"),
            "--cert", os.path.join(self.tls, "cert.pem"),
            "--key", key, *self.provision_args)
        self.register()

    def register(self):
        """Tells the server of this charger, as an operator would."""
        with open(os.path.join(self.tls, "cert.pem"), encoding="utf-8") as f:
            certificate = f.read()
        path = os.path.join(self.tls, "register.json")
        write_text(path, json.dumps({
            "id": self.id, "site": self.site, "feeder": "", "model": "dc150",
            "certificate": certificate,
            "ecus": [{"id": e, "component": c, "hardware": h}
                     for c, (e, h) in self.ecus().items()]}))
        self.server.cli("planner", "device", "register", path)

    def power_on(self):
        """Starts the boot loader, which starts image and agent."""
        agent = self.world.program("voltseal-agent")
        self.process = self.world.start(
            "voltseal-boot", "--dir", self.folder, "--agent",
            f"{agent} run --dir {self.folder}", log=self.id)

    def cut_power(self):
        """No goodbye: everything of this charger dies at once."""
        self.world.stop(self.process, signal.SIGKILL)

    def power_off(self):
        """An orderly stop."""
        self.world.stop(self.process)

    def plug(self, connected):
        """A vehicle comes to charge, or leaves."""
        path = os.path.join(self.run_folder, "plug")
        if connected:
            write_text(path, "")
        elif os.path.exists(path):
            os.unlink(path)

    def fetched(self):
        """What the running or last install fetched."""
        return read_json(os.path.join(self.folder, "agent", "fetch.json"))

    def decision(self):
        """What the boot loader decided last."""
        return read_json(os.path.join(self.folder, "decision.json"))

    def believed(self, repository):
        """The version of the newest timestamp it believed."""
        return read_json(os.path.join(
            self.folder, "agent", repository, "timestamp.json"
        ))["signed"]["version"]

    def client_context(self):
        """TLS as this charger, for the attacker's look at its files."""
        context = ssl.create_default_context(
            cafile=self.server.room.authority("server-ca"))
        context.load_cert_chain(os.path.join(self.tls, "cert.pem"),
                                os.path.join(self.tls, "key.pem"))
        return context
