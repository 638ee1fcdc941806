"""Proves that floors_test.py can fail: one small file for each rule, broken, and its lawful twins.

Each case is written into an empty tree of its own. A broken one must be reported on the given line
with the given words and nothing else; a lawful one must not be reported at all. Run by
`floors_test.py --self-test`.
"""

import tempfile
from pathlib import Path

from floors_test import Tree

# path, content, line of the finding, words in it
BROKEN = [
    ("src/os/pages.cpp", '#include "policy/policy.hpp"\n', 1, "policy is above os"),
    ("src/chunk/bin.hpp", '\n#include "slab/slab.hpp"\n', 2, "chunk and slab never see each other"),
    ("src/slab/slab.hpp", '#include <chunk/chunk.hpp>\n', 1, "chunk and slab never see each other"),
    ("src/span/run.hpp", '#include "slab/slab.hpp"\n', 1, "slab and span never see each other"),
    ("src/chunk/bin_test.cpp", '#include "engine/engine.hpp"\n', 1, "engine is above chunk"),
    ("src/chunk/bin.hpp", '#include "os/pages.hpp"\n', 1, 'by their door, "os/os.hpp"'),
    ("src/engine/trim.hpp", '#include "chunk/chunk.hpp"\n', 1, "by their door"),
    ("src/chunk/bin.hpp", '#include "../os/os.hpp"\n', 1, "by its path from src/"),
    ("src/attic/bin.hpp", "int x;\n", 1, "src/attic is not one of the floors"),
    ("src/loose.hpp", "int x;\n", 1, "is not one of the floors"),
    ("src/chunk/top.cpp", "// a comment\n#include <sys/mman.h>\n", 2, "belongs to the kernel"),
    ("src/api/api.cpp", "#  include <unistd.h>\n", 1, "belongs to the kernel"),
    ("src/chunk/top.cpp", "void f() {\n  ::mmap(nullptr, 1, 0, 0, 0, 0);\n}\n", 2, "mmap()"),
    ("src/engine/trim.cpp", "auto r = syscall(9);\n", 1, "syscall()"),
    ("src/base/x.hpp", 'inline void f() { asm volatile(\n"syscall" ::: "rcx"); }\n', 1, "asm syscall"),
    ("src/os/pages.cpp", "int f() { return errno = 3; }\n", 1, "only api/ sets errno"),
    ("src/chunk/x.cpp", "void f() { errno = saved; }\n", 1, "only api/ sets errno"),
    ("src/view/x.cpp", 'int x __attribute__((visibility("default")));\n', 1, "only api/ exports"),
    ("src/view/x.cpp", "#pragma GCC visibility push(default)\n", 1, "only api/ exports"),
    ("include/arenite/heap.hpp", '#include "engine/heap.hpp"\n', 1, "include/ includes nothing"),
    ("include/arenite/heap.hpp", '#include "../../src/os/os.hpp"\n', 1, "include/ includes nothing"),
    ("tools/arenite/run.cpp", '#include "engine/engine.hpp"\n', 1, "tools/ includes only"),
    ("lab/map_clear.cpp", '#include "policy/policy.hpp"\n', 1, "lab/ includes only"),
    ("bench/micro.cpp", '#include "chunk/chunk.hpp"\n', 1, "bench/ includes only"),
    ("src/chunk/arena.cpp", "\n" * 501, 501, "holds two ideas"),
]

LAWFUL = [
    ("src/os/lock.cpp", "void f() { const int saved = errno; errno = saved; }\n"),
    ("src/engine/route.cpp", '#include "chunk/chunk_engine.hpp"\n#include "slab/slab_engine.hpp"\n'),
    ("src/chunk/bin.hpp", '#include "chunk/chunk.hpp"\n#include "chunk/seal.hpp"\n#include <span>\n'),
    ("src/chunk/bin_test.cpp", '#include "os/fault.hpp"\n#include <sys/mman.h>\nauto p = mmap(0);\n'),
    ("src/api/settings.cpp", '#include "policy/settings.def"\n'),
    ("src/os/pages.cpp", "#include <sys/mman.h>\nauto p = ::mmap(nullptr, 1, 0, 0, 0, 0);\n"),
    ("src/chunk/top.cpp", '// mmap(\n/* syscall( */ auto s = "mmap("; auto q = u8\'"\'; auto m = os::mmap(1);\n'),
    ("src/chunk/top.cpp", "auto a = heap.brk(1) + heap->sbrk(2) + my_mmap(3) + 1'000'000;\n"),
    ("src/api/malloc.cpp", 'void f() { errno = 12; }\nint x __attribute__((visibility("default")));\n'),
    ("src/os/x.cpp", "bool f() { return n && errno == 3 || errno != 4; }\n"),
    ("tools/arenite/run.cpp", '#include "policy/settings.hpp"\n#include "view/view.hpp"\n'),
    ("include/arenite/heap.hpp", '#include "arenite/arenite.h"\n#include <memory>\n'),
]


def findings_of(path, content):
    with tempfile.TemporaryDirectory() as root:
        file = Path(root) / path
        file.parent.mkdir(parents=True)
        file.write_text(content)
        return Tree(root).check()


def run():
    failures = []
    for path, content, line, words in BROKEN:
        found = findings_of(path, content)
        if len(found) != 1 or (str(found[0][0]), found[0][1]) != (path, line) or words not in found[0][2]:
            failures.append(f"expected {path}:{line}: ...{words}..., got {found}")
    for path, content in LAWFUL:
        found = findings_of(path, content)
        if found:
            failures.append(f"expected nothing for {content!r}, got {found}")
    for failure in failures:
        print(failure)
    print(f"floors self-test: {len(BROKEN) + len(LAWFUL)} cases, {len(failures)} failed")
    return 1 if failures else 0
