"""A generated register of persons born 1550 to 1990, about ten records a person: what compilers of
different books made of the same life.

    python -m customer_intel_tests.bench_identity.register OUT.parquet --records 50000 --seed 1

Titles come and go, first names are shortened, women are under either name, places are town or
county, a date is only a year; and fathers and sons of one name live in one town. Nobody in it
lived: names are drawn from lists, surnames partly put together.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from customer_intel.demo.pools import SURNAMES
from customer_intel_tests.bench_identity import register_words as words
from customer_intel_tests.bench_identity.slips import slipped

RECORDS, PER_PERSON = 50_000, 10
FIRST_YEAR, LAST_YEAR = 1550, 1990
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th")


@dataclass(frozen=True)
class Life:
    """One person as he was. `rank` and `seat` ("1st baron", "chudleigh") of the titled only; `alias`
    of some: another name he was known by; `slips`: how badly he was copied, 1 as most.
    """

    first: str
    middle: str
    last: str
    other_last: str
    is_male: bool
    born: np.datetime64
    is_year_only: bool
    town: str
    county: str
    postcode: str
    calling: str
    calling_2: str
    gap: float
    rank: str
    seat: str
    uses_title: bool
    alias: str
    slips: float


def generated(records: int = RECORDS, seed: int = 1) -> pl.DataFrame:
    """unique_id, full_name, first_and_surname, first_name, surname, dob (YYYY-MM-DD), birth_place,
    postcode_fake, gender, occupation, truth: text, rows in random order.
    """
    rng = np.random.default_rng(seed)
    draw = _Draw(rng)
    sizes: list[int] = []
    while sum(sizes) < records:
        sizes.append(int(rng.geometric(2 / (PER_PERSON + 1), 2).sum()) - 1)
    lives: list[Life] = []
    while len(lives) < len(sizes):
        lives.append(draw.life())
        # Father, son and grandson of one name.
        for _ in range(2):
            if rng.random() >= 0.16:
                break
            lives.append(draw.child_of(lives[-1]))
    rows = [
        {**draw.record(lives[who]), "truth": str(who)}
        for who, size in enumerate(sizes)
        for _ in range(size)
    ][:records]
    frame = pl.DataFrame(rows, infer_schema_length=None).sample(fraction=1, shuffle=True, seed=seed)
    keys = pl.Series("unique_id", [f"p{number:06}" for number in rng.permutation(len(frame))])
    return frame.insert_column(0, keys)


class _Draw:
    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.short: dict[str, list[str]] = {}
        self.firsts = {True: self._names(words.MALE), False: self._names(words.FEMALE)}
        compound = [front + end for front in words.FRONTS.split() for end in words.ENDS.split()]
        plain = [name.lower() for name in SURNAMES if name.isascii() and "'" not in name]
        rng.shuffle(compound)
        self.lasts = _by_rank(plain + compound, offset=60)
        self.places = [
            tuple(place.split(","))
            for line in words.PLACES.split("\n")
            for place in line.split(";")
            if place
        ]
        self.callings = _by_rank(words.CALLINGS.replace("_", "~").split(), offset=2)

    def _names(self, text: str) -> Callable[[np.random.Generator], str]:
        split = [entry.split(":") for entry in text.split()]
        self.short |= {name: [form for form in short.split(",") if form] for name, short in split}
        return _by_rank([name for name, _ in split], offset=2)

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def one_of(self, values: list[str] | tuple[str, ...]) -> str:
        return values[int(self.rng.integers(len(values)))]

    def life(self) -> Life:
        rng = self.rng
        is_male = self.chance(0.82)
        # More is written of the later centuries.
        year = FIRST_YEAR + int((LAST_YEAR - FIRST_YEAR) * rng.beta(2.4, 1.4))
        town, county, area = self.places[int(rng.integers(len(self.places)))]
        is_titled = is_male and self.chance(0.12)
        last = self.lasts(rng)
        return Life(
            first=self.firsts[is_male](rng),
            middle=self.firsts[is_male](rng) if self.chance(0.1 + 0.4 * (year > 1780)) else "",
            last=last,
            other_last=self.lasts(rng) if not is_male and self.chance(0.45) else "",
            is_male=is_male,
            born=self._day_of(year),
            is_year_only=self.chance(0.15),
            town=town,
            county=county,
            postcode=self._postcode(area),
            calling=self.callings(rng).replace("~", " "),
            calling_2=self.callings(rng).replace("~", " "),
            gap=float(rng.uniform(0.2, 0.6)),
            rank=f"{self.one_of(ORDINALS[:4])} {self.one_of(words.RANKS.split())}" if is_titled else "",
            seat=(self.lasts(rng) if self.chance(0.5) else town) if is_titled else "",
            uses_title=self.chance(0.7),
            alias=f"{self.firsts[is_male](rng)} {self.lasts(rng)}" if self.chance(0.25) else "",
            slips=float(rng.choice([0.5, 1.0, 2.2], p=[0.4, 0.35, 0.25])),
        )  # fmt: skip

    def child_of(self, parent: Life) -> Life:
        """Of the same name and town, a generation later."""
        year = int(str(parent.born)[:4]) + int(self.rng.integers(25, 36))
        own = self.life()
        rank = parent.rank
        if rank:
            ordinal, kind = rank.split(" ", 1)
            rank = f"{ORDINALS[ORDINALS.index(ordinal) + 1]} {kind}"
        area = "".join(letter for letter in parent.postcode.split(" ")[0] if letter.isalpha())
        same = self.chance(0.5)
        return Life(
            first=parent.first, middle=own.middle if parent.is_male else parent.middle,
            last=parent.last, other_last=own.other_last if not parent.is_male else "",
            is_male=parent.is_male, born=self._day_of(min(year, LAST_YEAR + 20)),
            is_year_only=own.is_year_only, town=parent.town, county=parent.county,
            postcode=parent.postcode if self.chance(0.5) else self._postcode(area),
            calling=parent.calling if same else own.calling, calling_2=own.calling_2, gap=own.gap,
            rank=rank, seat=parent.seat, uses_title=parent.uses_title, alias=own.alias, slips=own.slips,
        )  # fmt: skip

    def _day_of(self, year: int) -> np.datetime64:
        return np.datetime64(f"{year}-01-01") + np.timedelta64(int(self.rng.integers(365)), "D")

    def _postcode(self, area: str) -> str:
        letters = "abdefghjlnpqrstuwxyz"
        inward = "".join(letters[int(at)] for at in self.rng.integers(len(letters), size=2))
        return f"{area}{self.rng.integers(1, 26)} {self.rng.integers(1, 10)}{inward}"

    def record(self, life: Life) -> dict[str, str | None]:
        named = self.full_name(life)
        # Read as catalogues read it: first and last word, the address before it left out.
        parts = [part for part in named.replace(",", "").split() if part not in ("sir", "lady")]
        first, last = (parts[0] if parts else None), (parts[-1] if len(parts) > 1 else None)
        place = life.county if self.chance(0.25) else life.town
        postcode = life.postcode
        if self.chance(0.1):
            area = "".join(letter for letter in postcode.split(" ")[0] if letter.isalpha())
            postcode = self._postcode(area)
        elif self.chance(0.1):
            postcode = slipped(postcode, self.rng)
        calling = life.calling_2 if self.chance(0.1) else life.calling
        return {
            "full_name": named,
            "first_and_surname": f"{first} {last}" if last else first,
            "first_name": first,
            "surname": last,
            "dob": self._dob(life),
            "birth_place": None if self.chance(0.1) else self.typo(place, 0.04 * life.slips),
            "postcode_fake": None if self.chance(0.25) else postcode,
            "gender": None if self.chance(0.08) else ("male" if life.is_male else "female"),
            "occupation": None if self.chance(life.gap) else calling,
        }

    def _dob(self, life: Life) -> str | None:
        if self.chance(0.05):
            return None
        day = str(life.born)
        if life.is_year_only or self.chance(0.1):
            day = f"{day[:4]}-01-01"
        if self.chance(0.05 * life.slips):
            # Another book gives another date, a year or some off.
            year = int(day[:4]) + int(self.rng.integers(-4, 5))
            return str(self._day_of(year)) if self.chance(0.5) else f"{year}{day[4:]}"
        if not self.chance(0.08 * life.slips):
            return day
        at = (2, 3, 3, 5, 6, 8, 9, 9)[int(self.rng.integers(8))]
        if at in (6, 9) and self.chance(0.4):
            return day[: at - 1] + day[at] + day[at - 1] + day[at + 1 :]
        return day[:at] + str(self.rng.integers(10)) + day[at + 1 :]

    def typo(self, text: str, share: float) -> str:
        return slipped(text, self.rng) if text and self.chance(share) else text

    def full_name(self, life: Life) -> str:
        first = life.first
        if self.short[first] and self.chance(0.15):
            first = self.one_of(self.short[first])
        elif self.chance(0.03):
            first = first[0] + "."
        last = life.last
        if life.other_last and self.chance(0.4):
            last = life.other_last if self.chance(0.7) else f"{last} {life.other_last}"
        if life.alias and self.chance(0.5):
            first, last = life.alias.split(" ")
        first, last = self.typo(first, 0.1 * life.slips), self.typo(last, 0.1 * life.slips)
        middle = life.middle if self.chance(0.5) else ""
        if middle and self.chance(0.3):
            middle = middle[0] + "."
        if self.chance(0.015):
            return first
        if life.rank and self.chance(0.75 if life.uses_title else 0.25):
            return self._titled(life, first, last)
        if life.is_male and self.chance(0.03):
            return f"sir {first} {last}"
        ordered = [last, first, middle] if self.chance(0.03) else [first, middle, last]
        return " ".join(part for part in ordered if part)

    def _titled(self, life: Life, first: str, last: str) -> str:
        seat = self.typo(life.seat, 0.05)
        return self.one_of(
            (
                f"{first} {last}, {life.rank} {last} of {seat}",
                f"{first} {last}, {life.rank} {last} of {seat}",
                f"{first} {last}, {life.rank} {seat}",
                f"{first} of {seat}",
                f"{first} {life.rank} {last} of {seat}",
                f"sir {first} {last}",
                f"{first} {last}",
            )
        )


def _by_rank(values: list[str], offset: float) -> Callable[[np.random.Generator], str]:
    """Draws the first most often, by Zipf's law after `offset`."""
    weight = np.cumsum(1 / (np.arange(len(values)) + offset))
    weight = weight / weight[-1]
    return lambda rng: values[int(np.searchsorted(weight, rng.random() * 0.999999))]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    generated(told.records, told.seed).write_parquet(told.target)
