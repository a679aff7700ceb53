"""A file taken piecewise comes to the same rows, counts, findings and quarantine as on the general
way.
"""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from customer_intel.ingest.conform import large_csv as piecewise
from customer_intel.ingest.conform.large_csv_steps import PieceSteps
from customer_intel.ingest.conform.results import Conformed
from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.read import csv_chunks as cutting
from customer_intel.ingest.read import open_file as intake
from customer_intel.ingest.read.csv_chunks import (
    Dialect,
    LargeFile,
    NeedsGeneralPath,
    Piece,
    pieces,
    split,
)
from customer_intel_tests.unit.bad_input_files import (
    DAY,
    ENTITIES,
    SHOP,
    Case,
    as_csv,
    connection,
    gz,
    row,
    zstd,
)
from customer_intel_tests.unit.ingest.test_bad_input import CASES
from customer_intel_tests.unit.ingest.test_line_mutations import MAPPING as THINGS
from customer_intel_tests.unit.ingest.test_line_mutations import TOKENS, edited
from customer_intel_tests.unit.ingest.test_line_mutations import as_csv as things

Files = dict[str, bytes]
DELIMITED = [case for case in CASES if isinstance(case.data, bytes) and case.earlier is None]


class Taken(Counter[str]):
    """How many files went which way: piecewise to the end, or not."""


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    """Small chunks, so that small files have many pieces; counts the files that were taken
    piecewise.
    """
    found, really = Taken(), piecewise.conform_piecewise

    def spied(*arguments: Any) -> Conformed:
        try:
            result = really(*arguments)
        except Exception:
            found["general path"] += 1
            raise
        found["piecewise"] += 1
        return result

    monkeypatch.setattr(landing, "conform_piecewise", spied)
    monkeypatch.setattr(intake, "CHUNK", 500)
    for module in (intake, cutting):
        monkeypatch.setattr(module, "WINDOW", 70)
    return found


def night(
    root: Path, files: Files, mapping: str, entity: str, **config: int
) -> landing.IngestResult:
    for name, data in files.items():
        path = root / "landing" / DAY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for folder in ("mappings", "work"):
        (root / folder).mkdir()
    (root / "mappings" / "shop_orders.yaml").write_text(mapping)
    return landing.ingest(
        entity=ENTITIES[entity],
        landing=root / "landing",
        mappings_dir=root / "mappings",
        as_of=date(2026, 2, 28),
        known=[],
        workdir=root / "work",
        con=connection(),
        config={"max_reject_share": 0.3, "max_unpacked_bytes": 10**8, "max_ratio": 200, **config},
    )


Same = Callable[..., landing.IngestResult]


@pytest.fixture
def same(tmp_path: Path, taken: Taken) -> Same:
    """Takes a file both ways, compares everything, and gives what came of it."""
    runs = iter(range(10**6))

    def compared(
        data: bytes, mapping: str = SHOP, entity: str = "orders", name: str = "orders.csv"
    ) -> Any:
        root = tmp_path / str(next(runs))
        general = night(root / "general", {name: data}, mapping, entity, piecewise_from_bytes=10**9)
        fast = night(
            root / "fast", {name: data}, mapping, entity, piecewise_from_bytes=0, piece_bytes=4000
        )
        assert fast.findings == general.findings
        assert [part.facts for part in fast.parts] == [part.facts for part in general.parts]
        assert fast.gone == general.gone
        for one, other in zip(fast.parts, general.parts, strict=True):
            assert_frame_equal(pl.read_parquet(one.parquet), pl.read_parquet(other.parquet))
            assert (one.quarantine is None) == (other.quarantine is None)
            if one.quarantine and other.quarantine:
                assert_frame_equal(
                    pl.read_parquet(one.quarantine), pl.read_parquet(other.quarantine)
                )
        return fast

    return compared


ROWS = tuple(
    row(number, colour=("red", "", "light, blue", 'a "deep" green')[number % 4])
    for number in range(200)
)


def with_changes(**changes: dict[str, str]) -> bytes:
    return as_csv([row(number, **changes.get(f"r{number}", {})) for number in range(200)])


