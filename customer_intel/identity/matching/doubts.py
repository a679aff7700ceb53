"""Doubts: pairs that weigh enough and yet are not enough, because what they share is shared by people who live or work
together, or is one thing alone. They wait for a second witness, or for a person (match_review).

Belongs here: which combinations of levels are doubtful, and why. Not here: vetoes, which nothing
outweighs but a decision (resolve.py), and what a level weighs (fellegi_sunter.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from customer_intel.identity.matching.comparison_levels import ONE_ROOF, PLACE

Flags = npt.NDArray[np.bool_]

# Two of one name, of whom nothing else is known to be the same: so many bits take a rare name among few records.
RARE_NAME, LEAST_NAME, OWN_NAME = 8.0, 0.0, 4.0
# In the order in which a doubt is told when several hold; 0: none.
DOUBTS = (
    "", "generation_open", "generation_gap", "similar_first_name", "first_name", "last_name", "no_name", "name_only",
    "ambiguous",
)  # fmt: skip
# Doubts that mean two people more likely than one.
LIKELY_TWO = ("generation_open", "generation_gap", "similar_first_name")
# Levels of the name: names that agree; that are alike, each a name of its own; the last names of which differ; one of
# which lacks a part.
_AGREE, _OWN_NAMES, _OTHER_LAST, _PART = (
    (1, 2, 3, 4, 5, 7, 8, 9, 10),
    6,
    (13, 17, 19, 20),
    (11, 12, 14, 15, 16),
)
_OTHER_FIRST = (16, 18, 20)
_SAME_HOME, _OTHER_ADDRESS, _OTHER_EMAIL = 2, 12, (2, 5, 6)
_TYPO, _SAME_DAY, _OTHER_DAY, _ONE_WITHOUT, _BOTH_WITHOUT, _OTHER_PHONE, _OPEN = 4, 6, 9, 1, 2, 3, 2


def doubts(
    levels: npt.NDArray[np.int64], *, is_veto: bool, is_gap_doubt: bool, is_strict: bool
) -> npt.NDArray[np.int8]:
    """The place in DOUBTS for each row of `levels` (columns as COMPARISONS). name_only holds below RARE_NAME bits.

    `is_strict`: whether the model is others', or found too few pairs here to say what names alone are worth.
    `is_veto`, `is_gap_doubt`: as of the model, that first names, and births a generation apart, tell people apart; else
    no doubt rests on them.
    """
    level = {name: levels[:, place] for name, place in PLACE.items()}
    name, address, nameless = level["name"], level["address"], level["nameless"]
    email, phone, born = level["email"] == 1, level["phone"] == 1, level["birth date"]
    is_numbered, is_born = (_between(level[what], 1, 3) for what in ("id number", "birth date"))
    is_own = is_numbered | (level["login"] == 1)
    home, roof = _between(address, 1, _SAME_HOME), _between(address, 1, ONE_ROOF)
    office = level["shared contact"] == 1
    one_firm = level["organisation"] == 1
    # What a family or an office shares; a number of one's own counts twice.
    witnesses = sum(
        (
            flags.astype(np.int8)
            for flags in (
                email,
                phone,
                is_born,
                home | (address == 4),
                _between(level["middle name"], 1, 2),
            )
        ),
        2 * is_own.astype(np.int8),
    )
    is_shared = email | phone | roof | office | one_firm | (level["organisation"] == 2)
    is_contact = email | phone | office | one_firm
    agree = np.isin(name, _AGREE)
    # Something of the person's own that both say: only then a shared name is not alone. A town is not, nor a mailbox
    # that is only alike.
    is_other_contact = np.isin(level["email"], _OTHER_EMAIL) | (level["phone"] == _OTHER_PHONE)
    is_witnessed = (
        is_own | email | phone | office | (level["phone"] == 2) | np.isin(born, (1, 3))
        # A birth date that is only near is a slip of one person, or two people's.
        | (_between(born, 2, _SAME_DAY) & ~is_other_contact)
        | _between(address, 1, ONE_ROOF) | (level["email"] == _TYPO) | one_firm
    )  # fmt: skip
    is_compared = np.any(
        [
            level[what] > 0
            for what in ("birth date", "id number", "email", "phone", "address", "birth place")
        ],
        axis=0,
    )
    # A mailbox is one person's until several phones or names stand behind it.
    is_lone_mailbox = email & ~((nameless == _BOTH_WITHOUT) & (level["phone"] == _OTHER_PHONE))
    # A mailbox outlives a marriage; a phone may be a household's.
    is_undisputed = email & (level["phone"] != _OTHER_PHONE) & (address != _OTHER_ADDRESS)
    lone_part = np.isin(name, _PART) & (phone | office | one_firm)
    # A birth date is no contact of a family: what it weighs decides.
    is_weighed = _between(level["birth date"], 1, 5)
    found = {
        "generation_open": (level["generation"] == _OPEN) & agree & is_shared & ~is_own & ~is_born,
        "generation_gap": (((born == _SAME_DAY) & is_shared) | (born == _OTHER_DAY)) & ~is_own & is_gap_doubt,
        "similar_first_name": (name == _OWN_NAMES) & is_shared & ~is_own & ~(email & phone & (witnesses > 2)) & is_veto,
        "first_name": np.isin(name, _OTHER_FIRST) & is_contact & (witnesses < 2) & is_veto
        & is_strict,
        "last_name": np.isin(name, _OTHER_LAST)
        & ((is_shared & (witnesses < 2) & ~is_undisputed) | ((witnesses == 0) & is_strict)),
        "no_name": ((is_shared & (nameless > 0)) | lone_part) & ~is_own & ~is_lone_mailbox
        & (witnesses + office + one_firm < 2) & ~is_weighed,
        "name_only": agree & ~is_witnessed & (is_strict | np.isin(level["email"], _OTHER_EMAIL) | ~is_compared),
    }  # fmt: skip
    place = np.zeros(len(levels), dtype=np.int8)
    for what, flags in reversed(found.items()):
        place[flags] = DOUBTS.index(what)
    return place


def _between(level: npt.NDArray[np.int64], low: int, high: int) -> Flags:
    flags: Flags = (level >= low) & (level <= high)
    return flags
