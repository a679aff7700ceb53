"""The report's pictures as plain SVG, coloured by the page's CSS variables: one picture for light,
dark and print.

Belongs here: shapes, which know no table; by hand rather than by a library, for reasons measured in
docs/decisions/06-charts.md. Not here: elements and numbers (markup.py), colours (style.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from customer_intel.core.report.markup import (
    NBSP,
    Html,
    day,
    join,
    percent,
    plain,
    shortened,
    tag,
    tick,
)

Format = Callable[[float], str]


@dataclass(frozen=True)
class Point:
    """A value on a day, with its interval where it is an estimate."""

    day: date
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Range:
    """A value with its interval; `mark` is what it is to be compared with."""

    value: float | None
    low: float | None = None
    high: float | None = None
    mark: float | None = None


def svg(width: int, height: int, label: str, *children: object, class_: str = "chart") -> Html:
    """A picture of `width` x `height` units that scales; `label` is read aloud in its place."""
    return tag(
        "svg",
        tag("title", label),
        *children,
        class_=class_,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        style=f"max-width:{width}px",
        role="img",
        aria_label=label,
    )


def text(x: float, y: float, content: str, class_: str = "", anchor: str = "start") -> Html:
    """A line of text in a picture; `anchor`: which of its ends stands at x."""
    return tag(
        "text",
        content,
        x=x,
        y=y,
        class_=class_ or None,
        text_anchor=anchor if anchor != "start" else None,
    )


def axis_percent(value: float) -> str:
    """A share (0 to 1) on an axis, halves of a per cent included."""
    return f"{100 * value:g}{NBSP}%"


def nice_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round values that cover [low, high] in about `wanted` steps of 1, 2, 2.5 or 5 times a power
    of ten.
    """
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(at * step, 10) for at in range(first, last + 1)]


def trend(
    points: Sequence[Point],
    label: str,
    *,
    width: int = 340,
    height: int = 170,
    from_zero: bool = True,
    show: Format = tick,
    axis: Format = tick,
    dots: bool = False,
) -> Html:
    """A line over time, with a band where the points carry intervals; the last value is written
    out.
    """
    values = [bound for p in points for bound in (p.value, p.low, p.high) if bound is not None]
    ticks = nice_ticks(min([0.0, *values]) if from_zero else min(values), max(values))
    left, right, top, bottom = 40, width - 56, 14, height - 24
    first, last = points[0].day, points[-1].day
    days = max((last - first).days, 1)

    def x(when: date) -> float:
        return left + (right - left) * (when - first).days / days

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - ticks[0]) / (ticks[-1] - ticks[0])

    grid = [
        join(
            (
                tag(
                    "line",
                    x1=left,
                    x2=right,
                    y1=y(value),
                    y2=y(value),
                    class_="zero" if value == 0 else "grid",
                ),
                text(left - 6, y(value) + 3.5, axis(value), "axis", "end"),
            )
        )
        for value in ticks
    ]
    months = [
        join(
            (
                tag("line", x1=x(when), x2=x(when), y1=bottom, y2=bottom + 4, class_="tick"),
                text(x(when), bottom + 16, words, "axis", "middle"),
            )
        )
        for when, words in month_ticks(first, last)
    ]
    banded = [p for p in points if p.low is not None and p.high is not None]
    band = None
    if len(banded) > 1:
        there = [f"{x(p.day):.1f},{y(p.high or 0):.1f}" for p in banded]
        back = [f"{x(p.day):.1f},{y(p.low or 0):.1f}" for p in reversed(banded)]
        band = tag("path", d=f"M{' L'.join([*there, *back])}Z", class_="band")
    line = tag(
        "polyline",
        points=" ".join(f"{x(p.day):.1f},{y(p.value):.1f}" for p in points),
        class_="line",
    )
    marks = [
        tag("circle", cx=x(p.day), cy=y(p.value), r=2.5, class_="dot")
        for p in (points if dots else points[-1:])
    ]
    end = text(x(last) + 7, y(points[-1].value) + 4, show(points[-1].value), "value")
    # Native tooltips need no script.
    half = (right - left) / max(len(points) - 1, 1) / 2
    hovers = [
        tag(
            "rect",
            tag("title", f"{day(p.day)}: {show(p.value)}"),
            x=x(p.day) - half,
            y=top,
            width=2 * half,
            height=bottom - top,
            class_="hover",
        )
        for p in points
    ]
    return svg(width, height, label, *grid, *months, band, line, *marks, end, *hovers)


def month_ticks(first: date, last: date) -> list[tuple[date, str]]:
    """First days of months, as many as fit without crowding; January is the year's number."""
    months = []
    at = date(first.year, first.month, 1)
    while at <= last:
        if at >= first:
            months.append(at)
        at = (at.replace(day=28) + timedelta(days=4)).replace(day=1)
    for step in (1, 2, 3, 6, 12, 24, 60):
        kept = [when for when in months if (when.year * 12 + when.month - 1) % step == 0]
        if len(kept) <= 7:
            break
    return [(when, f"{when.year}" if when.month == 1 else f"{when:%b}") for when in kept]


