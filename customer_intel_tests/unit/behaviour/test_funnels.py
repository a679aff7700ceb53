"""Funnels from acts to figures: whom they count, by what they are broken down, how sure they are."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from customer_intel.behaviour.maturity import Rate, mature_rate, nested
from customer_intel.core.statistics import wilson
from customer_intel.testing import TableLab
from customer_intel_tests.unit.behaviour.acts import BEGIN, lab

Event = tuple[str, float, str]
DAY_MINUTES = 1440.0
STEPS = {
    "steps": ["viewed", "added", "bought"],
    "window_days": 10,
    "breakdown": ["channel", "segment"],
}
TABLES = ("funnel_customer_step", "funnel_customer", "funnel_step")


def counted(made: TableLab, funnel: dict[str, Any], **config: Any) -> dict[str, pl.DataFrame]:
    """The funnel's tables."""
    made.chain("actor_act", "touchpoint_day")
    made.run("behaviour_customer")
    made.run("behaviour_definition", funnels={"mine": funnel}, **config)
    return {name: made.run(name, **config) for name in TABLES}


def whole(tables: dict[str, pl.DataFrame], breakdown: str = "all") -> list[tuple[Any, ...]]:
    rows = tables["funnel_step"].filter(pl.col("breakdown") == breakdown)
    return rows.select("member", "step", "n", "n_entered").rows()


def test_people_and_steps_are_told_with_times() -> None:
    events: list[Event] = [
        ("ann", 0, "viewed"), ("ann", 5, "added"), ("ann", 65, "bought"),
        ("bob", 0, "viewed"), ("bob", 11 * DAY_MINUTES, "added"),
        ("anon1", 3, "viewed"), ("anon1", 4, "added"),
        ("cid", 0, "added"), ("cid", 1, "other"),
    ]  # fmt: skip
    tables = counted(lab(events), STEPS)
    people = tables["funnel_customer"]
    assert people.select(
        "actor_id", "customer_id", "steps_reached", "step_name", "is_converted"
    ).rows() == [
        ("ann", "ann", 3, "Bought", True),
        ("anon1", None, 2, "Added", False),
        ("bob", "bob", 1, "Viewed", False),
    ]
    assert people["converted_at"].to_list()[0] == BEGIN + timedelta(minutes=65)
    assert whole(tables) == [("all", 1, 3, 3), ("all", 2, 2, 3), ("all", 3, 1, 3)]
    steps = tables["funnel_step"].filter(pl.col("breakdown") == "all").to_dicts()
    assert (steps[1]["seconds_p50"], steps[2]["seconds_p50"]) == (180.0, 3600.0)
    assert steps[0]["share_of_previous"] is None
    assert (steps[2]["share_of_previous_low"], steps[2]["share_of_previous_high"]) == wilson(1, 2)


def test_only_the_period_counts_and_open_windows_are_told() -> None:
    last = (date(2026, 7, 1) - BEGIN.date()).days * DAY_MINUTES
    events: list[Event] = [
        ("ann", 0, "viewed"), ("ann", last - 60, "added"),
        ("bob", last - 3 * DAY_MINUTES, "viewed"),
        ("cid", last - 15 * DAY_MINUTES, "viewed"),
        ("dan", last - 15 * DAY_MINUTES, "viewed"), ("dan", last - 2 * DAY_MINUTES, "viewed"),
    ]  # fmt: skip
    tables = counted(lab(events), {**STEPS, "window_days": 0}, funnel_days=20)
    assert tables["funnel_customer"]["actor_id"].to_list() == ["bob", "cid", "dan"]
    assert set(tables["funnel_customer"]["is_undecided"]) == {True}
    assert tables["funnel_step"]["rate_mature"].null_count() == tables["funnel_step"].height
    tables = counted(lab(events), STEPS, funnel_days=0)
    undecided = dict(tables["funnel_customer"].select("actor_id", "is_undecided").iter_rows())
    assert undecided == {"ann": False, "bob": True, "cid": False, "dan": True}
    assert (
        dict(tables["funnel_customer"].select("actor_id", "steps_reached").iter_rows())["ann"] == 1
    )


