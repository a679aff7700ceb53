"""Files of other shapes: workbooks of every format, zip archives, reports with closing lines, several
rows of names, backslashes before quotes, and what is no data at all.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.ingest.advise.sniff import sniff
from customer_intel.ingest.mapping.model import Reader
from customer_intel.ingest.read.csv_chunks import Dialect, LargeFile, pieces, split
from customer_intel.ingest.read.foreign_formats import fault_of
from customer_intel.ingest.read.open_file import Limits, Refused, sha256_of
from customer_intel.ingest.read.readers import read_text
from customer_intel_tests.unit.ingest.test_inspect import Lab, notes
from customer_intel_tests.unit.ingest.test_intake import Read

# Written by xlwt 1.3: a hidden sheet, then Orders with id, total, paid: three rows, and one whose
# total is #N/A.
XLS = (
    "c-rk)O=uHA6n-<i`KxW3w5iYvB^0b0d$9J>OS@Ijda+h7iU^vzIfR6ytT|W@TCF*WAb3)|6ngPe_2LhD(3=OLq6a|`5<"
    "Pk<C<wM$-+Q|oHgyjTXt1&`%r|e}yl-c+@6F8ayj_V`79aIhVS|i=0yQ%NL6=Qni8vQAz;@Fl)v3c+OkcK?M8X)zU;v("
    "Xya`bZDc)6(@KAk)2=E!p8JLBsVj+`kp&aBfqy>#(OsJT967FG%LNAZ2i}5^TH{%2LeZe@vmYa-Y=vxt|VMUutjpBXic"
    "S;U$TNF{i6Xtwm%P{o7Ys%v*w}h4R0XSe})A@h1p<iu>CBVo{W(pZ2ov%OwL%0Or%_P7#XRf|X`u5h^1)%*$qdnwdzb#"
    "dOc`(ljO2jfI<f=m94Z@MEu4f8lDF>{HdCbr=#)UN)g>CjijJa?T%N!<dR!6T=v6Rl^4QJC?9c{&Z1j7XT2}at8#}hu*"
    "FyT9R8nh$o(8+q7CqoRE^tJn|?~cw)YiHRq&x^dZ73`$3g9%rOf#fK+$U3GN_cC7NyY67Uk1>HMjP>AjkF6YDV4v&UI*"
    "9#@u)NoHx%Azrm%ko=+F$;n?LmEcvU(}8{6SlU0em95J-ruTNDPU)cSxRTPA%+3;}c`=Zwp9R#_X}1_I}q1>(It(oYA_"
    "Xrz32C;o&bD{6*b=Tz0`@wokY=)mFrW69_l-ts4`?GbXYjCQAKE;+5)(km4C3dMcNt6QLY-6p&%wXeeI9l^$Hl+@Q_1;"
    "_@?YaV2xDeiaX{!rYL}RhWCD+u|y&epL^y%3O*xd8^D#2}`$_oL|x_zkKn<7hinw#TQ>ToaspW<xsU>73t+BWS{G-W2y"
    "PaB>%0PfFk}%_*r@g3RoL3*Hr#&hk$VIB{s=%&I?ISV($jzV1~z$YdU}N^Fg@(&!&m7KR1P%?Z4K{IRA40zX0>(1IP"
)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    from customer_intel_tests.unit.ingest.test_intake import read as made

    return made.__wrapped__(tmp_path)  # type: ignore[attr-defined, no-any-return]


# ---- workbooks


def workbook(*, rows: int = 30, total: bool = True) -> bytes:
    """A cover, a larger hidden sheet, the orders below a title, and a total."""
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover.title = "Cover"
    cover["B2"] = "Orders of May"
    codes = book.create_sheet("Codes")
    codes.sheet_state = "hidden"
    for number in range(300):
        codes.append([number, f"code {number}", "x", "y", "z", "w"])
    sheet = book.create_sheet("Orders")
    sheet.append(["Acme"])
    sheet.append(["Orders of May"])
    sheet.append([])
    sheet.append(["order_id", "customer_id", "order_date", "total"])
    for number in range(rows):
        sheet.append(
            [f"o{number}", f"c{number}", dt.datetime(2026, 5, 1 + number % 28), 10.5 + number]
        )
    if total:
        sheet.append(["Grand total", None, None, 750])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_the_first_visible_sheet_with_a_table_is_read_without_its_total(lab: Lab) -> None:
    path = lab.write("orders.xlsx", workbook())
    found = lab.look(path)
    assert found.written[0].entity == "orders"
    assert (found.written[0].trial.read, found.written[0].trial.accepted) == (31, 30)
    assert found.sniffed.reader.header == 4
    assert "grand total" in str(found.sniffed.reader.skip_rows)
    assert "'Orders' is read" in notes(found, "guess")
    assert "Codes (hidden)" in notes(found, "guess")
    assert lab.rows(found, path)["total"].sum() == sum(10.5 + number for number in range(30))


def test_without_a_word_about_it_a_hidden_sheet_comes_last(read: Read) -> None:
    text, rows = read("a.xlsx", workbook(total=False), header=4)
    assert (text.columns[0], len(rows)) == ("order_id", 30)
    assert text.notes == (
        "only its sheet 'Orders' is read, not Cover, Codes (hidden); set reader.sheet to say which",
    )
    assert read("a.xlsx", workbook(), sheet="Codes", header=False)[0].rows == 300
    with pytest.raises(Refused, match="no sheet 'Order', only Cover, Codes, Orders"):
        read("a.xlsx", workbook(), sheet="Order")


def test_a_total_that_is_a_formula_without_a_result_is_left_out_too(lab: Lab) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(total=False)))
    book["Orders"].append(["Total", None, None, "=SUM(D5:D34)"])
    stream = io.BytesIO()
    book.save(stream)
    for name, content in (
        ("orders.xlsx", stream.getvalue()),
        ("orders.zip", zipped(**{"orders.xlsx": stream.getvalue()})),
    ):
        trial = lab.look(lab.write(name, content), force=True).written[0].trial
        assert (trial.read, trial.accepted, trial.quarantined) == (31, 30, 0)


def test_an_old_workbook(lab: Lab, read: Read) -> None:
    content = zlib.decompress(base64.b85decode(XLS))
    text, rows = read("a.xls", content)
    assert text.columns == ("id", "total", "paid")
    assert rows == [
        (1, "o0", "10.5", "true"), (2, "o1", "11.5", "false"), (3, "o2", "12.5", "true"),
    ]  # fmt: skip
    assert [(item.row, item.reason) for item in text.unreadable] == [
        (4, "a spreadsheet error in column B")
    ]
    assert read("named.csv", content, format="xls")[1] == rows
    found = sniff(lab.write("orders.xls", content), Limits())
    assert (found.format, found.reader) == ("xls", Reader(sheet="Orders"))
    with pytest.raises(Refused, match="Excel workbook of 1997 to 2003"):
        read("a.csv", content)
    with pytest.raises(Refused, match="corrupt workbook"):
        read("b.xls", content[:2000])


def ods(rows: list[list[str]]) -> bytes:
    """An OpenDocument sheet, its dates and numbers typed."""

    def cell(text: str) -> str:
        if text[:4].isdigit() and text[4:5] == "-":
            kind = f'office:value-type="date" office:date-value="{text}"'
        elif text.replace(".", "").isdigit():
            kind = f'office:value-type="float" office:value="{text}"'
        else:
            kind = 'office:value-type="string"'
        return (
            f"<table:table-cell {kind}><text:p>{text}</text:p></table:table-cell>"
            if text
            else ("<table:table-cell/>")
        )

    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", '<?xml version="1.0"?><manifest/>')
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {names}><office:body>'
            f'<office:spreadsheet><table:table table:name="Orders">{lines}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return stream.getvalue()


ORDERS = [[f"o{n}", f"c{n}", f"2026-05-{1 + n:02}", f"{n}.5"] for n in range(20)]
NAMES = ["order_id", "customer_id", "order_date", "total"]


def test_an_open_document_sheet(lab: Lab) -> None:
    path = lab.write(
        "orders.ods", ods([["Orders of May"], [], NAMES, *ORDERS, ["Summe", "", "", "200"]])
    )
    found = lab.look(path)
    assert (found.sniffed.format, found.sniffed.reader.header) == ("ods", 3)
    assert (found.written[0].trial.read, found.written[0].trial.accepted) == (21, 20)
    assert lab.rows(found, path)["ordered_at"].dt.day().to_list() == list(range(1, 21))


def test_an_error_in_an_open_document_sheet_is_no_empty_cell(read: Read) -> None:
    content = ods([NAMES, *ORDERS[:2]])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    # As LibreOffice writes a formula that fails.
    parts["content.xml"] = (
        parts["content.xml"]
        .replace(
            b"<office:document-content", b'<office:document-content xmlns:calcext="urn:x:calcext"'
        )
        .replace(
            b'office:value-type="float" office:value="1.5"><text:p>1.5',
            b'table:formula="of:=1/0" office:value-type="string" office:string-value="" '
            b'calcext:value-type="error"><text:p>#DIV/0!',
        )
    )
    text, rows = read("a.ods", zipped(**parts))
    assert (len(rows), [item.reason for item in text.unreadable]) == (
        1,
        ["a spreadsheet error in column D"],
    )


HTML = (
    "<html xmlns:x='urn:schemas-microsoft-com:office:excel'><head><meta charset=windows-1252></head><body>"
    "<table><tr><td>Report</td></tr></table><table border=1><tr>{names}</tr>{rows}</table></body></html>"
)


def test_a_web_page_named_xls(lab: Lab, read: Read) -> None:
    rows = "".join(
        f"<tr><td>{row[0]}<td>Z\xfcrich &amp; {row[1]}</td><td>{row[2]}</td><td x:num='{row[3]}'>{row[3]} EUR"
        for row in ORDERS
    )
    page = HTML.format(names="".join(f"<th>{name}</th>" for name in NAMES), rows=rows).encode(
        "windows-1252"
    )
    text, found = read("a.xls", page)
    assert text.columns == tuple(NAMES)
    assert found[3] == (4, "o3", "Zürich & c3", "2026-05-04", "3.5")
    assert lab.look(lab.write("orders.xls", page)).written[0].trial.accepted == 20
    with pytest.raises(Refused, match="HTML page, perhaps of an error or a login"):
        read("a.csv", page)
    with pytest.raises(Refused, match="HTML page without a table"):
        read("a.xls", b"<html><body>Sign in</body></html>")


def test_cells_of_a_web_page_that_span_others(read: Read) -> None:
    page = b"<table><tr><th>a<th>b<th>c</tr><tr><td rowspan=2>1<td>2<td>3<tr><td>4<td>5<tr><td colspan=2>6<td>7</table>"
    assert read("a.html", page)[1] == [(1, "1", "2", "3"), (2, None, "4", "5"), (3, "6", None, "7")]


SPREADSHEET = """<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:x="urn:schemas-microsoft-com:office:excel"
 xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
