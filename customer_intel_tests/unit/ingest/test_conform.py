"""Typing, quarantine, accounting, ledger: what becomes of a landed file."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import STAMPS, Column
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.ingest.conform.conform import conformed_sql
from customer_intel.ingest.conform.typing_rules import Typing
from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.land.landing_folder import export_check, export_file
from customer_intel.ingest.mapping.model import Reader
from customer_intel_tests.unit.sqlroom import schema

ENTITIES = contract.load().entities
CONFIG = {"max_reject_share": 0.05, "max_unpacked_bytes": 10**9, "max_ratio": 200}
NIGHT = date(2026, 3, 1)
SHOP = """\
source: shop
files: "orders*.csv*"
entity: orders
columns:
  order_id: id
  customer_ref: customer
  email: mail
  ordered_at: at
  currency: "'EUR'"
  total: total
"""


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return con


def typed(
    con: duckdb.DuckDBPyConnection,
    kind: str,
    text: str,
    values: tuple[str, ...] | None = None,
    **reader: Any,
) -> Any:
    column = Column(name="x", type=kind, meaning="", values=values)  # type: ignore[arg-type]
    sql = Typing(Reader(**reader), NIGHT).value(column, "x")
    return con.execute(f"SELECT {sql} FROM (SELECT ?::VARCHAR AS x)", [text]).fetchall()[0][0]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "12", 12), ("int", "12.0", 12), ("int", "+5", 5), ("int", "12.7", None), ("int", "1_000", None),
        ("int", "1e3", None), ("int", "9" * 19, None),
        ("float", "1e-05", 1e-05), ("float", ".5", 0.5), ("float", "nan", None), ("float", "inf", None),
        ("float", "1e999", None), ("float", "1,5", None),
        ("money", "12.5", Decimal("12.50")), ("money", "1.005", Decimal("1.00")), ("money", "1.015", Decimal("1.02")),
        ("money", "0.30000000000000004", Decimal("0.30")), ("money", "-3", Decimal("-3.00")),
        ("money", "$3", Decimal("3.00")),
        ("money", "9" * 17, None), ("money", "1e-15", Decimal("0.00")),
        ("bool", "YES", True), ("bool", "0", False), ("bool", "2", None),
        ("date", "2026-02-30", None), ("date", "2026-02-28", date(2026, 2, 28)), ("date", "03/04/2026", None),
        ("date", "1899-12-31", None), ("date", "2036-02-28", date(2036, 2, 28)), ("date", "2037-01-01", None),
        ("date", "epoch", None), ("date", "infinity", None), ("date", "2026-01-02T23:00:00Z", date(2026, 1, 2)),
        ("timestamp", "2026-01-02", datetime(2026, 1, 2)),
        ("timestamp", "2026-01-02T03:04:05.678901Z", datetime(2026, 1, 2, 3, 4, 5, 678901)),
        ("timestamp", "2026-01-02 03:04:05+0200", datetime(2026, 1, 2, 1, 4, 5)),
        ("timestamp", "2026-01-02 03:04:05 -05:00", datetime(2026, 1, 2, 8, 4, 5)),
        ("timestamp", "2026-01-02 03:04:05 UTC", datetime(2026, 1, 2, 3, 4, 5)),
        ("timestamp", "2026-01-02 25:00:00", None), ("timestamp", "yesterday", None), ("timestamp", "1767312000", None),
    ],
)  # fmt: skip
def test_text_becomes_a_value_or_none(
    con: duckdb.DuckDBPyConnection, kind: str, text: str, value: Any
) -> None:
    assert typed(con, kind, text) == value


def test_declared_formats_zones_and_marks(con: duckdb.DuckDBPyConnection) -> None:
    assert typed(con, "date", "03/04/2026", date="%d/%m/%Y") == date(2026, 4, 3)
    assert typed(con, "timestamp", "19970101", timestamp="%Y%m%d") == datetime(1997, 1, 1)
    assert typed(con, "timestamp", "1767312000", timestamp="epoch_s") == datetime(2026, 1, 2)
    assert typed(con, "timestamp", "1767312000500", timestamp="epoch_ms") == datetime(
        2026, 1, 2, 0, 0, 0, 500000
    )
    assert typed(con, "timestamp", "1/2/26 10:00 -0500", timestamp="%m/%d/%y %H:%M %z") == datetime(
        2026, 1, 2, 15
    )
    assert typed(con, "timestamp", "2026-01-02 00:00:00", zone="Europe/Berlin") == datetime(
        2026, 1, 1, 23
    )
    assert typed(con, "money", "1.234,50", decimal=",", thousands=".") == Decimal("1234.50")
    assert typed(con, "money", "1.5", decimal=",") is None
    assert typed(con, "float", "1,234,567.5", thousands=",") == 1234567.5
    assert typed(con, "text", "Past_Due", values=("past_due", "active")) == "past_due"


def test_the_hour_that_is_skipped_and_the_one_that_comes_twice(
    con: duckdb.DuckDBPyConnection,
) -> None:
    assert typed(con, "timestamp", "2026-03-29 02:30:00", zone="Europe/Berlin") == datetime(
        2026, 3, 29, 1, 30
    )
    assert typed(con, "timestamp", "2025-10-26 02:30:00", zone="Europe/Berlin") == datetime(
        2025, 10, 26, 1, 30
    )


class Landing:
    """A landing folder, one mapping, and the ledger of the nights so far."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.known: dict[str, dict[str, Any]] = {}
        (root / "mappings").mkdir()
        (root / "mappings" / "shop_orders.yaml").write_text(SHOP)
        self.nights = 0

    def land(self, name: str, text: str) -> None:
        path = self.root / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def night(
        self, as_of: date = NIGHT, entity: str = "orders", mapping: str | None = None
    ) -> landing.IngestResult:
        if mapping:
            (self.root / "mappings" / "shop_orders.yaml").write_text(mapping)
        self.nights += 1
        work = self.root / f"work{self.nights}"
        work.mkdir()
        result = landing.ingest(
            entity=ENTITIES[entity],
            landing=self.root / "landing",
            mappings_dir=self.root / "mappings",
            as_of=as_of,
            known=list(self.known.values()),
            workdir=work,
            con=DuckDBEngine(EngineSettings(), [work]).con,
            config=CONFIG,
        )
        self.known |= {part.key: part.facts for part in result.parts}
        return result


