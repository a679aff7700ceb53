"""The links that hold customers together: the strongest tree, in whatever order rows come, told as
`why` tells it.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_intel.identity.explain.match_explanation import TABLES, Why
from customer_intel.identity.explain.reasons import explained, match_explanation
from customer_intel.identity.matching.comparison_levels import PLACE
from customer_intel.identity.matching.graph import spanning_tree
from customer_intel_tests.unit.identity_lab import MOBILE, Lab, person

EDGE = {
    "record_key_a": pl.String, "record_key_b": pl.String, "identifier_type": pl.String, "is_link": pl.Boolean,
    "weight": pl.Float64, "effective_weight": pl.Float64, "levels": pl.String,
}  # fmt: skip
PAIRS = st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] < pair[1])


def levels(**found: int) -> str:
    """match_edge.levels; what is not named is not said."""
    named = {name.replace("_", " "): level for name, level in found.items()}
    assert named.keys() <= PLACE.keys()
    return ",".join(str(named.get(name, 0)) for name in PLACE)


def edges(
    *rows: tuple[str, str, float], is_link: bool = True, said: str = "", kind: str = "email"
) -> pl.DataFrame:
    """Links (a, b, weight)."""
    told = [
        {
            "record_key_a": a, "record_key_b": b, "identifier_type": kind, "is_link": is_link, "weight": bits,
            "effective_weight": bits, "levels": said or levels(email=1),
        }
        for a, b, bits in rows
    ]  # fmt: skip
    return pl.DataFrame(told, schema=EDGE)


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
        st.tuples(PAIRS, st.sampled_from([12.0, 12.5, 20.0])), max_size=20, unique_by=lambda edge: edge[0]
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_ties_and_shuffled_rows_change_nothing(
    found: list[tuple[tuple[int, int], float]], random: Any
) -> None:
    rows = [(f"r{a}", f"r{b}", bits) for (a, b), bits in found]
    today = customers(**{
        f"c{number}": " ".join(f"r{key}" for key in group)
        for number, group in enumerate(groups([pair for pair, _ in found]))
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
        weights = customer["weight"].to_list()
        assert [
            weights[i] for i, is_weakest in enumerate(customer["is_weakest"]) if is_weakest
        ] == [min(weights)]
    random.shuffle(rows)
    assert match_explanation(edges(*rows), today.sample(fraction=1, shuffle=True, seed=1)).equals(
        told
    )


def test_the_heavier_of_two_links_speaks() -> None:
    told = match_explanation(
        edges(("a", "b", 20.0), ("a", "c", 13.0), ("b", "c", 14.0)), customers(c1="a b c")
    )
    assert told.select("record_key_a", "record_key_b", "is_weakest").rows() == [
        ("a", "b", False),
        ("b", "c", True),
    ]


def test_links_out_of_a_customer_doubtful_ones_and_single_records_are_left_out() -> None:
    out = edges(("a", "b", 20.0), ("b", "c", 20.0))
    doubtful = edges(("c", "d", 9.0), is_link=False)
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
    said = levels(name=1, phone=1, birth_date=7)
    text = explained(edges(("a", "b", bits), said=said))["explanation"][0]
    assert text == (
        f"they have the same name and the same phone: {odds or 'more than a million'} to 1; "
        "against it: different birth dates"
    )
    assert odds is None or odds == f"{2**bits:,.0f}"


def test_a_decision_is_told_as_such() -> None:
    told = explained(edges(("a", "b", 1.0), kind="decision"))["explanation"][0]
    assert told == "a person decided that they are one"


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
        start = f"  {row['record_key_a']} and {row['record_key_b']}: "
        assert [line for line in told if line.startswith(start)]
        assert "@" not in row["explanation"] and "2345678" not in row["explanation"]
    (weakest,) = table.filter("is_weakest").iter_rows(named=True)
    both = f"Weakest link: {weakest['record_key_a']} and {weakest['record_key_b']}, "
    assert [line for line in told if line.startswith(both)]