def bar(share: float, class_: str = "bar") -> Html:
    """A bar of `share` of its cell's width."""
    return tag("span", class_=class_, style=f"width:{max(0.0, min(share, 1.0)) * 100:.1f}%")


def range_mark(item: Range, scale: tuple[float, float], width: int = 220) -> Html:
    """One row's dot with interval, and a notch at what it is compared with, on a scale shared by
    the column.
    """
    low, high = scale

    def x(value: float) -> float:
        return 6 + (width - 12) * (min(max(value, low), high) - low) / ((high - low) or 1)

    parts: list[Html | None] = [tag("line", x1=6, x2=width - 6, y1=10, y2=10, class_="grid")]
    if item.low is not None and item.high is not None:
        parts.append(tag("line", x1=x(item.low), x2=x(item.high), y1=10, y2=10, class_="whisker"))
    if item.mark is not None:
        parts.append(tag("line", x1=x(item.mark), x2=x(item.mark), y1=3, y2=17, class_="notch"))
    if item.value is not None:
        parts.append(tag("circle", cx=x(item.value), cy=10, r=4, class_="dot"))
    return svg(width, 20, "value with its interval", *parts, class_="range")


def range_axis(scale: tuple[float, float], show: Format, width: int = 220, wanted: int = 4) -> Html:
    """The scale under a column of `range_mark`."""
    low, high = scale
    inside = [
        value for value in nice_ticks(low, high, wanted) if low - 1e-9 <= value <= high + 1e-9
    ]
    parts = []
    for at, value in enumerate(inside):
        x = 6 + (width - 12) * (value - low) / ((high - low) or 1)
        anchor = "start" if at == 0 and x < 14 else "end" if x > width - 14 else "middle"
        parts += [
            tag("line", x1=x, x2=x, y1=0, y2=4, class_="tick"),
            text({"start": 2, "end": width - 2}.get(anchor, x), 15, show(value), "axis", anchor),
        ]
    return svg(width, 18, "scale", *parts, class_="range")


def scale_of(
    items: Sequence[Range], floor: float | None = None, ceiling: float | None = None
) -> tuple[float, float]:
    """A round scale that holds every value, interval and mark, cut at the bounds."""
    values = [
        v for item in items for v in (item.value, item.low, item.high, item.mark) if v is not None
    ]
    if not values:
        return (0.0, 1.0)
    ticks = nice_ticks(min(values), max(values))
    low, high = ticks[0], ticks[-1]
    return (
        low if floor is None else max(low, floor),
        high if ceiling is None else min(high, ceiling),
    )


def calibration(
    series: Sequence[tuple[str, Sequence[tuple[float, Range]]]], label: str, size: int = 340
) -> Html:
    """Promised probability (x) against what happened (y), per scorer; on the diagonal a promise was
    kept.
    """
    left, right, top, bottom = 56, size - 20, 12, size - 40
    # Drawn as far as probabilities go: rare events would otherwise crowd in the corner.
    reach = max((v for _, bins in series for x, r in bins for v in (x, r.high or 0.0)), default=1.0)
    ticks = nice_ticks(0.0, min(reach, 1.0), 4)
    top_value = min(ticks[-1], 1.0)

    def x(value: float) -> float:
        return left + (right - left) * min(value / top_value, 1.0)

    def y(value: float) -> float:
        return bottom - (bottom - top) * min(value / top_value, 1.0)

    parts: list[Html] = []
    for value in ticks:
        if value <= top_value + 1e-9:
            said = axis_percent(value)
            parts += [
                tag("line", x1=left, x2=right, y1=y(value), y2=y(value), class_="grid"),
                text(left - 6, y(value) + 3.5, said, "axis", "end"),
                text(x(value), bottom + 16, said, "axis", "middle"),
            ]
    parts.append(tag("line", x1=x(0), y1=y(0), x2=x(top_value), y2=y(top_value), class_="diagonal"))
    for at, (_, bins) in enumerate(series):
        class_ = "" if at == 0 else " second"
        corners = " ".join(f"{x(p):.1f},{y(r.value or 0):.1f}" for p, r in bins)
        parts.append(tag("polyline", points=corners, class_=f"line thin{class_}"))
        for p, r in bins:
            if r.low is not None and r.high is not None and at == 0:
                parts.append(
                    tag("line", x1=x(p), x2=x(p), y1=y(r.low), y2=y(r.high), class_="whisker")
                )
            parts.append(
                tag(
                    "circle",
                    cx=x(p),
                    cy=y(r.value or 0),
                    r=3.5 if at == 0 else 2.5,
                    class_=f"dot{class_}",
                )
            )
    parts.append(text((left + right) / 2, size - 6, "predicted", "axis", "middle"))
    parts.append(tag("text", "happened", x=10, y=(top + bottom) / 2, class_="axis", text_anchor="middle",
                     transform=f"rotate(-90 10 {(top + bottom) / 2:.1f})"))  # fmt: skip
    for at, (name, _) in enumerate(series):
        row = top + 8 + 16 * at
        parts += [
            tag("circle", cx=left + 12, cy=row, r=3.5, class_="dot" if at == 0 else "dot second"),
            text(left + 21, row + 4, plain(name), "legend"),
        ]
    return svg(size, size, label, *parts)


