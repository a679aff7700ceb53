"""How well a column's values suit an entity's column, whatever it is called.

Belongs here: values against a contract's column, words of enumerations. Not here: names
(mapping/column_names.py), the choice of columns and entities (match_entity.py).
"""

from __future__ import annotations

import re

from customer_intel.core.contract.model import Column
from customer_intel.ingest.advise.column_profile import ColumnProfile
from customer_intel.ingest.mapping.column_names import words

# Ids that may be names of several words: things have them, people and records do not.
_NAMED_THINGS = ("plan_id", "previous_plan_id", "product_id", "survey_id", "campaign_id")
_FREE = {
    "comment",
    "body",
    "description",
    "text",
    "satisfaction_comment",
    "cancellation_feedback",
    "note",
    "reason",
}
_PLACES = {
    "country",
    "city",
    "state",
    "region",
    "first_name",
    "last_name",
    "account_name",
    "industry",
    "category",
}


def fit(column: Column, profile: ColumnProfile, entity: str) -> float:
    """How well the values suit the entity's column, from 0 to 1."""
    name = column.name
    if profile.kind == "empty":
        return 0.3
    if column.values is not None:
        return _enum_fit(column, profile, entity)
    match column.type:
        case "timestamp" | "date":
            return 1.0 if profile.is_time else 0.0
        case "money" | "float":
            return _measure_fit(name, profile)
        case "int":
            return 1.0 if profile.kind == "int" else 0.0
        case "bool":
            return 1.0 if profile.kind == "bool" else 0.0
    if "email" in name:
        return 1.0 if profile.kind == "email" else 0.0
    if name.endswith(("_id", "_ref", "_id_a", "_key")) or name in ("base", "quote"):
        bad = (profile.is_wordy and name not in _NAMED_THINGS) or (
            profile.is_time
            or profile.kind in ("decimal", "bool", "json", "url")
            or profile.longest > 80
        )
        return 0.0 if bad else 0.5 if profile.kind == "email" else 1.0
    if name == "currency":
        return (
            1.0
            if profile.values
            and all(re.fullmatch(r"[A-Za-z]{3}", value) for value in profile.values)
            else 0.0
        )
    if "phone" in name:
        return (
            1.0
            if profile.kind == "phone"
            else 0.8
            if profile.kind in ("int", "text") and profile.longest < 25
            else 0.0
        )
    if name in ("properties", "attributes"):
        return 1.0 if profile.kind == "json" else 0.0
    if name in ("page_url", "website", "url", "referrer"):
        return 1.0 if profile.kind == "url" else 0.6 if profile.kind == "text" else 0.0
    if profile.is_time or profile.kind in ("bool", "json", "email"):
        return 0.0
    if profile.is_number:
        loose = name in (
            "postal_code",
            "id_number",
            "house_number",
            "unit",
            "sku",
            "tags",
            "app_version",
            "plan_name",
            "interests",
            "tier",
            "priority",
            "satisfaction_score",
        )
        return 0.8 if loose else 0.15
    if name in _FREE or name in _PLACES:
        return 1.0
    return (
        1.0
        if profile.longest <= 120
        or name in ("title", "subject", "street", "interests", "page_title")
        else 0.5
    )


def _measure_fit(name: str, profile: ColumnProfile) -> float:
    return float(profile.is_number and (profile.symbol != "%" or name == "discount"))


def enum_words(entity: str, column: Column) -> dict[str, str]:
    """Another system's word → the entity's value."""
    listed = words()["values"].get(f"{entity}.{column.name}", {})
    found = {value.lower(): value for value in column.values or ()}
    for value, others in listed.items():
        found |= {str(other).lower(): value for other in others}
    return found


def _enum_fit(column: Column, profile: ColumnProfile, entity: str) -> float:
    if not profile.values:
        return 0.0
    known = enum_words(entity, column)
    share = sum(value.lower() in known for value in profile.values) / len(profile.values)
    return 1.0 if share == 1 else 0.5 if share >= 0.6 and column.required else 0.0
