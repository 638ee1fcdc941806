#!/usr/bin/env python3
"""Runs real programs under the library and compares what they answer with a run without it.

Each case (cases/*.py) is one program with a workload. It is run plain first; that answer is the
reference. Then it is run under LD_PRELOAD=LIBRARY, once for each mode. A round passes if its
answer is the reference's, every program in it ended as it should, had the library loaded, and
wrote no line "arenite: ..." on stderr. For each round one line tells wall time and peak resident
memory.

Packages that a case needs are installed if they are missing (Debian, root or sudo), but for an
optional case, which is skipped.
Exit status: 0 all passed, 1 something failed, 2 bad usage, 77 nothing was run.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from cases import all_cases  # noqa: E402
from packages import install, missing  # noqa: E402
from session import Failure, Session, excerpt  # noqa: E402


def parse_arguments(cases):
    parser = argparse.ArgumentParser(
        prog="run.py", description=__doc__.splitlines()[0])
    parser.add_argument("--library", metavar="PATH", help="the shared library to preload")
    parser.add_argument("--only", metavar="NAME", action="append", default=[],
                        help="run this case only; may be given several times")
    parser.add_argument("--mode", choices=("classic", "default"),
                        help="this mode only (without it: those that the case names)")
    parser.add_argument("--list", action="store_true", help="list the cases and end")
    parser.add_argument("--install-only", action="store_true",
                        help="install what the cases need and end")
    parser.add_argument("--missing", action="store_true",
                        help="list the packages that would be installed and end")
    parser.add_argument("--keep", action="store_true", help="keep the working directory")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.only if name not in cases]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)} (there are: {', '.join(cases)})")
    if not (arguments.list or arguments.install_only or arguments.missing):
        if not arguments.library:
            parser.error("--library is needed")
        if not os.path.isfile(arguments.library):
            parser.error(f"no such library: {arguments.library}")
    return arguments


def say(case, label, text):
    print(f"{case.name:<12} {label:<8} {text}", flush=True)


def play(case, session):
    """One round: the answer, and the line that tells what it took."""
    session.work.mkdir()
    begin = time.monotonic()
    answer = case.run(session)
    seconds = time.monotonic() - begin
    return answer, f"{seconds:6.2f} s  {session.peak_kib / 1024:7.1f} MiB peak"


def differences(reference, answer):
    for key in sorted(reference.keys() | answer.keys()):
        expected, got = reference.get(key), answer.get(key)
        if expected != got:
            yield f"{key}: {excerpt(got, 600)!r}, without the library {excerpt(expected, 600)!r}"


def is_skipped(case):
    missing = [need for need in case.needs if not need.met()]
    if not case.optional or not missing:
        return False
    say(case, "-", "skipped: there is no " + ", no ".join(need.what for need in missing)
        + " (Debian: " + " ".join(need.package for need in missing) + ")")
    return True


def run_case(case, library, modes, directory):
    """Returns the number of rounds that failed."""
    label, failed = "plain", 0
    try:
        install(case.needs)
        directory.mkdir()
        case.prepare(directory)
        reference, cost = play(case, Session(label, directory / label))
        say(case, label, cost)
    except Failure as failure:
        say(case, label, f"FAILED without the library: {failure}")
        return 1
    for label in modes:
        try:
            answer, cost = play(case, Session(label, directory / label, library, label))
            wrong = list(differences(reference, answer))
            if wrong:
                raise Failure("another answer: " + "; ".join(wrong[:5]))
            say(case, label, f"{cost}  same answer ({len(answer)} values)")
        except Failure as failure:
            failed += 1
            say(case, label, f"FAILED {failure}")
        except Exception:  # a program's odd output must not keep the other cases from running
            failed += 1
            say(case, label, f"FAILED, the answer could not be read\n{traceback.format_exc()}")
    return failed


def main():
    cases = all_cases()
    arguments = parse_arguments(cases)
    chosen = [cases[name] for name in dict.fromkeys(arguments.only)] or list(cases.values())
    if arguments.list:
        for case in chosen:
            print(f"{case.name:<12} {case.about}")
        return 0
    if arguments.missing:
        print(*missing([need for case in chosen for need in case.needs]))
        return 0
    if arguments.install_only:
        try:
            added = install([need for case in chosen if not case.optional for need in case.needs])
        except Failure as failure:
            print(f"run.py: {failure}", file=sys.stderr)
            return 1
        print("installed: " + " ".join(added) if added else "nothing to install")
        return 0
    chosen = [case for case in chosen if not is_skipped(case)]
    if not chosen:
        return 77
    root = Path(tempfile.mkdtemp(prefix="arenite-"))
    failed = 0
    try:
        for case in chosen:
            modes = [arguments.mode] if arguments.mode else case.modes
            failed += run_case(case, arguments.library, modes, root / case.name)
            if not arguments.keep:
                shutil.rmtree(root / case.name, ignore_errors=True)
    finally:
        if arguments.keep:
            print(f"kept: {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    print(f"{failed} failed" if failed else "all passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
