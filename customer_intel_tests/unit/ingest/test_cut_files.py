"""Files cut off within their last row, and files put one behind the other."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.tables.parameters import room_config
from customer_intel.ingest.advise.check_mappings import NewestFile, _faults
from customer_intel.ingest.land.entity_night import ingest
from customer_intel.ingest.land.landing_folder import LandedFile
from customer_intel.ingest.land.messages import ColumnDrift
from customer_intel.ingest.mapping.model import FileMapping, Reader
from customer_intel.ingest.read.last_row import CUT, MAY_BE_CUT
from customer_intel.ingest.read.open_file import Limits, Refused, sha256_of
from customer_intel.ingest.read.readers import TextTable, read_text
from customer_intel.ingest.read.second_header import REPEATED
from customer_intel_tests.unit.bad_input_files import connection

LINES = [f"c{n},{n}@example.org,2026-05-{n},{n}7.50,EUR" for n in range(10, 29)]
NAMES = ("id", "mail", "day", "total", "currency")


def read(folder: Path, text: str, **options: object) -> TextTable:
    path = folder / "x.csv"
    path.write_text(text, newline="")
    return read_file(path, **options)


def read_file(path: Path, **options: object) -> TextTable:
    reader = Reader.model_validate(options)
    return read_text(connection(), path, sha256_of(path)[0], reader, path.parent, Limits())


def ending_in(column: str, last: str) -> str:
    """A file whose last column is `column` and whose last value is `last`, without a line end."""
    at = NAMES.index(column)

    def moved(values: list[str]) -> list[str]:
        return [*values[:at], *values[at + 1 :], values[at]]

    rows = [moved(line.split(",")) for line in LINES]
    rows[-1][-1] = last
    return "\n".join(",".join(row) for row in [moved(list(NAMES)), *rows])


@pytest.mark.parametrize(
    ("column", "last", "held"),
    [
        ("total", "287.5", True),
        ("total", "28", True),
        ("total", "287.50", False),
        ("day", "2026-05", True),
        ("day", "2026-05-28", False),
        ("mail", "28@exam", True),
        ("currency", "EU", True),
        ("currency", "EUR", False),
        ("currency", "", True),
    ],
)
def test_a_last_value_without_a_line_end_is_held_where_it_is_not_as_the_others(
    column: str, last: str, held: bool, tmp_path: Path
) -> None:
    text = read(tmp_path, ending_in(column, last))
    assert [item.reason for item in text.unreadable] == [CUT] * held
    assert not text.notes
    assert text.rows_read == len(LINES)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_last_value_of_which_nothing_tells_is_taken_and_told(end: str, tmp_path: Path) -> None:
    rows = "".join(f"{n},{'n' * (n % 5 + 1)}{n}\n" for n in range(10))
    text = read(tmp_path, f"id,name\n{rows}11,ab{end}")
    assert (text.rows, text.notes) == (11, () if end else (MAY_BE_CUT,))


def test_a_closed_last_value_is_whole(tmp_path: Path) -> None:
    text = read(tmp_path, 'id,name\n1,"a"\n2,"abc"\n3,"ab"\n4,"a b"')
    assert (text.rows, text.notes) == (4, ())


FIXED = [{"name": "id", "width": 4}, {"name": "name", "width": 6}, {"name": "total", "width": 8}]


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_short_line_among_padded_ones_is_in_doubt(end: str, tmp_path: Path) -> None:
    lines = [f"{n:<4}{'ann':<6}{n + 0.5:8.2f}" for n in range(10)]
    text = read(tmp_path, "\n".join([*lines, lines[-1][:-2]]) + end, format="fixed", fields=FIXED)
    assert (text.rows, [item.row for item in text.unreadable]) == (10, [11])


def test_lines_whose_spaces_were_trimmed_are_rows(tmp_path: Path) -> None:
    lines = [f"{n:<4}{'ann':<6}{'x' * (n % 8 + 1)}" for n in range(10)]
    text = read(tmp_path, "\n".join(lines) + "\n", format="fixed", fields=FIXED)
    assert (text.rows, text.unreadable) == (10, ())


def test_a_repeated_header_is_set_aside(tmp_path: Path) -> None:
    text = read(tmp_path, "\n".join([",".join(NAMES), *LINES[:5], ",".join(NAMES), *LINES[5:], ""]))
    assert [(item.row, item.reason) for item in text.unreadable] == [(6, REPEATED)]
    assert text.rows == len(LINES)


def test_a_header_in_another_order_refuses_the_file(tmp_path: Path) -> None:
    other = [
        ",".join([*line.split(",")[1:], line.split(",")[0]]) for line in (",".join(NAMES), *LINES)
    ]
    with pytest.raises(Refused, match="in another order") as refused:
        read(tmp_path, "\n".join([",".join(NAMES), *LINES, *other, ""]))
    assert refused.value.row == len(LINES) + 1


def test_a_value_that_is_a_columns_name_is_a_value(tmp_path: Path) -> None:
    text = read(tmp_path, "field,old,new\nold,1,2\nfield,3,4\nnew,5,6\n")
    assert (text.rows, text.unreadable) == (3, ())


def test_a_header_row_with_an_open_quote_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="header"):
        read(
            tmp_path,
            "\n".join(['id,mail,day,"total,currency', *LINES[:3], 'c9",x,y', *LINES[3:], ""]),
        )


@pytest.mark.parametrize("new", ["e_mail", "Correo electronico", "EmailAddress"])
def test_an_optional_column_renamed_on_the_first_night_is_told(new: str) -> None:
    mapping = FileMapping(
        name="m", source="s", files=("x*",), entity="contacts", columns={"email": "mail"},
        optional=("mail", "phone"),
    )  # fmt: skip
    facts = {
        "source_file": "s/d/x.csv",
        "mapping": "m",
        "columns": ["id", new, "phone", "birthday"],
        "extra_columns": [new, "birthday"],
    }
    (found,) = ColumnDrift([]).findings(mapping, facts)
    assert "column mail, which mapping 'm' may use, is missing" in found["message"]
    assert f"did you mean {new}?" in found["message"]


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (("o1", "Canary Smith", "2026-01-01", "5.00"), False),
        (("Canary Smith", "canary@example.org"), False),
        (("number", "buyer", "when", "amount"), False),
        (("id", "buyer", "when", "amount"), True),
    ],
)
def test_check_names_no_first_row_of_values(names: tuple[str, ...], named: bool) -> None:
    mapping = FileMapping(
        name="m", source="s", files=("x*",), entity="orders",
        columns={"order_id": "id", "customer_ref": "person", "total": "sum_"},
    )  # fmt: skip
    landed = NewestFile(LandedFile(Path("x.csv"), "s/d/x.csv", "s", date(2026, 1, 1), True), names)
    said = " ".join(text for _, text in _faults(mapping, landed))
    assert "has no column 'person'" in said
    assert any(name in said.replace("has no column 'id'", "") for name in names) == named


@pytest.mark.parametrize(
    ("head", "is_refused"),
    [
        # Three of seven names are those of the first header.
        ("id,mail,name,street,city,zip,country", True),
        ("id,note,status,note,note,note,note", True),
        ("id,b@example.org,x,y,z,x,y", False),
        ("id,b,7,2026-01-01,5.0,EUR,x", False),
    ],
)
def test_a_header_of_mostly_other_columns_refuses_the_file(
    head: str, is_refused: bool, tmp_path: Path
) -> None:
    names = "id,mail,phone,day,total,currency,units"
    rows = [f"c{n},{n}@example.org,+49{n},2026-05-01,{n}.5,EUR,{n}" for n in range(20)]
    text = "\n".join([names, *rows[:10], head, *rows[10:], ""])
    if not is_refused:
        assert read(tmp_path, text).rows == 21
        return
    with pytest.raises(Refused, match="two exports, one behind the other") as refused:
        read(tmp_path, text)
    assert refused.value.row == 11


RECORDS = [{"id": f"o{n}", "total": 100.25 + n, "paid": True} for n in range(10)]


@pytest.mark.parametrize("cut", ["]", "}]", "e}]", "rue}]", ", " + json.dumps(RECORDS[-1]) + "]"])
def test_a_cut_array_is_refused_whole_and_says_so(cut: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for records, end in ((None, ""), ("orders", ', "next": null}')):
        text = json.dumps(RECORDS) if records is None else f'{{"orders": {json.dumps(RECORDS)}'
        path.write_text(text.removesuffix(cut))
        with pytest.raises(Refused, match="was cut off; send it again"):
            read_file(path, records=records)
        path.write_text(text + end)
        assert read_file(path, records=records).rows == 10


def test_a_number_that_is_cut_off_in_an_array_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"total": 1.5}, {"total": 109.')
    with pytest.raises(Refused, match=r"ends within record 2: it was cut off"):
        read_file(path)
    path.write_text('[{"total": 1.5}, {"total": 109.}]')
    with pytest.raises(Refused, match=r"is no JSON from record 2 on"):
        read_file(path)


@pytest.mark.parametrize("less", range(1, 30))
def test_of_cut_json_lines_the_last_one_is_set_aside(less: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    text = "".join(json.dumps(record) + "\n" for record in RECORDS)
    path.write_text(text[:-less])
    table = read_file(path)
    assert (table.rows, len(table.unreadable)) == ((10, 0) if less == 1 else (9, 1))


@pytest.mark.parametrize("packed", ["zip", "csv.gz"])
def test_a_text_that_was_cut_before_it_was_packed_is_in_doubt(packed: str, tmp_path: Path) -> None:
    text = "id,total\n" + "".join(f"o{n},{100.25 + n}\n" for n in range(10))
    path = tmp_path / f"a.{packed}"

    def table(data: str) -> TextTable:
        if packed == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("a.csv", data)
        else:
            path.write_bytes(gzip.compress(data.encode()))
        return read_file(path)

    assert [item.reason for item in table(text[:-2]).unreadable] == [CUT]
    assert table(text[:-1]).rows == table(text).rows == 10
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(Refused, match="truncated or corrupt"):
        read_file(path)


def test_a_source_that_never_writes_a_last_line_end_is_told_a_few_nights_only(
    tmp_path: Path,
) -> None:
    mapping = "source: s\nfiles: a*\nentity: contacts\ncolumns: {contact_id: id, full_name: name}\n"
    mapping = mapping.replace("full_name", "first_name").replace(
        "}", ", created_at: _exported_at, updated_at: _exported_at}"
    )
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings/s_a.yaml").write_text(mapping)
    known: list[dict[str, Any]] = []
    told = []
    for day in range(1, 8):
        folder = tmp_path / f"landing/s/2026-05-{day:02}"
        folder.mkdir(parents=True)
        rows = "".join(f"{n},{'n' * (n % 5 + 1)}{n}\n" for n in range(10))
        # The fifth night's file has a line end, and so had not all files none.
        (folder / "a.csv").write_text(f"id,name\n{rows}1{day},ab" + "\n" * (day == 5))
        work = tmp_path / f"work{day}"
        work.mkdir()
        result = ingest(
            entity=contract.load().entities["contacts"], landing=tmp_path / "landing",
            mappings_dir=tmp_path / "mappings", as_of=date(2026, 5, day), known=known, workdir=work,
            con=connection(), config=room_config("ingest", tmp_path),
        )  # fmt: skip
        known += [part.facts for part in result.parts]
        told.append(any(MAY_BE_CUT in found["message"] for found in result.findings))
    assert told == [True, True, True, False, False, True, True]
