#!/usr/bin/env python3
"""How many instructions malloc and free of a small block take, and how many pages of the library every
process has, or every larger one, held to golden_counts.json.

Each function is read with objdump and walked from its entry along every forward branch, taken and
not taken. A way that ends in a `ret` of the function itself, without a call or a jump out of it, is
a short way: the ones a program takes nearly always. malloc and free have one each, from a magazine and
into it. Nops are not counted. The rules:

  - as many short ways as the file names, and none longer than it says
  - no atomic instruction on them (a lock prefix, or xchg with memory)
  - the entry lies at a multiple of 16

Of a segment that a program touches the kernel maps all that is near: so the segment with each of the
named sections (src/cold.ld.in) is as many pages as the file says, or fewer.

What gcc makes of the same source differs between its versions: the counts are compared where the
library was made by the compiler that the file names. To change a count on purpose, say why in the
commit and take the new figure over:
    python3 tests/house/golden_counts_test.py --library build/release/libarenite.so --update

Usage: golden_counts_test.py [--library FILE] [--update]
       golden_counts_test.py --self-test
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

import elf

GOLDEN = Path(__file__).resolve().with_name("golden_counts.json")
LINE = re.compile(r"^\s+([0-9a-f]+):\t(.*?)\s*(?:#.*)?$")
TARGET = re.compile(r"\b([0-9a-f]+) <")
NOP = re.compile(r"((data16|cs) )*nop")
PREFIX = re.compile(r"^(?:bnd|notrack|repz?|repnz) +")
ATOMIC = re.compile(r"^(lock\b|xchg.*\()")
MOST_WAYS = 1000


def instructions(library, function):
    """[(address, text)] of the function, or [] where the library has none of that name."""
    found = []
    for line in elf.output_of("objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", library).splitlines():
        match = LINE.match(line)
        if match and match.group(2) not in ("", "..."):
            found.append((int(match.group(1), 16), " ".join(match.group(2).split())))
    return found


def short_ways(code):
    """The short ways through the code, each the texts of its instructions, shortest first."""
    at = {address: i for i, (address, _) in enumerate(code)}
    ways, open_ways = [], [(0, [])]
    while open_ways and len(ways) < MOST_WAYS:
        i, way = open_ways.pop()
        while i < len(code):
            address, text = code[i]
            bare = PREFIX.sub("", text)
            if not NOP.match(text):
                way = way + [text]
            if bare.startswith("ret"):
                ways.append(way)
                break
            if bare.startswith(("call", "ud2", "hlt")):
                break
            i += 1
            if not bare.startswith("j"):
                continue
            target = TARGET.search(bare)
            inside = at.get(int(target.group(1), 16)) if target else None
            forward = inside is not None and code[inside][0] > address
            if bare.startswith("jmp"):
                if not forward:
                    break
                i = inside
            elif forward:
                open_ways.append((inside, way))
    return sorted(ways, key=len)


def problems_of(library, golden):
    """What is wrong; and the counts as they are, by function and way."""
    problems, counts = [], {}
    compare = golden["compiler"] == compiler_of(library)
    for function, ways in golden["functions"].items():
        code = instructions(library, function)
        if not code:
            problems.append(f"there is no function {function}")
            continue
        if code[0][0] % 16 != 0:
            problems.append(f"{function} begins at {code[0][0]:#x}, which is no multiple of 16")
        found = short_ways(code)
        if len(found) != len(ways):
            problems.append(f"{function} has {len(found)} short ways ({', '.join(str(len(w)) for w in found)} "
                            f"instructions), expected {len(ways)}: {', '.join(ways)}")
            continue
        counts[function] = {name: len(way) for name, way in zip(ways, found)}
        for (name, most), way in zip(ways.items(), found):
            if compare and len(way) > most:
                problems.append(f"{function}, {name}: {len(way)} instructions, at most {most} allowed; if it must be, "
                                "take the new count over with --update")
            problems += [f"{function}, {name}: {text} is atomic" for text in way if ATOMIC.match(text)]
    return problems, counts


def pages_of(library, section):
    """How many pages of 4 KiB the segment takes that the section is in; None where there is none."""
    lines = elf.output_of("readelf", "-lW", library).splitlines()
    loads = [line.split() for line in lines if line.split()[:1] == ["LOAD"]]
    held = [line.split()[1:] for line in lines if re.match(r"\s+\d\d\s", line)]
    for load, sections in zip(loads, held):
        if section in sections:
            start, size = int(load[2], 16), int(load[4], 16)
            return (start + size + 4095) // 4096 - start // 4096
    return None


def too_large(library, golden):
    """What is wrong with the segments."""
    problems = []
    for section, most in golden["pages"].items():
        pages = pages_of(library, section)
        if pages is None:
            problems.append(f"there is no section {section}")
        elif pages > most:
            problems.append(f"the segment of {section}: {pages} pages, at most {most} allowed; what fewer programs run "
                            "belongs into another (src/cold.ld.in)")
    return problems


def compiler_of(library):
    """Name and version, such as "GCC 12.2"; "" where the library does not say."""
    match = re.search(r"(\w+): .*?(\d+\.\d+)\.\d+$", elf.output_of("readelf", "-p", ".comment", library), re.MULTILINE)
    return f"{match.group(1)} {match.group(2)}" if match else ""


SELF_TEST_FUNCTIONS = {"straight": {"short": 3}, "forked": {"left": 4, "right": 6}}
STRAIGHT = ["mov %rdi, %rax", "add $1, %rax", "ret"]
FORKED = ["test %rdi, %rdi", "je 1f", "mov %rdi, %rax", "ret", "1: mov %rdi, %rax", "nop", "add $1, %rax", "add $2, %rax", "ret"]
SELF_TESTS = [  # what the two functions are made of, and what is to be said about them
    (STRAIGHT, FORKED, ""),
    (["mov %rdi, %rax", "ret"], FORKED, ""),
    (["test %rdi, %rdi", "je puts@plt", *STRAIGHT], FORKED, "straight, short: 5 instructions, at most 3"),
    (["add $3, %rdi", *STRAIGHT], FORKED, "straight, short: 4 instructions, at most 3"),
    (STRAIGHT, ["add $3, %rdi", *FORKED], "forked, left: 5 instructions, at most 4"),
    (["lock incq (%rdi)", *STRAIGHT[1:]], FORKED, "straight, short: lock incq (%rdi) is atomic"),
    (["xchg %rax, (%rdi)", *STRAIGHT[1:]], FORKED, "straight, short: xchg %rax,(%rdi) is atomic"),
    (["call __tls_get_addr@plt", *STRAIGHT], FORKED, "straight has 0 short ways"),
    (["call puts@plt", *STRAIGHT], FORKED, "straight has 0 short ways"),
    (STRAIGHT, STRAIGHT, "forked has 1 short ways (3 instructions), expected 2: left, right"),
    (["test %rdi, %rdi", "je 1f", "mov %rdi, %rax", "ret", "1: nop", "ret"], FORKED, "straight has 2 short ways"),
    (["jmp 1f", "nop", "1: ret"], FORKED, ""),
]


def tiny(folder, straight, forked, shift=""):
    def function(name, body):
        lines = "".join(f'"{line}\\n"' for line in body)
        return (f'__asm__(".globl {name}\\n.type {name}, @function\\n.p2align 4\\n{shift}{name}:\\n" {lines}'
                f' ".size {name}, . - {name}\\n");\n')
    return elf.tiny_library(folder, function("straight", straight) + function("forked", forked))


def self_test():
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for straight, forked, words in SELF_TESTS:
            library = tiny(folder, straight, forked)
            golden = {"compiler": compiler_of(library), "functions": SELF_TEST_FUNCTIONS}
            said, _ = problems_of(library, golden)
            if (words == "") != (said == []) or not any(words in line for line in said or [""]):
                wrong.append(f"expected '{words}', got {said}")
        shifted = problems_of(tiny(folder, STRAIGHT, FORKED, "nop\\n"), golden)[0]
        if sum("no multiple of 16" in line for line in shifted) != 2:
            wrong.append(f"two shifted functions are to be reported, got {shifted}")
        other = golden | {"compiler": "no such compiler"}
        if problems_of(tiny(folder, ["nop", "add $1, %rdi", *STRAIGHT], FORKED), other)[0]:
            wrong.append("the counts of another compiler are compared")
        if too_large(library, {"pages": {".text": 1, ".dynsym": 1}}):
            wrong.append("a tiny library's segments are more than a page")
        large = tiny(folder, [*STRAIGHT, ".skip 4096"], FORKED)
        for section, words in {".text": "the segment of .text: 2 pages, at most 1", ".none": "no section .none"}.items():
            if words not in str(too_large(large, {"pages": {section: 1}})):
                wrong.append(f"of {section} '{words}' is to be said")
        missing = golden | {"functions": {"absent": {"short": 1}}}
        if problems_of(tiny(folder, STRAIGHT, FORKED), missing)[0] != ["there is no function absent"]:
            wrong.append("a missing function is not reported")
    return elf.report("golden counts self-test", wrong, f"{len(SELF_TESTS) + 6} cases, longer ways and larger segments are reported")


def main():
    parser = argparse.ArgumentParser(description="counts the instructions of malloc's and free's short ways")
    parser.add_argument("--library", default=Path(__file__).resolve().parents[2] / "build/release/libarenite.so")
    parser.add_argument("--update", action="store_true", help="write the counts as they are to golden_counts.json")
    parser.add_argument("--self-test", action="store_true", help="see that longer ways are reported")
    arguments = parser.parse_args()
    if "X86-64" not in elf.output_of("readelf", "-h", sys.executable):
        print("golden counts: not an x86-64 machine, nothing to count")
        return 0
    if arguments.self_test:
        return self_test()
    golden = json.loads(GOLDEN.read_text())
    problems, counts = problems_of(arguments.library, golden)
    if arguments.update and counts.keys() == golden["functions"].keys():
        golden["functions"] = counts
        golden["compiler"] = compiler_of(arguments.library)
        GOLDEN.write_text(json.dumps(golden, indent=2) + "\n")
        print(f"golden counts: {counts} written")
        return 0
    if golden["compiler"] == compiler_of(arguments.library):
        problems += too_large(arguments.library, golden)
    else:
        print(f"golden counts: not made by {golden['compiler']}, so the counts are not compared")
    return elf.report("golden counts", problems, str(counts))


if __name__ == "__main__":
    sys.exit(main())
