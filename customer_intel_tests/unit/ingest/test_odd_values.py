"""Values as people and old databases write them: read, emptied or set aside, at night and in no
mapping.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import Column
from customer_intel.core.tables.parameters import room_config
from customer_intel.ingest.conform import odd_values
from customer_intel.ingest.conform.typing_rules import Typing
from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.mapping.model import Reader

ENTITIES = contract.load().entities
NIGHT = date(2026, 6, 30)
CON = duckdb.connect()


def read(kind: str, text: str, currency: str | None = None, **given: Any) -> Any:
    about = {name: given.pop(name) for name in ("unit", "pii") if name in given}
    column = Column(name="x", type=kind, meaning="", **about)  # type: ignore[arg-type]
    sql = Typing(Reader(**given), NIGHT).value(column, "x", None, "c")
    values = "(SELECT CAST(? AS VARCHAR) AS x, CAST(? AS VARCHAR) AS c)"
    return CON.execute(f"SELECT {sql} FROM {values}", [text, currency]).fetchall()[0][0]


# fmt: off
@pytest.mark.parametrize("text", [
    "-45.00", "(45.00)", "($45.00)", "$(45.00)", "( 45 )", "45.00-", "$45.00-", "-$45", "$-45", "- $ 45.0", "45.00 CR",
    "45.00CR", "$45 cr", "\u221245.00", "(45.00) EUR", "EUR -45", "-45 kr", "(€45)", "-R45.00", "45.00 USD CR",
])
def test_a_negative_amount_is_negative_however_it_is_written(text: str) -> None:
    assert read("money", text) == Decimal("-45.00")
    assert read("money", text.replace(".", ","), decimal=",") == Decimal("-45.00")


@pytest.mark.parametrize(("text", "decimal", "value"), [
    ("€ 1.109,09", ",", "1109.09"), ("1 109,09 €", ",", "1109.09"), ("1\u00a0109,09 €", ",", "1109.09"),
    ("1\u202f109,09", ",", "1109.09"), ("EUR 12.50", ".", "12.50"), ("R$ 10,00", ",", "10.00"), ("45 kr", ",", "45.00"),
    ("45,- kr.", ",", "45.00"), ("12,5 zł", ",", "12.50"), ("CHF 1'234.50", ".", "1234.50"),
    ("CHF 1\u2019234.50", ".", "1234.50"), ("$1,109.09", ".", "1109.09"), ("1,234,567.5", ".", "1234567.50"),
    ("45.00 DR", ".", "45.00"), ("RON 45", ".", "45.00"), ("R45", ".", "45.00"), ("₹1,00,000.50", ".", "100000.50"),
    ("$45.00 USD", ".", "45.00"), ("Kč 7", ",", "7.00"),
])
def test_signs_codes_and_parted_thousands_by_the_readers_decimal_mark(text: str, decimal: str, value: str) -> None:
    assert read("money", text, decimal=decimal) == Decimal(value)


@pytest.mark.parametrize(("text", "decimal"), [
    ("1,234", "."), ("1.234", ","), ("1.5", ","), ("1,5", "."), ("1.109,09 €", "."), ("$1,109.09", ","), ("4 XXX", "."),
    ("(-45)", "."), ("-(45)", "."), ("-45-", "."), ("-45 CR", "."), ("(45", "."), ("45)", "."), ("5%", "."), ("-", "."),
    ("$", "."), ("inf", "."), ("abc45", "."), ("1_000", "."), ("12a", "."), ("1 00", "."), ("1 1000", "."), ("€€5", ".")
])
def test_money_is_never_guessed(text: str, decimal: str) -> None:
    assert read("money", text, decimal=decimal) is None


@pytest.mark.parametrize(("text", "currency", "is_taken"), [
    ("$45", "USD", True), ("$45", "CAD", True), ("$45", "EUR", False), ("€45", "EUR", True), ("€45", "USD", False),
    ("45 USD", "usd", True), ("45 USD", "EUR", False), ("$45 USD", "CAD", False), ("45 kr", "NOK", True),
    ("45 kr", "EUR", False), ("£45", None, True), ("45", "EUR", True), ("45 ZZZ", "ZZZ", False),
])
def test_a_currency_at_the_value_must_be_the_rows(text: str, currency: str | None, is_taken: bool) -> None:
    assert read("money", text, currency) == (Decimal("45.00") if is_taken else None)


def test_counts_and_shares() -> None:
    counts = ("1 234", "(5)", "5-", "\u22125", "1'234.0", "12.7", "$5", "5%", "9" * 19)
    assert [read("int", text) for text in counts] == [
        1234, -5, -5, -5, 1234, None, None, None, None]
    assert [read("float", text) for text in ("(4.5)", "1\u202f000.5", "5%", "1e999")] == [-4.5, 1000.5, None, None]
    assert [read("float", text, unit="share") for text in ("5%", "12.5 %", "0.05", "(5)%")] == [
        0.05, 0.125, 0.05, -0.05]
# fmt: on


def test_1900_is_a_year_of_birth_and_no_year_else() -> None:
    assert read("date", "1900-01-01", pii="birth_date") == date(1900, 1, 1)
    assert read("date", "1900-01-01") is None
    assert read("date", "1900-01-02") == date(1900, 1, 2)


def test_people_were_born_before_1900_and_nothing_else_was() -> None:
    assert read("date", "1550-03-09", pii="birth_date") == date(1550, 3, 9)
    assert read("date", "1499-12-31", pii="birth_date") is None
    assert read("date", "1850-03-09") is None


# ---- whole files
ORDERS = """\
source: s
files: "orders*"
entity: orders
columns: {order_id: id, customer_ref: customer, ordered_at: at, cancelled_at: gone, currency: "'EUR'", total: total}
reader: {timestamp: "%d.%m.%Y"}
"""
PEOPLE = """\
source: s
files: "people*"
entity: contacts
columns:
  {contact_id: id, first_name: name, birth_date: born, email_verified: ok, attributes: more, created_at: at,
   updated_at: at}
