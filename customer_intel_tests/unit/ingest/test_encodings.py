"""Files whose encoding is not what the mapping says: each is refused or told, with what to set."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.ingest.mapping.model import Reader
from customer_intel.ingest.read.encodings import MISREAD
from customer_intel.ingest.read.open_file import Limits, Refused, sha256_of
from customer_intel.ingest.read.readers import TextTable, read_text
from customer_intel_tests.unit.bad_input_files import connection

NAMES = ("Zürich", "Köln", "Älmhult", "Straße", "Orléans")
TEXT = "id,city\n" + "".join(f"{n},{NAMES[n % 5]}\n" for n in range(30))
PLAIN = "id,city\n" + "".join(f"{n},Bern\n" for n in range(30))


def read(folder: Path, data: bytes, encoding: str) -> TextTable:
    path = folder / "x.csv"
    path.write_bytes(data)
    reader = Reader(encoding=encoding)
    return read_text(connection(), path, sha256_of(path)[0], reader, folder, Limits())


@pytest.mark.parametrize(
    ("data", "declared", "said"),
    [
        (
            TEXT.encode(),
            "utf-16",
            "is not utf-16: it has no zero bytes; set reader.encoding: utf-8",
        ),
        (PLAIN.encode(), "utf-16-le", "set reader.encoding: utf-8"),
        (TEXT.encode("cp1252"), "utf-16", "set reader.encoding: windows-1252"),
        (TEXT.encode(), "utf-32", "is not utf-32"),
        (TEXT.encode("utf-16"), "utf-8", "is UTF-16; set reader.encoding: utf-16"),
        (TEXT.encode("utf-16"), "cp1252", "is UTF-16; set reader.encoding: utf-16"),
        (TEXT.encode("utf-32"), "utf-8", "is UTF-32; set reader.encoding: utf-32"),
        (TEXT.encode("utf-32"), "utf-16", "is UTF-32; set reader.encoding: utf-32"),
        (TEXT.encode("utf-16-le"), "utf-8", "set reader.encoding: utf-16-le"),
        (TEXT.encode("cp1252"), "utf-8", "such as windows-1252"),
        (TEXT.encode("cp437"), "utf-8", "such as cp850"),
        (TEXT.encode("mac-roman"), "utf-8", "such as mac-roman"),
        (TEXT.encode(), "windows-1252", "is UTF-8, not cp1252; set reader.encoding: utf-8"),
        (TEXT.encode(), "latin-1", "is UTF-8, not iso8859-1; set reader.encoding: utf-8"),
        (TEXT.encode("utf-8-sig"), "windows-1252", "is UTF-8, as its first bytes say"),
    ],
)
def test_another_encoding_is_refused_with_what_to_set(
    data: bytes, declared: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused) as refused:
        read(tmp_path, data, declared)
    assert said in refused.value.reason


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8"),
        (TEXT.encode("utf-16"), "utf-16"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-32"), "utf-32"),
        (TEXT.encode("cp1252"), "windows-1252"),
        (TEXT.encode("cp1252"), "latin-1"),
        (PLAIN.encode(), "windows-1252"),
        (TEXT.encode("mac-roman"), "mac-roman"),
    ],
)
def test_the_declared_encoding_is_read(data: bytes, declared: str, tmp_path: Path) -> None:
    text = read(tmp_path, data, declared)
    assert (text.rows, text.notes) == (30, ())


@pytest.mark.parametrize(
    "wrong", [TEXT.encode().decode("cp1252"), TEXT.replace("ü", "\ufffd")], ids=["twice", "lost"]
)
def test_text_that_came_decoded_wrongly_is_told(wrong: str, tmp_path: Path) -> None:
    text = read(tmp_path, wrong.encode(), "utf-8")
    assert (text.rows, text.notes) == (30, (MISREAD,))
