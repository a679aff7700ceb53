"""What a file is about: its columns matched to each entity's, by name and by the shape of the
values, and ranked.

Belongs here: names, scores, the ranking. The words that other systems use are in words.yaml. Not
here: the shapes themselves (column_profile.py) and the expressions that fill what has no column
(starter.py).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import Column, Table
from customer_intel.ingest.advise.column_profile import Shape
from customer_intel.ingest.mapping.model import settable

WORDS = Path(__file__).resolve().parent / "words.yaml"
FALLBACK = "reference_rows"
# Below this a file is of no entity: it is kept whole, as reference rows.
WEAK = 1.0
_TAILS = {
    "usd",
    "eur",
    "gbp",
    "brl",
    "utc",
    "prefix",
    "timestamp",
    "c",
    "text",
    "value",
    "field",
    "dt",
    "amt",
}
_LATIN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae", "å": "a"})
_NUMBERED = re.compile(r"\b(id|no|nr|num|number|key|code|ref)\b|nummer|nr$")
# What a snapshot may lack without being another entity.
_EASY = {
    "created_at", "updated_at", "currency", "platform", "survey_id", "survey_type", "billing_interval", "paid_at",
    "quantity", "unit_price", "channel", "event", "status",
}  # fmt: skip
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


@dataclass(frozen=True)
class Match:
    """A source column taken for an entity's column; `score` from 0 to 1."""

    source: str
    target: str
    score: float


@dataclass
class Candidate:
    """One entity as an explanation of the file."""

    entity: str
    score: float
    matches: dict[str, Match] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)


@lru_cache(maxsize=1)
def words() -> dict[str, Any]:
    return dict(yamlfile.load(WORDS))


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A name as words in lower case: `orderId`, `Order-ID` and `ORDER_ID` are all `order id`."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text).lower().translate(_LATIN)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z]+|\d+", text))


def _split(text: Any) -> list[str]:
    return [word.strip() for word in str(text or "").split(",") if word.strip()]


@lru_cache(maxsize=64)
def nouns(entity: str) -> tuple[str, ...]:
    return tuple(_split(words()["entities"].get(entity, {}).get("nouns")))


@lru_cache(maxsize=64)
def helpers(entity: str) -> dict[str, tuple[str, Column]]:
    """Columns that only help to fill one of the entity's: name → (what they fill, the column they
    would be).
    """
    found = words()["entities"].get(entity, {}).get("helpers", {})
    return {
        name: (target, Column(name=name, type=kind, meaning=name))
        for name, (target, kind) in found.items()
    }


@lru_cache(maxsize=1024)
def synonyms(entity: str, target: str) -> tuple[str, ...]:
    """What a column may be called, the likeliest first."""
    listed = words()["columns"].get(f"{entity}.{target}") or words()["columns"].get(target)
    found = [target.replace("_", " ").strip()]
    for word in _split(listed):
        found += [word.replace("*", noun) for noun in nouns(entity)] if "*" in word else [word]
    return tuple(dict.fromkeys(found))


# ---- names


def name_score(name: str, entity: str, target: str, prefixes: Sequence[str]) -> float:
    """How well a source column's name says the entity's column, from 0 to 1."""
    known = synonyms(entity, target)
    best = 0.0
    for variant, factor in _variants(plain(name), entity, prefixes):
        if variant in known:
            best = max(best, factor * (1 - 0.005 * min(known.index(variant), 20)))
            continue
        parts = variant.split()
        for word in known:
            inner = word.split()
            within = len(inner) > 1 and set(inner) <= set(parts)
            last = len(inner) == 1 and len(word) > 3 and parts and parts[-1] == word
            if within or last:
                best = max(best, factor * (0.5 + 0.3 * len(inner) / len(parts)))
            elif len(word) > 5 and len(variant) > 5:
                alike = difflib.SequenceMatcher(None, variant, word)
                if alike.quick_ratio() > 0.87 and alike.ratio() > 0.87:
                    best = max(best, factor * 0.7)
    return best


