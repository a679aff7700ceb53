"""Small steps that every comparable column starts with.

Belongs here: word lists, blanks, folding. Not here: what a column means (normalise.py,
person_names.py), other scripts (latin.py).
"""

from __future__ import annotations

import polars as pl

from customer_intel.identity.records.latin import folded


def words(text: str | list[str]) -> list[str]:
    """A configured word list, written as one folded string or as a list."""
    return text.split() if isinstance(text, str) else list(text)


def blank_to_null(value: pl.Expr) -> pl.Expr:
    """The value without white space around it; null when nothing is left."""
    return pl.when(value.str.strip_chars() != "").then(value.str.strip_chars())


def fold(value: pl.Expr) -> pl.Expr:
    """Small Latin letters, accents and other scripts resolved, punctuation but ' and - as single
    spaces.
    """
    return blank_to_null(
        folded(value)
        .str.replace_all(r"[’`´]", "'")
        .str.replace_all(r"[^\p{L}\p{M}\p{N}'\- ]+", " ")
        .str.replace_all(r"\s+", " ")
    )
