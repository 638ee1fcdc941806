#!/usr/bin/env python3
"""libarenite.a in static C programs of another libc or processor: they work, in both modes.

Builds the library by a preset, musl or aarch64, and links programs of these tests with it; the programs of
aarch64 run under qemu. Without the archive a program that asks for our statistics must not link. Exit status 77 where there is no compiler for the platform: there is nothing to build with.

Usage: elsewhere_test.py --root DIR PRESET
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

SKIPPED = 77
HERE = Path(__file__).resolve().parent


@dataclass
class Platform:
    compiler: str
    package: str  # Debian's, that has it
    runs: list = field(default_factory=list)  # what stands before a program
    options: list = field(default_factory=list)


PLATFORMS = {
    "musl": Platform("musl-gcc", "musl-tools", options=["-isystem", "packaging/musl/include"]),
    "aarch64": Platform("aarch64-linux-gnu-gcc", "g++-aarch64-linux-gnu qemu-user", runs=["qemu-aarch64"]),
}


def run(*command, cwd, env=None):
    return subprocess.run([str(word) for word in command], env={**os.environ, **(env or {})}, cwd=cwd,
                          capture_output=True, text=True, timeout=500)


def must(*command, cwd):
    done = run(*command, cwd=cwd)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, type=Path)
    parser.add_argument("preset", choices=PLATFORMS)
    arguments = parser.parse_args()
    root, platform = arguments.root.resolve(), PLATFORMS[arguments.preset]
    for program in (platform.compiler, *platform.runs):
        if shutil.which(program) is None:
            print(f"no {program} here (packages {platform.package})")
            return SKIPPED
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        build = Path(folder) / "build"
        must("cmake", "--preset", arguments.preset, "-B", build, cwd=root)
        must("cmake", "--build", build, "--target", "arenite", "arenite_static", cwd=root)

        def works(name, mode, archive):
            """Whether the program can be linked and ends well; what it said is a fault if it should."""
            program = Path(folder) / name
            linked = run(platform.compiler, "-static", "-O1", "-fno-builtin", "-w", *platform.options, "-Iinclude",
                         HERE / f"{name}.c", "-o", program, *archive, cwd=root)
            if linked.returncode != 0:
                return linked.stderr
            done = run(*platform.runs, program, env={"ARENITE_MODE": mode}, cwd=root)
            return f"status {done.returncode}: {done.stderr.strip()}" if done.returncode != 0 else ""

        for name in ("in_c", "statistics"):
            for mode in ("default", "classic"):
                said = works(name, mode, [build / "libarenite.a"])
                if said:
                    faults.append(f"{name}, {mode}: {said}")
        if not works("statistics", "default", []):
            faults.append("a program without the archive is taken for one with it")
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
