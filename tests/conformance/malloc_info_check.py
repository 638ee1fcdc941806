#!/usr/bin/env python3
"""Run one case of malloc_info.cpp and check its documents: form, schema, sums, and the facts.

The schema is glibc 2.36's: which elements stand where, with which attributes. All slabs together are
one more heap, the last, which a comment tells from an arena. The sums are those that hold in every
document, also under load: each total is the sum over the heaps. The facts are what mallinfo2 and
the case itself say about the same heap.
"""

import argparse
import os
import re
import sys
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import run_case  # pylint: disable=wrong-import-position

RANGE = {"from", "to", "total", "count"}
HEAP = ["total fast", "total rest", "system current", "system max", "aspace total", "aspace mprotect"]
WHOLE = ["total fast", "total rest", "total mmap", *HEAP[2:]]


class Wrong(Exception):
    """A document that is not what it has to be."""


def require(condition, message):
    if not condition:
        raise Wrong(message)


def figures(elements, expected):
    """The figures of total, system and aspace elements, which must be just these in this order."""
    names = [f"{e.tag} {e.get('type')}" for e in elements]
    require(names == expected, f"elements are {names}, expected {expected}")
    result = {}
    for name, element in zip(names, elements):
        wanted = {"type", "size", "count"} if element.tag == "total" else {"type", "size"}
        require(set(element.keys()) == wanted, f"{name} has attributes {element.keys()}")
        result[name] = int(element.get("size"))
        if element.tag == "total":
            result[f"{name} count"] = int(element.get("count"))
    return result


def check_sizes(sizes, heap, mode):
    free_bytes = free_count = 0
    for position, size in enumerate(sizes):
        last = position == len(sizes) - 1
        require(size.tag == "size" or (size.tag == "unsorted" and last), f"<{size.tag}> in <sizes>")
        require(set(size.keys()) == RANGE, f"<{size.tag}> has attributes {size.keys()}")
        low, high, total, count = (int(size.get(name)) for name in ("from", "to", "total", "count"))
        require(0 < count and count * low <= total <= count * high, f"{size.attrib} does not add up")
        free_bytes += total
        free_count += count
    require(free_bytes <= heap["total fast"] + heap["total rest"], "more in bins than free in all")
    if mode == "classic":  # whatever is free is in a bin or is the top
        count = heap["total fast count"] + heap["total rest count"]
        require(free_count + 1 == count, f"{free_count} chunks in bins and one top, {count} free")


def check_heap(position, heap, mode):
    require(heap.tag == "heap" and heap.attrib == {"nr": str(position)}, f"heap {heap.attrib}")
    require(len(heap) > 0 and heap[0].tag == "sizes" and not heap[0].keys(), "no <sizes> first")
    subheaps = ["aspace subheaps"] if position > 0 else []
    result = figures(list(heap)[1:], HEAP + subheaps)
    check_sizes(heap[0], result, mode)
    require(result["system current"] <= result["system max"], "current above max")
    require(result["total fast"] + result["total rest"] <= result["system current"], "free > system")
    return result


def check_document(text, facts, mode):
    document = xml.fromstring(text)
    slabs = text.count("<!-- slabs -->")
    require(slabs <= (mode != "classic"), f"{slabs} heaps of slabs")
    require(text.rfind("<heap nr=") <= text.rfind("<!-- slabs -->") or slabs == 0, "not the last")
    require(document.tag == "malloc" and document.attrib == {"version": "1"}, "root element")
    heap_elements = [element for element in document if element.tag == "heap"]
    require(list(document)[: len(heap_elements)] == heap_elements, "heaps come first")
    heaps = [check_heap(i, heap, mode) for i, heap in enumerate(heap_elements)]
    require(heaps, "no heap")
    whole = figures(list(document)[len(heaps) :], WHOLE)
    for name in [*HEAP, "total fast count", "total rest count"]:
        if name == "system max":
            continue  # the heaps' maxima need not fall together
        total = sum(heap[name] for heap in heaps)
        require(whole[name] == total, f"{name} is {whole[name]}, the heaps' sum is {total}")
    free = whole["total fast"] + whole["total rest"]
    equal = {
        "arena": whole["system current"],
        "fordblks": free,
        "fsmblks": whole["total fast"],
        "smblks": whole["total fast count"],
        "hblks": whole["total mmap count"],
        "hblkhd": whole["total mmap"],
        "arenas": len(heaps) - slabs,
        "slabs": slabs,
    }
    for name, value in equal.items():
        require(facts.get(name, value) == value, f"{name}: {facts.get(name)} and {value}")
    if "live" in facts:
        live = whole["system current"] - free + whole["total mmap"] - facts["live_before"]
        # A chunk costs at most 32 bytes more than the request, a mapping two pages.
        require(live >= facts["live"], f"{live} bytes are live, {facts['live']} were asked for")
        require(live <= facts["live"] * 1.2 + 200000, f"{live} live, {facts['live']} asked for")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", help="the shared library to preload")
    parser.add_argument("--mode", default="default", help="ARENITE_MODE (default: default)")
    parser.add_argument("--timeout", type=float, default=60, help="seconds (default: 60)")
    parser.add_argument("command", nargs="+", help="the program and its case")
    options = parser.parse_args()
    env = run_case.environment(options.library, options.mode)
    status, out, err, pid = run_case.run(options.command, env, options.timeout)
    fault = run_case.fault_in(status, out, err, options.command[0], pid)
    facts = {name: int(value) for name, value in re.findall(r"^fact (\w+) (\d+)$", out, re.M)}
    if env.get("BEHAVIOUR_STAND_IN") == "glibc":
        facts.pop("fordblks", None)  # it counts a flag bit into the size of each chunk in a bin
    text = re.sub(r"^fact .*\n", "", out, flags=re.M)
    documents = re.findall(r".*?</malloc>\s*", text, re.S)
    try:
        require(fault is None, f"{err}{fault}")
        require(documents and "".join(documents) == text, "no document, or text beside them")
        for document in documents:
            check_document(document, facts, options.mode)
    except (Wrong, xml.ParseError, ValueError) as error:
        print(f"{' '.join(options.command)} ({options.mode}): {error}")
        print(text[:4000])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
