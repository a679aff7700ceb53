"""What columns are called in other systems: names as plain words, synonyms, and how well a name
fits.

Belongs here: names, by words.yaml. Not here: values (advise/column_profile.py), the ranking of entities
(advise/match_entity.py).
"""

from __future__ import annotations

import difflib
import re
import string
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.model import Column

WORDS = Path(__file__).resolve().parent / "words.yaml"
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


@lru_cache(maxsize=1)
def words() -> dict[str, Any]:
    """words.yaml: nouns, synonyms, enumeration words and defaults by entity."""
    return dict(yamlfile.load(WORDS))


@lru_cache(maxsize=65_536)
def plain(name: str) -> str:
    """A name as words in lower case: `orderId`, `Order-ID` and `ORDER_ID` are all `order id`."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text).lower().translate(_LATIN)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z]+|\d+", text))


def slug(text: str) -> str:
    """A name as it may stand in a file name or an identifier: `Order ID` is `order_id`."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "file"


def comma_items(text: Any) -> list[str]:
    """The items of a list that is separated by commas."""
    return [word.strip() for word in str(text or "").split(",") if word.strip()]


@lru_cache(maxsize=64)
def nouns(entity: str) -> tuple[str, ...]:
    """What one row of the entity is called, from words.yaml."""
    return tuple(comma_items(words()["entities"].get(entity, {}).get("nouns")))


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


_WHO = ("customer_ref", "respondent_ref", "requester_ref", "contact_ref", "author_ref")


@lru_cache(maxsize=1024)
def synonyms(entity: str, target: str) -> tuple[str, ...]:
    """What a column may be called, the likeliest first."""
    listed = words()["columns"].get(f"{entity}.{target}") or words()["columns"].get(target)
    found = [target.replace("_", " ").strip()]
    # Who it was is called alike in every file.
    also = words()["columns"]["customer_ref"] if target in _WHO else ""
    for word in [*comma_items(listed), *comma_items(also)]:
        found += [word.replace("*", noun) for noun in nouns(entity)] if "*" in word else [word]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=1024)
def _parted(entity: str, target: str) -> tuple[tuple[str, frozenset[str], int], ...]:
    """The synonyms with their words, and how many those are."""
    known = synonyms(entity, target)
    return tuple((word, frozenset(word.split()), len(word.split())) for word in known)


@lru_cache(maxsize=1)
def _others() -> frozenset[str]:
    return frozenset(comma_items(words()["others"]))


@lru_cache(maxsize=1024)
def _stems(entity: str, target: str) -> tuple[str, ...]:
    return tuple(comma_items(words()["questions"].get(f"{entity}.{target}")))


def name_score(name: str, entity: str, target: str, prefixes: Sequence[str]) -> float:
    """How well a source column's name says the entity's column, from 0 to 1."""
    known = synonyms(entity, target)
    if _is_of_another(set(plain(name).split()), entity, target):
        return 0.0
    best = _asked(name, entity, target)
    for variant, factor in _variants(plain(name), entity, prefixes):
        if variant in known:
            best = max(best, factor * (1 - 0.005 * min(known.index(variant), 20)))
            continue
        parts = variant.split()
        every, near = set(parts), _alike(variant)
        for word, inner, count in _parted(entity, target):
            within = count > 1 and inner <= every
            last = count == 1 and len(word) > 3 and parts and parts[-1] == word
            if within or last:
                best = max(best, factor * (0.5 + 0.3 * count / len(parts)))
            elif word in near:
                best = max(best, factor * 0.7)
    return best


def targets_of(name: str, entity: str, targets: Sequence[str], prefixes: Sequence[str]) -> set[str]:
    """Those of the entity's columns that name_score may give something: a file of thousands of
    columns cannot have each name held against each synonym.
    """
    index = _index(entity, tuple(targets))
    parts = plain(name).split()
    found = {target for part in parts for target in index.get(part, ())}
    for variant, _ in _variants(" ".join(parts), entity, prefixes):
        found.update(target for word in _alike(variant) for target in index.get(f"={word}", ()))
    if "?" in name or len(parts) >= _QUESTION:
        found.update(target for target in targets if _asked(name, entity, target))
    return found


@lru_cache(maxsize=64)
def _index(entity: str, targets: tuple[str, ...]) -> dict[str, set[str]]:
    """Words of the synonyms, and whole synonyms behind a `=` → the columns that they may name."""
    index: dict[str, set[str]] = defaultdict(set)
    for target in targets:
        for word in synonyms(entity, target):
            for part in (*word.split(), f"={word}"):
                index[part].add(target)
    return dict(index)


# Words of which a name is a question.
_QUESTION = 3
_SIGNS = string.ascii_lowercase + string.digits + " "
_NEAR = 0.87


@lru_cache(maxsize=1)
def _known_words() -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Every synonym long enough to be told from a slip, its length, how often each sign is in it."""
    entities = words()["entities"]
    places = [str(key).split(".") for key in words()["columns"]]
    found = {
        word
        for *own, target in places
        for entity in (own or entities)
        for word in synonyms(entity, target)
    }
    found |= {
        word
        for entity in entities
        for target in helpers(entity)
        for word in synonyms(entity, target)
    }
    listed = tuple(sorted(word for word in found if len(word) > 5))
    sizes = np.array([len(word) for word in listed], np.int16)
    return listed, sizes, np.array([_signs(word) for word in listed], np.int16)


def _signs(word: str) -> list[int]:
    return [word.count(sign) for sign in _SIGNS]


@lru_cache(maxsize=65_536)
def _alike(variant: str) -> frozenset[str]:
    """Synonyms that differ from a name by no more than a slip of the pen."""
    if len(variant) <= 5:
        return frozenset()
    listed, sizes, signs = _known_words()
    shared = np.minimum(signs, np.array(_signs(variant), np.int16)).sum(axis=1)
    is_near = 2 * shared > _NEAR * (sizes + len(variant))
    near = (listed[place] for place in np.flatnonzero(is_near))
    return frozenset(
        word for word in near if difflib.SequenceMatcher(None, variant, word).ratio() > _NEAR
    )


_OF_A_HOME = {"unit", "number", "no", "nr", "address", "street", "mailing", "home", "billing"}


def _is_of_another(parts: set[str], entity: str, target: str) -> bool:
    """Whether a name's words say that it is another person's, or the whole with something in it."""
    if target in ("shipping", "discount", "tax"):
        return "total" in parts and bool(parts & {"incl", "inkl", "including", "with", "mit"})
    if target == "unit":
        # A business unit is no apartment.
        return "unit" in parts and bool(parts - _OF_A_HOME)
    is_person = target in ("email", "phone", "customer_ref", "first_name", "last_name", "full_name")
    return is_person and entity in ("orders", "contacts", "payments") and bool(parts & _others())


def _asked(name: str, entity: str, target: str) -> float:
    """A survey's export calls a column as the question was put: told by stems of its words."""
    stems = _stems(entity, target)
    inside = f" {plain(name)}"
    is_question = "?" in name or len(inside.split()) >= _QUESTION
    return 0.85 if is_question and any(f" {stem}" in inside for stem in stems) else 0.0


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
