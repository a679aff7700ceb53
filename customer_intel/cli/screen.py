"""What every command shares: exit codes, options, the two streams, the settings of its home.

Exit codes: 0 done, 1 error, 2 a gate closed, 3 bad configuration, 4 published with a source held
back, 64 an option or command that does not exist.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from customer_intel.settings import Settings

DONE, ERROR, GATE_CLOSED, BAD_CONFIGURATION, HELD_BACK = 0, 1, 2, 3, 4
# Something was published.
PUBLISHED = (DONE, HELD_BACK)
WRONG_COMMAND_LINE = 64

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="CUSTOMER_INTEL_HOME",
        help="Holds landing/, lake/, quarantine/, published/, config/.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print a machine-readable summary instead.")
]


def fail(message: str, code: int) -> NoReturn:
    """Says it on stderr and ends the process with `code`."""
    err.print(f"[red]✗[/] {escape(message)}", soft_wrap=True)
    sys.exit(code)


def warn(warnings: Sequence[str]) -> None:
    """Says on stderr what may be right and is worth a look."""
    for warning in warnings:
        err.print(f"[yellow]![/] {escape(warning)}", soft_wrap=True)


DEFAULT_HOME = Path("data")
# An address with a slash or a colon too few.
_ADDRESS = re.compile(r"(s3|sftp|ssh|gs|gcs|file):?/", re.IGNORECASE)


def existing(home: Path, *, is_made: bool = False) -> Path:
    """The home. Ends the process with 3 where it is no folder, and, unless the command makes it,
    where it does not exist; only the default one may be missing.
    """
    lowest = next(path for path in (home, *home.resolve().parents) if path.exists())
    if not lowest.is_dir():
        fail(f"--home {home}: {lowest.name} is a file, not a folder", BAD_CONFIGURATION)
    if not home.exists() and not is_made and home != DEFAULT_HOME:
        fail(
            f"--home {home}: no such folder; mend the path, or begin a home there: customer-intel "
            f"run --home {home} --landing FOLDER",
            BAD_CONFIGURATION,
        )
    return home


def settings_of(home: Path, landing: str | None = None, *, is_made: bool = False) -> Settings:
    """The home's settings, which steps of the run and the UI's processes read from the environment.

    `is_made`: the command makes the home where it is missing.
    """
    existing(home, is_made=is_made)
    os.environ["CUSTOMER_INTEL_HOME"] = str(home.resolve())
    if landing is not None:
        if "://" not in landing and not Path(landing).is_dir():
            found = _ADDRESS.match(landing)
            hint = f"; an address begins with {found[1].lower()}://" if found else ""
            fail(f"--landing {landing}: no such folder{hint}", BAD_CONFIGURATION)
        os.environ["CUSTOMER_INTEL_LANDING"] = (
            landing if "://" in landing else str(Path(landing).resolve())
        )
    return Settings()
