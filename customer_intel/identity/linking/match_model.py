"""The model in force: what agreement and difference weigh in this home, frozen between nights.

Belongs here: which model a night uses. In this order: the one that the owner adopted (config/match_model.yaml, which
`identity fit` writes); the one of the nights before; and in a home's first night one fitted to its own records, drawn
towards the shipped model where they say little. Not here: how one is fitted (matching/fellegi_sunter.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.core.tables.periods import before_night
from customer_intel.identity.linking.comparable import comparable
from customer_intel.identity.matching.fellegi_sunter import MatchModel
from customer_intel.identity.matching.resolve import Records, fitted

SHIPPED = Path(__file__).parent / "default_model.json"


def shipped() -> MatchModel:
    """The model as shipped, fitted to generated people (bench_identity/default_model.py)."""
    return MatchModel.from_dict(json.loads(SHIPPED.read_text(encoding="utf-8")))


def match_model(
    party_record: pl.DataFrame,
    hub_value: pl.DataFrame,
    as_of: date,
    config: Mapping[str, Any],
    previous: pl.DataFrame,
) -> pl.DataFrame:
    """One row per model and night from which it was in force; valid_to empty = tonight's.

    Raises ConfigError for an adopted model of other comparisons.
    """
    before = before_night(previous, as_of).drop("as_of", "snapshot_id", strict=False)
    size = len(party_record)
    open_ = before.filter(pl.col("valid_to").is_null())
    if config["match_model"]:
        model, basis = adopted(config["match_model"]), "adopted"
    elif len(open_) and _is_readable(open_["model_json"][0]):
        return before
    else:
        model, basis = fitted_to(party_record, hub_value, dict(config)), "fitted"
    if len(open_) and open_["model_version"][0] == model.version:
        return before
    row = pl.DataFrame(
        {
            "valid_from": [as_of], "valid_to": [None], "model_version": [model.version], "match_model_basis": [basis],
            "n_records": [size], "model_prior": [model.prior],
            "is_first_name_veto": [model.is_veto], "is_birth_date_veto": [model.is_birth_veto],
            "model_json": [json.dumps(model.as_dict(), sort_keys=True)],
        },
        schema_overrides={"valid_to": pl.Date},
    )  # fmt: skip
    closed = before.with_columns(valid_to=pl.coalesce("valid_to", pl.lit(as_of, pl.Date)))
    return pl.concat([closed.select(row.columns), row]).sort("valid_from")


def _is_readable(model_json: str) -> bool:
    """A model of an earlier version of this code, with other comparisons, is fitted anew."""
    try:
        MatchModel.from_dict(json.loads(model_json))
    except (ValueError, KeyError):
        return False
    return True


def in_force(match_model: pl.DataFrame) -> MatchModel:
    """Tonight's model."""
    return MatchModel.from_dict(
        json.loads(match_model.filter(pl.col("valid_to").is_null())["model_json"][0])
    )


def adopted(data: Mapping[str, Any]) -> MatchModel:
    """The model in config/match_model.yaml. Raises ConfigError when it does not fit."""
    try:
        return MatchModel.from_dict(data)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"config/match_model.yaml: {error}; `customer-intel identity fit` writes one that fits"
        ) from None


def fitted_to(
    party_record: pl.DataFrame, hub_value: pl.DataFrame, config: dict[str, Any]
) -> MatchModel:
    """A model fitted to these records."""
    with DuckDBEngine(EngineSettings(), []) as engine:
        records = Records(engine.con, comparable(party_record, hub_value, config))
        return fitted(records, records.candidates(), shipped())
