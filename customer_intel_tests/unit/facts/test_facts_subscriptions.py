"""States of subscriptions, what they bring a month and since when, in stretches of days."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from customer_intel_tests.unit.facts_rows import chain, exports
from customer_intel_tests.unit.profile_rows import AS_OF, ago, known, subscription
from customer_intel_tests.unit.sqlroom import Room

SHOWN = ("state", "valid_from", "valid_to", "mrr")


def day(days: int) -> date:
    return ago(days).date()


def told(
    *rows: dict[str, Any], shown: tuple[str, ...] = SHOWN, **tables: list[dict[str, Any]]
) -> list[tuple[Any, ...]]:
    """The stretches of the subscriptions, in order of time."""
    return stretches(known("C", subscriptions=list(rows), **tables), shown)


def stretches(made: Room, shown: tuple[str, ...] = SHOWN) -> list[tuple[Any, ...]]:
    return (
        chain(made, "subscription_fact").sort("subscription_key", "valid_from").select(shown).rows()
    )


def moves(*rows: dict[str, Any]) -> list[tuple[date, Decimal, Decimal]]:
    """Day, new and churned recurring revenue."""
    found = chain(known("C", subscriptions=list(rows)), "mrr_movement")
    return found.sort("day").select("day", "new_mrr", "churned_mrr").rows()


# ---- states
@pytest.mark.parametrize(
    ("word", "state", "mrr", "is_running", "is_dunning", "is_kept"),
    [
        ("active", "active", 10, True, False, True),
        ("past_due", "past_due", 10, True, True, True),
        ("paused", "paused", 0, True, False, True),
        ("unpaid", "unpaid", 0, True, True, False),
        ("free", "free", 0, True, False, False),
        ("gekündigt zum Laufzeitende", "ending", 10, True, False, True),
        ("canceled", "ended", 0, False, False, False),
        ("mystery", "unknown", 0, False, False, False),
    ],
)
def test_a_subscription_brings_its_price_by_its_state(
    word: str, state: str, mrr: int, is_running: bool, is_dunning: bool, is_kept: bool
) -> None:
    made = known("C", subscriptions=[subscription(1, status=word, updated_at=ago(20))])
    (row,) = chain(made, "subscription_fact").filter(pl.col("valid_to").is_null()).rows(named=True)
    assert (row["state"], row["source_state"], row["mrr"]) == (state, word, mrr)
    assert (row["is_running"], row["is_dunning"], row["is_kept"]) == (
        is_running,
        is_dunning,
        is_kept,
    )
    profile = chain(made, "customer_subscription").row(0, named=True)
    assert (profile["mrr"], profile["subscriptions_active"]) == (mrr, int(mrr > 0))


@pytest.mark.parametrize("word", ["past_due", "paused", "unpaid"])
def test_a_state_holds_since_the_last_change_and_before_it_the_subscription_was_active(
    word: str,
) -> None:
    mrr = 10 if word == "past_due" else 0
    assert told(subscription(1, status=word, updated_at=ago(20))) == [
        ("active", day(100), day(20), 10),
        (word, day(20), None, mrr),
    ]


@pytest.mark.parametrize("word", ["past_due", "paused", "unpaid", "canceled"])
def test_a_state_without_any_date_holds_today_all_the_same(word: str) -> None:
    state = "ended" if word == "canceled" else word
    rows = told(subscription(1, status=word))
    assert rows[-1][:3] == (state, day(1), None)
    assert rows[-1][3] == (10 if word == "past_due" else 0)


def test_what_never_started_is_no_subscription_of_anybody() -> None:
    made = known(
        "C",
        subscriptions=[
            subscription(1, status="incomplete"),
            subscription(2, status="incomplete_expired"),
        ],
    )
    assert stretches(made) == []
    assert chain(made, "customer_subscription").is_empty()
    assert chain(made, "activity").is_empty()


def test_one_that_began_after_all_was_not_paid_until_then() -> None:
    made = known("C")
    began = subscription(1, status="incomplete", started_at=datetime(2026, 5, 1))
    paid = {**began, "status": "active", "updated_at": datetime(2026, 5, 7)}
    exports(made, "subscriptions", {date(2026, 5, 5): [began], date(2026, 5, 10): [paid]})
    assert stretches(made) == [
        ("unpaid", date(2026, 5, 1), date(2026, 5, 7), 0),
        ("active", date(2026, 5, 7), None, 10),
    ]


def test_a_plan_at_no_price_is_free_and_nobody_pays_for_it() -> None:
    row = subscription(1, unit_amount=Decimal("0.00"))
    assert told(row) == [("free", day(100), None, 0)]
    profile = chain(known("C", subscriptions=[row]), "customer_subscription").row(0, named=True)
    assert (profile["subscriptions_total"], profile["subscriptions_active"], profile["mrr"]) == (
        1,
        0,
        0,
    )


# ---- trials
def trial(**columns: Any) -> dict[str, Any]:
    return subscription(1, trial_end=ago(70), **columns)


def test_a_trial_that_lapsed_is_neither_new_nor_churned() -> None:
    lapsed = trial(status="canceled", ended_at=ago(70), canceled_at=ago(75))
    assert told(lapsed) == [("trial", day(100), day(70), 0), ("ended", day(70), None, 0)]
    assert moves(lapsed) == []


def test_a_trial_that_ends_within_the_grace_lapsed_and_one_that_ends_later_paid() -> None:
    within = trial(status="canceled", ended_at=ago(69.5))
    assert moves(within) == []
    after = trial(status="canceled", ended_at=ago(68))
    assert moves(after) == [(day(70), 10, 0), (day(68), 0, -10)]


def test_a_trial_ended_early_ended_then_and_ran_on_for_nobody() -> None:
    assert told(trial(status="canceled", ended_at=ago(90), canceled_at=ago(90))) == [
        ("trial", day(100), day(90), 0),
        ("ended", day(90), None, 0),
    ]


def test_recurring_revenue_begins_when_the_trial_converts() -> None:
    converted = trial(status="active", updated_at=ago(10))
    assert told(converted) == [("trial", day(100), day(70), 0), ("active", day(70), None, 10)]
    assert moves(converted) == [(day(70), 10, 0)]
    told_activity = chain(known("C", subscriptions=[converted]), "activity").sort("ts")
    assert told_activity.select("activity", "ts").rows() == [
        ("trial_started", ago(100)),
        ("subscription_started", ago(70)),
    ]


def test_a_trial_that_still_runs_brings_nothing_yet() -> None:
    running = subscription(1, status="trialing", trial_end=ago(-7))
    assert told(running) == [("trial", day(100), None, 0)]
    made = known("C", subscriptions=[running])
    row = chain(made, "customer_subscription").row(0, named=True)
    assert (row["subscription_status"], row["trial_ends_at"], row["mrr"]) == ("trial", ago(-7), 0)
    assert chain(made, "customer_lifecycle")["lifecycle_stage"].to_list() == ["trialing"]


# ---- ends
def test_cancelled_at_the_periods_end_it_is_paid_until_then() -> None:
    ending = subscription(
        1, cancel_at_period_end=True, canceled_at=ago(10), current_period_end=ago(-5)
    )
    assert told(ending, shown=("state", "mrr", "is_ending", "ends_on")) == [
        ("ending", 10, True, day(-5))
    ]
    assert moves(ending) == [(day(100), 10, 0)]


def test_after_its_end_it_is_ended_and_the_revenue_is_gone_from_that_day_on() -> None:
    ended = subscription(1, status="canceled", canceled_at=ago(10), ended_at=ago(3))
    assert told(ended) == [("active", day(100), day(3), 10), ("ended", day(3), None, 0)]
    assert moves(ended) == [(day(100), 10, 0), (day(3), 0, -10)]


@pytest.mark.parametrize("status", ["trialing", "past_due", "paused"])
def test_whatever_its_state_an_end_that_lies_ahead_is_told(status: str) -> None:
    dates = {"trial_end": ago(-9)} if status == "trialing" else {"updated_at": ago(9)}
    made = known(
        "C", subscriptions=[subscription(1, status=status, cancel_at_period_end=True, **dates)]
    )
    assert chain(made, "subscription_fact").filter(pl.col("valid_to").is_null())[
        "is_ending"
    ].to_list() == [True]
    assert chain(made, "customer_subscription")["is_canceling"].to_list() == [True]


def test_an_end_on_the_nights_own_day_has_not_come_yet() -> None:
    made = known("C", subscriptions=[subscription(1, ended_at=ago(0))])
    assert [row[0] for row in stretches(made)] == ["ending"]
    assert chain(made, "customer_subscription")["mrr"].to_list() == [10]


# ---- prices
def price(**columns: Any) -> Decimal:
    ((found,),) = told(subscription(1, **columns), shown=("monthly_price",))
    return Decimal(found)


@pytest.mark.parametrize(
    ("interval", "count", "month"),
    [
        ("month", 1, 12),
        ("month", 3, 4),
        ("year", 1, 1),
        ("year", 2, Decimal("0.5")),
        # A day is 365 / 12 times a month, a week seven days of that kind: 365 / 84 times.
        ("day", 1, 365),
        ("week", 1, Decimal("52.14")),
        ("week", 2, Decimal("26.07")),
        ("day", 7, Decimal("52.14")),
    ],
)
def test_prices_of_any_period_are_brought_to_a_month_by_one_factor(
    interval: str, count: int, month: Decimal | int
) -> None:
    assert (
        price(unit_amount=Decimal("12.00"), billing_interval=interval, interval_count=count)
        == month
    )


def test_seats_multiply_a_price_and_a_discount_takes_from_it_to_nothing_at_most() -> None:
    assert price(quantity=3.0) == 30
    assert price(quantity=3.0, discount=Decimal("5.00")) == 25
    assert price(discount=Decimal("10.00")) == 0
    assert price(discount=Decimal("99.00")) == 0
    assert told(subscription(1, discount=Decimal("99.00"))) == [("free", day(100), None, 0)]


def change(number: int, days: float, mrr: str) -> dict[str, Any]:
    return {
        "source_system": "bill",
        "event_id": str(number),
        "subscription_id": "1",
        "occurred_at": ago(days),
        "mrr": Decimal(mrr),
    }


def test_where_a_source_tells_changes_each_holds_from_its_moment_on() -> None:
    changes = [
        change(1, 100, "30.00"),
        change(2, 60, "20.00"),
        change(3, 20, "10.00"),
        change(4, -1, "99.00"),
    ]
    assert told(subscription(1), subscription_events=changes) == [
        ("active", day(100), day(60), 30),
        ("active", day(60), day(20), 20),
        ("active", day(20), None, 10),
    ]


def test_before_the_first_change_that_is_told_the_price_is_todays() -> None:
    assert told(subscription(1), subscription_events=[change(1, 60, "30.00")])[0] == (
        "active",
        day(100),
        day(60),
        10,
    )


def test_changes_of_one_day_leave_the_last() -> None:
    changes = [change(1, 100, "30.00"), change(2, 59.9, "20.00"), change(3, 59.2, "40.00")]
    assert told(subscription(1), subscription_events=changes) == [
        ("active", day(100), day(60), 30),
        ("active", day(60), None, 40),
    ]


def test_a_change_to_nothing_is_free_until_the_next() -> None:
    changes = [change(1, 100, "30.00"), change(2, 60, "0.00"), change(3, 20, "10.00")]
    assert [row[0] for row in told(subscription(1), subscription_events=changes)] == [
        "active",
        "free",
        "active",
    ]


def test_the_newest_change_that_disagrees_with_the_price_is_said() -> None:
    made = known("C", subscriptions=[subscription(1)], subscription_events=[change(1, 60, "30.00")])
    chain(made, "subscription_fact")
    assert made.warnings("subscription_fact") == ["price_agrees_with_events"]


# ---- several exports
MAY = [date(2026, 5, 10), date(2026, 5, 20)]


def twice(first: dict[str, Any], second: dict[str, Any]) -> Room:
    made = known("C")
    exports(made, "subscriptions", {MAY[0]: [first], MAY[1]: [second]})
    return made


def test_a_change_between_two_exports_holds_from_the_sources_date_of_it() -> None:
    first = subscription(1, updated_at=ago(100))
    dearer = {**first, "unit_amount": Decimal("15.00"), "updated_at": datetime(2026, 5, 14, 9)}
    made = twice(first, dearer)
    assert stretches(made) == [
        ("active", day(100), date(2026, 5, 14), 10),
        ("active", date(2026, 5, 14), None, 15),
    ]
    versions = (
        chain(made, "subscription_version")
        .select("version_no", "known_from", "known_to", "changed_at")
        .rows()
    )
    assert versions == [
        (1, ago(100), datetime(2026, 5, 20), ago(100)),
        (2, datetime(2026, 5, 20), None, datetime(2026, 5, 14, 9)),
    ]


def test_a_change_without_a_date_holds_from_just_before_the_export_that_shows_it() -> None:
    first = subscription(1)
    made = twice(first, {**first, "status": "unpaid"})
    assert stretches(made) == [
        ("active", day(100), date(2026, 5, 19), 10),
        ("unpaid", date(2026, 5, 19), None, 0),
    ]


def test_a_change_that_the_newest_export_shows_undated_counts_tonight() -> None:
    first = subscription(1)
    for status in ("unpaid", "canceled"):
        made = known("C")
        exports(made, "subscriptions", {MAY[0]: [first], AS_OF: [{**first, "status": status}]})
        assert chain(made, "customer_subscription")["mrr"].to_list() == [0], status


def test_paused_and_resumed_are_stretches_of_their_own() -> None:
    made = known("C")
    first = subscription(1, updated_at=ago(100))
    paused = {**first, "status": "paused", "updated_at": datetime(2026, 5, 12)}
    resumed = {**first, "updated_at": datetime(2026, 5, 25)}
    exports(made, "subscriptions", {MAY[0]: [first], MAY[1]: [paused], AS_OF: [resumed]})
    assert [row[:3] for row in stretches(made)] == [
        ("active", day(100), date(2026, 5, 12)),
        ("paused", date(2026, 5, 12), date(2026, 5, 25)),
        ("active", date(2026, 5, 25), None),
    ]
    found = (
        chain(made, "mrr_movement")
        .sort("day")
        .select("new_mrr", "churned_mrr", "reactivation_mrr")
        .rows()
    )
    assert found == [(10, 0, 0), (0, -10, 0), (0, 0, 10)]


def test_a_cancellation_that_was_announced_is_ending_from_then_on() -> None:
    first = subscription(1, current_period_end=datetime(2026, 6, 20), updated_at=ago(100))
    leaving = {**first, "cancel_at_period_end": True, "updated_at": datetime(2026, 5, 15)}
    assert [row[0] for row in stretches(twice(first, leaving))] == ["active", "ending"]
    stays = {**leaving, "cancel_at_period_end": False, "updated_at": datetime(2026, 5, 15)}
    assert [row[0] for row in stretches(twice(leaving, stays))][-1] == "active"


def test_exports_that_say_the_same_are_one_stretch_though_the_period_moves_on() -> None:
    first = subscription(1, current_period_end=datetime(2026, 5, 12))
    made = twice(first, {**first, "current_period_end": datetime(2026, 6, 12)})
    assert stretches(made) == [("active", day(100), None, 10)]
