"""Pairs nominated by the comparison model: records too alike for two people, though they share no
identifier.

Belongs here: the night's use of the comparison model. Not here: how records are compared and
weighed (candidate_pairs.py, fellegi_sunter.py), and what becomes of a pair (match_edge.py). The
model is frozen: a night never trains one.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.identity.matching import records, resolve
from customer_intel.identity.matching.comparison_levels import FIELDS, ONE_ROOF
from customer_intel.identity.matching.fellegi_sunter import DOUBLES, MatchModel

SHIPPED = Path(__file__).parent / "default_model.json"
# Column → comparison whose bits it holds, in the order in which explanations name them.
WEIGHTS = {
    "name_weight": "name",
    "birth_date_weight": "birth date",
    "address_weight": "address",
    "email_weight": "email",
    "phone_weight": "phone",
}
# Comparison → last level at which it is the same.
_WITNESSES = {"email": 1, "phone": 1, "birth date": 1, "address": ONE_ROOF}
# People have several addresses and emails, but one name and one birth date.
_LASTING = ("name", "birth date", "gender", "middle name")


def model_of(config: dict[str, Any], n_records: int) -> MatchModel:
    """The model of the room's configuration, else the shipped one, for so many records.

    Two records of many are less likely one person's than two of few: the prior is the only part
    that follows the data. Raises ValueError for a model of other comparisons.
    """
    model = MatchModel.from_dict(
        config["likely_model"] or json.loads(SHIPPED.read_text(encoding="utf-8"))
    )
    return replace(model, prior=math.log2(2 * DOUBLES / max(n_records, 2)))


def likely_pair(
    party_record: pl.DataFrame,
    hub_value: pl.DataFrame,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """Pairs of at least likely_review_bits. Of records that say the same, two stand for all."""
    people = party_record.filter(
        ~pl.col("is_organisation").fill_null(False)
        & pl.col("first_name_norm").is_not_null()
        & pl.col("last_name_norm").is_not_null()
    )
    if len(people) < config["likely_min_records"]:
        return pl.DataFrame(schema=schema)
    fields = records.fields(_personal_values(people, hub_value), config).sort("record_key")
    fields = fields.with_columns(
        place=pl.int_range(pl.len()).over(FIELDS),
        one=pl.col("record_key").first().over(FIELDS),
        other=pl.col("record_key").slice(1, 1).first().over(FIELDS),
    )
    representatives = fields.filter(pl.col("place") < 2).select("record_key", *FIELDS)
    model = model_of(config, len(representatives))
    with DuckDBEngine(EngineSettings(), []) as engine:
        edges = resolve.resolve(engine.con, representatives, model).edges
    copies = fields.filter(pl.col("place") >= 2).select(
        "record_key", record_key_a="one", record_key_b="other"
    )
    copied_edges = edges.join(copies, on=["record_key_a", "record_key_b"]).drop("record_key_b")
    edges = pl.concat(
        [edges, copied_edges.rename({"record_key": "record_key_b"}).select(edges.columns)]
    )
    found = edges.filter(~pl.col("is_vetoed") & (pl.col("bits") >= config["likely_review_bits"]))
    return found.select(
        "record_key_a",
        "record_key_b",
        weight=pl.col("bits").round(4),
        probability=(1 / (1 + (-pl.col("bits") * math.log(2)).exp())).round(6),
        **{column: pl.col(f"bits {name}").round(4) for column, name in WEIGHTS.items()},
        # Similar values (such as a mailbox made of the name) are shared by namesakes: they are no
        # witnesses.
        n_witnesses=pl.sum_horizontal(
            pl.col(name).is_between(1, most) for name, most in _WITNESSES.items()
        ).cast(pl.Int64),
        is_contradicted=pl.any_horizontal(pl.col(f"bits {name}") < 0 for name in _LASTING),
        model_version=pl.lit(model.version),
    ).sort("record_key_a", "record_key_b")


def _personal_values(people: pl.DataFrame, hubs: pl.DataFrame) -> pl.DataFrame:
    """What a record says of the person alone: no function's mailbox, no value of many, no date that
    forms fill in.
    """
    shared = {
        kind: hubs.filter(pl.col("identifier_type") == kind)["value_norm"].implode()
        for kind in ("email", "phone")
    }
    phone = pl.coalesce("mobile_e164", "phone_e164")
    return people.with_columns(
        email=pl.when(
            ~pl.col("is_role_mailbox").fill_null(False)
            & ~pl.col("email_norm").is_in(shared["email"])
        ).then("email_norm"),
        phone=pl.when(~phone.is_in(shared["phone"])).then(phone),
        birth_date=pl.when(~pl.col("is_birth_date_weak").fill_null(True)).then(
            pl.col("birth_date_norm").dt.strftime("%Y-%m-%d")
        ),
        gender="gender_norm",
    )
