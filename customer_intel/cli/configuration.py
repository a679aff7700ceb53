"""What `check` and `run` look at before anything is computed: contracts, definitions, mappings and a
home's settings, all of their faults at once.

Belongs here: gathering. Not here: what is a fault (core/contract, core/tables, facts, ingest).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_intel.core.contract.model import PACKAGE, Contract, suggestion
from customer_intel.core.contract.yaml_lines import Faults
from customer_intel.core.tables.definition import Definition

if TYPE_CHECKING:
    from customer_intel.ingest.mapping.model import FileMapping

# The asset that publishes, which --select may name beside tables.
RELEASE = "release"
YAML = (".yaml", ".yml")


@dataclass
class Looked:
    """What was found; `contract` and `definitions` are None where they have a fault. `warnings`:
    what may be right.
    """

    faults: Faults = field(default_factory=Faults)
    warnings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    contract: Contract | None = None
    definitions: dict[str, Definition] | None = None
    is_configured: bool = True
    # What config/sources.yaml says, by source.
    expected: Mapping[str, Any] = field(default_factory=dict)


def look(home: Path, landing: Path, select: Sequence[str] = ()) -> Looked:
    """Counts contracts, entities and mappings, and gathers what is wrong with them and with the
    home's settings. `select`: tables that must exist.
    """
    from customer_intel.core.contract import load as contract
    from customer_intel.core.tables import definition as table
    from customer_intel.core.tables import parameters
    from customer_intel.ingest.mapping import model as mapping

    looked = Looked()
    with looked.faults.gathered():
        looked.contract = contract.load()
    if looked.contract:
        with looked.faults.gathered():
            looked.definitions = table.definitions(looked.contract)
    before = len(looked.faults.told)
    rooms = sorted(path.parent.name for path in PACKAGE.glob("*/tables.yaml"))
    states = _settings(looked, home, rooms)
    looked.is_configured = len(looked.faults.told) == before
    own = [f"{key}.yaml" for room in rooms for key in parameters.own_files(room)]
    looked.faults.add(*_unread(home / "config", rooms, own))
    if looked.contract:
        with looked.faults.gathered():
            mappings = mapping.load(home / "config" / "mappings", looked.contract.entities)
            looked.warnings += _strangers(states, mappings, landing)
            looked.warnings += _unknown_sources(looked.expected, mappings, landing)
            looked.counts = {
                "tables": len(looked.definitions or ()),
                "entities": len(looked.contract.entities),
                "mappings": len(mappings),
            }
        for name in select:
            if name != RELEASE:
                with looked.faults.gathered():
                    looked.contract.table(name)
    return looked


def _settings(looked: Looked, home: Path, rooms: Sequence[str]) -> dict[str, str]:
    """Looks at every room's settings. The sources' own words: source.entity → where it stands."""
    from customer_intel.behaviour import behaviour_difference, declaration, retention_settings
    from customer_intel.core.engine import DuckDBEngine, EngineSettings
    from customer_intel.core.tables import parameters
    from customer_intel.facts import states
    from customer_intel.ingest.judge import declared as expected
    from customer_intel.journeys import settings as journeys
    from customer_intel.profiles import settings as profiles

    own_checks: dict[str, tuple[Callable[[Mapping[str, Any]], object], ...]] = {
        "facts": (states.validate,),
        "behaviour": (
            declaration.validate,
            retention_settings.declared,
            behaviour_difference.declared,
        ),
        "journeys": (journeys.validate,),
        "profiles": (profiles.validate,),
    }
    declared: dict[str, str] = {}
    for room in rooms:
        config, wrong = parameters.read(room, home)
        looked.faults.add(*wrong.told)
        if room == "ingest":
            with looked.faults.gathered():
                looked.expected = expected.declared(config)
        for validate in own_checks.get(room, ()):
            with looked.faults.gathered():
                validate(config)
        if room == "facts":
            lines = getattr(config["states"], "lines", {})
            declared = {key: f"{states.OWN_FILE}:{line}" for key, line in lines.items()}
            with looked.faults.gathered():
                DuckDBEngine(EngineSettings(), []).define_local_time(
                    str(config["time_zone"]), parameters.place_of(config, "time_zone")
                )
    return declared


def _unread(config: Path, rooms: Iterable[str], own: Iterable[str] = ()) -> Iterator[str]:
    """YAML files of a home's configuration that nothing reads. `own`: files of single settings."""
    known = ["company.yaml", *(f"{room}.yaml" for room in rooms), *own]
    for path in sorted(config.rglob("*")):
        name = path.relative_to(config)
        is_hidden = any(part.startswith(".") for part in name.parts)
        if path.suffix.lower() not in YAML or is_hidden or not path.is_file():
            continue
        told = f"config/{name.as_posix()}: nothing reads this file"
        if name.parts[0] == "mappings":
            if len(name.parts) > 2:
                yield f"{told}; mappings lie in config/mappings/ itself, not in a folder below it"
            elif path.suffix != ".yaml":
                yield f"{told}; name it {path.stem}.yaml"
        elif len(name.parts) > 1:
            yield f"{told}; settings lie in config/ itself, mappings in config/mappings/"
        elif path.name not in known:
            meant, others = f"{path.stem.lower()}.yaml", ", ".join(known)
            near = f"; name it {meant}" if meant in known else suggestion(meant, known)
            yield told + (near or f"; those read are {others} and mappings/*.yaml")


def _unknown_sources(
    declared: Mapping[str, Any], mappings: Mapping[str, FileMapping], landing: Path
) -> Iterator[str]:
    """Sources of config/sources.yaml that neither a mapping of the home nor a landing folder names."""
    from customer_intel.ingest.judge import declared as expected

    landed = {path.name for path in landing.glob("*/")}
    shipped = {mapping.source for mapping in mappings.values()}
    yield from expected.unknown(declared, landed | shipped)
    today = datetime.now(UTC).date()
    for source, own in sorted(declared.items()):
        for one in (own, *own.exports.values()):
            if ahead := [day for day in one.accepted if day > today]:
                yield f"{expected.FILE}: '{source}' accepts an export of {min(ahead)}, which is ahead"


def _strangers(
    declared: Mapping[str, str], mappings: Mapping[str, FileMapping], landing: Path
) -> Iterator[str]:
    """Words for the states of a source that no mapping and no folder of the landing zone names: a
    slip, or a source that has not landed yet.
    """
    known = {mapping.source for mapping in mappings.values()}
    known |= {path.name for path in landing.glob("*/")} | {"files"}
    for key, where in declared.items():
        source = key.rpartition(".")[0]
        if source and source not in known:
            near = suggestion(source, known)
            yield (
                f"{where}: states: no mapping and no folder of landing/ is named '{source}'{near}"
                f"{'' if near else ';'} its words count for nothing until it lands"
            )
