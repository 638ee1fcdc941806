#!/usr/bin/env python3
"""thread-arena: a thread reserves its stack, its first request an arena, its second nothing."""

import os
import resource

from lab import CLASSIC, DEFAULT, GLIBC, KIB, MIB, LabCase, main

PAGE = os.sysconf("SC_PAGESIZE")
HEAP = {"": 64 * MIB, "m32": MIB}  # what is reserved for an arena
FIRST = 132 * KIB  # how much of it is accessible at first
BLOCKS = 1000 * 1008  # bytes that 1,000 requests for 1,000 take, chunks' headers included


class ThreadArena(LabCase):
    EXPERIMENT = ["thread-arena"]

    def runs_of_both_sizes(self, *allocators):
        for variant in HEAP:
            yield from self.runs(*allocators, variant=variant)

    def added(self, run, step, since):
        return run.added("virtual_bytes", step, since), run.added("data_bytes", step, since)

    def test_a_thread_reserves_its_stack_and_a_guard_page(self):
        stack, _ = resource.getrlimit(resource.RLIMIT_STACK)
        if stack == resource.RLIM_INFINITY:
            self.skipTest("there is no limit to stacks here")
        for run in self.runs_of_both_sizes():
            for created, before in (("thread 1 created", "main asks"),
                                    ("thread 2 created", "1 asks 1,000 times")):
                self.assertEqual(self.added(run, created, before), (stack + PAGE, stack))

    def test_its_first_request_reserves_an_arena(self):
        for run in self.runs_of_both_sizes():
            # In the default mode a page of a region that is there.
            expected = (0, 0) if run.allocator == DEFAULT else (HEAP[run.variant], FIRST)
            self.assertEqual(self.added(run, "1 asks", "thread 1 created"), expected)
            if run.allocator != DEFAULT:  # where one processor is all there is, its threads share
                self.assertEqual(self.added(run, "2 asks", "thread 2 created"), expected)

    def test_its_second_request_reserves_nothing(self):
        for run in self.runs_of_both_sizes():
            self.assertEqual(self.added(run, "1 asks again", "1 asks"), (0, 0))
            self.assertEqual(self.added(run, "2 asks again", "2 asks"), (0, 0))

    def test_more_requests_make_more_of_it_accessible(self):
        for run in self.runs_of_both_sizes(GLIBC, CLASSIC):
            for many, before in (("1 asks 1,000 times", "1 asks again"),
                                 ("2 asks 1,000 times", "2 asks again")):
                addresses, accessible = self.added(run, many, before)
                self.assertEqual(addresses, 0)
                self.assertAlmostEqual(accessible, BLOCKS - FIRST, delta=16 * KIB)

    def test_in_the_default_mode_small_blocks_share_one_region(self):
        run = self.run_of(DEFAULT)
        # A thread that needs little has no record: it comes now, from the first 64 KiB for such.
        self.assertEqual(run.added("virtual_bytes", "1 asks 1,000 times", "1 asks again"), 64 * KIB)
        self.assertEqual(run.added("virtual_bytes", "2 asks 1,000 times", "2 asks again"), 0)

    def test_an_arena_is_mapped_and_its_beginning_opened(self):
        for run in self.runs_of_both_sizes(GLIBC, CLASSIC):
            if not run.is_traced():
                self.skipTest("calls are not counted here")
            self.assertGreaterEqual(run["1 asks"]["mmap"], 1)
            self.assertEqual((run["1 asks"]["brk"], run["1 asks"]["mprotect"]), (0, 1))

    def test_the_next_thread_takes_over_stack_and_arena(self):
        for run in self.runs_of_both_sizes():
            self.assertEqual(self.added(run, "thread 3 created", "1 and 2 ended"), (0, 0))
            addresses, accessible = self.added(run, "3 asks", "thread 3 created")
            self.assertEqual(addresses, 0)
            self.assertLessEqual(accessible, PAGE, "at the very end of what was accessible")


main()
