#!/usr/bin/env python3
"""brk-or-mmap: requests of 128 KiB and more have mappings, mallopt moves the border, and so does a free.
In the default mode what slabs do not serve comes from a region, and from 4 MiB on has a mapping."""

from lab import CALLS, CLASSIC, DEFAULT, GLIBC, KIB, MIB, LabCase, main

HEADER_AND_ROUNDING = 8 + 15


class BrkOrMmap(LabCase):
    EXPERIMENT = ["brk-or-mmap"]

    def check_border(self, run, table, first_mapped):
        """Below it requests come from [heap]; in the default mode from a region."""
        for asked, row in run.rows(table, "asked").items():
            with self.subTest(asked=asked):
                below = "region" if run.allocator == DEFAULT else "[heap]"
                self.assertEqual(row["place"], "mapping" if asked >= first_mapped else below)

    def test_the_border_is_128_kib(self):
        """The chunk counts, header and rounding included, not the request."""
        for run in self.runs(GLIBC, CLASSIC):
            self.check_border(run, "requests", 128 * KIB - HEADER_AND_ROUNDING)

    def test_in_the_default_mode_it_is_4_mib(self):
        self.check_border(self.run_of(DEFAULT), "requests", 4 * MIB)

    def test_mallopt_moves_the_border(self):
        for run in self.runs():
            self.check_border(run, "requests after mallopt", 64 * KIB - HEADER_AND_ROUNDING)

    def test_the_ways_are_brk_and_mmap(self):
        for run in self.runs(GLIBC, CLASSIC):
            if not run.is_traced():
                self.skipTest("calls are not counted here")
            for asked, row in run.rows("requests", "asked").items():
                with self.subTest(asked=asked):
                    calls = "mmap 1" if row["place"] == "mapping" else "brk 1" if asked > 16000 else "none"
                    self.assertEqual(row["malloc_calls"], calls)

    def test_in_the_default_mode_they_are_mprotect_and_mmap(self):
        """A region is there already, and becomes accessible bit by bit; the first mapping brings its table."""
        run = self.run_of(DEFAULT)
        if not run.is_traced():
            self.skipTest("calls are not counted here")
        calls = {"[heap]": ("none",), "region": ("none", "mprotect 1"), "mapping": ("mmap 2, mprotect 1",)}
        for table in ("requests", "requests after mallopt"):
            for asked, row in run.rows(table, "asked").items():
                with self.subTest(table=table, asked=asked):
                    self.assertIn(row["malloc_calls"], calls[row["place"]])

    def test_a_mapping_that_was_not_written_goes_back_at_once(self):
        run = self.run_of(DEFAULT)
        if not run.is_traced():
            self.skipTest("calls are not counted here")
        rows = run.rows("requests", "asked")
        for asked in (4 * MIB, 64 * MIB):
            self.assertIn("munmap 1", rows[asked]["free_calls"])
        self.assertEqual(rows[128 * KIB]["free_calls"], "none", "a run that the bound allows stays")
        self.assertIn("madvise", rows[4 * MIB - 1]["free_calls"], "what is beyond the bound does not")

    def test_a_freed_mapping_goes_back_at_once(self):
        for run in self.runs(GLIBC, CLASSIC):
            if not run.is_traced():
                self.skipTest("calls are not counted here")
            self.assertEqual(run.rows("requests", "asked")[MIB]["free_calls"], "munmap 1")
            self.assertEqual(run["freed"]["munmap"], 1)

    def places(self, run):
        rows = run.rows("places", "step")
        return rows["1 MiB taken"]["place"], rows["1 MiB again"]["place"]

    def test_a_freed_mapping_moves_the_threshold(self):
        for run in self.runs(GLIBC, CLASSIC):
            self.assertEqual(self.places(run), ("mapping", "[heap]"))
            self.assertGreaterEqual(run.added("heap_bytes", "1 MiB again", "freed"), MIB)
            self.assertGreaterEqual(run.added("heap_bytes", "freed again", "freed"), MIB, "it stays")

    def test_in_the_default_mode_nothing_moves(self):
        run = self.run_of(DEFAULT)
        self.assertEqual(self.places(run), ("region", "region"))
        self.assertEqual(run.added("heap_bytes", "freed again"), 0)
        if run.is_traced():
            self.assertEqual(sum(run["1 MiB again"][call] for call in CALLS), 0, "the same run is there")


main()