def _variants(name: str, entity: str, prefixes: Sequence[str]) -> list[tuple[str, float]]:
    """The name, and what is left of it without the words that only say whose column it is."""
    found = [(name, 1.0)]
    for lead in (*nouns(entity), *prefixes):
        if name.startswith(lead + " "):
            found.append((name[len(lead) + 1 :], 0.93))
    for text, factor in list(found):
        parts = text.split()
        if len(parts) > 1 and parts[-1] in _TAILS:
            found.append((" ".join(parts[:-1]), factor * 0.93))
    return found


def common_prefixes(names: Sequence[str]) -> list[str]:
    """First words that most columns share, such as the table's own name."""
    firsts = [parts[0] for name in names if len(parts := plain(name).split()) > 1]
    return sorted(
        {first for first in firsts if firsts.count(first) * 5 >= len(names) * 3 and len(names) > 2}
    )


# ---- shapes


def fit(column: Column, shape: Shape, entity: str) -> float:
    """How well the values suit the entity's column, from 0 to 1."""
    name = column.name
    if shape.kind == "empty":
        return 0.3
    if column.values is not None:
        return _enum_fit(column, shape, entity)
    match column.type:
        case "timestamp" | "date":
            return 1.0 if shape.is_time else 0.0
        case "money" | "float":
            return 1.0 if shape.is_number and (shape.symbol != "%" or name == "discount") else 0.0
        case "int":
            return 1.0 if shape.kind == "int" else 0.0
        case "bool":
            return 1.0 if shape.kind == "bool" else 0.0
    if "email" in name:
        return 1.0 if shape.kind == "email" else 0.0
    if name.endswith(("_id", "_ref", "_id_a", "_key")) or name in ("base", "quote"):
        bad = (
            shape.is_time or shape.kind in ("decimal", "bool", "json", "url") or shape.longest > 80
        )
        return 0.0 if bad else 0.5 if shape.kind == "email" else 1.0
    if name == "currency":
        return (
            1.0
            if shape.values and all(re.fullmatch(r"[A-Za-z]{3}", value) for value in shape.values)
            else 0.0
        )
    if "phone" in name:
        return (
            1.0
            if shape.kind == "phone"
            else 0.8
            if shape.kind in ("int", "text") and shape.longest < 25
            else 0.0
        )
    if name in ("properties", "attributes"):
        return 1.0 if shape.kind == "json" else 0.0
    if name in ("page_url", "website", "url", "referrer"):
        return 1.0 if shape.kind == "url" else 0.6 if shape.kind == "text" else 0.0
    if shape.is_time or shape.kind in ("bool", "json", "email"):
        return 0.0
    if shape.is_number:
        loose = name in (
            "postal_code",
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
        if shape.longest <= 120 or name in ("title", "subject", "street", "interests", "page_title")
        else 0.5
    )


def enum_words(entity: str, column: Column) -> dict[str, str]:
    """Another system's word → the entity's value."""
    listed = words()["values"].get(f"{entity}.{column.name}", {})
    found = {value.lower(): value for value in column.values or ()}
    for value, others in listed.items():
        found |= {str(other).lower(): value for other in others}
    return found


def _enum_fit(column: Column, shape: Shape, entity: str) -> float:
    if not shape.values:
        return 0.0
    known = enum_words(entity, column)
    share = sum(value.lower() in known for value in shape.values) / len(shape.values)
    return 1.0 if share == 1 else 0.5 if share >= 0.6 and column.required else 0.0


# ---- ranking


