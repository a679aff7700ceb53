"""A starter mapping as YAML, with guesses and open decisions as comments beside it.

Belongs here: the text. Not here: what stands in it (starter.py), and reading it (model.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from customer_intel.core.contract.model import Table
from customer_intel.core.engine import quoted
from customer_intel.ingest.advise.column_profile import ColumnProfile
from customer_intel.ingest.advise.starter import Starter


def unmapped(starter: Starter, profiles: Sequence[ColumnProfile], table: Table) -> list[str]:
    """The source columns that only extra_json keeps."""
    text = " ".join(item.text for item in starter.columns.values())
    direct = {item.text for item in starter.columns.values()} | {starter.group_by}
    return [
        profile.name
        for profile in profiles
        if profile.name not in direct and quoted(profile.name) not in text
    ]


def glob_of(file_name: str) -> str:
    """The file's name with dates and counters left open, whatever it is packed with."""
    stem = re.sub(r"\.(gz|zst|zstd)$", "", Path(file_name).name, flags=re.IGNORECASE)
    base, dot, ending = stem.rpartition(".")
    base, ending = (base, ending) if dot else (stem, "")
    open_base = re.sub(r"[\[\]*?]", "?", base)
    open_base = re.sub(r"\d{4}[-_.]?\d{2}([-_.]?\d{2}([-_T ]?\d{4,6})?)?|\d{6,}", "*", open_base)
    open_base = re.sub(r"[-_ ]?\(?\d+\)?$", "*", open_base)
    return re.sub(r"\*+", "*", f"{open_base}{'.' + ending if ending else ''}*")


def mapping_text(starter: Starter, file_name: str, rows: int, extra: Sequence[str]) -> str:
    """The mapping as YAML, with what was guessed and what is to be decided."""
    lines = [
        (
            f"# Written by customer-intel inspect from {_comment(file_name)}, {rows:,} rows. CHECK "
            "marks guesses."
        )
    ]
    lines += [
        f"source: {starter.source}",
        f"files: {_scalar(glob_of(file_name), always=True)}",
        f"entity: {starter.entity}",
    ]
    if starter.reader:
        lines.append(f"reader: {_flow(starter.reader)}")
    if starter.group_by:
        lines.append(f"group_by: {_flow([starter.group_by])}")
    if starter.duplicates != "drop":
        lines.append(
            "# Equal rows are different happenings here; set drop if the source repeats itself."
        )
        lines.append(f"duplicates: {starter.duplicates}")
    if starter.optional:
        lines.append("# Not every line has these; a file may lack them.")
        lines.append(f"optional: {_flow(list(starter.optional))}")
    asks: dict[str, str] = {}
    for note in starter.notes:
        if note.level == "ask":
            known = asks.get(note.topic)
            asks[note.topic] = f"{known}; {_comment(note.text)}" if known else _comment(note.text)
    if asks:
        lines.append("# ! Nothing is read by this mapping until each is decided: change what it is")
        lines.append(
            "# about below and take its line out, or inspect again with --answer topic=value."
        )
        lines.append("decide:")
        lines += [
            f"  {topic}: {json.dumps(text, ensure_ascii=False)}" for topic, text in asks.items()
        ]
    lines.append("columns:")
    for name, item in starter.columns.items():
        lines.append(
            f"  {name}: {_scalar(item.text)}"
            + (f"  # CHECK: {_comment(item.check)}" if item.check else "")
        )
    if extra:
        lines.append("# Kept in extra_json, as no column of the entity was found for them:")
        lines += _wrapped(", ".join(_comment(name) for name in extra))
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    lines, line = [], "#  "
    for word in text.split(" "):
        if len(line) + len(word) > 115:
            lines.append(line)
            line = "#  "
        line += " " + word
    return [*lines, line]


def _comment(text: str) -> str:
    """A name from a file must not end the comment that it stands in."""
    return " ".join(text.split())


# Bare, YAML reads these as something else than text.
_WORDS = {"yes", "no", "true", "false", "on", "off", "null", "y", "n", "nan", "none"}


def _scalar(text: str, *, always: bool = False) -> str:
    bare = (
        re.fullmatch(r"[A-Za-z_][\w()., +/'|<>=-]*", text)
        and text.lower() not in _WORDS
        and not text.endswith(" ")
    )
    return (
        text if bare and not always and " #" not in text else json.dumps(text, ensure_ascii=False)
    )


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(
                f"{json.dumps(key) if key == 'null' else key}: {_flow(item)}"
                for key, item in value.items()
            )
            + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
