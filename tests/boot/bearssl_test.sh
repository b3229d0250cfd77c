#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# BearSSL, as the boot stages use it, against OpenSSL.
# usage: bearssl_test.sh CC SOURCE_ROOT
set -eu
cc=$1
root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip()
{
	echo "1..0 # SKIP $1"
	exit 0
}

for variant in i15 i31; do
	"$root/tools/bearssl" build $variant "$work/$variant" "$cc" ||
		skip 'the source package of BearSSL cannot be fetched'
done
# Both have the files that do not depend on the word's length.
rm "$work"/i15/ccopy.o "$work"/i15/dec32be.o "$work"/i15/enc32be.o \
	"$work"/i15/sha2small.o "$work"/i15/ec_secp*.o

bearssl=$("$root/tools/bearssl" fetch)
"$cc" -std=c17 -Wall -Wextra -Wconversion -Wsign-conversion -Wcast-qual \
	-Werror -O2 -I"$root" -isystem "$bearssl/inc" -D_GNU_SOURCE \
	-o "$work/test" "$root/tests/boot/bearssl_test.c" \
	"$root/tests/boot/signer.c" "$root/boot/port/bearssl.c" \
	"$root/boot/port/bearssl_i15.c" "$root/boot/port/bearssl_i31.c" \
	"$root/seal/openssl.c" "$root/seal/keyring.c" "$root/seal/header.c" \
	"$root/seal/signature.c" "$root/seal/text.c" "$root/seal/lms.c" \
	"$work"/i15/*.o "$work"/i31/*.o -lcrypto -lcmocka -ljansson
"$work/test"
