"""Figures of the report by themselves, as pictures that Dagster shows beside the release.

Belongs here: cutting a figure out of the page, and making it stand alone. Not here: what it shows (a room's report.py).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from xml.etree import ElementTree

from customer_intel.core.report.markup import Html, unmarked
from customer_intel.core.report.style import CSS

WIDTH = 1090
# What the page says of its body.
ALONE = (
    ".alone{background:var(--paper);color:var(--ink);padding:0 12px 12px;"
    "font:15px/1.55 system-ui,sans-serif;font-variant-numeric:tabular-nums}"
)
_SECTION = re.compile(r'<section id="([\w-]+)">(.*?)</section>', re.DOTALL)
_FIGURE = re.compile(r"<figure>.*?</figure>", re.DOTALL)
_CAPTION = re.compile(r"<figcaption>(.*?)</figcaption>", re.DOTALL)
_HEIGHT = re.compile(r'viewBox="0 0 (\d+) (\d+)"')


def pictures(page: str, wanted: Mapping[str, int]) -> dict[str, str]:
    """`section: caption` → Markdown of the picture, for so many of each section's first figures.

    A figure that is no XML by itself is left out: a picture is never a reason to publish nothing.
    """
    found: dict[str, str] = {}
    for key, body in _SECTION.findall(page):
        for figure in _FIGURE.findall(body)[: wanted.get(key, 0)]:
            said = _CAPTION.search(figure)
            drawn = _alone(figure)
            if said and drawn:
                code = base64.b64encode(drawn.encode()).decode()
                caption = unmarked(Html(said[1]))
                found[f"{key}: {caption}"] = f"![{key}](data:image/svg+xml;base64,{code})"
    return found


def _alone(figure: str) -> str | None:
    """The figure as one SVG with the page's style: what is no shape in it stays HTML, which browsers draw."""
    height = 90 + 40 * figure.count("<tr>") + sum(int(size[1]) for size in _HEIGHT.findall(figure))
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}">'
        f"<style>{CSS.replace('&', '&amp;').replace('<', '&lt;')}{ALONE}</style>"
        f'<foreignObject width="{WIDTH}" height="{height}">'
        f'<div xmlns="http://www.w3.org/1999/xhtml" class="alone">{_named(figure)}</div>'
        "</foreignObject></svg>"
    )
    try:
        ElementTree.fromstring(drawn)  # noqa: S314 (the page is ours)
    except ElementTree.ParseError:
        return None
    return drawn


def _named(figure: str) -> str:
    """Shapes inside HTML need to say that they are shapes."""
    return figure.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
