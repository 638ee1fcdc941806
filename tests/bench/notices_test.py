"""An allocator broken on purpose (broken_malloc.c) must be noticed: the workload fails, the runner
names it and ends with status 1; unbroken, the same library passes."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = os.environ["BENCH_BUILD_DIR"]
BROKEN = os.environ["BENCH_BROKEN_MALLOC"]


def run_set(how, workloads):
    return subprocess.run(
        [sys.executable, "-B", str(ROOT / "bench" / "run"), "--build-dir", BUILD, "-n", "1",
         "--scale", "0.001", "--settle-rounds", "0", "--only", workloads, "--no-install",
         "--allocators", f"glibc,broken={BROKEN}+BROKEN={how}"],
        capture_output=True, text=True)


class Notices(unittest.TestCase):
    def assert_noticed(self, how, workloads, words):
        done = run_set(how, workloads)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for workload in workloads.split(","):
            self.assertRegex(done.stdout, rf"FAILED {workload} under broken: .*{words}")
            self.assertNotIn(f"FAILED {workload} under glibc", done.stdout)

    def test_an_unbroken_library_passes(self):
        done = run_set("nothing", "server,fifo-mixed,calloc,growth,json,replacement")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_blocks_that_overlap(self):
        self.assert_noticed("overlap", "fifo-mixed,random-fixed,replace-fresh,bulk,server,pipeline",
                            "changed by someone else")

    def test_blocks_that_overlap_in_each_way_that_threads_exchange_them(self):
        self.assert_noticed("overlap", "replace-1x1024-power-line,replace-32x64-power-all,"
                            "replace-8x1024-uniform-all-rotate,replace-8x1024-humps-line-eighth,"
                            "replace-32x64-humps-line-heirs", "changed by someone else")

    def test_zeroed_memory_that_is_not_zero(self):
        self.assert_noticed("dirty", "calloc", "not zero")

    def test_a_realloc_that_loses_contents(self):
        self.assert_noticed("realloc", "growth,return-buffer", "realloc lost")

    def test_a_crash(self):
        self.assert_noticed("crash", "cover,lifo-64", "killed by SIGSEGV")


if __name__ == "__main__":
    unittest.main()
