"""One expression or more of every function that a table's SELECT may use, over hostile values; not a
test itself.

Belongs here: what is asked of both engines before a function is put on the portable list. Not here:
whole tables (test_parity.py).
"""

from __future__ import annotations

from itertools import cycle, islice

from customer_intel.core.contract.model import Column, Table

# Columns of the table `v`, each with values in turn; their lengths have no common divisor.
VALUES: dict[str, tuple[str, tuple[str, ...]]] = {
    "n": ("BIGINT", ("0", "1", "-1", "7", "250", "NULL", "12345678")),
    "k": ("BIGINT", ("3", "1", "2", "12", "NULL")),
    "x": (
        "DOUBLE",
        ("0", "0.5", "-0.5", "1.005", "2.5", "-2.5", "12345678.5", "NULL", "0.002", "3.5", "-0.125"),
    ),
    "m": ("DECIMAL(18,2)", ("0", "0.01", "-0.05", "2.01", "33.33", "1000000.50", "NULL", "-7.5", "12.50")),
    "s": (
        "VARCHAR",
        (
            "'Zoë Ångström'", "'O''Brien \"2nd\"'", "'back\\slash'", "'Straße'", "'ΟΔΟΣ'", "'İstanbul'",
            "'😀 smile'", "'a|b:c/d?e#f'", "'  spaced  '", "'tab\tinside'", "'50%_off'", "''", "NULL",
        ),
    ),
    "d": (
        "DATE",
        (
            "'2024-02-29'", "'2023-12-31'", "'2024-01-01'", "'2021-01-03'", "NULL", "'1970-01-01'", "'2024-03-31'",
            "'2024-03-10'", "'2023-11-05'", "'2023-10-01'",
        ),
    ),
    "t": (
        "TIMESTAMP",
        (
            "'2024-02-29 23:30:00'", "'2023-12-31 23:59:59.999999'", "'2024-03-31 00:59:59.5'",
            "'2024-03-31 01:00:00'", "'2023-10-29 00:30:00'", "'2023-10-29 01:00:00.000001'",
            "'2023-12-31 23:00:00'", "NULL",
        ),
    ),
    "b": ("BOOLEAN", ("TRUE", "FALSE", "NULL")),
    "j": (
        "VARCHAR",
        ("'{\"a\": \"é\\n\\\"q\\\"\", \"b\": {\"c\": 1}}'", "'{\"a\": null}'", "'{}'", "NULL", "'{\"a\": \"\"}'"),
    ),
}  # fmt: skip
ROWS = 90


def values() -> str:
    """The SELECT that makes `v`."""
    rows = zip(*(islice(cycle(words), ROWS) for _, words in VALUES.values()), strict=True)
    listed = ", ".join(f"({number}, {', '.join(row)})" for number, row in enumerate(rows))
    casts = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, (kind, _) in VALUES.items())
    return f"SELECT CAST(r AS BIGINT) AS r, {casts} FROM (VALUES {listed}) AS t(r, {', '.join(VALUES)})"


def table() -> Table:
    """`v` as a contract has it, for the types of its columns."""
    types = {"BIGINT": "int", "DOUBLE": "float", "DECIMAL(18,2)": "money", "VARCHAR": "text", "DATE": "date",
             "TIMESTAMP": "timestamp", "BOOLEAN": "bool"}  # fmt: skip
    columns = [Column(name="r", type="int", meaning="row")]
    columns += [
        Column(name=name, type=types[kind], meaning=name) for name, (kind, _) in VALUES.items()
    ]
    return Table.model_construct(name="v", columns=tuple(columns))


