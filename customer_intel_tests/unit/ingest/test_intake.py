"""Reading: nothing lost, nothing invented, every bad file refused with a reason."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer_intel.ingest.mapping.model import FixedField, Reader
from customer_intel.ingest.read.open_file import Limits, RecordCounter, Refused, sha256_of
from customer_intel.ingest.read.readers import TextTable, read_text

Rows = list[tuple[object, ...]]
Read = Callable[..., tuple[TextTable, Rows]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    con = duckdb.connect(config={"threads": "1"})

    def _read(
        name: str, data: bytes, limits: Limits | None = None, **options: object
    ) -> tuple[TextTable, Rows]:
        path = tmp_path / name
        path.write_bytes(data)
        text = read_text(
            con, path, sha256_of(path)[0], Reader(**options), tmp_path, limits or Limits()
        )  # type: ignore[arg-type]
        return text, con.execute(f"SELECT * FROM ({text.sql}) ORDER BY _row").fetchall()

    return _read


def test_plain_csv_keeps_every_value_as_written(read: Read) -> None:
    text, rows = read("a.csv", b'id,note\n007,"a ""quoted"", value"\n2,"two\nlines"\n\n3,1e5\n')
    assert text.columns == ("id", "note")
    assert rows == [(1, "007", 'a "quoted", value'), (2, "2", "two\nlines"), (3, "3", "1e5")]


@pytest.mark.parametrize(
    "name", ["x=7.csv", "[ab].csv", "a'b.csv", "a;drop table x.csv", "é ü.csv", "*.csv"]
)
def test_a_files_name_is_only_a_name(read: Read, name: str) -> None:
    assert read(name, b"x,y\n1,2\n")[1] == [(1, "1", "2")]


def test_bom_crlf_tsv_gzip_and_zstd(read: Read) -> None:
    assert read("a.csv", b"\xef\xbb\xbfid,b\r\n1,2\r\n")[1] == [(1, "1", "2")]
    assert read("a.tsv", b"id\tb\n1\t2\n")[1] == [(1, "1", "2")]
    assert read("a.csv.gz", gzip.compress(b"id,b\n1,2\n", mtime=0))[1] == [(1, "1", "2")]
    assert read("a.csv.zst", pa.compress(b"id,b\n1,2\n", "zstd", asbytes=True))[1] == [
        (1, "1", "2")
    ]


def test_declared_encodings(read: Read) -> None:
    assert read("a.csv", "id,n\n1,Zürich €\n".encode("cp1252"), encoding="windows-1252")[1] == [
        (1, "1", "Zürich €")
    ]
    assert read("a.csv", "id,n\n1,ß\n".encode("utf-16"), encoding="utf-16")[1] == [(1, "1", "ß")]


def test_a_stray_quote_costs_its_own_line_only(read: Read) -> None:
    lines = [f"{n},name{n},{n * 2}" for n in range(5000)]
    lines[100] = '100,"name100,200'
    text, rows = read("a.csv", ("id,name,v\n" + "\n".join(lines) + "\n").encode())
    assert (text.rows, len(text.unreadable)) == (4999, 1)
    assert text.unreadable[0].row == 101
    assert text.unreadable[0].raw == '100,"name100,200'
    assert rows[-1] == (5000, "4999", "name4999", "9998")


def test_ragged_rows_are_set_aside_with_their_reason(read: Read) -> None:
    text, rows = read("a.csv", b'a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,"x\ny",12\n')
    assert rows == [(1, "1", "2", "3"), (4, "10", "x\ny", "12")]
    assert [(bad.row, bad.reason) for bad in text.unreadable] == [
        (2, "2 values instead of 3"),
        (3, "4 values instead of 3"),
    ]


def test_lines_around_a_broken_multi_line_value_survive(read: Read) -> None:
    text, rows = read("a.csv", b'a,b,c\n1,"open,3\n4,"two\n\nlines",6\n7,8,9\n1,5" pipe,2\n')
    assert [row[1:] for row in rows] == [
        ("4", "two\n\nlines", "6"),
        ("7", "8", "9"),
        ("1", '5" pipe', "2"),
    ]
    assert len(text.unreadable) == 1


def test_mutated_lines_never_cost_a_good_one(read: Read) -> None:
    seed = random.Random(7)
    for _ in range(60):
        lines = [f'{n},"v, {n}",w{n},x{n}' for n in range(40)]
        at = seed.randrange(40)
        cut = seed.randrange(len(lines[at]))
        lines[at] = (
            lines[at][:cut] + seed.choice(['"', ",", '",', "", '\n"', ",,"]) + lines[at][cut + 1 :]
        )
        text, rows = read("a.csv", ("a,b,c,d\n" + "\n".join(lines) + "\n").encode())
        found = {row[1] for row in rows}
        assert {str(n) for n in range(40) if n != at} <= found, lines[at]
        assert len(rows) + len(text.unreadable) == text.rows_read


@pytest.mark.parametrize(
    ("name", "data", "options", "reason"),
    [
        ("a.csv", b"", {}, "is empty"),
        ("a.csv", b"id,_row\n1,2\n", {}, "reserved"),
        ("a.csv", b"id\n\xff\xfe\n", {}, "is not utf-8"),
        ("a.csv", "id,b\n1,2\n".encode("utf-16"), {}, "is UTF-16"),
        ("a.csv", b"id\n1\x00\n", {}, "NUL"),
        ("a.csv.gz", gzip.compress(b"id\n1\n", mtime=0)[:-3], {}, "truncated or corrupt"),
        (
            "a.csv.gz",
            gzip.compress(b"id\n1\n", mtime=0)[:-8] + bytes(8),
            {},
            "truncated or corrupt",
        ),
        (
            "a.csv.zst",
            pa.compress(b"id\n" * 99, "zstd", asbytes=True)[:-2],
            {},
            "truncated or corrupt",
        ),
        ("a.parquet", b"PAR1 no parquet PAR1", {}, "corrupt Parquet"),
        ("a.xlsx", b"PK no workbook", {}, "corrupt workbook"),
        ("a.jsonl", b'[{"a": 1}', {}, "ends within record 1"),
        ("a.bin", b"x", {}, "unknown ending"),
    ],
)
def test_refused(
    read: Read, name: str, data: bytes, options: dict[str, object], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        read(name, data, **options)


def test_a_bomb_is_refused_and_big_text_is_not(read: Read) -> None:
    bomb = gzip.compress(b"id\n" + b"0" * (80 << 20))
    with pytest.raises(Refused, match="max_ratio"):
        read("bomb.csv.gz", bomb)
    with pytest.raises(Refused, match="max_unpacked_bytes"):
        read("big.csv", b"id\n" + b"1\n" * 1000, limits=Limits(max_unpacked_bytes=1000))


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_bytes(b"id\n1\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    for name, reason in (
        ("link.csv", "symbolic link"),
        ("pipe.csv", "regular file"),
        ("none.csv", "does not exist"),
    ):
        with pytest.raises(Refused, match=reason):
            sha256_of(tmp_path / name)
    os.link(tmp_path / "real.csv", tmp_path / "second.csv")
    with pytest.raises(Refused, match="one name"):
        sha256_of(tmp_path / "second.csv")


def test_json_lines_know_all_keys_and_set_bad_lines_aside(read: Read) -> None:
    lines = [
        '{"id": 1, "p": {"x": [1, 2]}}',
        "not json",
        "[1]",
        '{"id": "a\\"b", "late": true}',
        '{"id": 1, "id": 2}',
    ]
    text, rows = read("a.jsonl", ("\n".join(lines) + "\n\n").encode())
    assert text.columns == ("id", "late", "p")
    assert rows == [(1, "1", None, '{"x":[1,2]}'), (4, 'a"b', "true", None)]
    reasons = [(bad.row, bad.reason) for bad in text.unreadable]
    assert reasons == [(2, "not JSON"), (3, "not a JSON object"), (5, "a key stands twice")]
    assert text.rows_read == 5


def test_big_numbers_and_separators_in_json_survive(read: Read) -> None:
    value = {"id": 12345678901234567890123, "note": "a\x1eb\nc", "money": 19.99}
    assert read("a.jsonl", json.dumps(value).encode())[1] == [
        (1, str(value["id"]), "19.99", "a\x1eb\nc")
    ]


def test_parquet_as_text(read: Read, tmp_path: Path) -> None:
    table = pa.table({"n": [1, None], "f": [0.1, 1.5], "s": [{"a": 1}, None], "t": ["007", ""]})
    pq.write_table(table, tmp_path / "source.parquet")
    _, rows = read("a.parquet", (tmp_path / "source.parquet").read_bytes())
    assert rows == [(1, "1", "0.1", '{"a":1}', "007"), (2, None, "1.5", None, "")]


def test_xlsx_as_text(read: Read, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["id", "when", "ok"])
    book.active.append([1.0, __import__("datetime").datetime(2026, 1, 2, 3, 4), True])
    book.active.append([None, None, None])
    book.active.append(["x", None, None, "too much"])
    book.save(tmp_path / "source.xlsx")
    text, rows = read("a.xlsx", (tmp_path / "source.xlsx").read_bytes())
    assert rows == [(1, "1", "2026-01-02 03:04:00", "true")]
    assert text.unreadable[0].reason == "more than 3 values"
    with pytest.raises(Refused, match="no sheet 'Other', only Sheet"):
        read("b.xlsx", (tmp_path / "source.xlsx").read_bytes(), sheet="Other")


def test_fixed_width(read: Read) -> None:
    fields = (FixedField(name="id", width=3), FixedField(name="v", width=4))
    text, rows = read(
        "a.txt", b"  1 2.5\n  2   3\nlonger than this\nab\n", format="fixed", fields=fields
    )
    assert rows == [(1, "  1", " 2.5"), (2, "  2", "   3")]
    assert [bad.row for bad in text.unreadable] == [3, 4]


def test_header_elsewhere_or_absent(read: Read) -> None:
    assert read("a.csv", b"made on Monday\nid,b\n1,2\n", header=2)[1] == [(1, "1", "2")]
    assert read("a.csv", b"1,2\n3,4\n", header=False)[0].columns == ("column1", "column2")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_counter_agrees_whatever_the_chunks(size: int) -> None:
    data = b'a,b\r\n1,"x\r\ny"\r\n\r\n2,z\n\n\n3,"""q"""\n4,last'
    counter = RecordCounter('"')
    for start in range(0, len(data), size):
        counter.feed(data[start : start + size])
    assert counter.records == 5


@pytest.mark.slow
def test_rows_keep_the_files_order_at_any_size(read: Read) -> None:
    data = "id,pad\n" + "".join(f"{n},{'x' * 40}\n" for n in range(1, 300_001))
    text, rows = read("a.csv", data.encode())
    assert text.rows == 300_000
    assert all(int(str(row[1])) == row[0] for row in rows)
