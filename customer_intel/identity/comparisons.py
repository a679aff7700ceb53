"""How two records are compared: per comparison a ladder of levels, from agreeing to differing, as DuckDB SQL.

One comparison looks at the whole name and one at the whole address: if street, number and postcode counted each for
itself, a family under one roof would be one person. Level 0 of each: one side does not say.
"""

from __future__ import annotations

from dataclasses import dataclass

# What a record is compared by, all text: see records.py.
FIELDS = (
    "first", "root", "middle", "last", "born", "gender", "number", "street", "city", "postcode", "email", "phone",
    "id_number",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """`levels`: (what it says of two records, SQL over a and b, prior chance of it among records of one person).

    The first level that holds counts; the last is whatever is left.
    """

    name: str
    absent: str
    levels: tuple[tuple[str, str, float], ...]

    @property
    def sql(self) -> str:
        """The number of the level: 0 when one side does not say, else 1 to len(levels)."""
        cases = [f"WHEN {self.absent} THEN 0"]
        cases += [f"WHEN {sql} THEN {place}" for place, (_, sql, _) in enumerate(self.levels[:-1], 1)]
        return f"CASE {' '.join(cases)} ELSE {len(self.levels)} END"


def _similar(name: str, least: float) -> str:
    a, b = f"a.{name}", f"b.{name}"
    return f"({a} = {b} OR jaro_winkler_similarity({a}, {b}) >= {least} OR damerau_levenshtein({a}, {b}) <= 1)"


def _missing(*names: str) -> str:
    return " OR ".join("(" + " AND ".join(f"{side}.{name} IS NULL" for name in names) + ")" for side in ("a", "b"))


_FIRST = (
    f"({_similar('first', 0.88)} OR a.root = b.root"
    " OR (length(a.first) = 1 AND starts_with(b.first, a.first))"
    " OR (length(b.first) = 1 AND starts_with(a.first, b.first)))"
)
_LAST = _similar("last", 0.88)
_SWAPPED = "(jaro_winkler_similarity(a.first, b.last) >= 0.9 AND jaro_winkler_similarity(a.last, b.first) >= 0.9)"
_NO_FIRST, _NO_LAST = _missing("first"), _missing("last")
_NAME = Comparison(
    "name",
    _missing("first", "last") + " OR (a.first IS NULL AND b.last IS NULL) OR (a.last IS NULL AND b.first IS NULL)",
    (
        ("the same name", "a.first = b.first AND a.last = b.last", 0.60),
        ("first and last name the other way round", "a.first = b.last AND a.last = b.first", 0.02),
        (
            "the same name in another spelling or short form",
            f"(a.first = b.first AND {_LAST}) OR (a.last = b.last AND {_FIRST})",
            0.17,
        ),
        ("both names in another spelling", f"({_FIRST}) AND {_LAST}", 0.04),
        ("first and last name the other way round, in another spelling", _SWAPPED, 0.01),
        ("the same last name, and one without a first", f"({_NO_FIRST}) AND a.last = b.last", 0.03),
        ("a similar last name, and one without a first", f"({_NO_FIRST}) AND {_LAST}", 0.01),
        ("another last name, and one without a first", _NO_FIRST, 0.01),
        ("the same first name, and one without a last", f"({_NO_LAST}) AND a.first = b.first", 0.03),
        ("a similar first name, and one without a last", f"({_NO_LAST}) AND {_FIRST}", 0.01),
        ("another first name, and one without a last", _NO_LAST, 0.01),
        ("the same first name with another last name", "a.first = b.first", 0.02),
        ("the same last name with another first name", _LAST, 0.01),
        ("a similar first name with another last name", _FIRST, 0.01),
        ("different names", "", 0.02),
    ),
)
_BORN = Comparison(
    "birth date",
    _missing("born"),
    (
        ("the same birth date", "a.born = b.born", 0.88),
        ("birth dates one digit apart", "damerau_levenshtein(a.born, b.born) <= 1", 0.06),
        (
            "birth dates with day and month the other way round",
            "substr(a.born, 1, 4) = substr(b.born, 1, 4) AND substr(a.born, 5, 2) = substr(b.born, 7, 2)"
            " AND substr(a.born, 7, 2) = substr(b.born, 5, 2)",
            0.01,
        ),
        ("birth dates two digits apart", "damerau_levenshtein(a.born, b.born) = 2", 0.02),
        ("different birth dates", "", 0.03),
    ),
)
_STREET = _similar("street", 0.9)
_PLACE = "(a.postcode = b.postcode OR a.city = b.city)"
_ADDRESS = Comparison(
    "address",
    _missing("street", "number", "city", "postcode"),
    (
        ("the same address", f"{_STREET} AND a.number = b.number AND {_PLACE}", 0.55),
        ("the same street and number in another place", f"{_STREET} AND a.number = b.number", 0.08),
        (
            "the same street with a missing or mistyped number",
            f"{_STREET} AND {_PLACE} AND (a.number IS NULL OR b.number IS NULL"
            " OR damerau_levenshtein(a.number, b.number) <= 1)",
            0.06,
        ),
        ("the same place and house number", f"a.number = b.number AND {_PLACE}", 0.03),
        ("the same street with another number", f"{_STREET} AND {_PLACE}", 0.05),
        ("the same street in another place", _STREET, 0.05),
        ("the same place", _PLACE, 0.06),
        ("the same house number", "a.number = b.number", 0.02),
        ("different addresses", "", 0.10),
    ),
)
_EMAIL = Comparison(
    "email",
    _missing("email"),
    (
        ("the same email", "a.email = b.email", 0.70),
        (
            "the same email name at another provider",
            "split_part(a.email, '@', 1) = split_part(b.email, '@', 1)",
            0.05,
        ),
        ("emails two letters apart", "damerau_levenshtein(a.email, b.email) <= 2", 0.10),
        ("similar emails", "jaro_winkler_similarity(a.email, b.email) >= 0.9", 0.03),
        ("different emails", "", 0.12),
    ),
)
_PHONE = Comparison(
    "phone",
    _missing("phone"),
    (
        ("the same phone", "a.phone = b.phone", 0.75),
        ("phones one digit apart", "damerau_levenshtein(a.phone, b.phone) <= 1", 0.10),
        ("different phones", "", 0.15),
    ),
)
_ID = Comparison(
    "id number",
    _missing("id_number"),
    (
        ("the same id number", "a.id_number = b.id_number", 0.85),
        ("id numbers one digit apart", "damerau_levenshtein(a.id_number, b.id_number) <= 1", 0.10),
        ("id numbers two digits apart", "damerau_levenshtein(a.id_number, b.id_number) = 2", 0.02),
        ("different id numbers", "", 0.03),
    ),
)
_MIDDLE = Comparison(
    "middle name",
    _missing("middle"),
    (
        ("the same middle name", "a.middle = b.middle", 0.75),
        (
            "a fitting middle initial",
            "substr(a.middle, 1, 1) = substr(b.middle, 1, 1) AND least(length(a.middle), length(b.middle)) = 1"
            " OR jaro_winkler_similarity(a.middle, b.middle) >= 0.88",
            0.15,
        ),
        ("different middle names", "", 0.10),
    ),
)
_GENDER = Comparison(
    "gender", _missing("gender"), (("the same gender", "a.gender = b.gender", 0.97), ("different genders", "", 0.03))
)

COMPARISONS = (_NAME, _BORN, _ADDRESS, _EMAIL, _PHONE, _ID, _MIDDLE, _GENDER)

# First names that cannot be one person's: no spelling, no letters in another order, no short form, no initial, not
# given and family name swapped.
FIRST_NAMES_DIFFER = (
    "coalesce(a.first <> b.first AND coalesce(a.root <> b.root, true)"
    " AND jaro_winkler_similarity(a.first, b.first) < 0.8 AND damerau_levenshtein(a.first, b.first) > 1"
    " AND jaccard(a.first, b.first) < 0.6"
    " AND NOT (least(length(a.first), length(b.first)) = 1 AND substr(a.first, 1, 1) = substr(b.first, 1, 1))"
    " AND coalesce(a.first <> b.middle, true) AND coalesce(b.first <> a.middle, true)"
    " AND coalesce(jaro_winkler_similarity(a.first, b.last) < 0.8, true)"
    " AND coalesce(jaro_winkler_similarity(a.last, b.first) < 0.8, true), false)"
)

# Two records are compared when they agree in one of these.
BLOCKS = (
    ("email",), ("phone",), ("id_number",), ("born",), ("first", "last"), ("last", "postcode"), ("first", "postcode"),
    ("last", "city"), ("first", "city"), ("street", "number"), ("number", "postcode"),
    ("substr(born, 1, 6)", "substr(first, 1, 2)"), ("substr(born, 1, 6)", "substr(last, 1, 2)"),
    ("substr(born, 5)", "last"), ("substr(born, 5)", "first"), ("substr(first, 1, 3)", "substr(last, 1, 3)"),
    ("root", "last"), ("split_part(email, '@', 1)",),
)  # fmt: skip
