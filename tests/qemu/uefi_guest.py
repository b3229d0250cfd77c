# SPDX-License-Identifier: Apache-2.0
"""A small system for a machine in QEMU: Debian's kernel, a busybox, a root
file system under dm-verity.  What it sees it says on the console, line by
line, each begun with "guest: ".
"""
import gzip
import os
import struct
import subprocess
import zlib

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
	[ ! -c /dev/tpm0 ] || while read -r name command; do
		exec 3<>/dev/tpm0
		echo $command | xxd -r -p >&3
		say "tpm $name $(dd bs=4096 count=1 <&3 2>/dev/null |
			xxd -p | head -n 1 | cut -c 13-20)"
		exec 3>&-
	done </attacks
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
device_of() {{
	found=$(grep -l "^PARTNAME=$1\$" /sys/class/block/*/uevent)
	found=${{found%/uevent}}
	echo /dev/${{found##*/}}
}}
case $(cat /proc/cmdline) in
*voltseal.slot=a*) runs=a other=b ;;
*) runs=b other=a ;;
esac
case $(cat /proc/cmdline) in
*update=1*)
	say "up $runs"
	update $(device_of record) $runs \
		$(device_of source-kernel) $(device_of kernel-$other) \
		$(device_of source-rootfs) $(device_of rootfs-$other)
	reboot -f
	;;
esac
say end
poweroff -f
"""

OWNER, PLATFORM, INDEX = 0x40000001, 0x4000000c, 0x01805653
SESSION = 0x03000000  # the first that a TPM gives for a policy


def tpm_command(code, *parts, sessions=True):
    """A command in hexadecimal; numbers are of four bytes."""
    body = b"".join(struct.pack(">I", p) if isinstance(p, int) else p
                    for p in parts)
    return struct.pack(">HII", 0x8002 if sessions else 0x8001,
                       10 + len(body), code).hex() + body.hex()


def password(session=0x40000009):
    return struct.pack(">IIHBH", 9, session, 0, 0, 0)


def attacks():
    """What root can send to /dev/tpm0, in this order: attempts to write the
    floors, then to put an index of his own in their place."""
    zeros = b"VSFT" + bytes(24)
    zeros = 2 * (zeros + struct.pack("<I", zlib.crc32(zeros)))
    data = struct.pack(">H", len(zeros)) + zeros + b"\0\0"
    public = struct.pack(">HIHIHH", 14, INDEX, 11, 0x02040002, 0, 64)

    def write(who, session=0x40000009):
        return tpm_command(0x137, who, INDEX, password(session), data)

    return [
        ("write-as-owner", write(OWNER)),
        ("write-as-anybody", write(INDEX)),
        ("write-as-platform", write(PLATFORM)),
        ("session", tpm_command(0x176, 0x40000007, 0x40000007,
                                b"\0\x10" + bytes(18) + b"\1\0\x10\0\x0b",
                                sessions=False)),
        ("policy", tpm_command(0x17f, SESSION, b"\0\0" + bytes.fromhex(
            "00000001000b03000800"), sessions=False)),
        ("write-by-policy", write(INDEX, SESSION)),
        ("take-away-as-platform", tpm_command(0x122, PLATFORM, INDEX,
                                              password())),
        ("take-away", tpm_command(0x122, OWNER, INDEX, password())),
        ("make-anew", tpm_command(0x12a, OWNER, password(), b"\0\0",
                                  public)),
        ("write-anew", write(OWNER)),
    ]


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


def make_initrd(debian, verity, out, update=None):
    """debian: what tools/qemu-kernel fetched; the others: static programs."""
    files = {name: (0o40755, b"") for name in
             ("bin", "dev", "proc", "sys", "modules")}
    files["init"] = (0o100755, INIT.encode())
    files["attacks"] = (0o100644, "".join(
        f"{name} {command}\n" for name, command in attacks()).encode())
    files["bin/busybox"] = (0o100755, read(f"{debian}/busybox"))
    if verity:
        files["bin/verity"] = (0o100755, read(verity))
    if update:
        files["bin/update"] = (0o100755, read(update))
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
