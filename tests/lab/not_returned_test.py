#!/usr/bin/env python3
"""not-returned: all is freed and stays; one more malloc and free brings it back; or it goes by itself."""

from lab import CLASSIC, DEFAULT, GLIBC, KIB, MIB, LabCase, main

CHUNKS = 1024 * (10 * KIB + 16 + 32)
BOUND = MIB  # on free memory, where little is in use
SLACK = MIB // 2


class NotReturned(LabCase):
    EXPERIMENT = ["not-returned"]

    def everything(self):
        yield from self.runs()
        yield from self.runs(GLIBC, variant="without thread cache")

    def test_what_is_taken_is_memory(self):
        for run in self.everything():
            self.assertAlmostEqual(run.kept("taken"), CHUNKS, delta=SLACK)

    def check_nothing_goes_back(self, run, step):
        self.assertAlmostEqual(run.kept(step), CHUNKS, delta=SLACK)
        self.assertGreaterEqual(run[step]["heap_bytes"], CHUNKS - SLACK)
        if run.is_traced():
            self.assertEqual(run[step]["brk"] + run[step]["madvise"] + run[step]["munmap"], 0)

    def check_all_is_back(self, run, step):
        self.assertLess(run.kept(step), SLACK)
        self.assertLess(run[step]["heap_bytes"], MIB)

    def test_what_is_freed_stays(self):
        for run in self.everything():
            if run.allocator != DEFAULT:
                self.check_nothing_goes_back(run, "freed")

    def test_one_more_malloc_and_free_brings_it_back(self):
        for run in self.everything():
            if run.allocator == DEFAULT or (run.allocator, run.variant) == (GLIBC, ""):
                continue
            self.check_all_is_back(run, "10 KiB once more")
            if run.is_traced():
                self.assertEqual(run["10 KiB once more"]["brk"], 1)

    def test_with_a_thread_cache_it_takes_a_larger_one(self):
        run = self.run_of(GLIBC)
        self.check_nothing_goes_back(run, "10 KiB once more")
        self.check_all_is_back(run, "70 KiB once more")

    def test_in_the_default_mode_it_goes_back_by_itself(self):
        run = self.run_of(DEFAULT)
        for step in ("freed", "10 KiB once more", "70 KiB once more"):
            self.assertLess(run.kept(step), BOUND + SLACK)
            self.assertLess(run[step]["heap_bytes"], MIB)
            # A region of runs, with its table; that of slabs was there before.
            self.assertAlmostEqual(run.added("virtual_bytes", step), 66.3 * MIB, delta=MIB)


main()
