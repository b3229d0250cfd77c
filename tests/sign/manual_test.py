# SPDX-License-Identifier: Apache-2.0
"""The manual page agrees with --help, and the runbook's commands work as they
stand there.

Arguments: voltseal-sign, folder of the helpers, the source tree.
"""
import os
import re
import stat
import subprocess
import sys

from world import SIGN, main, read, test, write

TREE = sys.argv[3]
TOKEN = {"--token", "--pin-file", "--module"}


def in_help(w):
    """Commands and their options as --help tells them."""
    text = w.run("--help")[0].split("Commands:\n")[1].split("\n\n")[0]
    commands = {}
    for line in text.splitlines():
        name = re.match(r" +(\S+(?: \S+)?)  ", line).group(1)
        usage = re.search("^Usage: (.*)$", w.run(*name.split(), "--help")[0],
                          re.MULTILINE).group(1)
        commands[name] = set(re.findall(r"--[a-z-]+", usage))
    return commands


def in_manual():
    """The same as the manual page tells it."""
    commands = {}
    page = read(os.path.join(TREE, "docs/man/voltseal-sign.1.scd")).decode()
    for line in page.splitlines():
        entry = re.match(r"\*([a-z]+(?: [a-z]+)?)\* (.*(?:--|_TOKEN_|\[bash).*)",
                         line)
        if not entry:
            continue
        options = commands.setdefault(entry.group(1), set())
        options |= set(re.findall(r"--[a-z-]+", entry.group(2)))
        if "_TOKEN_" in entry.group(2):
            options |= TOKEN
    return commands


@test
def the_manual_page_has_every_command_and_option_and_no_other(w):
    told, written = in_help(w), in_manual()
    assert len(told) > 10
    assert sorted(told) == sorted(written)
    for name, options in told.items():
        assert options == written[name], (name, options ^ written[name])


@test
def every_exit_status_is_in_help_and_manual(w):
    out, _ = w.run("--help")
    page = read(os.path.join(TREE, "docs/man/voltseal-sign.1.scd")).decode()
    for code in "01234":
        assert re.search(rf"\b{code} [a-zP]", out.split("Exit status")[1])
        assert f"\n*{code}*\n" in page


WRAPPER = """#!/bin/sh
# What the person at the keyboard types.
case " $* " in
*" token init "*) set -- "$@" --pin-file {pin} --so-pin-file {so_pin} ;;
*" --token "*) set -- "$@" --pin-file {pin} ;;
esac
case $1 in
approve | sign | transcript) yes yes | exec {sign} "$@" ;;
*) exec {sign} "$@" ;;
esac
"""


PAGES = ("signing-room.md", "ceremonies.md")


def page(name):
    """A page for operators."""
    return read(os.path.join(TREE, "docs/operations", name)).decode()


@test
def the_runbooks_work_as_they_stand(w):
    blocks = []
    for name, count in zip(PAGES, (10, 5)):
        found = re.findall(r"(?ms)^```sh\n(.*?)^```", page(name))
        assert len(found) == count, (name, len(found))
        blocks += found
    os.mkdir(w.path("bin"))
    wrapper = write(w.path("bin", "voltseal-sign"), WRAPPER.format(
        pin=w.pin, so_pin=w.so_pin, sign=SIGN))
    os.chmod(wrapper, stat.S_IRWXU)
    os.makedirs(w.path("usb", "online"))
    w.online_key()
    for name in ("director", "snapshot", "timestamp"):
        write(w.path("usb", "online", name + ".pub.json"),
              read(w.path("keys", "online.pem")))
    write(w.path("gateway-1.1.0.img"), bytes(range(256)) * 2500)
    write(w.path("controller-1.1.0.bin"), b"controller" * 100)
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=CP-0001", "-keyout", w.path("CP-0001.key"), "-out",
                    w.path("CP-0001.csr")], check=True, capture_output=True)
    env = dict(w.env, USB=w.path("usb"),
               PATH=w.path("bin") + ":" + os.environ["PATH"])
    done = subprocess.run(["sh", "-eu", "-c", "".join(blocks)], env=env,
                          cwd=w.folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=400)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert done.stdout.count("all good") == 7, done.stdout.count("all good")
    assert "witnessed by dave (root)" in done.stdout
    newest = max(os.listdir(w.path("usb", "out", "metadata")))
    assert newest == "4.targets.json", newest
    assert os.path.exists(w.path("usb", "out", "keyring.2"))
    out, _ = w.run("key", "list", "--token", "dave", "--pin-file", w.pin)
    assert "release" in out


@test
def every_command_in_the_runbook_is_run(w):
    text = "".join(map(page, PAGES))
    outside = re.sub(r"(?ms)^```sh\n.*?^```", "", text)
    named = set(re.findall(r"voltseal-sign ([a-z]+)", outside))
    assert named <= {name.split()[0] for name in in_help(w)}, named


if __name__ == "__main__":
    sys.exit(main())
