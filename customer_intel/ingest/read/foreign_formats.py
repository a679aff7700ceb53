"""What a file is by its first bytes, where it is nothing that can be read: the format's name, and
how to export another.

Belongs here: signatures of formats and what is said of them. Not here: formats that are read
(readers.py), telling a workbook from another archive (zip_member.py).
"""

from __future__ import annotations

import re
from pathlib import Path

from customer_intel.ingest.mapping.reader_options import WORKBOOKS, format_of
from customer_intel.ingest.read.open_file import (
    Limits,
    Refused,
    first_bytes,
    sha256_of,
    unpacked,
)

HEAD = 8192
WHOLE = 256 << 20
_AS_TABLE = "export the table as CSV, Parquet or .xlsx"
_STATISTICS = "export it as CSV or Parquet (pandas and R read and write it)"
_DATABASE = "export its tables as CSV, a file each"
_DECRYPT = "decrypt it before it is landed"
_UNPACK = "unpack it and land the files that are in it, or pack them as .gz or .zip"
_PICTURE = f"no table can be read out of a picture; {_AS_TABLE}"

# (offset, bytes) → what it is, what to do.
_SIGNATURES: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"%PDF", "a PDF document", _AS_TABLE),
    (0, b"\x89PNG", "a PNG image", _PICTURE),
    (0, b"\xff\xd8\xff", "a JPEG image", _PICTURE),
    (0, b"GIF8", "a GIF image", _PICTURE),
    (8, b"WEBP", "a WebP image", _PICTURE),
    (4, b"ftypheic", "an HEIC image", _PICTURE),
    (0, b"II*\x00", "a TIFF image", _PICTURE),
    (0, b"MM\x00*", "a TIFF image", _PICTURE),
    (0, b"<svg", "an SVG image", _PICTURE),
    (0, b"ID3", "a sound file", _AS_TABLE),
    (8, b"WAVE", "a sound file", _AS_TABLE),
    (4, b"ftyp", "a film", _AS_TABLE),
    (0, b"-----BEGIN PGP", "encrypted or signed with PGP (.asc)", _DECRYPT),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (0, b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (4, b"1AY&SY", "a bzip2 archive", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "an LZ4 archive", _UNPACK),
    (0, b"\xff\x06\x00\x00sNaPpY", "a Snappy archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (4, b"Standard Jet DB", "a Microsoft Access database (.mdb)", _DATABASE),
    (4, b"Standard ACE DB", "a Microsoft Access database (.accdb)", _DATABASE),
    (0, b"SQLite format 3\x00", "an SQLite database", _DATABASE),
    (8, b"DUCK", "a DuckDB database", _DATABASE),
    (0, b"PGDMP", "a PostgreSQL dump", _DATABASE),
    (0, b"$FL2", "an SPSS file (.sav)", _STATISTICS),
    (0, b"$FL3", "an SPSS file (.zsav)", _STATISTICS),
    (0, b"<stata_dta>", "a Stata file (.dta)", _STATISTICS),
    (0, b"\x00" * 12 + b"\xc2\xea\x81\x60", "a SAS file (.sas7bdat)", _STATISTICS),
    (0, b"HEADER RECORD***", "a SAS transport file (.xpt)", _STATISTICS),
    (0, b"RDX", "an R data file", _STATISTICS),
    (0, b"X\n\x00\x00\x00", "an R data file", _STATISTICS),
    (0, b"\x89HDF", "an HDF5 file", _STATISTICS),
    (0, b"\x93NUMPY", "a NumPy array", _STATISTICS),
    (0, b"MATLAB 5", "a MATLAB file", _STATISTICS),
    (0, b"Obj\x01", "an Avro file", "export it as Parquet or JSON Lines"),
    (0, b"ORC", "an ORC file", "export it as Parquet"),
    (0, b"SEQ", "a Hadoop sequence file", "export it as Parquet"),
    (0, b"ARROW1", "an Arrow or Feather file", "export it as Parquet"),
    (0, b"FEA1", "a Feather file", "export it as Parquet"),
    (0, b"PARE", "an encrypted Parquet file", "export it without encryption"),
    (0, b"{\\rtf", "an RTF document", _AS_TABLE),
    (0, b"%!PS", "a PostScript document", _AS_TABLE),
    (0, b"MZ", "a Windows program", _AS_TABLE),
    (0, b"\x7fELF", "a program", _AS_TABLE),
    (0, b"!BDN", "an Outlook mailbox (.pst)", _AS_TABLE),
)
# Formats that are text themselves.
_OF_TEXT = (b"%PDF", b"1AY&SY", b"ustar", b"HEADER RECORD***")
# Streams of Microsoft's compound files; their names are written in UTF-16.
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS = (
    ("EncryptedPackage", "a workbook or document that is encrypted with a password", "save it without one"),
    ("Workbook", "an Excel workbook of 1997 to 2003 (.xls)", "name it .xls, or set reader.format: xls"),
    ("Book", "an old Excel workbook (.xls)", "name it .xls, or set reader.format: xls"),
    ("WordDocument", "a Word document (.doc)", _AS_TABLE),
    ("PowerPoint Document", "a PowerPoint presentation (.ppt)", _AS_TABLE),
    ("__substg1.0_", "an Outlook message (.msg)", "save the attached table and land that"),
)  # fmt: skip
_DTA = re.compile(rb"[\x69-\x76][\x01\x02]\x01\x00")
_MAIL = re.compile(rb"(?:Received|Return-Path|Delivered-To|MIME-Version|From): ", re.IGNORECASE)
_HTML = re.compile(
    rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table|meta|title)\b", re.I | re.S
)
_LOG = re.compile(rb"<(?:\w+:)?log[\s>]")
SPREADSHEET_ML = b"urn:schemas-microsoft-com:office:spreadsheet"


