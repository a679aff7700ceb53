"""YAML with line numbers, so that every complaint about a file names the line to mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml


class ConfigError(ValueError):
    """A configuration file is wrong; the message says file, line, what, and what to do."""


class Faults:
    """What several steps complain of, told at once: each fault once, in its order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keeps the ConfigError of what is done within, and goes on."""
        try:
            yield
        except ConfigError as error:
            self.add(*str(error).splitlines())

    def add(self, *faults: str) -> None:
        """Keeps the faults that are not kept yet."""
        self.told += [fault for fault in dict.fromkeys(faults) if fault not in self.told]

    def raise_any(self) -> None:
        """Raises ConfigError, a line a fault, unless there is none."""
        if self.told:
            raise ConfigError("\n".join(self.told))


class Mapping(dict[str, Any]):
    """A YAML mapping that remembers the line of each of its keys, and of each item of its lists."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}
        self.item_lines: dict[str, list[int]] = {}


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    pass


def _mapping(loader: Any, node: yaml.MappingNode) -> Mapping:
    loader.flatten_mapping(node)
    result = Mapping()
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        if key in result:
            raise yaml.constructor.ConstructorError(
                None, None, f"'{key}' stands twice", key_node.start_mark
            )
        result[key] = loader.construct_object(value_node, deep=True)
        result.lines[key] = key_node.start_mark.line + 1
        if isinstance(value_node, yaml.SequenceNode):
            result.item_lines[key] = [item.start_mark.line + 1 for item in value_node.value]
    return result


_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def dumped(data: Any, *, sort_keys: bool, width: int = 80) -> str:
    """`data` as YAML text."""
    return str(
        yaml.dump(data, Dumper=_Dumper, sort_keys=sort_keys, allow_unicode=True, width=width)
    )


def load(path: Path, name: str = "") -> Mapping:
    """The file's top-level mapping (empty when the file is). Raises ConfigError with file and line.

    `name`: what messages call the file; the file's own name where it is left out.
    """
    name = name or path.name
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise ConfigError(f"{where}: {error.problem or error}; mend the YAML there") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 (byte {error.start}); save it as UTF-8") from error
    if data is None:
        return Mapping()
    if not isinstance(data, Mapping):
        raise ConfigError(f"{name}:1: expected 'name: value' pairs at the top level")
    return data
