"""A figure of the report stands alone as a picture."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

from customer_intel.core.report import charts
from customer_intel.core.report.markup import figure, quiet, table, tag
from customer_intel.publish.pictures import pictures


def page(*sections: str) -> str:
    return f"<main>{''.join(sections)}</main>"


def test_the_first_figures_of_a_section_are_pictures() -> None:
    heat = charts.heat(["a"], ["b"], [[0.5]], "from")
    shop = tag(
        "section", tag("h2", "Shop"), figure("Much & more", heat), figure("2nd", heat), id="shop"
    )
    desk = tag("section", figure("Desk", table(("x",), [("1 < 2",)])), id="desk")
    found = pictures(page(shop, desk), {"shop": 1, "desk": 3})
    assert list(found) == ["shop: Much & more", "desk: Desk"]
    code = found["desk: Desk"].removeprefix("![desk](data:image/svg+xml;base64,").removesuffix(")")
    drawn = ElementTree.fromstring(base64.b64decode(code))
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert "1 < 2" in "".join(drawn.itertext())


def test_a_section_without_figures_or_not_asked_for_has_none() -> None:
    assert pictures(page(tag("section", quiet("no rows"), id="shop")), {"shop": 2}) == {}
    assert pictures(page(tag("section", figure("x", quiet("y")), id="shop")), {}) == {}


def test_a_figure_that_is_no_xml_is_left_out() -> None:
    broken = '<section id="shop"><figure><figcaption>x</figcaption><br></figure></section>'
    assert pictures(page(broken), {"shop": 1}) == {}
