"""Retention, lifecycle and stickiness against plain loops, on random customers and real ones."""

from __future__ import annotations

import gzip
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from customer_intel.core.contract.yaml_lines import ConfigError, Mapping
from customer_intel.core.statistics import wilson
from customer_intel_tests.unit.behaviour import retention_oracle as oracle
from customer_intel_tests.unit.behaviour.rolled_up import Act, lab_of

COUNTS = ("n_cohort", "n_eligible", "n_retained", "n_so_far")
PARTS = ("n_active", "n_new", "n_returning", "n_resurrecting", "n_dormant")


def cells(table: pl.DataFrame) -> dict[tuple[date, int], tuple[int, int, int, int]]:
    return {
        (row["cohort"], row["interval_no"]): tuple(row[name] for name in COUNTS)
        for row in table.iter_rows(named=True)
    }


def asked(acts: list[Act], as_of: date, **parts: str) -> pl.DataFrame:
    lab = lab_of(acts, as_of, retention={"asked": parts})
    return lab.run("retention_cohort")


def of(acts: list[Act], act: str | None = None) -> oracle.Acts:
    return [(who, at) for who, name, at in acts if act in (None, name)]


def random_acts(seed: int, customers: int = 60, days: int = 75) -> list[Act]:
    chance = random.Random(seed)
    begin = datetime(2026, 1, 27)
    return [
        (f"c{number}", chance.choice(["view", "order"]), begin + timedelta(seconds=chance.randrange(days * 86400)))
        for number in range(customers)
        for _ in range(chance.choice([1, 1, 3, 12]))
    ]  # fmt: skip


@pytest.mark.parametrize("clock", ["calendar", "rolling"])
@pytest.mark.parametrize("mode", ["on", "on_or_after"])
@pytest.mark.parametrize("kind", ["first_time", "recurring"])
@pytest.mark.parametrize("unit", ["day", "week", "month"])
def test_retention_is_what_loops_count(unit: str, kind: str, mode: str, clock: str) -> None:
    # as_of within a week, a month and, for own clocks, a day.
    as_of = date(2026, 4, 9)
    how = {"kind": kind, "mode": mode, "clock": clock}
    for number, (start, back) in enumerate((("any", "any"), ("order", "view"))):
        acts = random_acts(number)
        table = asked(acts, as_of, start=start, **{"return": back}, interval=unit, **how)
        starts, returns = (of(acts, None if name == "any" else name) for name in (start, back))
        known = oracle.retention(starts, returns, as_of, unit, **how)
        # 60 intervals are kept of each cohort, and 60 cohorts.
        oldest = as_of - timedelta(days=60)
        kept = {
            cell: counts
            for cell, counts in known.items()
            if unit != "day" or (cell[0] >= oldest and cell[1] < 60)
        }
        assert cells(table) == kept


def test_a_rate_is_of_those_who_had_time_with_its_interval() -> None:
    acts = [(who, "view", datetime(2026, 3, 2, 9)) for who in "abcd"]
    acts += [("a", "view", datetime(2026, 3, 3)), ("b", "view", datetime(2026, 3, 5))]
    # d begins later than the others: on the last day but one.
    acts[3] = ("d", "view", datetime(2026, 3, 3, 23))
    table = asked(acts, date(2026, 3, 5), interval="day")
    rows = {(row["cohort"].day, row["interval_no"]): row for row in table.to_dicts()}
    after_a_day = rows[2, 1]
    assert (after_a_day["n_cohort"], after_a_day["n_eligible"], after_a_day["n_retained"]) == (
        3,
        3,
        1,
    )
    low, high = wilson(1, 3)
    assert (after_a_day["retention_rate"], after_a_day["low"]) == (round(1 / 3, 9), round(low, 9))
    assert after_a_day["high"] == round(high, 9) and after_a_day["is_complete"]
    # What happened on as_of's own day, b's return, is not known before it begins.
    assert (2, 3) not in rows and rows[2, 2]["n_retained"] == 0


