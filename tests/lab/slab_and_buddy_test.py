#!/usr/bin/env python3
"""slab-and-buddy: objects keep place and state, slabs have colours, spans split and join; and what is
lost inside blocks and between them, for each allocator."""

from drawn import DrawnCase, area
from lab import KIB, main

PAGE = 4 * KIB
OBJECT = 640
ALLOCATORS = ["glibc", "arenite-classic", "arenite"]


def lists(frame):
    return {one["name"]: one.get("items", []) for one in frame.get("lists", [])}


def objects(frame, page):
    return [cell for cell in area(frame, f"slab, page {page}")["cells"] if cell["bytes"] == OBJECT]


class Drawn(DrawnCase):
    EXPERIMENT = ["slab-and-buddy"]

    def after(self, action):
        return next(frame for frame in self.drawings["slab-and-buddy"] if frame["action"] == action)

    def test_frames_are_whole(self):
        self.check_frames()

    def test_draws_in_a_terminal(self):
        self.check_text(6)

    def test_the_buddy_splits_by_halves_until_a_page_is_left(self):
        frames = self.drawings["slab-and-buddy"]
        self.assertEqual([frame["action"] for frame in frames[:6]],
                         ["start", "split 16 pages", "split 8 pages", "split 4 pages", "split 2 pages", "t1 = take"])
        self.assertEqual({name: items for name, items in lists(frames[5]).items() if name.startswith("free")},
                         {"free spans of 1": ["page 1"], "free spans of 2": ["page 2"],
                          "free spans of 4": ["page 4"], "free spans of 8": ["page 8"]})

    def test_spans_begin_at_multiples_of_their_size(self):
        for name, frame in self.frames():
            if not name.startswith("slab-and-buddy"):
                continue
            cells = area(frame, "the buddy's pages")["cells"]
            with self.subTest(name):
                self.assertEqual(sum(cell["bytes"] for cell in cells), 16 * PAGE)
                for cell in cells:
                    self.assertEqual(cell["at"] % cell["bytes"], 0)

    def test_the_buddy_joins_all_again(self):
        frames = self.drawings["slab-and-buddy"]
        self.assertEqual([frame["action"] for frame in frames[-3:-1]], ["join into 8", "join into 16"])
        self.assertEqual(lists(frames[-1]), {"free spans of 16": ["page 0"]})
        # Until the buffer is given back it keeps the spans on both its sides apart.
        self.assertEqual(lists(self.after("shrink")), {"free spans of 4": ["page 0"], "free spans of 8": ["page 8"]})

    def test_an_object_keeps_its_place_and_its_state(self):
        was = objects(self.after("t2..t4 = take"), 0)[1]
        free = objects(self.after("give t2"), 0)[1]
        now = objects(self.after("t5 = take"), 0)[1]
        self.assertEqual([(one["label"], one["kind"], one["value"]) for one in (was, free, now)],
                         [("t2", "used", "built 2, use 1"), ("free", "free", "built 2, use 1"),
                          ("t5", "used", "built 2, use 2")])

    def test_objects_are_constructed_once_for_each_slab(self):
        for name, frame in self.frames():
            if name.startswith("slab-and-buddy") and "split" not in frame["action"]:
                slabs = [one for one in frame["memory"] if one["name"].startswith("slab, page")]
                with self.subTest(name):
                    self.assertGreaterEqual(frame["figures"]["constructions"], 6 * len(slabs))
                    self.assertLessEqual(frame["figures"]["constructions"], 24)
        self.assertEqual(self.after("t5 = take")["figures"]["constructions"], 6)

    def test_colours_use_up_what_is_left_over(self):
        frame = self.after("t11..t20 = take")
        first = [objects(frame, page)[0]["at"] for page in range(4)]
        self.assertEqual(first, [64, 128, 192, 256])
        self.assertEqual(first[-1] + 6 * OBJECT, PAGE)

    def test_an_empty_slab_keeps_its_page_until_the_cache_shrinks(self):
        self.assertEqual(lists(self.after("give t14..t19"))["empty slabs"], ["page 2"])
        before, after = self.after("give the rest"), self.after("shrink")
        self.assertEqual((before["figures"]["free_pages"], after["figures"]["free_pages"]), (8, 12))


class Measured(DrawnCase):
    EXPERIMENT = ["slab-and-buddy"]

    def permille(self, action, who, which):
        frame = next(f for f in self.drawings["fragmentation"] if f["action"] == action)
        return frame["figures"][f"{who}_{which}_permille"]

    def test_each_mix_has_two_frames_with_a_bar_for_each_allocator(self):
        self.assertEqual([frame["action"] for frame in self.drawings["fragmentation"]],
                         [f"{mix}: {moment}" for mix in ("two-kinds", "small-sizes", "pages")
                          for moment in ("filled", "freed")])
        for frame in self.drawings["fragmentation"]:
            self.assertEqual([one["name"] for one in frame["memory"]], ["buddy", "slabs", *ALLOCATORS])

    def test_a_buddy_alone_gives_a_page_to_each_object(self):
        for mix in ("two-kinds", "small-sizes"):
            self.assertGreater(self.permille(f"{mix}: filled", "buddy", "internal"), 950)

    def test_slabs_of_one_kind_lose_least_inside(self):
        action = "two-kinds: filled"
        self.assertLess(self.permille(action, "slabs", "internal"), 20)
        self.assertLess(self.permille(action, "arenite", "internal"), 60)
        for chunks in ("glibc", "arenite-classic"):
            self.assertGreater(self.permille(action, chunks, "internal"), 80)

    def test_where_a_kind_dies_slabs_give_its_pages_back_and_chunks_cannot(self):
        action = "two-kinds: freed"
        for chunks in ("glibc", "arenite-classic"):
            self.assertGreater(self.permille(action, chunks, "external"), 500)
        self.assertLess(self.permille(action, "slabs", "external"), 120)
        self.assertLess(self.permille(action, "arenite", "external"), 150)

    def test_where_objects_die_at_random_nobody_is_spared(self):
        for who in ("slabs", *ALLOCATORS):
            with self.subTest(who):
                self.assertGreater(self.permille("small-sizes: freed", who, "external"), 700)

    def test_powers_of_two_cost_a_quarter_and_chunks_next_to_nothing(self):
        for who in ("buddy", "slabs"):
            self.assertTrue(180 < self.permille("pages: filled", who, "internal") < 300)
        for who in ALLOCATORS:
            with self.subTest(who):
                self.assertLess(self.permille("pages: filled", who, "internal"), 20)
                self.assertLess(self.permille("pages: freed", who, "external"), 400)


main()
