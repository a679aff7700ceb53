"""The report's section on who is who: what it counts, and that its figures are cited."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from customer_intel.identity.report import who_is_who
from customer_intel.testing import TableLab

NIGHT = date(2026, 7, 1)
FIGURES = {
    "customer_records": 12, "customers": 8, "customers_in_review": 3, "orders_in_review": 41,
    "doubts_between_customers": 1, "doubts_within_customers": 2, "links_by_decision": 0, "pairs_kept_apart": 0,
}  # fmt: skip


def page(tmp_path: Path, doubts: list[dict[str, Any]], **figures: int) -> str:
    lab = TableLab(NIGHT)
    lab.put("customer_profile", [{"customer_id": "c_1"}])
    lab.put(
        "metric_daily",
        [
            {"metric": name, "day": date(2026, 6, 30), "dimension": "all", "member": "all", "value": float(value)}
            for name, value in {**FIGURES, **figures}.items()
        ],
        complete=True,
    )  # fmt: skip
    if doubts:
        lab.put("match_review", doubts)
    return str(who_is_who(lab.evidence(tmp_path)))


def doubt(kind: str, reason: str, n_orders: int) -> dict[str, Any]:
    return {"review_kind": kind, "reason": reason, "n_orders": n_orders}


def test_records_customers_and_doubts_are_told_and_cited(tmp_path: Path) -> None:
    told = page(
        tmp_path,
        [
            doubt("not_merged", "last_name", 3),
            doubt("merged", "likeness_only", 20),
            doubt("merged", "likeness_only", 18),
        ],
    )
    assert "1 pair of customers" in told and "2 links within a customer" in told
    for name in ("customer_records", "customers_in_review", "orders_in_review"):
        assert f'data-metric="{name}"' in told
    assert 'data-how="ratio"' in told and ">1.50<" in told
    assert told.index("Alike in name") < told.index("Their last names differ")
    assert "People decided" not in told


def test_what_decisions_did_is_told(tmp_path: Path) -> None:
    told = page(tmp_path, [], links_by_decision=2, pairs_kept_apart=1)
    assert "People decided: " in told and "2 links" in told and "1 pair<" in told


def test_a_home_without_doubts_says_so(tmp_path: Path) -> None:
    told = page(tmp_path, [], customers_in_review=0)
    assert "None</data> of them is in doubt." in told and "may be one" not in told


def test_without_profiles_it_says_why(tmp_path: Path) -> None:
    assert "Not available" in str(who_is_who(TableLab(NIGHT).evidence(tmp_path)))
