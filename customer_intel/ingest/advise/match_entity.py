"""Entity detection: a file's columns matched to each entity's, by name and by profile, and ranked.

Belongs here: scores, the ranking. Not here: names (mapping/column_names.py), what values suit
(column_fit.py), the profiles themselves (column_profile.py), the expressions that fill what has no
column (derived_columns.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from customer_intel.core.contract.model import Column, Table
from customer_intel.ingest.advise.column_fit import fit
from customer_intel.ingest.advise.column_profile import ColumnProfile
from customer_intel.ingest.mapping.column_names import (
    comma_items,
    common_prefixes,
    helpers,
    name_score,
    nouns,
    plain,
    targets_of,
    words,
)
from customer_intel.ingest.mapping.model import settable

FALLBACK = "reference_rows"
# Below this a file is of no entity: it is kept whole, as reference rows.
WEAK = 1.0
_NUMBERED = re.compile(r"\b(id|no|nr|num|number|key|code|ref)\b|nummer|nr$")
# What is bought or paid differs from row to row, where there are many.
_MEASURES = ("total", "amount", "line_total")
_MANY = 20
# By one of these a row is about a person.
_PERSON = (
    "email",
    "secondary_email",
    "phone",
    "mobile_phone",
    "first_name",
    "last_name",
    "full_name",
    "birth_date",
    "gender",
    "external_user_id",
)
_OF_THINGS = ("orders", "products", "payments")
# Without a column of their name, these are found by their values when one column alone has such.
_BY_KIND = {"email": "email", "requester_email": "email", "phone": "phone"}
# Columns whose absence says nothing against an entity.
_EASY = {
    "created_at", "updated_at", "currency", "platform", "survey_id", "survey_type", "billing_interval", "paid_at",
    "quantity", "unit_price", "channel", "event", "status",
}  # fmt: skip


@dataclass(frozen=True)
class ColumnMatch:
    """A source column taken for an entity's column; `score` from 0 to 1."""

    source: str
    target: str
    score: float


@dataclass
class EntityCandidate:
    """One entity as an explanation of the file."""

    entity: str
    score: float
    matches: dict[str, ColumnMatch] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    # Why it may be something else, though it fits best: somebody must say.
    doubts: list[str] = field(default_factory=list)


# ---- ranking


def rank(
    file_name: str, profiles: Sequence[ColumnProfile], entities: Mapping[str, Table]
) -> list[EntityCandidate]:
    """Every entity that explains something of the file, the best first; the fallback is always
    among them.
    """
    prefixes = common_prefixes([profile.name for profile in profiles])
    named = _named_after(file_name)
    found = [
        _candidate(entities[name], profiles, prefixes, named)
        for name in words()["entities"]
        if name in entities
    ]
    if all(candidate.score <= WEAK for candidate in found):
        found = [candidate for candidate in found if candidate.matches] + _by_values(profiles)
    found.append(
        EntityCandidate(
            FALLBACK, WEAK, {}, ["keeps every column of a file that no entity describes"]
        )
    )
    best: dict[str, EntityCandidate] = {}
    for candidate in sorted(found, key=lambda item: (-item.score, item.entity)):
        best.setdefault(candidate.entity, candidate)
    return list(best.values())


def _by_values(profiles: Sequence[ColumnProfile]) -> list[EntityCandidate]:
    """What a file may be of which no name tells anything: never as sure as a name."""
    times = [profile for profile in profiles if profile.is_time]
    amounts = [profile for profile in profiles if profile.kind == "decimal"]
    emails = [profile for profile in profiles if profile.kind == "email"]
    repeated = [
        profile
        for profile in profiles
        if profile.is_id and 20 < profile.distinct < 0.9 * profile.filled
    ]
    scores = [
        profile
        for profile in profiles
        if profile.kind == "int" and profile.low is not None and 3 <= len(profile.values) <= 11
    ]
    texts = [profile for profile in profiles if profile.kind == "text" and profile.longest > 40]
    kinds = [
        profile
        for profile in profiles
        if profile.kind == "text" and 1 < len(profile.values) <= 40 and profile.longest <= 40
    ]
    found = []

    def add(entity: str, strength: float, why: str, **taken: Sequence[ColumnProfile]) -> None:
        matches = {
            target: ColumnMatch(some[0].name, target, 0.4) for target, some in taken.items() if some
        }
        found.append(EntityCandidate(entity, strength, matches, [f"by its values alone: {why}"]))

    if emails and emails[0].distinct > 0.5 * emails[0].filled:
        add("contacts", 1.3, "a mail address a row", email=emails)
    if times and amounts:
        add("orders", 1.4, "an amount, a time, somebody again and again",
            ordered_at=times, total=amounts[-1:], customer_ref=repeated)  # fmt: skip
    if times and kinds and repeated and not amounts:
        add("events", 1.2, "a few words, a time, somebody again and again",
            occurred_at=times, event_name=kinds, user_id=repeated)  # fmt: skip
    nps = [
        profile for profile in scores if (profile.low or 0) >= 0 and 5 < (profile.high or 0) <= 10
    ]
    stars = [
        profile for profile in scores if (profile.low or 0) >= 1 and 3 < (profile.high or 0) <= 5
    ]
    if nps and times and not amounts:
        add("survey_responses", 1.3, "numbers from 0 to 10 and a time",
            score=nps, responded_at=times, email=emails, comment=texts)  # fmt: skip
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


