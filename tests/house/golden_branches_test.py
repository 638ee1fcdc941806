#!/usr/bin/env python3
"""How many branches the library mispredicts in a pair of malloc and free, held to golden_counts.json.

Cells of random replacement (bench/runner/catalogue.py) run under callgrind, which simulates a simple
branch predictor: so the counts do not depend on the processor or on what else it does. Counted is what
callgrind ascribes to code of the library, conditional and indirect, from the first block to the last: the
program's own and libc's branches are not, nor are those of code that lies apart, of which callgrind does
not know whose it is, and which goes by time. The library reads the clock, so that a count moves by some
thousandths on a busy machine: a cell may be above its figure by SLACK.

What gcc makes of the same source differs between its versions: the counts are compared where the
library was made by the compiler that the file names. To change a count on purpose, say why in the
commit and take the new figure over:
    python3 tests/house/golden_branches_test.py --library build/release/libarenite.so --update

Without valgrind the test is skipped (status 77); under CI it fails, unless that chose to do without
(./dev test --quick).

Usage: golden_branches_test.py [--library FILE] [--programs FOLDER] [--update]
       golden_branches_test.py --self-test [--programs FOLDER]
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import elf
from golden_counts_test import GOLDEN, compiler_of

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from runner.catalogue import select  # noqa: E402
from runner.measure import clean_environment  # noqa: E402

PAIRS = 100_000
SLACK = 0.02
SKIPPED = 77
NAMED = re.compile(r"\((\d+)\)(?: (.*))?")


def mispredictions_by_object(text):
    """{object: mispredicted branches} of a callgrind file, each function's own; None where the file
    does not add up to the total that it names."""
    names, costs, events, current, total = {}, {}, [], "", None
    skip = False

    def name_of(value):
        match = NAMED.fullmatch(value)
        if not match:
            return value
        if match.group(2):
            names[match.group(1)] = match.group(2)
        return names.get(match.group(1), "")

    def mispredicted(numbers):
        return sum(int(number) for event, number in zip(events, numbers) if event in ("Bcm", "Bim"))

    for line in text.splitlines():
        key, _, value = line.partition("=" if re.match(r"\w+=", line) else ":")
        if key == "events":
            events = value.split()
        elif key == "totals":
            total = mispredicted(value.split())
        elif key == "ob":
            current = name_of(value)
        elif key == "cob":
            name_of(value)
        elif key == "calls":
            skip = True  # the next line is what was spent in the function that is called
        elif line[:1] in tuple("0123456789+-*"):
            if not skip:
                costs[current] = costs.get(current, 0) + mispredicted(line.split()[1:])
            skip = False
    return costs if "Bcm" in events and total == sum(costs.values()) else None


def count(cell, library, programs):
    """(mispredictions of the library's in a pair, or None; what is wrong)."""
    scale = PAIRS / float(cell.args[cell.args.index("--replacements") + 1])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--branch-sim=yes", f"--callgrind-out-file={out}",
             str(Path(programs) / cell.program), *cell.args, "--scale", f"{scale:.9g}"],
            env=clean_environment() | {"LD_PRELOAD": str(Path(library).resolve())},
            capture_output=True, text=True)
        if done.returncode != 0 or not out.exists():
            return None, f"{cell.name}: callgrind ended with status {done.returncode}: {done.stderr.strip()[-300:]}"
        costs = mispredictions_by_object(out.read_text(errors="replace"))
    if costs is None:
        return None, f"{cell.name}: callgrind's file does not add up"
    mine = [value for name, value in costs.items() if Path(name).name == Path(library).name]
    if not mine:
        return None, f"{cell.name}: no code of {library} ran"
    return sum(mine) / (json.loads(done.stdout)["operations"] / 2), ""


def problems_of(library, programs, golden, compare=True):
    """What is wrong; and the counts as they are, by cell."""
    problems, counts = [], {}
    for name, most in golden.items():
        value, problem = count(select(name)[0], library, programs)
        if value is None:
            problems.append(problem)
            continue
        counts[name] = round(value, 3)
        if compare and value > most + SLACK:
            problems.append(f"{name}: {value:.3f} mispredicted branches a pair, at most {most} allowed; if it must be, "
                            "take the new count over with --update")
    return problems, counts


