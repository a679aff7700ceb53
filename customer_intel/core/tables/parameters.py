"""The settings that SQL and functions get: a room's config.yaml, the company's, the home's over them.

Belongs here: laying one file over another, and a value as SQL. Not here: which settings there are
(each room's config.yaml).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import PACKAGE, suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import literal

# The file of a home's config folder that overrides what every room shares.
COMPANY = "company"


def room_config(room: str, home: Path, package: Path = PACKAGE) -> dict[str, Any]:
    """What every room shares and the room's config.yaml, each with the home's own (company.yaml,
    <room>.yaml) over it.

    Top-level key by key. Raises ConfigError with file and line for a key that is no setting of the
    file's.
    """
    return {
        **company_config(home, package),
        **_overridden(package / room / "config.yaml", home / "config" / f"{room}.yaml", room),
    }


def company_config(home: Path, package: Path = PACKAGE) -> dict[str, Any]:
    """What every room shares, with the home's company.yaml laid over it."""
    return _overridden(package / "config.yaml", home / "config" / f"{COMPANY}.yaml", COMPANY)


def _overridden(shipped: Path, override: Path, name: str) -> dict[str, Any]:
    merged: dict[str, Any] = dict(yamlfile.load(shipped)) if shipped.exists() else {}
    if override.exists():
        own = yamlfile.load(override)
        for key, value in own.items():
            if key not in merged:
                raise ConfigError(
                    f"config/{name}.yaml:{own.lines[key]}: '{key}' is not a setting of "
                    f"{name}{suggestion(key, merged)}"
                )
            if isinstance(merged[key], dict) and not isinstance(value, dict | None):
                raise ConfigError(
                    f"config/{name}.yaml:{own.lines[key]}: '{key}' needs 'name: value' pairs"
                )
            merged[key] = (
                {**merged[key], **(value or {})} if isinstance(merged[key], dict) else value
            )
    return merged


def sql_literal(value: Any) -> str:
    """The value as SQL writes it. Raises ConfigError for a kind of value that SQL has no literal of."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return literal(value)
    raise ConfigError(
        f"a configuration value used in SQL must be text, number, date or true/false, not {value!r}"
    )
