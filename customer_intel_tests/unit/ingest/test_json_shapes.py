"""JSON as systems write it: arrays, wrapped arrays, pages, nested objects, and lines within orders."""

from __future__ import annotations

import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.ingest.advise.sniff import sniff
from customer_intel.ingest.land.landing_folder import COUNTS
from customer_intel.ingest.mapping import model as mapping
from customer_intel.ingest.mapping.model import Reader
from customer_intel.ingest.read import json_records
from customer_intel.ingest.read.json_records import records_as_lines
from customer_intel.ingest.read.open_file import Limits, Refused
from customer_intel_tests.unit.ingest.test_conform import Landing
from customer_intel_tests.unit.ingest.test_inspect import Lab, notes
from customer_intel_tests.unit.ingest.test_intake import Read


def order(number: int, **more: object) -> dict[str, Any]:
    """An order as a shop's interface gives it."""
    return {
        "id": f"o{number}",
        "created_at": f"2026-05-{1 + number % 28:02}T09:00:00Z",
        "currency": "EUR",
        "customer": {"id": f"c{number}", "email": f"p{number}@example.com", "address": {"city": "Bonn"}},
        "total_price_set": {"shop_money": {"amount": f"{10 + number}.50", "currency_code": "EUR"}},
        "tags": ["a", "b"],
        "line_items": [
            {"id": f"o{number}-{line}", "sku": f"S{line}", "quantity": line, "price": "5.25"}
            for line in range(1, 2 + number % 3)
        ],
        **more,
    }  # fmt: skip


ORDERS = [order(number) for number in range(30)]
LINES = "".join(json.dumps(item) + "\n" for item in ORDERS).encode()
NESTED = ("customer", "customer.address", "total_price_set", "total_price_set.shop_money")


