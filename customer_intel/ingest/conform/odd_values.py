"""Values as people and old databases write them, for texts that a plain cast cannot read: amounts
with signs, codes and brackets, ids that a frame made floats, default dates.

Belongs here: their SQL, each part of it naming its text once, for it is nested deep. Not here: what
a plain cast reads, and the limits of types (typing_rules.py).

A sign or code beside an amount says its currency; which one, only together with the row's own: `$`
is that of twenty countries. What contradicts the row's currency is no amount of that row.
"""

from __future__ import annotations

import re

from customer_intel.core.contract.model import Column
from customer_intel.core.engine import literal
from customer_intel.ingest.mapping.model import Reader

# ISO 4217, funds and precious metals aside.
CURRENCIES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF "
    "CLF CLP CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP "
    "GMD GNF GTQ GYD HKD "
    "HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK "
    "LBP LKR LRD LSL LYD "
    "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN "
    "PGK PHP PKR PLN PYG "
    "QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS "
    "TMT TND TOP TRY TTD "
    "TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL"
)
_DOLLARS = (
    "USD CAD AUD NZD HKD SGD TWD MXN ARS CLP COP UYU BBD BMD BND BSD BZD FJD GYD JMD KYD LRD NAD "
    "SBD SRD TTD XCD"
)
# What stands beside an amount instead of a code → the codes that it may stand for.
SIGNS = {
    "€": "EUR", "euro": "EUR", "euros": "EUR", "$": _DOLLARS, "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD",
    "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "R$": "BRL", "MX$": "MXN", "NT$": "TWD",
    "£": "GBP EGP FKP GIP LBP SDG SHP SSP SYP", "¥": "JPY CNY", "￥": "JPY CNY", "円": "JPY", "元": "CNY", "RMB": "CNY",
    "kr": "SEK NOK DKK ISK", "kr.": "SEK NOK DKK ISK", "zł": "PLN", "zl": "PLN", "Kč": "CZK", "Ft": "HUF",
    "lei": "RON MDL", "leu": "RON MDL", "лв": "BGN", "лв.": "BGN", "₽": "RUB", "руб": "RUB", "руб.": "RUB",
    "р.": "RUB", "₴": "UAH", "грн": "UAH", "₺": "TRY", "TL": "TRY", "₹": "INR", "Rs": "INR LKR MUR NPR PKR SCR",
    "Rs.": "INR LKR MUR NPR PKR SCR", "₩": "KRW KPW", "฿": "THB", "₫": "VND", "₱": "PHP", "₦": "NGN", "₪": "ILS",
    "₡": "CRC", "₲": "PYG", "₸": "KZT", "₾": "GEL", "₼": "AZN", "Fr": "CHF", "Fr.": "CHF", "SFr.": "CHF", "SFr": "CHF",
    "RM": "MYR", "Rp": "IDR", "Rp.": "IDR", "S/": "PEN", "R": "ZAR", "din": "RSD", "din.": "RSD", "KM": "BAM",
    "Dh": "AED MAD", "Dhs": "AED MAD", "SR": "SAR",
}  # fmt: skip
_MARK = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True)) + "|[a-z]{3}"
_PAIRS = "|".join(
    ["", *(f"{code}={code}" for code in CURRENCIES.split())]
    + [f"{sign.upper()}={code}" for sign, codes in SIGNS.items() for code in codes.split()]
    + [""]
)
# A mark before the number, behind a sign or bracket; and one after it, before a bracket or sign.
_BEFORE = rf"(?i)^([-+(]?) *({_MARK}) *([-+(]?[\d.,])"
_AFTER = rf"(?i)([^a-z]) *({_MARK}) *([-)]?|[cd]r\.?)$"
# Signs of minus, spaces that do not break, and apostrophes, as the keyboard has them.
_TYPED = (
    "\u2212\u2012\u2013\ufe63\uff0d\u00a0\u202f\u2009\u2007\u2019\u02bc\u2032\u00b4`",
    "-----    '''''",
)
# What databases and spreadsheets write for no date at all.
DEFAULTS = (
    "0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "2999-12-31", "9999-12-31",
)  # fmt: skip
# The one of them on which somebody may have been born.
BORN = "1900-01-01"
NO_DATE = r"0{1,4}[-./]0{1,2}[-./]0{1,4}"
# An id that a frame with gaps made a number: 17001.0
FLOAT_ID = r"[0-9]+\.0"
# Among ids of letters, so many floats of so many digits are a frame's; fewer may be versions: 1.0
_FLOATS, _LONG, _NUMBER_ID = 3, r"[0-9]{4,}\.0", r"[-+]?[0-9]+([.,][0-9]*)?"
# An id that a spreadsheet or a frame wrote as a number: digits of it are gone. `12e5` alone may be an id.
SCIENTIFIC = r"[-+]?[0-9]+([.,][0-9]+[eE][-+]?|[eE][-+])[0-9]+"
LOST_DIGITS = "a number in scientific notation, whose digits are lost; export it as text"


def are_floats(id_: str) -> str:
    """SQL of an aggregate: whether a frame wrote ids as floats. All of them end in `.0`, or all that
    are numbers do, several long ones, and the others are none.
    """
    each = {
        name: f"count(*) FILTER (regexp_full_match({id_}, {literal(pattern)}))"
        for name, pattern in (("float", FLOAT_ID), ("long", _LONG), ("number", _NUMBER_ID))
    }
    return (
        f"{each['float']} > 0 AND ({each['float']} = count({id_}) OR ({each['long']} >= {_FLOATS} AND "
        f"{each['long']} = {each['number']}))"
    )


