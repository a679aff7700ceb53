"""Retention of recurring revenue, its cohorts and changes of plan, against hands and an oracle."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from customer_intel.core.statistics import wilson
from customer_intel.testing import TableLab

AS_OF = date(2026, 4, 1)
Stretch = tuple[str, str, str, date, date | None, str]


def lab_of(stretches: list[Stretch], **tables: list[dict[str, Any]]) -> TableLab:
    """customer, currency, plan, from, to, monthly amount."""
    lab = TableLab(AS_OF)
    lab.put(
        "subscription_fact",
        [
            {
                "subscription_key": f"bill:{at}",
                "customer_id": who,
                "currency": currency,
                "plan_name": plan,
                "valid_from": since,
                "valid_to": until,
                "mrr": Decimal(amount),
            }
            for at, (who, currency, plan, since, until, amount) in enumerate(stretches)
        ],
    )
    days = (AS_OF - date(2025, 1, 1)).days
    calendar = [date(2025, 1, 1) + timedelta(days=k) for k in range(days + 1)]
    lab.put("date", [{"day": day, "month_start": day.replace(day=1)} for day in calendar])
    for name, rows in tables.items():
        lab.put(name, rows)
    lab.run("mrr_movement")
    lab.run("paying_stretch")
    return lab


# March 2026: a 100 stays, b 100 → 150, c 80 → 60 on another plan, d 40 leaves, e comes with 30, f had left and
# comes back with 20; g pays in euros.
MARCH: list[Stretch] = [
    ("a", "USD", "basic", date(2026, 1, 5), None, "100"),
    ("b", "USD", "basic", date(2026, 1, 5), date(2026, 3, 10), "100"),
    ("b", "USD", "pro", date(2026, 3, 10), None, "150"),
    ("c", "USD", "pro", date(2026, 2, 1), date(2026, 3, 15), "80"),
    ("c", "USD", "basic", date(2026, 3, 15), None, "60"),
    ("d", "USD", "pro", date(2026, 2, 3), date(2026, 3, 20), "40"),
    ("e", "USD", "pro", date(2026, 3, 2), None, "30"),
    ("f", "USD", "basic", date(2026, 1, 9), date(2026, 2, 9), "25"),
    ("f", "USD", "pro", date(2026, 3, 9), None, "20"),
    ("g", "EUR", "basic", date(2026, 3, 1), None, "9.99"),
]


def test_a_month_by_hand_in_chartmoguls_terms() -> None:
    lab = lab_of(MARCH)
    rows = lab.run("revenue_retention")
    march = rows.filter(month_start=date(2026, 3, 1), currency="USD", breakdown="all")
    row = march.row(0, named=True)
    assert [row[name] for name in ("opening_mrr", "new_mrr", "expansion_mrr", "closing_mrr")] == [
        Decimal(n) for n in ("320", "30", "50", "360")
    ]
    lost = [row[name] for name in ("contraction_mrr", "churned_mrr", "reactivation_mrr")]
    assert lost == [Decimal("-20"), Decimal("-40"), Decimal("20")]
    assert row["net_retention"] == round(330 / 320, 6)
    assert row["gross_retention"] == round(260 / 320, 6)
    assert row["quick_ratio"] == round(100 / 60, 4)
    counts = ("opening", "new", "reactivated", "churned", "closing")
    assert [row[f"customers_{name}"] for name in counts] == [4, 1, 1, 1, 5]
    assert row["logo_churn"] == 0.25
    low, high = wilson(1, 4)
    assert (row["logo_churn_low"], row["logo_churn_high"]) == pytest.approx((low, high), abs=1e-6)
    # Four customers are too few for an interval of net retention; the month was over on 1 April.
    assert row["gross_retention_low"] < 260 / 320 < row["gross_retention_high"]
    assert row["net_retention_low"] is None and row["is_whole"]
    # Who opened the month on a plan is told by that plan, wherever he went.
    pro = rows.filter(month_start=date(2026, 3, 1), currency="USD", breakdown="plan", member="pro")
    assert pro["net_retention"].to_list() == [round(80 / 120, 6)]
    euros = rows.filter(month_start=date(2026, 3, 1), currency="EUR", breakdown="all")
    assert euros["new_mrr"].to_list() == [Decimal("9.99")]


def test_changes_of_plan_by_hand() -> None:
    lab = lab_of(MARCH)
    changes = lab.run("plan_change")
    columns = ("from_plan", "to_plan", "n", "n_up", "n_down", "mrr_difference")
    assert changes.select(columns).rows() == [
        ("basic", "pro", 1, 1, 0, Decimal("50.00")),
        ("pro", "basic", 1, 0, 1, Decimal("-20.00")),
    ]


def test_cohorts_by_hand() -> None:
    lab = lab_of(MARCH)
    lab.run("revenue_retention")
    rows = lab.run("mrr_cohort").filter(currency="USD", breakdown="all")
    january = rows.filter(cohort_month=date(2026, 1, 1)).sort("months_since")
    assert january["mrr"].to_list() == [Decimal("225"), Decimal("200"), Decimal("270")]
    assert january["customers_paying"].to_list() == [3, 2, 3]
    assert january["mrr_share"].to_list() == [1.0, round(200 / 225, 6), 1.2]
    assert january["customers_ever"].to_list() == [3, 3, 3]


def test_who_pays_twice_on_a_plan_is_on_the_one_that_brings_most() -> None:
    twice = [
        ("a", "USD", "small", date(2026, 1, 1), None, "10"),
        ("a", "USD", "large", date(2026, 2, 1), date(2026, 3, 1), "50"),
    ]
    rows = lab_of(twice).rows("paying_stretch").sort("valid_from")
    assert rows.select("valid_from", "valid_to", "plan", "mrr", "plan_before").rows() == [
        (date(2026, 1, 1), date(2026, 2, 1), "small", Decimal(10), None),
        (date(2026, 2, 1), date(2026, 3, 1), "large", Decimal(60), "small"),
        (date(2026, 3, 1), None, "small", Decimal(10), "large"),
    ]


def test_a_month_in_which_nobody_pays_is_there_and_says_so() -> None:
    pause = [
        ("a", "USD", "p", date(2025, 11, 5), date(2025, 12, 1), "10"),
        ("a", "USD", "p", date(2026, 2, 3), None, "10"),
    ]
    rows = lab_of(pause).run("revenue_retention").sort("month_start")
    told = rows.filter(breakdown="all").select("month_start", "closing_mrr", "net_retention")
    assert told.rows() == [
        (date(2025, 11, 1), Decimal(10), None),
        (date(2025, 12, 1), Decimal(0), 0.0),
        (date(2026, 1, 1), Decimal(0), None),
        (date(2026, 2, 1), Decimal(10), None),
        (date(2026, 3, 1), Decimal(10), 1.0),
    ]
    assert set(rows.filter(breakdown="plan")["member"]) == {"p"}


def random_stretches(chance: random.Random) -> list[Stretch]:
    made: list[Stretch] = []
    for who in range(60):
        for _ in range(chance.randint(1, 2)):
            day = date(2025, 1, 1) + timedelta(days=chance.randrange(300))
            currency = chance.choice(["USD", "EUR"])
            while day < AS_OF and chance.random() < 0.85:
                until = day + timedelta(days=chance.choice([30, 31, 60, 61, 90, 180]))
                plan, amount = chance.choice([("s", "9.99"), ("m", "20.00"), ("l", "33.33")])
                made.append(
                    (str(who), currency, plan, day, until if until < AS_OF else None, amount)
                )
                day = until + timedelta(days=chance.choice([0, 0, 0, 17]))
    return made


def paid(stretches: list[Stretch], currency: str, day: date) -> dict[str, Decimal]:
    """What each customer pays on a day."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for who, of, _, since, until, amount in stretches:
        if of == currency and since <= day and (until is None or day < until):
            found[who] += Decimal(amount)
    return found


