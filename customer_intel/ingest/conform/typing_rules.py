"""Typing rules, by which text becomes a value, as DuckDB SQL. Never a bare cast: a pattern first,
then a range.

Blank is null; text is trimmed. Dates and timestamps are ISO-8601 or in a declared format, from 1900
(births: 1500) to ten years after the export; a text that two declared formats read differently is none. A
timestamp without zone is in reader.zone: in the hour that a clock skips it counts as if the clock
had not moved, in the hour that comes twice as the second. Numbers are digits in the declared
decimal mark, or as people write them (odd_values.py); a fraction is no whole number. Money is
rounded half-even to cents; a value that was further than float noise (0.000001) from a cent is kept,
rounded, and counted in the check
`money_rounded`.
"""

from __future__ import annotations

import itertools
from datetime import date

from customer_intel.core.contract.model import Column, Table
from customer_intel.core.engine import literal, quoted
from customer_intel.ingest.conform import odd_values
from customer_intel.ingest.mapping.model import FileMapping, Reader

FIRST_YEAR, FIRST_BIRTH = 1900, 1500
YEARS_AHEAD = 10
SPACE = " \t\r\n\u00a0"
_TIME = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?)?"
_ZONE = r" ?(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)"
_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?"
WHOLE = r"^([-+]?\d{1,18})(?:\.0*)?$"
_TRUE, _FALSE = "('true', 'yes', '1', 'y', 't')", "('false', 'no', '0', 'n', 'f')"
AMBIGUOUS = "fits two of the declared formats, with different meanings"
OTHER_CURRENCY = "not an amount in the row's currency"
_CASTS = {"int": "BIGINT", "money": "DECIMAL(18,2)", "date": "DATE", "timestamp": "TIMESTAMP"}
# 2026-02-28, and 2026-02-28 23:59:59: years beyond 9999 and before 0 are longer.
_WIDTH = {"date": 10, "timestamp": 19}
_EPOCH = {"epoch_s": 1_000_000, "epoch_ms": 1_000}
_FAULTS = {
    "int": "not a whole number",
    "float": "not a number",
    "money": "not an amount",
    "bool": "not true or false",
    "date": "not a date",
    "timestamp": "not a timestamp",
}


def trimmed(value: str) -> str:
    """The value as text without white space around it, null when nothing is left."""
    text = f"CAST({value} AS VARCHAR)"
    # Trimming a set of characters costs ten times this look at both ends, and few values need it.
    return (
        f"CASE WHEN {padded(text)} THEN nullif(trim({text}, {literal(SPACE)}), '') ELSE {text} END"
    )


def padded(text: str) -> str:
    """Whether a text may be blank or have white space around it; never false for one that is or
    has.
    """
    ends = " OR ".join(f"suffix({text}, {literal(character)})" for character in SPACE)
    # In byte order, blanks and all texts that begin with a space or control character sort before
    # "!".
    return f"{text} < '!' OR ({text} >= '\u00a0' AND {text} < '\u00a1') OR {ends}"


def source_value(name: str, reader: Reader, *, clean: bool = False) -> str:
    """A source column, trimmed, null when blank or written as one of the reader's nulls."""
    value = quoted(name) if clean else trimmed(quoted(name))
    nulls = ", ".join(literal(word) for word in reader.null if word.strip())
    return f"CASE WHEN {value} NOT IN ({nulls}) THEN {value} END" if nulls else value


