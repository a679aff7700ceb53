"""Reads one name as people write it: titles off, given names, family name, generation, business.

Belongs here: which word of a name is what. Not here: other scripts (latin.py), columns and frames
(person_names.py), spellings that sound alike (name_sound.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from customer_intel.identity.records import latin
from customer_intel.identity.records.folding import words
from customer_intel.identity.records.name_shares import first_names, last_names

# Between a person and the name of the business, the person before it or after it.
_PERSON_BEFORE = re.compile(
    r"[\s,]+(?:t/as?|t\.a\.|trading as|doing business as|d/b/a|d\.?b\.?a\.?|h\.?o\.?d\.?n\.?|"
    r"handelend onder(?: de naam)?|operating as|exploitant de)[\s:]+"
)
_PERSON_AFTER = re.compile(
    r"[\s,(]+(?:inhaber(?:in)?|inh\.?|owner|prop\.?|proprietor|titolare|titular|propietari[oa]|"
    r"proprietari[oa]|wlasciciel(?:ka)?|eigenaar|gerant)[\s:.]+"
)
FAMILY_FIRM = (
    r"(?:&|\+|\bund\b|\band\b|\bet\b|\be\b|\by\b|\ben\b|\bi\b)\s*(?:sons?|sohne?|soehne?|tochter|brothers|"
    r"bros|partners?|hijos?|hermanos|filhos?|irmaos|figli|fratelli|fils|freres|zonen|zoon|synowie|co|cie|"
    r"company|associates|associes|asociados)\b|\b(?:gebr(?:uder|\.)?|fratelli|hermanos|irmaos|freres)\s"
)
BODY_OF = (
    r"\b(?:bank|church|university|city|town|friends|school|institute|ministry|department|society|"
    r"association|college|council|office|museum) of\b|"
    r"\b(?:baptist|methodist|catholic|lutheran|orthodox|evangelical|presbyterian|community) (?:church|cent(?:er|re))\b"
)
# Legal forms that are words or initials of their own elsewhere: only as written, at the end.
END_FORM = (
    r"(?:\b(?i:s\.\s?a\.|s\.\s?l\.|s\.\s?r\.\s?l\.|e\.\s?k\.|e\.\s?v\.|s\.\s?p\.\s?a\.|gmbh & co\.?(?: kg)?)|"
    r"\w[a-z]\s(?:AG|KG|SA|SL|SpA|AB|AS|ApS|Oy|e\.?K|e\.?V|eG|SE|NV|BV))\s*$"
)
_PEERAGE = (
    r"(?:baron(?:ess|et)?|b(?:ar)?t|viscount(?:ess)?|earl|count(?:ess)?|duke|duchess|marquess|marquis|"
    r"marchioness|lord|prince|princess)"
)
_RANK = re.compile(
    rf"(?:,\s*(?:the\s+)?|\s+(?:the\s+)?(?=\d|first|second|third))"
    rf"(?:\d+(?:st|nd|rd|th)\s+|first\s+|second\s+|third\s+)?{_PEERAGE}\b\.?(?P<seat>.*)$"
)
# The same as far as a column can be asked for it: ", 1st Baron", "2nd Earl".
RANKED = rf"(?:\d(?:st|nd|rd|th)|,(?: the)?) {_PEERAGE}\b"
# Marks that more than words stand there.
ODD = (
    r"[,(\"“„«]|\b(?:\d+(?:st|nd|rd|th)|first|second|third) |\b(?:t/a|t\.a\.|d/b/a|d\.b|dba\b|h\.o\.d|hodn\b|"
    r"trading as|doing business|operating as|handelend|inh\b|inhaber|owner|prop\b|proprie|titolar|titular|"
    r"propiet|wlascic|eigenaar|gerant|exploitant)"
)
_ASIDE = re.compile(r"\([^)]*\)|\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»")
PATRONYMIC = (
    r"(?:[oey]vi(?:ch|tch|tsch|c)|[oe]vych|[oe]witsch|[iy]lyi?ch|[oeiy]vna|i(?:ni)?chna|[oe]wna|kuzmich|"
    r"lukich|fomich|nikitich)$"
)
_PATRONYMIC = re.compile(PATRONYMIC)
# Abd al-Rahman, Abdel Rahman, Abdurrahman.
_SERVANT = re.compile(r"\babd(?:[aeu][lrsdntz][ \-]?|[ \-](?:[aeu][lrsdntz][ \-])?)(?=\w{3})")
_LOCAL = {"de", "del", "di", "da", "do", "dos", "das", "la", "las", "los", "el", "lo"}
_SON_OF = {"bin", "ibn", "bint", "binti"}


@dataclass(frozen=True)
class Name:
    """Parts of a name, folded; None where it has none. `business`: what the person trades as;
    is_legal: a legal form stands in the person's name nevertheless.
    """

    given: tuple[str, ...] = ()
    last: str | None = None
    generation: str | None = None
    business: str | None = None
    is_legal: bool = False


class NameReader:
    """Reads names by the room's configured words."""

    def __init__(self, config: dict[str, Any]) -> None:
        facts = latin.words()
        self.titles = set(words(config["name_titles"]))
        self.leading = set(words(config["name_leading_titles"]))
        self.suffixes = {str(form): str(norm) for form, norm in config["name_suffixes"].items()}
        self.legal = set(words(config["company_words"]))
        self.trade = set(words(config["business_words"]))
        self.placeholders = {str(name) for name in config["placeholder_names"]}
        self.trade_endings = "|".join(words(facts["business_endings"]))
        self.particles = set(words(facts["name_particles"]))
        self.heads = set(words(facts["compound_heads"]))
        self.devotions = set(words(facts["devotions"]))
        self.two_family = set(words(facts["two_family_names"]))
        self.first_share = first_names()
        self.last_share = last_names()

    @property
    def special(self) -> set[str]:
        """Words that make a name more than a word or two to be taken as they stand."""
        return {
            *self.titles, *self.leading, *self.suffixes, *self.legal, *self.trade, *self.particles,
            *self.placeholders, *_SON_OF, "ma", "abd", "abdul", "abdel", "o", "mc", "the", "of", "inh", "dba",
        }  # fmt: skip

    # ---- columns: `plain` is the folded text, `found` its words

    def first(self, plain: str, found: list[str], is_odd: bool) -> Name:
        """What stands in a column of first names."""
        if is_odd:
            found = self.words(_without_asides(plain))
        named = self._without_titles(found, least=1)
        if len(named) == 1 and named[0] in self.leading - _ALSO_NAMES:
            named = []
        return Name(self._given(named))

    def family(self, plain: str, found: list[str], is_odd: bool) -> Name:
        """What stands in a column of last names; a business where it says so."""
        if not is_odd:
            return self._family_of(found)
        return self._trading(plain, self._family_words) or self._family_words(
            _without_asides(plain)
        )

    def whole(self, plain: str, found: list[str], is_odd: bool) -> Name:
        """A name in one column: given names first, or "family, given"."""
        if not is_odd:
            return self._person_of(found)
        return self._trading(plain, self._person) or self._person(_without_asides(plain))

    def _trading(self, plain: str, read: Callable[[str], Name]) -> Name | None:
        """A person and the business he trades as, where the text says both."""
        for pattern, person_first in ((_PERSON_BEFORE, True), (_PERSON_AFTER, False)):
            parts = pattern.split(f" {plain} ", maxsplit=1)
            if len(parts) != 2:
                continue
            person, firm = parts if person_first else parts[::-1]
            person, firm = person.strip(" ,()"), firm.strip(" ,()")
            if re.search("[a-z]", person) and re.search("[a-z]", firm):
                is_legal = not self.legal.isdisjoint(self.words(person))
                return replace(read(person), business=firm, is_legal=is_legal)
        return None

    # ---- parts

    def _person(self, plain: str) -> Name:
        plain, seat = _without_rank(plain)
        pieces = [piece for piece in (self.words(part) for part in plain.split(",")) if piece]
        generation = None
        # What follows the last comma may be a suffix or a degree rather than a given name.
        while len(pieces) > 1 and all(w in self.titles or w in self.suffixes for w in pieces[-1]):
            generation = generation or self.suffixes.get(pieces[-1][-1])
            pieces.pop()
        if len(pieces) < 2:
            name = self._person_of(pieces[0] if pieces else [], seat)
            return replace(name, generation=generation or name.generation)
        family = self._family_of(pieces[0])
        given, own = self._generation([word for piece in pieces[1:] for word in piece])
        generation = generation or own or family.generation
        return Name(self._given(self._without_titles(given)), family.last, generation)

    def _person_of(self, found: list[str], seat: str | None = None) -> Name:
        """Name of words without a comma; `seat`: the family of a peer of whom only given names are
        told.
        """
        found, generation = self._generation(found)
        named = self._without_titles(self._without_additions(found))
        if not named:
            return Name(generation=generation)
        if len(named) == 1:
            # Mr Smith, Lord Clifford; but Sir John.
            is_family = not seat and len(found) > 1 and found[0] not in _BEFORE_GIVEN
            if is_family:
                return Name((), named[0], generation)
            return Name(self._given(named), seat, generation)
        if named[1] == "of" and found[0] in _PEERS:
            return Name((), named[0], generation)
        if self._is_family_first(named):
            return Name(self._given(named[1:]), named[0], generation)
        named = self._irish(named)
        cut = self._family_at(named)
        given, family = named[:cut], named[cut:]
        if len(family) > 2 and family[0] in _SON_OF:
            given, family = [*given, family[1]], family[2:]
        return Name(self._given(given), self._joined(family), generation)

    def _is_family_first(self, named: list[str]) -> bool:
        """Petrov Ivan Ivanovich: a patronymic never opens a family's place."""
        return (
            len(named) == 3
            and _PATRONYMIC.search(named[2]) is not None
            and _PATRONYMIC.search(named[1]) is None
            and named[1] in self.first_share
            and named[0] not in self.first_share
        )

    def _irish(self, named: list[str]) -> list[str]:
        """O Neil and Mc Donald as one word; John O Smith has an initial."""
        at = len(named) - 2
        if (
            at < 1
            or named[at] not in ("o", "mc")
            or f"{named[at]}{named[-1]}" not in self.last_share
        ):
            return named
        return [*named[:at], ("o'" if named[at] == "o" else "mc") + named[-1]]

    def _family_at(self, named: list[str]) -> int:
        """Index of the first word of the family name; at least one given name stands before it."""
        if "of" in named[2:]:
            del named[named.index("of", 2) :]
        at = 1
        while at < len(named) - 1:
            word = named[at]
            if word == "y" and at > 1:
                # José Ortega y Gasset.
                return at - 1
            if word in self.particles or word in _SON_OF:
                end = at
                while end < len(named) - 1 and named[end] in self.particles:
                    end += 1
                if word in _LOCAL and named[end] in self.devotions and named[0] in _DEVOUT:
                    at = end + 1
                    continue
                break
            if self._is_family_name(word) and all(
                later in self.two_family or later in self.particles for later in named[at:]
            ):
                break
            at += 1
        # José de Jesús, and nothing after it.
        return min(at, len(named) - 1) if at < len(named) else len(named)

    def _is_family_name(self, word: str) -> bool:
        """Whether a word in the middle of a Spanish or Portuguese name is rather a family's."""
        return word in self.two_family and self.first_share.get(word, 0.0) < 0.001

    def _family_words(self, plain: str) -> Name:
        plain, _ = _without_rank(plain)
        return self._family_of(self.words(plain.replace(",", " ")))

    def _family_of(self, found: list[str]) -> Name:
        found, generation = self._generation(found)
        named = [word for word in found if word not in self.titles] or found
        if "of" in named[1:]:
            named = named[: named.index("of", 1)]
        return Name(last=self._joined(named), generation=generation)

    def _joined(self, named: list[str]) -> str | None:
        """Words of a family name as one text: al-masri, o'neil and mcdonald however they are spaced."""
        if len(named) == 1 and "-" not in named[0]:
            return named[0]
        text = " ".join(word for word in named if word != "of")
        if _APART.search(text):
            text = re.sub(r"^(?:al|el|ul)[ \-](?=\w{3})", "al-", text)
            text = re.sub(r"\bo ['\-]?(?=\w{3})", "o'", text)
            text = re.sub(r"\bmc (?=\w{3})", "mc", text)
        return text or None

    def _given(self, named: list[str]) -> tuple[str, ...]:
        """Given names in order, particles dropped and compounds parted."""
        if any(word.startswith("abd") for word in named):
            text = _SERVANT.sub("abdul", " ".join(named)).replace("abdulallah", "abdullah")
            named = text.split(" ")
        found: list[str] = []
        for at, word in enumerate(named):
            if found and (word in self.particles or word in _AND) and at < len(named) - 1:
                continue
            if word in ("ma", "m-a") and at < len(named) - 1:
                word = "maria"
            found.extend(self._parted(word))
        return tuple(found)

    def _parted(self, word: str) -> list[str]:
        """Jean-Pierre and Jeanpierre are two names; Min-ji is one of two syllables."""
        if "-" in word:
            parts = [part for part in word.split("-") if part]
            is_each = all(part in self.first_share for part in parts) and (
                parts[0] in self.heads or min(len(part) for part in parts) > 4
            )
            is_initial = any(len(part) == 1 for part in parts)
            return parts if is_each or is_initial else ["".join(parts)]
        if len(word) < 8 or self.first_share.get(word, 0.0) > 0.0001:
            return [word]
        for end in range(3, len(word) - 3):
            if word[:end] in self.heads and self.first_share.get(word[end:], 0.0) > 0.001:
                return [word[:end], word[end:]]
        return [word]

    def words(self, plain: str) -> list[str]:
        """The words of a folded text, punctuation off."""
        text = re.sub(r"[’`´]", "'", plain)
        text = re.sub(r"\b([a-z]{2,4})\.(r?a|ssa)\b", r"\1\2", text)
        text = re.sub(r"[^\w'\-]+|_", " ", text)
        return [word for word in (part.strip("'-") for part in text.split()) if word]

    def _without_additions(self, found: list[str]) -> list[str]:
        """Without the faculty of Dr. med. and Dr. rer. nat., and the name at birth (geb., née)."""
        for at, word in enumerate(found):
            if at > 1 and word in _BORN:
                return found[:at]
            if word == "dr" and at < len(found) - 2 and found[at + 1] in _FACULTIES:
                return self._without_additions([*found[: at + 1], *found[at + 2 :]])
        return found

    def _without_titles(self, found: list[str], least: int = 2) -> list[str]:
        """Without titles; one that is a given name too (Earl, Don) goes where enough names follow it
        and the next is a given name.
        """
        last = len(found) - 1
        named = [
            word
            for at, word in enumerate(found)
            if word not in self.titles and not (0 < at < last and word in _NOBLE)
        ]
        while len(named) > 1 and named[0] in self.leading:
            is_name = named[0] in _ALSO_NAMES
            is_before_given = named[0] in _BEFORE_GIVEN and named[1] in self.first_share
            if is_name and (len(named) <= least or not is_before_given):
                break
            named = named[1:]
        return named

    def _generation(self, found: list[str]) -> tuple[list[str], str | None]:
        """The words without a generation at their end, and it."""
        if len(found) > 2 and found[-2] in ("the", "der", "die") and found[-1] in _AGE:
            return found[:-2], _AGE[found[-1]]
        if len(found) > 1 and found[-1] in self.suffixes:
            # Sr before a name is a gentleman.
            return found[:-1], self.suffixes[found[-1]]
        return found, None


