#!/usr/bin/env python3
"""Keeps the floors of the house (STYLE: "The house") by reading the sources.

A folder under src/ is a floor. The rules, each reported as `file:line: what is wrong`:
  includes      a file includes only its own folder and lower floors; another floor only through its
                door header src/<floor>/<floor>.hpp, for chunk/ and slab/ <floor>_engine.hpp (or the settings
                table, which is made to be included); chunk, slab, span and large never see each other. A unit test
                may look behind the doors of the floors it stands on.
  system calls  only os/ makes them or includes the kernel's headers
  errno         only api/ sets it; os/ may put back what it `saved`
  visibility    only api/ exports
  include/      includes nothing of src/
  tools/ lab/ bench/  see policy/settings.* and the headers of view/, nothing else of src/
  length        a source file of more than 500 lines holds two ideas

Usage: floors_test.py [--root DIR]      check a tree; exit 1 if a rule is broken
       floors_test.py --self-test       break each rule in a small tree, see that it is reported
"""

import argparse
import re
import sys
from pathlib import Path

FLOORS = {"base": 0, "os": 1, "policy": 2, "ledger": 2.5, "chunk": 3, "slab": 3, "span": 3, "large": 3,
          "cache": 4, "engine": 5, "view": 6, "api": 7}
# chunk/chunk.hpp is the chunk itself, and slab/slab.hpp the slab: the engines made of them have other
# doors.
DOORS = {floor: f"{floor}/{floor}.hpp" for floor in FLOORS} | {
    "chunk": "chunk/chunk_engine.hpp", "slab": "slab/slab_engine.hpp",
    "large": "large/large_engine.hpp"}
TABLE = "policy/settings.def"
SEEN_BY_TOOLS = re.compile(r"policy/settings\.\w+|view/\w+\.hpp")
SOURCE_SUFFIXES = {".hpp", ".cpp", ".h", ".c", ".def", ".inc"}
LONGEST_FILE = 500

KERNEL_HEADER = re.compile(r"(sys|linux|asm)/(?!types\.h|cdefs\.h).*|(unistd|fcntl|sched|poll)\.h")
# A bare or ::global name; `os::map(...)`, `x.brk(...)` and `p->brk(...)` are something else.
KERNEL_CALL = re.compile(
    r"(?<![\w.>:])(?:::\s*)?(syscall|mmap|mmap64|munmap|mremap|mprotect|madvise|mincore|brk|sbrk|"
    r"getrandom|sched_getaffinity|clock_gettime|process_vm_readv|memfd_create)\s*\(")
KERNEL_ASM = re.compile(r"\basm\b[^;]*\b(syscall|sysenter|svc|int\s+\$0x80)\b")
RESTORES_ERRNO = re.compile(r"\berrno\s*=\s*saved_?\s*;")
SETS_ERRNO = re.compile(r"\berrno\s*=(?!=)|(?<!&)&\s*errno\b|\b__errno_location\b")
EXPORTS = re.compile(r'visibility\s*\(\s*"default"\s*\)|GCC\s+visibility\s+push\s*\(\s*default\s*\)')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^">]+)[">]', re.MULTILINE)

TOKEN = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)|R"(?P<mark>[^()\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|'
    r"(?:\bu8|(?<![0-9a-fA-F]))'(?:\\.|[^'\\\n])*'", re.DOTALL)


def blank(text, strings):
    """The text with comments, and if asked for the insides of strings, replaced by spaces; lines stay."""
    def replace(match):
        if match.group("comment") or strings:
            return re.sub(r"[^\n]", " ", match.group(0))
        return match.group(0)
    return TOKEN.sub(replace, text)


