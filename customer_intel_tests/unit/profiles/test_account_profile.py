"""Accounts, and what the profile takes from an account or from orders where no record says it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from customer_intel.testing import TableLab
from customer_intel_tests.unit.facts_rows import chain
from customer_intel_tests.unit.profile_rows import AS_OF, ago, golden, known, party


def person(customer: str, account: str | None, **columns: Any) -> dict[str, Any]:
    zero = ("orders_total", "orders_365d", "tickets_total", "tickets_90d", "tickets_open", "seats",
            "subscriptions_active", "active_days_28d", "active_days_90d", "core_actions_28d")  # fmt: skip
    counts = dict.fromkeys(zero, 0)
    money = {name: Decimal(0) for name in ("mrr", "revenue_total", "revenue_365d")}
    return {
        "customer_id": customer,
        "account_key": account,
        "lifecycle_stage": "prospect",
        "is_profiling_denied": False,
        "born_as_of": AS_OF,
        **counts,
        **money,
        **columns,
    }


def accounts(*people: dict[str, Any]) -> TableLab:
    lab = TableLab(AS_OF, unchecked=("customer_profile",))
    keys = sorted({p["account_key"] for p in people if p["account_key"]})
    lab.put("account", [{"account_key": key, "account_name": key.upper()} for key in keys])
    lab.put("account_map", [{"account_ref": f"crm:{key}", "account_key": key} for key in keys])
    lab.put("customer_profile", list(people))
    return lab


def test_an_account_is_the_sum_of_its_people() -> None:
    lab = accounts(
        person("1", "a", lifecycle_stage="lapsed", orders_total=2, revenue_total=Decimal("10.50"),
               department="Sales", last_nps_score=10.0, mrr=Decimal(5), plan_name="basic", seats=1),
        person("2", "a", lifecycle_stage="active", active_days_28d=3, department="sales",
               last_nps_score=3.0, mrr=Decimal(20), plan_name="pro", seats=4, subscriptions_active=1),
        person("3", "a", department="IT", seniority="Director", last_nps_score=9.0),
        person("4", "b", lifecycle_stage="not_profiled", is_profiling_denied=True, mrr=None),
        person("5", None, orders_total=7),
    )  # fmt: skip
    found = {row["account_key"]: row for row in lab.run("account_profile").rows(named=True)}
    assert set(found) == {"a", "b"}
    a = found["a"]
    assert (a["account_name"], a["n_customers"], a["active_people_28d"]) == ("A", 3, 1)
    assert (a["orders_total"], a["revenue_total"]) == (2, Decimal("10.50"))
    assert (a["mrr"], a["plan_name"], a["seats"]) == (Decimal(25), "pro", 5)
    assert (a["contact_departments"], a["contact_seniorities"]) == ("sales 2|it 1", "director 1")
    # Two promoters and a detractor of three; the stage of who stands nearest to paying.
    assert (a["nps_answers"], a["account_nps"], a["lifecycle_stage"]) == (3, 33.3, "active")
    # A price without a rate makes the sum unknown; of who may not be profiled no stage is told.
    assert (found["b"]["mrr"], found["b"]["lifecycle_stage"]) == (None, "not_profiled")


def test_the_profile_is_filled_from_the_account_and_from_orders() -> None:
    made = known("a", "b")
    made.put(
        "party_record",
        [
            party("crm:a", ago(1), account_id="9", interests="music"),
            party("crm:b", ago(1), email_norm="b@x.example"),
        ],
    )
    made.put("accounts", [{"source_system": "crm", "account_id": "9", "account_name": "Nine"}])
    made.put(
        "customer_account",
        [
            {"customer_id": c, "account_key": "a_1", "account_basis": basis, "is_primary": True}
            for c, basis in (("a", "crm"), ("b", "domain"))
        ],
    )
    made.put("account_map", [{"account_ref": "crm:9", "account_key": "a_1"}])
    made.put("account", [{"account_key": "a_1", "account_name": "Nine", "industry": "Energy"}])
    observed = {"interests_observed": "tea", "interests_evidence": "tea on 2 of 3"}
    made.put("customer_psychographic", [{"customer_id": c, **observed} for c in "ab"])
    weak = {"customer_id": "a", "record_key_a": "crm:a", "record_key_b": "shop:1", "weight": 4.5}
    made.put("match_explanation", [{**weak, "is_weakest": True}])
    visit = {"first_visit_at": ago(9), "first_source": "paid", "first_device": "mobile"}
    made.put("customer_first_visit", [{**visit, "customer_id": "b"}])
    golden(made)
    made.run("customer")
    rows = {row["customer_id"]: row for row in chain(made, "customer_profile").rows(named=True)}
    a, b = rows["a"], rows["b"]
    assert (a["interests"], a["interests_basis"]) == ("music", "stated")
    assert (b["interests"], b["interests_basis"]) == ("tea", "observed")
    assert (b["account_id"], b["account_name"], b["industry"]) == ("9", "Nine", "Energy")
    assert (a["account_basis"], b["account_basis"]) == ("crm", "domain")
    assert (a["weakest_link_weight"], b["weakest_link_weight"]) == (4.5, None)
    assert 0 < a["profile_trust"] < 1
    assert (a["first_source"], b["first_source"], b["first_device"]) == (None, "paid", "mobile")
