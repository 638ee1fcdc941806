#!/usr/bin/env python3
"""arena-limit: 8 arenas for each processor, 2 on 32-bit, but some before anybody counts."""

import os

from lab import CLASSIC, DEFAULT, GLIBC, MIB, LabCase, main

# Enough that glibc, which counts the machine's processors, has less arenas than threads.
THREADS = min(1000, 8 * os.cpu_count() + 8)
PROCESSORS = min(2, len(os.sched_getaffinity(0)))


class ArenaLimit(LabCase):
    EXPERIMENT = ["arena-limit", "--threads", str(THREADS)]

    def counts(self, run):
        return {row["what"]: row["count"] for row in run.rows("counts")}

    def arenas(self, run):
        return self.counts(run)["arenas, by malloc_info"]

    def check(self, run, each, uncounted):
        """`each` for a processor, but at first `uncounted` and the main one without counting."""
        counts = self.counts(run)
        of_machine = run.allocator == GLIBC
        processors = counts["processors of the machine" if of_machine else "processors of the program"]
        expected = min(counts["threads"], max(each * processors, uncounted + 1))
        self.assertEqual(self.arenas(run), expected)

    def test_it_runs_on_two_processors_or_one(self):
        for run in self.runs():
            self.assertEqual(self.counts(run)["processors of the program"], PROCESSORS)
        for run in self.runs(variant="one-processor"):
            self.assertEqual(self.counts(run)["processors of the program"], 1)

    def test_eight_for_each_processor(self):
        for run in self.runs(GLIBC, CLASSIC):
            self.check(run, each=8, uncounted=8)
        self.assertLess(self.arenas(self.run_of(GLIBC)), THREADS + 1, "some must share")

    def test_nine_on_one_processor_for_nobody_counts_before(self):
        self.assertEqual(self.arenas(self.run_of(CLASSIC, "one-processor")), 9)

    def test_two_for_each_processor_on_32_bit(self):
        for variant in ("m32", "m32-one-processor"):
            for run in self.runs(GLIBC, CLASSIC, variant=variant):
                self.check(run, each=2, uncounted=2)

    def test_three_threads_on_one_32_bit_processor(self):
        """The main thread and two more have an arena each, the third shares the main one."""
        threads = [row["threads"] for row in self.run_of(CLASSIC, "m32-one-processor").rows("arenas")]
        self.assertEqual(threads, ["main, 3", "1", "2"])

    def test_arena_max_and_mallopt(self):
        for variant in ("arena-max", "mallopt"):
            for run in self.runs(variant=variant):
                self.assertEqual(self.arenas(run), 4)

    def test_arena_test_lets_more_be_made_before_anybody_counts(self):
        for run in self.runs(GLIBC, CLASSIC, variant="arena-test"):
            self.check(run, each=8, uncounted=20)
        self.check(self.run_of(DEFAULT, "arena-test"), each=2, uncounted=20)

    def test_in_the_default_mode_there_are_two_for_each_processor(self):
        """Fewer where a quota leaves the process less than its processors."""
        for variant in ("", "m32"):
            run = self.run_of(DEFAULT, variant)
            self.assertIn(self.arenas(run), [2 * n for n in range(1, PROCESSORS + 1)])
        self.assertEqual(self.arenas(self.run_of(DEFAULT, "one-processor")), 2)

    def test_the_allocator_counts_as_many(self):
        for run in self.all_runs:
            with self.subTest(run=str(run)):
                if run.allocator == DEFAULT:  # all first blocks lie in one region
                    self.assertNotIn("arenas, by addresses", self.counts(run))
                else:
                    self.assertEqual(self.counts(run)["arenas, by addresses"], self.arenas(run))

    def test_arenas_are_shared_in_turn(self):
        for run in self.all_runs:
            with self.subTest(run=str(run)):
                if run.allocator == DEFAULT:
                    continue
                sharing = [row["sharing"] for row in run.rows("arenas")]
                self.assertEqual(sum(sharing), self.counts(run)["threads"])
                self.assertLessEqual(max(sharing) - min(sharing), 1)

    def test_the_first_to_share_has_the_main_arena(self):
        run = self.run_of(CLASSIC)
        first = self.arenas(run)
        if first < THREADS + 1:
            self.assertTrue(run.rows("arenas")[0]["threads"].startswith(f"main, {first}"))

    def test_each_reserves_a_heap(self):
        for variant, heap in (("", 64 * MIB), ("arena-max", 64 * MIB), ("m32", MIB)):
            for run in self.runs(variant=variant):
                reserved = run.added("virtual_bytes", "each has asked", "threads created")
                heaps = 0 if run.allocator == DEFAULT else self.arenas(run) - 1
                self.assertAlmostEqual(reserved, heaps * heap, delta=heap / 2)

    def test_larger_blocks_are_no_arena_s_in_the_default_mode(self):
        """Working brings the region that serves them, once for all threads; to others it brings nothing."""
        for run in self.runs():
            added = run.added("virtual_bytes", "all have worked", "each has asked")
            self.assertAlmostEqual(added, 66.3 * MIB if run.allocator == DEFAULT else 0, delta=MIB)


main()
