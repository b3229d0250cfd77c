# SPDX-License-Identifier: Apache-2.0
# Makefile - the thin door: Meson builds, tools/ does the rest.

MAKEFLAGS += --no-print-directory --no-builtin-rules
RELEASE = build/release
DESTDIR ?=

.PHONY: all help check check-boot check-long demo demo-boot bench fuzz mutants lint coverage install clean

all: ## build the programs (build/release), optimised
	@tools/install build
	@tools/build

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /make \1\t/p' Makefile | expand -t 16
	@echo 'demo KEEP=1 leaves the demo running; fuzz FUZZ_SECONDS=600' \
	      'explores each target longer.'

check: ## install what is missing, build, run every test
	@tools/install build test
	@tools/check

check-boot: ## start the loaders in QEMU: UEFI to dm-verity; the controller
	@tools/install build test boot
	@tools/qemu-boot
	@tools/qemu-controller 60 4

check-long: ## cut the power twice at all pairs, thrice at random; hours
	@tools/install build test
	@tools/build
	@meson test -C $(RELEASE) --suite long --print-errorlogs

demo: ## a whole fleet update on real Debian images; KEEP=1 keeps it up
	@tools/install build test demo
	@tools/build
	@KEEP=$(KEEP) tools/demo

demo-boot: ## a charger in QEMU: Secure Boot, update, attacks, repair
	@tools/install build test demo boot demo-boot
	@tools/demo-boot

bench: ## measure against the floor: build/bench/summary.json
	@tools/install build test demo boot bench
	@tools/build
	@bench/run

fuzz: ## explore every fuzz target with libFuzzer, FUZZ_SECONDS each
	@tools/install build fuzz
	@tools/fuzz

mutants: ## plant bugs in the verifier: the tests must catch each
	@tools/install build test
	@tools/mutants

lint: ## clang-format, clang-tidy, cppcheck, -fanalyzer, house rules
	@tools/install build test lint
	@tools/lint

coverage: ## line coverage of the tests: build/coverage/html
	@tools/install build test coverage
	@tools/coverage

install: all ## install the programs and man pages (DESTDIR=, as root)
	@meson install -C $(RELEASE) --no-rebuild

clean: ## remove everything that was built, the images too
	rm -rf build
