"""The results as text: for each measure a table of ratios, the geometric means, what failed.

Rows are workloads, columns allocators. The baseline's column shows its absolute figure; all others
the ratio to it, below 1 is better. A dash: not measured there. FAILED: see the list at the end.
"""

from .results import MEASURES


def format_ratio(ratio):
    if ratio is None:
        return "-"
    return f"{ratio:.2f}" if ratio < 100 else f"{ratio:.0f}"


def format_amount(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def layout(rows, rule_before=()):
    """Rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        if number in rule_before:
            lines.append("-" * (sum(widths) + 2 * (len(widths) - 1)))
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return lines


def _cell(results, workload, allocator, measure):
    if results.failure(workload, allocator):
        return "FAILED"
    if allocator == results.baseline:
        value = results.value(workload, allocator, measure.key)
        return format_amount(None if value is None else value / measure.per_unit)
    return format_ratio(results.ratio(workload, allocator, measure.key))


def measure_table(results, measure):
    others = [name for name in results.allocators if name != results.baseline]
    columns = [results.baseline, *others]
    rows = [["workload", f"{results.baseline} [{measure.unit}]", *others]]
    for workload in results.compared():
        cells = [_cell(results, workload.name, name, measure) for name in columns]
        if any(cell != "-" for cell in cells):
            rows.append([workload.name, *cells])
    if len(rows) == 1:
        return []
    means = [format_ratio(results.mean_ratio(name, measure.key)) for name in columns]
    rows.append(["geometric mean", *means])
    title = f"{measure.title}, relative to {results.baseline} (below 1 is better)"
    return [title, "", *layout(rows, rule_before=(1, len(rows) - 1)), ""]


def summary_table(results):
    rows = [["geometric means", *(m.title for m in MEASURES)]]
    rows[0][-1] = "Resident a second after"
    for name in results.allocators:
        rows.append([name, *(format_ratio(results.mean_ratio(name, m.key)) for m in MEASURES)])
    return [*layout(rows, rule_before=(1,)), ""]


def versus_table(results, name, base):
    """One allocator against another, workload by workload."""
    keys = [m.key for m in MEASURES]
    rows = [[f"{name} / {base}", "CPU", "wall", "peak", "after"]]
    for workload in results.compared():
        ratios = [results.ratio(workload.name, name, key, base) for key in keys]
        rows.append([workload.name, *map(format_ratio, ratios)])
    means = [format_ratio(results.mean_ratio(name, key, base)) for key in keys]
    rows.append(["geometric mean", *means])
    return [*layout(rows, rule_before=(1, len(rows) - 1)), ""]


def bars_table(results, judged):
    """Bars of the memory-return scenarios: value by allocator, `!` behind one that misses the bar."""
    rows = [["memory return", "bar", *results.allocators]]
    for bar, values in judged:
        cells = []
        for name in results.allocators:
            value, holds = values.get(name, (None, None))
            failed = results.failure(bar.workload, name)
            text = "FAILED" if failed else format_amount(value)
            cells.append(text + ("!" if holds is False else " "))
        rows.append([bar.label, f"{bar.limit_text} {bar.unit}".strip(), *cells])
    return [*layout(rows, rule_before=(1,)), ""] if len(rows) > 1 else []


def replacement_table(results, judged):
    """The cells of random replacement: CPU time over that of each cell's fastest peer, then the mean and
    the largest of these, and the mean over the best peer's mean."""
    rows = [["random replacement", "fastest peer [s]", *results.allocators]]
    for workload in results.group("replacement"):
        cells = ["FAILED" if results.failure(workload.name, name)
                 else format_ratio(judged.cells[name].get(workload.name)) for name in results.allocators]
        peer, seconds = judged.fastest.get(workload.name, ("", None))
        rows.append([workload.name, f"{peer} {format_amount(seconds)}".strip(), *cells])
    columns = results.allocators
    rows.append(["geometric mean", "", *(format_ratio(judged.mean(name)) for name in columns)])
    rows.append(["largest", "", *(format_ratio(judged.largest(name)) for name in columns)])
    rows.append(["mean over the best peer's", judged.best or "-",
                 *(format_ratio(judged.mean_over_best(name)) for name in columns)])
    title = "CPU time, relative to each cell's fastest peer (below 1 is better)"
    return [title, "", *layout(rows, rule_before=(1, len(rows) - 3)), ""]


def failures_list(results):
    return [f"FAILED {workload} under {allocator}: {what}"
            for workload, allocator, what in results.failures()]


def render(results, judged, versus=None, replacement=None):
    lines = []
    if results.compared():
        for measure in MEASURES:
            lines += measure_table(results, measure)
        lines += summary_table(results)
        if versus:
            lines += versus_table(results, *versus)
    if replacement:
        lines += replacement_table(results, replacement)
    if results.group("return"):
        lines += bars_table(results, judged)
    lines += failures_list(results)
    return "\n".join(lines).rstrip() + "\n"