@dataclass(frozen=True)
class Flow:
    """`n` things that go from node (column, name) to node (column, name)."""

    source: tuple[int, str]
    target: tuple[int, str]
    n: int


def sankey(
    flows: Sequence[Flow],
    label: str,
    name: Callable[[str], str],
    kind: Callable[[str], str],
    *,
    width: int = 1040,
    height: int = 400,
) -> Html:
    """Columns of nodes, the largest on top, with ribbons as wide as the number that flows. `kind`
    is a CSS class.
    """
    into: dict[tuple[int, str], int] = {}
    out: dict[tuple[int, str], int] = {}
    for flow in flows:
        out[flow.source] = out.get(flow.source, 0) + flow.n
        into[flow.target] = into.get(flow.target, 0) + flow.n
    weight = {node: max(into.get(node, 0), out.get(node, 0)) for node in {*into, *out}}
    if not weight:
        return svg(width, 40, label, text(0, 20, "no flow", "axis"))
    columns = sorted({column for column, _ in weight})
    ordered = {
        column: sorted(
            (n for n in weight if n[0] == column),
            key=lambda n: (kind(n[1]) != "", -weight[n], n[1]),
        )
        for column in columns
    }
    gap, thick, top = 12, 10, 22
    most = max(len(nodes) for nodes in ordered.values())
    heaviest = max(sum(weight[n] for n in nodes) for nodes in ordered.values())
    unit = (height - top - 6 - gap * (most - 1)) / heaviest
    span = (width - thick - 150) / max(len(columns) - 1, 1)
    place: dict[tuple[int, str], tuple[float, float]] = {}
    for at, column in enumerate(columns):
        y = float(top)
        for node in ordered[column]:
            place[node] = (at * span, y)
            y += max(weight[node] * unit, 1.5) + gap
    rank = {node: at for nodes in ordered.values() for at, node in enumerate(nodes)}
    left_at = {node: place[node][1] for node in weight}
    right_at = {node: place[node][1] for node in weight}
    ribbons = []
    for flow in sorted(flows, key=lambda f: (f.source[0], rank[f.source], rank[f.target])):
        size = flow.n * unit
        x0, x1 = place[flow.source][0] + thick, place[flow.target][0]
        y0, y1 = right_at[flow.source], left_at[flow.target]
        right_at[flow.source] += size
        left_at[flow.target] += size
        mid = (x0 + x1) / 2
        path = (
            f"M{x0:.1f} {y0:.1f}C{mid:.1f} {y0:.1f} {mid:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
            f"V{y1 + size:.1f}C{mid:.1f} {y1 + size:.1f} {mid:.1f} {y0 + size:.1f} {x0:.1f} "
            f"{y0 + size:.1f}Z"
        )
        said = f"{name(flow.source[1])} → {name(flow.target[1])}: {flow.n:,}"
        ribbons.append(
            tag("path", tag("title", said), d=path, class_=f"ribbon {kind(flow.target[1])}".strip())
        )
    total = sum(flow.n for flow in flows if flow.source[0] == columns[0])
    nodes = []
    for node in sorted(weight, key=lambda n: (n[0], rank[n])):
        x, y = place[node]
        size = max(weight[node] * unit, 1.5)
        nodes.append(
            tag("rect", x=x, y=y, width=thick, height=size, class_=f"node {kind(node[1])}".strip())
        )
        words = name(node[1])
        left, base = x + thick + 5, y + min(size / 2, 10) + 4
        nodes.append(text(left, base, shortened(words, 24), "legend"))
        if size >= 24:
            nodes.append(text(left, base + 13, percent(weight[node] / total), "axis"))
    heads = [
        text(at * span, 12, f"Step {column + 1}", "axis") for at, column in enumerate(columns[:-1])
    ]
    picture = svg(width, height, label, *ribbons, *nodes, *heads, class_="chart wide")
    # On a narrow page it scrolls at its own size: shrunk, its words would be too small to read.
    return tag("div", picture, class_="scroll")


def heat(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[float | None]],
    corner: str,
) -> Html:
    """Shares as a table whose cells are tinted by their value."""
    top = max((value for row in cells for value in row if value), default=1.0)
    slanted = [tag("th", tag("span", name), scope="col", class_="slant") for name in columns]
    head = tag("tr", tag("th", corner, scope="col"), *slanted)
    body = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            *(
                tag(
                    "td",
                    f"{100 * value:.0f}" if value and value >= 0.005 else "",
                    style=f"--p:{0.5 * (value or 0) / top:.2f}",
                )
                for value in row
            ),
        )
        for name, row in zip(rows, cells, strict=True)
    ]
    return tag(
        "div", tag("table", tag("thead", head), tag("tbody", *body), class_="heat"), class_="table"
    )