# Two mallocs that pass on to libc: the one is asked to tell odd sizes from even ones, which half of the
# time cannot be foretold.
PASSED_ON = """
#include <stddef.h>
void* __libc_malloc(size_t size);
volatile size_t odd;
void* malloc(size_t size) { %s return __libc_malloc(size); }
"""
# Two objects and a call between them; the second is named first by the call. 3 + 4 of libm's, 6 of libx's.
SAMPLE = """events: Ir Bc Bcm Bi Bim

ob=(1) /lib/libx.so
fn=(1) f
10 5 4 3 2 1
+2 5 4 2
cob=(2) /lib/libm.so
cfn=(2) g
calls=1 7
+1 90 80 7 9 0
ob=(2)
fn=(2)
7 9 8 3 0 0
* 9 8 0 5 4
ob=/lib/other.so
fn=h
1 1
totals: 29 24 8 7 5
"""


def self_test(programs):
    wrong = []
    found = mispredictions_by_object(SAMPLE)
    if found != {"/lib/libx.so": 6, "/lib/libm.so": 7, "/lib/other.so": 0}:
        wrong.append(f"the sample has 6 and 7 mispredictions, got {found}")
    for broken in (SAMPLE.replace("+2 5 4 2", "+2 5 4 1"), SAMPLE.replace("Bcm", "Dr"), "", SAMPLE.replace("calls=1 7\n", "")):
        if mispredictions_by_object(broken) is not None:
            wrong.append("a file that does not add up is believed")
    without = [status_without_valgrind(e) for e in ({}, {"CI": "true"}, {"CI": "true", "WITHOUT_VALGRIND": "1"})]
    if without != [SKIPPED, 1, SKIPPED]:
        wrong.append(f"without valgrind only CI fails, got {without}")
    if valgrind_missing():
        return elf.report("golden branches self-test", wrong, "the reading of callgrind's file; no valgrind here")
    cell = "replace-1x5000-uniform-line"
    with tempfile.TemporaryDirectory() as folder:
        plain = elf.tiny_library(folder, PASSED_ON % "", name="libplain.so")
        coin = elf.tiny_library(folder, PASSED_ON % "if (size & 1) odd++;", name="libcoin.so")
        for library, least, most in ((plain, 0, 0.01), (coin, 0.4, 0.6)):
            problems, counts = problems_of(library, programs, {cell: 0.1})
            if not least <= counts.get(cell, -1) <= most:
                wrong.append(f"{library.name}: {least} to {most} mispredictions a pair are expected, got {counts} {problems}")
            if bool(problems) != (library is coin):
                wrong.append(f"{library.name}: at most 0.1 a pair are allowed, and {problems} is said")
        if problems_of(coin, programs, {cell: 0.1}, compare=False)[0]:
            wrong.append("the counts of another compiler are compared")
        if "ended with status" not in str(problems_of(coin, folder, {cell: 0.1})[0]):
            wrong.append("a program that is not there is not reported")
        if "no code of" not in str(problems_of(Path(folder) / "libabsent.so", programs, {cell: 0.1})[0]):
            wrong.append("a library that was not loaded is not reported")
    return elf.report("golden branches self-test", wrong, "a branch that cannot be foretold is counted and reported")


def valgrind_missing():
    return shutil.which("valgrind") is None


def status_without_valgrind(environment):
    return 1 if environment.get("CI") and not environment.get("WITHOUT_VALGRIND") else SKIPPED


def main():
    parser = argparse.ArgumentParser(description="counts the branches that malloc and free mispredict")
    parser.add_argument("--library", default=ROOT / "build/release/libarenite.so")
    parser.add_argument("--programs", default=ROOT / "build/release/bench", help="the folder of the bench's programs")
    parser.add_argument("--update", action="store_true", help="write the counts as they are to golden_counts.json")
    parser.add_argument("--self-test", action="store_true", help="see that a branch that cannot be foretold is reported")
    arguments = parser.parse_args()
    if "X86-64" not in elf.output_of("readelf", "-h", sys.executable):
        print("golden branches: not an x86-64 machine, nothing to count")
        return 0
    if arguments.self_test:
        return self_test(arguments.programs)
    if valgrind_missing():
        print("golden branches: there is no valgrind here (Debian: apt-get install valgrind)")
        return status_without_valgrind(os.environ)
    golden = json.loads(GOLDEN.read_text())
    same = golden["compiler"] == compiler_of(arguments.library)
    problems, counts = problems_of(arguments.library, arguments.programs, golden["mispredictions"],
                                   compare=same and not arguments.update)
    if arguments.update and not same:
        problems.append(f"--update needs a library made by {golden['compiler']}, as the other counts are")
    if arguments.update and not problems:
        golden["mispredictions"] = counts
        GOLDEN.write_text(json.dumps(golden, indent=2) + "\n")
        print(f"golden branches: {counts} written")
        return 0
    if not same:
        print(f"golden branches: not made by {golden['compiler']}, so the counts are not compared")
    return elf.report("golden branches", problems, f"mispredicted a pair: {counts}")


if __name__ == "__main__":
    sys.exit(main())
