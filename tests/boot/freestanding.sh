#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The boot library and the seal's core need nobody: no libc, no variables.  S1.33
# And their code stays small.
# usage: freestanding.sh CC SOURCE_ROOT SOURCE...
set -eu
cc=$1
root=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile OPTIMISATION SOURCE...: one object of all of them
compile() {
	level=$1
	shift
	rm -f "$work"/*.o
	n=0
	for source in "$@"; do
		n=$((n + 1))
		"$cc" -std=c17 -ffreestanding -fno-stack-protector -fno-pic \
			-fno-asynchronous-unwind-tables "$level" -I"$root" -c "$source" -o "$work/$n.o"
	done
	ld -r -o "$work/all.o" "$work"/[0-9]*.o
}

# What it wants of others, the four memory functions aside.
foreign() {
	nm -u "$work/all.o" | awk '{print $NF}' |
		grep -vxE 'memcpy|memmove|memset|memcmp' || true
}

# What it could change between two calls.
variables() {
	nm --defined-only "$work/all.o" | awk '$2 ~ /^[bBdDC]$/ {print $NF}'
}

code_max=27500 # bytes at -Os; of boot/, seal/'s core and their constants

for level in -O0 -O2 -Os; do
	compile "$level" "$@"
	nm --defined-only "$work/all.o" | grep -q ' T vs_boot_decide$' || {
		echo "vs_boot_decide is not among the sources" >&2
		exit 1
	}
	wants=$(foreign)
	keeps=$(variables)
	if [ -n "$wants" ]; then
		echo "at $level it references: $wants" >&2
		exit 1
	fi
	if [ -n "$keeps" ]; then
		echo "at $level it has variables: $keeps" >&2
		exit 1
	fi
done
code=$(size "$work/all.o" | awk 'NR == 2 { print $1 }')
echo "code: $code bytes at -Os"
if [ "$code" -lt 1000 ] || [ "$code" -gt "$code_max" ]; then
	echo "code: $code bytes, at most $code_max may be" >&2
	exit 1
fi

# The test itself must see a culprit.
cat >"$work/culprit.c" <<'C'
unsigned long strlen(const char *);
unsigned long culprit(const char *s);
unsigned long calls = 1;
unsigned long culprit(const char *s) { return strlen(s) + calls++; }
C
compile -O2 "$work/culprit.c"
[ "$(foreign)" = strlen ] && [ "$(variables)" = calls ] || {
	echo "the test does not see a foreign symbol" >&2
	exit 1
}
