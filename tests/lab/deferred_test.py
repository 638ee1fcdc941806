#!/usr/bin/env python3
"""deferred: without touching, addresses end with a null pointer; with memset, memory ends with a kill."""

import unittest
from pathlib import Path

from lab import ALLOCATORS, CALLS, CLASSIC, DEFAULT, GLIBC, KIB, MIB, LabCase, main

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
        """Its header's; in the default mode that of a region's table."""
        for variant, allocators in (("", ALLOCATORS), ("m32", (GLIBC, CLASSIC))):
            for run in self.runs(*allocators, variant=variant):
                end = run.rows("ends", "program")[ALONE]
                self.assertAlmostEqual(end["resident_bytes"], end["blocks"] * 4 * KIB, delta=SLACK)
                self.assertGreater(end["minor_faults"], end["blocks"])

    def test_of_a_mapping_without_a_header_none_is(self):
        end = self.run_of(DEFAULT, "m32").rows("ends", "program")[ALONE]
        self.assertLess(end["resident_bytes"], 3 * MIB)
        self.assertLess(end["minor_faults"], end["blocks"] / 10)
        self.assertGreater(end["blocks"], self.run_of(GLIBC, "m32").rows("ends", "program")[ALONE]["blocks"])

    def test_regions_take_66_mib_of_addresses_for_63_blocks(self):
        ends = self.run_of(DEFAULT).rows("ends", "program")
        # A region of slabs is there before.
        self.assertAlmostEqual(ends[ALONE]["blocks"], (4096 - 64) * 63 / 66.3, delta=50)
        regions = (ends[FILLED]["blocks"] + 62) // 63
        self.assertAlmostEqual(ends[FILLED]["virtual_bytes"], (regions * 66.3 + 64) * MIB, delta=2 * SLACK)

    def test_and_fewer_calls(self):
        for run in self.runs(DEFAULT):
            if not run.is_traced():
                self.skipTest("calls are not counted here")
            glibc = self.run_of(GLIBC)
            self.assertGreater(glibc[FILLED]["mmap"], 200)
            self.assertLess(sum(run[FILLED][call] for call in CALLS), 100)

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
