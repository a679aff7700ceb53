"""Ingest: export files become the rows of entities. Importing the room registers how; the work is
imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from customer_intel.core.contract.model import Table
from customer_intel.core.tables import kinds


def _ingest(**given: Any) -> Any:
    from customer_intel.ingest.land.entity_night import ingest
    from customer_intel.ingest.land.messages import REFUSED

    result = ingest(**given)
    # What a refused file holds back is decided over all sources, by source_state.
    result.findings = [
        {**found, "severity": "warning"} if found["kind"] == REFUSED else found
        for found in result.findings
    ]
    return result


def _hashes(landing: Path, as_of: date) -> Mapping[str, str]:
    from customer_intel.ingest.land.entity_night import hashes

    return hashes(landing, as_of)


def _conformed_sql(table: Table) -> str:
    from customer_intel.ingest.conform.latest_row import conformed_sql

    return conformed_sql(table)


def _stands(facts: Mapping[str, Any], states: Mapping[str, Mapping[str, Any]]) -> bool:
    from customer_intel.ingest.land.holding import stands

    return stands(facts, states)


kinds.register("ingest", kinds.Intake(_ingest, _hashes, _conformed_sql, "source_state", _stands))
