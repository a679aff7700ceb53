"""What a room says of itself in the night's report: the shape of its module report.py, and where
these are found.

Belongs here: sections, headlines, findings, terms, and finding the modules by folder, as tables.yaml
is found. Not here: what any of them says (<room>/report.py), the page around them (publish/).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from customer_intel.core.contract.model import PACKAGE
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.report.evidence import Evidence
from customer_intel.core.report.markup import Html, unmarked
from customer_intel.core.tables.definition import REPORT_FILE, module_of

# A difference is a finding when chance alone would show one as large less often than this, after
# Holm.
SURE = 0.01


@dataclass(frozen=True)
class Section:
    """A chapter of the page. `key` is its anchor; `make` says why there is nothing where tables are
    empty. So many of its first figures are `pictures` of the release in Dagster too.
    """

    key: str
    title: str
    make: Callable[[Evidence], Html]
    pictures: int = 0


@dataclass(frozen=True)
class Headline:
    """One figure of the strip on top of the page, of the `metric` that decides it. Of the lines
    `beside` it, empty ones are left out.
    """

    label: str
    value: str
    unit: str = ""
    beside: tuple[object, ...] = ()
    metric: str = ""


@dataclass(frozen=True)
class Finding:
    """A sentence that the data is sure of; what it says of metrics is `cited` in it. `value`, by
    which findings rank, is the share of the business that it concerns (0 to 1), as well as it can
    be told.

    Of one question one answer is told per `subject`; what is `grave` is told however many others
    there are. `metric`: the one it is about.
    """

    sentence: str
    evidence_table: str
    value: float
    metric: str = ""
    subject: str = ""
    is_grave: bool = False

    @property
    def text(self) -> str:
        """The sentence without markup."""
        return unmarked(self.sentence)


@dataclass(frozen=True)
class RoomReport:
    """What a room says of itself; its report.py names it REPORT.

    `place` is where the room speaks among the others. Each of `findings` is one question, and at
    most one of its answers is told; `glossary`: term → what it means.
    """

    place: int
    sections: tuple[Section, ...] = ()
    headlines: tuple[Callable[[Evidence], Iterable[Headline]], ...] = ()
    findings: tuple[Callable[[Evidence], Iterable[Finding]], ...] = ()
    glossary: Mapping[str, str] = field(default_factory=dict)


def room_reports(package: Path = PACKAGE) -> tuple[RoomReport, ...]:
    """Every room's, in the order of their places. Raises ConfigError naming the file to mend."""
    found: dict[str, RoomReport] = {}
    for path in sorted(package.glob(f"*/{REPORT_FILE}")):
        if path.with_name("tables.yaml").exists():
            found[f"{path.parent.name}/{REPORT_FILE}"] = _read(path, package)
    for what, claims in (
        ("place", _claims(found, lambda room: [room.place])),
        ("section key", _claims(found, lambda room: [item.key for item in room.sections])),
        ("glossary term", _claims(found, lambda room: room.glossary)),
    ):
        for name, files in claims.items():
            if len(files) > 1:
                raise ConfigError(
                    f"{' and '.join(files)} have the {what} {name} both; change it in one of them"
                )
    return tuple(sorted(found.values(), key=lambda room: room.place))


def _claims(
    found: Mapping[str, RoomReport], names: Callable[[RoomReport], Iterable[object]]
) -> dict[object, list[str]]:
    """name → the files that use it."""
    claims: dict[object, list[str]] = {}
    for file, room in found.items():
        for name in names(room):
            claims.setdefault(name, []).append(file)
    return claims


def _read(path: Path, package: Path) -> RoomReport:
    where = path.relative_to(package)
    try:
        report = getattr(module_of(path), "REPORT", None)
    except Exception as error:
        lines = [
            at.lineno
            for at in traceback.extract_tb(error.__traceback__)
            if at.filename == str(path)
        ]
        line, said = lines[-1] if lines else 1, str(error)
        if isinstance(error, SyntaxError):
            line, said = error.lineno or 1, error.msg
        raise ConfigError(f"{where}:{line}: {said}; mend the Python there") from error
    if not isinstance(report, RoomReport):
        raise ConfigError(
            f"{where}: no REPORT in it; end it with REPORT = RoomReport(place=…, …) as "
            "docs/add-a-section.md shows"
        )
    return report
