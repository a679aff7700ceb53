"""Export dates: which of the landing folder's a night takes by itself, and which are a question.

Belongs here: what is a plausible date, by the machine's clock, the home's last night and the folders'
names. Not here: files below the folders (ingest/land), a run's own date (nights.py).

A night of a date ahead is a door that opens one way: none of an earlier date may follow. No folder,
clock or schedule opens it, only `customer-intel run --as-of DATE --ahead`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.night.night import parts_of
from customer_intel.core.store.lake import Lake, LakeError
from customer_intel.core.store.night_states import last_night
from customer_intel.core.tables import definition as table
from customer_intel.settings import Settings

# It is tomorrow elsewhere, and nowhere the day after.
DAYS_AHEAD = 1
# An export that comes later than this after the home's last night is more often a slip in the year.
DAYS_LATE = 45
# A night so long after the last one, without an export between, is more often a wrong clock.
DAYS_ASLEEP = 366
FIRST = date(1970, 1, 2)
# 2026-6-30, 20260630, 30.06.2026, 2026-02-30, 2026_06_30, 2026-06-30T04, 2026-06-30 (1), 2026-06,
# 2026-W27-1, date=2026-06-30
_LIKE_A_DATE = re.compile(
    r"\D*((19|20)\d\d[-_. ]?[Ww]?\d{1,2}([-_. ]?\d{1,2})?|\d{1,2}[-_. ]\d{1,2}[-_. ]\d{2,4})(\D.*)?"
)
_YEAR = re.compile(r"(19|20)\d\d")
# Dates that this process's command line confirmed; no file and no variable adds to them.
asked: set[date] = set()


@dataclass(frozen=True)
class Odd:
    """A folder of the landing zone whose date is a question. `kind`: ahead | late | no_date."""

    folder: str
    kind: str
    message: str


class Refused(LakeError):
    """The night's date cannot be; the message says why and what to do."""


def today() -> date:
    """The day by UTC, in which export dates are."""
    return datetime.now(UTC).date()


def last_plausible() -> date:
    """The last export date there may be without anyone having said so."""
    return today() + timedelta(days=DAYS_AHEAD)


