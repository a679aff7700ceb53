"""Records to clusters: candidates, comparison, weights, and a split wherever a group does not hang together.

Belongs here: the set work in SQL and the order of the steps. Not here: what is compared (comparisons.py), what it
weighs (model.py), where records come from (records.py, links.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl

from customer_intel.core.engine import literal
from customer_intel.identity.comparisons import BLOCKS, COMPARISONS, FIELDS, FIRST_NAMES_DIFFER
from customer_intel.identity.graph import components
from customer_intel.identity.linkage import split
from customer_intel.identity.model import Model, fit

# Of so few records every pair is compared.
ALL_PAIRS = 1500
# Pairs that one block rule may bring per record, of the first records and of those beyond; its largest groups are left
# out until it does.
PAIRS_PER_RECORD, FEW_RECORDS, PAIRS_BEYOND = 20, 20_000, 1
# Where more of the pairs with one id number have first names that differ, first names are no ground for a veto.
UNRELIABLE, ENOUGH_PAIRS = 0.02, 50
RANDOM_RECORDS = 700
# Chance 1 in 5: what is more doubtful does not even bring two records into one group.
LEAST_BITS = -2.0
LARGEST_GROUP = 150


@dataclass(frozen=True)
class Resolved:
    """`clusters`: record_key, cluster (its smallest record_key), confidence (of the record's place in it, 0 to 1).

    `edges`: record_key_a, record_key_b, bits, a column of bits per comparison, is_vetoed; the pairs that were at least
    possible.
    """

    clusters: pl.DataFrame
    edges: pl.DataFrame
    model: Model


def resolve(con: duckdb.DuckDBPyConnection, records: pl.DataFrame, model: Model | None = None) -> Resolved:
    """Who is who among `records` (record_key and FIELDS). Without a model, one is fitted to them first."""
    load(con, records)
    candidates(con)
    con.execute(f"CREATE OR REPLACE TEMP TABLE compared AS {_compared('candidate')}")
    model = model or train(con)
    _weights(con, model)
    con.execute(f"CREATE OR REPLACE TEMP TABLE scored AS {_scored('compared', model)}")
    groups = _groups(con)
    clusters = _clusters(con, groups, model)
    return Resolved(clusters, _edges(con), model)


def load(con: duckdb.DuckDBPyConnection, records: pl.DataFrame) -> None:
    """Registers the records as `party`, numbered in order of their keys, so that the order of rows is irrelevant."""
    con.register(
        "party_frame", records.select("record_key", *FIELDS).sort("record_key").with_row_index("id").to_arrow()
    )
    con.execute("CREATE OR REPLACE TEMP TABLE party AS SELECT * FROM party_frame")
    con.unregister("party_frame")


def candidates(con: duckdb.DuckDBPyConnection) -> None:
    """`candidate` (i < j): pairs of records that agree in one of BLOCKS, or all pairs of few records."""
    (size,) = con.execute("SELECT count(*) FROM party").fetchall()[0]
    con.execute("CREATE OR REPLACE TEMP TABLE candidate (i BIGINT, j BIGINT)")
    if size <= ALL_PAIRS:
        con.execute("INSERT INTO candidate SELECT a.id, b.id FROM party AS a JOIN party AS b ON a.id < b.id")
        return
    most = PAIRS_PER_RECORD * min(size, FEW_RECORDS) + PAIRS_BEYOND * max(size - FEW_RECORDS, 0)
    for block in BLOCKS:
        known = " AND ".join(f"{part} IS NOT NULL" for part in block)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE block AS SELECT id, hash({', '.join(block)}) AS key FROM party WHERE {known}"
        )
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE kept AS SELECT key FROM (
                SELECT key, sum(n * (n - 1) / 2) OVER (ORDER BY n, key) AS pairs
                FROM (SELECT key, count(*) AS n FROM block GROUP BY key HAVING count(*) > 1)
            ) WHERE pairs <= {most}"""
        )
        con.execute(
            "INSERT INTO candidate SELECT a.id, b.id FROM block AS a JOIN kept USING (key) "
            "JOIN block AS b ON b.key = a.key AND a.id < b.id"
        )
    con.execute("CREATE OR REPLACE TEMP TABLE candidate AS SELECT DISTINCT i, j FROM candidate")


def train(con: duckdb.DuckDBPyConnection) -> Model:
    """A model fitted to the pairs in `compared` and to random pairs of `party`. Needs no labels."""
    (size,) = con.execute("SELECT count(*) FROM party").fetchall()[0]
    for name, salt in (("left_half", ""), ("right_half", " + 1000003")):
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT id FROM party ORDER BY hash(id{salt}), id "
            f"LIMIT {RANDOM_RECORDS}"
        )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE chance AS SELECT l.id AS i, r.id AS j FROM left_half AS l, right_half AS r "
        "WHERE l.id < r.id"
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE random AS {_compared('chance')}")
    levels = ", ".join(_column(c.name) for c in COMPARISONS)
    random = []
    for comparison in COMPARISONS:
        counted = con.execute(f"SELECT {_column(comparison.name)}, count(*) FROM random GROUP BY 1").fetchall()
        found = np.zeros(len(comparison.levels) + 1, dtype=np.int64)
        for level, count in counted:
            found[level] = count
        random.append(found)
    rows = con.execute(f"SELECT {levels}, count(*) FROM compared GROUP BY ALL ORDER BY ALL").fetchall()
    table = np.array(rows, dtype=np.int64).reshape(len(rows), len(COMPARISONS) + 1)
    same, differing = con.execute(
        'SELECT count(*), count(*) FILTER (is_different) FROM compared WHERE "id number" = 1'
    ).fetchall()[0]
    is_veto = same < ENOUGH_PAIRS or differing <= UNRELIABLE * same
    return fit(table[:, :-1], table[:, -1].astype(float), random, size, is_veto=is_veto)


