#!/usr/bin/env python3
"""The man pages: what libarenite(3) lists is what the library exports and include/arenite/arenite.h says; all have
the sections a reader looks for, and man(1) has nothing to warn of where it is there.

Usage: manuals_test.py [--root DIR]     look; exit 1 where something is wrong
       manuals_test.py --write          write the lists (cmake --build … --target settings_docs)
       manuals_test.py --self-test      put faults in, see that each is found

A list stands between two comments, as in `arenite.h: begin` and `end`; nothing between them is written by hand.
settings_docs_test.py does the same for the settings.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from settings_docs_test import roff

HEADER = Path("include/arenite/arenite.h")
EXPORTS = Path("tests/house/exports.golden")
LIBRARY = Path("man/libarenite.3")
SECTIONS = {"arenite.1": "NAME SYNOPSIS DESCRIPTION EXIT_STATUS ENVIRONMENT FILES EXAMPLES BUGS SEE_ALSO",
            "libarenite.3": "NAME LIBRARY SYNOPSIS DESCRIPTION RETURN_VALUE ENVIRONMENT FILES EXAMPLES BUGS SEE_ALSO",
            "arenite-settings.5": "NAME SYNOPSIS DESCRIPTION SETTINGS EXAMPLES BUGS SEE_ALSO"}


def functions(root):
    """The names of C that the library has beside its own, as a sentence's list."""
    names = re.findall(r"(?m)^([a-z]\w+)$", (root / EXPORTS).read_text())
    lines = [f".BR {name} (){',' if name != names[-1] else ''}" for name in names]
    return "\n".join(lines) + "\n"


def paragraphs(comment):
    """The paragraphs of a comment of C."""
    text = re.sub(r"(?m)^ *(/\*|\*/|\*) ?| *\*/$", "", comment)
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def interface(root):
    """What the header says of each function and its structure."""
    text = (root / HEADER).read_text()
    out = ""
    for comment, name, body in re.findall(r"(?s)(/\*(?:(?!\*/).)*\*/)\s*(?:/\* NOLINT[^\n]*\*/\s*)?struct (\w+) \{(.*?)\n\};", text):
        out += f".SS struct {name}\n" + ".PP\n".join(roff(words) for words in paragraphs(comment))
        members = re.findall(r"(?s)(\w+) (\w+); *(/\*.*?\*/)", body)
        for kind, member, said in members:
            out += f".TP\n.BI \"{kind} \" {member}\n" + roff(" ".join(paragraphs(said)))
    for comment, prototype in re.findall(r"(?s)(/\*(?:(?!\*/).)*\*/)\n(\w[^;{}#]*\([^;{}]*\));", text):
        name = re.search(r"(\w+)\(", prototype)[1]
        out += f".SS {name}()\n" + ".PP\n".join(roff(words) for words in paragraphs(comment))
    return out


def compared(root, write):
    """What is wrong with the lists; they are written, if asked for."""
    text = original = (root / LIBRARY).read_text()
    found = []
    for source, listed in ((EXPORTS, functions(root)), (HEADER, interface(root))):
        begin, end = f'.\\" {source.name}: begin\n', f'.\\" {source.name}: end\n'
        if text.count(begin) != 1 or text.count(end) != 1:
            sys.exit(f"manuals: {LIBRARY} wants one '{begin.strip()}' and one '{end.strip()}'")
        start, stop = text.index(begin) + len(begin), text.index(end)
        if text[start:stop] != listed:
            found.append(f"{LIBRARY}: the list is not that of {source}; manuals_test.py --write writes it")
            text = text[:start] + listed + text[stop:]
    if write and text != original:
        (root / LIBRARY).write_text(text)
    members = set(re.findall(r"(?m)^  size_t (\w+);", (root / HEADER).read_text()))
    if missing := [name for name in sorted(members) if f'" {name}\n' not in text]:
        found.append(f"{LIBRARY}: the header's comments could not be read: {missing}")
    return found


def sections_missing(page):
    has = re.findall(r'(?m)^\.SH "?(.*?)"?$', page.read_text())
    wanted = [words.replace("_", " ") for words in SECTIONS[page.name].split()]
    return [f"{page.name}: no section {name}" for name in wanted if name not in has]


def warnings(page):
    """What man has to say of a page; nothing where there is no man."""
    if not (shutil.which("man") and shutil.which("groff")):
        return []
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)], capture_output=True,
                          text=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"})
    return [f"{page.name}: {line}" for line in done.stderr.splitlines()] or (
        [f"{page.name}: man ended with {done.returncode}"] if done.returncode else [])


def looked_at(root):
    """All that is wrong."""
    pages = [root / "man" / name for name in SECTIONS]
    others = [str(page) for page in (root / "man").iterdir() if page.name not in SECTIONS]
    return (compared(root, False) + [f"{name}: its sections are not known here" for name in others] +
            [wrong for page in pages for wrong in sections_missing(page) + warnings(page)])


def self_test(root):
    faults = [(HEADER, "resident and free", "resident or free"), (HEADER, "  size_t arenas;", "  size_t rooms;"),
              (HEADER, "Like any call", "Unlike any call"), (EXPORTS, "\nvalloc\n", "\n"),
              (LIBRARY, ".SH BUGS\n", ""), (LIBRARY, "reallocarray ()", "reallocarrax ()")]
    if shutil.which("man") and shutil.which("groff"):
        faults += [(LIBRARY, ".SH BUGS\n", ".SH BUGS\n.XX nothing\n"), (Path("man/arenite.1"), ".SH FILES\n", ".SH FILES\n.ZZ\n")]
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        shutil.copytree(root / "man", copy / "man")
        for path in (HEADER, EXPORTS):
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / path, copy / path)
        compared(copy, True)
        assert looked_at(copy) == [], looked_at(copy)
        for path, old, new in faults:
            original = (copy / path).read_text()
            assert old in original, f"{path} has no {old!r}"
            (copy / path).write_text(original.replace(old, new, 1))
            assert looked_at(copy), f"{path}: {old!r} became {new!r}, and nobody saw"
            (copy / path).write_text(original)
    print(f"manuals: each of {len(faults)} faults was found")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--write", action="store_true", help="write the lists")
    parser.add_argument("--self-test", action="store_true", help="see that a fault is found")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test(arguments.root)
    elif arguments.write:
        compared(arguments.root, True)
    elif wrong := looked_at(arguments.root):
        sys.exit("\n".join(f"manuals: {line}" for line in wrong))


if __name__ == "__main__":
    main()
