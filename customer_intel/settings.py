"""Typed settings, read once from the environment. The only place that reads it, beside cli and
orchestration/.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from customer_intel.core import machine
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import EngineSettings

REPOSITORY = Path(__file__).resolve().parent.parent
PREFIX = "CUSTOMER_INTEL_"

# DuckDB's notation of an amount of memory, and five fields of cron or one of its names.
_MEMORY = re.compile(
    r"(\d*\.)?\d+ *([kmgt](i?b)?|[kmgt]i|(kilo|mega|giga|tera)bytes?)|[1-9]\d?%|100%", re.IGNORECASE
)
_CRON = re.compile(r"@(hourly|daily|weekly|monthly|yearly|annually)|[^ ]+( +[^ ]+){4}")


def _memory(text: str | None) -> str | None:
    if text is None:
        return None
    if not _MEMORY.fullmatch(text.strip()) or not re.search("[1-9]", text):
        raise ValueError("no amount of memory")
    return text


def _landing(place: Path | str | None) -> Path | str | None:
    if re.match("(s3|sftp|ssh|gs|gcs|file):", str(place)) and "://" not in str(place):
        raise ValueError("no address")
    return place


def _cron(text: str) -> str:
    if not _CRON.fullmatch(text.strip()):
        raise ValueError("no line of cron")
    return text


def _engine(text: str) -> str:
    if text != "duckdb":
        raise ValueError("no engine")
    return text


# What a variable takes that is more than text, for the message about one that is wrong.
_TAKES: dict[str, str] = {
    "landing": "a folder, or an address such as s3://bucket/prefix",
    "landing_max_bytes": "a whole number of bytes above 0, such as 500000000000",
    "engine": "duckdb, the only engine there is",
    "memory_limit": "a number with a unit, such as 2GB or 512MiB",
    "spill_limit": "a number with a unit, such as 50GB or 80% of the disk's free space",
    "threads": "a whole number above 0, such as 2",
    "gate_seconds": "a number of seconds above 0, such as 1800",
    "cron": "the five fields of a cron line, such as 0 4 * * *",
    "schedule_running": "true or false",
    "full": "true or false",
    "first_export_date": "a date YYYY-MM-DD, such as 2024-01-01",
    "smtp_port": "a port from 1 to 65535, such as 25",
}


class Settings(BaseSettings):
    """CUSTOMER_INTEL_<NAME> in the environment sets each; secrets come from nowhere else."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, ignored_types=(cached_property,)
    )

    home: Path = Path("data")
    # A folder, or an address (s3://, sftp://, gs://) whose files are fetched to
    # <home>/landing-cache before the night.
    landing: Annotated[Path | str | None, AfterValidator(_landing)] = None
    landing_max_bytes: Annotated[int, Field(ge=1)] = 500_000_000_000
    sftp_password: SecretStr | None = None
    sftp_key_file: Path | None = None
    sftp_known_hosts: Path | None = None
    # Where each release is mirrored to: s3://bucket/prefix or file:///folder; AWS_… in the
    # environment opens it.
    publish_url: str | None = None
    engine: Annotated[str, AfterValidator(_engine)] = "duckdb"
    # Of the engine that computes, and as much again of the one that runs gates; from the machine
    # when nobody says (core/machine.py), and so are threads.
    memory_limit: Annotated[str | None, AfterValidator(_memory)] = None
    threads: Annotated[int | None, Field(ge=1)] = None
    spill_limit: Annotated[str | None, AfterValidator(_memory)] = None
    gate_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1800
    cron: Annotated[str, AfterValidator(_cron)] = "0 4 * * *"
    schedule_running: bool = True
    first_export_date: date | None = None
    # Every table is computed whole, also what is usually computed by changed days.
    full: bool = False
    alert_slack_webhook: SecretStr | None = None
    alert_email_to: str | None = None
    alert_email_from: str = "customer-intel@localhost"
    smtp_host: str = "localhost"
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 25
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    ui_url: str = "http://127.0.0.1:3000"

    def __init__(self, **given: Any) -> None:
        """Raises ConfigError, one line a variable that is wrong: its kind and what it takes, not
        its value.
        """
        try:
            super().__init__(**given)
        except ValidationError as error:
            faults = {str(item["loc"][0]): _kind(item["input"]) for item in error.errors()}
            told = [
                f"{PREFIX}{name.upper()} is {kind}; it takes {_TAKES.get(name, 'text')}"
                for name, kind in faults.items()
            ]
            raise ConfigError("\n".join(told)) from None

    @cached_property
    def landing_dir(self) -> Path:
        """The folder that a night reads exports from; of a remote zone, its cache."""
        if self.landing_url:
            return self.home_dir / "landing-cache"
        return Path(self.landing or self.home / "landing").resolve()

    @property
    def landing_url(self) -> str | None:
        """The remote landing zone's address; None when exports lie in a folder."""
        return str(self.landing) if self.landing and "://" in str(self.landing) else None

    @cached_property
    def home_dir(self) -> Path:
        """The home, absolute."""
        return self.home.resolve()

    @cached_property
    def state_dir(self) -> Path:
        """Dagster's and the program's own state."""
        return self.home_dir / ".dagster"

    @cached_property
    def spill_dir(self) -> Path:
        """Where DuckDB spills what does not fit into memory."""
        return self.state_dir / "spill"

    @cached_property
    def engine_settings(self) -> EngineSettings:
        """What the engine may take: as set by hand, else of what the machine has."""
        machine_has = machine.room()
        threads = self.threads or machine_has.cores
        shares = machine.shares(machine_has.memory, threads)
        free = machine.spill_room(self.spill_dir)
        spill = machine.in_bytes(self.spill_limit, free) if self.spill_limit else None
        return EngineSettings(
            self.memory_limit or machine.said(shares.engine),
            threads,
            self.spill_dir,
            self.gate_seconds,
            self.memory_limit or machine.said(shares.gate),
            spill,
        )

    @property
    def engine_told(self) -> dict[str, Any]:
        """The same for people and scripts: each amount, and who said it."""
        engine, has = self.engine_settings, machine.room()
        # The engine's own bound is nine tenths of what is free.
        spill = engine.spill_limit or machine.spill_room(self.spill_dir) * 9 // 10
        return {
            "memory_limit": engine.memory_limit,
            "gate_memory_limit": engine.of_gate.memory_limit,
            "memory_limit_is": "set" if self.memory_limit else "of the machine",
            "machine_memory": machine.said(has.memory),
            "threads": engine.threads,
            "threads_are": "set" if self.threads else "of the machine",
            "spill_limit": machine.said(spill),
            "spill_limit_is": "set" if self.spill_limit else "of the machine",
        }


def _kind(value: object) -> str:
    """What kind of value it is, without saying it: a variable may hold a secret."""
    text = str(value).strip()
    if not text:
        return "empty"
    try:
        number = float(text)
    except ValueError:
        return "text"
    if number == 0:
        return "0"
    kind = "a whole number" if text.lstrip("+-").isdigit() else "a number"
    return f"{kind} below 0" if number < 0 else kind
