"""What the columns of any list of people are: told by their names and by their values, as a mapping
to contacts.

Belongs here: which column is the first name, the birth date, the house number, …; what was left and
what it would have brought. Not here: forms of values (person_values.py), SQL (person_sql.py), writing
a landing (person_home.py), names of columns (person_headers.py).

A column is taken for what its name says only where its values can be that; without a telling name
only forms that nothing else has decide (mail addresses, marked phone numbers, births, numbers of
authorities, postcodes). A column that says who a record is must be named in `without`: a list of
people has no better identifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from customer_intel.core.contract.model import suggestion
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.identity.records import person_sql
from customer_intel.identity.records.person_headers import known_apart, known_headers, named, plain
from customer_intel.identity.records.person_values import Values, fits

# What a user's mapping calls a column → the role it has here.
FIELDS = {
    "record_key": "record_key", "first_name": "first_name", "middle_name": "middle_name", "last_name": "last_name",
    "last_name_2": "last_name_2", "suffix": "suffix", "full_name": "full_name", "birth_date": "birth_date",
    "birth_year": "birth_year", "birth_month": "birth_month", "birth_day": "birth_day", "birth_place": "birth_place",
    "gender": "gender", "street_number": "house_number", "street": "street", "street_2": "street_2", "unit": "unit",
    "city": "city", "state": "state", "postal_code": "postal_code", "country": "country", "email": "email",
    "secondary_email": "email_2", "phone": "phone", "mobile_phone": "phone_2", "area_code": "area_code",
    "id_number": "id_number", "occupation": "job_title", "company_name": "company_name", "source": "source",
}  # fmt: skip
# Roles that alone leave nobody to compare.
_ALONE = {
    "record_key",
    "gender",
    "salutation",
    "suffix",
    "unit",
    "source",
    "country",
    "state",
    "area_code",
}
# What stands for nothing where a file writes it in several columns.
_NULLS = ("NULL", "null", "None", "nan", "NaN", "NA", "N/A", "n/a", "#N/A", "\\N", "<NA>")
# Headers that mean a whole name, a first or a last one, by what stands beside them.
_NAMES = {"name", "nombre", "nome", "nom", "naam"}
# Headers of a house number only beside a street.
_NUMBERS = {"nr", "no", "num", "number", "numero", "n"}
# Roles whose columns' values alone tell them: role → form, share of values that must have it.
_BY_VALUE = (
    ("email", "email", 0.8), ("email_2", "email", 0.8), ("id_number", "id_form", 0.8), ("phone", "marked_phone", 0.8),
    ("phone_2", "marked_phone", 0.8), ("postal_code", "marked_postcode", 0.8), ("street", "street", 0.8),
)  # fmt: skip
_MOST_NAMED = 0.55
_BITS = 7.0


@dataclass(frozen=True)
class Unused:
    """A column that no comparison uses. `looks_like`: what it probably is; `filled`: share of rows;
    `distinct`: different values; `bits`: what sharing a value would say; `brings`: "identifies",
    "says little" or "same as" a column that is used.
    """

    column: str
    looks_like: str
    filled: float
    distinct: int
    bits: float
    brings: str

    @property
    def sentence(self) -> str:
        """The column in one line, without a value of it."""
        different = f"{self.distinct:,} different" if self.distinct != 1 else "one"
        return f"{self.column} ({self.looks_like}; {self.filled:.0%} filled, {different}): {self.brings}"


@dataclass(frozen=True)
class PersonColumns:
    """A list's columns as contacts have them. `mapping`: contacts' column → SQL over the list's;
    `roles`: what a person has → the list's column; `key`: the column that names the records, None
    for their place in the list; `nulls`: texts that stand for nothing; `source`: the column of
    sources that list a person at most once each.
    """

    mapping: dict[str, str]
    roles: dict[str, str]
    key: str | None = None
    source: str | None = None
    nulls: tuple[str, ...] = ()
    unused: tuple[Unused, ...] = ()


def guessed(frame: pl.DataFrame, without: Sequence[str] = ()) -> PersonColumns:
    """What the list's columns are, by names and values; `without` are not looked at.

    Raises ConfigError when no column identifies a person.
    """
    names = [name for name in frame.columns if name not in without]
    nulls = _nulls(frame.select(names))
    values = _values(frame, names, nulls)
    return _built(_Guess(values).roles(), values, nulls)


def mapped(
    frame: pl.DataFrame, fields: Mapping[str, str], without: Sequence[str] = ()
) -> PersonColumns:
    """As a user's mapping says: FIELDS → the list's columns.

    Raises ConfigError for a field or column that does not exist, a record_key that is empty or
    repeats, and a mapping that leaves nothing to compare.
    """
    for name, column in fields.items():
        if name not in FIELDS:
            raise ConfigError(f"'{name}' is no field of a record{suggestion(name, FIELDS)}")
        if column not in frame.columns:
            raise ConfigError(
                f"{name}: there is no column '{column}'{suggestion(column, frame.columns)}"
            )
    names = [name for name in frame.columns if name not in without or name in fields.values()]
    nulls = _nulls(frame.select(names))
    values = _values(frame, names, nulls)
    roles = {FIELDS[name]: column for name, column in fields.items()}
    if (key := roles.get("record_key")) and not values[key].is_key:
        raise ConfigError(f"column '{key}' is empty or repeats; it cannot name the records")
    return _built(roles, values, nulls)


def _built(
    roles: dict[str, str], values: Mapping[str, Values], nulls: tuple[str, ...]
) -> PersonColumns:
    if not set(roles) - _ALONE:
        raise ConfigError(
            f"no column identifies a person; name some in a mapping ({', '.join(FIELDS)})"
        )
    key, source = roles.get("record_key"), roles.get("source")
    compared = {
        role: column for role, column in roles.items() if role not in ("record_key", "source")
    }
    mapping = person_sql.contacts(compared, values)
    used = {column for column in values if any(f'"{column}"' in sql for sql in mapping.values())}
    left = [column for column in values if column not in used | {key, source}]
    return PersonColumns(
        mapping=mapping,
        roles={role: column for role, column in roles.items() if column in used | {key, source}},
        key=key,
        source=source,
        nulls=nulls,
        unused=tuple(
            _unused(values[column], [values[name] for name in sorted(used)]) for column in left
        ),
    )


def _nulls(frame: pl.DataFrame) -> tuple[str, ...]:
    """Words for nothing that stand in two columns or more, one of them of numbers, dates or
    addresses: among names alone, Nan and Null are names.
    """
    texts = frame.select(pl.col(pl.String))
    found = []
    for word in _NULLS:
        hits = [column for column in texts.columns if bool((texts[column] == word).any())]
        others = [texts[name].filter(texts[name] != word) for name in hits]
        if len(hits) >= 2 and any(not fits("first_name", Values("", rest)) for rest in others):
            found.append(word)
    return tuple(found)


def _values(frame: pl.DataFrame, names: Iterable[str], nulls: tuple[str, ...]) -> dict[str, Values]:
    text = frame.select(pl.col(name).cast(pl.String).str.strip_chars() for name in names)
    text = text.select(
        pl.when((pl.col(name) != "") & ~pl.col(name).is_in(nulls)).then(pl.col(name))
        for name in text.columns
    )
    return {name: Values(name, text[name]) for name in text.columns}


class _Guess:
    """One list's columns, each given at most one role."""

    def __init__(self, values: Mapping[str, Values]) -> None:
        self.values = values
        self.found: dict[str, str] = {}
        self.names: list[str] = []

    def roles(self) -> dict[str, str]:
        """Role → column."""
        self._by_name()
        self._whole_names()
        self._titles()
        self._by_value()
        if "record_key" not in self.found:
            self._key()
        # Only a user can say that no source lists a person twice.
        self.found.pop("source", None)
        if "gender" in self.found:
            self.found.pop("salutation", None)
        return self.found

    def _titles(self) -> None:
        """A column called title that holds no form of address is of positions."""
        title = self._of("salutation")
        if title and not title.genders:
            del self.found["salutation"]
            self.found.setdefault("job_title", title.name)

    @property
    def taken(self) -> set[str]:
        return set(self.found.values())

    def _by_name(self) -> None:
        offers = sorted(
            (-score, rank, place, role, column)
            for place, column in enumerate(self.values)
            for role, score, rank in set(named(column))
        )
        more = {"email": "email_2", "phone": "phone_2", "phone_2": "phone"}
        for negative, _, _, role, column in offers:
            if column in self.taken or column in self.names or not fits(role, self.values[column]):
                continue
            if role == "birth_date" and negative > -_MOST_NAMED and self._is_another_day(column):
                continue
            if role == "full_name":
                self.names.append(column)
                continue
            if (
                "".join(plain(column)) in _NUMBERS
                and role == "house_number"
                and "street" not in self.found
            ):
                continue
            if role in self.found and -negative >= 0.85:
                role = more.get(role, role)
            if role not in self.found and -negative >= 0.2 and not self._is_told(role, column):
                self.found[role] = column

    def _is_told(self, role: str, column: str) -> bool:
        """Whether a second address or number is the first again."""
        first = self._of(role.removesuffix("_2")) if role.endswith("_2") else None
        return first is not None and first.same_as(self.values[column])

    def _is_another_day(self, column: str) -> bool:
        return bool(set(plain(column)) & known_headers()[1]["not_births"])

    def _whole_names(self) -> None:
        """Headers such as `name`: the whole name, or the part that stands nowhere else."""
        for column in list(self.names):
            if "".join(plain(column)) not in _NAMES:
                continue
            first, last = (self._of(role) for role in ("first_name", "last_name"))
            values = self.values[column]
            if first and not last and values.contains(first) < 0.3:
                self.found["last_name"] = column
            elif last and not first and values.contains(last) < 0.3:
                self.found["first_name"] = column
            elif not (first and last and values.contains(last) < 0.3):
                continue
            self.names.remove(column)
        if not self.names:
            return
        parts = [self._of(role) for role in ("first_name", "last_name")]
        lacking = pl.Series([True] * len(next(iter(self.values.values())).series))
        if all(parts):
            lacking = pl.DataFrame(
                [part.series.is_null() for part in parts if part]
            ).max_horizontal()

        def worth(column: str) -> tuple[int, float, int]:
            values = self.values[column]
            there = int((values.series.is_not_null() & lacking).sum())
            length = float(values.sample.str.len_chars().mean() or 0)  # type: ignore[arg-type]
            return (-there, length, self.names.index(column))

        self.found["full_name"] = min(self.names, key=worth)

    def _of(self, role: str) -> Values | None:
        return self.values[self.found[role]] if role in self.found else None

    def _by_value(self) -> None:
        """What has no telling name, by forms that nothing else has."""
        for column, values in self.values.items():
            is_free = column not in self.taken and column not in self.names
            if not is_free or not values.filled or values.distinct < 2:
                continue
            if set(plain(column)) & known_headers()[1]["others"]:
                continue
            for role, form, least in _BY_VALUE:
                if role in self.found or (form == "marked_phone" and values.share("date") >= 0.5):
                    continue
                if values.share(form) >= least and not self._is_told(role, column):
                    self.found[role] = column
                    break
            else:
                self._births_or_id(column, values)

    def _births_or_id(self, column: str, values: Values) -> None:
        parts = {"birth_date", "birth_year"}
        if not parts & set(self.found) and values.births >= 25 and not self._is_another_day(column):
            self.found["birth_date"] = column
        elif "gender" not in self.found and {"male", "female"} <= set(values.genders.values()):
            self.found["gender"] = column
        elif (
            "id_number" not in self.found
            and values.share("nine_digits") >= 0.9
            and values.distinct > 0.3 * values.filled
            and not values.is_key
            and not values.is_row_number
            and not _is_called_id(column)
        ):
            self.found["id_number"] = column

    def _key(self) -> None:
        """A column called an id, different in every row."""
        for column, values in self.values.items():
            is_free = column not in self.taken and column not in self.names
            is_index = not column.strip() or column.lower().startswith("unnamed")
            if is_free and (_is_called_id(column) or is_index) and values.is_key:
                self.found["record_key"] = column
                return


