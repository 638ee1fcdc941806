#!/usr/bin/env python3
"""The book in docs/ and the other pages: commands print what the page says, links lead somewhere, tables are the sources'.

Usage: docs_test.py --root DIR --build DIR [CLASS[.test]...]
       docs_test.py --root DIR --build DIR --write    run the commands, write what they print into the pages

book.py says how a page is read and how exact its figures must be.
"""

import argparse
import re
import sys
import tempfile
import unittest
from pathlib import Path

import book

ROOT = None
BUILD = None

# What a page claims of figures that vary: in the last line of its first output, which is glibc's, and of its
# second, arenite's, the number of the former is at least so many times that of the latter.
CLAIMS = {"docs/symptoms/arenas-times-cores.md": 1.5, "docs/symptoms/killed-in-a-container.md": 4,
          "docs/symptoms/rss-never-falls.md": 4, "docs/symptoms/slow-with-threads.md": 5}
# Lines that concern the whole machine. The same lines of the README are run on a fresh one (.ci/fresh_debian).
OF_THE_MACHINE = ("./dev ", "git clone ", "sudo ")
FAULTS = ("src/chunk/fault.def", "src/slab/fault.def", "src/span/fault.def")


def pages():
    """The book, which is run."""
    return sorted((ROOT / "docs").rglob("*.md"))


def all_pages():
    """All that links are looked at in."""
    return sorted(file for file in ROOT.rglob("*.md") if "build" not in file.relative_to(ROOT).parts)


def name_of(page):
    return str(page.relative_to(ROOT))


def is_of_the_machine(example):
    return any(line.startswith(OF_THE_MACHINE) for line in example.commands.splitlines())


def run_all(page):
    """The page's examples, each with what it prints here; without those of the machine."""
    with book.Shell(ROOT, BUILD) as shell:
        return [(example, shell.run(example.commands)) for example in book.examples(page.read_text())
                if not is_of_the_machine(example)]


class Commands(unittest.TestCase):
    def test_each_prints_what_its_page_says(self):
        outputs = 0
        for page in pages():
            printed = []
            for example, output in run_all(page):
                printed.append(output)
                with self.subTest(page=name_of(page), commands=example.commands):
                    outputs += example.output is not None
                    self.assertIsNone(book.difference(example.output or "", output, example.varies))
            if name_of(page) in CLAIMS:
                with self.subTest(page=name_of(page)):
                    self.assertIsNone(broken_claim(printed, CLAIMS[name_of(page)]))
        self.assertGreater(outputs, 10)

    def test_what_concerns_the_machine_is_in_the_readme(self):
        known = book.lines_of_shell((ROOT / "README.md").read_text())
        found = 0
        for page in pages():
            for example in book.examples(page.read_text()):
                if not is_of_the_machine(example):
                    continue
                for line in book.lines_of_shell(f"```sh\n{example.commands}```\n"):
                    found += 1
                    with self.subTest(page=name_of(page), line=line):
                        self.assertIn(line, known)
        self.assertGreater(found, 1)

    def test_every_block_is_of_a_kind_that_is_tested(self):
        for page in pages():
            text = page.read_text()
            outputs = [example.output for example in book.examples(text)]
            for kind, block in book.blocks(text):
                with self.subTest(page=name_of(page), block=block):
                    self.assertIn(kind, ("sh", "text"))
                    self.assertTrue(kind == "sh" or block in outputs, "output of no command")


def broken_claim(printed, times):
    """None, or what is wrong: see CLAIMS."""
    outputs = [text for text in printed if book.NUMBER.search(text)]
    glibc, arenite = (float(book.NUMBER.findall(text.splitlines()[-1])[-1]) for text in outputs[:2])
    return None if glibc >= times * arenite else f"{glibc} is not {times} times {arenite}"


