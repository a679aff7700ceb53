"""shipped.yaml: what companies of known kinds call what their customers do.

Belongs here: reading it, folding words, and finding acts by them. Not here: choosing among the acts found
(proposals.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.contract.yaml_lines import ConfigError

SHIPPED = Path(__file__).resolve().parent / "shipped.yaml"
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
PAGE = "page_viewed"


@dataclass(frozen=True)
class Words:
    """Words that mean one thing. `whole`: without underscores, compared as a whole; `within`: found among
    a name's words.
    """

    whole: frozenset[str]
    within: tuple[str, ...]

    def mean(self, act: str) -> bool:
        """Whether the act's name is one of them: of a page, the page's."""
        names = _names(act)
        found = any(f"_{word}_" in f"_{name}_" for word in self.within for name in names)
        return found or self.are(act)

    def are(self, act: str) -> bool:
        """As `mean`, where one of them is the whole name."""
        return any(name.replace("_", "") in self.whole for name in _names(act))

    def of(self, acts: Iterable[str]) -> tuple[str, ...]:
        """Those of the acts that are meant, in their order."""
        return tuple(act for act in acts if self.mean(act))


def _names(act: str) -> set[str]:
    """What the act is called, of a page the page, with and without accents."""
    activity, _, detail = act.partition(":")
    # An event that is called as a fact is has web_ before its name (activity.sql).
    name = fold(detail) if detail and activity == PAGE else activity.removeprefix("web_")
    return {name, bare(name)}


@dataclass(frozen=True)
class Kind:
    """A kind of company: its funnel's steps, name → words. `caveat`: why it is unsure wherever it is used."""

    name: str
    say: str
    caveat: str
    steps: Mapping[str, Words]


@dataclass(frozen=True)
class Conversion:
    """What is bought or signed. `facts`: activities that tables of facts tell; `vague`: those of the words that
    other companies use for what people do every day.
    """

    name: str
    facts: tuple[str, ...]
    words: Words
    is_weak: bool
    vague: Words


@dataclass(frozen=True)
class Shipped:
    """All of shipped.yaml."""

    kinds: tuple[Kind, ...]
    conversions: tuple[Conversion, ...]
    classes: Mapping[str, Words]

    def class_of(self, act: str) -> str:
        """navigation, access, settings, errors or outside; '' for none. Errors come first: a failed
        payment is none, whatever else it is called.
        """
        for name in ("errors", *self.classes):
            if self.classes[name].mean(act):
                return name
        return ""


def fold(word: str) -> str:
    """As events are named in activity: lower case, letters and digits of any script between single underscores."""
    signs = (sign if is_sign(sign) else "_" for sign in word.lower())
    return re.sub("_+", "_", "".join(signs)).strip("_")


def is_sign(sign: str) -> bool:
    """Whether it is a letter, a mark of one, or a digit."""
    return unicodedata.category(sign)[0] in "LMN"


def bare(word: str) -> str:
    """Without accents: crédito → credito."""
    parts = unicodedata.normalize("NFKD", word)
    kept = "".join(sign for sign in parts if not unicodedata.combining(sign))
    return unicodedata.normalize("NFC", kept)


def variants(word: str) -> set[str]:
    """The ways in which a word with accents is written as an event's name: with them, without, ä as ae."""
    low = unicodedata.normalize("NFC", word.lower())
    return {fold(low), fold(bare(low)), fold(low.translate(_UMLAUTS))}


def words_of(lists: Iterable[Any], where: str) -> Words:
    """Words of a list, or list of lists. Raises ConfigError for what is no text."""
    whole: set[str] = set()
    within: set[str] = set()
    for item in lists:
        for word in item if isinstance(item, list) else [item]:
            if not isinstance(word, str):
                raise ConfigError(f"{where}: {word!r} is not text; put the word in quotes")
            if word.startswith("*"):
                within |= variants(word)
            else:
                whole |= {found.replace("_", "") for found in variants(word)}
    return Words(frozenset(whole), tuple(sorted(within)))


@cache
def shipped() -> Shipped:
    """The shipped words."""
    document = yamlfile.load(SHIPPED)
    strong, weak = document["conversions"], document["weak_conversions"]
    conversions = tuple(
        Conversion(
            name,
            tuple(entry.get("facts", ())),
            words_of([*entry.get("facts", ()), *entry["words"]], name),
            name in weak,
            words_of(entry.get("vague", ()), name),
        )
        for name, entry in (*strong.items(), *weak.items())
    )
    by_name = {item.name: item.words for item in conversions}
    kinds = tuple(
        Kind(
            name,
            entry["say"],
            entry.get("caveat", ""),
            {
                step: by_name[said] if isinstance(said, str) else words_of(said, f"{name}.{step}")
                for step, said in entry["steps"].items()
            },
        )
        for name, entry in document["kinds"].items()
    )
    classes = {name: words_of(lists, name) for name, lists in document["classes"].items()}
    return Shipped(kinds, conversions, classes)
