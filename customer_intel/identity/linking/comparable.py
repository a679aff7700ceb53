"""Party records as the resolver compares them: what a record says of its person alone.

Belongs here: which columns of party_record become which of FIELDS, and which values are left out because they are
several people's (hub_value). Not here: how a value is normalised (identity/records), how two are compared
(matching/comparison_levels.py).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from customer_intel.identity.matching.comparison_levels import FIELDS
from customer_intel.identity.records import normalise
from customer_intel.identity.records.party import LOCAL_DIGITS

# Relations and titles that forms hold where a first name is wanted. (Nina and Son are names.)
_NO_NAME = [
    "mother", "father", "parent", "husband", "wife", "spouse", "daughter", "brother", "sister",
    "child", "kid", "baby", "infant", "lady", "gentleman", "boy", "girl", "man", "woman",
    "male", "female", "adult", "minor", "oldest", "youngest", "resident", "occupant",
    "householder", "mutter", "vater", "ehemann", "ehefrau", "sohn", "tochter", "madre",
    "padre", "esposo", "esposa", "marido", "hijo", "hija", "filho", "filha", "mr", "mrs", "ms",
]  # fmt: skip
_UNIT = r"\b(apartment|apt|unit|suite|ste|number|no|lot|trlr|trailer|room|rm|flat|wohnung|whg|piso|appartement)\b"
# A source with so many births on 1 January, of half as many years at least, knows only their years.
YEARS_ONLY = 20


def comparable(
    party_record: pl.DataFrame, hub_value: pl.DataFrame, config: dict[str, Any]
) -> pl.DataFrame:
    """record_key and FIELDS, all text."""
    hubs = {
        (kind, is_office): hub_value.filter(
            (pl.col("identifier_type") == kind) & ((pl.col("reason") == "office") == is_office)
        )["value_norm"].implode()
        for kind in ("email", "email_base", "phone", "user_id")
        for is_office in (False, True)
    }
    named = _with_local_phones(party_record).with_columns(
        **_contacts(hubs),
        **_address(),
        first_name_norm=pl.when(~pl.col("first_name_norm").is_in(_NO_NAME)).then("first_name_norm"),
    )
    is_known = pl.col("first_name_norm").is_not_null()
    forms = sorted(set(named["first_name_norm"].drop_nulls()))
    known = normalise.nickname_roots(config)
    roots = {form: "|".join(sorted(known[form])) for form in forms if form in known}
    is_firm = pl.col("is_organisation").fill_null(False)
    free = pl.Series(config["duplicate_free_sources"], dtype=pl.String).implode()
    return named.select(
        "record_key",
        first="first_name_norm",
        given=pl.when(is_known).then("given_names_norm"),
        root=pl.when(is_known).then("nickname_root"),
        roots=pl.col("first_name_norm").replace(roots),
        middle="middle_name_norm",
        last="last_name_norm",
        suffix="suffix_norm",
        born=pl.coalesce(_born(party_record), birth_digits(pl.col("birth_date_text"))),
        gender="gender_norm",
        number="number",
        unit="unit",
        street="street_name",
        city=normalise.fold(pl.col("city")),
        postcode=normalise.blank_to_null(
            pl.col("postal_code").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "")
        ),
        email=pl.coalesce("own_email", "other_email"),
        email_2=pl.when(pl.col("own_email") != pl.col("other_email")).then("other_email"),
        phone=pl.coalesce("own_phone", "other_phone"),
        phone_2=pl.when(pl.col("own_phone") != pl.col("other_phone")).then("other_phone"),
        office="office",
        login=pl.when(~pl.col("external_user_id").is_in(hubs["user_id", False])).then(
            "external_user_id"
        ),
        id_number=normalise.blank_to_null(
            pl.col("id_number").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "")
        ),
        birth_place=normalise.fold(pl.col("birth_place")),
        occupation=normalise.fold(pl.col("job_title")),
        company="company_norm",
        organisation=pl.when(is_firm).then("company_norm"),
        first_sound=pl.when(is_known).then("first_name_sound"),
        last_sound="last_name_sound",
        source=pl.when(pl.col("source_system").is_in(free)).then("source_system"),
    ).select("record_key", *FIELDS)


def _contacts(hubs: dict[tuple[str, bool], Any]) -> dict[str, pl.Expr]:
    """own_email, other_email, own_phone, other_phone: the person's; office: those of several, as one sorted list."""

    def own(value: str, base: str, is_role: str) -> tuple[pl.Expr, pl.Expr]:
        nobodys = (
            pl.col(value).is_in(hubs["email", False]) | pl.col(base).is_in(hubs["email_base", False])
        )  # fmt: skip
        is_office = (
            pl.col(is_role).fill_null(False) | pl.col(value).is_in(hubs["email", True])
        )  # fmt: skip
        return pl.when(~nobodys & ~is_office).then(base), pl.when(~nobodys & is_office).then(value)

    email, email_office = own("email_norm", "email_base", "is_role_mailbox")
    other, other_office = own(
        "secondary_email_norm", "secondary_email_base", "is_secondary_role_mailbox"
    )
    nobodys, offices = hubs["phone", False], hubs["phone", True]

    def usable(column: str) -> pl.Expr:
        return pl.when(~pl.col(column).is_in(nobodys)).then(column)

    is_weak = pl.col("is_phone_landline").fill_null(False) | pl.col("phone_e164").is_in(offices)
    mobile = pl.when(~pl.col("mobile_e164").is_in(offices)).then(usable("mobile_e164"))
    mobile_office = pl.when(pl.col("mobile_e164").is_in(offices)).then("mobile_e164")
    office = pl.concat_list(
        email_office, other_office, pl.when(is_weak).then(usable("phone_e164")), mobile_office
    )
    return {
        "own_email": email,
        "other_email": other,
        "own_phone": pl.coalesce(mobile, usable("phone_local")),
        "other_phone": pl.when(~is_weak).then(usable("phone_e164")),
        "office": normalise.blank_to_null(
            office.list.drop_nulls().list.unique().list.sort().list.join("|")
        ),
    }


