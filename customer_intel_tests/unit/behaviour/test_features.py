"""Features: use against plain loops; what keeps customers asks nothing of after the landmark."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import polars as pl
import pytest

from customer_intel.behaviour.feature_driver import Judged
from customer_intel.behaviour.feature_driver_statistics import Assessment, Effect
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.statistics import wilson
from customer_intel.testing import TableLab
from customer_intel_tests.unit.behaviour.rolled_up import Act, lab_of

AS_OF = date(2026, 6, 1)
EXPORT = {"kind": "feature", "name": "export", "position": 1, "acts": "|export|"}


def with_features(acts: list[Act], *features: dict[str, Any], **settings: Any) -> TableLab:
    lab = lab_of(acts, AS_OF, **settings)
    lab.put(
        "behaviour_definition",
        list(features) or [EXPORT],
        caption="Export", origin="declared", certainty="said", reason="",
    )  # fmt: skip
    return lab


def before(days: float) -> datetime:
    """A moment so many days before as_of begins."""
    return datetime(AS_OF.year, AS_OF.month, AS_OF.day) - timedelta(days=days)


def random_acts(seed: int, customers: int = 80, days: int = 150) -> list[Act]:
    chance = random.Random(seed)
    acts = []
    for number in range(customers):
        keen = chance.choice([2, 6, 20])
        begin = chance.uniform(1, days)
        for _ in range(keen):
            act = chance.choice(["view", "view", "order", "export"])
            acts.append((f"c{number}", act, before(chance.uniform(0.001, begin))))
    return acts


# ---- use
@pytest.mark.parametrize("seed", range(3))
def test_use_is_what_loops_count(seed: int) -> None:
    acts = random_acts(seed)
    row = with_features(acts).run("feature_usage").to_dicts()[0]
    seen, used = _days(acts, None), _days(acts, "export")
    recent = {who for who, days in seen.items() if any(day >= _day(90) for day in days)}
    users = {who for who, days in used.items() if any(day >= _day(90) for day in days)}
    assert (row["n"], row["n_adopters"]) == (len(recent), len(users))
    low, high = wilson(len(users), len(recent))
    assert (row["adoption"], row["low"], row["high"]) == pytest.approx(
        (len(users) / len(recent), low, high), abs=1e-8
    )
    days = [sum(day >= _day(90) for day in used[who]) for who in users]
    assert row["use_days"] == pytest.approx(statistics.mean(days))
    uses = sum(act == "export" and at >= before(90) for _, act, at in acts)
    active = sum(len([day for day in seen[who] if day >= _day(90)]) for who in users)
    assert row["uses_per_active_day"] == pytest.approx(uses / active)
    mature = {who: min(days) for who, days in used.items() if min(days) + timedelta(28) < AS_OF}
    again = [
        who
        for who, first in mature.items()
        if any(first < day <= first + timedelta(28) for day in used[who])
    ]
    assert row["n_followed"] == len(mature)
    assert row["repeat_share"] == pytest.approx(len(again) / len(mature))


def _days(acts: list[Act], act: str | None) -> dict[str, set[date]]:
    days: dict[str, set[date]] = defaultdict(set)
    for who, name, at in acts:
        if act in (None, name):
            days[who].add(at.date())
    return days


def _day(days: int) -> date:
    return AS_OF - timedelta(days=days)


def test_time_to_first_use_runs_from_the_first_sign_or_the_features_launch() -> None:
    acts: list[Act] = [
        # Known for long when the feature came, 40 days ago; used it a day later.
        ("old", "view", before(100)), ("old", "export", before(39)),
        ("first", "view", before(60)), ("first", "export", before(40)),
        ("new", "view", before(20)), ("new", "export", before(15)),
    ]  # fmt: skip
    row = with_features(acts).run("feature_usage").to_dicts()[0]
    # 1, 0 and 5 days.
    assert (row["first_use_p10"], row["first_use_p50"], row["first_use_p90"]) == pytest.approx(
        (0.2, 1.0, 4.2)
    )


@pytest.mark.parametrize(
    ("now", "earlier", "trend"), [(30, 10, "rising"), (10, 30, "falling"), (20, 20, "steady")]
)
def test_a_trend_is_told_beyond_chance(now: int, earlier: int, trend: str) -> None:
    acts = [(f"c{n}", "view", before(day)) for n in range(60) for day in (10, 40, 70)]
    acts += [(f"c{n}", "export", before(10)) for n in range(now)]
    acts += [(f"c{n}", "export", before(40)) for n in range(earlier)]
    row = with_features(acts).run("feature_usage").to_dicts()[0]
    assert row["adoption_trend"] == trend
    assert (row["adoption_now"], row["adoption_before"]) == pytest.approx((now / 60, earlier / 60))
    few = with_features([item for item in acts if int(item[0][1:]) < 20])
    assert few.run("feature_usage")["adoption_trend"].to_list() == ["unknown"]


def test_nobody_who_used_it_is_no_number() -> None:
    lab = with_features([("a", "view", before(5))])
    row = lab.run("feature_usage").to_dicts()[0]
    assert (row["n_adopters"], row["first_use_p50"], row["repeat_share"]) == (0, None, None)
    assert lab.warnings("feature_usage") == ["somebody_used_it"]


# ---- what keeps customers
def kept(seed: int = 0, customers: int = 900, effect: float = 0.45) -> list[Act]:
    """Equally engaged customers of whom half use a feature between 56 and 28 days ago, and stay more
    often for it.
    """
    chance = random.Random(seed)
    acts = []
    for number in range(customers):
        who, keen = f"c{number:04}", chance.choice([2, 4, 8, 12])
        acts.append((who, "view", before(chance.uniform(90, 140))))
        for _ in range(keen):
            acts.append((who, "view", before(chance.uniform(56.01, 83.99))))
            acts.append((who, "view", before(chance.uniform(28.01, 55.99))))
        uses = chance.random() < 0.5
        if uses:
            acts.append((who, "export", before(chance.uniform(28.01, 55.99))))
        if chance.random() < 0.2 + keen / 60 + effect * uses:
            acts.append((who, "view", before(chance.uniform(0.01, 27.99))))
    return acts


def driver(lab: TableLab) -> dict[str, Any]:
    return lab.run("feature_driver").to_dicts()[0]


def test_a_feature_that_keeps_customers_is_supported_with_its_numbers() -> None:
    acts = kept()
    row = driver(with_features(acts))
    assert (row["landmark"], row["landmark_days"], row["n"]) == (date(2026, 5, 4), 28, 900)
    assert row["verdict"] == "supported" and row["q_value"] < 0.001
    used = {who for who, act, _ in acts if act == "export"}
    stayed = {who for who, _, at in acts if at > before(28)}
    assert (row["n_exposed"], row["n_unexposed"]) == (len(used), 900 - len(used))
    shares = len(used & stayed) / len(used), len(stayed - used) / (900 - len(used))
    assert (row["rate_exposed"], row["rate_unexposed"]) == pytest.approx(shares)
    assert row["crude_difference"] == pytest.approx(shares[0] - shares[1])
    assert row["ppv"] == row["rate_exposed"] and row["adjusted_low"] < 0.45 < row["adjusted_high"]
    assert row["experiment_n"] and row["e_value"] > 1.5


def test_what_happens_after_the_landmark_is_outcome_only() -> None:
    acts = kept()
    row = driver(with_features(acts))
    # Use after the landmark is no exposure, and whoever was first seen in the window no population.
    later: list[Act] = [(who, "export", at) for who, _, at in acts if at > before(28)]
    later += [("late", "view", before(40)), ("late", "export", before(30))]
    assert driver(with_features([*acts, *later])) == row


def test_a_segment_of_today_is_not_asked_but_that_of_before_the_landmark() -> None:
    acts = kept()
    lab = with_features(acts)
    plain = driver(lab)
    users = sorted({who for who, act, _ in acts if act == "export"})
    lab.put("segment_history", [
        {"customer_id": who, "valid_from": date(2026, 5, 20), "segment": "champions"} for who in users
    ])  # fmt: skip
    assert driver(lab) == plain
    lab.put("segment_history", [
        {"customer_id": who, "valid_from": date(2026, 5, 1), "valid_to": date(2026, 5, 20), "segment": "lost"}
        for who in users
    ])  # fmt: skip
    # Now no stratum holds users and others.
    told = driver(lab)
    assert (told["verdict"], told["adjusted_difference"]) == ("inconclusive", None)


def test_a_days_use_alone_is_no_activity_and_who_may_not_be_judged_is_left_out() -> None:
    acts = kept()
    only = [("u", "view", before(100)), ("u", "export", before(40)), ("u", "export", before(20))]
    assert driver(with_features([*acts, *only])) == driver(with_features(acts))
    lab = with_features(acts)
    lab.put("unprofiled_customer", [{"customer_id": "c0000", "reason": "denied"}])
    assert driver(lab)["n"] == 899


@pytest.mark.parametrize(("history", "days"), [(100, 28), (83, 14), (41, 7), (20, None)])
def test_windows_shrink_to_the_history(history: int, days: int | None) -> None:
    acts = [(f"c{n}", "view", before(history - n / 100)) for n in range(5)]
    row = driver(with_features(acts))
    assert row["landmark_days"] == days
    assert row["verdict"] == "inconclusive"
    assert row["reason"].startswith("too few" if days else "history is too short")


def test_many_features_share_their_doubt() -> None:
    acts = kept(effect=0.12)
    names = ["export", *(f"idle{n}" for n in range(9))]
    chance = random.Random(1)
    seen = sorted({who for who, _, _ in acts})
    acts += [
        (who, name, before(chance.uniform(28.01, 55.99)))
        for name in names[1:]
        for who in seen
        if chance.random() < 0.3
    ]
    features = [{**EXPORT, "name": name, "acts": f"|{name}|"} for name in names]
    rows = with_features(acts, *features).run("feature_driver")
    one = with_features(acts).run("feature_driver")
    both = rows.join(one, on="feature", suffix="_alone")
    assert both["driver_p"].to_list() == both["driver_p_alone"].to_list()
    assert both["q_value"][0] > both["q_value_alone"][0] == both["driver_p"][0]
    assert rows.filter(pl.col("verdict") == "supported").height <= 1


@pytest.mark.parametrize(
    ("table", "setting", "value", "said"),
    [
        (
            "feature_driver",
            "driver_days",
            [28, 0],
            "driver_days is a list of whole days, each 4 or more",
        ),
        ("feature_driver", "driver_days", [], "such as [28, 14, 7]"),
        ("feature_driver", "driver_benchmark", 1.5, "driver_benchmark is a share"),
        ("feature_usage", "feature_days", 0, "feature_days is 1 or more, not 0"),
        ("behaviour_difference", "difference_days", 0, "difference_days is 1 or more, not 0"),
        ("retention_cohort", "retention_cohorts", 0, "retention_cohorts is 1 or more, not 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    table: str, setting: str, value: Any, said: str
) -> None:
    lab = with_features([("a", "view", before(5))], **{setting: value})
    with pytest.raises(ConfigError) as refused:
        lab.run(table)
    assert "behaviour.yaml" in str(refused.value) and said in str(refused.value)


def test_few_customers_are_called_undecided_rather_than_confounded() -> None:
    """A difference that is plain before adjusting, with an interval after it that holds all of it."""
    chance = random.Random(2)
    acts: list[Act] = []
    for number in range(200):
        who, keen = f"c{number:03}", chance.choice([1, 2, 10])
        acts.append((who, "view", before(chance.uniform(90, 140))))
        acts += [(who, "view", before(chance.uniform(28.01, 83.99))) for _ in range(2 * keen)]
        if chance.random() < 0.1 + keen / 16:
            acts.append((who, "export", before(chance.uniform(28.01, 55.99))))
        if chance.random() < 0.4 + keen / 20:
            acts.append((who, "view", before(chance.uniform(0.01, 27.99))))
    row = driver(with_features(acts))
    assert row["crude_difference"] > 0.1 and row["corrected_high"] > row["crude_difference"]
    assert row["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("value", "error", "reason"),
    [
        (0.0, 0.02, "alike"),
        (0.079, 0.053, "none"),
        (0.0, 0.03, "none"),
        (-0.03, 0.02, "none"),
        (-0.2, 0.05, "fewer"),
    ],
)
def test_no_difference_is_told_only_where_the_interval_is_narrow(
    value: float, error: float, reason: str
) -> None:
    found = Mock(spec=Assessment, crude=Effect(value, error))
    judged = Judged(Mock(), Mock(), found)
    assert judged.verdict(1.0) == ("inconclusive", reason)


def test_limits_of_a_difference_of_shares_lie_within_a_hundred_points() -> None:
    found = Mock(
        spec=Assessment, crude=Effect(0.5, 0.1), adjusted=Effect(0.4, 0.5),
        corrected=Effect(0.426, 0.32), robust=Effect(0.3, 0.3), reliability=0.5, p_value=0.3,
        rate_unexposed=0.3, risk_ratio=1.2, e_value=1.7, dose_p=0.3, n_strata=3, stability=0.8,
    )  # fmt: skip
    row = Judged(Mock(), None, found).row(0.3)
    assert (row["corrected_high"], row["adjusted_high"]) == (1.0, 1.0)
    assert row["corrected_low"] == pytest.approx(0.426 - 1.959964 * 0.32)
