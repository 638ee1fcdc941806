#!/usr/bin/env python3
"""libarenite.a in static programs on musl: they work, in both modes, and have one malloc.

Builds the library by the preset `musl` and links C programs of these tests with musl-gcc, one of them
also without the archive, which must then be noticed. Exit status 77 without musl-gcc (Debian's package
musl-tools), as there is nothing to build with.

Usage: musl_test.py --root DIR
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
HERE = Path(__file__).resolve().parent


def run(*command, env=None, cwd=None):
    return subprocess.run([str(word) for word in command], env={**os.environ, **(env or {})}, cwd=cwd,
                          capture_output=True, text=True, timeout=500)


def must(*command, cwd=None):
    done = run(*command, cwd=cwd)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, type=Path)
    root = parser.parse_args().root.resolve()
    if shutil.which("musl-gcc") is None:
        print("no musl-gcc here")
        return SKIPPED
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        build = Path(folder) / "build"
        must("cmake", "--preset", "musl", "-B", build, cwd=root)
        must("cmake", "--build", build, "--target", "arenite", "arenite_static")
        for name, libraries in (("in_c", [build / "libarenite.a"]), ("statistics", [build / "libarenite.a"]),
                                ("in_c", [])):
            program = Path(folder) / name
            linked = run("musl-gcc", "-static", "-O1", "-fno-builtin", "-w",
                         "-isystem", root / "packaging/musl/include", f"-I{root}/include", HERE / f"{name}.c",
                         "-o", program, *libraries)
            if not libraries:
                if linked.returncode == 0:
                    faults.append(f"{name} can be linked without the archive")
                continue
            if linked.returncode != 0:
                sys.exit(linked.stderr)
            for mode in ("default", "classic"):
                done = run(program, env={"ARENITE_MODE": mode})
                if done.returncode != 0:
                    faults.append(f"{name}, {mode}: status {done.returncode}: {done.stderr.strip()}")
            symbols = run("nm", "--defined-only", program).stdout.split()
            if symbols.count("malloc") != 1:
                faults.append(f"{name} has {symbols.count('malloc')} mallocs")
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