class Tree:
    """One source tree; findings gather in `findings` as (path, line, message)."""

    def __init__(self, root):
        self.root = Path(root)
        self.findings = []

    def files(self, folder):
        top = self.root / folder
        return sorted(p for p in top.rglob("*") if p.suffix in SOURCE_SUFFIXES) if top.is_dir() else []

    def report(self, path, text, offset, message):
        self.findings.append((path.relative_to(self.root), text.count("\n", 0, offset) + 1, message))

    def report_all(self, pattern, path, text, message):
        for match in pattern.finditer(text):
            self.report(path, text, match.start(), message.format(match.group(match.lastindex or 0)))

    def check(self):
        for path in self.files("src"):
            self.check_source(path)
        for folder in ("include", "tools", "lab", "bench"):
            for path in self.files(folder):
                self.check_outside(path, folder)
        return self.findings

    def check_source(self, path):
        text = path.read_text(errors="replace")
        code = blank(text, strings=False)
        plain = blank(text, strings=True)
        floor = path.relative_to(self.root / "src").parts[0]
        is_test = path.stem.endswith("_test")
        self.check_length(path, text)
        if floor not in FLOORS or path.parent == self.root / "src":
            self.report(path, text, 0, f"src/{floor} is not one of the floors {' '.join(FLOORS)}")
            return
        for match in INCLUDE.finditer(code):
            wrong = self.wrong_include(floor, match.group(1), is_test)
            if floor != "os" and not is_test and KERNEL_HEADER.fullmatch(match.group(1)):
                wrong = f"<{match.group(1)}> belongs to the kernel; only os/ includes it"
            if wrong:
                self.report(path, text, match.start(), wrong)
        if is_test:
            return
        if floor != "os":
            self.report_all(KERNEL_CALL, path, plain, "{}(): only os/ makes system calls")
            self.report_all(KERNEL_ASM, path, code, "asm {}: only os/ makes system calls")
        if floor == "os":
            plain = RESTORES_ERRNO.sub(lambda match: " " * len(match.group(0)), plain)
        if floor != "api":
            self.report_all(SETS_ERRNO, path, plain, "only api/ sets errno")
            self.report_all(EXPORTS, path, code, "only api/ exports symbols")

    def wrong_include(self, floor, name, is_test):
        """Why a file of `floor` may not include `name`, or None."""
        target = name.split("/")[0]
        if ".." in name.split("/"):
            return f'"{name}": name a header by its path from src/'
        if "/" not in name or target not in FLOORS or target == floor:
            return None
        if floor != target and {floor, target} <= {"chunk", "slab", "span", "large"}:
            return f'"{name}": {" and ".join(sorted((floor, target)))} never see each other; engine joins them'
        if FLOORS[target] > FLOORS[floor]:
            return f'"{name}": {target} is above {floor}'
        if name not in (DOORS[target], TABLE) and not is_test:
            return f'"{name}": other floors are entered by their door, "{DOORS[target]}"'
        return None

    def check_outside(self, path, folder):
        text = path.read_text(errors="replace")
        self.check_length(path, text)
        for match in INCLUDE.finditer(blank(text, strings=False)):
            name = match.group(1)
            own = (path.parent / name).is_file() and "src/" not in name
            inside = name.split("/")[0] in FLOORS and "/" in name or "src/" in name
            if own or not inside or (folder != "include" and SEEN_BY_TOOLS.fullmatch(name)):
                continue
            allowed = "nothing" if folder == "include" else "only policy/settings.* and view/*.hpp"
            self.report(path, text, match.start(), f'"{name}": {folder}/ includes {allowed} of src/')

    def check_length(self, path, text):
        lines = text.count("\n")
        if lines > LONGEST_FILE:
            self.report(path, text, len(text) - 1, f"{lines} lines: past {LONGEST_FILE} a file holds two ideas")


def main():
    parser = argparse.ArgumentParser(description="checks the rules of the floors under src/")
    parser.add_argument("--root", default=Path(__file__).resolve().parents[2], help="the tree to check")
    parser.add_argument("--self-test", action="store_true", help="see that each broken rule is reported")
    arguments = parser.parse_args()
    if arguments.self_test:
        import floors_selftest
        return floors_selftest.run()
    if not (Path(arguments.root) / "src").is_dir():
        print(f"floors_test: no folder src in {arguments.root}", file=sys.stderr)
        return 2
    tree = Tree(arguments.root)
    for path, line, message in tree.check():
        print(f"{path}:{line}: {message}", file=sys.stderr)
    if tree.findings:
        print(f"floors: {len(tree.findings)} broken", file=sys.stderr)
        return 1
    print(f"floors: {len(tree.files('src'))} files of src keep the rules")
    return 0


if __name__ == "__main__":
    sys.exit(main())
