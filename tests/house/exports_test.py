#!/usr/bin/env python3
"""What libarenite.so promises to programs that are linked with it is exactly what exports.golden says.

A name too many can take over a program's own function; a name too few leaves part of the program on
libc's allocator, and the two heaps meet in free(). A version that changes, or another soname, and what
was linked before no longer starts. exports.golden holds the soname and one mangled name a line, with its
version if it has one, followed by what it means; lines that begin with # are its comment.

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
    for name in sorted(names, key=lambda n: (not n.startswith("soname:"), n.startswith("_Z"), n)):
        meaning = elf.output_of("c++filt", name).strip()
        lines.append(name if meaning == name else f"{name:<34} {meaning}")
    Path(path).write_text("\n".join(lines) + "\n")


def promises_of(library):
    return elf.exported(library) | {f"soname:{elf.soname(library)}"}


def problems_of(library, golden):
    exported = promises_of(library)
    expected = read_golden(golden)
    return ([f"{name} is exported but not in {Path(golden).name}" for name in sorted(exported - expected)]
            + [f"{name} is in {Path(golden).name} but not exported" for name in sorted(expected - exported)])


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        source = ("int malloc_x(void){return 1;} int extra(void){return 2;} int own(void){return 4;}\n"
                  "static int hidden(void){return 3;} int (*use)(void) = hidden;")
        versions = Path(folder) / "exports.map"
        versions.write_text("V_2 { global: own; };")
        library = elf.tiny_library(folder, source, "-Wl,-soname,libtiny.so.1", f"-Wl,--version-script={versions}")
        golden = Path(folder) / "exports.golden"
        golden.write_text("# a comment\nsoname:libtiny.so.0\nmalloc_x\nown@@V_1\nuse a pointer\nfree_x\n")
        problems = problems_of(library, golden)
        here = "but not in exports.golden"
        gone = "is in exports.golden but not exported"
        expected = [f"extra is exported {here}", f"own@@V_2 is exported {here}",
                    f"soname:libtiny.so.1 is exported {here}",
                    f"free_x {gone}", f"own@@V_1 {gone}", f"soname:libtiny.so.0 {gone}"]
        write_golden(golden, promises_of(library))
        rewritten = golden.read_text()
        after = problems_of(library, golden)
    wrong = []
    if problems != expected:
        wrong.append(f"expected {expected}, got {problems}")
    if after or rewritten != "# a comment\nsoname:libtiny.so.1\nextra\nmalloc_x\nown@@V_2\nuse\n":
        wrong.append(f"--update wrote {rewritten!r}, and then {after}")
    return elf.report("exports self-test", wrong,
                      "a missing and an extra name, another version and another soname are reported")


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
        write_golden(arguments.golden, promises_of(arguments.library))
    return elf.report("exports", problems_of(arguments.library, arguments.golden),
                      f"{len(read_golden(arguments.golden)) - 1} names and the soname, as the golden list says")


if __name__ == "__main__":
    sys.exit(main())
