"""The bench of identity: its generated lists say what they promise, and its counts count right.

Without Splink and pseudopeople, which live in environments of their own.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

from customer_intel_tests.bench_identity import (
    candidates,
    company,
    company_score,
    lists,
    register,
    sets,
)
from customer_intel_tests.bench_identity.measured import measured
from customer_intel_tests.bench_identity.people import generated


def test_the_register_has_ten_records_a_person_births_of_all_centuries_and_is_seeded() -> None:
    frame = register.generated(4_000, seed=3)
    assert frame.equals(register.generated(4_000, seed=3))
    assert not frame.equals(register.generated(4_000, seed=4))
    assert 7 <= len(frame) / frame["truth"].n_unique() <= 13
    years = frame["dob"].drop_nulls().str.slice(0, 4).cast(pl.Int64)
    assert years.quantile(0.02) < 1700 and years.quantile(0.98) > 1950  # type: ignore[operator]
    empty = {name: frame[name].null_count() / len(frame) for name in frame.columns}
    assert empty["dob"] == pytest.approx(0.05, abs=0.02)
    assert empty["postcode_fake"] == pytest.approx(0.25, abs=0.03)
    assert 0.3 < empty["occupation"] < 0.5 and 0 < empty["surname"] < 0.05
    assert empty["truth"] == empty["unique_id"] == 0


def test_fathers_and_sons_of_one_name_are_two_persons_of_the_register() -> None:
    frame = register.generated(4_000, seed=3).filter(~pl.col("dob").str.ends_with("-01-01"))
    born = frame.group_by("truth").agg(
        pl.col("full_name").mode().first(),
        pl.col("dob").mode().first().str.slice(0, 4).cast(pl.Int64).alias("year"),
    )
    pairs = born.join(born, on="full_name").filter(
        (pl.col("year_right") - pl.col("year")).is_between(25, 36)
    )
    assert len(pairs) >= 5


def test_a_tenth_of_names_and_births_are_second_records_with_a_slip() -> None:
    frame = lists.names_births(1_000)
    assert (len(frame), frame["truth"].n_unique()) == (1_000, 900)
    twice = frame.filter(pl.len().over("truth") == 2)
    said = ["first_name", "last_name", "by", "bm", "bd"]
    same = twice.group_by("truth").agg(pl.col(said).n_unique() == 1)
    slips = 5 - same.select(pl.sum_horizontal(said)).to_series()
    assert slips.max() == 2 and (slips > 0).mean() > 0.85  # type: ignore[operator]


def test_many_typos_are_the_same_people_with_a_third_of_the_fields_mistyped() -> None:
    clean, typed = generated(1_000, 11), lists.many_typos(1_000)
    assert clean["record_id"].equals(typed["record_id"])
    wrong = (clean["city"] != typed["city"]).mean()
    assert 0.2 < float(wrong) < 0.32  # type: ignore[arg-type]  # a letter may slip onto itself


def test_a_set_is_read_in_its_order_with_fields_that_splink_understands(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("id, given ,born\n7, ÉMILE  Paul,19800102\n8,,19810304\n")
    labelled = sets.Labelled(
        "list", file, "id", "id",
        {"first_name": "given", "dob": r"regexp_replace(born, '^(....)(..)(..)$', '\1-\2-\3')"},
    )  # fmt: skip
    assert labelled.records().rows() == [(0, "emile paul", "1980-01-02"), (1, None, "1981-03-04")]
    assert labelled.labels().rows() == [(0, "7"), (1, "8")]


def test_candidates_are_counted_against_the_truth() -> None:
    found = candidates.measured(generated(600, 5))
    assert found.records == 600 and found.found <= min(found.pairs, found.true_pairs)
    assert found.recall > 0.9 and found.per_record == found.pairs / 600


def test_copies_of_a_candidate_are_candidates_too() -> None:
    one = {"first_name": "Wilhelmina", "last_name": "Oosterhuis", "birth_date": "1961-03-04"}
    other = {"first_name": "Bartholomew", "last_name": "Quigley", "birth_date": "1984-11-23"}
    # Five that say the same, one with a slip, and somebody else.
    said = [one] * 5 + [{**one, "first_name": "Wilhelmin"}, other]
    people = pl.DataFrame(said).with_columns(
        record_id=pl.format("r{}", pl.int_range(7)), truth=pl.Series([0] * 6 + [1])
    )
    found = candidates.measured(people)
    assert (found.records, found.true_pairs, found.found) == (7, 15, 15)
    assert found.pairs < found.found


def test_a_command_is_measured_with_its_output_and_its_failure_is_an_error() -> None:
    used = measured([sys.executable, "-c", "b = bytearray(60_000_000); print(len(b))"])
    assert used.stdout == "60000000\n" and used.peak_mb >= 60 and used.cpu_seconds > 0
    with pytest.raises(Exception, match="returned non-zero"):
        measured([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_company_has_what_people_share_and_lives_on_over_nights(tmp_path: Path) -> None:
    days = company.simulate(tmp_path, customers=600, nights=2, seed=5)
    truth = pl.read_parquet(tmp_path / "truth.parquet")
    assert set(truth["kind"].unique()) >= {
        "family", "twins", "office", "till", "recycled", "plain"
    }  # fmt: skip
    first, second = (_landed(tmp_path, str(day)) for day in days)
    both = first.join(second, on=["system", "contact_id"])
    changed = both.filter(
        (pl.col("email") != pl.col("email_right"))
        | (pl.col("mobile_phone") != pl.col("mobile_phone_right"))
    )
    assert len(both) == len(first) and len(changed) / len(first) == pytest.approx(0.05, abs=0.01)
    assert (len(second) - len(first)) / len(first) == pytest.approx(0.02, abs=0.005)
    keys = second.select(pl.concat_str("system", "contact_id", separator=":")).to_series()
    assert set(keys) == set(truth["record_key"])


def test_false_merges_doubts_changed_ids_and_torn_people_are_counted(tmp_path: Path) -> None:
    night = ["2026-05-01 00:00:00", "2026-05-02 00:00:00"]
    periods = [
        # Two people under one customer, doubted; and two more, not doubted.
        ("crm:1", "c_1", night[0], None, "new"), ("crm:2", "c_1", night[0], None, "new"),
        ("crm:3", "c_2", night[0], None, "new"), ("crm:4", "c_2", night[0], None, "new"),
        # One person whose second record left.
        ("crm:5", "c_3", night[0], None, "new"),
        ("crm:6", "c_3", night[0], night[1], "new"), ("crm:6", "c_4", night[1], None, "split"),
    ]  # fmt: skip
    release = tmp_path / "published" / "current"
    release.mkdir(parents=True)
    names = ["record_key", "customer_id", "valid_from", "valid_to", "change_reason"]
    pl.DataFrame(periods, schema=names, orient="row").with_columns(
        pl.col("valid_from", "valid_to").str.to_datetime()
    ).write_parquet(release / "record_customer_map.parquet")
    pl.DataFrame({"record_key_a": ["crm:1"], "record_key_b": ["crm:2"]}).write_parquet(
        release / "match_review.parquet"
    )
    truth = [(f"crm:{key}", who, "plain") for key, who in zip("123456", "abcdee", strict=True)]
    pl.DataFrame(truth, schema=["record_key", "truth", "kind"], orient="row").write_parquet(
        tmp_path / "truth.parquet"
    )
    found = company_score.scored(tmp_path, tmp_path / "truth.parquet")
    assert (found["false_merges"], found["false_merges_not_doubtful"]) == (2, 1)
    assert found["false_merges_per_1000_customers"] == 400
    assert (found["ids_changed"], found["torn_customers"], found["nights"]) == (1, 1, 2)
    assert found["ids_changed_per_record_night"] == pytest.approx(1 / 6)
    assert (found["recall"], found["precision"], found["split_people"]) == (0.0, 0.0, 1)


def _landed(folder: Path, day: str) -> pl.DataFrame:
    return pl.concat(
        pl.read_csv(file, infer_schema=False)
        .fill_null("")
        .with_columns(system=pl.lit(file.parts[-3]))
        for file in sorted(folder.glob(f"landing/*/{day}/contacts.csv"))
    )
