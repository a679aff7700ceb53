"""Decisions on who is who as an export: landing/review/<date>/identity_overrides.csv, which the next night takes.

Belongs here: what stands in that file, and adding to it without losing a row. Not here: asking (review.py), what a
decision does (identity/linking/overrides.py).
"""

from __future__ import annotations

import csv
import fcntl
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.store.lake import write_bytes

SOURCE, FILE = "review", "identity_overrides.csv"
COLUMNS = (
    "override_id", "action", "record_key_a", "record_key_b", "decided_at", "decided_by", "reason",
)  # fmt: skip
_LOCK = ".review.lock"
Pair = tuple[str, str]


@dataclass(frozen=True)
class Decision:
    """`action`: merge | never_merge; `reason`: what made the pair doubtful, a word of match_review."""

    action: str
    record_key_a: str
    record_key_b: str
    decided_at: datetime
    decided_by: str
    reason: str

    def row(self) -> list[str]:
        """The row of COLUMNS; its id says nothing and is another for every decision."""
        said = self.decided_at.isoformat(sep=" ", timespec="microseconds")
        text = f"{self.action}|{self.record_key_a}|{self.record_key_b}|{said}"
        return [
            f"review-{sha256(text.encode()).hexdigest()[:16]}",
            self.action,
            self.record_key_a,
            self.record_key_b,
            said,
            self.decided_by,
            self.reason,
        ]


def place(landing: Path, last_night: date) -> Path:
    """Where decisions after that night go: the next night takes it, also one of the same date."""
    return landing / SOURCE / last_night.isoformat() / FILE


def decided(landing: Path) -> set[Pair]:
    """Pairs (the smaller key first) that stand in any such file, whether a night has taken it or not."""
    found = set()
    for path in sorted((landing / SOURCE).glob(f"*/{FILE}")):
        for row in csv.DictReader(io.StringIO(_text(path), newline="")):
            a, b = row.get("record_key_a") or "", row.get("record_key_b") or ""
            found.add((min(a, b), max(a, b)))
    return found


def add(home: Path, path: Path, decisions: list[Decision]) -> None:
    """Adds them behind what the file holds; a reader sees the file before or after.

    Raises ConfigError for a file of other columns.
    """
    with _alone(home):
        before = _text(path) if path.exists() else ""
        head = next(csv.reader(io.StringIO(before, newline="")), None)
        if head is not None and head != list(COLUMNS):
            raise ConfigError(
                f"{path.parent.parent.name}/{path.parent.name}/{path.name} has other columns than "
                f"{','.join(COLUMNS)}; nothing was written: move the file to another source's folder and try again"
            )
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        if head is None:
            writer.writerow(COLUMNS)
        writer.writerows(decision.row() for decision in decisions)
        if before and not before.endswith("\n"):
            before += "\n"
        write_bytes(path, (before + text.getvalue()).encode())


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(
            f"{path.parent.parent.name}/{path.parent.name}/{path.name} is not UTF-8; nothing was "
            "written: save it as UTF-8, or move it to another source's folder"
        ) from None


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One writer at a time: two people may review one home."""
    with (home / _LOCK).open("a+", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