class Links(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        count = 0
        for page in all_pages():
            count += len(book.links(page.read_text()))
            with self.subTest(page=name_of(page)):
                self.assertEqual(book.dead_links(page), [])
        self.assertGreater(count, 100)

    def test_the_contents_lead_to_every_page_of_the_book(self):
        contents = ROOT / "docs" / "README.md"
        reached = {(contents.parent / link.partition("#")[0]).resolve() for link in book.links(contents.read_text())}
        self.assertEqual([name_of(page) for page in pages() if page.resolve() not in reached | {contents.resolve()}], [])


class Languages(unittest.TestCase):
    """README.zh-CN.md says what README.md says."""

    def test_both_have_the_same_sections_commands_links_and_figures(self):
        english, chinese = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
        self.assertEqual(*map(outline, (english, chinese)))
        self.assertIn("[简体中文](README.zh-CN.md)", english.read_text())
        self.assertIn("[English](README.md)", chinese.read_text())

    def test_control_a_difference_is_found(self):
        text = (ROOT / "README.zh-CN.md").read_text()
        with tempfile.TemporaryDirectory() as directory:
            page = Path(directory) / "README.md"
            page.write_text(text)
            right = outline(page)
            for old, new in (("## 试一试\n", ""), ("--arena-max=2", "--arena-max=3"), ("(SECURITY.md)", "(DESIGN.md)"),
                             ("7.5", "7.4"), ("| 容器被杀掉", "容器被杀掉"), ("arenite::arenite)", "arenite::static)"), ("`GLIBC_TUNABLES`", "")):
                with self.subTest(old=old):
                    self.assertIn(old, text)
                    page.write_text(text.replace(old, new, 1))
                    self.assertNotEqual(outline(page), right)


def outline(page):
    """What a page has in common with its translation: headings by their level, commands, links, code, figures; for each
    section."""
    found = []
    for section in re.split(r"(?m)^(?=#)", page.read_text())[1:]:
        code = [re.sub(r" +#.*", "", line) for kind, block in book.blocks(section) for line in block.splitlines()]
        words = book.FENCE.sub("", section)
        # A page of the lab has its own translation; the two READMEs name each other.
        link_text = [re.sub(r"\.zh\.md$", ".md", link) for link in book.links(section)]
        found.append({"level": len(section) - len(section.lstrip("#")), "code": code,
                      "links": [link for link in link_text if link not in ("README.md", "README.zh-CN.md")],
                      "names": sorted(set(re.findall(r"`([^`]+)`", words))), "rows": words.count("\n|"),
                      "items": words.count("\n- "), "bold": words.count("**"),
                      "figures": sorted(re.findall(r"\d+(?:[.,]\d+)+|\d{3,}", words))})
    return found


class Tables(unittest.TestCase):
    def test_messages_are_those_of_the_library(self):
        page = (ROOT / "docs" / "reference" / "messages.md").read_text()
        self.assertEqual(told_messages(page), messages_of_the_library())

    def test_statistics_are_those_of_the_library(self):
        page = (ROOT / "docs" / "reference" / "statistics.md").read_text()
        header = (ROOT / "include" / "arenite" / "arenite.h").read_text()
        members = set(re.findall(r"(?m)^  size_t (\w+);", header))
        self.assertGreater(len(members), 10)
        told = set(re.findall(r"(?m)^\| `(\w+)` \|", page))
        self.assertEqual(members - told, set())


def messages_of_the_library():
    """(what is said, what it means) of each fault."""
    found = set()
    for file in FAULTS:
        text = (ROOT / file).read_text()
        rows = re.findall(r'FAULT\(\w+, "((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\)', text)
        if len(rows) != len(re.findall(r"(?m)^FAULT\(", text)):
            raise AssertionError(f"{file}: a line could not be read")
        found.update(rows)
    return found


def told_messages(page):
    """The same, of the tables that have a column for each."""
    return set(re.findall(r"(?m)^\| `([^`]+)` \| `([^`]+)` \|", page))


class Control(unittest.TestCase):
    """Each of the checks finds a fault that was put in."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.top = Path(directory.name)

    def differs(self, text):
        (example, output), = run_all(self.page(text))
        return book.difference(example.output, output, example.varies)

    def page(self, text):
        page = self.top / "page.md"
        page.write_text(text)
        return page

    def test_finds_an_output_that_is_another(self):
        for kind, said, is_found in (("text", "1 of 300 MiB", False), ("text", "1 of 200 MiB", False), ("text", "1 of 20 MiB", True),
                                     ("text varies", "1 of 20 MiB", False), ("text varies", "1 of MiB", True),
                                     ("text", "1 of 300 KiB", True), ("text", "1 of 300 MiB\n2", True)):
            with self.subTest(kind=kind, said=said):
                text = f"```sh\necho 1 of 300 MiB\n```\n\n```{kind}\n{said}\n```\n"
                self.assertEqual(self.differs(text) is not None, is_found)

    def test_addresses_and_processes_may_be_any_and_what_surrounds_them_not(self):
        for said, is_found in (("0x7f: freed [x, pid 1]", False), ("0x7f: lost [x, pid 1]", True)):
            self.assertEqual(self.differs(f"```sh\necho '0x1234: freed [x, pid 99]'\n```\n```text\n{said}\n```\n") is not None,
                             is_found)

    def test_finds_a_claim_that_does_not_hold(self):
        self.assertIsNone(broken_claim(["", "peak 40", "peak 10"], 4))
        self.assertIsNotNone(broken_claim(["", "peak 39", "peak 10"], 4))

    def test_finds_a_dead_link(self):
        (self.top / "other.md").write_text("# A heading, with `code`\n")
        for link, is_dead in (("other.md", False), ("other.md#a-heading-with-code", False), ("#here", False),
                              ("another.md", True), ("other.md#elsewhere", True), ("#there", True)):
            with self.subTest(link=link):
                self.assertEqual(book.dead_links(self.page(f"## Here\n\n[x]({link})\n")), [link] if is_dead else [])

    def test_finds_a_message_that_is_missing(self):
        page = (ROOT / "docs" / "reference" / "messages.md").read_text()
        self.assertNotEqual(told_messages(page.replace("it reaches beyond the top", "it ends")), messages_of_the_library())


def write():
    """Puts into the pages what their commands print now, where that differs."""
    for page in pages():
        text = page.read_text()
        for example, output in reversed(run_all(page)):
            if output and example.output is None:
                sys.exit(f"{name_of(page)}: no block for what this prints: {example.commands}{output}")
            if example.output is not None and book.difference(example.output, output, example.varies):
                text = text[:example.span[0]] + output.rstrip("\n") + "\n" + text[example.span[1]:]
        page.write_text(text)


def main():
    global ROOT, BUILD
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, type=Path, help="the sources")
    parser.add_argument("--build", required=True, type=Path, help="a build of them")
    parser.add_argument("--write", action="store_true", help="write the outputs into the pages")
    parser.add_argument("tests", nargs="*", help="classes or tests of this file (all)")
    arguments = parser.parse_args()
    ROOT, BUILD = arguments.root.resolve(), arguments.build.resolve()
    if arguments.write:
        write()
        return
    unittest.main(argv=[sys.argv[0], *arguments.tests], verbosity=2)


if __name__ == "__main__":
    main()
