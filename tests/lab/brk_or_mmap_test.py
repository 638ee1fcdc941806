#!/usr/bin/env python3
"""brk-or-mmap: requests of 128 KiB and more have mappings, mallopt moves the border, and so does a free."""

from lab import CLASSIC, DEFAULT, GLIBC, KIB, MIB, LabCase, main

HEADER_AND_ROUNDING = 8 + 15


class BrkOrMmap(LabCase):
    EXPERIMENT = ["brk-or-mmap"]

    def check_border(self, run, table, threshold):
        """The chunk counts, header and rounding included, not the request."""
        first_mapped = threshold - HEADER_AND_ROUNDING
        for asked, row in run.rows(table, "asked").items():
            with self.subTest(asked=asked):
                place = "mapping" if asked >= first_mapped else "[heap]"
                self.assertEqual(row["place"], place)

    def test_the_border_is_128_kib(self):
        for run in self.runs():
            self.check_border(run, "requests", 128 * KIB)

    def test_mallopt_moves_the_border(self):
        for run in self.runs():
            self.check_border(run, "requests after mallopt", 64 * KIB)

    def test_the_ways_are_brk_and_mmap(self):
        for run in self.runs():
            if not run.is_traced():
                self.skipTest("calls are not counted here")
            for asked, row in run.rows("requests", "asked").items():
                with self.subTest(asked=asked):
                    calls = "mmap 1" if row["place"] == "mapping" else "brk 1" if asked > 16000 else "none"
                    self.assertEqual(row["malloc_calls"], calls)

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

    def test_in_the_default_mode_it_does_not(self):
        run = self.run_of(DEFAULT)
        self.assertEqual(self.places(run), ("mapping", "mapping"))
        self.assertEqual(run.added("heap_bytes", "freed again"), 0)


main()
