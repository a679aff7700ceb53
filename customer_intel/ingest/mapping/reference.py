"""The page of a mapping's keys: types and defaults from the model, meanings and examples from
reference.yaml.

Belongs here: the page. Not here: reading a mapping (model.py), what a reader does (read/).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic.fields import FieldInfo

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.ingest.mapping.model import FileMapping
from customer_intel.ingest.mapping.reader_options import Reader

EXAMPLES = Path(__file__).with_name("reference.yaml")
# Set by the program, never written in a file.
_OWN = ("name", "canonical")
_HEAD = """# Keys of a mapping

Made by `make docs` from `customer_intel/ingest/mapping/`: defaults of the model, and examples that a test
runs. A mapping is a file of `config/mappings/`; `customer-intel inspect FILE` writes one, `customer-intel check`
explains its faults by line, and `check --values` tries it on the newest file.
"""


def examples() -> dict[str, Any]:
    """reference.yaml: base, keys, reader."""
    return dict(yamlfile.load(EXAMPLES))


def keys() -> dict[str, FieldInfo]:
    """The keys of a mapping file."""
    return {name: at for name, at in FileMapping.model_fields.items() if name not in _OWN}


def page() -> str:
    """docs/mapping.md."""
    told = examples()
    parts = [_HEAD]
    for title, fields, entries in (
        ("The mapping", keys(), told["keys"]),
        ("reader", dict(Reader.model_fields), told["reader"]),
    ):
        parts.append(f"## {title}\n")
        parts += [_entry(name, at, entries[name]) for name, at in fields.items()]
    return "\n".join(parts)


def _entry(name: str, at: FieldInfo, entry: dict[str, Any]) -> str:
    default = (
        "needed"
        if at.is_required()
        else f"default {_written(at.get_default(call_default_factory=True))}"
    )
    choices = [str(item) for item in _choices(at.annotation) if item != ""]
    one_of = f"; one of {', '.join(choices)}" if choices else ""
    lines = [f"### {name}", "", f"{entry['meaning']} ({default}{one_of}).", "", "```yaml"]
    lines += [
        yaml.safe_dump(
            _plain(entry["mapping"]), sort_keys=False, allow_unicode=True, width=110
        ).rstrip(),
        "```",
        "",
    ]
    if file := entry.get("file"):
        lines += [f"`{entry['name']}`:", "", "```", *file.rstrip("\n").split("\n"), "```", ""]
    rows = "; ".join(
        f"{column} {', '.join('(empty)' if value is None else str(value) for value in values)}"
        for column, values in entry["rows"].items()
    )
    return "\n".join([*lines, f"gives {rows}.", ""])


def _choices(annotation: Any) -> list[Any]:
    found: list[Any] = []
    for part in get_args(annotation):
        found += _choices(part) if get_args(part) else [part] if isinstance(part, str) else []
    return found


def _written(value: Any) -> str:
    if value in (None, (), {}, ""):
        return "none"
    if isinstance(value, Reader):
        return "as below"
    return "`" + json.dumps(value, ensure_ascii=False) + "`"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        # YAML 1.1 takes the key `on` for true.
        return {"on" if key is True else str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
