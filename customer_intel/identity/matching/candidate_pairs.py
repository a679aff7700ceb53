"""Blocking and comparison: which pairs of records are compared, and at which level each comparison
is.

Records are numbered by the order of their keys; pairs are i < j. The levels of a pair are one
number, its pattern: they are its digits, each in the base of its comparison's number of levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from customer_intel.identity.matching.blocks import BLOCKS, OWN, WITNESSES
from customer_intel.identity.matching.comparison_levels import (
    COMPARISONS,
    FACTS,
    FIELDS,
    SIMILARITIES,
)
from customer_intel.identity.matching.vetoes import FIRST_NAMES_DIFFER, NEVER_ONE
from customer_intel.identity.records.name_shares import first_names, last_names

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Of so few records every pair is compared.
ALL_PAIRS = 1500
# Most pairs that one block nominates: so many per record, among more than FEW_RECORDS ever fewer (by the square root);
# its largest groups are left out until it fits.
PAIRS_PER_RECORD, FEW_RECORDS = 20, 20_000
# What a pair agrees in must tell all but so many bits of what it takes to find one of 5,000 records; with each doubling
# of the records half a bit less, and above FEW_RECORDS what both say and say differently takes a bit more off.
SLACK, SLACK_LOST, DIFFERENT = 8.0, 0.5, 0.27
# Pairs that are compared at once: what they need stays small beside the records.
CHUNK = 262_144
# A first name borne by so many records, and by so large a share, is a name and no slip of the pen.
NAME_RECORDS, NAME_SHARE = 3, 1e-4
# Range of a name's rarity in bits, and steps per bit, so that it seldom changes from night to
# night.
RAREST, COMMONEST, STEPS = 4.0, -6.0, 2
# What is known of names at large counts as so many records; a name that it does not list has at most this share.
OUTSIDE, RARE_SHARE = 1_000.0, 1e-5

_BASES = np.array([len(comparison.levels) + 1 for comparison in COMPARISONS], dtype=np.int64)
_PLACES = np.concatenate(([1], np.cumprod(_BASES)[:-1]))


@dataclass(frozen=True)
class Compared:
    """One entry per pair. `rarity`, `home_rarity`: bits that the names, the address they share are
    rarer than usual.

    `is_other`: the first names differ. `never`: place in VETOES of what makes them two people,
    whatever else agrees.
    """

    i: Numbers
    j: Numbers
    pattern: Numbers
    rarity: npt.NDArray[np.float32]
    home_rarity: npt.NDArray[np.float32]
    is_other: Flags
    never: npt.NDArray[np.int8]

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
    found: Numbers = (patterns[:, None].astype(np.int64) // _PLACES) % _BASES
    return found


def prepared(records: pl.DataFrame) -> pl.DataFrame:
    """The records in the order of what they say, with what is known of a name only from all of
    them.

    Not in the order of their keys: who is who must not hang on how a source counts.
    """
    party = records.select("record_key", *FIELDS).sort([*FIELDS, "record_key"], nulls_last=True)
    n_bearers = pl.len().over("first")
    common = pl.Series(list(first_names()), dtype=pl.String)
    is_common = (n_bearers >= NAME_RECORDS) & (n_bearers >= NAME_SHARE * len(party))
    return party.with_columns(
        is_name=(is_common | pl.col("first").is_in(common.implode()))
        & pl.col("first").is_not_null(),
        is_named=pl.col("first").is_not_null() | pl.col("last").is_not_null(),
        email_letters=pl.col("email").str.replace_all("[0-9]", ""),
        email_local=pl.col("email").str.extract("^([^@]*)"),
        is_name_mailbox=_is_name_mailbox(),
        is_double=pl.col("last").str.contains("[ -]"),
        first_digits=_digits("first"),
        last_digits=_digits("last"),
        rare_first=_rarity(party["first"], first_names()),
        rare_last=_rarity(party["last"], last_names()),
        rare_home=_rarity(
            party.select(home=pl.concat_str("number", "street", separator=" "))["home"], {}
        ),
    )


def _digits(name: str) -> pl.Expr:
    """The digits in a name: where names are codes (F2917 for one customer), they are what tells two apart."""
    digits = pl.col(name).str.replace_all("[^0-9]", "")
    return pl.when(digits != "").then(digits)


def _is_name_mailbox() -> pl.Expr:
    """Whether the mailbox is called after its owner: anna.weber7, aweber, weber.a."""
    letters = pl.col("email").str.extract("^([^@]*)").str.replace_all(r"[^\p{L}]", "")
    first, last = pl.col("first"), pl.col("last").str.replace_all(r"[^\p{L}]", "")
    initial, other = first.str.slice(0, 1), last.str.slice(0, 1)
    made = [
        first,
        last,
        first + last,
        last + first,
        initial + last,
        last + initial,
        first + other,
        other + first,
    ]
    # Dave's is called after David.
    made += [pl.col("root"), pl.col("root") + last, last + pl.col("root")]
    return pl.any_horizontal((letters == text).fill_null(False) for text in made)


def _rarity(name: pl.Series, usual: Mapping[str, float]) -> pl.Series:
    """How much rarer than the name that two random records share each is, in bits; 0 where there is
    none.

    `usual`: shares in the population at large; they count as OUTSIDE records.
    """
    counts = name.drop_nulls().value_counts(name="n").sort(name.name)
    total = float(counts["n"].sum())
    weight = OUTSIDE if usual else 0.0
    # Shares are of the country where most bear the name, so they add up to more than one.
    scale = sum(usual.values()) or 1.0
    outside = (
        counts[name.name].replace_strict(dict(usual), default=RARE_SHARE, return_dtype=pl.Float64)
        / scale
        if usual
        else pl.zeros(len(counts), eager=True)
    )
    known = max(total + weight, 1)
    share = (counts["n"] + weight * outside) / known
    within = float(((counts["n"] / max(total, 1)) ** 2).sum())
    chance = (total * within + weight * sum((s / scale) ** 2 for s in usual.values())) / known
    bits = ((chance / share).log(2).clip(COMMONEST, RAREST) * STEPS).round() / STEPS
    told = counts.select(name.name, bits=bits.cast(pl.Float32))
    return (
        name.to_frame()
        .join(told, on=name.name, how="left", maintain_order="left")["bits"]
        .fill_null(0.0)
    )


def candidates(con: duckdb.DuckDBPyConnection, party: pl.DataFrame) -> tuple[Numbers, Numbers]:
    """Pairs that agree in one of BLOCKS and in enough besides, or all pairs of few records, in
    order.

    Enough: what the values they share tell together (WITNESSES) falls short of what it takes to
    find one record among all by no more than SLACK.
    """
    size = len(party)
    if size <= ALL_PAIRS:
        i, j = np.triu_indices(size, 1)
        return i.astype(np.int64), j.astype(np.int64)
    most = PAIRS_PER_RECORD * size * min(1.0, (FEW_RECORDS / size) ** 0.5)
    con.register("party_frame", party.select(FIELDS).with_row_index("id").to_arrow())
    witnesses = _witnesses(con)
    unlike = _Unlike(con, party)
    least = math.log2(size) - SLACK + SLACK_LOST * math.log2(size / 5_000)
    different = DIFFERENT * max(math.log2(size / FEW_RECORDS), 0)
    found: list[Numbers] = []
    for block in BLOCKS:
        i, j = _agreeing(con, block, most)
        enough = _told(witnesses, i, j, different) >= least
        if block not in OWN:
            enough &= ~unlike.of(i, j)
        # A pair as one number: sorting finds those that several blocks nominate.
        found.append((i[enough] << 32) | j[enough])
    con.unregister("party_frame")
    pairs = np.sort(np.concatenate(found))
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])] if len(pairs) else pairs
    return pairs >> 32, pairs & 0xFFFFFFFF


class _Unlike:
    """Pairs of two known first names that no spelling makes one: a veto forbids them
    (comparison_levels.py). They are not worth comparing unless they share something of a person's own,
    or are brought together by others.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, party: pl.DataFrame) -> None:
        self._is_name = (
            party["is_name"] & ~party["given"].str.contains(" ").fill_null(False)
        ).to_numpy()
        likenesses = ("root", "roots", "substr(first, 1, 3)", "first_sound")
        self._born = _codes(con, "born")
        self._codes = [_codes(con, what) for what in likenesses]

    def of(self, i: Numbers, j: Numbers) -> Flags:
        unlike: Flags = self._is_name[i] & self._is_name[j]
        unlike &= (self._born[i] != self._born[j]) | (self._born[i] == 0)
        for code in self._codes:
            unlike &= code[i] != code[j]
        return unlike


