"""What was known at an origin: features of a night equal those that a later night computes for the
same day.

The first night sees the exports up to its date; the second, a horizon on, all of them, in a home of
its own. Whoever the later exports merged or split is left out: their past is another person's.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from customer_intel.core.store.lake import Lake
from customer_intel.demo import simulate
from customer_intel_tests.whole_nights import Steps, upstream

pytestmark = pytest.mark.slow


def frame(home: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(Lake(home).files(name))


def features(home: Path, landing: Path, as_of: date, origin: date) -> pl.DataFrame:
    """churn_features of `origin`, by the records that make up each customer."""
    outcomes = Steps(home, as_of, landing).build(upstream("churn_features"))
    assert all(outcome.passed for outcome in outcomes.values())
    records = (
        frame(home, "customer_record").sort("record_key").group_by("customer_id").agg("record_key")
    )
    made = frame(home, "churn_features").filter(pl.col("origin") == origin)
    made = made.join(records, on="customer_id").with_columns(
        records=pl.col("record_key").list.join("|")
    )
    kind = pl.col("definition_id").str.split("_").list.first()
    return made.select("records", kind.alias("kind"), "^f_.*$").sort("kind", "records")


def same_twice(landing: Path, homes: Path, origin: date, horizon: int) -> pl.DataFrame:
    """The features of both nights side by side, a row for each value that differs."""
    for home in (homes / "then", homes / "later"):
        (home / "config").mkdir(parents=True)
        (home / "config" / "predictions.yaml").write_text(
            f"purchase_horizon_days: {horizon}\n", encoding="utf-8"
        )
    then = features(homes / "then", landing, origin, origin)
    later = features(homes / "later", landing, origin + timedelta(days=horizon), origin)
    key = ["kind", "records"]
    both = then.join(later, on=key, suffix="_later")
    # Customers of the very same records; over the horizon many a customer gets another one.
    assert len(both) >= 60, "too few customers are the same to compare"
    names = [name for name in then.columns if name.startswith("f_")]
    differing = [
        both.filter(~pl.col(name).eq_missing(pl.col(f"{name}_later"))).select(
            "kind", feature=pl.lit(name), then=pl.col(name), later=pl.col(f"{name}_later")
        )
        for name in names
    ]
    return pl.concat(differing)


def test_a_night_of_the_demo_and_a_later_one_know_the_same_of_an_origin(tmp_path: Path) -> None:
    simulate(tmp_path / "landing", customers=200, days=365, nights=31)
    found = same_twice(tmp_path / "landing", tmp_path, date(2026, 5, 31), 30)
    assert not len(found), found.group_by("kind", "feature").len()


def test_a_night_of_olist_and_a_later_one_know_the_same_of_an_origin(
    tmp_path: Path, shared_data: Path
) -> None:
    origin = date(2018, 5, 1)
    for upto in (origin, origin + timedelta(days=90)):
        _cut(shared_data / "olist_dev", tmp_path / "landing" / "olist" / str(upto), upto)
    found = same_twice(tmp_path / "landing", tmp_path, origin, 90)
    assert not len(found), found.group_by("kind", "feature").len()


def _cut(source: Path, folder: Path, upto: date) -> None:
    """Olist's files as an export of that day: orders placed before it, and of them what had
    happened by then.
    """
    folder.mkdir(parents=True)
    orders = pl.read_csv(source / "olist_orders_dataset.csv.gz", infer_schema=False)
    orders = orders.filter(pl.col("order_purchase_timestamp") < str(upto))
    moments = [name for name in orders.columns if name.startswith("order_delivered")]
    orders = orders.with_columns(
        pl.when(pl.col(name) < str(upto)).then(name).alias(name) for name in moments
    )
    kept = orders.select("order_id")
    orders.write_csv(folder / "olist_orders_dataset.csv")
    for name in ("olist_order_items_dataset.csv.gz", "olist_order_payments_dataset.csv"):
        rows = pl.read_csv(source / name, infer_schema=False).join(kept, on="order_id", how="semi")
        rows.write_csv(folder / name.removesuffix(".gz"))
    reviews = pl.read_csv(source / "olist_order_reviews_dataset.csv.gz", infer_schema=False)
    answered = pl.col("review_answer_timestamp") < str(upto)
    reviews.filter(answered).join(kept, on="order_id", how="semi").write_csv(
        folder / "olist_order_reviews_dataset.csv"
    )
    customers = pl.read_csv(source / "olist_customers_dataset.csv", infer_schema=False)
    customers.join(orders.select("customer_id"), on="customer_id", how="semi").write_csv(
        folder / "olist_customers_dataset.csv"
    )
