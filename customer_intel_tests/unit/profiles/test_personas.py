"""Personas: shares and means against hand counts; what differs is told, and little else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from customer_intel.core.statistics import wilson
from customer_intel.profiles.personas import persona
from customer_intel_tests.unit.sqlroom import schema


def cards(rows: list[dict[str, Any]]) -> pl.DataFrame:
    kind = schema("customer_profile")
    given = pl.DataFrame(rows, infer_schema_length=None)
    given = given.with_columns(
        customer_id=pl.Series([f"c{k:05}" for k in range(len(rows))]),
        is_profiling_denied=pl.coalesce(pl.col("^is_profiling_denied$"), pl.lit(False)),
    )
    lacking = [pl.lit(None, kind[c]).alias(c) for c in kind if c not in given.columns]
    profile = given.with_columns(lacking).select(kind.names()).cast(dict(kind))  # type: ignore[arg-type]
    before = pl.DataFrame(schema=schema("icp_customer"))
    return persona(profile.lazy(), before.lazy(), schema("persona"))


def segment(name: str, n: int, **columns: Any) -> list[dict[str, Any]]:
    return [{"rfm_segment": name, **columns} for _ in range(n)]


def test_a_card_says_what_tells_a_segment_from_the_others() -> None:
    rows = [
        *segment("champions", 60, country="DE", interests="tea|cups", mrr=Decimal(20)),
        *segment("champions", 20, country="FR", interests="tea", mrr=Decimal(10)),
        *segment("lost", 40, country="DE", mrr=Decimal(0)),
        *segment("lost", 160, country="FR", tickets_90d=2),
        *segment("promising", 10, country="FR"),
    ]
    found = cards(rows)
    mine = found.filter(persona="champions")
    size = mine.row(by_predicate=pl.col("facet") == "size", named=True)
    assert (size["n"], size["n_known"], size["measured"]) == (80, 290, round(80 / 290, 6))
    german = mine.row(by_predicate=pl.col("member") == "DE", named=True)
    low, high = wilson(60, 80)
    assert (german["measured"], german["measured_rest"]) == (0.75, round(40 / 210, 6))
    assert (german["low"], german["high"]) == (round(low, 6), round(high, 6))
    assert german["persona_verdict"] == "more" and german["p_adj"] < 0.001
    assert german["sentence"].startswith(
        "Country DE: 75\u00a0% (65\u00a0% to 83\u00a0%) of 80; others 19\u00a0%"
    )
    # Each item of a list by itself; nobody else told an interest, so nothing to compare with.
    cups = mine.row(by_predicate=pl.col("member") == "cups", named=True)
    assert (cups["measured"], cups["persona_verdict"]) == (0.75, "not_asked")
    paid = mine.row(by_predicate=pl.col("facet") == "mrr", named=True)
    assert (paid["n_known"], paid["measured"]) == (80, 17.5)
    # Ten are too few for a card: their number is told.
    assert found.filter(persona="promising")["facet"].to_list() == ["size"]
    assert found.filter(persona="lost", facet="tickets_90d")["measured"].to_list() == [2.0]


def test_what_makes_a_segment_is_not_told_as_news_of_it() -> None:
    rows = [
        *segment("champions", 50, revenue_total=Decimal(500)),
        *segment("lost", 50, revenue_total=Decimal(5)),
    ]
    worth = cards(rows).filter(facet="revenue_total")
    assert set(worth["persona_verdict"]) == {"not_asked"}
    assert worth.filter(persona="champions")["measured"].to_list() == [500.0]


def test_who_may_not_be_profiled_is_in_no_card() -> None:
    rows = [*segment("lost", 50, country="DE"), *segment("new_customers", 40, country="FR")]
    rows += segment("lost", 50, country="IT", is_profiling_denied=True)
    assert cards(rows).filter(member="IT").is_empty()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_segments_drawn_by_chance_seldom_differ(seed: int) -> None:
    """Of ten segments alike, .05 each would be told one difference: four in ten would be odd."""
    random = np.random.default_rng(seed)
    rows = [
        {
            "rfm_segment": str(random.choice([f"s{k}" for k in range(10)])),
            "country": str(random.choice(["DE", "FR", "IT"])),
            "seniority": str(random.choice(["a", "b"])),
            "tickets_90d": int(random.poisson(1)),
        }
        for _ in range(3000)
    ]
    found = cards(rows).filter(pl.col("persona_verdict").is_in(["more", "less"]))
    assert found["persona"].n_unique() <= 3


def test_a_mean_of_counts_is_never_told_to_be_below_zero() -> None:
    rows = [*segment("champions", 39, tickets_90d=0), *segment("champions", 1, tickets_90d=1)]
    rows += segment("lost", 40, tickets_90d=2)
    row = cards(rows).filter(persona="champions", facet="tickets_90d").row(0, named=True)
    assert (row["low"], row["measured"]) == (0.0, 0.025)
