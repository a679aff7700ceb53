"""CDNOW's sample: ties in RFM, and the churn model's rows beside recency's, whatever they say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from customer_intel.predictions.churn import churn_scores
from customer_intel.predictions.evaluation import churn_predictions, model_evaluation
from customer_intel_tests.unit.small_lake import MONEY, SCHEMAS, TS, Lake, config, features, run_sql
from customer_intel_tests.unit.sqlroom import schema

pytestmark = pytest.mark.slow

AS_OF = date(1998, 7, 1)


@pytest.fixture(scope="module")
def lake(shared_data: Path) -> Lake:
    lines = (shared_data / "cdnow" / "CDNOW_sample.txt").read_text().splitlines()
    cells = [line.split() for line in lines if line.strip()]
    bought = pl.DataFrame(
        {
            "customer_id": [row[1] for row in cells],
            "day": [row[2] for row in cells],
            "total": [row[4] for row in cells],
        }
    ).with_columns(pl.col("day").str.to_date("%Y%m%d"), pl.col("total").cast(MONEY))
    orders = bought.with_row_index("order_id").select(
        record_key="customer_id", order_id=pl.col("order_id").cast(pl.String), ordered_at=pl.col("day").cast(TS),
        cancelled_at=pl.lit(None, TS), status=pl.lit("paid"), currency=pl.lit("USD"), total="total",
        refunded=pl.lit(None, MONEY),
    )  # fmt: skip
    daily = bought.group_by("customer_id", "day").agg(
        n=pl.len().cast(pl.Int64), revenue=pl.col("total").sum()
    )
    people = bought["customer_id"].unique().sort()
    return {
        "orders": orders,
        "record_customer_map": pl.DataFrame(
            {"record_key": people, "customer_id": people}
        ).with_columns(valid_to=pl.lit(None, pl.Date)),
        "activity_daily": daily.with_columns(
            activity=pl.lit("order_placed"), sessions_started=pl.lit(0)
        ).select(pl.col(name).cast(kind) for name, kind in SCHEMAS["activity_daily"].items()),
    }


def test_equal_values_have_equal_scores(lake: Lake) -> None:
    rfm = run_sql("rfm", lake, AS_OF)
    assert len(rfm) == 2357
    for value, score in (
        ("recency_days", "r_score"),
        ("frequency", "f_score"),
        ("monetary", "m_score"),
    ):
        assert rfm.group_by(value).agg(pl.col(score).n_unique())[score].max() == 1
    once = rfm.filter(pl.col("frequency") == 1)
    assert once["f_score"].n_unique() == 1 and len(once) / len(rfm) > 0.45
    print(rfm.group_by("segment").len().sort("segment"))


def test_churn_model_beside_recency(lake: Lake) -> None:
    settings = config("predictions")
    known = features(lake, AS_OF)
    scores = churn_scores(known, AS_OF, settings, schema("churn_scores"))
    evaluation = model_evaluation(known, scores, settings, schema("model_evaluation"))
    pooled = evaluation.filter(
        (pl.col("definition_id") == "purchase_90d") & (pl.col("evaluated_origin") == "all")
    )
    with pl.Config(tbl_rows=40, tbl_cols=20, fmt_str_lengths=200, tbl_width_chars=250):
        print(
            evaluation.filter(pl.col("metric").is_in(["auc", "log_loss", "ece"])).drop(
                "reason", "definition_id"
            )
        )
        print(pooled["reason"][0])
    assert {"auc", "ap", "log_loss", "brier", "ece", "lift_decile"} < set(pooled["metric"])
    auc = pooled.filter(pl.col("metric") == "auc").to_dicts()[0]
    assert auc["metric_value"] is not None and auc["baseline_value"] is not None
    assert auc["low"] < auc["metric_value"] < auc["high"]
    # Beyond what days, orders and money of 2,357 buyers can tell, presume a leak.
    assert 0.6 < auc["metric_value"] < 0.9
    assert auc["verdict"] == "model" and auc["metric_value"] > auc["baseline_value"] + 0.03
    loss = pooled.filter(pl.col("metric") == "log_loss").to_dicts()[0]
    assert loss["metric_value"] + 0.03 < loss["baseline_value"] < loss["base_rate_value"]
    # Who is called lapsed hardly comes back; who is scored does, four times as often.
    came = {row["metric"]: row["metric_value"] for row in pooled.to_dicts()}
    assert came["churn_lapsed"] > 0.9
    assert came["churn_high"] > came["churn_medium"] > came["churn_low"]
    predictions = churn_predictions(
        known, scores, evaluation, AS_OF, settings, schema("churn_predictions")
    )
    assert predictions["model_beats_baseline"].all()
    alive = predictions.filter("eligible")
    assert 0 < (alive["risk_band"] == "high").sum() <= 0.2 * len(alive)
    other = evaluation.filter(pl.col("definition_id") == "subscription_30d")
    assert other["verdict"].unique().to_list() == ["insufficient"]