def _codes(con: duckdb.DuckDBPyConnection, what: str) -> npt.NDArray[np.uint64]:
    found = con.execute(
        f"SELECT coalesce(hash({what}), 0) AS code FROM party_frame ORDER BY id"
    ).fetchnumpy()
    return np.asarray(found["code"])


def _agreeing(
    con: duckdb.DuckDBPyConnection, block: tuple[str, ...], most: float
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


# A code per record, 0 where it says nothing, and the bits that it tells.
Witness = tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]


def _witnesses(con: duckdb.DuckDBPyConnection) -> list[list[Witness]]:
    """As WITNESSES, of those that anybody says."""
    found: list[list[Witness]] = []
    for alternatives in WITNESSES:
        told: list[Witness] = []
        for what in alternatives:
            columns = con.execute(
                # The largest prime below 2**32; 0 is kept for "none".
                f"""WITH said AS (SELECT id, {what} AS value FROM party_frame),
                    told AS (SELECT value, log2(sum(count(*)) OVER () / count(*)) AS bits FROM said
                             WHERE value IS NOT NULL GROUP BY value)
                SELECT coalesce(CAST(hash(t.value) % 4294967291 + 1 AS UINTEGER), 0) AS code,
                    CAST(coalesce(t.bits, 0) AS FLOAT) AS bits
                FROM said LEFT JOIN told AS t ON t.value = said.value ORDER BY id"""
            ).fetchnumpy()
            code = np.asarray(columns["code"]) * (np.asarray(columns["bits"]) > 0)
            if code.any():
                told.append((code, np.asarray(columns["bits"])))
        if told:
            found.append(told)
    return found


