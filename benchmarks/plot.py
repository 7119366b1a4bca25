"""What was measured, as a picture: a dot for each contender on a line for each workload, on a logarithmic scale."""

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log2

from benchmarks.contenders import CONTENDERS
from benchmarks.measure import Measured

TITLES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
WIDTH, LEFT, RIGHT, TOP, LINE = 920, 290, 30, 56, 24
# Distinct also for those who do not tell red from green.
COLOURS = ("#999999", "#56b4e9", "#d55e00", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#000000")
TICKS = (0.5, 1, 2, 4, 8, 16, 32, 64, 128)
STYLE = (
    "text { font: 13px system-ui, sans-serif; fill: #333 } .title { font-weight: 600; font-size: 15px } "
    ".grid { stroke: #ddd } .one { stroke: #777 }"
)


def svg(measured: Mapping[str, Sequence[Measured]]) -> str:
    """Draw one panel for each database, one below the other."""
    panels: list[str] = []
    at = 0
    for backend, found in measured.items():
        drawn, height = panel(backend, found, at)
        panels += drawn
        at += height
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{at}" viewBox="0 0 {WIDTH} {at}" role="img">'
    )
    about = "<title>Time of each workload as a multiple of the bare driver's</title>"
    ground = f'<rect width="{WIDTH}" height="{at}" fill="white"/>'
    return "\n".join([head, about, f"<style>{STYLE}</style>", ground, *panels, "</svg>", ""])


def panel(backend: str, found: Sequence[Measured], top: int) -> tuple[list[str], int]:
    names = [contender.name for contender in CONTENDERS[backend][1:]]
    ratios = [{name: ratio for name in names if (ratio := one.ratio(name)) is not None} for one in found]
    known = [ratio for one in ratios for ratio in one.values()]
    low, high = min([0.5, *known]), max([2.0, *known])
    first, last = floor(log2(low)), log2(high) + 0.2

    def x(ratio: float) -> float:
        return LEFT + (log2(ratio) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    bottom = top + TOP + LINE * len(found)
    drawn = [f'<text class="title" x="16" y="{top + 22}">{TITLES[backend]}, the driver is 1</text>']
    for place, name in enumerate(names):
        left = LEFT + place * 120
        drawn.append(f'<circle cx="{left}" cy="{top + 18}" r="5" fill="{COLOURS[place]}"/>')
        drawn.append(f'<text x="{left + 10}" y="{top + 22}">{escape(name)}</text>')
    for tick in TICKS:
        if low <= tick <= high or tick == 1:
            kind = "one" if tick == 1 else "grid"
            drawn.append(
                f'<line class="{kind}" x1="{x(tick):.1f}" y1="{top + TOP - 14}" x2="{x(tick):.1f}" y2="{bottom - 10}"/>'
            )
            drawn.append(f'<text x="{x(tick):.1f}" y="{bottom + 6}" text-anchor="middle">{tick:g}</text>')
    for row, (one, ratio) in enumerate(zip(found, ratios, strict=True)):
        y = top + TOP + LINE * row
        drawn.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(one.title)}</text>')
        for place, name in enumerate(names):
            if name in ratio:
                about = f"<title>{escape(name)}: {ratio[name]:.2f}</title>"
                drawn.append(
                    f'<circle cx="{x(ratio[name]):.1f}" cy="{y}" r="5" fill="{COLOURS[place]}" fill-opacity="0.85">'
                    f"{about}</circle>"
                )
    return drawn, TOP + LINE * len(found) + 34
