"""What tells groups apart: intervals as published, counts by loops, and nothing that defines a segment unsaid."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from customer_intel.behaviour.behaviour_difference import declared
from customer_intel.behaviour.behaviour_difference_statistics import cohens_h, newcombe, two_shares
from customer_intel.core.contract.yaml_lines import ConfigError, Mapping
from customer_intel.core.tables.parameters import room_config
from customer_intel.testing import TableLab
from customer_intel_tests.unit.behaviour.rolled_up import Act, lab_of

AS_OF = date(2026, 6, 1)
NOW = datetime(2026, 6, 1)


def acts_of(customers: int = 120, *, keen: float = 0.8, others: float = 0.3) -> list[Act]:
    """Customers c000… view on some days; the first half exports with chance `keen`, the rest `others`."""
    chance = random.Random(4)
    acts: list[Act] = []
    for number in range(customers):
        who = f"c{number:03}"
        for _ in range(chance.choice([1, 3, 6])):
            acts.append((who, "view", NOW - timedelta(days=chance.uniform(0.01, 80))))
        if chance.random() < (keen if number < customers // 2 else others):
            acts.append((who, "export", NOW - timedelta(days=chance.uniform(0.01, 80))))
            acts.append((who, "export", NOW - timedelta(days=chance.uniform(0.01, 80))))
        if number % 2:
            acts.append((who, "order_placed:web", NOW - timedelta(days=chance.uniform(0.01, 80))))
    return acts


def lab_with_segments(acts: list[Act], **settings: Any) -> TableLab:
    lab = lab_of(acts, AS_OF, **settings)
    people = sorted({who for who, _, _ in acts})
    half = len(people) // 2
    lab.put("rfm", [
        {"customer_id": who, "segment": "champions" if at < half else "lost", "monetary": 1}
        for at, who in enumerate(people)
    ])  # fmt: skip
    return lab


def test_segments_are_told_apart_by_what_they_do() -> None:
    acts = acts_of()
    # Somebody of the segment who has not been there for long counts nowhere.
    lab = lab_with_segments([*acts, ("c999", "export", NOW - timedelta(days=91))])
    rows = {
        (row["comparison"], row["act"]): row for row in lab.run("behaviour_difference").to_dicts()
    }
    row = rows["rfm:champions", "export"]
    did = {who for who, act, _ in acts if act == "export"}
    first, rest = ({f"c{n:03}" for n in span} for span in (range(60), range(60, 120)))
    assert (row["n_a"], row["n_b"], row["did_a"], row["did_b"]) == (
        60, 60, len(did & first), len(did & rest),
    )  # fmt: skip
    assert (row["group_a"], row["group_b"], row["leaning"]) == ("champions", "others", "more")
    days = len({(who, at.date()) for who, _, at in acts if who in first})
    times = sum(act == "export" for who, act, _ in acts if who in first)
    assert row["rate_a"] == pytest.approx(times / days)
    low, high = newcombe(row["did_a"], 60, row["did_b"], 60)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=1e-8) and low > 0
    # The same pair from its other side.
    back = rows["rfm:lost", "export"]
    assert back["share_difference"] == pytest.approx(-row["share_difference"])
    assert back["leaning"] == "less"
    assert rows["rfm:champions", "view"]["leaning"] == "alike"


def test_what_makes_a_segment_is_said_to() -> None:
    lab = lab_with_segments(acts_of())
    told = lab.run("behaviour_difference")
    assert dict(told.select("act", "is_defining").unique().iter_rows()) == {
        "export": False, "view": False, "order_placed:web": True,
    }  # fmt: skip
    lab.put(
        "behaviour_definition",
        [{"kind": "conversion", "name": "conversion", "position": 1, "acts": "|export|"}],
        caption="", origin="declared", certainty="said", reason="",
    )  # fmt: skip
    told = lab.run("behaviour_difference")
    assert dict(told.select("act", "is_defining").unique().iter_rows())["export"]


def test_a_declared_pair_is_two_conditions_on_customers() -> None:
    compare = {
        "plans": {"a": "plan_name = 'Pro'", "b": "plan_name in ('Basic', 'Free')"},
        "land": {"a": "country = 'DE'"},
    }
    lab = lab_of(acts_of(), AS_OF, compare=compare)
    lab.put("behaviour_customer", [
        {"customer_id": f"c{n:03}", "plan_name": "Pro" if n < 60 else "Basic" if n < 110 else None,
         "country": "DE" if n < 40 else "FR"}
        for n in range(120)
    ])  # fmt: skip
    rows = {
        (row["comparison"], row["act"]): row for row in lab.run("behaviour_difference").to_dicts()
    }
    assert (rows["plans", "view"]["n_a"], rows["plans", "view"]["n_b"]) == (60, 50)
    assert (rows["land", "view"]["n_a"], rows["land", "view"]["n_b"]) == (40, 80)
    assert rows["plans", "export"]["leaning"] == "more" and not rows["land", "view"]["is_defining"]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ("plan_name", "needs a condition for group a"),
        ({"a": "plan_nam = 'Pro'"}, "did you mean plan_name?"),
        ({"a": "plan_name = 'Pro'", "c": "seats > 1"}, "'c' is no part of it"),
        ({"a": "channel = 'web'"}, "asks channel of an act"),
        ({"a": "plan_name = 'Pro'", "b": 3}, "b is a condition, not 3"),
    ],
)
def test_a_wrong_pair_is_refused_with_its_line(parts: Any, said: str) -> None:
    own = Mapping()
    own["mine"], own.lines = parts, {"mine": 3}
    lab = lab_of(acts_of(10), AS_OF, compare=own)
    with pytest.raises(ConfigError) as refused:
        lab.run("behaviour_difference")
    assert "behaviour.yaml:3: compare 'mine'" in str(refused.value) and said in str(refused.value)


def test_small_groups_and_rare_acts_are_not_compared() -> None:
    assert lab_with_segments(acts_of(50)).run("behaviour_difference").is_empty()
    rare = [*acts_of(), *(("c000", f"rare{n}", NOW - timedelta(days=3)) for n in range(3))]
    assert not lab_with_segments(rare).run("behaviour_difference")["act"].str.contains("rare").any()


def test_details_that_are_things_are_one_act() -> None:
    songs = [(f"c{n:03}", f"played:song{n}", NOW - timedelta(days=2)) for n in range(60)]
    told = lab_with_segments([*acts_of(), *songs]).run("behaviour_difference")
    assert told.filter(act="played")["did_a"].to_list() == [60, 0]


def test_without_a_difference_hardly_any_act_leans() -> None:
    chance, leaning = random.Random(8), 0
    for draw in range(20):
        acts = [
            (f"c{n:03}", f"act{k}", NOW - timedelta(days=chance.uniform(0.1, 80)))
            for n in range(120)
            for k in range(12)
            if chance.random() < 0.4
        ]
        told = lab_with_segments(acts).run("behaviour_difference")
        assert len(told) == 24, draw
        leaning += bool((told["leaning"] != "alike").any())
    # At least one false discovery in 5 % of the draws is what the correction promises.
    assert leaning <= 3


# ---- published values
@pytest.mark.parametrize(
    ("a", "n_a", "b", "n_b", "low", "high"),
    [
        # Newcombe 1998, table II, method 10.
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_newcombes_own_table(a: int, n_a: int, b: int, n_b: int, low: float, high: float) -> None:
    assert newcombe(a, n_a, b, n_b) == pytest.approx((low, high), abs=5e-5)


def test_the_p_value_is_the_chi_squared_tests() -> None:
    # 2 x 2 of 30/70 and 50/50: chi-squared 8.333 on one degree of freedom, p = .00389.
    assert two_shares(30, 100, 50, 100) == pytest.approx(0.003892, abs=1e-6)
    assert two_shares(0, 10, 0, 10) == 1.0
    assert cohens_h(0.5, 0.5) == 0 and cohens_h(1.0, 0.0) == pytest.approx(3.14159, abs=1e-5)


def test_a_wrong_pair_in_a_file_of_its_own_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "compare.yaml").write_text("\nmine: {c: seats > 1}\n")
    with pytest.raises(ConfigError, match=r"^config/compare\.yaml:2: compare 'mine'"):
        declared(room_config("behaviour", tmp_path))