# Function, as the parser names it, or its name → expressions of one row of `v`.
SINGLE: dict[str, tuple[str, ...]] = {
    "Abs": ("abs(x)", "abs(m)", "abs(n)"),
    "And": ("b AND n > 0",),
    "Case": ("CASE WHEN b THEN x ELSE n END", "CASE n WHEN 1 THEN 1.5 ELSE 2 END"),
    "Cast": (
        "CAST(x AS BIGINT)", "CAST(m AS BIGINT)", "CAST(x AS DECIMAL(18, 2))", "CAST(m AS DECIMAL(18, 1))",
        "CAST(m AS DOUBLE)", "CAST(n AS VARCHAR)", "CAST(m AS VARCHAR)", "CAST(d AS VARCHAR)",
        "CAST(t AS VARCHAR)", "CAST(b AS VARCHAR)", "CAST(t AS DATE)", "CAST(d AS TIMESTAMP)",
        "CAST(CAST(n AS VARCHAR) AS BIGINT)", "CAST(CAST(m AS VARCHAR) AS DECIMAL(18, 2))",
        "CAST(n AS DECIMAL(38, 6))", "CAST(CAST(d AS VARCHAR) AS DATE)", "CAST(b AS BIGINT)",
        "CAST(x AS DECIMAL(38, 6))", "CAST(x AS VARCHAR)", "CAST(x / 16 AS VARCHAR)",
    ),
    "Ceil": ("CAST(ceil(x) AS BIGINT)", "CAST(ceil(m) AS BIGINT)"),
    "Coalesce": ("coalesce(n, x)", "coalesce(s, '')"),
    "Concat": ("concat(s, '|', CAST(n AS VARCHAR))",),
    "ConcatWs": ("concat_ws('|', s, CAST(n AS VARCHAR), 'z')",),
    "Date": ("date(t)",),
    "Day": ("CAST(day(d) AS BIGINT)",),
    "Exists": ("EXISTS (SELECT 1 FROM v AS o WHERE o.r = v.n)",),
    "Exp": ("exp(x / 1000000)",),
    "Extract": tuple(
        f"CAST(extract({part} FROM {of}) AS BIGINT)"
        for of, parts in (
            ("d", ("year", "quarter", "month", "week", "day", "isodow")),
            ("t", ("year", "month", "day", "hour", "minute")),
        )
        for part in parts
    ),
    "Floor": ("CAST(floor(x) AS BIGINT)", "CAST(floor(m) AS BIGINT)"),
    "Greatest": ("greatest(n, k)", "greatest(x, 0.0)", "greatest(t, CAST(d AS TIMESTAMP))"),
    "If": ("CASE WHEN n > 0 THEN s END", "if(b, n, k)"),
    "JSONExtractScalar": ("json_extract_string(j, '$.a')", "json_extract_string(j, '$.b.c')"),
    "LastDay": ("last_day(d)",),
    "Least": ("least(n, k)", "least(x, 1.0)"),
    "Left": ("left(s, 3)",),
    "Length": ("CAST(length(s) AS BIGINT)",),
    "Ln": ("ln(x * x + 1)",),
    "Lower": ("lower(s)",),
    "MD5": ("md5(s)",),
    "Mod": ("mod(n, k)", "n % k"),
    "Month": ("CAST(month(t) AS BIGINT)",),
    "Not": ("NOT b",),
    "Nullif": ("nullif(n, 1)", "nullif(s, '')"),
    "Or": ("b OR n > 0",),
    "Pad": ("lpad(s, 4, '0')",),
    "Pow": ("power(2, k)", "power(x, 2)"),
    "Quarter": ("CAST(quarter(d) AS BIGINT)",),
    "RegexpReplace": (
        "regexp_replace(s, '[^a-zA-Z0-9]+', '_', 'g')",
        r"regexp_replace(s, '[^\p{L}\p{M}\p{N}]+', '_', 'g')",
    ),
    "RegexpLike": ("regexp_matches(s, '[0-9]')",),
    "Replace": ("replace(s, 'a', 'ä')",),
    "Right": ("right(s, 3)",),
    "Round": ("round(x, 2)", "round(m, 1)", "round(x)", "round(x, 0)", "round(m * 1.005, 2)", "round(n / 8, 2)"),
    "Sign": ("CAST(sign(x) AS BIGINT)",),
    "SplitPart": ("split_part(s, '|', 1)", "split_part(s, '/', 2)", "split_part(s, ':', 9)"),
    "Sqrt": ("sqrt(abs(x))",),
    "StartsWith": ("starts_with(s, 'Z')",),
    "StrPosition": ("CAST(position('a' IN s) AS BIGINT)", "CAST(strpos(s, '') AS BIGINT)"),
    "Substring": ("substr(s, 2, 3)", "substr(s, 2)", "substring(s, 1, 4)"),
    "TimestampTrunc": tuple(
        f"CAST(date_trunc('{unit}', {of}) AS {kind})"
        for of, kind, units in (
            ("d", "DATE", ("week", "month", "quarter", "year")),
            ("t", "TIMESTAMP", ("hour", "day", "month")),
        )
        for unit in units
    ),
    "Translate": ("translate(s, 'abc', 'x')", "translate(s, '0123456789', '')"),
    "Trim": ("trim(s)", "trim(s, 'a ')"),
    "Upper": ("upper(s)", "upper('ﬁ ŉ ß ǰ é')"),
    "Year": ("CAST(year(t) AS BIGINT)",),
    "Week": ("CAST(week(d) AS BIGINT)",),
    # Not functions to the parser: what Spark has to be asked otherwise.
    "DateDiff": (
        "date_diff('day', d, DATE '2024-03-31')", "date_diff('month', d, DATE '2024-03-01')",
        "date_diff('year', d, DATE '2024-01-01')",
    ),
    "Div": ("n / nullif(k, 0)", "m / nullif(k, 0)", "m / nullif(m, 0)", "x / nullif(n, 0)"),
    "IntDiv": ("n // k",),
    "Add": (
        "d + 1", "1 + d", "d + CAST(k AS INTEGER)", "CAST(d + INTERVAL 1 DAY AS TIMESTAMP)",
        "t + INTERVAL 1 MONTH", "m + n",
        "m + x", "t + INTERVAL 90 MINUTE",
    ),
    "Sub": ("d - 1", "d - DATE '2024-01-01'", "CAST(d - INTERVAL 1 MONTH AS TIMESTAMP)", "m - n"),
    "Mul": ("m * n", "m * 1.5", "m * x", "m * m"),
    "DPipe": ("s || '|' || CAST(n AS VARCHAR)",),
    "Like": ("s LIKE '50\\%%' ESCAPE '\\'", "s LIKE '%a%'"),
    "epoch_us": ("epoch_us(t)", "epoch_us(t) // 1000000"),
    "to_json": ("CAST(to_json({'a': s, 'n': n, 'b': b}) AS VARCHAR)", "CAST(to_json(s) AS VARCHAR)"),
    "json_merge_patch": ("CAST(json_merge_patch(j, '{\"z\": 1.0, \"b\": {\"d\": true}}') AS VARCHAR)",),
    "local_day": ("local_day(t)",),
    "local_time": ("local_time(t)",),
    "day_start": ("day_start(d)",),
    "before_export": ("before_export(t)",),
}  # fmt: skip

