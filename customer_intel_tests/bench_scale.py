"""Whole nights of a growing company: `python -m customer_intel_tests.bench_scale [EVENTS …]`.

Belongs here: a company of E events of a year (visits of eight, E/100 customers, E/20 orders), its first night, a night
that brings one more day, and the same tables written by hand in one DuckDB script. Prints CPU seconds, wall seconds
and peak memory; asserts nothing. Not here: a small shop over years (bench_shop.py).

CPU is user and system time of the whole command with its children. By hand is what the work itself costs: no gate, no
row kept aside, no identity, no model.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

SIZES = (1_000_000, 10_000_000)
BEGIN, LAST = date(2025, 1, 1), date(2025, 12, 31)
DAYS = 365
# Tables that the script by hand makes too.
BY_HAND = (
    "raw_events", "events", "raw_orders", "orders", "raw_order_lines", "order_lines", "activity", "session",
    "activity_daily", "customer_day", "customer_engagement", "journey_step", "journey_transitions",
    "churn_features", "rfm",
)  # fmt: skip


@dataclass(frozen=True)
class Spent:
    """What a command took."""

    cpu: float
    wall: float
    peak_mb: float
    out: str

    def __str__(self) -> str:
        return f"{self.cpu:7.1f} CPU-s {self.wall:7.1f} s {self.peak_mb / 1024:5.1f} GB"


def sizes(*sizes: int) -> None:
    """Prints the nights of companies of so many events each."""
    nights: dict[int, tuple[Spent, Spent]] = {}
    for events in sizes:
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
            nights[events] = measured(Path(folder), events)
    if len(sizes) > 1:
        small, large = sizes[0], sizes[-1]
        for place, name in enumerate(("first night", "next night")):
            ratio = nights[large][place].cpu / nights[small][place].cpu
            print(
                f"{name}: CPU grows by events to the power of {math.log(ratio) / math.log(large / small):.2f}"
            )


def measured(folder: Path, events: int) -> tuple[Spent, Spent]:
    """Prints a company's nights and the script by hand beside them."""
    home = folder / "home"
    made = company(home / "landing", folder / "later", events)
    print(f"{events:,} events, {events // 100:,} customers, {events // 20:,} orders")
    command = [sys.executable, "-m", "customer_intel.cli", "run", "--home", str(home), "--json"]
    first = run(command)
    print(f"  first night {first}")
    for path in (folder / "later").iterdir():
        (home / "landing" / "shop" / path.name).mkdir(parents=True)
        for file in path.iterdir():
            file.rename(home / "landing" / "shop" / path.name / file.name)
    second = run(command)
    print(f"  next night  {second}")
    script = run([sys.executable, __file__, "--by-hand", str(made), str(folder)])
    print(f"  by hand     {script}")
    tables = [json.loads(spent.out)["tables"] for spent in (first, second)]
    seconds = [
        {name: sum(facts["seconds"].values()) for name, facts in told.items()} for told in tables
    ]
    same = sum(seconds[0].get(name, 0) for name in BY_HAND)
    print(
        f"  of the first night, tables that the script makes too: {same:.0f} of "
        f"{sum(seconds[0].values()):.0f} table-seconds"
    )
    for name in sorted(seconds[0], key=lambda name: -seconds[0][name])[:20]:
        print(
            f"    {name:28} {seconds[0][name]:7.1f} s   next night {seconds[1].get(name, 0):6.1f} s"
        )
    return first, second


