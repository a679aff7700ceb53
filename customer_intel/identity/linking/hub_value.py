"""Hub values: what identifies nobody, because nobody has it or too many share it, and what an office
has.

Belongs here: how many names, mailboxes, phones and accounts stand behind a value, and what follows.
Not here: a value's form (placeholders.py), how far a value that is no hub identifies
(records/identifier_fact.sql).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import polars as pl

from customer_intel.identity.linking.distinct_names import distinct_names
from customer_intel.identity.linking.placeholders import VALUE, fictional_numbers, placeholders
from customer_intel.identity.records import phones
from customer_intel.identity.records.normalise import nickname_roots

# Local parts as alike as this (Jaro-Winkler) are one person's; shorter ones are abbreviations.
_SAME_LOCAL, _SHORTEST_NAME = 0.8, 4
# Demonstrations give numbers kept for films to people, couples among them.
_FICTION_PEOPLE = 2
_PEOPLE = {
    "first": pl.col("first_name_norm"),
    "last": pl.col("last_name_norm"),
    "born": pl.when(~pl.col("is_birth_date_weak")).then(pl.col("birth_date_norm")),
    "login": pl.col("external_user_id"),
}
_COUNTS = ["n_records", "n_distinct_names", "n_mailboxes", "n_phones", "n_accounts"]


def hub_value(
    identifier_fact: pl.DataFrame, party_record: pl.DataFrame, config: dict[str, Any]
) -> pl.DataFrame:
    """One row per value that identifies nobody, with its reason and what stands behind it.

    reason: placeholder, by the value's form; office, a number of colleagues or a landline of many;
    shared, by more names, mailboxes, phones or accounts than a family has. Where records have no
    names, each of their mailboxes, phones and logins stands for a person.
    """
    # A value's namespace follows from its type, so a fact stands once.
    facts = identifier_fact.select(*VALUE, "record_key")
    sizes = facts.group_by(VALUE).agg(n_records=pl.len().cast(pl.Int64))
    nobodys = placeholders(sizes.select(VALUE), facts, party_record, config)
    offices = _offices(facts, party_record, config)
    fiction = (pl.col("identifier_type") == "phone") & fictional_numbers(pl.col("value_norm"))
    looked_at = pl.concat(
        [
            # Fewer records than people it may have cannot be too many.
            sizes.filter(
                (pl.col("n_records") > min(config["hub_names"].values()))
                | (fiction & (pl.col("n_records") > _FICTION_PEOPLE))
            ).select(VALUE),
            nobodys,
            offices.select(VALUE),
        ]
    ).unique()
    counted = _counted(looked_at, sizes, facts, party_record, config)
    counted = counted.join(offices, on=VALUE, how="left").join(
        nobodys.with_columns(is_placeholder=True), on=VALUE, how="left"
    )
    return (
        _with_reason(counted, fiction, config)
        .filter(pl.col("reason").is_not_null())
        .select(*VALUE, *_COUNTS, "reason")
        .sort(VALUE)
    )


def _with_reason(counted: pl.DataFrame, fiction: pl.Expr, config: dict[str, Any]) -> pl.DataFrame:
    numbers = counted.filter(pl.col("identifier_type") == "phone")["value_norm"]
    landlines = phones.kinds(numbers).filter("is_landline")["value"]
    people = pl.max_horizontal("n_distinct_names", "n_nameless")
    names = pl.col("n_distinct_names")
    is_shared = (
        (people > _limit(config))
        | (pl.col("n_mailboxes") > config["hub_mailboxes"])
        # A named person may have had three, and a house one more.
        | (pl.col("n_phones") > pl.max_horizontal(config["hub_phones"], 3 * names + 1))
        | (pl.col("n_logins") > config["hub_accounts"])
        | (pl.col("n_nameless_accounts") > config["hub_accounts"])
        | (pl.col("n_signatures") > config["hub_signatures"])
    )
    is_landline = (pl.col("identifier_type") == "phone") & pl.col("value_norm").is_in(
        landlines.implode()
    )
    is_office = (
        # One person may have three addresses at his own company.
        (pl.col("n_at_domain").is_not_null() & ~(pl.col("is_all_named") & (people == 1)))
        # Half of those who share it: else it is a shop's own number, typed for its customers.
        & (2 * pl.col("n_at_domain") >= pl.col("n_mailboxes"))
    ).fill_null(False) | (is_shared & is_landline & (people <= config["hub_signatures"]))
    return counted.with_columns(
        reason=pl.when(
            pl.col("is_placeholder").fill_null(False) | (fiction & (people > _FICTION_PEOPLE))
        )
        .then(pl.lit("placeholder"))
        .when(is_office)
        .then(pl.lit("office"))
        .when(is_shared)
        .then(pl.lit("shared"))
    )


def _limit(config: dict[str, Any]) -> pl.Expr:
    return pl.col("identifier_type").replace_strict(config["hub_names"], return_dtype=pl.Int64)


# ---- what stands behind a value
def _counted(
    looked_at: pl.DataFrame,
    sizes: pl.DataFrame,
    facts: pl.DataFrame,
    party: pl.DataFrame,
    config: dict[str, Any],
) -> pl.DataFrame:
    """The values `looked_at` with their counts; n_nameless: most mailboxes, phones or logins that
    only records without a name have.
    """
    crowd = facts.join(looked_at, on=VALUE, how="semi").join(
        party.select(
            "record_key",
            "source_system",
            "source_id",
            "account_id",
            "email_base",
            "is_role_mailbox",
            "mobile_e164",
            "phone_e164",
            **_PEOPLE,
        ),
        on="record_key",
    )
    crowd = crowd.with_columns(
        is_named=pl.col("first").is_not_null() | pl.col("last").is_not_null()
    )
    counted = crowd.group_by(VALUE).agg(
        is_all_named=pl.col("is_named").all(),
        n_spellings=pl.struct("first", "last").filter("is_named").n_unique().cast(pl.Int64),
        n_signatures=pl.struct("first", "last", "born").n_unique(),
    )
    counted = counted.join(sizes, on=VALUE)
    for name, numbers in _behind(crowd).items():
        counted = counted.join(numbers, on=VALUE, how="left").with_columns(
            pl.col(f"n_{name}", f"n_nameless_{name}").fill_null(0)
        )
    to_compare = counted.filter(pl.col("n_spellings").is_between(2, config["hub_spellings"]))
    names = distinct_names(
        crowd.join(to_compare, on=VALUE, how="semi").filter("is_named"), VALUE, config
    )
    is_address = pl.col("identifier_type").str.starts_with("email")
    is_login = pl.col("identifier_type") == "user_id"
    return (
        counted.join(names, on=VALUE, how="left")
        .join(_accounts(crowd), on=VALUE, how="left")
        .with_columns(
            n_distinct_names=pl.coalesce("n_names", "n_spellings"),
            n_nameless=pl.max_horizontal(
                pl.when(~is_address).then("n_nameless_mailboxes"),
                "n_nameless_phones",
                pl.when(~is_login).then("n_nameless_logins"),
            ),
            n_accounts=pl.max_horizontal("n_logins", "n_accounts"),
        )
    )


def _behind(crowd: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Of mailboxes, phones and logins, how many distinct ones each value has behind it, and how many
    of them only nameless records have.
    """
    columns = {
        "mailboxes": ["email_base"],
        "phones": ["mobile_e164", "phone_e164"],
        "logins": ["login"],
    }
    found = {}
    for name, sources in columns.items():
        parts = [crowd.select(*VALUE, "is_named", other=source) for source in sources]
        once = (
            pl.concat(parts)
            .drop_nulls("other")
            .group_by(*VALUE, "other")
            .agg(pl.col("is_named").any())
        )
        found[name] = once.group_by(VALUE).agg(
            pl.len().cast(pl.Int64).alias(f"n_{name}"),
            (~pl.col("is_named")).sum().cast(pl.Int64).alias(f"n_nameless_{name}"),
        )
    return found