@pytest.fixture
def read(tmp_path: Path) -> Read:
    from customer_intel_tests.unit.ingest.test_intake import read as made

    return made.__wrapped__(tmp_path)  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def shop(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.mark.parametrize(
    ("name", "data", "options"),
    [
        ("a.json", json.dumps(ORDERS).encode(), {}),
        ("a.json", json.dumps(ORDERS, indent=1).encode(), {}),
        ("a.json", json.dumps(ORDERS, indent="\t").replace("\n", "\r\n").encode("utf-8-sig"), {}),
        ("a.json.gz", gzip.compress(json.dumps(ORDERS, indent=2).encode(), mtime=0), {}),
        (
            "a.json",
            json.dumps({"n": 30, "orders": ORDERS, "more": {}}).encode(),
            {"records": "orders"},
        ),
        ("a.json", json.dumps({"a": {"b": ORDERS}}, indent=1).encode(), {"records": "a.b"}),
        (
            "a.json",
            "\n".join(json.dumps({"data": ORDERS[at : at + 7]}) for at in range(0, 30, 7)).encode(),
            {"records": "data"},
        ),
        ("a.json", b"\n".join(json.dumps(item, indent=1).encode() for item in ORDERS), {}),
    ],
    ids=[
        "one line",
        "pretty",
        "mark and CRLF",
        "gzip",
        "wrapped",
        "deeper",
        "pages",
        "one after another",
    ],
)
def test_whatever_stands_around_them_the_records_are_those_of_json_lines(
    read: Read, name: str, data: bytes, options: dict[str, Any]
) -> None:
    plain, rows = read("lines.jsonl", LINES, nested=NESTED)
    found, same = read(name, data, nested=NESTED, **options)
    assert (found.columns, same) == (plain.columns, rows)
    assert len(same) == 30


def test_objects_become_columns_of_dotted_names_and_arrays_stay_json(read: Read) -> None:
    text, rows = read("a.jsonl", LINES, nested=NESTED)
    first = dict(zip(("_row", *text.columns), rows[0], strict=True))
    assert first["customer.id"] == "c0"
    assert first["customer.address.city"] == "Bonn"
    assert first["total_price_set.shop_money.amount"] == "10.50"
    assert first["tags"] == '["a","b"]'
    assert json.loads(str(first["line_items"])) == ORDERS[0]["line_items"]
    assert read("b.jsonl", LINES, nested=True)[1] == rows
    assert "customer" in read("c.jsonl", LINES)[0].columns


def test_a_value_where_others_have_an_object_is_kept(read: Read) -> None:
    lines = '{"c": {"id": 1, "Id": 2}}\n{"c": "gone"}\n{"c": null}\n{}\n{"c": [3]}\n{"c.id": 4}\n'
    text, rows = read("a.jsonl", lines.encode(), nested=["c"])
    assert text.columns == ("c.Id", "c.id_2", "c", "c.id_3") or len(text.columns) == 4
    told = [
        {name: value for name, value in zip(text.columns, row[1:], strict=True) if value}
        for row in rows
    ]
    assert [sorted(found.values()) for found in told] == [
        ["1", "2"],
        ["gone"],
        [],
        [],
        ["[3]"],
        ["4"],
    ]
    assert told[1] == {"c": "gone"}


def test_items_of_an_array_are_rows_beside_their_records_columns(read: Read) -> None:
    text, rows = read("a.jsonl", LINES, nested=NESTED, rows="line_items")
    made = [dict(zip(("_row", *text.columns), row, strict=True)) for row in rows]
    wanted = [
        (item["id"], line["id"], line["sku"]) for item in ORDERS for line in item["line_items"]
    ]
    assert [(row["id"], row["line_items.id"], row["line_items.sku"]) for row in made] == wanted
    assert [row["_row"] for row in made] == list(range(1, len(wanted) + 1))
    assert made[0]["customer.email"] == "p0@example.com"
    assert "line_items" not in text.columns
    assert not text.notes


def test_records_without_items_are_said_and_broken_lines_set_aside(read: Read) -> None:
    lines = (
        '{"id": 1, "l": {"data": [{"a": 1}, 2]}}\n{"id": 2, "l": {"data": []}}\nbroken\n{"id": 3}\n'
    )
    text, rows = read("a.jsonl", lines.encode(), rows="l.data")
    assert text.columns == ("id", "l.data.a", "l.data")
    assert rows == [(1, "1", "1", None), (2, "1", None, "2")]
    assert text.notes == ("2 records have nothing in 'l.data', and so no row here",)
    assert [(item.row, item.reason) for item in text.unreadable] == [(3, "record 3: not JSON")]
    with pytest.raises(Refused, match="no array 'lines', whose items"):
        read("b.jsonl", lines.encode(), rows="lines")


def test_keys_that_are_values_do_not_become_thousands_of_columns(read: Read) -> None:
    lines = "".join(json.dumps({"id": n, "by_id": {f"k{n}": 1}}) + "\n" for n in range(1200))
    with pytest.raises(Refused, match="nested to a list"):
        read("a.jsonl", lines.encode(), nested=True)
    assert read("b.jsonl", lines.encode())[0].columns == ("by_id", "id")


@pytest.mark.parametrize("step", [1, 3, 50])
def test_records_are_cut_where_a_parser_cuts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(json_records, "STEP", step)
    dice = random.Random(step)

    def value(depth: int) -> Any:
        kinds = ["text", "number", "null", *(["list", "object"] if depth else [])]
        match dice.choice(kinds):
            case "text":
                return dice.choice(['"}],{[', "\\", "line\nend", "é\u2028", "1e5", ""])
            case "number":
                return dice.choice([0, -12, 1.5, 10**20, True])
            case "list":
                return [value(depth - 1) for _ in range(dice.randint(0, 3))]
            case "object":
                return {dice.choice("abc"): value(depth - 1) for _ in range(dice.randint(0, 3))}
        return None

    plain, out = tmp_path / "plain", tmp_path / "out"
    for _ in range(60):
        records = [value(3) for _ in range(dice.randint(0, 4))]
        wrapped = {"x": value(2), "r": {"y": value(2), "z": records}, "w": value(2)}
        indent = dice.choice([None, 1])
        plain.write_text(json.dumps(wrapped, indent=indent, ensure_ascii=False), encoding="utf-8")
        assert records_as_lines(plain, out, "r.z") == len(records)
        lines = out.read_text(encoding="utf-8").split("\n")[:-1]
        assert [json.loads(line) for line in lines] == records
        cut = plain.read_text(encoding="utf-8")[: -1 - dice.randint(0, 5)]
        plain.write_text(cut, encoding="utf-8")
        with pytest.raises(Refused, match=r"cut off|no JSON"):
            records_as_lines(plain, out, "r.z")


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (json.dumps(ORDERS, indent=1), None),
        (json.dumps({"orders": ORDERS, "meta": {"page": 1}}), "orders"),
        (
            json.dumps({"status": "ok", "result": {"items": ORDERS, "count": 30}}, indent=1),
            "result.items",
        ),
        ("\n".join(json.dumps({"data": ORDERS[at : at + 9]}) for at in range(0, 30, 9)), "data"),
        (LINES.decode(), None),
    ],
)
def test_inspect_finds_the_records_and_says_where(lab: Lab, data: str, records: str | None) -> None:
    path = lab.write("orders.json", data)
    found = lab.look(path)
    assert found.sniffed.reader.records == records
    assert found.sniffed.reader.nested == NESTED
    assert found.sniffed.children == ("line_items",)
    assert found.works
    assert lab.rows(found, path).height == 30
    said = notes(found, "found")
    assert "columns are made of customer, customer.address" in said
    assert "a mapping with reader.rows: line_items has a row for each" in said