def walked(stretches: list[Stretch], currency: str, first: date, end: date) -> dict[str, Decimal]:
    """The movements of a month, day after day."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    ever = {s[0] for s in stretches if s[1] == currency and s[3] < first}
    day, before = first, paid(stretches, currency, first - timedelta(days=1))
    sums["opening_mrr"] = sum(before.values(), Decimal(0))
    while day < end:
        now = paid(stretches, currency, day)
        for who in sorted({*now, *before}):
            was, is_ = before.get(who, Decimal(0)), now.get(who, Decimal(0))
            if is_ > was:
                kind = "expansion" if was else "reactivation" if who in ever else "new"
                sums[f"{kind}_mrr"] += is_ - was
            elif is_ < was:
                sums["contraction_mrr" if is_ else "churned_mrr"] += is_ - was
            if is_:
                ever.add(who)
        day, before = day + timedelta(days=1), now
    sums["closing_mrr"] = sum(before.values(), Decimal(0))
    return sums


@pytest.mark.parametrize("seed", range(3))
def test_every_month_of_random_subscriptions_is_what_walking_its_days_gives(seed: int) -> None:
    stretches = random_stretches(random.Random(seed))
    lab = lab_of(stretches)
    rows = lab.run("revenue_retention")
    lab.run("mrr_cohort")
    lab.run("plan_change")
    kinds = ("opening", "new", "expansion", "reactivation", "contraction", "churned", "closing")
    for row in rows.filter(breakdown="all").rows(named=True):
        first = row["month_start"]
        end = (first + timedelta(days=31)).replace(day=1)
        sums = walked(stretches, row["currency"], first, min(end, AS_OF))
        assert {k: row[f"{k}_mrr"] for k in kinds} == {k: sums[f"{k}_mrr"] for k in kinds}
        then_day = date(first.year - 1, first.month, 1).replace(day=1)
        base = paid(
            stretches,
            row["currency"],
            (then_day + timedelta(days=31)).replace(day=1) - timedelta(days=1),
        )
        if row["customers_year_ago"]:
            now = paid(stretches, row["currency"], end - timedelta(days=1))
            total = sum(base.values(), Decimal(0))
            net = sum((now.get(who, Decimal(0)) for who in base), Decimal(0)) / total
            gross = (
                sum((min(now.get(who, Decimal(0)), v) for who, v in base.items()), Decimal(0))
                / total
            )
            assert row["customers_year_ago"] == len(base)
            assert row["net_retention_12m"] == pytest.approx(float(net), abs=2e-6)
            assert row["gross_retention_12m"] == pytest.approx(float(gross), abs=2e-6)
    assert (rows["customers_year_ago"] > 5).any()


def test_the_interval_of_net_retention_holds_the_truth() -> None:
    """Of companies whose customers each stay with .9 and then pay 1.2 as much with .3, 95 % should
    hold .9 × (.7 + .3 × 1.2) of net, and .9 of gross; 120 are drawn, so 90 % is asked for.
    """
    chance, truth, n = random.Random(11), 0.9 * (0.7 + 0.3 * 1.2), 120
    rows: list[Stretch] = []
    for company in range(n):
        for k in range(80):
            who, amount = f"{company}-{k}", Decimal(chance.choice([10, 20, 20, 50]))
            leaves, grows = chance.random() > 0.9, chance.random() < 0.3
            until = date(2026, 3, 9) if leaves or grows else None
            rows.append((who, f"X{company:02}", "p", date(2026, 1, 3), until, str(amount)))
            if grows and not leaves:
                rows.append(
                    (who, f"X{company:02}", "p", date(2026, 3, 9), None, str(amount * 6 / 5))
                )
    found = lab_of(rows).run("revenue_retention")
    march = found.filter(month_start=date(2026, 3, 1), breakdown="all")
    assert len(march) == n
    for name, value in (("net", truth), ("gross", 0.9)):
        low, high = pl.col(f"{name}_retention_low"), pl.col(f"{name}_retention_high")
        assert march.filter((low <= value) & (high >= value)).height >= 0.9 * n, name