def _is_called_id(column: str) -> bool:
    return bool(
        {"id", "key", "uid", "uuid", "guid", "cluster", "entity", "nr"} & set(plain(column))
    )


# ---- what was left


def _unused(values: Values, used: Sequence[Values]) -> Unused:
    same = next((other.name for other in used if _may_be_same(values, other)), None)
    if same:
        brings = f"same as {same}"
    elif values.distinct == values.filled or values.bits < _BITS:
        # Where no two rows share a value, none says that two are one.
        brings = "says little"
    else:
        brings = "identifies"
    return Unused(
        column=values.name,
        looks_like=_looks_like(values),
        filled=values.filled_share,
        distinct=values.distinct,
        bits=round(values.bits, 1),
        brings=brings,
    )


def _may_be_same(values: Values, other: Values) -> bool:
    near = 0.8 * other.distinct <= values.distinct <= 1.25 * other.distinct
    return values.distinct > 1 and near and values.same_as(other)


def _looks_like(values: Values) -> str:
    """What an unused column probably holds, in words."""
    if not values.filled:
        return "nothing"
    if values.distinct == 1:
        return "one value in every row"
    words = set(plain(values.name))
    for what, listed in known_apart().items():
        if words & listed:
            return what
    offers = sorted(named(values.name), key=lambda offer: (-offer[1], offer[2]))
    for role, score, _ in offers:
        if role == "source" and values.distinct <= 50:
            return "names of systems (a mapping's `source` says that each lists a person once)"
        if score >= 0.5 and role not in ("record_key", "source") and fits(role, values):
            return f"another {role.removesuffix('_2').replace('_', ' ')}"
    if words & known_headers()[1]["others"]:
        return "something of another person"
    if values.is_row_number:
        return "row numbers"
    for form, what in (
        ("email", "email addresses"),
        ("date", "dates"),
        ("phone", "numbers"),
        ("digits", "numbers"),
    ):
        if values.share(form) >= 0.8:
            return "ids" if what == "numbers" and _is_called_id(values.name) else what
    if _is_called_id(values.name):
        return "ids"
    return f"one of {values.distinct} words" if values.distinct <= 50 else "text"
