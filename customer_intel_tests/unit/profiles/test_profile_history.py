"""The history of the profile: nights, repeated nights, and why rows begin and end."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import polars as pl

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
        "change_reason": pl.String,
        "end_reason": pl.String,
        "configuration_id": pl.String,
        "country": pl.String,
        "seats": pl.Int64,
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
) -> pl.DataFrame:
    found = customer_profile_history(
        pl.DataFrame(
            [(c, *values) for c, values in now.items()],
            orient="row",
            schema={"customer_id": pl.String, "country": pl.String, "seats": pl.Int64},
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
        day,
        config,
        previous,
    )
    return found.with_columns(as_of=pl.lit(day), snapshot_id=pl.lit("x"))


def told(history: pl.DataFrame) -> list[tuple[Any, ...]]:
    return history.select(
        "customer_id", "valid_from", "valid_to", "change_reason", "end_reason", "country"
    ).rows()


def test_history_opens_keeps_and_closes() -> None:
    first = night(EMPTY, AS_OF, {"a": ("DE", 1), "b": (None, 1)})
    second = night(first, AS_OF + NIGHT, {"a": ("DE", 1), "b": ("FR", 1)})
    assert told(second) == [
        ("a", AS_OF, None, "data", None, "DE"),
        ("b", AS_OF, AS_OF + NIGHT, "data", "data", None),
        ("b", AS_OF + NIGHT, None, "data", None, "FR"),
    ]
    assert second["recorded_at"].to_list() == [AS_OF, AS_OF, AS_OF + NIGHT]


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
        held = history.filter(pl.col("valid_to").is_null())
        assert {
            row[0]: row[1:] for row in held.select("customer_id", "country", "seats").rows()
        } == now
    made = Room(AS_OF)
    made.put("customer_profile_history", history.drop("as_of", "snapshot_id"))
    made.put("customer_profile", [{"customer_id": c} for c in now])
    made.check("customer_profile_history")
