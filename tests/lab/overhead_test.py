#!/usr/bin/env python3
"""overhead: a chunk costs eight bytes and rounding to 16, a slab's block its size class, a run rounding to 1 KiB."""

from lab import CLASSIC, DEFAULT, GLIBC, KIB, MIB, LabCase, main

# Asked for, and the size class that a slab serves it from.
CLASSES = {1: 16, 8: 16, 16: 16, 24: 32, 25: 32, 40: 48, 41: 48, 64: 64, 100: 112, 128: 128, 256: 256,
           512: 512, 1000: 1024, 2048: 2048, 4096: 4096, 5000: 5376, 8192: 8192}


def chunk(asked):
    return max(32, (asked + 8 + 15) // 16 * 16)


class Overhead(LabCase):
    EXPERIMENT = ["overhead"]

    def rows(self, run):
        """All sizes, those of the curve too."""
        return {**run.rows("curve", "asked"), **run.rows("sizes", "asked")}

    def assert_close(self, actual, expected, part):
        self.assertAlmostEqual(actual, expected, delta=max(1, part * expected))

    def test_a_chunk_is_the_request_and_eight_bytes_rounded_to_16(self):
        for run in self.runs(GLIBC, CLASSIC):
            for asked, row in self.rows(run).items():
                if asked >= 128 * KIB:
                    continue
                with self.subTest(asked=asked):
                    self.assertEqual(row["usable"], chunk(asked) - 8)
                    self.assert_close(row["resident"], chunk(asked), 0.01)

    def test_a_slabs_block_is_its_size_class(self):
        rows = self.run_of(DEFAULT).rows("sizes", "asked")
        for asked, size in CLASSES.items():
            with self.subTest(asked=asked):
                self.assert_close(rows[asked]["usable"], size, 0.01)
                self.assertGreaterEqual(rows[asked]["resident"], size)
                # Tables, and the end of a slab: 16 KiB are no multiple of 5,376.
                self.assertLessEqual(rows[asked]["resident"], max(size + 1, 1.1 * size))

    def test_what_a_header_costs_falls_with_the_size(self):
        for run in self.runs(GLIBC, CLASSIC):
            rows = run.rows("sizes", "asked")
            for asked, permille in ((8, 750), (24, 250), (64, 200), (128, 111)):
                self.assertAlmostEqual(rows[asked]["lost_permille"], permille, delta=8)
            self.assertLess(rows[16 * KIB]["lost_permille"], 5)

    def test_slabs_have_none(self):
        rows = self.run_of(DEFAULT).rows("sizes", "asked")
        for asked in (16, 64, 128, 256, 512, 2048):
            self.assertLess(rows[asked]["lost_permille"], 50)

    def test_a_mapping_is_whole_pages_and_one_more(self):
        for run in self.runs(GLIBC, CLASSIC):
            rows = run.rows("sizes", "asked")
            for asked in (128 * KIB, MIB, 4 * MIB):
                self.assert_close(rows[asked]["resident"], asked + 4 * KIB, 0.005)

    def test_a_run_is_rounded_to_1_kib_and_has_a_word_for_each(self):
        rows = self.run_of(DEFAULT).rows("sizes", "asked")
        for asked in (10_000, 16 * KIB, 64 * KIB, 128 * KIB, MIB):
            with self.subTest(asked=asked):
                size = (asked + KIB - 1) // KIB * KIB
                self.assertEqual(rows[asked]["usable"], size)
                self.assertGreaterEqual(rows[asked]["resident"], size * (1 + 4 / 1024))
                self.assert_close(rows[asked]["resident"], size * 1.006, 0.003)

    def test_a_mapping_without_a_header_is_what_was_asked_for(self):
        row = self.run_of(DEFAULT).rows("sizes", "asked")[4 * MIB]
        self.assertEqual(row["usable"], 4 * MIB)
        self.assertAlmostEqual(row["resident"], 4 * MIB, delta=16 * KIB)  # half a table: there are two blocks


main()
