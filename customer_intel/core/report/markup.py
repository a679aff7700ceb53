"""HTML and SVG by construction: whatever is not `Html` is escaped; and how numbers are said.

Belongs here: elements, tables, numbers, dates. Not here: what a table means (a room's report.py),
shapes (charts.py).
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

# SI prefixes read oddly for money and people; k, M and bn do not.
_SCALES = ((1e9, "bn"), (1e6, "M"), (1e3, "k"))
_VOID = {"meta", "br", "path", "rect", "line", "circle", "polyline", "col"}
MINUS = "−"
DASH = "–"
NONE = "·"
# Names in tables hold no apostrophe.
_APOSTROPHE = re.compile(r"\b(can|don)t\b")
# Keeps a number and its unit on one line.
NBSP = "\u00a0"


class Html(str):
    """Markup that is safe to write as it stands. Only `tag` and this module make it; text from data
    is never one.
    """

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """`<name …>children</name>`. Attributes: trailing underscores fall, others become hyphens; None
    is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_attribute(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not children:
        return Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Html:
    """The parts one after the other, each escaped unless it is Html; None is nothing."""
    texts = (
        part if isinstance(part, Html) else html.escape(str(part))
        for part in parts
        if part is not None
    )
    return Html(between.join(texts))


def _attribute(value: object) -> str:
    # Two decimals place a mark exactly enough, and keep the bytes few and the same everywhere.
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def phrase(template: str, **parts: object) -> Html:
    """The template's words, escaped, with `{name}` as the part of that name; other braces stay as
    they are. What comes from data is a part, never the template.
    """
    words = re.split(r"\{(\w+)\}", template)
    return join(parts.get(word, f"{{{word}}}") if at % 2 else word for at, word in enumerate(words))


def unmarked(text: str) -> str:
    """The text as a terminal shows it: of Html without its tags, of anything else itself."""
    return html.unescape(re.sub(r"<[^>]+>", "", text)) if isinstance(text, Html) else text


def plain(name: str) -> str:
    """A name from the tables as words: cant_lose_them → Can’t lose them."""
    words = _APOSTROPHE.sub(r"\1’t", str(name).replace("_", " ").strip())
    return words[:1].upper() + words[1:]


def shortened(text: str, length: int) -> str:
    """The text, cut to `length` characters with an ellipsis."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def known(value: Any) -> bool:
    """Whether there is a value, and it is a number if it is a float."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def count(value: Any) -> str:
    """A whole number with thousands parted; a dash where it is not known."""
    return f"{int(value):,}".replace("-", MINUS) if known(value) else NONE


def number(value: Any, digits: int = 1) -> str:
    """A number with `digits` decimals; a dash where it is not known. Zero has no sign."""
    if not known(value):
        return NONE
    rounded = round(float(value), digits) or 0.0
    return f"{rounded:,.{digits}f}".replace("-", MINUS)


def signed(value: Any, digits: int = 0) -> str:
    """A number with its sign; a dash where it is not known."""
    if not known(value):
        return NONE
    rounded = round(float(value), digits)
    return f"{rounded:+,.{digits}f}".replace("-", MINUS) if rounded else f"{0:.{digits}f}"


def percent(value: Any, digits: int = 0) -> str:
    """A share as per cent; tiny ones are said to be tiny rather than zero, and what is not all is not
    said to be 100: a decimal more tells it, or that it is more than the last that is less.
    """
    if not known(value):
        return NONE
    if 0 < value < 0.5 * 10 ** -(digits + 2):
        return f"<{10**-digits:g}{NBSP}%"
    if value < 1 and round(100 * value, digits) >= 100:
        digits += 1
        if round(100 * value, digits) >= 100:
            return f">{100 - 10**-digits:.{digits}f}{NBSP}%"
    return f"{100 * value:.{digits}f}{NBSP}%".replace("-", MINUS)


def change(now: Any, before: Any) -> float | None:
    """Relative change; None when there is nothing to compare with."""
    if not (known(now) and known(before)) or float(before) <= 0:
        return None
    return float(now) / float(before) - 1


def coloured(text: object, change: float, direction: str) -> Html:
    """A change in green where it is for the better, in red where for the worse; `direction`: which
    way is better (up, down, none).
    """
    better = change > 0 if direction == "up" else change < 0
    class_ = None if not change or direction == "none" else "up" if better else "down"
    return tag("span", text, class_=class_)


def short(value: Any) -> str:
    """1,234,567 → 1.23 M: three digits, for headlines and axes."""
    if not known(value):
        return NONE
    size = abs(float(value))
    for scale, suffix in _SCALES:
        if size >= scale * 0.9995:
            scaled = float(value) / scale
            digits = 0 if abs(scaled) >= 99.95 else 1 if abs(scaled) >= 9.995 else 2
            return f"{scaled:.{digits}f}{NBSP}{suffix}".replace("-", MINUS)
    digits = 0 if float(value).is_integer() or size >= 100 else 1
    return f"{float(value):,.{digits}f}".replace("-", MINUS)


def tick(value: float) -> str:
    """As `short`, without digits that a round axis value does not need."""
    for scale, suffix in _SCALES:
        if abs(value) >= scale:
            return f"{value / scale:g}{NBSP}{suffix}".replace("-", MINUS)
    return f"{value:g}".replace("-", MINUS)


def money(value: Any, currency: str) -> str:
    """In full up to 9,999, else with three digits; the currency after it where it is known."""
    if not known(value):
        return NONE
    size = abs(float(value))
    text = short(value) if size >= 10_000 else f"{Decimal(str(value)):,.{0 if size >= 100 else 2}f}"
    return f"{text}{NBSP}{currency}".strip().replace("-", MINUS)


def interval(low: Any, high: Any, digits: int = 0) -> str:
    """`low to high`; a dash where either is not known."""
    return (
        f"{number(low, digits)} to {number(high, digits)}" if known(low) and known(high) else NONE
    )


def percents(low: Any, high: Any) -> str:
    """Two shares (0 to 1) as a range of per cents; a dash where either is not known."""
    return f"{100 * low:.0f}{DASH}{100 * high:.0f}{NBSP}%" if known(low) and known(high) else NONE


def p_value(value: Any) -> str:
    """As articles write it: p < .001, p = .032; a dash where it is not known."""
    if not known(value):
        return NONE
    return "p < .001" if value < 0.001 else f"p = {value:.3f}".replace("0.", ".")


def day(value: date) -> str:
    """30 June 2026."""
    return f"{value.day} {value:%B %Y}"


def day_short(value: date) -> str:
    """30 Jun."""
    return f"{value.day} {value:%b}"


def plural(n: int, word: str, words: str | None = None) -> str:
    """The number with its noun, which gets an s unless `words` is given."""
    return f"{n:,} {word if n == 1 else words or word + 's'}"


def listed(words: Sequence[str]) -> str:
    """a, b and c."""
    return (
        words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
    )


def enumerated(parts: Sequence[object]) -> Html:
    """As `listed`, of markup."""
    head = join(parts[:-1], ", ")
    return join((head, " and ", parts[-1])) if len(parts) > 1 else join(parts)


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], numeric: Iterable[int] = ()
) -> Html:
    """A data table; columns in `numeric` are set flush right with figures of equal width."""
    right = set(numeric)

    def cells(kind: str, values: Sequence[object], scope: str | None = None) -> Html:
        return join(
            tag(kind, value, class_="n" if at in right else None, scope=scope)
            for at, value in enumerate(values)
        )

    body = join(tag("tr", cells("td", row)) for row in rows)
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", cells("th", head, "col"))), tag("tbody", body)),
        class_="table",
    )


def paragraph(*children: object, class_: str | None = None) -> Html:
    """A paragraph."""
    return tag("p", *children, class_=class_)


def quiet(*children: object) -> Html:
    """A line that says that there is nothing to show, and why."""
    return tag("p", *children, class_="quiet")


def details(summary: str, *children: object) -> Html:
    """What opens when its summary is clicked, and is open in print."""
    return tag("details", tag("summary", summary), *children)


def figure(title: object, picture: Html, note: object = "") -> Html:
    """A picture with what it shows above it and how it is to be read below it."""
    return tag(
        "figure",
        tag("figcaption", title),
        picture,
        tag("p", note, class_="note") if note else None,
    )