# The same of groups of rows, by n.
GROUPED: dict[str, tuple[str, ...]] = {
    "Avg": ("avg(x)", "avg(m)", "avg(k)", "avg(x) FILTER (WHERE b)"),
    "Count": ("count(*)", "count(s)", "count(DISTINCT s)", "count(*) FILTER (WHERE b)"),
    "CountIf": ("CAST(count_if(b) AS BIGINT)",),
    "LogicalAnd": ("bool_and(b)",),
    "LogicalOr": ("bool_or(b)",),
    "Max": ("max(x)", "max(s)", "max(t)", "max(m) FILTER (WHERE b)"),
    "Median": ("median(x)", "median(k)", "median(x) FILTER (WHERE b)"),
    "Min": ("min(x)", "min(s)", "min(d)"),
    "Stddev": ("stddev(x)",),
    "StddevPop": ("stddev_pop(x)",),
    "StddevSamp": ("stddev_samp(x)",),
    "Sum": ("CAST(sum(k) AS BIGINT)", "sum(x)", "CAST(sum(m) AS DECIMAL(18, 2))"),
    "Variance": ("variance(x)",),
    "VariancePop": ("var_pop(x)",),
}

_ORDER = "PARTITION BY n ORDER BY k, r"
# The same of windows.
WINDOWED: dict[str, tuple[str, ...]] = {
    "CumeDist": ("cume_dist() OVER (PARTITION BY n ORDER BY k)",),
    "DenseRank": ("dense_rank() OVER (PARTITION BY n ORDER BY k)",),
    "FirstValue": (
        f"first_value(s) OVER ({_ORDER})",
        f"first_value(s IGNORE NULLS) OVER ({_ORDER})",
    ),
    "Lag": (f"lag(t) OVER ({_ORDER})", f"lag(x, 2) OVER ({_ORDER})"),
    "LastValue": (f"last_value(s IGNORE NULLS) OVER ({_ORDER})",),
    "Lead": (f"lead(m) OVER ({_ORDER})",),
    "NthValue": (f"nth_value(s, 2) OVER ({_ORDER})",),
    "Ntile": (f"ntile(3) OVER ({_ORDER})",),
    "PercentRank": ("percent_rank() OVER (PARTITION BY n ORDER BY k DESC)",),
    "Rank": ("rank() OVER (PARTITION BY n ORDER BY k)",),
    "RowNumber": (f"row_number() OVER ({_ORDER})",),
    "Window": (
        "CAST(sum(k) OVER (PARTITION BY n ORDER BY k) AS BIGINT)",
        "sum(x) OVER (ORDER BY d RANGE BETWEEN INTERVAL 30 DAY PRECEDING AND CURRENT ROW)",
        "median(x) OVER (PARTITION BY n)",
    ),
}

PROBED = frozenset((*SINGLE, *GROUPED, *WINDOWED))


def expressions() -> dict[str, str]:
    """Probe → its expression."""
    return {
        f"{name} {number}": said
        for probes in (SINGLE, GROUPED, WINDOWED)
        for name, several in probes.items()
        for number, said in enumerate(several)
    }


def selects() -> dict[str, list[str]]:
    """A SELECT of the key r and columns a0, a1, … → the probe that each of them is."""
    asked = {}
    for probes, begin, end in (
        (SINGLE, "SELECT r", "FROM v"),
        (WINDOWED, "SELECT r", "FROM v"),
        (GROUPED, "SELECT coalesce(n, -9) AS r", "FROM v GROUP BY n"),
    ):
        named = [(name, said) for name, several in probes.items() for said in several]
        picked = ", ".join(f"{said} AS a{number}" for number, (_, said) in enumerate(named))
        asked[f"{begin}, {picked} {end}"] = [f"{name}: {said}" for name, said in named]
    return asked
