"""Files damaged at random: each is refused in words, or every row of it is accounted for and no
sound row is lost.
"""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.land.landing_folder import COUNTS
from customer_intel.ingest.mapping.model import Reader
from customer_intel.ingest.read.open_file import Limits, sha256_of
from customer_intel.ingest.read.readers import read_text
from customer_intel_tests.unit.bad_input_files import ENTITIES, connection

NIGHT = date(2026, 3, 1)
MAPPING = """\
source: shop
files: "things*"
entity: products
columns: {product_id: id, title: title, price: price, category: category}
"""
CONFIG = {"max_reject_share": 0.5, "max_unpacked_bytes": 10**8, "max_ratio": 200}
HEADER = ("id", "title", "price", "category", "note")
# Plain values, quoted ones, ones with the delimiter, with doubled quotes, and with a line end.
TITLES = ("pipe", "pipe, long", 'a "good" pipe', "two\nlines", "", "Größe, 5\u2033")
ROWS = [
    {
        "id": f"p{number:03d}",
        "title": TITLES[number % len(TITLES)],
        "price": f"{number}.25",
        "category": f"c{number % 3}",
        "note": "x" * (number % 5),
    }
    for number in range(1, 41)
]
TOKENS = (
    *(
        b'"',
        b",",
        b"\n",
        b"\r",
        b'"\n',
        b'",',
        b',"',
        b'""',
        b"\x00",
        b"\xff",
        b";",
        b"\t",
        b"{",
        b"}",
        b"\\",
    ),
    *(b"\\u0000", b"\xef\xbb\xbf", b"0", b"\r\n\r\n"),
)


def as_csv() -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(ROWS)
    return out.getvalue().encode()


def as_jsonl() -> bytes:
    return "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def as_parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist(ROWS),
        out,
        write_page_checksum=True,
        compression="zstd",
        row_group_size=16,
    )
    return out.getvalue()


FOOTER_BYTES = int.from_bytes(as_parquet()[-8:-4], "little") + 8
FILES: dict[str, Callable[[], bytes]] = {"csv": as_csv, "jsonl": as_jsonl, "parquet": as_parquet}
PLACE = st.integers(0, 10**6)
# (what, where, where else, with which bytes)
EDIT = st.one_of(
    st.tuples(st.just("flip"), PLACE, st.integers(0, 7), st.just(b"")),
    st.tuples(st.just("insert"), PLACE, st.just(0), st.sampled_from(TOKENS)),
    st.tuples(st.just("replace"), PLACE, st.just(0), st.sampled_from(TOKENS)),
    st.tuples(st.just("cut"), PLACE, st.integers(1, 60), st.just(b"")),
    st.tuples(st.just("end"), PLACE, st.just(0), st.just(b"")),
    st.tuples(st.just("join"), PLACE, st.just(0), st.just(b"")),
    st.tuples(st.just("repeat"), PLACE, PLACE, st.just(b"")),
    st.tuples(st.just("swap"), PLACE, PLACE, st.just(b"")),
    st.tuples(st.just("shuffle"), PLACE, st.just(0), st.just(b"")),
)
Edit = tuple[str, int, int, bytes]


def edited(data: bytes, edit: Edit) -> bytes:
    """The file with one thing done to it."""
    what, at, more, token = edit
    place = at % max(len(data), 1)
    lines = data.split(b"\n")
    one, two = at % len(lines), more % len(lines)
    match what:
        case "flip" if data:
            return data[:place] + bytes([data[place] ^ 1 << more]) + data[place + 1 :]
        case "insert":
            return data[:place] + token + data[place:]
        case "replace":
            return data[:place] + token + data[place + len(token) :]
        case "cut":
            return data[:place] + data[place + more :]
        case "end":
            return data[:place]
        case "join":
            return b"\n".join([*lines[:one], b"".join(lines[one : one + 2]), *lines[one + 2 :]])
        case "repeat":
            return b"\n".join([*lines[:two], lines[one], *lines[two:]])
        case "swap":
            lines[one], lines[two] = lines[two], lines[one]
            return b"\n".join(lines)
        case "shuffle":
            # The values of one line in another order.
            values = lines[one].split(b",")
            random.Random(at).shuffle(values)
            return b"\n".join([*lines[:one], b",".join(values), *lines[one + 1 :]])
    return data


