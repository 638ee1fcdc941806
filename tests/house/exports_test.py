#!/usr/bin/env python3
"""The names that libarenite.so exports are exactly those of exports.golden.

A name too many can take over a program's own function; a name too few leaves part of the program on
libc's allocator, and the two heaps meet in free(). exports.golden holds one mangled name a line,
followed by what it means; lines that begin with # are its comment.

Usage: exports_test.py [--library FILE] [--golden FILE] [--update]
       exports_test.py --self-test
"""

import argparse
import sys
import tempfile
from pathlib import Path

import elf

HERE = Path(__file__).resolve().parent


def read_golden(path):
    lines = Path(path).read_text().splitlines()
    return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}


def write_golden(path, names):
    old = Path(path).read_text().splitlines() if Path(path).exists() else []
    lines = [line for line in old if line.startswith("#")]
    for name in sorted(names, key=lambda n: (n.startswith("_Z"), n)):
        meaning = elf.output_of("c++filt", name).strip()
        lines.append(name if meaning == name else f"{name:<34} {meaning}")
    Path(path).write_text("\n".join(lines) + "\n")


def problems_of(library, golden):
    exported = elf.defined(library)
    expected = read_golden(golden)
    return ([f"{name} is exported but not in {Path(golden).name}" for name in sorted(exported - expected)]
            + [f"{name} is in {Path(golden).name} but not exported" for name in sorted(expected - exported)])


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        library = elf.tiny_library(folder, "int malloc_x(void){return 1;} int extra(void){return 2;}\n"
                                           "static int hidden(void){return 3;} int (*use)(void) = hidden;")
        golden = Path(folder) / "exports.golden"
        golden.write_text("# a comment\nmalloc_x\nuse a pointer\nfree_x\n")
        problems = problems_of(library, golden)
        expected = ["extra is exported but not in exports.golden", "free_x is in exports.golden but not exported"]
        write_golden(golden, elf.defined(library))
        rewritten = golden.read_text()
        after = problems_of(library, golden)
    wrong = []
    if problems != expected:
        wrong.append(f"expected {expected}, got {problems}")
    if after or rewritten != "# a comment\nextra\nmalloc_x\nuse\n":
        wrong.append(f"--update wrote {rewritten!r}, and then {after}")
    return elf.report("exports self-test", wrong, "a missing and an extra name are reported")


def main():
    parser = argparse.ArgumentParser(description="compares the exported names with the golden list")
    parser.add_argument("--library", default=HERE.parents[1] / "build/release/libarenite.so")
    parser.add_argument("--golden", default=HERE / "exports.golden")
    parser.add_argument("--update", action="store_true", help="make the golden list what is exported now")
    parser.add_argument("--self-test", action="store_true", help="see that differences are reported")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if arguments.update:
        write_golden(arguments.golden, elf.defined(arguments.library))
    return elf.report("exports", problems_of(arguments.library, arguments.golden),
                      f"{len(read_golden(arguments.golden))} names, as the golden list says")


if __name__ == "__main__":
    sys.exit(main())
