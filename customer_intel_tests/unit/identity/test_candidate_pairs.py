"""Which pairs are worth comparing: as many per record whatever the number of records, and the true ones among them."""

from __future__ import annotations

import duckdb
import polars as pl

from customer_intel.identity.matching.candidate_pairs import ALL_PAIRS
from customer_intel.identity.matching.comparison_levels import FIELDS
from customer_intel.identity.matching.resolve import Records
from customer_intel_tests.bench_identity.people import generated


def fields_of(people: pl.DataFrame) -> pl.DataFrame:
    """The generator's columns as FIELDS, with the truth beside them."""
    street = pl.col("street").str.to_lowercase()
    known = people.select(
        "truth",
        record_key="record_id",
        first=pl.col("first_name").str.to_lowercase(),
        last=pl.col("last_name").str.to_lowercase(),
        born=pl.col("birth_date").cast(pl.String).str.replace_all(r"\D", ""),
        number=street.str.extract(r"(\d+)"),
        street=street.str.replace(r"\s*\d+\s*", ""),
        city=pl.col("city").str.to_lowercase(),
        postcode=pl.col("postal_code").cast(pl.String),
        email=pl.col("email").str.to_lowercase(),
        phone=pl.col("phone").cast(pl.String),
    ).with_columns(given="first", root="first")
    absent = [pl.lit(None, pl.String).alias(name) for name in FIELDS if name not in known.columns]
    return known.with_columns(absent)


def measured(size: int, seed: int = 3) -> tuple[float, float]:
    """(candidate pairs per record, share of the true pairs that are among them)."""
    people = fields_of(generated(size, seed))
    with duckdb.connect() as con:
        records = Records(con, people.drop("truth"))
        packed = records.candidates()
        keys = records.party["record_key"]
        who = dict(people.select("record_key", "truth").iter_rows())
        truth = keys.replace_strict(who).to_numpy()
    same = truth[packed >> 32] == truth[packed & 0xFFFFFFFF]
    sizes = pl.Series(truth).value_counts()["count"].cast(pl.Int64)
    return len(packed) / size, float(same.sum() / (sizes * (sizes - 1) // 2).sum())


def test_there_is_no_cliff_between_nineteen_and_twenty_one_thousand_records() -> None:
    few, found_few = measured(19_000)
    many, found_many = measured(21_000)
    print(f"{few:.1f} and {many:.1f} pairs per record, recall {found_few:.4f} and {found_many:.4f}")
    assert 1 / 1.3 < many / few < 1.3
    assert min(found_few, found_many) >= 0.9


def test_the_true_pairs_of_a_few_thousand_records_are_among_them() -> None:
    pairs, found = measured(2 * ALL_PAIRS)
    assert found >= 0.95 and pairs < ALL_PAIRS / 2


def test_of_few_records_all_pairs_are_compared() -> None:
    with duckdb.connect() as con:
        records = Records(con, fields_of(generated(60)).drop("truth"))
        assert len(records.candidates()) == len(records.party) * (len(records.party) - 1) // 2
