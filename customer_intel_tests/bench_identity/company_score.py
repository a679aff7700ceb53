"""What a home made of a generated company (company.py):

    python -m customer_intel_tests.bench_identity.company_score HOME TRUTH.parquet [--landing LANDING]

With --landing every night that is there is run first, one after another, into HOME.

Belongs here: counts over published tables. False merges: customers of today that hold several
people, each person more than one counted once; doubtful where match_review shows two of the
customer's records that are not the same person's. Torn: people of whom two records were one
customer once and are not today.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from customer_intel.identity.matching import metrics as evaluation


def released(home: Path, table: str) -> Path:
    """The file of a published table in the newest release. Raises FileNotFoundError without one."""
    file = home / "published" / "current" / f"{table}.parquet"
    if not file.exists():
        raise FileNotFoundError(f"{home}: no release holds {table}")
    return file


def run_nights(home: Path, landing: Path) -> list[str]:
    """`customer-intel run` for every export date of the landing; the dates. Raises
    CalledProcessError when a night ends with an error.
    """
    days = sorted({folder.name for folder in landing.glob("*/*") if folder.is_dir()})
    for day in days:
        told = ["run", "--home", str(home), "--landing", str(landing), "--as-of", day]
        command = [sys.executable, "-m", "customer_intel.cli", *told]
        subprocess.run(command, check=True, capture_output=True)
    return days


def scored(home: Path, truth: Path) -> dict[str, Any]:
    """Shares and counts of the newest release; see the module for what each means."""
    with duckdb.connect() as con:
        for name, file in (
            ("mapped", released(home, "record_customer_map")),
            ("review", released(home, "match_review")),
            ("known", truth),
        ):
            con.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{file}')")
        con.execute(
            """CREATE TABLE labelled AS SELECT m.*, k.truth, k.kind
            FROM mapped m JOIN known k USING (record_key)"""
        )
        today = con.sql(
            "SELECT record_key, customer_id AS cluster, truth, kind FROM labelled WHERE valid_to IS NULL"
        ).pl()
        false, kinds = _false_merges(con, today)
        found = evaluation.agreement(today.select("cluster", "truth"))
        people = today["truth"].n_unique()
        return {
            "records": len(today),
            "customers": people,
            "f1": found.f1,
            "precision": found.precision,
            "recall": found.recall,
            "false_merges": int(false["extra"].sum()),
            "false_merges_per_1000_customers": 1000 * int(false["extra"].sum()) / max(people, 1),
            "false_merges_not_doubtful": int(false.filter(~pl.col("is_doubtful"))["extra"].sum()),
            "false_merges_by_kind": kinds,
            "split_people": found.clusters - people + int(false["extra"].sum()),
            "in_review": _number(con, "SELECT count(*) FROM review"),
            **_over_nights(con),
        }


def _false_merges(
    con: duckdb.DuckDBPyConnection, today: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    wrong = (
        today.group_by("cluster")
        .agg(extra=pl.col("truth").n_unique() - 1, kinds=pl.col("kind").unique().sort())
        .filter(pl.col("extra") > 0)
    )
    doubted = con.sql(
        """SELECT DISTINCT a.customer_id AS cluster FROM review r
        JOIN labelled a ON a.record_key = r.record_key_a AND a.valid_to IS NULL
        JOIN labelled b ON b.record_key = r.record_key_b AND b.valid_to IS NULL
        WHERE a.customer_id = b.customer_id AND a.truth <> b.truth"""
    ).pl()
    wrong = wrong.with_columns(is_doubtful=pl.col("cluster").is_in(doubted["cluster"].to_list()))
    kinds = (
        wrong.group_by(pl.col("kinds").list.join(" + ")).agg(pl.col("extra").sum()).sort("kinds")
    )
    return wrong, {str(kind): int(count) for kind, count in kinds.rows()}


def _over_nights(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """ids changed per record-night (after a record's first), and torn people."""
    nights = con.sql("SELECT DISTINCT valid_from::DATE AS night FROM mapped ORDER BY 1").pl()[
        "night"
    ]
    con.register("nights", nights.to_frame().to_arrow())
    changed = _number(con, "SELECT count(*) FROM labelled WHERE change_reason <> 'new'")
    lived = _number(
        con,
        """SELECT count(*) FROM nights JOIN
        (SELECT record_key, min(valid_from)::DATE AS since FROM mapped GROUP BY ALL) ON night > since""",
    )
    torn = _number(
        con,
        """WITH ever AS (SELECT a.truth, a.record_key AS one, b.record_key AS other FROM labelled a
            JOIN labelled b ON a.truth = b.truth AND a.customer_id = b.customer_id
            AND a.record_key < b.record_key
            AND a.valid_from < coalesce(b.valid_to, 'infinity'::TIMESTAMP)
            AND b.valid_from < coalesce(a.valid_to, 'infinity'::TIMESTAMP)),
        today AS (SELECT * FROM labelled WHERE valid_to IS NULL)
        SELECT count(DISTINCT ever.truth) FROM ever JOIN today a ON a.record_key = one
        JOIN today b ON b.record_key = other WHERE a.customer_id <> b.customer_id""",
    )
    return {
        "nights": len(nights),
        "ids_changed": changed,
        "ids_changed_per_record_night": changed / lived if lived else 0.0,
        "torn_customers": torn,
    }


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--landing", type=Path)
    asked = parser.parse_args()
    if asked.landing:
        run_nights(asked.home, asked.landing)
    print(json.dumps(scored(asked.home, asked.truth), indent=1))