def _named_after(file_name: str) -> _Named:
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
        for noun in (*comma_items(entry.get("nouns")), *comma_items(entry.get("files"))):
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
    weights = {
        entity: (1.1 + 0.25 * (length - 1)) if end == last else 0.1
        for entity, (end, length) in ends.items()
    }
    neutral = set(comma_items(words()["neutral"]))
    rest = [word for word in text[last + 1 :].split() if word not in neutral and not word.isdigit()]
    if not weights:
        rest = [word for word in rest if len(word) > 2]
    return _Named(weights, tuple(rest))


def _candidate(
    table: Table,
    profiles: Sequence[ColumnProfile],
    prefixes: Sequence[str],
    named: _Named,
) -> EntityCandidate:
    # The weights below are judgement: test_inspect holds them against known systems' exports.
    entity, known = table.name, settable(table)
    matches = _assigned(table, profiles, prefixes)
    by_source = {profile.name: profile for profile in profiles}
    entry = words()["entities"][entity]
    scores = {name: match.score for name, match in matches.items()}
    for name, (target, _) in helpers(entity).items():
        scores[target] = max(scores.get(target, 0.0), scores.get(name, 0.0))
    strengths = [scores.get(name, 0.0) for name in entry["core"]]
    # Files of people fill few of the columns that they could: half of the core columns is a lot.
    core_score = min(
        1.0, sum(strengths) / (len(strengths) / 2 if entry.get("any") else len(strengths))
    )
    filled = [profile for profile in profiles if profile.kind != "empty"]
    coverage = sum(match.score for match in matches.values()) / max(len(filled), 1)
    candidate = EntityCandidate(entity, 2 * core_score + 1.5 * min(coverage, 1.0), matches)
    pairs = [
        f"{match.source} → {target}"
        for target, match in sorted(matches.items(), key=lambda i: -i[1].score)
    ]
    if pairs:
        candidate.why.append(
            ", ".join(pairs[:5]) + (f" and {len(pairs) - 5} more" if len(pairs) > 5 else "")
        )
    if named.weights.get(entity):
        candidate.score += named.weights[entity]
        candidate.why.append("the file is named so")
    key = table.key[-1]
    if key in matches:
        profile = by_source[matches[key].source]
        own = (
            any(noun in plain(profile.name) for noun in nouns(entity))
            or profile.name.lower() == "id"
        )
        if profile.is_unique and own:
            candidate.score += 0.6 if profile.name in [item.name for item in profiles[:3]] else 0.3
            candidate.why.append(f"{profile.name} is different in every row")
        elif profile.distinct < 0.9 * profile.filled and entity not in ("order_lines", "ad_spend"):
            candidate.score -= 1.2
            candidate.against.append(f"{profile.name} comes again in many rows")
    lacking = [
        name for name, column in known.items()
        if column.required and not scores.get(name) and name not in (*table.key, *_EASY)
        and not (name == "line_total" and "unit_price" in matches)
    ]  # fmt: skip
    if (need := entry.get("need")) and not any(name in matches for name in need):
        candidate.score -= 2.5
        candidate.against.append(f"none of {', '.join(need)}")
    if entity == "reviews" and "review" in plain(getattr(matches.get("body"), "source", "")):
        candidate.score += 0.5
    _doubt(candidate, table, named)
    if entity == "contacts":
        _judge_people(candidate, profiles, is_called=bool(named.weights.get(entity)))
    elif entity in _OF_THINGS and len(traits := _traits(profiles)) >= 2:
        candidate.score -= 0.5 * len(traits)
        candidate.against.append(f"{', '.join(traits[:4])} are traits of people")
    if lacking:
        candidate.score -= 0.3 * len(lacking)
        candidate.against.append("nothing for " + ", ".join(lacking))
    candidate.score = round(candidate.score, 2)
    return candidate


def _traits(profiles: Sequence[ColumnProfile]) -> list[str]:
    """Columns whose names say what a person is like."""
    known = set(comma_items(words()["entities"]["contacts"]["traits"]))
    return [
        item.name
        for item in profiles
        if known & set(plain(item.name).split()) or plain(item.name) in known
    ]


# Without two of these, and of another name, a table of ids and names is of companies no more than of
# brands, coupons or holidays.
_COMPANY = {
    "industry", "employee_count", "website", "domain", "annual_revenue", "account_type", "naics_code", "tier",
    "billing_street", "billing_city", "parent_account_id",
}  # fmt: skip
# A site and its domain are one sign.
_SITE = {"domain": "website"}
# A file that fits so well is what it looks like, whatever it is called.
_PLAIN = 3.5


