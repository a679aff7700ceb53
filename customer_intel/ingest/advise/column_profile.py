"""What a column's values are: kinds, date formats, number marks.

Belongs here: values. Not here: taking them from a file (profile_file.py), how the file splits into
columns (sniff.py) and what the columns mean (match_entity.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from customer_intel.core.engine import literal
from customer_intel.ingest.conform.odd_values import SIGNS
from customer_intel.ingest.conform.typing_rules import FIRST_YEAR

ENOUGH = 0.97
# One odd value is a large share of few: among so many rows it does not decide what the others are.
FEW = 6
_NUMBER = re.compile(r"[-+]?(\d[\d.,' \u00a0]*|[.,]\d+)([eE][-+]?\d{1,3})?")
_SIGN = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True)) + "|[A-Z]{3}"
_MARKED = re.compile(
    rf"(?P<before>{_SIGN})?\s?(?P<number>[-+]?\d[\d.,' ]*?)\s?(?P<after>%|{_SIGN})?"
)
# As accountants write what is negative: (45.00), 45.00-, $-45, -$45, 45.00 CR.
_NEGATIVE = re.compile(
    rf"\((?P<inside>[^()]*\d[^()]*)\)|(?P<before>(?:{_SIGN})?\s?\d[\d.,' ]*?\s?(?:{_SIGN})?)(?:-|\s?CR)|"
    rf"(?P<mark>{_SIGN})\s?\((?P<held>[^()]*\d[^()]*)\)|-\s?(?P<sign>(?:{_SIGN}).*)|(?P<lead>{_SIGN})\s?-\s?(?P<rest>\d.*)"
)
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-", "’": "'"})


def _unaccounted(value: str) -> str:
    """An amount with a plain minus in front of its digits, whichever way it is written."""
    text = value.translate(_SPACES).strip()
    match = _NEGATIVE.fullmatch(text)
    if match is None:
        return re.sub(r"\s?DR$", "", text) if re.search(r"\d\s?DR$", text) else text
    if match["held"] is not None:
        return f"{match['mark']}-{match['held']}"
    if match["rest"] is not None:
        return f"{match['lead']}-{match['rest']}"
    body = (match["inside"] or match["before"] or match["sign"]).strip()
    return body if "-" in body else re.sub(r"\d", r"-\g<0>", body, count=1)


_PATTERNS = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}"),
    "url": re.compile(r"(https?://|www\.)\S+", re.IGNORECASE),
    "uuid": re.compile(r"\{?[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?"),
    "json": re.compile(r"[\[{].*[\]}]", re.DOTALL),
    "phone": re.compile(r"(\+|00|\()[\d ()/.\-]{6,}\d|\d{3}[-. ]\d{3,4}[-. ]\d{3,4}"),
    "ip": re.compile(r"\d{1,3}(\.\d{1,3}){3}"),
}
_ISO = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?( ?(Z|UTC|GMT|[+-]\d\d(:?\d\d)?))?)?"
_ISO_PATTERN = re.compile(_ISO)
_OFFSET = re.compile(r"\d\d:\d\d(:\d\d([.,]\d+)?)?( ?[AaPp][Mm])? ?(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)$")
_TIME = re.compile(
    r"(?P<date>.*?\d)(?P<gap>,? | - |T)(?P<hour>\d{1,2}):\d\d(?P<seconds>:\d\d)?(?P<part>\.\d+)?"
    r"(?P<half> ?[AaPp]\.?[Mm]\.?)?(?P<zone> ?(Z|UTC|GMT|[+-]\d\d(:?\d\d)?))?"
)
_BOOLS = {"true", "false", "yes", "no", "y", "n", "t", "f", "0", "1"}
_EPOCHS = {
    10: ("epoch_s", 1),
    13: ("epoch_ms", 1_000),
    16: ("epoch_us", 1_000_000),
    19: ("epoch_ns", 1_000_000_000),
}
WORDY = re.compile(r"[^\W\d_]+([ '.,-]+[^\W\d_]+)+\.?")
# Days since 1899-12-30 as spreadsheets count them, from 1990 to 2079.
_SERIAL = (32_874, 65_745)
_WHEN = re.compile(
    r"date|time|(^|[^a-z])(at|on|ts|day|since|until)($|[^a-z])|[a-z](At|On|Ts|Day)$|created|updated|modified|stamp|epoch",
    re.IGNORECASE,
)
# Dates in years such as these are dates, eight digits in others an id.
_YEARS = (1990, 2040)


@dataclass(frozen=True)
class ColumnProfile:
    """One column. `kind` is what nearly all of its values are; `values` its distinct ones when they
    are few.
    """

    name: str
    rows: int
    filled: int = 0
    distinct: int = 0
    shortest: int = 0
    longest: int = 0
    kind: str = "empty"
    share: float = 1.0
    formats: tuple[str, ...] = ()
    order: str | None = None
    offset: str | None = None
    # Null words; and null words that are values here, as NA is for Namibia.
    nulls: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    decimal: str | None = None
    thousands: str = ""
    symbol: str | None = None
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    stays_text: str | None = None
    has_times: bool = False
    # Signs of currencies or accountants' negatives stand at its numbers.
    is_marked: bool = False
    # Words of letters only, several in most values: names of people or things, never their ids.
    is_wordy: bool = False
    # What further rows of names say of it, such as a survey's question.
    label: str = ""

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.rows > 0 and self.distinct == self.rows

    @property
    def is_time(self) -> bool:
        """Whether its values are dates, timestamps or seconds since 1970."""
        return self.kind in ("date", "timestamp", "epoch")

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in ("int", "decimal")

    @property
    def is_id(self) -> bool:
        """Whether its values may name something."""
        return self.kind in ("int", "text", "uuid") and 0 < self.longest <= 64


@dataclass
class Sampled:
    """A column while it is being looked at: values and how often each stands there.

    `facts` answers SQL aggregates over all of the column's values, `v`.
    """

    profile: ColumnProfile
    values: Sequence[tuple[str, int]]
    facts: Callable[[str], tuple[int, ...]]

    @property
    def total(self) -> int:
        """How many rows hold them."""
        return sum(count for _, count in self.values)

    def nearly(self, share: float, least: float) -> bool:
        """Whether a share of the values is at least `least`, or all but one of them."""
        return share >= least or (self.total >= FEW and share > 1 - 1.5 / self.total)


def kind_of(raw: Sampled, name: str, *, has_names: bool) -> ColumnProfile:
    """The profile with what nearly all values are. Null words are no longer among them."""
    base = raw.profile
    if (
        {value.lower() for value, _ in raw.values} <= _BOOLS
        and len(raw.values) <= 2
        and base.rows > 2
    ):
        return replace(base, kind="bool")
    for kind, pattern in _PATTERNS.items():
        share = _share(raw, pattern)
        if raw.nearly(share, 0.8 if kind in ("email", "phone") else ENOUGH):
            return replace(base, kind=kind, share=share)
    when = bool(_WHEN.search(name)) or not has_names
    if time := _time(raw, when=when):
        return time
    return _amounts(raw) or replace(base, kind="text")


def _amounts(raw: Sampled) -> ColumnProfile | None:
    """Numbers, with signs of one currency or accountants' negatives at some of them; None for others."""
    if _share(raw, _NUMBER) == 1:
        return _number(raw, raw.values, None)
    plain = Sampled(
        raw.profile, [(_unaccounted(value), count) for value, count in raw.values], raw.facts
    )
    read = [(match, count) for value, count in plain.values if (match := _MARKED.fullmatch(value))]
    marks = Counter(mark for match, _ in read if (mark := match["before"] or match["after"]))
    are_read = sum(count for _, count in read) / max(raw.total, 1)
    if len(marks) <= 1 and raw.nearly(are_read, ENOUGH):
        numbers = [(match["number"].strip(), count) for match, count in read]
        symbol = next(iter(marks), None)
        return replace(_number(plain, numbers, symbol), is_marked=True)
    return _number(raw, raw.values, None) if raw.nearly(_share(raw, _NUMBER), 0.9) else None


