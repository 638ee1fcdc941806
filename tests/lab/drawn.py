"""A drawn experiment, run by the command with --json, and what holds for all of them.

    from drawn import DrawnCase
    from lab import main

    class FirstFit(DrawnCase):
        EXPERIMENT = ["first-fit"]

        def test_begins_with_one_block(self):
            self.frame("first-fit", 1) ...  steps are counted from 1

    main()
"""

from lab import answer_of, run_lab
from unittest import TestCase

KINDS = {"used", "free", "fast", "top", "header", "fence", "untouched", "reserved", "slab", "metadata",
         "changed"}


def area(frame, name):
    return next(area for area in frame["memory"] if area["name"] == name)


def cell(frame, name, at):
    return next(cell for cell in area(frame, name)["cells"] if cell["at"] == at)


def marks(frame, name):
    """The named places of an area: name to address."""
    found = area(frame, name)
    return {mark["name"]: int(found.get("start", "0x0"), 16) + mark["at"] for mark in found.get("marks", [])}


class DrawnCase(TestCase):
    EXPERIMENT = []  # words after `arenite lab`

    @classmethod
    def setUpClass(cls):
        if cls is DrawnCase:
            return
        cls.answer = answer_of(*cls.EXPERIMENT)
        cls.drawings = {drawing["name"]: drawing["frames"] for drawing in cls.answer["drawings"]}

    def frame(self, drawing, step):
        return self.drawings[drawing][step - 1]

    def frames(self):
        """All frames, each with its name, for sub-tests: ("unlink, step 2", frame)."""
        return [(f"{name}, step {number}", frame) for name, frames in self.drawings.items()
                for number, frame in enumerate(frames, 1)]

    def check_frames(self):
        """What every frame owes its reader, whoever draws it."""
        self.assertEqual(self.answer["experiment"], self.EXPERIMENT[0])
        self.assertEqual(self.answer["kind"], "drawn")
        for frames in self.drawings.values():
            self.assertEqual([frame["frame"] for frame in frames], list(range(len(frames))))
        for name, frame in self.frames():
            with self.subTest(name):
                self.assertTrue(frame["action"])
                self.assertTrue(frame["text"]["en"].isascii())
                self.assertFalse(frame["text"]["zh"].isascii())
                for drawn in frame.get("memory", []):
                    self.check_area(drawn)

    def check_area(self, drawn):
        # An address is a real one, or left out.
        self.assertGreater(int(drawn.get("start", "0x1"), 16), 0)
        at = 0
        for one in drawn["cells"]:
            self.assertEqual(one["at"], at, f"{drawn['name']}: cells tile it")
            self.assertGreater(one["bytes"], 0)
            self.assertIn(one["kind"], KINDS)
            at += one["bytes"]
        self.assertLessEqual(at, drawn["bytes"])
        for mark in drawn.get("marks", []):
            self.assertLessEqual(mark["at"], drawn["bytes"])

    def check_text(self, last_step):
        """The command's drawing: all steps, one step, in Chinese, in ASCII, and what it refuses."""
        name = self.EXPERIMENT[0]
        done = run_lab(*self.EXPERIMENT)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"step {last_step} of {last_step}: ", done.stdout)
        self.assertIn("┌", done.stdout)
        self.assertIn("not to scale", done.stdout)
        self.assertNotRegex(done.stdout, r"\b0x0\b")
        self.assertNotIn("\x1b", done.stdout)
        one = run_lab(*self.EXPERIMENT, "--step", "2").stdout
        self.assertIn("step 2 of ", one)
        self.assertNotIn("step 1 of ", one)
        chinese = run_lab(*self.EXPERIMENT, "--language", "zh").stdout
        self.assertIn(next(iter(self.drawings.values()))[0]["text"]["zh"], chinese)
        plain = run_lab(name, env={"LC_ALL": "C"}).stdout
        self.assertTrue(plain.isascii())
        for words, complaint in ((["--step", "999"], "--step: there are"),
                                 (["--step", "0"], "--step"),
                                 (["--drawing", "none"], "--drawing: no 'none'; there "),
                                 (["--language", "fr"], "--language")):
            refused = run_lab(*self.EXPERIMENT, *words)
            self.assertEqual((refused.returncode, refused.stdout), (2, ""))
            self.assertIn(complaint, refused.stderr)
            self.assertEqual(refused.stderr.count("\n"), 1)
