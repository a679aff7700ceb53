"""Retention: of those who began together, how many came back, interval by interval.

Belongs here: cohorts, intervals and who had time. Not here: what is asked for (retention_settings.py).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from customer_intel.behaviour.definitions import Definitions
from customer_intel.behaviour.retention_events import Events
from customer_intel.behaviour.retention_settings import Retention, declared, interval_of
from customer_intel.core.statistics import wilson

# In so many parts of the customers recurring cohorts are counted.
STRETCHES = 8
# What an interval of a customer's own clock lasts.
ROLLING = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


def retention_cohort(
    act_daily: pl.LazyFrame,
    customer_day: pl.LazyFrame,
    activity: pl.LazyFrame,
    behaviour_customer: pl.LazyFrame,
    behaviour_definition: pl.LazyFrame,
    as_of: date,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per retention, cohort and interval_no, zeros included, up to the interval of the day
    before `as_of`; the newest `retention_cohorts` cohorts, `retention_intervals` intervals of each.

    A cell's rate is of those whose interval is over (n_eligible); n_so_far counts everybody. A day's
    first and last act place it in intervals of a customer's own clock exactly, as both ends lie less
    than 24 h apart; on the 25-hour day in autumn an act between them may be missed.
    """
    asked = declared(config)
    means = Definitions.of(behaviour_definition)
    events = Events(act_daily, customer_day, activity, behaviour_customer, means, as_of)
    parts = [pl.DataFrame(schema=schema)]
    if events.first_day is not None:
        usual = interval_of((as_of - events.first_day).days, config)
        for item in asked:
            interval = usual if item.interval == "auto" else item.interval
            parts.append(_cells(item, interval, events, as_of, config).select(schema.names()))
    rows = pl.concat([part.cast(schema) for part in parts])
    return rows.sort("retention", "cohort", "interval_no")


def _cells(
    item: Retention, interval: str, events: Events, as_of: date, config: dict[str, Any]
) -> pl.DataFrame:
    """The item's cells in the contract's columns."""
    newest = _index_of(as_of - timedelta(days=1), interval)
    begun = _begun(item, interval, events.of(item.start)).filter(
        pl.col("cohort_no") > newest - config["retention_cohorts"]
    )
    clock = _clock(interval, as_of, config) if item.clock == "rolling" else None
    begun = begun.with_columns(
        last_no=_last_no(clock, newest), over_no=_over_no(clock, interval, as_of)
    )
    if item.kind == "first_time":
        # One row a customer, asked twice.
        begun = begun.collect(engine="streaming").lazy()
    by_size = begun.group_by("cohort_no", "over_no").agg(
        n_cohort=pl.len(), last_no=pl.col("last_no").max()
    )
    sizes = by_size.collect(engine="streaming")
    hits = _hits(item, interval, begun, events.of(item.back), clock)
    grid = (
        sizes.group_by("cohort_no")
        .agg(pl.col("n_cohort").sum(), pl.col("last_no").max())
        .with_columns(
            interval_no=pl.int_ranges(
                0, pl.min_horizontal("last_no", config["retention_intervals"] - 1) + 1
            )
        )
        .explode("interval_no")
    )
    counted = (
        grid.join(_eligible(grid, sizes), on=["cohort_no", "interval_no"], how="left")
        .join(_retained(item, grid, hits), on=["cohort_no", "interval_no"], how="left")
        .with_columns(pl.col("n_eligible", "n_retained", "n_so_far").fill_null(0))
        .sort("cohort_no", "interval_no")
    )
    return _told(counted, interval).with_columns(
        retention=pl.lit(item.name),
        cohort=_first_day("cohort_no", interval),
        interval_unit=pl.lit(interval),
        retention_kind=pl.lit(item.kind),
        retention_mode=pl.lit(item.mode),
        retention_clock=pl.lit(item.clock),
        start_event=pl.lit(item.start),
        return_event=pl.lit(item.back),
        is_complete=pl.col("n_eligible") == pl.col("n_cohort"),
    )


# ---- who begins when, and who comes back
def _begun(item: Retention, interval: str, starts: pl.LazyFrame) -> pl.LazyFrame:
    """customer_id, cohort_no, start_at: when the customer began in the cohort."""
    if item.kind == "first_time":
        first = starts.group_by("customer_id").agg(
            pl.col("day").min(), start_at=pl.col("first_at").min()
        )
        return first.select("customer_id", _index("day", interval).alias("cohort_no"), "start_at")
    return starts.group_by("customer_id", _index("day", interval).alias("cohort_no")).agg(
        start_at=pl.col("first_at").min()
    )


def _hits(
    item: Retention,
    interval: str,
    begun: pl.LazyFrame,
    returns: pl.LazyFrame,
    clock: tuple[int, datetime] | None,
) -> pl.DataFrame:
    """As `_came_back`, of some customers after the others where each is in many cohorts: the pairs of
    starts and returns would not fit at once.
    """
    stretches = STRETCHES if item.kind == "recurring" else 1
    own = pl.col("customer_id").hash() % stretches
    told = [
        _came_back(
            item, interval, begun.filter(own == at), returns.filter(own == at), clock
        ).collect(engine="streaming")
        for at in range(stretches)
    ]
    return pl.concat(told).group_by("cohort_no", "over_no", "interval_no").agg(pl.col("n").sum())


