#!/usr/bin/env python3
"""The site that `arenite lab all --report` writes, looked at with a browser.

Usage: site_test.py --command FILE --screenshots DIR [CLASS[.test]...]

The command writes it once, with small numbers (--quick). Then every page is opened in Chromium, in
both languages, light and dark, as wide as a phone and as a desk; pictures of them go to DIR.
"""

import argparse
import html
import html.parser
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from urllib.parse import unquote, urlsplit

from browser import Browser, browser_is_a_must

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = {"phone": 390, "desk": 1280}
LANGUAGES = {"en": "en-US", "zh": "zh-CN"}
# Any two of these meet.
LOOKS = [("phone", "en", "light"), ("phone", "zh", "dark"), ("desk", "en", "dark"), ("desk", "zh", "light")]
CHINESE = re.compile("[\u4e00-\u9fff]")

COMMAND = None
SCREENSHOTS = None
SITE = None  # where the site lies
ANSWER = None  # what --json printed meanwhile


def lab(*words, **options):
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    return subprocess.run([str(COMMAND), "lab", *words], env=environment, text=True, capture_output=True,
                          timeout=200, **options)


def experiments():
    """Name and summary of each."""
    return {e["name"]: e["summary"] for e in json.loads(lab("--json").stdout)}


def here(experiment):
    """An experiment's summary, with the numbers of the run that is the site's."""
    summary = experiments()[experiment["experiment"]]
    for name, usual in USUAL.get(experiment["experiment"], {}).items():
        summary = summary.replace(f"{usual:,}", f"{experiment['options'][name]:,}")
    return summary


# Numbers that a summary names, as they usually are.
USUAL = {"map-clear": {"entries": 5_000_000}, "lazy": {"mebibytes": 256}, "vector-of-blocks": {"blocks": 1_048_576}}


def escaped(text):
    """As the command writes it between tags."""
    return html.escape(text, quote=False).replace('"', "&quot;")


class Page(html.parser.HTMLParser):
    """What a page leads to, what it can be led to, and its text in one of the languages."""

    VOID = {"meta", "link", "br", "hr", "img", "input", "rect", "line", "polyline"}

    def __init__(self, path):
        super().__init__()
        self.path, self.links, self.names, self.text, self.open = path, [], set(), {"en": "", "zh": ""}, []
        self.feed(path.read_text())
        self.text = {language: " ".join(text.split()) for language, text in self.text.items()}

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.links += [attributes[name] for name in ("href", "src") if name in attributes]
        self.names.add(attributes.get("id"))
        if tag not in self.VOID:
            self.open.append(attributes.get("lang") if tag != "html" else None)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            self.open.pop()

    def handle_data(self, data):
        for language in self.text:
            if all(lang in (None, "", language) for lang in self.open):
                self.text[language] += data