class Typing:
    """SQL from text to the contract's types, for one reader and export date. Null where the text is
    no such value.
    """

    def __init__(self, reader: Reader, export_date: date) -> None:
        self.reader = reader
        # The 29th of February has no tenth anniversary; the 28th always has.
        end = export_date.replace(year=export_date.year + YEARS_AHEAD, day=min(export_date.day, 28))
        self.bounds = f"outside {FIRST_YEAR} to {end.year}"
        self._high = end.isoformat()

    def tried(self, column: Column, text: str) -> str | None:
        """The cast that gives the value of a text written as DuckDB writes it: of other texts it
        may give anything.
        """
        if column.values is not None or column.type not in _CASTS:
            return None
        number = column.type in ("int", "money")
        return f"TRY_CAST({self._number(text) if number else text} AS {_CASTS[column.type]})"

    def value(
        self, column: Column, text: str, tried: str | None = None, currency: str | None = None
    ) -> str:
        """`tried`: a column that holds the result of that cast, so that it is made once;
        `currency`: one that holds the currency of an amount's row.
        """
        tried = tried or self.tried(column, text) or ""
        if column.values is not None:
            cases = " ".join(
                f"WHEN {literal(value.lower())} THEN {literal(value)}" for value in column.values
            )
            return f"CASE lower({text}) {cases} END"
        match column.type:
            case "text":
                return text
            case "bool":
                return (
                    f"CASE WHEN lower({text}) IN {_TRUE} THEN true WHEN lower({text}) IN "
                    f"{_FALSE} THEN false END"
                )
            case "int":
                number = self._number(text)
                whole = _matches(number, r"[-+]?\d{1,18}(\.0*)?")
                plain = f"strlen({number}) <= 18 AND {_written(tried, number)}"
                return (
                    f"CASE WHEN {plain} THEN {tried} "
                    f"WHEN {whole} THEN TRY_CAST(split_part({number}, '.', 1) AS BIGINT) "
                    f"WHEN {text} IS NOT NULL THEN {self._odd_int(text)} END"
                )
            case "float":
                number = self._number(text)
                return (
                    f"CASE WHEN {_matches(number, _NUMBER)} AND isfinite({_double(number)}) "
                    f"THEN {_double(number)} "
                    f"WHEN {text} IS NOT NULL THEN {self._odd_float(text, column)} END"
                )
            case "money":
                return self._money(text, tried, currency)
        forms = self._forms(column, text)
        if len(forms) == 1 and self._utc("x") == "x":
            kind, width = column.type.upper(), _WIDTH[column.type]
            near = f"{tried} >= {kind} '{_low(column)}' AND {tried} < {kind} '{self._high}'"
            plain = f"strlen({text}) = {width} AND {_written(tried, text)} AND {near}"
            return f"CASE WHEN {plain} THEN {tried} ELSE {forms[0]} END"
        return (
            f"CASE WHEN {self._clash(forms)} THEN NULL ELSE {_first(forms)} END"
            if len(forms) > 2
            else _first(forms)
        )

    def fault(self, column: Column) -> str:
        """Why a text is no value of the column, without the text."""
        if column.values is not None:
            return f"not one of {', '.join(column.values)}"
        return _FAULTS.get(column.type, "not a value")

    def unbounded(self, column: Column, text: str) -> str:
        """A date or timestamp wherever the text is one, however far off."""
        return _first(self._date(text) if column.type == "date" else self._timestamp(text))

    def ambiguous(self, column: Column, text: str) -> str:
        """Whether declared formats read a text as different days or times: 03/04 where both %d/%m
        and %m/%d stand.
        """
        return self._clash(self._forms(column, text))

    def _forms(self, column: Column, text: str) -> list[str]:
        """The text by ISO-8601 and by each declared format, null where it is none or out of bounds."""
        kind = column.type.upper()
        forms = self._date(text) if column.type == "date" else self._timestamp(text)
        return [
            f"CASE WHEN {x} >= {kind} '{_low(column)}' AND {x} < {kind} '{self._high}' THEN {x} END"
            for x in forms
        ]

    def _clash(self, forms: list[str]) -> str:
        pairs = [f"{one} <> {other}" for one, other in itertools.combinations(forms[1:], 2)]
        return f"coalesce({' OR '.join(pairs)}, false)" if pairs else "false"

    def rounded(self, text: str, value: str) -> str:
        """Whether an amount has a rest beyond cents that is more than float noise. `value`: the
        amount it became.
        """
        number = self._number(text)
        odd = odd_values.number(text, self.reader, money=True)
        exact = f"coalesce(TRY_CAST({number} AS DECIMAL(38,12)), TRY_CAST({odd} AS DECIMAL(38,12)))"
        return (
            f"coalesce(CASE WHEN CAST({value} AS VARCHAR) = {number} OR {_cents(number)} THEN false "
            f"WHEN {value} IS NOT NULL THEN abs({exact} - {value}) > 0.000001 END, false)"
        )

    def _number(self, text: str) -> str:
        """The number with a point for its decimal mark and no thousands mark; as it is where it has
        another shape.
        """
        mark, thousands = self.reader.decimal, self.reader.thousands
        if thousands:
            grouped = rf"[-+]?\d{{1,3}}([{thousands}]\d{{3}})+([{mark}]\d+)?"
            text = (
                f"CASE WHEN {_matches(text, grouped)} THEN replace({text}, "
                f"{literal(thousands)}, '') ELSE {text} END"
            )
        if mark == ",":
            # With a decimal comma, a point that is left over makes the text no number.
            text = f"CASE WHEN NOT contains({text}, '.') THEN replace({text}, ',', '.') END"
        return text

    def _money(self, text: str, tried: str, currency: str | None) -> str:
        number = self._number(text)
        odd = odd_values.number(text, self.reader, money=True)
        return (
            f"CASE WHEN {_written(tried, number)} OR {_cents(number)} THEN {tried} "
            f"WHEN {_matches(number, _NUMBER)} THEN {_rounded(number)} "
            f"WHEN {text} IS NOT NULL THEN CASE WHEN {odd_values.contradicts(text, currency)} "
            f"THEN NULL ELSE {_rounded(odd)} END END"
        )

    def _odd_int(self, text: str) -> str:
        number = odd_values.number(text, self.reader, money=False)
        whole = f"regexp_extract({number}, {literal(WHOLE)}, 1)"
        return f"TRY_CAST({whole} AS BIGINT)"

    def _odd_float(self, text: str, column: Column) -> str:
        number = odd_values.number(text, self.reader, money=False)
        if column.unit != "share":
            return _double(number)
        share = odd_values.number(f"rtrim(rtrim({text}, '%'))", self.reader, money=False)
        return (
            f"CASE WHEN suffix({text}, '%') THEN {_double(share)} / 100 ELSE {_double(number)} END"
        )

    def _date(self, text: str) -> list[str]:
        cases = [
            (
                f"CASE WHEN {_matches(text, f'{_TIME}({_ZONE})?')} THEN TRY_CAST(substr({text}, 1, "
                "10) AS DATE) END"
            )
        ]
        for form in self.reader.date:
            cases.append(f"CAST({self._declared(text, form, zoned=False)} AS DATE)")
        return cases

    def _timestamp(self, text: str) -> list[str]:
        local = f"TRY_CAST(replace({text}, ',', '.') AS TIMESTAMP)"
        point = f"replace(replace(replace(upper({text}), ',', '.'), 'UTC', 'Z'), 'GMT', 'Z')"
        zoned = (
            f"TRY_CAST(replace(replace(replace({point}, ' Z', 'Z'), ' +', '+'), ' -', '-') AS "
            "TIMESTAMPTZ)"
        )
        iso = (
            f"CASE WHEN {_matches(text, _TIME)} THEN {self._utc(local)} "
            f"WHEN {_matches(text, _TIME + _ZONE)} THEN timezone('UTC', {zoned}) END"
        )
        return [iso, *(self._declared(text, form, zoned=True) for form in self.reader.timestamp)]

    def _declared(self, text: str, form: str, *, zoned: bool) -> str:
        if form in _EPOCH:
            micros = f"CAST(CAST({text} AS DECIMAL(28,6)) * {_EPOCH[form]} AS BIGINT)"
            return (
                f"CASE WHEN {_matches(text, '[0-9]{1,14}([.][0-9]{1,6})?')} THEN "
                f"make_timestamp({micros}) END"
            )
        parsed = f"try_strptime({text}, {literal(form)})"
        if "%z" in form or "%Z" in form:
            return f"timezone('UTC', {parsed})"
        return self._utc(parsed) if zoned else parsed

    def _utc(self, local: str) -> str:
        if self.reader.zone.upper() in ("UTC", "GMT", "Z"):
            return local
        return f"timezone('UTC', timezone({literal(self.reader.zone)}, {local}))"


