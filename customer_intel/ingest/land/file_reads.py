"""Files read for one entity's night: each hashed once, and read once for each way of reading it.

Belongs here: what was read, and reading ahead in a thread. Not here: which files and mappings
(entity_night.py), reading itself (readers.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import duckdb

from customer_intel.ingest.land.landing_folder import LandedFile
from customer_intel.ingest.mapping.model import FileMapping, Reader, format_of
from customer_intel.ingest.read.open_file import Limits, Refused, printable, sha256_of
from customer_intel.ingest.read.readers import TextTable, read_text


class FileReads:
    """Hashes and text tables of landed files. Leaving the context ends the reading thread."""

    def __init__(self, con: duckdb.DuckDBPyConnection, workdir: Path, limits: Limits) -> None:
        self.con, self.workdir, self.limits = con, workdir, limits
        self._hashes: dict[Path, tuple[str, int]] = {}
        self._texts: dict[tuple[str, str, str], Future[TextTable]] = {}
        # One thread reads while the caller's conforms: each keeps about one core busy.
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> FileReads:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown()

    def hash_of(self, path: Path) -> tuple[str, int]:
        """(hex SHA-256, bytes) of a file. Raises Refused for one that cannot be opened."""
        if path not in self._hashes:
            self._hashes[path] = sha256_of(path)
        return self._hashes[path]

    def text(self, path: Path, sha256: str, reader: Reader) -> TextTable:
        """The file as `reader` reads it. Raises Refused when nothing of it can be trusted."""
        return self.start(path, sha256, reader).result()

    def start(self, path: Path, sha256: str, reader: Reader) -> Future[TextTable]:
        """Has the file read in the thread, unless it was."""
        key = (sha256, reader.text_key, format_of(path.name) or "")
        if key not in self._texts:
            arguments = (path, sha256, reader, self.workdir, self.limits)
            self._texts[key] = self._pool.submit(read_text, self.con.cursor(), *arguments)
        return self._texts[key]

    def lookup_text(
        self, files: Sequence[LandedFile], mapping: FileMapping, name: str
    ) -> TextTable | None:
        """The files of lookup `name` as one table, None when none came. Raises Refused."""
        reader = mapping.lookups[name].reader
        texts = []
        for file in files:
            try:
                texts.append(self.text(file.path, self.hash_of(file.path)[0], reader))
            except Refused as refused:
                raise Refused(
                    f"needs lookup '{name}', but {printable(file.source_file)} {refused.reason}"
                ) from None
        if not texts:
            return None
        if len({frozenset(text.columns) for text in texts}) > 1:
            raise Refused(
                f"has files with different columns for lookup '{name}'; land them with the same "
                "columns"
            )
        sql = " UNION ALL BY NAME ".join(f"({text.sql})" for text in texts)
        clean = frozenset.intersection(*(text.clean for text in texts))
        return TextTable(sql, texts[0].columns, sum(text.rows for text in texts), clean=clean)
