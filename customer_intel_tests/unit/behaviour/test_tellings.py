"""One purchase of which page and shop both tell counts once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from customer_intel.behaviour.model import Behaviour
from customer_intel.behaviour.tellings import once, told_by
from customer_intel_tests.unit.behaviour.rolled_up import Act, lab_of

DAY = date(2026, 3, 2)
BOTH = ("order_completed", "order_placed", "subscription_started", "lead")


def counted(
    rows: list[tuple[str, int, int]], acts: tuple[str, ...] = BOTH
) -> list[tuple[int, int]]:
    """(act, day, n) of one customer → (day, n) of the behaviour."""
    moment = datetime(2026, 3, 2)
    frame = pl.DataFrame(
        [
            {"customer_id": "c", "day": DAY + timedelta(days=day), "act": act, "n": n,
             "first_at": moment + timedelta(days=day), "last_at": moment + timedelta(days=day, hours=1)}
            for act, day, n in rows
        ]
    ).filter(pl.col("act").str.split(":").list.first().is_in(acts))  # fmt: skip
    found = once(frame.lazy(), Behaviour("conversion", acts)).collect().sort("day")
    return [(int((row["day"] - DAY).days), int(row["n"])) for row in found.to_dicts()]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        # On one day: whichever are more.
        ([("order_completed", 0, 1), ("order_placed", 0, 1)], [(0, 1)]),
        ([("order_completed", 0, 3), ("order_placed", 0, 1)], [(0, 3)]),
        ([("order_completed:a", 0, 1), ("order_placed", 0, 2)], [(0, 2)]),
        # The fact one or two days later is the same; three days later, or before, it is not.
        ([("order_completed", 0, 1), ("order_placed", 1, 1)], [(1, 1)]),
        ([("order_completed", 0, 1), ("order_placed", 2, 1)], [(2, 1)]),
        ([("order_completed", 0, 1), ("order_placed", 3, 1)], [(0, 1), (3, 1)]),
        ([("order_placed", 0, 1), ("order_completed", 1, 1)], [(0, 1), (1, 1)]),
        # What tells of something else is counted beside it.
        ([("order_placed", 0, 1), ("subscription_started", 0, 1), ("lead", 0, 2)], [(0, 4)]),
        ([("order_completed", 0, 1), ("subscription_started", 1, 1)], [(0, 1), (1, 1)]),
        # An event whose fact has not come counts.
        ([("order_completed", 0, 2)], [(0, 2)]),
    ],
)  # fmt: skip
def test_a_fact_and_the_event_that_tells_of_it_are_one(
    rows: list[tuple[str, int, int]], said: list[tuple[int, int]]
) -> None:
    assert counted(rows) == said


def test_without_the_fact_among_the_acts_events_are_what_they_are() -> None:
    rows = [("order_completed", 0, 1), ("purchase", 0, 1)]
    assert counted(rows, ("order_completed", "purchase")) == [(0, 2)]


def test_whole_names_tell_of_facts_alone() -> None:
    assert [told_by(act) for act in ("order_placed", "web_order_paid", "plan_upgraded")] == [
        "order_placed", "order_placed", "subscription_started",
    ]  # fmt: skip
    assert [told_by(act) for act in ("page_viewed:purchase", "newsletter_bestellt", "lead")] == [
        None
    ] * 3


def test_nobody_comes_back_by_one_purchase_that_is_told_twice() -> None:
    """150 buy once: the page tells late on a Sunday, the shop dates it on Monday; ten buy again two weeks later."""
    acts: list[Act] = []
    for at in range(150):
        told = datetime(2026, 3, 8, 20, at % 60)
        for again in (0, 14) if at < 10 else (0,):
            moment = told + timedelta(days=again)
            acts += [
                (f"c{at:03}", "order_completed", moment),
                (f"c{at:03}", "order_placed", moment + timedelta(hours=6)),
            ]
    parts: dict[str, Any] = {"start": "conversion", "return": "conversion", "interval": "week"}
    made = lab_of(acts, date(2026, 4, 6), retention={"asked": parts})
    said = {
        "kind": "conversion",
        "name": "conversion",
        "position": 1,
        "acts": "|order_completed|order_placed|",
    }
    made.put("behaviour_definition", [said])
    rows = made.run("retention_cohort").sort("interval_no").to_dicts()
    assert {row["cohort"] for row in rows} == {date(2026, 3, 9)}
    assert [row["n_so_far"] for row in rows] == [150, 0, 10, 0]
