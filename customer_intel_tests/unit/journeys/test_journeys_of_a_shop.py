"""Journeys of a real shop's clickstream (retentioneering) against counts made of the file by plain
Python.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import polars as pl

from customer_intel_tests.unit.sqlroom import Room

AS_OF = date(2020, 5, 15)
GAP, DAYS = timedelta(days=30), timedelta(days=90)


def events(shared_data: Path) -> pl.DataFrame:
    """user, place, ts of what visitors did; `lost` is the data set's own mark, nobody's act."""
    file = shared_data / "retentioneering" / "simple-onlineshop.csv.gz"
    return (
        pl.read_csv(file, try_parse_dates=True)
        .filter(pl.col("event") != "lost")
        .select(
            user=pl.col("user_id").cast(pl.String),
            place=pl.col("event").str.replace("^product.*", "product"),
            ts=pl.col("timestamp").cast(pl.Datetime("us")),
        )
        .unique()
        .sort("user", "ts", "place")
    )


def plain(rows: pl.DataFrame) -> tuple[Counter[str], Counter[str], int]:
    """Ends and losses by place of journeys whose end became known in the 90 days, and conversions
    before as_of.
    """
    ended: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    won = 0
    midnight = datetime(AS_OF.year, AS_OF.month, AS_OF.day)
    for _, walked in groupby(rows.iter_rows(), key=lambda row: row[0]):
        journeys: list[list[tuple[str, datetime]]] = []
        for _, place, ts in walked:
            if not journeys or ts > journeys[-1][-1][1] + GAP:
                journeys.append([])
            journeys[-1].append((place, ts))
        for steps in journeys:
            places = [place for place, _ in steps]
            won += sum(
                place == "payment_done" and (not at or places[at - 1] != "payment_done")
                for at, place in enumerate(places)
            )
            if midnight - DAYS <= steps[-1][1] + GAP < midnight:
                ended[places[-1]] += 1
                lost[places[-1]] += "payment_done" not in places
    return ended, lost, won


def test_ends_losses_and_conversions_are_those_of_the_file(shared_data: Path) -> None:
    rows = events(shared_data)
    ended, lost, won = plain(rows)
    assert sum(ended.values()) == 1901, "known count of the file"
    is_paid = pl.col("place") == "payment_done"
    made = Room(AS_OF)
    made.put(
        "activity",
        rows.select(
            activity_id=pl.format("{}:{}", "user", pl.int_range(pl.len()).cast(pl.String).str.zfill(6)),
            customer_id="user",
            ts="ts",
            day=pl.col("ts").dt.date(),
            activity=pl.when(is_paid).then(pl.lit("purchase")).otherwise(pl.lit("page_viewed")),
            touchpoint_id="web:" + pl.col("place"),
            journey_stage=pl.lit("consideration"),
            channel=pl.lit("web"),
            source_system=pl.lit("shop"),
        ),
    )  # fmt: skip
    for name in (
        "touchpoint_day",
        "touchpoint_role",
        "journey_step",
        "journey",
        "journey_transitions",
    ):
        made.run(name)
    made.run("nps_summary")
    found = made.run("pain_point")
    counts = {
        row["touchpoint_id"].removeprefix("web:"): (row["n_ended"], row["n_lost"])
        for row in found.iter_rows(named=True)
    }
    assert counts == {place: (ended[place], lost[place]) for place in counts}
    assert made.rows("journey")["n_conversions"].sum() == won
    (cell,) = made.run("journey_map").iter_rows(named=True)
    assert (cell["n_ended"], cell["n_lost"]) == (sum(ended.values()), sum(lost.values()))
