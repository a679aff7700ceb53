"""A setting of another kind than the shipped one is told by file, line and what it takes, in every room."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_intel.core.contract.model import PACKAGE
from customer_intel.core.contract.yaml_lines import load
from customer_intel.core.tables.parameters import read

PAIRS = [
    (path.parent.name, key)
    for path in sorted(PACKAGE.glob("*/config.yaml"))
    for key, value in load(path).items()
    if isinstance(value, dict)
]


def test_there_are_settings_of_pairs_with_and_without_shipped_ones() -> None:
    assert {("behaviour", "features"), ("behaviour", "retention"), ("facts", "states")} <= {*PAIRS}


@pytest.mark.parametrize(("room", "key"), PAIRS)
@pytest.mark.parametrize(
    ("value", "kind"), [("[page_viewed:bag]", "a list"), ("none", "text"), ("3", "a number"), ("2026-01-01", "a date")]
)  # fmt: skip
def test_what_is_no_pairs_is_told(
    tmp_path: Path, room: str, key: str, value: str, kind: str
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / f"{room}.yaml").write_text(f"\n{key}: {value}\n")
    config, wrong = read(room, tmp_path)
    left = "what is shipped" if config[key] else "none"
    assert wrong.told == [
        f"config/{room}.yaml:2: '{key}' needs 'name: value' pairs, not {kind}; leave it out for {left}"
    ]
