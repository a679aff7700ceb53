"""`review`: doubts about who is who, one after the other, and what a person decides of them.

Belongs here: showing a doubt and asking. Not here: which doubts there are (identity/linking/match_review.sql), the file
that decisions go to (decisions_file.py). Prints personal values: it is for those who may see them.
"""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from customer_intel.cli import decisions_file
from customer_intel.cli.decisions_file import Decision
from customer_intel.cli.lake_tables import tables_of
from customer_intel.cli.screen import (
    BAD_CONFIGURATION,
    HomeOption,
    JsonOption,
    fail,
    out,
    settings_of,
)
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.orchestration.export_dates import day_of, doors

if TYPE_CHECKING:
    import polars as pl

_TABLES = ("match_review", "party_record", "record_confidence", "match_edge")
_KEYS = {"s": "merge", "d": "never_merge", "l": "", "q": ""}
_ASK = "same person (s), different people (d), later (l), quit (q)"
# What of a record is shown: heading, columns of which the first that says something counts.
_FACTS = (
    ("name", ("full_name",)), ("email", ("email",)), ("second email", ("secondary_email",)),
    ("mobile", ("mobile_phone",)), ("phone", ("phone",)), ("born", ("birth_date", "birth_date_text")),
    ("address", ()), ("company", ("company_name",)), ("login", ("external_user_id",)), ("source", ("source_system",)),
    ("first seen", ("first_seen_at",)), ("last seen", ("last_seen_at",)),
)  # fmt: skip
_STREET = ("street", "house_number", "unit", "postal_code", "city", "country")


@dataclass(frozen=True)
class Doubt:
    """`row`: of match_review; `records`: heading → value of its two records; `sizes`: records of the two customers;
    `pairs`: pairs of records that must be decided together.
    """

    row: Mapping[str, Any]
    records: tuple[dict[str, str], dict[str, str]]
    sizes: tuple[int, int]
    pairs: tuple[tuple[str, str], ...]
    speaks_for: list[str]
    speaks_against: list[str]
    doubt: str

    @property
    def keys(self) -> tuple[str, str]:
        """The two records."""
        return self.row["record_key_a"], self.row["record_key_b"]

    @property
    def odds(self) -> str:
        """What evidence alone says, as odds."""
        from customer_intel.identity.explain.reasons import odds

        bits = self.row["weight"] or 0.0
        return f"{odds(abs(bits))} for {'one person' if bits >= 0 else 'two people'}"

    @property
    def stake(self) -> str:
        """What hangs on it."""
        return (
            f"{_count(self.row['n_orders'], 'order')}, {_count(self.row['n_messages'], 'message')}"
        )

    def told(self) -> dict[str, Any]:
        """As --json prints it."""
        names = ("stake_rank", "review_kind", "reason", "record_key_a", "record_key_b", "customer_id_a",
                 "customer_id_b", "weight", "probability", "n_orders", "n_messages")  # fmt: skip
        return {
            **{name: self.row[name] for name in names},
            "doubt": self.doubt,
            "odds": self.odds,
            "speaks_for": self.speaks_for,
            "speaks_against": self.speaks_against,
            "records": list(self.records),
        }