_APART = re.compile(r"^[aeu]l[ \-]|\b(?:o|mc) ")
_DEVOUT = {"maria", "ma", "jose", "juan", "ana", "rosa", "teresa", "isabel", "luz", "flor"}
_BEFORE_GIVEN = {"don", "dona", "sir", "dame", "father", "sister", "brother", "the"}
_ALSO_NAMES = {
    "baron", "earl", "prince", "duke", "don", "dona", "marquis", "general", "princess", "ritter", "pan", "conte",
}  # fmt: skip
_FACULTIES = {
    "med",
    "phil",
    "jur",
    "iur",
    "rer",
    "nat",
    "oec",
    "pol",
    "theol",
    "dent",
    "vet",
    "hc",
    "h",
    "c",
    "habil",
}
_BORN = {"geb", "geborene", "geborener", "nee", "born", "nata", "nacida", "nascida", "zd"}
_PEERS = {
    "lord",
    "lady",
    "baron",
    "baroness",
    "earl",
    "viscount",
    "duke",
    "duchess",
    "marquess",
    "count",
    "countess",
}
_NOBLE = {"graf", "grafin", "freiherr", "freifrau", "furst", "furstin", "reichsgraf", "edler"}
_AND = {"and", "und", "et", "en"}
_AGE = {"younger": "jr", "jungere": "jr", "elder": "sr", "altere": "sr"}


def _without_asides(plain: str) -> str:
    """Without what stands in brackets or quotation marks, unless nothing else is there."""
    rest = _ASIDE.sub(" ", plain)
    return rest if re.search(r"[^\W\d_]", rest) else plain


def _without_rank(plain: str) -> tuple[str, str | None]:
    """Without ", 1st Baron Clifford of Chudleigh", and the name of the seat: clifford."""
    found = _RANK.search(plain)
    if not found or not re.search(r"[^\W\d_]", plain[: found.start()]):
        return plain, None
    seat = re.sub(r"^\s*of\s+", "", found["seat"])
    seat = re.split(r"\s+of\b|,", seat)[0].strip()
    return plain[: found.start()], seat or None
