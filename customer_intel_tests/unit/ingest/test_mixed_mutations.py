"""Narrow and wide files of known truth, each with two to four mutations: no sound row is lost or
changed, or the file is refused whole.
"""

from __future__ import annotations

import csv
import io
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

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
        parts = [self.delimiter.join(self.header) + self.end]
        for at, record in enumerate(self.records):
            parts += [self.between.get(at, ""), record, self.ends[at]]
        return "".join(parts)


def made(rng: random.Random, width: int) -> File:
    names = rng.sample(list(COLUMNS), width - 1)
    names.insert(rng.choice((0, 0, rng.randrange(width))), "id")
    id_of, delimiter, end = rng.choice(IDS), rng.choice(",,,;\t|"), rng.choice(("\n", "\n", "\r\n"))
    rows, records = [], []
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    for n in range(1, rng.randrange(25, 61)):
        row = tuple(id_of(n) if name == "id" else COLUMNS[name](rng, n) for name in names)
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=quoting).writerow(row)
        rows.append(row)
        records.append(out.getvalue().removesuffix("\n"))
    return File(rng, tuple(names), rows, delimiter, records, [end] * len(records), end)


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
    file = made(rng, rng.randrange(2, 7))
    for _ in range(rng.randrange(2, 5)):
        mutation = rng.choice(MUTATIONS if rng.random() > 0.02 else RARE)
        mutation(file)
        file.kinds.append(mutation.__name__)
    return file


def judged(file: File, folder: Path) -> tuple[str, list[str]]:
    """(what became of the file, what is wrong with that)."""
    path = folder / "a.csv"
    path.write_bytes(file.text().encode(errors="surrogateescape"))
    reader = Reader(delimiter=file.delimiter)
    con = connection()
    try:
        text = read_text(con, path, sha256_of(path)[0], reader, folder, Limits())
    except Refused:
        return "refused", []
    found = [values[1:] for values in con.execute(f"SELECT * FROM ({text.sql})").fetchall()]
    assert len(found) == text.rows == text.rows_read - len(text.unreadable)
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
            table.update((kind, verdict) for kind in set(file.kinds))
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
