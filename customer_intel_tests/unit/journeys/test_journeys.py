"""Journeys: cut by pauses, counted as transitions and told as paths, against hand-counted cases."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from customer_intel.journeys.paths import told_as
from customer_intel_tests.unit.sqlroom import Room

AS_OF = date(2026, 6, 1)
T0 = datetime(2026, 1, 5, 9)
END = "(end)"


def walk(
    customer: str, steps: str, start: datetime = T0, minutes: float = 1.0, **columns: Any
) -> list[dict[str, Any]]:
    """One activity a letter, `minutes` apart; '$' is an order, a digit a pause of so many days
    before the next.
    """
    rows, ts = [], start
    for position, letter in enumerate(steps):
        if letter.isdigit():
            ts += timedelta(days=10 * int(letter))
            continue
        bought = letter == "$"
        rows.append(
            {
                "activity_id": f"{customer}:{position:04}",
                "customer_id": customer,
                "ts": ts,
                "day": ts.date(),
                "activity": "order_placed" if bought else "page_viewed",
                "channel": "web",
                "source_system": "app",
                "touchpoint_id": letter,
                "journey_stage": "purchase" if bought else "consideration",
                "revenue": Decimal("10.00") if bought else None,
                **columns,
            }
        )
        ts += timedelta(minutes=minutes)
    return rows


def journeys(*walks: list[dict[str, Any]], **config: Any) -> Room:
    made = Room(AS_OF)
    made.put(
        "activity", pl.DataFrame([row for rows in walks for row in rows], infer_schema_length=None)
    )
    made.run("touchpoint_day")
    for name in ("touchpoint_role", "journey_step", "journey"):
        made.run(name, **config)
    return made


def transitions(made: Room, days: int = 365) -> dict[tuple[str, str], dict[str, Any]]:
    found = made.run("journey_transitions", transition_days=days)
    return {(row["from_step"], row["to_step"]): row for row in found.iter_rows(named=True)}


def test_a_pause_of_exactly_the_gap_goes_on_and_a_longer_one_begins_anew() -> None:
    exact = [*walk("a", "A"), *walk("a", "B", T0 + timedelta(days=30), activity_id="b")]
    assert journeys(exact).rows("journey")["journey_no"].to_list() == [1]
    longer = [
        *walk("a", "A"),
        *walk("a", "B", T0 + timedelta(days=30, microseconds=1), activity_id="b"),
    ]
    assert sorted(journeys(longer).rows("journey")["journey_no"]) == [1, 2]


def test_ties_are_ordered_by_activity_id_and_machine_steps_are_left_out() -> None:
    rows = walk("a", "CAB", minutes=0)
    for row, name in zip(rows, ["3", "1", "2"], strict=True):
        row["activity_id"] = name
    made = journeys(rows, walk("a", "X", activity="email_sent", activity_id="0"))
    steps = made.rows("journey_step").sort("activity_id")
    assert steps.select("previous_touchpoint_id", "touchpoint_id").rows() == [
        (None, "A"),
        ("A", "B"),
        ("B", "C"),
    ]
    (row,) = made.rows("journey").iter_rows(named=True)
    assert (row["path"], row["first_touchpoint_id"], row["last_touchpoint_id"]) == (
        "A > B > C",
        "A",
        "C",
    )


def test_transitions_of_hand_counted_journeys() -> None:
    found = transitions(journeys(walk("a", "AAB"), walk("b", "AB"), walk("c", "AC")))
    counts = {pair: row["n"] for pair, row in found.items()}
    assert counts == {
        ("(start)", "A"): 3,
        ("A", "A"): 1,
        ("A", "B"): 2,
        ("A", "C"): 1,
        ("B", END): 2,
        ("C", END): 1,
    }
    into_b = found["A", "B"]
    assert into_b["p"] == pytest.approx(0.5)
    # Seven transitions out of steps; the three beginnings are of none.
    assert into_b["expected_p"] == pytest.approx(2 / 7)
    assert into_b["lift"] == pytest.approx(1.75)
    # Of the seven steps taken, journeys begin with the three A.
    assert found["(start)", "A"]["expected_p"] == pytest.approx(4 / 7)
    assert (into_b["customers"], into_b["median_seconds"], into_b["p90_seconds"]) == (2, 60.0, 60.0)
    # Wilson for 2 of 4 is symmetric about one half: .5 -+ z sqrt(.25/4 + z^2/64) / (1 + z^2/4).
    z = 1.959963984540054
    half = z * math.sqrt(0.25 / 4 + z * z / 64) / (1 + z * z / 4)
    assert (into_b["p_low"], into_b["p_high"]) == (
        pytest.approx(0.5 - half),
        pytest.approx(0.5 + half),
    )
    assert [pair for pair, row in found.items() if row["is_loop"]] == [("A", "A")]
    assert {pair for pair, row in found.items() if row["is_exit"]} == {("B", END), ("C", END)}
    assert found["(start)", "A"]["median_seconds"] is None


def test_the_ninetieth_percentile_is_a_value_that_occurred() -> None:
    walks = [walk(f"c{k}", "AB", minutes=k) for k in range(1, 11)]
    row = transitions(journeys(*walks))["A", "B"]
    assert (row["median_seconds"], row["p90_seconds"]) == (330.0, 540.0)


def test_an_open_journey_has_no_exit_yet() -> None:
    recent = datetime(2026, 5, 31, 9)
    found = transitions(journeys(walk("a", "AB", recent), walk("b", "A")))
    assert {pair: row["n"] for pair, row in found.items()} == {
        ("(start)", "A"): 2,
        ("A", "B"): 1,
        ("A", END): 1,
    }


def test_transitions_are_of_the_last_days_and_ends_count_when_the_pause_is_over() -> None:
    first = datetime(2026, 3, 3)
    made = journeys(
        walk("a", "A", first - timedelta(minutes=1)),
        walk("b", "AB", first - timedelta(minutes=1)),
        # Ended within the 90 days before as_of: their pause was over on 3 March, and a moment before it.
        walk("c", "C", first - timedelta(days=30)),
        walk("d", "D", first - timedelta(days=30, microseconds=1)),
    )
    found = {pair: row["n"] for pair, row in transitions(made, 90).items()}
    assert found == {("A", "B"): 1, ("A", END): 1, ("B", END): 1, ("C", END): 1}


@pytest.mark.parametrize("seed", [3])
def test_a_days_steps_depend_on_the_gap_before_it_and_on_nothing_after(seed: int) -> None:
    chance = random.Random(seed)
    walks = [walk(f"c{k}", "".join(chance.choices("AB$2345", k=12))) for k in range(20)]
    rows = [row for told in walks for row in told]
    whole = journeys(rows).rows("journey_step")
    for day in whole["day"].unique():
        near = [row for row in rows if -31 <= (row["day"] - day).days <= 0]
        own = journeys(near).rows("journey_step").filter(pl.col("day") == day)
        assert own.sort("activity_id").equals(
            whole.filter(pl.col("day") == day).sort("activity_id")
        )


@pytest.mark.parametrize("seed", [1, 2])
def test_transitions_equal_a_plain_count_on_random_walks(seed: int) -> None:
    chance = random.Random(seed)
    walks = [
        walk(
            f"c{k:03}",
            "".join(chance.choices("ABCD$4", [5, 4, 3, 2, 1, 2], k=chance.randrange(1, 25))),
        )
        for k in range(120)
    ]
    plain: Counter[tuple[str, str]] = Counter()
    for told in walks:
        rows = [row for row in told if row["day"] < AS_OF]
        for number, row in enumerate(rows):
            fresh = number == 0 or row["ts"] - rows[number - 1]["ts"] > timedelta(days=30)
            if fresh:
                plain["(start)", row["touchpoint_id"]] += 1
            last = number + 1 == len(rows) or rows[number + 1]["ts"] - row["ts"] > timedelta(
                days=30
            )
            is_open = row["ts"] + timedelta(days=30) >= datetime(2026, 6, 1)
            if last and not (is_open and number + 1 == len(rows)):
                plain[row["touchpoint_id"], END] += 1
            if not last:
                plain[row["touchpoint_id"], rows[number + 1]["touchpoint_id"]] += 1
    found = transitions(journeys(*[rows for rows in walks if rows]))
    assert {pair: row["n"] for pair, row in found.items()} == dict(plain)
    by_source: dict[str, float] = defaultdict(float)
    for (source, _), row in found.items():
        by_source[source] += row["p"]
    assert all(total == pytest.approx(1, abs=1e-7) for total in by_source.values())


def paths(made: Room, **config: Any) -> list[dict[str, Any]]:
    return made.run("journey_paths", **config).sort("path_rank").rows(named=True)


def test_paths_end_before_the_first_conversion_so_that_a_rate_is_one() -> None:
    made = journeys(
        walk("a", "AAB$C$"), walk("b", "AB$"), walk("c", "AB"), walk("d", "ABA"), walk("e", "AB")
    )
    rows = paths(made)
    assert [
        (row["path"], row["n_steps"], row["n"], row["n_converted"], row["conversion_value"])
        for row in rows
    ] == [
        ("A > B", 2, 4, 2, Decimal("20.00")),
        ("A > B > A", 3, 1, 0, Decimal("0.00")),
    ]
    assert [row["coverage"] for row in rows] == [0.8, 1.0]
    # Wilson, for 2 of 4.
    assert (rows[0]["conversion_rate"], rows[0]["conversion_low"], rows[0]["conversion_high"]) == (
        0.5,
        pytest.approx(0.150039, abs=1e-6),
        pytest.approx(0.849961, abs=1e-6),
    )


def test_journeys_that_begin_with_the_conversion_have_no_rate() -> None:
    (row,) = paths(journeys(walk("a", "$B"), walk("b", "$")))
    assert (row["path"], row["n_steps"], row["n"], row["n_converted"]) == ("(start)", 0, 2, 2)
    assert row["conversion_rate"] is row["conversion_low"] is row["conversion_high"] is None
    assert row["conversion_value"] == Decimal("20.00")


def test_a_purchase_of_two_steps_ends_a_path_once_and_brings_its_value() -> None:
    """The page tells a purchase, the shop the order; an order later on is another one."""

    def bought(who: str) -> list[dict[str, Any]]:
        rows = walk(who, "ABP$C$")
        rows[2] |= {"activity": "purchase", "touchpoint_id": "P"}
        rows[5] |= {"revenue": Decimal("99.00")}
        return rows

    (row,) = paths(journeys(bought("a"), walk("b", "AB$")))
    assert (row["path"], row["n"], row["n_converted"]) == ("A > B", 2, 2)
    assert row["conversion_value"] == Decimal("20.00")
    apart = walk("a", "AP$")
    apart[1] |= {"activity": "purchase"}
    apart[2] |= {"activity": "page_viewed"}
    assert paths(journeys(apart))[0]["conversion_value"] is None, "a page's amount is no order's"


def test_long_paths_are_cut_but_their_conversion_counts() -> None:
    made = journeys(walk("a", "ABCD$"), walk("b", "ABCDE"), max_steps=3)
    row = made.run("journey_paths", max_steps=3).row(0, named=True)
    assert (row["path"], row["n_steps"], row["n"], row["n_converted"]) == ("A > B > C > …", 3, 2, 1)


def test_journeys_that_may_go_on_are_not_told() -> None:
    """Neither those that began lately, nor those that began long ago and had a step lately."""
    going_on = walk("c", "AB2C2C2C2C2C2C2C2C")
    assert going_on[-1]["day"] == date(2026, 6, 14)
    made = journeys(walk("a", "A$", datetime(2026, 5, 20)), walk("b", "A"), going_on)
    assert made.run("journey_paths").select("path", "n_converted").rows() == [("A", 0)]
    assert made.run("journey_flow").filter(pl.col("step_no") == 1)["n"].sum() == 1


def test_the_flow_is_of_all_journeys_however_few_ways_are_kept() -> None:
    """Two ways are kept, of the alphabet's beginning; Z begins most journeys and wins half."""
    walks = [walk(f"z{k}", f"Z{letter}" + "$" * (k % 2)) for k, letter in enumerate("CDEFGHIJ")]
    made = journeys(*walks, walk("a", "ABAB"), walk("b", "A"), walk("d", "$"), walk("e", "ABCDEF$"))
    assert made.run("journey_paths", max_paths=2)["path"].to_list() == ["(start)", "A"]
    flow = made.run("journey_flow", max_paths=2)
    assert flow.filter(pl.col("step_no") == 1).drop(
        "as_of", "snapshot_id", strict=False
    ).rows() == [
        (1, "(start)", "(conversion)", 1, 1),
        (1, "(start)", "A", 3, 1),
        (1, "(start)", "Z", 8, 4),
    ]
    assert flow.filter(pl.col("step_no") == 5).select("from_step", "to_step", "n").rows() == [
        ("B", "(no conversion)", 1),
        ("D", "(conversion)", 1),
    ]
    assert made.failures("journey_flow") == []


