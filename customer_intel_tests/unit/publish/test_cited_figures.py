"""Every figure of the page's tiles and sentences says which row of metric_daily it is, and is it."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from customer_intel.core.report.metric import Value, added, cited
from customer_intel.core.store.release import Published

# What a sentence may count without a metric: spans of days, dates, how sure it is.
_MAY_STAND = re.compile(
    r"\d+ days?|\d+ (January|February|March|April|May|June|July|August|September|October|November|"
    r"December)( \d{4})?|\d{4} Q\d|p [<=] \.\d+|95 %|of 10\b|\d+ % of those who can be judged|\d+ sources?"
)


class Sentences(HTMLParser):
    """Attributes of each cited figure, and tiles, findings and ledes with figures taken out."""

    def __init__(self) -> None:
        super().__init__()
        self.cited: list[dict[str, str]] = []
        self.said: list[str] = []
        self._inside: list[bool] = []
        self._in_figure = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "data":
            self._in_figure = True
            self.cited.append(values)
        elif tag in ("p", "li", "dd"):
            told = tag == "li" or values.get("class") in ("lede", "beside", "big")
            self._inside.append(told)
            if told:
                self.said.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "data":
            self._in_figure = False
        elif tag in ("p", "li", "dd"):
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] and not self._in_figure:
            self.said[-1] += data.replace("\xa0", " ")


@pytest.fixture(scope="module")
def page(demo_night: Path) -> Sentences:
    release = Published(demo_night).current()
    assert release is not None
    found = Sentences()
    found.feed((release.folder / "report.html").read_text(encoding="utf-8"))
    return found


def test_each_cited_figure_is_its_row(demo_night: Path, page: Sentences) -> None:
    release = Published(demo_night).current()
    assert release is not None
    with duckdb.connect(str(release.folder / "customer_intel.duckdb"), read_only=True) as con:
        con.execute(f"SET file_search_path = '{release.folder}'")
        rows = {
            (metric, str(day), dimension, member): dict(zip(("value", "n", "low"), rest, strict=True))
            for metric, day, dimension, member, *rest in con.sql(
                "SELECT metric, day, dimension, member, value, n, low FROM metric_daily"
            ).fetchall()
        }  # fmt: skip

    def of(metric: str, day: str, dimension: str, members: str, part: str) -> float:
        return sum(rows[metric, day, dimension, name][part] for name in members.split(" + "))

    metrics = [item for item in page.cited if "data-metric" in item]
    assert len(metrics) > 100 and len({item["data-metric"] for item in metrics}) > 40
    for item in metrics:
        place = item.get("data-dimension", "all"), item.get("data-member", "all")
        value = of(item["data-metric"], item["data-day"], *place, item.get("data-part", "value"))
        if "data-against" in item:
            base = of(*item["data-against"].split("|"), "value")  # type: ignore[call-arg]
            how = item["data-how"]
            value = value - base if how == "difference" else value / base - (how == "change")
        assert float(item["value"]) == pytest.approx(value, abs=1e-12), item


def test_no_sentence_has_a_figure_of_its_own(page: Sentences) -> None:
    assert len(page.said) > 25
    for said in page.said:
        left = re.sub(r"[a-z]+(_[a-z0-9]+)+", "", _MAY_STAND.sub("", said))
        assert not re.search(r"\d", left), said


def test_two_values_are_compared_as_told() -> None:
    now, before = (
        Value(date(2026, 6, 30), n, 4, None, None, True, "orders", "channel", who)
        for n, who in ((30.0, "web"), (20.0, "app"))
    )
    assert 'value="10.0"' in cited("10", now, against=before, how="difference")
    assert 'value="0.5"' in cited("50 %", now, against=before, how="change")
    assert 'value="1.5"' in cited("150 %", now, against=before, how="ratio")
    assert 'data-against="orders|2026-06-30|channel|app"' in cited(
        "", now, against=before, how="ratio"
    )
    assert (added([now, before]).value, added([now, before]).member) == (50.0, "web + app")
    with pytest.raises(ValueError, match="not 'times'"):
        cited("", now, against=before, how="times")
