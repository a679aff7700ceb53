"""The links that hold customers together: the strongest tree, in whatever order rows come, told as
`why` tells it.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import polars as pl
import pytest
from customer_intel.identity.linking.likely_pair import WEIGHTS
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_intel.identity.explain.match_explanation import TABLES, Why
from customer_intel.identity.explain.reasons import explained, match_explanation
from customer_intel.identity.linking.match_edge import RULES
from customer_intel.identity.matching.graph import spanning_tree
from customer_intel_tests.unit.identity_lab import MOBILE, Lab, person

EDGE = {
    "record_key_a": pl.String,
    "record_key_b": pl.String,
    "rule_id": pl.String,
    "is_link": pl.Boolean,
}
PARTS = {"weight": pl.Float64, **dict.fromkeys(WEIGHTS, pl.Float64)}
PAIRS = st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] < pair[1])


def edges(*rows: tuple[str, str, str, float | None], **more: Any) -> pl.DataFrame:
    """Links (a, b, rule, weight)."""
    told = [
        {"record_key_a": a, "record_key_b": b, "rule_id": rule, "weight": bits, **more}
        for a, b, rule, bits in rows
    ]
    return pl.DataFrame([{"is_link": True, **row} for row in told], schema={**EDGE, **PARTS})


def customers(**records: str) -> pl.DataFrame:
    """customer="a b c": the records it has today."""
    rows = [(key, customer, None) for customer, keys in records.items() for key in keys.split()]
    schema = {"record_key": pl.String, "customer_id": pl.String, "valid_to": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


def groups(pairs: list[tuple[int, int]]) -> set[frozenset[int]]:
    found: set[frozenset[int]] = set()
    for pair in pairs:
        near = [group for group in found if group & set(pair)]
        found = (found - set(near)) | {frozenset(pair).union(*near)}
    return found


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(PAIRS, max_size=10))
def test_the_tree_is_the_first_of_all_sets_of_rows_that_connect_as_much(
    pairs: list[tuple[int, int]],
) -> None:
    whole = groups(pairs)
    n_needed = sum(len(group) - 1 for group in whole)
    # In the order of the places, so that the first that connects is the one of the strongest rows.
    first = next(
        places
        for places in combinations(range(len(pairs)), n_needed)
        if groups([pairs[i] for i in places]) == whole
    )
    frame = pl.DataFrame(pairs, schema={"a": pl.Int64, "b": pl.Int64}, orient="row")
    assert spanning_tree(frame).to_list() == list(first)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(PAIRS, st.sampled_from(RULES), st.sampled_from([12.0, 12.5, 20.0])),
        max_size=20,
        unique_by=lambda edge: edge[:2],
    ),
    st.randoms(use_true_random=False),
)
def test_ties_and_shuffled_rows_change_nothing(
    found: list[tuple[tuple[int, int], str, float]], random: Any
) -> None:
    rows = [
        (f"r{a}", f"r{b}", rule, bits if rule == "likely_model" else None)
        for (a, b), rule, bits in found
    ]
    today = customers(**{
        f"c{number}": " ".join(f"r{key}" for key in group)
        for number, group in enumerate(groups([pair for pair, _, _ in found]))
    })  # fmt: skip
    told = match_explanation(edges(*rows), today)
    assert told.select("customer_id", "n_records").unique().sort("customer_id").rows() == [
        (customer, n)
        for customer, n in today.group_by("customer_id").len().sort("customer_id").iter_rows()
    ]
    assert (
        told.group_by("customer_id").agg(pl.len() == pl.col("n_records").first() - 1)["len"].all()
    )
    for customer in told.partition_by("customer_id"):
        ranks = [
            (RULES.index(rule), -(bits or 0))
            for rule, bits in customer.select("rule_id", "weight").iter_rows()
        ]
        assert [ranks[i] for i, is_weakest in enumerate(customer["is_weakest"]) if is_weakest] == [
            max(ranks)
        ]
    random.shuffle(rows)
    assert match_explanation(edges(*rows), today.sample(fraction=1, shuffle=True, seed=1)).equals(
        told
    )


def test_the_strongest_rule_of_a_pair_speaks_and_the_heavier_of_two_likenesses() -> None:
    found = edges(
        ("a", "b", "strong_phone", None),
        ("a", "b", "strong_email", None),
        ("a", "c", "likely_model", 13.0),
        ("b", "c", "likely_model", 14.0),
    )
    told = match_explanation(found, customers(c1="a b c"))
    assert told.select("record_key_a", "record_key_b", "rule_id", "is_weakest").rows() == [
        ("a", "b", "strong_email", False),
        ("b", "c", "likely_model", True),
    ]


def test_links_out_of_a_customer_doubtful_ones_and_single_records_are_left_out() -> None:
    out = edges(("a", "b", "strong_email", None), ("b", "c", "strong_email", None))
    doubtful = edges(("c", "d", "likely_model", 9.0), is_link=False)
    told = match_explanation(pl.concat([out, doubtful]), customers(c1="a b", c2="c d"))
    assert told.select("record_key_a", "record_key_b").rows() == [("a", "b")]
    assert match_explanation(out.clear(), customers(c1="a")).is_empty()


@pytest.mark.parametrize(
    ("bits", "odds"),
    [
        (0.4, "1"),
        (9.9657, "1,000"),
        (12.0, "4,096"),
        (14.7432, "27,425"),
        (19.9315, "999,952"),
        (19.94, None),
        (90, None),
    ],
)
def test_bits_are_told_as_odds(bits: float, odds: str | None) -> None:
    parts = {
        "name_weight": 8.0,
        "phone_weight": 4.0,
        "address_weight": 1.0,
        "birth_date_weight": -1.0,
    }
    text = explained(edges(("a", "b", "likely_model", bits), **parts))["explanation"][0]
    said = (
        "what they have in common is very unlikely between two people: name, address and phone "
        "agree, "
    )
    assert text == said + f"{odds or 'more than a million'} to 1"
    assert odds is None or odds == f"{2**bits:,.0f}"


def test_every_rule_has_its_sentence() -> None:
    told = explained(edges(*(("a", "b", rule, None) for rule in RULES)))["explanation"]
    assert told.null_count() == 0 and told.n_unique() == len(RULES)


def test_why_and_the_table_say_the_same() -> None:
    lab = Lab().contact("a:1", **person("Anna", "Weber", "anna@x.de"))
    lab.contact("b:2", **person("Anna", "Weber", "anna@x.de", phone=MOBILE))
    lab.contact("c:3", **person("Anna", "Weber", "aw@y.de", phone=MOBILE))
    lab.contact("d:4", **person("Anna", "Weber-Lang")).override("merge", "c:3", "d:4")
    lab.night()
    table = lab.tables["match_explanation"]
    lines = Why({name: lab.tables[name] for name in TABLES}).one("a:1")
    told = lines[lines.index("They are one because:") + 1 :]
    assert len(table) == 3
    for row in table.iter_rows(named=True):
        start = f"  {row['record_key_a']} and {row['record_key_b']}: {row['explanation']}"
        assert [line for line in told if line.startswith(start)]
        assert "@" not in row["explanation"] and "2345678" not in row["explanation"]
    (weakest,) = table.filter("is_weakest").iter_rows(named=True)
    assert (
        f"Weakest link: {weakest['record_key_a']} and {weakest['record_key_b']}, "
        f"{weakest['explanation']}."
    ) in told
