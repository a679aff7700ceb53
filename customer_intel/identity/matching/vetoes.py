"""Vetoes: what makes two records two people, whatever else they share. DuckDB SQL over a and b and the facts of
comparison_levels.py.

Belongs here: the rules. Not here: vetoes that hang on the model (resolve.py), doubts (doubts.py).
"""

from __future__ import annotations

# First names that cannot be one person's: no other spelling, no transposed letters, no short form,
# no initial, not swapped with the family name (which they are not when the family names agree).
_NOT_ELSEWHERE = (
    "coalesce(a.first <> b.middle, true) AND coalesce(b.first <> a.middle, true)"
    " AND (like_last OR coalesce(jaro_winkler_similarity(a.first, b.last) < 0.8, true)"
    " AND coalesce(jaro_winkler_similarity(a.last, b.first) < 0.8, true))"
)
# What people of one family share.
_FAMILY = (
    "(coalesce(a.email = b.email, false) OR coalesce(a.phone = b.phone, false)"
    " OR coalesce(a.office = b.office, false) OR coalesce(a.number = b.number AND like_street, false))"
)
_UNLIKE = (
    "(((jw_first < 0.65 AND length(a.first) > 4) OR damerau_levenshtein(a.first, b.first) > 1"
    " OR length(a.first) = 1 OR length(b.first) = 1)"
    " AND (abs(length(a.first) - length(b.first)) > 2 OR jaccard(a.first, b.first) < 0.7))"
)
FIRST_NAMES_DIFFER = (
    "CASE WHEN is_short OR like_first THEN false"
    " WHEN a.first_digits <> b.first_digits THEN true"
    # Of two known names each is one of its own; an unknown one may be a slip of the pen.
    f" WHEN a.is_name AND b.is_name AND {_FAMILY} THEN {_NOT_ELSEWHERE}"
    f" WHEN jw_first < 0.8 AND a.is_name AND b.is_name THEN {_UNLIKE} AND {_NOT_ELSEWHERE}"
    f" WHEN jw_first < 0.6 THEN {_UNLIKE} AND {_NOT_ELSEWHERE} ELSE false END"
)
# Why two records are two people whatever else agrees, first of all that hold; 0: nothing does.
VETOES = ("", "one_source", "generation", "organisation", "gender")
NEVER_ONE = (
    "CASE WHEN a.source = b.source THEN 1 WHEN a.suffix <> b.suffix THEN 2"
    " WHEN (a.organisation IS NOT NULL AND b.is_named) OR (b.organisation IS NOT NULL AND a.is_named) THEN 3"
    " WHEN a.gender <> b.gender AND a.first <> b.first AND NOT like_first THEN 4 ELSE 0 END"
)
