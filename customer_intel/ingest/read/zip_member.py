"""Zip archives: the one data file in them, unpacked into a private folder.

Belongs here: which member is read, bounds of what it unpacks to, telling a workbook or another
document (zip archives too) from an archive of files. Not here: gzip and zstd (open_file.py).
"""

from __future__ import annotations

import fnmatch
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from customer_intel.ingest.mapping.reader_options import format_of
from customer_intel.ingest.read.open_file import (
    CHUNK,
    RATIO_FREE_BYTES,
    Limits,
    Refused,
    create_private,
    printable,
)

_DOCUMENTS = {
    "word/": "a Word document (.docx)",
    "ppt/": "a PowerPoint presentation (.pptx)",
    "Index/": "an Apple Numbers or Pages document",
    "META-INF/MANIFEST.MF": "a Java archive",
    "doc.kml": "a map (.kmz)",
}
_CORRUPT = "is a truncated or corrupt zip archive; send it again"
_BESIDE = ("readme", "license", "manifest", "_metadata", "schema")


def is_workbook(plain: Path) -> bool:
    """Whether a zip archive is a workbook (.xlsx, .xlsb, .ods). Raises Refused for a document of
    another kind, and for an archive that cannot be read.
    """
    with _opened(plain) as archive:
        names = archive.namelist()
        refuse_document(names)
        if any(name.startswith("xl/") for name in names):
            return True
        if "mimetype" in names:
            kind = archive.read("mimetype")[:100]
            if b"spreadsheet" in kind:
                return True
            if b"opendocument" in kind:
                raise Refused("is an OpenDocument text or drawing; export the table as CSV or .ods")
        return False


def refuse_document(names: Sequence[str]) -> None:
    """Raises Refused where an archive's parts are those of a document that holds no table."""
    for mark, what in _DOCUMENTS.items():
        if any(name.startswith(mark) for name in names):
            raise Refused(f"is {what}; export the table as CSV or .xlsx")


def archive_fault(plain: Path) -> str | None:
    """Why no file can be read out of a landed archive, or None."""
    try:
        if not is_workbook(plain):
            with _opened(plain) as archive:
                _refuse_encrypted(archive)
    except Refused as refused:
        return refused.reason
    return None


def data_members(plain: Path) -> dict[str, int]:
    """Name → bytes of each data file in an archive. Raises Refused where it cannot be read."""
    with _opened(plain) as archive:
        _refuse_encrypted(archive)
        return {item.filename: item.file_size for item in archive.infolist() if _is_data(item)}


def extract(plain: Path, pattern: str | None, folder: Path, limits: Limits) -> Path:
    """Unpacks the only data file, or the only one that `pattern` names, into `folder`.

    Raises Refused where several or none can be meant, for a bomb and for a damaged archive.
    """
    with _opened(plain) as archive:
        items = [item for item in archive.infolist() if not item.is_dir()]
        if pattern is not None:
            found = [item for item in items if _fits(item.filename, pattern) and _is_visible(item)]
        else:
            found = [item for item in items if _is_data(item)]
        if len(found) != 1:
            raise _no_single(found or items, pattern, is_any=bool(found))
        return _unpacked(archive, found[0], plain, folder, limits)


def _no_single(items: list[zipfile.ZipInfo], pattern: str | None, *, is_any: bool) -> Refused:
    names = ", ".join(printable(item.filename) for item in items[:8])
    if not is_any:
        wanted = f"no file that reader.member '{pattern}' fits" if pattern else "no data file"
        return Refused(f"holds {wanted}, only {names or 'nothing'}; land the file itself")
    if pattern:
        return Refused(
            f"holds {len(items)} files that reader.member '{pattern}' fits ({names}); name one"
        )
    return Refused(
        f"holds {len(items)} data files ({names}); set reader.member to the name of one, with a "
        "mapping for each that is wanted"
    )


def _unpacked(
    archive: zipfile.ZipFile, item: zipfile.ZipInfo, plain: Path, folder: Path, limits: Limits
) -> Path:
    _refuse_encrypted(archive, item)
    # Its own name only: a path in an archive may lead anywhere.
    suffixes = "".join(PurePosixPath(item.filename.replace("\\", "/")).suffixes[-2:])
    target = folder / f"member{suffixes.replace('/', '')}"
    size, packed = 0, max(plain.stat().st_size, 1)
    try:
        with archive.open(item) as source, create_private(target) as out:
            while chunk := source.read(CHUNK):
                size += len(chunk)
                if size > limits.max_unpacked_bytes:
                    raise Refused(
                        f"unpacks to more than {limits.max_unpacked_bytes:,} bytes; set "
                        "max_unpacked_bytes if it is sound"
                    )
                if size > RATIO_FREE_BYTES and size > limits.max_ratio * packed:
                    raise Refused(
                        f"unpacks to more than {limits.max_ratio} times its size; set max_ratio if "
                        "it is sound"
                    )
                out.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError):
        raise Refused(_CORRUPT) from None
    except (NotImplementedError, RuntimeError):
        raise Refused(
            "is a zip archive packed in a way that cannot be read; pack it anew, or as .gz"
        ) from None
    return target


def _opened(plain: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(plain)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Refused(_CORRUPT) from None


def _refuse_encrypted(archive: zipfile.ZipFile, *items: zipfile.ZipInfo) -> None:
    if any(item.flag_bits & 1 for item in items or archive.infolist()):
        raise Refused("is a zip archive encrypted with a password; land it without one")


def _is_visible(item: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(item.filename).parts
    return not item.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in parts)


def _is_data(item: zipfile.ZipInfo) -> bool:
    """A file of a format that is read, which is not only there to explain the others."""
    name = PurePosixPath(item.filename).name.lower()
    kind = format_of(name)
    beside = name.startswith(_BESIDE) and not name.endswith((".csv", ".tsv", ".jsonl", ".parquet"))
    return _is_visible(item) and kind is not None and kind != "zip" and not beside


def _fits(name: str, pattern: str) -> bool:
    """Whether a member's path, or its name alone, fits; capitals make no difference."""
    lower, wanted = name.lower(), pattern.lower()
    last = PurePosixPath(lower).name
    return fnmatch.fnmatchcase(lower, wanted) or fnmatch.fnmatchcase(last, wanted)
