"""Which touches make a path, and what attribution and spending say of channels, by hand-made rows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from customer_intel.journeys.attribution_models import in_cents
from customer_intel_tests.unit.journeys.test_journeys import AS_OF, walk
from customer_intel_tests.unit.sqlroom import Room

MAY = datetime(2026, 5, 10, 9)


def company(
    touches: list[tuple[str, str, str, float, str]],
    visits: list[tuple[str, str, float, str | None]],
    orders: list[tuple[str, float]],
    **config: Any,
) -> Room:
    """touches: (customer, channel, event, days after MAY, campaign); visits: (customer, channel,
    days, campaign); orders: (customer, days), 10 each.
    """
    made = Room(AS_OF)
    rows: list[dict[str, Any]] = []
    for at, (who, channel, event, days, campaign) in enumerate(touches):
        when = MAY + timedelta(days=days)
        made.put(
            "touch_fact",
            [{"touch_key": f"t{at}", "customer_id": who, "channel": channel, "touch_event": event,
              "campaign_id": campaign, "occurred_at": when, "is_own_act": event == "clicked"}],
        )  # fmt: skip
        rows += walk(
            who, "x", when, activity_id=f"touch:t{at}", activity=f"{channel}_{event}",
            touchpoint_id=f"{channel}:{channel}_{event}", journey_stage="awareness",
        )  # fmt: skip
    for at, (who, days) in enumerate(orders):
        rows += walk(who, "$", MAY + timedelta(days=days), activity_id=f"order_placed:{at}",
                     touchpoint_id="shop:order_placed")  # fmt: skip
    made.put("activity", rows)
    made.put(
        "session",
        [{"session_id": f"v{at}", "customer_id": who, "channel": channel, "utm_campaign": campaign,
          "started_at": MAY + timedelta(days=days), "day": (MAY + timedelta(days=days)).date()}
         for at, (who, channel, days, campaign) in enumerate(visits)],
    )  # fmt: skip
    made.run("touchpoint_day")
    for name in ("touchpoint_role", "journey_step", "attribution_path"):
        made.run(name, **config)
    return made


def told(made: Room) -> dict[tuple[str, int], list[str]]:
    found: dict[tuple[str, int], list[str]] = {}
    for row in made.rows("attribution_path").sort("customer_id", "path_no", "touch_no").iter_rows(
        named=True
    ):  # fmt: skip
        key = row["customer_id"], -1 if row["converted_at"] is None else row["path_no"]
        found.setdefault(key, []).append(row["channel"])
    return found


def test_paths_end_at_conversions_hold_only_touches_and_are_no_longer_than_the_look_back() -> None:
    made = company(
        touches=[
            ("a", "email", "clicked", 0.0, "spring"),
            ("a", "email", "delivered", 1.0, "spring"),
            ("a", "ads", "impression", 3.0, "brand"),
            ("b", "email", "opened", -100.0, "old"),
            ("c", "email", "opened", 0.0, "spring"),
        ],
        visits=[
            ("a", "email", 0.01, "spring"),
            ("a", "web", 1.5, None),
            ("a", "paid", 2.0, "x"),
            ("b", "Organic", 4.0, None),
            ("b", "referral", 4.5, None),
        ],
        orders=[("a", 2.5), ("a", 4.0), ("b", 5.0)],
    )
    assert told(made) == {
        # The click and its visit are one; what was delivered, or came by itself, is no touch.
        ("a", 0): ["email", "paid"],
        ("a", 1): ["ads"],
        ("b", 0): ["(none)"],
        ("c", -1): ["email"],
    }
    rows = made.rows("attribution_path").filter(channel="paid")
    assert rows["days_before"].to_list() == [0.5]
    assert rows["conversion_value"].to_list() == [Decimal("10.00")]


def spent(made: Room, *rows: tuple[str, str, str, str | None]) -> None:
    made.put(
        "ad_spend_fact",
        [{"ad_spend_key": f"k{at}", "channel": channel, "campaign_id": number, "campaign_name": name,
          "spend_day": date(2026, 5, 9), "cost": Decimal(cost or 7), "currency": "USD",
          "cost_reporting": None if cost is None else Decimal(cost)}
         for at, (channel, number, name, cost) in enumerate(rows)],
    )  # fmt: skip


def test_what_is_not_known_of_any_conversion_is_no_zero() -> None:
    """The page tells of the purchase, nobody of its amount; email's conversion is worth 10."""
    made = company(
        touches=[
            ("a", "email", "clicked", 0.0, "spring"),
            ("b", "ads", "impression", 0.0, "brand"),
        ],
        visits=[],
        orders=[("a", 2.5), ("b", 5.0)],
    )
    made.con.execute(
        "UPDATE attribution_path SET conversion_value = NULL WHERE customer_id = 'b'"
    ).fetchall()
    spent(made, ("ads", "2", "brand", "6"), ("meta", "3", "new", "5"))
    rows = {
        (row["model"], row["channel"]): (row["conversion_value"], row["return_on_spend"])
        for row in made.run("attribution").iter_rows(named=True)
    }
    assert rows["last", "ads"] == (None, None)
    assert rows["last", "email"] == (Decimal("10.00"), None)
    assert rows["last", "(unmatched)"] == (Decimal("0.00"), 0.0)
    campaigns = {
        row["campaign"]: (row["conversion_value"], row["return_on_spend"])
        for row in made.run("attribution_campaign").iter_rows(named=True)
    }
    assert campaigns == {
        "brand": (None, None),
        "spring": (Decimal("10.00"), None),
        "new": (Decimal("0.00"), 0.0),
    }