"""


def night(
    root: Path, mapping: str, entity: str, files: Mapping[str, str | bytes], **config: Any
) -> landing.IngestResult:
    for folder in ("mappings", "work"):
        (root / folder).mkdir(parents=True)
    (root / "mappings" / "s.yaml").write_text(mapping)
    for name, text in files.items():
        path = root / "landing" / "s" / "2026-06-30" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    con = duckdb.connect(config={"threads": "1"})
    con.execute("SET TimeZone = 'UTC'")
    return landing.ingest(
        entity=ENTITIES[entity],
        landing=root / "landing",
        mappings_dir=root / "mappings",
        as_of=NIGHT,
        known=[],
        workdir=root / "work",
        con=con,
        config={**room_config("ingest", root), **config},
    )


def both_ways(
    root: Path, mapping: str, entity: str, files: dict[str, str]
) -> tuple[landing.IngestResult, pl.DataFrame]:
    """The night on the general path, after the fast one was seen to come to the same."""
    ways = [
        night(root / name, mapping, entity, files, piecewise_from_bytes=size, piece_bytes=1000)
        for name, size in (("general", 10**9), ("fast", 0))
    ]
    general, fast = ways
    assert fast.findings == general.findings
    assert [part.facts for part in fast.parts] == [part.facts for part in general.parts]
    rows = [pl.concat([pl.read_parquet(p.parquet) for p in way.parts]) for way in ways]
    assert rows[0].equals(rows[1])
    return general, rows[0]


def test_an_odd_optional_value_costs_the_value_and_is_kept_counted_and_told(tmp_path: Path) -> None:
    lines = [f"c{n},N{n},1990-01-{n % 28 + 1:02d},yes,,2026-01-01" for n in range(40)]
    lines += ["x1,A,1994-11-71,maybe,{oops,2026-01-01", 'x2,B,0000-00-00,,"{""a"":1}",2026-01-01']
    text = "\n".join(["id,name,born,ok,more,at,shoe", *(f"{line},41" for line in lines)]) + "\n"
    result, rows = both_ways(tmp_path, PEOPLE, "contacts", {"people.csv": text})
    (part,) = result.parts
    assert (part.facts["rows_accepted"], part.facts["rows_quarantined"]) == (42, 0)
    odd, default = rows.row(40, named=True), rows.row(41, named=True)
    assert (odd["first_name"], odd["birth_date"], odd["email_verified"]) == ("A", None, None)
    assert json.loads(odd["extra_json"]) == {
        "shoe": "41",
        "_emptied": {"birth_date": "1994-11-71", "email_verified": "maybe", "attributes": "{oops"},
    }
    assert (default["birth_date"], default["extra_json"]) == (None, '{"shoe":"41"}')
    assert part.facts["checks"] == {
        "emptied_attributes": (1, 42), "emptied_birth_date": (1, 42), "emptied_email_verified": (1, 42),
    }  # fmt: skip
    told = [found["message"] for found in result.findings]
    assert any("emptied_birth_date: 1 of 42 rows" in message for message in told)
    assert not any("1994" in message or "maybe" in message for message in told)


def test_what_is_no_email_address_is_nobodys(tmp_path: Path) -> None:
    mapping = ORDERS.replace("customer_ref: customer", "email: customer")
    given = ["a@x.org", "none", "not given", "n/a", "5f4dcc3b5aa765d61d8327deb882cf99", "b@@y", ""]
    lines = [f"o{n},{mail},2026-05-01,,5" for n, mail in enumerate(given)]
    text = "\n".join(["id,customer,at,gone,total", *lines]) + "\n"
    result, rows = both_ways(tmp_path, mapping, "orders", {"orders.csv": text})
    assert rows["email"].to_list() == [
        "a@x.org", None, None, None, "5f4dcc3b5aa765d61d8327deb882cf99", "b@@y", None,
    ]  # fmt: skip
    assert rows["record_key"].null_count() == 4
    assert result.parts[0].facts["checks"] == {"emptied_email": (3, 7)}
    assert json.loads(rows["extra_json"][1]) == {"_emptied": {"email": "none"}}


def test_default_dates_are_empty_also_in_the_declared_format(tmp_path: Path) -> None:
    dates = [
        "0000-00-00", "0000-00-00 00:00:00", "00.00.0000", "1753-01-01", "1899-12-30", "1900-01-01T00:00:00Z",
        "31.12.9999", "01.01.1900", "9999-12-31 23:59:59", "2999-12-31", "2026-05-05", "05.05.2026",
    ]  # fmt: skip
    lines = [f"o{n},c{n},2026-05-01,{day},5" for n, day in enumerate(dates)]
    text = "\n".join(["id,customer,at,gone,total", *lines]) + "\n"
    result, rows = both_ways(tmp_path, ORDERS, "orders", {"orders.csv": text})
    assert rows["cancelled_at"].null_count() == 10
    assert result.findings == []


def test_one_bad_row_of_twelve_is_one_row_and_eleven_of_twelve_a_wrong_file(tmp_path: Path) -> None:
    def file(bad: int, rows: int) -> dict[str, str]:
        lines = [f"o{n},c,2026-05-01,,{'n/a' if n < bad else n}" for n in range(rows)]
        return {"orders.csv": "\n".join(["id,customer,at,gone,total", *lines]) + "\n"}

    def taken(bad: int, rows: int) -> tuple[int, int] | None:
        root = tmp_path / f"{bad} of {rows}"
        (part,) = night(root, ORDERS, "orders", file(bad, rows)).parts
        facts = part.facts
        is_refused = facts["status"] == "refused"
        return None if is_refused else (facts["rows_accepted"], facts["rows_quarantined"])

    assert taken(1, 12) == (11, 1)
    assert taken(4, 12) == (8, 4)
    assert taken(5, 12) is None
    assert taken(2, 3) is None
    assert taken(6, 200) == (194, 6)


def test_ids_that_a_frame_made_floats_are_whole_in_every_file(tmp_path: Path) -> None:
    def file(start: int, end: str, last: str = "") -> str:
        lines = [
            f"{n},{'' if n % 4 == 0 else f'{17000 + n}{end}'},2026-05-01,,5"
            for n in range(start, start + 60)
        ]
        return "\n".join(["id,customer,at,gone,total", *lines, *([last] if last else [])]) + "\n"

    files = {
        "orders_1.csv": file(0, ".0"),
        "orders_2.csv": file(100, ""),
        # Not every one of its ids is a float: they are ids as they are.
        "orders_3.csv": file(200, ".0", "999,17.5,2026-05-01,,5"),
    }
    _, rows = both_ways(tmp_path, ORDERS, "orders", files)
    ref = dict(rows.select("order_id", "customer_ref").rows())
    assert (ref["1"], ref["101"], ref["0"]) == ("17001", "17101", None)
    assert (ref["201"], ref["999"]) == ("17201.0", "17.5")
    assert dict(rows.select("order_id", "record_key").rows())["1"] == "s:17001"


@pytest.mark.parametrize(
    ("refs", "taken"),
    [
        # Three long floats beside ids of letters: a frame wrote them.
        (["17001.0", "A17", "17002.0", "17003.0"], ["17001", "A17", "17002", "17003"]),
        (["A17", "17001.0"], ["A17", "17001.0"]),
        (["1.0", "2.0", "3.0", "beta"], ["1.0", "2.0", "3.0", "beta"]),
        (
            ["2024.0", "2024.1", "2025.0", "2026.0", "x"],
            ["2024.0", "2024.1", "2025.0", "2026.0", "x"],
        ),
        (["17001.0", "17002.0", "17003.0", "17004"], ["17001.0", "17002.0", "17003.0", "17004"]),
        (["1.0", "2.0", ""], ["1", "2", None]),
    ],
)
def test_floats_among_other_ids_are_whole_only_where_a_frame_wrote_them(
    refs: list[str], taken: list[str | None], tmp_path: Path
) -> None:
    lines = [f"o{n},{ref},2026-05-01,,5" for n, ref in enumerate(refs)]
    rest = [f"x{n},B{n},2026-05-01,,5" for n in range(60)] if "" not in refs else []
    files = {"orders.csv": "\n".join(["id,customer,at,gone,total", *rest, *lines]) + "\n"}
    _, rows = both_ways(tmp_path, ORDERS, "orders", files)
    ref = dict(rows.select("order_id", "customer_ref").rows())
    assert [ref[f"o{n}"] for n in range(len(refs))] == taken


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "xlsx"])
@pytest.mark.parametrize("more", [None, 17.5])
def test_float_ids_of_other_formats_are_whole_too(
    more: float | None, ending: str, tmp_path: Path
) -> None:
    ids: list[float | None] = [17001.0, None, 17003.0, more]
    rows = [
        {"id": f"o{n}", "customer": given, "at": "2026-05-01", "gone": None, "total": "5"}
        for n, given in enumerate(ids)
    ]
    out = io.BytesIO()
    if ending == "jsonl":
        out.write("".join(json.dumps(row) + "\n" for row in rows).encode())
    elif ending == "parquet":
        pl.DataFrame(rows, schema_overrides={"customer": pl.Float64}).write_parquet(out)
    else:
        book = openpyxl.Workbook()
        for values in (list(rows[0]), *(list(row.values()) for row in rows)):
            book.active.append(values)
        book.save(out)
    result = night(tmp_path, ORDERS, "orders", {f"orders.{ending}": out.getvalue()})
    (part,) = result.parts
    taken = dict(pl.read_parquet(part.parquet).select("order_id", "customer_ref").rows())
    # A workbook has one kind of number, which it shows without a fraction.
    whole = more is None or ending == "xlsx"
    end = "" if whole else ".0"
    assert taken == {
        "o0": f"17001{end}", "o1": None, "o2": f"17003{end}", "o3": more and str(more),
    }  # fmt: skip


def test_an_id_in_scientific_notation_is_never_taken(tmp_path: Path) -> None:
    refs = ["1.7001e4", "1,70E+04", "4.9E+12", "17e+3", "17e3", "a1.5e3", "3f2504e0-4f89-11d3"]
    rest = [f"{n},c{n},2026-05-01,,5" for n in range(100, 160)]
    lines = [f'{n},"{ref}",2026-05-01,,5' for n, ref in enumerate(refs)]
    lines.append("1.7e+04,c,2026-05-01,,5")
    files = {"orders.csv": "\n".join(["id,customer,at,gone,total", *rest, *lines]) + "\n"}
    result, rows = both_ways(tmp_path, ORDERS, "orders", files)
    ref = dict(rows.select("order_id", "customer_ref").rows())
    assert [ref[str(n)] for n in range(7)] == [None, None, None, None, *refs[4:]]
    assert result.parts[0].facts["checks"]["emptied_customer_ref"][0] == 4
    quarantine = result.parts[0].quarantine
    assert quarantine is not None
    (row,) = pl.read_parquet(quarantine).select("column", "reason").rows()
    assert row == ("order_id", odd_values.LOST_DIGITS)


def test_float_keys_of_a_lookup_meet_the_ids_of_an_export(tmp_path: Path) -> None:
    mapping = ORDERS + (
        "lookups: {who: {files: people*, on: customer, sql: 'select id as k, name as n from file'}}\n"
    )
    mapping = mapping.replace("customer_ref: customer", "customer_ref: who.n")
    for export, end in (("17001", ".0"), ("17001.0", ""), ("17001.0", ".0")):
        root = tmp_path / f"{export} {end}"
        files = {
            "orders.csv": f"id,customer,at,gone,total\n1,{export},2026-05-01,,5\n",
            "people.csv": f"id,name\n17001{end},Ann\n17002{end},Bob\n",
        }
        (part,) = night(root, mapping, "orders", files).parts
        assert pl.read_parquet(part.parquet)["customer_ref"].to_list() == ["Ann"]


def test_an_amount_of_another_currency_sets_the_row_aside_with_its_reason(tmp_path: Path) -> None:
    lines = [f"o{n},c,2026-05-01,,{n}.00 €" for n in range(12)] + ["x,c,2026-05-01,,$5.00"]
    text = "\n".join(["id,customer,at,gone,total", *lines]) + "\n"
    result, rows = both_ways(tmp_path, ORDERS, "orders", {"orders.csv": text})
    assert rows["total"].sum() == Decimal(66)
    (part,) = result.parts
    assert part.quarantine is not None
    assert pl.read_parquet(part.quarantine).select("source_row", "column", "reason").rows() == [
        (13, "total", "not an amount in the row's currency")
    ]
