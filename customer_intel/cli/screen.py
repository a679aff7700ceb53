"""What every command shares: exit codes, options, the two streams, the settings of its home.

Exit codes: 0 done, 1 error, 2 a gate closed, 3 bad configuration.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from customer_intel.settings import Settings

DONE, ERROR, GATE_CLOSED, BAD_CONFIGURATION = 0, 1, 2, 3

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
    err.print(f"[red]✗[/] {escape(message)}")
    sys.exit(code)


def warn(warnings: Sequence[str]) -> None:
    """Says on stderr what may be right and is worth a look."""
    for warning in warnings:
        err.print(f"[yellow]![/] {escape(warning)}", soft_wrap=True)


def settings_of(home: Path, landing: str | None = None) -> Settings:
    """The home's settings, which steps of the run and the UI's processes read from the environment."""
    os.environ["CUSTOMER_INTEL_HOME"] = str(home.resolve())
    if landing is not None:
        if "://" not in landing and not Path(landing).is_dir():
            fail(f"--landing {landing}: no such folder", BAD_CONFIGURATION)
        os.environ["CUSTOMER_INTEL_LANDING"] = (
            landing if "://" in landing else str(Path(landing).resolve())
        )
    return Settings()
