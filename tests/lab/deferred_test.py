#!/usr/bin/env python3
"""deferred: without touching, addresses end with a null pointer; with memset, memory ends with a kill."""

import unittest
from pathlib import Path

from lab import KIB, MIB, LabCase, main

ALONE, FILLED = "malloc alone", "malloc and memset"
SLACK = 8 * MIB  # the program itself and what it was forked from
GIB = 1024 * MIB


# Where the kernel promises no more than it has, that may be less than the limits here.
IS_STRICT = Path("/proc/sys/vm/overcommit_memory").read_text().strip() == "2"


@unittest.skipIf(IS_STRICT, "vm.overcommit_memory is 2")
class Deferred(LabCase):
    EXPERIMENT = ["deferred"]

    def ends(self):
        for variant in ("", "m32"):
            for run in self.runs(variant=variant):
                yield run.rows("ends", "program")

    def test_left_alone_it_ends_with_a_null_pointer_at_4_gib_of_addresses(self):
        for ends in self.ends():
            end = ends[ALONE]
            self.assertEqual(end["how"], "null pointer")
            self.assertGreater(end["blocks"], 3800)
            self.assertLess(end["blocks"], 4096)
            self.assertLessEqual(end["virtual_bytes"], 4 * GIB)

    def test_of_a_block_left_alone_one_page_is_memory(self):
        for ends in self.ends():
            end = ends[ALONE]
            self.assertAlmostEqual(end["resident_bytes"], end["blocks"] * 4 * KIB, delta=SLACK)

    def test_filled_it_is_killed_at_256_mib_of_memory(self):
        for ends in self.ends():
            end = ends[FILLED]
            self.assertIn(end["how"], ("killed", "killed by the kernel"))
            self.assertGreater(end["blocks"], 200)
            self.assertLessEqual(end["blocks"], 256)
            self.assertAlmostEqual(end["resident_bytes"], end["blocks"] * MIB, delta=SLACK)

    def test_the_way_there_is_told(self):
        for run in self.runs():
            for table in (ALONE, FILLED):
                rows = run.rows(table)
                self.assertGreater(len(rows), 10)
                self.assertEqual(rows[-1]["blocks"], run.rows("ends", "program")[table]["blocks"])


class Smaller(LabCase):
    EXPERIMENT = ["deferred", "--address-mebibytes", "512", "--memory-mebibytes", "64"]

    def test_the_limits_decide(self):
        for variant in ("", "m32"):
            for run in self.runs(variant=variant):
                ends = run.rows("ends", "program")
                self.assertGreater(ends[ALONE]["blocks"], 400)
                self.assertLess(ends[ALONE]["blocks"], 512)
                self.assertGreater(ends[FILLED]["blocks"], 50)
                self.assertLessEqual(ends[FILLED]["blocks"], 64)


main()
