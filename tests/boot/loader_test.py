#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal-boot with a real ext4 image: boots, reboots, falls back, leaves
nothing behind.  Needs root and loop devices.

usage: loader_test.py VOLTSEAL_BOOT FORGE
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BOOT, FORGE = sys.argv[1:3]
SKIP = 77

CHARGER = """#!/bin/busybox sh
echo "$1 $(/bin/busybox cat /etc/version)" > /run/charger
trap 'exit 0' TERM
echo charger up 2>/dev/null
while :; do /bin/busybox sleep 0.1; done
"""
FALLS_OVER = """#!/bin/busybox sh
echo fell over
exit 1
"""
MACHINE = """vehicle = CP-7
charger_component = gateway
component.gateway.hardware = gw-rev3
component.gateway.hash_whole = yes
"""


def make_image(work, version, charger):
    tree = os.path.join(work, "tree-" + version)
    for folder in ("bin", "dev", "etc", "proc", "run", "tmp",
                   "usr/lib/voltseal"):
        os.makedirs(os.path.join(tree, folder))
    shutil.copy(shutil.which("busybox"), os.path.join(tree, "bin/busybox"))
    with open(os.path.join(tree, "etc/version"), "w") as f:
        f.write(version + "\n")
    program = os.path.join(tree, "usr/lib/voltseal/charger")
    with open(program, "w") as f:
        f.write(charger)
    os.chmod(program, 0o755)
    image = os.path.join(work, version + ".img")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", tree, image, "6M"],
                   stdout=subprocess.DEVNULL, check=True)
    return image


def loops_of(path):
    found = []
    for name in os.listdir("/sys/block"):
        try:
            with open(f"/sys/block/{name}/loop/backing_file") as f:
                if f.read().startswith(path):
                    found.append(name)
        except OSError:
            pass
    return found


def wait_for(check, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.05)
    return False


