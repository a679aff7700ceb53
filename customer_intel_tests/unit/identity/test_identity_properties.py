"""What holds for any records over any nights: everyone has one id, ids stay, old ids resolve, order
is irrelevant, decisions win.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from customer_intel.identity.ids.record_customer_map import assign
from customer_intel.identity.linking.overrides import decisions
from customer_intel_tests.unit.identity_lab import MAP, MEMORY, NIGHT, Lab
from customer_intel_tests.unit.sqlroom import schema

IDS = (*MAP, "customer_id_registry", "customer_id_event", "customer_id_alias")
NIGHTS = 3
OVERRIDES: dict[str, Any] = {
    "override_id": pl.String, "action": pl.String, "record_key_a": pl.String, "record_key_b": pl.String,
    "decided_at": pl.Datetime("us"),
}  # fmt: skip
EXAMPLE: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
}

people = st.fixed_dictionaries(
    {
        "first_name": st.sampled_from([None, "Anna", "Ann", "A.", "Ben", "Benjamin", "Kurt"]),
        "last_name": st.sampled_from([None, "Weber", "Koch", "Weber Jr"]),
        "email": st.sampled_from([None, "a@x.de", "b@x.de", "info@x.de", "a+1@x.de", "none@x.de"]),
        "phone": st.sampled_from([None, "+491712345678", "+491712345679", "+4930123456"]),
        "external_user_id": st.sampled_from([None, None, None, "U1", "U2"]),
        "birth_date": st.sampled_from([None, date(1980, 2, 3), date(1990, 7, 8), date(1980, 1, 1)]),
    }
)
nights = st.integers(0, NIGHTS - 1)
records = st.tuples(nights, people, nights, st.none() | people)
actions, places = st.sampled_from(["merge", "never_merge", "split"]), st.integers(0, 6)
overrides = st.lists(st.tuples(nights, actions, places, places | st.none()), max_size=3)
# One small home an example: people of two would be compared.
homes = st.tuples(st.lists(records, min_size=2, max_size=7), overrides)
partitions = st.lists(
    st.dictionaries(st.integers(0, 11), st.integers(0, 4), min_size=1), min_size=1, max_size=6
)


def lake_of(home: Any, night: int) -> Lab:
    """What is there on that night: each record from its night on; at its second night it changes,
    or goes.
    """
    known, decided = home
    lab = Lab()
    for i, (arrives, first, changes, then) in enumerate(known):
        columns = first if night <= max(arrives, changes) else then
        if arrives <= night and columns is not None:
            lab.contact(f"crm:{i}", **columns)
    for since, action, a, b in decided:
        if since <= night and a != b:
            lab.override(action, f"crm:{a}", None if b is None else f"crm:{b}")
    return lab


def holds_over_nights(home: Any) -> None:
    lab, ever, ended = Lab(), set(), set()
    for night in range(NIGHTS):
        lab.rows = lake_of(home, night).rows
        lab.night(NIGHT + timedelta(night), only=IDS)
        today = lab.customers()
        open_keys = lab.tables["record_customer_map"].filter(pl.col("valid_to").is_null())[
            "record_key"
        ]
        assert sorted(open_keys) == sorted(row["record_key"] for row in lab.rows["contacts"]), (
            "one open id a record"
        )
        active = set(today.values())
        assert not active & ended, "an id that ended is never given again"
        ever |= active
        ended |= ever - active
        old_ids_resolve(lab, ever, active)
        decisions_win(lab, today)
        vetoes_hold(lab, today)
        births = lab.tables["customer_id_event"].filter(pl.col("event_type") == "born")[
            "customer_id"
        ]
        assert sorted(births) == sorted(ever), "everybody is born once"

    found, groups = lab.tables["record_customer_map"], lab.groups()
    for rows in lab.rows.values():
        random.Random(1).shuffle(rows)
    last = NIGHT + timedelta(NIGHTS - 1)
    lab.night(last, only=MAP)
    assert lab.tables["record_customer_map"].equals(found), (
        "the same night again, in another order, changes nothing"
    )
    rebuilt = lake_of(home, NIGHTS - 1)
    rebuilt.previous = {name: lab.previous[name] for name in MEMORY}
    assert rebuilt.night(last, only=MAP).groups() == groups, (
        "night by night or at once, with the same memory: the same customers"
    )


def old_ids_resolve(lab: Lab, ever: set[str], active: set[str]) -> None:
    alias = lab.tables["customer_id_alias"]
    assert set(alias["alias_customer_id"]) == ever
    for (customer, resolution), heirs in alias.group_by("alias_customer_id", "resolution"):
        led_to = heirs["customer_id"].to_list()
        assert len(led_to) == len(set(led_to))
        if resolution == "active":
            assert led_to == [customer]
        elif resolution == "retired":
            assert led_to == [None]
        else:
            assert resolution == ("merged" if len(led_to) == 1 else "split")
            assert set(led_to) <= active and customer not in active


def decisions_win(lab: Lab, today: dict[str, str]) -> None:
    decided = decisions(
        pl.DataFrame(lab.rows["identity_overrides"], schema=OVERRIDES, strict=False)
    )
    for a, b in decided.apart.iter_rows():
        assert a not in today or b not in today or today[a] != today[b], "never_merge holds"
    hindered = set(decided.kept_apart["record_key"])
    for a, b in decided.together.iter_rows():
        if a in today and b in today and not hindered:
            assert today[a] == today[b], "merge holds whatever speaks against it"


def vetoes_hold(lab: Lab, today: dict[str, str]) -> None:
    """A vetoed pair is never one customer: a decision to merge lifts the veto."""
    vetoed = lab.tables["match_edge"].filter(pl.col("veto").is_not_null())
    for a, b, reason in vetoed.select("record_key_a", "record_key_b", "veto").iter_rows():
        assert today[a] != today[b], reason


@settings(max_examples=12, **EXAMPLE)
@given(homes)
@pytest.mark.slow
def test_any_records_over_any_nights(home: Any) -> None:
    holds_over_nights(home)


@pytest.mark.slow
@settings(max_examples=40, **EXAMPLE | {"derandomize": False})
@given(homes)
def test_very_many_records_over_any_nights(home: Any) -> None:
    holds_over_nights(home)


@pytest.mark.slow
@settings(max_examples=20, deadline=None, derandomize=True)
@given(partitions)
def test_ids_over_any_history_of_clusters(history: list[dict[int, int]]) -> None:
    state = schema("record_customer_map").to_frame()
    ever: dict[str, date] = {}
    for night, groups in enumerate(history):
        as_of = NIGHT + timedelta(night)
        clusters = named(groups)
        before = open_rows(state)
        state = assign(clusters, as_of, state)
        assert assign(clusters.reverse(), as_of, state).equals(state), (
            "the night again, in another order: no change"
        )
        now = open_rows(state)
        assert sorted(now) == sorted(clusters["record_key"])
        ids = (
            clusters.with_columns(id=pl.col("record_key").replace_strict(now))
            .select("cluster", "id")
            .unique()
        )
        assert ids["id"].is_unique().all() and ids["cluster"].is_unique().all()
        for customer in set(now.values()) - set(before.values()):
            assert customer not in ever, "an id is never given twice"
            ever[customer] = as_of
        overlap_rule_holds(before, now, ever)
        assert state.select("record_key", "valid_from").is_unique().all()
        assert state.filter(pl.col("valid_to") <= pl.col("valid_from")).is_empty()


def named(groups: dict[int, int]) -> pl.DataFrame:
    rows = [(f"r{record:02d}", group) for record, group in sorted(groups.items())]
    frame = pl.DataFrame(rows, schema=["record_key", "group"], orient="row")
    return frame.select("record_key", cluster=pl.col("record_key").min().over("group"))


def open_rows(state: pl.DataFrame) -> dict[str, str]:
    return dict(
        state.filter(pl.col("valid_to").is_null()).select("record_key", "customer_id").iter_rows()
    )


def overlap_rule_holds(before: dict[str, str], now: dict[str, str], born: dict[str, date]) -> None:
    """An id that lives on is where most of its records are; where two could stay, the older one
    did.
    """
    for old in set(before.values()):
        counts: dict[str, int] = {}
        for record, customer in before.items():
            if customer == old and record in now:
                counts[now[record]] = counts.get(now[record], 0) + 1
        if old in now.values():
            assert counts[old] == max(counts.values())
        elif counts:
            best = [customer for customer, n in counts.items() if n == max(counts.values())]
            assert any(born[customer] <= born[old] for customer in best)


def test_of_equal_parts_the_one_that_has_the_id_longest_keeps_it() -> None:
    state = assign(named({5: 0}), NIGHT, schema("record_customer_map").to_frame())
    first = open_rows(state)["r05"]
    state = assign(named({5: 0, 1: 0}), NIGHT + timedelta(1), state)
    state = assign(named({5: 0, 1: 1}), NIGHT + timedelta(2), state)
    assert open_rows(state)["r05"] == first != open_rows(state)["r01"]


def test_overrides_schema_is_the_contract_s() -> None:
    assert OVERRIDES.items() <= schema("identity_overrides").items()
