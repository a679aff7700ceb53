"""The known truth: who is who, who leaves when and why, what drives scores, how people move, what is dirty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.demo import journeys
from customer_intel.demo.clock import NEVER
from customer_intel.demo.doings import EVENTS_PER_CUSTOMER_YEAR, NPS
from customer_intel.demo.mess import Dirt
from customer_intel.demo.world import HAZARD, World


def write(
    folder: Path, world: World, records: pl.DataFrame, devices: pl.DataFrame, dirt: Dirt, settings: dict[str, Any]
) -> None:
    """Writes Parquet tables and JSON files to `folder`. Times are UTC; `person` is the person's number everywhere."""
    folder.mkdir(parents=True, exist_ok=True)

    def moment(column: str) -> pl.Expr:
        return pl.from_epoch(pl.when(pl.col(column) < int(NEVER)).then(column), time_unit="s").alias(column)

    tables = {
        "persons": world.persons.with_columns(moment("signup"), moment("churned_at")),
        "person_weeks": world.weeks.with_columns(moment("week_start")),
        "records": records.select(
            pl.concat_str("source", pl.lit(":"), "id").alias("record_key"), "source", "person", "mess"
        ),
        "orders": world.orders.select(
            pl.format("#{}", (pl.col("order") + 1001).cast(pl.String)).alias("order_id"),
            "person",
            "is_late",
            moment("created"),
        ),
        "subscriptions": world.subscriptions.select(
            pl.format("sub_{}", (pl.col("subscription") + 1_000_000).cast(pl.String)).alias("subscription_id"),
            "person",
            moment("started"),
            moment("canceled"),
            moment("ended"),
            "by_dunning",
        ),
        "devices": devices.with_columns(moment("first_seen"), moment("last_seen")),
        "nps_responses": world.surveys.select(
            (pl.col("response") + 700_001).cast(pl.String).alias("response_id"),
            "person",
            "score",
            "expected_score",
            "late",
            "unresolved",
            "app_user",
            "engagement",
        ),
        "sessions": world.sessions.with_columns(
            moment("started"),
            stage=pl.Series(journeys.STAGES).gather(world.sessions["stage"]),
            intent=pl.Series(journeys.INTENTS).gather(world.sessions["intent"]),
        ),
    }
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet", statistics=False)
    facts = {
        "settings": settings,
        "churn": {
            "weekly_hazard_logit": HAZARD,
            "note": "hazard of leaving in a week; engagement is a weekly mean-reverting walk, see person_weeks",
        },
        "nps": {
            "expected_score": NPS,
            "note": "score = rounded and clipped expected score plus noise; drivers look back nine weeks",
        },
        "journeys": {"states": journeys.STATES, "starts": journeys.starts(), "transitions": journeys.chains()},
        "events": {"per_customer_year": EVENTS_PER_CUSTOMER_YEAR},
        "mess": {"kinds": dict(sorted(dirt.kinds.items())), "files": dict(sorted(dirt.files.items()))},
    }
    for name, fact in facts.items():
        (folder / f"{name}.json").write_text(json.dumps(fact, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
