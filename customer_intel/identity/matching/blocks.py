"""Which pairs are worth comparing: blocks nominate them, witnesses back them up. SQL over one record's FIELDS.

Belongs here: the rules. Not here: how they are applied (candidate_pairs.py).
"""

from __future__ import annotations

# Two records are compared when they agree in one of these.
BLOCKS = (
    ("email",), ("phone",), ("id_number",), ("login",), ("office", "last"), ("born",), ("organisation",),
    ("least(first, last)", "greatest(first, last)"),
    ("last", "postcode"), ("first", "postcode"), ("last", "city"), ("first", "city"), ("street", "number"),
    ("number", "postcode"), ("last", "birth_place"), ("first", "birth_place"), ("postcode",),
    ("substr(born, 1, 6)", "substr(first, 1, 2)"), ("substr(born, 1, 6)", "substr(last, 1, 2)"),
    ("substr(born, 5)", "last"), ("substr(born, 5)", "first"), ("substr(first, 1, 3)", "substr(last, 1, 3)"),
    ("root", "last"), ("first_sound", "last_sound"), ("split_part(email, '@', 1)",),
)  # fmt: skip
# Of these, what is a person's own, or may hold the two names the other way round: two who share it are always compared.
OWN = (
    ("email",),
    ("phone",),
    ("id_number",),
    ("login",),
    ("least(first, last)", "greatest(first, last)"),
)
# What two records that are compared must agree in besides, each worth what its value tells (the rarer, the more);
# of those in one bracket the first that agrees counts.
WITNESSES = (
    ("root", "substr(first, 1, 3)"), ("last", "substr(last, 1, 3)"), ("born", "substr(born, 1, 4)"),
    ("street", "postcode", "city"), ("number",), ("email", "split_part(email, '@', 1)"), ("phone",), ("id_number",),
    ("login",), ("birth_place",), ("occupation",), ("company",), ("office",),
)  # fmt: skip
