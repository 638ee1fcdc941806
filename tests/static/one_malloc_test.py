#!/usr/bin/env python3
"""A static program has one malloc, and it is not libc's.

Reads the program's symbols with nm. Each function of the malloc family that the program contains
must be there once, and nothing of the object that holds libc's own allocator may have been linked
in, which would mean that some of libc's code could still reach it. Exit status: 0 yes, 1 no, 2 bad
usage.
"""

import argparse
import collections
import subprocess
import sys

FAMILY = ("malloc free calloc realloc reallocarray memalign aligned_alloc posix_memalign valloc "
          "pvalloc malloc_usable_size malloc_trim mallopt mallinfo mallinfo2 malloc_stats "
          "malloc_info _Znwm _Znam _ZdlPv _ZdaPv").split()
LIBC_ALLOCATOR = ("_int_malloc", "_int_free", "sysmalloc", "malloc_consolidate", "__libc_malloc",
                  "ptmalloc_init", "main_arena")


def defined_symbols(program):
    listing = subprocess.run(["nm", "--defined-only", program], capture_output=True, text=True)
    if listing.returncode != 0:
        sys.exit(f"one_malloc_test.py: nm: {listing.stderr.strip()}")
    return collections.Counter(line.split()[-1] for line in listing.stdout.splitlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    symbols = defined_symbols(parser.parse_args().program)
    faults = [f"libc's allocator is linked in: {name}" for name in LIBC_ALLOCATOR if symbols[name]]
    faults += [f"{name} is defined {symbols[name]} times" for name in FAMILY if symbols[name] > 1]
    if not symbols["malloc"]:
        faults.append("there is no malloc (is the program stripped?)")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
