"""One purchase that page and shop tell counts once, however far apart they date it."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from customer_intel_tests.unit.journeys.test_journeys import T0, journeys, walk

PAGE, SHOP, LOOK = "web:order_completed", "shop:order_placed", "web:page_viewed"


def told(who: str, *acts: tuple[str, float]) -> list[dict[str, Any]]:
    """(touchpoint, hours after T0); the shop's n-th act is worth n."""
    rows, orders = [], 0
    for at, (place, hours) in enumerate(acts):
        orders += place == SHOP
        rows += walk(
            who, "x", T0 + timedelta(hours=hours), activity_id=f"{who}:{at:04}",
            touchpoint_id=place, activity=place.partition(":")[2],
            revenue=Decimal(orders) if place == SHOP else None,
        )  # fmt: skip
    return rows


def values(*acts: tuple[str, float], **config: Any) -> list[Decimal | None]:
    """What each conversion that counts brought, by attribution_path."""
    made = journeys(told("a", *acts), **config)
    made.put("session", [])
    made.put("touch_fact", [])
    found = made.run("attribution_path", attribution_days=365)
    return found.sort("path_no")["conversion_value"].to_list()


@pytest.mark.parametrize(
    ("acts", "found"),
    [
        # The shop dates the order when its import ran; a page view lies between.
        ([(PAGE, 0), (LOOK, 1), (SHOP, 6)], [1]),
        ([(PAGE, 0), (LOOK, 1), (SHOP, 36)], [1]),
        ([(PAGE, 0), (LOOK, 1), (SHOP, 36.1)], [None, 1]),
        ([(SHOP, 0), (LOOK, 1), (PAGE, 2)], [1]),
        # Two purchases, both imported after the second one: each keeps its own amount.
        ([(LOOK, 0), (PAGE, 1), (LOOK, 4), (PAGE, 5), (LOOK, 6), (SHOP, 20), (LOOK, 21), (SHOP, 22)],
         [1, 2]),
        # A purchase in the shop alone is one of its own.
        ([(PAGE, 0), (LOOK, 1), (SHOP, 6), (LOOK, 7), (SHOP, 8)], [1, 2]),
        ([(PAGE, 0), (LOOK, 1), (SHOP, 6), (LOOK, 20), (PAGE, 37), (LOOK, 38), (SHOP, 43)], [1, 2]),
    ],
)  # fmt: skip
def test_each_page_is_of_at_most_one_order(
    acts: list[tuple[str, float]], found: list[int | None]
) -> None:
    assert values(*acts) == found


def test_with_no_hours_none_are_one() -> None:
    assert values((PAGE, 0), (LOOK, 1), (SHOP, 6), same_purchase_hours=0) == [None, 1]


def test_a_journey_brings_what_the_record_of_its_first_conversion_says() -> None:
    rows = told("a", (PAGE, 1), (LOOK, 4), (PAGE, 5), (LOOK, 6), (SHOP, 20), (LOOK, 21), (SHOP, 22))
    rows[4]["revenue"], rows[6]["revenue"] = Decimal(70), Decimal(5)
    (row,) = journeys(rows).rows("journey").iter_rows(named=True)
    assert (row["n_conversions"], row["conversion_value"]) == (2, Decimal("70.00"))


def purchases(seed: int, people: int = 30, days: float = 1.0) -> tuple[list[dict[str, Any]], int]:
    """Purchases about `days` apart for 70 days, each told by the page and, up to 30 hours later, by
    the shop, with a look before each.
    """
    chance = random.Random(seed)
    rows, n = [], 0
    for person in range(people):
        acts: list[tuple[str, float]] = []
        at = chance.uniform(0, 100)
        while at < 1680:
            late = at + chance.uniform(0.2, 30)
            acts += [(LOOK, at - 0.1), (PAGE, at), (LOOK, late - 0.01), (SHOP, late)]
            at += 24 * days * chance.uniform(0.5, 1.5)
            n += 1
        rows += told(f"c{person:02}", *sorted(acts, key=lambda act: act[1]))
    return rows, n


def test_as_many_conversions_as_purchases() -> None:
    rows, n = purchases(1, days=4.0)
    assert journeys(rows).rows("journey_step")["starts_conversion"].sum() == n


def test_who_buys_every_day_for_weeks_is_counted_nearly_so() -> None:
    rows, n = purchases(2)
    found = journeys(rows).rows("journey_step")["starts_conversion"].sum()
    assert n <= found <= n + 30 * 5, "one too many in half a gap at most, of each of 30 people"


@pytest.mark.parametrize(("days", "gap"), [(1.0, 30), (2.0, 30), (1.0, 3)])
def test_a_days_steps_depend_on_the_gap_before_it_alone(days: float, gap: int) -> None:
    rows, _ = purchases(3, people=8, days=days)
    whole = journeys(rows, journey_gap_days=gap).rows("journey_step")
    for day in whole["day"].unique().sort().to_list()[::7]:
        near = [row for row in rows if -gap <= (row["day"] - day).days <= 0]
        made = journeys(near, journey_gap_days=gap).rows("journey_step")
        own = made.filter(pl.col("day") == day).sort("activity_id")
        both = ("activity_id", "starts_conversion", "repeats_activity_id")
        assert own.select(both).equals(
            whole.filter(pl.col("day") == day).sort("activity_id").select(both)
        )