def record_key(entity: Table, mapping: FileMapping, system: str) -> str:
    """SQL for the party record that a row belongs to: by its reference, else by its e-mail address."""
    settings = entity.entity or {}
    ref, email = settings.get("ref"), settings.get("email")
    cases = []
    if ref:
        # A contact's own id is the source's; a reference may point into another system.
        namespace = system if ref in entity.key else mapping.references or system
        cases.append(f"WHEN ({ref}) IS NOT NULL THEN {literal(namespace + ':')} || ({ref})")
    if email:
        guest = literal(f"{system}:guest-")
        cases.append(
            f"WHEN ({email}) IS NOT NULL THEN {guest} || substr(md5(lower(trim({email}))), 1, 16)"
        )
    return f"CASE {' '.join(cases)} END" if cases else "NULL"


def _low(column: Column) -> str:
    """The first day that a column takes: 1 January 1900 is a date of birth, or none; a register has
    births of all centuries that wrote them down.
    """
    return f"{FIRST_BIRTH}-01-01" if odd_values.is_birth(column) else f"{FIRST_YEAR}-01-02"


def _cents(number: str) -> str:
    return _matches(number, r"[-+]?\d{1,16}(\.\d{0,2})?")


def _rounded(number: str) -> str:
    return f"TRY_CAST(round_even(TRY_CAST({number} AS DECIMAL(38,12)), 2) AS DECIMAL(18,2))"


def _written(value: str, text: str) -> str:
    """Whether a value's text is just as DuckDB writes it: half the price of a pattern, and most
    are.
    """
    return f"CAST({value} AS VARCHAR) = {text}"


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


def _double(number: str) -> str:
    return f"TRY_CAST({number} AS DOUBLE)"


def _first(cases: list[str]) -> str:
    return cases[0] if len(cases) == 1 else f"coalesce({', '.join(cases)})"