def test_orders_and_their_lines_come_of_one_file(lab: Lab) -> None:
    path = lab.write("orders.json", json.dumps({"orders": ORDERS}))
    found = sniff(path, Limits())
    lines = found.reader_of("line_items")
    assert lines == Reader(records="orders", nested=NESTED, rows="line_items")


ORDERS_MAPPING = """\
source: shop
files: "orders*"
entity: orders
reader: {records: orders, nested: [customer, total_price_set, total_price_set.shop_money]}
columns:
  order_id: id
  customer_ref: customer.id
  email: lower("customer.email")
  ordered_at: created_at
  currency: currency
  total: total_price_set.shop_money.amount
"""
LINES_MAPPING = """\
source: shop
files: "orders*"
entity: order_lines
reader: {records: orders, rows: line_items, skip_rows: "\\"line_items.sku\\" = 'S3'"}
columns:
  order_line_id: line_items.id
  order_id: id
  sku: line_items.sku
  quantity: line_items.quantity
  unit_price: line_items.price
  line_total: cast("line_items.quantity" as decimal(18, 2)) * cast("line_items.price" as decimal(18, 2))
"""


def test_one_file_feeds_orders_and_their_lines_and_each_row_is_accounted_for(shop: Landing) -> None:
    twice = [
        *map(order, range(60)),
        {**order(99), "created_at": "soon"},
        {"id": "o98", "created_at": "2026-05-01"},
    ]
    shop.land("shop/2026-02-28/orders.json", json.dumps({"orders": twice}, indent=1))
    (shop.root / "mappings" / "shop_order_lines.yaml").write_text(LINES_MAPPING)
    orders, lines = (
        shop.night(entity=entity, mapping=ORDERS_MAPPING) for entity in ("orders", "order_lines")
    )
    (part,) = orders.parts
    assert [part.facts[name] for name in COUNTS] == [62, 60, 2, 0, 0, 60]
    rows = pl.read_parquet(part.parquet).sort("order_id")
    assert (rows["email"][0], str(rows["total"][0])) == ("p0@example.com", "10.50")
    (part,) = lines.parts
    every = [line for item in twice for line in item.get("line_items", ())]
    third = sum(line["sku"] == "S3" for line in every)
    assert [part.facts[name] for name in COUNTS] == [
        len(every), len(every) - third, 0, 0, third, len(every) - third,
    ]  # fmt: skip
    said = [item["message"] for item in lines.findings]
    assert any("1 records have nothing in 'line_items'" in message for message in said), said


def test_one_record_is_no_wrapper_of_its_lines(lab: Lab) -> None:
    path = lab.write("order.json", json.dumps(order(2), indent=1))
    found = sniff(path, Limits())
    assert (found.reader.records, found.children) == (None, ("line_items",))