def sound(kind: str, data: bytes) -> set[str]:
    """The ids of the rows whose every line is still there as it was written, one after the other."""
    records = as_csv().split(b"\np")[1:] if kind == "csv" else as_jsonl().split(b"\n")[:-1]
    records = (
        [b"p" + record.removesuffix(b"\n") for record in records] if kind == "csv" else records
    )
    padded = b"\n" + data + b"\n"
    return {
        row["id"]
        for row, record in zip(ROWS, records, strict=True)
        if b"\n" + record + b"\n" in padded
    }


def wanted(row: dict[str, str]) -> tuple[object, ...]:
    return row["id"], row["title"] or None, Decimal(row["price"]), row["category"]


def judged(kind: str, data: bytes) -> str:
    """What became of a file: refused | taken | quarantined. Fails where a sound row is lost."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "mappings").mkdir()
        (root / "mappings" / "shop_things.yaml").write_text(MAPPING)
        path = root / "landing" / "shop" / "2026-02-28" / f"things.{kind}"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        result = landing.ingest(
            entity=ENTITIES["products"],
            landing=root / "landing",
            mappings_dir=root / "mappings",
            as_of=NIGHT,
            known=[],
            workdir=root,
            con=connection(),
            config=CONFIG,
        )
        refused = [found for found in result.findings if found["severity"] == "critical"]
        if refused:
            assert {part.facts["status"] for part in result.parts} == {"refused"}
            message = refused[0]["message"]
            assert message.startswith(f"shop/2026-02-28/things.{kind}")
            assert "\n" not in message
            assert "could not be processed" not in message, message
            return "refused"
        (part,) = result.parts
        counts = {name: part.facts[name] for name in COUNTS}
        taken = pl.read_parquet(part.parquet)
        none = pl.DataFrame({"source_row": [], "raw_line": []})
        aside = pl.read_parquet(part.quarantine) if part.quarantine else none
        assert counts["rows_read"] == (
            counts["rows_accepted"]
            + counts["rows_quarantined"]
            + counts["rows_duplicate"]
            + counts["rows_skipped"]
        )
        assert taken.height == counts["rows_accepted"]
        assert aside["source_row"].n_unique() == counts["rows_quarantined"]
        values = set(taken.select("product_id", "title", "price", "category").rows())
        if kind == "parquet":
            # Pages are under checksums; the footer, which says where they are and of what type, is
            # not.
            sound_footer = data.endswith(as_parquet()[-FOOTER_BYTES:])
            assert not sound_footer or values == {wanted(row) for row in ROWS}
            return "taken"
        named = "\n".join(aside["raw_line"].to_list())
        for row in ROWS:
            assert (
                row["id"] not in sound(kind, data) or wanted(row) in values or row["id"] in named
            ), row["id"]
        return "quarantined" if counts["rows_quarantined"] else "taken"


def damage(kind: str, examples: int) -> Counter[str]:
    """Judges `examples` damaged files of a kind."""
    found: Counter[str] = Counter()

    unhurried: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}

    @settings(max_examples=examples, derandomize=True, database=None, **unhurried)
    @given(st.lists(EDIT, min_size=1, max_size=3))
    def judge(edits: list[Edit]) -> None:
        data = FILES[kind]()
        for edit in edits:
            data = edited(data, edit)
        found[judged(kind, data)] += 1

    judge()
    return found


@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_file_is_refused_or_accounted_for(kind: str) -> None:
    found = damage(kind, 20)
    assert found.total() >= 20
    assert found["refused"] + found["quarantined"]


@pytest.mark.faults
@pytest.mark.parametrize("kind", FILES)
def test_seven_hundred_damaged_files_are_refused_or_accounted_for(kind: str) -> None:
    found = damage(kind, 700)
    print(f"{kind}: {dict(found)}")
    assert found.total() >= 700


def test_two_stray_quotes_do_not_swallow_the_rows_between_them() -> None:
    lines = as_csv().decode().split("\n")
    opened = next(at for at, line in enumerate(lines) if line.startswith("p006"))
    closed = next(at for at, line in enumerate(lines) if line.startswith("p018"))
    lines[opened] = lines[opened].replace(",", ',"', 1)
    lines[closed] = f'{lines[closed].split(",")[0]},pipe",18.25,c0,xxx'
    between = [line for line in lines[opened + 1 : closed] if '"' not in line]
    text = "\n".join([*lines[: opened + 1], *between, *lines[closed:]])
    assert judged("csv", text.encode()) == "quarantined"


@pytest.mark.parametrize("codec", ["none", "snappy", "zstd"])
def test_checksums_find_flipped_bits_in_a_parquet_files_values(codec: str) -> None:
    out = io.BytesIO()
    table = pa.Table.from_pylist(
        [row | {"id": f"p{number:05d}"} for number, row in enumerate(ROWS * 20)]
    )
    pq.write_table(table, out, write_page_checksum=True, compression=codec, write_statistics=False)
    data = out.getvalue()
    pages = len(data) - int.from_bytes(data[-8:-4], "little") - 8
    seed, found = random.Random(11), Counter[str]()
    for _ in range(30):
        found[
            judged(
                "parquet", edited(data, ("flip", seed.randrange(4, pages), seed.randrange(8), b""))
            )
        ] += 1
    # What a page's header says beside its size, checksum and count (its encodings) is under no
    # checksum.
    assert found["refused"] >= 28, found


def line_mutations(count: int, seed: int = 7) -> tuple[int, int]:
    """(sound rows seen, sound rows lost) over files of 40 rows of which one line was mutated."""
    rng, seen, lost = random.Random(seed), 0, []
    con = connection()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            # A night never reads two files of one name.
            work = Path(folder) / str(number)
            work.mkdir()
            path = work / "a.csv"
            lines = [
                f'{n},"v, {n}",w{n},{n * 2}' if n % 2 else f"{n},v{n},w{n},{n * 2}"
                for n in range(40)
            ]
            at = rng.randrange(40)
            cut = rng.randrange(len(lines[at]) + 1)
            token = rng.choice(
                [
                    '"',
                    ",",
                    '",',
                    ',"',
                    "",
                    '\n"',
                    ",,",
                    '""',
                    "\n",
                    "\r",
                    "\\",
                    ";",
                    '"\n',
                    "'",
                    "\t",
                ]
            )
            lines[at] = lines[at][:cut] + token + lines[at][cut + rng.randrange(3) :]
            path.write_bytes(("a,b,c,d\n" + "\n".join(lines) + "\n").encode())
            text = read_text(con, path, sha256_of(path)[0], Reader(), work, Limits())
            rows = con.execute(f"SELECT * FROM ({text.sql})").fetchall()
            assert len(rows) == text.rows == text.rows_read - len(text.unreadable)
            found = {values[1:] for values in rows}
            wanted = [
                (str(n), f"v, {n}" if n % 2 else f"v{n}", f"w{n}", str(n * 2))
                for n in range(40)
                if n != at
            ]
            seen += len(wanted)
            lost += [(lines[at], row) for row in wanted if row not in found]
            shutil.rmtree(work, ignore_errors=True)
    assert not lost, lost[:3]
    return seen, len(lost)


@pytest.mark.slow
def test_two_hundred_line_mutations_lose_no_sound_row() -> None:
    assert line_mutations(200) == (200 * 39, 0)


@pytest.mark.faults
def test_ten_thousand_line_mutations_lose_no_sound_row() -> None:
    assert line_mutations(10_000) == (10_000 * 39, 0)
