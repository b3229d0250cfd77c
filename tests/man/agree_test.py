#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages name what the programs' --help names, and nothing else.

Arguments: FOLDER PROGRAM...; the page of a program is FOLDER/NAME.*.scd.
Every command, option and setting that --help lists, of the program and of
each of its commands, is in the page; every option of the page is in --help.
"""
import glob
import os
import re
import subprocess
import sys

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
# "  campaign create [FILE.json]  plan a rollout", "  poll_s   seconds ..."
ITEM = re.compile(r"^ {2,4}([a-z][\w.-]*(?: [a-z][\w-]*)?)"
                  r"(?: [\[A-Z]\S*)*(?: {2,}\S|$)", re.MULTILINE)


def ask(program, *words):
    """What --help says; None if there is no such command."""
    done = subprocess.run([program, *words, "--help"], check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=20)
    return None if done.returncode else done.stdout


def crawl(program):
    """(options, items) of all that --help tells."""
    said = ask(program) or ""
    options, items = set(OPTION.findall(said)), set(ITEM.findall(said))
    for item in sorted(items):
        more = ask(program, *item.split())
        if more and more != said:
            options.update(OPTION.findall(more))
            items.update(ITEM.findall(more))
    return options, items


def plain(page):
    """The page's text without scdoc's marks."""
    with open(page, encoding="utf-8") as f:
        text = f.read().replace("\\", "").replace("*", "")
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", "", text)


def named(item, text):
    """`campaign start` is named by "campaign approve | start" too."""
    words = r"\b.*(?<![\w-])".join(re.escape(w) for w in item.split())
    return re.search(r"(?<![\w-])" + words + r"(?![\w-])", text)


def compare(program, page):
    """What page and program do not agree upon, a line each."""
    options, items = crawl(program)
    text = plain(page)
    in_page = set(OPTION.findall(text))
    yield from (f"no {o} in the page" for o in sorted(options - in_page))
    yield from (f"no '{i}' in the page" for i in sorted(items)
                if not named(i, text))
    yield from (f"no {o} in --help" for o in sorted(in_page - options)
                if o not in ("--help", "--version"))
    if not options and not items:
        yield "--help says nothing"


def main():
    folder, programs = sys.argv[1], sys.argv[2:]
    bad = 0
    print(f"1..{len(programs)}")
    for number, program in enumerate(programs, 1):
        name = os.path.basename(program)
        pages = glob.glob(os.path.join(folder, name + ".*.scd"))
        wrong = list(compare(program, pages[0])) if pages else ["no page"]
        for line in wrong:
            print(f"# {name}: {line}")
        bad += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - the page of {name} "
              "names what --help names")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
