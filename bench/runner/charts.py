"""Plots as inline SVG. Colours are CSS variables (--s0, --s1, ...), so that one drawing serves light
and dark pages; every mark has a title that the browser shows under the pointer.

`scatter` sets each allocator's mean time against its mean memory. `dots` has a row for each workload
and a dot for each allocator on a logarithmic axis of ratios, so that half and double lie equally far
from 1; what lies outside the axis is drawn at its end as a triangle.
"""

import math
from html import escape

WIDTH = 860
MOST_RATIO = 6.0
LEAST_RATIO = 1 / 6.0
TICKS = [1 / 6, 0.25, 0.35, 0.5, 0.7, 1, 1.4, 2, 3, 4, 6]


def _text(x, y, content, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(content)}</text>'


def _line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _svg(width, height, parts, label):
    return (f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
            + "".join(parts) + "</svg>")


def spread_apart(places, gap, width):
    """(x, y) places of labels, moved down as little as keeps those whose x are nearer than `width`
    at least `gap` apart; gives the new y."""
    moved = [y for _, y in places]
    placed = []
    for i in sorted(range(len(places)), key=lambda i: places[i][1]):
        for other in placed:
            if abs(places[i][0] - places[other][0]) < width and abs(moved[i] - moved[other]) < gap:
                moved[i] = moved[other] + gap
        placed.append(i)
    return moved


def nice_range(values):
    """A little more than the values and 1, in tenths."""
    low, high = min([*values, 1]), max([*values, 1])
    return math.floor(low * 10 - 0.5) / 10, math.ceil(high * 10 + 0.5) / 10


def scatter(points, x_title, y_title, highlight):
    """`points`: (series number, name, x, y)."""
    if not points:
        return ""
    left, top, right, bottom = 60, 16, WIDTH - 150, 380
    x_low, x_high = nice_range([p[2] for p in points])
    y_low, y_high = nice_range([p[3] for p in points])

    def at_x(value):
        return left + (value - x_low) / (x_high - x_low) * (right - left)

    def at_y(value):
        return bottom - (value - y_low) / (y_high - y_low) * (bottom - top)

    parts = []
    for low, high, along_x in ((x_low, x_high, True), (y_low, y_high, False)):
        step = 0.1 if high - low <= 1.2 else 0.2 if high - low <= 2.4 else 0.5
        for i in range(round(low / step), round(high / step) + 1):
            value = i * step
            if not low - 1e-9 <= value <= high + 1e-9:
                continue
            kind = "one" if abs(value - 1) < 1e-9 else "grid"
            if along_x:
                parts.append(_line(at_x(value), top, at_x(value), bottom, kind))
                parts.append(_text(at_x(value), bottom + 16, f"{value:.1f}", "middle"))
            else:
                parts.append(_line(left, at_y(value), right, at_y(value), kind))
                parts.append(_text(left - 6, at_y(value) + 4, f"{value:.1f}", "end"))
    labels = spread_apart([(at_x(p[2]), at_y(p[3]) + 4) for p in points], 15, 110)
    for (series, name, x, y), label_y in zip(points, labels):
        radius = 8 if name == highlight else 6
        weight = ' class="strong"' if name == highlight else ""
        parts.append(f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="{radius}" class="s{series}">'
                     f"<title>{escape(name)}: {x:.2f}, {y:.2f}</title></circle>")
        parts.append(_text(at_x(x) + 12, label_y, name, extra=weight))
    parts.append(_text((left + right) / 2, bottom + 36, x_title, "middle"))
    parts.append(f'<g transform="translate(14 {(top + bottom) / 2:.0f}) rotate(-90)">'
                 + _text(0, 0, y_title, "middle") + "</g>")
    return _svg(WIDTH, bottom + 44, parts, f"{y_title} against {x_title}")


def dots(rows, title, highlight):
    """`rows`: (workload, [(series number, allocator, ratio)])."""
    ratios = [ratio for _, marks in rows for *_, ratio in marks]
    if not ratios:
        return ""
    low = max(LEAST_RATIO, min(0.7, *ratios) * 0.95)
    high = min(MOST_RATIO, max(1.4, *ratios) * 1.05)
    left, right, top, row_height = 150, WIDTH - 16, 24, 19
    bottom = top + row_height * len(rows)

    def at_x(ratio):
        inside = min(max(ratio, low), high)
        return left + math.log(inside / low) / math.log(high / low) * (right - left)

    parts = []
    for tick in TICKS:
        if low <= tick <= high:
            parts.append(_line(at_x(tick), top, at_x(tick), bottom, "one" if tick == 1 else "grid"))
            parts.append(_text(at_x(tick), top - 8, f"{tick:.2g}", "middle"))
    for number, (workload, marks) in enumerate(rows):
        y = top + row_height * (number + 0.5)
        parts.append(_text(left - 10, y + 4, workload, "end"))
        parts.append(_line(left, y, right, y, "row"))
        # The highlighted one is drawn last, so that no other hides it.
        for series, name, ratio in sorted(marks, key=lambda mark: mark[1] == highlight):
            tip = f"<title>{escape(workload)}, {escape(name)}: {ratio:.2f}</title>"
            x = at_x(ratio)
            if low <= ratio <= high:
                radius = 6 if name == highlight else 4.5
                parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="s{series}">'
                             f"{tip}</circle>")
            else:
                way = 7 if ratio > high else -7
                parts.append(f'<path d="M{x:.1f} {y - 5:.1f} l{way} 5 l{-way} 5 z" class="s{series}">'
                             f"{tip}</path>")
    return _svg(WIDTH, bottom + 8, parts, title)
