#!/usr/bin/env python3
"""spacing: 32, 48, 64 … in 64-bit programs; 16, 24, 32, 40 in 32-bit ones; 16, 32, 48 from slabs."""

from lab import CLASSIC, DEFAULT, GLIBC, LabCase, main


def rounded(n, step):
    return (n + step - 1) // step * step


class Spacing(LabCase):
    EXPERIMENT = ["spacing"]

    def distances(self, run):
        return {asked: row["distance"] for asked, row in run.rows("sizes", "asked").items()}

    def check(self, run, header, step, least):
        expected = {n: max(least, rounded(n + header, step)) for n in range(1, 101)}
        self.assertEqual(self.distances(run), expected)

    def test_a_chunk_is_32_48_64_bytes(self):
        for run in self.runs(GLIBC, CLASSIC):
            self.check(run, header=8, step=16, least=32)
            distances = self.distances(run)
            self.assertEqual([distances[n] for n in (1, 24, 25, 40, 41, 56)], [32, 32, 48, 48, 64, 64])

    def test_a_slabs_block_is_what_was_asked_for_rounded_up(self):
        self.check(self.run_of(DEFAULT), header=0, step=16, least=16)

    def test_a_32_bit_chunk_is_16_24_32_40_bytes(self):
        run = self.run_of(CLASSIC, "m32")
        self.check(run, header=4, step=8, least=16)
        distances = self.distances(run)
        self.assertEqual([distances[n] for n in (12, 13, 20, 21, 28, 29, 36)], [16, 24, 24, 32, 32, 40, 40])

    def test_32_bit_glibc_aligns_to_16_since_2_26(self):
        self.check(self.run_of(GLIBC, "m32"), header=4, step=16, least=16)

    def test_a_32_bit_slab_is_the_same(self):
        self.check(self.run_of(DEFAULT, "m32"), header=0, step=16, least=16)

    def test_usable_is_all_but_the_header(self):
        for variant, header in (("", 8), ("m32", 4)):
            for run in self.runs(GLIBC, CLASSIC, variant=variant):
                for row in run.rows("sizes"):
                    self.assertEqual(row["usable"], row["distance"] - header)
            for run in self.runs(DEFAULT, variant=variant):
                for row in run.rows("sizes"):
                    self.assertEqual(row["usable"], row["distance"])


main()
