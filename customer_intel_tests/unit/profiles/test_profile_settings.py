"""What a home sets for profiles and cannot mean is told by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables.parameters import room_config
from customer_intel.profiles.settings import validate


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("best_segments: champions", "'best_segments' is a list for SQL: write it |like|this|"),
        ('best_segments: "|champion|"', "has 'champion', which is no segment; did you mean champions"),
        ("icp_best_share: 0.9", "'icp_best_share' is from 0.01 to 0.5"),
        ("evidence_min_orders: 1", "'evidence_min_orders' is from 2 to 1000"),
        ("slow_columns: [contry]", "has 'contry', which customer_profile_history does not keep; did you mean country"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "profiles.yaml").write_text(f"# mine\n{text}\n")
    with pytest.raises(ConfigError) as told:
        validate(room_config("profiles", tmp_path))
    assert str(told.value).startswith("config/profiles.yaml:2: ") and said in str(told.value)


def test_what_is_shipped_can_be_meant(tmp_path: Path) -> None:
    validate(room_config("profiles", tmp_path))
