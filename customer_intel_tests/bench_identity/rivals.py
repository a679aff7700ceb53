"""What others make of the same records: Splink as its documentation sets it up, and an exact join."""

from __future__ import annotations

import logging
import warnings

import polars as pl

from customer_intel.identity.matching import metrics as evaluation
from customer_intel.identity.matching.graph import components

# Splink leaves the choice of a threshold to its user; it gets the best one there is for each set.
THRESHOLDS = (
    0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 0.99999,
    1 - 1e-6, 1 - 1e-7, 1 - 1e-8, 1 - 1e-9,
)  # fmt: skip


def exact_join(records: pl.DataFrame) -> pl.DataFrame:
    """record_key, cluster: one person where the whole name and the birth date agree (or the
    postcode or address where nobody has a birth date), or the email.
    """
    said = [name for name in records.columns if records[name].null_count() < len(records)]
    rest = (
        ["born"]
        if "born" in said
        else [name for name in ("street", "number", "postcode") if name in said]
    )
    keys = [["first", "last", *rest], *([["email"]] if "email" in said else [])]
    links = [
        records.drop_nulls(key)
        .with_columns(a=pl.col("record_key").min().over(key))
        .select("a", b="record_key")
        for key in keys
    ]
    return _components(records["record_key"], pl.concat(links))


def best_clusters(
    keys: pl.Series, predicted: pl.DataFrame, truth: pl.DataFrame
) -> tuple[pl.DataFrame, float]:
    """record_key, cluster at the threshold that is best by F1, and that threshold."""
    best: tuple[float, float, pl.DataFrame] = (-1.0, 0.0, pl.DataFrame())
    for threshold in THRESHOLDS:
        clusters = clusters_at(keys, predicted, threshold)
        found = evaluation.agreement(clusters.join(truth, on="record_key"))
        best = max(best, (found.f1, threshold, clusters), key=lambda candidate: candidate[:2])
    return best[2], best[1]


def clusters_at(keys: pl.Series, predicted: pl.DataFrame, threshold: float) -> pl.DataFrame:
    return _components(keys, predicted.filter(pl.col("p") >= threshold).select("a", "b"))


def predicted_by_splink(
    records: pl.DataFrame, least: float = 0.0001, *, threads: int = 2
) -> pl.DataFrame:
    """a, b, p of every pair that is at least that likely."""
    import duckdb
    import splink.comparison_library as cl
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    # It sets up its own logging whenever it starts.
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    said = {name for name in records.columns if records[name].null_count() < len(records)}
    frame = records.select("record_key", *sorted(said - {"record_key"})).with_columns(
        first_last=pl.concat_str("first", "last", separator=" ")
    )
    offered = {
        "born": cl.DateOfBirthComparison("born", input_is_string=True, datetime_format="%Y%m%d"),
        "email": cl.EmailComparison("email"),
        "phone": cl.LevenshteinAtThresholds("phone", [1, 2]),
        "id_number": cl.LevenshteinAtThresholds("id_number", [1, 2]),
        "street": cl.JaroWinklerAtThresholds("street", [0.9, 0.8]).configure(
            term_frequency_adjustments=True
        ),
        "number": cl.ExactMatch("number"),
        "postcode": cl.LevenshteinAtThresholds("postcode", [1, 2]),
        "city": cl.JaroWinklerAtThresholds("city", [0.9]).configure(
            term_frequency_adjustments=True
        ),
        "middle": cl.ExactMatch("middle"),
        "gender": cl.ExactMatch("gender"),
    }
    name = cl.ForenameSurnameComparison(
        "first", "last", forename_surname_concat_col_name="first_last"
    )
    blocks = [
        ("first", "last"), ("born",), ("email",), ("phone",), ("id_number",), ("last", "postcode"),
        ("first", "postcode"), ("street", "number"), ("last", "city"), ("first", "city"),
    ]  # fmt: skip
    used = [
        block
        for block in blocks
        if set(block) <= said and frame.select(block).n_unique() > len(frame) / 50
    ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_key",
        comparisons=[name, *(comparison for field, comparison in offered.items() if field in said)],
        blocking_rules_to_generate_predictions=[block_on(*block) for block in used],
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    api = DuckDBAPI(connection=duckdb.connect(config={"threads": threads}))
    linker = Linker(api.register(frame.to_arrow()), settings)
    sure = [("first", "last", "born"), ("email",), ("id_number",), ("first", "last", "street")]
    found = [
        rule
        for rule in sure
        if set(rule) <= said and frame.drop_nulls(rule).select(rule).is_duplicated().any()
    ]
    # Splink divides by zero where no rule finds a pair.
    linker.training.estimate_probability_two_random_records_match(
        [block_on(*rule) for rule in found or [("born",)]], recall=0.7
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (("first", "last"), ("born",) if "born" in said else ("street", "number")):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
    predictions = linker.inference.predict(threshold_match_probability=least)
    return (
        predictions.as_duckdbpyrelation()
        .pl()
        .select(a="record_key_l", b="record_key_r", p="match_probability")
    )


def _components(keys: pl.Series, links: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({"record_key": keys, "cluster": components(keys, links)})
