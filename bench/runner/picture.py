"""The README's picture: resident memory over time of one program under several allocators.

The program is Python, with every object from malloc (PYTHONMALLOC=malloc): it reads records, keeps one
in a hundred, rests, does it again, and rests. The drawing is an SVG for light and dark pages.
"""

import os
import subprocess
import sys
import time
from html import escape

ALLOCATORS = ("glibc", "jemalloc", "mimalloc", "arenite")
SECONDS = 20
RECORDS = 300_000
# The steps begin at the same times under every allocator.
STEPS = ((1, "reads"), (6, "keeps 1 %"), (10, "reads"), (15, "keeps 1 %"))

JOB = f"""
import time
start = time.monotonic()
def rest_until(second):
    while time.monotonic() - start < second:
        time.sleep(0.02)
        [bytes(100) for _ in range(10)]
def read():
    return {{i: [str(i) * 3, {{"id": i, "name": f"record {{i}}"}}] for i in range({RECORDS})}}
kept = []
for begin, end in (({STEPS[0][0]}, {STEPS[1][0]}), ({STEPS[2][0]}, {STEPS[3][0]})):
    rest_until(begin)
    records = read()
    rest_until(end)
    kept.append([records[i] for i in range(0, {RECORDS}, 100)])
    del records
rest_until({SECONDS})
"""

# Of the allocators, in their order: for a light page and for a dark one.
LIGHT = ("#b4452f", "#8a6d1d", "#6b5fb5", "#1f6f4a")
DARK = ("#f08a72", "#d9b95c", "#ada3ec", "#6fcf9e")


def record(allocator):
    """[(seconds, MiB resident)] of the program under this allocator."""
    environment = {**os.environ, **allocator.environment(), "PYTHONMALLOC": "malloc"}
    page = os.sysconf("SC_PAGE_SIZE")
    curve = []
    with subprocess.Popen([sys.executable, "-S", "-c", JOB], env=environment) as program:
        start = time.monotonic()
        while program.poll() is None:
            try:
                with open(f"/proc/{program.pid}/statm") as statm:
                    curve.append((time.monotonic() - start, int(statm.read().split()[1]) * page / (1 << 20)))
            except (OSError, IndexError):
                break
            time.sleep(0.05)
    if program.returncode != 0:
        raise RuntimeError(f"the program ended with status {program.returncode} under {allocator.name}")
    # The last may have been taken while the program was ending.
    return [point for point in curve[:-1] if point[0] <= SECONDS and point[1] > 0]


def _path(points):
    """A line through the points, without those that lie on it."""
    kept = [point for i, point in enumerate(points)
            if i in (0, len(points) - 1) or not points[i - 1][1] == point[1] == points[i + 1][1]]
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in kept)


def draw(curves):
    """`curves`: {allocator: [(seconds, MiB)]}, in the order of ALLOCATORS."""
    width, height, left, right, top, bottom = 820, 330, 60, 690, 44, 280
    most = max(value for curve in curves.values() for _, value in curve)
    step = next(step for step in (10, 20, 50, 100, 200, 500, 1000) if most / step <= 6)
    high = (int(most / step) + 1) * step

    def at_x(second):
        return left + second / SECONDS * (right - left)

    def at_y(value):
        return bottom - value / high * (bottom - top)

    style = ["text { font: 14px sans-serif; fill: #333 } .grid { stroke: #ddd } .strong { font-weight: bold }",
             "path { fill: none; stroke-width: 2 } .ours { stroke-width: 3.5 }"]
    dark = ["text { fill: #ddd } .grid { stroke: #444 }"]
    for number, (light, other) in enumerate(zip(LIGHT, DARK)):
        style.append(f".s{number} {{ stroke: {light} }} text.t{number} {{ fill: {light} }}")
        dark.append(f".s{number} {{ stroke: {other} }} text.t{number} {{ fill: {other} }}")
    parts = [f"<style>{' '.join(style)} @media (prefers-color-scheme: dark) {{ {' '.join(dark)} }}</style>",
             f'<text x="{left}" y="18">Resident memory in MiB: a Python program reads {RECORDS:,} records, '
             "keeps 1 % of them, twice</text>"]
    for value in range(0, high + 1, step):
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{at_y(value):.1f}" y2="{at_y(value):.1f}"/>'
                     f'<text x="{left - 8}" y="{at_y(value) + 5:.1f}" text-anchor="end">{value}</text>')
    for second, what in STEPS:
        parts.append(f'<line class="grid" x1="{at_x(second):.1f}" x2="{at_x(second):.1f}" y1="{top}" y2="{bottom}"/>'
                     f'<text x="{at_x(second) + 4:.1f}" y="{bottom + 18}">{escape(what)}</text>')
    parts.append(f'<text x="{right}" y="{bottom + 40}" text-anchor="end">{SECONDS} seconds</text>')
    # Names at the ends of their lines, moved apart.
    ends = sorted(((at_y(curve[-1][1]), name) for name, curve in curves.items()))
    below = 0
    places = {}
    for y, name in ends:
        below = max(y, below + 17)
        places[name] = below
    overlap = max(0, below - bottom)
    for number, (name, curve) in enumerate(curves.items()):
        ours = name == ALLOCATORS[-1]
        parts.append(f'<path class="s{number}{" ours" if ours else ""}" '
                     f'd="{_path([(at_x(x), at_y(y)) for x, y in curve])}"/>')
        parts.append(f'<text class="t{number}{" strong" if ours else ""}" x="{right + 8}" '
                     f'y="{places[name] + 5 - overlap:.1f}">{escape(name)}: {curve[-1][1]:.0f}</text>')
    label = ", ".join(f"{name} {curve[-1][1]:.0f} MiB" for name, curve in curves.items())
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="Resident at the end: {escape(label)}">\n' + "\n".join(parts) + "\n</svg>\n")
