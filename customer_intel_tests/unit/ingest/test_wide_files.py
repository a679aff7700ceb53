"""Files of thousands of columns: taken, shown in a screenful, or refused by their number."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from unittest import mock

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.ingest.advise import inspected, profile_file
from customer_intel.ingest.advise.inspect_file import inspect
from customer_intel.ingest.mapping import column_names
from customer_intel.ingest.mapping.model import Reader
from customer_intel.ingest.read.open_file import Limits, Refused, sha256_of
from customer_intel.ingest.read.readers import read_text
from customer_intel.ingest.read.text_table import TextTable
from customer_intel_tests.unit.bad_input_files import connection

NAMES = ("contact_id", "email", "full_name")


def names(wide: int) -> list[str]:
    return [*NAMES, *(f"zz_{n}" for n in range(wide))]


def values(wide: int, row: int) -> list[str]:
    return [f"k{row}", f"a{row}@example.org", "Ann Lee", *(str(n * row) for n in range(wide))]


def csv_file(folder: Path, wide: int) -> Path:
    lines = [names(wide), *(values(wide, row) for row in range(1, 4))]
    path = folder / "contacts.csv"
    path.write_text("".join(",".join(line) + "\n" for line in lines))
    return path


def json_lines(folder: Path, wide: int) -> Path:
    rows = [dict(zip(names(wide), values(wide, row), strict=True)) for row in range(1, 4)]
    path = folder / "contacts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def nested_json(folder: Path, wide: int) -> Path:
    more = {f"zz_{n}": n for n in range(wide)}
    path = folder / "nested.jsonl"
    path.write_text("".join(json.dumps({"id": n, "more": more}) + "\n" for n in range(3)))
    return path


def workbook(folder: Path, wide: int) -> Path:
    book = openpyxl.Workbook()
    for line in (names(wide), *(values(wide, row) for row in range(1, 4))):
        book.active.append(line)
    path = folder / "contacts.xlsx"
    book.save(path)
    return path


def parquet(folder: Path, wide: int) -> Path:
    columns = zip(*(values(wide, row) for row in range(1, 4)), strict=True)
    path = folder / "contacts.parquet"
    pq.write_table(pa.table(dict(zip(names(wide), map(list, columns), strict=True))), path)
    return path


def read(path: Path, limits: Limits, reader: Reader | None = None) -> TextTable:
    sha256 = sha256_of(path)[0]
    return read_text(connection(), path, sha256, reader or Reader(), path.parent, limits)


def looked_at(path: Path, home: Path) -> inspected.Inspected:
    return inspect(
        path, home=home, out=None, source=None, entity=None, force=True, today=date(2026, 6, 30)
    )


ALL = [csv_file, json_lines, nested_json, workbook, parquet]


@pytest.mark.parametrize("written", ALL)
def test_more_columns_than_may_be_refuse_a_file_of_any_format(
    written: Callable[[Path, int], Path], tmp_path: Path
) -> None:
    path = written(tmp_path, 30)
    reader = Reader(nested=True) if written is nested_json else Reader()
    wide = len(read(path, Limits(max_columns=33), reader).columns)
    with pytest.raises(Refused) as refused:
        read(path, Limits(max_columns=wide - 1), reader)
    said = refused.value.reason
    assert f"has {wide} columns, more than max_columns {wide - 1}; " in said
    assert said.endswith("or set max_columns in config/ingest.yaml")


def test_inspect_refuses_by_the_limit_of_the_home(tmp_path: Path) -> None:
    folder = tmp_path / "landing/v/2026-06-30"
    folder.mkdir(parents=True)
    path = csv_file(folder, 30)
    assert len(looked_at(path, tmp_path).profiles) == 33
    (tmp_path / "config/ingest.yaml").write_text("max_columns: 20\n")
    with pytest.raises(ConfigError, match="has 33 columns, more than max_columns 20"):
        looked_at(path, tmp_path)


@pytest.mark.parametrize("nested", [False, True])
def test_objects_of_many_keys_are_read_in_several_structs(nested: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = []
    for n in range(3):
        keys = {f"c{i}": f"{n}-{i}" for i in range(600)} | {"C5": "capital"}
        rows.append({"id": n, "more": keys} if nested else {"id": n, **keys})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = read(path, Limits(), Reader(nested=nested))
    found = connection().execute(f"SELECT * FROM ({text.sql}) ORDER BY _row").fetchall()
    lead = "more." if nested else ""
    for n, row in enumerate(found):
        by_name = dict(zip(text.columns, row[1:], strict=True))
        assert len(by_name) == 602
        assert by_name.pop("id") == str(n)
        capital = next(name for name in by_name if by_name[name] == "capital")
        del by_name[capital]
        assert by_name == {
            name: f"{n}-{name.removeprefix(f'{lead}c').removesuffix('_2')}" for name in by_name
        }


def test_names_of_many_columns_are_not_each_held_against_each_synonym(tmp_path: Path) -> None:
    folder = tmp_path / "landing/v/2026-06-30"
    folder.mkdir(parents=True)
    calls = []
    for wide in (50, 500):
        path = csv_file(folder, wide)
        with mock.patch(
            "customer_intel.ingest.advise.match_entity.name_score", wraps=column_names.name_score
        ) as scored:
            looked_at(path, tmp_path)
        calls.append(scored.call_count)
    assert calls[1] < calls[0] + 450, calls


def test_of_a_wide_file_the_screen_shows_the_first_and_the_mapped_columns(tmp_path: Path) -> None:
    folder = tmp_path / "landing/v/2026-06-30"
    folder.mkdir(parents=True)
    path = folder / "contacts.csv"
    lines = [values(300, row) for row in range(1, 4)]
    head = [*names(300)[3:], *NAMES]
    path.write_text(
        "".join(",".join(line) + "\n" for line in (head, *(row[3:] + row[:3] for row in lines)))
    )
    out = io.StringIO()
    inspected.print_screen(
        looked_at(path, tmp_path),
        Console(file=out, width=120),
    )
    shown = out.getvalue()
    assert all(name in shown for name in ("zz_0", "contact_id", "email", "full_name"))
    assert "zz_200" not in shown
    assert "260 more columns" in shown


def test_a_short_and_a_long_file_are_profiled_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    cells = [
        ("k", " x", "NA", "1,5", "13.04.2026", "", "a b", "\xa0", "yes", "(3.00)", "é\t"),
        ("k2", "x", "7", "2,25", "2026-04-13", "", "c d", "z", "no", "4.00", " "),
        ("k3", "-", "8", "1.000,00", "14.04.2026", "", "c d", "z ", "no", "$4.00", "NULL"),
    ] * 4
    header = [f"f{n}" for n in range(len(cells[0]))]
    path.write_text("".join(";".join(line) + "\n" for line in (header, *cells)))
    con = connection()
    text = read_text(con, path, sha256_of(path)[0], Reader(delimiter=";"), tmp_path, Limits())
    held = profile_file.profiles_of(con, text)
    for wide in (profile_file.WIDE, 1):
        with mock.patch.multiple(profile_file, SAMPLE=11, WIDE=wide, PARTS=4, BATCH=3):
            assert profile_file.profiles_of(con, text) == held
