#!/usr/bin/env python3
"""first-fit: the eight steps of the book's allocator, with their exact sizes."""

import re

from drawn import DrawnCase, area, marks
from lab import main, run_lab

UNIT = 8
# What lies in the heap after each step, block by block, headers included; what may be asked for next.
STEPS = [
    ("sbrk(56)", [("free", 56)], 48),
    ("p1 = malloc(8)", [("free", 40), ("p1", 16)], 32),
    ("p2 = malloc(16)", [("free", 16), ("p2", 24), ("p1", 16)], 8),
    ("free(p1)", [("free", 16), ("p2", 24), ("free", 16)], 8),
    ("sbrk(32)", [("free", 16), ("p2", 24), ("free", 16), ("free", 32)], 8),
    ("free(the new block)", [("free", 16), ("p2", 24), ("free", 48)], 40),
    ("p3 = malloc(16)", [("free", 16), ("p2", 24), ("free", 24), ("p3", 24)], 16),
    ("free(p3)", [("free", 16), ("p2", 24), ("free", 48)], 40),
]
# The ring's free blocks, by their places in the heap. A block that sbrk() gave is in no ring yet.
RINGS = [[0], [0], [0], [0, 40], [0, 40], [0, 40], [0, 40], [0, 40]]


def blocks(frame):
    """Headers joined with what follows them: (name, bytes)."""
    cells = [cell for cell in area(frame, "heap")["cells"] if cell["kind"] != "reserved"]
    pairs = zip(cells[::2], cells[1::2])
    return [(body.get("label", body["kind"]), head["bytes"] + body["bytes"]) for head, body in pairs]


class FirstFit(DrawnCase):
    EXPERIMENT = ["first-fit"]

    def test_has_eight_steps_of_exact_sizes(self):
        frames = self.drawings["first-fit"]
        self.assertEqual(len(frames), len(STEPS))
        for frame, (action, expected, request) in zip(frames, STEPS):
            with self.subTest(action=action):
                self.assertTrue(frame["action"].startswith(action), frame["action"])
                self.assertEqual(blocks(frame), expected)
                self.assertEqual(frame["figures"]["largest_possible_request"], request)

    def test_every_block_begins_with_eight_bytes_that_say_how_long_it_is(self):
        for name, frame in self.frames():
            with self.subTest(name):
                heads = [cell for cell in area(frame, "heap")["cells"] if cell["kind"] == "header"]
                sizes = [bytes_ for _, bytes_ in blocks(frame)]
                self.assertEqual([head["bytes"] for head in heads], [UNIT] * len(sizes))
                units = [int(re.search(r"(\d+) units", head["value"])[1]) for head in heads]
                self.assertEqual([n * UNIT for n in units], sizes)

    def test_the_ring_goes_through_the_free_blocks_by_address(self):
        for (name, frame), ring in zip(self.frames(), RINGS):
            with self.subTest(name):
                items = frame["lists"][0]["items"]
                self.assertEqual([int(re.match(r"heap\+(\d+): ", item)[1]) for item in items], ring)
                base, heap = (int(area(frame, part)["start"], 16) for part in ("variables", "heap"))
                links = [int(cell["link"], 16) for part in ("variables", "heap")
                         for cell in area(frame, part)["cells"] if "link" in cell]
                self.assertEqual(links, [heap + at for at in ring] + [base])

    def test_the_break_moves_once_and_up(self):
        moved = [frame["figures"]["heap_bytes"] for frame in self.drawings["first-fit"]]
        self.assertEqual(moved, [56] * 4 + [88] * 4)

    def test_malloc_returns_what_lies_behind_the_header(self):
        frame = self.frame("first-fit", 7)
        heap = int(area(frame, "heap")["start"], 16)
        self.assertEqual(marks(frame, "heap"), {"p1": heap + 48, "p2": heap + 24, "p3": heap + 72, "break": heap + 88})

    def test_p1_dangles_after_free(self):
        frame = self.frame("first-fit", 4)
        self.assertIn("p1", marks(frame, "heap"))
        self.assertNotIn("p1", [name for name, _ in blocks(frame)])

    def test_marks_what_a_step_has_changed(self):
        changed = [cell["at"] for cell in area(self.frame("first-fit", 3), "heap")["cells"] if cell.get("changed")]
        self.assertEqual(changed, [0, 8, 16, 24], "the free block's size, and p2")
        self.assertFalse(any(cell.get("changed") for cell in area(self.frame("first-fit", 1), "heap")["cells"]))

    def test_draws_the_same_each_time(self):
        self.assertEqual(run_lab("first-fit").stdout, run_lab("first-fit").stdout)

    def test_frames_are_whole(self):
        self.check_frames()

    def test_the_command_draws_it(self):
        self.check_text(last_step=8)


main()
