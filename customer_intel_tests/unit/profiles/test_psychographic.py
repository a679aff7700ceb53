"""Price sensitivity, type of adopter, interests and pains: said only where the evidence carries it."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from customer_intel.core.statistics import wilson
from customer_intel.testing import TableLab

AS_OF = date(2026, 7, 1)
MONTH = date(2026, 5, 1)


def orders(who: str, n: int, discounted: int, since: date = MONTH) -> list[dict[str, Any]]:
    return [
        {
            "order_key": f"{who}:{since}:{k}",
            "customer_id": who,
            "is_counted": True,
            "order_day": since + timedelta(days=k % 28),
            "discount_amount": Decimal(1 if k < discounted else 0),
        }
        for k in range(n)
    ]


def test_price_sensitivity_is_said_against_what_was_on_offer() -> None:
    lab = TableLab(AS_OF)
    rest = [row for k in range(20) for row in orders(f"r{k}", 10, 3)]
    bought = [*orders("hunter", 12, 11), *orders("payer", 30, 0), *orders("few", 4, 4), *rest]
    # In June everything was discounted: who bought then is not known to wait for it.
    bought += orders("june", 12, 12, date(2026, 6, 1))
    lab.put("order_fact", bought)
    found = {row["customer_id"]: row for row in lab.run("customer_psychographic").rows(named=True)}
    said = {who: found[who]["price_sensitivity"] for who in ("hunter", "payer", "r1", "june")}
    assert said == {"hunter": "high", "payer": "low", "r1": "unsure", "june": "unsure"}
    assert "few" not in found
    assert found["hunter"]["price_sensitivity_basis"] == "inferred"
    all_in_may = (20 * 3 + 11 + 4) / (20 * 10 + 12 + 30 + 4)
    assert found["hunter"]["price_sensitivity_evidence"] == (
        f"11 of 12 orders with a discount, where {12 * all_in_may:.1f} would be usual in those months"
    )
    lab.put("unprofiled_customer", [{"customer_id": "hunter", "reason": "denied"}])
    assert "hunter" not in set(lab.run("customer_psychographic")["customer_id"])


def test_customers_alike_are_seldom_told_apart_by_price() -> None:
    """Of 400 customers who take discounts by chance alone, 1 % would be told so; 3 % may be."""
    chance, lab = random.Random(5), TableLab(AS_OF)
    rows = []
    for who in range(400):
        n = chance.randint(5, 40)
        rows += orders(f"c{who}", n, sum(chance.random() < 0.3 for _ in range(n)))
    lab.put("order_fact", rows)
    found = lab.run("customer_psychographic")
    assert len(found) == 400
    assert found.filter(pl.col("price_sensitivity") != "unsure").height <= 12
    # The interval is Wilson's at 99 %: wider than the 95 % one of core.
    assert wilson(3, 10)[0] > 0.08


def use(who: str, act: str, day: date) -> dict[str, Any]:
    return {"customer_id": who, "act": act, "day": day, "n": 1}


def test_who_takes_new_features_before_the_others() -> None:
    lab, start = TableLab(AS_OF), date(2026, 1, 1)
    lab.put("source_start", [{"source_system": "app", "entity": "events", "first_day": start}])
    people = [f"p{k:02}" for k in range(40)]
    features = {f"f{k}": start + timedelta(days=40 + 20 * k) for k in range(5)}
    defined = {"kind": "feature", "position": 1}
    lab.put(
        "behaviour_definition",
        [{**defined, "name": name, "acts": f"|feature_used:{name}|"} for name in features],
    )
    # p00 first, p01 next …; p38 and p39 never. The newcomer arrives with the last feature.
    rows = [
        use(who, f"feature_used:{name}", day + timedelta(days=place))
        for name, day in features.items()
        for place, who in enumerate(people[:38])
    ]
    rows.append(use("newcomer", "feature_used:f4", features["f4"] + timedelta(days=2)))
    # Older than what the source tells: nobody knows when it appeared.
    rows += [use(who, "feature_used:old", start + timedelta(days=3)) for who in people]
    lab.put("act_daily", rows)
    begun = [{"customer_id": who, "first_active_at": start} for who in people]
    begun.append({"customer_id": "newcomer", "first_active_at": features["f4"]})
    lab.put(
        "customer_engagement",
        pl.DataFrame(begun).with_columns(pl.col("first_active_at").cast(pl.Datetime("us"))),
    )
    found = {row["customer_id"]: row for row in lab.run("customer_psychographic").rows(named=True)}
    assert set(found) == set(people)
    types = {who: row["adopter_type"] for who, row in found.items()}
    assert (types["p00"], types["p20"], types["p39"]) == ("early", "unsure", "late")
    assert found["p39"]["adopter_type_evidence"].startswith("took 0 of 5 new products and features")
    # Mid-ranks: the first of 40 stands at half a place, the two who never came at 39 of 40.
    assert "after 1 of 100" in found["p00"]["adopter_type_evidence"]
    assert "after 98 of 100" in found["p39"]["adopter_type_evidence"]


def test_who_comes_often_is_not_for_that_an_early_adopter() -> None:
    """400 customers of whom half come five times as often, and so meet what is new five times as
    soon; none is otherwise early or late. At 99 % four would be told so.
    """
    random, lab, start = np.random.default_rng(6), TableLab(AS_OF), date(2026, 1, 1)
    lab.put("source_start", [{"source_system": "app", "entity": "events", "first_day": start}])
    features = {f"f{k}": start + timedelta(days=40 + 5 * k) for k in range(12)}
    defined = {"kind": "feature", "position": 1}
    lab.put(
        "behaviour_definition",
        [{**defined, "name": name, "acts": f"|feature_used:{name}|"} for name in features],
    )
    people = [f"p{k:03}" for k in range(400)]
    often = {who: k < 200 for k, who in enumerate(people)}
    rows = []
    for name, day in features.items():
        for who in people:
            waits = random.exponential(10 if often[who] else 50)
            if waits < 80:
                rows.append(use(who, f"feature_used:{name}", day + timedelta(days=int(waits))))
        # Somebody has it on its first day.
        rows.append(use("first", f"feature_used:{name}", day))
    lab.put("act_daily", rows)
    begun = pl.DataFrame([{"customer_id": who, "first_active_at": start} for who in people])
    lab.put(
        "customer_engagement", begun.with_columns(pl.col("first_active_at").cast(pl.Datetime("us")))
    )
    days = [start + timedelta(days=k) for k in range(100)]
    lab.put(
        "customer_day",
        [
            {"customer_id": who, "day": day, "is_active": True}
            for who in people
            for day in (days if often[who] else days[::5])
        ],
    )
    found = lab.run("customer_psychographic")
    told = found.filter(pl.col("adopter_type") != "unsure")
    assert len(found) == 400 and told.height <= 12, told["adopter_type"].value_counts()


def line(who: str, category: str, day: int) -> dict[str, Any]:
    return {
        "order_line_key": f"{who}{category}{day}",
        "customer_id": who,
        "category": category,
        "is_counted": True,
        "order_day": MONTH + timedelta(days=day),
        "line_reporting": Decimal(5),
    }


def test_interests_are_what_was_bought_again_and_pains_what_was_told() -> None:
    lab = TableLab(AS_OF)
    lab.put("order_fact", [*orders("a", 3, 0), *orders("b", 1, 0)])
    lines = [line("a", "tea", 0), line("a", "tea", 1), line("a", "cups", 0), line("b", "tea", 0)]
    lab.put("order_line_fact", lines)
    tickets = [("a", "billing"), ("a", "billing"), ("a", "login"), ("b", "login")]
    lab.put("ticket_fact", [{"customer_id": who, "product_area": what} for who, what in tickets])
    # What every help desk calls its tickets says nothing of what they are about.
    lab.put("ticket_fact", [{"customer_id": "d", "type": "question"}] * 3)
    answer = {"survey_type": "nps", "reason_code": "price"}
    lab.put(
        "survey_answer_fact",
        [
            {**answer, "customer_id": "b", "score": 3.0},
            {**answer, "customer_id": "c", "score": 9.0},
        ],
    )
    found = {row["customer_id"]: row for row in lab.run("customer_psychographic").rows(named=True)}
    assert set(found) == {"a", "b"}
    a, b = found["a"], found["b"]
    assert (a["interests_observed"], a["pains"], a["pains_basis"]) == ("tea", "billing", "observed")
    assert a["interests_evidence"] == "tea on 2 of 3 days with an order"
    assert (b["interests_observed"], b["pains"], b["pains_basis"]) == (None, "price", "stated")
    assert b["pains_evidence"] == "price: 1 answers, 0 tickets"
