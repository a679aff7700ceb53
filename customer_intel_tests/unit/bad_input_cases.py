"""Every bad file of ../shared/spec/exports.md and reliability.md, with what must become of it and be said of it."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pyarrow as pa

from customer_intel_tests.unit.bad_input_files import (
    GOOD,
    HEADER,
    IDS,
    SECRET,
    SHOP,
    Case,
    as_csv,
    as_jsonl,
    as_parquet,
    as_table,
    as_xlsx,
    flipped,
    gz,
    row,
    with_lines,
    with_row,
    zstd,
)

FOUR = SHOP.replace("  total: total\n", "  total: total\nreader: {X}\n")
SURVEY = """\
source: shop
files: "*answers*"
entity: survey_responses
columns: {response_id: id, survey_id: "'s1'", survey_type: "'nps'", responded_at: at, score: total}
"""
RATES = """\
source: shop
files: "*rates*"
entity: fx_rates
columns: {date: at, base: "'EUR'", quote: colour, rate: total}
"""
PEOPLE = """\
source: shop
files: "*people*"
entity: contacts
columns: {contact_id: id, created_at: at, updated_at: at, _deleted: colour}
"""


def reader(options: str) -> str:
    return FOUR.replace("X", options)


def renamed(**names: str) -> tuple[str, ...]:
    return tuple(names.get(name, name) for name in HEADER)


def rotated(rows: object = GOOD) -> bytes:
    """Columns in another order, header and values alike."""
    return as_csv([(*values[3:], *values[:3]) for values in GOOD], (*HEADER[3:], *HEADER[:3]))


# ---- text that is broken as text
# fmt: off
TEXT = [
    Case("a stray quote opens a value", with_lines(f'o0098,"{SECRET},x,2026-02-01,1,red'), "quarantined", ("row 41",
            "a quote that is never closed"), rows=41),
    Case("a stray quote in the first row", as_csv().replace(f"{SECRET}-c1,".encode(), f'"{SECRET}-c1,'.encode(), 1),
            "quarantined", ("row 1 ", "never closed"), lost=frozenset({"o0001"})),
    Case("a quote inside a value without quotes", with_row(colour="red").replace(b",red", b',5" pipe'), "as is",
            rows=41),
    Case("a backslash before a quote", with_lines(f'o0098,"{SECRET} \\" x",m,2026-02-01,1,red'), "quarantined", (
            "row 41",), rows=41),
    Case("a short row", with_lines(f"o0098,{SECRET},m"), "quarantined", ("row 41", "3 values instead of 6"), rows=41),
    Case("a long row", with_lines(f"o0098,{SECRET},m,2026-02-01,1,red,more"), "quarantined", ("row 41",
            "7 values instead of 6"), rows=41),
    Case("a row with one empty value too many", with_lines("o0098,c,m@x,2026-02-01,1,red,"), "as is", rows=41),
    Case("two rows on one line", with_lines(",".join(row(97) + row(98))), "quarantined", ("row 41",
            "12 values instead of 6"), rows=41),
    Case("line ends and doubled quotes inside quotes", with_row(colour='two\nlines, "quoted"\r\nand more'), "as is",
            rows=41, values=lambda rows: rows.height == 41),
    Case("CR-only line ends", as_csv(end="\r"), "as is"),
    Case("CRLF line ends", as_csv(end="\r\n"), "as is"),
    Case("mixed line ends", as_csv(GOOD[:20]) + as_csv(GOOD[20:], None, end="\r\n"), "as is"),
    Case("no line end at the end", as_csv().rstrip(b"\n"), "as is"),
    Case("blank lines among the rows", as_csv().replace(b"\no0002", b"\n\n\r\n\no0002"), "as is"),
    Case("blank lines before the header", b"\n\r\n" + as_csv(), "as is"),
    Case("a byte order mark", b"\xef\xbb\xbf" + as_csv(), "as is"),
    Case("two byte order marks", b"\xef\xbb\xbf" * 2 + as_csv(), "as is"),
    Case("NUL bytes", with_lines(b"o0098,\x00\x00,m,2026-02-01,1,red"), "refused", ("NUL bytes", "send it again")),
    Case("a tail of NULs, as a full disk leaves it", as_csv() + bytes(4096), "refused", ("NUL bytes",)),
    Case("UTF-16 that says so", as_csv().decode().encode("utf-16"), "refused", ("is UTF-16",
            "set reader.encoding: utf-16")),
    Case("UTF-16, declared", as_csv().decode().encode("utf-16"), "as is", mapping=reader("encoding: utf-16")),
    Case("UTF-16 that does not say so", as_csv().decode().encode("utf-16-le"), "refused", ("NUL bytes",)),
    Case("latin-1 bytes in UTF-8", with_lines(b"o0098,Z\xfcrich,m,2026-02-01,1,red"), "refused", ("is not utf-8",
            "near byte", "windows-1252")),
    Case("windows-1252, declared", with_lines(b"o098,Z\xfcrich,m@x,2026-02-01,1,red"), "as is", rows=41, mapping=reader(
            "encoding: windows-1252"), values=lambda rows: "Zürich" in rows["customer_ref"].to_list()),
    Case("an empty file", b"", "refused", ("is empty", "header")),
    Case("only blank lines", b"\n\n\n", "refused", ("is empty",)),
    Case("a header and no row", as_csv(()), "warned", ("has a header and no row",), rows=0, lost=IDS),
    Case("control characters", b"\x01\x02\x03,\x04\n1,2\n", "refused", ("control characters in the name of column 1",)),
    Case("a zip archive named .csv", b"PK\x03\x04" + as_csv(), "refused", ("zip archive; land the file that is in it",
            )),
    Case("most rows cannot be split", as_csv(()) + b"o1,x\n" * 30_000, "refused", ("row 20001",
            "check reader.delimiter")),
    Case("a delimiter that is not the mapping's", as_csv(mark=";"), "refused", ("lacks column 'at'",
            "parted by ';': set reader.delimiter")),
    Case("tabs in a file named .csv", as_csv(mark="\t"), "refused", ("lacks column 'at'", "set reader.delimiter")),
    Case("tabs in a file named .tsv", as_csv(mark="\t"), "as is", file="orders.tsv"),
    Case("a first line sep=,", b"sep=,\n" + as_csv(), "refused", ("lacks column", "is reader.header right")),
    Case("a first line sep=, and header: 2", b"sep=,\n" + as_csv(), "as is", mapping=reader("header: 2")),
    Case("backslashes before quotes, declared", with_lines(
            f'o0098,"{SECRET} \\\\ \\" x",m@x.example,2026-02-01,1,red'), "as is",
            rows=41, mapping=reader("escape: '\\'"), values=lambda rows: f'{SECRET} \\ " x' in set(
            rows["customer_ref"])),
    Case("totals and closing lines, declared", with_lines(b"Total,,,,81.50,", b"Confidential", b"Acme, Inc."), "as is",
            rows=43, mapping=reader("skip_rows: 'coalesce(\"at\", mail) is null'")),
    Case("closing lines, some of them declared", with_lines(b"Total,,,,81.50,", b"Confidential"), "quarantined", (
            "row 42", "1 values instead of 6",), rows=42, mapping=reader("skip_rows: lower(id) = 'total'")),
    Case("skip_rows over a column that is not there", as_csv(), "refused", (
            "column at_: lacks column 'at_', which reader.skip_rows names",),
            mapping=reader("skip_rows: at_ is null")),
    Case("skip_rows that fails on a value", as_csv(), "refused", ("reader.skip_rows fails (Conversion", "guard it"),
            mapping=reader("skip_rows: cast(colour as integer) = 1")),
    Case("several rows of names", as_csv(GOOD, None).join([as_csv(()) + b"a question,,,,,\n" + b"x,y,z,w,v,u\n", b""]),
            "as is", mapping=reader("header_rows: 3")),
    Case("a PNG image named .csv", b"\x89PNG\r\n\x1a\n\0\0", "refused", ("is a PNG image",)),
    Case("a web page named .csv", b"<!DOCTYPE html><html><body>Sign in</body></html>", "refused", (
            "is an HTML page, perhaps of an error or a login",)),
    Case("a PDF document named .csv", b"%PDF-1.7 \n", "refused", ("is a PDF document; export the table as CSV",)),
    Case("a Parquet file named .csv", as_parquet(), "refused", ("is a Parquet file; name it .parquet",)),
    Case("text named .xlsx", as_csv(), "refused", ("is text, no workbook; set reader.format: csv",),
            file="orders.xlsx"),
    Case("an unknown ending", as_csv(), "refused", ("unknown ending '.dat'", "set reader.format"), file="orders.dat"),
]
# fmt: on

# ---- headers
# fmt: off
HEADERS = [
    Case("a renamed required column", as_csv(header=renamed(at="ordered_at_")), "refused", ("column at:",
            "lacks column 'at'", "mapping 'shop_orders' needs")),
    Case("a renamed optional column", as_csv(header=renamed(mail="e_mail")), "refused", ("lacks column 'mail'",
            "did you mean e_mail?")),
    Case("a dropped column", as_csv([values[:4] + values[5:] for values in GOOD], HEADER[:4] + HEADER[5:]), "refused", (
            "lacks column 'total'",)),
    Case("a column of two names", as_csv(header=renamed(colour="total")), "warned", (
            "columns 5 and 6 have one name; the latter is read as 'total_2'",),
            values=lambda rows: '"total_2":' in rows["extra_json"][0]),
    Case("two columns that differ in capitals only", as_csv(header=renamed(colour="TOTAL")), "warned", (
            "the latter is read as 'TOTAL_2'",)),
    Case("no header", as_csv(header=None), "refused", ("lacks column", "is there a header row")),
    Case("no header, two equal values in the first row", as_csv((row(1, colour=f"{SECRET}-c1"), *GOOD[1:]), None),
            "refused", ("lacks column", "is there a header row")),
    Case("columns in another order", rotated(), "as is", values=lambda rows: rows["order_id"].to_list() == sorted(IDS)),
    Case("headers swapped over the values", as_csv(header=renamed(at="total", total="at")), "refused", (
            "row 1, column ordered_at (in the file: at): not a timestamp", "row 1 total: not an amount",
            "40 of 40 rows")),
    Case("an added column", as_csv([(*values, f"{SECRET}-9") for values in GOOD], (*HEADER, "vip")), "warned", (
            "new column vip; kept in extra_json",), earlier=as_csv(GOOD[:5]),
            values=lambda rows: '"vip":' in rows["extra_json"][0]),
    Case("a column that nobody mapped stays away", as_csv([values[:5] for values in GOOD], HEADER[:5]), "warned", (
            "column colour, which every earlier file had, is missing",), earlier=as_csv(GOOD[:5])),
    Case("such a column renamed", as_csv(header=renamed(colour="colours")), "warned", ("column colour,",
            "did you mean colours?"), earlier=as_csv(GOOD[:5])),
    Case("a column without a name", as_csv(header=renamed(colour="")), "as is",
            values=lambda rows: '"column6":' in rows["extra_json"][0]),
    Case("a reserved name", as_csv(header=renamed(colour="_row")), "refused", ("'_row', which is reserved; rename it",
            )),
    Case("DuckDB's own reserved name", as_csv(header=renamed(colour="file_row_number")), "refused", (
            "reserved; rename it",)),
    Case("DuckDB's own file name column", as_csv(header=renamed(colour="filename")), "as is",
            values=lambda rows: '"filename":' in rows["extra_json"][0]),
    Case("SQL for a column's name", as_csv(header=renamed(colour='"); DROP TABLE typed; --')), "as is",
            values=lambda rows: "DROP TABLE" in rows["extra_json"][0]),
    Case("markup for a column's name", as_csv(header=renamed(colour="<script>alert(1)</script>")), "as is"),
    Case("a formula for a column's name", as_csv(header=renamed(colour="=HYPERLINK(1)")), "as is"),
    Case("terminal codes in a column's name, said once and escaped", as_csv([(*v, "1") for v in GOOD], (*HEADER,
            "a\u202eb\u2028c")), "warned", (r"new column a\u202eb\u2028c;",), earlier=as_csv(GOOD[:5])),
    Case("a long column's name", as_csv([(*v, "1") for v in GOOD], (*HEADER, "n" * 5000)), "warned", (
            "new column " + "n" * 80 + "…",), earlier=as_csv(GOOD[:5])),
]
# fmt: on

# ---- archives
ARCHIVE = gz(as_csv())
# fmt: off
ARCHIVES = [
    Case("gzip", ARCHIVE, "as is", file="orders.csv.gz"),
    Case("gzip of several members", gz(as_csv(GOOD[:20])) + gz(as_csv(GOOD[20:], None)), "as is", file="orders.csv.gz"),
    Case("gzip under another name", ARCHIVE, "as is"),
    Case("gzip with a wrong checksum", flipped(ARCHIVE, len(ARCHIVE) - 6), "refused", (
            "truncated or corrupt archive; send it again",), file="orders.csv.gz"),
    Case("gzip with a wrong length", flipped(ARCHIVE, len(ARCHIVE) - 2), "refused", ("truncated or corrupt archive",),
            file="orders.csv.gz"),
    Case("gzip followed by something else", ARCHIVE + b"more", "refused", ("truncated or corrupt archive",),
            file="orders.csv.gz"),
    Case("text named .gz", as_csv(), "refused", ("is named .gz but is no such archive",), file="orders.csv.gz"),
    Case("nothing named .gz", b"", "refused", ("is named .gz but is no such archive",), file="orders.csv.gz"),
    Case("gzip in gzip", gz(ARCHIVE), "refused", ("is not utf-8",), file="orders.csv.gz"),
    Case("a gzip bomb", gz(as_csv(()) + b"0" * (80 << 20)), "refused", ("more than 200 times its size; set max_ratio",),
            file="orders.csv.gz"),
    Case("more than max_unpacked_bytes", gz(as_csv()), "refused", ("more than 1,000 bytes; set max_unpacked_bytes",),
            file="orders.csv.gz", limit=1000),
    Case("zstd", zstd(as_csv()), "as is", file="orders.csv.zst"),
    Case("zstd followed by something else", zstd(as_csv()) + b"more", "refused", ("truncated or corrupt archive",),
            file="orders.csv.zst"),
    Case("zstd of several frames", zstd(as_csv(GOOD[:20])) + zstd(as_csv(GOOD[20:], None)), "as is",
            file="orders.csv.zst"),
    *(Case(f"gzip cut at {share} %", ARCHIVE[: len(ARCHIVE) * share // 100], "refused", ("archive",),
            file="orders.csv.gz") for share in range(0, 100, 5)),
    *(Case(f"zstd cut at {share} %", zstd(as_csv())[: len(zstd(as_csv())) * share // 100], "refused", ("archive",),
            file="orders.csv.zst") for share in range(5, 100, 10)),
]
# fmt: on


def wide(**columns: pa.Array) -> pa.Table:
    table = as_table()
    for name, values in columns.items():
        table = table.append_column(name, values)
    return table


def bytes_for(name: str, values: list[bytes | None]) -> pa.Table:
    return as_table().set_column(HEADER.index(name), name, pa.array(values, pa.binary()))


# ---- Parquet, JSON Lines, workbooks
PLAIN = as_parquet(compression="none", use_dictionary=False)
SUMMED = as_parquet(compression="none", use_dictionary=False, write_page_checksum=True)
# fmt: off
FORMATS = [
    Case("Parquet", PLAIN, "as is", file="orders.parquet"),
    *(Case(f"Parquet cut at {share} %", PLAIN[: len(PLAIN) * share // 100], "refused", ("Parquet file",),
            file="orders.parquet") for share in (0, 1, 10, 50, 90, 99)),
    Case("Parquet with checksums, a flipped bit in its values", flipped(SUMMED, SUMMED.index(b"o0007")), "refused", (
            "column id: is a damaged Parquet file: row group 1", "checksum is wrong; send it again"),
            file="orders.parquet"),
    Case("Parquet without checksums, a flipped bit: nobody can tell", flipped(PLAIN, PLAIN.index(f"{SECRET}-c7".encode(
            ))), "as is", file="orders.parquet"),
    Case("Parquet with two columns of one name", as_parquet(as_table().rename_columns(renamed(colour="total"))),
            "warned", ("columns 5 and 6 have one name",), file="orders.parquet"),
    Case("Parquet with nested columns", as_parquet(wide(n=pa.array([{"a": [1]}] * 40), m=pa.array([[("k", 1)]] * 40,
            pa.map_(pa.string(), pa.int64())))), "as is", file="orders.parquet",
            values=lambda rows: r"{\"a\":[1]}" in rows["extra_json"][0]),
    Case("Parquet with text written as bytes", as_parquet(bytes_for("customer", ["Zürich".encode()] * 40)), "as is",
            file="orders.parquet", values=lambda rows: rows["customer_ref"][0] == "Zürich"),
    Case("Parquet with bytes that are no text", as_parquet(bytes_for("customer", [b"\xff\xfe"] * 40)), "refused", (
            "bytes that are no UTF-8 text; export it as text",), file="orders.parquet"),
    Case("Parquet with typed columns", as_parquet(as_table().set_column(3, "at", pa.array([dt.datetime(2026, 2,
            1)] * 40, pa.timestamp("ns", "Europe/Berlin"))).set_column(4, "total", pa.array([1.5] * 40))), "as is",
            file="orders.parquet", values=lambda rows: rows["ordered_at"][0] == dt.datetime(2026, 2, 1)),
    Case("Parquet with not-a-number for an amount", as_parquet(as_table().set_column(4, "total", pa.array(
            [1.5] * 39 + [float("nan")]))), "quarantined", ("row 40 total (total): not an amount",),
            file="orders.parquet", lost=frozenset({"o0040"})),
    Case("Parquet without rows", as_parquet(as_table(())), "warned", ("has a header and no row",),
            file="orders.parquet", rows=0, lost=IDS),
    Case("text named .parquet", as_csv(), "refused", ("truncated or corrupt Parquet",), file="orders.parquet"),
    Case("JSON Lines", as_jsonl(), "as is", file="orders.jsonl"),
    Case("JSON keys renamed", as_jsonl(header=renamed(at="when")), "refused", ("lacks column 'at'",),
            file="orders.jsonl"),
    Case("a JSON key renamed from some line on", as_jsonl(GOOD[:39]) + as_jsonl(GOOD[39:], renamed(at="when")),
            "quarantined", ("row 40 ordered_at (at): required, but empty",), file="orders.jsonl", lost=frozenset(
            {"o0040"})),
    Case("a new JSON key in the last line", as_jsonl(GOOD[:39]) + as_jsonl([(*GOOD[39], "1")], (*HEADER, "late")),
            "as is", file="orders.jsonl", values=lambda rows: '"late":"1"' in rows["extra_json"][39]),
    Case("a line that is no JSON", as_jsonl(GOOD, HEADER, f"{{'{SECRET}': 1}}"), "quarantined", ("row 41", "not JSON"),
            file="orders.jsonl", rows=41),
    Case("a JSON line cut off", as_jsonl() + as_jsonl((row(98),))[:40], "quarantined", ("row 41", "not JSON"),
            file="orders.jsonl", rows=41),
    Case("a JSON key twice on a line", as_jsonl(GOOD, HEADER, '{"id": "x", "id": "y"}'), "quarantined", ("row 41",
            "a key stands twice"), file="orders.jsonl", rows=41),
    Case("a JSON key without a name", as_jsonl(GOOD, HEADER, '{"id": "x", "": "y"}'), "quarantined", ("row 41",
            "a key without a name"), file="orders.jsonl", rows=41),
    Case("a JSON line that is a list", as_jsonl(GOOD, HEADER, '["x"]'), "quarantined", ("row 41", "not a JSON object"),
            file="orders.jsonl", rows=41),
    Case("half a surrogate pair in JSON", as_jsonl(GOOD, HEADER, r'{"id": "\ud800"}'), "quarantined", ("row 41",
            "not JSON"), file="orders.jsonl", rows=41),
    Case("two JSON objects on a line", as_jsonl(GOOD, HEADER, '{"id": 1}{"id": 2}'), "quarantined", ("row 41",
            "not JSON"), file="orders.jsonl", rows=41),
    Case("JSON nested a hundred thousand deep", as_jsonl(GOOD[:39]) + as_jsonl(
            GOOD[39:])[:-2] + b', "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "as is", file="orders.jsonl"),
    Case("one JSON array", b"[" + as_jsonl().replace(b"\n", b",")[:-1] + b"]", "as is", file="orders.json"),
    Case("one JSON array with a comma too many", b"[" + as_jsonl().replace(b"\n", b",") + b"]", "refused", (
            "row 41: is no JSON from record 41 on",), file="orders.json"),
    Case("one JSON array, cut off", b"[" + as_jsonl().replace(b"\n", b",")[:-30], "refused", (
            "row 40: is JSON that ends within record 40", "send it again"), file="orders.json"),
    Case("JSON over several lines", b'{\n "id": 1\n}\n', "refused", ("lacks column 'at'", "it has id"),
            file="orders.json"),
    Case("records in an object", b'{"n": 40, "page": {"orders": [' + as_jsonl().replace(b"\n", b",\n")[:-2] + b"]}}",
            "as is", file="orders.json", mapping=reader("records: page.orders")),
    Case("records in another object", b'{"n": 40, "data": []}', "refused", (
            "has no 'page.orders', where reader.records says the records are; it has n, data",),
            file="orders.json", mapping=reader("records: page.orders")),
    Case("empty JSON Lines", b"", "refused", ("is empty; land no file",), file="orders.jsonl"),
    Case("a workbook", as_xlsx(), "as is", file="orders.xlsx"),
    Case("a workbook of several sheets", as_xlsx(sheets=("March", "April")), "warned", (
            "only its first sheet is read, not March, April; set reader.sheet",), file="orders.xlsx"),
    Case("a workbook's formula without a result", as_xlsx([*GOOD, row(98, total="=1+1")]), "quarantined", ("row 41",
            "a formula without a result in column E"), file="orders.xlsx", rows=41),
    Case("a spreadsheet error", as_xlsx([*GOOD, row(98, customer="#N/A")]), "quarantined", ("row 41",
            "a spreadsheet error in column B"), file="orders.xlsx", rows=41),
    Case("a workbook's row that is too long", as_xlsx([*GOOD, (*row(98), "more")]), "quarantined", ("row 41",
            "more than 6 values"), file="orders.xlsx", rows=41),
    Case("a workbook cut in half", as_xlsx()[:2000], "refused", ("corrupt workbook; save it again",),
            file="orders.xlsx"),
]
# fmt: on


# ---- files that are no files, and names that are more than names
def linked(path: Path) -> None:
    (path.parent / ".real").write_bytes(as_csv())
    path.symlink_to(path.parent / ".real")


def twice(path: Path) -> None:
    (path.parent / ".real").write_bytes(as_csv())
    os.link(path.parent / ".real", path)


def outside(path: Path) -> None:
    folder = path.parent.parent / "2026-02-01"
    target = path.parents[3] / "elsewhere"
    target.mkdir()
    (target / "orders.csv").write_bytes(as_csv())
    folder.symlink_to(target)


def folder_of_parts(path: Path) -> None:
    path.mkdir()
    (path / "part-0.csv").write_bytes(as_csv())


# fmt: off
NAMES = [
    Case("a symbolic link", linked, "refused", ("is a symbolic link; land the file itself",)),
    Case("a hard link", twice, "refused", ("not a regular file with one name",)),
    Case("a named pipe", os.mkfifo, "refused", ("not a regular file",)),
    Case("an empty folder with a file's name", Path.mkdir, "refused", ("not a regular file",)),
    Case("a folder of parts with a file's name", folder_of_parts, "unmapped", (
            "orders.csv/part-0.csv: no mapping asks for it",)),
    Case("a linked folder", outside, "unmapped", ("2026-02-01: is a symbolic link",)),
    Case("a name that a reader takes for a partition", as_csv(), "as is", file="customer=7/orders.csv",
            values=lambda rows: rows["customer_ref"][0] == f"{SECRET}-c1"),
    Case("a name that a reader takes for a pattern", as_csv(), "as is", file="[ab]orders*.csv"),
    Case("a name with a line end", with_row(at="soon"), "quarantined", (r"x\nok orders.csv: 1 of 41 rows",),
            file="x\nok orders.csv", rows=41),
    Case("a name that is a formula", as_csv(), "as is", file="=cmd|orders.csv"),
    Case("a name that is SQL", as_csv(), "as is", file="orders'); DROP TABLE x; --.csv"),
    Case("a name that is markup", as_csv(), "as is", file="<img src=x>orders.csv"),
    Case("a name with dots", as_csv(), "as is", file="a..%2F..orders..csv"),
    Case("a name that is no UTF-8", with_row(at="soon"), "quarantined", (r"orders\udcff.csv: 1 of 41",),
            file=os.fsdecode(b"orders\xff.csv"), rows=41),
    Case("a file that no mapping asks for", as_csv(), "unmapped", ("notes.csv: no mapping asks for it",),
            file="notes.csv"),
]
# fmt: on