def test_objects_whose_keys_everybody_chooses_stay_json(lab: Lab) -> None:
    events = [
        {
            "event": "Order Done", "userId": f"u{n}", "timestamp": f"2026-05-01T09:00:{n:02}Z", "type": "track",
            "messageId": f"m{n}", "properties": {"total": n, "plan": "a"}, "context": {"ip": "10.0.0.1"},
            "ids": {f"k{n}": n},
        }
        for n in range(60)
    ]  # fmt: skip
    path = lab.write("track.jsonl", "\n".join(map(json.dumps, events)))
    found = sniff(path, Limits())
    assert found.reader.nested == ("context",)
    assert "kept as JSON, for its keys differ: properties, ids" in "\n".join(
        note.text for note in found.notes
    )


def test_records_of_a_standard_interface_are_their_attributes(lab: Lab) -> None:
    people = [
        {"id": f"{n}", "type": "contact",
         "attributes": {"email": f"p{n}@example.com", "first_name": "Ann", "last_name": "Lee", "created_at":
                        "2026-05-01T00:00:00Z", "city": "Bonn"}}
        for n in range(30)
    ]  # fmt: skip
    path = lab.write("people.json", json.dumps({"data": people, "links": {"next": None}}))
    found = lab.look(path)
    assert found.sniffed.reader.nested == ("attributes",)
    assert found.written[0].entity == "contacts"
    assert lab.rows(found, path)["email"].to_list() == [f"p{n}@example.com" for n in range(30)]


def test_a_text_that_only_begins_like_json_is_no_json(lab: Lab) -> None:
    stream = io.StringIO()
    stream.writelines(f"[{n}],2026-05-01,{n}.50\n" for n in range(30))
    path = lab.write("a.csv", "[id],day,total\n" + stream.getvalue())
    assert sniff(path, Limits()).format == "csv"


def test_a_day_without_any_item_or_buyer_is_no_broken_file(tmp_path: Path) -> None:
    """What JSON leaves out where nothing is: a mapping of a fuller day reads it."""
    (tmp_path / "shop_orders.yaml").write_text(
        "source: shop\nfiles: 'orders*'\nentity: orders\nreader: {nested: [customer]}\n"
        "columns: {order_id: id, customer_ref: customer.id, email: 'lower(\"customer.email\")',\n"
        "  ordered_at: at, total: total, currency: \"'EUR'\", updated_at: at}\n"
    )
    made = mapping.read(tmp_path / "shop_orders.yaml", contract.load().entities)
    assert set(made.may_lack) == {"customer.id", "customer.email"}
    assert made.missing(["id", "at", "total"]) == [] and made.missing(["id", "at"]) == ["total"]


def test_an_object_that_no_record_has_reads_as_empty(lab: Lab, tmp_path: Path) -> None:
    full = [
        {"id": n, "customer": {"id": f"c{n}"}, "total": "9.50", "created_at": "2026-06-01"}
        for n in range(30)
    ]
    found = lab.look(lab.write("orders.jsonl", "\n".join(map(json.dumps, full))))
    assert found.written[0].entity == "orders"
    bare = [{key: value for key, value in row.items() if key != "customer"} for row in full]
    path = lab.write("orders.jsonl", "\n".join(map(json.dumps, bare)))
    rows = lab.rows(found, path)
    assert rows.height == 30 and rows["customer_ref"].null_count() == 30


def test_items_of_one_sku_are_two_lines(lab: Lab, tmp_path: Path) -> None:
    def order(n: int) -> dict[str, Any]:
        items = [
            {"sku": "A", "title": f"t{k}", "quantity": 1, "price": f"{k + 1}.50"} for k in range(2)
        ]
        return {"id": n, "created_at": "2026-06-01", "total": "4.00", "currency": "EUR",
                "customer": {"id": f"c{n % 7}"}, "line_items": items}  # fmt: skip

    path = lab.write("orders.json", json.dumps({"data": [order(n) for n in range(30)]}))
    found = lab.look(path)
    assert [item.entity for item in found.written] == ["orders", "order_lines"]
    rows = lab.rows(found, path, 1)
    assert rows["order_line_id"].n_unique() == 60 and float(rows["line_total"].sum()) == 30 * 4.0