def _share(raw: Sampled, pattern: re.Pattern[str]) -> float:
    return sum(count for value, count in raw.values if pattern.fullmatch(value)) / max(raw.total, 1)


# ---- numbers


def _number(raw: Sampled, numbers: Sequence[tuple[str, int]], symbol: str | None) -> ColumnProfile:
    texts = [value.translate(_SPACES) for value, _ in numbers]
    if all(re.fullmatch(r"[-+]?\d+\.0", text) for text in texts):
        # Whole numbers that a frame with gaps wrote as floats.
        texts = [text[:-2] for text in texts]
    point = sum(
        1
        for text in texts
        if re.fullmatch(r"[-+]?\d*\.(\d{1,2}|\d{4,})|[-+]?\d{4,}\.\d+|[-+]?0?\.\d+", text)
    )
    comma = sum(
        1
        for text in texts
        if re.fullmatch(r"[-+]?\d*,(\d{1,2}|\d{4,})|[-+]?\d{4,},\d+|[-+]?0?,\d+", text)
    )
    grouped = Counter(
        match[1]
        for text in texts
        if (match := re.fullmatch(r"[-+]?\d{1,3}([.,' ])\d{3}(?:\1\d{3})*(?:[.,]\d+)?", text))
    )
    with_both_marks = [text for text in texts if "," in text and "." in text]
    if with_both_marks:
        last_mark = Counter(
            "," if text.rfind(",") > text.rfind(".") else "." for text in with_both_marks
        ).most_common(1)[0][0]
        point, comma = (
            point + len(with_both_marks) * (last_mark == "."),
            comma + len(with_both_marks) * (last_mark == ","),
        )
    decimal = "," if comma > point else "." if point else None
    group = next((mark for mark, _ in grouped.most_common() if mark != decimal), "")
    if decimal is None and group in (".", ","):
        # 1,234 alone: a thousand or a fraction. Several groups, or nothing else with that many
        # digits, settle it.
        many = any(text.count(group) > 1 for text in texts)
        decimal = ("." if group == "," else ",") if many else "?" + group
    elif decimal and group == "" and all(re.fullmatch(r"[-+]?\d+", text) for text in texts):
        decimal = None
    fractional = decimal in (".", ",") and any(decimal in text for text in texts)
    kind = "decimal" if fractional or any("e" in text.lower() for text in texts) else "int"
    values = [number for text in texts if (number := _float(text, decimal, group)) is not None]
    profile = replace(
        raw.profile, kind=kind, share=_share(raw, _NUMBER) if symbol is None else 1.0, decimal=decimal,
        thousands=group if decimal is not None or group in (" ", "'") else "", symbol=symbol,
        low=min(values, default=None), high=max(values, default=None), stays_text=_stays_text(texts),
    )  # fmt: skip
    return replace(profile, kind="text") if profile.stays_text and kind == "int" else profile


