"""Spark beside Great Expectations does not close gates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from customer_intel.core.gate.hidden import hidden


def test_a_gate_loads_where_an_installed_pyspark_would_end_its_process(tmp_path: Path) -> None:
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "pyspark" / "__init__.py").write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    root = Path(__file__).parents[3]
    paths = os.pathsep.join([str(tmp_path), str(root)])
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from customer_intel.core.gate import gate; gate.load(); print('on')",
        ],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "on"


def test_a_hidden_package_is_there_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with hidden("colorsys"), pytest.raises(ImportError):
        import colorsys
    import colorsys

    assert colorsys.rgb_to_hls
    with hidden("json"):
        import json

    assert json.dumps([]) == "[]"
