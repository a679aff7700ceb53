"""Normalisation of emails, companies and addresses to the form in which they are compared.

Belongs here: expressions that turn one column as the source has it into one comparable column.
Names of persons: person_names.py. Phones: phones.py. Not here: what is shared by all (folding.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.identity.records.folding import blank_to_null as blank_to_null
from customer_intel.identity.records.folding import fold as fold
from customer_intel.identity.records.folding import words as words
from customer_intel.identity.records.person_names import names as names
from customer_intel.identity.records.person_names import nickname_roots as nickname_roots


def email_norm(value: pl.Expr) -> pl.Expr:
    """Lower case and trimmed; null when it is no address."""
    clean = value.str.normalize("NFKC").str.strip_chars().str.to_lowercase()
    return pl.when(clean.str.contains(r"^[^@\s,;]+@[^@\s,;]+\.[^@\s.,;]+$")).then(clean)


def email_base(email: pl.Expr, config: dict[str, Any]) -> pl.Expr:
    """The mailbox behind an address: plus-tag off, and dots off where the provider ignores them."""
    local = email.str.extract(r"^(.+)@").str.replace(r"^(.+?)\+.*$", "$1")
    domain = email.str.extract(r"@(.+)$")
    local = (
        pl.when(domain.is_in(config["dot_insensitive_domains"]))
        .then(local.str.replace_all(".", "", literal=True))
        .otherwise(local)
    )
    return local + "@" + domain.replace(config["same_domains"])


def country_code(value: pl.Expr, config: dict[str, Any]) -> pl.Expr:
    """ISO 3166 alpha-2 from a code or a name in one of the configured languages; null when unknown."""
    names = {
        name.replace("_", " "): code
        for code, text in config["countries"].items()
        for name in words(text)
    }
    folded = fold(value)
    return (
        pl.when(folded.str.contains("^[a-z]{2}$"))
        .then(folded.replace(names).str.to_uppercase())
        .otherwise(folded.replace_strict(names, default=None))
    )


def company_norm(value: pl.Expr, config: dict[str, Any]) -> pl.Expr:
    """Company name folded, its legal form taken off the end."""
    forms = "|".join(words(config["legal_forms"]))
    plain = fold(value.str.replace_all(r"\b([A-Za-z])\.\s?", "$1"))
    return blank_to_null(plain.str.replace_all(rf"(?:\s(?:{forms}|& co|and co|und co|e co))+$", ""))


def street_norm(street: pl.Expr) -> pl.Expr:
    """Street and number folded, without spelling habits; ae, oe and ue are a, o and u."""
    return (
        umlauts(fold(street))
        .str.replace_all(r"(stra(?:ss|s)e|street|str)\b", "st")
        .str.replace_all(r"\b(avenu|avenida|avenue|av)\b", "ave")
        .str.replace_all(r"\b(road)\b", "rd")
    )


def umlauts(folded: pl.Expr) -> pl.Expr:
    """Folded text in which ae, oe and ue are a, o and u, as folding leaves ä, ö and ü: Muenchen."""
    return folded.str.replace_many({"ae": "a", "oe": "o", "ue": "u"})


def address_key(street: pl.Expr, postal_code: pl.Expr, city: pl.Expr) -> pl.Expr:
    """Street and number without spaces, then the postcode, or the city where there is none."""
    line = street_norm(street).str.replace_all(r"[^\p{L}\p{N}]+", "")
    place = pl.coalesce(
        blank_to_null(postal_code.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "")),
        umlauts(fold(city)),
    )
    return line + "|" + place