class Writing(unittest.TestCase):
    """The command's side of it."""

    def test_has_a_page_for_each_experiment(self):
        for name in experiments():
            self.assertTrue((SITE / f"{name}.html").is_file(), name)
            figures = json.loads((SITE / "figures" / f"{name}.json").read_text())
            self.assertEqual(figures["experiment"], name)

    def test_gives_all_of_them_as_json(self):
        self.assertEqual([e["experiment"] for e in ANSWER["experiments"]], list(experiments()))

    def test_every_link_leads_somewhere(self):
        pages = {path: Page(path) for path in SITE.rglob("*.html")}
        for page in pages.values():
            for link in page.links:
                with self.subTest(page=page.path.relative_to(SITE), link=link):
                    parts = urlsplit(link)
                    if parts.scheme in ("https", "http", "data"):
                        continue
                    target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
                    self.assertTrue(target.is_file())
                    if parts.fragment:
                        self.assertIn(unquote(parts.fragment), pages[target].names)

    def test_the_pages_of_the_lab_lead_to_files_that_exist(self):
        for page in (ROOT / "lab").glob("*.md"):
            for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
                if "://" not in link and not link.startswith("#"):
                    target = page.parent / link.split("#")[0]
                    self.assertTrue(target.exists(), f"{page.name}: {link}")

    def test_everything_is_said_in_chinese(self):
        """Whatever is shown in English has its Chinese: in lab/*.zh.md, or in web/words.zh.json."""
        missing = []
        groups = json.loads((ROOT / "tools/arenite/web/words.zh.json").read_text()).values()
        names = {words for group in groups for words, chinese in group.items() if words == chinese}
        for experiment in ANSWER["experiments"]:
            name = experiment["experiment"]
            if not (ROOT / "lab" / f"{name}.zh.md").is_file():
                missing.append(f"lab/{name}.zh.md")
            page = (SITE / f"{name}.html").read_text()
            findings = experiment.get("shown", {}).get("findings", {})
            said = [here(experiment), *findings.get("header", []), findings.get("sentence", "")]
            said += [] if findings.get("rows") else experiment.get("conclusion", [])
            for table in experiment.get("shown", {}).get("tables", []):
                said += [line["heading"] for line in table["lines"] if "heading" in line]
                said += [line["cells"][0] for line in table["lines"] if "cells" in line] + [table["title"]]
            for plot in experiment.get("shown", {}).get("plots", []):
                said += [plot["title"], plot.get("x_title", "")]
            for words in dict.fromkeys(said):
                in_both = f'lang="en">{escaped(words)}</'
                if re.search("[a-z]{2}", words) and words not in names and in_both not in page:
                    missing.append(f"{name}: {words}")
        if missing:
            self.fail("no Chinese in tools/arenite/web/words.zh.json for\n  " + "\n  ".join(missing))

    def test_sizes_are_those_of_the_run(self):
        for name, options in USUAL.items():
            page = Page(SITE / f"{name}.html")
            run = json.loads((SITE / "figures" / f"{name}.json").read_text())["options"]
            for option, usual in options.items():
                self.assertNotEqual(run[option], usual, "--quick takes another")
                note = f"The figures in this text are those of --{option} {usual:,}. This run had --{option} {run[option]:,}."
                self.assertIn(note, page.text["en"])
                self.assertIn(f"这次运行用的是 --{option} {run[option]:,}", page.text["zh"])
                before = page.text["en"].split("What happens, and why")[0]
                self.assertIn(f"{run[option]:,}", before)
                self.assertNotIn(f"{usual:,} ", before)
        self.assertNotIn("This run had", Page(SITE / "spacing.html").text["en"])

    def test_says_that_the_run_was_quick(self):
        for name in ("index", *experiments()):
            text = Page(SITE / f"{name}.html").text
            self.assertIn("A quick run (--quick)", text["en"], name)
            self.assertIn("快速运行（--quick）", text["zh"], name)

    def test_has_one_order_everywhere(self):
        names = list(experiments())
        self.assertEqual(re.findall(r'class="card" href="([\w-]+)\.html"', (SITE / "index.html").read_text()), names)
        contents = (SITE / "lazy.html").read_text().split("</nav>")[0]
        self.assertEqual(re.findall(r'<li><a href="([\w-]+)\.html"', contents), names)
        self.assertEqual([e["experiment"] for e in ANSWER["experiments"]], names)
        listed = re.findall(r"(?m)^([a-z][\w-]+)  +\S", lab().stdout)
        self.assertEqual(listed, names)
        helped = re.findall(r"(?m)^  ([a-z][\w-]+)(?:  +\S|$)", lab("--help").stdout)
        self.assertEqual([name for name in helped if name != "all"], names)
        manual = (ROOT / "man" / "arenite.1").read_text().replace("\\-", "-")
        parts = manual[manual.index("\nStart here\n"):].split("\n.PP")[0]
        self.assertEqual([name for name in re.findall(r"[a-z][a-z-]+", parts) if name in names], names)
        index = Page(SITE / "index.html").text
        self.assertLess(index["en"].index("Start here"), index["en"].index("map-clear"))
        self.assertIn("从这里开始", index["zh"])

    def test_concludes_in_a_table_and_a_sentence(self):
        for experiment in ANSWER["experiments"]:
            if "drawings" in experiment:
                continue
            name, findings = experiment["experiment"], experiment["shown"]["findings"]
            with self.subTest(name):
                page = (SITE / f"{name}.html").read_text()
                box = page[page.index('<div class="conclusion">'):].split("</div>\n</div>")[0]
                self.assertEqual(box.count("<p>"), 1)
                self.assertIn(escaped(findings["sentence"]), box)
                self.assertEqual(box.count("<tr>"), 1 + len(experiment["runs"]))

    def test_a_card_shows_the_deciding_step_with_its_unit(self):
        index = (SITE / "index.html").read_text()
        for name, title in (("map-clear", "one second later: resident memory (VmRSS), MiB"),
                            ("not-returned", "freed: resident memory (VmRSS), MiB"),
                            ("fragment", "resident MiB, and what of them is live")):
            card = index[index.index(f'href="{name}.html">\n<h2>'):].split("</a>")[0]
            self.assertIn(f'lang="en">{title}</span>', card)
            if "VmRSS" in title:
                self.assertEqual(card.count("<rect"), 3, "a bar for each allocator")

    def test_says_where_a_drawing_is_not_to_scale_and_invents_no_address(self):
        index = (SITE / "index.html").read_text()
        for name in ("walk", "attack", "first-fit", "slab-and-buddy"):
            card = index[index.index(f'href="{name}.html">\n<h2>'):].split("</a>")[0]
            self.assertIn("not to scale", card)
            self.assertNotRegex((SITE / f"{name}.html").read_text(), r"\b0x0\b")

    def test_shows_what_failed_and_goes_on(self):
        with tempfile.TemporaryDirectory() as directory:
            fake = Path(directory) / "libfake.so"
            fake.write_text("no library")
            done = lab("all", "--quick", "--allocators", str(fake), "--report", f"{directory}/site")
            self.assertEqual(done.returncode, 1)
            self.assertIn("arenite: these experiments failed: ", done.stderr)
            failed = done.stderr.split("failed: ")[-1].strip().split(", ")
            self.assertIn("map-clear", failed)
            for name in experiments():
                text = Page(Path(directory) / "site" / f"{name}.html").text
                self.assertEqual("could not be preloaded" in text["en"], name in failed, name)
                self.assertEqual("运行失败" in text["zh"], name in failed, name)
            index = Page(Path(directory) / "site" / "index.html").text["en"]
            self.assertEqual(index.count("could not be preloaded"), len(failed))

    def test_refuses_a_place_that_cannot_be_written(self):
        done = lab("all", "--report", str(COMMAND))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f"arenite: {COMMAND}: ", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_tells_how_far_it_is(self):
        """On a terminal, in one line."""
        ours, theirs = pty.openpty()
        running = subprocess.Popen([str(COMMAND), "lab", "all", "--quick", "--allocators=glibc"], stderr=theirs,
                                   stdout=subprocess.DEVNULL, env={"TERM": "xterm"})
        os.close(theirs)
        seen = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                seen += os.read(ours, 4096)
            except OSError:  # its other end is closed
                break
        os.close(ours)
        self.assertEqual(running.wait(), 0)
        self.assertNotIn(b"\n", seen)
        number = list(experiments()).index("map-clear") + 1
        self.assertRegex(seen.decode(), rf"\r\x1b\[K\[{number}/{len(experiments())}, \d:\d\d\] map-clear \[1/\d\] glibc")


