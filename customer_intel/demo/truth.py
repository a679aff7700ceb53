"""Ground truth, written beside the exports: who is who, who leaves when and why, what drives
scores, how people move, which faults are in the files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.demo import billing, doings, export_billing, export_till, journeys, till
from customer_intel.demo.clock import NEVER
from customer_intel.demo.doings import EVENTS_PER_CUSTOMER_YEAR, NPS
from customer_intel.demo.exports import money
from customer_intel.demo.mess import Dirt
from customer_intel.demo.world import HAZARD, World


def moment(column: str) -> pl.Expr:
    """Epoch seconds as a timestamp, null for what never happens."""
    return pl.from_epoch(pl.when(pl.col(column) < int(NEVER)).then(column), time_unit="s").alias(
        column
    )


def write(
    folder: Path,
    world: World,
    records: pl.DataFrame,
    companies: pl.DataFrame,
    devices: pl.DataFrame,
    dirt: Dirt,
    settings: dict[str, Any],
) -> None:
    """Writes Parquet tables and JSON files to `folder`. Times are UTC; `person` is the person's
    number everywhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    account_id = (
        pl.col("company_ids").str.split(";").list.first().replace("", None).alias("account_id")
    )
    tables = {
        "persons": world.persons.with_columns(moment("signup"), moment("churned_at")),
        "person_weeks": world.weeks.with_columns(moment("week_start")),
        "records": records.select(
            pl.concat_str("source", pl.lit(":"), "id").alias("record_key"),
            "source",
            "person",
            "mess",
            account_id,
        ),
        "companies": companies.with_columns(moment("created"), moment("modified")),
        "orders": pl.concat([_shop_orders(world), _till_orders(world)]),
        "subscriptions": _subscriptions(world),
        "fx_rates": world.fx.select(date=pl.from_epoch("at", time_unit="s").dt.date(), rate="rate"),
        "devices": devices.with_columns(moment("first_seen"), moment("last_seen")),
        "nps_responses": world.surveys.select(
            # As export_support.py numbers them.
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
            "note": (
                "hazard of leaving in a week; engagement is a weekly mean-reverting walk, see "
                "person_weeks"
            ),
        },
        "nps": {
            "expected_score": NPS,
            "note": (
                "score = rounded and clipped expected score plus noise; drivers look back "
                "nine weeks"
            ),
        },
        "journeys": {
            "states": journeys.STATES,
            "starts": journeys.starts(),
            "transitions": journeys.chains(),
        },
        "events": {"per_customer_year": EVENTS_PER_CUSTOMER_YEAR},
        "mess": {
            "kinds": dict(sorted(dirt.kinds.items())),
            "files": dict(sorted(dirt.files.items())),
        },
    }
    for name, fact in facts.items():
        (folder / f"{name}.json").write_text(
            json.dumps(fact, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def _shop_orders(world: World) -> pl.DataFrame:
    """`state` as of the end; `net` is what the company keeps of an order, in the order's currency."""
    pay = pl.col("pay")
    state = (
        pl.when(pl.col("refunded") < world.t1)
        .then(pl.lit("refunded"))
        .when(
            (pl.col("cancelled") < world.t1)
            | ((pay == doings.VOIDED) & (pl.col("turned") < world.t1))
        )
        .then(pl.lit("cancelled"))
        .when(pay != doings.PAID)
        .then(pl.lit("unpaid"))
        .otherwise(pl.lit("paid"))
    )
    orders = world.orders.with_columns(
        source=pl.lit("shopify"),
        order_id=pl.format("#{}", (pl.col("order") + 1001).cast(pl.String)),
        currency=pl.lit("USD"),
        state=state,
        returns_order_id=pl.lit(None, dtype=pl.String),
    )
    return orders.with_columns(
        net=pl.when(pl.col("state") == "paid").then("total").otherwise(0)
    ).select(_order_columns())


def _till_orders(world: World) -> pl.DataFrame:
    """As the shop's. A credit note's net is below nothing and its original keeps its own; nobody
    knows of `unclear`.
    """
    state = export_till.state(world.t1).replace(
        {"shipped": "paid", "delivered": "paid", "open": "unpaid"}
    )
    net = (
        pl.when(pl.col("state").is_in(["paid", "credit_note"]))
        .then("total")
        .when(pl.col("state") == "partly_refunded")
        .then(pl.col("total") - pl.col("back"))
        .when(pl.col("state") != "unclear")
        .then(0)
    )
    orders = world.till_orders.with_columns(
        source=pl.lit("kasse"),
        order_id=export_till.number("order"),
        person=pl.when(pl.col("person") >= 0).then("person"),
        currency=pl.lit("EUR"),
        is_late=pl.lit(False),
        state=state,
        returns_order_id=pl.when(pl.col("fate") == till.CREDIT).then(export_till.number("returns")),
    )
    return orders.with_columns(net=net).select(_order_columns())


def _order_columns() -> list[pl.Expr]:
    plain = [
        pl.col(c)
        for c in (
            "source",
            "order_id",
            "person",
            "is_late",
            "state",
            "currency",
            "returns_order_id",
        )
    ]
    return [
        *plain,
        moment("created"),
        *[money(c).cast(pl.Decimal(18, 2)).alias(c) for c in ("total", "net")],
    ]


def _subscriptions(world: World) -> pl.DataFrame:
    """`status` as of the end. `converted`: null without a trial or while it runs."""
    t1 = world.t1
    has_trial = pl.col("trial_end") < int(NEVER)
    converted = ~pl.col("is_lapsed") & (pl.col("begins") != billing.PAUSING)
    return world.subscriptions.select(
        pl.format("sub_{}", (pl.col("subscription") + 1_000_000).cast(pl.String)).alias(
            "subscription_id"
        ),
        "person",
        moment("started"),
        pl.when(has_trial).then(moment("started")).alias("trial_start"),
        moment("trial_end"),
        pl.when(has_trial & (pl.col("trial_end") < t1)).then(converted).alias("converted"),
        moment("canceled"),
        moment("ended"),
        "by_dunning",
        export_billing.status(t1, export_billing.behind(world.invoices, t1)).alias("status"),
    )
