#!/usr/bin/env python3
"""map-clear: glibc keeps a cleared map's memory, arenite does not; over a region nobody does."""

from lab import CLASSIC, DEFAULT, GLIBC, KIB, MIB, LabCase, main

ENTRIES = 200_000
NODE_BYTES = 56
REGION = "region"


def own_resident(run, step):
    """Resident bytes added since the start, wherever the allocator got them."""
    return sum(run.added(figure, step) for figure in ("heap_resident_bytes", "anonymous_resident_bytes"))


class MapClear(LabCase):
    EXPERIMENT = ["map-clear", "--entries", str(ENTRIES)]

    def test_an_entry_is_a_chunk_of_64_bytes(self):
        for run in self.runs(GLIBC, CLASSIC):
            self.assertAlmostEqual(run.added("heap_resident_bytes", "filled"), 64 * ENTRIES, delta=64 * KIB)

    def test_chunks_in_fast_bins_stay(self):
        for run in self.runs(GLIBC, CLASSIC):
            for step in ("cleared", "one second later"):
                self.assertGreaterEqual(own_resident(run, step), 0.99 * own_resident(run, "filled"))
            if run.is_traced():
                self.assertEqual((run["cleared"]["brk"], run["cleared"]["madvise"]), (0, 0))

    def test_slabs_go_back_but_for_one_mib(self):
        run = self.run_of(DEFAULT)
        self.assertAlmostEqual(own_resident(run, "filled"), 64 * ENTRIES, delta=0.05 * 64 * ENTRIES)
        for step in ("cleared", "one second later"):
            self.assertLess(own_resident(run, step), 1.5 * MIB)

    def test_over_a_region_an_entry_is_its_56_bytes(self):
        for run in self.runs(variant=REGION):
            self.assertAlmostEqual(own_resident(run, "filled"), NODE_BYTES * ENTRIES, delta=64 * KIB)

    def test_a_region_goes_back_whoever_the_allocator_is(self):
        for run in self.runs(variant=REGION):
            for step in ("cleared", "one second later"):
                self.assertLess(own_resident(run, step), 64 * KIB)

    def test_a_region_ends_in_a_call_for_each_run(self):
        for run in self.runs(variant=REGION):
            if not run.is_traced():
                self.skipTest("calls are not counted here")
            # 1, 2, 4 and 8 MiB hold 10.7 MiB of nodes; the first is there already, with the map itself.
            self.assertEqual((run["filled"]["mmap"], run["cleared"]["munmap"]), (3, 4))


class MapClearWithoutFastBins(LabCase):
    EXPERIMENT = ["map-clear", "--entries", str(ENTRIES), "--allocators", CLASSIC]
    ENVIRONMENT = {"ARENITE_MXFAST": "0"}

    def test_chunks_merge_and_the_top_is_trimmed(self):
        self.assertLess(own_resident(self.run_of(CLASSIC), "cleared"), 0.5 * MIB)


main()
