"""Any list of people as comparable records: columns found by their names, values normalised."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import ConfigError, load
from customer_intel.identity.matching.comparison_levels import FIELDS
from customer_intel.identity.records import normalise

# Fields of a person and the column names that mean them, compared in small letters and digits only.
COLUMNS: dict[str, tuple[str, ...]] = {
    "record_key": ("recordkey", "recid", "recordid", "uniqueid", "id", "rowid", "customerid", "personid", "index"),
    "first_name": ("firstname", "givenname", "forename", "fname", "first", "vorname", "fnamec1", "nombre", "prenom"),
    "middle_name": ("middlename", "middleinitial", "middle", "secondname", "fnamec2", "mname"),
    "last_name": ("lastname", "surname", "familyname", "lname", "last", "nachname", "lnamec1", "apellido", "nom"),
    "last_name_2": ("lnamec2", "secondsurname", "secondlastname"),
    "suffix": ("suffix", "namesuffix", "generation"),
    "full_name": ("fullname", "name", "firstandsurname", "customername", "contactname", "personname"),
    "birth_date": ("birthdate", "dateofbirth", "dob", "birthday", "born", "geburtsdatum"),
    "birth_year": ("birthyear", "yearofbirth", "by", "yob"),
    "birth_month": ("birthmonth", "monthofbirth", "bm"),
    "birth_day": ("birthdayofmonth", "dayofbirth", "bd"),
    "gender": ("gender", "sex", "geschlecht"),
    "street_number": ("streetnumber", "housenumber", "hausnummer", "streetno", "houseno"),
    "street": (
        "street", "address1", "addressline1", "streetaddress", "address", "streetname", "strasse", "mailingaddress",
        "street1",
    ),
    "unit": ("unitnumber", "unit", "apartment", "apt"),
    "city": ("city", "suburb", "town", "ort", "locality", "stadt"),
    "postal_code": ("postalcode", "postcode", "postcodefake", "zip", "zipcode", "plz", "mailingaddresszipcode"),
    "email": ("email", "emailaddress", "mail", "email1"),
    "phone": ("phone", "phonenumber", "mobile", "mobilephone", "telephone", "tel", "cell", "phone1"),
    "id_number": ("ssn", "socsecid", "socialsecuritynumber", "nationalid", "taxid", "passport", "idnumber"),
    # Only by a mapping: naming it declares that each source lists a person at most once (empty: may
    # repeat people).
    "source": (),
    "birth_place": ("birthplace",), "occupation": ("occupation",),
}  # fmt: skip

_CONFIG = Path(__file__).parent.parent / "config.yaml"

# Relations and titles that forms hold where a first name is wanted. (Nina and Son are names.)
_NO_NAME = [
    "mother", "father", "parent", "husband", "wife", "spouse", "daughter", "brother", "sister",
    "child", "kid", "baby", "infant", "lady", "gentleman", "boy", "girl", "man", "woman",
    "male", "female", "adult", "minor", "oldest", "youngest", "resident", "occupant",
    "householder", "mutter", "vater", "ehemann", "ehefrau", "sohn", "tochter", "madre",
    "padre", "esposo", "esposa", "marido", "hijo", "hija", "filho", "filha", "mr", "mrs", "ms",
]  # fmt: skip


def guessed(columns: Sequence[str], without: Sequence[str] = ()) -> dict[str, str]:
    """What of COLUMNS the list's columns are, by their names; `without` are not looked at."""
    plain = {
        re.sub(r"[^a-z0-9]", "", name.lower()): name for name in columns if name not in without
    }
    found: dict[str, str] = {}
    for field, names in COLUMNS.items():
        for name in names:
            if name in plain and plain[name] not in found.values():
                found[field] = plain[name]
                break
    return found