SOUND = {
    "plain": as_csv(ROWS),
    "windows line ends": as_csv(ROWS, end="\r\n"),
    "mixed line ends": as_csv(ROWS[:90], end="\r\n") + as_csv(ROWS[90:], header=None),
    "no last line end": as_csv(ROWS).rstrip(b"\n"),
    "header only": as_csv(()),
    "one row": as_csv(ROWS[:1]),
    "byte order mark": b"\xef\xbb\xbf" + as_csv(ROWS),
    "beyond ASCII": as_csv(
        [row(number, colour="größe\u2033" * (number % 3)) for number in range(200)]
    ),
    "blank lines": as_csv(ROWS).replace(b"\no0007", b"\n\n\no0007") + b"\n\n",
    "line ends in quotes": as_csv(
        [row(number, colour="two\nlines\n\n" * (number % 9)) for number in range(200)]
    ),
    "white space around": with_changes(
        r3={"id": " o0003"},
        r80={"colour": "blue "},
        r90={"at": " 2026-02-01 10:00:00"},
        r91={"total": "9.50\t"},
    ),
    "unbreaking space": with_changes(
        r3={"colour": "\u00a0blue"}, r70={"customer": "città"}, r71={"mail": "a\u00a0"}
    ),
    "blank values": with_changes(r8={"customer": " "}, r9={"mail": '" "'}, r150={"colour": "  "}),
    "bad rows in many pieces": with_changes(**{f"r{n}": {"at": "soon"} for n in range(0, 200, 9)}),
    "a bad row that trimming mends, and one that it does not": with_changes(
        r50={"at": " 2026-02-01 10:00:00"}, r51={"total": "much"}
    ),
    "required but empty": with_changes(r5={"at": ""}, r105={"id": ""}, r106={"id": ""}),
    "rounded amounts and unknown currencies": with_changes(
        r5={"total": "1.239"}, r6={"total": "1e3"}
    ),
    "other ways to write a time": with_changes(
        r5={"at": "2026-02-01T10:00:00Z"},
        r6={"at": "2026-02-01 10:00:00 +0100"},
        r7={"at": "2026-02-01"},
    ),
    "exact duplicates": as_csv((*ROWS, *ROWS[20:30], ROWS[7])),
    "duplicates of bad rows": as_csv((*ROWS, *[row(400, total="x")] * 3, *ROWS[1:3])),
    "conflicting duplicates": as_csv((*ROWS, row(5, total="9999"), row(6, total="9999"), ROWS[9])),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if place % 3 else [])
        for place, name in enumerate(SOUND)
    ],
)
def test_a_file_with_some_wrong_rows_is_taken_piecewise(
    name: str, same: Same, taken: Taken
) -> None:
    result = same(SOUND[name])
    assert len(result.parts) == 1
    assert taken == {"piecewise": 1}


def test_many_bad_rows_are_set_aside_in_batches(
    same: Same, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piecewise, "FEW_BAD", 2)
    monkeypatch.setattr(piecewise, "MANY_BAD", 9)
    batches: list[int] = []
    really = piecewise._LargeFileRun._reject

    def spied(whole: piecewise._LargeFileRun, bad: list[pa.Table]) -> Conformed:
        batches.append(sum(map(len, bad)))
        return really(whole, bad)

    monkeypatch.setattr(piecewise._LargeFileRun, "_reject", spied)
    found = same(SOUND["bad rows in many pieces"])
    assert taken == {"piecewise": 1}
    assert len(batches) > 1 and sum(batches) == found.parts[0].facts["rows_quarantined"] == 23


def test_rows_that_come_out_of_order_are_put_in_order(
    same: Same, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As DuckDB hands over a piece of more than 122,880 rows that it scans in parallel.
    really = PieceSteps._filled
    monkeypatch.setattr(
        PieceSteps, "_filled", lambda steps: f"(SELECT * FROM {really(steps)} ORDER BY hash(_row))"
    )
    same(SOUND["bad rows in many pieces"])
    assert taken == {"piecewise": 1}


@pytest.mark.parametrize("pack", [gz, zstd])
def test_an_archive_is_taken_piecewise(
    pack: Callable[[bytes], bytes], same: Same, taken: Taken
) -> None:
    same(pack(as_csv(ROWS)), name=f"orders.csv.{pack.__name__.replace('zstd', 'zst')}")
    assert taken == {"piecewise": 1}


CHECKED = """\
only: colour <> 'red'
checks: {dear: try_cast(total as double) > 100, blue: colour like '%blue'}
"""
DEAR = SHOP.replace("total: total", "total: \"replace(total, ',', '')\"")
MAPPINGS = {
    "checks and rows of another entity": SHOP + CHECKED,
    "expressions": DEAR.replace(": mail", ": lower(mail)"),
    "an unused column": SHOP + "ignore: colour\n",
    "absent optional column": SHOP + "  phone: phone\noptional: phone\n",
    "declared times": SHOP
    + 'reader: {timestamp: ["%Y-%m-%d %H:%M:%S", "%d.%m.%Y"], zone: Europe/Berlin}\n',
    "null words": SHOP + "reader: {null: [red, blue]}\n",
    "full exports": SHOP + "snapshot: true\n",
}
MIXED = as_csv(
    [
        *ROWS,
        row(300, at="soon"),
        row(301, total="x"),
        row(302, colour="red "),
        row(303, colour=" blue"),
        *ROWS[40:50],
        row(5, total="77"),
    ]
)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAPPINGS)
def test_mappings(name: str, same: Same, taken: Taken) -> None:
    same(MIXED, MAPPINGS[name])
    same(as_csv(ROWS), MAPPINGS[name])
    assert taken == {"piecewise": 2}


