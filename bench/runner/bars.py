"""Bars: what must hold, judged on results.

Four sets. `notcache`: no slower than the C library with its thread cache off. `peers`: ahead of
every peer in time and of the C library in memory. `replacement`: random replacement as a whole is as
fast as under the best peer, and no cell far slower. `return`: freed memory goes back, scenario by
scenario. A verdict is a line that begins with `held` or `MISSED`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .allocators import PEER_NAMES
from .results import geometric_mean

OURS = "arenite"
NOISE = 1.05  # two medians nearer than this are the same
MIB = 1024


@dataclass(frozen=True)
class Verdict:
    holds: bool
    text: str

    def __str__(self):
        return f"{'held  ' if self.holds else 'MISSED'}  {self.text}"


def at_most(value, limit, text):
    """The verdict that a value is at most a limit; a value that is not there misses."""
    if value is None or limit is None:
        return Verdict(False, f"{text}: not measured")
    return Verdict(value <= limit, f"{text}: {value:.3f} (at most {limit:.3f})")


def least(values):
    values = [value for value in values if value is not None]
    return min(values) if values else None


def judge_notcache(results, ours=OURS):
    other = "glibc-notcache"
    verdicts = [at_most(results.mean_ratio(ours, "cpu", other), 1.0,
                        f"geometric mean of CPU time over {other}'s")]
    for workload in results.compared():
        verdicts.append(at_most(results.ratio(workload.name, ours, "cpu", other), NOISE,
                                f"{workload.name}, CPU time over {other}'s"))
    return verdicts


def judge_peers(results, ours=OURS):
    peers = [name for name in PEER_NAMES if name in results.allocators]
    best = least(results.mean_ratio(name, "cpu", "glibc") for name in peers)
    mine = results.mean_ratio(ours, "cpu", "glibc")
    verdicts = [
        at_most(mine, best and 0.95 * best, "geometric mean of CPU time over glibc's, best peer"),
        at_most(mine, 0.75, "geometric mean of CPU time over glibc's"),
        at_most(results.mean_ratio(ours, "peak", "glibc"), 1.0,
                "geometric mean of peak resident size over glibc's"),
    ]
    for workload in results.compared():
        name = workload.name
        fastest = least(results.value(name, peer, "cpu") for peer in peers)
        verdicts.append(at_most(results.value(name, ours, "cpu"), fastest and 1.10 * fastest,
                                f"{name}, CPU seconds against the fastest peer"))
        smallest = least(results.value(name, peer, "peak") for peer in [*peers, "glibc"])
        verdicts.append(at_most(_mib(results.value(name, ours, "peak")),
                                smallest and 1.10 * smallest / MIB,
                                f"{name}, peak MiB against the smallest"))
        if workload.group == "pairs":
            verdicts.append(at_most(results.ratio(name, ours, "cpu", "mimalloc"), 1.15,
                                    f"{name}, CPU time over mimalloc's"))
    return verdicts


def _mib(kib):
    return None if kib is None else kib / MIB


class Replacement:
    """The cells of random replacement, judged as a whole by CPU time."""

    MEAN_LIMIT = 1.05  # of the best peer's mean
    CELL_LIMIT = 1.30  # of the cell's fastest peer

    def __init__(self, results):
        self.names = [workload.name for workload in results.group("replacement")]
        self.seconds = {allocator: {name: value for name in self.names
                                    if (value := results.value(name, allocator, "cpu"))}
                        for allocator in results.allocators}
        peers = [name for name in PEER_NAMES if name in results.allocators]
        # {cell: (its fastest peer, seconds)}
        self.fastest = {}
        for name in self.names:
            times = [(self.seconds[peer][name], peer) for peer in peers if name in self.seconds[peer]]
            if times:
                self.fastest[name] = (min(times)[1], min(times)[0])
        # {allocator: {cell: ratio to its fastest peer}}
        self.cells = {allocator: {name: value / self.fastest[name][1] for name, value in times.items()
                                  if name in self.fastest}
                      for allocator, times in self.seconds.items()}
        means = [(self.mean(peer), peer) for peer in peers if self.mean(peer)]
        self.best = min(means)[1] if means else None

    def is_whole(self, allocator):
        """Means over different cells cannot be compared: only who has all of them has one."""
        return bool(self.names) and len(self.cells.get(allocator, {})) == len(self.names)

    def mean(self, allocator):
        return geometric_mean(self.cells[allocator].values()) if self.is_whole(allocator) else None

    def largest(self, allocator):
        return max(self.cells[allocator].values()) if self.is_whole(allocator) else None

    def mean_over_best(self, allocator):
        return _quotient(self.mean(allocator), self.best and self.mean(self.best))

    def as_json(self):
        return {"best_peer": self.best, "fastest_peers": {name: peer for name, (peer, _) in
                                                          self.fastest.items()},
                "allocators": {name: {"cells": self.cells[name], "mean": self.mean(name),
                                      "largest": self.largest(name),
                                      "mean_over_best": self.mean_over_best(name)}
                               for name in self.cells}}


def judge_replacement(results, ours=OURS):
    judged = Replacement(results)
    verdicts = [at_most(judged.mean_over_best(ours), judged.MEAN_LIMIT,
                        "geometric mean of CPU time over the best peer's"
                        + (f", {judged.best}" if judged.best else ""))]
    for name in judged.names:
        peer, _ = judged.fastest.get(name, ("the fastest peer", None))
        verdicts.append(at_most(judged.cells.get(ours, {}).get(name), judged.CELL_LIMIT,
                                f"{name}, CPU time over {peer}'s"))
    return verdicts


@dataclass(frozen=True)
class ReturnBar:
    """A bar of one scenario. `value(figure)` and `limit(results)` may give None: not measured."""

    workload: str
    label: str
    unit: str
    limit_text: str
    value: Callable
    limit: Callable
    at_least: bool = False


def _over_start(key):
    return lambda own, results: _difference(own(key), own("rss_start_kib"), MIB)


def _difference(a, b, unit=1):
    return None if a is None or b is None else (a - b) / unit


def _quotient(a, b, factor=1):
    return None if a is None or not b else factor * a / b


def _held_percent(own, results):
    start = own("rss_start_kib")
    return _quotient(_difference(own("rss_pinned_kib"), start),
                     _difference(own("rss_full_kib"), start), 100)


def _over_glibc(workload, key, factor):
    return lambda own, results: _difference(own(key), results.value(workload, "glibc", key),
                                            1 / factor)


def _fixed(limit):
    return lambda results: limit


def _as(workload, key, *names, unit=1):
    """At most what the best of the named allocators has."""
    return lambda results: _quotient(
        least(results.value(workload, name, key) for name in names), unit)


def _figure(key, unit=1):
    return lambda own, results: _quotient(own(key), unit)


def return_bars():
    """Times are processor time: no scenario that is judged by time waits for anything."""
    def speed(key):
        return lambda own, results: _quotient(results.value("return-map", "glibc", key), own(key))

    bars = [
        ReturnBar("return-map", "map: kept right after clear()", "MiB", "<= 4",
                  _over_start("rss_cleared_kib"), _fixed(4)),
        ReturnBar("return-map", "map: insert speed over glibc", "x", ">= 1.25",
                  speed("insert_seconds"), _fixed(1.25), at_least=True),
        ReturnBar("return-map", "map: lookup speed over glibc", "x", ">= 1.15",
                  speed("lookup_seconds"), _fixed(1.15), at_least=True),
        ReturnBar("return-last-byte", "last byte: still held", "%", "<= 2", _held_percent,
                  _fixed(2)),
        ReturnBar("return-relay", "relay: kept between", "MiB", "<= 8",
                  _over_start("rss_between_kib"), _fixed(8)),
        ReturnBar("return-relay", "relay: peak over need", "x", "<= 1.1",
                  lambda own, results: _quotient(
                      _difference(own("peak"), own("rss_start_kib")), own("need_kib")),
                  _fixed(1.10)),
        ReturnBar("return-relay", "relay: kept at the end", "MiB", "<= 4",
                  _over_start("rss_freed_kib"), _fixed(4)),
        ReturnBar("return-sleeper", "sleeper: kept", "MiB", "<= 8", _over_start("rss_asleep_kib"),
                  _fixed(8)),
        ReturnBar("return-idle-threads", "idle threads: each costs", "KiB", "<= 30",
                  _figure("held_kib_per_thread"), _fixed(30)),
        ReturnBar("return-idle-threads", "idle threads: each costs, all freed", "KiB", "<= 30",
                  _figure("freed_kib_per_thread"), _fixed(30)),
        ReturnBar("return-idle-threads", "idle threads: kept after exit", "MiB", "<= 2",
                  lambda own, results: _difference(own("rss_ended_kib"), own("rss_before_kib"), MIB),
                  _fixed(2)),
    ]
    for size in (512, 8000):
        name = f"return-sawtooth-{size}"
        bars += [
            ReturnBar(name, f"sawtooth {size}: CPU time", "s", "<= jemalloc", _figure("cpu"),
                      _as(name, "cpu", "jemalloc")),
            ReturnBar(name, f"sawtooth {size}: kept a second later", "MiB", "<= 8",
                      _over_start("after"), _fixed(8)),
        ]
    bars += [
        ReturnBar("return-buffer", "buffer: CPU time", "s", "<= glibc", _figure("cpu"),
                  _as("return-buffer", "cpu", "glibc")),
        ReturnBar("return-buffer", "buffer: peak over start", "MiB", "<= glibc",
                  lambda own, results: _difference(own("peak"), own("rss_start_kib"), MIB),
                  lambda results: _difference(results.value("return-buffer", "glibc", "peak"),
                                              results.value("return-buffer", "glibc",
                                                            "rss_start_kib"), MIB)),
        ReturnBar("return-large", "large: CPU time", "s", "<= best peer", _figure("cpu"),
                  _as("return-large", "cpu", *PEER_NAMES)),
        ReturnBar("return-large", "large: peak", "MiB", "<= best peer", _figure("peak", MIB),
                  _as("return-large", "peak", *PEER_NAMES, unit=MIB)),
        ReturnBar("return-idle", "idle: held over need", "x", "<= 1.25",
                  lambda own, results: _quotient(
                      _difference(own("rss_idle_kib"), own("rss_start_kib")), own("need_kib")),
                  _fixed(1.25)),
        ReturnBar("return-idle", "idle: grown while idle", "MiB", "<= 1",
                  lambda own, results: _difference(own("rss_idle_kib"), own("rss_shrunk_kib"), MIB),
                  _fixed(1)),
        ReturnBar("return-nothing", "nothing: resident over glibc", "KiB", "<= 300",
                  _over_glibc("return-nothing", "rss_nothing_kib", 1), _fixed(300)),
        ReturnBar("return-nothing", "nothing: start over glibc", "ms", "<= 1",
                  _over_glibc("return-nothing", "start_seconds", 1000), _fixed(1)),
    ]
    return bars


def judge_return(results):
    """[(bar, {allocator: (value, whether it holds or None)})] of the scenarios that were run."""
    measured = {workload.name for workload in results.workloads}
    judged = []
    for bar in return_bars():
        if bar.workload not in measured:
            continue
        limit = bar.limit(results)
        values = {}
        for name in results.allocators:
            value = bar.value(lambda key, n=name: results.value(bar.workload, n, key), results)
            values[name] = (value, _holds(bar, value, limit))
        judged.append((bar, values))
    return judged


def _holds(bar, value, limit):
    if value is None or limit is None:
        return None
    return value >= limit if bar.at_least else value <= limit


def verdicts_of_return(results, ours=OURS):
    verdicts = []
    for bar, values in judge_return(results):
        value, holds = values.get(ours, (None, None))
        amount = "not measured" if value is None else f"{value:.3g} {bar.unit}"
        verdicts.append(Verdict(holds is True,
                                f"{bar.label}: {amount} (bar {_limit_of(bar, results)})"))
    return verdicts


def _limit_of(bar, results):
    """The bar in words and, where it is another allocator, what that has."""
    if not bar.limit_text[-1].isalpha():
        return bar.limit_text
    limit = bar.limit(results)
    return f"{bar.limit_text}: " + ("not measured" if limit is None else f"{limit:.3g}")


# name -> (allocators it needs, the group that it judges or "" for all that count for the ratios)
BARS = {
    "notcache": (["glibc", "glibc-notcache", OURS], ""),
    "peers": (["glibc", OURS, *PEER_NAMES], ""),
    "replacement": (["glibc", OURS, *PEER_NAMES], "replacement"),
    "return": (["glibc", OURS, *PEER_NAMES], "return"),
}
_JUDGES = {"notcache": judge_notcache, "peers": judge_peers, "replacement": judge_replacement,
           "return": verdicts_of_return}


def judge(name, results):
    return _JUDGES[name](results)
