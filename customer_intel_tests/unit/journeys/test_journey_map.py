"""The journey map, against a hand-made small company."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from customer_intel.core.statistics import wilson
from customer_intel_tests.unit.journeys.test_journeys import journeys, transitions, walk
from customer_intel_tests.unit.sqlroom import Room

MARCH = datetime(2026, 3, 20, 9)


def placed(customer: str, places: str, start: datetime = MARCH) -> list[dict[str, Any]]:
    """Steps an hour apart: 'look' in consideration on the web, 'buy' in purchase at the shop, …"""
    kinds = {
        "look": ("web:look", "page_viewed", "consideration"),
        "pay": ("web:pay", "pay", "purchase"),
        "buy": ("shop:order_placed", "order_placed", "purchase"),
        "ask": ("support:ticket_opened", "ticket_opened", "support"),
        "tell": ("survey:survey_answered:nps", "survey_answered", "advocacy"),
    }
    rows = []
    for at, place in enumerate(places.split()):
        touchpoint, activity, stage = kinds[place]
        rows += walk(
            customer, "x", start + timedelta(hours=at), activity_id=f"{customer}{at}",
            touchpoint_id=touchpoint, activity=activity, journey_stage=stage,
        )  # fmt: skip
    return rows


def mapped(made: Room, **config: Any) -> dict[tuple[str, str], dict[str, Any]]:
    made.run("nps_summary")
    transitions(made, int(config.get("transition_days", 90)))
    found = made.run("journey_map", **config)
    return {(row["stage"], row["channel"]): row for row in found.iter_rows(named=True)}


def test_where_customers_are_how_long_and_where_journeys_are_lost() -> None:
    made = journeys(
        placed("a", "look look pay buy"), placed("b", "look pay"), placed("c", "look ask")
    )
    found = mapped(made)
    look, pay = found["consideration", "web"], found["purchase", "web"]
    assert (look["n_activities"], look["customers"], look["share"]) == (4, 3, 0.5)
    # Visits of the stage: an hour long for a, over at once for b and c; the next begins after 2, 1, 1 h.
    assert (look["n_visits"], look["median_seconds"]) == (3, 0)
    assert look["median_seconds_to_next"] == 3600
    assert (pay["n_visits"], pay["median_seconds"], pay["median_seconds_to_next"]) == (
        2,
        1800,
        None,
    )
    # a bought on; b paid nothing and is gone.
    assert (pay["n_journeys"], pay["n_ended"], pay["n_lost"], pay["drop_off"]) == (2, 1, 1, 0.5)
    assert (pay["drop_off_low"], pay["drop_off_high"]) == pytest.approx(wilson(1, 2), abs=1e-8)
    assert (look["n_journeys"], look["n_ended"], look["drop_off"]) == (3, 0, 0)
    bought = found["purchase", "shop"]
    assert (bought["n_ended"], bought["n_lost"]) == (1, 0)
    assert (found["support", "support"]["owner"], pay["owner"]) == ("team:support", "team:sales")


def test_journeys_passed_by_where_they_were_longest_ago_too() -> None:
    """In consideration in January alone; the journey ends in purchase in March, lost."""
    rows = placed("a", "look", datetime(2026, 1, 5))
    for k in range(4):
        later = datetime(2026, 1, 25) + timedelta(days=20 * k)
        rows += [{**row, "activity_id": f"p{k}"} for row in placed("a", "pay", later)]
    found = mapped(journeys(rows, placed("b", "look"), placed("c", "look pay buy")))
    assert (found["consideration", "web"]["n_journeys"], found["purchase", "web"]["n_lost"]) == (
        3,
        1,
    )


def test_scores_are_of_customers_who_were_there_shortly_before_and_each_answer_counts_once() -> (
    None
):
    answered = MARCH + timedelta(days=3)
    made = journeys(placed("a", "look look ask"), placed("b", "look", MARCH - timedelta(days=20)))
    answers = [
        {"survey_answer_key": f"s{who}{score}", "survey_type": kind, "customer_id": who, "score": score,
         "responded_at": answered, "answer_day": answered.date(), "survey_id": survey}
        for who, kind, score, survey in [
            ("a", "nps", 10.0, "n"), ("b", "nps", 0.0, "n"), ("a", "csat", 5.0, "c"), ("a", "csat", 2.0, "c"),
            ("a", "csat", 99.0, "hundred"),
        ]
    ]  # fmt: skip
    made.put("survey_answer_fact", answers)
    found = mapped(made, transition_days=200)
    look = found["consideration", "web"]
    # b was there 23 days before: too long ago.
    assert (look["n_nps"], look["nps"]) == (1, 100.0)
    assert (look["n_csat"], look["csat"]) == (2, 50.0)
    assert found["support", "support"]["n_nps"] == 1


def test_a_solved_ticket_and_an_answer_are_no_place_where_journeys_are_lost() -> None:
    found = mapped(journeys(placed("a", "look tell"), placed("b", "ask")))
    assert (found["advocacy", "survey"]["n_ended"], found["advocacy", "survey"]["n_lost"]) == (1, 0)
    assert found["support", "support"]["n_lost"] == 1