def test_what_only_the_general_way_can_tell(same: Same, taken: Taken) -> None:
    same(as_csv(()).rstrip(b"\n"))
    taken.clear()
    for data in (
        as_csv(ROWS) + b"1,2\n",
        as_csv(ROWS) + b'x,"y\n',
        as_csv(ROWS) + b"\x00\n",
        as_csv(ROWS) + b"\xff\n",
    ):
        same(data)
    assert taken == {"general path": 4}
    same(as_csv(ROWS), SHOP.replace("id: id", "id: ident"))
    same(as_csv(ROWS), SHOP + "duplicates: keep\n")
    assert taken == {"general path": 4}


def matrix(cases: Sequence[Case], same: Same) -> None:
    for case in cases:
        assert isinstance(case.data, bytes)
        same(case.data, case.mapping, case.entity, case.file)


@pytest.mark.slow
def test_each_twelfth_case_of_the_bad_input_matrix(same: Same) -> None:
    matrix(DELIMITED[::12], same)


@pytest.mark.faults
def test_the_bad_input_matrix(same: Same, taken: Taken) -> None:
    matrix(DELIMITED, same)
    print(f"{len(DELIMITED)} files: {dict(taken)}")


def damage(count: int, same: Same) -> None:
    seed, kinds = (
        random.Random(5),
        ("flip", "insert", "replace", "cut", "join", "repeat", "swap", "shuffle"),
    )
    for _ in range(count):
        data = things()
        for _ in range(seed.randint(1, 3)):
            data = edited(
                data,
                (seed.choice(kinds), seed.randrange(10**6), seed.randrange(8), seed.choice(TOKENS)),
            )
        same(data, THINGS.replace("things*", "*orders*"), "products")


@pytest.mark.slow
def test_a_dozen_damaged_files(same: Same, taken: Taken) -> None:
    damage(12, same)
    assert taken["piecewise"] > 1
    assert taken["general path"] > 1


@pytest.mark.faults
def test_a_hundred_damaged_files(same: Same, taken: Taken) -> None:
    damage(100, same)
    print(dict(taken))
    assert taken["piecewise"] > 10
    assert taken["general path"] > 10


def test_pieces_are_cut_between_records(tmp_path: Path, taken: Taken) -> None:
    rows = [(str(number), "x\n" * (number % 7), 'a "b", c') for number in range(300)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("id", "text", "more"), *rows])
    path = tmp_path / "a.csv"
    path.write_text(out.getvalue())
    job, dialect = (
        LargeFile(path, intake.sha256_of(path)[0], intake.Limits(), 100),
        Dialect(",", '"', True, 0, "utf-8"),
    )
    found = list(pieces(job, dialect))
    assert len(found) > 10
    assert b"".join(piece.text for piece in found).decode() == out.getvalue()
    for piece in found:
        assert piece.rows == len(split(piece, ("id", "text", "more"), dialect))
        read = list(csv.reader(io.StringIO(piece.text.decode(), newline="")))[int(piece.header) :]
        assert [tuple(values) for values in read] == rows[piece.before : piece.before + piece.rows]


@pytest.mark.parametrize(
    "line",
    [
        'a,"b"c,d',
        'a,b"c,d',
        'a,"b""",d"',
        'a,"b" ,d',
        'a, "b",d',
        "a,b",
        "a,b,c,d",
        "a,b\rc,d",
        'a,"b',
    ],
)
def test_what_a_strict_reader_stumbles_over_is_not_split(line: str) -> None:
    text = f"x,y,z\n1,2,3\n{line}\n4,5,6\n".encode()
    with pytest.raises(NeedsGeneralPath):
        split(Piece(text, True, 0, 3, False), ("x", "y", "z"), Dialect(",", '"', True, 0, "utf-8"))
