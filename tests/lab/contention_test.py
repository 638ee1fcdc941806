#!/usr/bin/env python3
"""contention: who shares an arena waits for its lock; small blocks of the default mode have none."""

import os
import unittest

from lab import CLASSIC, DEFAULT, GLIBC, LabCase, main

KINDS = ["small", "middle", "small passed", "middle passed"]
ONE_ARENA = "one-arena"


@unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "one processor: nobody is in another's way")
class Contention(LabCase):
    EXPERIMENT = ["contention"]

    def waits(self, allocator, kind, variant=""):
        """In a million operations, of two threads and more."""
        rows = [row for row in self.run_of(allocator, variant).rows(kind) if row["threads"] > 1]
        return 1e6 * sum(row["waits"] for row in rows) / sum(row["operations"] for row in rows)

    def test_one_to_sixteen_threads_work(self):
        for run in self.all_runs:
            for kind in KINDS:
                with self.subTest(run=str(run), kind=kind):
                    self.assertEqual([row["threads"] for row in run.rows(kind)], [1, 2, 4, 8, 16])
                    self.assertTrue(all(row["operations"] > 0 for row in run.rows(kind)))

    def test_a_thread_alone_does_not_wait(self):
        for run in self.all_runs:
            for kind in KINDS:
                with self.subTest(run=str(run), kind=kind):
                    self.assertLessEqual(run.rows(kind, "threads")[1]["waits"], 1)

    def test_nobody_waits_with_small_blocks_of_his_own_and_an_arena_each(self):
        for run in self.runs():
            self.assertLess(self.waits(run.allocator, "small"), 10)

    def test_who_shares_one_arena_waits(self):
        self.assertGreater(self.waits(CLASSIC, "small", ONE_ARENA), 5)
        for allocator in (GLIBC, CLASSIC):
            with self.subTest(allocator=allocator):
                self.assertGreater(self.waits(allocator, "middle", ONE_ARENA), 10)

    def test_in_the_default_mode_regions_have_one_lock_however_many_arenas_there_are(self):
        for variant in ("", ONE_ARENA):
            with self.subTest(variant=variant):
                self.assertGreater(self.waits(DEFAULT, "middle", variant), 5)
        classic = self.waits(CLASSIC, "middle passed", ONE_ARENA)
        self.assertLess(2 * self.waits(DEFAULT, "middle passed", ONE_ARENA), classic, "no free waits")

    def test_free_waits_for_the_arena_that_the_block_is_of(self):
        for allocator in (GLIBC, CLASSIC):
            with self.subTest(allocator=allocator):
                self.assertGreater(self.waits(allocator, "middle passed"), 100)
        self.assertGreater(self.waits(CLASSIC, "small passed"), 5)

    def test_the_default_mode_needs_no_arena_for_small_blocks(self):
        for variant in ("", ONE_ARENA):
            with self.subTest(variant=variant):
                # Not an arena's lock, but that of the slab's owner: once for many blocks.
                self.assertLess(self.waits(DEFAULT, "small passed", variant), 2000)
        self.assertLess(2 * self.waits(DEFAULT, "small", ONE_ARENA), self.waits(CLASSIC, "small", ONE_ARENA))

    def test_in_the_default_mode_no_free_waits(self):
        """A request still may, so there are fewer waits, not none, although there are fewer arenas."""
        others = min(self.waits(allocator, "middle passed") for allocator in (GLIBC, CLASSIC))
        self.assertLess(2 * self.waits(DEFAULT, "middle passed"), others)


main()
