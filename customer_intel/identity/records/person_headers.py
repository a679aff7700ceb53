"""What a column of a list of people may be by its name alone, in seven languages.

Belongs here: names as words, and which of person_headers.yaml they are. Not here: values
(person_values.py), the choice (person_columns.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.identity.records.person_values import folded

_HEADERS = Path(__file__).parent / "person_headers.yaml"


def plain(name: str) -> list[str]:
    """A column's name as words in small letters: `birthDate`, `Birth-Date` are birth, date."""
    text = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    text = re.sub(r"([^\W\d_])(\d)", r"\1 \2", text)
    return [word for part in re.split(r"[\W_]+", text) if (word := folded(part))]


@lru_cache(maxsize=1)
def known_headers() -> tuple[dict[str, list[tuple[str, int]]], dict[str, frozenset[str]]]:
    """Joined header → roles with their ranks; and the lists of words around headers."""
    document = yamlfile.load(_HEADERS)
    index: dict[str, list[tuple[str, int]]] = {}
    for role, listed in document["columns"].items():
        for rank, phrase in enumerate(_listed(listed)):
            index.setdefault(phrase.replace(" ", ""), []).append((str(role), rank))
    words = {
        key: frozenset(_listed(document[key])) for key in ("whose", "tails", "others", "not_births")
    }
    return index, words


@lru_cache(maxsize=1)
def known_apart() -> dict[str, frozenset[str]]:
    """What a column says that no comparison uses → words of its name."""
    listed = yamlfile.load(_HEADERS)["known_apart"]
    return {str(what): frozenset(map(str, words)) for what, words in listed.items()}


def _listed(text: str) -> list[str]:
    return [" ".join(item.split()) for item in str(text).split(",") if item.strip()]


def named(column: str) -> Iterator[tuple[str, float, int]]:
    """What a column's name may mean: role, how surely from 0 to 1, place in the list of its names."""
    index, around = known_headers()
    words = plain(column)
    if set(words) & around["others"]:
        return
    for variant, factor in _variants(words, around):
        for role, rank in index.get("".join(variant), ()):
            yield role, factor, rank
    for size in range(len(words) - 1, 0, -1):
        for start in range(len(words) - size + 1):
            for role, rank in index.get("".join(words[start : start + size]), ()):
                if role in _WITHIN:
                    yield role, 0.6 * size / len(words), rank


# Roles whose values tell whether a name that only has their word in it means them.
_WITHIN = {"email", "phone", "birth_date", "gender", "postal_code", "birth_year", "id_number"}


def _variants(
    words: list[str], around: Mapping[str, frozenset[str]]
) -> Iterator[tuple[list[str], float]]:
    """The words, and what is left without those that only say whose it is."""
    yield words, 1.0
    starts = [0]
    for size in range(1, min(len(words), 3)):
        if " ".join(words[:size]) in around["whose"]:
            starts.append(size)
    ends = [len(words)]
    while ends[-1] > 1 and words[ends[-1] - 1] in around["tails"]:
        ends.append(ends[-1] - 1)
    for start in starts:
        for end in ends:
            if (start or end < len(words)) and start < end:
                yield words[start:end], 0.9 if not (start and end < len(words)) else 0.85