@dataclass(frozen=True)
class _Named:
    """What the file's name says: entity → how much, and words after the last of them."""

    weights: Mapping[str, float]
    rest: tuple[str, ...]


def _doubt(candidate: EntityCandidate, table: Table, named: _Named) -> None:
    """Notes where the file's name speaks of something that is no entity, or an account of nothing."""
    core = words()["entities"][table.name]["core"]
    is_whole = all(
        name in candidate.matches and candidate.matches[name].score >= 0.8 for name in core
    )
    if table.name == "accounts":
        key = candidate.matches.get("account_id")
        is_named = named.weights.get("accounts") or (
            key and any(noun in plain(key.source).split() for noun in nouns("accounts"))
        )
        signs = {
            _SITE.get(name, name)
            for name, match in candidate.matches.items()
            if name in _COMPANY and match.score >= 0.8
        }
        if not is_named and len(signs) < 2:
            candidate.doubts.append("an id and a name may be anybody's, or anything's")
    elif named.rest and not is_whole and candidate.score < _PLAIN:
        candidate.doubts.append(f"the file is called after ‘{' '.join(named.rest)}’")


def _judge_people(
    candidate: EntityCandidate, profiles: Sequence[ColumnProfile], *, is_called: bool
) -> None:
    """A table of places or codes has columns as people have: a person must show in it."""
    traits = _traits(profiles)
    key = candidate.matches.get("contact_id")
    is_named = key is not None and any(
        f" {noun} " in f" {plain(key.source)} " for noun in nouns("contacts")
    )
    strong = set(_PERSON) - {"full_name", "phone"}
    if len(strong & set(candidate.matches)) >= 3:
        candidate.doubts.clear()
    if not (traits or is_named or is_called or strong & set(candidate.matches)):
        candidate.doubts.append("names and numbers alone may be a company's or a place's")
    if traits:
        candidate.score += 0.4 * min(len(traits), 4)
        candidate.why.append(f"{', '.join(traits[:4])} are traits of people")
    elif not is_named and not any(name in candidate.matches for name in _PERSON):
        candidate.score -= 2.5
        candidate.against.append(
            "nothing in it is a person's: no name, address, number or birthday"
        )


def assigned(
    table: Table, profiles: Sequence[ColumnProfile], prefixes: Sequence[str] = ()
) -> dict[str, ColumnMatch]:
    """As for ranking, for an entity that is known to be in the file. `prefixes`: words before names
    that say whose they are.
    """
    common = common_prefixes([profile.name for profile in profiles])
    return _assigned(table, profiles, [*common, *map(plain, prefixes)])


def _assigned(
    table: Table, profiles: Sequence[ColumnProfile], prefixes: Sequence[str]
) -> dict[str, ColumnMatch]:
    """Each source column to at most one of the entity's columns, the surest pairs first."""
    known: dict[str, Column] = dict(settable(table))
    known |= {name: column for name, (_, column) in helpers(table.name).items()}
    pairs = []
    for place, profile in enumerate(profiles):
        may_be = targets_of(profile.name, table.name, tuple(known), prefixes)
        if profile.label:
            may_be |= targets_of(profile.label, table.name, tuple(known), prefixes)
        for order, (target, column) in enumerate(known.items()) if may_be else ():
            if target not in may_be or target == "_deleted":
                continue
            score = name_score(profile.name, table.name, target, prefixes)
            if profile.label:
                score = max(score, name_score(profile.label, table.name, target, prefixes))
            score = round(score * fit(column, profile, table.name), 3) if score else 0.0
            if (
                target in _MEASURES
                and score < 0.95
                and profile.distinct == 1
                and profile.rows >= _MANY
            ):
                # What is the same in every row measures nothing, unless it is plainly called so.
                score = 0.0
            if (
                target == table.key[-1]
                and profile.distinct < 0.5 * profile.filled
                and not _NUMBERED.search(plain(profile.name))
            ):
                score = 0.0
            if score >= 0.45:
                pairs.append(
                    (
                        -score,
                        not column.required,
                        place,
                        order,
                        ColumnMatch(profile.name, target, score),
                    )
                )
    found: dict[str, ColumnMatch] = {}
    used: set[str] = set()
    for *_, match in sorted(pairs, key=lambda pair: pair[:4]):
        if match.target not in found and match.source not in used:
            found[match.target] = match
            used.add(match.source)
    for target, kind in _BY_KIND.items():
        alike = [item for item in profiles if item.kind == kind]
        if (
            target in known
            and target not in found
            and len(alike) == 1
            and alike[0].name not in used
        ):
            found[target] = ColumnMatch(alike[0].name, target, 0.75)
            used.add(alike[0].name)
    # One id column may fill both the record's key and the reference to the person.
    for *_, match in sorted(pairs, key=lambda pair: pair[:4]):
        if match.target == "customer_ref" and match.target not in found and match.score > 0.8:
            found[match.target] = match
    return found
