"""Two more generated lists: people written down by a bad typist, and people of whom only name and
birth date are known.

    python -m customer_intel_tests.bench_identity.lists many_typos|names_births OUT.parquet
"""

from __future__ import annotations

import sys

import numpy as np
import polars as pl

from customer_intel.demo.pools import SURNAMES
from customer_intel_tests.bench_identity import people, register_words
from customer_intel_tests.bench_identity.slips import slipped

TYPED = ("first_name", "last_name", "birth_date", "email", "phone", "street", "city", "postal_code")


def many_typos(records: int = 20_000, seed: int = 11, share: float = 0.3) -> pl.DataFrame:
    """People of people.py, every field of every record mistyped with that share."""
    rng = np.random.default_rng(seed)
    frame = people.generated(records, seed)
    typed = []
    for name in TYPED:
        values = frame[name].to_list()
        wrong = rng.random(len(values)) < share
        typed.append(
            pl.Series(
                name,
                [
                    slipped(value, rng) if value and is_wrong else value
                    for value, is_wrong in zip(values, wrong, strict=True)
                ],
            )
        )
    return frame.with_columns(typed).with_columns(pl.col("truth").cast(pl.String))


def names_births(records: int = 10_000, seed: int = 12) -> pl.DataFrame:
    """record_id, first_name, last_name, by, bm, bd, truth: a tenth are second records of somebody,
    with one slip or two.
    """
    rng = np.random.default_rng(seed)
    again = records // 10
    firsts = [
        entry.split(":")[0] for entry in (register_words.MALE + register_words.FEMALE).split()
    ]
    rng.shuffle(firsts)
    lasts = [name.lower() for name in SURNAMES if name.isascii()]
    lasts += [
        front + end
        for front in register_words.FRONTS.split()
        for end in register_words.ENDS.split()
    ]
    count = records - again
    born = np.datetime64("1925-01-01") + rng.integers(0, 30_000, count).astype("timedelta64[D]")
    listed = [
        [firsts[first], lasts[last], *str(day).split("-"), str(number)]
        for number, (first, last, day) in enumerate(
            zip(
                people.zipf(len(firsts), count, rng), people.zipf(len(lasts), count, rng), born,
                strict=True,
            )
        )
    ]  # fmt: skip
    for who in rng.choice(count, again, replace=False):
        copy = list(listed[who])
        for place in rng.choice(
            5, rng.choice([1, 1, 2]), replace=False, p=[0.3, 0.3, 0.1, 0.12, 0.18]
        ):
            copy[place] = _otherwise(copy[place], int(place), rng)
        listed.append(copy)
    frame = pl.DataFrame(
        listed, schema=["first_name", "last_name", "by", "bm", "bd", "truth"], orient="row"
    ).sample(fraction=1, shuffle=True, seed=seed)
    keys = [f"n{number:05}" for number in range(len(frame))]
    return frame.insert_column(0, pl.Series("record_id", keys))


def _otherwise(value: str, place: int, rng: np.random.Generator) -> str:
    if place < 2:
        return slipped(value, rng)
    if place == 2:
        return f"{int(value) + int(rng.choice([-10, -2, -1, 1, 2, 10]))}"
    return f"{int(rng.integers(1, 13 if place == 3 else 29)):02}"


if __name__ == "__main__":
    {"many_typos": many_typos, "names_births": names_births}[sys.argv[1]]().write_parquet(
        sys.argv[2]
    )