def _accounts(crowd: pl.DataFrame) -> pl.DataFrame:
    """n_accounts: the most ids or accounts of one source; n_nameless_accounts: of records without a
    name, their ids only behind a function's mailbox (a person may order as a guest, again and again).
    """
    nameless = ~pl.col("is_named")
    account, own = pl.col("account_id").drop_nulls(), pl.col("source_id")
    return (
        crowd.group_by(*VALUE, "source_system")
        .agg(
            n_accounts=pl.max_horizontal(account.n_unique(), own.n_unique()),
            n_nameless_accounts=pl.max_horizontal(
                pl.col("account_id").filter(nameless).drop_nulls().n_unique(),
                own.filter(nameless & pl.col("is_role_mailbox").fill_null(False)).n_unique(),
            ),
        )
        .group_by(VALUE)
        .agg(pl.col("n_accounts", "n_nameless_accounts").max().cast(pl.Int64))
    )


# ---- numbers of offices
def _offices(facts: pl.DataFrame, party: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """Numbers that several mailboxes of one company's domain share: value…, n_at_domain."""
    mailboxes = (
        party.filter(~pl.col("is_freemail").fill_null(True))
        .select(
            "record_key",
            "email_base",
            "is_role_mailbox",
            domain="email_domain",
            first="first_name_norm",
            last="last_name_norm",
        )
        .join(facts.filter(pl.col("identifier_type") == "phone"), on="record_key")
        .filter(pl.len().over(*VALUE, "domain") > 1)
    )
    each = mailboxes.group_by(*VALUE, "domain", "email_base").agg(
        pl.col("first", "last").drop_nulls().min(), pl.col("is_role_mailbox").any()
    )
    shared = each.with_columns(n_at_domain=pl.len().over(*VALUE, "domain").cast(pl.Int64)).filter(
        pl.col("n_at_domain") > 1
    )
    two = shared.filter(pl.col("n_at_domain") == 2).sort(*VALUE, "domain", "email_base")
    pairs = two.group_by(*VALUE, "domain", "n_at_domain").agg(
        pl.struct(
            pl.col("email_base").str.extract("^(.+)@").alias("local"),
            "first",
            "last",
            "is_role_mailbox",
        ).alias("both")
    )
    given = nickname_roots(config).keys()
    are_two = [_are_two_people(a, b, given) for a, b in pairs["both"]]
    people = pairs.filter(pl.Series(are_two, dtype=pl.Boolean))
    many = shared.filter(pl.col("n_at_domain") >= config["hub_office_mailboxes"])
    return (
        pl.concat([part.select(*VALUE, "n_at_domain") for part in (people, many)])
        .group_by(VALUE)
        .agg(pl.col("n_at_domain").max())
    )


def _are_two_people(a: dict[str, Any], b: dict[str, Any], given: Collection[str]) -> bool:
    """Whether the local parts of two mailboxes are names of two people: anna.berg and tom.horn, or
    adams and baker where no record says that they are somebody else's.
    """
    from rapidfuzz.distance import JaroWinkler

    if a["is_role_mailbox"] or b["is_role_mailbox"]:
        return False
    parts = [_name_parts(one["local"]) for one in (a, b)]
    if not all(parts) or not parts[0].isdisjoint(parts[1]):
        return False
    if JaroWinkler.normalized_similarity(a["local"], b["local"]) >= _SAME_LOCAL:
        return False
    return all(
        len(part) > 1 or not part.isdisjoint(given) or _says_name(one)
        for one, part in zip((a, b), parts, strict=True)
    )


def _name_parts(local: str) -> set[str]:
    parts = local.replace("_", ".").replace("-", ".").split(".")
    return {part for part in parts if len(part) > 1 and part.isalpha()}


def _says_name(mailbox: dict[str, Any]) -> bool:
    """Whether the local part holds a name of the record's; of a nameless one, whether it may be one."""
    names = [name for name in (mailbox["first"], mailbox["last"]) if name]
    if not names:
        return len(mailbox["local"]) >= _SHORTEST_NAME
    return any(name in mailbox["local"] for name in names)
