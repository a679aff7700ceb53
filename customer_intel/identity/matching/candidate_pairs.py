"""Blocking and comparison: which pairs of records are compared, and at which level each comparison
is.

Records are numbered by the order of their keys; pairs are i < j. The levels of a pair are one
number, its pattern: they are its digits, each in the base of its comparison's number of levels.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from customer_intel.identity.matching.comparison_levels import (
    BLOCKS,
    COMPARISONS,
    ENOUGH,
    FACTS,
    FIELDS,
    FIRST_NAMES_DIFFER,
    NEEDED,
    NEVER_ONE,
    SIMILARITIES,
    WITNESSES,
)

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Of so few records every pair is compared.
ALL_PAIRS = 1500
# Most pairs of one block rule, per record of the first FEW_RECORDS and per record beyond; its
# largest groups are left out until it fits. Above FEW_RECORDS, pairs also need witnesses.
PAIRS_PER_RECORD, FEW_RECORDS, PAIRS_BEYOND = 20, 20_000, 1
# Pairs that are compared at once: what they need stays small beside the records.
CHUNK = 262_144
# A first name borne by so many records, and by so large a share, is a name and no slip of the pen.
NAME_RECORDS, NAME_SHARE = 3, 1e-4
# Range of a name's rarity in bits, and steps per bit, so that it seldom changes from night to
# night.
RAREST, COMMONEST, STEPS = 4.0, -6.0, 2

_BASES = np.array([len(comparison.levels) + 1 for comparison in COMPARISONS], dtype=np.int64)
_PLACES = np.concatenate(([1], np.cumprod(_BASES)[:-1]))


@dataclass(frozen=True)
class Compared:
    """One entry per pair. `rarity`, `home_rarity`: bits that the names, the address they share are
    rarer than usual.

    `is_other`: the first names differ. `is_never`: two people, whatever else agrees.
    """

    i: Numbers
    j: Numbers
    pattern: npt.NDArray[np.int32]
    rarity: npt.NDArray[np.float32]
    home_rarity: npt.NDArray[np.float32]
    is_other: Flags
    is_never: Flags

    def only(self, chosen: Flags | Numbers) -> Compared:
        """Those that are flagged, or those at these places."""
        return Compared(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    @cached_property
    def kinds(self) -> tuple[Numbers, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The distinct patterns as levels, one row each; which of these each pair has; pairs of
        each.
        """
        patterns, place, counts = np.unique(self.pattern, return_inverse=True, return_counts=True)
        return levels(patterns), place, counts


def concatenated(one: Compared, other: Compared) -> Compared:
    """The pairs of both, one after the other."""
    columns = {
        field.name: (getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
    }
    return Compared(**{name: np.concatenate(values) for name, values in columns.items()})


def levels(patterns: npt.NDArray[np.integer]) -> Numbers:
    """One row per pattern: the level of each comparison."""
    return (patterns[:, None].astype(np.int64) // _PLACES) % _BASES


def prepared(records: pl.DataFrame) -> pl.DataFrame:
    """The records in order of their keys, with what is known of a name only from all of them."""
    party = records.select("record_key", *FIELDS).sort("record_key")
    n_bearers = pl.len().over("first")
    return party.with_columns(
        is_name=(n_bearers >= NAME_RECORDS)
        & (n_bearers >= NAME_SHARE * len(party))
        & pl.col("first").is_not_null(),
        is_double=pl.col("last").str.contains("[ -]"),
        rare_first=_rarity(party["first"]),
        rare_last=_rarity(party["last"]),
        rare_home=_rarity(
            party.select(home=pl.concat_str("number", "street", separator=" "))["home"]
        ),
    )


def _rarity(name: pl.Series) -> pl.Series:
    """How much rarer than the name that two random records share each is, in bits; 0 where there is
    none.
    """
    counts = name.drop_nulls().value_counts(name="n").sort(name.name)
    share = counts["n"] / max(int(counts["n"].sum()), 1)
    usual = float((share**2).sum())
    bits = ((usual / share).log(2).clip(COMMONEST, RAREST) * STEPS).round() / STEPS
    known = counts.select(name.name, bits=bits.cast(pl.Float32))
    return (
        name.to_frame()
        .join(known, on=name.name, how="left", maintain_order="left")["bits"]
        .fill_null(0.0)
    )


def candidates(con: duckdb.DuckDBPyConnection, party: pl.DataFrame) -> tuple[Numbers, Numbers]:
    """Pairs that agree in one of BLOCKS, or all pairs of few records, in order."""
    size = len(party)
    if size <= ALL_PAIRS:
        i, j = np.triu_indices(size, 1)
        return i.astype(np.int64), j.astype(np.int64)
    most = PAIRS_PER_RECORD * min(size, FEW_RECORDS) + PAIRS_BEYOND * max(size - FEW_RECORDS, 0)
    con.register("party_frame", party.select(FIELDS).with_row_index("id").to_arrow())
    witnesses = _witnesses(con) if size > FEW_RECORDS else None
    found: list[Numbers] = []
    for block in BLOCKS:
        i, j = _agreeing(con, block, most)
        if witnesses is not None and (needed := NEEDED.get(block, ENOUGH)):
            agreeing = sum(
                (_both(codes, i, j).astype(np.int8) for codes in witnesses),
                np.zeros(len(i), np.int8),
            )
            i, j = i[agreeing >= needed], j[agreeing >= needed]
        # A pair as one number: sorting finds those that several blocks nominate.
        found.append((i << 32) | j)
    con.unregister("party_frame")
    pairs = np.sort(np.concatenate(found))
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])] if len(pairs) else pairs
    return pairs >> 32, pairs & 0xFFFFFFFF


