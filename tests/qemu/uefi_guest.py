# SPDX-License-Identifier: Apache-2.0
"""A small system for a machine in QEMU: Debian's kernel, a busybox, a root
file system under dm-verity.  What it sees it says on the console, line by
line, each begun with "guest: ".
"""
import gzip
import os
import subprocess

VENDOR = "c52002e5-85b0-414a-8449-59f4e4c98f86"

INIT = f"""#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
dmesg -n 3
say() {{ echo "guest: $*"; }}
say "command line $(cat /proc/cmdline)"
for module in $(cat /modules/order); do
	insmod /modules/$module.ko || say "no module $module"
done

vars=/sys/firmware/efi/efivars
mount -t efivarfs vars $vars
say "decision $(tail -c +5 $vars/VoltsealDecision-{VENDOR} |
	hexdump -v -e '1/1 "%02x"')"
if [ -e $vars/VoltsealFloors-{VENDOR} ]; then
	say floors are seen
else
	say floors are hidden
fi
printf '\\007\\000\\000\\000VSFLOORV\\000\\000\\000\\000' \\
	> $vars/VoltsealFloors-{VENDOR} && say floors were written
case $(cat /proc/cmdline) in
*attack=floors*)
	# every way root has to reach what it must not
	chattr -i $vars/* 2>/dev/null
	rm -f $vars/VoltsealFloors-{VENDOR}
	printf '\\003\\000\\000\\000VSFLOORV\\000\\000\\000\\000' \\
		> $vars/VoltsealFloors-{VENDOR}
	;;
esac

pcrs=/sys/class/tpm/tpm0/pcr-sha256
[ -e $pcrs ] && say "pcrs $(cat $pcrs/11) $(cat $pcrs/12)"

mkdir -p /root
for word in $(cat /proc/cmdline); do
	case $word in
	voltseal.verity=*)
		IFS=: read -r name id len salt hash <<-EOS
			${{word#voltseal.verity=}}
		EOS
		device=$(grep -l "^PARTNAME=$name\\$" /sys/class/block/*/uevent)
		device=${{device%/uevent}}
		say "opens $name"
		verity /dev/${{device##*/}} $len $salt $hash
		;;
	voltseal.recovery=1) say recovery ;;
	esac
done
if [ -b /dev/dm-0 ]; then
	mount -t ext4 -o ro,noload /dev/dm-0 /root &&
		say "version $(cat /root/version)"
	if cat /root/data >/data 2>/error; then
		say "data $(sha256sum /data | cut -c 1-16)"
	else
		say "data $(cat /error)"
	fi
fi
say end
poweroff -f
"""


def newc(files):
    """A cpio archive.  files: {name: (mode, bytes)}."""
    out = bytearray()
    for number, (name, (mode, data)) in enumerate(
            list(files.items()) + [("TRAILER!!!", (0, b""))], 1):
        raw = name.encode() + b"\0"
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw),
                  0]
        out += b"070701" + b"".join(b"%08x" % n for n in fields) + raw
        out += b"\0" * (-len(out) % 4)
        out += data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def make_initrd(debian, verity, out):
    """debian: what tools/qemu-kernel fetched; verity: the static program."""
    files = {name: (0o40755, b"") for name in
             ("bin", "dev", "proc", "sys", "modules")}
    files["init"] = (0o100755, INIT.encode())
    files["bin/busybox"] = (0o100755, read(f"{debian}/busybox"))
    if verity:
        files["bin/verity"] = (0o100755, read(verity))
    for name in sorted(os.listdir(f"{debian}/modules")):
        files["modules/" + name] = (0o100644,
                                    read(f"{debian}/modules/{name}"))
    with open(out, "wb") as f:
        f.write(gzip.compress(newc(files), 6, mtime=0))


def make_root(folder, version, out):
    """An ext4 image with the version and a megabyte of data."""
    tree = os.path.join(folder, "tree-" + version)
    os.makedirs(tree)
    with open(f"{tree}/version", "w") as f:
        f.write(version + "\n")
    with open(f"{tree}/data", "wb") as f:
        f.write(version.encode().ljust(64, b".") * 16384)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-b",
                    "4096", "-d", tree, out, "4M"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
