"""What columns are called in other systems: names as plain words, synonyms, and how well a name
fits.

Belongs here: names, by words.yaml. Not here: values (column_profile.py) and the ranking of entities
(match_entity.py).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

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


@lru_cache(maxsize=4096)
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
        every, size = set(parts), len(variant)
        for word, inner, count in _parted(entity, target):
            within = count > 1 and inner <= every
            last = count == 1 and len(word) > 3 and parts and parts[-1] == word
            if within or last:
                best = max(best, factor * (0.5 + 0.3 * count / len(parts)))
            elif len(word) > 5 < size and 2 * min(len(word), size) > 0.87 * (len(word) + size):
                alike = difflib.SequenceMatcher(None, variant, word)
                if alike.quick_ratio() > 0.87 and alike.ratio() > 0.87:
                    best = max(best, factor * 0.7)
    return best


def _is_of_another(parts: set[str], entity: str, target: str) -> bool:
    """Whether a name's words say that it is another person's, or the whole with something in it."""
    if target in ("shipping", "discount", "tax"):
        return "total" in parts and bool(parts & {"incl", "inkl", "including", "with", "mit"})
    is_person = target in ("email", "phone", "customer_ref", "first_name", "last_name", "full_name")
    return is_person and entity in ("orders", "contacts", "payments") and bool(parts & _others())


def _asked(name: str, entity: str, target: str) -> float:
    """A survey's export calls a column as the question was put: told by stems of its words."""
    stems = _stems(entity, target)
    inside = f" {plain(name)}"
    is_question = "?" in name or len(inside.split()) >= 3
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
