"""Which home a command is about."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from customer_intel.cli import app


def test_the_environment_names_the_home_where_no_option_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` finds this home's wrong setting, not what lies in data/."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "company.yaml").write_text("new_dayz: 14\n")
    monkeypatch.setenv("CUSTOMER_INTEL_HOME", str(tmp_path))
    named = CliRunner().invoke(app, ["check"])
    assert "'new_dayz' is not a setting of company; did you mean new_days?" in str(named.exception)
    (tmp_path / "other").mkdir()
    assert CliRunner().invoke(app, ["check", "--home", str(tmp_path / "other")]).exit_code == 0
