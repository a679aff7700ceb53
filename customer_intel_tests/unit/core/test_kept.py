"""Readings of source texts are made once per text, kept for the next process, and never trusted
over a changed text.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from customer_intel.core.tables import kept


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "__pycache__" / "kept.json"
    monkeypatch.setattr(kept, "FILE", path)
    monkeypatch.setattr(kept, "_asked", set())
    monkeypatch.setattr(kept, "_known", None)
    return path


def next_process() -> None:
    kept._known = None
    kept._asked.clear()


def test_a_text_is_read_once_and_again_when_it_changed(file: Path) -> None:
    made: list[str] = []

    def read(text: str) -> list[str]:
        return kept.reading("tables", text, lambda: made.append(text) or [text])

    assert read("a") == read("a") == ["a"]
    kept.keep()
    next_process()
    assert read("a") == ["a"]
    assert read("b") == ["b"]
    assert made == ["a", "b"]


def test_what_is_no_more_is_not_kept(file: Path) -> None:
    kept.reading("tables", "old", lambda: [])
    kept.keep()
    next_process()
    kept.reading("tables", "new", lambda: [])
    kept.keep()
    assert len(json.loads(file.read_text())) == 1


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"x": '])
def test_a_damaged_file_is_as_none(file: Path, damage: str) -> None:
    file.parent.mkdir()
    file.write_text(damage)
    assert kept.reading("tables", "a", lambda: ["t"]) == ["t"]
    kept.keep()
    next_process()
    assert kept.reading("tables", "a", lambda: ["not asked"]) == ["t"]


def test_where_it_cannot_be_written_nothing_happens(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "FILE", Path("/proc/none/kept.json"))
    assert kept.reading("tables", "a", lambda: ["t"]) == ["t"]
    kept.keep()


def test_steps_that_begin_at_once_share_what_was_read(file: Path) -> None:
    begin = threading.Barrier(8)

    def read(text: str) -> object:
        begin.wait()
        return kept.reading("tables", text, lambda: [text])

    with ThreadPoolExecutor(8) as steps:
        assert list(steps.map(read, "abcdefgh")) == [[text] for text in "abcdefgh"]
    kept.keep()
    assert len(json.loads(file.read_text())) == 8