class Loader(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.images = tempfile.mkdtemp(prefix="voltseal-images-")
        cls.sound = make_image(cls.images, "sound", CHARGER)
        cls.sick = make_image(cls.images, "sick", FALLS_OVER)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.images)

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="voltseal-boot-")
        self.started = []
        self.write("machine.conf", MACHINE)

    def tearDown(self):
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stderr.close()
        shutil.rmtree(self.dir)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def read(self, *names):
        try:
            with open(self.path(*names)) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def forge(self, *words):
        subprocess.run([FORGE, self.dir, *words], check=True)

    def start(self, script, *options):
        """The agent is a shell script; $n is the number of its start."""
        self.write("agent", "n=$(cat $VOLTSEAL_DIR/starts 2>/dev/null)\n"
                   "n=$((n + 1)); echo $n > $VOLTSEAL_DIR/starts\n"
                   "trap 'exit 0' TERM\n" + script +
                   "\nwhile :; do sleep 0.1; done\n")
        process = subprocess.Popen(
            [BOOT, "--dir", self.dir, "--agent",
             "/bin/sh " + self.path("agent"), *options],
            stderr=subprocess.PIPE, start_new_session=True, text=True)
        self.started.append(process)
        return process

    def run_to_end(self, script, *options):
        process = self.start(script, *options)
        code = process.wait(timeout=60)
        return code, process.stderr.read()

    def decision(self):
        return json.loads(self.read("decision.json"))

    def test_a_sound_slot_starts_and_stops_when_asked(self):
        self.forge("good", "2", self.sound, "empty", "0", "-")
        process = self.start(
            "chroot $VOLTSEAL_IMAGE /bin/busybox cat /etc/version"
            " > $VOLTSEAL_DIR/health")
        self.assertTrue(wait_for(lambda: self.read("health") == "sound\n"))
        self.assertTrue(
            wait_for(lambda: self.read("run", "charger") == "/run sound\n"))
        d = self.decision()
        self.assertEqual(d["verdict"], "boot")
        self.assertEqual(d["slot"], 0)
        self.assertEqual(d["cause"], "power")
        self.assertFalse(d["trial"])
        self.assertEqual(d["floor"], {"gateway": 1})
        self.assertEqual(d["seen"][1]["refused"], "no-seal")
        self.assertIsNone(d["seen"][0]["component"])
        self.assertEqual(d["header"]["gateway"]["version"], "1.0.0")
        # the image is another process's: nothing is mounted here
        self.assertEqual(os.listdir(self.path("root")), [])
        process.terminate()
        self.assertEqual(process.wait(timeout=10), 0)
        self.assertTrue(wait_for(lambda: not loops_of(self.dir)))

    def test_nothing_that_was_started_outlives_the_machine(self):
        self.forge("good", "2", self.sound, "empty", "0", "-")
        process = self.start(
            "(setsid sleep 1000 & echo $! > $VOLTSEAL_DIR/stray)")
        self.assertTrue(wait_for(lambda: self.read("stray")))
        stray = int(self.read("stray"))
        self.assertTrue(os.path.exists(f"/proc/{stray}"))
        process.terminate()
        self.assertEqual(process.wait(timeout=10), 0)
        self.assertFalse(os.path.exists(f"/proc/{stray}"))

    def test_the_agents_exit_75_is_a_reboot(self):
        self.forge("good", "2", self.sound, "trial", "2", self.sound)
        code, _ = self.run_to_end("exit 75", "--once")
        self.assertEqual(code, 75)
        d = self.decision()
        self.assertTrue(d["trial"])
        self.assertEqual((d["slot"], d["tries_left"]), (1, 2))
        process = self.start("test $n -lt 3 && exit 75")
        self.assertTrue(wait_for(lambda: self.read("starts") == "3\n"))
        d = self.decision()
        self.assertEqual(d["cause"], "request")
        self.assertEqual((d["slot"], d["tries_left"]), (1, 1))
        process.terminate()
        self.assertEqual(process.wait(timeout=10), 0)

    # S0.17 S3.30: a crash loop ends in the slot that was good before
    def test_an_image_that_falls_over_is_left_for_the_old_one(self):
        self.forge("good", "2", self.sound, "trial", "2", self.sick)
        process = self.start("")
        self.assertTrue(
            wait_for(lambda: self.read("run", "charger") == "/run sound\n",
                     50))
        d = self.decision()
        self.assertTrue(d["fell_back"])
        self.assertEqual((d["slot"], d["cause"]), (0, "crash"))
        self.assertEqual(d["seen"][1]["refused"], "no-tries-left")
        self.assertIn("fell over", self.read("boot.log"))
        process.terminate()
        self.assertEqual(process.wait(timeout=10), 0)

    # S0.18: kill -9 of the group is a power cut
    def test_a_power_cut_leaves_nothing_and_takes_no_try(self):
        self.forge("good", "2", self.sound, "trial", "2", self.sound)
        for _ in range(3):
            process = self.start("sleep 1000")
            self.assertTrue(wait_for(
                lambda: self.read("run", "charger") == "/run sound\n"))
            os.remove(self.path("run", "charger"))
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.assertTrue(wait_for(lambda: not loops_of(self.dir)))
            self.assertEqual(self.decision()["tries_left"], 2)

    def test_children_die_with_the_loader_alone(self):
        self.forge("good", "2", self.sound, "empty", "0", "-")
        process = self.start("echo $$ > $VOLTSEAL_DIR/agent-pid")
        self.assertTrue(wait_for(lambda: self.read("agent-pid")))
        agent = int(self.read("agent-pid"))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.assertTrue(
            wait_for(lambda: not os.path.exists(f"/proc/{agent}")))

    # S0.16 S0.21: a slot modified after the install does not boot
    def test_a_changed_image_is_denied(self):
        self.forge("good", "2", self.sound, "empty", "0", "-")
        with open(self.path("slot-a", "gateway"), "r+b") as f:
            f.seek(3000000)
            byte = f.read(1)
            f.seek(3000000)
            f.write(bytes([byte[0] ^ 1]))
        code, errors = self.run_to_end("")
        self.assertEqual(code, 3)
        d = self.decision()
        self.assertEqual((d["verdict"], d["slot"]), ("deny", -1))
        self.assertEqual(d["seen"][0]["refused"], "cluster-mismatch")
        self.assertIn("recovery is needed", errors)
        self.assertEqual(self.read("starts"), "")

    # S0.18 S3.42
    def test_a_slot_below_the_floor_is_denied(self):
        self.forge("good", "0", self.sound, "empty", "0", "-")
        code, _ = self.run_to_end("")
        self.assertEqual(code, 3)
        self.assertEqual(self.decision()["seen"][0]["refused"], "below-floor")

    # S3.22
    def test_without_keyring_or_floor_nothing_starts(self):
        self.forge("good", "2", self.sound, "empty", "0", "-")
        for lost in ("keyring", "floor"):
            os.rename(self.path(lost), self.path("away"))
            code, _ = self.run_to_end("")
            self.assertEqual(code, 3, lost)
            os.rename(self.path("away"), self.path(lost))

    # S0.2
    def test_a_lost_record_starts_what_verifies(self):
        self.forge("good", "2", self.sound, "empty", "0", "-")
        os.remove(self.path("boot-record"))
        code, _ = self.run_to_end("exit 75", "--once")
        self.assertEqual(code, 75)
        self.assertTrue(self.decision()["record_lost"])
        code, _ = self.run_to_end("exit 75", "--once")
        self.assertFalse(self.decision()["record_lost"])

    # S2.37 S3.20: a keyring changes hands, and the old one is gone
    def test_a_stored_keyring_takes_over_when_it_is_confirmed(self):
        self.forge("confirmed", "2", self.sound, "empty", "0", "-")
        shutil.copy(self.path("next"), self.path("keyring-0"))
        shutil.copy(self.path("boot-record"), self.path("confirmed"))
        code, _ = self.run_to_end("exit 75", "--once")
        d = self.decision()
        self.assertEqual((code, d["keyring_version"]), (75, 8))
        self.assertEqual(d["keyrings"][0], {"version": 8, "refused": "none"})
        self.assertEqual(d["epoch_floor"], 0)  # one place is not enough
        shutil.copy(self.path("confirmed"), self.path("boot-record"))
        shutil.copy(self.path("next"), self.path("keyring-1"))
        self.run_to_end("exit 75", "--once")
        self.assertEqual(self.decision()["epoch_floor"], 8)
        os.remove(self.path("keyring-0"))
        code, _ = self.run_to_end("exit 75", "--once")
        self.assertEqual(code, 75)
        os.remove(self.path("keyring-1"))
        code, _ = self.run_to_end("exit 75", "--once")
        self.assertEqual(code, 3)
        self.assertEqual(self.decision()["seen"][0]["refused"],
                         "keyring-rollback")

    def test_one_folder_has_one_loader(self):
        self.forge("good", "2", self.sound, "empty", "0", "-")
        self.start("")
        self.assertTrue(wait_for(lambda: self.read("starts")))
        code, errors = self.run_to_end("")
        self.assertEqual(code, 1)
        self.assertIn("another voltseal-boot", errors)

    def test_wrong_input_gets_one_clear_line(self):
        wrong = {
            "vehicle": "machine.conf",
            "vehicle = a\ncharger_component = b\n": "charger_component",
            MACHINE + "component.x.colour = red\n": "component.x.colour",
            MACHINE + "component.meter.hash_whole = maybe\n": "yes nor no",
            MACHINE + "component.meter.hash_whole = no\n": "meter",
            MACHINE + "vehicle = b\n": "vehicle",
            MACHINE + "colour = b\n": "colour",
        }
        for text, said in wrong.items():
            self.write("machine.conf", text)
            code, errors = self.run_to_end("")
            self.assertEqual(code, 1, text)
            self.assertIn(said, errors)
            self.assertEqual(errors.count("\n"), 1, errors)
        os.remove(self.path("machine.conf"))
        code, errors = self.run_to_end("")
        self.assertEqual((code, errors.count("\n")), (1, 1))
        code = subprocess.run([BOOT, "--colour"], capture_output=True,
                              check=False).returncode
        self.assertEqual(code, 2)


if __name__ == "__main__":
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        print("skipped: needs root and loop devices")
        sys.exit(SKIP)
    if not shutil.which("mke2fs"):
        os.environ["PATH"] += ":/usr/sbin:/sbin"
    unittest.main(argv=sys.argv[:1], verbosity=2)