def without_float(id_: str) -> str:
    """SQL of an id without the `.0` that a frame wrote behind it."""
    return f"CASE WHEN regexp_full_match({id_}, {literal(FLOAT_ID)}) THEN left({id_}, -2) ELSE {id_} END"


def number(text: str, reader: Reader, *, money: bool) -> str:
    """The number that a text says, written as DuckDB reads it; '' where it says none.

    Whatever `money`: thousands by spaces or apostrophes, and minus as `(5)`, `5-` or U+2212. With
    it: a currency's sign or code on either side, CR (negative) or DR behind, `45,-`.
    """
    sql = _typed(text)
    if money:
        sql = _replaced(_replaced(sql, _BEFORE, r"\1\3"), _AFTER, r"\1\3")
        sql = _replaced(sql, r"(\d[.,])-{1,2}$", r"\10")
        sql = _replaced(sql, r"(?i)^([^-+()a-z]*\d[^-+()a-z]*)cr\.?$", r"-\1")
        sql = _replaced(sql, r"(?i)^([^-+()a-z]*\d[^-+()a-z]*)dr\.?$", r"\1")
    sql = _replaced(sql, r"^\(([^-+()]*)\)$", r"-\1")
    sql = _replaced(sql, r"^([^-+()]*\d[^-+()]*)-$", r"-\1")
    sql = _replaced(sql, r"^([-+]?) *(.*?) *$", r"\1\2")
    sql = f"translate(regexp_extract({sql}, {literal(_shape(reader))}), {literal(_other(reader))}, '')"
    return f"replace({sql}, ',', '.')" if reader.decimal == "," else sql


def _typed(text: str) -> str:
    return f"translate({text}, {literal(_TYPED[0])}, {literal(_TYPED[1])})"


def _replaced(sql: str, pattern: str, by: str) -> str:
    return f"regexp_replace({sql}, {literal(pattern)}, {literal(by)})"


def _other(reader: Reader) -> str:
    """Marks that may part thousands: never the reader's decimal mark."""
    return " '" + (".," if reader.decimal == "." else ",.").replace(reader.decimal, "")


def _shape(reader: Reader) -> str:
    """A number by the reader's decimal mark. The other mark parts thousands where the reader says
    so or where the decimal mark stands behind it: 1,234 alone may be either.
    """
    point, mark = re.escape(reader.decimal), re.escape(_other(reader)[-1])
    rest = "?" if reader.thousands == _other(reader)[-1] else ""
    return (
        rf"^[-+]?(?:\d+{point}?\d*|{point}\d+|\d{{1,3}}(?:[ ']\d{{3}})+(?:{point}\d*)?|"
        rf"\d{{1,3}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}(?:{point}\d+){rest})$"
    )


def contradicts(text: str, currency: str | None) -> str:
    """Whether the sign or code beside an amount is none, or not that of the row's `currency`."""
    typed = _typed(text)
    code = f"coalesce(upper({currency}) || '|', '')" if currency else "''"

    def odd(pattern: str) -> str:
        mark = f"upper(regexp_extract({typed}, {literal(pattern)}, 2))"
        return f"({mark} <> '' AND NOT contains({literal(_PAIRS)}, '|' || {mark} || '=' || {code}))"

    return f"({odd(_BEFORE)} OR {odd(_AFTER)})"


def is_default_date(text: str, column: Column, reader: Reader) -> str:
    """Whether a text is the date that a database writes where it has none."""
    days = [day for day in DEFAULTS if day != BORN or not is_birth(column)]
    pattern = f"(?:{NO_DATE}|{'|'.join(days)})(?:[T ].*)?"
    cases = [f"regexp_full_match({text}, {literal(pattern)})"]
    listed = ", ".join(f"DATE {literal(day)}" for day in days)
    declared = reader.date if column.type == "date" else reader.timestamp
    cases += [
        f"coalesce(CAST(try_strptime({text}, {literal(form)}) AS DATE) IN ({listed}), false)"
        for form in declared
        if "%" in form
    ]
    return f"({' OR '.join(cases)})"


def is_birth(column: Column) -> bool:
    """Whether a column holds dates of birth, of which 1900-01-01 is one like any other."""
    return column.pii == "birth_date"


def email(text: str) -> str:
    """An email address, or what stands for one where a source keeps it secret; null for "none"
    and "not given", which would make one person of all who gave none.
    """
    return (
        f"CASE WHEN contains({text}, '@') OR regexp_full_match({text}, '[A-Za-z0-9+/=_-]{{20,}}') "
        f"THEN {text} END"
    )


def whole_id(text: str) -> str:
    """SQL for an id as it is, null where it is a number in scientific notation."""
    lost = f"regexp_full_match({text}, {literal(SCIENTIFIC)})"
    return (
        f"CASE WHEN contains({text}, 'e') OR contains({text}, 'E') THEN CASE WHEN NOT {lost} THEN "
        f"{text} END ELSE {text} END"
    )


def is_id(column: Column, key: tuple[str, ...]) -> bool:
    """Whether a column's values name something, so that digits in them are no amount."""
    named = column.name in key or column.name.endswith(("_id", "_ref", "postal_code", "sku"))
    return column.type == "text" and (named or column.pii in ("id", "phone"))
