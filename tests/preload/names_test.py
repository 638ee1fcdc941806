#!/usr/bin/env python3
"""An allocator in front of the library is asked for what it would be asked for in front of libc.

A program or a preloaded library that replaces malloc may leave out what is seldom called: libc's
reallocarray calls realloc by name, and so does libstdc++'s operator new with malloc. For each call
that names.cpp makes, the program is run with the same allocator in front of libc alone and in front
of the library, in both modes: the list of calls that the allocator saw, what is written and the exit
status must be the same. That is so where it goes wrong, too: what libc makes of an aligned block
and another's free, we do.

Usage: names_test.py --library FILE (--front FILE PROGRAM | PROGRAM)
"""

import argparse
import subprocess
import sys

# Of C23: a libc that lacks them cannot be the reference.
NEWER_THAN_LIBC = {
    "free_sized": ["malloc(100) free"],
    # The second is of an allocator that has no aligned_alloc: libc's block is not its own.
    "free_aligned_sized": ["aligned_alloc(64,128) free", ""],
}


def run(program, call, preloads, mode):
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "LD_PRELOAD": ":".join(filter(None, preloads)),
                   "ARENITE_MODE": mode}
    done = subprocess.run([program, *call], env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True)
    parser.add_argument("--front", help="the library with an allocator; without it the program has one")
    parser.add_argument("program")
    options = parser.parse_args()
    calls = run(options.program, [], [], "default")[1].split()
    wrong, compared = [], 0
    for call in calls:
        reference = run(options.program, [call], [options.front], "default")
        for mode in ("classic", "default"):
            got = run(options.program, [call], [options.front, options.library], mode)
            compared += 1
            if reference[1] == "absent\n":
                if got[1].strip() not in NEWER_THAN_LIBC[call]:
                    wrong.append(f"{call} ({mode}): {got}, expected one of {NEWER_THAN_LIBC[call]}")
            elif got != reference:
                wrong.append(f"{call} ({mode}): {got}, in front of libc {reference}")
    for line in wrong:
        print(line)
    if compared < 50:
        wrong.append("too little")
    print(f"{compared} runs compared, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
