"""Explanations of links, without personal values; and the fewest links that hold each customer together (a tree).

Belongs here: match_explanation, and what a pair's levels say for and against one person. Not here: which pairs there
are (match_edge.py), who becomes one (record_customer_map.py), what `why` says beyond single links
(match_explanation.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from customer_intel.identity.linking.match_model import shipped
from customer_intel.identity.matching.comparison_levels import COMPARISONS
from customer_intel.identity.matching.graph import spanning_tree
from customer_intel.identity.matching.vetoes import VETOES

# What speaks against two being one: vetoes, then doubts.
AGAINST = {
    "never_merge": "a person decided that they must stay apart",
    "one_source": "their source lists each person once",
    "first_name": "their first names do not fit",
    "birth_date": "their birth dates differ in more than a slip",
    "generation": "one is the junior and the other the senior",
    "organisation": "one is a company and the other a person",
    "gender": "their genders and first names differ",
    "middle_name": "their middle names differ",
    "id_number": "their id numbers differ",
    "generation_open": "one is a Jr or Sr, and of the other nothing is said",
    "generation_gap": "their births are a generation apart",
    "similar_first_name": "their first names are alike, each a name of its own",
    "last_name": "their last names differ, and one shared thing is not enough",
    "no_name": "one of them has no full name, and one shared thing is not enough",
    "name_only": "a name alone is not enough",
    "ambiguous": "it fits another as well, who is not one with this one",
    "other_name": "what joins them is shared, and their names hardly fit",
    "likeness_only": "they are alike in name, and nothing that is one person's own is the same",
    "other_contacts": "they have one name and one address, but other mailboxes and other phones",
    "family_mailbox": "a family's mailbox joins them, and nothing that tells one of the family from another",
    "contradiction": "much speaks against one person, though others of the customer's records join them",
    "unsure": "what they have in common is not enough to be sure",
}
# Levels that a family has as well, whatever they weigh: names of one's own, births a generation apart, Jr on one side.
_TWO_PEOPLE = {
    "name": {6, 13, 16, 17, 18, 19, 20}, "birth date": {6, 7, 8, 9}, "generation": {2, 3},
}  # fmt: skip
DECIDED = "a person decided that they are one"


def match_explanation(match_edge: pl.DataFrame, record_customer_map: pl.DataFrame) -> pl.DataFrame:
    """The strongest links that hold each customer together: of n records n - 1, for clusters grow
    along links only.
    """
    today = record_customer_map.filter(pl.col("valid_to").is_null()).select(
        "record_key", "customer_id", n_records=pl.len().over("customer_id").cast(pl.Int64)
    )
    links = match_edge.filter("is_link").join(today, left_on="record_key_a", right_on="record_key")
    # Links may lead to records that average linkage keeps in another customer.
    links = links.join(
        today, left_on=["record_key_b", "customer_id"], right_on=["record_key", "customer_id"]
    )
    links = strongest_first(links)
    tree = links[spanning_tree(links.select(a="record_key_a", b="record_key_b"))]
    return explained(tree).select(
        "customer_id",
        "record_key_a",
        "record_key_b",
        "identifier_type",
        "weight",
        "explanation",
        is_weakest=pl.col("customer_id").is_last_distinct(),
        n_records="n_records",
    )


def strongest_first(links: pl.DataFrame) -> pl.DataFrame:
    """Links by what counts of their evidence, decisions first."""
    return links.sort(-pl.col("effective_weight"), "record_key_a", "record_key_b")


def explained(links: pl.DataFrame) -> pl.DataFrame:
    """Adds `explanation`, a sentence: what speaks for one person, the odds, and what speaks against."""
    spoken = links.select("levels").unique()
    sentences = [_sentences(levels) for levels in spoken["levels"]]
    spoken = spoken.with_columns(
        pl.Series("speaks_for", [speaks_for for speaks_for, _ in sentences], pl.String),
        pl.Series("speaks_against", [against for _, against in sentences], pl.String),
    )
    told = links.join(spoken, on="levels", how="left", maintain_order="left")
    sentence = pl.concat_str(
        pl.format("they have {}: {} to 1", "speaks_for", _odds()),
        pl.when(pl.col("speaks_against") != "")
        .then(pl.format("; against it: {}", "speaks_against"))
        .otherwise(pl.lit("")),
    )
    return told.with_columns(
        explanation=pl.when(pl.col("identifier_type") == "decision")
        .then(pl.lit(DECIDED))
        .otherwise(sentence)
    )


@dataclass(frozen=True)
class Said:
    """What one comparison says of a pair: its name, its level, the level's words, whether for one person."""

    comparison: str
    level: int
    words: str
    is_for: bool


@lru_cache(maxsize=10_000)
def said(levels: str) -> tuple[Said, ...]:
    """What a pair's levels (match_edge.levels) say, comparison by comparison."""
    found = []
    signs = _signs()
    for place, level in enumerate(int(number) for number in levels.split(",")):
        comparison = COMPARISONS[place]
        two = level in _TWO_PEOPLE.get(comparison.name, ())
        if level and (comparison.is_evidence or two):
            is_for = signs[place][level] and not two
            found.append(Said(comparison.name, level, comparison.levels[level - 1][0], is_for))
    return tuple(found)


def speaking(levels: str) -> tuple[list[str], list[str]]:
    """What a pair's levels say for one person, and what against."""
    return (
        [item.words for item in said(levels) if item.is_for],
        [item.words for item in said(levels) if not item.is_for],
    )


@lru_cache(maxsize=10_000)
def _sentences(levels: str) -> tuple[str, str]:
    speaks_for, against = speaking(levels)
    return listed(speaks_for) or "little in common", listed(against)


@lru_cache(maxsize=1)
def _signs() -> list[list[bool]]:
    weights = shipped().weights
    return [[bits > 0 for bits in weights[comparison.name]] for comparison in COMPARISONS]


def listed(texts: list[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def odds(bits: float) -> str:
    """Bits of evidence as odds."""
    many = f"{round(2.0 ** min(abs(bits), 20)):,}" if abs(bits) < 20 else "more than a million"
    return f"{many} to 1" if bits >= 0 else f"1 to {many}"


def _odds() -> pl.Expr:
    odds = pl.lit(2.0).pow(pl.col("weight").fill_null(0).clip(0, 20)).round().cast(pl.Int64)
    # Polars cannot write a thousands separator.
    thousands = pl.format("{},{}", odds // 1000, (odds % 1000).cast(pl.String).str.zfill(3))
    plain = pl.when(odds < 1000).then(odds.cast(pl.String)).otherwise(thousands)
    return pl.when(odds < 1_000_000).then(plain).otherwise(pl.lit("more than a million"))


assert set(VETOES[1:]) <= AGAINST.keys()
