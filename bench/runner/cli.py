"""What was asked for, and the order in which things happen."""

import argparse
import json
import os
import platform
import shlex
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from . import bars, compare, markdown, page, picture, schedule, table
from .allocators import Shelf, UsageError, say
from .catalogue import select
from .measure import Laboratory
from .results import APART, Results

ROOT = Path(__file__).resolve().parents[2]

DESCRIPTION = """\
Runs the benchmark set under one allocator after the other and prints the ratios.

Allocators: glibc, glibc-notcache, arenite, arenite-classic, jemalloc, tcmalloc, mimalloc, tbbmalloc,
scudo; NAME=PATH for a library of your own, NAME=BASE+VARIABLE=VALUE for one with settings (BASE is a
path or a name above): --allocators glibc,arenite,lean=arenite+ARENITE_TOP_PAD=0"""

EPILOGUE = """\
Exit status: 0 all ran (and the bar holds), 1 a run failed or a bar is missed, 2 bad usage."""


def make_parser():
    parser = argparse.ArgumentParser(
        prog="bench/run", description=DESCRIPTION, epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("-n", type=int, metavar="N", help="runs of each workload under each allocator (default 5)")
    add("--only", metavar="PATTERNS", help="workloads or groups, comma-separated, * and ? allowed")
    add("--allocators", metavar="LIST", help="comma-separated (default: all that can be found)")
    add("--baseline", metavar="NAME", help="what ratios are relative to (default glibc)")
    add("--scale", type=float, metavar="S", help="how much work (default 1: 1 to 3 s a run)")
    add("--quick", action="store_true", help="scale 0.2, 3 runs, one look at settled memory")
    add("--settle-rounds", type=int, metavar="N",
        help="rounds that wait a second to look at memory again (default all; --quick 1)")
    add("--compare", metavar="BASE", help="set a commit's build, or a library, beside arenite")
    add("--bar", nargs="?", const="notcache", choices=sorted(bars.BARS),
        help="judge: notcache (the default), peers, replacement, return")
    add("--json", metavar="FILE", help="write everything measured")
    add("--html", metavar="FILE", help="write one self-contained page with plots")
    add("--report", nargs="?", const=str(ROOT / "bench" / "RESULTS.md"), metavar="FILE",
        help="write the tables as Markdown (bench/RESULTS.md)")
    add("--picture", nargs="?", const=str(ROOT / "docs" / "pictures" / "resident.svg"), metavar="FILE",
        help="run nothing but the README's picture, and draw it (docs/pictures/resident.svg)")
    add("--timeout", type=float, default=120, metavar="S", help="seconds a run may take (120)")
    add("--build-dir", default=str(ROOT / "build" / "release"), metavar="DIR",
        help="where the programs were built (build/release)")
    add("--no-install", action="store_true", help="leave out what is not installed")
    add("--list", action="store_true", help="list workloads and allocators, run nothing")
    return parser


def parse_arguments(arguments):
    options = make_parser().parse_args(arguments)
    if options.n is None:
        options.n = 3 if options.quick else 5
    if options.scale is None:
        options.scale = 0.2 if options.quick else 1.0
    if options.settle_rounds is None:
        options.settle_rounds = 1 if options.quick else options.n
    if options.n < 1 or options.scale <= 0 or options.timeout <= 0 or options.settle_rounds < 0:
        raise UsageError("-n, --scale and --timeout must be greater than 0")
    return options


def list_everything(shelf):
    workloads = select(None)
    width = max(len(workload.name) for workload in workloads)
    for workload in workloads:
        print(f"{workload.name:{width}} {workload.group:11} {workload.about}")
    print()
    for allocator in shelf.choose(None):
        settings = " ".join(f"{name}={value}" for name, value in allocator.env.items())
        print(f"{allocator.name:{width}} {allocator.preload or 'the C library'} {settings}".rstrip())


def choose_allocators(options, shelf):
    names = options.allocators
    if not names and options.bar:
        needed, _ = bars.BARS[options.bar]
        found = [shelf.parse(name) for name in needed]
        chosen = [allocator for allocator in found if allocator]
        if not any(allocator.name == bars.OURS for allocator in chosen):
            raise UsageError("a bar is about arenite, and its library is not there")
    elif not names and options.compare:
        chosen = shelf.choose("glibc,arenite")
    else:
        chosen = shelf.choose(names)
    if options.compare:
        if not any(allocator.name == bars.OURS for allocator in chosen):
            raise UsageError("--compare sets a base beside arenite, which is not among the allocators")
        chosen.append(compare.find_base(ROOT, options.compare))
    return chosen


def choose_workloads(options, shelf):
    """The workloads that can be run: programs of ours must be built, others may be left out."""
    chosen = select(options.only)
    if options.bar and not options.only:
        group = bars.BARS[options.bar][1]
        chosen = [workload for workload in chosen
                  if (workload.group == group if group else workload.group not in APART)]
    bin_dir = Path(options.build_dir) / "bench"
    wanted = {"launch", *(workload.program for workload in chosen if workload.program)}
    missing = sorted(name for name in wanted if not (bin_dir / name).exists())
    if missing:
        raise UsageError(f"{bin_dir} has no {missing[0]}: build first (./dev build)")
    left_out = []
    for workload in chosen:
        absent = [package for package in workload.packages if not is_installed(package)]
        if absent and not shelf.install(absent):
            say(f"{workload.name} is left out: it needs {' '.join(absent)}")
            left_out.append(workload)
    return [workload for workload in chosen if workload not in left_out]


def is_installed(package):
    return Path(f"/var/lib/dpkg/info/{package}.list").exists()


class Progress:
    """One line on stderr for each run."""

    def __init__(self, total, workloads):
        self.total = total
        self.width = max(20, *(len(workload.name) for workload in workloads))
        self.done = 0

    def __call__(self, turn, sample):
        self.done += 1
        if sample is None:
            return
        what = f"FAILED: {sample.failure}" if sample.failure else (
            f"{sample.cpu:7.2f} s  {sample.peak / 1024:7.1f} MiB")
        print(f"[{self.done:{len(str(self.total))}}/{self.total}] {turn.workload.name:{self.width}} "
              f"round {turn.round + 1}  {turn.allocator.name:16} {what}", file=sys.stderr, flush=True)


def describe_host(options):
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    try:
        huge = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
        huge = huge.partition("[")[2].partition("]")[0]
    except OSError:
        huge = "none"
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": model or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "c_library": " ".join(platform.libc_ver()),
        "huge_pages": huge,
        "load_before": os.getloadavg()[0],
        "scale": options.scale,
        "runs": options.n,
    }


