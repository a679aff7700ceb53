"""Each key of a mapping is explained, and each example does what it says."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
import yaml

from customer_intel.core.contract import load as contract
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.ingest.conform.conform import SourceFile, conform
from customer_intel.ingest.mapping import model as mapping
from customer_intel.ingest.mapping import reference
from customer_intel.ingest.mapping.reader_options import Reader
from customer_intel.ingest.read.open_file import Limits, sha256_of
from customer_intel.ingest.read.readers import read_text

TOLD = reference.examples()
EXAMPLES = {**TOLD["keys"], **{f"reader.{name}": item for name, item in TOLD["reader"].items()}}
DAY = dt.date(2026, 6, 30)


def test_every_key_is_explained_and_none_that_is_not_there() -> None:
    assert set(TOLD["keys"]) == set(reference.keys())
    assert set(TOLD["reader"]) == set(Reader.model_fields)


def write(folder: Path, entry: dict[str, Any]) -> Path:
    path = folder / entry["name"]
    if members := entry.get("zip"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)
        path.write_bytes(packed.getvalue())
    elif sheets := entry.get("sheets"):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(list(row))
        book.save(path)
    else:
        path.write_text(entry["file"], encoding=entry.get("encoding", "utf-8"))
    return path


@pytest.mark.parametrize("key", EXAMPLES)
def test_the_example_gives_what_the_page_says(tmp_path: Path, key: str) -> None:
    entry, entities = EXAMPLES[key], contract.load().entities
    folder = tmp_path / "mappings"
    folder.mkdir()
    written = reference._plain({**TOLD["base"], **entry["mapping"]})
    (folder / "shop_example.yaml").write_text(yaml.safe_dump(written, allow_unicode=True))
    made = mapping.read(folder / "shop_example.yaml", entities)
    path = write(tmp_path, entry)
    assert mapping.named(path.name, made.files)
    con = DuckDBEngine(EngineSettings(), [tmp_path]).con
    lookups = {}
    for name, lookup in made.lookups.items():
        beside = tmp_path / entry["beside"]["name"]
        beside.write_text(entry["beside"]["file"])
        lookups[name] = read_text(
            con, beside, sha256_of(beside)[0], lookup.reader, tmp_path, Limits()
        )
    text = read_text(con, path, sha256_of(path)[0], made.reader, tmp_path, Limits())
    source = SourceFile(path.name, made.source, DAY, text, lookups)
    done = conform(con, entities[made.entity], made, source, tmp_path / "rows.parquet")
    rows = pl.read_parquet(done.parquet).sort("source_row")
    for column, values in entry["rows"].items():
        found = [value if value is None else str(value) for value in rows[column].to_list()]
        assert found == [value if value is None else str(value) for value in values], column


def test_the_page_is_made_from_them() -> None:
    path = Path(__file__).parents[3] / "docs" / "mapping.md"
    if not path.exists():
        pytest.skip("installed without its repository")
    assert path.read_text(encoding="utf-8") == reference.page(), "run `make docs`"
