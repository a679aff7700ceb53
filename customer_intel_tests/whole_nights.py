"""Whole nights in temporary homes: the command line in this process, the steps without Dagster,
what they leave.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import Table
from customer_intel.core.night import build as step
from customer_intel.core.night.night import Outcome
from customer_intel.core.store.lake import Lake
from customer_intel.core.store.release import Release
from customer_intel.core.tables import definition as table
from customer_intel.demo import END, poison, simulate
from customer_intel.settings import Settings

FIRST, SECOND = date(2026, 6, 29), END
BAD_FILE = "shopify/2026-06-30/orders_export_1.csv"


@dataclass(frozen=True)
class Ran:
    """A command that ended. `text` is what it said, with its line breaks made spaces."""

    code: int
    out: str
    err: str = ""

    @property
    def text(self) -> str:
        return " ".join((self.out + " " + self.err).split())

    @property
    def summary(self) -> dict[str, Any]:
        return dict(json.loads(self.out))


def cli(*arguments: str | Path) -> Ran:
    """`customer-intel <arguments>` in this process: imports are paid once. Environment and umask
    come back.
    """
    from customer_intel.cli import main

    out, err = io.StringIO(), io.StringIO()
    mask = os.umask(0o077)
    try:
        with (
            mock.patch.dict(os.environ),
            mock.patch.object(sys, "argv", ["customer-intel", *map(str, arguments)]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            main()
    except SystemExit as end:
        return Ran(int(end.code or 0), out.getvalue(), err.getvalue())
    finally:
        os.umask(mask)
    return Ran(0, out.getvalue(), err.getvalue())


class Steps:
    """The night of `as_of` table by table, as the job orders them, without Dagster's bookkeeping."""

    def __init__(self, home: Path, as_of: date, landing: Path | None = None) -> None:
        from customer_intel.orchestration import nights

        self.contract = contract.load()
        self.definitions = table.definitions(self.contract)
        self.night = nights.of_date(Settings(home=home, landing=landing), as_of)

    def build(self, names: Iterable[str] | None = None) -> dict[str, Outcome]:
        """Outcomes of what ran; what is downstream of a closed gate does not run."""
        chosen = set(self.definitions if names is None else names)
        outcomes: dict[str, Outcome] = {}
        stopped: set[str] = set()
        for name, definition in self.definitions.items():
            if stopped & set(definition.depends_on):
                stopped.add(name)
            elif name in chosen:
                outcomes[name] = step.build(self.night, definition)
                stopped |= set() if outcomes[name].passed else {name}
        return outcomes

    def publish(self) -> Release:
        from customer_intel.orchestration.publication import publish

        return publish(self.night, published(), "steps")


def published() -> dict[str, Table]:
    return {name: spec for name, spec in contract.load().tables.items() if spec.published}


def upstream(*roots: str) -> list[str]:
    """The tables and everything that they are computed from."""
    definitions, found = table.definitions(contract.load()), set(roots)
    for name in reversed(definitions):
        if name in found:
            found |= set(definitions[name].depends_on)
    return sorted(found)


def downstream(*roots: str) -> list[str]:
    """Everything that is computed from the tables, itself left out."""
    found = set(roots)
    for name, definition in table.definitions(contract.load()).items():
        if found & set(definition.depends_on):
            found.add(name)
    return sorted(found - set(roots))


def bytes_of(folder: Path) -> dict[str, str]:
    """path → sha256 of every file below `folder`."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def accepted(home: Path) -> dict[str, str]:
    """table → sha256 of its accepted version."""
    lake = Lake(home)
    return {
        name: version.sha256 for name in contract.load().tables if (version := lake.current(name))
    }


@dataclass(frozen=True)
class Demo:
    """The demo company's homes, to be copied: `first` after one night; `second` after the next,
    which was run with a poisoned export and then, mended, again. What was seen on the way is kept
    beside them.
    """

    first: Path
    second: Path
    poisoned: Ran
    mended: Ran
    before: dict[str, dict[str, str]]
    after: dict[str, dict[str, str]]

    def copy(self, of: Path, to: Path) -> Path:
        """A home of its own, without Dagster's old runs. Its exports are copies, its tables are
        shared by hard links: neither lake nor releases ever change a file in place.
        """
        shutil.copytree(of / "landing", to / "landing")
        for name in ("lake", "published", "quarantine"):
            shutil.copytree(of / name, to / name, symlinks=True, copy_function=os.link)
        return to


def first_night(folder: Path) -> Path:
    """The demo company's home after one night, in `folder`, made once for all processes."""
    once(folder / "first.json", lambda: _first(folder / "first", folder / "second"))
    return folder / "first"


def _first(first: Path, second: Path) -> str:
    """`second` goes on from here; a copy has no hard links between lake and release."""
    simulate(second / "landing", customers=150, days=120, nights=2)
    steps = Steps(second, FIRST)
    assert all(outcome.passed for outcome in steps.build().values())
    steps.publish()
    shutil.copytree(second, first, symlinks=True)
    return json.dumps(str(first))


def demo(folder: Path) -> Demo:
    """Makes the homes in `folder`, or reads them where another process has made them."""
    first_night(folder)
    story = once(folder / "story.json", lambda: json.dumps(_story(folder / "second")))
    told = json.loads(story)
    return Demo(
        folder / "first",
        folder / "second",
        Ran(**told["poisoned"]),
        Ran(**told["mended"]),
        told["before"],
        told["after"],
    )


def once(answer: Path, make: Callable[[], str]) -> str:
    """What `make` said, asked once by all of a test run's processes; `answer` keeps it."""
    answer.parent.mkdir(exist_ok=True)
    with answer.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not answer.exists():
            answer.write_text(make(), encoding="utf-8")
    return answer.read_text(encoding="utf-8")


def _story(second: Path) -> dict[str, Any]:
    good = (second / "landing" / BAD_FILE).read_bytes()
    seen = [_bytes(second)]
    assert poison(second / "landing", "renamed_column") == second / "landing" / BAD_FILE
    poisoned = cli("run", "--home", second, "--json")
    seen.append(_bytes(second))
    (second / "landing" / BAD_FILE).write_bytes(good)
    mended = cli("run", "--home", second, "--json")
    return {
        "poisoned": asdict(poisoned),
        "mended": asdict(mended),
        "before": seen[0],
        "after": seen[1],
    }


def _bytes(home: Path) -> dict[str, dict[str, str]]:
    return {name: bytes_of(home / name) for name in ("lake", "published", "quarantine")}
