"""What holds for any records and any nights: everyone has one id, ids stay, old ids resolve, order is irrelevant."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer_intel.identity.clusters import cluster
from customer_intel.identity.hubs import hub_value
from customer_intel.identity.links import match_conflict, match_edge
from customer_intel.identity.registry import COLUMNS, assign, record_customer_map
from customer_intel_tests.unit.identity_lab import MAP, NIGHT, POLARS, Lab, Row

IDS = (*MAP, "customer_id_registry", "customer_id_alias")
OVERRIDES: dict[str, Any] = {
    "override_id": pl.String, "action": pl.String, "record_key_a": pl.String, "record_key_b": pl.String,
    "decided_at": pl.Datetime("us"),
}  # fmt: skip
slow = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)

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
overrides = st.lists(
    st.tuples(st.sampled_from(["merge", "never_merge", "split"]), st.integers(0, 9), st.integers(0, 9) | st.none()),
    max_size=3,
)
partitions = st.lists(st.dictionaries(st.integers(0, 11), st.integers(0, 4), min_size=1), min_size=1, max_size=6)


def filled(
    records: list[dict[str, Any]], decided: list[tuple[str, int, int | None]], order: random.Random | None = None
) -> Lab:
    lab = Lab()
    for number, columns in enumerate(records):
        lab.contact(f"crm:{number}", **columns)
    for action, a, b in decided:
        if a != b:
            lab.override(action, f"crm:{a}", None if b is None else f"crm:{b}")
    if order:
        for rows in lab.rows.values():
            order.shuffle(rows)
    return lab


@slow
@given(st.lists(people, min_size=1, max_size=10), overrides, st.randoms(use_true_random=False))
def test_any_records(
    records: list[dict[str, Any]], decided: list[tuple[str, int, int | None]], order: random.Random
) -> None:
    lab = filled(records, decided).night(only=MAP)
    found = lab.tables["record_customer_map"]
    assert sorted(lab.customers()) == sorted(f"crm:{i}" for i in range(len(records)))
    assert found["valid_to"].null_count() == found.height

    # A vetoed pair is one customer only where a login or a person's decision says so.
    firm = ("override_merge", "unique_user_id")
    edges, conflicts = lab.tables["match_edge"], lab.tables["match_conflict"]
    excused = cluster_by(lab, edges.filter(pl.col("rule_id").is_in(firm)), conflicts)
    today = lab.customers()
    for a, b, reason in conflicts.select("record_key_a", "record_key_b", "reason").iter_rows():
        if today[a] == today[b]:
            assert reason != "never_merge"
            assert any(excused[r] == excused[s] for r, s in bridged(lab, today[a], excused)), (a, b, reason)

    assert filled(records, decided, order).night(only=MAP).tables["record_customer_map"].equals(found)
    assert lab.night(only=MAP).tables["record_customer_map"].equals(found)
    assert lab.night(NIGHT + timedelta(1), only=MAP).tables["record_customer_map"].equals(found)


def cluster_by(lab: Lab, edges: pl.DataFrame, conflicts: pl.DataFrame) -> dict[str, str]:
    signed = lab.tables["party_record"].select("record_key", signature=pl.int_range(pl.len()))
    return dict(cluster(signed, edges, conflicts.filter(pl.col("reason") == "never_merge")).iter_rows())


def bridged(lab: Lab, customer: str, excused: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs of the customer's records that a login or a decision joins."""
    keys = sorted(key for key, found in lab.customers().items() if found == customer)
    return [(a, b) for a in keys for b in keys if a < b and excused[a] == excused[b]]


@slow
@given(st.lists(people, min_size=4, max_size=10), overrides, st.integers(1, 3))
def test_old_ids_resolve_and_a_rebuilt_night_is_the_same(
    records: list[dict[str, Any]], decided: list[tuple[str, int, int | None]], late: int
) -> None:
    lab = filled(records[:-late], []).night(only=IDS)
    seen = set(lab.customers().values())
    for number, columns in enumerate(records[-late:], len(records) - late):
        lab.contact(f"crm:{number}", **columns)
    lab.rows["identity_overrides"] = filled([], decided).rows["identity_overrides"]
    lab.night(NIGHT + timedelta(1), only=IDS)
    seen |= set(lab.customers().values())
    active = set(lab.customers().values())
    for customer in seen:
        heirs = lab.alias(customer)
        assert heirs and set(heirs) <= active
        assert heirs == [customer] or customer not in active
    # The groups are those of a full rebuild; only the names of the groups carry history.
    fresh = filled(records, decided).night(only=MAP)
    assert lab.groups() == fresh.groups()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(partitions)
