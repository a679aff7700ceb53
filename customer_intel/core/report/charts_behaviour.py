"""Pictures of what customers do: a triangle of shares, bars of growth by its parts, a field of labelled points.

Belongs here: shapes, which know no table. Not here: shapes that other rooms draw (charts.py), colours (style.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from customer_intel.core.report.charts import Format, axis_percent, nice_ticks, text
from customer_intel.core.report.markup import Html, shortened, tag, tick

# Classes of the style sheet that fill a shape: accent, good, second, faint.
FILLS = ("node", "node won", "dot second", "node gone")
# About how wide a letter of a legend is.
_LETTER = 6.6


@dataclass(frozen=True)
class Cell:
    """A share of a triangle; `is_open`: its time is not over, so that it can only rise. `said` is
    told when one points at it.
    """

    share: float | None
    is_open: bool = False
    said: str = ""


def triangle(
    rows: Sequence[tuple[str, str]], cells: Sequence[Sequence[Cell]], corner: str, first: int = 0
) -> Html:
    """Shares of cohorts by interval as a tinted table that scrolls in its box; `rows`: a cohort's
    name and size. What is still open is said in brackets and not tinted.
    """
    most = max((len(row) for row in cells), default=0)
    heads = [tag("th", first + at, scope="col", class_="n") for at in range(most)]
    head = tag("tr", tag("th", corner, scope="col"), tag("th", "n", scope="col"), *heads)
    body = []
    for (name, size), row in zip(rows, cells, strict=True):
        told = [_shaded(cell) for cell in row]
        rest = [tag("td", style="--p:0") for _ in range(most - len(row))]
        body.append(
            tag("tr", tag("th", name, scope="row"), tag("td", size, style="--p:0"), *told, *rest)
        )
    drawn = tag("table", tag("thead", head), tag("tbody", *body), class_="heat")
    return tag("div", drawn, class_="table")


def _shaded(cell: Cell) -> Html:
    if cell.share is None:
        return tag("td", "·", style="--p:0", title=cell.said or None)
    number = f"{100 * cell.share:.0f}"
    if cell.is_open:
        return tag("td", f"({number})", style="--p:0", class_="muted", title=cell.said or None)
    return tag("td", number, style=f"--p:{0.6 * min(cell.share, 1.0):.2f}", title=cell.said or None)


@dataclass(frozen=True)
class Stack:
    """A period's parts: those above the line, from it upwards, and one below it."""

    name: str
    above: tuple[float, ...]
    below: float
    is_open: bool = False


