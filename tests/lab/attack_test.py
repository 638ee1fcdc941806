#!/usr/bin/env python3
"""attack: what a string that is too long does to a tiny heap, and how it ends here."""

from drawn import DrawnCase, area, cell, marks
from lab import CLASSIC, DEFAULT, GLIBC, main

ABORTED = "killed by signal 6 (Aborted)"


def variable(frame, name):
    return next(cell for cell in area(frame, "variables")["cells"] if cell.get("label") == name)


def address(frame, name):
    return int(area(frame, "variables")["start"], 16) + variable(frame, name)["at"]


class Attack(DrawnCase):
    EXPERIMENT = ["attack"]

    def said(self, step, allocator):
        """What a victim said and how it ended."""
        output = next(o for o in self.frame("here", step)["outputs"] if o["name"] == allocator)
        return output["lines"], output["end"]

    def assert_aborts(self, step, allocator, *lines):
        said, end = self.said(step, allocator)
        self.assertEqual(end, ABORTED, said)
        self.assertEqual(len(said), len(lines), said)
        signed = "" if allocator == GLIBC else r" \[[^ \]]+, pid [0-9]+\]"
        for line, expected in zip(said, lines):
            self.assertRegex(line, f"^{expected}{signed}$")

    # --- the tiny heaps

    def test_by_accident_malloc_follows_text_and_dies(self):
        damaged = cell(self.frame("accident", 2), "heap", 40)
        self.assertEqual((damaged["kind"], damaged["link"]), ("changed", "0x414141"))
        last = self.frame("accident", 3)
        self.assertEqual(last["outputs"][0]["end"], "a segmentation fault")
        self.assertIn("0x41414", last["outputs"][0]["lines"][0])

    def test_aimed_malloc_returns_the_program_s_variable(self):
        aimed = self.frame("aimed", 2)
        self.assertEqual(int(cell(aimed, "heap", 40)["link"], 16), address(aimed, "tries"))
        self.assertEqual(variable(aimed, "limit")["value"], "3", "units: a block of 24 bytes, 16 without its header")
        given = self.frame("aimed", 3)
        self.assertEqual(marks(given, "variables")["p3"], address(given, "admin"))
        self.assertEqual(variable(given, "admin")["value"], "0")
        written = self.frame("aimed", 4)
        self.assertEqual(variable(written, "admin")["value"], str(int.from_bytes(b"root", "little")))
        self.assertIn("access granted", written["outputs"][0]["lines"][0])

    def test_unlink_writes_where_the_input_says(self):
        before, forged, first, second, freed, called = self.drawings["unlink"]
        self.assertEqual(variable(before, "on_exit")["value"], "goodbye()")
        heap = int(area(forged, "heap")["start"], 16)
        on_exit = address(forged, "on_exit")
        self.assertEqual(int(cell(forged, "heap", 32)["link"], 16), on_exit - 12, "fd: its bk is on_exit")
        self.assertEqual(int(cell(forged, "heap", 36)["link"], 16), heap + 16, "bk: the input")
        self.assertEqual(variable(forged, "on_exit")["value"], "goodbye()", "nothing has happened yet")
        self.assertEqual(int(variable(first, "on_exit")["link"], 16), heap + 16)
        self.assertEqual(cell(first, "heap", 24)["value"], "24")
        self.assertEqual(cell(second, "heap", 24)["value"], "on_exit-12", "the second write: 8 above bk")
        self.assertEqual(cell(freed, "heap", 4)["value"], "48", "a and b are one block")
        self.assertEqual(cell(freed, "heap", 16)["value"], "<code..>")
        self.assertIn(f"{heap + 16:#x}", called["outputs"][0]["lines"][0])

    def test_a_check_stops_it_before_the_first_write(self):
        last = self.frame("check", 2)
        self.assertEqual(variable(last, "on_exit")["value"], "goodbye()")
        self.assertEqual(cell(last, "heap", 24)["value"], "24")
        self.assertEqual(last["outputs"][0]["end"], "abort")
        self.assertFalse(any(c.get("changed") for part in last["memory"] for c in part["cells"]))

    # --- the same input here

    def test_a_small_block_s_overflow(self):
        self.assert_aborts(1, GLIBC, r"free\(a\) returns", "b's own bytes are A's",
                           r"double free or corruption \(out\)")
        self.assert_aborts(1, CLASSIC,
                           r"arenite: free\(\): invalid next size \(fast\): 0x[0-9a-f]+ \(32-byte chunk\): "
                           "the block behind it has an overwritten header")
        self.assertEqual(self.said(1, DEFAULT),
                         (["free(a) returns", "b's own bytes are A's", "free(b) returns"], "goes on"))

    def test_in_a_slab_there_is_no_header_to_overwrite(self):
        self.assert_aborts(2, GLIBC, r"free\(a\) returns", "b's own bytes are A's",
                           r"double free or corruption \(out\)")
        self.assert_aborts(2, CLASSIC,
                           r"arenite: free\(\): invalid next size \(fast\): 0x[0-9a-f]+ \(32-byte chunk\): "
                           "the block behind it has an overwritten header")
        self.assertEqual(self.said(2, DEFAULT),
                         (["free(a) returns", "b's own bytes are A's", "free(b) returns"], "goes on"))

    def test_a_large_block_s_overflow(self):
        self.assert_aborts(3, GLIBC, r"free\(\): invalid next size \(normal\)")
        self.assert_aborts(3, CLASSIC,
                           r"arenite: free\(\): invalid next size \(normal\): 0x[0-9a-f]+ \(20480-byte chunk\): "
                           "the block behind it has an overwritten header")

    def test_between_runs_there_is_no_header_to_overwrite(self):
        self.assertEqual(self.said(3, DEFAULT),
                         (["free(a) returns", "b's own bytes are A's", "free(b) returns"], "goes on"))

    def test_the_unlink_write(self):
        self.assert_aborts(4, GLIBC, "corrupted double-linked list")
        self.assert_aborts(4, CLASSIC,
                           r"arenite: corrupted double-linked list: 0x[0-9a-f]+ \(20480-byte chunk\): "
                           "a freed block was written to")

    def test_a_free_run_holds_no_links_to_forge(self):
        self.assertEqual(self.said(4, DEFAULT), (["free(a) returns", "the variable is as it was",
                                                  "a and b, taken again, are where they were"], "goes on"))

    def test_frames_are_whole(self):
        self.check_frames()
        self.assertEqual(list(self.drawings), ["accident", "aimed", "unlink", "check", "here"])

    def test_the_command_draws_it(self):
        self.check_text(last_step=6)


main()
