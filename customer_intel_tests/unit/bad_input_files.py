"""A landing folder for files that ought not to be: how they are made, what becomes of them, in which words.

`python -m customer_intel_tests.unit.bad_input_files` runs every case and prints how many there are of each verdict.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from customer_intel.core.contract import load as contract
from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.land.landing_folder import COUNTS, export_file
from customer_intel_tests.unit.sqlroom import schema

ENTITIES = contract.load().entities
NIGHT = date(2026, 3, 1)
DAY = "shop/2026-02-28"
HEADER = ("id", "customer", "mail", "at", "total", "colour")
# Every value of a row holds this word or is a plain number or time: it must never reach a message.
SECRET = "canary"
SHOP = """\
source: shop
files: "*orders*"
entity: orders
columns:
  order_id: id
  customer_ref: customer
  email: mail
  ordered_at: at
  currency: "'EUR'"
  total: total
"""
Row = tuple[str, ...]


def row(number: int, **changed: str) -> Row:
    values = {
        "id": f"o{number:04d}",
        "customer": f"{SECRET}-c{number}",
        "mail": f"{SECRET}{number}@example.org",
        "at": "2026-02-01 10:00:00",
        "total": f"{number}.50",
        "colour": f"{SECRET}-red",
    }
    return tuple((values | changed)[name] for name in HEADER)


GOOD = tuple(row(number) for number in range(1, 41))
IDS = frozenset(values[0] for values in GOOD)


def as_csv(
    rows: Sequence[Row] = GOOD,
    header: Sequence[str] | None = HEADER,
    mark: str = ",",
    end: str = "\n",
) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=mark, lineterminator=end)
    writer.writerows([header, *rows] if header is not None else rows)
    return out.getvalue().encode()


def with_lines(*lines: str | bytes) -> bytes:
    """The good rows, then raw lines."""
    return as_csv() + b"".join(
        (line.encode() if isinstance(line, str) else line) + b"\n" for line in lines
    )


def with_row(**changed: str) -> bytes:
    return as_csv((*GOOD, row(99, **changed)))


def as_jsonl(rows: Sequence[Row] = GOOD, header: Sequence[str] = HEADER, *lines: str) -> bytes:
    made = [json.dumps(dict(zip(header, values, strict=True))) for values in rows]
    return ("\n".join([*made, *lines]) + "\n").encode()


def as_table(rows: Sequence[Row] = GOOD, header: Sequence[str] = HEADER) -> pa.Table:
    return pa.table({name: [values[place] for values in rows] for place, name in enumerate(header)})


def as_parquet(table: pa.Table | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(as_table() if table is None else table, out, **options)
    return out.getvalue()


def as_xlsx(
    rows: Sequence[Sequence[Any]] = GOOD, header: Sequence[str] = HEADER, sheets: Sequence[str] = ()
) -> bytes:
    book = openpyxl.Workbook()
    for values in (header, *rows):
        book.active.append(values)
    for name in sheets:
        book.create_sheet(name)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, "zstd", asbytes=True))


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


@dataclass(frozen=True)
class Case:
    """One bad file. `verdict`: as is | warned | quarantined | refused | unmapped; `says`: what must be said of it.

    `rows`: how many rows the file holds, where it is taken; `lost`: good rows that must be named in quarantine.
    """

    name: str
    data: bytes | Callable[[Path], None]
    verdict: str
    says: tuple[str, ...] = ()
    file: str = "orders.csv"
    rows: int = 40
    lost: frozenset[str] = frozenset()
    mapping: str = SHOP
    entity: str = "orders"
    earlier: bytes | None = None
    limit: int = 10**8
    values: Callable[[pl.DataFrame], bool] | None = None


@dataclass
class Verdict:
    verdict: str
    said: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    accepted: pl.DataFrame = field(default_factory=pl.DataFrame)
    quarantined: pl.DataFrame = field(default_factory=pl.DataFrame)


@lru_cache(maxsize=1)
def connection() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": "1"})
    con.execute("SET TimeZone = 'UTC'")
    return con


def mapped(mapping: str, root: Path) -> Path:
    folder = root / "mappings"
    folder.mkdir(exist_ok=True)
    (folder / "shop_orders.yaml").write_text(mapping)
    return folder


def night(
    root: Path, case: Case, as_of: date, known: Sequence[dict[str, Any]] = ()
) -> landing.IngestResult:
    work = root / f"work-{as_of}"
    work.mkdir()
    return landing.ingest(
        entity=ENTITIES[case.entity],
        landing=root / "landing",
        mappings_dir=mapped(case.mapping, root),
        as_of=as_of,
        known=known,
        workdir=work,
        con=connection(),
        config={"max_reject_share": 0.05, "max_unpacked_bytes": case.limit, "max_ratio": 200},
    )


def tried(case: Case, root: Path) -> Verdict:
    """What becomes of a case's file."""
    known: list[dict[str, Any]] = []
    if case.earlier is not None:
        before = root / "landing/shop/2026-02-27/orders.csv"
        before.parent.mkdir(parents=True)
        before.write_bytes(case.earlier)
        known = [part.facts for part in night(root, case, date(2026, 2, 27)).parts]
    path = root / "landing" / DAY / case.file
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(case.data, bytes):
        path.write_bytes(case.data)
    else:
        case.data(path)
    result = night(root, case, date(2026, 2, 28), known)
    messages = [str(found["message"]) for found in result.findings]
    if any(found["severity"] == "critical" for found in result.findings):
        return Verdict("refused", messages, messages)
    if not result.parts:
        files = export_file(known, root / "landing", NIGHT, schema("export_file")).filter(
            pl.col("status") == "unmapped"
        )
        return Verdict(
            "unmapped",
            [f"{name}: {why}" for name, why in files.select("source_file", "reason").rows()],
        )
    (part,) = result.parts
    counts = {name: int(part.facts[name]) for name in COUNTS}
    set_aside = pl.read_parquet(part.quarantine) if part.quarantine else pl.DataFrame()
    named = [
        f"row {line['source_row']} {line['column']} ({line['source_column']}): {line['reason']}"
        for line in set_aside.iter_rows(named=True)
    ]
    verdict = "quarantined" if counts["rows_quarantined"] else "warned" if messages else "as is"
    return Verdict(
        verdict, [*messages, *named], messages, counts, pl.read_parquet(part.parquet), set_aside
    )


def main() -> None:
    from customer_intel_tests.unit.ingest.test_bad_input import CASES

    found: Counter[str] = Counter()
    wrong = 0
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            verdict = tried(case, Path(folder))
        found[verdict.verdict] += 1
        wrong += verdict.verdict != case.verdict
        print(f"{verdict.verdict:<12} {case.name:<58} {(verdict.said or ['–'])[0][:150]}")
    print(
        f"\n{len(CASES)} cases: "
        + ", ".join(f"{count} {name}" for name, count in sorted(found.items()))
    )
    print(f"{wrong} with another verdict than stated")


if __name__ == "__main__":
    main()
