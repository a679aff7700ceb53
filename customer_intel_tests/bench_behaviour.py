"""Behaviour and journeys of a growing company: `python -m customer_intel_tests.bench_behaviour [EVENTS]`.

Belongs here: what the tables of these rooms cost in a home of E events (bench_scale.py's company): computed whole, on a
night that brings one more day, and the same tables by hand in one DuckDB script over the same activities. Prints CPU
seconds, wall seconds and peak memory; asserts nothing. Not here: the whole night (bench_scale.py).

CPU is user and system time of the whole command with its children, less that of a command that computes one
tiny table: the interpreter, the libraries and the night's books. By hand there is no gate, and no test of a
difference: drivers, attribution's models and intervals of pain points have no counterpart and are told apart.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import duckdb

from customer_intel.core.contract import load as contract
from customer_intel_tests.bench_scale import Spent, company, run

ROOMS = ("behaviour", "journeys")
# What only statistics make: no script by hand beside it.
STATISTICS = (
    "feature_driver", "behaviour_difference", "attribution", "pain_point", "behaviour_candidate",
    "behaviour_definition",
)  # fmt: skip


def measured(home: Path, later: Path | None) -> None:
    """Prints what the rooms cost in a home that had its night; with `later`, the exports of one more day, also on the
    night that brings them.
    """
    rooms = [
        name
        for name, table in contract.load().tables.items()
        if table.room in ROOMS and table.entity is None
    ]
    before = [name for name, table in contract.load().tables.items() if _is_before(table.room)]
    night = [sys.executable, "-m", "customer_intel.cli", "run", "--home", str(home), "--json"]
    idle = run([*night, "--full", "--select", "date"])
    print(f"  a command by itself     {idle}")
    whole = run([*night, "--full", "--select", ",".join(rooms)])
    seconds = _seconds(whole)
    told = sum(seconds.values())
    statistics = sum(seconds.get(name, 0.0) for name in STATISTICS)
    print(f"  computed whole          {whole}   less the command: {whole.cpu - idle.cpu:.1f} CPU-s")
    print(f"    statistics alone: {statistics:.1f} of {told:.1f} table-seconds")
    script = run([sys.executable, __file__, "--by-hand", str(home)])
    print(f"  by hand                 {script}")
    share = 1 - statistics / told
    print(f"    ratio, tables of both: {(whole.cpu - idle.cpu) * share / script.cpu:.2f}")
    delta: dict[str, float] = {}
    if later:
        for path in sorted(later.iterdir())[:1]:
            (home / "landing" / "shop" / path.name).mkdir(parents=True)
            for file in path.iterdir():
                file.rename(home / "landing" / "shop" / path.name / file.name)
        run([*night, "--select", ",".join(before)])
        one = run([*night, "--select", ",".join(rooms)])
        delta = _seconds(one)
        print(f"  one more day            {one}   less the command: {one.cpu - idle.cpu:.1f} CPU-s")
        print(f"    of computing whole: {(one.cpu - idle.cpu) / (whole.cpu - idle.cpu):.1%}")
    for name in sorted(seconds, key=lambda name: -seconds[name])[:25]:
        print(f"    {name:28} {seconds[name]:7.1f} s   one more day {delta.get(name, 0.0):6.1f} s")


def _is_before(room: str) -> bool:
    order = ("ingest", "identity", "facts", "activity", "segments", "feedback")
    return room in order


def _seconds(spent: Spent) -> dict[str, float]:
    tables = json.loads(spent.out)["tables"]
    return {name: sum(facts["seconds"].values()) for name, facts in tables.items()}


def by_hand(home: Path) -> None:
    """The same tables over the home's activities, as SQL that nobody checks."""
    files = f"{home}/lake/activity/**/*.parquet"
    with tempfile.TemporaryDirectory() as folder:
        con = duckdb.connect(
            f"{folder}/hand.duckdb", config={"memory_limit": "2GB", "threads": os.cpu_count() or 2}
        )
        con.execute(
            f"CREATE VIEW activity AS SELECT * FROM read_parquet('{files}', hive_partitioning = false)"
        )
        con.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
        con.close()


def main(arguments: list[str]) -> None:
    """A home's path, or a number of events (2,000,000 unless said)."""
    if arguments[:1] == ["--by-hand"]:
        by_hand(Path(arguments[1]))
    elif arguments and not arguments[0].replace("_", "").isdigit():
        home = Path(arguments[0])
        measured(home, home / "later" if (home / "later").is_dir() else None)
    else:
        events = int(arguments[0]) if arguments else 2_000_000
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
            home = Path(folder) / "home"
            company(home / "landing", Path(folder) / "later", events)
            run([sys.executable, "-m", "customer_intel.cli", "run", "--home", str(home), "--json"])
            print(f"{events:,} events, {events // 100:,} customers")
            measured(home, Path(folder) / "later")


if __name__ == "__main__":
    main(sys.argv[1:])