def _float(text: str, decimal: str | None, group: str) -> float | None:
    digits = text.replace(group, "") if group else text
    try:
        return float(digits.replace(" ", "").replace(",", "." if decimal == "," else ""))
    except ValueError:
        return None


def _stays_text(texts: Sequence[str]) -> str | None:
    """Why digits are no number: as one they would lose something."""
    if any(re.fullmatch(r"0\d+", text) for text in texts):
        return "leading zeros"
    if any(re.fullmatch(r"[-+]?\d{16,}", text) for text in texts):
        return "more digits than a number keeps"
    if len(texts) > 2 and all(re.fullmatch(r"\d\.\d+E\+\d{2}", text) for text in texts):
        return "a spreadsheet has cut its digits (1.23E+11); export it again as text"
    return None


# ---- dates and times


def _time(raw: Sampled, *, when: bool) -> ColumnProfile | None:
    iso = _share(raw, _ISO_PATTERN)
    if when and (epoch := _epoch(raw)):
        return epoch
    candidates = {form for value, _ in raw.values for form in _candidates(value, when=when)}
    if mark := _year_first([value for value, _ in raw.values]):
        candidates = {f"%y{mark}%m{mark}%d"}
    forms, order, covered = _cover(raw, candidates) if candidates else ((), None, 0.0)
    if not raw.nearly(iso + covered, 0.9):
        return None
    texts = [value for value, _ in raw.values]
    timed = [value for value in texts if ":" in value]
    offsets = [value for value in timed if _OFFSET.search(value)]
    offset = "all" if timed and len(offsets) == len(timed) else "some" if offsets else "none"
    kind = "timestamp" if timed else "date"
    return replace(
        raw.profile, kind=kind, share=min(iso + covered, 1.0), formats=forms, order=order, offset=offset,
        has_times=any(not re.search(r"[T ,]0?0:00(:00)?", value) for value in timed),
    )  # fmt: skip


def _year_first(values: Sequence[str]) -> str:
    """The mark of dates that begin with a year of two digits: the first number is always nearly the
    same, the last goes through a month. Nothing where they do not.
    """
    found = [re.fullmatch(r"(\d\d)([-/.])(\d\d)\2(\d\d)", value) for value in values]
    if not values or not all(found):
        return ""
    parts = [match for match in found if match]
    firsts, lasts = ({match[place] for match in parts} for place in (1, 4))
    is_plain = len(firsts) <= 2 and len(lasts) >= 4 * len(firsts) and max(map(int, lasts)) <= 31
    return parts[0][2] if is_plain and len({match[2] for match in parts}) == 1 else ""


