"""Status words in the landed files, before any night: what `customer-intel check` lists.

Belongs here: reading a column of the newest landed files through their mappings. Not here: what a
word is taken for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import DuckDBEngine, EngineSettings, literal
from customer_intel.ingest.conform.conform import conform
from customer_intel.ingest.conform.results import SourceFile
from customer_intel.ingest.land.landing_folder import LandedFile, discover
from customer_intel.ingest.mapping import model as mappings
from customer_intel.ingest.mapping.model import FileMapping
from customer_intel.ingest.read.open_file import Limits, Refused, sha256_of
from customer_intel.ingest.read.readers import read_text

# Larger files are left to the night: check must answer at once.
MAX_BYTES = 64 << 20


def landed_words(
    home_mappings: Path, landing: Path, entities: Mapping[str, Table], wanted: Collection[str]
) -> dict[tuple[str, str], Counter[str]]:
    """(source, entity) → status word ('' for none) → rows, over each mapping's newest landed file.

    Files that cannot be read, or are larger than 64 MB, are left out: check tells of the former,
    the night of both.
    """
    known = mappings.load(home_mappings, entities)
    newest: dict[str, tuple[LandedFile, FileMapping]] = {}
    for file in discover(landing, date.max) if landing.is_dir() else []:
        for mapping in mappings.matching(file.path.name, file.source, known, entities):
            if mapping.entity in wanted:
                newest[mapping.name] = (file, mapping)
    found: dict[tuple[str, str], Counter[str]] = {}
    for file, mapping in newest.values():
        if file.path.stat().st_size > MAX_BYTES:
            continue
        try:
            words = _words(file, mapping, entities[mapping.entity])
        except (Refused, duckdb.Error):
            continue
        found.setdefault((mapping.source, mapping.entity), Counter()).update(words)
    return found


def _words(file: LandedFile, mapping: FileMapping, entity: Table) -> dict[str, int]:
    sha256 = sha256_of(file.path)[0]
    with TemporaryDirectory(prefix="words-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        con = DuckDBEngine(EngineSettings(), [work]).con
        text = read_text(con, file.path, sha256, mapping.reader, work, Limits())
        if mapping.missing(text.columns):
            return {}
        lookups = dict.fromkeys(mapping.lookups)
        source = SourceFile(file.source_file, mapping.source, file.export_date, text, lookups)
        conformed = conform(con, entity, mapping, source, work / "rows.parquet")
        rows = con.execute(
            "SELECT coalesce(status, ''), count(*) FROM read_parquet("
            f"{literal(str(conformed.parquet))}) GROUP BY 1 ORDER BY 1"
        ).fetchall()
        return {str(word): int(n) for word, n in rows}
