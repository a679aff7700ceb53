"""Which of an entity's columns a file has, as one number per file: what rows of one key from several
files are merged by.

Belongs here: the number, and SQL that asks it. Not here: the merge (latest_row.py).

A column that a mapping fills with a constant or with the export's date is none that the file has:
it is what stands where no file says better. A source column that the mapping calls optional and the
file lacks is none either. Columns that the contract does not know count by their names' digest, so
that two files that bring nothing else are told apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from customer_intel.core.contract.model import Table
from customer_intel.ingest.conform.results import SourceFile
from customer_intel.ingest.mapping.expressions import lookup_fields
from customer_intel.ingest.mapping.model import FileMapping, settable

# Bits of columns, and of the digest above them: a BIGINT has 63.
COLUMNS, DIGEST = 44, 19


def column_set(
    entity: Table, mapping: FileMapping, source: SourceFile, extra: Iterable[str]
) -> int:
    """The number of a file. `extra`: its columns that the contract does not know."""
    present = {name.lower() for name in source.text.columns}
    came = [name for name, text in source.lookups.items() if text is not None]
    number = 0
    for place, name in enumerate(places(entity)):
        text = mapping.columns.get(name, "")
        used = {
            item.lower() for item in mapping.sources(source.text.columns, [text] if text else [])
        }
        if used & present or any(lookup_fields(text, lookup) for lookup in came if text):
            number |= 1 << place
    names = "\n".join(sorted(extra))
    digest = int(hashlib.sha256(names.encode()).hexdigest(), 16) % (1 << DIGEST)
    return number | (digest << COLUMNS if names else 0)


def places(entity: Table) -> dict[str, int]:
    """Each column that a mapping may fill → its bit."""
    found = {name: place for place, name in enumerate(settable(entity))}
    if len(found) > COLUMNS:
        raise ValueError(f"{entity.name} has {len(found)} columns; column_set has {COLUMNS} bits")
    return found


def has(place: int, row: str = "") -> str:
    """SQL for whether the file of `row` has the column of this bit; false where nobody knows."""
    return f"mod(coalesce({row}column_set, 0), {2 << place}) >= {1 << place}"
