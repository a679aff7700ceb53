"""Typed settings, read once from the environment. The only place that reads it, beside cli.py and
orchestration/.
"""

from __future__ import annotations

import os
from datetime import date
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from customer_intel.core.engine import EngineSettings

REPOSITORY = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """CUSTOMER_INTEL_<NAME> in the environment sets each; secrets come from nowhere else."""

    model_config = SettingsConfigDict(
        env_prefix="CUSTOMER_INTEL_", frozen=True, ignored_types=(cached_property,)
    )

    home: Path = Path("data")
    # A folder, or an address (s3://, sftp://, gs://) whose files are fetched to
    # <home>/landing-cache before the night.
    landing: Path | str | None = None
    landing_max_bytes: int = 500_000_000_000
    sftp_password: SecretStr | None = None
    sftp_key_file: Path | None = None
    sftp_known_hosts: Path | None = None
    # Where each release is mirrored to: s3://bucket/prefix or file:///folder; AWS_… in the
    # environment opens it.
    publish_url: str | None = None
    engine: str = "duckdb"
    memory_limit: str = "2GB"
    threads: int = os.cpu_count() or 2
    gate_seconds: float = 1800
    cron: str = "0 4 * * *"
    schedule_running: bool = True
    first_export_date: date | None = None
    alert_slack_webhook: SecretStr | None = None
    alert_email_to: str | None = None
    alert_email_from: str = "customer-intel@localhost"
    smtp_host: str = "localhost"
    smtp_port: int = 25
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    ui_url: str = "http://127.0.0.1:3000"

    @cached_property
    def landing_dir(self) -> Path:
        """The landing folder; of a remote one its local cache."""
        if self.landing_url:
            return self.home_dir / "landing-cache"
        return Path(self.landing or self.home / "landing").resolve()

    @property
    def landing_url(self) -> str | None:
        """The address of a remote landing zone, else None."""
        return str(self.landing) if self.landing and "://" in str(self.landing) else None

    @cached_property
    def home_dir(self) -> Path:
        """The home as an absolute path."""
        return self.home.resolve()

    @cached_property
    def state_dir(self) -> Path:
        """Dagster's folder in the home."""
        return self.home_dir / ".dagster"

    @cached_property
    def spill_dir(self) -> Path:
        """Where DuckDB spills what does not fit into memory."""
        return self.state_dir / "spill"

    @cached_property
    def engine_settings(self) -> EngineSettings:
        """Memory, threads, spill folder and time limit of gates."""
        return EngineSettings(self.memory_limit, self.threads, self.spill_dir, self.gate_seconds)
