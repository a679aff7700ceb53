"""A small shop of three years: files per published table, seconds of its first and its next night.

`python -m customer_intel_tests.bench_shop [HOME]` prints; asserts nothing. With PYTHONPATH it
measures another checkout's code.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import duckdb

DAYS, ORDERS, CUSTOMERS, VISITS = 1100, 40_000, 9_000, 60_000
LAST = date(2026, 6, 29)
FIRST = LAST - timedelta(DAYS - 1)
# Uniform in [0, 1), the same for the same number.
UNIFORM = "CREATE MACRO u(i, s) AS (hash(CAST(i AS BIGINT), s) % 1000000007) / 1000000007.0"


def main() -> None:
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder) / "home")


def measure(home: Path) -> None:
    """Writes the shop's exports, runs two nights, and prints what they cost and published."""
    write(home, FIRST, DAYS, LAST + timedelta(1), "a")
    print(f"{DAYS:,} days, {ORDERS:,} orders, {VISITS * 4:,} events")
    print("first night:", night(home))
    write(home, LAST + timedelta(1), 1, LAST + timedelta(2), "b")
    print("next night: ", night(home))
    tables = {path.name: files for path in folders(home) if (files := list(path.glob("*.parquet")))}
    for name, files in sorted(tables.items()):
        sizes = sorted(path.stat().st_size for path in files)
        print(
            f"{name}: {len(files)} files, {sum(sizes) / 1e6:.1f} MB, half of them below "
            f"{sizes[len(sizes) // 2] / 1e3:.0f} KB"
        )


def folders(home: Path) -> list[Path]:
    """The current release's tables of several files."""
    return [path for path in (home / "published" / "current").resolve().iterdir() if path.is_dir()]


def write(home: Path, first: date, days: int, exported: date, tag: str) -> None:
    """Exports of so many days from `first` on: orders and their lines, visits of four events."""
    con = duckdb.connect()
    con.execute(UNIFORM)
    orders, visits = (max(1, n * days // DAYS) for n in (ORDERS, VISITS))
    who = f"'u' || CAST(floor({CUSTOMERS} * power(u(i, 'who'), 1.6)) AS BIGINT)"
    at = (
        f"strftime(TIMESTAMP '{first}' + to_microseconds(CAST(u({{0}}, '{{1}}{tag}') * {days} * 86400e6 "
        "AS BIGINT){2}), '%Y-%m-%dT%H:%M:%SZ')"
    )
    ordered = at.format("i", "order", "")
    exports = {
        "contacts": f"SELECT 'u' || i AS contact_id, 'user' || i || '@mail.example' AS email, "
        f"'F' || i % 900 AS first_name, 'L' || i % 4000 AS last_name, 'DE' AS country, "
        f"'{first}T00:00:00Z' AS created_at, '{first}T00:00:00Z' AS updated_at "
        f"FROM range({CUSTOMERS}) AS t(i)",
        "orders": f"SELECT 'o{tag}' || i AS order_id, {who} AS customer_ref, {ordered} AS ordered_at, "
        "'paid' AS status, 'EUR' AS currency, round(10 + u(i, 'v') * 190, 2) AS total, total AS subtotal, "
        f"0.00 AS refunded, 'web' AS channel, {ordered} AS updated_at FROM range({orders}) AS t(i)",
        "order_lines": f"SELECT 'o{tag}' || i || '-1' AS order_line_id, 'o{tag}' || i AS order_id, "
        "'p' || i % 300 AS product_id, 'Product ' || i % 300 AS title, 1 AS quantity, "
        "round(10 + u(i, 'v') * 190, 2) AS unit_price, unit_price AS line_total "
        f"FROM range({orders}) AS t(i)",
        "events": f"SELECT 'e{tag}' || n AS event_id, ['page_view', 'product_view', 'add_to_cart', 'checkout']"
        f"[1 + n % 4] AS event_name, 'track' AS event_type, 'a' || i % 20000 AS anonymous_id, "
        f"CASE WHEN u(i, 'known') < 0.5 THEN {who} END AS user_id, "
        f"{at.format('i', 'visit', ' + (n % 4) * 40000000')} AS occurred_at, '/p/' || n % 300 AS page_path, "
        f"'DE' AS country FROM (SELECT n, n // 4 AS i FROM range({visits * 4}) AS t(n))",
    }
    folder = home / "landing" / "shop" / str(exported)
    folder.mkdir(parents=True)
    for name, query in exports.items():
        if name != "contacts" or tag == "a":
            con.execute(f"COPY ({query}) TO '{folder / name}.csv' (FORMAT csv, HEADER)")


def night(home: Path) -> str:
    """Runs one in a process of its own; what it cost."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "customer_intel.cli", "run", "--home", str(home), "--json"],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        return f"exit code {done.returncode}: {(done.stderr or done.stdout)[-2000:]}"
    said = json.loads(done.stdout)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    parts = sum(table["parts_written"] for table in said["tables"].values())
    return f"{said['seconds']:.1f} s, {spent:.1f} CPU-s, {parts} files written"


if __name__ == "__main__":
    main()