def foreign(head: bytes) -> tuple[str, str] | None:
    """(what a file that begins so is, how to export another), None where it may be data."""
    for at, mark, name, remedy in _SIGNATURES:
        # Three letters may begin a table's name as well: then the rest is text.
        if head.startswith(mark, at) and (mark in _OF_TEXT or not mark.isalnum() or b"\0" in head):
            return name, remedy
    if head.startswith(_COMPOUND):
        return _compound(head)
    if _MAIL.match(head):
        return "an e-mail message", "save the attached table and land that"
    if _DTA.match(head) and b"\x00" in head[4:100]:
        return "a Stata file (.dta)", _STATISTICS
    if (
        head[:1] in (b"\x84", b"\x85", b"\x8c", b"\xc1")
        and b"\x03" in head[1:8]
        and _is_binary(head)
    ):
        return "encrypted with PGP (.gpg)", _DECRYPT
    if head[:2] == b"BM" and _is_binary(head):
        return "a bitmap image", _PICTURE
    return None


def _parts(content: bytes) -> list[tuple[str, str]]:
    """What the parts of a compound file say that it is, the telling ones first."""
    return [
        (name, remedy) for stream, name, remedy in _STREAMS if stream.encode("utf-16-le") in content
    ]


def _compound(content: bytes) -> tuple[str, str]:
    known = _parts(content)
    return known[0] if known else ("a file of an old Microsoft Office program", _AS_TABLE)


def _is_old_excel(content: bytes) -> bool:
    return not is_encrypted_office(content) and any(
        name.encode("utf-16-le") in content for name in ("Workbook", "Book")
    )


def beginning(path: Path) -> bytes:
    """The first bytes of a landed file; of Microsoft's older formats, which say what they are
    anywhere, the whole. Raises Refused.
    """
    head = first_bytes(path, HEAD)
    return first_bytes(path, WHOLE) if is_compound(head) else head


def is_compound(head: bytes) -> bool:
    """Whether it is a file of Microsoft's older programs, as .xls is."""
    return head.startswith(_COMPOUND)


def is_encrypted_office(content: bytes) -> bool:
    """Whether a whole compound file is an encrypted workbook."""
    return is_compound(content) and "EncryptedPackage".encode("utf-16-le") in content


def is_html(head: bytes) -> bool:
    """Whether it begins as a web page, or as a bare table of one, does."""
    return _HTML.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def is_xml(head: bytes) -> bool:
    """Whether it begins as XML does, in ASCII or UTF-16."""
    plain = head.replace(b"\x00", b"").removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe \r\n\t")
    return plain[:5].lower() == b"<?xml" or plain.startswith((b"<log", b"<Workbook"))


