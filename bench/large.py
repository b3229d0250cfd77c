# SPDX-License-Identifier: Apache-2.0
"""The image that installs are measured with: Debian as a gateway has it, as
ext4 in 400 MiB.  Made once, by the recipe of tools/images, and kept."""
import hashlib
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE = 400 << 20
LEVEL = 19
PACKAGES = ("systemd,systemd-sysv,dbus,udev,openssl,ca-certificates,python3,"
            "python3-cryptography,python3-requests,python3-yaml,nginx,"
            "sqlite3,curl,openssh-server,iproute2,nftables,chrony,"
            "network-manager,modemmanager,ppp,usbutils,i2c-tools,can-utils,"
            "mosquitto,jq,less,vim-tiny,gdbserver,tcpdump,strace,nodejs,"
            "libpython3-stdlib,tzdata,kmod,wpasupplicant,bluez,avahi-daemon")


def recipe():
    """tools/images as a module: it is a program, and has no suffix."""
    path = os.path.join(HERE, "..", "tools", "images")
    loader = importlib.machinery.SourceFileLoader("recipe", path)
    spec = importlib.util.spec_from_loader("recipe", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def make(made, image):
    """Bootstraps a tree and makes the image from it."""
    work = tempfile.mkdtemp(prefix="voltseal-bench.")
    os.chmod(work, 0o755)
    try:
        folder = os.path.join(work, "tree")
        made.PACKAGES = PACKAGES
        job = made.start_bootstrap("1.1.0", folder, made.find_mirrors())
        output = job.communicate()[0]
        if job.returncode:
            raise RuntimeError("mmdebstrap failed:\n" + output)
        made.sweep(folder)
        made.settle_times(folder)
        inodes = made.count_tree(folder)[1]
        made.make_ext4(folder, "large", SIZE, -(-(inodes + 64) // 256) * 256,
                       image)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def ensure(folder):
    """(the image, the same as one frame of level 19), made if they are not
    there or their recipe is another one."""
    image, frame, stamp = (os.path.abspath(os.path.join(folder, name))
                           for name in ("large.img", "large.zst", "recipe"))
    with open(os.path.abspath(__file__), "rb") as recipe_file:
        want = hashlib.sha256(recipe_file.read()).hexdigest()
    if os.path.exists(stamp) and os.path.exists(frame):
        with open(stamp, encoding="ascii") as made:
            if made.read().strip() == want:
                return image, frame
    if os.geteuid() != 0:
        raise RuntimeError("the image needs root; run it with sudo")
    os.makedirs(folder, exist_ok=True)
    make(recipe(), image)
    subprocess.run(["zstd", "-q", "-f", f"-{LEVEL}", "-T0", image, "-o",
                    frame], check=True)
    with open(stamp, "w", encoding="ascii") as made:
        made.write(want + "\n")
    return image, frame
