"""What records said and when: a record keeps identifying its person by the email or phone that it had yesterday.

Belongs here: the table party_value, and which pairs of records said the same at one time
(`earlier_pairs`). A number that one gives up before another has it is recycled: it belongs to each in
his time.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from customer_intel.core.tables.periods import before_night

_VALUES = (
    ("email_base", "email"), ("secondary_email_base", "email"), ("mobile_e164", "phone"),
    ("phone_e164", "phone"), ("phone_local", "phone"),
)  # fmt: skip
# A value that more records had is no memory of a person.
MOST_RECORDS = 20


def party_value(party_record: pl.DataFrame, as_of: date, previous: pl.DataFrame) -> pl.DataFrame:
    """record_key, identifier_type (email, phone), value_norm, valid_from, valid_to of every value that a record has or
    had. Rows of this night in `previous` are replaced, so a re-run changes nothing.
    """
    now = pl.concat(
        [
            party_record.select("record_key", identifier_type=pl.lit(kind), value_norm=column)
            for column, kind in _VALUES
        ]
    ).drop_nulls().unique()  # fmt: skip
    value = ["record_key", "identifier_type", "value_norm"]
    before = before_night(previous, as_of)
    is_open = pl.col("valid_to").is_null()
    columns = [*value, "valid_from", "valid_to"]
    stays = before.filter(is_open).join(now, on=value, how="semi")
    ends = (
        before.filter(is_open)
        .join(now, on=value, how="anti")
        .with_columns(valid_to=pl.lit(as_of, pl.Date))
    )
    new = now.join(stays, on=value, how="anti").with_columns(
        valid_from=pl.lit(as_of, pl.Date), valid_to=pl.lit(None, pl.Date)
    )
    return pl.concat(
        [
            before.filter(~is_open).select(columns),
            stays.select(columns),
            ends.select(columns),
            new.select(columns),
        ]
    ).sort([*value, "valid_from"])


def earlier_pairs(party_value: pl.DataFrame, hub_value: pl.DataFrame) -> pl.DataFrame:
    """record_key_a < record_key_b, earlier: pairs that had one value at one time, of which at least
    one has another today; which of email, phone it was.
    """
    hubs = hub_value.select(
        pl.col("identifier_type").replace({"email_base": "email"}), "value_norm"
    ).unique()
    said = ["identifier_type", "value_norm"]
    past = party_value.filter(pl.col("valid_to").is_not_null())
    known = party_value.join(past.select(said).unique(), on=said, how="semi").join(
        hubs, on=said, how="anti"
    )
    known = known.filter(pl.col("record_key").n_unique().over(said) <= MOST_RECORDS)
    far = date(9999, 1, 1)
    ends, ends_b = (pl.col(name).fill_null(far) for name in ("valid_to", "valid_to_b"))
    pairs = (
        known.filter(pl.col("valid_to").is_not_null())
        .join(known, on=said, suffix="_b")
        .filter(
            (pl.col("record_key") != pl.col("record_key_b"))
            & (pl.col("valid_from") < ends_b)
            & (pl.col("valid_from_b") < ends)
        )
        .select(
            record_key_a=pl.min_horizontal("record_key", "record_key_b"),
            record_key_b=pl.max_horizontal("record_key", "record_key_b"),
            what="identifier_type",
        )
        .unique()
    )
    return (
        pairs.group_by("record_key_a", "record_key_b")
        .agg(earlier=pl.col("what").unique().sort().str.join("|"))
        .sort("record_key_a", "record_key_b")
    )
