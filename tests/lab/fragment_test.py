#!/usr/bin/env python3
"""fragment: between blocks that stay, chunks keep all memory; slabs and free pages go back."""

from lab import CLASSIC, DEFAULT, GLIBC, MIB, LabCase, main

WAVE = 8 * MIB
WAVES = range(1, 6)
ONE_SIZE = "one-size"


class Fragment(LabCase):
    EXPERIMENT = ["fragment", "--wave", str(WAVE // MIB)]

    def moments(self, run):
        return run.rows("moments", "moment")

    def test_the_same_is_live_under_each(self):
        for run in self.runs():
            moments = self.moments(run)
            for wave in WAVES:
                gone = moments[f"wave {wave}"]["live_bytes"] - moments[f"wave {wave} freed"]["live_bytes"]
                self.assertEqual(gone, WAVE)
            self.assertAlmostEqual(moments["wave 5 freed"]["live_bytes"], 1.42 * WAVE, delta=0.02 * WAVE)
            self.assertEqual(moments["all freed"]["live_bytes"], 0)

    def test_no_wave_of_chunks_fits_into_what_the_last_left(self):
        for run in self.runs(GLIBC, CLASSIC):
            moments = self.moments(run)
            for wave in WAVES:
                self.assertGreater(moments[f"wave {wave}"]["resident_bytes"], wave * 1.24 * WAVE)

    def test_and_none_of_it_goes_back(self):
        for run in self.runs(GLIBC, CLASSIC):
            moments = self.moments(run)
            peak = moments["wave 5"]["resident_bytes"]
            for moment in ("wave 5 freed", "a second later"):
                self.assertGreaterEqual(moments[moment]["resident_bytes"], 0.99 * peak)
            self.assertGreater(peak, 4 * moments["a second later"]["live_bytes"])

    def test_in_the_default_mode_it_does(self):
        moments = self.moments(self.run_of(DEFAULT))
        most_live = max(row["live_bytes"] for row in moments.values())
        for row in moments.values():
            self.assertLess(row["resident_bytes"], 1.4 * most_live)
        later = moments["a second later"]
        self.assertLess(later["resident_bytes"], 1.4 * later["live_bytes"] + MIB)

    def test_what_stayed_held_the_rest(self):
        for run, most in ((self.run_of(CLASSIC), 0.5 * MIB), (self.run_of(DEFAULT), 2 * MIB)):
            self.assertLess(self.moments(run)["all freed"]["resident_bytes"], most)

    def test_glibcs_thread_cache_holds_it_even_then(self):
        glibc, classic = (self.moments(self.run_of(name))["all freed"] for name in (GLIBC, CLASSIC))
        self.assertGreater(glibc["resident_bytes"], classic["resident_bytes"] + WAVE)

    def test_no_allocator_can_help_one_block_in_each_page(self):
        for run in self.runs(variant=ONE_SIZE):
            moments = self.moments(run)
            later = moments["a second later"]
            self.assertLess(later["live_bytes"], 0.1 * WAVE)
            self.assertGreater(later["resident_bytes"], WAVE)

    def test_but_it_can_take_them_again(self):
        for run in self.runs(variant=ONE_SIZE):
            moments = self.moments(run)
            grown = moments["wave 5"]["resident_bytes"] - moments["wave 1"]["resident_bytes"]
            self.assertLess(grown, 0.1 * WAVE)

    def test_one_size_all_freed(self):
        self.assertLess(self.moments(self.run_of(DEFAULT, ONE_SIZE))["all freed"]["resident_bytes"], 2 * MIB)
        for run in self.runs(GLIBC, CLASSIC, variant=ONE_SIZE):
            self.assertGreater(self.moments(run)["all freed"]["resident_bytes"], WAVE, "fast bins")


main()
