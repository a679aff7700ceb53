"""What `customer-intel inspect` found of one file: for machines as a summary, for people as a
screen.

Belongs here: the findings and how they are shown. Not here: making them (inspect_file.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from customer_intel.ingest.advise.column_profile import ColumnProfile
from customer_intel.ingest.advise.match_entity import EntityCandidate
from customer_intel.ingest.advise.sniffed import Note, Sniffed

# A file of more columns than MOST is shown by its FIRST ones.
MOST, FIRST = 100, 40
CONFIG = Path(__file__).resolve().parent.parent / "config.yaml"


@dataclass(frozen=True)
class Trial:
    """What became of the file's rows through the written mapping."""

    read: int
    accepted: int
    quarantined: int
    duplicates: int
    records: int
    same_key: int
    failures: tuple[str, ...]
    # Whether a night would refuse the file for its rejected rows.
    is_refused: bool = False

    @property
    def works(self) -> bool:
        """Whether rows were accepted and a night takes the file."""
        return self.accepted > 0 and not self.is_refused


@dataclass
class Written:
    """One mapping file, and how it fared."""

    path: Path
    entity: str
    trial: Trial
    unmapped: list[str]
    # Questions that keep a night from reading files by it.
    asks: int = 0


@dataclass
class Inspected:
    """All that was found of one file."""

    file: str
    source: str
    sniffed: Sniffed
    rows: int
    unreadable: int
    profiles: list[ColumnProfile]
    ranking: list[EntityCandidate]
    notes: list[Note] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)

    @property
    def works(self) -> bool:
        """Whether every written mapping works, or waits for an answer."""
        return bool(self.written) and all(item.asks or item.trial.works for item in self.written)

    def summary(self) -> dict[str, Any]:
        """The findings for machines; no value of the file is among them."""
        best = self.ranking[0]
        reader = self.sniffed.reader.model_dump(exclude_defaults=True)
        return {
            "file": self.file, "source": self.source, "format": self.sniffed.format,
            "compression": self.sniffed.compression, "rows": self.rows, "unreadable": self.unreadable,
            "has_header": self.sniffed.has_header, "reader": reader, "entity": self.written[0].entity,
            "columns": [
                {"name": profile.name, "kind": profile.kind, "filled": profile.filled, "distinct": profile.distinct,
                 "formats": list(profile.formats), "stays_text": profile.stays_text} for profile in self.profiles
            ],
            "entities": [
                {"entity": item.entity, "score": item.score, "why": item.why, "against": item.against,
                 "columns": {name: match.source for name, match in item.matches.items()}}
                for item in self.ranking[:5]
            ],
            "best_score": best.score,
            "notes": [{"level": note.level, "topic": note.topic, "text": note.text} for note in self.notes],
            "mappings": [
                {"path": str(item.path), "entity": item.entity, "extra_json": item.unmapped,
                 "works": item.trial.works and not item.asks,
                 "asks": item.asks,
                 "rows": {name: value for name, value in vars(item.trial).items() if type(value) is int},
                 "first_reasons": list(item.trial.failures)} for item in self.written
            ],
        }  # fmt: skip


# ---- the screen


def print_screen(found: Inspected, out: Console) -> None:
    """The findings as a screenful."""
    packed = f", {found.sniffed.compression}" if found.sniffed.compression else ""
    bad = f", {found.unreadable:,} unreadable" if found.unreadable else ""
    out.print(
        f"[bold]{escape(found.file)}[/]: {found.sniffed.format}{packed}, {found.rows:,} rows{bad}"
    )
    grid = Grid(box=None, pad_edge=False, header_style="dim")
    for name in ("column", "kind", "filled", "distinct", "becomes", "remarks"):
        grid.add_column(name, justify="right" if name in ("filled", "distinct") else "left")
    best = found.ranking[0]
    target = {match.source: name for name, match in best.matches.items()}
    shown = _shown(found.profiles, target)
    for profile in shown:
        remarks = [
            *profile.formats,
            *([profile.stays_text] if profile.stays_text else []),
            *(f"'{word}' = none" for word in profile.nulls),
        ]
        share = f"{profile.filled / profile.rows:.0%}" if profile.rows else "–"
        grid.add_row(
            escape(profile.name), profile.kind, share, f"{profile.distinct:,}",
            target.get(profile.name, "[dim]extra_json[/]"), escape(", ".join(remarks)),
        )  # fmt: skip
    out.print(grid)
    if left := len(found.profiles) - len(shown):
        out.print(f"… and {left:,} more columns, all kept in extra_json; --json lists them")
    out.print()
    for place, item in enumerate(found.ranking[:4]):
        line = (
            f"{'→' if not place else ' '} {item.entity:<20} {item.score:5.2f}  "
            f"{escape('; '.join(item.why))}"
        )
        out.print(
            line + (f" [dim](but {escape('; '.join(item.against))})[/]" if item.against else "")
        )
    out.print()
    signs = {"found": "[green]✓[/]", "guess": "[yellow]?[/] guessed:", "ask": "[red]![/] decide:"}
    for level in ("found", "guess", "ask"):
        for note in found.notes:
            if note.level == level:
                out.print(f"{signs[level]} {note.topic}: {escape(note.text)}")
    for made in found.written:
        _print_trial(made, out)


def _shown(profiles: Sequence[ColumnProfile], target: Mapping[str, str]) -> Sequence[ColumnProfile]:
    """Of a wide file, the first columns and all that become something."""
    if len(profiles) <= MOST:
        return profiles
    return [each for place, each in enumerate(profiles) if place < FIRST or each.name in target]


def _print_trial(item: Written, out: Console) -> None:
    trial = item.trial
    if item.asks:
        out.print(
            f"[red]![/] {escape(str(item.path))} ({item.entity}): a night reads nothing by it until "
            f"{item.asks} question{'s are' if item.asks > 1 else ' is'} answered: inspect again with "
            "--answer topic=value, or decide in the file and take the line out of its decide"
        )
        return
    mark = "[green]✓[/]" if trial.works else "[red]✗[/]"
    out.print(
        f"{mark} {escape(str(item.path))} ({item.entity}): {trial.read:,} rows read, "
        f"{trial.accepted:,} accepted, "
        f"{trial.quarantined:,} quarantined, {trial.duplicates:,} duplicates, {trial.records:,} "
        "records"
    )
    if trial.same_key:
        out.print(f"  [yellow]{trial.same_key:,}[/] records repeat a key; the newest counts")
    for failure in trial.failures:
        out.print(f"  {escape(failure)}")
