"""Normalisation of party records to the form in which they are compared: one row in, one row out."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from customer_intel.identity.records import normalise, phones
from customer_intel.identity.records.mailboxes import is_role_mailbox
from customer_intel.identity.records.normalise import words

# A register reaches back so far.
FIRST_BIRTH_DATE = date(1500, 1, 1)
# A day that more people of a source have, and so many times more than have its usual day, was filled
# in.
FILLED_IN = 20
# A number of an unknown country: so many digits at least, and the last so many tell it from others.
LEAST_DIGITS, LOCAL_DIGITS = 7, 9


def party_record(party_source: pl.DataFrame, as_of: date, config: dict[str, Any]) -> pl.DataFrame:
    """party_source with its comparable columns; source columns keep the source's spelling."""
    party = party_source.with_columns(
        normalise.blank_to_null(pl.col(column))
        for column in party_source.columns
        if party_source.schema[column] == pl.String
    )
    party = normalise.names(party, config)
    email = normalise.email_norm(pl.col("email"))
    secondary = normalise.email_norm(pl.col("secondary_email"))
    party = party.with_columns(
        email_norm=email,
        email_local=email.str.extract(r"^(.+)@"),
        email_domain=email.str.extract(r"@(.+)$"),
        email_base=normalise.email_base(email, config),
        is_freemail=email.str.extract(r"@(.+)$").is_in(words(config["freemail_domains"])),
        is_role_mailbox=is_role_mailbox(email, config),
        secondary_email_norm=secondary,
        secondary_email_base=normalise.email_base(secondary, config),
        is_secondary_role_mailbox=is_role_mailbox(secondary, config),
        country_code=normalise.country_code(pl.col("country"), config),
        address_key=normalise.address_key(pl.col("street"), pl.col("postal_code"), pl.col("city")),
        company_norm=normalise.company_norm(
            pl.coalesce("company_name", "business_name"),
            config,
        ),
        gender_norm=normalise.fold(pl.col("gender")).replace_strict(
            {"m": "m", "male": "m", "man": "m", "f": "f", "w": "f", "female": "f", "woman": "f"},
            default=None,
        ),
    ).drop("business_name")
    return _with_phones(_with_birth_date(party, as_of), config).sort("record_key")


def _with_birth_date(party: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Dates that nobody can be born on are dropped; those that forms fill in are kept but marked
    weak: 1 January, and a day that far too many people of one source have.
    """
    born = pl.col("birth_date")
    party = party.with_columns(
        birth_date_norm=pl.when(born.is_between(FIRST_BIRTH_DATE, as_of)).then(born)
    )
    day = pl.col("birth_date_norm")
    # The records of one person have one day, however many they are.
    name = pl.concat_str("first_name_norm", "last_name_norm", separator=" ", ignore_nulls=True)
    days = (
        party.filter(day.is_not_null())
        .group_by("source_system", "birth_date_norm")
        .agg(n=name.replace("", None).drop_nulls().n_unique() + (name.fill_null("") == "").sum())
        .with_columns(usual=pl.col("n").median().over("source_system"))
        .filter((pl.col("n") > FILLED_IN) & (pl.col("n") > FILLED_IN * pl.col("usual")))
        .select("source_system", "birth_date_norm", _filled_in=pl.lit(True))
    )
    return (
        party.join(days, on=["source_system", "birth_date_norm"], how="left", maintain_order="left")
        .with_columns(
            is_birth_date_weak=((day.dt.month() == 1) & (day.dt.day() == 1))
            | (day.is_not_null() & pl.col("_filled_in").fill_null(False))
        )
        .drop("_filled_in")
    )


def _local(raw: pl.Expr) -> pl.Expr:
    """A number whose country nobody knows, as its last digits behind a question mark."""
    digits = raw.str.replace(r"(?i)\s*(ext|extension|x|#)\.?\s*\d{1,6}$", "").str.replace_all(
        r"[^0-9]", ""
    )
    return pl.when(digits.str.len_bytes() >= LEAST_DIGITS).then("?" + digits.str.tail(LOCAL_DIGITS))


def _with_phones(party: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    party = party.with_columns(
        _country=pl.coalesce("country_code", pl.lit(config["default_country"] or None, pl.String))
    )
    raw = pl.concat(
        [
            party.select(raw=pl.col(column), country_code=pl.col("_country"))
            for column in ("phone", "mobile_phone")
        ]
    )
    known = phones.e164(raw)
    for column in ("phone", "mobile_phone"):
        party = party.join(
            known.select(
                pl.col("raw").alias(column),
                pl.col("country_code").alias("_country"),
                pl.col("e164").alias(f"{column}_e164"),
                pl.col("is_landline").alias(f"{column}_is_landline"),
            ),
            on=[column, "_country"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
    landline = pl.col("phone_is_landline").fill_null(False)
    return party.with_columns(
        is_phone_landline=pl.when(pl.col("phone_e164").is_not_null()).then(landline),
        mobile_e164=pl.coalesce("mobile_phone_e164", pl.when(~landline).then("phone_e164")),
        phone_local=pl.coalesce(
            *(
                pl.when(pl.col(f"{column}_e164").is_null()).then(_local(pl.col(column)))
                for column in ("mobile_phone", "phone")
            )
        ),
    ).drop("_country", "mobile_phone_e164", "phone_is_landline", "mobile_phone_is_landline")