def _column(name: str) -> str:
    return '"' + name + '"'


def _compared(pairs: str) -> str:
    levels = ", ".join(f"{comparison.sql} AS {_column(comparison.name)}" for comparison in COMPARISONS)
    return (
        f"SELECT p.i, p.j, {levels}, {FIRST_NAMES_DIFFER} AS is_different FROM {pairs} AS p "
        "JOIN party AS a ON a.id = p.i JOIN party AS b ON b.id = p.j"
    )


def _weights(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    rows = ", ".join(
        f"({literal(name)}, {level}, {bits!r})"
        for name, listed in model.weights.items()
        for level, bits in enumerate(listed)
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE weight AS SELECT * FROM (VALUES {rows}) AS w (comparison, level, bits)")


def _scored(compared: str, model: Model) -> str:
    """Adds `bits <comparison>` and their sum, with the prior, as `bits`."""
    joins = " ".join(
        f"JOIN weight AS w{place} ON w{place}.comparison = {literal(c.name)} AND w{place}.level = c.{_column(c.name)}"
        for place, c in enumerate(COMPARISONS)
    )
    each = ", ".join(f"w{place}.bits AS {_column(f'bits {c.name}')}" for place, c in enumerate(COMPARISONS))
    total = " + ".join(f"w{place}.bits" for place in range(len(COMPARISONS)))
    # The same id number, or nearly, says more than any spelling of a name.
    veto = 'is_different AND "id number" NOT IN (1, 2, 3)' if model.is_veto else "false"
    return (
        f"SELECT c.*, {each}, CAST({model.prior!r} + {total} AS DOUBLE) AS bits, {veto} AS is_vetoed "
        f"FROM {compared} AS c {joins}"
    )


def _groups(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """id, component: records that hang together, in groups of at most LARGEST_GROUP.

    A larger one falls apart along its weakest links, bit by bit.
    """
    ids = con.sql("SELECT id FROM party ORDER BY id").pl()["id"].cast(pl.Int64)
    links = con.sql(
        f"SELECT i AS a, j AS b, bits FROM scored WHERE bits >= {LEAST_BITS} AND NOT is_vetoed ORDER BY i, j"
    ).pl()
    found = _named(pl.DataFrame({"id": ids}).with_columns(components(ids, links)))
    least = LEAST_BITS
    while True:
        large = found.filter(pl.len().over("component") > LARGEST_GROUP)
        if large.is_empty():
            return found
        least += 2
        inside = links.filter(pl.col("a").is_in(large["id"].implode()) & (pl.col("bits") >= least))
        again = _named(large.select("id").with_columns(components(large["id"], inside)))
        found = pl.concat([found.join(large, on="id", how="anti"), again]).sort("id")


def _named(groups: pl.DataFrame) -> pl.DataFrame:
    """Each component called by its smallest id."""
    return groups.with_columns(component=pl.col("id").min().over("component"))


def _clusters(con: duckdb.DuckDBPyConnection, groups: pl.DataFrame, model: Model) -> pl.DataFrame:
    """The groups, split by average linkage over all their pairs."""
    con.register("group_frame", groups.filter(pl.len().over("component") > 1).to_arrow())
    con.execute(
        "CREATE OR REPLACE TEMP TABLE inside AS SELECT a.id AS i, b.id AS j FROM group_frame AS a "
        "JOIN group_frame AS b ON a.component = b.component AND a.id < b.id"
    )
    con.unregister("group_frame")
    con.execute(f"CREATE OR REPLACE TEMP TABLE inside_compared AS {_compared('inside')}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE scored_inside AS {_scored('inside_compared', model)}")
    pairs = con.sql("SELECT i, j, bits, is_vetoed FROM scored_inside ORDER BY i, j").pl()
    parts = split(groups, pairs)
    keys = con.sql("SELECT id, record_key FROM party ORDER BY id").pl().with_columns(pl.col("id").cast(pl.Int64))
    placed: pl.DataFrame = (
        keys.join(parts, on="id")
        .with_columns(cluster=pl.col("record_key").min().over("part"))
        .select("record_key", "cluster", "confidence")
        .sort("record_key")
    )
    return placed


def _edges(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every pair that was at least possible, or that stands in one group."""
    columns = ", ".join(f"{_column(c.name)}, {_column(f'bits {c.name}')}" for c in COMPARISONS)
    chosen = f"SELECT i, j, {columns}, bits, is_vetoed FROM"
    found: pl.DataFrame = con.sql(
        f"SELECT a.record_key AS record_key_a, b.record_key AS record_key_b, s.* EXCLUDE (i, j) FROM ("
        f"{chosen} scored WHERE bits >= {LEAST_BITS} UNION {chosen} scored_inside) AS s "
        "JOIN party AS a ON a.id = s.i JOIN party AS b ON b.id = s.j ORDER BY 1, 2"
    ).pl()
    return found
