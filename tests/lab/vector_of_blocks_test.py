#!/usr/bin/env python3
"""vector-of-blocks: 40 MiB for a million blocks of 23 bytes, 56 for 25; from slabs the same for both."""

from lab import CLASSIC, DEFAULT, GLIBC, MIB, LabCase, main

VECTOR = 8 * MIB
SLACK = MIB // 4
# A slab's block takes its class and 2 % for bits and headers; a 2 MiB page may be ahead of its use.
SLAB_SLACK = 3 * MIB


class VectorOfBlocks(LabCase):
    EXPERIMENT = ["vector-of-blocks"]

    def sizes(self, run):
        return run.rows("sizes", "asked")

    def test_the_vector_is_8_mib(self):
        for run in self.runs():
            for row in run.rows("sizes"):
                self.assertAlmostEqual(row["vector_bytes"], VECTOR, delta=SLACK)

    def test_chunks_step_from_32_to_48_between_24_and_25(self):
        each = {16: 32, 23: 32, 24: 32, 25: 48, 32: 48, 33: 48, 40: 48, 41: 64}
        for run in self.runs(GLIBC, CLASSIC):
            self.assertEqual(set(self.sizes(run)), set(each))
            for asked, row in self.sizes(run).items():
                with self.subTest(asked=asked):
                    self.assertAlmostEqual(row["block_bytes"], each[asked] * MIB, delta=SLACK)

    def test_so_it_is_40_and_56_mib(self):
        for run in self.runs(GLIBC, CLASSIC):
            for asked, total in ((23, 40), (25, 56)):
                row = self.sizes(run)[asked]
                self.assertAlmostEqual(row["vector_bytes"] + row["block_bytes"], total * MIB,
                                       delta=SLACK)

    def test_a_slab_has_no_header_to_make_room_for(self):
        each = {16: 16, 23: 32, 24: 32, 25: 32, 32: 32, 33: 48, 40: 48, 41: 48}
        run = self.run_of(DEFAULT)
        for asked, row in self.sizes(run).items():
            with self.subTest(asked=asked):
                self.assertGreaterEqual(row["block_bytes"], each[asked] * MIB - SLACK)
                self.assertLess(row["block_bytes"], each[asked] * MIB + SLAB_SLACK)

    def test_step_by_step_it_is_the_same(self):
        for run in self.runs(GLIBC, CLASSIC):
            self.assertAlmostEqual(run.kept("23 bytes each"), 40 * MIB, delta=SLACK)
            self.assertAlmostEqual(run.kept("25 bytes each"), (40 + 56) * MIB, delta=2 * SLACK)
        run = self.run_of(DEFAULT)
        self.assertLess(run.kept("25 bytes each"), 2 * 40 * MIB + 2 * SLAB_SLACK)


main()
