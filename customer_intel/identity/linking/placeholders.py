"""Placeholders: values that people type because a form insists, told by their form.

Belongs here: what a value looks like. Not here: how many share it (hub_value.py), names that are
none (records/normalise.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.identity.records import phones
from customer_intel.identity.records.normalise import nickname_roots, words

VALUE = ["identifier_type", "value_norm"]

_KEYBOARD = (
    "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "qsdfghjklm", "zxcvbnm", "yxcvbnm", "wxcvbn",
    "йцукенгшщз", "фывапролдж", "ячсмитьбю",
)  # fmt: skip
# Domains that nobody can have (RFC 2606); `.example` is left to demonstrations: they mean people.
_RESERVED_DOMAIN = r"(?:^|\.)example\.(?:com|net|org|edu)$|\.(?:test|invalid|localhost)$"
# Kept for films and examples: 555-01xx in North America; Ofcom's ranges in the United Kingdom.
_FICTION = (
    r"^\+1\d{3}55501\d{2}$|^\+44(?:1632960\d{3}|7700900\d{3}|2079460\d{3}|1\d{2}4960\d{3}|"
    r"2896496\d{3}|2920180\d{3}|8081570\d{3}|3069990\d{3})$"
)
_SHORTEST_RUN, _LONGEST_RUN = 6, 12


def placeholders(
    values: pl.DataFrame, facts: pl.DataFrame, party: pl.DataFrame, config: dict[str, Any]
) -> pl.DataFrame:
    """Those of `values` (identifier_type, value_norm; distinct) that are nobody's by their form.

    A word or a domain's own name that the records behind the value (`facts`: value, record_key) say
    is somebody's name is that person's: keller@keller.de is Anna Keller's.
    """
    spelled = pl.any_horizontal(
        # An email's patterns hold for the mailbox behind it, email_base, too.
        pl.col("identifier_type").str.starts_with(kind)
        & pl.col("value_norm").str.contains(f"(?i)^(?:{'|'.join(patterns)})$")
        for kind, patterns in config["placeholder_patterns"].items()
    )
    words_say = _emails(values, config)
    plain = values.filter(spelled)
    doubted = words_say.filter("is_word").select(*VALUE, "core", "is_repeated")
    claimed = _claimed(doubted, facts, party)
    return pl.concat(
        [
            plain,
            words_say.filter("is_certain").select(VALUE),
            doubted.join(claimed, on=VALUE, how="anti").select(VALUE),
            _numbers(values),
        ]
    ).unique()


def fictional_numbers(value: pl.Expr) -> pl.Expr:
    """Whether a phone number (E.164) is of the ranges that regulators keep for films."""
    return value.str.contains(_FICTION)


# ---- emails
def _emails(values: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """Suspicious email values with core (the local part's letters), is_certain, is_word (unless it
    is a name of its own), is_repeated.
    """
    no_words = set(words(config["placeholder_words"]))
    refusals = {
        no + what
        for no in words(config["placeholder_refusals"])
        for what in words(config["placeholder_objects"])
    }
    given_names = nickname_roots(config)
    local = pl.col("local")
    emails = (
        values.filter(pl.col("identifier_type").str.starts_with("email"))
        .with_columns(
            local=pl.col("value_norm")
            .str.extract(r"^([^@+]+)")
            .str.normalize("NFKD")
            .str.replace_all("[\u0300-\u036f]", "")
            .str.replace_all(r"[._\-/'’]", ""),
            domain=pl.col("value_norm").str.extract(r"@(.+)$"),
        )
        .with_columns(
            core=local.str.strip_chars("0123456789"),
            label=_label(pl.col("domain")).str.replace_all("-", ""),
        )
    )
    core, label = pl.col("core"), pl.col("label")
    is_bare = core == local
    # Two letters and digits are initials and a year.
    short = sorted(word for word in no_words if len(word) < 3)
    long = sorted(no_words - set(short))
    keys = sorted(_keyboard())
    invented = sorted(refusals | {"none", "nowhere", "noone", "nobody"})
    samples = sorted(words(config["placeholder_samples"]))
    # A function's mailbox is weak by itself.
    roles = words(config["role_mailboxes"])
    reserved = pl.col("domain").str.contains(_RESERVED_DOMAIN)
    repeated = (core == label) | (local == label)
    return emails.with_columns(
        is_certain=core.is_in(sorted(refusals))
        | (core + label).is_in(sorted(refusals | no_words))
        | core.is_in(keys)
        | label.is_in(invented)
        | (reserved & (core.is_in(samples) | core.is_in(short) | core.is_in(long)))
        | _is_run(local)
        | (repeated & core.is_in(samples)),
        # A word and many digits are somebody's, or a system's own.
        is_word=(core.is_in(long) & (local.str.len_chars() <= core.str.len_chars() + 4))
        | (core.is_in(short) & is_bare)
        | local.str.contains(_one_letter())
        | (repeated & ~core.is_in(sorted(given_names)) & ~core.is_in(roles)),
        is_repeated=repeated,
    ).filter(pl.col("is_certain") | pl.col("is_word"))


def _label(domain: pl.Expr) -> pl.Expr:
    """The part of a domain that its owner chose: acme of shop.acme.co.uk."""
    return domain.str.replace(r"\.(?:co|com|org|net|ac|gov)\.[a-z]{2}$|\.[^.]+$", "").str.extract(
        r"([^.]+)$"
    )


def _keyboard() -> set[str]:
    """Rows of keys, from their begin or back from their end, also typed twice; not as short as
    initials.
    """
    begun = {
        row[:n] for keys in _KEYBOARD for row in (keys, keys[::-1]) for n in range(4, len(row) + 1)
    }
    begun |= {row[:n][::-1] for row in _KEYBOARD for n in (4, 5, 6)}
    twice = {2 * row[:n] for row in _KEYBOARD for n in (3, 4)}
    return begun | twice


def _one_letter() -> str:
    letters = "abcdefghijklmnopqrstuvwxyzабвгдежзийклмнопрстуфхцчшщъыьэюя"
    return "^(?:" + "|".join(letter + "{3,}" for letter in letters) + ")$"


def _is_run(local: pl.Expr) -> pl.Expr:
    """123, 12345, 000: digits alone, in order from 0 or 1, or one of them."""
    ascending = ["1234567890"[:n] for n in range(3, 11)] + ["0123456789"[:n] for n in range(3, 11)]
    repeated = "^(?:" + "|".join(f"{digit}{{3,}}" for digit in range(10)) + ")$"
    return local.is_in(ascending) | local.str.contains(repeated)


def _claimed(doubted: pl.DataFrame, facts: pl.DataFrame, party: pl.DataFrame) -> pl.DataFrame:
    """Values whose word is a name, or the initials, that one of their records bears."""
    letters = {
        name: pl.col(f"{name}_norm").str.replace_all(r"[^\p{L}]", "").fill_null("")
        for name in ("first_name", "last_name", "company")
    }
    named = (
        facts.join(doubted, on=VALUE)
        .join(
            party.select("record_key", "first_name_norm", "last_name_norm", "company_norm"),
            on="record_key",
        )
        .with_columns(**letters)
    )
    core = pl.col("core")
    first, last, company = pl.col("first_name"), pl.col("last_name"), pl.col("company")
    is_name = core.is_in(["", "test"]).not_() & pl.any_horizontal(
        core == first,
        core == last,
        core == first + last,
        core == last + first,
        (core.str.len_chars() > 2) & company.str.starts_with(core),
    )
    is_initials = (
        core.str.len_chars().is_between(2, 3)
        & (core.str.slice(0, 1) == first.str.slice(0, 1))
        & (core.str.slice(-1, 1) == last.str.slice(0, 1))
        & ~pl.col("is_repeated")
    )
    return named.filter(is_name | is_initials).select(VALUE).unique()


# ---- phone numbers
def _numbers(values: pl.DataFrame) -> pl.DataFrame:
    """Phone numbers of running, alternating or one repeated digit, and of organisations' services."""
    numbers = values.filter(pl.col("identifier_type") == "phone")
    value = pl.col("value_norm")
    code = phones.country_calling_code(value).str.len_bytes().fill_null(0)
    national = value.str.slice(code + 1)
    runs, alternating = _runs(), _alternating()
    typed = numbers.filter(
        national.str.strip_prefix("0").is_in(runs)
        # 06 12 34 56 78, 030 12345678: a short prefix, then the keys in order.
        | national.str.contains(r"^0?\d12345678$|^(?:20|30|40|69|89)12345678$")
        | national.str.contains(r"(?:1234567|23456789|1234567890)$")
        | national.str.strip_prefix("0").is_in(alternating)
        # No area is 555.
        | value.str.contains(r"^\+1555\d{7}$")
    )
    services = phones.kinds(numbers["value_norm"]).filter("is_service").select(value_norm="value")
    return pl.concat([typed, numbers.join(services, on="value_norm", how="semi")]).select(VALUE)


def _runs() -> list[str]:
    up = "0123456789" * 3
    lengths = range(_SHORTEST_RUN, _LONGEST_RUN + 1)
    return [
        row[begin : begin + length]
        for row in (up, up[::-1])
        for begin in range(10)
        for length in lengths
    ]


def _alternating() -> list[str]:
    lengths = range(_SHORTEST_RUN, _LONGEST_RUN + 1)
    return [
        (f"{a}{b}" * _LONGEST_RUN)[:length]
        for a in range(10)
        for b in range(10)
        if a != b
        for length in lengths
    ]