def test_an_interval_that_is_not_over_has_no_rate_but_who_came_so_far() -> None:
    acts = [("a", "view", datetime(2026, 3, 2)), ("a", "view", datetime(2026, 4, 1))]
    acts += [("b", "view", datetime(2026, 3, 30))]
    last = asked(acts, date(2026, 4, 3), interval="month").to_dicts()[-1]
    assert (last["n_eligible"], last["n_so_far"], last["retention_rate"]) == (0, 1, None)
    assert not last["is_complete"]


@pytest.mark.parametrize(
    ("days", "unit"), [(21, "day"), (22, "week"), (120, "week"), (121, "month")]
)
def test_the_interval_follows_the_history(days: int, unit: str) -> None:
    as_of = date(2026, 6, 1)
    first = datetime(2026, 6, 1) - timedelta(days=days)
    table = asked([("a", "view", first)], as_of)
    assert set(table["interval_unit"]) == {unit}


def test_a_behaviour_is_meant_by_its_name_and_shipped_retentions_need_one() -> None:
    acts = random_acts(3)
    as_of = date(2026, 4, 9)
    lab = lab_of(acts, as_of)
    assert set(lab.run("retention_cohort")["retention"]) == {"activity"}
    lab.put(
        "behaviour_definition",
        [{"kind": "conversion", "name": "conversion", "position": 1, "acts": "|order|paid|"}],
        caption="", origin="declared", certainty="said", reason="",
    )  # fmt: skip
    table = lab.run("retention_cohort").filter(pl.col("retention") == "conversion")
    orders = of(acts, "order")
    assert cells(table) == oracle.retention(orders, orders, as_of, "week")


