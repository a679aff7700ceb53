"""Narrow and wide files of known truth, each with two to four mutations: no sound row is lost or
changed, or the file is refused whole. Also in other encodings, packed, with titles, further rows of
names, closing lines and escapes, and of fixed width; and through a whole night of ingest.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.tables.parameters import room_config
from customer_intel.ingest.land.entity_night import ingest
from customer_intel.ingest.mapping.model import Reader
from customer_intel.ingest.read.open_file import Limits, Refused, sha256_of
from customer_intel.ingest.read.readers import read_text
from customer_intel_tests.unit.bad_input_files import connection

COMMENTS = (
    "fine", "late, but fine", 'the "good" one', "two\nlines", "dear all,\nthanks, as ever\n\nbye",
    "", "sizes: 5, 6, 7", 'he said "no, never"\nand left', "x",
)  # fmt: skip
NAMES = ("Ann", "Bob Lee", "Zoë", "Chris O'Hara", "Kim, Jr.", "Vu Thi Mai")
COLUMNS: dict[str, Callable[[random.Random, int], str]] = {
    "name": lambda rng, n: rng.choice(NAMES),
    "email": lambda rng, n: f"a{n}@example.org",
    "day": lambda rng, n: f"2026-0{1 + n % 9}-1{n % 10}",
    "amount": lambda rng, n: f"{n * 7}.{n % 90 + 10}",
    "currency": lambda rng, n: rng.choice(("EUR", "USD")),
    "comment": lambda rng, n: rng.choice(COMMENTS),
}
# How a file is written, beside its delimiter and quotes.
FORMS = (
    *("plain",) * 6, "utf-16", "cp1252", "mojibake", "titles", "two heads", "closing", "escape", "gzip",
)  # fmt: skip
CLOSING = "Grand total"
IDS = (lambda n: f"c{n:04d}", lambda n: str(17_000 + n), lambda n: f"AB-{n}-{n % 7}x")


@dataclass
class File:
    """Records as they are written, with what ends each; `touched`: those that are not sound."""

    rng: random.Random
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    delimiter: str
    records: list[str]
    ends: list[str]
    end: str
    touched: set[int] = field(default_factory=set)
    # Lines put between records: place → text.
    between: dict[int, str] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    form: str = "plain"

    def reader(self) -> dict[str, Any]:
        """Options that a mapping of the file has."""
        extra: dict[str, dict[str, Any]] = {
            "utf-16": {"encoding": "utf-16"}, "cp1252": {"encoding": "cp1252"}, "titles": {"header": 3},
            "two heads": {"header_rows": 2}, "escape": {"escape": "\\"},
            "closing": {"skip_rows": f"{self.header[0]} = '{CLOSING}'"},
        }  # fmt: skip
        return {"delimiter": self.delimiter, **extra.get(self.form, {})}

    def write(self, folder: Path) -> Path:
        """The file as bytes, below `folder`."""
        encoding = self.form if self.form in ("utf-16", "cp1252") else "utf-8"
        errors = "surrogatepass" if self.form == "utf-16" else "surrogateescape"
        data = self.text().encode(encoding, errors)
        path = folder / ("a.csv.gz" if self.form == "gzip" else "a.csv")
        path.write_bytes(gzip.compress(data) if self.form == "gzip" else data)
        return path

    def any(self) -> int:
        return self.rng.randrange(len(self.records))

    def edit(self, at: int, text: str) -> None:
        self.touched.add(at)
        self.records[at] = text

    def insert(self, at: int, place: int, token: str, *, drop: int = 0) -> None:
        text = self.records[at]
        self.edit(at, text[:place] + token + text[place + drop :])

    def anywhere(self, at: int) -> int:
        return self.rng.randrange(len(self.records[at]) + 1)

    def text(self) -> str:
        head = self.delimiter.join(self.header) + self.end
        parts = [f"All of them{self.end}2026-05-01{self.end}"] if self.form == "titles" else []
        parts += [head, head.upper()] if self.form == "two heads" else [head]
        for at, record in enumerate(self.records):
            parts += [self.between.get(at, ""), record, self.ends[at]]
        if self.form == "closing":
            parts.append(CLOSING + self.delimiter * (len(self.header) - 1) + self.end)
        return "".join(parts)


def made(rng: random.Random, width: int, form: str) -> File:
    names = rng.sample(list(COLUMNS), width - 1)
    names.insert(rng.choice((0, 0, rng.randrange(width))), "id")
    id_of, delimiter, end = rng.choice(IDS), rng.choice(",,,;\t|"), rng.choice(("\n", "\n", "\r\n"))
    rows, records = [], []
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    dialect: dict[str, Any] = {"delimiter": delimiter, "lineterminator": "\n", "quoting": quoting}
    if form == "escape":
        dialect |= {"doublequote": False, "escapechar": "\\"}
    for n in range(1, rng.randrange(25, 61)):
        row = tuple(id_of(n) if name == "id" else COLUMNS[name](rng, n) for name in names)
        if form == "mojibake":
            row = tuple(value.encode().decode("cp1252") for value in row)
        out = io.StringIO()
        csv.writer(out, **dialect).writerow(row)
        rows.append(row)
        records.append(out.getvalue().removesuffix("\n"))
    return File(rng, tuple(names), rows, delimiter, records, [end] * len(records), end, form=form)


# ---- mutations


def stray_quote(file: File) -> None:
    at = file.any()
    file.insert(at, file.anywhere(at), '"')


def opened_quote(file: File) -> None:
    at = file.any()
    starts = [0, *(m.end() for m in re.finditer(re.escape(file.delimiter), file.records[at]))]
    file.insert(at, file.rng.choice(starts), '"')


def paired_quotes(file: File) -> None:
    first = file.any()
    last = min(first + file.rng.choice((1, 1, 2, 3, 8, 15)), len(file.records) - 1)
    if first == last or '"' in file.records[first] + file.records[last]:
        return opened_quote(file)
    parts = min(file.records[at].count(file.delimiter) for at in (first, last)) + 1
    column = file.rng.randrange(parts)
    values = file.records[first].split(file.delimiter)
    values[column] = f'"{values[column]}'
    file.edit(first, file.delimiter.join(values))
    values = file.records[last].split(file.delimiter)
    values[column] = f'{values[column]}"'
    file.edit(last, file.delimiter.join(values))
    return None


def lost_quote(file: File) -> None:
    quoted = [at for at, record in enumerate(file.records) if '"' in record]
    if not quoted:
        return stray_quote(file)
    at = file.rng.choice(quoted)
    places = [m.start() for m in re.finditer('"', file.records[at])]
    file.insert(at, file.rng.choice(places), "", drop=1)
    return None


def escaped_quote(file: File) -> None:
    at = file.any()
    file.insert(at, file.anywhere(at), '\\"')


def cut_end(file: File) -> None:
    at = len(file.records) - 1
    file.edit(at, file.records[at][: file.anywhere(at)])
    file.ends[at] = ""


def cut_row(file: File) -> None:
    at = file.any()
    file.edit(at, file.records[at][: file.anywhere(at)])


def one_value_less(file: File) -> None:
    at = file.any()
    file.edit(at, file.records[at].partition(file.delimiter)[2])


def one_value_more(file: File) -> None:
    at = file.any()
    file.insert(at, file.anywhere(at), file.delimiter)


def joined_rows(file: File) -> None:
    at = file.rng.randrange(len(file.records) - 1)
    file.ends[at] = ""
    file.touched |= {at, at + 1}


def split_row(file: File) -> None:
    at = file.any()
    file.insert(at, file.anywhere(at), file.rng.choice(("\n", "\r\n", "\n\n")))


def cr_only(file: File) -> None:
    at = file.rng.randrange(len(file.records) - 1)
    file.ends[at] = "\r"
    file.touched |= {at, at + 1}


def blank_lines(file: File) -> None:
    file.between[file.any()] = file.rng.choice(("\n", "\n\n\n", "\r\n"))


def header_again(file: File) -> None:
    file.between[file.any()] = file.delimiter.join(file.header) + file.end


def nul(file: File) -> None:
    at = file.any()
    file.insert(at, file.anywhere(at), "\x00")


def bad_byte(file: File) -> None:
    at = file.any()
    file.insert(at, file.anywhere(at), "\udcff")


def removed_span(file: File) -> None:
    first = file.rng.randrange(len(file.records) - 1)
    head, tail = file.records[first], file.records[first + 1]
    file.edit(first, head[: file.anywhere(first)])
    file.edit(first + 1, tail[file.anywhere(first + 1) :])
    file.ends[first] = ""


OFTEN = (stray_quote, opened_quote, paired_quotes, lost_quote, paired_quotes, opened_quote)
MUTATIONS = (
    *OFTEN, escaped_quote, cut_end, cut_row, one_value_less, one_value_more, joined_rows,
    split_row, cr_only, blank_lines, header_again, removed_span,
)  # fmt: skip
RARE = (nul, bad_byte)


def mutated(seed: int) -> File:
    rng = random.Random(seed)
    form = random.Random(f"form {seed}").choice(FORMS)
    file = made(rng, rng.randrange(2, 7), form)
    for _ in range(rng.randrange(2, 5)):
        mutation = rng.choice(MUTATIONS if rng.random() > 0.02 else RARE)
        mutation(file)
        file.kinds.append(mutation.__name__)
    return file


def judged(file: File, folder: Path) -> tuple[str, list[str]]:
    """(what became of the file, what is wrong with that)."""
    path, reader = file.write(folder), Reader(**file.reader())
    con = connection()
    try:
        text = read_text(con, path, sha256_of(path)[0], reader, folder, Limits())
    except Refused:
        return "refused", []
    found = [values[1:] for values in con.execute(f"SELECT * FROM ({text.sql})").fetchall()]
    assert len(found) == text.rows == text.rows_read - len(text.unreadable) - text.skipped
    taken = Counter(tuple(value or "" for value in values) for values in found)
    faults = []
    ids = {}
    for at, row in enumerate(file.rows):
        if at in file.touched:
            continue
        ids[row[file.header.index("id")]] = at
        if not taken[row]:
            faults.append(f"sound row {at} is lost")
        taken[row] -= 1
    for row in +taken:
        others = {
            ids[part] for value in row for part in re.split(r"[\s,;|\"]+", value) if part in ids
        }
        if others:
            faults.append(f"a row holds those of {sorted(others)}")
        if row == file.header:
            faults.append("a second header is a row")
        if row[0] == CLOSING and not any(row[1:]):
            faults.append("a closing line is a row")
    return ("quarantined" if text.unreadable else "taken"), faults


def judge(count: int, first: int = 0) -> tuple[Counter[tuple[str, str]], list[str]]:
    """(kind of mutation, what became of its files) → how many; what is wrong."""
    table: Counter[tuple[str, str]] = Counter()
    faults = []
    with tempfile.TemporaryDirectory() as root:
        for seed in range(first, first + count):
            folder = Path(root) / str(seed)
            folder.mkdir()
            file = mutated(seed)
            verdict, wrong = judged(file, folder)
            table.update((kind, verdict) for kind in {*file.kinds, f"({file.form})"})
            faults += [f"seed {seed} {'+'.join(file.kinds)}: {fault}" for fault in wrong]
            shutil.rmtree(folder)
    return table, faults


def test_sixty_files_of_several_mutations_lose_and_change_no_sound_row() -> None:
    table, faults = judge(60)
    assert not faults, "\n".join(faults)
    assert {verdict for _, verdict in table} == {"refused", "quarantined", "taken"}


def prose(rng: random.Random, width: int, delimiter: str) -> str:
    """Lines with about as many delimiters as a row has, doubled quotes and blank lines among them."""
    words = ("well", "then", "no", '"yes"', "5", "so be it", "c0001?", "2026")
    lines = [
        f"{delimiter}{rng.choice(('', ' ', ' '))}".join(
            rng.choice(words) for _ in range(width + rng.choice((-1, 0, 0, 0, 1)))
        )
        for _ in range(rng.randrange(2, 7))
    ]
    return "\n".join([*lines, rng.choice(("", "bye"))])


@pytest.mark.parametrize("place", ["first", "within", "last"])
def test_values_over_several_lines_with_delimiters_and_quotes_stay_whole(
    place: str, tmp_path: Path
) -> None:
    rng = random.Random(4)
    for number in range(60):
        names = ["id", *rng.sample([name for name in COLUMNS if name != "comment"], number % 5)]
        at = {"first": 0, "within": len(names) // 2 + 1, "last": len(names)}[place]
        names.insert(min(at, len(names)), "comment")
        delimiter, id_of = rng.choice(",;\t"), rng.choice(IDS)
        rows = [
            tuple(
                id_of(n)
                if name == "id"
                else prose(rng, len(names), delimiter)
                if name == "comment" and n % 3 == 0
                else COLUMNS[name](rng, n)
                for name in names
            )
            for n in range(1, 40)
        ]
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "a.csv"
        with path.open("w", newline="") as out:
            writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
            writer.writerows([tuple(names), *rows])
        con = connection()
        text = read_text(
            con, path, sha256_of(path)[0], Reader(delimiter=delimiter), folder, Limits()
        )
        found = [values[1:] for values in con.execute(f"SELECT * FROM ({text.sql})").fetchall()]
        assert not text.unreadable, (number, names, delimiter)
        assert [tuple(value or "" for value in row) for row in found] == rows


@pytest.mark.slow
def test_a_thousand_files_of_several_mutations_lose_and_change_no_sound_row() -> None:
    table, faults = judge(1000, 1000)
    for kind in sorted({kind for kind, _ in table}):
        ends = ("quarantined", "taken", "refused")
        print(f"{kind:16}", *(f"{end} {table[kind, end]:4}" for end in ends))
    assert not faults, "\n".join(faults)


# ---- whole ingest


def taken(file: File, root: Path, **config: Any) -> list[str]:
    """What is wrong with the rows that a night of ingest made of the file."""
    folder, mappings, work = root / "landing/s/2026-06-30", root / "mappings", root / "work"
    for each in (folder, mappings, work):
        each.mkdir(parents=True)
    file.write(folder)
    columns = {"contact_id": "id", "created_at": "_exported_at", "updated_at": "_exported_at"}
    columns |= {
        target: name
        for target, name in (("first_name", "name"), ("email", "email"))
        if name in file.header
    }
    mapping = {"source": "s", "files": "a.csv*", "entity": "contacts", "columns": columns}
    (mappings / "s_a.yaml").write_text(json.dumps({**mapping, "reader": file.reader()}))
    result = ingest(
        entity=contract.load().entities["contacts"], landing=root / "landing", mappings_dir=mappings,
        as_of=date(2026, 6, 30), known=[], workdir=work, con=connection(),
        config={**room_config("ingest", root), "max_reject_share": 1.0, **config},
    )  # fmt: skip
    (part,) = result.parts
    counts = part.facts
    if counts["status"] == "refused":
        return []
    fates = ("accepted", "quarantined", "duplicate", "skipped")
    faults = []
    if counts["rows_read"] != sum(counts[f"rows_{fate}"] for fate in fates):
        faults.append("rows are not accounted for")
    found = pl.read_parquet(part.parquet).rows(named=True)
    by_id = {row["contact_id"]: row for row in found}
    for at, values in enumerate(file.rows):
        if at in file.touched:
            continue
        given = {
            name: value.strip() or None for name, value in zip(file.header, values, strict=True)
        }
        row = by_id.get(given.pop("id"))
        if row is None:
            faults.append(f"sound row {at} is lost")
            continue
        extra = json.loads(row["extra_json"] or "{}")
        same = all(
            row.get(target) == given.pop(name) for target, name in columns.items() if name in given
        )
        if not same or extra != {name: value for name, value in given.items() if value}:
            faults.append(f"sound row {at} is changed")
    return faults


def whole(seeds: range, root: Path) -> list[str]:
    faults = []
    for seed in seeds:
        # Every other one in pieces, where nothing forbids it.
        fast = {"piecewise_from_bytes": 0, "piece_bytes": 500} if seed % 2 else {}
        file = mutated(seed)
        kinds = f"seed {seed} {file.form} {'+'.join(file.kinds)}"
        faults += [f"{kinds}: {fault}" for fault in taken(file, root / str(seed), **fast)]
    return faults


def test_of_thirty_files_a_night_makes_every_sound_row(tmp_path: Path) -> None:
    faults = whole(range(5000, 5030), tmp_path)
    assert not faults, "\n".join(faults)


@pytest.mark.slow
def test_of_three_hundred_files_a_night_makes_every_sound_row(tmp_path: Path) -> None:
    faults = whole(range(6000, 6300), tmp_path)
    assert not faults, "\n".join(faults)


# ---- fixed width


def test_of_fixed_width_no_sound_line_is_lost_and_no_other_taken_for_one(tmp_path: Path) -> None:
    fields = [
        {"name": "id", "width": 6},
        {"name": "name", "width": 12},
        {"name": "total", "width": 9},
    ]
    size = sum(int(str(each["width"])) for each in fields)
    for seed in range(100):
        rng = random.Random(seed)
        rows = [(f"c{n:04}", rng.choice(NAMES), f"{n * 7}.{n % 90 + 10}") for n in range(40)]
        lines = [f"{a:<6}{b:<12}{c:>9}" for a, b, c in rows]
        odd = rng.sample(range(40), rng.randrange(1, 4))
        for at in odd:
            cut = rng.randrange(1, size)
            lines[at] = rng.choice(
                (
                    lines[at][:cut],
                    lines[at] + "x",
                    lines[at] + lines[at],
                    lines[at][:cut] + "\n" + lines[at][cut:],
                )
            )
        if rng.random() < 0.3:
            lines.insert(rng.randrange(40), "")
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = folder / "a.txt"
        path.write_text("\n".join(lines) + rng.choice(("\n", "\n", "")))
        reader = Reader.model_validate({"format": "fixed", "fields": fields})
        con = connection()
        text = read_text(con, path, sha256_of(path)[0], reader, folder, Limits())
        found = {tuple(str(value).strip() for value in row[1:])
                 for row in con.execute(f"SELECT * FROM ({text.sql})").fetchall()}  # fmt: skip
        sound = {row for at, row in enumerate(rows) if at not in odd}
        assert sound <= found, seed
        assert text.rows + len(text.unreadable) == sum(
            bool(line) for line in "\n".join(lines).split("\n")
        )
        # What is taken of a line that is not sound: it was cut within blanks, or has another end.
        assert {row[0] for row in found - sound} <= {rows[at][0] for at in odd}, seed
        assert all(row in rows for row in found), (seed, found - set(rows))