def run(command: list[str]) -> Spent:
    """Runs a command to its end. Raises RuntimeError for one that fails."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begun
        if process.returncode:
            raise RuntimeError(f"{' '.join(command[2:5])} ended with {process.returncode}")
        out.seek(0)
        return Spent(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, out.read())


def company(landing: Path, later: Path, events: int) -> Path:
    """Writes the exports of a year to `landing`, those of one more day to `later`; the folder of the year's."""
    con = duckdb.connect(config={"memory_limit": "3GB"})
    # A number in [0, 1) that follows from i and a word; some customers do much more than others.
    con.execute("CREATE MACRO u(i, s) AS (hash(CAST(i AS BIGINT), s) % 1000000007) / 1000000007.0")
    con.execute(
        f"CREATE MACRO cust(i, s) AS CAST(floor({events // 100} * power(u(i, s), 1.6)) AS BIGINT)"
    )
    first = LAST + timedelta(1)
    year = landing / "shop" / str(first)
    _write(con, year, {"contacts": _contacts(events // 100), **_acts(0, events, BEGIN, DAYS, "b")})
    day = first + timedelta(1)
    _write(con, later / str(day), _acts(2 * events, events // DAYS, first, 1, "d"))
    return year


def _write(con: duckdb.DuckDBPyConnection, folder: Path, tables: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, sql in tables.items():
        con.execute(f"COPY ({sql}) TO '{folder / name}.csv' (FORMAT csv, HEADER)")


def _contacts(count: int) -> str:
    return (
        "SELECT 'u' || i AS contact_id, 'user' || i || '@mail' || (i % 50) || '.example' AS email, "
        "'+4930' || lpad(CAST(i AS VARCHAR), 8, '0') AS phone, 'F' || CAST(floor(u(i, 'fn') * 5000) AS "
        "INT) AS first_name, "
        "'L' || CAST(floor(u(i, 'ln') * 50000) AS INT) AS last_name, 'DE' AS country, 'City' || (i % 300) AS city, "
        "CAST(10000 + i % 80000 AS VARCHAR) AS postal_code, 'Street ' || (i % 977) AS street, "
        f"'2025-01-01T00:00:00Z' AS created_at, '2025-06-01T00:00:00Z' AS updated_at FROM range({count}) AS t(i)"
    )


def _acts(begin: int, n: int, at: date, span: int, tag: str) -> dict[str, str]:
    """n events and what goes with them, over `span` days from `at`; ids begin at `begin`."""

    def when(number: str, word: str, more: str = "0") -> str:
        micros = f"CAST(u({number}, '{word}') * {span} * 86400e6 AS BIGINT) + {more}"
        return f"strftime(TIMESTAMP '{at}' + to_microseconds({micros}), '%Y-%m-%dT%H:%M:%S.%fZ')"

    def some(share: int) -> str:
        return f"range({begin // share}, {begin // share + max(n // share, 1)}) AS t(i)"

    amount = "round(10 + u(i, 'ov') * 190, 2)"
    product = "CAST(floor(u(i * 2 + l, 'pp') * 500) AS INT)"
    price = "round(5 + u(i * 2 + l, 'lp') * 95, 2)"
    step = "(i % 8) * 40000000 + CAST(u(i, 'j') * 30e6 AS BIGINT)"
    return {
        "events": (
            f"SELECT 'e{tag}' || i AS event_id, ['page_view', 'product_view', 'add_to_cart', 'checkout', "
            f"'search', 'login', "
            "'feature_used', 'export'][1 + CAST(floor(u(i, 'n') * 8) AS INT)] AS event_name, 'track' AS event_type, "
            "'a' || cust(i // 8, 'c') AS anonymous_id, CASE WHEN u(i // 8, 'k') < 0.7 THEN 'u' || cust(i "
            "// 8, 'c') END AS "
            f"user_id, {when('i // 8', 't', step)} AS occurred_at, '/p/' || CAST(floor(u(i, 'p') * 500) AS "
            f"INT) AS page_path, "
            "['google', 'newsletter', '(direct)', 'facebook'][1 + CAST(floor(u(i, 'm') * 4) AS INT)] AS utm_source, "
            "CASE WHEN u(i, 'f') < 0.2 THEN 'feature_' || CAST(floor(u(i, 'g') * 12) AS INT) END AS feature, "
            "['desktop', 'mobile', 'tablet'][1 + CAST(floor(u(i, 'd') * 3) AS INT)] AS device_type, 'DE' AS country "
            f"FROM range({begin}, {begin + n}) AS t(i)"
        ),
        "orders": (
            f"SELECT 'o{tag}' || i AS order_id, 'u' || cust(i, 'oc') AS customer_ref, {when('i', 'ot')} AS ordered_at, "
            f"'paid' AS status, 'EUR' AS currency, {amount} AS total, {amount} AS subtotal, 0.00 AS refunded, "
            f"'web' AS channel, {when('i', 'ot')} AS updated_at FROM {some(20)}"
        ),
        "order_lines": (
            f"SELECT 'o{tag}' || i || '-' || l AS order_line_id, 'o{tag}' || i AS order_id, 'p' || "
            f"{product} AS product_id, "
            f"'Product ' || {product} AS title, 'cat' || {product} % 20 AS category, 1 AS quantity, "
            f"{price} AS unit_price, "
            f"{price} AS line_total FROM {some(20)}, (VALUES (1), (2)) AS v(l)"
        ),
        "tickets": (
            f"SELECT 't{tag}' || i AS ticket_id, 'u' || cust(i, 'tc') AS requester_ref, 'email' AS channel, "
            "'Question ' || i AS subject, 'My parcel is late and nobody answers' AS description, 'solved' AS status, "
            f"{when('i', 'tt')} AS created_at, {when('i', 'tt', '86400000000')} AS solved_at, 0 AS "
            f"reopens, 2 AS replies "
            f"FROM {some(200)}"
        ),
        "survey_responses": (
            f"SELECT 's{tag}' || i AS response_id, 'nps' AS survey_id, 'nps' AS survey_type, 'u' || cust(i, 'sc') AS "
            f"respondent_ref, {when('i', 'st')} AS responded_at, CAST(floor(u(i, 'sv') * 11) AS INT) AS score, "
            f"'Delivery was slow but the staff was friendly' AS comment FROM {some(100)}"
        ),
    }


def by_hand(exports: Path, out: Path) -> None:
    """The exports to typed tables, visits, activity, roll-up, engagement, features, journeys, RFM: without any care."""
    con = duckdb.connect(
        config={"memory_limit": "4GB", "threads": 2, "temp_directory": str(out / "spill")}
    )

    def make(name: str, sql: str) -> None:
        con.execute(f"COPY ({sql}) TO '{out}/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        con.execute(f"CREATE VIEW {name} AS SELECT * FROM '{out}/{name}.parquet'")

    for path in sorted(exports.glob("*.csv")):
        make(path.stem, f"SELECT * FROM read_csv('{path}')")
    make(
        "visit",
        """
        WITH e AS (SELECT *, CASE WHEN occurred_at - lag(occurred_at) OVER w <= INTERVAL 30 MINUTE THEN 0 ELSE
        1 END AS s
                   FROM events WINDOW w AS (PARTITION BY anonymous_id ORDER BY occurred_at)),
             g AS (SELECT *, sum(s) OVER (PARTITION BY anonymous_id ORDER BY occurred_at) AS n FROM e)
        SELECT anonymous_id, n, min(user_id) AS c, min(occurred_at) AS s, max(occurred_at) AS e, count(*) AS k,
            arg_min(page_path, occurred_at) AS f, arg_max(page_path, occurred_at) AS l, arg_min(utm_source,
            occurred_at) AS ch
        FROM g GROUP BY 1, 2""",
    )
    make(
        "act",
        """
        SELECT coalesce(user_id, anonymous_id) AS c, occurred_at AS ts, CAST(occurred_at AS DATE) AS day,
        event_name AS a,
            page_path AS tp, utm_source AS ch, feature, 0.0 AS r FROM events
        UNION ALL SELECT customer_ref, ordered_at, CAST(ordered_at AS DATE), 'order', 'shop', channel, NULL,
        total FROM orders
        UNION ALL SELECT requester_ref, created_at, CAST(created_at AS DATE), 'ticket', 'desk', channel, NULL,
        0 FROM tickets
        UNION ALL SELECT respondent_ref, responded_at, CAST(responded_at AS DATE), 'survey', 'survey', NULL, NULL, 0
        FROM survey_responses ORDER BY day""",
    )
    make(
        "roll",
        "SELECT c, day, a, count(*) AS n, sum(r) AS r, min(ts) AS f, max(ts) AS l FROM act GROUP BY ALL",
    )
    make(
        "engagement",
        """
        SELECT c, count(DISTINCT day) FILTER (day > DATE '2025-12-25') AS a7,
            count(DISTINCT day) FILTER (day > DATE '2025-12-04') AS a28,
            count(DISTINCT day) FILTER (day > DATE '2025-10-03') AS a90, sum(n) AS n, sum(r) AS r, max(l) AS l
        FROM roll GROUP BY 1""",
    )
    make(
        "features",
        """
        SELECT o, c, count(*) FILTER (a = 'order' AND day > o - 365) AS f, max(day) FILTER (a = 'order') AS lo,
            sum(r) FILTER (day > o - 365) AS r, count(DISTINCT day) FILTER (day > o - 28) AS ad, max(day) AS la
        FROM roll JOIN (SELECT unnest([DATE '2025-12-31' - CAST(30 * i AS INT) FOR i IN range(9)]) AS o) ON day < o
        GROUP BY 1, 2""",
    )
    make(
        "step",
        """
        SELECT c, ts, tp, lead(tp) OVER w AS nx, lead(ts) OVER w AS nt, row_number() OVER w AS k
        FROM act WINDOW w AS (PARTITION BY c ORDER BY ts)""",
    )
    make(
        "transitions",
        """
        SELECT tp, nx, count(*) AS n, count(DISTINCT c) AS cs, median(epoch(nt) - epoch(ts)) AS m FROM step
        GROUP BY 1, 2""",
    )
    make(
        "rfm",
        """
        SELECT customer_ref, max(ordered_at) AS l, count(*) AS f, sum(total) AS m, ntile(5) OVER (ORDER BY
        max(ordered_at)) AS
            r5, ntile(5) OVER (ORDER BY count(*)) AS f5, ntile(5) OVER (ORDER BY sum(total)) AS m5 FROM orders
            GROUP BY 1""",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--by-hand"]:
        by_hand(*(Path(path) for path in sys.argv[2:]))
    else:
        sizes(*([int(float(size)) for size in sys.argv[1:]] or SIZES))
