"""Every command by its name, and the process they run in."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import NoReturn

import typer

from customer_intel.cli import (
    data,
    evaluate,
    history,
    identity,
    nights,
    people,
    releases,
    reopen,
    repair,
    review,
    sources,
)
from customer_intel.cli.screen import (
    BAD_CONFIGURATION,
    DONE,
    ERROR,
    GATE_CLOSED,
    WRONG_COMMAND_LINE,
    fail,
)
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.night.worker import LONG_LIVED, leave
from customer_intel.core.store import disk
from customer_intel.core.store.lake import LakeDamaged, LakeError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Customer exports to gated, published tables."
)
for command in (
    nights.run, nights.demo, data.check, data.inspect, releases.releases, releases.rollback,
    reopen.reopen, history.history, repair.repair, sources.status,
    data.docs, nights.dev, people.resolve, people.why,
    review.review,
):  # fmt: skip
    app.command()(command)
evaluation = typer.Typer(
    no_args_is_help=True, help="How well the methods do on anyone's labelled data."
)
evaluation.command("identity")(evaluate.identity)
app.add_typer(evaluation, name="evaluate")
models = typer.Typer(no_args_is_help=True, help="The match model: who is who.")
models.command("fit")(identity.fit)
app.add_typer(models, name="identity")


def program() -> NoReturn:
    """The process of a command: `main`, and its end."""
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            raise
        leave(ended.code or DONE)
    leave(DONE)


def main() -> None:
    """Runs the command that the arguments name. Raises SystemExit with its exit code."""
    os.umask(0o077)
    # The parser's own 2 would say that a gate closed.
    usage = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")
    usage.exit_code = WRONG_COMMAND_LINE  # type: ignore[attr-defined]
    # A night makes many long-lived objects and little garbage: looking for it ever so often cost a
    # twentieth of it.
    gc.set_threshold(LONG_LIVED, 20, 100)
    try:
        app(standalone_mode=True)
    except ConfigError as error:
        fail(f"configuration: {error}", BAD_CONFIGURATION)
    except LakeDamaged as error:
        fail(str(error), GATE_CLOSED)
    except LakeError as error:
        fail(str(error), ERROR)
    except Exception as error:
        home = Path(os.environ.get("CUSTOMER_INTEL_HOME", "data")).resolve()
        said = disk.sentence(error, home, f"{home.name}/")
        if said is None:
            raise
        fail(said, ERROR)
