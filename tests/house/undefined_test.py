#!/usr/bin/env python3
"""libarenite.so needs libc alone.

It is preloaded into every kind of program, before any other library is ready, so each symbol it
leaves undefined must come from libc or the loader, or be weak and one of the few listed here, which
it can do without. Functions that may allocate or take the loader's lock are not wanted even from
libc: they would call malloc from inside malloc.

Usage: undefined_test.py [--library FILE]
       undefined_test.py --self-test
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

import elf

LIBC = re.compile(r"libc\.so\.6|ld-linux[-\w]*\.so\.[12]")
MAY_BE_MISSING = {
    "_ZSt17__throw_bad_allocv",     # std::__throw_bad_alloc: operator new, if libstdc++ is there
    "_ZSt15get_new_handlerv",       # std::get_new_handler: likewise
    "__gxx_personality_v0",         # the catch in operator new(nothrow): only where something throws
    "__cxa_begin_catch",
    "__cxa_end_catch",
    "_Unwind_Resume",
    "_ITM_deregisterTMCloneTable",  # the start files' own
    "_ITM_registerTMCloneTable",
    "__gmon_start__",
    "__cxa_finalize",
}
UNWANTED = {
    "dlsym": "it may allocate",
    "dlvsym": "it may allocate",
    "dlopen": "it allocates",
    "__tls_get_addr": "it may allocate; thread-local state must be initial-exec",
    "___tls_get_addr": "it may allocate; thread-local state must be initial-exec",
}


def problems_of(library):
    problems = [f"needs {soname}; only libc is allowed" for soname in elf.needed(library) if not LIBC.fullmatch(soname)]
    provided = set()
    for soname, path in elf.needed_paths(library).items():
        if LIBC.fullmatch(soname):
            provided |= elf.defined(path)
    for name, is_weak in sorted(elf.undefined(library)):
        if name in UNWANTED:
            problems.append(f"{name} is unwanted: {UNWANTED[name]}")
        elif name in MAY_BE_MISSING:
            if not is_weak:
                problems.append(f"{name} is undefined and not weak")
        elif name not in provided:
            problems.append(f"{name} is undefined{' (weak)' if is_weak else ''} and not libc's")
    return problems


def self_test():
    source = ("void *_Znwm(unsigned long); void *dlsym(void *, const char *); int puts(const char *);\n"
              "void _ZSt17__throw_bad_allocv(void); void _ZSt15get_new_handlerv(void) __attribute__((weak));\n"
              "double cos(double); extern double angle;\n"
              "void f(void) { _Znwm(1); dlsym(0, \"\"); puts(\"\"); _ZSt17__throw_bad_allocv(); cos(angle);\n"
              "  if (_ZSt15get_new_handlerv) _ZSt15get_new_handlerv(); }\n")
    expected = ["needs libm.so.6; only libc is allowed",
                "_ZSt17__throw_bad_allocv is undefined and not weak",
                "_Znwm is undefined and not libc's",
                "angle is undefined and not libc's",
                "cos is undefined and not libc's",
                "dlsym is unwanted: it may allocate"]
    with tempfile.TemporaryDirectory() as folder:
        broken = problems_of(elf.tiny_library(folder, source, "-Wl,--no-as-needed", "-lm"))
        sound = problems_of(elf.tiny_library(folder, "int puts(const char *); int f(void) { return puts(\"\"); }"))
    wrong = []
    if broken != expected:
        wrong.append(f"expected {expected}, got {broken}")
    if sound:
        wrong.append(f"a library that needs libc alone is reported: {sound}")
    return elf.report("undefined self-test", wrong, "foreign, strong and unwanted symbols are reported")


def main():
    parser = argparse.ArgumentParser(description="checks that the library needs libc alone")
    parser.add_argument("--library", default=Path(__file__).resolve().parents[2] / "build/release/libarenite.so")
    parser.add_argument("--self-test", action="store_true", help="see that foreign symbols are reported")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    return elf.report("undefined", problems_of(arguments.library),
                      f"{len(elf.undefined(arguments.library))} symbols, all of them libc's or weak")


if __name__ == "__main__":
    sys.exit(main())