def _epoch(raw: Sampled) -> ColumnProfile | None:
    numbers = [value for value, _ in raw.values if re.fullmatch(r"\d{5}", value)]
    if len(numbers) == len(raw.values) > 1 and all(
        _SERIAL[0] <= int(value) <= _SERIAL[1] for value in numbers
    ):
        return replace(raw.profile, kind="epoch", formats=("excel_days",), offset="all")
    lengths = Counter(len(value.split(".")[0]) for value, _ in raw.values)
    length, _ = lengths.most_common(1)[0]
    if length not in _EPOCHS or lengths[length] < ENOUGH * len(raw.values):
        return None
    name, scale = _EPOCHS[length]
    earliest, latest = 631_152_000, 2_208_988_800
    fits = [
        re.fullmatch(r"\d+(\.\d+)?", value) and earliest <= float(value) / scale < latest
        for value, _ in raw.values
    ]
    if sum(map(bool, fits)) < ENOUGH * len(fits):
        return None
    return replace(raw.profile, kind="epoch", formats=(name,), offset="all", has_times=True)


def _candidates(value: str, *, when: bool) -> set[str]:
    """strptime formats that a value may be written in, ISO-8601 left out."""
    if _ISO_PATTERN.fullmatch(value):
        return set()
    if re.fullmatch(r"\d{8}", value):
        return {"%Y%m%d"} if when and _YEARS[0] <= int(value[:4]) <= _YEARS[1] else set()
    if re.fullmatch(r"\d{14}", value):
        return {"%Y%m%d%H%M%S"} if when else set()
    day, tail = value, ""
    if match := _TIME.fullmatch(value):
        day, half = match["date"], match["half"]
        tail = match["gap"] + ("%I" if half else "%H") + ":%M" + (":%S" if match["seconds"] else "")
        tail += (".%f" if match["part"] else "") + (
            (" %p" if half[0] == " " else "%p") if half else ""
        )
        zone = match["zone"]
        tail += ("" if not zone else " %z" if zone[0] == " " else "%z") if zone else ""
    lead = ""
    if match := re.match(r"[A-Za-z]{3},? ", day):
        lead, day = "%a" + match[0][3:], day[len(match[0]) :]
    day_formats: set[str] = set()
    if match := re.fullmatch(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})", day):
        mark = match[2]
        if len(match[1]) == 4:
            day_formats = {f"%Y{mark}%m{mark}%d"}
        elif len(match[4]) in (2, 4):
            year = "%Y" if len(match[4]) == 4 else "%y"
            day_formats = {f"%d{mark}%m{mark}{year}", f"%m{mark}%d{mark}{year}"}
    elif match := re.fullmatch(r"(\d{1,2})([-. /]|\. )([A-Za-z]{3,9})([-. /,]+)(\d{4}|\d{2})", day):
        day_formats = {
            f"%d{match[2]}{_month(match[3])}{match[4]}{'%Y' if len(match[5]) == 4 else '%y'}"
        }
    elif match := re.fullmatch(r"([A-Za-z]{3,9}) (\d{1,2})(,? )(\d{4})", day):
        day_formats = {f"{_month(match[1])} %d{match[3]}%Y"}
    return {lead + day_format + tail for day_format in day_formats}


def _month(word: str) -> str:
    return "%b" if len(word) == 3 else "%B"


def _cover(raw: Sampled, candidates: set[str]) -> tuple[tuple[str, ...], str | None, float]:
    """(formats that read the values, day or month first, share of values read), on every row of the
    file.

    When each order reads every value, the order is "day?": it is for others to say.
    """
    names = sorted(candidates)
    reads = ", ".join(
        f"count(*) FILTER (try_strptime(v, {literal(form)}) >= TIMESTAMP '{FIRST_YEAR}-01-01')"
        for form in names
    )
    total, *counts = raw.facts(f"count(*), {reads}")
    read = {form: count for form, count in zip(names, counts, strict=True) if count}
    orders = {form: _order(form) for form in read}
    day = sum(count for form, count in read.items() if orders[form] == "day")
    month = sum(count for form, count in read.items() if orders[form] == "month")
    kept = "day" if day >= month else "month"
    order = None if not day + month else "day?" if day == month else kept
    chosen = {form: count for form, count in read.items() if orders[form] in (None, kept)}
    best = sorted(chosen, key=lambda form: (-chosen[form], form))
    return tuple(best), order, min(sum(chosen.values()) / max(total, 1), 1.0)


def _order(form: str) -> str | None:
    """Whether a format of three numbers puts the day or the month first; None when it cannot be
    mistaken.
    """
    if not re.search(r"%d[-/. ]%m|%m[-/. ]%d", form) or form.startswith("%Y"):
        return None
    return "day" if form.find("%d") < form.find("%m") else "month"


def swapped(form: str) -> str:
    """The same format with day and month in the other order."""
    return (
        form.replace("%d", "%\0").replace("%m", "%d").replace("%\0", "%m") if _order(form) else form
    )
