#!/usr/bin/env python3
"""The web player (tools/arenite/web/), in a headless Chromium: it steps, by every means that it offers.

A page holds the player twice, as wide as a phone and as a desk. Its script uses it as a reader would,
and leaves what it saw in the page. Skipped where there is no Chromium.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from browser import browser_is_a_must
from lab import answer_of, main

WEB = Path(__file__).resolve().parents[2] / "tools" / "arenite" / "web"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# In the page: `at()` is the step that is shown, `seen` what is handed back.
SCRIPT = """
const seen = {errors: []};
window.onerror = message => { seen.errors.push(String(message)); };
function use() {
  const root = document.getElementById("player");
  const player = arenitePlayer(root, FRAMES);
  const at = () => Number(root.dataset.step);
  const press = (key, target) =>
    target.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
  const slider = root.querySelector("input[type=range]");
  const button = name => root.querySelector(`.ap-${name}`);
  seen.steps = [at()];
  const step = act => { act(); seen.steps.push(at()); };
  step(() => button("back").click());
  step(() => button("forward").click());
  step(() => press("ArrowRight", document.body));
  step(() => press("ArrowRight", root));
  step(() => press("ArrowLeft", root));
  step(() => press("End", root));
  step(() => press("ArrowRight", root));
  step(() => button("first").click());
  step(() => { slider.value = 3; slider.dispatchEvent(new Event("input")); });
  seen.action = root.querySelector(".ap-action").textContent;
  seen.english = root.querySelector(".ap-text").textContent;
  seen.cells = [...root.querySelectorAll(".ap-area:last-child .ap-slot")].map(slot =>
    [slot.querySelector(".ap-at").textContent, slot.querySelector(".ap-label").textContent]);
  seen.changed = root.querySelectorAll(".ap-stage .ap-now").length;
  seen.arrows = root.querySelectorAll(".ap-arrow").length;
  seen.marks = [...root.querySelectorAll(".ap-marks span")].map(mark => mark.textContent);
  seen.list = [...root.querySelectorAll(".ap-list li")].map(item => item.textContent);
  root.querySelector(".ap-area:last-child .ap-cell").click();
  seen.note = root.querySelector(".ap-note").textContent;
  player.language("zh");
  seen.chinese = root.querySelector(".ap-text").textContent;
  seen.chinese_title = button("forward").title;
  seen.overflow = document.documentElement.scrollWidth - window.innerWidth;
  seen.paper = getComputedStyle(root).backgroundColor;
  document.documentElement.dataset.theme = "dark";
  seen.dark_paper = getComputedStyle(root).backgroundColor;
  player.show(5);
  button("play").click();
  seen.title_playing = button("play").title;
  setTimeout(() => {
    seen.played_to = at();
    seen.title_stopped = button("play").title;
    parent.postMessage(seen, "*");
  }, 20000);
}
"""


class Player(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        frames = answer_of("first-fit")["drawings"][0]["frames"]
        cls.frames = frames
        with tempfile.TemporaryDirectory() as directory:
            inner = Path(directory) / "inner.html"
            inner.write_text(
                '<!doctype html><html lang="en"><meta charset="utf-8"><style>'
                f'{(WEB / "player.css").read_text()}</style><body style="margin:0"><div id="player"></div>'
                f'<script>{(WEB / "player.js").read_text()}</script>'
                f"<script>const FRAMES = {json.dumps(frames)};{SCRIPT}use();</script>")
            outer = Path(directory) / "outer.html"
            outer.write_text(
                '<!doctype html><meta charset="utf-8"><pre id="seen"></pre><script>'
                "const all = {}; onmessage = event => {"
                "  const from = [...document.querySelectorAll('iframe')].find(f => f.contentWindow === event.source);"
                "  all[from.width] = event.data;"
                "  document.getElementById('seen').textContent = JSON.stringify(all); };</script>"
                '<iframe src="inner.html" width="390" height="900"></iframe>'
                '<iframe src="inner.html" width="1000" height="900"></iframe>')
            done = subprocess.run(
                [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={directory}/profile",
                 "--allow-file-access-from-files", "--virtual-time-budget=60000", "--dump-dom", outer.as_uri()],
                text=True, capture_output=True, timeout=150)
        found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
        if not found or not found[1]:
            raise AssertionError(f"the page did not finish: {done.stderr[-2000:]}")
        text = found[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
        cls.seen = json.loads(text)

    def test_opens_without_an_error_at_both_widths(self):
        self.assertEqual(sorted(self.seen), ["1000", "390"])
        for seen in self.seen.values():
            self.assertEqual(seen["errors"], [])

    def test_steps_by_buttons_keys_and_slider(self):
        for seen in self.seen.values():
            self.assertEqual(seen["steps"], [1, 1, 2, 3, 4, 3, 8, 8, 1, 4])

    def test_draws_the_frame(self):
        seen = self.seen["1000"]
        frame = self.frames[3]
        self.assertEqual((seen["action"], seen["english"]), (frame["action"], frame["text"]["en"]))
        self.assertEqual(seen["cells"],
                         [["+0", "header"], ["+8", "free"], ["+16", "header"], ["+24", "p2"], ["+40", "header"],
                          ["+48", "free"], ["+56", "not the process's yet"]])
        self.assertEqual(seen["changed"], 3, "the ring's two headers, and the block")
        self.assertEqual(seen["arrows"], 3, "base to the first, to the second, to base")
        self.assertEqual([mark.strip("▴") for mark in seen["marks"]], ["p2", "p1", "break"])
        self.assertEqual(seen["list"], ["heap+0: 16 bytes", "heap+40: 16 bytes"])

    def test_a_cell_tells_more_of_itself(self):
        note = self.seen["1000"]["note"]
        self.assertIn("heap+0: header, 8 bytes, points to heap+40", note)
        self.assertIn("The header of a free block", note)

    def test_speaks_chinese(self):
        self.assertEqual(self.seen["390"]["chinese"], self.frames[3]["text"]["zh"])
        self.assertEqual(self.seen["390"]["chinese_title"], "下一步")

    def test_plays_to_the_end_and_stops(self):
        for seen in self.seen.values():
            self.assertEqual((seen["title_playing"], seen["played_to"], seen["title_stopped"]), ("暂停", 8, "播放"))

    def test_fits_a_phone(self):
        self.assertLessEqual(self.seen["390"]["overflow"], 0)

    def test_has_a_dark_side(self):
        seen = self.seen["1000"]
        self.assertNotEqual(seen["dark_paper"], seen["paper"])


if not BROWSER and not browser_is_a_must():
    print("no Chromium (Debian: apt-get install chromium)")
    sys.exit(77)
main()
