"""What an export's values are like, in a few numbers by which later exports are judged (judge/).

Belongs here: measuring one part. Not here: what is unusual (judge/series.py). A profile holds counts,
moments and shapes; of values only the words of short, impersonal columns, such as states.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from customer_intel.core.contract.model import STAMPS, Column, Table
from customer_intel.core.engine import literal, quoted

# So many rows tell what a column is like; of more, every k-th is looked at.
LOOKED_AT = 20_000
# A column has words to know it by when these are so few, and each stands in several rows.
WORDS, ROWS_A_WORD = 30, 3
SHAPES, SIGNS = 8, 24
# Shapes are kept of a column whose most frequent ones cover so much; of values that are nearly all
# different, or longer than 40 signs on average, it is not asked whether they are known.
HALF, MOSTLY, SHORT = 0.5, 0.95, 3.7
# Of values of which fewer are known, it is asked whether they stood in another column.
STRANGE = 0.3
_OWN = ("source_system", "exported_at", "source_file", "source_row", "extra_json", "_deleted")
_DERIVED = ("column_set", "column_files", "record_key", *STAMPS)
_NUMBERS = ("int", "float", "money")
_TIMES = ("date", "timestamp")
# What UTF-8 looks like once it was read as Latin-1 or windows-1252, and what cannot be read at all.
_GARBLED = "\ufffd|[ÂÃÄÅ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€"

Profile = dict[str, Any]


def profile(
    con: duckdb.DuckDBPyConnection,
    part: Path,
    entity: Table,
    export_date: date,
    before: Iterable[Path] = (),
) -> Profile:
    """The part's numbers: `n` rows, `alike` (share of rows alike in all but their key) and, by
    column, of its non-empty values

    n, filled (share of rows), distinct; text: length (mean, sd of ln(1 + signs)), shapes or words
    (→ share), garbled (share in a wrong encoding), known (share that also stands in `before`, the
    export before), known_in (other column → share, of values that are not known), domain (share of
    the most frequent mail domain); numbers: zero, negative, whole (shares), log (mean, sd of ln |x|
    without zeros); times: ahead (share after the export), age (mean, sd of ln(1 + days)), day and
    afternoon (shares from 6 to 18 h, and from 12 h on).
    """
    rows = con.execute(f"SELECT count(*) FROM {_parquet([part])}").fetchall()[0][0]
    if not rows:
        return {"n": 0, "columns": {}}
    columns = [
        column
        for column in entity.columns
        if column.name not in (*_OWN, *_DERIVED, entity.day_column)
    ]
    looked_at = _some(con, [part], rows, columns)
    measures = {column.name: _measures(column, export_date) for column in columns}
    asked = [
        own.alias(f"{name}.{what}") for name, each in measures.items() for what, own in each.items()
    ]
    found = looked_at.select(asked).row(0, named=True)
    result: Profile = {"n": rows, "columns": {}}
    for column in columns:
        own = {what: found[f"{column.name}.{what}"] for what in measures[column.name]}
        if own["n"]:
            own["filled"] = own["n"] / len(looked_at)
            if column.type == "text":
                own |= _texts(looked_at[column.name], own, is_personal=bool(column.pii))
            result["columns"][column.name] = own
    _known(con, result["columns"], looked_at, list(before))
    for name, own in result["columns"].items():
        result["columns"][name] = _rounded(own)
    unkeyed = [c.name for c in columns if c.name not in entity.key and c.name in result["columns"]]
    if unkeyed:
        result["alike"] = _alike(con, part, rows, unkeyed, result["columns"], looked_at)
    return result


def _some(
    con: duckdb.DuckDBPyConnection, parts: Sequence[Path], rows: int, columns: Sequence[Column]
) -> pl.DataFrame:
    """Every k-th row, money as floats."""
    step = max(1, -(-rows // LOOKED_AT))
    names = ", ".join(
        f"CAST({quoted(column.name)} AS DOUBLE) AS {quoted(column.name)}"
        if column.type == "money"
        else quoted(column.name)
        for column in columns
    )
    where = f" WHERE source_row % {step} = 0" if step > 1 else ""
    return con.sql(f"SELECT {names} FROM {_parquet(parts)}{where}").pl()


def _measures(column: Column, export_date: date) -> dict[str, pl.Expr]:
    name = pl.col(column.name)
    found = {"n": name.count()}
    if column.type == "text":
        length = name.str.len_chars().log1p()
        found |= {"length": length.mean(), "length_sd": length.std()}
        found["distinct"] = name.drop_nulls().n_unique()
    elif column.type in _NUMBERS:
        size = pl.when(name != 0).then(name.cast(pl.Float64).abs().log())
        found |= {"zero": (name == 0).mean(), "negative": (name < 0).mean()}
        found |= {
            "log": size.mean(),
            "log_sd": size.std(),
            "distinct": name.drop_nulls().n_unique(),
        }
        if column.type != "int":
            found["whole"] = (name == name.floor()).mean()
    elif column.type in _TIMES:
        midnight = pl.lit(datetime(export_date.year, export_date.month, export_date.day))
        days = (midnight - name.cast(pl.Datetime("us"))).dt.total_seconds() / 86_400
        age = days.clip(lower_bound=0).log1p()
        found |= {"ahead": (days < -2).mean(), "age": age.mean(), "age_sd": age.std()}
        found["distinct"] = name.drop_nulls().n_unique()
        if column.type == "timestamp":
            hour = name.dt.hour()
            found |= {"day": hour.is_between(6, 17).mean(), "afternoon": (hour >= 12).mean()}
    elif column.type == "bool":
        found["true"] = name.mean()
    return found


def _texts(values: pl.Series, own: Mapping[str, Any], *, is_personal: bool) -> Profile:
    """Words of a column of few, shapes of any other; what is garbled; the most frequent domain."""
    each = values.drop_nulls().rename("value").value_counts(name="n")
    found: Profile = {}
    is_few = own["distinct"] <= WORDS and own["distinct"] * ROWS_A_WORD <= own["n"]
    if is_few and not is_personal:
        found["words"] = {word: n / own["n"] for word, n in each.sort("value").iter_rows()}
        return found
    # Letters and digits of any script as one sign each run: `AB-12` has the shape `a-0`.
    shape = (
        pl.col("value").str.slice(0, 2 * SIGNS).str.replace_all("[0-9]+", "0")
        .str.replace_all(r"\p{L}+", "a").str.slice(0, SIGNS)
    )  # fmt: skip
    shapes = each.group_by(shape.alias("shape")).agg(pl.col("n").sum())
    told = dict(shapes.sort(["n", "shape"], descending=[True, False]).head(SHAPES).iter_rows())
    # Of free text no shape is usual.
    if sum(told.values()) > HALF * own["n"]:
        found["shapes"] = {word: n / own["n"] for word, n in told.items()}
    wrong = each.filter(pl.col("value").str.contains(_GARBLED))["n"].sum()
    found["garbled"] = wrong / own["n"]
    if sum(n for word, n in told.items() if "@" in word) > HALF * own["n"]:
        domain = pl.col("value").str.extract("@(.+)$").str.to_lowercase()
        largest = each.group_by(domain.alias("at")).agg(pl.col("n").sum()).drop_nulls()["n"].max()
        found["domain"] = (largest or 0) / own["n"]
    return found


def _known(
    con: duckdb.DuckDBPyConnection,
    columns: dict[str, Profile],
    looked_at: pl.DataFrame,
    before: list[Path],
) -> None:
    """Adds to text columns how many of their values stood there in the export before; of those that
    did not, in which other column they stood.
    """
    asked = [
        name
        for name, own in columns.items()
        if "length" in own and own["distinct"] < MOSTLY * own["n"] and own["length"] < SHORT
    ]
    if not asked or not before:
        return
    rows = con.execute(f"SELECT count(*) FROM {_parquet(before)}").fetchall()[0][0]
    step = max(1, rows // (5 * LOOKED_AT))
    names = ", ".join(quoted(name) for name in columns if "length" in columns[name])
    where = f" WHERE source_row % {step} = 0" if step > 1 else ""
    earlier = con.sql(f"SELECT {names} FROM {_parquet(before)}{where}").pl()

    def share(name: str, other: str) -> float:
        values = looked_at[name].drop_nulls()
        return float(values.is_in(earlier[other].drop_nulls().unique().implode()).mean() or 0.0)

    for name in asked:
        columns[name]["known"] = share(name, name)
        if columns[name]["known"] < STRANGE:
            found = {other: share(name, other) for other in earlier.columns if other != name}
            columns[name]["known_in"] = {other: own for other, own in found.items() if own > HALF}


def _alike(
    con: duckdb.DuckDBPyConnection,
    part: Path,
    rows: int,
    unkeyed: Sequence[str],
    columns: Mapping[str, Profile],
    looked_at: pl.DataFrame,
) -> float:
    """Share of rows alike in all but their key. Of many rows those are looked at whose value in the
    most various column falls into one of k classes: rows that are alike fall into the same.
    """
    step = max(1, -(-rows // LOOKED_AT))
    names = ", ".join(quoted(name) for name in unkeyed)
    if step == 1:
        some = looked_at.select(unkeyed)
    else:
        various = max(unkeyed, key=lambda name: (columns[name].get("distinct", 0), name))
        where = f"hash({quoted(various)}) % {step} = 0"
        some = con.sql(f"SELECT {names} FROM {_parquet([part])} WHERE {where}").pl()
    return round(1 - some.n_unique() / len(some), 6) if len(some) else 0.0


def _rounded(own: Profile) -> Profile:
    found: Profile = {}
    for name, value in own.items():
        if isinstance(value, dict):
            found[name] = {word: round(share, 6) for word, share in value.items()}
        elif value is not None:
            found[name] = round(value, 6) if isinstance(value, float) else value
    return found


def _parquet(paths: Iterable[Path]) -> str:
    listed = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"