def test_a_journey_tells_its_steps_and_what_its_first_conversion_brought() -> None:
    made = journeys(walk("a", "AAB$C4A"), walk("b", "A$", revenue=None))
    rows = made.rows("journey").sort("customer_id", "journey_no").rows(named=True)
    assert [
        (row["customer_id"], row["journey_no"], row["n_steps"], row["n_path_steps"], row["path"])
        for row in rows
    ] == [("a", 1, 5, 2, "A > B"), ("a", 2, 1, 1, "A"), ("b", 1, 2, 1, "A")]
    assert rows[0]["converted_at"] == T0 + timedelta(minutes=3)
    assert [row["conversion_value"] for row in rows] == [Decimal("10.00"), None, None]
    assert rows[0]["ended_at"] - rows[0]["started_at"] == timedelta(minutes=4)


def test_only_the_most_frequent_variants_are_told_and_coverage_says_so() -> None:
    made = journeys(walk("a", "A"), walk("b", "A"), walk("c", "B"), walk("d", "C"))
    told = made.run("journey_paths", max_paths=2).sort("path_rank")
    assert told.select("path", "share", "coverage").rows() == [("A", 0.5, 0.5), ("B", 0.25, 0.75)]


def test_gates_close_on_poisoned_rows() -> None:
    made = journeys(walk("a", "AB"), walk("b", "AC"))
    transitions(made)
    made.run("journey_paths")
    made.con.execute(
        "UPDATE journey_transitions SET p = 0 WHERE from_step = 'A' AND to_step = 'B'"
    ).fetchall()
    assert made.failures("journey_transitions") == ["interval_holds_p", "p_sums_to_one"]
    made.con.execute("DELETE FROM journey_transitions WHERE from_step = '(start)'").fetchall()
    assert "every_journey_starts_once" in made.failures("journey_transitions")
    made.con.execute("UPDATE journey_paths SET coverage = 1").fetchall()
    assert made.failures("journey_paths") == ["coverage_adds_up"]
    made.con.execute("UPDATE journey_paths SET n_converted = 1").fetchall()
    assert "interval_holds_rate" in made.failures("journey_paths")
    made.con.execute("UPDATE journey_paths SET conversion_low = NULL").fetchall()
    assert "only_the_start_has_no_rate" in made.failures("journey_paths")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("A > B > A > B > C", ("A ⇄ B ×2+ > C", 2)),
        ("A > B > A > B > A > B > A", ("A ⇄ B ×2+ > A", 2)),
        ("X > A > B > C > A > B > C", ("X > A ⇄ B ⇄ C ×2+", 2)),
        ("A > B > A > C", ("A > B > A > C", 4)),
        ("A > B > C > D > E", ("A > B > C > D > …", 4)),
        ("A > B > A > B > A > B > A > B > A > B > …", ("A ⇄ B ×2+ > …", 1)),
        ("(start)", ("(start)", 0)),
    ],
)
def test_a_loop_is_told_once(path: str, told: tuple[str, int]) -> None:
    assert told_as(path, 4) == told


def test_loops_of_any_number_of_turns_share_a_way() -> None:
    made = journeys(walk("a", "ABAB$"), walk("b", "ABABAB"), walk("c", "AB"))
    found = made.run("journey_paths").sort("path_rank")
    assert found.select("path", "n", "n_converted", "coverage").rows() == [
        ("A ⇄ B ×2+", 2, 1, pytest.approx(2 / 3)),
        ("A > B", 1, 0, 1.0),
    ]