# What of a page can be seen, in one question.
LOOK = """
const root = document.documentElement;
const visible = element => element.getClientRects().length > 0;
const inside = (part, whole) => part.left > whole.left - 1 && part.right < whole.right + 1
  && part.top > whole.top - 1 && part.bottom < whole.bottom + 1;
const cut = [...document.querySelectorAll(".plot svg")].filter(visible).flatMap(svg =>
  [...svg.querySelectorAll("text")].filter(t => visible(t)
    && !inside(t.getBoundingClientRect(), svg.getBoundingClientRect())).map(t => t.textContent));
const headings = [...document.querySelectorAll("h1")].filter(visible);
return {
  language: root.lang, title: document.title, heading: headings.map(h1 => h1.innerText).join(""), cut,
  too_wide: root.scrollWidth - root.clientWidth,
  paper: getComputedStyle(document.body).backgroundColor,
  other: [...document.body.querySelectorAll(`[lang=${root.lang === "en" ? "zh" : "en"}]`)].filter(visible).length,
  plots: [...document.querySelectorAll(".plot")].map(plot => [...plot.querySelectorAll("svg")].filter(visible).length),
  elsewhere: performance.getEntriesByType("resource").map(r => r.name).filter(n => !n.startsWith("file:")),
};
"""


class Reading(unittest.TestCase):
    """The reader's side."""

    @classmethod
    def setUpClass(cls):
        cls.browser = cls.enterClassContext(Browser())

    def setUp(self):
        self.browser.look_like(WIDTHS["desk"])
        self.open("index")
        self.browser.run("localStorage.clear()")

    def open(self, page):
        self.browser.open((SITE / f"{page}.html").as_uri())

    def check(self, language, scheme):
        seen = self.browser.run(LOOK)
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual(seen["elsewhere"], [])
        self.assertEqual(seen["language"], language)
        self.assertEqual(seen["other"], 0)
        self.assertLessEqual(seen["too_wide"], 0)
        self.assertEqual(seen["cut"], [])
        self.assertTrue(all(count == 1 for count in seen["plots"]), seen["plots"])
        brightness = sum(int(part) for part in re.findall(r"\d+", seen["paper"])[:3])
        self.assertEqual(brightness > 384, scheme == "light", seen["paper"])
        return seen

    def test_every_page_opens(self):
        pages = ["index", *experiments()]
        for kind, language, scheme in LOOKS:
            self.browser.look_like(WIDTHS[kind], LANGUAGES[language], scheme)
            for page in pages:
                with self.subTest(page=page, kind=kind, language=language, scheme=scheme):
                    self.open(page)
                    seen = self.check(language, scheme)
                    self.assertEqual(bool(CHINESE.search(seen["heading"])), language == "zh", seen["heading"])
                    self.assertEqual(bool(CHINESE.search(seen["title"])), language == "zh", seen["title"])
                    self.browser.picture(SCREENSHOTS / f"{page}-{kind}-{language}-{scheme}.png")

    def test_listings_open(self):
        self.browser.look_like(WIDTHS["phone"])
        for page in sorted((SITE / "source").rglob("*.html"))[::6]:
            with self.subTest(page=page.relative_to(SITE)):
                self.open(page.relative_to(SITE).with_suffix(""))
                self.check("en", "light")

    def test_the_switches_are_remembered(self):
        self.check("en", "light")
        self.browser.run("document.getElementById('language').click(); document.getElementById('scheme').click()")
        self.check("zh", "dark")
        self.open("map-clear")
        self.check("zh", "dark")
        self.browser.run("document.getElementById('language').click(); document.getElementById('scheme').click()")
        self.open("index")
        self.check("en", "light")

    def test_players_step_forward_and_back(self):
        steps = "return [...document.querySelectorAll('.player')].filter(p => p.offsetWidth).map(p => p.dataset.step)"
        press = "[...document.querySelectorAll('.ap-' + arguments[0])].filter(b => b.offsetWidth)[0].click()"
        played = 0
        for experiment in ANSWER["experiments"]:
            if "drawings" not in experiment:
                continue
            self.open(experiment["experiment"])
            for drawing in experiment["drawings"]:
                with self.subTest(drawing=drawing["name"]):
                    self.browser.run("location.hash = arguments[0]; dispatchEvent(new Event('hashchange'))",
                                     drawing["name"])
                    # It opens where there is something to see.
                    first = next((i for i, frame in enumerate(drawing["frames"]) if frame.get("memory")), 0)
                    self.assertEqual(self.browser.run(steps), [str(first + 1)])
                    self.browser.run(press, "first") if first else None
                    self.assertEqual(self.browser.run(steps), ["1"])
                    text = "return document.querySelectorAll('#' + arguments[0] + ' .ap-text')[0].innerText"
                    last = len(drawing["frames"])
                    for button, step in (("forward", 2), ("forward", min(3, last)), ("back", min(2, last - 1))):
                        self.browser.run(press, button)
                        self.assertEqual(self.browser.run(steps), [str(step)])
                        told = drawing["frames"][step - 1]["text"]["en"]
                        self.assertEqual(self.browser.run(text, drawing["name"]).split(), told.split())
                    played += 1
            self.browser.run("document.getElementById('language').click()")
            self.assertRegex(self.browser.run(text, drawing["name"]), CHINESE)
            self.browser.run("document.getElementById('language').click()")
            self.assertEqual(self.browser.complaints(), [])
        self.assertGreater(played, 0)

    def test_a_line_of_a_listing_can_be_linked_to(self):
        self.browser.open((SITE / "source/lab/map_clear.cpp.html").as_uri() + "#L20")
        self.assertGreater(self.browser.run("return window.scrollY"), 0)


def setUpModule():
    global SITE, ANSWER
    directory = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(directory.cleanup)
    SITE = Path(directory.name) / "site"
    done = lab("all", "--quick", "--json", "--report", str(SITE))
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    ANSWER = json.loads(done.stdout)


def main():
    global COMMAND, SCREENSHOTS
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--command", required=True, type=Path, help="the command arenite")
    parser.add_argument("--screenshots", required=True, type=Path, help="where pictures of the pages go")
    parser.add_argument("tests", nargs="*", help="classes or tests of this file (all)")
    arguments = parser.parse_args()
    if not shutil.which("chromedriver") and not browser_is_a_must():
        print("no chromedriver (Debian: apt-get install chromium-driver)")
        sys.exit(77)
    COMMAND = arguments.command.resolve(strict=True)
    SCREENSHOTS = arguments.screenshots
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    unittest.main(argv=[sys.argv[0], *arguments.tests], verbosity=2)


if __name__ == "__main__":
    main()