def test_ids_over_any_history_of_clusters(history: list[dict[int, int]]) -> None:
    state = pl.DataFrame(schema=COLUMNS)
    ever: dict[str, date] = {}
    for night, groups in enumerate(history):
        as_of = NIGHT + timedelta(night)
        clusters = named(groups)
        before = open_rows(state)
        state = assign(clusters, as_of, state)
        assert assign(clusters, as_of, state).equals(state), "a re-run is a no-op"
        assert assign(clusters.reverse(), as_of, state).equals(state), "order is irrelevant"
        now = open_rows(state)
        assert sorted(now) == sorted(clusters["record_key"])
        joined = clusters.with_columns(customer_id=pl.col("record_key").replace_strict(now))
        assert joined["customer_id"].n_unique() == joined["cluster"].n_unique()
        assert (
            joined.group_by("cluster").agg(pl.col("customer_id").n_unique()).select(pl.col("customer_id").max()).item()
            == 1
        )
        for customer in set(now.values()) - set(before.values()):
            assert customer not in ever, "an id is never given twice"
            ever[customer] = as_of
        overlap_rule_holds(before, now, ever)
        assert state.group_by("record_key", "valid_from").len()["len"].max() == 1
        assert state.filter(pl.col("valid_to") <= pl.col("valid_from")).is_empty()


def named(groups: dict[int, int]) -> pl.DataFrame:
    frame = pl.DataFrame(
        [(f"r{record:02d}", group) for record, group in sorted(groups.items())],
        schema=["record_key", "group"],
        orient="row",
    )
    return frame.select("record_key", cluster=pl.col("record_key").min().over("group"))


def open_rows(state: pl.DataFrame) -> dict[str, str]:
    return dict(state.filter(pl.col("valid_to").is_null()).select("record_key", "customer_id").iter_rows())


def overlap_rule_holds(before: dict[str, str], now: dict[str, str], born: dict[str, date]) -> None:
    """An id that lives on is where most of its records are; where two could stay, the older one did."""
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


def test_ten_nights_change_few_ids() -> None:
    """+2 % records a night, and each night 1 % of the edges missing: share of ids changed per record-night."""
    rng = random.Random(7)
    lab = Lab()
    rows, facts = records_of(rng, range(600))
    state, changed, nights = pl.DataFrame(schema=COLUMNS), 0, 0
    for night in range(10):
        if night:
            more_rows, more_facts = records_of(rng, [rng.randrange(600) for _ in range(len(rows) // 50)], night)
            rows, facts = rows + more_rows, facts + more_facts
        party, known = frames_of(rows, facts)
        hubs = hub_value(known, party, lab.config)
        nobody = pl.DataFrame(schema=OVERRIDES)
        edges = match_edge(party, known, hubs, nobody, lab.config)
        edges = edges.filter(pl.Series([rng.random() > 0.01 for _ in range(edges.height)]))
        conflicts = match_conflict(edges, party, known, hubs, nobody, lab.config)
        before = open_rows(state)
        state = record_customer_map(party, hubs, nobody, edges, conflicts, NIGHT + timedelta(night), lab.config, state)
        now = open_rows(state)
        changed += sum(now[record] != customer for record, customer in before.items())
        nights += len(before)
    assert changed / nights <= 0.0025, f"{changed} of {nights} = {changed / nights:.4%}"


def records_of(rng: random.Random, people: Iterable[int], night: int = 0) -> tuple[list[Row], list[Row]]:
    """One to four records a person; most carry an email, many a mobile number, half a login."""
    rows: list[Row] = []
    facts: list[Row] = []
    for person in people:
        for _ in range(1 if night else rng.choice([1, 2, 3, 4])):
            key = f"s{rng.randrange(3)}:{night:02d}-{len(rows):05d}"
            rows.append({"record_key": key, "first_name_norm": f"name{person:04d}", "external_user_id": None})
            held = [("email", "strong", f"{person}@x.de", 0.95), ("phone", "strong", f"+49171{person:07d}", 0.7)]
            held.append(("user_id", "unique", f"U{person}", 0.5))
            for kind, strength, value, share in held:
                if rng.random() < share:
                    fact = {"identifier_type": kind, "namespace": kind, "value_norm": value, "strength": strength}
                    facts.append({"record_key": key} | fact)
    return rows, facts


def frames_of(rows: list[Row], facts: list[Row]) -> tuple[pl.DataFrame, pl.DataFrame]:
    lab = Lab()
    party = {c.name: POLARS[c.type] for c in lab.contract.table("party_record").columns}
    fact = {c.name: POLARS[c.type] for c in lab.contract.table("identifier_fact").columns}
    return pl.DataFrame(rows, schema=party), pl.DataFrame(facts, schema=fact)