def _told(
    witnesses: list[list[Witness]], i: Numbers, j: Numbers, different: float
) -> npt.NDArray[np.float32]:
    """Bits of what each pair agrees in, less `different` for each that both say and say otherwise."""
    total = np.zeros(len(i), np.float32)
    for alternatives in witnesses:
        best = np.zeros(len(i), np.float32)
        for place, (code, bits) in enumerate(alternatives):
            code_i, code_j = code[i], code[j]
            is_known = (code_i != 0) & (code_j != 0)
            if place == 0:
                is_other = is_known & (code_i != code_j)
            best = np.maximum(best, np.where(is_known & (code_i == code_j), bits[i], 0))
        total += best - np.float32(different) * (is_other & (best == 0))
    return total


def compare(
    con: duckdb.DuckDBPyConnection,
    party: pl.DataFrame,
    i: Numbers,
    j: Numbers,
    earlier: pl.DataFrame | None = None,
) -> Compared:
    """What the comparisons say of the pairs i, j of `party` (as prepared).

    `earlier`: i, j, earlier of pairs that once said the same: which of email, phone it was.
    """
    size = len(i)
    out = Compared(
        i, j, np.zeros(size, np.int64), np.zeros(size, np.float32), np.zeros(size, np.float32),
        np.zeros(size, np.bool_), np.zeros(size, np.int8),
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
        if earlier is not None:
            here = pl.DataFrame({"i": i[part], "j": j[part]})
            pairs = pairs.with_columns(
                here.join(earlier, on=["i", "j"], how="left", maintain_order="left")["earlier"]
            )
        else:
            pairs = pairs.with_columns(earlier=pl.lit(None, pl.String))
        table = pairs.to_arrow()
        con.register("pair_frame", pa.Table.from_batches(table.to_batches(max_chunksize=32768)))
        found = con.execute(_SQL).fetchnumpy()
        con.unregister("pair_frame")
        place = found["k"].astype(np.int64) + start
        for name in ("pattern", "rarity", "home_rarity", "is_other", "never"):
            getattr(out, name)[place] = found[name]
    return out


def _sql() -> str:
    similarities = ", ".join(f"{sql} AS {name}" for name, sql in SIMILARITIES.items())
    facts = ", ".join(f"{sql} AS {name}" for name, sql in FACTS.items())
    pattern = " + ".join(
        f"CAST({place} AS BIGINT) * ({comparison.sql})"
        for place, comparison in zip(_PLACES, COMPARISONS, strict=True)
    )
    return (
        f"SELECT k, CAST({pattern} AS BIGINT) AS pattern, {FIRST_NAMES_DIFFER} AS is_other, "
        f"CAST({NEVER_ONE} AS TINYINT) AS never, "
        "CAST(CASE WHEN a.first = b.first THEN a.rare_first ELSE 0 END + "
        "CASE WHEN a.last = b.last THEN a.rare_last ELSE 0 END AS FLOAT) AS rarity, "
        "CAST(CASE WHEN a.number = b.number AND a.street = b.street THEN a.rare_home ELSE 0 END "
        "AS FLOAT) AS home_rarity "
        f"FROM (SELECT *, {facts} FROM (SELECT *, {similarities} FROM pair_frame))"
    )


_SQL = _sql()
