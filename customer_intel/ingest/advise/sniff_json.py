"""JSON of any shape: where its records stand, which objects in them become columns, and which arrays
are rows of their own.

Belongs here: the reader's options records, nested and rows. Not here: reading (read/json_rows.py).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from customer_intel.ingest.advise.sniffed import Sniffed, unless
from customer_intel.ingest.read.json_records import is_document, record_arrays, records_as_lines
from customer_intel.ingest.read.open_file import Limits, spool_text

SAMPLE = 2000
# An object of more keys than this, or of keys that few records have, holds values as keys.
MAX_KEYS, MIN_SHARE = 40, 0.2
# Objects whose keys everybody chooses: one column each, as JSON, unless there is little beside them.
_FREE = {
    "properties", "attributes", "metadata", "meta", "traits", "custom_fields", "customfields", "params", "tags",
    "extra", "custom", "settings", "metafields", "labels", "variables", "user_properties", "event_properties",
}  # fmt: skip
# Names of arrays that hold the records, where each line is a page of them.
_PAGES = {
    "data", "results", "result", "records", "items", "value", "values", "rows", "hits", "entries", "elements",
    "objects", "response", "content", "docs", "documents", "list", "collection",
}  # fmt: skip
_ID = re.compile(
    r"_?id|uuid|guid|key|number|code|email|name|created(_?at)?|timestamp", re.IGNORECASE
)


def sniff_json(path: Path, limits: Limits, found: Sniffed, text: str, by_name: str | None) -> bool:
    """Sets the reader's options for JSON; false when the text only begins like it. Raises Refused
    for a document that is cut off.
    """
    document = is_document(text[: 1 << 16])
    if document and not re.match(r"\s*(\[\s*([\[{\]]|$)|\{\s*[\"}])", text):
        return False
    if not document and not _lines_are_objects(text):
        # What begins like an object is one, if a broken one: reading it says where.
        document = re.match(r"\s*\{\s*\"", text) is not None
        if not document:
            return False
    with TemporaryDirectory(prefix="sniff-", ignore_cleanup_errors=True) as folder:
        plain, lines = Path(folder) / "plain", Path(folder) / "lines"
        encoding = found.reader.encoding
        spool_text(path, found.sha256, plain, limits, encoding, "", 0)
        records = _records_path(plain, text, is_lines=not document)
        if document or records:
            count = records_as_lines(plain, lines, records)
            where = (
                f"in '{records}'"
                if records
                else "in one array"
                if text.lstrip()[:1] == "["
                else "one after the other, over several lines each"
            )
            found.note("found", "records", f"{count:,} records stand {where}")
            if count == 1 and document:
                found.note(
                    "ask",
                    "records",
                    "the whole document is taken for one record; if its records stand within it, "
                    "say where in reader.records, or export them as an array",
                )
        sample = list(_sample(lines if document or records else plain))
    shape = _Shape.of(sample)
    nested = shape.nested()
    update: dict[str, Any] = {
        "format": unless("jsonl", by_name),
        "encoding": encoding,
        "records": records,
        "nested": nested or False,
    }
    found.format, found.reader = "jsonl", found.reader.model_copy(update=update)
    if nested:
        found.note("found", "nested", f"columns are made of {', '.join(nested)}")
    kept = [path for path in shape.objects if path not in nested]
    if kept:
        found.note("found", "nested", f"kept as JSON, for its keys differ: {', '.join(kept[:8])}")
    found.children = tuple(shape.arrays)
    found.nested_in_children = {name: inner.nested(name) for name, inner in shape.arrays.items()}
    for name, inner in shape.arrays.items():
        found.note(
            "found", "rows",
            f"'{name}' holds {inner.count:,} objects in the first {len(sample):,} records: a mapping "
            f"with reader.rows: {name} has a row for each, its columns {name}.…",
        )  # fmt: skip
    return True


def _lines_are_objects(text: str) -> bool:
    lines = [line for line in text.splitlines()[:-1] or [text] if line.strip()][:50]
    return sum(isinstance(_parsed(line), dict) for line in lines) * 2 >= len(lines) > 0


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _sample(lines: Path) -> Iterator[dict[str, Any]]:
    with lines.open(encoding="utf-8", newline="\n") as stream:
        for at, line in enumerate(stream):
            if at == SAMPLE:
                return
            record = _parsed(line)
            if isinstance(record, dict):
                yield record


def _records_path(plain: Path, text: str, *, is_lines: bool) -> str | None:
    """Where the records stand, None where they are the document's own items or its lines."""
    if text.lstrip()[:1] == "[":
        return None
    if is_lines and not isinstance(_parsed(text.lstrip().partition("\n")[0]), dict):
        return None
    found = record_arrays(plain)
    if not found:
        return None
    path = max(found, key=lambda name: found[name])
    first = next(_sample(plain), None) if is_lines else _first_object(plain)
    if first is not None and _is_record(first, path):
        return None
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    if is_lines and len(lines) > 1 and path.rpartition(".")[2].lower() not in _PAGES:
        return None
    return path