def _with_local_phones(party_record: pl.DataFrame) -> pl.DataFrame:
    """A number without a country is the one that ends like it, if there is just one."""
    whole = (
        pl.concat([party_record["mobile_e164"], party_record["phone_e164"]])
        .drop_nulls()
        .unique()
        .sort()
    )
    ends = whole.to_frame("whole").with_columns(
        phone_local="?" + pl.col("whole").str.tail(LOCAL_DIGITS)
    )
    ends = ends.filter(pl.len().over("phone_local") == 1)
    return (
        party_record.join(ends, on="phone_local", how="left", maintain_order="left")
        .with_columns(phone_local=pl.coalesce("whole", "phone_local"))
        .drop("whole")
    )


def _address() -> dict[str, pl.Expr]:
    street = normalise.street_norm(pl.coalesce("street", pl.lit("")))
    number = pl.coalesce(
        normalise.fold(pl.col("house_number")),
        street.str.extract(r"^(\d+[a-z]?)\b"),
        street.str.extract(r"\b(\d+[a-z]?)$"),
    )
    name = (
        street.str.replace(r"^\d+[a-z]?\b", "").str.replace(r"\b\d+[a-z]?$", "").str.strip_chars()
    )
    unit = (
        normalise.fold(pl.col("unit"))
        .str.replace_all(_UNIT, "")
        .str.replace_all(r"[^\p{L}\p{N}]", "")
    )
    return {
        "number": number,
        "street_name": normalise.blank_to_null(name),
        "unit": normalise.blank_to_null(unit),
    }


def _born(party_record: pl.DataFrame) -> pl.Expr:
    """YYYYMMDD. A date that forms fill in is left out; but where a source has 1 January of many years it knows only the
    year, and of those only the year is compared (comparison_levels.py).
    """
    firsts = (
        party_record.filter(
            (pl.col("birth_date_norm").dt.month() == 1) & (pl.col("birth_date_norm").dt.day() == 1)
        )
        .group_by("source_system", year=pl.col("birth_date_norm").dt.year())
        .len("n")
        .group_by("source_system")
        .agg(n=pl.col("n").sum(), n_years=pl.len(), most=pl.col("n").max())
        .filter(
            (pl.col("n") >= YEARS_ONLY)
            & (pl.col("n_years") * 2 >= YEARS_ONLY)
            & (pl.col("most") <= 0.2 * pl.col("n"))
        )
    )
    born = pl.col("birth_date_norm")
    is_year = (
        (born.dt.month() == 1)
        & (born.dt.day() == 1)
        & pl.col("source_system").is_in(firsts["source_system"].implode())
    )
    is_said = ~pl.col("is_birth_date_weak").fill_null(False) | is_year
    return pl.when(is_said).then(born.dt.strftime("%Y%m%d"))


def birth_digits(value: pl.Expr) -> pl.Expr:
    """A birth date as YYYYMMDD where the year can be told, also an impossible one: its digits still
    compare.
    """
    digits = value.str.replace_all(r"[^0-9]", "")
    year_last = value.str.extract_groups(r"^\s*(\d{1,2})\D(\d{1,2})\D(\d{4})")
    year_first = value.str.extract_groups(r"^\s*(\d{4})\D(\d{1,2})\D(\d{1,2})")

    def put(groups: pl.Expr, year: str, month: str, day: str) -> pl.Expr:
        return pl.concat_str(
            groups.struct.field(year),
            groups.struct.field(month).str.zfill(2),
            groups.struct.field(day).str.zfill(2),
        )

    day_first = (year_last.struct.field("1").cast(pl.Int64, strict=False) > 12).any()
    return pl.coalesce(
        put(year_first, "1", "2", "3"),
        pl.when(day_first)
        .then(put(year_last, "3", "2", "1"))
        .otherwise(put(year_last, "3", "1", "2")),
        pl.when(digits.str.len_chars() >= 4).then(digits.str.slice(0, 8)),
    )
