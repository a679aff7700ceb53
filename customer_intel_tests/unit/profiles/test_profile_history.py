"""The history of the profile: nights, repeated nights, and why rows begin and end."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import polars as pl

from customer_intel.core.store.beliefs import believed
from customer_intel.profiles.history import customer_profile_history
from customer_intel_tests.unit.sqlroom import Room

AS_OF = date(2026, 6, 1)
NIGHT = timedelta(days=1)
CONFIG: dict[str, Any] = {"slow_columns": ["country", "seats"], "new_days": 30}
EMPTY = pl.DataFrame(
    schema={
        "customer_id": pl.String,
        "valid_from": pl.Date,
        "valid_to": pl.Date,
        "recorded_at": pl.Date,
        "superseded_at": pl.Date,
        "change_reason": pl.String,
        "end_reason": pl.String,
        "configuration_id": pl.String,
        "country": pl.String,
        "seats": pl.Int64,
        "rfm_segment": pl.String,
        "as_of": pl.Date,
        "snapshot_id": pl.String,
    }
)


def night(
    previous: pl.DataFrame,
    day: date,
    now: dict[str, tuple[str | None, int]],
    status: dict[str, str] | None = None,
    mapped: list[tuple[str, str, str | None]] | None = None,
    config: dict[str, Any] = CONFIG,
    seats_since: dict[str, date] | None = None,
    denied: str = "",
) -> pl.DataFrame:
    found = customer_profile_history(
        pl.DataFrame(
            [(c, *values) for c, values in now.items()],
            orient="row",
            schema={"customer_id": pl.String, "country": pl.String, "seats": pl.Int64},
        ).with_columns(
            is_profiling_denied=pl.col("customer_id").is_in(list(denied)),
            rfm_segment=pl.when(~pl.col("customer_id").is_in(list(denied))).then(pl.lit("lost")),
        ),
        pl.DataFrame(
            {"customer_id": list(status or {}), "status": list((status or {}).values())},
            schema={"customer_id": pl.String, "status": pl.String},
        ),
        pl.DataFrame(
            [(c, day, reason, before) for c, reason, before in mapped or []],
            orient="row",
            schema={
                "customer_id": pl.String,
                "valid_from": pl.Date,
                "change_reason": pl.String,
                "previous_customer_id": pl.String,
            },
        ),
        pl.DataFrame(
            [(c, since, None) for c, since in (seats_since or {}).items()],
            orient="row",
            schema={"customer_id": pl.String, "valid_from": pl.Date, "valid_to": pl.Date},
        ),
        pl.DataFrame(
            schema={"customer_id": pl.String, "field": pl.String, "known_at": pl.Datetime("us")}
        ),
        day,
        config,
        previous,
        EMPTY.schema,
    )
    return found.with_columns(as_of=pl.lit(day), snapshot_id=pl.lit("x"))


def told(history: pl.DataFrame) -> list[tuple[Any, ...]]:
    """What is believed today."""
    return (
        history.filter(pl.col("superseded_at").is_null())
        .select("customer_id", "valid_from", "valid_to", "change_reason", "end_reason", "country")
        .rows()
    )


def test_history_opens_keeps_and_closes() -> None:
    first = night(EMPTY, AS_OF, {"a": ("DE", 1), "b": (None, 1)})
    second = night(first, AS_OF + NIGHT, {"a": ("DE", 1), "b": ("FR", 1)})
    assert told(second) == [
        ("a", AS_OF, None, "data", None, "DE"),
        ("b", AS_OF, AS_OF + NIGHT, "data", "data", None),
        ("b", AS_OF + NIGHT, None, "data", None, "FR"),
    ]
    # Until the second night nobody knew that b would move, and that stays so.
    known = second.filter(customer_id="b").select("valid_to", "recorded_at", "superseded_at")
    assert known.rows() == [
        (None, AS_OF, AS_OF + NIGHT),
        (AS_OF + NIGHT, AS_OF + NIGHT, None),
        (None, AS_OF + NIGHT, None),
    ]


def test_the_same_night_again_gives_the_same_rows_and_a_corrected_one_leaves_no_trace() -> None:
    first = night(EMPTY, AS_OF, {"a": ("DE", 1), "b": ("IT", 2)})
    wrong = night(first, AS_OF + NIGHT, {"a": ("FR", 1), "c": ("US", 1)})
    assert night(wrong, AS_OF + NIGHT, {"a": ("FR", 1), "c": ("US", 1)}).equals(wrong)
    assert (
        night(wrong, AS_OF + NIGHT, {"a": ("DE", 1), "b": ("IT", 2)})
        .drop("as_of")
        .equals(first.drop("as_of"))
    )
    assert night(wrong, AS_OF, {"a": ("DE", 1), "b": ("IT", 2)}).equals(first)


def test_identity_and_rules_are_named_as_reasons() -> None:
    first = night(EMPTY, AS_OF, {"a": ("DE", 1), "b": ("IT", 2), "e": ("US", 1)})
    second = night(
        first,
        AS_OF + NIGHT,
        {"a": ("DE", 3), "s": ("IT", 1)},
        {"b": "merged", "e": "erased"},
        [("a", "merge", "b"), ("s", "split", "a")],
    )
    assert told(second) == [
        ("a", AS_OF, AS_OF + NIGHT, "data", "merge", "DE"),
        ("a", AS_OF + NIGHT, None, "merge", None, "DE"),
        ("b", AS_OF, AS_OF + NIGHT, "data", "merge", "IT"),
        ("e", AS_OF, AS_OF + NIGHT, "data", "erasure", None),
        ("s", AS_OF + NIGHT, None, "split", None, "IT"),
    ]
    moved = night(
        first,
        AS_OF + NIGHT,
        {"a": ("DE", 3), "b": ("IT", 1), "e": ("US", 1)},
        mapped=[("a", "moved", "b")],
    )
    assert [row[:5] for row in told(moved) if row[4]] == [
        ("a", AS_OF, AS_OF + NIGHT, "data", "merge"),
        ("b", AS_OF, AS_OF + NIGHT, "data", "split"),
    ]
    other = {**CONFIG, "new_days": 60}
    third = night(
        first, AS_OF + NIGHT, {"a": ("FR", 1), "b": ("IT", 2), "e": ("US", 1)}, config=other
    )
    assert told(third)[0][4] == "rule"
    # b was judged by the new rules and stayed the same: what changes next is the data.
    fourth = night(
        third, AS_OF + 2 * NIGHT, {"a": ("FR", 1), "b": ("ES", 2), "e": ("US", 1)}, config=other
    )
    assert [row[4] for row in told(fourth) if row[0] == "b"] == ["data", None]


def test_history_never_overlaps_over_random_nights() -> None:
    chance = random.Random(3)
    history = EMPTY
    for number in range(40):
        now = {
            c: (chance.choice(["DE", None]), chance.randrange(2))
            for c in "abcdef"
            if chance.random() < 0.9
        }
        history = night(history, AS_OF + number * NIGHT, now)
        held = history.filter(pl.col("valid_to").is_null() & pl.col("superseded_at").is_null())
        assert {
            row[0]: row[1:] for row in held.select("customer_id", "country", "seats").rows()
        } == now
    made = Room(AS_OF)
    made.put("customer_profile_history", history.drop("as_of", "snapshot_id"))
    made.put("customer_profile", [{"customer_id": c} for c in now])
    made.check("customer_profile_history")


def test_what_is_learnt_late_is_believed_of_the_past_from_then_on() -> None:
    """Three seats since the day before the second night, told on the fourth; the country changed
    in between, and stays.
    """
    days = [AS_OF + k * NIGHT for k in range(4)]
    history = night(EMPTY, days[0], {"a": ("DE", 1)})
    history = night(history, days[1], {"a": ("DE", 1)})
    history = night(history, days[2], {"a": ("FR", 1)})
    history = night(history, days[3], {"a": ("FR", 3)}, seats_since={"a": days[0]})
    today = history.filter(pl.col("superseded_at").is_null())
    assert today.select("valid_from", "valid_to", "country", "seats").rows() == [
        (days[0], days[1], "DE", 1),
        (days[1], days[2], "DE", 3),
        (days[2], None, "FR", 3),
    ]

    def seats(about: date, believed_on: date | None = None) -> list[int]:
        return believed(history.lazy(), about, believed_on).collect()["seats"].to_list()

    assert (seats(days[1]), seats(days[2]), seats(days[3])) == ([1], [1], [3])
    assert (seats(days[1], days[2]), seats(days[1], days[3])) == ([1], [3])
    assert seats(days[0] - NIGHT) == seats(days[0] - NIGHT, days[3]) == []
    # Never before the customer's own beginning.
    early = night(EMPTY, days[0], {"b": ("DE", 1)})
    early = night(early, days[1], {"b": ("DE", 2)}, seats_since={"b": date(2020, 1, 1)})
    assert believed(early.lazy(), days[0], days[1]).collect()["seats"].to_list() == [2]
    assert believed(early.lazy(), days[0]).collect()["seats"].to_list() == [1]


def test_no_later_night_changes_what_a_night_believed() -> None:
    """Over random nights with late news, customers who come and go, and a change of rules: each
    night's belief about its own day is that night's profile, and all that it believed of any day is
    still answered the same after the last one.
    """
    chance, history = random.Random(8), EMPTY
    answers: dict[tuple[date, date], pl.DataFrame] = {}
    columns = ("customer_id", "valid_from", "recorded_at", "country", "seats")
    for number in range(30):
        day = AS_OF + number * NIGHT
        people = [c for c in "abcdefgh" if chance.random() < 0.95]
        now = {c: (chance.choice(["DE", "FR", None]), chance.randrange(3)) for c in people}
        since = {c: day - chance.randrange(1, 9) * NIGHT for c in people if chance.random() < 0.7}
        config = CONFIG if number < 20 else {**CONFIG, "new_days": 60}
        history = night(history, day, now, config=config, seats_since=since)
        own = believed(history.lazy(), day).collect()
        assert {
            row[0]: row[1:] for row in own.select("customer_id", "country", "seats").rows()
        } == now
        for back in range(0, number, 7):
            about = AS_OF + back * NIGHT
            asked = believed(history.lazy(), about, day).select(columns).collect()
            answers[day, about] = asked.sort("customer_id")
            assert asked["customer_id"].is_unique().all()
    for (day, about), then in answers.items():
        after = believed(history.lazy(), about, day).select(columns).collect().sort("customer_id")
        assert after.equals(then)
    late = history.filter(pl.col("valid_from") < pl.col("recorded_at"))
    assert late.height > 20
    # A night that is run again is the same again, whatever came after it.
    again = night(history, day, now, config=config, seats_since=since)
    assert again.equals(history)


def test_erasure_reaches_whatever_was_ever_believed() -> None:
    first = night(EMPTY, AS_OF, {"a": ("DE", 1)})
    second = night(first, AS_OF + NIGHT, {"a": ("FR", 2)})
    gone = night(second, AS_OF + 2 * NIGHT, {}, {"a": "erased"})
    assert gone.height == 4
    assert gone["country"].null_count() == gone["seats"].null_count() == 4


def test_who_may_not_be_profiled_any_more_was_never_judged() -> None:
    config = {"slow_columns": ["country", "seats", "rfm_segment"]}
    first = night(EMPTY, AS_OF, {"a": ("DE", 1), "b": ("DE", 1)}, config=config)
    second = night(first, AS_OF + NIGHT, {"a": ("FR", 1), "b": ("FR", 1)}, config=config)
    assert second["rfm_segment"].null_count() == 0
    now: dict[str, tuple[str | None, int]] = {"a": ("FR", 1), "b": ("FR", 1)}
    third = night(second, AS_OF + 2 * NIGHT, now, config=config, denied="a")
    by_customer = dict(
        third.group_by("customer_id").agg(pl.col("rfm_segment").null_count()).iter_rows()
    )
    assert by_customer == {"a": 3, "b": 0}
    assert third["country"].null_count() == 0


def test_a_history_of_one_time_becomes_one_of_two() -> None:
    """What an earlier version of the package left: no column superseded_at, ends written over."""
    old = pl.DataFrame(
        [
            ("a", AS_OF, AS_OF + NIGHT, AS_OF, "data", "data", "x", "DE", 1),
            ("a", AS_OF + NIGHT, None, AS_OF + NIGHT, "data", None, "x", "FR", 1),
        ],
        orient="row",
        schema=[
            c
            for c in EMPTY.columns
            if c not in ("superseded_at", "rfm_segment", "as_of", "snapshot_id")
        ],
    )
    two = night(old, AS_OF + 2 * NIGHT, {"a": ("FR", 1)})
    right = night(EMPTY, AS_OF, {"a": ("DE", 1)})
    right = night(right, AS_OF + NIGHT, {"a": ("FR", 1)})
    columns = ("valid_from", "valid_to", "recorded_at", "superseded_at", "country")
    assert two.select(columns).rows() == right.select(columns).rows()
