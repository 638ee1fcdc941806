"""An experiment of the lab, run by the command with --json, and what of it a test asks for.

    from lab import LabCase, main

    class Lazy(LabCase):
        EXPERIMENT = ["lazy", "--mebibytes", "64"]       run once for all tests of the class

        def test_malloc_takes_no_memory(self):
            for run in self.runs():
                ...  run["malloced"]["resident_bytes"]

    main()

A test asserts sizes and counts, never times: it runs on a busy machine.
"""

import argparse
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

KIB = 1024
MIB = 1024 * 1024
GLIBC, CLASSIC, DEFAULT = "glibc", "arenite-classic", "arenite"
ALLOCATORS = [GLIBC, CLASSIC, DEFAULT]
CALLS = ["brk", "mmap", "munmap", "mremap", "madvise", "mprotect"]

_command = None


def run_lab(*words, env=None):
    """Runs `arenite lab` with an environment that holds nothing an allocator would read."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(env or {})}
    return subprocess.run([str(_command), "lab", *words], env=environment, text=True,
                          capture_output=True, timeout=200)


def answer_of(*words, env=None):
    """What an experiment gives with --json."""
    done = run_lab(*words, "--json", env=env)
    if done.returncode != 0:
        raise AssertionError(f"ended with status {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


class Run:
    """What one allocator made of an experiment, in one variant ("" is the program as it is)."""

    def __init__(self, run):
        self.allocator = run["allocator"]
        self.variant = run["variant"]
        self.steps = {step["step"]: step for step in run["steps"]}
        self.tables = run["rows"]

    def __getitem__(self, step):
        """The figures of a step."""
        return self.steps[step]

    def __str__(self):
        return f"{self.allocator}, {self.variant}" if self.variant else self.allocator

    def rows(self, table, key=None):
        """The rows of a table, in order; with a key, as a dictionary by it."""
        rows = self.tables[table]
        return {row[key]: row for row in rows} if key else rows

    def added(self, figure, step, since="start"):
        """By how much a figure grew between two steps."""
        return self.steps[step][figure] - self.steps[since][figure]

    def kept(self, step):
        """Bytes in memory of the process's own making, more than at the start: smaps, exact."""
        def own(name):
            return self[name]["heap_resident_bytes"] + self[name]["anonymous_resident_bytes"]
        return own(step) - own("start")

    def is_traced(self):
        """Whether calls to the kernel were counted."""
        return all(step["brk"] is not None for step in self.steps.values())


class LabCase(unittest.TestCase):
    EXPERIMENT = []  # words after `arenite lab`
    ENVIRONMENT = {}

    @classmethod
    def setUpClass(cls):
        cls.answer = answer_of(*cls.EXPERIMENT, env=cls.ENVIRONMENT)
        cls.all_runs = [Run(run) for run in cls.answer["runs"]]

    def run_of(self, allocator, variant=""):
        """One run. Skips the test where it was left out for a reason that the command gave."""
        for run in self.all_runs:
            if (run.allocator, run.variant) == (allocator, variant):
                return run
        for left in self.answer["left_out"]:
            if left["variant"] == variant and left["allocator"] in ("", allocator):
                self.skipTest(left["why"])
        self.fail(f"no run of {allocator} {variant}")

    def runs(self, *allocators, variant=""):
        """The runs of these allocators (all), one after the other, each as a sub-test."""
        for allocator in allocators or ALLOCATORS:
            run = self.run_of(allocator, variant)
            with self.subTest(run=str(run)):
                yield run


def main():
    global _command
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", required=True, type=Path, help="the command arenite")
    parser.add_argument("tests", nargs="*", help="classes or tests of this file (all)")
    arguments = parser.parse_args()
    _command = arguments.command.resolve(strict=True)
    unittest.main(argv=[sys.argv[0], *arguments.tests], verbosity=2)
