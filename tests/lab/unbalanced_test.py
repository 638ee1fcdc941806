#!/usr/bin/env python3
"""unbalanced: 300 MB that thread 1 has freed do not serve thread 2, unless memory goes back by itself."""

from lab import CLASSIC, DEFAULT, GLIBC, MIB, LabCase, main

NEED = 300 * 1000 * 1000
LITTLE = 8 * MIB
VARIANTS = ["", "nothing-kept", "ended", "middle"]


class Unbalanced(LabCase):
    EXPERIMENT = ["unbalanced"]

    def resident(self, run, step):
        """Added since the start, in the process's own memory."""
        return sum(run.added(figure, step) for figure in ("heap_resident_bytes", "anonymous_resident_bytes"))

    def assert_nearly(self, resident, bytes_of_blocks):
        """With headers and the rounding of sizes."""
        self.assertGreaterEqual(resident, bytes_of_blocks)
        self.assertLess(resident, 1.05 * bytes_of_blocks + LITTLE)

    def test_each_thread_needs_300_mb(self):
        for variant in VARIANTS:
            for run in self.runs(variant=variant):
                self.assert_nearly(self.resident(run, "1 has its blocks"), NEED)

    def test_what_thread_1_freed_stays_and_thread_2_takes_as_much_again(self):
        for variant in ("", "middle"):
            for run in self.runs(GLIBC, CLASSIC, variant=variant):
                self.assert_nearly(self.resident(run, "1 freed them"), NEED)
                self.assert_nearly(self.resident(run, "2 has its blocks"), 2 * NEED)

    def test_one_block_or_the_thread_cache_is_what_keeps_it(self):
        """With nothing kept classic's heaps go one after the other; glibc's lie below cached blocks."""
        classic = self.run_of(CLASSIC, "nothing-kept")
        self.assertLess(self.resident(classic, "1 freed them"), LITTLE)
        self.assert_nearly(self.resident(classic, "2 has its blocks"), NEED)
        glibc = self.run_of(GLIBC, "nothing-kept")
        self.assertGreater(self.resident(glibc, "1 freed them"), 0.8 * NEED)
        self.assertGreater(self.resident(glibc, "2 has its blocks"), 1.8 * NEED)

    def test_a_thread_that_ended_leaves_its_arena_to_the_next(self):
        for run in self.runs(GLIBC, CLASSIC, variant="ended"):
            self.assert_nearly(self.resident(run, "1 freed them"), NEED)
            self.assert_nearly(self.resident(run, "2 has its blocks"), NEED)

    def test_in_the_default_mode_it_goes_back_by_itself(self):
        for variant in VARIANTS:
            run = self.run_of(DEFAULT, variant)
            self.assertLess(self.resident(run, "1 freed them"), LITTLE)
            self.assert_nearly(self.resident(run, "2 has its blocks"), NEED)
            self.assertLess(self.resident(run, "2 freed them"), LITTLE)

    def test_in_the_default_mode_a_region_without_a_block_goes_with_its_addresses(self):
        run = self.run_of(DEFAULT, "middle")
        had = run.added("virtual_bytes", "1 has its blocks")
        self.assertGreater(had, NEED)
        self.assertLess(run.added("virtual_bytes", "1 freed them"), had - NEED / 2)

    def test_malloc_trim_gives_it_back_everywhere(self):
        for run in self.all_runs:
            with self.subTest(run=str(run)):
                self.assertLess(self.resident(run, "malloc_trim"), LITTLE)


main()
