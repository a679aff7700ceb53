"""Phone numbers to E.164, with the country as a hint.

The library parses one number at a time; at a million that is minutes. Its own patterns, applied a
column at a time, settle all ordinary numbers, and only the rest goes through the library itself.
"""

from __future__ import annotations

from typing import Any

import polars as pl


def e164(numbers: pl.DataFrame) -> pl.DataFrame:
    """Distinct (raw, country_code) → raw, country_code, e164 (null when it is no number),
    is_landline.

    `country_code` is ISO alpha-2 or null. `is_landline` is true only where the country tells
    landlines from mobiles.
    """
    unique = (
        numbers.select("raw", "country_code").drop_nulls("raw").unique().sort("raw", "country_code")
    )
    if unique.is_empty():
        return unique.with_columns(e164=pl.lit(None, pl.String), is_landline=pl.lit(False))
    text = (
        pl.col("raw")
        .str.normalize("NFKC")
        .str.replace(r"(?i)\s*(ext|extension|x|#)\.?\s*\d{1,6}$", "")
    )
    work = unique.with_columns(
        is_plain=text.str.contains(r"^[0-9+().\-/\s]+$"),
        prefix=text.str.extract(r"^\s*(\+|00)"),
        digits=text.str.replace("(0)", "", literal=True)
        .str.replace_all(r"[^0-9]", "")
        .str.replace("^00", ""),
        # A single leading zero is a trunk prefix and must survive the removal of the international
        # 00.
        local=text.str.replace_all(r"[^0-9]", ""),
    )
    plain = pl.col("is_plain")
    settled = work.with_columns(
        e164=pl.coalesce(
            pl.when(plain & pl.col("prefix").is_not_null()).then(_international(work)),
            pl.when(plain & pl.col("prefix").is_null()).then(_national(work)),
        )
    )
    rest = settled.filter(pl.col("e164").is_null())
    parsed = [
        _parsed(raw, country) for raw, country in rest.select("raw", "country_code").iter_rows()
    ]
    done = pl.concat(
        [
            settled.filter(pl.col("e164").is_not_null()),
            rest.with_columns(pl.Series("e164", parsed, pl.String)),
        ]
    )
    # The library finds internal extensions "possible"; no subscriber in the world has fewer than
    # seven digits.
    done = done.with_columns(e164=pl.when(pl.col("e164").str.len_bytes() > 7).then("e164"))
    return done.select("raw", "country_code", "e164", is_landline=_landline(done).fill_null(False))


def _international(work: pl.DataFrame) -> pl.Expr:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    codes = r"^(" + "|".join(str(code) for code in COUNTRY_CODE_TO_REGION_CODE) + ")"
    code = pl.col("digits").str.extract(codes)
    used_codes = (
        work.filter(pl.col("prefix").is_not_null())
        .select(code)
        .to_series()
        .drop_nulls()
        .unique()
        .sort()
    )
    matches = [
        code.eq(found)
        & pl.col("digits").str.contains(f"^{found}(?:{_patterns(_main_region(found)).general})$")
        for found in used_codes
        if _patterns(_main_region(found)).general
    ]
    return (
        pl.when(pl.any_horizontal(matches)).then("+" + pl.col("digits"))
        if matches
        else pl.lit(None, pl.String)
    )


def _national(work: pl.DataFrame) -> pl.Expr:
    found = []
    for region in (
        work.filter(pl.col("prefix").is_null())["country_code"].drop_nulls().unique().sort()
    ):
        rules = _patterns(region)
        if not rules.general:
            continue
        local = pl.col("local")
        bare = local
        if rules.trunk:
            bare = (
                pl.when(local.str.starts_with(rules.trunk))
                .then(local.str.slice(len(rules.trunk)))
                .otherwise(local)
            )
        # Carrier codes and in-country mobile prefixes are rewritten by rules that only the library
        # knows.
        odd = local.str.contains(rules.odd_prefix) if rules.odd_prefix else pl.lit(False)
        ok = (pl.col("country_code") == region) & ~odd & bare.str.contains(f"^(?:{rules.general})$")
        found.append(pl.when(ok).then(f"+{rules.code}" + bare))
    return pl.coalesce(found) if found else pl.lit(None, pl.String)


def country_calling_code(number: pl.Expr) -> pl.Expr:
    """The country's part of an E.164 number, its digits without the +."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    codes = "|".join(str(code) for code in COUNTRY_CODE_TO_REGION_CODE)
    return number.str.extract(rf"^\+({codes})")


def kinds(numbers: pl.Series) -> pl.DataFrame:
    """Distinct E.164 numbers → value, is_landline, is_service.

    A service number is one that callers dial for an organisation, by the numbering plan: toll-free,
    premium, shared cost, an organisation's universal number.
    """
    values = pl.DataFrame({"e164": numbers.drop_nulls().unique()})
    number = pl.col("e164")
    # Services of no country.
    tests = [number.str.contains(r"^\+(?:800|808|979)")]
    for code in _used_codes(values):
        rules = _patterns(_main_region(code))
        subscriber = "|".join(pattern for pattern in (rules.fixed, rules.mobile) if pattern)
        if rules.services:
            is_service = number.str.contains(rf"^\+{code}(?:{'|'.join(rules.services)})$")
            is_subscriber = number.str.contains(rf"^\+{code}(?:{subscriber or '-'})$")
            tests.append(is_service & ~is_subscriber)
    return values.select(
        value="e164",
        is_landline=_landline(values).fill_null(False),
        is_service=pl.any_horizontal(tests),
    )


def _used_codes(numbers: pl.DataFrame) -> pl.Series:
    codes = numbers.select(country_calling_code(pl.col("e164"))).to_series()
    return codes.drop_nulls().unique().sort()


def _landline(done: pl.DataFrame) -> pl.Expr:
    number = pl.col("e164")
    used_codes = _used_codes(done)
    tests = [
        number.str.contains(rf"^\+{code}(?:{rules.fixed})$")
        & ~number.str.contains(rf"^\+{code}(?:{rules.mobile})$")
        for code in used_codes
        if (rules := _patterns(_main_region(code))).fixed and rules.mobile
    ]
    return pl.any_horizontal(tests) if tests else pl.lit(False)


def _main_region(code: str) -> str:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return COUNTRY_CODE_TO_REGION_CODE[int(code)][0]


class _Rules:
    """What the library's metadata says of one region, as far as a column can use it."""

    def __init__(self, region: str) -> None:
        from phonenumbers import PhoneMetadata

        data: Any = PhoneMetadata.metadata_for_region(region)
        self.code = data.country_code if data else None
        self.general = data.general_desc.national_number_pattern if data else None
        self.fixed = data.fixed_line.national_number_pattern if data and data.fixed_line else None
        self.mobile = data.mobile.national_number_pattern if data and data.mobile else None
        services = (data.toll_free, data.premium_rate, data.shared_cost, data.uan) if data else ()
        patterns = (kind.national_number_pattern for kind in services if kind)
        self.services = [pattern for pattern in patterns if pattern]
        self.trunk = data.national_prefix if data else None
        parsing = data.national_prefix_for_parsing if data else None
        simple = parsing is None or parsing == self.trunk
        self.odd_prefix = None if simple else f"^(?:{parsing})"


_RULES: dict[str, _Rules] = {}


def _patterns(region: str) -> _Rules:
    if region not in _RULES:
        _RULES[region] = _Rules(region)
    return _RULES[region]


def _parsed(raw: str, country: str | None) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