def test_conditions_name_the_act_and_the_customer() -> None:
    events: list[Event] = [
        (who, at, act) for who in ("ann", "bob") for at, act in enumerate(("viewed", "bought"))
    ]
    made = lab(events)
    made.put(
        "rfm",
        [{"customer_id": "ann", "segment": "champions"}, {"customer_id": "bob", "segment": "lost"}],
    )
    made.con.execute("UPDATE activity SET device_type = 'mobile' WHERE activity = 'viewed'")
    where = "device_type = 'mobile' and customer.segment <> 'lost' and customer.segment is not null"
    tables = counted(made, {"steps": [{"any_of": "viewed", "where": where}, "bought"]})
    assert tables["funnel_customer"]["actor_id"].to_list() == ["ann"]


def test_strict_counts_whatever_people_do_between() -> None:
    events: list[Event] = [
        ("ann", 0, "viewed"), ("ann", 1, "added"),
        ("bob", 0, "viewed"), ("bob", 1, "other"), ("bob", 2, "added"),
        ("cid", 0, "viewed"), ("cid", 1, "added"), ("cid", 2, "added"), ("cid", 3, "bought"),
    ]  # fmt: skip
    strict = {**STEPS, "order": "strict"}
    assert [row[2] for row in whole(counted(lab(events), strict))] == [3, 2, 0]
    assert [row[2] for row in whole(counted(lab(events), strict, posthog_compat=True))] == [3, 2, 1]
    out = {**STEPS, "exclude": ["other"]}
    assert [row[2] for row in whole(counted(lab(events), out))] == [3, 2, 1]
    anyhow = counted(lab(events), {**STEPS, "order": "any"})
    assert [row[2] for row in whole(anyhow)] == [3, 3, 1]
    assert anyhow["funnel_customer"]["step_name"].to_list() == [
        "2 of 3 steps",
        "2 of 3 steps",
        "3 of 3 steps",
    ]


def test_small_members_are_told_together_and_nobody_is_lost() -> None:
    events = [
        (f"c{at:03}", float(at), act)
        for at in range(60)
        for act in ("viewed", "added")[: 1 + at % 2]
    ]
    made = lab(events)
    made.con.execute("UPDATE activity SET channel = 'paid' WHERE customer_id < 'c025'")
    made.con.execute("UPDATE activity SET channel = 'email' WHERE customer_id > 'c049'")
    made.put("rfm", [{"customer_id": f"c{at:03}", "segment": "lost"} for at in range(30)])
    tables = counted(made, STEPS)
    assert whole(tables, "channel")[::3] == [
        ("(other)", 1, 10, 10),
        ("paid", 1, 25, 25),
        ("web", 1, 25, 25),
    ]
    assert whole(tables, "segment")[::3] == [("(unknown)", 1, 30, 30), ("lost", 1, 30, 30)]


def test_who_may_not_be_profiled_is_in_no_funnel() -> None:
    made = lab([("ann", 0, "viewed"), ("bob", 0, "viewed")])
    made.put("unprofiled_customer", [{"customer_id": "bob", "reason": "restricted"}])
    assert counted(made, STEPS)["funnel_customer"]["actor_id"].to_list() == ["ann"]


def test_a_funnel_that_nobody_entered_says_so() -> None:
    tables = counted(lab([("ann", 0, "other")]), STEPS)
    assert whole(tables) == [("all", 1, 0, 0), ("all", 2, 0, 0), ("all", 3, 0, 0)]
    assert tables["funnel_step"]["share_of_start"].null_count() == 3


def test_the_same_acts_in_another_order_of_rows_give_the_same_bytes() -> None:
    events: list[Event] = [
        (f"c{at % 40:02}", at % 7, ("viewed", "added", "bought")[at % 3]) for at in range(300)
    ]
    one = counted(lab(events), STEPS)
    other = counted(lab(random.Random(3).sample(events, len(events))), STEPS)
    assert all(one[name].equals(other[name]) for name in TABLES)


# ---- maturity
WINDOW, PERIOD = 30.0, 90.0


