"""A night's id follows what it depends on: a comment changes nothing, a value, an export or a date
does.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from customer_intel.core.night import snapshot
from customer_intel.core.night.snapshot import snapshot_id
from customer_intel.core.store.lake import Lake
from customer_intel_tests.house import House

NIGHT = date(2026, 6, 30)


def _id(house: House, landed: dict[str, str] | None = None, as_of: date = NIGHT) -> str:
    return snapshot_id(
        Lake(house.home), house.contract, landed or {"shop/x.csv": "abc"}, house.home, as_of
    )


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("a: 1\nb: 2\n", "# why a is one\na: 1\n\n  # and b\nb: 2\n", True),
        ("a: 1\n", "a: 2\n", False),
        ("a: 1\n", "a: 1\nb: 1\n", False),
        ("a: '# one'\n", "a: '# two'\n", False),
    ],
)
def test_a_comment_in_a_setting_is_no_other_night(
    house: House, before: str, after: str, same: bool
) -> None:
    config = house.home / "config" / "facts.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(before, encoding="utf-8")
    first = _id(house)
    config.write_text(after, encoding="utf-8")
    assert (_id(house) == first) is same


@pytest.mark.parametrize(
    ("after", "same"), [("# the shop's\nsource: shop\n", True), ("source: shops\n", False)]
)
def test_a_comment_in_a_vendors_mapping_is_no_other_code(
    after: str, same: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = tmp_path / "ingest" / "vendors" / "shop" / "shop_orders.yaml"
    mapping.parent.mkdir(parents=True)
    mapping.write_text("source: shop\n", encoding="utf-8")
    monkeypatch.setattr(snapshot, "PACKAGE", tmp_path)
    first = snapshot.code_sha256.__wrapped__()
    mapping.write_text(after, encoding="utf-8")
    assert (snapshot.code_sha256.__wrapped__() == first) is same


def test_another_date_or_export_is_another_night(house: House) -> None:
    ids = {_id(house), _id(house, {"shop/x.csv": "abd"}), _id(house, as_of=date(2026, 7, 1))}
    assert len(ids) == 3