@pytest.fixture
def shop(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def orders(*rows: str, header: str = "id,customer,mail,at,total,colour") -> str:
    return "\n".join([header, *rows]) + "\n"


def good(count: int, start: int = 1) -> list[str]:
    return [f"{n},c{n},,2026-02-01 10:00:00,{n}.50,red" for n in range(start, start + count)]


def test_rows_are_typed_with_provenance_key_and_leftovers(shop: Landing) -> None:
    shop.land(
        "shop/2026-02-28/orders.csv",
        orders(*good(1), "2,,A@x.org ,2026-02-02,5,", "3,,,2026-02-03,7,blue"),
    )
    (part,) = shop.night().parts
    rows = pl.read_parquet(part.parquet)
    guest = hashlib.md5(b"a@x.org").hexdigest()[:16]
    assert rows.columns == [
        column.name for column in ENTITIES["orders"].columns if column.name not in STAMPS
    ]
    assert rows["record_key"].to_list() == ["shop:c1", f"shop:guest-{guest}", None]
    assert rows["extra_json"].to_list() == ['{"colour":"red"}', None, '{"colour":"blue"}']
    assert rows["total"].to_list() == [Decimal("1.50"), Decimal("5.00"), Decimal("7.00")]
    assert rows.select("source_system", "source_file", "source_row", "exported_at").row(1) == (
        "shop", "shop/2026-02-28/orders.csv", 2, datetime(2026, 2, 28),
    )  # fmt: skip


def test_a_bad_row_goes_to_quarantine_and_the_rest_goes_on(shop: Landing) -> None:
    bad = ["98,c,,soon,1,red", "99,c,,1850-01-01,x,red", ",c,,2026-02-01,1,red", "97,c,,2026-02-01"]
    shop.land("shop/2026-02-28/orders.csv", orders(*good(100), *bad, good(1)[0]))
    result = shop.night()
    (part,) = result.parts
    counts = {name: part.facts[name] for name in landing.COUNTS}
    assert counts == {
        "rows_read": 105, "rows_accepted": 100, "rows_quarantined": 4, "rows_duplicate": 1, "rows_skipped": 0,
        "records_written": 100,
    }  # fmt: skip
    assert part.quarantine is not None
    assert part.quarantine.stat().st_mode & 0o777 == 0o600
    rows = pl.read_parquet(part.quarantine).select("source_row", "column", "value", "reason").rows()
    assert rows == [
        (101, "ordered_at", "soon", "not a timestamp"),
        (102, "ordered_at", "1850-01-01", "outside 1900 to 2036"),
        (102, "total", "x", "not an amount"),
        (103, "order_id", None, "required, but empty"),
        (104, None, None, "4 values instead of 6"),
    ]
    assert [finding["expectation"] for finding in result.findings] == ["rows taken"]


def test_too_many_bad_rows_refuse_the_file_with_row_column_and_reason(shop: Landing) -> None:
    shop.land("shop/2026-02-28/orders.csv", orders(*good(10), "99,c,,secret value,1,red"))
    result = shop.night()
    assert [part.facts["status"] for part in result.parts] == ["refused"]
    (finding,) = result.findings
    assert finding["severity"] == "critical"
    assert (
        "orders.csv, row 11, column ordered_at (in the file: at): not a timestamp; 1 of 11 rows"
        in finding["message"]
    )
    assert "secret" not in finding["message"]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("id,customer,mail,At_,total,colour", "lacks column 'at'"),
        (
            "id,customer,e_mail,at,total,colour",
            "lacks column 'mail', which mapping 'shop_orders' needs; did you mean e_mail",
        ),
        ("id;customer;mail;at;total;colour", "lacks column 'at'"),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_file(shop: Landing, header: str, says: str) -> None:
    shop.land("shop/2026-02-28/orders.csv", orders(*good(3), header=header))
    (finding,) = shop.night().findings
    assert (finding["severity"], says in finding["message"]) == ("critical", True), finding[
        "message"
    ]


def test_swapped_columns_are_found_by_name(shop: Landing) -> None:
    shop.land(
        "shop/2026-02-28/orders.csv",
        orders("5,2026-02-01,,c1,1,", header="total,at,mail,customer,id,colour"),
    )
    (part,) = shop.night().parts
    assert pl.read_parquet(part.parquet).select("order_id", "total").row(0) == (
        "1",
        Decimal("5.00"),
    )


def test_the_same_file_again_has_no_effect(shop: Landing) -> None:
    shop.land("shop/2026-02-27/orders.csv", orders(*good(3)))
    assert len(shop.night().parts) == 1
    assert shop.night().parts == []
    shop.land("shop/2026-02-28/orders_again.csv", orders(*good(3)))
    (part,) = shop.night().parts
    assert (
        part.facts["status"],
        part.facts["rows_read"],
        pl.read_parquet(part.parquet).height,
    ) == (
        "same_content",
        0,
        0,
    )
    assert shop.night().parts == []


def test_old_content_after_other_content_is_news(shop: Landing) -> None:
    for day, rows in (("2026-02-26", good(3)), ("2026-02-27", good(4)), ("2026-02-28", good(3))):
        shop.land(f"shop/{day}/orders.csv", orders(*rows))
    assert [part.facts["status"] for part in shop.night().parts] == ["accepted"] * 3


def test_changed_content_replaces_and_frees_its_copy(shop: Landing) -> None:
    shop.land("shop/2026-02-27/orders.csv", orders(*good(3)))
    shop.land("shop/2026-02-27/orders_copy.csv", orders(*good(3)))
    assert [part.facts["status"] for part in shop.night().parts] == ["accepted", "same_content"]
    shop.land("shop/2026-02-27/orders.csv", orders(*good(2, start=50)))
    parts = shop.night().parts
    assert [(part.facts["source_file"][-8:], part.facts["rows_accepted"]) for part in parts] == [
        ("ders.csv", 2),
        ("copy.csv", 3),
    ]


def test_later_exports_wait_and_a_changed_mapping_reads_again(shop: Landing) -> None:
    shop.land("shop/2026-02-27/orders.csv", orders(*good(3)))
    shop.land("shop/2026-03-02/orders.csv", orders(*good(4)))
    assert [part.facts["export_date"] for part in shop.night().parts] == ["2026-02-27"]
    assert [
        part.facts["rows_read"] for part in shop.night(mapping=SHOP + "  status: colour\n").parts
    ] == [3]


def test_new_columns_are_reported_once(shop: Landing) -> None:
    shop.land("shop/2026-02-27/orders.csv", orders(*good(3)))
    shop.night(date(2026, 2, 27))
    shop.land(
        "shop/2026-02-28/orders.csv",
        orders(*(f"{row},9" for row in good(4)), header="id,customer,mail,at,total,colour,vip"),
    )
    result = shop.night(date(2026, 2, 28))
    assert [f["message"] for f in result.findings] == [
        "shop/2026-02-28/orders.csv: new column vip; kept in extra_json, map it or ignore it"
    ]


def test_group_only_ignore_lookup_and_checks(shop: Landing) -> None:
    shop.land("shop/2026-02-28/people.csv", "who,mail\nc1,c1@x.org\n")
    lines = [
        "1,c1,,2026-02-01,2,red",
        "1,c1,,2026-02-01,3,blue",
        "2,c2,,2026-02-01,4,red",
        "3,c3,,2026-02-01,9,skip",
    ]
    shop.land(
        "shop/2026-02-28/orders.csv", orders(*lines, header="id,customer,secret,at,total,colour")
    )
    text = """\
source: shop
files: orders.csv
entity: orders
group_by: id
only: colour <> 'skip'
ignore: [secret]
lookups: {people: {files: people.csv, sql: "select who as k, mail from file", on: customer}}
columns:
  order_id: id
  customer_ref: min(customer)
  email: min(people.mail)
  ordered_at: 'min("at")'
  currency: "'EUR'"
  total: sum(cast(total as decimal(18,2)))
checks: {without_person: people.k is null, dear: total > '8'}
"""
    (part,) = shop.night(mapping=text).parts
    rows = pl.read_parquet(part.parquet)
    assert rows.select("order_id", "email", "total", "extra_json", "source_row").rows() == [
        ("1", "c1@x.org", Decimal("5.00"), None, 1),
        ("2", None, Decimal("4.00"), '{"colour":"red"}', 3),
    ]
    facts = part.facts
    assert [facts[name] for name in landing.COUNTS] == [4, 3, 0, 0, 1, 2]
    assert facts["checks"] == {"without_person": (2, 4), "dear": (1, 4)}


def test_a_failing_expression_names_its_column_and_hides_the_value(shop: Landing) -> None:
    shop.land("shop/2026-02-28/orders.csv", orders(*good(3), "9,c,,2026-02-01,private,red"))
    (finding,) = shop.night(
        mapping=SHOP.replace("total: total", "total: cast(total as decimal(18,2)) * 2")
    ).findings
    assert (
        "column total: the mapping's expression fails: ConversionException; guard it"
        in finding["message"]
    )
    assert "private" not in finding["message"]


def test_money_beyond_cents_is_counted(shop: Landing) -> None:
    rows = ["1,c,,2026-02-01,0.30000000000000004,x", "2,c,,2026-02-01,1.239,x"]
    shop.land("shop/2026-02-28/orders.csv", orders(*rows))
    (part,) = shop.night().parts
    assert part.facts["checks"] == {"money_rounded": (1, 2)}
    assert pl.read_parquet(part.parquet)["total"].to_list() == [Decimal("0.30"), Decimal("1.24")]


def test_equal_rows_are_kept_where_they_are_different_happenings(shop: Landing) -> None:
    shop.land("shop/2026-02-28/orders.csv", orders(*good(1), *good(1)))
    text = SHOP.replace(
        "order_id: id", "order_id: id || '-' || row_number() over (partition by id order by _row)"
    )
    (part,) = shop.night(mapping=text + "duplicates: keep\n").parts
    assert pl.read_parquet(part.parquet)["order_id"].to_list() == ["1-1", "1-2"]


def test_values_are_data_never_code(shop: Landing) -> None:
    nasty = "'); drop table typed; --"
    shop.land(
        "shop/2026-02-28/orders.csv",
        orders(
            f'"{nasty}",=1+1,<b>@x,2026-02-01,1,"{{{{x}}}}"',
            header=f'id,customer,mail,at,total,"{nasty}"',
        ),
    )
    (part,) = shop.night().parts
    assert pl.read_parquet(part.parquet).select("order_id", "customer_ref", "email").row(0) == (
        nasty,
        "=1+1",
        "<b>@x",
    )


def test_events_carry_their_day_and_bad_json_costs_no_event(shop: Landing) -> None:
    lines = [
        f'{{"event_id": "{n}", "event_name": "view", "occurred_at": "2026-02-01T23:30:00-02:00"}}'
        for n in range(30)
    ]
    lines.append(
        '{"event_id": "x", "event_name": "view", "occurred_at": "2026-02-01", "properties": '
        '"{oops"}'
    )
    shop.land("web/2026-02-28/events.jsonl", "\n".join(lines))
    (part,) = shop.night(entity="events").parts
    rows = pl.read_parquet(part.parquet)
    assert rows["day"].to_list() == [*[date(2026, 2, 2)] * 30, date(2026, 2, 1)]
    assert rows.select("properties", "extra_json").row(30) == (
        None, '{"_emptied":{"properties":"{oops"}}',
    )  # fmt: skip
    assert (part.quarantine, part.facts["checks"]) == (None, {"emptied_properties": (1, 31)})


def test_a_canonical_file_in_a_source_of_its_own(shop: Landing) -> None:
    shop.land("bank/2026-02-28/fx_rates.csv", "date,base,quote,rate\n2026-02-27,EUR,USD,1.09\n")
    (part,) = shop.night(entity="fx_rates").parts
    assert pl.read_parquet(part.parquet).select("source_system", "rate").row(0) == ("bank", 1.09)


def test_ledger_tables_and_files_nobody_asks_for(shop: Landing, tmp_path: Path) -> None:
    shop.land("shop/2026-02-28/orders.csv", orders(*good(3)))
    shop.land("shop/2026-02-28/notes.md", "hello")
    shop.land("shop/2026-02-28/.hidden", "x")
    (tmp_path / "landing" / "shop" / "2026-02-28" / "link.csv").symlink_to(
        tmp_path / "mappings" / "shop_orders.yaml"
    )
    result = shop.night(mapping=SHOP + "checks: {dear: cast(total as double) > 2}\n")
    ledger = [part.facts for part in result.parts]
    files = export_file(ledger, shop.root / "landing", NIGHT, schema("export_file"))
    assert files.select("source_file", "status").sort("source_file").rows() == [
        ("shop/2026-02-28/link.csv", "unmapped"),
        ("shop/2026-02-28/notes.md", "unmapped"),
        ("shop/2026-02-28/orders.csv", "accepted"),
    ]
    checks = export_check(ledger, schema("export_check"))
    assert checks.select("check_name", "matches", "rows_checked").rows() == [("dear", 2, 3)]
    assert export_file([], tmp_path / "empty", NIGHT, files.schema).height == 0
    assert export_check([], checks.schema).height == 0


def test_an_undated_folder_belongs_to_the_night(shop: Landing) -> None:
    shop.land("orders.csv", orders(*good(3)))
    (part,) = shop.night().parts
    assert (part.facts["export_date"], part.facts["source_system"]) == ("2026-03-01", "shop")
    assert shop.night(date(2026, 3, 2)).parts == []


def test_newest_row_wins_and_deleted_ones_go(con: duckdb.DuckDBPyConnection) -> None:
    table = ENTITIES["contacts"]
    columns = [column for column in table.columns if column.name not in STAMPS]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE raw_contacts "
        f"({', '.join(f'{c.name} {c.sql_type}' for c in columns)})"
    )
    rows = [
        ("a", "2026-01-02", "2026-01-01", "f", 1, False, "old export, newer change"),
        ("a", "2026-01-01", "2026-01-09", "f", 1, False, "new export, older change"),
        ("b", "2026-01-01", "2026-01-01", "f", 1, False, "first"),
        ("b", "2026-01-01", "2026-01-01", "f", 2, False, "later row"),
        ("c", "2026-01-01", "2026-01-01", "f", 1, False, "alive"),
        ("c", "2026-01-02", "2026-01-02", "f", 1, True, "gone"),
    ]
    con.executemany(
        "INSERT INTO raw_contacts (source_system, contact_id, updated_at, exported_at, "
        "source_file, source_row, "
        "_deleted, first_name) VALUES ('s', ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    found = con.execute(
        f"SELECT contact_id, first_name FROM ({conformed_sql(table)}) ORDER BY 1"
    ).fetchall()
    assert found == [("a", "old export, newer change"), ("b", "later row")]


def test_an_event_whose_day_was_corrected_stands_once() -> None:
    assert "PARTITION BY source_system, event_id ORDER BY" in conformed_sql(ENTITIES["events"])


def test_two_files_of_one_export_that_say_different_things_are_named(shop: Landing) -> None:
    shop.land("shop/2026-02-28/orders.csv", orders(*good(4)))
    changed = [row.replace(".50", ".75") for row in good(3)]
    shop.land("shop/2026-02-28/orders_2.csv", orders(*changed))
    (found,) = shop.night().findings
    assert (found["severity"], found["unexpected"]) == ("warning", 3)
    assert (
        "orders.csv and shop/2026-02-28/orders_2.csv: 3 keys of mapping 'shop_orders'"
        in found["message"]
    )


def test_files_of_one_export_that_agree_or_share_no_key_are_no_finding(shop: Landing) -> None:
    shop.land("shop/2026-02-28/orders.csv", orders(*good(4)))
    shop.land("shop/2026-02-28/orders_2.csv", orders(*good(3), "99,c99,m@x.org,2026-02-01,1,red"))
    assert shop.night().findings == []