def draw(dice: np.random.Generator, n: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Ages, and what each has taken so far: entrants on every day of the period, of whom `rate` get there within the
    window, most of them late.
    """
    age = dice.uniform(0, PERIOD, n)
    took = np.where(dice.random(n) < rate, WINDOW * np.sqrt(dice.random(n)), np.nan)
    return age, np.where(took <= age, took, np.nan)


@pytest.mark.parametrize("rate", [0.45, 0.05, 0.9])
def test_the_true_rate_lies_in_the_interval_though_recent_entrants_had_no_time(rate: float) -> None:
    dice = np.random.default_rng(15)
    covered, naive = 0, 0.0
    for _ in range(200):
        age, took = draw(dice, 400, rate)
        found = mature_rate(age, took, WINDOW)
        assert found.low is not None and found.high is not None
        covered += found.low <= rate <= found.high
        naive += float((~np.isnan(took)).mean()) / 200
    assert covered >= 0.92 * 200
    # What is told elsewhere, the share so far, is too low by a fifth.
    assert naive < 0.85 * rate


def test_with_everybody_mature_it_is_the_share_with_wilsons_interval() -> None:
    age, took = np.full(50, 40.0), np.where(np.arange(50) < 20, 3.0, np.nan)
    found = mature_rate(age, took, WINDOW)
    assert found.n_mature == 50 and found.value == pytest.approx(0.4)
    assert (found.low, found.high) == pytest.approx(wilson(20, 50))
    # Who got there after the window did not get there within it.
    assert mature_rate(age, took + 35, WINDOW).value == 0.0


def test_a_published_estimate_is_met() -> None:
    """Remission times of 21 leukaemia patients on 6-MP (Freireich 1963; Kleinbaum and Klein 2012, table 2.1): S(23) is
    .4482, its standard error .1346.
    """
    relapsed = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    age = np.array([40.0] * len(relapsed) + [float(at) for at in censored])
    took = np.array([float(at) for at in relapsed] + [np.nan] * len(censored))
    found = mature_rate(age, took, 23.0)
    assert found.value == pytest.approx(1 - 0.4482, abs=5e-5)
    effective = 0.4482 * 0.5518 / 0.1346**2
    assert (found.low, found.high) == pytest.approx(wilson(0.5518 * effective, effective), abs=1e-3)


def test_without_anybody_mature_nothing_is_claimed() -> None:
    found = mature_rate(np.array([1.0, 2.0]), np.array([0.5, np.nan]), WINDOW)
    assert (found.n_mature, found.value, found.low) == (0, None, None)
    nobody = mature_rate(np.full(8, 40.0), np.full(8, np.nan), WINDOW)
    assert (nobody.value, nobody.low, nobody.high) == (0.0, *wilson(0, 8))


def test_the_mature_rate_of_a_funnel_is_the_true_one_where_the_raw_one_is_not() -> None:
    dice = np.random.default_rng(4)
    age, took = draw(dice, 3000, 0.45)
    end = datetime(2026, 7, 1)
    events: list[Event] = []
    for who, (days, after) in enumerate(zip(age, took, strict=True)):
        begin = (end - timedelta(days=float(days)) - BEGIN).total_seconds() / 60
        events.append((f"c{who:04}", begin, "viewed"))
        if not np.isnan(after):
            events.append((f"c{who:04}", begin + after * DAY_MINUTES - 0.01, "bought"))
    tables = counted(
        lab(events), {"steps": ["viewed", "bought"], "window_days": WINDOW, "breakdown": []}
    )
    row = tables["funnel_step"].row(1, named=True)
    assert row["share_of_start"] < 0.40
    assert row["rate_mature_low"] < 0.45 < row["rate_mature_high"]
    assert 0.6 < row["n_mature"] / row["n_entered"] < 0.72


# ---- within one window of the first start
def test_what_happens_after_the_window_of_the_first_start_is_not_within_it() -> None:
    """Ann buys in time, bob in a later attempt, cid never; dan's window runs, and he has bought."""
    late = 25 * DAY_MINUTES
    events: list[Event] = [
        ("ann", 0, "viewed"), ("ann", 10 * DAY_MINUTES, "bought"),
        ("bob", 0, "viewed"), ("bob", 19 * DAY_MINUTES, "viewed"), ("bob", 20 * DAY_MINUTES, "bought"),
        ("cid", 0, "viewed"),
        ("dan", late, "viewed"), ("dan", late + 1, "bought"),
    ]  # fmt: skip
    way = {"steps": ["viewed", "bought"], "window_days": 10, "breakdown": []}
    row = counted(lab(events), way)["funnel_step"].row(1, named=True)
    assert (row["n"], row["share_of_start"], row["n_mature"]) == (3, 0.75, 3)
    # 4 at risk of whom dan arrives, then 3 of whom ann does: 1 - 3/4 * 2/3.
    assert row["rate_mature"] == pytest.approx(0.5)


def repeated(dice: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """As `draw`: three in ten get there within the window of their first start; half of all others begin
    anew after it, again and again, and get there at some time.
    """
    age, took = dice.uniform(0, PERIOD, n), WINDOW * dice.random(n)
    again = np.where(dice.random(n) < 0.5, WINDOW + 1 + PERIOD * dice.random(n), np.nan)
    took = np.where(dice.random(n) < 0.3, took, again)
    return age, np.where(took <= age, took, np.nan)


def test_later_attempts_of_repeated_starters_do_not_raise_the_rate() -> None:
    dice = np.random.default_rng(22)
    covered, means = 0, []
    for _ in range(200):
        found = mature_rate(*repeated(dice, 400), WINDOW)
        assert found.value is not None and found.low is not None and found.high is not None
        covered += found.low <= 0.3 <= found.high
        means.append(found.value)
    assert covered >= 0.92 * 200
    assert float(np.mean(means)) == pytest.approx(0.3, abs=0.006)


def test_repeated_starters_of_a_funnel_are_counted_from_their_first_start() -> None:
    dice = np.random.default_rng(9)
    end = datetime(2026, 7, 1)
    events: list[Event] = []
    for who, (days, after) in enumerate(zip(*repeated(dice, 2000), strict=True)):
        begin = (end - timedelta(days=float(days)) - BEGIN).total_seconds() / 60
        events.append((f"c{who:04}", begin, "viewed"))
        if not np.isnan(after):
            bought = begin + float(after) * DAY_MINUTES - 0.01
            if after > WINDOW:
                events.append((f"c{who:04}", bought - 5, "viewed"))
            events.append((f"c{who:04}", bought, "bought"))
    way = {"steps": ["viewed", "bought"], "window_days": WINDOW, "breakdown": []}
    row = counted(lab(events), way)["funnel_step"].row(1, named=True)
    assert row["rate_mature_low"] < 0.3 < row["rate_mature_high"] < row["share_of_start"]


def test_no_steps_rate_is_above_that_of_the_step_before() -> None:
    """Who comes late to the last step is counted longer: alone, its estimate is the higher one."""
    last = 30 * DAY_MINUTES
    events: list[Event] = []
    for at in range(20):
        begin = 0 if at < 10 else last - 2 * DAY_MINUTES
        events.append((f"c{at:02}", begin, "viewed"))
        if at in (0, 1, 10, 11, 12):
            events.append((f"c{at:02}", begin + 60, "added"))
        if at in (0, 1, 10, 11, 12):
            events.append((f"c{at:02}", begin + (5 if at < 10 else 1.5) * DAY_MINUTES, "bought"))
    steps = counted(lab(events), STEPS)["funnel_step"].filter(pl.col("breakdown") == "all")
    for name in ("rate_mature", "rate_mature_low", "rate_mature_high"):
        values = steps[name].to_list()
        assert values == sorted(values, reverse=True)
    alone = [Rate(5, 0.3, 0.1, 0.5), Rate(5, 0.4, 0.2, 0.45), Rate(5), Rate(5, 0.1, 0.05, 0.6)]
    assert nested(alone) == [alone[0], Rate(5, 0.3, 0.1, 0.45), Rate(5), Rate(5)]