def rank(file_name: str, shapes: Sequence[Shape], entities: Mapping[str, Table]) -> list[Candidate]:
    """Every entity that explains something of the file, the best first; the fallback is always
    among them.
    """
    prefixes = common_prefixes([shape.name for shape in shapes])
    heads = _named_after(file_name)
    found = [
        _candidate(entities[name], shapes, prefixes, heads)
        for name in words()["entities"]
        if name in entities
    ]
    if all(candidate.score <= WEAK for candidate in found):
        found = [candidate for candidate in found if candidate.matches] + _by_values(shapes)
    found.append(
        Candidate(FALLBACK, WEAK, {}, ["keeps every column of a file that no entity describes"])
    )
    best: dict[str, Candidate] = {}
    for candidate in sorted(found, key=lambda item: (-item.score, item.entity)):
        best.setdefault(candidate.entity, candidate)
    return list(best.values())


def _by_values(shapes: Sequence[Shape]) -> list[Candidate]:
    """What a file may be of which no name tells anything: never as sure as a name."""
    times = [shape for shape in shapes if shape.is_time]
    amounts = [shape for shape in shapes if shape.kind == "decimal"]
    mails = [shape for shape in shapes if shape.kind == "email"]
    repeated = [
        shape for shape in shapes if shape.is_id and 20 < shape.distinct < 0.9 * shape.filled
    ]
    scores = [
        shape
        for shape in shapes
        if shape.kind == "int" and shape.low is not None and 3 <= len(shape.values) <= 11
    ]
    texts = [shape for shape in shapes if shape.kind == "text" and shape.longest > 40]
    kinds = [
        shape
        for shape in shapes
        if shape.kind == "text" and 1 < len(shape.values) <= 40 and shape.longest <= 40
    ]
    found = []

    def add(entity: str, strength: float, why: str, **taken: Sequence[Shape]) -> None:
        matches = {
            target: Match(some[0].name, target, 0.4) for target, some in taken.items() if some
        }
        found.append(Candidate(entity, strength, matches, [f"by its values alone: {why}"]))

    if mails and mails[0].distinct > 0.5 * mails[0].filled:
        add("contacts", 1.3, "a mail address a row", email=mails)
    if times and amounts:
        add("orders", 1.4, "an amount, a time, somebody again and again",
            ordered_at=times, total=amounts[-1:], customer_ref=repeated)  # fmt: skip
    if times and kinds and repeated and not amounts:
        add("events", 1.2, "a few words, a time, somebody again and again",
            occurred_at=times, event_name=kinds, user_id=repeated)  # fmt: skip
    nps = [shape for shape in scores if (shape.low or 0) >= 0 and 5 < (shape.high or 0) <= 10]
    stars = [shape for shape in scores if (shape.low or 0) >= 1 and 3 < (shape.high or 0) <= 5]
    if nps and times and not amounts:
        add("survey_responses", 1.3, "numbers from 0 to 10 and a time",
            score=nps, responded_at=times, email=mails, comment=texts)  # fmt: skip
    if stars and texts and not amounts:
        add(
            "reviews",
            1.3,
            "one to five stars and a text",
            rating=stars,
            body=texts,
            created_at=times,
        )
    return found


def _named_after(file_name: str) -> dict[str, float]:
    """Entity → how much the file's name speaks for it. The last noun counts: order reviews are
    reviews.
    """
    text = (
        " "
        + plain(re.sub(r"\.(csv|tsv|txt|jsonl|json|ndjson|parquet|xlsx|gz|zst)\b", "", file_name))
        + " "
    )
    ends: dict[str, tuple[int, int]] = {}
    for entity, entry in words()["entities"].items():
        for noun in (*_split(entry.get("nouns")), *_split(entry.get("files"))):
            for form in {
                noun,
                noun + "s",
                noun + "es",
                noun[:-1] + "ies" if noun.endswith("y") else noun,
            }:
                place = text.rfind(f" {form} ")
                if place >= 0:
                    ends[entity] = max(
                        ends.get(entity, (-1, 0)), (place + len(form), len(form.split()))
                    )
    last = max((end for end, _ in ends.values()), default=0)
    return {
        entity: (1.1 + 0.25 * (length - 1)) if end == last else 0.1
        for entity, (end, length) in ends.items()
    }


