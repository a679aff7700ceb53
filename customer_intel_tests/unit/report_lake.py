"""A lake by the contract with a seeded little company in it, for tests of the report and its
findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from customer_intel.core.contract import load as contract
from customer_intel.core.store.lake import WHOLE, Lake, Version
from customer_intel.journeys.attribution import MODELS
from customer_intel.testing import TableLab

AS_OF = date(2026, 7, 1)
SNAPSHOT = "20260701-0123456789ab"
HOSTILE = '<script>alert("x")</script>&'
CHECK = {
    "expectation": "rows ≥ 1",
    "severity": "critical",
    "success": True,
    "unexpected": 0,
    "checked": 1,
    "message": "",
}
WARNING = {
    "expectation": "between revenue ≥ 0",
    "severity": "warning",
    "success": False,
    "unexpected": 3,
    "checked": 400,
    "message": "3 of 400 rows break it",
}
SEGMENTS = (
    "champions",
    "loyal_customers",
    "promising",
    "at_risk",
    "cant_lose_them",
    "hibernating",
    "lost",
)
_DEFAULTS: dict[str, Any] = {
    "text": "x",
    "int": 0,
    "float": 0.0,
    "bool": False,
    "date": AS_OF,
    "timestamp": datetime(2026, 6, 30),
    "money": Decimal(0),
}


def accept(
    lake: Lake,
    name: str,
    rows: list[dict[str, Any]],
    reason: str = "",
    findings: tuple[Any, ...] = (CHECK,),
) -> Version:
    """Accepts `rows` as the table `name`; columns that a row does not name get a neutral value when
    required.
    """
    table = contract.load().table(name)
    parts: dict[str, list[dict[str, Any]]] = {}
    stamps = {"as_of": AS_OF, "snapshot_id": SNAPSHOT} if table.layout == "whole" else {}
    for row in rows:
        full = {
            c.name: row.get(c.name, stamps.get(c.name, _DEFAULTS[c.type] if c.required else None))
            for c in table.columns
        }
        unknown = set(row) - set(full)
        assert not unknown, f"{name} has no column {unknown}"
        parts.setdefault(str(full[table.day_column]) if table.day_column else WHOLE, []).append(
            full
        )
    if not table.day_column and not parts:
        parts = {WHOLE: []}
    with lake.workspace(name) as work:
        files = {}
        for key, values in parts.items():
            files[key] = work / f"{len(files)}.parquet"
            frame = pl.DataFrame(
                values, schema=pl.DataFrame(table.arrow_schema.empty_table()).schema, strict=False
            )
            pq.write_table(frame.to_arrow().cast(table.arrow_schema), files[key])
        return lake.accept(
            name,
            files,
            as_of=AS_OF.isoformat(),
            snapshot_id=SNAPSHOT,
            schema_sha256="-",
            certificate={"passed": True, "findings": list(findings)},
            status="not_available" if reason else "available",
            reason=reason,
        )


def money(value: float) -> Decimal:
    return Decimal(f"{value:.2f}")


def company(lake: Lake, customers: int = 400) -> dict[str, Version]:
    """Every table that the report reads. Late deliveries lower scores; 'at_risk' spent most; one
    name is hostile.
    """
    rng = np.random.default_rng(7)
    ids = [f"c{n:06d}" for n in range(customers)]
    made: dict[str, list[dict[str, Any]]] = {}
    late = rng.random(customers) < 0.3
    scores = np.clip(np.round(rng.normal(8.5, 1.2, customers) - 2.5 * late), 0, 10)
    spent = np.round(rng.lognormal(4.5, 0.8, customers), 2)
    segments = [
        SEGMENTS[n]
        for n in rng.choice(len(SEGMENTS), customers, p=[0.1, 0.2, 0.2, 0.15, 0.05, 0.15, 0.15])
    ]
    made["customer_profile"] = [
        {
            "customer_id": c,
            "n_records": int(rng.integers(1, 5)),
            "n_sources": 1 + n % 3,
            "sources": "|".join(["billing", "crm", "shop"][: 1 + n % 3]),
            "primary_email": f"person{n}@secret.example",
            "full_name": f"Zanzibar Person{n}",
            "primary_phone": f"+1555{n:07d}",
            "lifecycle_stage": ["prospect", "new", "active", "at_risk", "lapsed"][n % 5],
            "orders_total": n % 4,
            "revenue_365d": money(spent[n]),
            "late_deliveries_365d": int(late[n]),
            "last_nps_score": scores[n],
        }
        for n, c in enumerate(ids)
    ]
    made["rfm"] = [
        {"customer_id": c, "segment": s, "monetary": money(v)}
        for c, s, v in zip(ids, segments, spent, strict=True)
    ]
    made["segment_summary"] = [
        {
            "segment": s,
            "n": segments.count(s),
            "share": segments.count(s) / customers,
            "revenue": money(sum(v for v, own in zip(spent, segments, strict=True) if own == s)),
            "average_order_value": money(42),
            "median_recency_days": 30.0 * at,
        }
        for at, s in enumerate(SEGMENTS)
    ]
    made["activity_daily"], made["activity"] = _days(rng, ids)
    made["order_fact"] = [
        {
            "order_key": f"shop:{n}",
            "customer_id": row["customer_id"],
            "order_day": row["day"],
            "currency": "USD",
            "is_counted": True,
            "is_sale": True,
            "gross_amount": row["revenue"],
            "gross_reporting": row["revenue"],
            "net_amount": row["revenue"],
            "net_reporting": row["revenue"],
            "delivered_at": row["first_at"],
            "promised_at": row["last_at"],
        }
        for n, row in enumerate(made["activity_daily"])
        if row["activity"] == "order_placed"
    ]
    first = AS_OF - timedelta(days=300)
    made["source_start"] = [
        {"source_system": "shop", "entity": entity, "first_day": first, "last_day": AS_OF,
         "first_export_date": first, "last_export_date": AS_OF, "n": 400}
        for entity in ("orders", "events")
    ]  # fmt: skip
    made["currency_use"] = [
        {
            "currency": "USD",
            "n_amounts": 400,
            "is_reporting": True,
            "reporting_basis": "only_currency",
        }
    ]
    made["mrr_movement"] = [
        {
            "customer_id": c,
            "day": AS_OF - timedelta(days=int(rng.integers(5, 350))),
            "currency": "USD",
            "opening_mrr": money(0),
            "new_mrr": money(20),
            "closing_mrr": money(20),
        }
        for c in ids[:120]
    ]
    made["churn_predictions"], made["model_evaluation"], made["calibration_bins"] = _churn(rng, ids)
    made["nps_summary"] = _scores(rng)
    made["journey_paths"], made["journey_transitions"], made["touchpoint"] = _journeys()
    made |= _journey_map()
    made["journey_flow"] = _journey_flow(made["journey_paths"])
    made["export_file"] = [
        {
            "source_system": source,
            "export_date": AS_OF - timedelta(days=days),
            "source_file": f"{source}/{n}-{days}.csv",
            "mapping": "m",
            "entity": "orders",
            "rows_read": 1000,
            "rows_accepted": 985,
            "rows_quarantined": 5,
            "rows_duplicate": 10,
            "rows_skipped": 0,
            "records_written": 985,
            "status": "accepted",
        }
        for source in ("crm", "shop")
        for days in (0, 1)
        for n in range(3)
    ]
    made["export_check"] = [
        {
            "source_system": "crm",
            "export_date": AS_OF,
            "source_file": "crm/0-0.csv",
            "mapping": HOSTILE,
            "check_name": "no_email",
            "matches": 12,
            "rows_checked": 1000,
        }
    ]
    return with_metrics(
        lake,
        {name: accept(lake, name, rows, findings=(CHECK, WARNING)) for name, rows in made.items()},
    )


def with_metrics(lake: Lake, versions: dict[str, Version]) -> dict[str, Version]:
    """The tables and what metrics say of them."""
    lab = TableLab(AS_OF)
    for name, version in versions.items():
        stamps = {"as_of", "snapshot_id"}
        for part in version.parts.values():
            frame = pl.read_parquet(lake.path(part))
            lab.put(name, frame.drop(stamps & set(frame.columns)))
    lab.metrics()
    said = {
        name: accept(lake, name, lab.rows(name).to_dicts()) for name in ("metric", "metric_daily")
    }
    return versions | said


def _days(rng: Any, ids: list[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    daily, events = [], []
    for back in range(1, 260):
        when = AS_OF - timedelta(days=back)
        weight = 0.5 if when.weekday() >= 5 else 1.0
        for c in rng.choice(ids, int(rng.poisson(14 * weight * (1.6 - back / 500))), replace=False):
            at = datetime(when.year, when.month, when.day, 12)
            daily.append(
                {
                    "customer_id": c,
                    "day": when,
                    "activity": "page_viewed",
                    "n": 3,
                    "first_at": at,
                    "last_at": at,
                    "is_own_act": True,
                }
            )
            if rng.random() < 0.25:
                value = money(rng.lognormal(3.7, 0.4))
                daily.append(
                    {
                        "customer_id": c,
                        "day": when,
                        "activity": "order_placed",
                        "n": 1,
                        "revenue": value,
                        "first_at": at,
                        "last_at": at,
                        "is_own_act": True,
                    }
                )
    events.append(
        {
            "activity_id": "a",
            "ts": datetime(2026, 6, 30),
            "day": date(2026, 6, 30),
            "activity": "order_placed",
            "revenue_impact": money(1),
            "currency": "USD",
        }
    )
    return daily, events


def _churn(
    rng: Any, ids: list[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    predictions, evaluation, bins = [], [], []
    for definition, horizon, verdict in (
        ("purchase_90d", 90, "model"),
        ("subscription_30d", 30, "baseline"),
    ):
        for n, c in enumerate(ids[: 300 if horizon == 90 else 120]):
            p = float(np.clip(rng.beta(1.4, 2.2), 0.01, 0.99))
            predictions.append(
                {
                    "definition_id": definition,
                    "customer_id": c,
                    "horizon_days": horizon,
                    "eligible": True,
                    "p_churn": p,
                    "p_low": max(0.0, p - 0.1),
                    "p_high": min(1.0, p + 0.1),
                    "risk_decile": 1 + int(10 * p),
                    "risk_band": "high" if p > 0.6 else "medium" if p > 0.3 else "low",
                    "expected_loss": money(p * rng.lognormal(4.5, 0.9)),
                    "reason_1": f"last order {n % 90} days ago, usual gap 21",
                    "reason_2": "tickets in the last 90 days: 3, typical 0",
                    "protect_1": "customer for 412 days, typical 200",
                }
            )
        for at, origin in enumerate(["2026-01-02", "2026-04-02", "all"]):
            for metric, value in (
                ("auc", 0.78),
                ("ap", 0.6),
                ("lift_decile", 2.1),
                ("log_loss", 0.5),
                ("brier", 0.17),
                ("ece", 0.03),
            ):
                evaluation.append(
                    {
                        "definition_id": definition,
                        "evaluated_origin": origin,
                        "metric": metric,
                        "metric_value": value + 0.01 * at,
                        "low": value - 0.05,
                        "high": value + 0.06,
                        "baseline_value": value - 0.06,
                        "n": 300,
                        "n_positive": 90,
                        "verdict": verdict,
                        "reason": "against recency: AUC +0.0600 [+0.0100, +0.1100]",
                    }
                )
        for scorer in ("model", "recency_baseline"):
            for number in range(1, 11):
                p = number / 10 - 0.05
                bins.append(
                    {
                        "definition_id": definition,
                        "scorer": scorer,
                        "bin": number,
                        "n": 30,
                        "n_positive": int(30 * p),
                        "mean_predicted": p,
                        "observed_share": p + rng.normal(0, 0.04),
                        "low": max(0.0, p - 0.12),
                        "high": min(1.0, p + 0.12),
                    }
                )
    return predictions, evaluation, bins


def _scores(rng: Any) -> list[dict[str, Any]]:
    def row(
        metric: str,
        period: str,
        wave: str,
        kind: str,
        segment: str,
        plus: int,
        passive: int,
        minus: int,
    ) -> dict[str, Any]:
        n = plus + passive + minus
        score = 100 * (plus - (minus if metric == "nps" else 0)) / n
        return {
            "metric": metric,
            "period": period,
            "wave": wave,
            "segment_type": kind,
            "segment": segment,
            "n": n,
            "n_eff": float(n),
            "promoters": plus,
            "passives": passive,
            "detractors": minus,
            "score": score,
            "low": score - 9,
            "high": score + 9,
            "prev_score": score + 8,
            "delta": -8.0,
            "p_value": 0.02,
            "p_adj": 0.02,
            "significant": True,
            "mde80": 12.0,
            "response_rate": 0.23,
        }

    rows = []
    for metric in ("nps", "csat"):
        for month in range(1, 13):
            plus = int(rng.integers(40, 60))
            year, number = (2025, month + 6) if month <= 6 else (2026, month - 6)
            rows.append(
                row(metric, "month", f"{year}-{number:02d}", "all", "all", plus, 25, 90 - plus)
            )
        rows.append(row(metric, "quarter", "2026-Q2", "all", "all", 150, 80, 70))
        rows.append(row(metric, "all", "all", "all", "all", 600, 320, 280))
        rows += [
            row(metric, "all", "all", "channel", name, 50 + 20 * at, 40, 90 - 20 * at)
            for at, name in enumerate([HOSTILE, "email", "web"])
        ]
    return rows


def _journey_flow(paths: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same journeys by their first steps."""
    rows: dict[tuple[int, str, str], list[int]] = {}
    for way in paths:
        steps = [step for step in way["path"].split(" > ") if step != "(start)"]
        told = [
            (at, pair, way["n"], way["n_converted"])
            for at, pair in enumerate(pairwise(["(start)", *steps]), 1)
        ]
        at, last, won = len(steps) + 1, (steps or ["(start)"])[-1], way["n_converted"]
        told += [
            (at, (last, "(conversion)"), won, won),
            (at, (last, "(no conversion)"), way["n"] - won, 0),
        ]
        for at, (source, target), n, converted in told:
            sums = rows.setdefault((at, source, target), [0, 0])
            sums[0] += n
            sums[1] += converted
    return [
        {"step_no": at, "from_step": source, "to_step": target, "n": n, "n_converted": won}
        for (at, source, target), (n, won) in rows.items()
        if n
    ]


