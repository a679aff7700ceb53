"""DuckDB's json_merge_patch (RFC 7396 over JSON texts), for engines that lack it.

Belongs here: only what Python's own library does: workers of another engine import this file alone.
Not here: which engine calls it by which name (core/tables/spark_sql.py).
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

_CONTROL = re.compile(r"\\u00[01][0-9a-f]")


def json_merge_patch(*objects: str | None) -> str | None:
    """The first object with the later ones laid over it in turn: null takes a name away, what is
    replaced goes behind what stays.

    None where the last is None; one behind a None, or behind what is no object, stands as it is.
    Raises json.JSONDecodeError for a text that is no JSON.
    """
    merged: Any = None
    is_known = False
    for text in objects:
        if text is None:
            is_known = False
            continue
        new = json.loads(text)
        is_over = is_known and isinstance(merged, dict) and isinstance(new, dict)
        merged = _merged(merged, new) if is_over else new
        is_known = True
    return _written(merged) if is_known else None


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(new, dict):
        return new
    base = old if isinstance(old, dict) else {}
    merged = {key: value for key, value in base.items() if key not in new}
    for key, value in new.items():
        if value is not None:
            merged[key] = _merged(base.get(key), value)
    return merged


def _written(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{_quoted(key)}:{_written(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return _number(value) if isinstance(value, float) else json.dumps(value)


def _quoted(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    return _CONTROL.sub(lambda found: "\\u" + found[0][2:].upper(), written)


def _number(value: float) -> str:
    """The shortest text that is this number; with an exponent from 1e21 on and below 1e-6."""
    exact = Decimal(repr(value))
    if value == 0 or -7 < exact.adjusted() < 21:
        plain = format(exact, "f")
        return plain if "." in plain else plain + ".0"
    sign, digits, _ = exact.normalize().as_tuple()
    rest = "".join(map(str, digits[1:]))
    return f"{'-' * sign}{digits[0]}{'.' * bool(rest)}{rest}e{exact.adjusted()}"
