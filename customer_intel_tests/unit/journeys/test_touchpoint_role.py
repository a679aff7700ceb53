"""What journeys take a touchpoint for: by definitions and settings, in any company's words; and one
purchase that page and shop tell.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from customer_intel_tests.unit.journeys.test_journeys import AS_OF, T0, journeys, walk
from customer_intel_tests.unit.sqlroom import Room


def roles(*touchpoints: str, **config: Any) -> dict[str, dict[str, Any]]:
    """By touchpoint; `definitions`: (kind, origin, acts[, name, position])."""
    made = Room(AS_OF)
    for at, told in enumerate(config.pop("definitions", ())):
        kind, origin, acts, name, position = (*told, f"d{at}", 1)[:5]
        made.put(
            "behaviour_definition",
            [{"kind": kind, "origin": origin, "acts": acts, "name": name, "position": position,
              "caption": name, "certainty": "said", "reason": ""}],
        )  # fmt: skip
    rows = [
        {"touchpoint_id": told.partition("@")[0], "activity": told.split(":")[1].partition("@")[0],
         "journey_stage": told.partition("@")[2] or "other", "day": date(2026, 5, 1),
         "source_system": "app", "n": 1}
        for told in touchpoints
    ]  # fmt: skip
    made.put("touchpoint_day", rows)
    found = made.run("touchpoint_role", **config)
    return {row["touchpoint_id"]: row for row in found.iter_rows(named=True)}


def conversions(found: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, row in found.items() if row["is_conversion"]}


SHOP = ("shop:order_placed@purchase", "web:order_completed@purchase", "web:export:pdf", "web:pay")


@pytest.mark.parametrize(
    ("touchpoints", "definitions", "wanted"),
    [
        (SHOP, (), {"shop:order_placed", "web:order_completed"}),
        (SHOP, [("conversion", "declared", "|export:pdf|")], {"web:export:pdf"}),
        (
            SHOP,
            [("conversion", "shipped", "|pay|")],
            {"web:pay", "shop:order_placed", "web:order_completed"},
        ),
        (
            SHOP,
            [("conversion", "proposed", "|pay|")],
            {"shop:order_placed", "web:order_completed"},
        ),
        (SHOP[2:], [("conversion", "proposed", "|pay|")], {"web:pay"}),
        (SHOP, [("conversion", "declared", "|nobody_did_it_yet|")], set()),
        (SHOP, [("feature", "declared", "|pay|")], {"shop:order_placed", "web:order_completed"}),
    ],
    ids=["words", "declared alone", "shipped too", "words first", "proposed", "none yet", "other"],
)
def test_conversions_are_declared_else_shipped_and_worded_else_proposed(
    touchpoints: tuple[str, ...], definitions: Any, wanted: set[str]
) -> None:
    assert conversions(roles(*touchpoints, definitions=definitions)) == wanted


def test_a_stage_is_named_else_defined_else_other() -> None:
    found = roles(
        "web:page_viewed:home@awareness", "web:katalog", "web:korb", "web:kasse", "app:timer:t", "app:x",
        definitions=[
            ("conversion", "proposed", "|kasse|"),
            ("feature", "proposed", "|timer:t|"),
            ("funnel", "proposed", "|katalog|", "main", 1),
            ("funnel", "proposed", "|korb|", "main", 2),
            ("funnel", "proposed", "|kasse|", "main", 3),
        ],
    )  # fmt: skip
    assert {name: (row["stage"], row["stage_basis"]) for name, row in found.items()} == {
        "web:page_viewed:home": ("awareness", "named"),
        "web:katalog": ("consideration", "definition"),
        "web:korb": ("consideration", "definition"),
        "web:kasse": ("purchase", "definition"),
        "app:timer:t": ("usage", "definition"),
        "app:x": ("other", "unknown"),
    }
    assert {name for name, row in found.items() if row["is_arrival"]} == {
        "web:kasse",
        "app:timer:t",
    }


def test_the_most_exact_owner_wins_and_a_default_is_called_one() -> None:
    own = "|web:page_viewed:help=team:docs|support:ticket_opened=team:first|web=team:site|"
    found = roles(
        "web:page_viewed:help@support", "support:ticket_opened@support", "web:home@awareness",
        "support:ticket_solved@support", "app:x",
        touchpoint_owners=own,
    )  # fmt: skip
    assert {name: (row["owner"], row["owner_basis"]) for name, row in found.items()} == {
        "web:page_viewed:help": ("team:docs", "own"),
        "support:ticket_opened": ("team:first", "own"),
        "web:home": ("team:site", "own"),
        "support:ticket_solved": ("team:support", "default"),
        "app:x": ("unknown", "unknown"),
    }


def purchase(*told: tuple[str, float]) -> list[bool]:
    """Which of the steps (letter, minutes after the first) start a conversion; w is the page's word,
    s the shop's, others are pages.
    """
    rows = []
    for at, (letter, minutes) in enumerate(told):
        (row,) = walk("a", letter, T0 + timedelta(minutes=minutes), activity_id=f"{at:03}")
        if letter in "ws":
            row |= {
                "activity": "order_completed" if letter == "w" else "order_placed",
                "revenue": Decimal(20) if letter == "s" else None,
            }
        rows.append(row)
    steps = journeys(rows).rows("journey_step").sort("activity_id")
    return steps["starts_conversion"].to_list()


@pytest.mark.parametrize(
    ("told", "n"),
    [
        ((("w", 0), ("s", 1)), 1),
        ((("w", 0), ("P", 1), ("s", 2)), 1),
        ((("s", 0), ("P", 1), ("w", 2)), 1),
        ((("w", 0), ("P", 1), ("s", 45)), 2),
        ((("w", 0), ("P", 1), ("s", 2), ("P", 3), ("w", 10), ("P", 11), ("s", 12)), 2),
        ((("w", 0), ("w", 1), ("P", 2), ("s", 3)), 1),
        ((("s", 0), ("P", 1), ("s", 2)), 2),
    ],
    ids=["in a row", "a page between", "shop first", "too late", "two", "sent twice", "two orders"],
)
def test_one_purchase_that_page_and_shop_tell_is_one_conversion(told: Any, n: int) -> None:
    assert sum(purchase(*told)) == n


def test_a_conversion_told_twice_has_the_value_of_the_one_with_an_amount() -> None:
    page = walk("a", "AwP", T0)
    page[1] |= {"activity": "order_completed"}
    made = journeys(page + walk("a", "$", T0 + timedelta(minutes=5), activity_id="z"))
    (row,) = made.rows("journey").iter_rows(named=True)
    assert (row["n_conversions"], row["conversion_value"]) == (1, Decimal("10.00"))


def test_the_catalogue_counts_known_customers_and_names_sources() -> None:
    rows = walk("a", "A") + walk("b", "A") + walk("c", "A", customer_id=None)
    rows[0] |= {"source_system": "crm"}
    for row in rows:
        row |= {"touchpoint_id": "web:home"}
    made = Room(AS_OF)
    made.put("activity", rows)
    made.run("touchpoint_day")
    made.run("touchpoint_role")
    (row,) = made.run("touchpoint", transition_days=365).iter_rows(named=True)
    assert (row["n_activities"], row["customers"], row["sources"]) == (3, 2, "app|crm")
    assert (row["channel"], row["name"], row["trust_basis"]) == ("web", "home", "tracked")
