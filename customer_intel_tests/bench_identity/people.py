"""Any number of records of made-up customers, with the mess of real lists and the truth beside it.

Families share a last name, a roof and sometimes a phone; people move, marry, are called Bob, have
two mailboxes, leave fields empty and mistype.
"""

from __future__ import annotations

import string

import numpy as np
import numpy.typing as npt
import polars as pl

from customer_intel.core.tables.parameters import room_config
from customer_intel.identity.records.normalise import words

RECORDS_PER_PERSON = 1.7
LAST_NAMES = 60_000
_ONSETS = [
    "b",
    "br",
    "c",
    "d",
    "f",
    "g",
    "gr",
    "h",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "sch",
    "st",
    "t",
    "v",
    "w",
]
_RHYMES = [
    "ad",
    "al",
    "an",
    "ar",
    "au",
    "el",
    "en",
    "er",
    "ick",
    "il",
    "in",
    "ol",
    "on",
    "or",
    "ow",
    "um",
    "un",
    "y",
]
_STREETS = ["street", "road", "avenue", "lane", "drive", "court"]


def generated(records: int, seed: int = 1) -> pl.DataFrame:
    """record_id, truth, first_name, last_name, birth_date, email, phone, street, city, postal_code."""
    rng = np.random.default_rng(seed)
    people = _people(max(int(records / RECORDS_PER_PERSON), 1), rng)
    who = np.concatenate([np.arange(len(people)), rng.integers(0, len(people), records)])[:records]
    listed = people[rng.permutation(who)].with_row_index("row")
    return _messed(listed, rng).with_columns(
        record_id=pl.concat_str(
            pl.lit("r"), pl.Series(rng.permutation(records)).cast(pl.String).str.zfill(9)
        )
    )


def _people(count: int, rng: np.random.Generator) -> pl.DataFrame:
    nicknames = _nicknames()
    firsts = np.array(sorted(nicknames))
    # Three syllables of very many, so that few names are spelled alike by chance.
    drawn = [
        np.char.add(rng.choice(_ONSETS, LAST_NAMES), rng.choice(_RHYMES, LAST_NAMES))
        for _ in range(3)
    ]
    lasts = np.unique(np.char.add(np.char.add(drawn[0], drawn[1]), drawn[2]))
    rng.shuffle(lasts)
    families = max(int(count / 2.3), 1)
    family = np.sort(rng.integers(0, families, count))
    last = lasts[zipf(len(lasts), families, rng)]
    sibling = np.arange(count) - np.searchsorted(family, family)
    street = np.array([f"{name} {kind}" for name in lasts[:5000] for kind in _STREETS])
    city = np.array(
        [f"{name}{end}" for name in lasts[5000:5400] for end in ("ton", "ville", "burg")]
    )
    place = zipf(len(city), families, rng)
    # No two of a family have one first name.
    first = firsts[
        (zipf(len(firsts), families, rng)[family] + sibling * (1 + family % 97)) % len(firsts)
    ]
    frame = pl.DataFrame(
        {
            "truth": np.arange(count),
            "first_name": first,
            "short_name": [nicknames[name] for name in first],
            "last_name": last[family],
            "maiden_name": lasts[zipf(len(lasts), count, rng)],
            "street": _home(street, families, rng)[family],
            "new_street": _home(street, count, rng),
            "city": city[place[family]],
            "postal_code": (
                10000 + place[family] * 8 + rng.integers(0, 8, families)[family]
            ).astype(str),
            "phone": (6_000_000_000 + rng.integers(0, 999_999_999, count)).astype(str),
            "family_phone": (3_000_000_000 + rng.integers(0, 999_999_999, families)).astype(str)[
                family
            ],
            "born": rng.integers(0, 25_000, count),
            "number": rng.integers(1, 99, count),
        }
    )
    return frame.with_columns(
        birth_date=(pl.lit("1940-01-01").str.to_date() + pl.duration(days="born")).cast(pl.String),
        email=pl.concat_str(
            pl.col("first_name").str.replace_all(" ", ""),
            pl.lit("."),
            "last_name",
            "number",
            pl.lit("@mail.test"),
        ),
    )


def _nicknames() -> dict[str, str]:
    from pathlib import Path

    config = room_config("identity", Path("no home"))
    return {name: words(forms)[0] for name, forms in config["nicknames"].items()}


def _home(
    street: npt.NDArray[np.str_], count: int, rng: np.random.Generator
) -> npt.NDArray[np.str_]:
    numbers = rng.integers(1, 400, count).astype(str)
    return np.char.add(np.char.add(numbers, " "), street[rng.integers(0, len(street), count)])


def zipf(size: int, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Places 0 to size - 1, the first the most frequent."""
    weight = 1 / (np.arange(size) + 40.0)
    return np.searchsorted(np.cumsum(weight / weight.sum()), rng.random(count) * 0.999999)


def _messed(listed: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    size = len(listed)

    def some(share: float) -> pl.Series:
        return pl.Series(rng.random(size) < share)

    frame = listed.select(
        "truth",
        first_name=pl.when(some(0.08)).then("short_name").otherwise("first_name"),
        last_name=pl.when(some(0.02)).then("maiden_name").otherwise("last_name"),
        birth_date="birth_date",
        email=pl.when(some(0.12))
        .then(pl.col("email").str.replace("@mail.test", "@work.test", literal=True))
        .otherwise("email"),
        phone=pl.when(some(0.25)).then("family_phone").otherwise("phone"),
        street=pl.when(some(0.15)).then("new_street").otherwise("street"),
        city="city",
        postal_code="postal_code",
    )
    empty = {"first_name": 0.02, "last_name": 0.01, "birth_date": 0.35, "email": 0.3, "phone": 0.4, "street": 0.2,
             "city": 0.1, "postal_code": 0.15}  # fmt: skip
    for name, share in {
        "first_name": 0.03,
        "last_name": 0.03,
        "birth_date": 0.02,
        "email": 0.02,
        "street": 0.03,
    }.items():
        frame = frame.with_columns(_mistyped(frame[name], share, rng))
    return frame.with_columns(
        pl.when(some(share)).then(None).otherwise(pl.col(name)).alias(name)
        for name, share in empty.items()
    )


def _mistyped(values: pl.Series, share: float, rng: np.random.Generator) -> pl.Series:
    """A share of the values with one letter replaced, left out, or changed with the next."""
    chosen = np.flatnonzero(rng.random(len(values)) < share)
    letters = rng.integers(0, 26, len(chosen))
    kinds, places = rng.integers(0, 3, len(chosen)), rng.random(len(chosen))
    slips = []
    for text, kind, letter, where in zip(
        values.gather(chosen), kinds, letters, places, strict=True
    ):
        at = int(where * max(len(text) - 1, 1))
        written = (
            string.digits[letter % 10]
            if text[at : at + 1].isdigit()
            else string.ascii_lowercase[letter]
        )
        slips.append(
            text[:at]
            + (
                written + text[at + 1 :],
                text[at + 1 :],
                text[at + 1 : at + 2] + text[at] + text[at + 2 :],
            )[kind]
        )
    return values.scatter(chosen, slips)
