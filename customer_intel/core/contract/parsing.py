"""An entry of a YAML file as a model, and lists that are written as words.

Belongs here: parsing one entry. Not here: files (load.py, metrics_yaml.py), lines (yaml_lines.py).
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import ConfigError

Parsed = TypeVar("Parsed", bound=BaseModel)


def word_list(value: Any) -> tuple[str, ...]:
    """A list, or words between spaces or commas."""
    return tuple(re.split(r"[,\s]+", value.strip())) if isinstance(value, str) else tuple(value)


def parsed(model: type[Parsed], data: dict[str, Any], where: str) -> Parsed:
    """The model of an entry at `where`. Raises ConfigError for its first fault."""
    try:
        return model(**data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        hint = suggestion(field, model.model_fields) if first["type"] == "extra_forbidden" else ""
        raise ConfigError(
            f"{where}: '{data.get('name', '?')}': {field}: {first['msg']}{hint}"
        ) from error
