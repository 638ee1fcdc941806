#!/usr/bin/env python3
"""lazy: malloc gives addresses, writing gives memory, free takes both back."""

from lab import CLASSIC, DEFAULT, GLIBC, MIB, LabCase, main

SIZE = 256 * MIB
SLACK = 2 * MIB  # VmRSS is counted in batches


class Lazy(LabCase):
    EXPERIMENT = ["lazy"]

    def test_malloc_takes_addresses_and_no_memory(self):
        for run in self.runs():
            self.assertAlmostEqual(run.added("virtual_bytes", "malloced"), SIZE, delta=SLACK)
            self.assertAlmostEqual(run.added("data_bytes", "malloced"), SIZE, delta=SLACK)
            self.assertLess(run.added("resident_bytes", "malloced"), SLACK)

    def test_writing_takes_memory_and_no_addresses(self):
        for run in self.runs():
            for step, bytes_written in (("half written", SIZE // 2), ("all written", SIZE)):
                self.assertAlmostEqual(run.added("resident_bytes", step), bytes_written, delta=SLACK)
                self.assertEqual(run.added("virtual_bytes", step, "malloced"), 0)

    def test_a_page_comes_by_a_fault(self):
        for run in self.runs():
            self.assertLess(run["malloced"]["minor_faults"], 100)
            self.assertGreater(run["half written"]["minor_faults"], 50)

    def test_free_takes_both_back(self):
        for run in self.runs():
            self.assertLess(run.added("virtual_bytes", "freed"), SLACK)
            self.assertLess(run.added("resident_bytes", "freed"), SLACK)

    def test_it_is_one_call_each(self):
        for run in self.runs():
            if not run.is_traced():
                self.skipTest("calls are not counted here")
            # The default mode's first mapping brings the table of them.
            table = 1 if run.allocator == DEFAULT else 0
            self.assertEqual((run["malloced"]["mmap"], run["malloced"]["mprotect"]), (1 + table, table))
            self.assertEqual(run["freed"]["munmap"], 1)
            self.assertEqual(run["all written"]["mmap"], 0)

    def test_in_the_default_mode_half_a_mib_of_it_is_kept(self):
        run = self.run_of(DEFAULT)
        self.assertAlmostEqual(run.kept("freed"), MIB / 2, delta=MIB / 4)
        for run in self.runs(GLIBC, CLASSIC):
            self.assertLess(run.kept("freed"), MIB / 4)


main()
