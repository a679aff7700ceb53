"""The labelled sets that resolvers are measured on, each a file as its publisher or generator wrote
it.

Belongs here: where each set comes from, what its truth is, and which of its columns mean what (for
the rivals, who must be told; ours is told nothing).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from customer_intel_tests import rda
from customer_intel_tests.bench_identity import census, households, lists, register
from customer_intel_tests.bench_identity.people import generated

# An interpreter whose environment has `pseudopeople`: without it there are no households.
PSEUDOPEOPLE = "CUSTOMER_INTEL_PSEUDOPEOPLE_PYTHON"
FEBRL_TRUTH = "split_part(rec_id, '-', 2)"


@dataclass(frozen=True)
class Labelled:
    """`truth`: column or SQL expression over the file's columns that says who each record is;
    `column`: the column it is read from, which no resolver may see. `fields`: splink_run.FIELDS as
    SQL expressions over the file's columns. `is_small`: few enough to compare every pair.
    """

    name: str
    file: Path
    truth: str
    column: str
    fields: Mapping[str, str] = field(default_factory=dict)
    is_small: bool = False

    def frame(self) -> pl.DataFrame:
        """The file as text, rows in its order."""
        return self._read("*")

    def labels(self) -> pl.DataFrame:
        """record_key (row number from 0), truth."""
        truths = self._read(f"({self.truth})::VARCHAR AS truth")
        return truths.with_row_index("record_key").with_columns(pl.col("record_key").cast(pl.Int64))

    def records(self) -> pl.DataFrame:
        """record_key (row number from 0) and `fields`: lower case, trimmed, without accents; empty
        is null.
        """
        select = ", ".join(
            f"""nullif(trim(regexp_replace(lower(strip_accents(({what})::VARCHAR)), '\\s+', ' ', 'g')), '')
            AS {name}"""
            for name, what in self.fields.items()
        )
        said = self._read(select)
        return said.with_row_index("record_key").with_columns(pl.col("record_key").cast(pl.Int64))

    def _read(self, select: str) -> pl.DataFrame:
        path = str(self.file)
        if path.endswith(".parquet"):
            source = f"read_parquet('{path}', file_row_number = true)"
            select = "* EXCLUDE (file_row_number)" if select == "*" else select
            return duckdb.sql(f"SELECT {select} FROM {source} ORDER BY file_row_number").pl()
        source = f"read_csv('{path}', all_varchar = true, normalize_names = false)"
        columns = duckdb.sql(f"SELECT * FROM {source} LIMIT 0").columns
        named = ", ".join(f'"{name}" AS "{name.strip()}"' for name in columns)
        return duckdb.sql(f"SELECT {select} FROM (SELECT {named} FROM {source})").pl()


_FEBRL = {
    "first_name": "given_name", "surname": "surname",
    "dob": "regexp_replace(trim(date_of_birth), '^(....)(..)(..)$', '\\1-\\2-\\3')", "id_number": "soc_sec_id",
    "number": "street_number", "street": "address_1", "address": "concat_ws(' ', street_number, address_1)",
    "city": "suburb", "postcode": "postcode",
}  # fmt: skip
_PEOPLE = {
    "first_name": "first_name", "surname": "last_name", "dob": "birth_date", "email": "email", "phone": "phone",
    "address": "street", "street": "regexp_extract(street, '^\\S+ (.*)$', 1)",
    "number": "regexp_extract(street, '^(\\S+) ', 1)", "city": "city", "postcode": "postal_code",
}  # fmt: skip
_ADDRESS = {
    "number": "street_number", "street": "street_name",
    "address": "nullif(concat_ws(' ', street_number, street_name, unit_number), '')", "city": "city",
}  # fmt: skip
_HOUSEHOLDS = {
    "first_name": "first_name", "middle": "middle_initial", "surname": "last_name", "id_number": "ssn",
    **_ADDRESS,
}  # fmt: skip
_CENSUS = {
    "first_name": "first_name", "middle": "middle_initial", "surname": "last_name",
    "dob": "regexp_replace(date_of_birth, '^(..).(..).(....)$', '\\3-\\1-\\2')", "gender": "sex", **_ADDRESS,
}  # fmt: skip
_REGISTER = {
    "first_name": "first_name", "surname": "surname", "dob": "dob", "postcode": "postcode_fake",
    "birth_place": "birth_place", "occupation": "occupation",
}  # fmt: skip
_BORN = """lpad("by"::VARCHAR, 4, '0') || '-' || lpad(bm::VARCHAR, 2, '0') || '-' || lpad(bd::VARCHAR, 2, '0')"""


def published(data: Path, scratch: Path) -> Iterator[Labelled]:
    """febrl1, febrl3, RLdata500 and fake_1000. `data`: the folder of real data."""
    febrl = data / "febrl"
    yield Labelled("febrl1", febrl / "dataset1.csv", FEBRL_TRUTH, "rec_id", _FEBRL)
    yield Labelled("febrl3", febrl / "dataset3.csv.gz", FEBRL_TRUTH, "rec_id", _FEBRL)
    names = {"first_name": "fname_c1", "surname": "lname_c1", "dob": _BORN}
    yield Labelled("RLdata500", rldata500(data, scratch), "who", "who", names, is_small=True)
    names = {name: name for name in ("first_name", "surname", "dob", "city", "email")}
    fake = data / "splink" / "fake_1000.csv"
    yield Labelled("fake_1000", fake, "cluster", "cluster", names, is_small=True)


def rldata500(data: Path, scratch: Path) -> Path:
    """R's workspace as CSV, with the truth, which R keeps apart, as column `who`."""
    found = rda.frames(data / "rldata" / "RLdata500.rda")
    written = scratch / "RLdata500.csv"
    pl.DataFrame({**found["RLdata500"], "who": found["identity.RLdata500"]}).write_csv(written)
    return written


def made(scratch: Path) -> Iterator[Labelled]:
    """The lists that are generated without anybody's help; a file that is there is used again."""
    names = {"first_name": "first_name", "surname": "last_name"}
    names_births = {**names, "dob": _BORN}
    for name, make, fields in (
        ("register", register.generated, _REGISTER),
        ("names_births", lists.names_births, names_births),
        ("many_typos", lists.many_typos, _PEOPLE),
        ("generated", lambda: generated(100_000, 3), _PEOPLE),
    ):
        file = scratch / f"{name}.parquet"
        if not file.exists():
            make().write_parquet(file)
        yield Labelled(name, file, "truth", "truth", fields)


def people(file: Path) -> Labelled:
    """A file that people.generated wrote."""
    return Labelled(file.stem, file, "truth", "truth", _PEOPLE)


def families(scratch: Path) -> Iterator[Labelled]:
    """The generated families and the two censuses, where the environment variable names an
    interpreter that can make them.
    """
    python = os.environ.get(PSEUDOPEOPLE)
    asked = [(f"households_{seed}", households, seed, _HOUSEHOLDS) for seed in households.SEEDS]
    for name, script, seed, fields in [*asked, ("census_census", census, 1, _CENSUS)]:
        written = scratch / f"{name}.parquet"
        if not written.exists():
            if not python:
                continue
            command = [python, script.__file__, str(written), "--seed", str(seed)]
            subprocess.run(command, check=True, capture_output=True)
        yield Labelled(name, written, "simulant_id", "simulant_id", fields)
