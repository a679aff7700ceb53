"""The report: whole, escaped, deterministic, alone; and findings that say only what the data
carries.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.report import markup
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.store.lake import Lake, Version
from customer_intel.core.store.release import Published
from customer_intel.publish import findings, report
from customer_intel_tests.unit import report_lake
from customer_intel_tests.unit.report_lake import AS_OF, HOSTILE, SNAPSHOT, accept

VOID = {"meta", "br", "path", "rect", "line", "circle", "polyline"}


class Outline(HTMLParser):
    """Collects tags and attributes, and fails on unbalanced ones."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes <{self.open[-1:]}>"
        self.open.pop()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Mapping[str, Version]]:
    return report_lake.lake_in(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def page(night: tuple[Lake, Mapping[str, Version]]) -> str:
    return report.render(*night, AS_OF, SNAPSHOT)


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    assert not parser.open
    return parser


def test_all_sections_are_there_and_the_markup_is_whole(page: str) -> None:
    outline(page)
    for title in (
        "What came in",
        "Customers",
        "Segments",
        "Churn",
        "Feedback",
        "Journeys",
        "How to read this",
    ):
        assert f"<h2>{title}</h2>" in page
    assert "The model holds." in page and "The model is not used." in page
    assert (
        "12,000 read = 11,820 taken + 60 in quarantine + 120 repeated + 0 not wanted by the mapping"
        in markup.unmarked(markup.Html(page))
    )
    assert len(page.encode()) < 1_500_000


def test_text_from_data_is_escaped(page: str) -> None:
    assert "<script" not in page
    assert markup.join([HOSTILE]) in page
    assert "script" not in outline(page).tags


def test_no_external_reference_and_no_script(page: str) -> None:
    parsed = outline(page)
    assert not parsed.tags & {"script", "link", "img", "iframe", "object", "image", "use"}
    links = [value for name, value in parsed.attributes if name in ("href", "src", "xlink:href")]
    assert {link for link in links if not str(link).startswith("#")} == {
        "dictionary.md",
        "semantic_model.yaml",
        "manifest.json",
    }
    assert not re.search(r"https?:|url\(|@import|javascript:", page)
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]


def test_no_personal_value(page: str) -> None:
    assert "@secret.example" not in page and "Zanzibar" not in page and "+1555" not in page


def test_an_address_in_a_name_is_masked(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    row = {"source_system": "crm", "export_date": AS_OF, "source_file": "crm/jo.doe@mail.example.csv", "mapping": "m",
           "status": "refused", "reason": "no header"}  # fmt: skip
    page = report.render(lake, {"export_file": accept(lake, "export_file", [row])}, AS_OF, SNAPSHOT)
    assert "mail.example" not in page and "(address)" in page and "no header" in page


def test_same_tables_same_bytes(night: tuple[Lake, Mapping[str, Version]], page: str) -> None:
    lake, versions = night
    again = report.render(lake, dict(reversed(list(versions.items()))), AS_OF, SNAPSHOT)
    assert again == page


def test_empty_tables_leave_one_line_with_the_reason(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    names = ("customer_profile", "activity_daily", "mrr_movement", "segment_summary", "churn_predictions",
             "model_evaluation", "nps_summary", "journey_flow", "journey_paths", "journey_transitions",
             "export_file")  # fmt: skip
    reasons = {"nps_summary": "needs survey_responses"}
    versions = {name: accept(lake, name, [], reasons.get(name, "")) for name in names}
    page = report.render(lake, versions, AS_OF, SNAPSHOT)
    outline(page)
    assert "Not available: needs survey_responses." in page
    assert "Nothing tonight that the data is sure of." in page
    assert page.count('class="quiet"') >= 7


def test_nothing_published_still_renders(tmp_path: Path) -> None:
    outline(report.render(Lake(tmp_path), {}, AS_OF, SNAPSHOT))


def test_unpublished_tables_of_the_night_are_on_the_quality_page(
    night: tuple[Lake, Mapping[str, Version]],
) -> None:
    lake, versions = night
    page = report.render(
        lake, {name: v for name, v in versions.items() if name != "rfm"}, AS_OF, SNAPSHOT
    )
    assert "<td>rfm</td>" in page


def test_findings_tell_what_was_put_in(night: tuple[Lake, Mapping[str, Version]]) -> None:
    found = findings.top(night[0], n=20)
    texts = " ".join(item.text for item in found)
    assert "a late delivery in the last year" in texts and "failed payment" not in texts
    assert "‘At risk’ and ‘Can’t lose them’" in texts
    assert [item.value for item in found] == sorted((item.value for item in found), reverse=True)
    assert {item.evidence_table for item in found} <= set(night[1])
    assert len(findings.top(night[0])) == 3


def test_refused_files_come_first(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    versions = report_lake.company(lake, customers=60)
    row = {"source_system": "crm", "export_date": AS_OF, "source_file": "crm/x.csv", "mapping": "m",
           "status": "refused", "reason": "gzip ends early"}  # fmt: skip
    versions = report_lake.with_metrics(
        lake, versions | {"export_file": accept(lake, "export_file", [row])}
    )
    evidence = Evidence.of_night(lake, versions, AS_OF, SNAPSHOT)
    assert findings.top(evidence)[0].text.startswith("1 of tonight's 1 files could not be taken")
    assert "gzip ends early" in report.render(lake, versions, AS_OF, SNAPSHOT)


def test_the_screenful_fits_a_screen(
    night: tuple[Lake, Mapping[str, Version]], tmp_path: Path
) -> None:
    lake, versions = night
    manifest = {"snapshot_id": SNAPSHOT, "as_of": AS_OF.isoformat(), "run_id": "r"}
    Published(lake.home).publish(lake, versions, manifest, {"report.html": b"x"}, {}, 2)
    out = io.StringIO()
    findings.print_screenful(lake.home, Console(file=out, width=100))
    said = out.getvalue()
    assert "12,000 rows" in said and "report.html" in said and len(said.splitlines()) <= 24
    for finding in findings.top(lake):
        assert finding.text.split()[0] in said


def test_a_section_being_written_is_seen_without_a_night(
    night: tuple[Lake, Mapping[str, Version]], page: str
) -> None:
    lake, versions = night
    manifest = {"snapshot_id": SNAPSHOT, "as_of": AS_OF.isoformat(), "run_id": "r"}
    Published(lake.home).publish(lake, versions, manifest, {"report.html": b"x"}, {}, 2)
    assert report.preview(lake.home) == page


def test_a_preview_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run a night first"):
        report.preview(tmp_path)


def test_the_screenful_of_an_empty_home_says_what_to_do(tmp_path: Path) -> None:
    out = io.StringIO()
    findings.print_screenful(tmp_path, Console(file=out))
    assert "run a night first" in out.getvalue()


def test_warned_gates_are_told(night: tuple[Lake, Mapping[str, Version]]) -> None:
    lake, versions = night
    closed = {**report_lake.WARNING, "message": HOSTILE}
    told = {
        **versions,
        "rfm": replace(versions["rfm"], certificate={"passed": True, "findings": [closed]}),
    }
    page = report.render(lake, told, AS_OF, SNAPSHOT)
    assert markup.join([HOSTILE]) in page and "<script" not in page
