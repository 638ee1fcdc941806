"""Pages of Markdown as the tests of the documentation see them: blocks, commands with their output, links.

A block of kind `sh` is run. The block behind it, if its kind is `text`, is what it prints: output and
errors, in their order. Numbers there need only be near (is_near), and addresses and process ids may be any;
behind `text varies` all numbers may be any, and their units, for they depend on the machine.
"""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"(?ms)^```(\w*)([^\n]*)\n(.*?)^```$")
# Addresses, offsets in a file, process ids: any will do.
ANY = re.compile(r"0x[0-9a-f]+|\bpid \d+")
UNIT = re.compile(r"-?# (bytes|[KMG]iB)")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass
class Example:
    """A block of commands, what it prints as the page has it (None: not told), and where that stands."""
    commands: str
    output: str | None
    varies: bool
    span: tuple[int, int]


def blocks(text, kind=None):
    """The blocks of code: (kind, text) of all, or the texts of one kind."""
    found = [(match[1], match[3]) for match in FENCE.finditer(text)]
    return [block for name, block in found if name == kind] if kind else found


def examples(text):
    found = []
    for match in FENCE.finditer(text):
        if match[1] == "sh":
            found.append(Example(match[3], None, False, (match.end(), match.end())))
        elif match[1] == "text" and found and text[found[-1].span[0]:match.start()].strip() == "":
            found[-1] = Example(found[-1].commands, match[3], "varies" in match[2], match.span(3))
    return found


def lines_of_shell(text):
    """The commands of a page's blocks, one a line, without their comments."""
    lines = [re.sub(r" +#.*", "", line).strip() for block in blocks(text, "sh") for line in block.splitlines()]
    return [line for line in lines if line]


class Shell:
    """Where commands are run: a directory that looks like the repository's, with a build directory of its own. It is
    gone at the end of `with`."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.directory.cleanup()

    def __init__(self, root, build):
        self.directory = tempfile.TemporaryDirectory()
        self.place = Path(self.directory.name)
        for name in ("docs", "include", "examples", "bindings", "VERSION"):
            if (root / name).exists():
                (self.place / name).symlink_to(root / name)
        (self.place / "build").mkdir()
        (self.place / "build" / "release").symlink_to(build)
        self.environment = {"PATH": f"{build}:{os.environ['PATH']}", "HOME": str(self.place), "LC_ALL": "C.UTF-8",
                            "LIBC_FATAL_STDERR_": "1"}

    def run(self, commands):
        """What the commands print. Where the page's reader types, a shell says `Aborted` in its own way."""
        done = subprocess.run(["bash", "-c", commands], cwd=self.place, env=self.environment, text=True, timeout=100,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return re.sub(r"(?m)^bash: line \d+: +\d+ (Aborted).*$", r"\1", done.stdout)


def is_near(one, other):
    """Within half of the larger, or both small: another compiler, kernel or libc moves figures that far."""
    a, b = (float(number.replace(",", "")) if number.count(".") < 2 else number for number in (one, other))
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return abs(a - b) <= max(4, max(a, b) / 2)


def difference(said, printed, varies):
    """None, or the first line in which what a page says is not what was printed."""
    said_lines, printed_lines = said.splitlines(), printed.splitlines()
    for i in range(max(len(said_lines), len(printed_lines))):
        pair = [lines[i] if i < len(lines) else "(no line)" for lines in (said_lines, printed_lines)]
        bare = [re.sub(r"\s+", " ", ANY.sub("@", re.sub("─+", "─", line))) for line in pair]
        numbers = [NUMBER.findall(line) for line in bare]
        words = [re.sub(" *#", "#", NUMBER.sub("#", line)) for line in bare]
        if varies:
            words = [UNIT.sub("#", line) for line in words]
        if words[0] != words[1] or not (varies or all(map(is_near, *numbers))):
            return f"line {i + 1}: the page says '{pair[0]}', printed was '{pair[1]}'"
    return None


def links(text):
    """Links to files and headings, and pictures; not those to other hosts, nor what only looks like one in code."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text)) if "://" not in link]


def anchors(page):
    """What the headings of a page are called in links, as GitHub makes it of them."""
    headings = re.findall(r"(?m)^#+ +(.*?) *$", FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page):
    """Those of its links that lead nowhere."""
    dead = []
    for link in links(page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead
