"""The workloads: name, group, program, arguments.

The names are what --only matches and what the tables show. Two groups do not count for the ratios and
have bars and a table of their own (bars.py): `replacement`, the cells of random replacement, which are
one program under many parameters and would outweigh all others, and `return`, the memory-return
scenarios.
"""

import fnmatch
import importlib
from dataclasses import dataclass, field

from .allocators import UsageError


@dataclass(frozen=True)
class Workload:
    name: str
    group: str
    about: str
    program: str = ""  # in build/<preset>/bench; empty for a real program
    args: tuple[str, ...] = ()
    real: str = ""  # module in bench/real
    env: dict[str, str] = field(default_factory=dict, hash=False)
    rounds_at_most: int = 0  # 0: as many as asked for
    settles: bool = True  # whether a second is spent to look at memory again

    @property
    def packages(self):
        return importlib.import_module(f"real.{self.real}").PACKAGES if self.real else []


def _own(name, group, about, program, *args, **more):
    return Workload(name, group, about, program, tuple(str(arg) for arg in args), **more)


def _real(name, module):
    about = importlib.import_module(f"real.{module}").ABOUT
    return Workload(name, "real", about, real=module)


# What the words in a cell's name say, and the sizes' bounds in bytes.
_SIZES = {"fixed": ("one size", "--low", 64),
          "uniform": ("uniform sizes", "--low", 8, "--high", 1000),
          "power": ("power-law sizes", "--low", 4, "--high", 32768),
          "humps": ("two-humped sizes",)}
_TOUCHED = {"none": "not written", "line": "first line written", "all": "all written"}
_FREES = {"own": "own frees", "rotate": "sets go round", "heirs": "sets go to new threads",
          "eighth": "each 8th freed by a neighbour"}


def _cell(threads, slots, sizes, touch, frees, replacements, *bounds):
    """A cell of random replacement. Its name says all but how many replacements make a second, and
    bounds other than those of _SIZES."""
    about_sizes, *usual = _SIZES[sizes]
    return _own(f"replace-{threads}x{slots}-{sizes}-{touch}" + (f"-{frees}" if frees != "own" else ""),
                "replacement",
                f"{threads} x {slots:,} slots, {about_sizes}, {_TOUCHED[touch]}, {_FREES[frees]}",
                "slots", "--threads", threads, "--slots", slots, "--sizes", sizes, *(bounds or usual),
                "--touch", touch, "--frees", frees, "--replacements", f"{replacements:g}",
                settles=False)


def replacement_cells():
    """Each value of each parameter at least twice, not their product."""
    return [
        _cell(1, 64, "fixed", "line", "own", 100e6),
        _cell(1, 1024, "power", "line", "own", 60e6),
        _cell(1, 5000, "uniform", "line", "own", 50e6),
        _cell(1, 4096, "uniform", "all", "own", 7e6, "--low", 16, "--high", 4000),
        _cell(1, 100_000, "fixed", "none", "own", 40e6),
        _cell(2, 64, "humps", "all", "own", 25e6),
        _cell(2, 1024, "power", "none", "rotate", 20e6),
        _cell(2, 5000, "uniform", "line", "heirs", 10e6),
        _cell(2, 100_000, "power", "none", "eighth", 13e6),
        _cell(8, 1024, "uniform", "all", "rotate", 11e6),
        _cell(8, 1024, "humps", "line", "eighth", 11e6),
        _cell(8, 5000, "fixed", "line", "heirs", 50e6),
        _cell(32, 64, "power", "all", "own", 40e6),
        _cell(32, 1024, "fixed", "none", "rotate", 60e6),
        _cell(32, 64, "humps", "line", "heirs", 25e6),
    ]


# What "huge pages on" means for each allocator; variables of others do no harm.
_HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "MALLOC_CONF": "thp:always",
               "MIMALLOC_LARGE_OS_PAGES": "1", "ARENITE_HUGE_PAGES": "always"}


def all_workloads():
    return [
        *(_own(f"lifo-{size}", "pairs", f"malloc and free of {size} bytes, in pairs", "lifo_pairs",
               "--size", size, "--pairs", pairs)
          for size, pairs in ((16, 200e6), (64, 200e6), (256, 200e6), (1024, 200e6), (8192, 150e6))),
        _own("fifo-fixed", "batches", "100 blocks of 64 bytes, freed first out first", "batches"),
        _own("fifo-mixed", "batches", "100 blocks of 16 to 1,024 bytes, freed first out first",
             "batches", "--sizes", "mixed"),
        _own("random-fixed", "batches", "100 blocks of 64 bytes, freed in random order", "batches",
             "--order", "random"),
        _own("random-mixed", "batches", "100 blocks of 16 to 1,024 bytes, freed in random order",
             "batches", "--order", "random", "--sizes", "mixed"),
        _own("replace-fresh", "live", "random replacement in a large live set", "replacement"),
        _own("replace-halved", "live", "the same in a heap half emptied at random", "replacement",
             "--start", "halved"),
        _own("factorise", "small", "factors integers, each number a block", "factorise"),
        _own("cover", "small", "minimises logic: short-lived sets of short vectors", "cover"),
        _own("nbody", "small", "gravity by a tree of cells, built anew each step", "nbody"),
        _own("server", "threads", "tables of blocks handed from thread to thread", "server"),
        _own("pipeline", "threads", "producers take, consumers free", "pipeline"),
        _own("churn", "threads", "threads come and go, their blocks stay with others", "churn"),
        _own("bulk", "mixed", "sizes to 32 KiB, retired in bulk", "bulk"),
        _own("bulk-threads", "mixed", "the same with two threads that retire each other's", "bulk",
             "--threads", 2),
        _own("sharing-active", "sharing", "tiny blocks written by threads: false sharing made",
             "sharing", "--kind", "active"),
        _own("sharing-passive", "sharing", "the same with blocks handed out: false sharing kept",
             "sharing", "--kind", "passive"),
        _own("large", "large", "blocks of 5 to 25 MiB replaced at random, all written", "large"),
        _own("middle", "large", "blocks of 8 KiB to 1 MiB replaced at random", "middle"),
        _own("middle-few", "large", "the same with 50 blocks instead of 400", "middle",
             "--live", 50),
        _own("growth", "large", "vectors grown by realloc", "growth"),
        _own("map", "containers", "a std::map of 5,000,000 entries", "map"),
        _own("build", "containers", "a list, a hash table, strings: built once and dropped", "build"),
        _own("json", "containers", "a JSON document parsed and dumped", "json"),
        _own("calloc", "containers", "zeroed tables of 16 bytes to 4 MiB", "zeroed"),
        _real("redis", "redis"),
        _real("sqlite", "sqlite"),
        _real("python", "python"),
        _real("g++", "gxx"),
        _real("lua", "lua"),
        _real("ghostscript", "ghostscript"),
        _real("z3", "z3"),
        *replacement_cells(),
        _own("return-map", "return", "a map of 5,000,000 entries is cleared", "map_clear"),
        _own("return-last-byte", "return", "20,480 blocks of 10 KiB freed, one byte stays",
             "last_byte"),
        _own("return-relay", "return", "two threads use 300 MB one after the other", "relay"),
        _own("return-sleeper", "return", "others free what a sleeping thread took", "sleeping_owner"),
        _own("return-idle-threads", "return", "512 idle threads that have used 24 classes",
             "idle_threads"),
        _own("return-sawtooth-512", "return", "64 MB of 512-byte blocks up and down", "sawtooth"),
        _own("return-sawtooth-8000", "return", "64 MB of 8,000-byte blocks up and down", "sawtooth",
             "--size", 8000),
        _own("return-buffer", "return", "one buffer grown to 256 MiB by realloc", "growing_buffer"),
        _own("return-large", "return", "100 blocks of 5 to 25 MiB replaced at random", "large",
             "--live", 100, "--replacements", 200),
        _own("return-idle", "return", "92 MiB freed down to 10, then a minute idle, huge pages on",
             "idle_huge", env=_HUGE_PAGES, rounds_at_most=1),
        _own("return-nothing", "return", "a program that does nothing", "nothing"),
    ]


def select(patterns):
    """The workloads whose name or group matches one of the comma-separated patterns."""
    workloads = all_workloads()
    if not patterns:
        return workloads
    wanted = patterns.split(",")
    for pattern in wanted:
        if not any(_matches(workload, pattern) for workload in workloads):
            raise UsageError(f"no workload or group matches '{pattern}' (see --list)")
    return [w for w in workloads if any(_matches(w, pattern) for pattern in wanted)]


def _matches(workload, pattern):
    return (fnmatch.fnmatchcase(workload.name, pattern)
            or fnmatch.fnmatchcase(workload.group, pattern))
