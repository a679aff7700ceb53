"""A step of a funnel as a bar: who came so far, who was lost since the step before.

Belongs here: that shape. Not here: the others (charts.py).
"""

from __future__ import annotations

from customer_intel.core.report.charts import svg
from customer_intel.core.report.markup import Html, tag


def step_bar(
    share: float,
    before: float | None,
    interval: tuple[float, float] | None = None,
    mark: float | None = None,
    *,
    width: int = 280,
) -> Html:
    """`share` of those who entered, beside it in grey what was lost since `before`; `mark` is where it is going."""

    def x(value: float) -> float:
        return 2 + (width - 4) * min(max(value, 0.0), 1.0)

    parts: list[Html] = []
    if before is not None and before > share:
        lost = x(before) - x(share)
        parts.append(tag("rect", x=x(share), y=4, width=lost, height=16, class_="ribbon gone"))
    parts.append(tag("rect", x=2, y=4, width=max(x(share) - 2, 1.0), height=16, class_="node"))
    if interval is not None:
        low, high = interval
        parts.append(tag("line", x1=x(low), x2=x(high), y1=22, y2=22, class_="whisker"))
    if mark is not None:
        parts.append(tag("line", x1=x(mark), x2=x(mark), y1=1, y2=23, class_="notch"))
    return svg(width, 24, "share that came so far", *parts, class_="range")
