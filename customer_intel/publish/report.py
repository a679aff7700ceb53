"""The night's report: one self-contained page that opens from disk. Same tables, same bytes.

Belongs here: the frame of the page and its order. Not here: what a room says of itself
(<room>/report.py), which findings are told (findings.py).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import Html, day, join, quiet, tag
from customer_intel.core.report.section import Headline, RoomReport, room_reports
from customer_intel.core.report.style import CSS
from customer_intel.core.store.lake import Lake, Version
from customer_intel.core.store.release import Published
from customer_intel.core.tables.parameters import company_config
from customer_intel.publish import findings
from customer_intel.publish.money import with_money

TITLE = "Customer report"
# Names of events, files and segments come from the sources; an address that slipped into one is not
# shown.
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
# What every page needs, before and after the rooms' own terms.
_OPENING = {
    "as_of": (
        "The night's date. Everything in this report is as known before that day began, in UTC."
    ),
    "Customer": (
        "One person, however many records the sources hold of them. Known here by an id only."
    ),
    "Interval (95 %)": (
        "The range in which the true value most likely lies; a small sample makes it wide."
    ),
    "p": (
        "How often chance alone would show a difference as large. Where several are compared, p "
        "is corrected (Holm)."
    ),
}
_CLOSING = {
    "Quarantine": (
        "Rows that could not be taken, kept with the reason so that their owner can mend them."
    ),
    "Gate": (
        "The checks a table must pass before anybody sees it. A warning lets it through and "
        "is told."
    ),
}


def render(lake: Lake, versions: Mapping[str, Version], as_of: date, snapshot_id: str) -> str:
    """The report as HTML. Tables that are empty for a reason leave one line that says so."""
    tables = _with_unpublished(lake, versions, snapshot_id)
    evidence = Evidence.of_night(lake, tables, as_of, snapshot_id)
    return page(with_money(evidence), room_reports())


def preview(home: Path) -> str:
    """The current release's report by the code as it stands; of gates, the published tables' only.

    Raises ConfigError when nothing is published.
    """
    release = Published(home).current()
    if release is None:
        raise ConfigError(f"nothing is published in {home}; run a night first (customer-intel run)")
    return page(with_money(Evidence.of_release(release, home)), room_reports())


def _with_unpublished(
    lake: Lake, versions: Mapping[str, Version], snapshot_id: str
) -> dict[str, Version]:
    """The night's other accepted tables too: their gates belong on the quality page."""
    found = dict(versions)
    for pointer in sorted(lake.root.glob("*/CURRENT.json")):
        name = pointer.parent.name
        version = lake.current(name) if name not in found else None
        if version and version.snapshot_id == snapshot_id:
            found[name] = version
    return found


def page(evidence: Evidence, rooms: Sequence[RoomReport]) -> str:
    """The rooms' sections under what stands out, and the terms they use."""
    sections = [section for room in rooms for section in room.sections]
    links = [*((item.key, item.title) for item in sections), ("reading", "How to read this")]
    body = join((
        _head(evidence, rooms, links),
        *(
            tag("section", tag("h2", item.title), item.make(evidence), id=item.key)
            for item in sections
        ),
        _reading(evidence, rooms),
    ))  # fmt: skip
    head = join((
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{TITLE}, {day(evidence.as_of)}"),
        tag("style", Html(CSS)),
    ))  # fmt: skip
    document = tag("html", tag("head", head), tag("body", tag("main", body)), lang="en")
    return "<!doctype html>\n" + _EMAIL.sub("(address)", document) + "\n"


def _head(
    evidence: Evidence, rooms: Sequence[RoomReport], links: Sequence[tuple[str, str]]
) -> Html:
    told = [
        tag(
            "li",
            item.sentence,
            " ",
            tag("span", item.metric or item.evidence_table, class_="from"),
            data_metric=item.metric or None,
        )
        for item in findings.best(evidence, rooms)
    ]
    tiles = [_headline(item) for room in rooms for ask in room.headlines for item in ask(evidence)]
    known = f"As known before {day(evidence.as_of)} ({company_config(evidence.home)['time_zone']})"
    return join((
        tag("header", tag("h1", TITLE), tag("p", known, class_="sub")),
        tag("dl", *tiles, class_="kpis"),
        tag(
            "div",
            tag("h2", "What stands out"),
            tag("ol", *told) if told else quiet("Nothing tonight that the data is sure of."),
            class_="findings",
        ),
        tag("nav", *(tag("a", title, href=f"#{key}") for key, title in links)),
    ))  # fmt: skip


def _headline(item: Headline) -> Html:
    unit = tag("small", item.unit) if item.unit else None
    return tag(
        "div",
        tag("dt", item.label),
        tag("dd", item.value, unit, class_="big"),
        *(tag("dd", line, class_="beside") for line in item.beside if line),
        data_metric=item.metric or None,
    )


def _reading(evidence: Evidence, rooms: Sequence[RoomReport]) -> Html:
    terms = [
        join((tag("dt", term), tag("dd", meaning)))
        for glossary in (_OPENING, *(room.glossary for room in rooms), _CLOSING)
        for term, meaning in glossary.items()
    ]
    where = tag(
        "p",
        "The tables behind every number are Parquet files in this folder. ",
        tag("a", "dictionary.md", href="dictionary.md"),
        " says what each column means, ",
        tag("a", "manifest.json", href="manifest.json"),
        " lists files, sizes, hashes and gate results, ",
        tag("a", "semantic_model.yaml", href="semantic_model.yaml"),
        " tells BI tools of tables, joins and metrics, and ",
        tag("span", "customer_intel.duckdb", class_="id"),
        " holds a view of each table.",
    )
    release = tag("p", "Release ", tag("span", evidence.snapshot_id, class_="id"), class_="note")
    glossary = tag("dl", *terms, class_="glossary")
    return tag("section", tag("h2", "How to read this"), glossary, where, release, id="reading")


if __name__ == "__main__":
    # python -m customer_intel.publish.report data > report.html: a look at a section being written.
    sys.stdout.write(preview(Path(sys.argv[1]).resolve()))
