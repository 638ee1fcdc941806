"""The results as one page of HTML: no script, no network, light and dark.

First the summary (time against memory, geometric means), then for each measure a plot and its table,
then the cells of random replacement, the memory-return scenarios and what failed. Boxes above the plots hide single allocators; they
are plain CSS.
"""

from html import escape

from . import charts
from .bars import OURS
from .results import MEASURES
from .table import format_amount, format_ratio

# Distinct in both schemes; ours first and strongest.
LIGHT = ["#d1242f", "#0969da", "#8250df", "#1a7f37", "#bf8700", "#6e7781", "#0f7b8a", "#b3307b",
         "#7a4a21", "#334155"]
DARK = ["#ff7b72", "#58a6ff", "#bc8cff", "#56d364", "#e3b341", "#8b949e", "#4fd1d9", "#f778ba",
        "#c99568", "#cbd5e1"]

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --faint: #656d76; --paper: #ffffff;
  --line: #d0d7de; --one: #656d76; --good: #1a7f37; --bad: #d1242f; --best: #dafbe1; %LIGHT% }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --faint: #9198a1; --paper: #0d1117;
  --line: #30363d; --one: #9198a1; --good: #56d364; --bad: #ff7b72; --best: #12331c; %DARK% } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
p.host, .note { color: var(--faint); }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg text.strong { font-weight: 700; }
svg line.grid, svg line.row { stroke: var(--line); stroke-width: 0.7; }
svg line.one { stroke: var(--one); stroke-width: 1.5; }
svg circle, svg path { stroke: var(--paper); stroke-width: 0.8; }
.legend label { margin-right: 1rem; white-space: nowrap; }
.swatch { display: inline-block; width: 0.7em; height: 0.7em; border-radius: 50%; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: 0.15rem 0.6rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tr.mean td { font-weight: 700; border-top: 2px solid var(--one); }
td.best { background: var(--best); } td.bad { color: var(--bad); } td.good { color: var(--good); }
"""


def series_order(results):
    """Names in the order of their colours: ours first, the baseline apart."""
    others = [name for name in results.allocators if name not in (OURS, results.baseline)]
    ours = [OURS] if OURS in results.allocators and results.baseline != OURS else []
    return [*ours, *others]


def _style(series):
    rules = []
    for number in range(len(series)):
        rules.append(f".s{number} {{ fill: var(--s{number}); background: var(--s{number}); }}")
        rules.append(f"body:has(#show{number}:not(:checked)) svg .s{number} {{ display: none; }}")
    def variables(colours):
        return " ".join(f"--s{i}: {colours[i % len(colours)]};" for i in range(len(series)))
    return STYLE.replace("%LIGHT%", variables(LIGHT)).replace("%DARK%", variables(DARK)) + "\n".join(rules)


def _legend(series):
    boxes = [f'<label><input type="checkbox" id="show{number}" checked> '
             f'<span class="swatch s{number}"></span> {escape(name)}</label>'
             for number, name in enumerate(series)]
    return '<p class="legend">' + "".join(boxes) + "</p>"


def _row(cells, kind=""):
    """Cells are text, or (text, class)."""
    out = []
    for cell in cells:
        text, css = cell if isinstance(cell, tuple) else (cell, "")
        out.append(f'<td class="{css}">{escape(text)}</td>' if css else f"<td>{escape(text)}</td>")
    return f'<tr class="{kind}">' if kind else "<tr>", "".join(out), "</tr>"


def _table(head, rows):
    body = "".join("".join(row) for row in rows)
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f'<div class="scroll"><table><tr>{heads}</tr>{body}</table></div>'


def _summary(results, series):
    means = {name: {m.key: results.mean_ratio(name, m.key) for m in MEASURES}
             for name in [results.baseline, *series]}
    points = [(number, name, means[name]["cpu"], means[name]["peak"])
              for number, name in enumerate(series) if means[name]["cpu"] and means[name]["peak"]]
    plot = charts.scatter(points, f"CPU time, {results.baseline} = 1 (less is better)",
                          f"peak memory, {results.baseline} = 1", OURS)
    head = ["geometric mean", "CPU", "wall", "peak", "a second after"]
    rows = [_row([name, *(format_ratio(means[name][m.key]) for m in MEASURES)])
            for name in [results.baseline, *series]]
    return f"<h2>Time against memory</h2>{plot}{_table(head, rows)}"


def _measure(results, series, measure):
    rows, marks = [], []
    for workload in results.compared():
        base = results.value(workload.name, results.baseline, measure.key)
        ratios = [results.ratio(workload.name, name, measure.key) for name in series]
        if base is None and not any(results.failure(workload.name, name)
                                    for name in results.allocators):
            continue
        best = min((ratio for ratio in ratios if ratio is not None), default=None)
        cells = [workload.name, format_amount(None if base is None else base / measure.per_unit)]
        for name, ratio in zip(series, ratios):
            if results.failure(workload.name, name):
                cells.append(("FAILED", "bad"))
            else:
                cells.append((format_ratio(ratio), "best" if ratio and ratio == best else ""))
        rows.append(_row(cells))
        marks.append((workload.name, [(number, name, ratio) for number, (name, ratio)
                                      in enumerate(zip(series, ratios)) if ratio]))
    if not rows:
        return ""
    means = [format_ratio(results.mean_ratio(name, measure.key)) for name in series]
    rows.append(_row(["geometric mean", "1.00", *means], "mean"))
    head = ["workload", f"{results.baseline} [{measure.unit}]", *series]
    plot = charts.dots(marks, f"{measure.title} by workload", OURS)
    return (f"<h2>{escape(measure.title)}</h2><p class=\"note\">Ratio to {escape(results.baseline)}:"
            f" left of 1 is better. Triangles lie beyond the axis.</p>{plot}"
            f"<details><summary>Figures</summary>{_table(head, rows)}</details>")


def _replacements(results, judged):
    if not judged:
        return ""
    rows = []
    for workload in results.group("replacement"):
        peer, seconds = judged.fastest.get(workload.name, ("", None))
        cells = [workload.name, f"{peer} {format_amount(seconds)}".strip()]
        for name in results.allocators:
            failed = results.failure(workload.name, name)
            ratio = judged.cells[name].get(workload.name)
            cells.append(("FAILED", "bad") if failed else
                         (format_ratio(ratio), "best" if peer == name else ""))
        rows.append(_row(cells))
    for label, peer, own in (("geometric mean", "", judged.mean), ("largest", "", judged.largest),
                             ("mean over the best peer's", judged.best or "-", judged.mean_over_best)):
        rows.append(_row([label, peer, *(format_ratio(own(name)) for name in results.allocators)],
                         "mean"))
    head = ["cell", "fastest peer [s]", *results.allocators]
    return ("<h2>Random replacement</h2><p class=\"note\">CPU time, relative to each cell's fastest"
            f" peer.</p>{_table(head, rows)}")


def _returns(results, judged):
    if not judged:
        return ""
    rows = []
    for bar, values in judged:
        cells = [bar.label, f"{bar.limit_text} {bar.unit}"]
        for name in results.allocators:
            value, holds = values.get(name, (None, None))
            if results.failure(bar.workload, name):
                cells.append(("FAILED", "bad"))
            else:
                css = "" if holds is None else "good" if holds else "bad"
                cells.append((format_amount(value), css))
        rows.append(_row(cells))
    head = ["scenario", "bar", *results.allocators]
    return f"<h2>Memory return</h2>{_table(head, rows)}"


def _list(title, lines):
    if not lines:
        return ""
    return f"<h2>{title}</h2><ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def render(results, judged, host, verdicts=(), replacement=None):
    series = series_order(results)
    failures = [f"{workload} under {name}: {what}" for workload, name, what in results.failures()]
    measured_on = (f"{host['date']}, {host['processor']}, {host['cores']} cores, Linux"
                   f" {host['kernel']}, {host['c_library']}, huge pages {host['huge_pages']}."
                   f" Scale {host['scale']:g}, medians of {host['runs']} interleaved runs,"
                   f" load before {host['load_before']:.1f}.")
    parts = ["<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">",
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
             "<title>arenite: allocators compared</title>", f"<style>{_style(series)}</style>",
             "<h1>Allocators compared</h1>", f'<p class="host">{escape(measured_on)}</p>']
    if results.compared():
        parts += [_summary(results, series), _legend(series)]
        parts += [_measure(results, series, measure) for measure in MEASURES]
    parts += [_replacements(results, replacement), _returns(results, judged), _list("Bar", [str(verdict) for verdict in verdicts]),
              _list("Failed", failures)]
    return "\n".join(part for part in parts if part) + "\n</html>\n"