def stacks(
    bars: Sequence[Stack],
    names: Sequence[str],
    label: str,
    *,
    width: int = 680,
    height: int = 260,
    show: Format = tick,
) -> Html:
    """Bars of parts above and below a line, one a period; `names`: of the parts above, then of the
    one below. The period that is not over is pale.
    """
    high = max((sum(bar.above) for bar in bars), default=1.0)
    low = max((bar.below for bar in bars), default=0.0)
    ticks = nice_ticks(-low, high or 1.0, 5)
    left, right, top, bottom = 48, width - 8, 30, height - 24

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - ticks[0]) / (ticks[-1] - ticks[0])

    parts: list[Html] = []
    for value in ticks:
        kind = "zero" if value == 0 else "grid"
        parts.append(tag("line", x1=left, x2=right, y1=y(value), y2=y(value), class_=kind))
        parts.append(text(left - 6, y(value) + 3.5, show(abs(value)), "axis", "end"))
    step = (right - left) / max(len(bars), 1)
    every = -(-len(bars) // max(int((right - left) // 52), 1))
    for at, bar in enumerate(bars):
        x, wide = left + at * step + step * 0.14, step * 0.72
        parts += _stack(bar, names, x, wide, y)
        if (len(bars) - 1 - at) % every == 0:
            parts.append(text(x + wide / 2, bottom + 16, bar.name, "axis", "middle"))
    place = float(left)
    for at, name in enumerate(names):
        fill = _fill(at, len(names))
        parts.append(tag("rect", x=place, y=6, width=10, height=10, class_=fill))
        parts.append(text(place + 15, 15, name, "legend"))
        place += 33 + _LETTER * len(name)
    return _scrolled(width, height, label, parts)


def _stack(
    bar: Stack, names: Sequence[str], x: float, wide: float, y: Callable[[float], float]
) -> list[Html]:
    drawn, base = [], 0.0
    for at, value in enumerate((*bar.above, -bar.below)):
        foot = base if value >= 0 else 0.0
        ends = y(foot), y(foot + value)
        said = f"{bar.name}, {names[at]}: {abs(value):,.0f}"
        drawn.append(
            tag(
                "rect",
                tag("title", said),
                x=x,
                y=min(ends),
                width=wide,
                height=max(abs(ends[0] - ends[1]), 0.0),
                class_=_fill(at, len(names)),
                opacity=0.45 if bar.is_open else None,
            )
        )
        base += max(value, 0.0)
    return drawn


def _fill(at: int, n: int) -> str:
    """The last part, the one below the line, is faint."""
    return FILLS[-1] if at == n - 1 else FILLS[at % (len(FILLS) - 1)]


@dataclass(frozen=True)
class Labelled:
    """A point with its name; `kind` is a CSS class that fills it."""

    x: float
    y: float
    name: str
    kind: str
    said: str = ""


def field(
    points: Sequence[Labelled],
    label: str,
    axes: tuple[str, str],
    *,
    mark: float | None = None,
    width: int = 640,
    height: int = 340,
) -> Html:
    """Points by two shares, each with its name beside it; `mark`: a share on the upright axis to
    compare with.
    """
    left, right, top, bottom = 52, width - 12, 14, height - 42
    xs = nice_ticks(0.0, min(max((p.x for p in points), default=1.0) * 1.15, 1.0))
    heights = [*(p.y for p in points), *([mark] if mark is not None else [])]
    ys = nice_ticks(min(heights, default=0.0), max(heights, default=1.0))

    def x(value: float) -> float:
        return left + (right - left) * (value - xs[0]) / (xs[-1] - xs[0])

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - ys[0]) / (ys[-1] - ys[0])

    parts: list[Html] = []
    for value in ys:
        parts.append(tag("line", x1=left, x2=right, y1=y(value), y2=y(value), class_="grid"))
        parts.append(text(left - 6, y(value) + 3.5, axis_percent(value), "axis", "end"))
    for value in xs:
        anchor = "end" if value == xs[-1] else "middle"
        parts.append(text(x(value), bottom + 16, axis_percent(value), "axis", anchor))
    if mark is not None:
        parts.append(tag("line", x1=left, x2=right, y1=y(mark), y2=y(mark), class_="notch"))
    taken: list[tuple[float, float, float]] = []
    for point in sorted(points, key=lambda p: (-p.y, p.x, p.name)):
        at_x, at_y = x(point.x), y(point.y)
        words = shortened(point.name, 28)
        long = _LETTER * len(words)
        is_right = at_x + 9 + long > right
        begin = at_x - 9 - long if is_right else at_x + 9
        base = _free(begin, begin + long, at_y + 4, taken)
        taken.append((begin, begin + long, base))
        parts += [
            tag(
                "circle",
                tag("title", point.said or point.name),
                cx=at_x,
                cy=at_y,
                r=5,
                class_=point.kind,
            ),
            text(
                at_x - 9 if is_right else begin,
                base,
                words,
                "legend",
                "end" if is_right else "start",
            ),
        ]
    parts.append(text((left + right) / 2, height - 6, axes[0], "axis", "middle"))
    upright = f"rotate(-90 12 {(top + bottom) / 2:.1f})"
    parts.append(
        tag(
            "text",
            axes[1],
            x=12,
            y=(top + bottom) / 2,
            class_="axis",
            text_anchor="middle",
            transform=upright,
        )
    )
    return _scrolled(width, height, label, parts)


def _free(
    first: float, last: float, y: float, taken: Sequence[tuple[float, float, float]]
) -> float:
    """A line for a name below those that it would cover."""
    while any(first < end and last > begin and abs(y - line) < 13 for begin, end, line in taken):
        y += 13
    return y


def _scrolled(width: int, height: int, label: str, parts: Sequence[Html]) -> Html:
    """A picture that keeps its letters readable on a small screen and scrolls in its box."""
    picture = tag(
        "svg", tag("title", label), *parts,
        class_="chart", viewBox=f"0 0 {width} {height}", width=width, height=height,
        style=f"max-width:{width}px;min-width:{0.85 * width:.0f}px", role="img", aria_label=label,
    )  # fmt: skip
    return tag("div", picture, class_="table")
