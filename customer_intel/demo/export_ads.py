"""What Harbor & Pine spends on advertising: Google Ads' and Meta's answers by campaign and day, one JSON object a line.

Belongs here: cost and clicks that go with the visits of a campaign; a platform counts clicks that no visit follows.
Not here: those visits (segment.py).
"""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import polars as pl

# Visits' campaign name → platform, cost of a click in cents, clicks per visit, impressions per click.
CAMPAIGNS: dict[str, tuple[str, float, float, float]] = {
    "google_cpc": ("google_ads", 85.0, 1.25, 28.0),
    "instagram_paid_social": ("meta_ads", 42.0, 1.6, 70.0),
}
FILES = {
    "google_ads": "google_ads_campaigns-{day}.json",
    "meta_ads": "meta_insights-{day}.json",
}


def spend(events: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """campaign, day, clicks, impressions, cents: one row per campaign and day with a visit."""
    visits = (
        events.with_columns(
            campaign=pl.col("line").str.extract(r'"campaign":\{[^}]*"name":"([a-z_]+)"'),
            day=pl.from_epoch("ts_ms", time_unit="ms").dt.date(),
        )
        .filter(pl.col("campaign").is_in(list(CAMPAIGNS)))
        .group_by("campaign", "day")
        .agg(visits=pl.len())
        .sort("campaign", "day")
    )
    told = [CAMPAIGNS[name] for name in visits["campaign"]]
    cents, per_visit, per_click = (np.array([item[at] for item in told]) for at in (1, 2, 3))
    clicks = visits["visits"].to_numpy() + rng.poisson(
        visits["visits"].to_numpy() * (per_visit - 1)
    )
    price = cents * rng.lognormal(0.0, 0.15, len(visits))
    return visits.with_columns(
        clicks=pl.Series(clicks),
        impressions=pl.Series(rng.poisson(clicks * per_click)),
        cents=pl.Series(np.round(clicks * price).astype(np.int64)),
    )


def answers(rows: pl.DataFrame, platform: str, since: date | None, upto: date) -> list[str]:
    """The platform's answer for the days of [since, upto), a line per campaign and day."""
    is_told = pl.col("day") < upto
    if since is not None:
        is_told &= pl.col("day") >= since
    lines: list[str] = []
    for name, day, clicks, impressions, cents in (
        rows.filter(is_told)
        .select("campaign", "day", "clicks", "impressions", "cents")
        .sort("day", "campaign")
        .iter_rows()
    ):
        if CAMPAIGNS[name][0] != platform:
            continue
        number = str(4_000_001 + list(CAMPAIGNS).index(name))
        answer: dict[str, object]
        if platform == "google_ads":
            answer = {
                "campaign": {"id": number, "name": name},
                "segments": {"date": str(day)},
                "metrics": {
                    "costMicros": str(cents * 10_000),
                    "impressions": str(impressions),
                    "clicks": str(clicks),
                },
                "customer": {"currencyCode": "USD"},
            }
        else:
            answer = {
                "campaign_id": number,
                "campaign_name": name,
                "date_start": str(day),
                "date_stop": str(day),
                "spend": f"{cents / 100:.2f}",
                "account_currency": "USD",
                "impressions": str(impressions),
                "clicks": str(clicks),
            }
        lines.append(json.dumps(answer, separators=(",", ":")))
    return lines
