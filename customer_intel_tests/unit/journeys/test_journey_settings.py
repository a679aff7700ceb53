"""What a home sets for journeys and cannot mean is told by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables.parameters import room_config
from customer_intel.journeys.settings import validate


def fault(home: Path, text: str) -> str:
    (home / "config").mkdir()
    (home / "config" / "journeys.yaml").write_text(f"# mine\n{text}\n")
    with pytest.raises(ConfigError) as told:
        validate(room_config("journeys", home))
    return str(told.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("conversion_activities: purchase, paid", "'conversion_activities' is a list for SQL: write it |like|this|"),
        ('touchpoint_owners: "|web|"', "'touchpoint_owners' names owners as |what=team|"),
        ('arrival_stages: "|useage|"', "has 'useage', which is none of its words; did you mean usage?"),
        ('touch_events: "|click|"', "has 'click', which is none of its words; did you mean clicked?"),
        ("max_steps: 12", "'max_steps' is from 1 to 10"),
        ("feedback_days: 40", "'feedback_days' is at most journey_gap_days"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    told = fault(tmp_path, text)
    assert told.startswith("config/journeys.yaml:2: ")
    assert said in told


def test_what_is_shipped_can_be_meant(tmp_path: Path) -> None:
    validate(room_config("journeys", tmp_path))
