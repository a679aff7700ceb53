"""Comparison levels: each comparison of two records as a ladder from agreeing to differing, as
DuckDB SQL.

One comparison looks at the whole name and one at the whole address: if street, number and postcode
counted each for itself, a family under one roof would be one person. Level 0 of each: one side does
not say.
"""

from __future__ import annotations

from customer_intel.identity.matching.comparison import Comparison, edits, missing, similar

# What a record is compared by, all text (linking/comparable.py makes it). `given`: all given names; `email`, `phone`:
# the person's own, and a further one of each; `office`: a value of several (switchboard, landline, function's mailbox);
# `organisation`: the name of a record that is no person; `source`: only of a source that lists each person once.
FIELDS = (
    "first", "given", "root", "roots", "middle", "last", "suffix", "born", "gender", "number", "unit", "street",
    "city", "postcode", "email", "email_2", "phone", "phone_2", "office", "login", "id_number", "birth_place",
    "occupation", "company", "organisation", "source", "first_sound", "last_sound",
)  # fmt: skip


def _part_of() -> str:
    """One is a whole word at the start or end of the other: of two family names only one is used."""
    sides = (("a", "b"), ("b", "a"))
    return " OR ".join(
        f"({long}.is_double AND length({short}.last) >= 3 AND ("
        + " OR ".join(
            f"{where}_with({long}.last, {word})"
            for mark in (" ", "-")
            for where, word in (
                ("starts", f"{short}.last || '{mark}'"),
                ("ends", f"'{mark}' || {short}.last"),
            )
        )
        + "))"
        for short, long in sides
    )