def _journeys() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    # Steps before the purchase, journeys, and how many of them then bought.
    ways = [
        (["web:page_viewed:home", "web:product_viewed", "web:checkout_started"], 750, 400),
        (["web:page_viewed:home", "web:product_viewed"], 700, 0),
        (
            [
                "email:email_opened",
                "web:product_viewed",
                "web:product_added",
                "web:checkout_started",
            ],
            210,
            110,
        ),
        (["web:page_viewed:blog"], 180, 0),
        (["email:email_opened", "web:page_viewed:home"], 90, 60),
        (["(start)"], 40, 40),
        ([f"web:{HOSTILE}", "web:page_viewed:home"], 20, 0),
    ]
    ways.sort(key=lambda way: -way[1])
    total = sum(n for _, n, _ in ways)
    paths, pairs, covered = [], {}, 0.0
    for rank, (steps, n, won) in enumerate(ways, 1):
        covered += n / total
        rate, walked = won / n, [step for step in steps if step != "(start)"]
        paths.append(
            {
                "path_rank": rank,
                "path": " > ".join(steps),
                "n_steps": len(walked),
                "n": n,
                "customers": n,
                "share": n / total,
                "coverage": covered,
                "n_converted": won,
                "conversion_rate": rate if walked else None,
                "conversion_low": max(0.0, rate - 0.03) if walked else None,
                "conversion_high": min(1.0, rate + 0.03) if walked else None,
                "conversion_value": money(won * 38),
            }
        )
        ends = [(walked or steps)[-1], "shop:order_placed", "(end)"]
        taken = [(pair, n) for pair in pairwise(["(start)", *walked])]
        taken += [
            ((ends[0], ends[1]), won),
            ((ends[0], ends[2]), n - won),
            ((ends[1], ends[2]), won),
        ]
        for pair, times in taken:
            if times:
                pairs[pair] = pairs.get(pair, 0) + times
    everything = sum(pairs.values())
    out: dict[str, int] = {}
    into: dict[str, int] = {}
    for (source, target), n in pairs.items():
        out[source] = out.get(source, 0) + n
        into[target] = into.get(target, 0) + n
    transitions = [
        {
            "from_step": source,
            "to_step": target,
            "n": n,
            "customers": n,
            "p": n / out[source],
            "p_low": max(0.0, n / out[source] - 0.03),
            "p_high": min(1.0, n / out[source] + 0.03),
            "expected_p": into[target] / everything,
            "lift": 1.0,
            "is_loop": False,
            "is_exit": target == "(end)",
            "transition_days": 90,
        }
        for (source, target), n in sorted(pairs.items())
    ]
    touchpoints = [
        {"touchpoint_id": step, "stage": "consideration"}
        for step in sorted(out)
        if step != "(start)"
    ]
    return paths, transitions, touchpoints


