"""The exports of each mapping, as the ledger has them, and the form of a finding about one.

Belongs here: what several checks ask of the ledger. Not here: the checks (source_check.py, unusual.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from customer_intel.ingest.judge.declared import Expected
from customer_intel.ingest.judge.numbers import Export
from customer_intel.ingest.land.holding import is_superseded, taken_on

ARRIVED = ("accepted", "same_content")


@dataclass
class Kind:
    """The exports of one mapping. `days`: those of dated files that came, taken or not; `usable`: the
    export dates of all that were taken, or were known already.
    """

    source: str
    mapping: str
    entity: str
    exports: dict[date, Export] = field(default_factory=dict)
    days: set[date] = field(default_factory=set)
    usable: set[date] = field(default_factory=set)

    def expected(self, declared: Mapping[str, Expected]) -> Expected:
        """What is expected of these exports, by what the home declared of their source."""
        return declared.get(self.source, Expected()).of(self.mapping, self.entity)

    def finding(self, day: date, check: str, message: str, **given: Any) -> dict[str, Any]:
        """A finding about the export of a day."""
        return finding(self.source, self.mapping, self.entity, day, check, message, **given)


def kinds_of(ledgers: Sequence[Mapping[str, Any]]) -> list[Kind]:
    """The mappings of the ledger with their exports."""
    found: dict[tuple[str, str], Kind] = {}
    for facts in ledgers:
        if facts["status"] == "missing" or is_superseded(facts):
            continue
        source, mapping = str(facts["source_system"]), str(facts["mapping"])
        kind = found.setdefault((source, mapping), Kind(source, mapping, str(facts["entity"])))
        day = date.fromisoformat(facts["export_date"])
        if facts["dated"]:
            kind.days.add(day)
        if facts["status"] in ARRIVED:
            kind.usable.add(day)
        if facts["status"] == "accepted":
            kind.exports.setdefault(day, Export(day)).parts.append(facts)
    return [found[key] for key in sorted(found)]


def tonight(kind: Kind, as_of: date) -> list[date]:
    """The exports of which something was taken tonight."""
    return [
        day
        for day, export in sorted(kind.exports.items())
        if any(taken_on(part) == as_of for part in export.parts)
    ]


def finding(
    source: str,
    mapping: str,
    entity: str,
    export_date: date,
    check: str,
    message: str,
    column: str = "",
    source_file: str = "",
    **given: Any,
) -> dict[str, Any]:
    """A row of source_check, but for night and severity; `entity` goes before it is one."""
    return {
        "source_system": source,
        "mapping": mapping,
        "entity": entity,
        "export_date": export_date,
        "check_name": check,
        "column_name": column,
        "source_file": source_file,
        "observed": None,
        "expected_low": None,
        "expected_high": None,
        "message": message,
        **given,
    }
