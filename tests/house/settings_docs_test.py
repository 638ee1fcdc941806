#!/usr/bin/env python3
"""The lists of settings in TUNING.md and man/arenite-settings.5 are what src/policy/settings.def says.

Usage: settings_docs_test.py [--root DIR]     compare; exit 1 where a list is not the table's
       settings_docs_test.py --write          write both lists (cmake --build … --target settings_docs)
       settings_docs_test.py --self-test      change the table, see that both lists are found to differ

A list stands between two comments, `settings.def: begin` and `end`. Nothing between them is written by
hand: the words are the table's, and its defaults are reckoned for both word sizes.
"""

import argparse
import re
import shutil
import sys
import tempfile
import textwrap
from pathlib import Path

TABLE = Path("src/policy/settings.def")
TYPES = Path("src/policy/settings.hpp")
WORDS = Path("src/policy/settings.cpp")
TUNING = Path("TUNING.md")
MANUAL = Path("man/arenite-settings.5")
MARKS = {TUNING: ("<!-- settings.def: begin -->\n", "<!-- settings.def: end -->\n"),
         MANUAL: ('.\\" settings.def: begin\n', '.\\" settings.def: end\n')}
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
FIELDS = ("name", "unit", "default", "minimum", "maximum", "mallopt", "variable", "tunable", "help")


def fields(text):
    """The arguments of a SETTING(...), split at its commas; neighbouring strings are one."""
    parts = re.findall(r'"(?:[^"\\]|\\.)*"|\([^()]*\)|,|[^,"()]+', text)
    found, current = [], ""
    for part in parts:
        if part == ",":
            found.append(current.strip())
            current = ""
        else:
            current += part
    found.append(current.strip())
    return [re.sub(r'"\s*"', "", field).strip('"') if field.startswith('"') else field for field in found]


class Table:
    def __init__(self, root):
        text = re.sub(r"^\s*(//|#).*$", "", (root / TABLE).read_text(), flags=re.MULTILINE)
        self.rows = []
        for match in re.finditer(r'^SETTING\(((?:"(?:[^"\\]|\\.)*"|[^"])*?)\)\s*$', text, re.MULTILINE):
            row = fields(match.group(1))
            if len(row) != len(FIELDS):
                sys.exit(f"settings_docs: {len(row)} fields instead of {len(FIELDS)}: {row}")
            self.rows.append(dict(zip(FIELDS, row)))
        if len(self.rows) != text.count("SETTING("):
            sys.exit("settings_docs: a line of the table could not be read")
        limit = re.search(r"k_mmap_threshold_limit = k_is_64_bit \? ([^:]+) : ([^;]+);", (root / TYPES).read_text())
        self.limits = {8: limit.group(1), 4: limit.group(2)}
        names = re.findall(r'constexpr char k_(\w+)\[\]\[\d+\] = \{([^}]*)\}', (root / WORDS).read_text())
        self.words = {name: re.findall(r'"(\w+)"', words) for name, words in names}

    def number(self, expression, word_size):
        """The value of a constant of the table, or of a few operators, as that word size has it."""
        text = expression.replace("k_mmap_threshold_limit", f"({self.limits[word_size]})")
        text = text.replace("sizeof(size_t)", str(word_size)).replace("k_kib", str(KIB)).replace("k_mib", str(MIB))
        choice = re.fullmatch(r"(.+)\?(.+):(.+)", text)
        if choice:
            text = f"({choice[2]}) if ({choice[1]}) else ({choice[3]})"
        return int(eval(text.replace(" / ", " // "), {"__builtins__": {}}))

    def shown(self, row, which):
        """A field as one reads it: "128 KiB", "classic", "128 (64 on 32-bit)"."""
        values = [self.value(row, self.number(row[which], size)) for size in (8, 4)]
        return values[0] if values[0] == values[1] else f"{values[0]} ({values[1]} on 32-bit)"

    def value(self, row, n):
        words = self.words.get(row["unit"], self.words.get(row["unit"] + "s"))
        if words:
            return words[n]
        if row["unit"] == "bytes":
            for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
                if n and n % unit == 0:
                    return f"{n // unit} {name}"
        return str(n)

    def values(self, row):
        """What it takes."""
        words = self.words.get(row["unit"], self.words.get(row["unit"] + "s"))
        if words:
            return ", ".join(words)
        low, high = self.shown(row, "minimum"), self.shown(row, "maximum")
        return f"{low} to {high}" if row["maximum"] != "0" else f"from {low}"


