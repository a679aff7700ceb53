"""Ids of people that a source's other files hold: a column with the same values says who it was.

Belongs here: reading the landed file of a mapping of contacts. Not here: what becomes of the column
(judged_columns.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from customer_intel.core.contract.model import Table
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import quoted
from customer_intel.ingest.advise.check_mappings import landed_of_own
from customer_intel.ingest.conform.typing_rules import trimmed
from customer_intel.ingest.read.open_file import Limits, Refused, sha256_of
from customer_intel.ingest.read.readers import read_text

# More ids than these tell nothing more.
_ENOUGH = 200_000


def known_ids(
    con: duckdb.DuckDBPyConnection,
    home: Path,
    landing: Path,
    source: str,
    entities: Mapping[str, Table],
    work: Path,
    limits: Limits,
) -> frozenset[str]:
    """Values of contact_id in the newest landed files of the source's contacts, by the home's own
    mappings; none where there is no such mapping or file.
    """
    folder = home / "config" / "mappings"
    try:
        own = list(landed_of_own(folder, landing, entities))
    except ConfigError:
        return frozenset()
    found: set[str] = set()
    for mapping, landed in own:
        if mapping.entity != "contacts" or mapping.source != source:
            continue
        try:
            sha256 = sha256_of(landed.path)[0]
            text = read_text(con, landed.path, sha256, mapping.reader, work, limits)
        except Refused:
            continue
        actual = {name.lower(): name for name in text.columns}
        column = actual.get(mapping.columns["contact_id"].strip('"').lower())
        if column:
            rows = con.execute(
                f"SELECT DISTINCT {trimmed(quoted(column))} FROM ({text.sql}) LIMIT {_ENOUGH}"
            ).fetchall()
            found |= {value for (value,) in rows if value}
    return frozenset(found)
