"""Text of any script in Latin letters, as comparison needs it: small letters, no accents.

Belongs here: one letter or whole name of another script → Latin letters. Not here: which word is the
given name (person_names.py), spellings that sound alike (name_sound.py).

Letters go by `anyascii` (ISC licence), after what it reads letter by letter and people do not: Greek
digraphs, and the names of words.yaml whose script leaves out vowels or does not tell the reading.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
from anyascii import anyascii

from customer_intel.core.contract.yaml_lines import load

_WORDS = Path(__file__).parent.parent / "words.yaml"
# Decomposition (NFKD) leaves these letters as they are.
_LETTERS = {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"}  # fmt: skip
_ACCENTS = "[\u0300-\u036f]"
_GREEK = {
    "ου": "ou",
    "ευ": "ev",
    "αυ": "av",
    "γγ": "ng",
    "γκ": "gk",
    "γχ": "nch",
    "ντ": "nt",
    "υ": "y",
}
_GREEK_FIRST = {"μπ": "b", "γκ": "g", "ντ": "d"}
# Hangul, kana and Han: written without spaces, family name first.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_KANA = re.compile(r"[\u3040-\u30ff]")
_GREEK_RUNS = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]+|[^\u0370-\u03ff\u1f00-\u1fff]+")
OTHER_SCRIPT = r"[^\x00-\u036f\u1e00-\u1eff\u2000-\u206f]"


@lru_cache(maxsize=1)
def words() -> dict[str, Any]:
    """words.yaml: what is a fact of languages rather than a setting of a company."""
    return dict(load(_WORDS))


def folded(text: pl.Expr) -> pl.Expr:
    """Small Latin letters without accents, whatever the script; punctuation stays.

    Text that is plain ASCII is only put in small letters; the rest is worked out once per distinct
    value.
    """
    return text.map_batches(_folded, return_dtype=pl.String)


def _folded(values: pl.Series) -> pl.Series:
    low = values.str.to_lowercase()
    foreign = low.str.contains(r"[^\x00-\x7f]").fill_null(False)
    if not foreign.any():
        return low
    distinct = low.filter(foreign).unique()
    plain = (
        distinct.str.normalize("NFKD")
        .str.replace_all(_ACCENTS, "")
        .str.to_lowercase()
        .str.replace_many(_LETTERS)
    )
    is_other = plain.str.contains(OTHER_SCRIPT)
    if is_other.any():
        other = pl.DataFrame({"raw": distinct, "plain": plain, "other": is_other})
        known = {text: latin(text) for text in other.filter("other")["raw"]}
        plain = other.select(
            pl.when("other")
            .then(pl.col("raw").replace_strict(known, default=None))
            .otherwise("plain")
        ).to_series()
    table = pl.DataFrame({"low": distinct, "plain": plain})
    return (
        low.to_frame("low")
        .join(table, on="low", how="left", maintain_order="left")
        .select(pl.coalesce("plain", "low"))
        .to_series()
        .rename(values.name)
    )


def latin(text: str) -> str:
    """One text in small Latin letters; letters that no table knows are kept."""
    text = unicodedata.normalize("NFKC", text).lower()
    return "".join(_run(run) for run in _GREEK_RUNS.findall(text))


def _run(text: str) -> str:
    if not "\u0370" <= text[0] <= "\u1fff" or "\u0400" <= text[0] < "\u1f00":
        return "".join(_letter(letter) for letter in text)
    # The two dots or an accent on the second of two vowels say that each is read for itself.
    text = re.sub(r"([αε])[ϋΰ]", r"\1i", text)
    text = re.sub(_ACCENTS, "", unicodedata.normalize("NFKD", text))
    for pair, letters in _GREEK_FIRST.items():
        text = letters + text[2:] if text.startswith(pair) else text
    for pair, letters in _GREEK.items():
        text = text.replace(pair, letters)
    return "".join(_letter(letter) for letter in text)


@lru_cache(maxsize=65536)
def _letter(letter: str) -> str:
    if letter.isascii():
        return letter
    bare = re.sub(_ACCENTS, "", unicodedata.normalize("NFKD", letter))
    if bare.isascii() and bare:
        return bare
    if bare in _LETTERS:
        return _LETTERS[bare]
    if not unicodedata.category(letter).startswith(("L", "M", "N")):
        return " "
    # Soft and hard signs, ayin and hamza are no sounds that a Latin spelling keeps.
    known = anyascii(letter).lower()
    return re.sub(r"['`\"]", "", known) if known else (letter if letter.isalpha() else "")


def name_in_latin(text: str, part: str = "whole") -> str:
    """A name of another script as its bearer would spell it, `part` of it (whole, first or last).

    Names of words.yaml are read as listed; a whole name without a space in Han, kana or Hangul is
    parted, and comes as "family, given". The rest is as `latin` reads it.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    pieces = [piece for piece in re.split(r"[\s·・]+", text) if piece]
    unspaced = [piece for piece in pieces if _UNSPACED.fullmatch(piece)]
    if part == "whole" and unspaced and len(unspaced) == len(pieces):
        family, given = _parted(pieces)
        return f"{family}, {given}" if given else family
    return " ".join(_read(piece, part) for piece in pieces)


def _read(piece: str, part: str) -> str:
    both = words()
    lists = [both["script_names"]]
    if part == "last":
        lists = [both["family_names"], both["script_names"]]
    if len(piece) > 1:
        lists += [both["japanese_family" if part == "last" else "japanese_given"]]
    return next((names[piece] for names in lists if piece in names), None) or latin(piece)


def _parted(pieces: list[str]) -> tuple[str, str]:
    family, given = (pieces[0], "".join(pieces[1:])) if len(pieces) > 1 else _split(pieces[0])
    both = words()
    family_read, given_read = both["japanese_family"].get(family), both["japanese_given"].get(given)
    is_japanese = (
        (len(family) > 1 and family_read is not None)
        or (len(given) > 1 and given_read is not None)
        or (_KANA.search(family + given) is not None)
    )
    if is_japanese:
        return family_read or latin(family), given_read or latin(given)
    return both["family_names"].get(family) or latin(family), latin(given)


def _split(name: str) -> tuple[str, str]:
    """Family and given name of one unspaced word: the longest family name known, else its first
    letter.
    """
    both = words()
    known = {*both["family_names"], *both["japanese_family"], *both["double_family_names"].split()}
    for length in (3, 2):
        if len(name) > length and name[:length] in known:
            return name[:length], name[length:]
    kanji = re.match(r"[\u3400-\u9fff]+", name)
    if _KANA.search(name):
        # Kanji before kana are the family name.
        split = kanji.end() if kanji else len(name)
        return name[:split], name[split:]
    return (name[:1], name[1:]) if 2 <= len(name) <= 4 else (name, "")
