#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Spin checks boot.pml, and finds each of its rules when it is broken.  S1.33
# usage: check.sh CC
set -eu
cc=$1
model=$(cd "$(dirname "$0")" && pwd)/boot.pml
if ! command -v spin >/dev/null; then
	echo '1..0 # SKIP spin is not installed'
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# look DEFINE...: how many errors Spin finds, and over how many states
look()
{
	if ! spin "$@" -a "$model" >spin.log 2>&1; then
		cat spin.log >&2
		exit 1
	fi
	"$cc" -O1 -w -DNOREDUCE -o pan pan.c
	./pan -a -m200000 >pan.log
	if grep -q 'max search depth too small' pan.log; then
		cat pan.log >&2
		exit 1
	fi
	sed -n 's/.*errors: //p' pan.log
}

broken='COPY FLOOR EPOCH HASTE PLACES KEEP TRY'
n=1
echo "1..$(($(echo "$broken" | wc -w) + 1))"
states()
{
	sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.log
}
errors=$(look)
if [ "$errors" = 0 ] && [ "$(states)" -gt 100000 ]; then
	echo "ok 1 - no brick, no rollback, no haste, progress: $(states) states"
else
	echo "not ok 1 - $errors errors, $(states) states"
	cat pan.log >&2
fi
for rule in $broken; do
	n=$((n + 1))
	if [ "$(look "-DBREAK_$rule")" -gt 0 ]; then
		echo "ok $n - without rule $rule it is found"
	else
		echo "not ok $n - without rule $rule nothing is found"
	fi
done