def _first_object(plain: Path) -> dict[str, Any] | None:
    """The only object of a small document; None of a large one, which is no single record."""
    if plain.stat().st_size > 1 << 20:
        return None
    found = _parsed(plain.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else None


def _is_record(record: dict[str, Any], path: str) -> bool:
    """Whether an object is a record that has an array, and no wrapper around records."""
    plain = [key for key, value in record.items() if not isinstance(value, dict | list)]
    named = any(_ID.fullmatch(key) or key.lower().endswith("_id") for key in plain)
    in_pages = path.rpartition(".")[2].lower() in _PAGES - {"items"}
    return (named and not in_pages) or len(plain) > 8


@dataclass
class _Shape:
    """The objects and arrays of objects in records, by dotted path."""

    count: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    objects: dict[str, _Shape] = field(default_factory=dict)
    arrays: dict[str, _Shape] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Sequence[dict[str, Any]]) -> _Shape:
        """All of them; objects of objects stand beside their parents."""
        made = cls()
        for record in records:
            made._add(record, made, "")
        made.arrays = {name: cls.of(items) for name, items in _items(records, made.objects).items()}
        return made

    def _add(self, record: dict[str, Any], root: _Shape, at: str) -> None:
        self.count += 1
        for key, value in record.items():
            self.keys[key] += value is not None
            if isinstance(value, dict) and key:
                path = f"{at}.{key}" if at else key
                root.objects.setdefault(path, _Shape())._add(value, root, path)

    def nested(self, prefix: str = "") -> tuple[str, ...]:
        """The objects whose keys become columns, each below one that does, under their names below
        `prefix`.
        """
        beside = len(self.keys) - len([path for path in self.objects if "." not in path])
        found: list[str] = []
        for path, inner in self.objects.items():
            parent, _, name = path.rpartition(".")
            free = name.lower() in _FREE and len(inner.keys) <= max(beside, 4)
            if (not parent or parent in found) and inner._is_regular() and not free:
                found.append(path)
        return tuple(f"{prefix}.{path}" if prefix else path for path in found)

    def _is_regular(self) -> bool:
        if not self.keys or len(self.keys) > MAX_KEYS or "" in self.keys:
            return False
        return sum(self.keys.values()) >= MIN_SHARE * len(self.keys) * self.count


def _items(
    records: Sequence[dict[str, Any]], objects: dict[str, _Shape]
) -> dict[str, list[dict[str, Any]]]:
    """Path → the objects in each array of objects, in records or in objects of theirs."""
    found: dict[str, list[dict[str, Any]]] = {}
    for at in ("", *objects):
        for record in records:
            holder: Any = record
            for step in at.split(".") if at else ():
                holder = holder.get(step) if isinstance(holder, dict) else None
            for key, value in holder.items() if isinstance(holder, dict) else ():
                is_array = isinstance(value, list) and bool(value) and "." not in key
                if is_array and all(isinstance(item, dict) for item in value):
                    found.setdefault(f"{at}.{key}" if at else key, []).extend(value)
    return found
