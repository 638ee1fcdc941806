#!/usr/bin/env python3
"""libarenite.so has no static constructors and no destructors.

malloc is called before any constructor could have run and after the last destructor has, so state
that waits for either is wrong twice. The start files of gcc put one function each into .init_array
(frame_dummy) and .fini_array (__do_global_dtors_aux); nothing else may be there.

Usage: constructors_test.py [--library FILE]
       constructors_test.py --self-test
"""

import argparse
import sys
import tempfile
from pathlib import Path

import elf

ALLOWED = {
    ".preinit_array": set(),
    ".init_array": {"frame_dummy"},
    ".ctors": set(),
    ".fini_array": {"__do_global_dtors_aux"},
    ".dtors": set(),
}


def problems_of(library):
    return [f"{section} holds {name}"
            for section, allowed in ALLOWED.items()
            for name in elf.start_up_functions(library, section) if name not in allowed]


def self_test():
    constructor = "__attribute__((constructor)) static void early(void) {}\n"
    destructor = "__attribute__((destructor)) void late(void) {}\n"
    with tempfile.TemporaryDirectory() as folder:
        broken = problems_of(elf.tiny_library(folder, constructor + destructor))
        sound = problems_of(elf.tiny_library(folder, "int x = 1;\n"))
    wrong = []
    if broken != [".init_array holds early", ".fini_array holds late"]:
        wrong.append(f"expected early and late, got {broken}")
    if sound:
        wrong.append(f"a library without constructors is reported: {sound}")
    return elf.report("constructors self-test", wrong, "a constructor and a destructor are reported")


def main():
    parser = argparse.ArgumentParser(description="checks that nothing runs before or after main")
    parser.add_argument("--library", default=Path(__file__).resolve().parents[2] / "build/release/libarenite.so")
    parser.add_argument("--self-test", action="store_true", help="see that a constructor is reported")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    return elf.report("constructors", problems_of(arguments.library), "none, and no destructors")


if __name__ == "__main__":
    sys.exit(main())
