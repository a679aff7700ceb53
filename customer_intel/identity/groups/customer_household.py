"""Households: who lives together. A household joins customers, never records: whoever shares a home
stays a person of their own.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from customer_intel.identity.ids.stable_ids import stable_ids
from customer_intel.identity.records import normalise


def customer_household(
    profile_field_provenance: pl.DataFrame,
    party_record: pl.DataFrame,
    accounts: pl.DataFrame,
    as_of: date,
    config: dict[str, Any],
    previous: pl.DataFrame,
) -> pl.DataFrame:
    """One row per customer and period in one household, by the address and last name of the golden
    record.

    At one address: everyone, where few live there; else those of one last name. Addresses of many
    (dormitories) and of companies make no household.
    """
    residents = _homes(_residents(profile_field_provenance, party_record), accounts, config)
    few = pl.col("customer_id").n_unique().over("address") <= int(config["household_people"])
    # Without a house number the key is a whole street: its few known people need not live together.
    shared = few & pl.col("address").str.contains(r"^[^|]*\d")
    home = pl.when(shared).then(pl.lit("")).otherwise(pl.coalesce("last_name_norm", "customer_id"))
    clusters = residents.with_columns(
        cluster=pl.col("customer_id").min().over(pl.concat_str("address", home, separator="\n"))
    )
    return stable_ids(
        clusters, as_of, previous, member="customer_id", entity="household_id", prefix="h"
    )


def _residents(provenance: pl.DataFrame, party: pl.DataFrame) -> pl.DataFrame:
    """customer_id, address, country_code, last_name_norm, company, is_organisation; customers with
    an address.
    """
    winners = provenance.filter(pl.col("field").is_in(["address", "name", "account"])).join(
        party.select(
            "record_key",
            "address_key",
            "country_code",
            "last_name_norm",
            "is_organisation",
            company=pl.coalesce(
                "company_norm", pl.concat_str("source_system", "account_id", separator=":")
            ),
        ),
        on="record_key",
    )

    def winning(field: str, *columns: str) -> pl.DataFrame:
        return winners.filter(pl.col("field") == field).select("customer_id", *columns)

    residents = (
        winning("address", "address_key", "country_code")
        .drop_nulls("address_key")
        .join(winning("name", "last_name_norm", "is_organisation"), on="customer_id", how="left")
        .join(winning("account", "company"), on="customer_id", how="left")
        .sort("customer_id")
    )
    # A missing country is filled from the address, if only one country is known for it.
    known = pl.col("country_code").drop_nulls()
    only_country = pl.when(known.n_unique().over("address_key") == 1).then(
        known.min().over("address_key")
    )
    country = pl.coalesce("country_code", only_country, pl.lit(""))
    return residents.with_columns(address=pl.concat_str("address_key", country, separator="|"))


def _homes(residents: pl.DataFrame, accounts: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """The persons of `living` whose address is a home."""
    names = pl.col("last_name_norm")
    offices = accounts.select(
        normalise.address_key(
            pl.col("billing_street"), pl.col("billing_postal_code"), pl.col("billing_city")
        )
    ).to_series()
    colleagues = (
        residents.drop_nulls("company")
        .group_by("address", "company")
        .agg(n=names.drop_nulls().n_unique())
        .filter(pl.col("n") > 1)["address"]
    )
    is_crowded = (
        names.drop_nulls().n_unique().over("address") > int(config["household_hub_names"])
    ) | (pl.len().over("address") > int(config["household_hub_people"]))
    is_office = (
        pl.col("address_key").is_in(offices.drop_nulls().implode())
        | pl.col("address").is_in(colleagues.implode())
        | pl.col("is_organisation").any().over("address")
    )
    return residents.filter(~is_crowded & ~is_office)