def is_event_log(head: bytes) -> bool:
    """Whether XML that begins so is an event log."""
    return _LOG.search(head.replace(b"\x00", b"")) is not None


def _refuse_xml(head: bytes, kind: str | None) -> None:
    """Raises Refused for XML where text is wanted, and for XML that no format knows."""
    is_sheet, is_log = SPREADSHEET_ML in head.replace(b"\x00", b""), is_event_log(head)
    if is_sheet and kind is not None:
        raise Refused("is an Excel workbook saved as XML; set reader.format: xls")
    if is_log and kind is not None:
        raise Refused("is an event log; name it .xes, or set reader.format: xes")
    if not is_sheet and not is_log:
        raise Refused("is XML, but no event log (XES) and no workbook; export it as CSV or JSON")


def _is_binary(head: bytes) -> bool:
    """Whether it is no text in any encoding that is read: UTF-16 has zeros too, in every other
    byte.
    """
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return False
    control = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    zeros = (
        max(head[::2].count(0), head[1::2].count(0)),
        min(head[::2].count(0), head[1::2].count(0)),
    )
    if zeros[0] * 4 > len(head) and zeros[1] * 20 < len(head):
        return False
    return control * 50 > len(head) > 0


def refuse_foreign(head: bytes, kind: str | None) -> None:
    """Raises Refused for the first bytes of a file that holds no data, or other data than its
    format says. `kind`: that format, None where it is open.
    """
    if kind in WORKBOOKS:
        # One that names no part of its own was cut off: its reader says so.
        if is_compound(head) and (_is_old_excel(head) or not _parts(head)):
            return
        if (
            not head.startswith(b"PK")
            and not foreign(head)
            and not is_html(head)
            and not is_xml(head)
        ):
            what = "a file of unknown, binary content" if _is_binary(head) else "text"
            remedy = "send it again" if _is_binary(head) else "set reader.format: csv"
            raise Refused(f"is {what}, no workbook; {remedy}")
        if is_html(head) and b"<table" not in head.lower() and len(head) < HEAD:
            raise Refused(
                "is an HTML page without a table, perhaps of an error or a login; export it again"
            )
    found = foreign(head)
    if found:
        raise Refused(f"is {found[0]}; {found[1]}")
    if kind in ("csv", "tsv", "jsonl", "fixed", None):
        if is_html(head):
            raise Refused(
                "is an HTML page, perhaps of an error or a login; export it again, or set "
                "reader.format: html where a table in it is the export"
            )
        if is_xml(head):
            _refuse_xml(head, kind)
        if kind != "jsonl" and head.startswith((b"PAR1", b"\x00PAR1")):
            raise Refused("is a Parquet file; name it .parquet, or set reader.format: parquet")
    if kind is None and _is_binary(head):
        raise Refused(f"is of an unknown, binary format; {_AS_TABLE}")


def fault_of(path: Path, limits: Limits | None = None) -> str | None:
    """Why a landed file can be nobody's export: it is empty, cut off, damaged or no data at all.

    None for a file that may well be read once a mapping asks for it.
    """
    limits = limits or Limits()
    try:
        sha256, size = sha256_of(path)
        if not size:
            return "is empty; an export without rows still has a header"
        filled = False
        # To its end: a truncated archive shows there only.
        for chunk in unpacked(path, sha256, limits):
            filled = filled or bool(chunk.strip(b"\xef\xbb\xbf \r\n\t\x00"))
        if not filled:
            return "is empty; an export without rows still has a header"
        kind, head = format_of(path.name), beginning(path)
        if head.startswith(b"PK\x03\x04"):
            return _fault_of_zip(path)
        if kind == "parquet" and not head.startswith(b"PAR1"):
            return "is no Parquet file, though named so; name it for what it is"
        refuse_foreign(head, kind if kind != "zip" else None)
        return "is no zip archive, though named so; send it again" if kind == "zip" else None
    except Refused as refused:
        return refused.reason


def _fault_of_zip(path: Path) -> str | None:
    from customer_intel.ingest.read.zip_member import archive_fault

    return archive_fault(path)