def test_models_stand_side_by_side_and_spending_is_a_channels_by_name_or_by_its_campaign() -> None:
    made = company(
        touches=[("a", "email", "clicked", 0.0, "spring"), ("c", "email", "opened", 0.0, "spring")],
        visits=[("a", "paid", 2.0, "Brand"), ("d", "paid", 2.0, "brand")],
        orders=[("a", 2.5), ("b", 5.0)],
    )
    spent(
        made, ("E-mail ", "1", "spring", "4"), ("google", "2", "BRAND", "6"), ("meta", "3", "?", "5"),
        ("Email", "9", "none", "1"),
    )  # fmt: skip
    found = made.run("attribution")
    rows = {(row["model"], row["channel"]): row for row in found.iter_rows(named=True)}
    first, last = rows["first", "email"], rows["last", "paid"]
    assert (first["conversions"], first["conversion_value"]) == (1, Decimal("10.00"))
    assert (first["cost"], first["cost_per_conversion"]) == (Decimal("5.00"), Decimal("5.00"))
    assert (last["cost"], last["return_on_spend"]) == (
        Decimal("6.00"),
        pytest.approx(10 / 6, abs=1e-6),
    )
    assert rows["first", "(none)"]["conversions"] == 1
    assert rows["markov", "(unmatched)"]["cost"] == Decimal("5.00")
    assert (first["n_paths"], first["n_converted"]) == (2, 1)
    assert {row["markov_order"] for (model, _), row in rows.items() if model != "markov"} == {None}


def test_a_cost_without_a_rate_makes_the_channels_unknown_and_a_campaign_of_two_channels_none() -> (
    None
):
    made = company(
        touches=[("a", "email", "clicked", 0.0, "both")],
        visits=[("a", "paid", 2.0, "both"), ("a", "social", 2.2, "s")],
        orders=[("a", 2.5)],
    )
    spent(made, ("google", "2", "both", "6"), ("social", "3", "?", None))
    found = made.run("attribution").filter(model="last")
    assert dict(found.select("channel", "cost").iter_rows()) == {
        "email": None,
        "paid": None,
        "social": None,
        "(unmatched)": Decimal("6.00"),
    }


def test_nobody_touched_and_nothing_bought_is_an_empty_table() -> None:
    made = company([], [], [])
    assert made.run("attribution").is_empty()
    only = company([], [], [("a", 1.0)])
    assert set(only.run("attribution")["channel"]) == {"(none)"}


def test_cents_add_up() -> None:
    assert in_cents(np.array([33.4, 33.3, 33.3]), 100).tolist() == [34, 33, 33]
    assert in_cents(np.array([50.0, 50.0]), 100).tolist() == [50, 50]


def test_a_campaign_has_its_credit_and_its_cost_and_spending_alone_is_told_too() -> None:
    made = company(
        touches=[("a", "email", "clicked", 0.0, "77"), ("b", "email", "opened", 0.0, "77")],
        visits=[("a", "paid", 2.0, " Brand"), ("c", "social", 1.0, "brand")],
        orders=[("a", 2.5)],
    )
    spent(
        made, ("google", "2", "BRAND", "6"), ("esp", "77", "brand", "3"), ("meta", "3", "Alone", "5"),
        ("meta", "4", "Lost", None),
    )  # fmt: skip
    found = {row["campaign"]: row for row in made.run("attribution_campaign").iter_rows(named=True)}
    told = {
        name: (
            r["channel"],
            r["n_paths"],
            r["linear_conversions"],
            r["last_conversions"],
            r["cost"],
        )
        for name, r in found.items()
    }
    assert told == {
        # Its id is before its name: the money of 77 is not brand's.
        "77": ("email", 2, 0.5, 0, Decimal("3.00")),
        "brand": ("(several)", 2, 0.5, 1, Decimal("6.00")),
        "alone": ("(none)", 0, 0.0, 0, Decimal("5.00")),
        "lost": ("(none)", 0, 0.0, 0, None),
    }
    assert found["brand"]["cost_per_conversion"] == Decimal("12.00")
    assert found["brand"]["return_on_spend"] == pytest.approx(5 / 6, abs=1e-6)


def test_channels_behind_the_most_frequent_are_one() -> None:
    visits = [("a", f"c{k:02}", k / 100, None) for k in range(45)]
    made = company([], [*visits, ("b", "c44", 0.0, None)], [("a", 1.0), ("b", 1.0)])
    found = made.run("attribution").filter(model="linear")
    assert len(found) == 41
    (other,) = found.filter(channel="(other)")["n_paths"]
    assert other == 1
    assert "c44" in found["channel"].to_list()