def test_a_behaviour_with_a_condition_counts_the_acts_that_meet_it() -> None:
    acts, as_of = random_acts(5), date(2026, 4, 9)
    lab = lab_of(acts, as_of, retention={"late": {"start": "any", "return": "late_view"}})
    lab.put("activity", [
        {"activity_id": str(number), "customer_id": who, "touchpoint_id": f"web:{act}", "ts": at,
         "day": at.date(), "channel": "web" if number % 2 else "app", "is_own_act": True}
        for number, (who, act, at) in enumerate(acts)
    ])  # fmt: skip
    lab.put(
        "behaviour_definition",
        [{"kind": "behaviour", "name": "late_view", "position": 1, "acts": "|view|",
          "condition": "channel = 'app'"}],
        caption="", origin="declared", certainty="said", reason="",
    )  # fmt: skip
    late = [
        (who, at) for number, (who, act, at) in enumerate(acts) if act == "view" and not number % 2
    ]
    assert cells(lab.run("retention_cohort")) == oracle.retention(of(acts), late, as_of, "week")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"kind": "recuring"}, "kind is first_time or recurring, not 'recuring'; did you mean recurring?"),
        ({"strat": "any"}, "'strat' is no part of it; did you mean start?"),
        ({"start": 3}, "start is any, an act or the name of a behaviour, not 3"),
        ("any", "needs 'part: value' pairs"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_refused_with_its_line(parts: Any, said: str) -> None:
    own = Mapping()
    own["mine"], own.lines = parts, {"mine": 7}
    lab = lab_of([("a", "view", datetime(2026, 3, 2))], date(2026, 4, 1), retention=own)
    with pytest.raises(ConfigError) as refused:
        lab.run("retention_cohort")
    assert "behaviour.yaml:7: retention 'mine'" in str(refused.value)
    assert said in str(refused.value)


def test_on_is_a_word_though_yaml_reads_it_as_true() -> None:
    acts = [("a", "view", datetime(2026, 3, 2))]
    bare: dict[str, Any] = {"mode": True}
    assert asked(acts, date(2026, 4, 1), **bare)["retention_mode"][0] == "on"


# ---- lifecycle and stickiness
@pytest.mark.parametrize("seed", range(5))
def test_lifecycle_and_stickiness_are_what_loops_count(seed: int) -> None:
    acts = random_acts(seed, customers=25, days=200)
    if seed == 4:
        # A gap in which nobody does anything.
        acts = [item for item in acts if item[2].month not in (3, 4, 5)]
    lab = lab_of(acts, date(2026, 8, 6))
    compared(lab.run("lifecycle_period"), lab.run("stickiness_period"), of(acts), date(2026, 8, 6))


def compared(
    lifecycle: pl.DataFrame, stickiness: pl.DataFrame, acts: oracle.Acts, as_of: date
) -> None:
    for unit in ("week", "month"):
        rows = lifecycle.filter(pl.col("interval_unit") == unit)
        told = {
            row["starts_on"]: tuple(row[name] for name in PARTS)
            for row in rows.iter_rows(named=True)
        }
        assert told == oracle.lifecycle(acts, as_of, unit)
        whole = {row["starts_on"]: row["is_complete"] for row in rows.iter_rows(named=True)}
        assert whole == {start: oracle.after(start, unit) <= as_of for start in told}
    for unit in ("week", "month", "quarter"):
        rows = stickiness.filter(pl.col("interval_unit") == unit)
        told_n = {(row["starts_on"], row["active_units"]): row["n"] for row in rows.to_dicts()}
        assert told_n == oracle.stickiness(acts, as_of, unit)


def test_stickiness_is_daily_over_monthly_active() -> None:
    # Of 31 days of March: a on 31, b on 2; MAU 2, mean DAU 33 / 31.
    acts = [("a", "view", datetime(2026, 3, day)) for day in range(1, 32)]
    acts += [("b", "view", datetime(2026, 3, day, hour)) for day in (4, 6) for hour in (1, 2)]
    lab = lab_of(acts, date(2026, 4, 1))
    lab.run("lifecycle_period")
    rows = lab.run("stickiness_period").filter(pl.col("interval_unit") == "month").to_dicts()
    assert [(row["active_units"], row["n"], row["share_at_least"]) for row in rows] == [
        (2, 1, 1.0),
        (31, 1, 0.5),
    ]
    assert {(row["n_active"], row["period_units"], row["mean_units"]) for row in rows} == {
        (2, 31, 16.5)
    }
    assert {(row["mean_active"], row["stickiness"]) for row in rows} == {
        (round(33 / 31, 9), round(33 / 62, 9))
    }


# ---- real customers
def cdnow(shared_data: Path) -> list[Act]:
    lines = (shared_data / "cdnow" / "CDNOW_sample.txt").read_text().splitlines()
    parts = [line.split() for line in lines if line.strip()]
    return [(part[1], "order", datetime.strptime(part[2], "%Y%m%d")) for part in parts]


def shop(shared_data: Path) -> list[Act]:
    path = shared_data / "retentioneering" / "simple-onlineshop.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()[1:]
    rows = [line.split(",") for line in lines]
    return [(who, act, datetime.fromisoformat(at)) for who, act, at in rows]


def test_cdnow_as_loops_count_it(shared_data: Path) -> None:
    acts, as_of = cdnow(shared_data), date(1998, 7, 1)
    table = asked(acts, as_of, interval="month")
    assert cells(table) == oracle.retention(of(acts), of(acts), as_of, "month")
    first = table.filter(pl.col("cohort") == date(1997, 1, 1))
    # A tenth of all customers: the full data says 7846, 1157, 964, 810, 679, 736 for this cohort.
    full = [7846, 1157, 964, 810, 679, 736]
    for known, row in zip(full[1:], first["retention_rate"][1:6], strict=True):
        low, high = wilson(known / full[0] * first["n_cohort"][0], first["n_cohort"][0])
        assert low < row < high
    assert first["is_complete"].all() and len(first) == 18
    lab = lab_of(acts, as_of)
    compared(lab.run("lifecycle_period"), lab.run("stickiness_period"), of(acts), as_of)


def test_the_shop_as_loops_count_it(shared_data: Path) -> None:
    acts = shop(shared_data)
    as_of = max(at for _, _, at in acts).date() + timedelta(days=1)
    for clock in ("calendar", "rolling"):
        table = asked(acts, as_of, interval="week", clock=clock)
        known = oracle.retention(of(acts), of(acts), as_of, "week", clock=clock)
        assert cells(table) == known
    lab = lab_of(acts, as_of)
    compared(lab.run("lifecycle_period"), lab.run("stickiness_period"), of(acts), as_of)
