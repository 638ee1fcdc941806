#!/usr/bin/env python3
"""pinned-top: a small block at the heap's end holds up all below it; malloc_trim and interior purge."""

from lab import CLASSIC, DEFAULT, GLIBC, KIB, MIB, LabCase, main

SIZE = 64 * MIB
BLOCK = 10 * KIB
SLACK = MIB // 2
BOUND = MIB  # on free memory, where little is in use


class PinnedTop(LabCase):
    EXPERIMENT = ["pinned-top"]

    def check_last_block(self, run, size, is_held_when_freed):
        row = run.rows("last blocks", "bytes")[size]
        self.assertAlmostEqual(row["pinned"], SIZE, delta=SLACK)
        if is_held_when_freed:
            self.assertAlmostEqual(row["freed"], SIZE, delta=SLACK)
        else:
            self.assertLess(row["freed"], SLACK)

    def test_the_last_block_holds_up_everything(self):
        for run in self.runs(GLIBC, CLASSIC):
            self.assertAlmostEqual(run.kept("all but the last freed"), SIZE, delta=SLACK)
            self.assertGreaterEqual(run["all but the last freed"]["heap_bytes"], SIZE)
            if run.is_traced():
                self.assertEqual(run["all but the last freed"]["brk"], 0)

    def test_in_glibc_even_freed_as_long_as_the_thread_cache_has_it(self):
        run = self.run_of(GLIBC)
        for size, is_held in ((24, True), (1000, True), (2000, False), (BLOCK, False)):
            self.check_last_block(run, size, is_held)

    def test_in_classic_mode_even_freed_as_long_as_a_fast_bin_has_it(self):
        run = self.run_of(CLASSIC)
        for size, is_held in ((24, True), (1000, False), (2000, False), (BLOCK, False)):
            self.check_last_block(run, size, is_held)

    def test_malloc_trim_gives_back_memory_but_no_addresses(self):
        for run in self.runs():
            self.assertLess(run.kept("malloc_trim(0)"), SLACK)
            self.assertGreaterEqual(run.added("virtual_bytes", "malloc_trim(0)"), SIZE - SLACK)
        for run in self.runs(GLIBC, CLASSIC):
            self.assertGreaterEqual(run["malloc_trim(0)"]["heap_bytes"], SIZE)
            if run.is_traced():
                self.assertGreaterEqual(run["malloc_trim(0)"]["madvise"], 1)

    def test_the_addresses_go_when_nothing_is_at_the_end(self):
        self.assertLess(self.run_of(CLASSIC)["malloc_trim(0) again"]["heap_bytes"], MIB)
        glibc = self.run_of(GLIBC)
        self.assertGreaterEqual(glibc["malloc_trim(0) again"]["heap_bytes"], SIZE)

    def test_in_the_default_mode_nothing_is_held_up(self):
        """Neither by a small block elsewhere nor by one behind the others in their region."""
        run = self.run_of(DEFAULT)
        self.assertAlmostEqual(run.kept("taken"), SIZE, delta=SLACK)
        self.assertLess(run["taken"]["heap_bytes"], MIB)
        self.assertLess(run.kept("all but the last freed"), BOUND + SLACK)
        rows = run.rows("last blocks", "bytes")
        self.assertEqual(set(rows), {24, 1000, 2000, BLOCK})
        for row in rows.values():
            self.assertLess(row["pinned"], BOUND + SLACK)
            self.assertLess(row["freed"], BOUND + SLACK)
        if run.is_traced():
            self.assertGreater(run["all but the last freed"]["madvise"], 0)
            self.assertEqual(run["all but the last freed"]["brk"], 0)

    def test_in_the_default_mode_the_last_region_s_addresses_stay(self):
        run = self.run_of(DEFAULT)
        for step in ("taken", "malloc_trim(0) again"):
            self.assertAlmostEqual(run.added("virtual_bytes", step), 66.3 * MIB, delta=2 * SLACK)


class Larger(LabCase):
    EXPERIMENT = ["pinned-top", "--mebibytes", "256", "--allocators", "arenite"]

    def test_regions_without_a_block_go(self):
        run = self.run_of(DEFAULT)
        self.assertGreater(run.added("virtual_bytes", "taken"), 4 * 66 * MIB)
        self.assertLess(run.added("virtual_bytes", "malloc_trim(0)"), 100 * MIB)


main()