def review(
    home: HomeOption = Path("data"),
    landing: Annotated[
        str | None,
        typer.Option(help="Folder of the raw exports, as nights are run with; decisions go there."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="So many doubts, the most at stake first.")
    ] = 20,
    by: Annotated[
        str | None, typer.Option(help="Who decides, as the decision says; default the login.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Walks through doubts about who is who (match_review), the most at stake first, and asks: same person or different
    people? Decisions go to landing/review/<last night>/identity_overrides.csv; the next night keeps to them.

    Nothing is decided by itself: without a terminal, or with --json, the doubts are only listed. Prints personal
    values. Raises ConfigError when no night has run.
    """
    settings = settings_of(home, landing)
    home = settings.home_dir
    night, tables = _read(home)
    target = _landing(settings)
    known = decisions_file.decided(target)
    doubts = [doubt for doubt in _doubts(tables) if not set(doubt.pairs[:1]) & known]
    shown = doubts[:limit]
    if as_json:
        told = {"doubts": len(doubts), "shown": [doubt.told() for doubt in shown]}
        print(json.dumps(told, indent=1, default=str, ensure_ascii=False))
        return
    if not doubts:
        out.print("[green]✓[/] No doubt is open.")
        return
    if not _is_asked():
        for place, doubt in enumerate(shown, 1):
            _show(doubt, place, len(doubts))
        out.print(_rest(len(doubts) - len(shown)) + "Run it in a terminal to decide.")
        return
    if landing is None and not settings.landing_url and not _holds_exports(target):
        fail(
            f"{target.name}/ holds no exports, so no night would see decisions there; say with which "
            "exports nights run: customer-intel review --landing FOLDER",
            BAD_CONFIGURATION,
        )
    path = decisions_file.place(target, night)
    counts = _walk(shown, len(doubts), home, path, by or getpass.getuser())
    _end(counts, path, len(doubts), settings.landing_url)


def _walk(shown: list[Doubt], total: int, home: Path, path: Path, who: str) -> dict[str, int]:
    """Asks for each doubt; each decision is on the disk before the next question."""
    counts = dict.fromkeys(("merge", "never_merge"), 0)
    for place, doubt in enumerate(shown, 1):
        _show(doubt, place, total)
        key = _asked()
        if key == "q":
            break
        if action := _KEYS[key]:
            pairs = doubt.pairs if action == "merge" else doubt.pairs[:1]
            now = datetime.now(UTC).replace(tzinfo=None)
            made = [Decision(action, a, b, now, who, doubt.row["reason"]) for a, b in pairs]
            decisions_file.add(home, path, made)
            counts[action] += 1
    return counts


def _asked() -> str:
    """One of the keys; the end of the input is a q."""
    while True:
        try:
            key = input(f"{_ASK}: ").strip().lower()[:1]
        except (EOFError, KeyboardInterrupt):
            out.print()
            return "q"
        if key in _KEYS:
            return key


def _is_asked() -> bool:
    """Whether somebody sits there."""
    return sys.stdin.isatty()


def _end(counts: Mapping[str, int], path: Path, total: int, landing_url: str | None) -> None:
    n = sum(counts.values())
    if not n:
        out.print(f"Nothing decided; {_count(total, 'doubt')} open.")
        return
    where = "/".join(path.parts[-4:])
    out.print(
        f"[green]✓[/] {_count(n, 'decision')}: {counts['merge']} the same, {counts['never_merge']} "
        f"different; {_count(total - n, 'doubt')} open. The next night takes {escape(where)}.",
        soft_wrap=True,
    )
    if landing_url:
        out.print(
            f"Exports come from {escape(landing_url)}: put the file there, below "
            f"{decisions_file.SOURCE}/{path.parent.name}/.",
            soft_wrap=True,
        )


# ---- what is shown
def _show(doubt: Doubt, place: int, total: int) -> None:
    kind = (
        "two customers today" if doubt.row["review_kind"] == "not_merged" else "one customer today"
    )
    out.print(f"\n[bold]{place} of {total:,}[/] · {kind} · at stake: {doubt.stake}")
    shown = Table(show_edge=False, pad_edge=False, box=None)
    shown.add_column("", style="dim")
    for key in doubt.keys:
        shown.add_column(escape(key), overflow="fold")
    a, b = doubt.records
    for heading in (name for name, _ in _FACTS if name in a or name in b):
        one, other = a.get(heading, ""), b.get(heading, "")
        style = "green" if one and one.casefold() == other.casefold() else ""
        shown.add_row(heading, *(escape(text) for text in (one, other)), style=style)
    customers = (doubt.row["customer_id_a"], doubt.row["customer_id_b"])
    of_many = (
        f"{customer}, {_count(size, 'record')}"
        for customer, size in zip(customers, doubt.sizes, strict=True)
    )
    shown.add_row("customer", *of_many, style="dim")
    out.print(shown)
    nothing = ["little"]
    out.print(f"for one person: {escape(', '.join(doubt.speaks_for or nothing))}", soft_wrap=True)
    if doubt.speaks_against:
        out.print(f"against it:     {escape(', '.join(doubt.speaks_against))}", soft_wrap=True)
    out.print(f"in doubt, for {doubt.doubt}; evidence alone: {doubt.odds}", soft_wrap=True)


def _rest(more: int) -> str:
    return f"{more:,} more (--limit). " if more else ""


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


# ---- reading
def _read(home: Path) -> tuple[date, dict[str, pl.DataFrame]]:
    """The last night and its tables. Raises ConfigError without one, or where an older version made it."""
    from customer_intel.core.store.lake import Lake
    from customer_intel.core.store.night_states import last_night

    night = last_night(home, doors())
    if night is None or Lake(home).current("match_review") is None:
        raise ConfigError(
            f"{home.name}/ holds no customers yet; run a night first (customer-intel run)"
        )
    return night, tables_of(home, _TABLES)


def _holds_exports(landing: Path) -> bool:
    """Whether any source but the review itself has a folder of a date there."""
    return any(
        day_of(folder.name) is not None
        for folder in landing.glob("*/*")
        if folder.parent.name != decisions_file.SOURCE
    )


def _landing(settings: Any) -> Path:
    """Where decisions go; beside the home where exports come from elsewhere."""
    return Path(settings.home_dir / "landing" if settings.landing_url else settings.landing_dir)


def _doubts(tables: Mapping[str, pl.DataFrame]) -> Iterator[Doubt]:
    import polars as pl

    from customer_intel.identity.explain.reasons import AGAINST, speaking

    rows = tables["match_review"].sort("stake_rank")
    concerned = pl.concat([rows["customer_id_a"], rows["customer_id_b"]]).unique().implode()
    members: dict[str, list[str]] = {}
    inside = (
        tables["record_confidence"]
        .filter(pl.col("customer_id").is_in(concerned))
        .sort("record_key")
    )
    for customer, key in inside.select("customer_id", "record_key").iter_rows():
        members.setdefault(customer, []).append(key)
    wanted = pl.concat([rows["record_key_a"], rows["record_key_b"]]).unique().implode()
    party = tables["party_record"].filter(pl.col("record_key").is_in(wanted))
    records = {row["record_key"]: _facts(row) for row in party.iter_rows(named=True)}
    vetoed = set(
        tables["match_edge"]
        .filter(pl.col("veto").is_not_null())
        .select("record_key_a", "record_key_b")
        .iter_rows()
    )
    for row in rows.iter_rows(named=True):
        a, b = row["record_key_a"], row["record_key_b"]
        # A night that ended at a gate may have made the one table and not the other.
        sides = members.get(row["customer_id_a"], [a]), members.get(row["customer_id_b"], [b])
        # Who is one with a is one with each of its records, or they would fall apart again.
        crossing = [(min(x, y), max(x, y)) for x in sides[0] for y in sides[1]]
        also = [pair for pair in crossing if pair in vetoed and pair != (a, b)]
        speaks_for, against = speaking(row["levels"])
        yield Doubt(
            row,
            (records.get(a, {}), records.get(b, {})),
            (len(sides[0]), len(sides[1])),
            ((a, b), *(also if row["review_kind"] == "not_merged" else ())),
            speaks_for,
            against,
            AGAINST[row["reason"]],
        )


def _facts(row: Mapping[str, Any]) -> dict[str, str]:
    """Heading → what the record says, as its source has it."""
    parts = (row["first_name"], row["middle_name"], row["last_name"], row["suffix"])
    name = row["full_name"] or " ".join(str(part) for part in parts if part)
    address = ", ".join(str(row[column]) for column in _STREET if row[column])
    found = {"name": name, "address": address}
    for heading, columns in _FACTS:
        said = next((row[column] for column in columns if row[column] is not None), None)
        if heading not in found:
            found[heading] = (
                said.date().isoformat() if isinstance(said, datetime) else str(said or "")
            )
    return {heading: text for heading, text in found.items() if text}
