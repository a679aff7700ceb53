"""Pages of docs/ that show a whole report.py: its code is loaded as a room's, and its test is run."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from customer_intel.core.contract.model import PACKAGE
from customer_intel.core.report.section import room_reports
from customer_intel.core.tables.definition import module_of
from customer_intel.publish import report
from customer_intel.testing import TableLab
from customer_intel_tests.house import House

DOCS = PACKAGE.parent / "docs"


def followed(page: str, house: House, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The page's report.py becomes the room `activity` of a house; what its test's module holds."""
    if not DOCS.exists():
        pytest.skip("installed without its repository")
    text = (DOCS / page).read_text(encoding="utf-8")
    code, test = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert code.startswith("# customer_intel/activity/report.py\n")
    (house.package / "activity").mkdir()
    house.write("activity/tables.yaml", "{}\n")
    house.write("activity/report.py", code)
    made = module_of(house.package / "activity" / "report.py")
    monkeypatch.setitem(sys.modules, "customer_intel.activity.report", made)
    held: dict[str, Any] = {}
    exec(compile(test, page, "exec"), held)
    return held


def test_the_section_that_is_shown_is_on_the_page(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held = followed("add-a-section.md", house, monkeypatch)
    held["test_ways_are_told_with_what_came_of_them"](tmp_path)
    lab = TableLab(date(2026, 7, 1))
    lab.put("session", [{"channel": "web", "is_converted": True}], day=date(2026, 6, 30))
    page = report.page(lab.evidence(tmp_path), room_reports(house.package))
    assert '<a href="#visits">Visits</a>' in page
    assert "Visits, last 28 days" in page and "<dt>Visit</dt>" in page


def test_the_finding_that_is_shown_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held = followed("add-a-finding.md", house, monkeypatch)
    (test,) = [value for name, value in held.items() if name.startswith("test_")]
    ((_, cases),) = [mark.args for mark in test.pytestmark]
    for won, told in cases:
        test(tmp_path, won, told)
    assert len(cases) == 2
