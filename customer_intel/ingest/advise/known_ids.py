"""Ids of people that a source's other files hold: a column with the same values says who it was.

Belongs here: reading the landed file of a mapping of contacts. Not here: what becomes of the column
(judged_columns.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb

from customer_intel.core.contract.model import Table
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import quoted
from customer_intel.ingest.advise.check_mappings import newest_file
from customer_intel.ingest.conform.typing_rules import trimmed
from customer_intel.ingest.land.landing_folder import discover
from customer_intel.ingest.mapping import model as mappings
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
        known = mappings.load(folder, entities)
        files = discover(landing, date.max) if landing.is_dir() else []
    except ConfigError:
        return frozenset()
    found: set[str] = set()
    for mapping in known.values():
        own = (folder / f"{mapping.name}.yaml").is_file()
        if not own or mapping.entity != "contacts" or mapping.source != source:
            continue
        landed = newest_file(mapping, files)
        if landed is None:
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
