#!/usr/bin/env python3
"""walk: what each built-in script claims of the living heap, and what a script may not say."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

import lab
from drawn import DrawnCase, area
from lab import KIB, MIB, main, run_lab

WALKS = Path(__file__).resolve().parents[2] / "lab/walk"
PAD = 128 * KIB  # M_TOP_PAD, and M_TRIM_THRESHOLD
HEAP = 64 * MIB
RUN = "main arena, run 0"
REGION = "span region 0"
LEAD = 4 * KIB  # of a region, before its first block
RECORD = 48  # what lies before a run's first chunk


def chunks(frame, name=RUN):
    """The area's chunks, without the engine's own: (label, kind, bytes, flags)."""
    return [(cell.get("label", ""), cell["kind"], cell["bytes"], cell.get("flags", ""))
            for cell in area(frame, name)["cells"] if cell["kind"] not in ("metadata", "reserved", "untouched")]


def blocks(frame, name=RUN):
    """Without flags and the top: (label, kind, bytes)."""
    return [chunk[:3] for chunk in chunks(frame, name) if chunk[1] != "top"]


def lists(frame):
    return {one["name"]: one.get("items", []) for one in frame.get("lists", [])}


def top(frame):
    return frame["figures"]["top_bytes"]


def walk(text, *words):
    """`arenite lab walk --script -` with this text: the frames, or the refusal."""
    done = subprocess.run([str(lab._command), "lab", "walk", "--script", "-", "--json", *words], input=text,
                          text=True, capture_output=True, timeout=60)
    return done


class Scripts(DrawnCase):
    EXPERIMENT = ["walk"]

    def after(self, script, action):
        """The frame after a line; the last of several with the same."""
        return [frame for frame in self.drawings[script] if frame["action"] == action][-1]

    def test_frames_are_whole(self):
        self.check_frames()

    def test_there_are_nine_of_them(self):
        self.assertEqual(sorted(self.drawings), ["coalescing", "fast-bins", "heaps", "large-bin", "purging", "slabs",
                                                 "splitting", "top-trimming", "unsorted-bin"])

    def test_every_line_has_its_own_text(self):
        for name, frame in self.frames():
            with self.subTest(name):
                self.assertNotRegex(frame["text"]["en"], r"^\w+ (is|lies|has become) .* bytes at 0x")

    def test_p_says_that_the_chunk_before_is_in_use(self):
        for name, frame in self.frames():
            for drawn in frame.get("memory", []):
                if not drawn["name"].startswith(("main arena", "arena ")):
                    continue
                before = "used"
                for label, kind, _, flags in chunks(frame, drawn["name"]):
                    with self.subTest(f"{name}, {drawn['name']}, {label}"):
                        self.assertEqual("P" in flags, before != "free")
                        # A is on what is handed out; a free chunk, the top and fences have none.
                        handed_out = kind in ("used", "fast")
                        self.assertEqual("A" in flags, handed_out and drawn["name"] != RUN)
                        self.assertFalse(before == "free" and kind == "free")
                    before = kind

    def test_free_chunks_are_in_the_lists_and_no_others(self):
        for name, frame in self.frames():
            with self.subTest(name):
                listed = sum(len(items) for what, items in lists(frame).items()
                             if what.startswith(("fast ", "unsorted", "small ", "large ")))
                free = sum(kind in ("free", "fast") for drawn in frame.get("memory", [])
                           if "arena" in drawn["name"] for _, kind, _, _ in chunks(frame, drawn["name"]))
                self.assertEqual(listed, free)

    def test_the_first_request_moves_the_break_by_132_kib(self):
        frame = self.after("coalescing", "a = malloc 200")
        self.assertEqual(area(frame, RUN)["bytes"], PAD + 4 * KIB)
        self.assertEqual(blocks(frame), [("a", "used", 208)])
        self.assertEqual(frame["figures"]["system_bytes"], PAD + 4 * KIB)

    def test_free_neighbours_coalesce(self):
        frame = self.after("coalescing", "free c")
        self.assertEqual(blocks(frame), [("a", "free", 208), ("b", "used", 208), ("c", "free", 208),
                                         ("d", "used", 208)])
        self.assertEqual(lists(frame), {"unsorted": ["a (208)", "c (208)"]})
        frame = self.after("coalescing", "free b")
        self.assertEqual(blocks(frame), [("a+b+c", "free", 3 * 208), ("d", "used", 208)])
        self.assertEqual(lists(frame), {"unsorted": ["a+b+c (624)"]})
        frame = self.after("coalescing", "free d")
        self.assertEqual(blocks(frame), [])
        self.assertEqual(lists(frame), {})
        self.assertEqual(top(frame), PAD + 4 * KIB - RECORD)

    def test_a_chunk_is_split_and_the_rest_is_the_last_remainder(self):
        for action, pieces, rest in (("b = malloc 100", [("b", 112)], 896),
                                     ("c = malloc 100", [("b", 112), ("c", 112)], 784),
                                     ("d = malloc 700", [("b", 112), ("c", 112), ("d", 720)], 64)):
            with self.subTest(action):
                frame = self.after("splitting", action)
                self.assertEqual(blocks(frame), [(name, "used", size) for name, size in pieces] +
                                 [("a'", "free", rest), ("wall", "used", 208)])
                self.assertEqual(lists(frame), {"unsorted": [f"a' ({rest})"], "last remainder": [f"a' ({rest})"]})
                self.assertEqual(sum(size for _, size in pieces) + rest, 1008)
        # What would be left is too small for a chunk.
        frame = self.after("splitting", "e = malloc 40")
        self.assertIn(("e", "used", 64), blocks(frame))
        self.assertEqual(lists(frame), {})

    def test_fast_bins_hold_small_chunks_apart(self):
        frame = self.after("fast-bins", "free b")
        self.assertEqual(blocks(frame)[:3], [("a", "fast", 48), ("b", "fast", 48), ("c", "used", 48)])
        self.assertEqual(lists(frame), {"fast 48": ["b", "a"]})
        frame = self.after("fast-bins", "c = malloc 40")
        self.assertEqual(lists(frame), {"fast 48": ["b", "a"]})
        self.assertEqual(blocks(frame)[2], ("c", "used", 48))
        self.assertEqual(self.after("fast-bins", "free c")["figures"]["fast_bytes"], 3 * 48)

    def test_a_large_request_and_a_large_free_empty_the_fast_bins(self):
        frame = self.after("fast-bins", "large = malloc 70000")
        self.assertEqual(blocks(frame)[0], ("a+b+c", "free", 144))
        self.assertEqual(lists(frame), {"small 144": ["a+b+c"]})
        self.assertEqual(frame["figures"]["fast_bytes"], 0)
        self.assertEqual(blocks(self.after("fast-bins", "e = malloc 130"))[0], ("e", "used", 144))
        before = self.after("fast-bins", "f = malloc 40; g = malloc 40; free f; free g")
        self.assertEqual(lists(before), {"fast 48": ["g", "f"]})
        frame = self.after("fast-bins", "free large")
        self.assertEqual(lists(frame), {})
        self.assertEqual(top(frame), top(before) + 70016 + 2 * 48)

    def test_the_unsorted_bin_is_sorted_when_memory_is_looked_for(self):
        frame = self.after("unsorted-bin", "free a; free b; free c")
        self.assertEqual(lists(frame), {"unsorted": ["a (208)", "b (608)", "c (2016)"]})
        frame = self.after("unsorted-bin", "d = malloc 300")
        self.assertEqual(lists(frame), {"unsorted": ["b' (288)"], "small 208": ["a"],
                                        "large 1984..2032": ["c (2016)"], "last remainder": ["b' (288)"]})
        self.assertIn(("d", "used", 320), blocks(frame))

    def test_an_exact_fit_ends_the_walk_through_the_unsorted_bin(self):
        before = self.after("unsorted-bin", "free e; free f; free g")
        self.assertEqual(lists(before)["unsorted"], ["b' (288)", "e (272)", "f (512)", "g (912)"])
        found = lists(self.after("unsorted-bin", "h = malloc 500"))
        self.assertEqual(found["unsorted"], ["g (912)"])
        self.assertEqual((found["small 272"], found["small 288"]), (["e"], ["b'"]))

    def test_a_large_bin_is_in_order_and_gives_the_best_fit(self):
        name = "large 1024..1072"
        order = ["b (1072)", "d (1056)", "a (1040)", "e (1040)", "c (1024)"]
        self.assertEqual(lists(self.after("large-bin", "f = malloc 5000"))[name], order)
        for action, taken in (("g = malloc 1030", "e (1040)"), ("h = malloc 1045", "d (1056)"),
                              ("i = malloc 1000", "c (1024)"), ("j = malloc 900", "a (1040)")):
            order.remove(taken)
            with self.subTest(action):
                self.assertEqual(lists(self.after("large-bin", action))[name], order)
        frame = self.drawings["large-bin"][-1]
        self.assertEqual(lists(frame)["unsorted"], ["a' (128)"])
        self.assertIn(("i", "used", 1024), blocks(frame))

    def test_the_top_is_trimmed_and_nothing_else(self):
        full = self.after("top-trimming", "b1..b10 = malloc 100K")
        apart = self.after("top-trimming", "free b1..b9")
        self.assertEqual(apart["figures"]["free_bytes"], 9 * 102416)
        self.assertEqual(apart["figures"]["system_bytes"], full["figures"]["system_bytes"])
        trimmed = self.after("top-trimming", "free b10")
        self.assertLess(trimmed["figures"]["system_bytes"], full["figures"]["system_bytes"] - 800 * KIB)
        self.assertTrue(PAD <= top(trimmed) < PAD + 8 * KIB)
        for action in ("free a1..a10", "free pin"):  # below the pin
            with self.subTest(action):
                pinned = self.after("top-trimming", action)
                self.assertEqual(pinned["figures"]["system_bytes"], trimmed["figures"]["system_bytes"])
                self.assertEqual(top(pinned), top(trimmed))
        self.assertEqual(lists(pinned)["fast 32"], ["pin"])
        self.assertEqual(self.after("top-trimming", "trim")["figures"]["system_bytes"], 4 * KIB)

    def test_in_the_default_mode_a_process_s_first_two_blocks_beyond_slabs_have_pages_of_a_slab_region(self):
        frame = self.after("purging", "first = malloc 100K; second = malloc 100K")
        self.assertEqual([drawn["name"] for drawn in frame["memory"]],
                         ["slab region 0", "page 364: mixed", "page 371: mixed"])
        self.assertEqual(blocks(frame, "page 364: mixed"), [("first", "used", 102400)])
        self.assertEqual(blocks(frame, "page 371: mixed"), [("second", "used", 102400)])

    def test_runs_have_no_headers_and_lie_side_by_side(self):
        frame = self.after("purging", "a1..a50 = malloc 100K")
        self.assertEqual(area(frame, REGION)["bytes"], HEAP)
        self.assertEqual(chunks(frame, REGION), [("a1..a50", "used", 50 * 100 * KIB, "")])
        accessible = sum(c["bytes"] for c in area(frame, REGION)["cells"] if c["kind"] != "reserved")
        self.assertEqual(accessible, 4 * MIB + 512 * KIB + 576 * KIB, "steps of 512 KiB, then of an eighth")
        self.assertEqual(frame["figures"]["run_bytes"], 50 * 100 * KIB)

    def test_the_default_mode_gives_back_from_the_middle_of_a_region(self):
        pinned, freed = self.after("purging", "pin = malloc 10K"), self.after("purging", "free a1..a50")
        self.assertEqual(chunks(pinned, REGION)[1], ("pin", "used", 10 * KIB, ""))
        self.assertEqual(chunks(freed, REGION), [("a1+...+a50", "free", LEAD + 50 * 100 * KIB, ""),
                                                 ("pin", "used", 10 * KIB, "")])
        self.assertEqual(freed["figures"]["run_bytes"], 10 * KIB)
        self.assertGreater(freed["figures"]["free_and_resident_bytes"], 512 * KIB)
        self.assertLessEqual(freed["figures"]["free_and_resident_bytes"], MIB)
        cut = self.after("purging", "b = malloc 200000")
        self.assertEqual(chunks(cut, REGION)[0], ("b", "used", 196 * KIB, ""))
        self.assertEqual(chunks(cut, REGION)[1][1:3], ("free", (5000 - 196) * KIB))
        trimmed = self.after("purging", "trim")
        self.assertEqual(trimmed["figures"]["free_and_resident_bytes"], 0)
        self.assertEqual(chunks(trimmed, REGION), [("b", "used", 196 * KIB, ""), ("pin", "used", 10 * KIB, "")])

    def test_a_thread_has_an_arena_with_132_of_64_mib(self):
        frame = self.after("heaps", "2: b = malloc 100")
        heap = area(frame, "arena 1, heap 0")
        self.assertEqual(heap["bytes"], HEAP)
        self.assertEqual(sum(cell["bytes"] for cell in heap["cells"] if cell["kind"] != "reserved"), PAD + 4 * KIB)
        self.assertEqual(chunks(frame, heap["name"])[0], ("b", "used", 112, "AP"))
        self.assertEqual(lists(frame), {"main arena": ["thread 1"], "arena 1": ["thread 2"]})
        self.assertEqual(lists(self.drawings["heaps"][-1])["arena 2"], ["thread 3"])

    def test_a_second_heap_follows_a_full_one_and_goes_again(self):
        frame = self.after("heaps", "2: m201..m570 = malloc 120000")
        self.assertEqual(frame["figures"]["heaps"], 2)
        self.assertEqual([kind for _, kind, _ in blocks(frame, "arena 1, heap 0")][-2:], ["fence", "fence"])
        self.assertEqual(chunks(frame, "arena 1, heap 1")[-1][1], "top")
        frame = self.after("heaps", "free m100")  # by thread 1
        self.assertEqual(lists(frame)["unsorted, arena 1"], ["m100 (120016)"])
        frame = self.after("heaps", "2: free m570..m559")
        self.assertEqual(frame["figures"]["heaps"], 1)
        self.assertEqual(chunks(frame, "arena 1, heap 0")[-1][1], "top")

    def bits(self, frame, name):
        return next(one["rows"] for one in frame["bits"] if one["name"].startswith(name))

    def test_slabs_have_no_headers_and_a_bit_for_each_block(self):
        frame = self.after("slabs", "b1 = malloc 64")
        name = "page 365: slab of 64"
        self.assertEqual([cell["bytes"] for cell in area(frame, name)["cells"]], [64, 255 * 64])
        region = area(frame, "slab region 0")
        self.assertEqual(region["bytes"], HEAP)
        self.assertEqual([cell["label"] for cell in region["cells"] if cell["kind"] == "metadata"],
                         ["headers", "words", "used", "marks"])
        self.assertEqual(self.bits(frame, "page 365, words"), [4 * "0" + 60 * "1"] + 3 * [64 * "1"])
        self.assertEqual(self.bits(frame, "page 365, blocks in use"), ["1" + 63 * "0"] + 3 * [64 * "0"])
        frame = self.after("slabs", "b2..b64 = malloc 64")
        words = self.bits(frame, "page 365, words")
        self.assertEqual("".join(words).index("1"), 4 + 8 + 16 + 32 + 64)
        frame = self.after("slabs", "free b1..b10")
        self.assertEqual(self.bits(frame, "page 365, words"), words)
        self.assertEqual(self.bits(frame, "page 365, blocks in use")[0], 10 * "0" + 54 * "1")
        frame = self.after("slabs", "c = malloc 64")
        self.assertEqual(self.bits(frame, "page 365, blocks in use")[0], 9 * "0" + 55 * "1")

    def test_slabs_pass_between_threads(self):
        frame = self.after("slabs", "2: free b20..b29")
        self.assertEqual(self.bits(frame, "page 365, marks")[0], 19 * "0" + 10 * "1" + 35 * "0")
        self.assertIn("page 365 (64)", lists(frame)["slabs of thread 1 with free blocks"])
        frame = self.after("slabs", "e1..e195 = malloc 64")
        self.assertEqual(lists(frame)["full slabs of thread 1"], ["page 365 (64)"])
        self.assertEqual(set("".join(self.bits(frame, "page 365, words"))), {"0"})
        self.assertEqual(set("".join(self.bits(frame, "page 365, blocks in use"))), {"1"})
        self.assertNotIn("page 365, marks: freed by others", [one["name"] for one in frame["bits"]])
        frame = self.after("slabs", "2: free e1..e8")
        self.assertIn("page 365 (64)", lists(frame)["slabs of thread 1 with free blocks"])
        frame = self.after("slabs", "f1..f9 = malloc 64")
        self.assertEqual(lists(frame)["full slabs, nobody's"], ["page 365 (64)"])
        frame = self.after("slabs", "2: free e9..e16")
        self.assertEqual(lists(frame)["full slabs of thread 2"], ["page 365 (64)"])


class Command(DrawnCase):
    EXPERIMENT = ["walk", "--script", "coalescing"]

    def test_draws_in_a_terminal(self):
        self.check_text(9)

    def test_is_the_same_each_time(self):
        for script in ("heaps", "purging", "slabs"):
            with self.subTest(script):
                first, second = (run_lab("walk", "--script", script, "--json").stdout for _ in range(2))
                self.assertEqual(first, second)


class OwnScripts(DrawnCase):
    EXPERIMENT = ["walk", "--script", "splitting", "--mode", "default"]

    def frames_of(self, text, *words):
        import json
        done = walk(text, *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)["drawings"][0]["frames"]

    def test_a_mode_may_be_asked_for(self):
        # A thread's first small blocks share a page.
        self.assertEqual(blocks(self.drawings["splitting"][-1], "page 364: mixed")[-2:],
                         [("wall", "used", 208), ("", "free", 15168)])

    def test_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "mine.walk")
            path.write_text("a = calloc 3 100\nb = realloc a 500\nc = memalign 64 100\n"
                            "big = malloc 200K\nfree big\ntrim\n")
            done = run_lab("walk", "--script", str(path))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("step 7 of 7: trim", done.stdout)

    def test_reallocs_mappings_and_alignment(self):
        frames = self.frames_of("a = calloc 3 100\nb = realloc a 500\nc = memalign 64 100\n"
                                "big = malloc 200K\nfree big\n")
        self.assertEqual(blocks(frames[1]), [("a", "used", 320)])
        self.assertEqual(blocks(frames[2]), [("b", "used", 512)])
        cells = area(frames[3], RUN)["cells"]
        aligned = next(cell for cell in cells if cell.get("label") == "c")
        self.assertEqual((aligned["at"] + 16) % 64, 0)
        self.assertEqual(frames[4]["figures"]["mapped_bytes"], 204 * KIB)
        self.assertEqual(chunks(frames[4], "mapping of big"), [("big", "used", 204 * KIB, "M")])
        self.assertNotIn("mapped_bytes", frames[5]["figures"])

    def test_runs_and_mappings_of_the_default_mode(self):
        frames = self.frames_of("a = malloc 100K\nb = malloc 100K\nc = malloc 10000\nd = malloc 20000\n"
                                "big = malloc 5000000\nfree c\nc2 = memalign 4096 9000\nfree big\nfree d\n",
                                "--mode", "default")
        self.assertEqual(frames[4]["text"]["en"], "d is a run, 20480 bytes at 0x3800 of span region 0.")
        self.assertEqual(frames[5]["figures"]["mapped_bytes"], 5_001_216)
        self.assertEqual(chunks(frames[5], "mapping of big"), [("big", "used", 5_001_216, "")])
        self.assertEqual(frames[6]["text"]["en"], "c is in a free run, 14336 bytes at 0x0 of span region 0.")
        self.assertEqual(chunks(frames[6], REGION), [("c", "free", LEAD + 10 * KIB, ""), ("d", "used", 20 * KIB, "")])
        self.assertEqual(chunks(frames[7], REGION)[0], ("c2", "used", 9 * KIB, ""))
        self.assertNotIn("mapped_bytes", frames[8]["figures"])
        self.assertIn("c2", [chunk[0] for chunk in chunks(frames[9], REGION)])

    def test_texts_are_made_where_there_is_no_comment(self):
        frames = self.frames_of("a = malloc 24\n# Mine.\n#zh 我的。\nfree a\n")
        self.assertEqual(frames[1]["text"]["en"], "a is a chunk, 32 bytes at 0x30 of main arena, run 0.")
        self.assertEqual(frames[2]["text"], {"en": "Mine.", "zh": "我的。"})

    def test_blocks_of_a_thread(self):
        frames = self.frames_of("thread 2\na = malloc 24\nfree a\nend\nb = malloc 24\n")
        self.assertEqual([frame["action"] for frame in frames],
                         ["start", "thread 2 begins", "2: a = malloc 24", "2: free a", "b = malloc 24"])
        self.assertIn(("libc", "used"), [block[:2] for block in blocks(frames[1])])
        self.assertEqual(lists(frames[3])["fast 32, arena 1"], ["a"])

    def test_what_is_wrong_is_told_with_its_line(self):
        cases = [
            ("a = mallok 3", "line 1: unknown verb 'mallok'"),
            ("\n# text\njump", "line 3: unknown verb 'jump'"),
            ("free q", "line 1: nothing is called q"),
            ("a = malloc 1\na = malloc 2", "line 2: a is in use already, since line 1"),
            ("a = malloc 1\nfree a\nfree a", "line 3: a was freed in line 2"),
            ("a1..a3 = malloc 1\nfree a2; free a1..a3", "line 2: a2 was freed in line 2"),
            ("b = realloc a 3", "line 1: nothing is called a"),
            ("a = malloc", "line 1: the size is missing"),
            ("a = malloc 1x", "line 1: the size is to be a number of bytes"),
            ("a = malloc 1 2", "line 1: '2' is more than the line takes"),
            ("a = memalign 3 3", "line 1: the alignment is to be a power of two"),
            ("1a = malloc 3", "line 1: '1a' is no name"),
            ("a1..b3 = malloc 3", "line 1: a range counts"),
            ("9: a = malloc 3", "line 1: a thread's number is 1 to 8, not '9'"),
            ("thread 2\na = malloc 3", "line 1: this thread's block has no `end`"),
            ("end", "line 1: `end` without a `thread` before it"),
            ("a = malloc 1\nmode default", "line 2: `mode` comes before all other lines"),
        ]
        for text, complaint in cases:
            with self.subTest(text):
                done = walk(text)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertTrue(done.stderr.startswith(f"walk: {complaint}"), done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)

    def test_lists_the_scripts(self):
        done = run_lab("walk", "--list")
        lines = [re.split(r"  +", line, maxsplit=1) for line in done.stdout.splitlines()]
        self.assertEqual([name for name, _ in lines], sorted(script.stem for script in WALKS.glob("*.walk")))
        self.assertEqual({title[title.rindex("("):] for name, title in lines if name in ("slabs", "purging")},
                         {"(default mode)"})
        listed = json.loads(run_lab("walk", "--list", "--json").stdout)
        self.assertEqual([[one["name"], one["title"]] for one in listed], lines)

    def test_says_which_mode_it_draws(self):
        for words, mode in ((["coalescing"], "classic"), (["purging"], "default"),
                            (["purging", "--mode", "classic"], "classic")):
            for language, wanted in (("en", f"({mode} mode)"), ("zh", f"（{mode} 模式）")):
                with self.subTest(words, language=language):
                    done = run_lab("walk", "--script", *words, "--language", language)
                    self.assertTrue(done.stdout.splitlines()[0].endswith(wanted), done.stdout.splitlines()[0])

    def test_scripts_and_modes_that_there_are_not(self):
        for words, complaint in ((["--script", "none"], "walk: none: No such file"),
                                 (["--mode", "other"], "walk: --mode is classic or default")):
            with self.subTest(words):
                done = run_lab("walk", *words)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertTrue(done.stderr.startswith(complaint), done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)

    def test_no_memory_is_a_failure(self):
        done = walk("a = malloc 900000M")
        self.assertEqual(done.returncode, 1)
        self.assertIn("walk: line 1: no memory", done.stderr)


main()
