"""Normalisation of names, emails and addresses to the form in which they are compared.

Belongs here: expressions that turn one column as the source has it into one comparable column.
Phones: phones.py.
"""

from __future__ import annotations

from typing import Any

import polars as pl

# Decomposition (NFKD) leaves these letters as they are.
_LETTERS = {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"}


def words(text: str | list[str]) -> list[str]:
    """A configured word list, written as one folded string or as a list."""
    return text.split() if isinstance(text, str) else list(text)


def blank_to_null(value: pl.Expr) -> pl.Expr:
    """The value without white space around it; null when nothing is left."""
    return pl.when(value.str.strip_chars() != "").then(value.str.strip_chars())


def fold(value: pl.Expr) -> pl.Expr:
    """Lower case, compatibility forms and Latin accents resolved, punctuation but ' and - as single
    spaces.
    """
    return blank_to_null(
        value.str.normalize("NFKD")
        .str.replace_all("[\u0300-\u036f]", "")
        .str.to_lowercase()
        .str.replace_many(_LETTERS)
        .str.replace_all(r"[’`´]", "'")
        .str.replace_all(r"[^\p{L}\p{M}\p{N}'\- ]+", " ")
        .str.replace_all(r"\s+", " ")
    )


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


def nickname_roots(config: dict[str, Any]) -> dict[str, list[str]]:
    """Every known form of a first name → the roots it may stand for, the form itself first if it is
    one.
    """
    roots: dict[str, set[str]] = {}
    for root, forms in config["nicknames"].items():
        for form in (root, *words(forms)):
            roots.setdefault(form, set()).add(root)
    return {
        form: sorted(found, key=lambda root: (root != form, root))
        for form, found in sorted(roots.items())
    }


def names(frame: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """Adds first_name_norm, middle_name_norm, last_name_norm, suffix_norm, nickname_root and
    is_organisation.

    Needs first_name, middle_name, last_name, suffix and full_name (read where a part is missing). A
    first name of several words without a last name is read as a full name; 'Last, First' is turned
    round; titles and placeholders are dropped; of several given names the first counts, the second
    is the middle name.
    """
    given = ["first_name", "middle_name", "last_name", "suffix", "full_name"]
    # Names repeat and this is text work, so each distinct combination is worked out once.
    distinct = frame.select(given).unique()
    suffixes = {str(form): str(norm) for form, norm in config["name_suffixes"].items()}
    roots = {form: found[0] for form, found in nickname_roots(config).items()}

    titles = words(config["name_titles"])
    # Before a name Sr is a gentleman, after it a father.
    either = sorted(set(titles) & suffixes.keys())

    def tokens(value: pl.Expr, *, is_end: bool = False) -> pl.Expr:
        split = fold(value).str.split(" ")
        named = split.list.filter(~pl.element().is_in(titles))
        if not is_end:
            return named
        last = split.list.tail(1)
        return (
            pl.when(last.list.first().is_in(either) & (named.list.len() > 0))
            .then(named.list.concat(last))
            .otherwise(named)
        )

    def known(value: pl.Expr) -> pl.Expr:
        return pl.when(
            value.str.contains(r"\p{L}") & ~value.is_in(config["placeholder_names"])
        ).then(value)

    both = pl.col("first_name").is_not_null() & pl.col("last_name").is_not_null()
    only_last = (
        pl.col("first_name").is_null()
        & pl.col("last_name").is_not_null()
        & pl.col("full_name").is_null()
    )
    whole = pl.coalesce("full_name", "first_name", "last_name").str.replace(
        r"^\s*([^,]+?)\s*,\s*(.+)$", "$2 $1"
    )
    parsed = (
        distinct.with_columns(
            front=pl.when(both)
            .then(tokens(pl.col("first_name")))
            .when(~only_last)
            .then(tokens(whole)),
            back=pl.when(both | only_last)
            .then(tokens(pl.col("last_name"), is_end=True))
            .otherwise(tokens(whole, is_end=True)),
            both=both | only_last,
        )
        .with_columns(
            is_organisation=pl.concat_list(
                pl.col("front").fill_null([]), pl.col("back").fill_null([])
            )
            .list.eval(pl.element().is_in(words(config["company_words"])))
            .list.any()
            .fill_null(False),
            generation=pl.when(pl.col("back").list.len() > 1).then(
                pl.col("back").list.last().replace_strict(suffixes, default=None)
            ),
        )
        .with_columns(
            back=pl.when(pl.col("generation").is_not_null())
            .then(pl.col("back").list.head(pl.col("back").list.len() - 1))
            .otherwise("back")
        )
        .with_columns(
            first=pl.col("front").list.first(),
            middle=pl.when(pl.col("both"))
            .then(pl.col("front").list.get(1, null_on_oob=True))
            .when(pl.col("back").list.len() > 2)
            .then(pl.col("back").list.get(1, null_on_oob=True)),
            last=pl.when(pl.col("both"))
            .then(pl.col("back").list.join(" "))
            .when(pl.col("back").list.len() > 1)
            .then(pl.col("back").list.last()),
        )
    )
    person = ~pl.col("is_organisation")
    parsed = parsed.with_columns(
        first_name_norm=pl.when(person).then(known(pl.col("first"))),
        middle_name_norm=pl.when(person).then(
            known(pl.coalesce(tokens(pl.col("middle_name")).list.first(), "middle"))
        ),
        last_name_norm=pl.when(person).then(known(pl.col("last"))),
        suffix_norm=pl.coalesce(
            fold(pl.col("suffix")).replace_strict(suffixes, default=None), "generation"
        ),
    ).with_columns(nickname_root=pl.col("first_name_norm").replace(roots))
    added = [
        "first_name_norm",
        "middle_name_norm",
        "last_name_norm",
        "suffix_norm",
        "nickname_root",
        "is_organisation",
    ]
    return frame.join(
        parsed.select(*given, *added), on=given, how="left", nulls_equal=True, maintain_order="left"
    )


def company_norm(value: pl.Expr, config: dict[str, Any]) -> pl.Expr:
    """Company name folded, its legal form taken off the end."""
    forms = "|".join(words(config["legal_forms"]))
    plain = fold(value.str.replace_all(r"\b([A-Za-z])\.\s?", "$1"))
    return blank_to_null(plain.str.replace_all(rf"(?:\s(?:{forms}|& co|and co|und co|e co))+$", ""))


def street_norm(street: pl.Expr) -> pl.Expr:
    """Street and number folded, without spelling habits."""
    return (
        fold(street)
        .str.replace_all(r"(stra(?:ss|s)e|street|str)\b", "st")
        .str.replace_all(r"\b(avenue|avenida|av)\b", "ave")
        .str.replace_all(r"\b(road)\b", "rd")
    )


def address_key(street: pl.Expr, postal_code: pl.Expr, city: pl.Expr) -> pl.Expr:
    """Street and number without spaces, then the postcode, or the city where there is none."""
    line = street_norm(street).str.replace_all(r"[^\p{L}\p{N}]+", "")
    place = pl.coalesce(
        blank_to_null(postal_code.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "")),
        fold(city),
    )
    return line + "|" + place
