"""metrics.yaml of a room, read into metrics. Each fault names file and line.

Belongs here: reading, and what may not stand in an entry. Not here: what a metric then is (model.py),
whether its SQL fits (core/tables/compile.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import Metric, Table, suggestion
from customer_intel.core.contract.parsing import parsed, word_list
from customer_intel.core.contract.yaml_lines import ConfigError


def read_metrics(path: Path, file: str) -> tuple[Metric, ...]:
    """The entries of a room's metrics.yaml."""
    found = []
    document = yamlfile.load(path, file)
    for name, entry in document.items():
        where = f"{file}:{document.lines[name]}"
        if not isinstance(entry, yamlfile.Mapping):
            raise ConfigError(f"{where}: metric '{name}' needs label, meaning, unit, kind, rows")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ConfigError(f"{where}: metric '{name}': use lower-case letters, digits and _")
        lists = {
            part: word_list(entry[part]) for part in ("entities", "dimensions") if part in entry
        }
        place = f"{file}:{entry.lines['rows']}" if "rows" in entry else where
        found.append(parsed(Metric, {"name": name, **entry, **lists, "where": place}, where))
        _check_windows(found[-1], f"{where}: metric '{name}'")
    for what, claims in (
        ("makes", [(name, metric.name) for metric in found for name in metric.ids]),
        ("has tile", [(str(metric.tile), metric.name) for metric in found if metric.tile]),
    ):
        owners: dict[str, str] = {}
        for claim, owner in claims:
            if (other := owners.setdefault(claim, owner)) != owner:
                where = f"{file}:{document.lines[owner]}"
                raise ConfigError(
                    f"{where}: metric '{owner}' {what} {claim}, as '{other}' does; change one"
                )
    return tuple(found)


def unknown_entities(
    metrics: Iterable[tuple[Metric, ...]], tables: dict[str, Table]
) -> Iterator[str]:
    """Kinds of records that metrics name and no source can tell of."""
    entities = [name for name, table in tables.items() if table.entity is not None]
    for metric in (item for of_room in metrics for item in of_room):
        for entity in metric.entities:
            if entity not in entities:
                yield (
                    f"{metric.where}: metric '{metric.name}': entities: '{entity}' is no kind of "
                    f"record{suggestion(entity, entities)}"
                )


def _check_windows(metric: Metric, where: str) -> None:
    """Raises ConfigError for windows that its kind cannot have."""
    windows = metric.windows
    if not windows or min(windows) < 1 or len(set(windows)) < len(windows):
        raise ConfigError(f"{where}: windows are different numbers of days, as [1, 28]")
    if metric.kind in ("level", "given") and windows != (1,):
        raise ConfigError(f"{where}: a {metric.kind} has no windows; take the line out")
    if metric.kind == "share" and metric.unit != "share":
        raise ConfigError(f"{where}: the unit of a share is share")
