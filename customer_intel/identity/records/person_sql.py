"""Columns of a person as SQL that fills the columns of `contacts`.

Belongs here: expressions over a file's columns, as a mapping holds them: birth dates in any order as
ISO-8601, parts put together, words for male and female. Not here: which column is what
(person_columns.py), the mapping's file (person_home.py).

A birth date keeps its digits where they are no date (1994-11-71): the night empties it and party_source
hands the text on.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from customer_intel.core.engine import literal, quoted
from customer_intel.identity.records.person_values import Values

_PART = r"[-/. ]"
_YEAR_FIRST = rf"^(\d{{4}}){_PART}(\d{{1,2}}){_PART}(\d{{1,2}})([T ].*)?$"
_YEAR_LAST = rf"^(\d{{1,2}}){_PART}(\d{{1,2}}){_PART}(\d{{4}})([T ].*)?$"
# The same with a slip in it (o9/17/1980, 05/017/19800): its parts are put in order all the same.
_SLIPPED = r"^([^-/. ]{1,3})[-/. ]([^-/. ]{1,3})[-/. ]([^-/. ]{3,5})([T ].*)?$"
_SHORT_YEAR = rf"^(\d{{1,2}}){_PART}(\d{{1,2}}){_PART}(\d{{2}})$"
_COMPACT = r"^(\d{4})(\d{2})(\d{2})(\.0)?$"
_COMPACT_LAST = r"^(\d{2})(\d{2})(\d{4})$"
_YEAR = r"^(\d{4})(\.0)?$"
_WORDED = r"(?i)^(\d{1,2}\.? [a-z]{3,9}\.?,? \d{4}|[a-z]{3,9}\.? \d{1,2},? \d{4})$"
_WORDED_FORMS = ("%d %b %Y", "%d %B %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y")  # fmt: skip
# Share of a column's dates from which two digits are a year.
_RARE = 0.05
# Headers in English: where no day tells, the month stands first between slashes.
_ENGLISH = ("birth", "born", "dob")

# Contacts' column → the role that fills it as it is.
_PLAIN = {
    "first_name": "first_name", "middle_name": "middle_name", "suffix": "suffix", "full_name": "full_name",
    "birth_place": "birth_place", "id_number": "id_number", "email": "email", "secondary_email": "email_2",
    "house_number": "house_number", "unit": "unit", "street_2": "street_2", "city": "city", "state": "state",
    "postal_code": "postal_code", "country": "country", "job_title": "job_title", "company_name": "company_name",
}  # fmt: skip


def contacts(roles: Mapping[str, str], values: Mapping[str, Values]) -> dict[str, str]:
    """Contacts' column → SQL over the file's columns. `roles`: what a person has → the file's
    column.
    """
    said = {role: _text(values[column]) for role, column in roles.items() if column in values}
    found = {target: said[role] for target, role in _PLAIN.items() if role in said}
    if "last_name" in said:
        both = [said[role] for role in ("last_name", "last_name_2") if role in said]
        found["last_name"] = _joined(*both)
    elif "last_name_2" in said:
        found["last_name"] = said["last_name_2"]
    if born := _born(roles, said, values):
        found["birth_date"] = born
    for role in ("gender", "salutation"):
        sex = _gender(values[roles[role]], said[role], role) if role in said else None
        if sex and "gender" not in found:
            found["gender"] = sex
    lines = [said[role] for role in ("street_direction", "street", "street_type") if role in said]
    line = _joined(*lines) if "street" in said else None
    if "po_box" in said:
        box = f"'PO Box ' || {said['po_box']}"
        line = f"coalesce({line}, {box})" if line else box
    if line:
        found["street"] = line
    for target, role in (("phone", "phone"), ("mobile_phone", "phone_2")):
        if role in said:
            found[target] = _phone(said[role], said, values, roles, role)
    return found


def _text(values: Values) -> str:
    """The column; whole numbers without the .0 that a frame with gaps wrote behind them."""
    name = quoted(values.name)
    return rf"regexp_replace({name}, '\.0$', '')" if values.is_whole_float else name


def _joined(*parts: str) -> str:
    return parts[0] if len(parts) == 1 else f"nullif(concat_ws(' ', {', '.join(parts)}), '')"


def _phone(
    number: str,
    said: Mapping[str, str],
    values: Mapping[str, Values],
    roles: Mapping[str, str],
    role: str,
) -> str:
    """The whole number: behind its area code and the country's where these stand apart."""
    area = said.get("area_code") if role == "phone" else None
    if area and values[roles[role]].contains(values[roles["area_code"]]) >= 0.8:
        area = None
    if area:
        number = f"CASE WHEN {number} LIKE '+%' OR {area} IS NULL THEN {number} ELSE {area} || ' ' || {number} END"
    if code := said.get("calling_code"):
        number = (
            f"CASE WHEN {number} LIKE '+%' OR {code} IS NULL THEN {number} "
            f"ELSE '+' || ltrim({code}, '+0') || ' ' || ltrim({number}, '0') END"
        )
    return number


def _gender(values: Values, text: str, role: str) -> str | None:
    words = values.genders
    if not words and role == "gender":
        codes = set(values.counts["value"].to_list())
        plain = {code.removesuffix(".0") for code in codes}
        if plain <= {"0", "1", "2", "9"} and {"1", "2"} <= plain:
            # ISO 5218
            words = {"1": "male", "2": "female"}
        else:
            return text
    if not words:
        return None
    if all(value == sex for value, sex in words.items()):
        return text
    cases = " ".join(
        f"WHEN {literal(value)} THEN {literal(sex)}" for value, sex in sorted(words.items())
    )
    return f"CASE {text} {cases} END"


