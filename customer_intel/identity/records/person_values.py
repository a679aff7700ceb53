"""What the values of a column of people look like, whatever the column is called.

Belongs here: forms of values (mail addresses, dates, numbers of authorities, postcodes), how far a
column tells people apart. Not here: names of columns (person_columns.py), SQL (person_sql.py).
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import polars as pl

from customer_intel.core.contract import yaml_lines as yamlfile

# So many different values, spread over the column, say what form a column has.
SAMPLE = 5_000

_FORMS = {
    "email": r"^[^@\s,;]+@[^@\s,;]+\.[^@\s.,;]+$",
    "phone": r"^[+(]?[\d][\d\s().+/-]{5,20}$",
    # A phone number that no other number looks like: marks between its digits.
    "marked_phone": r"^(\+[\d][\d\s().-]{6,18}|\(?0?\d{2,5}\)?[ /.-][\d /.-]{4,14}\d)$",
    "date": (
        r"^(\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}([T ].*)?|\d{1,2}[-/. ]\d{1,2}[-/. ](\d{4}|\d{2})([T ].*)?|(1[5-9]|20)\d{6}"
        r"|\d{1,2}\.? [^\W\d]{3,9}\.?,? \d{4}|[^\W\d]{3,9}\.? \d{1,2},? \d{4})$"
    ),
    "year": r"^(1[5-9]|20)\d\d(\.0)?$",
    "year_or_date": r"^((1[5-9]|20)\d\d(\.0)?|\d{4}[-/]\d{1,2}([-/]\d{1,2})?)$",
    "month": r"(?i)^(0?[1-9]|1[0-2])(\.0)?$|^[^\W\d]{3,10}\.?$",
    "day": r"^(0?[1-9]|[12]\d|3[01])(\.0)?$",
    "digits": r"^\d+(\.0)?$",
    "letters": r"^[^\d@]*[^\W\d_]{1}[^\d@]*$",
    "words": r"\S\s+\S",
    "house": r"(?i)^\d{1,6}(\.0)?\s?[a-z]?(\s?[-/]\s?\d{0,4}\s?[a-z]?)?$",
    "has_digit": r"\d",
    "street": (
        r"(?i)(^\d{1,6}[a-z]?,? \S*[^\W\d]{3}|[^\W\d]{3}\S*,? \d{1,5} ?[a-z]?$)"
        r"|\b(street|st|road|rd|avenue|ave|lane|drive|calle|rua|rue|via|viale|piazza|plaza|avenida|straat|weg|platz|laan)\b"
        r"|(strasse|straße|str\.|straat)"
    ),
    "postcode": (
        r"(?i)^([a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|[a-z]\d[a-z] ?\d[a-z]\d|\d{4} ?[a-z]{2}|\d{4}-\d{3}|\d{5}-\d{3}"
        r"|\d{5}(-\d{4})?|\d{4,6}(\.0)?|[a-z]{1,2}-\d{4,5}|\d{9})$"
    ),
    # Postcodes that no other number looks like: British, Canadian, Dutch, Portuguese, Brazilian.
    "marked_postcode": (
        r"(?i)^([a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|[a-z]\d[a-z] ?\d[a-z]\d|\d{4} [a-z]{2}|\d{4}-\d{3}|\d{5}-\d{3})$"
    ),
    "area": r"^[+(]?0?\d{2,5}\)?(\.0)?$",
    # Numbers of authorities: US, Spain, Italy, Brazil, France, United Kingdom, Mexico.
    "id_form": (
        r"(?i)^(\d{3}-\d{2}-\d{4}|\d{8}-?[a-z]|[xyz]-?\d{7}-?[a-z]|[a-z]{6}\d{2}[a-z]\d{2}[a-z]\d{3}[a-z]"
        r"|\d{3}\.\d{3}\.\d{3}-\d{2}|[12] ?\d{2} ?\d{2} ?\d[\dab] ?\d{3} ?\d{3}( ?\d{2})?"
        r"|[a-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[a-d]|[a-z]{4}\d{6}[hm][a-z]{5}[a-z\d]\d)$"
    ),
    "nine_digits": r"^\d{9}(\.0)?$",
    "id_like": r"^[A-Za-z]{0,6}[\d][\dA-Za-z ./-]{3,24}$",
}  # fmt: skip

_HEADERS = Path(__file__).parent / "person_headers.yaml"


@lru_cache(maxsize=1)
def _sexes() -> tuple[dict[str, str], frozenset[str]]:
    """Words for male and female, in many languages → which; and words that are neither."""
    document = yamlfile.load(_HEADERS)["genders"]
    known = {str(word): sex for sex in ("male", "female") for word in str(document[sex]).split()}
    return known, frozenset(str(document["neither"]).split())


@dataclass
class Values:
    """One column's values, null where the file says nothing."""

    name: str
    series: pl.Series = field(repr=False)

    @cached_property
    def counts(self) -> pl.DataFrame:
        """value, n: each different value and its rows, the most frequent first."""
        known = self.series.drop_nulls()
        return known.value_counts(name="n").rename({known.name: "value"}).sort(
            "n", "value", descending=[True, False]
        )  # fmt: skip

    @cached_property
    def filled(self) -> int:
        """Rows with a value."""
        return len(self.series) - self.series.null_count()

    @cached_property
    def distinct(self) -> int:
        """Different values."""
        return self.series.drop_nulls().n_unique()

    @property
    def filled_share(self) -> float:
        """Rows with a value, of all."""
        return self.filled / max(len(self.series), 1)

    @property
    def is_key(self) -> bool:
        """Whether every row has a value and no two the same."""
        return 0 < self.filled == len(self.series) == self.distinct

    @cached_property
    def sample(self) -> pl.Series:
        """Some of the rows' values, spread over the column."""
        known = self.series.drop_nulls()
        return known.gather_every(max(len(known) // SAMPLE, 1)).head(SAMPLE)

    def share(self, form: str) -> float:
        """How many of the sample have a form of _FORMS."""
        if not len(self.sample):
            return 0.0
        return int(self.sample.str.contains(_FORMS[form]).sum()) / len(self.sample)

    @cached_property
    def longest(self) -> int:
        """Characters of the longest value of the sample."""
        return int(self.sample.str.len_chars().max() or 0)  # type: ignore[arg-type]

    @cached_property
    def is_whole_float(self) -> bool:
        """Whether a frame with gaps wrote whole numbers as floats: all of them end in .0."""
        return self.filled > 0 and bool(self.series.drop_nulls().str.contains(r"^\d+\.0$").all())

    @cached_property
    def is_row_number(self) -> bool:
        """Whether the numbers run on: as many as there are between the least and the greatest."""
        if self.share("digits") < 1:
            return False
        numbers = self.series.drop_nulls().str.replace(r"\.0$", "").cast(pl.Float64, strict=False)
        low, high = numbers.min(), numbers.max()
        span = float(high) - float(low) + 1 if low is not None and high is not None else 0  # type: ignore[arg-type]
        return 0 < span <= 1.5 * max(self.distinct, 1)

    @cached_property
    def bits(self) -> float:
        """What it says when two records share a value: minus the logarithm (base 2) of the chance
        that two rows taken blindly do.
        """
        if not self.filled:
            return 0.0
        shares = self.counts["n"].to_numpy() / self.filled
        return max(float(-math.log2((shares**2).sum())), 0.0)

    @cached_property
    def births(self) -> float:
        """Years between the 5th and the 95th of a hundred dates, 0 where they are no dates."""
        if self.share("date") < 0.8:
            return 0.0
        years = self.sample.str.extract(r"(1[5-9]\d\d|20\d\d)").cast(pl.Int32, strict=False)
        known = years.drop_nulls()
        if len(known) < 0.5 * len(self.sample) or not len(known):
            return 0.0
        return float((known.quantile(0.95) or 0) - (known.quantile(0.05) or 0))

    @cached_property
    def genders(self) -> dict[str, str]:
        """The column's own words for male and female → those two; empty where it has others too."""
        if self.distinct > 12 or not self.filled:
            return {}
        words = {str(value): folded(str(value)) for value in self.counts["value"]}
        plain = set(words.values())
        told_apart, neither = _sexes()
        known = dict(told_apart)
        if "h" in plain and "m" in plain and not plain & {"f", "w"}:
            # Hombre and mujer.
            known |= {"h": "male", "m": "female"}
        elif "h" in plain:
            known["h"] = "male"
        if {"u", "d"} <= plain:
            known["u"] = "male"
        elif "d" in plain:
            del known["d"]
        found = {value: known[word] for value, word in words.items() if word in known}
        odd = [word for word in plain if word not in known and word not in neither]
        rows = dict(self.counts.iter_rows())
        told = sum(rows[value] for value in found)
        return (
            {} if odd and told < 0.95 * self.filled else found if told >= 0.5 * self.filled else {}
        )

    def same_as(self, other: Values) -> bool:
        """Whether it says what the other says, capitals and signs aside."""
        both = pl.DataFrame({"a": self.series, "b": other.series}).drop_nulls().head(SAMPLE)
        plain = both.select(pl.all().str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", ""))
        return len(plain) > 0 and (plain["a"] == plain["b"]).sum() >= 0.98 * len(plain)

    def contains(self, other: Values) -> float:
        """How many rows have the other's value within this one's, capitals aside."""
        both = pl.DataFrame({"a": self.series, "b": other.series}).drop_nulls().head(SAMPLE)
        if not len(both):
            return 0.0
        found = both.select(
            pl.col("a")
            .str.to_lowercase()
            .str.contains(pl.col("b").str.to_lowercase(), literal=True)
        )
        return float(found["a"].sum()) / len(both)


_UMLAUTS = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ß"): "ss"}


def folded(text: str) -> str:
    """A word in small letters without accents or signs."""
    plain = text.lower().translate(_UMLAUTS)
    return re.sub(r"[^a-z0-9]", "", _without_accents(plain))


def _without_accents(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def fits(role: str, values: Values) -> bool:
    """Whether values can be what a column of that name holds: hard for what has a form, easy for
    words.
    """
    if not values.filled:
        return False
    share = values.share
    match role:
        case "email" | "email_2":
            return share("email") >= 0.5
        case "phone" | "phone_2":
            return share("phone") >= 0.5
        case "area_code" | "calling_code":
            return share("area") >= 0.6 or share("digits") >= 0.8
        case "birth_date":
            return share("date") >= 0.5 or share("year_or_date") >= 0.8
        case "birth_year":
            return share("year") >= 0.8
        case "birth_month":
            return share("month") >= 0.8
        case "birth_day":
            return share("day") >= 0.8
        case "gender" | "salutation":
            return values.distinct <= max(12, 0.01 * values.filled)
        case "house_number":
            return share("has_digit") >= 0.6 and values.longest <= 40
        case "postal_code":
            return share("has_digit") >= 0.6 and share("date") < 0.5
        case "id_number":
            return share("has_digit") >= 0.5 and values.distinct > 1
        case "first_name" | "last_name" | "last_name_2" | "city" | "birth_place":
            return share("letters") >= 0.5
        case "middle_name" | "full_name" | "street" | "company_name" | "job_title":
            return share("digits") < 0.5 and share("date") < 0.5
        case "record_key":
            return values.is_key
    return True