def warn_if_busy(host):
    if host["load_before"] > host["cores"] / 2:
        say(f"the machine is busy (load {host['load_before']:.1f}): times will be noisy")


def run(arguments):
    options = parse_arguments(arguments)
    shelf = Shelf(options.build_dir, not options.no_install)
    if options.list:
        list_everything(shelf)
        return 0
    if options.picture:
        found = [shelf.parse(name) for name in (options.allocators or ",".join(picture.ALLOCATORS)).split(",")]
        if None in found:
            raise UsageError("an allocator of the picture is not there")
        Path(options.picture).write_text(picture.draw({one.name: picture.record(one) for one in found}))
        return 0
    select(options.only)  # what is misspelt is said before anything is installed or built
    allocators = choose_allocators(options, shelf)
    workloads = choose_workloads(options, shelf)
    if not workloads:
        raise UsageError("there is nothing to run")
    names = [allocator.name for allocator in allocators]
    baseline = options.baseline or ("glibc" if "glibc" in names else names[0])
    if baseline not in names:
        raise UsageError(f"--baseline: '{baseline}' is not among the allocators")
    host = describe_host(options)
    warn_if_busy(host)

    results = Results(workloads, allocators, baseline)
    laboratory = Laboratory(Path(options.build_dir) / "bench", options.scale, options.timeout)
    started = time.monotonic()
    try:
        turns = schedule.turns(workloads, allocators, options.n, options.settle_rounds)
        total = schedule.count_turns(workloads, allocators, options.n)
        schedule.run(turns, laboratory.measure, results, Progress(total, workloads))
        interrupted = False
    except KeyboardInterrupt:
        say("interrupted: this is what was measured until then")
        interrupted = True
    finally:
        laboratory.close()
    host["took_seconds"] = round(time.monotonic() - started)
    status = report(options, results, host, arguments)
    return 130 if interrupted else status


def report(options, results, host, arguments):
    """Prints and writes what was asked for; gives the exit status."""
    judged = bars.judge_return(results)
    replacement = bars.Replacement(results) if results.group("replacement") else None
    versus = (bars.OURS, compare.NAME) if options.compare else None
    print(table.render(results, judged, versus, replacement), end="")
    if judged and options.scale != 1:
        print(f"The bars of memory return are meant for --scale 1; this was {options.scale:g}.")
    verdicts = bars.judge(options.bar, results) if options.bar else []
    if verdicts:
        missed = sum(not verdict.holds for verdict in verdicts)
        print(f"\nBar '{options.bar}'")
        for verdict in verdicts:
            print(f"  {verdict}")
        print(f"Bar '{options.bar}': " + ("held" if not missed else
                                          f"MISSED ({missed} of {len(verdicts)})"))
    if options.json:
        data = {"host": host, **results.as_json(),
                "bars": [{"bar": options.bar, "holds": v.holds, "text": v.text} for v in verdicts],
                "memory_return": [
                    {"label": bar.label, "unit": bar.unit, "limit": bar.limit_text,
                     "values": {name: {"value": value, "holds": holds}
                                for name, (value, holds) in values.items()}}
                    for bar, values in judged],
                "replacement": replacement and replacement.as_json()}
        Path(options.json).write_text(json.dumps(data, indent=1) + "\n")
    if options.html:
        Path(options.html).write_text(page.render(results, judged, host, verdicts, replacement))
    if options.report:
        command = shlex.join(["./dev", "bench", *arguments])
        Path(options.report).write_text(markdown.render(results, judged, host, replacement, command))
    failed = bool(results.failures()) or any(not verdict.holds for verdict in verdicts)
    return 1 if failed else 0


def stop(*_):
    raise KeyboardInterrupt


def main(arguments):
    signal.signal(signal.SIGTERM, stop)  # the program that is being measured must not outlive us
    try:
        return run(arguments)
    except UsageError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130