# ---- birth dates


def _born(
    roles: Mapping[str, str], said: Mapping[str, str], values: Mapping[str, Values]
) -> str | None:
    whole = iso(values[roles["birth_date"]]) if "birth_date" in said else None
    year = said.get("birth_year")
    if not year:
        return whole
    month, day = said.get("birth_month"), said.get("birth_day")
    # Of a year alone the first day stands for it, which counts as weak.
    parts = f"lpad({year}, 4, '0') || '-01-01'"
    if month and day:
        full = " || '-' || ".join(
            [f"lpad({year}, 4, '0')", f"lpad({_month(values[roles['birth_month']], month)}, 2, '0')",
             f"lpad({day}, 2, '0')"]
        )  # fmt: skip
        parts = f"coalesce({full}, {parts})"
    return f"coalesce({whole}, {parts})" if whole else parts


_MONTHS = (
    "jan", "feb fév fev", "mar mär mrz", "apr abr avr", "may mai mag mei", "jun giu juin", "jul lug juil",
    "aug ago aoû aou", "sep set", "oct okt out ott", "nov", "dec déc dez dic",
)  # fmt: skip


def _month(values: Values, text: str) -> str:
    """A month as a number, also where it is a word."""
    if values.share("digits") >= 0.99:
        return text
    cases = " ".join(
        f"WHEN lower({text}) LIKE '{start}%' THEN '{number}'"
        for number, starts in enumerate(_MONTHS, 1)
        for start in sorted(starts.split(), key=len, reverse=True)
    )
    return f"CASE {cases} ELSE {text} END"


def iso(values: Values) -> str:
    """SQL of a column's dates as ISO-8601: plain where it writes them so, each other form that it
    has put in order. What is no date keeps its digits in that order.
    """
    known, text = values.counts, quoted(values.name)

    def some(pattern: str) -> pl.DataFrame:
        return known.filter(pl.col("value").str.contains(pattern))

    def put(pattern: str, by: str) -> str:
        return f"regexp_replace({text}, {literal(pattern)}, {literal(by)})"

    loose = some(_YEAR_FIRST).filter(~pl.col("value").str.contains(r"^\d{4}-\d\d-\d\d([T ].*)?$"))
    if len(loose):
        text = put(_YEAR_FIRST, r"\1-\2-\3")
    compact = some(r"^\d{8}(\.0)?$")
    if len(compact):
        year_first = _rows(compact, r"^(1[5-9]|20)\d\d(0[1-9]|1[0-2])")
        year_last = _rows(compact, r"^[0-3]\d[0-3]\d(1[5-9]|20)\d\d$")
        if year_first >= year_last:
            text = put(_COMPACT, r"\1-\2-\3")
        else:
            text = put(_COMPACT_LAST, _order(compact, _COMPACT_LAST, values.name))
    if len(last := some(_YEAR_LAST)):
        is_usual = last["n"].sum() > values.filled / 2
        text = put(_SLIPPED if is_usual else _YEAR_LAST, _order(last, _YEAR_LAST, values.name))
    # A slip in a longer year looks so as well.
    if (short := some(_SHORT_YEAR))["n"].sum() > _RARE * values.filled:
        first = _over(short, _SHORT_YEAR, 1, 31)
        order = (
            r"\1-\2-\3"
            if first > _over(short, _SHORT_YEAR, 3, 31)
            else _order(short, _SHORT_YEAR, values.name)
        )
        marked = put(_SHORT_YEAR, "@" + order)
        century = f"CASE WHEN substr({marked}, 2, 2) > strftime(_export_date, '%y') THEN '19' ELSE '20' END"
        text = (
            f"CASE WHEN {marked} LIKE '@%' THEN {century} || substr({marked}, 2) ELSE {marked} END"
        )
    if len(some(_WORDED)):
        forms = ", ".join(f"try_strptime({text}, {literal(form)})" for form in _WORDED_FORMS)
        text = f"coalesce(strftime(coalesce({forms}), '%Y-%m-%d'), {text})"
    if len(some(rf"(^|{_PART})\d({_PART}|$|T)")):
        text = put(r"-(\d)-", r"-0\1-")
        text = put(r"-(\d)$", r"-0\1")
    if len(some(_YEAR)):
        text = put(_YEAR, r"\1-01-01")
    return text


def _rows(values: pl.DataFrame, pattern: str) -> int:
    return int(values.filter(pl.col("value").str.contains(pattern))["n"].sum())


def _over(values: pl.DataFrame, pattern: str, group: int, limit: int) -> int:
    """Rows in which a part of the date is greater than the limit."""
    part = pl.col("value").str.extract(pattern, group).cast(pl.Int64, strict=False)
    return int(values.filter(part > limit)["n"].sum())


def _order(values: pl.DataFrame, pattern: str, name: str) -> str:
    """Day or month first: whichever is more often greater than twelve is the day."""
    first, second = (_over(values, pattern, group, 12) for group in (1, 2))
    if first != second:
        return r"\3-\2-\1" if first > second else r"\3-\1-\2"
    slashes = _rows(values, "/")
    is_english = any(word in name.lower() for word in _ENGLISH)
    return r"\3-\1-\2" if slashes and is_english else r"\3-\2-\1"