<Worksheet ss:Name="Old"><Table>{old}</Table><WorksheetOptions xmlns="urn:schemas-microsoft-com:office:excel">
<Visible>SheetHidden</Visible></WorksheetOptions></Worksheet>
<Worksheet ss:Name="Orders"><Table><Row ss:Index="3">{names}</Row>{rows}</Table></Worksheet></Workbook>"""


def test_a_spreadsheet_of_excel_2003(lab: Lab, read: Read) -> None:
    def cell(text: str, kind: str = "String") -> str:
        return f'<Cell><Data ss:Type="{kind}">{text}</Data></Cell>'

    rows = "".join(
        f"<Row>{cell(row[0])}{cell(f'{row[2]}T00:00:00.000', 'DateTime')}"
        f'<Cell ss:Index="5"><Data ss:Type="Number">{row[3]}</Data></Cell></Row>'
        for row in ORDERS
    )
    names = "".join(map(cell, ("order_id", "order_date", "note", "paid", "total")))
    content = SPREADSHEET.format(
        old=f"<Row>{cell('x')}</Row>" * 90, names=names, rows=rows
    ).encode()
    text, found = read("a.xls", content, sheet="Orders")
    assert text.columns == ("order_id", "order_date", "note", "paid", "total")
    assert found[1] == (2, "o1", "2026-05-02 00:00:00", None, None, "1.5")
    made = lab.look(lab.write("orders.xls", content))
    assert (made.sniffed.reader.sheet, made.sniffed.reader.header) == ("Orders", 3)
    with pytest.raises(Refused, match="cut off or damaged"):
        read("a.xls", content[:-30])
    with pytest.raises(Refused, match="defines entities"):
        read("a.xls", content.replace(b"<?mso", b'<!DOCTYPE a [<!ENTITY b "c">]><?mso'))


def test_an_event_log(lab: Lab, read: Read) -> None:
    event = (
        '<event><string key="concept:name" value="step {0}"/><date key="time:timestamp" '
        'value="2026-05-0{0}T10:00:00+02:00"/><string key="org" value="x"><string key="role" value="r"/></string>'
        "</event>"
    )
    case = '<trace><string key="concept:name" value="case {0}"/>{1}</trace>'
    cases = "".join(case.format(n, "".join(event.format(at) for at in (1, 2, 3))) for n in range(9))
    log = f'<?xml version="1.0"?><!-- OpenXES --><log xmlns="http://www.xes-standard.org/">{cases}<trace/></log>'
    text, rows = read("a.xes", log.encode())
    assert text.columns == (
        "case:concept:name",
        "concept:name",
        "time:timestamp",
        "org",
        "org.role",
    )
    assert rows[4] == (5, "case 1", "step 2", "2026-05-02T10:00:00+02:00", "x", "r")
    assert (len(rows), text.notes) == (27, ("1 cases have no event, and so no row",))
    path = lab.write("log.xml", log)
    assert sniff(path, Limits()).reader == Reader(format="xes")
    with pytest.raises(Refused, match="no event log"):
        read("a.xes", b"<?xml version='1.0'?><orders><order/></orders>")


def test_a_real_event_log(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "pm4py_logs" / "06_bpic2013_closed.xes.gz"
    path = tmp_path / "log.xes.gz"
    path.write_bytes(source.read_bytes())
    text = read_text(duckdb.connect(), path, sha256_of(path)[0], Reader(), tmp_path, Limits())
    # The published log has 1,487 cases and 6,660 events.
    cases = duckdb.sql(f'SELECT count(DISTINCT "case:concept:name") FROM ({text.sql})').fetchall()
    assert (text.rows, cases) == (6660, [(1487,)])


# ---- zip archives


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__dot__", ".").replace("__in__", "/"), content)
    return stream.getvalue()


CSV = "\n".join(",".join(row) for row in (NAMES, *ORDERS)).encode() + b"\n"


def test_a_zip_of_one_data_file_is_read_as_that_file(lab: Lab, read: Read) -> None:
    archive = zipped(
        may__in__orders__dot__csv=CSV, README__dot__txt=b"Orders", __MACOSX__in__orders__dot__csv=b"\0\0",
        picture__dot__png=b"\x89PNG",
    )  # fmt: skip
    assert read("a.zip", archive)[1] == read("a.csv", CSV)[1]
    assert (
        read("b.zip", zipped(a__dot__csv__dot__gz=gzip.compress(CSV)))[1] == read("a.csv", CSV)[1]
    )
    path = lab.write("orders.zip", archive)
    found = lab.look(path)
    assert (found.sniffed.compression, found.sniffed.reader) == ("zip", Reader())
    assert "only data file is 'orders.csv'" in notes(found, "found")
    assert lab.rows(found, path).height == 20


def test_of_several_files_one_must_be_named(lab: Lab, read: Read) -> None:
    archive = zipped(**{"orders_2026-06-30.csv": CSV, "customers.csv": b"id\n1\n"})
    with pytest.raises(
        Refused,
        match=r"2 data files \(orders_2026-06-30.csv, customers.csv\); set",
    ):
        read("a.zip", archive)
    assert len(read("a.zip", archive, member="orders*")[1]) == 20
    with pytest.raises(Refused, match=r"2 files that reader.member '\*.csv' fits"):
        read("a.zip", archive, member="*.csv")
    with pytest.raises(Refused, match=r"no file that reader.member 'a\*' fits, only orders_2026"):
        read("a.zip", archive, member="a*")
    found = lab.look(lab.write("export.zip", archive))
    assert found.sniffed.reader.member == "orders_*.csv"
    assert "for customers.csv copy the mapping" in notes(found, "ask")


def test_archives_that_must_not_be_unpacked(read: Read) -> None:
    bomb = zipped(**{"a.csv": b"id\n" + b"1\n" * (40 << 20)})
    with pytest.raises(Refused, match="more than 200 times its size"):
        read("a.zip", bomb)
    with pytest.raises(Refused, match="more than 1,000 bytes"):
        read("a.zip", zipped(**{"a.csv": CSV * 9}), Limits(1000, 200))
    with pytest.raises(Refused, match="truncated or corrupt zip"):
        read("a.zip", zipped(**{"a.csv": CSV})[:-40])
    locked = bytearray(zipped(**{"a.csv": CSV}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + place] |= 1
    with pytest.raises(Refused, match="encrypted with a password"):
        read("a.zip", bytes(locked))
    damaged = bytearray(zipped(**{"a.csv": CSV * 50}))
    damaged[120] ^= 255
    with pytest.raises(Refused, match="truncated or corrupt zip"):
        read("a.zip", bytes(damaged))
    with pytest.raises(Refused, match="Word document"):
        read("a.zip", zipped(**{"word/document.xml": b"x"}))
    with pytest.raises(Refused, match="no data file, only a"):
        read("a.zip", zipped(**{"a.png": b"x"}))


# ---- headers


def test_names_that_stand_twice_or_not_at_all(read: Read) -> None:
    text, rows = read("a.csv", b"id,total,Total,,total_2,total\n1,2,3,4,5,6\n")
    assert text.columns == ("id", "total", "Total_3", "column4", "total_2", "total_4")
    assert rows == [(1, "1", "2", "3", "4", "5", "6")]
    assert text.notes[0] == "columns 2 and 3 have one name; the latter is read as 'Total_3'"


QUALTRICS = (
    'StartDate,ResponseId,Q1,Q2\nStart Date,Response ID,"How likely are you\nto recommend us?",Why?\n'
    '"{""ImportId"":""startDate"",""timeZone"":""Z""}","{""ImportId"":""_recordId""}","{""ImportId"":""QID1""}",'
    '"{""ImportId"":""QID2_TEXT""}"\n'
) + "".join(f"2026-05-{1 + n:02} 10:00:00,R_{n:015},{n % 11},fine\n" for n in range(25))
MONKEY = (
    "Respondent ID,Collector ID,Date Created,How likely are you to recommend us?,Which do you use?,,Why?\n"
    ",,,Response,Shop,App,Open-Ended Response\n"
) + "".join(f"{10**9 + n},55,2026-05-{1 + n:02} 10:00:00,{n % 11},Shop,,fine\n" for n in range(25))
UNITS = "Date,Sales,Visits\nday,thousand EUR,count\n" + "".join(
    f"2026-05-{1 + n:02},{n}.5,{n}\n" for n in range(25)
)


@pytest.mark.parametrize(
    ("text", "heads", "labels"),
    [
        (QUALTRICS, 3, {"Q1": "How likely are you to recommend us?", "Q2": "Why?", "StartDate": "Start Date",
                        "ResponseId": "Response ID"}),
        (MONKEY, 2, {"How likely are you to recommend us?": "Response", "Which do you use?": "Shop",
                     "column6": "Which do you use? App", "Why?": "Open-Ended Response"}),
        (UNITS, 2, {"Date": "day", "Sales": "thousand EUR", "Visits": "count"}),
    ],
    ids=["Qualtrics", "SurveyMonkey", "units"],
)  # fmt: skip
def test_further_rows_of_names_are_no_rows_but_say_what_columns_are(
    lab: Lab, read: Read, text: str, heads: int, labels: dict[str, str]
) -> None:
    path = lab.write("answers.csv", text)
    found = lab.look(path, entity="survey_responses")
    assert (found.sniffed.reader.header_rows, found.rows) == (heads, 25)
    assert {each.name: each.label for each in found.profiles if each.label} == labels
    table, rows = read("a.csv", text.encode(), header_rows=heads)
    assert (table.labels, len(rows), rows[0][0]) == (labels, 25, 1)


def test_rows_of_names_of_a_workbook_and_below_a_title(lab: Lab, read: Read) -> None:
    import csv

    book = openpyxl.Workbook()
    assert book.active is not None
    for row in csv.reader(io.StringIO(QUALTRICS)):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    text, rows = read("a.xlsx", stream.getvalue(), header_rows=3)
    assert (len(rows), text.labels["Q2"]) == (25, "Why?")
    assert sniff(lab.write("a.xlsx", stream.getvalue()), Limits()).reader.header_rows == 3
    below = f"My survey\n\n{QUALTRICS}".encode()
    found = sniff(lab.write("a.csv", below), Limits())
    assert (found.reader.header, found.reader.header_rows) == (3, 3)
    assert len(read("a.csv", below, header=3, header_rows=3)[1]) == 25


@pytest.mark.parametrize(
    "text",
    [
        "id,day,total\nn/a,soon,none\n" + "".join(f"{n},2026-05-01,{n}.5\n" for n in range(20)),
        "name,city\nAnn,Bonn\n" + "Bob,Ulm\n" * 20,
        "id,day,total\n1,,\n" + "".join(f"{n},2026-05-01,{n}.5\n" for n in range(20)),
    ],
)
def test_a_first_row_like_the_others_is_no_row_of_names(lab: Lab, text: str) -> None:
    reader = sniff(lab.write("a.csv", text), Limits()).reader
    assert reader.header_rows == 1 or text.startswith("id,day,total\nn/a")


# ---- rows that are none


REPORT = [f"o{n},p{n}@example.com,2026-05-{1 + n % 28:02},{n}.50" for n in range(40)]


def report(
    *closing: str, header: str = "order_id,email,order_date,total", gap: bool = False
) -> str:
    return "\n".join([header, *REPORT, *([""] * 2 if gap else []), *closing]) + "\n"


@pytest.mark.parametrize(
    ("closing", "gap"),
    [
        (["Total,,,820.00"], False),
        ([",,,820.00"], False),
        (["Grand Total:,,,820.00", "", '"Copyright (c) 2026 Acme, Inc., all rights reserved, everywhere"'], True),
        (["Orders", '"Confidential, do not distribute"', "Generated by: Pat Doe 6/30/2026 9:12 AM", "Acme Inc."], True),
        (["Confidential Information - Do Not Distribute"], False),
        (["Summe;;;820".replace(";", ","), "Erstellt am 30.06.2026"], True),
        (["Copyright 2026 Acme, Inc., all rights reserved, worldwide, forever"], False),
        (["order_id,email,order_date,total", *[line.replace("o", "x", 1) for line in REPORT[:5]], "Total,,,1"], False),
        (["Average,,,20.50", "Total,,,820.00"], False),
        (["40 rows"], False),
        (["(40 rows affected)", "Completion time: 2026-06-30"], True),
        (["# exported 2026-06-30"], False),
    ],
)  # fmt: skip
def test_closing_lines_are_found_left_out_and_counted(
    lab: Lab, closing: list[str], gap: bool
) -> None:
    path = lab.write("orders.csv", report(*closing, gap=gap))
    found = lab.look(path, entity="orders")
    trial = found.written[0].trial
    real = 40 + sum(line.startswith("x") for line in closing)
    assert (trial.accepted, trial.quarantined) == (real, 0)
    assert trial.read == real + sum(bool(line) and not line.startswith("x") for line in closing)
    assert "left out and counted as skipped" in notes(found, "found")
    assert lab.rows(found, path)["order_id"].to_list()[:40] == [f"o{n}" for n in range(40)]


def test_closing_lines_of_a_narrow_file_and_of_a_long_one(lab: Lab) -> None:
    narrow = (
        "email,total\n"
        + "".join(f"p{n}@example.com,{n}.5\n" for n in range(30))
        + "Total,450\nConfidential\n"
    )
    found = lab.look(lab.write("narrow.csv", narrow), entity="reference_rows")
    assert (found.rows, found.written[0].trial.accepted, found.unreadable) == (32, 30, 0)
    long = "order_id,email,order_date,total\n" + "".join(
        f"o{n},p{n}@example.com,2026-05-01,{n}.50\n" for n in range(60_000)
    )
    found = lab.look(lab.write("orders.csv", long + "Total,,,9\n\nConfidential\n"), entity="orders")
    assert (found.rows, found.written[0].trial.accepted) == (60_002, 60_000)


def test_totals_of_parts_and_names_among_the_rows(lab: Lab) -> None:
    rows = [
        f"North,o{n},2026-05-01,{n}.5" if n % 10 else f"Subtotal North,,,{n}" for n in range(60)
    ]
    rows[25:25] = ["Region,order_id,order_date,total"]
    text = "Region,order_id,order_date,total\n" + "\n".join([*rows, "Total,,,99"]) + "\n"
    found = lab.look(lab.write("orders.csv", text), entity="orders")
    trial = found.written[0].trial
    assert (trial.read, trial.accepted, trial.quarantined) == (62, 54, 0)
    twice = "id,email,day\nid,email,day\n" + "".join(
        f"{n},p{n}@example.com,2026-05-01\n" for n in range(20)
    )
    reader = sniff(lab.write("a.csv", twice), Limits()).reader
    assert (reader.header_rows, reader.skip_rows) == (1, "\"id\" = 'id' AND \"email\" = 'email'")


@pytest.mark.parametrize(
    "last",
    [
        "o40,p40@example.com,,",
        "o40",
        "o40,p40@example.com,2026-05-01,1.5",
        "o40,,,",
        ",p40@example.com,2026-05-01,1.5",
    ],
)
def test_a_last_row_with_holes_is_no_closing_line(lab: Lab, last: str) -> None:
    found = sniff(lab.write("orders.csv", report(last)), Limits())
    assert found.reader.skip_rows is None


def test_no_condition_takes_a_customer_for_a_total(lab: Lab) -> None:
    names = ["Total Sports", "Total", "Sum Ltd"]
    rows = [f"{names[n % 3]},p{n}@example.com,{n}" for n in range(30)]
    text = "company,email,orders\n" + "\n".join([*rows, "Total,,435"]) + "\n"
    found = sniff(lab.write("a.csv", text), Limits())
    made = found.reader.skip_rows or "false"
    kept = duckdb.sql(
        f"SELECT count(*) FROM (VALUES ('Total', 'p1@example.com', '1'), ('Total Sports', 'a@b.cd', '2')) "
        f"AS t(company, email, orders) WHERE NOT coalesce({made}, false)"
    ).fetchall()
    assert kept == [(2,)]


def test_skipped_rows_are_counted_whatever_they_are(read: Read) -> None:
    text, rows = read(
        "a.csv", report("Total,,,8", "# end", "a,b").encode(), skip_rows="email IS NULL"
    )
    assert (text.rows, text.skipped, len(text.unreadable), text.rows_read) == (40, 2, 1, 43)
    assert [row[0] for row in rows] == list(range(1, 41))
    many = "id,x\n" + "".join(f"{n},{n % 2}\n" for n in range(5000))
    text, rows = read("b.csv", many.encode(), skip_rows="x = '1' -- odd ones")
    assert (text.rows, text.skipped, len(rows)) == (2500, 2500, 2500)
    with pytest.raises(Refused, match="skip_rows fails: Catalog Error"):
        read("c.csv", many.encode(), skip_rows="nonsense(x)")


# ---- backslashes


TICKETS = (
    'id,at,subject\n1,2026-05-01,"He said \\"broken\\", again"\n2,2026-05-02,"C:\\\\temp\\\\"\n'
    '3,2026-05-03,"a \\n stays, \\"\\""\n4,2026-05-04,plain \\ text\n'
) + "".join(f'{n},2026-05-01,"say \\"{n}\\" twice"\n' for n in range(5, 30))


def test_quotes_behind_backslashes_are_found_and_read_alike_on_both_paths(
    lab: Lab, read: Read
) -> None:
    path = lab.write("tickets.csv", TICKETS)
    reader = sniff(path, Limits()).reader
    assert reader == Reader(escape="\\")
    text, rows = read("a.csv", TICKETS.encode(), escape="\\")
    assert [row[3] for row in rows[:4]] == [
        'He said "broken", again',
        "C:\\temp\\",
        'a \\n stays, ""',
        "plain \\ text",
    ]
    dialect = Dialect.of(path, reader)
    assert dialect
    file = LargeFile(path, sha256_of(path)[0], Limits(), 1 << 20)
    fast = [
        tuple(row.values())
        for piece in pieces(file, dialect)
        for row in split(piece, text.columns, dialect).to_pylist()
    ]
    assert fast == rows


def test_single_quotes_behind_backslashes(lab: Lab, read: Read) -> None:
    text = "id;note\n" + "".join(f"{n};'it\\'s; {n} o\\'clock'\n" for n in range(30))
    assert sniff(lab.write("a.csv", text), Limits()).reader == Reader(
        delimiter=";", quote="'", escape="\\"
    )
    rows = read("a.csv", text.encode(), delimiter=";", quote="'", escape="\\")[1]
    assert rows[4] == (5, "4", "it's; 4 o'clock")


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_escapes_are_undone_wherever_a_chunk_ends(
    read: Read, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    whole = read("a.csv", TICKETS.encode(), escape="\\")[1]
    monkeypatch.setattr("customer_intel.ingest.read.open_file.CHUNK", chunk)
    assert read("b.csv", TICKETS.encode(), escape="\\")[1] == whole


@pytest.mark.parametrize(
    "text",
    [
        "id,path\n" + "".join(f'{n},"C:\\dir\\"\n' for n in range(30)),
        "id,data\n" + "".join(f'{n},"{{""a"": ""say \\""x\\"" now""}}"\n' for n in range(30)),
        "id,note\n" + "".join(f'{n},"5"" pipe"\n' for n in range(30)),
    ],
    ids=["a path ends in a backslash", "JSON's own", "doubled quotes"],
)
def test_other_backslashes_are_no_escapes(lab: Lab, text: str) -> None:
    assert sniff(lab.write("a.csv", text), Limits()).reader.escape == ""


# ---- what is no data


FOREIGN: list[tuple[str, bytes, str]] = [
    ("a.csv", b"", "is empty"),
    ("a.csv", b"\xef\xbb\xbf\r\n", "is empty"),
    ("a.csv", b"\x89PNG\r\n\x1a\n\0\0", "is a PNG image"),
    ("a.csv", b"<!DOCTYPE html>\n<html><body>Sign in", "is an HTML page"),
    ("a.csv.gz", gzip.compress(b"id\n" * 999, mtime=0)[:-9], "truncated or corrupt archive"),
    ("a.xlsx", b"id,total\n1,2\n", "is text, no workbook"),
    ("a.pdf", b"%PDF-1.4\n", "is a PDF document; export"),
    (
        "a.doc",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"),
        "Word document",
    ),
    (
        "a.xlsx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "with a password",
    ),
    ("a.csv.gpg", b"\x85\x02\x0c\x03" + bytes(range(1, 255)) * 3, "encrypted with PGP"),
    ("a.csv.asc", b"-----BEGIN PGP MESSAGE-----\n", "PGP"),
    ("a.mdb", b"\0\1\0\0Standard Jet DB\0", "Microsoft Access"),
    ("a.sav", b"$FL2@(#) SPSS DATA FILE", "SPSS"),
    ("a.dta", b"<stata_dta><header>", "Stata"),
    ("a.dta", b"r\x02\x01\x00\x05\x00\x10\0\0\0", "Stata"),
    ("a.avro", b"Obj\x01\x04\x16", "Avro"),
    ("a.orc", b"ORC\x08\x00\x00", "ORC"),
    ("a.tar", b"a.csv" + bytes(252) + b"ustar\x0000", "tar archive"),
    ("a.7z", b"7z\xbc\xaf\x27\x1c\0", "7-Zip"),
    ("a.sqlite", b"SQLite format 3\0", "SQLite"),
    ("a.parquet", b"id,total\n1,2\n", "is no Parquet file, though named so"),
    ("a.bin", bytes(range(32)) * 40, "unknown, binary format"),
    ("a.zip", b"id,total\n1,2\n", "is no zip archive, though named so"),
    ("a.docx", zipped(**{"word/document.xml": b"x"}), "Word document"),
    ("a.csv", b"<?xml version='1.0'?><orders><order/></orders>", "is XML, but no event log"),
    ("a.xml", b"<?xml version='1.0'?><orders><order/></orders>", "is XML, but no event log"),
    ("a.csv", b"id\n\x00\x00\n", ""),
]


@pytest.mark.parametrize(("name", "content", "says"), FOREIGN)
def test_a_file_that_nobody_mapped_says_what_it_is(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert says in (fault_of(path) or "")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"SEQ,NAME\n1,a\n"),
        ("a.csv", b"ORC;PARENT\n1;a\n"),
        ("a.csv", "MZ,größe\n1,a\n".encode("windows-1252")),
        ("a.txt", "id,name\n1,a\n".encode("utf-16")),
        ("a.dat", b"id,name\n1,a\n"),
        ("a.xls", b"<table><tr><td>a</td></tr></table>"),
        ("a.zip", zipped(**{"a.csv": CSV})),
        ("a.json", b'[{"a": 1}]'),
        ("a.xml", b"<?xml version='1.0'?><log><trace/></log>"),
    ],
)
def test_a_file_that_may_be_read_once_it_is_mapped_has_no_fault(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert fault_of(path) is None


@pytest.mark.parametrize(("name", "content", "says"), [case for case in FOREIGN if case[2]])
def test_inspect_says_so_too(lab: Lab, name: str, content: bytes, says: str) -> None:
    path = lab.write(name, content)
    expected: dict[str, Any] = {"a.parquet": None, "a.zip": None, "a.xlsx": None}
    if name in expected and content.startswith(b"id,"):
        # What is text is read as text, whatever its name.
        assert sniff(path, Limits()).format == "csv"
        return
    with pytest.raises(Refused, match=says.split(",")[0]):
        sniff(path, Limits())


@pytest.mark.parametrize(
    ("width", "first", "last"), [(3, 10, 22), (3, 10, 11), (6, 20, 21), (6, 20, 30), (2, 5, 9)]
)
def test_two_stray_quotes_cost_their_own_rows_and_no_other(
    tmp_path: Path, width: int, first: int, last: int
) -> None:
    rows = [[f"c{n:03}", *(f"v{n}_{at}" for at in range(1, width))] for n in range(40)]
    rows[first][1] = '"' + rows[first][1]
    rows[last][1] += '"'
    lines = [",".join(row) for row in [[f"n{at}" for at in range(width)], *rows]]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(lines) + "\n")
    con = DuckDBEngine(EngineSettings(), [tmp_path]).con
    text = read_text(con, path, sha256_of(path)[0], Reader(), tmp_path, Limits())
    assert (text.rows, [item.row for item in text.unreadable]) == (38, [first + 1, last + 1])


def test_prose_of_several_lines_is_no_row(tmp_path: Path) -> None:
    notes = ["Hello, world", "a 1, b 2", "c010, seen\nagain, today", "x\ny,z"]
    path = tmp_path / "x.csv"
    path.write_text("id,note\n" + "".join(f'k{n},"{note}"\n' for n, note in enumerate(notes * 5)))
    con = DuckDBEngine(EngineSettings(), [tmp_path]).con
    text = read_text(con, path, sha256_of(path)[0], Reader(), tmp_path, Limits())
    assert (text.rows, text.unreadable) == (20, ())


@pytest.mark.parametrize(
    ("end", "held"),
    [("40,58", True), ("40,58.00", False), ("40,58.00\n", False), ("40,58\n", False)],
)
def test_a_last_value_that_was_cut_is_held(tmp_path: Path, end: str, held: bool) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,total\n" + "".join(f"{n},{n}.50\n" for n in range(30)) + end)
    con = DuckDBEngine(EngineSettings(), [tmp_path]).con
    text = read_text(con, path, sha256_of(path)[0], Reader(), tmp_path, Limits())
    assert (text.rows, text.rows_read, text.notes) == (31 - held, 31, ())
