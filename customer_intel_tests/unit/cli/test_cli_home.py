"""Which home a command is about."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from customer_intel.cli import app


def test_the_environment_names_the_home_where_no_option_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` finds the wrong setting of the home that is meant."""

    def wrong(home: Path, setting: str) -> Path:
        (home / "config").mkdir(parents=True)
        (home / "config" / "company.yaml").write_text(f"{setting}: 14\n")
        return home

    monkeypatch.setenv("CUSTOMER_INTEL_HOME", str(wrong(tmp_path / "named", "new_dayz")))
    other = wrong(tmp_path / "other", "new_dais")
    named = CliRunner().invoke(app, ["check"])
    assert "'new_dayz' is not a setting of company; did you mean new_days?" in named.output
    given = CliRunner().invoke(app, ["check", "--home", str(other)])
    assert "'new_dais' is not a setting of company" in given.output