def _came_back(
    item: Retention,
    interval: str,
    begun: pl.LazyFrame,
    returns: pl.LazyFrame,
    clock: tuple[int, datetime] | None,
) -> pl.LazyFrame:
    """cohort_no, over_no, interval_no, n: how many of a cohort came back in an interval; with
    on_or_after, how many came back in it last.
    """
    if clock is None:
        seen = returns.group_by("customer_id", _index("day", interval).alias("return_no")).agg(
            pl.col("last_at").max()
        )
        joined = begun.join(seen, on="customer_id").filter(pl.col("last_at") >= pl.col("start_at"))
        placed = joined.with_columns(interval_no=pl.col("return_no") - pl.col("cohort_no"))
    else:
        lasts = clock[0]
        joined = begun.join(returns, on="customer_id").filter(
            pl.col("last_at") >= pl.col("start_at")
        )
        # What lies before the start is no return; what lies behind it the same day is in interval 0.
        since = [
            (pl.max_horizontal(end, "start_at") - pl.col("start_at")).dt.total_microseconds()
            for end in ("first_at", "last_at")
        ]
        placed = joined.with_columns(
            interval_no=pl.concat_list([passed // lasts for passed in since])
        ).explode("interval_no")
    placed = placed.filter(pl.col("interval_no") >= 0)
    who = ["customer_id", "cohort_no", "over_no"]
    if item.mode == "on":
        distinct = placed.select(*who, "interval_no").unique()
    else:
        distinct = placed.group_by(who).agg(pl.col("interval_no").max())
    return distinct.group_by("cohort_no", "over_no", "interval_no").agg(n=pl.len())


def _eligible(grid: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """cohort_no, interval_no, n_eligible: whose interval is over."""
    over = sizes.select("cohort_no", "over_no", n="n_cohort")
    joined = grid.select("cohort_no", "interval_no").join(over, on="cohort_no")
    return (
        joined.filter(pl.col("over_no") >= pl.col("interval_no"))
        .group_by("cohort_no", "interval_no")
        .agg(n_eligible=pl.col("n").sum())
    )


def _retained(item: Retention, grid: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
    """cohort_no, interval_no, n_so_far, n_retained."""
    cells = grid.select("cohort_no", "interval_no")
    if item.mode == "on":
        joined = cells.join(hits, on=["cohort_no", "interval_no"])
    else:
        later = hits.rename({"interval_no": "until_no"})
        joined = cells.join(later, on="cohort_no").filter(
            pl.col("until_no") >= pl.col("interval_no")
        )
    had_time = pl.col("over_no") >= pl.col("interval_no")
    return joined.group_by("cohort_no", "interval_no").agg(
        n_so_far=pl.col("n").sum(), n_retained=pl.col("n").filter(had_time).sum()
    )


def _told(counted: pl.DataFrame, interval: str) -> pl.DataFrame:
    """With retention_rate and its interval."""
    bounds = [
        wilson(hits, n) if n else (None, None)
        for hits, n in counted.select("n_retained", "n_eligible").iter_rows()
    ]
    rate = pl.when(pl.col("n_eligible") > 0).then(pl.col("n_retained") / pl.col("n_eligible"))
    return counted.with_columns(
        retention_rate=rate,
        low=pl.Series([low for low, _ in bounds], dtype=pl.Float64),
        high=pl.Series([high for _, high in bounds], dtype=pl.Float64),
    ).with_columns(pl.col("retention_rate", "low", "high").round(9))


# ---- intervals, numbered
def _clock(interval: str, as_of: date, config: dict[str, Any]) -> tuple[int, datetime]:
    """Microseconds of an interval of one's own clock, and the moment as_of begins (UTC, naive)."""
    midnight = datetime.combine(as_of, time(), ZoneInfo(str(config["time_zone"])))
    return ROLLING[interval] // timedelta(microseconds=1), midnight.astimezone(UTC).replace(
        tzinfo=None
    )


def _last_no(clock: tuple[int, datetime] | None, newest: int) -> pl.Expr:
    """The interval that the last known moment lies in."""
    if clock is None:
        return pl.lit(newest) - pl.col("cohort_no")
    passed = (pl.lit(clock[1]) - pl.col("start_at")).dt.total_microseconds()
    return ((passed - 1) // clock[0]).clip(0)


def _over_no(clock: tuple[int, datetime] | None, interval: str, as_of: date) -> pl.Expr:
    """The last interval that is over; -1 when none is."""
    if clock is None:
        return pl.lit(_index_of(as_of, interval) - 1) - pl.col("cohort_no")
    passed = (pl.lit(clock[1]) - pl.col("start_at")).dt.total_microseconds()
    return passed // clock[0] - 1


def _index(day: str, interval: str) -> pl.Expr:
    """The number of the day, Monday week or month that the day lies in; neighbours differ by 1."""
    since_1970 = (pl.col(day) - pl.lit(date(1970, 1, 1))).dt.total_days()
    if interval == "day":
        return since_1970
    if interval == "week":
        return (since_1970 + 3) // 7
    return pl.col(day).dt.year().cast(pl.Int64) * 12 + pl.col(day).dt.month().cast(pl.Int64) - 1


def _index_of(day: date, interval: str) -> int:
    """As `_index`, of one day."""
    return int(pl.select(pl.lit(day).alias("day")).select(_index("day", interval)).item())


def _first_day(number: str, interval: str) -> pl.Expr:
    """The first day of the interval of that number."""
    if interval == "month":
        return pl.date(pl.col(number) // 12, pl.col(number) % 12 + 1, 1)
    days = pl.col(number) if interval == "day" else pl.col(number) * 7 - 3
    return pl.lit(date(1970, 1, 1)) + pl.duration(days=days)