def _agreeing(
    con: duckdb.DuckDBPyConnection, block: tuple[str, ...], most: int
) -> tuple[Numbers, Numbers]:
    known = " AND ".join(f"{part} IS NOT NULL" for part in block)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE block AS SELECT id, hash({', '.join(block)}) AS key "
        f"FROM party_frame WHERE {known}"
    )
    found = con.execute(
        f"""WITH sized AS (SELECT key, count(*) AS n FROM block GROUP BY key HAVING count(*) > 1),
            by_size AS (SELECT n, sum(count(*) * n * (n - 1) / 2) OVER (ORDER BY n) AS pairs FROM sized GROUP BY n),
            kept AS (SELECT s.key FROM sized AS s JOIN by_size AS b ON b.n = s.n WHERE b.pairs <= {most}),
            few AS (SELECT id, key FROM block SEMI JOIN kept USING (key))
        SELECT CAST(a.id AS BIGINT) AS i, CAST(b.id AS BIGINT) AS j
        FROM few AS a JOIN few AS b ON a.key = b.key AND a.id < b.id"""
    ).fetchnumpy()
    con.execute("DROP TABLE block")
    return found["i"], found["j"]


def _witnesses(con: duckdb.DuckDBPyConnection) -> list[npt.NDArray[np.uint32]]:
    """A code per record and witness, 0 where it has none."""
    codes = ", ".join(
        (
            # The largest prime below 2**32; 0 is kept for "none".
            f"coalesce(CAST(hash({what}) % 4294967291 + 1 AS UINTEGER) * CAST({what} IS NOT NULL "
            "AS "
            f"UINTEGER), 0) AS w{place}"
        )
        for place, what in enumerate(WITNESSES)
    )
    found = con.execute(f"SELECT {codes} FROM party_frame ORDER BY id").fetchnumpy()
    return [np.asarray(found[f"w{place}"]) for place in range(len(WITNESSES))]


def _both(codes: npt.NDArray[np.uint32], i: Numbers, j: Numbers) -> Flags:
    codes_i = codes[i]
    agreeing: Flags = (codes_i == codes[j]) & (codes_i != 0)
    return agreeing


def compare(
    con: duckdb.DuckDBPyConnection, party: pl.DataFrame, i: Numbers, j: Numbers
) -> Compared:
    """What the comparisons say of the pairs i, j of `party` (as prepared)."""
    size = len(i)
    out = Compared(
        i, j, np.zeros(size, np.int32), np.zeros(size, np.float32), np.zeros(size, np.float32),
        np.zeros(size, np.bool_), np.zeros(size, np.bool_),
    )  # fmt: skip
    values = party.select(pl.exclude("record_key"))
    empty = [name for name in values.columns if values[name].null_count() == len(values)]
    values = values.drop(empty)
    absent = [pl.lit(None, pl.String).alias(name) for name in empty]
    for start in range(0, size, CHUNK):
        part = slice(start, min(start + CHUNK, size))
        sides = {
            name: values[numbers[part]].with_columns(absent)
            for name, numbers in (("a", i), ("b", j))
        }
        pairs = pl.DataFrame(
            {name: side.to_struct(name) for name, side in sides.items()}
        ).with_row_index("k")
        table = pairs.to_arrow()
        con.register("pair_frame", pa.Table.from_batches(table.to_batches(max_chunksize=32768)))
        found = con.execute(_SQL).fetchnumpy()
        con.unregister("pair_frame")
        place = found["k"].astype(np.int64) + start
        for name in ("pattern", "rarity", "home_rarity", "is_other", "is_never"):
            getattr(out, name)[place] = found[name]
    return out


def _sql() -> str:
    similarities = ", ".join(f"{sql} AS {name}" for name, sql in SIMILARITIES.items())
    facts = ", ".join(f"{sql} AS {name}" for name, sql in FACTS.items())
    pattern = " + ".join(
        f"{place} * ({comparison.sql})"
        for place, comparison in zip(_PLACES, COMPARISONS, strict=True)
    )
    return (
        f"SELECT k, CAST({pattern} AS INTEGER) AS pattern, {FIRST_NAMES_DIFFER} AS is_other, "
        f"{NEVER_ONE} AS is_never, "
        "CAST(CASE WHEN a.first = b.first THEN a.rare_first ELSE 0 END + "
        "CASE WHEN a.last = b.last THEN a.rare_last ELSE 0 END AS FLOAT) AS rarity, "
        "CAST(CASE WHEN a.number = b.number AND a.street = b.street THEN a.rare_home ELSE 0 END "
        "AS FLOAT) AS home_rarity "
        f"FROM (SELECT *, {facts} FROM (SELECT *, {similarities} FROM pair_frame))"
    )


_SQL = _sql()
