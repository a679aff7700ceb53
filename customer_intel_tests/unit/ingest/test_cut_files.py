"""Files cut off within their last row, and files put one behind the other."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from customer_intel.ingest.advise.check_mappings import NewestFile, _faults
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
    reader = Reader.model_validate(options)
    return read_text(connection(), path, sha256_of(path)[0], reader, folder, Limits())


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


def test_an_optional_column_renamed_on_the_first_night_is_told() -> None:
    mapping = FileMapping(
        name="m", source="s", files=("x*",), entity="contacts", columns={"email": "mail"},
        optional=("mail", "phone"),
    )  # fmt: skip
    facts = {
        "source_file": "s/d/x.csv",
        "mapping": "m",
        "columns": ["id", "e_mail", "phone"],
        "extra_columns": ["e_mail"],
    }
    (found,) = ColumnDrift([]).findings(mapping, facts)
    assert "column mail, which mapping 'm' may use, is missing" in found["message"]
    assert "did you mean e_mail?" in found["message"]


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
