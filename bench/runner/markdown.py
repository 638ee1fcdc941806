"""The results as a page in Markdown: bench/RESULTS.md, by --report.

One table of CPU time and peak resident size, as ratios to the baseline; then the cells of random
replacement and the scenarios of memory return, where they were run, and a line for each bar that
arenite misses and each run that failed.
"""

from . import bars
from .table import format_amount, format_ratio


def _table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "| --- " * len(header) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _pair(results, workload, allocator):
    if results.failure(workload, allocator):
        return "FAILED"
    return " / ".join(format_ratio(results.ratio(workload, allocator, key)) for key in ("cpu", "peak"))


def _ratios(results):
    others = [name for name in results.allocators if name != results.baseline]
    rows = [[w.name, *(_pair(results, w.name, name) for name in others)] for w in results.compared()]
    means = [" / ".join(format_ratio(results.mean_ratio(name, key)) for key in ("cpu", "peak")) for name in others]
    rows.append(["**geometric mean**", *(f"**{mean}**" for mean in means)])
    return [f"## CPU time and peak memory, relative to {results.baseline}", "",
            "Less is better: 0.80 is a fifth less than the baseline.", "",
            *_table(["CPU time / peak resident size", *others], rows)]


def _replacement(results, judged):
    rows = [[w.name, *(format_ratio(judged.cells[name].get(w.name)) for name in results.allocators)]
            for w in results.group("replacement")]
    rows.append(["**geometric mean**", *(f"**{format_ratio(judged.mean(name))}**" for name in results.allocators)])
    return ["## Random replacement", "", "CPU time, relative to each cell's fastest peer.", "",
            *_table(["cell", *results.allocators], rows)]


def _memory_return(results, judged):
    rows = []
    for bar, values in judged:
        cells = []
        for name in results.allocators:
            value, holds = values.get(name, (None, None))
            failed = results.failure(bar.workload, name)
            cells.append("FAILED" if failed else format_amount(value) + (" (missed)" if holds is False else ""))
        rows.append([bar.label, f"{bar.limit_text} {bar.unit}".strip(), *cells])
    return ["## Memory return", "", *_table(["scenario", "bar", *results.allocators], rows)]


def _missed(results, judged):
    missed = [f"- Missed: {bar.label} is {format_amount(values[bars.OURS][0])} {bar.unit}".rstrip()
              + f"; the bar is {bar.limit_text}."
              for bar, values in judged if bars.OURS in values and values[bars.OURS][1] is False]
    missed += [f"- Failed: {name} under {allocator}: {what}" for name, allocator, what in results.failures()]
    return [*missed, ""] if missed else []


def render(results, judged, host, replacement, command):
    lines = ["# Benchmark results", "",
             f"Made by `{command}` on {host['date']}; not edited by hand. "
             "[README.md](README.md) explains the workloads.",
             "",
             f"{host['processor']}, {host['cores']} processors, Linux {host['kernel']}, {host['c_library']}, "
             f"transparent huge pages: {host['huge_pages']}. Medians of {host['runs']} interleaved rounds, "
             f"scale {host['scale']:g}; the load before was {host['load_before']:.1f}.", ""]
    if results.compared():
        lines += _ratios(results)
    if replacement:
        lines += _replacement(results, replacement)
    if judged:
        lines += _memory_return(results, judged)
    lines += _missed(results, judged)
    return "\n".join(lines).rstrip() + "\n"