def tuning(table):
    lines = ["| `ARENITE_…` | glibc's variable | tunable `glibc.malloc.…` | mallopt | default | values | what it does |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for row in table.rows:
        code = lambda text: f"`{text}`" if text else ""
        parameter = "M_" + row["name"].upper() if row["mallopt"] != "0" else ""
        cells = [code(row["name"].upper()), code(row["variable"]), code(row["tunable"]), code(parameter),
                 table.shown(row, "default"), table.values(row), row["help"].replace("|", "\\|")]
        lines.append("|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|")
    return "\n".join(lines) + "\n"


def roff(text):
    """Words for a manual, in lines of about a hundred characters, none of which is taken for a request."""
    lines = textwrap.wrap(text.replace("\\", "\\e").replace("-", "\\-"), 100, break_long_words=False, break_on_hyphens=False)
    return "".join(("\\&" if line[0] in ".'" else "") + line + "\n" for line in lines)


def manual(table):
    out = ""
    for row in table.rows:
        out += f".TP\n.BR {row['name']} \" ({table.values(row)}; default {table.shown(row, 'default')})\"\n" + roff(row["help"])
        others = [row["variable"], row["tunable"] and f"glibc.malloc.{row['tunable']}",
                  "M_" + row["name"].upper() + " of mallopt" if row["mallopt"] != "0" else ""]
        if any(others):
            out += ".br\n" + roff("Also: " + ", ".join(filter(None, others)) + ".")
    return out


def compared(root, write):
    """The files whose list is not the table's; those are written, if asked for."""
    table = Table(root)
    differing = []
    for path, listed in ((TUNING, tuning(table)), (MANUAL, manual(table))):
        text = (root / path).read_text()
        begin, end = MARKS[path]
        if text.count(begin) != 1 or text.count(end) != 1:
            sys.exit(f"settings_docs: {path} wants one '{begin.strip()}' and one '{end.strip()}'")
        start, stop = text.index(begin) + len(begin), text.index(end)
        if text[start:stop] == listed:
            continue
        differing.append(str(path))
        if write:
            (root / path).write_text(text[:start] + listed + text[stop:])
    return differing


def self_test(root):
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for path in (TABLE, TYPES, WORDS, TUNING, MANUAL):
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / path, copy / path)
        compared(copy, write=True)
        both = [str(TUNING), str(MANUAL)]
        original = (copy / TABLE).read_text()
        for old, new in (("65536", "65537"), ("fast bins", "quick bins"), ("#undef", 'SETTING(added, count, '
                         'sizeof(size_t) == 8 ? 3 : 2, 0, 9, 0, "", "", "one, (two) and three"\n        " four")\n#undef')):
            assert compared(copy, write=False) == [], "what was written is not what is wanted"
            (copy / TABLE).write_text(original.replace(old, new, 1))
            assert compared(copy, write=False) == both, f"{old} became {new}, and nobody saw"
            if "added" in new:
                compared(copy, write=True)
                assert "| 3 (2 on 32-bit) | 0 to 9 | one, (two) and three four |" in (copy / TUNING).read_text()
            (copy / TABLE).write_text(original)
            compared(copy, write=True)
    print("settings_docs: each change of the table was seen in both lists")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--write", action="store_true", help="write the lists")
    parser.add_argument("--self-test", action="store_true", help="see that a difference is found")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test(arguments.root)
        return
    differing = compared(arguments.root, arguments.write)
    if arguments.write:
        print("settings_docs: " + (f"wrote {', '.join(differing)}" if differing else "nothing to write"))
    elif differing:
        sys.exit(f"settings_docs: {', '.join(differing)}: the list of settings is not src/policy/settings.def's; "
                 "tests/house/settings_docs_test.py --write writes it")


if __name__ == "__main__":
    main()
