"""What is said of a source: a sentence for each finding, with numbers, without a value of a row.

Belongs here: the words. Not here: whether to say them (source_check.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import exp

from customer_intel.ingest.judge.numbers import Key, natural
from customer_intel.ingest.read.open_file import printable

_SHARES = {
    "repeated": "{now} of the rows stand twice",
    "alike": "{now} of the rows are alike in all but their key",
    "quarantined": "{now} of the rows cannot be taken",
    "filled": "{column} is filled in {now} of the rows",
    "ahead": "{column} lies after the export's date in {now} of the rows",
    "zero": "{column} is 0 in {now} of the rows",
    "negative": "{column} is negative in {now} of the rows",
    "true": "{column} is true in {now} of the rows",
    "known": "{now} of the values of {column} stood in the export before",
    "distinct": "{column} has {now} as many different values as rows",
    "new_words": "{now} of the rows have a word in {column} that no export had before",
    "new_shapes": "{now} of the values of {column} are written as none was before",
    "whole": "{column} is a whole number in {now} of the rows",
    "garbled": "{now} of the values of {column} were read in a wrong encoding",
    "domain": "{now} of the addresses in {column} are of one domain",
    "day": "{column} lies between 6 and 18 h in {now} of the rows",
    "afternoon": "{column} lies after 12 h in {now} of the rows",
    "word": "one word of {column} stands in {now} of the rows",
}


def unusual(mapping: str, key: Key, value: float, expected: float) -> str:
    """A number that left its own history."""
    check, column, _ = key
    now, usual = natural(check, value), natural(check, expected)
    if check in _SHARES:
        said = _SHARES[check].format(column=column, now=f"{now:.1%}")
        return f"{mapping}: {said}, usually {usual:.1%}"
    times = exp(abs(value - expected))
    by = f"{times:,.0f} times" if times >= 10 else f"{times:.1f} times"
    if check == "rows":
        many = "few" if value < expected else "many"
        return f"{mapping}: {now:,.0f} rows are {many}: {usual:,.0f} were to be expected"
    more = "as large as" if value > expected else "smaller than"
    if check == "amount":
        return f"{mapping}: {column} is typically {now:,.2f}, {by} {more} usual ({usual:,.2f})"
    if check == "age":
        return (
            f"{mapping}: {column} lies typically {now:,.0f} days before the export, usually "
            f"{usual:,.0f}"
        )
    return f"{mapping}: values of {column} are typically {now:.0f} signs long, usually {usual:.0f}"


def swapped(said: str, column: str, other: str) -> str:
    """A number that is unusual for its column and usual for another."""
    return f"{said}; as if {' and '.join(sorted((column, other)))} were swapped"


def unchanged(mapping: str, day: date) -> str:
    """An export that tells nothing new."""
    return (
        f"{mapping}: the export has the content of that of {day}, so nothing new was taken; was an "
        "old file sent again?"
    )


def constant(mapping: str, column: str) -> str:
    """A column of one value."""
    return f"{mapping}: {column} has one and the same value in every row, usually many"


def late(mapping: str, last: date, due: date, said: str, as_of: date) -> str:
    """An export that is due and has not come."""
    days = (as_of - due).days
    since = f"due on {due}" + (f", {days} days ago" if days > 1 else "")
    return f"no export for '{mapping}': {since} ({said}); the last is of {last}"


def never_came(source: str) -> str:
    """A source that is declared and was never seen."""
    return f"no export of '{source}' ever came, though config/sources.yaml expects it"


def few_rows(mapping: str, rows: int, least: int) -> str:
    """Fewer rows than declared."""
    return f"{mapping}: {rows:,} rows, fewer than least_rows {least:,}"


def empty(mapping: str, before: int) -> str:
    """An export without a row."""
    return f"{mapping}: the export is empty; the one before had {before:,} rows"


def fell(mapping: str, rows: int, before: int, fall: float) -> str:
    """A fall beyond what is declared."""
    lost = 1 - rows / before
    return (
        f"{mapping}: {rows:,} rows after {before:,}, {lost:.0%} fewer; greatest_fall is {fall:.0%}"
    )


def unmapped(file: str, reason: str, mappings: Sequence[str]) -> str:
    """A file that nobody takes."""
    known = f"; the source's mappings are {', '.join(mappings)}" if mappings else ""
    return (
        f"{printable(file)}: {reason}{known}: customer-intel inspect FILE writes a mapping, or "
        "widen `files` of one"
    )


def copied(file: str, other: str) -> str:
    """A file whose content another source brought too."""
    return (
        f"{printable(file)} has the content of {printable(other)}, which is another source's: its rows "
        "count for both; take one of them away"
    )


def hidden(file: str) -> str:
    """A file that is not looked at."""
    return f"{printable(file)} is hidden (its name begins with a dot) and was not looked at"