def _candidate(
    table: Table, shapes: Sequence[Shape], prefixes: Sequence[str], heads: Mapping[str, float]
) -> Candidate:
    entity, known = table.name, settable(table)
    matches = _assigned(table, shapes, prefixes)
    by_source = {shape.name: shape for shape in shapes}
    entry = words()["entities"][entity]
    told_by = {name: match.score for name, match in matches.items()}
    for name, (target, _) in helpers(entity).items():
        told_by[target] = max(told_by.get(target, 0.0), told_by.get(name, 0.0))
    strengths = [told_by.get(name, 0.0) for name in entry["core"]]
    # Of people a file tells this or that; half of what could be told is a lot.
    core_score = min(
        1.0, sum(strengths) / (len(strengths) / 2 if entry.get("any") else len(strengths))
    )
    filled = [shape for shape in shapes if shape.kind != "empty"]
    coverage = sum(match.score for match in matches.values()) / max(len(filled), 1)
    candidate = Candidate(entity, 2 * core_score + 1.5 * min(coverage, 1.0), matches)
    told = [
        f"{match.source} → {target}"
        for target, match in sorted(matches.items(), key=lambda i: -i[1].score)
    ]
    if told:
        candidate.why.append(
            ", ".join(told[:5]) + (f" and {len(told) - 5} more" if len(told) > 5 else "")
        )
    if heads.get(entity):
        candidate.score += heads[entity]
        candidate.why.append("the file is named so")
    key = table.key[-1]
    if key in matches:
        shape = by_source[matches[key].source]
        own = any(noun in plain(shape.name) for noun in nouns(entity)) or shape.name.lower() == "id"
        if shape.is_unique and own:
            candidate.score += 0.6 if shape.name in [item.name for item in shapes[:3]] else 0.3
            candidate.why.append(f"{shape.name} is different in every row")
        elif shape.distinct < 0.9 * shape.filled and entity not in ("order_lines", "ad_spend"):
            candidate.score -= 1.2
            candidate.against.append(f"{shape.name} comes again in many rows")
    lacking = [
        name for name, column in known.items()
        if column.required and not told_by.get(name) and name not in (*table.key, *_EASY)
        and not (name == "line_total" and "unit_price" in matches)
    ]  # fmt: skip
    if (need := entry.get("need")) and not any(name in matches for name in need):
        candidate.score -= 2.5
        candidate.against.append(f"none of {', '.join(need)}")
    if lacking:
        candidate.score -= 0.3 * len(lacking)
        candidate.against.append("nothing for " + ", ".join(lacking))
    candidate.score = round(candidate.score, 2)
    return candidate


def _assigned(table: Table, shapes: Sequence[Shape], prefixes: Sequence[str]) -> dict[str, Match]:
    """Each source column to at most one of the entity's columns, the surest pairs first."""
    known: dict[str, Column] = dict(settable(table))
    known |= {name: column for name, (_, column) in helpers(table.name).items()}
    pairs = []
    for place, shape in enumerate(shapes):
        for order, (target, column) in enumerate(known.items()):
            if target == "_deleted":
                continue
            score = name_score(shape.name, table.name, target, prefixes)
            score = round(score * fit(column, shape, table.name), 3) if score else 0.0
            if (
                target == table.key[-1]
                and shape.distinct < 0.5 * shape.filled
                and not _NUMBERED.search(plain(shape.name))
            ):
                score = 0.0
            if score >= 0.45:
                pairs.append(
                    (-score, not column.required, place, order, Match(shape.name, target, score))
                )
    found: dict[str, Match] = {}
    used: set[str] = set()
    for *_, match in sorted(pairs, key=lambda pair: pair[:4]):
        if match.target not in found and match.source not in used:
            found[match.target] = match
            used.add(match.source)
    # One id may be both the record's and the person's.
    for *_, match in sorted(pairs, key=lambda pair: pair[:4]):
        if match.target == "customer_ref" and match.target not in found and match.score > 0.8:
            found[match.target] = match
    return found