def day_of(text: str) -> date | None:
    """The date that a folder's name is, as YYYY-MM-DD and nothing else."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def landed_dates(settings: Settings) -> list[date]:
    """The export dates that landing/<source>/<date>/ folders name, but those of folders_ahead."""
    return sorted(day for day in set(_dated(settings).values()) if day <= last_plausible())


def folders_ahead(settings: Settings) -> list[str]:
    """Folders of export dates that nobody can have exported yet."""
    landed = _dated(settings)
    return sorted(name for name, day in landed.items() if day > last_plausible())


def odd_folders(settings: Settings, confirmed: Collection[date] = ()) -> list[Odd]:
    """Folders dated ahead, long before the home's last night and not taken yet, or by no date.
    `confirmed`: dates ahead that were said on the command line, up to the last of which all is taken.
    """
    found = []
    place, until = settings.landing_dir.name, max([last_plausible(), *confirmed])
    last = last_night(settings.home_dir, doors())
    if last and last > until:
        last = None
    taken = _taken(settings.home_dir) if last else set()
    for name, day in sorted(_dated(settings).items()):
        if day > until:
            found.append(
                Odd(
                    name,
                    "ahead",
                    f"{place}/{name}/ is dated ahead of today, {today()} (UTC, by this machine's "
                    "clock); nothing of it is taken: give the folder its right date, or, if that day is meant, say so: "
                    f"customer-intel run --as-of {day} --ahead",
                )
            )
        elif (
            last
            and (last - day).days > DAYS_LATE
            and name not in taken
            and _has_files(settings.landing_dir / name)
        ):
            found.append(
                Odd(
                    name,
                    "late",
                    f"{place}/{name}/ is dated {(last - day).days:,} days before the last night, "
                    f"{last}, and none of it was taken before: it is taken as a late export; is "
                    "its year right? If not, give it its right date",
                )
            )
    found += [
        Odd(
            name,
            "no_date",
            f"{place}/{name}/ is named like a date and is read as none "
            f"({place}/<source>/<YYYY-MM-DD>/): its files count as undated, of whatever night runs; "
            "give the folder its right date and place",
        )
        for name in sorted(_misnamed(settings.landing_dir))
    ]
    return found


def told(odd: Collection[Odd]) -> list[dict[str, str]]:
    """The folders as a summary lists them."""
    return [asdict(item) for item in odd]


def admit(settings: Settings, night: date, said: str = "") -> None:
    """Raises Refused where a night of that date may not run: before the home's last night, ahead
    without confirmation, or by a clock that cannot be. `said`: how the date was given.
    """
    if night < FIRST:
        raise Refused(f"{said or night} lies before {FIRST}; no export is of that day")
    home = settings.home_dir
    last = last_night(home, doors())
    if last and night < last:
        raise Refused(_before_last(settings, night, last, said))
    if night in asked or night == last:
        return
    if night > last_plausible():
        raise Refused(
            f"{said or f'the night of {night}'} lies ahead: by this machine's clock today is "
            f"{today()} (UTC), and after a night of that date none of an earlier one may run; set a "
            "clock that is wrong; if the date is meant, confirm it: "
            f"customer-intel run --as-of {night} --ahead"
        )
    if last and (night - last).days > DAYS_ASLEEP:
        newest = max((day for day in landed_dates(settings) if day <= night), default=last)
        if (night - max(last, newest)).days > DAYS_ASLEEP:
            raise Refused(
                f"{said or f'the night of {night}'} lies {(night - last).days:,} days after the "
                f"last night, {last}, and no export is of the year before it; is this machine's "
                f"clock right ({today()})? If the date is meant, confirm it: customer-intel run "
                f"--as-of {night} --ahead"
            )


def _before_last(settings: Settings, night: date, last: date, said: str) -> str:
    text = (
        f"{said or f'the night of {night}'} lies before the last night: the home has already seen "
        f"the night of {last}, and an earlier one would rewrite the history of customer ids; "
    )
    if last <= last_plausible():
        return (
            f"{text}run a night of {last} or later, undo the later nights (customer-intel reopen "
            f"{night}), or begin an empty --home"
        )
    before = max((day for day in landed_dates(settings) if day < last), default=night)
    return (
        f"{text}by this machine's clock today is {today()} (UTC): if the clock is wrong set it; if "
        f"the night of {last} was a slip, undo it: customer-intel reopen {min(before, today())}"
    )


@cache
def memory() -> tuple[str, ...]:
    """The tables that remember: each night's is computed from the night's before."""
    definitions = table.definitions(contract.load())
    return tuple(name for name, found in definitions.items() if "previous" in found.arguments)


@cache
def doors() -> tuple[str, ...]:
    """The tables whose memory no earlier night may follow. Not of them is what stands before a night
    is known to go on, when it may end and have changed nothing: what is remembered of sources, and
    the ids that a history was given.
    """
    early = ("source_check", "source_state", "customer_id_given")
    return tuple(name for name in memory() if name not in early)


@cache
def raw_tables() -> tuple[str, ...]:
    """The tables that hold what was taken of exports."""
    return tuple(name for name, spec in contract.load().tables.items() if spec.raw_of)


def first_export_date(settings: Settings) -> date | None:
    """The configured first date. Raises ConfigError for one that cannot be."""
    day = settings.first_export_date
    if day and not FIRST <= day <= max([last_plausible(), *asked]):
        where = "lies ahead of today" if day > FIRST else f"lies before {FIRST}"
        raise ConfigError(
            f"CUSTOMER_INTEL_FIRST_EXPORT_DATE {where}; it takes the date of the oldest export, such "
            "as 2024-01-01"
        )
    return day


def _dated(settings: Settings) -> dict[str, date]:
    """<source>/<date> → that date."""
    return {
        f"{folder.parent.name}/{folder.name}": day
        for source in _folders(settings.landing_dir)
        for folder in _folders(source)
        if (day := day_of(folder.name))
    }


def _misnamed(landing: Path) -> Iterator[str]:
    """Folders that are named like a date and are read as none: by their name, or their place."""
    for source in _folders(landing):
        if _LIKE_A_DATE.fullmatch(source.name) and _has_files(source):
            yield source.name
            continue
        for folder in _folders(source):
            if day_of(folder.name):
                continue
            below = _folders(folder)
            is_year = _YEAR.fullmatch(folder.name) and any(path.name.isdigit() for path in below)
            if (is_year or _LIKE_A_DATE.fullmatch(folder.name)) and _has_files(folder):
                yield f"{source.name}/{folder.name}"
                continue
            for deep in below:
                if _LIKE_A_DATE.fullmatch(deep.name) and _has_files(deep):
                    yield f"{source.name}/{folder.name}/{deep.name}"


def _folders(place: Path) -> list[Path]:
    found = place.glob("*/")
    return sorted(path for path in found if not path.name.startswith(".") and path.is_dir())


def _has_files(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*") if not path.name.startswith("."))


def _taken(home: Path) -> set[str]:
    """<source>/<date> of every file that the lake holds rows of, or looked at."""
    lake = Lake(home)
    return {
        "/".join(str(part.facts["source_file"]).split("/")[:2])
        for name in raw_tables()
        for part in parts_of(lake.current(name)).values()
        if "source_file" in part.facts
    }
