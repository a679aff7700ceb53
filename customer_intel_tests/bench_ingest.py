"""What it costs to take a large CSV export safely, beside DuckDB's bare COPY of the same file to
Parquet.

Belongs here: the file, and each of the two in a process of its own (`python -m
customer_intel_tests.bench_ingest <what> <folder>`), so that its peak of memory is its own. Covered:
what `ingest` does with a landed file, from its hash to the accepted rows as Parquet, counted,
typed, checked for duplicates. Not covered: the gate and the lake's acceptance of that Parquet file
(sync, hash, rename), which `main` prints apart, and what later tables make of it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import duckdb

DAY = date(2026, 2, 28)
MEMORY = "1GB"
MAPPING = """\
source: shop
files: "orders*"
entity: orders
columns:
  order_id: id
  customer_ref: customer
  ordered_at: ordered
  status: status
  currency: currency
  total: total
  channel: channel
"""


def ratio(folder: Path, rows: int) -> str:
    """Makes the file, then runs both in turn, each twice: machines are not equally fast from minute
    to minute.
    """
    landed = folder / "landing" / "shop" / DAY.isoformat() / "orders.csv"
    landed.parent.mkdir(parents=True)
    (folder / "config" / "mappings").mkdir(parents=True)
    (folder / "config" / "mappings" / "shop_bench_orders.yaml").write_text(MAPPING)
    _make(landed, rows)
    runs = [_apart(what, folder) for what in ("bare", "take", "bare", "take")]
    bare, ours = runs[0::2], runs[1::2]
    times = {
        name: sum(run[name] for run in ours) / sum(run[name] for run in bare)
        for name in ("seconds", "cpu")
    }
    told = [" and ".join(f"{run['seconds']:.0f}" for run in which) for which in (ours, bare)]
    peak = [max(run["mebibytes"] for run in which) for which in (ours, bare)]
    last = ours[-1]
    return (
        f"ingest of {rows:,} rows, {landed.stat().st_size / 1e9:.1f} GB of CSV / DuckDB's bare "
        "COPY: "
        f"{times['seconds']:.2f} × ({told[0]} s / {told[1]} s, CPU {times['cpu']:.2f} ×), "
        f"peak {peak[0]:,.0f} MiB / {peak[1]:,.0f} MiB, {last['accepted']:,.0f} rows accepted\n"
        f"  not in it: the lake's acceptance of the {last['megabytes']:,.0f} MB part, "
        f"{last['acceptance']:.1f} s"
    )


def _make(path: Path, rows: int) -> None:
    """Orders, a tenth of them with a quoted note; one in a million cannot be typed."""

    def pick(words: str, place: int) -> str:
        cases = " ".join(f"WHEN {at} THEN {word!r}" for at, word in enumerate(words.split()))
        return f"CASE hash(i + {place}) % {len(words.split())} {cases} END"

    con = duckdb.connect(config={"threads": 2, "memory_limit": MEMORY})
    con.execute("SET enable_progress_bar = false")
    con.execute(
        f"""COPY (
            SELECT
                'o' || lpad(CAST(i AS VARCHAR), 9, '0') AS id,
                'c' || CAST(hash(i) % 4000000 AS VARCHAR) AS customer,
                CASE WHEN i % 1000000 = 77 THEN 'soon' ELSE strftime(
                    TIMESTAMP '2024-01-01' + to_seconds(CAST(i * 63072000 // {rows} AS BIGINT)), '%Y-%m-%d %H:%M:%S'
                ) END AS ordered,
                {pick("paid shipped delivered cancelled", 1)} AS status,
                printf('%.2f', (hash(i + 2) % 500000) / 100.0) AS total,
                {pick("EUR USD GBP", 3)} AS currency,
                {pick("web app store", 4)} AS channel,
                CASE
                    WHEN hash(i + 5) % 10 = 0 THEN 'Gift, for ' || chr(CAST(65 + i % 26 AS INTEGER)) || '. "now"'
                    WHEN hash(i + 5) % 10 < 4 THEN 'leave at the door ' || (i % 977)
                END AS note
            FROM range({rows}) AS t(i)
        ) TO '{path}' (FORMAT csv, HEADER)"""
    )


def _apart(what: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "customer_intel_tests.bench_ingest", what, str(folder)]
    found: dict[str, float] = json.loads(
        subprocess.run(command, check=True, capture_output=True).stdout
    )
    return found


def bare(folder: Path) -> dict[str, float]:
    source = next((folder / "landing").rglob("*.csv"))
    con = duckdb.connect(config={"threads": 2, "memory_limit": MEMORY})
    out = folder / "bare.parquet"
    con.execute(
        f"COPY (SELECT * FROM read_csv('{source}', all_varchar = true)) TO '{out}' (FORMAT parquet)"
    )
    out.unlink()
    return {}


def take(folder: Path) -> dict[str, float]:
    from customer_intel.core.contract import load as contract
    from customer_intel.core.engine import DuckDBEngine, EngineSettings
    from customer_intel.core.tables.parameters import room_config
    from customer_intel.ingest.land import entity_night as landing

    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    with DuckDBEngine(EngineSettings(MEMORY, 2, folder / "spill"), [folder]) as engine:
        result = landing.ingest(
            entity=contract.load().entities["orders"],
            landing=folder / "landing",
            mappings_dir=folder / "config" / "mappings",
            as_of=DAY,
            known=[],
            workdir=work,
            con=engine.con,
            config=room_config("ingest", folder),
        )
    (part,) = result.parts
    return {"accepted": part.facts["rows_accepted"], "megabytes": part.parquet.stat().st_size / 1e6}


def accept(folder: Path) -> dict[str, float]:
    from customer_intel.core.store.lake import Lake

    started = time.perf_counter()
    parts = {"part": folder / "work" / "part-0.parquet"}
    stamps = {"as_of": DAY.isoformat(), "snapshot_id": "bench", "schema_sha256": ""}
    Lake(folder).accept("raw_orders", parts, certificate={"passed": True}, **stamps)
    return {"acceptance": time.perf_counter() - started}


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    started = time.perf_counter()
    found = bare(folder) if what == "bare" else take(folder)
    found["seconds"] = time.perf_counter() - started
    times = os.times()
    found["cpu"] = times.user + times.system + times.children_user + times.children_system
    found["mebibytes"] = (
        sum(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        / 1024
    )
    print(json.dumps(found | (accept(folder) if what == "take" else {})))


if __name__ == "__main__":
    main()