def _journey_map() -> dict[str, list[dict[str, Any]]]:
    """Where customers are, one pain point that is sure and one that is not, and two channels."""
    cells = [
        {"stage": stage, "channel": channel, "owner": "team:product", "n_activities": 900,
         "customers": 300, "share": 0.5, "n_visits": 300, "median_seconds": 90.0, "n_nps": n_nps,
         "nps": 12.0 if n_nps else None, "n_csat": 0, "n_journeys": 400, "n_ended": 200,
         "n_lost": lost, "drop_off": lost / 400, "drop_off_low": lost / 500,
         "drop_off_high": lost / 300, "transition_days": 90}
        for stage, channel, n_nps, lost in (("consideration", "web", 40, 120), ("purchase", "shop", 0, 0))
    ]  # fmt: skip
    points = [
        {"pain_rank": rank, "touchpoint_id": step, "stage": "consideration", "owner": "team:product",
         "is_arrival": False, "pain_verdict": verdict, "n_ended": 100, "n_steps": 800, "n_lost": 100,
         "expected": 60.0, "excess": 40.0, "excess_low": 15.0, "excess_high": 66.0,
         "exit_p_value": 0.001, "exit_q_value": 0.004, "conversion_rate": 0.5,
         "value_per_lost": money(20), "lost_value": money(800), "lost_value_low": money(300),
         "lost_value_high": money(1320), "n_tickets": 9, "n_reviews": 0, "n_low_scores": 4, "n_in_incident": 2,
         "top_reason": HOSTILE}
        for rank, step, verdict in (
            (1, "web:checkout_started", "loses_more"), (2, f"web:{HOSTILE}", "unsure"),
        )
    ]  # fmt: skip
    credited = [
        {"model": model, "channel": channel, "n_paths": 90, "n_converted": 60,
         "conversions": 50.0, "conversion_value": money(2000), "share": 0.5, "share_low": 0.4,
         "share_high": 0.6, "markov_order": 2 if model == "markov" else None, "cost": money(300),
         "cost_per_conversion": money(6), "return_on_spend": 6.67}
        for model in MODELS
        for channel in ("email", HOSTILE)
    ]  # fmt: skip
    return {"journey_map": cells, "pain_point": points, "attribution": credited}


def lake_in(home: Path) -> tuple[Lake, Mapping[str, Version]]:
    lake = Lake(home)
    return lake, company(lake)