_INITIAL = (
    "((length(a.first) = 1 AND starts_with(b.first, a.first))"
    " OR (length(b.first) = 1 AND starts_with(a.first, b.first)))"
)
# A short form may stand for several names: Nick for Nicholas and for Nikolaus.
_ANY_ROOT = "list_has_any(string_split(a.roots, '|'), string_split(b.roots, '|'))"
# Of several given names only some are used: Carmen for Maria del Carmen, Jeanpierre for Jean Pierre.
_PART_OF_GIVEN = (
    "(list_has_all(string_split(a.given, ' '), string_split(b.given, ' '))"
    " OR list_has_all(string_split(b.given, ' '), string_split(a.given, ' '))"
    " OR replace(a.given, ' ', '') = replace(b.given, ' ', ''))"
)
# Worked out once per pair, before the levels: what several of them ask.
SIMILARITIES = {
    "jw_first": (
        "CASE WHEN a.first = b.first THEN 1 ELSE jaro_winkler_similarity(a.first, b.first) END"
    ),
    "jw_last": "CASE WHEN a.last = b.last THEN 1 ELSE jaro_winkler_similarity(a.last, b.last) END",
    "jw_email": (
        "CASE WHEN a.email = b.email THEN 1 ELSE jaro_winkler_similarity(a.email, b.email) END"
    ),
    "jw_street": (
        "CASE WHEN a.street = b.street THEN 1 ELSE jaro_winkler_similarity(a.street, b.street) END"
    ),
}
# CASE stops at the first condition that decides; AND and OR elsewhere evaluate every part.
FACTS = {
    "like_first": f"CASE WHEN a.first_digits <> b.first_digits THEN false WHEN {similar('first', 'jw_first', 0.88)}"
    " AND (jw_first >= 0.94 OR damerau_levenshtein(a.first, b.first) <= 2)"
    " OR a.first_sound = b.first_sound THEN true ELSE false END",
    "like_last": (
        f"CASE WHEN a.last_digits <> b.last_digits THEN false WHEN {similar('last', 'jw_last', 0.88)} OR {_part_of()}"
        " OR a.last_sound = b.last_sound THEN true ELSE false END"
    ),
    "is_short": (
        f"CASE WHEN a.root = b.root OR {_INITIAL} THEN true"
        f" WHEN contains(a.given, ' ') OR contains(b.given, ' ') THEN {_PART_OF_GIVEN} OR {_ANY_ROOT}"
        f" WHEN contains(a.roots, '|') OR contains(b.roots, '|') THEN {_ANY_ROOT} ELSE false END"
    ),
    # In a short name before the @ a letter makes another person: jb@, ja@.
    "near_email": (
        "CASE WHEN jw_email < 0.88 OR abs(length(a.email) - length(b.email)) > 2 THEN false"
        " WHEN a.email_local = b.email_local THEN damerau_levenshtein(a.email, b.email) <= 2"
        " WHEN a.is_name_mailbox AND b.is_name_mailbox THEN false"
        " WHEN least(length(a.email_local), length(b.email_local)) < 5 THEN false"
        " ELSE damerau_levenshtein(a.email, b.email) <="
        " CASE WHEN least(length(a.email_local), length(b.email_local)) < 8 THEN 1 ELSE 2 END END"
    ),
    "like_street": (
        "CASE WHEN jw_street >= 0.9 THEN true WHEN abs(length(a.street) - length(b.street)) > 1"
        " OR length(a.street) = 1 OR length(b.street) = 1"
        " OR (jw_street < 0.65 AND length(a.street) > 4) THEN false"
        " ELSE damerau_levenshtein(a.street, b.street) <= 1 END"
    ),
    "years_apart": (
        "CASE WHEN a.born = b.born THEN 0 ELSE coalesce(abs(TRY_CAST(substr(a.born, 1, 4) AS "
        "INTEGER) - TRY_CAST(substr(b.born, 1, 4) AS INTEGER)), 0) END"
    ),
}
_SWAPPED = (
    "(coalesce(a.first_digits = b.last_digits AND a.last_digits = b.first_digits, true)"
    " AND jaro_winkler_similarity(a.first, b.last) >= 0.9 AND jaro_winkler_similarity(a.last, b.first) >= 0.9)"
)
_LONE = " OR ".join(
    f"({one}.{lacks} IS NULL AND {one}.{has} = {two}.{lacks})"
    for one, two in (("a", "b"), ("b", "a"))
    for lacks, has in (("last", "first"), ("first", "last"))
)
_NO_FIRST, _NO_LAST = missing("first"), missing("last")
# Eric and Erin: near in letters, and each borne by many.
_BOTH_NAMES = (
    "(a.first <> b.first AND a.is_name AND b.is_name AND NOT is_short"
    " AND coalesce(a.first_sound <> b.first_sound, true))"
)
_NAME = Comparison(
    "name",
    missing("first", "last")
    + " OR (a.first IS NULL AND b.last IS NULL) OR (a.last IS NULL AND b.first IS NULL)",
    (
        ("the same name", "a.first = b.first AND a.last = b.last", 0.60),
        ("first and last name the other way round", "a.first = b.last AND a.last = b.first", 0.02),
        (
            "the same first name, and the last in another spelling",
            "a.first = b.first AND like_last",
            0.08,
        ),
        (
            "the same last name, and the first in a short form",
            f"a.last = b.last AND is_short AND NOT {_INITIAL}",
            0.04,
        ),
        ("the same last name, and a fitting initial", "a.last = b.last AND is_short", 0.04),
        (
            "the same last name, and first names alike that are names of their own",
            f"like_last AND like_first AND {_BOTH_NAMES}",
            0.01,
        ),
        (
            "the same last name, and the first in another spelling",
            "a.last = b.last AND like_first",
            0.08,
        ),
        ("both names in another spelling", "like_last AND (like_first OR is_short)", 0.03),
        ("first and last name the other way round, in another spelling", _SWAPPED, 0.01),
        ("the only name of one stands in the other place of the other", _LONE, 0.01),
        ("the same last name, and one without a first", f"({_NO_FIRST}) AND a.last = b.last", 0.03),
        ("a similar last name, and one without a first", f"({_NO_FIRST}) AND like_last", 0.01),
        ("another last name, and one without a first", _NO_FIRST, 0.01),
        (
            "the same first name, and one without a last",
            f"({_NO_LAST}) AND a.first = b.first",
            0.03,
        ),
        (
            "a similar first name, and one without a last",
            f"({_NO_LAST}) AND (like_first OR is_short)",
            0.01,
        ),
        ("another first name, and one without a last", _NO_LAST, 0.01),
        ("the same first name with another last name", "a.first = b.first", 0.02),
        ("the same last name with another first name", "like_last", 0.01),
        ("a similar first name with another last name", "like_first OR is_short", 0.01),
        ("different names", "", 0.02),
    ),
    sharing=(("first", (1, 3, 14, 17)), ("last", (4, 5, 7, 11))),
    below=((3, 1), (7, 1), (6, 7), (8, 3), (8, 4), (8, 7), (9, 2)),
    rare=tuple(range(1, 13)),
    most=((6, 4.0), (11, 6.0), (12, 4.0)),
    family=((13, -2.0), (16, -4.0), (18, -4.0), (20, -6.0)),
    # At one address a shared last name says "family", not "same person": without a first name,
    # whatever initial comes with it ("Child J Wolfe"), it must not identify.
    roof=(
        (4, 9.0),
        (5, 9.0),
        (6, -4.0),
        (7, 9.0),
        (8, 9.0),
        (11, -6.0),
        (12, -6.0),
        (13, -6.0),
        (16, -6.0),
        (17, 1.0),
        (18, -6.0),
        (19, -1.0),
        (20, -6.0),
    ),
)
_APART = "length(a.born) = length(b.born) AND hamming(a.born, b.born)"
# A generation: father and son, not a slip in a digit.
_GENERATION = "years_apart BETWEEN 15 AND 60"
_ONE_YEAR = "substr(a.born, 1, 4) = substr(b.born, 1, 4)"
# 1 January stands for a year of which no day is known.
_NO_DAY = "(length(a.born) = 4 OR length(b.born) = 4 OR substr(a.born, 5) = '0101' OR substr(b.born, 5) = '0101')"
_BORN = Comparison(
    "birth date",
    missing("born"),
    (
        ("the same birth date", f"a.born = b.born AND NOT {_NO_DAY}", 0.86),
        (
            "birth dates one digit apart",
            f"NOT ({_GENERATION}) AND NOT {_NO_DAY} AND ({_APART} = 1 OR ({_APART} = 2"
            " AND damerau_levenshtein(a.born, b.born) = 1))",
            0.06,
        ),
        (
            "birth dates with day and month the other way round",
            f"{_ONE_YEAR} AND substr(a.born, 5, 2) = substr(b.born, 7, 2)"
            " AND substr(a.born, 7, 2) = substr(b.born, 5, 2)",
            0.01,
        ),
        ("the same birth year, one without a day", f"{_ONE_YEAR} AND {_NO_DAY}", 0.02),
        (
            "birth dates two digits apart",
            f"NOT ({_GENERATION}) AND NOT {_NO_DAY} AND {_APART} = 2",
            0.02,
        ),
        (
            "the same day, a generation apart",
            f"({_GENERATION}) AND NOT {_NO_DAY} AND substr(a.born, 5) = substr(b.born, 5)",
            0.005,
        ),
        ("different birth dates", f"NOT ({_GENERATION}) AND NOT {_NO_DAY}", 0.03),
        ("another birth year, one without a day", f"NOT ({_GENERATION})", 0.02),
        ("births a generation apart", "", 0.005),
    ),
    rare=(1, 2, 3),
    same=(("born",),),
)
# What the two said at one time, though one of them says something else today.
_EARLIER = " OR contains(earlier, '{}')"
_STREET = "like_street"
_PLACE = "(a.postcode = b.postcode OR a.city = b.city)"
_ADDRESS = Comparison(
    "address",
    missing("street", "number", "city", "postcode"),
    (
        (
            "the same address",
            (
                f"a.number = b.number AND {_STREET} AND {_PLACE} AND a.unit IS NOT DISTINCT FROM "
                "b.unit"
            ),
            0.50,
        ),
        (
            "the same address, and one without a unit",
            (
                f"a.number = b.number AND {_STREET} AND {_PLACE} AND (a.unit IS NULL OR b.unit IS "
                "NULL)"
            ),
            0.04,
        ),
        (
            "the same building, and another unit",
            f"a.number = b.number AND {_STREET} AND {_PLACE}",
            0.02,
        ),
        ("the same street and number in another place", f"a.number = b.number AND {_STREET}", 0.07),
        (
            "the same street with a missing or mistyped number",
            f"{_PLACE} AND {_STREET} AND (a.number IS NULL OR b.number IS NULL"
            " OR damerau_levenshtein(a.number, b.number) <= 1)",
            0.06,
        ),
        ("the same place and house number", f"a.number = b.number AND {_PLACE}", 0.03),
        ("the same street with another number", f"{_PLACE} AND {_STREET}", 0.05),
        ("the same street in another place", _STREET, 0.05),
        ("the same postcode", "a.postcode = b.postcode", 0.04),
        ("the same city", "a.city = b.city", 0.03),
        ("the same house number", "a.number = b.number", 0.02),
        ("different addresses", "", 0.10),
    ),
    same=(("number",), ("street",), ("postcode", "city")),
    rare=(1, 2, 3, 4, 5, 6),
    # Whole towns share a postcode. Main Street 12 there is in every town.
    most=((4, 6.0), (9, 6.0), (10, 2.0), (11, 2.0)),
)
# Mailboxes made of the name are alike wherever the names are.
_OF_NAME = "(a.is_name_mailbox AND b.is_name_mailbox)"
_SAME_EMAIL = (
    "a.email = b.email OR a.email = b.email_2 OR a.email_2 = b.email OR a.email_2 = b.email_2"
)
_EMAIL = Comparison(
    "email",
    f"({missing('email')}) AND NOT coalesce(contains(earlier, 'email'), false)",
    (
        ("the same email", _SAME_EMAIL + _EARLIER.format("email"), 0.70),
        (
            "the same email but for its digits",
            ("jw_email >= 0.8 AND a.email_letters = b.email_letters"),
            0.02,
        ),
        (
            "the same email name at another provider",
            f"a.email_local = b.email_local AND NOT ({_OF_NAME} AND NOT near_email)",
            0.05,
        ),
        ("emails two letters apart", "near_email", 0.10),
        ("similar emails", f"jw_email >= 0.9 OR {_OF_NAME}", 0.03),
        ("different emails", "", 0.12),
    ),
    same=(("email",),),
    # Namesakes make up the same mailbox: anna.bell1, anna.bell2, and at every provider; relatives a
    # similar one.
    below=((4, 1), (5, 4)),
    rare=(1, 2, 3, 4),
    most=((2, 1.0), (3, 7.0), (5, 0.5)),
)
_SAME_PHONE = (
    "a.phone = b.phone OR a.phone = b.phone_2 OR a.phone_2 = b.phone OR a.phone_2 = b.phone_2"
)
_PHONE = Comparison(
    "phone",
    f"({missing('phone')}) AND NOT coalesce(contains(earlier, 'phone'), false)",
    (
        ("the same phone", _SAME_PHONE + _EARLIER.format("phone"), 0.75),
        ("phones one digit apart", edits("phone", 1), 0.10),
        ("different phones", "", 0.15),
    ),
    rare=(1, 2),
    same=(("phone",),),
)
_ONE_OFFICE = (
    "a.office = b.office OR ((contains(a.office, '|') OR contains(b.office, '|'))"
    " AND list_has_any(string_split(a.office, '|'), string_split(b.office, '|')))"
)
_OFFICE = Comparison(
    "shared contact",
    "a.office IS NULL OR b.office IS NULL",
    (("the same shared contact", _ONE_OFFICE, 0.6), ("other shared contacts", "", 0.4)),
    rare=(1,),
    same=(("office",),),
    # An office, a household: it makes namesakes unlikely, no more.
    most=((1, 6.0),),
)
_LOGIN = Comparison(
    "login",
    missing("login"),
    (("the same login", "a.login = b.login", 0.9), ("different logins", "", 0.1)),
    rare=(1,),
    same=(("login",),),
)
_ID = Comparison(
    "id number",
    missing("id_number"),
    (
        ("the same id number", "a.id_number = b.id_number", 0.85),
        ("id numbers one digit apart", edits("id_number", 1), 0.10),
        ("id numbers two digits apart", edits("id_number", 2, least=0.6), 0.02),
        ("different id numbers", "", 0.03),
    ),
    rare=(1, 2, 3),
    same=(("id_number",),),
)
_MIDDLE = Comparison(
    "middle name",
    missing("middle"),
    (
        ("the same middle name", "a.middle = b.middle", 0.75),
        (
            "a fitting middle initial",
            "substr(a.middle, 1, 1) = substr(b.middle, 1, 1) AND least(length(a.middle), "
            "length(b.middle)) = 1"
            " OR jaro_winkler_similarity(a.middle, b.middle) >= 0.88",
            0.15,
        ),
        ("different middle names", "", 0.10),
    ),
)
_GENDER = Comparison(
    "gender",
    missing("gender"),
    (("the same gender", "a.gender = b.gender", 0.97), ("different genders", "", 0.03)),
)
_BIRTH_PLACE = Comparison(
    "birth place",
    missing("birth_place"),
    (
        ("the same birth place", "a.birth_place = b.birth_place", 0.80),
        ("a similar birth place", similar("birth_place", "jaro_winkler_similarity(a.birth_place, b.birth_place)", 0.9),
         0.08),
        ("different birth places", "", 0.12),
    ),
    same=(("birth_place",),),
)  # fmt: skip
_OCCUPATION = Comparison(
    "occupation",
    missing("occupation"),
    (
        ("the same occupation", "a.occupation = b.occupation", 0.60),
        ("different occupations", "", 0.40),
    ),
    same=(("occupation",),),
    most=((1, 4.0),),
)
_COMPANY = Comparison(
    "organisation",
    missing("company"),
    (
        ("the same organisation", "a.organisation = b.organisation", 0.30),
        ("people of the same organisation", "a.company = b.company", 0.40),
        ("different organisations", "", 0.30),
    ),
    rare=(1,),
    same=(("organisation",),),
    most=((2, 6.0),),
)
_SUFFIX = Comparison(
    "generation",
    "a.suffix IS NULL AND b.suffix IS NULL",
    (
        ("the same generation", "a.suffix = b.suffix", 0.6),
        ("a generation that only one says", "a.suffix IS NULL OR b.suffix IS NULL", 0.39),
        ("different generations", "", 0.01),
    ),
    is_evidence=False,
)
_NAMELESS = Comparison(
    "nameless",
    "a.is_named AND b.is_named",
    (("one without a name", "a.is_named OR b.is_named", 0.5), ("both without a name", "", 0.5)),
    is_evidence=False,
)

COMPARISONS = (
    _NAME, _BORN, _ADDRESS, _EMAIL, _PHONE, _ID, _MIDDLE, _GENDER, _LOGIN, _OFFICE, _BIRTH_PLACE, _OCCUPATION,
    _COMPANY, _SUFFIX, _NAMELESS,
)  # fmt: skip
PLACE = {comparison.name: place for place, comparison in enumerate(COMPARISONS)}

# Levels of the address at which two may live under one roof.
ONE_ROOF = 6