def checked(mapping: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    """A mapping as given. Raises ConfigError for a field or column that does not exist."""
    for field, column in mapping.items():
        if field not in COLUMNS:
            raise ConfigError(f"'{field}' is no field of a record{suggestion(field, COLUMNS)}")
        if column not in columns:
            raise ConfigError(
                f"{field}: there is no column '{column}'{suggestion(column, columns)}"
            )
    return dict(mapping)


def comparable(
    frame: pl.DataFrame, mapping: Mapping[str, str], config: dict[str, Any]
) -> pl.DataFrame:
    """record_key and FIELDS of a list of people. Without a record_key, rows are numbered.

    Raises ConfigError when the mapping leaves nothing to compare, or record_key is not unique.
    """
    if not set(mapping) - {"record_key", "gender", "suffix", "unit", "source"}:
        raise ConfigError(
            f"no column identifies a person; name some in a mapping ({', '.join(COLUMNS)})"
        )
    given = frame.select(
        pl.col(column).cast(pl.String).alias(field) for field, column in mapping.items()
    )
    given = given.with_columns(normalise.blank_to_null(pl.col(field)) for field in given.columns)
    if "record_key" not in given.columns:
        given = given.with_row_index("record_key", offset=1).with_columns(
            pl.col("record_key").cast(pl.String)
        )
    if given["record_key"].null_count() or given["record_key"].n_unique() < len(given):
        raise ConfigError(
            f"column '{mapping['record_key']}' is empty or repeats; it cannot name the records"
        )
    absent = [name for name in COLUMNS if name not in given.columns]
    given = given.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    given = given.with_columns(
        last_name=pl.concat_str("last_name", "last_name_2", separator=" ", ignore_nulls=True)
    )
    return fields(
        normalise.names(given.with_columns(normalise.blank_to_null(pl.col("last_name"))), config),
        config,
    )


def fields(named: pl.DataFrame, config: dict[str, Any] | None = None) -> pl.DataFrame:
    """record_key and FIELDS of records whose names are normalised and whose other columns are as
    COLUMNS calls them.

    A column absent says nothing. `config` (the room's, by default as shipped) knows the short forms
    of names.
    """
    absent = [name for name in ("suffix_norm", *COLUMNS) if name not in named.columns]
    named = named.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    street = normalise.street_norm(pl.coalesce("street", pl.lit("")))
    number = pl.coalesce(
        normalise.fold(pl.col("street_number")),
        street.str.extract(r"^(\d+[a-z]?)\b"),
        street.str.extract(r"\b(\d+[a-z]?)$"),
    )
    street_name = (
        street.str.replace(r"^\d+[a-z]?\b", "").str.replace(r"\b\d+[a-z]?$", "").str.strip_chars()
    )
    birth_parts = pl.concat_str(
        pl.col("birth_year").str.zfill(4),
        pl.col("birth_month").str.zfill(2),
        pl.col("birth_day").str.zfill(2),
    )
    is_no_name = pl.col("first_name_norm").is_in(_NO_NAME)
    forms = sorted(set(named["first_name_norm"].drop_nulls()))
    known = normalise.nickname_roots(config or load(_CONFIG))
    roots = {form: "|".join(sorted(known[form])) for form in forms if form in known}
    return named.select(
        "record_key",
        first=pl.when(~is_no_name).then("first_name_norm"),
        root=pl.when(~is_no_name).then("nickname_root"),
        roots=pl.when(~is_no_name).then(pl.col("first_name_norm").replace(roots)),
        middle="middle_name_norm",
        last="last_name_norm",
        suffix="suffix_norm",
        born=pl.coalesce(birth_digits(pl.col("birth_date")), birth_parts),
        gender=normalise.fold(pl.col("gender")).str.slice(0, 1),
        number=number,
        unit=normalise.blank_to_null(
            normalise.fold(pl.col("unit"))
            .str.replace_all(
                r"\b(apartment|apt|unit|suite|ste|number|no|lot|trlr|trailer|room|rm|flat|wohnung)\b",
                "",
            )
            .str.replace_all(r"[^\p{L}\p{N}]", "")
        ),
        street=normalise.blank_to_null(street_name),
        city=normalise.fold(pl.col("city")),
        postcode=normalise.blank_to_null(
            pl.col("postal_code").str.to_lowercase().str.replace_all(r"[^a-z0-9]", "")
        ),
        email=pl.coalesce(
            normalise.email_norm(pl.col("email")),
            normalise.blank_to_null(pl.col("email").str.to_lowercase()),
        ),
        phone=normalise.blank_to_null(pl.col("phone").str.replace_all(r"[^0-9]", "").str.slice(-9)),
        id_number=normalise.blank_to_null(
            pl.col("id_number").str.to_lowercase().str.replace_all(r"[^a-z0-9]", "")
        ),
        source="source",
        given=pl.when(~is_no_name).then(
            pl.concat_str("first_name_norm", "middle_name_norm", separator=" ", ignore_nulls=True)
        ),
        birth_place=normalise.fold(pl.col("birth_place")),
        occupation=normalise.fold(pl.col("occupation")),
        **{
            name: pl.lit(None, pl.String)
            for name in ("email_2", "phone_2", "office", "login", "company", "organisation")
        },
    ).select("record_key", *FIELDS)


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
