"""DuckDB's SQL as Spark's: the text of a table's SELECT for another engine, with the same rows.

Belongs here: what has to be written otherwise, told by the types of what stands in the SELECT.
Not here: what a SELECT may use at all (portable_sql.py), sessions and files of an engine.

Where both engines take the same words and answer differently (round, casts, division, averages,
dates and numbers), the words are those that give DuckDB's answer. What nobody compared is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from customer_intel.core.contract.model import Table
from customer_intel.core.json_merge import json_merge_patch

# What a Spark session must be set to for the text to mean the same.
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    # Decimals that grow too wide stop the query; they would lose their last places unseen.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    # At fault in Spark 4.3.0: over unions it makes plans that its own check refuses.
    "spark.sql.optimizer.excludedRules": (
        "org.apache.spark.sql.catalyst.optimizer.RemoveRedundantAliases"
    ),
}

_T = exp.DataType.Type
_KINDS: dict[str, frozenset[Any]] = {
    "double": frozenset({_T.DOUBLE, _T.FLOAT}),
    "decimal": frozenset({_T.DECIMAL}),
    "integer": frozenset(
        {_T.TINYINT, _T.SMALLINT, _T.INT, _T.BIGINT, _T.INT128, _T.UBIGINT, _T.UINT}
    ),
    "date": frozenset({_T.DATE}),
    "timestamp": frozenset({_T.TIMESTAMP, _T.TIMESTAMPNTZ, _T.DATETIME}),
    "text": frozenset({_T.VARCHAR, _T.TEXT, _T.CHAR, _T.NCHAR, _T.NVARCHAR}),
    "boolean": frozenset({_T.BOOLEAN}),
    "interval": frozenset({_T.INTERVAL}),
    "null": frozenset({_T.NULL}),
}
_NTZ = "TIMESTAMP_NTZ"


class NotTranslated(ValueError):
    """Something in a SELECT for which nobody knows Spark's words yet."""


def spark_sql(sql: str, tables: Iterable[Table], zone: str = "UTC") -> str:
    """The SELECT `sql`, without placeholders, as Spark's text.

    `tables`: what it reads, for the types of their columns. `zone`: the company's time zone, in
    which days begin. Raises NotTranslated for what has no known words or whose type cannot be told.
    """
    tree = annotated(sql, tables, zone)
    for node in reversed(list(tree.walk())):
        made = _rewritten(node)
        if made is not node:
            made.type = node.type
            node.replace(made)
    return tree.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE, comments=False)


def annotated(sql: str, tables: Iterable[Table], zone: str = "UTC") -> exp.Query:
    """The SELECT's tree, every column with its table's name and every part with its type."""
    columns: dict[str, object] = {
        t.name: {c.name: _bare(c.sql_type) for c in t.columns} for t in tables
    }
    schema = MappingSchema(columns, dialect="duckdb")
    tree = sqlglot.parse_one(sql, read="duckdb")
    tree = tree.transform(_exact_literal).transform(_own_function, zone)
    tree = qualify(tree, schema=schema, dialect="duckdb", quote_identifiers=False)
    tree = annotate_types(
        tree, schema=schema, dialect="duckdb", expression_metadata=_types(), coerces_to=_GIVES_WAY
    )
    assert isinstance(tree, exp.Query)
    return tree


@cache
def _types() -> dict[Any, Any]:
    """How a node's type is told, where the parser does not know it or takes every number for a double."""
    like_argument = {"annotator": lambda self, node: self._annotate_by_args(node, "this")}
    texts = (exp.Left, exp.Right, exp.MD5, exp.SplitPart, exp.RegexpReplace, exp.Translate)
    return {
        **Dialect.get_or_raise("duckdb").EXPRESSION_METADATA,
        **dict.fromkeys((exp.Round, exp.Abs, exp.Floor, exp.Ceil), like_argument),
        **{kind: {"returns": _T.VARCHAR} for kind in texts},
        **{kind: {"returns": _T.DOUBLE} for kind in (exp.Median, exp.Div)},
        # Without width and scale, or a decimal would win over a double.
        exp.Cast: {"annotator": lambda self, node: self._set_type(node, node.args["to"].this)},
        exp.Sub: {"annotator": _difference},
    }


def _difference(annotator: Any, node: exp.Expr) -> exp.Expr:
    kinds = kind_of(node.this), kind_of(node.expression)
    found = {
        ("date", "date"): _T.BIGINT,
        ("date", "interval"): _T.TIMESTAMP,
        ("timestamp", "timestamp"): _T.INTERVAL,
    }.get(kinds)
    if found:
        annotator._set_type(node, found)
        return node
    annotated: exp.Expr = annotator._annotate_binary(node)
    return annotated


def _bare(sql_type: str) -> exp.DataType:
    """The type without width and scale."""
    return exp.DataType(this=exp.DataType.build(sql_type, dialect="duckdb").this)


# What a type gives way to where two meet, as in DuckDB.
_WHOLE = _KINDS["integer"]
_GIVES_WAY: dict[Any, set[Any]] = {
    **{kind: {_T.BIGINT, _T.INT128, _T.DECIMAL, _T.FLOAT, _T.DOUBLE} for kind in _WHOLE},
    _T.BIGINT: {_T.INT128, _T.DECIMAL, _T.FLOAT, _T.DOUBLE},
    _T.INT128: {_T.DECIMAL, _T.FLOAT, _T.DOUBLE},
    _T.DECIMAL: {_T.FLOAT, _T.DOUBLE},
    _T.FLOAT: {_T.DOUBLE},
    _T.DATE: {_T.TIMESTAMP, _T.TIMESTAMPNTZ},
}


# ---- words of Spark
def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _cast(node: exp.Expr, to: str) -> exp.Expr:
    return exp.cast(node, exp.DataType.build(to, dialect="spark"), copy=False)


def _text(value: str) -> exp.Expr:
    return exp.Literal.string(value)


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value)


def kind_of(node: exp.Expr) -> str:
    """double, decimal, integer, date, timestamp, text, boolean, interval, null; else unknown."""
    of = node if isinstance(node, exp.DataType) else node.type
    kind = of.this if of else None
    return next((name for name, kinds in _KINDS.items() if kind in kinds), "unknown")


def _known(node: exp.Expr, inside: exp.Expr) -> str:
    kind = kind_of(node)
    if kind == "unknown":
        raise NotTranslated(
            f"the type of {node.sql('duckdb')[:60]} in {inside.key} cannot be told: CAST it"
        )
    return kind


# ---- before types are told
def _exact_literal(node: exp.Expr) -> exp.Expr:
    """1.5 is a decimal to both engines, and a double to the parser."""
    if not isinstance(node, exp.Literal) or node.is_string or not _is_exact(node.name):
        return node
    whole, _, fraction = node.name.partition(".")
    scale = len(fraction)
    width = max(len(whole.lstrip("0")), 1) + scale
    return exp.cast(node.copy(), exp.DataType.build(f"DECIMAL({width}, {scale})"))


def _is_exact(name: str) -> bool:
    return "." in name and name.replace(".", "", 1).isdigit()


def _own_function(node: exp.Expr, zone: str) -> exp.Expr:
    """The engine's own functions (core/engine.py) and those that only DuckDB has."""
    if isinstance(node, exp.Anonymous):
        make = _NAMED.get(node.name.lower())
        if make is None:
            raise NotTranslated(f"function {node.name.lower()}()")
        return make([item.copy() for item in node.expressions], zone)
    return node


def _local_time(arguments: list[exp.Expr], zone: str) -> exp.Expr:
    moment = _cast(arguments[0], _NTZ)
    if zone == "UTC":
        return moment
    return _cast(_call("CONVERT_TIMEZONE", _text("UTC"), _text(zone), moment), _NTZ)


def _local_day(arguments: list[exp.Expr], zone: str) -> exp.Expr:
    return _cast(_local_time(arguments, zone), "DATE")


def _day_start(arguments: list[exp.Expr], zone: str) -> exp.Expr:
    begin = _cast(_cast(arguments[0], "DATE"), _NTZ)
    if zone == "UTC":
        return begin
    return _cast(_call("CONVERT_TIMEZONE", _text(zone), _text("UTC"), begin), _NTZ)


def _before_export(arguments: list[exp.Expr], zone: str) -> exp.Expr:
    day = _cast(arguments[0].copy(), "DATE")
    first = exp.Least(this=arguments[0], expressions=[_day_start([day], zone)])
    return exp.Sub(this=first, expression=exp.Interval(this=_text("1"), unit=exp.var("SECOND")))


def _epoch_us(arguments: list[exp.Expr], zone: str) -> exp.Expr:
    return _cast(_call("UNIX_MICROS", _cast(arguments[0], "TIMESTAMP_LTZ")), "BIGINT")


def _to_json(arguments: list[exp.Expr], zone: str) -> exp.Expr:
    (value,) = arguments
    kept = sqlglot.parse_one("MAP('ignoreNullFields', 'false')", read="spark")
    if isinstance(value, exp.Struct):
        return _cast(_call("TO_JSON", value, kept), "STRING")
    # Spark writes no text by itself: it is what stands in an object of one value.
    name = exp.PropertyEQ(this=exp.to_identifier("v"), expression=_cast(value.copy(), "STRING"))
    written = _call("TO_JSON", exp.Struct(expressions=[name]), kept)
    inner = _call(
        "SUBSTR",
        written,
        _number(6),
        exp.Sub(this=_call("LENGTH", written.copy()), expression=_number(6)),
    )  # {"v":…}
    return _cast(
        exp.Case(
            ifs=[exp.If(this=exp.Not(this=exp.Is(this=value, expression=exp.Null())), true=inner)]
        ),
        "STRING",
    )


def _json_merge_patch(arguments: list[exp.Expr], zone: str) -> exp.Expr:
    return _cast(_call("JSON_MERGE_PATCH", *arguments), "STRING")


_NAMED: dict[str, Callable[[list[exp.Expr], str], exp.Expr]] = {
    "local_time": _local_time,
    "local_day": _local_day,
    "day_start": _day_start,
    "before_export": _before_export,
    "epoch_us": _epoch_us,
    "to_json": _to_json,
    "json_merge_patch": _json_merge_patch,
}


# ---- by type
def _rewritten(node: exp.Expr) -> exp.Expr:
    """What Spark has to be asked instead; the same node where it can be asked this."""
    if isinstance(node, exp.Median | exp.Filter | exp.Window):
        if isinstance(node.parent, exp.Filter | exp.Window) and node.arg_key == "this":
            return node
        inner: exp.Expr | None = node
        while isinstance(inner, exp.Filter | exp.Window):
            inner = inner.this
        if not isinstance(inner, exp.Median):
            return node
        if _known(inner.this, inner) not in ("double", "integer"):
            raise NotTranslated(f"median of a {kind_of(inner.this)}: CAST it AS DOUBLE")
        return _middle(node)
    rewrite = _BY_TYPE.get(type(node))
    return rewrite(node) if rewrite else node


def _div(node: exp.Expr) -> exp.Expr:
    """DuckDB divides doubles whatever stands there; by zero it answers inf, Spark stops."""
    left, right = (_cast(side.copy(), "DOUBLE") for side in (node.this, node.expression))
    return exp.Div(this=exp.paren(left, copy=False), expression=right, typed=False, safe=False)


def _avg(node: exp.Expr) -> exp.Expr:
    """Spark's average of decimals is a decimal of four more places."""
    if _known(node.this, node) == "double":
        return node
    return exp.Avg(this=_cast(node.this.copy(), "DOUBLE"))


def _middle(median: exp.Expr) -> exp.Expr:
    """What is asked of a median, its FILTER and OVER with it, as of the two values in the middle.

    Of two values DuckDB answers l + (h - l) / 2, Spark half of both: their last digits differ.
    """
    lower, upper = (_of_middle(median, is_upper) for is_upper in (False, True))
    distance = exp.paren(exp.Sub(this=upper, expression=lower.copy()))
    half = exp.Mul(this=distance, expression=_cast(exp.Literal.number("0.5"), "DOUBLE"))
    return exp.paren(exp.Add(this=lower, expression=half))


def _of_middle(median: exp.Expr, is_upper: bool) -> exp.Expr:
    whole = median.copy()
    inner = whole if isinstance(whole, exp.Median) else whole.find(exp.Median)
    assert inner is not None
    order = exp.Ordered(this=_cast(inner.this.copy(), "DOUBLE"), desc=is_upper)
    made = exp.WithinGroup(
        this=_call("PERCENTILE_DISC", exp.Literal.number("0.5")),
        expression=exp.Order(expressions=[order]),
    )
    if inner is whole:
        return made
    inner.replace(made)
    return whole


def _round(node: exp.Expr) -> exp.Expr:
    """Of a double DuckDB rounds what it is, Spark what it is written as: 1.005 is less."""
    if _known(node.this, node) != "double":
        return node
    places = node.args.get("decimals")
    if places is None:
        return node
    if not isinstance(places, exp.Literal):
        raise NotTranslated("round to places that are no literal")
    return _rounded(node.this.copy(), int(places.name))


def _rounded(value: exp.Expr, places: int) -> exp.Expr:
    if places == 0:
        return exp.Round(this=value)
    scale = _cast(_number(10**places), "DOUBLE")
    more = exp.Mul(this=exp.paren(value, copy=False), expression=scale)
    return exp.paren(
        exp.Div(this=exp.Round(this=more), expression=scale.copy(), typed=False, safe=False)
    )


def _cast_by_type(node: exp.Expr) -> exp.Expr:
    """Casts round in DuckDB, doubles to integers half to even, else half away from zero."""
    source, target = kind_of(node.this), kind_of(node.args["to"])
    if isinstance(node.this, exp.Literal):
        return node
    if target == "text" and source == "double":
        return _plain(node.this)
    if target == "integer" and source == "double":
        return _cast(_call("RINT", node.this.copy()), node.args["to"].sql("spark"))
    if target == "integer" and source == "decimal":
        return _cast(
            exp.Round(this=node.this.copy(), decimals=_number(0)), node.args["to"].sql("spark")
        )
    if target == "decimal" and source == "double":
        width, scale = (int(part.name) for part in node.args["to"].expressions)
        to = f"DECIMAL({width}, {scale})"
        if scale == 0:
            return _cast(exp.Round(this=node.this.copy()), to)
        more = exp.Mul(
            this=exp.paren(node.this.copy()), expression=_cast(_number(10**scale), "DOUBLE")
        )
        least = _cast(_text("0." + "1".rjust(scale, "0")), f"DECIMAL({scale}, {scale})")
        whole = _cast(exp.Round(this=more), f"DECIMAL({width}, 0)")
        return _cast(exp.Mul(this=whole, expression=least), to)
    return node


def _plain(value: exp.Expr) -> exp.Expr:
    """A double as text: Spark writes an exponent from 1e7 on and below 1e-3, DuckDB from 1e16 on and
    below 1e-4. Beyond those the texts differ.
    """
    made = sqlglot.parse_one(
        "CASE WHEN x <> 0 AND ABS(x) >= 1E-4 AND ABS(x) < 1E16 AND (ABS(x) < 1E-3 OR ABS(x) >= 1E7) "
        "THEN REGEXP_REPLACE(REGEXP_REPLACE(CAST(CAST(x AS DECIMAL(38, 20)) AS STRING), "
        "'0+$', ''), '[.]$', '.0') ELSE CAST(x AS STRING) END",
        read="spark",
    )
    for column in list(made.find_all(exp.Column)):
        column.replace(exp.paren(value.copy()))
    return made


def _sum_of_days(node: exp.Expr) -> exp.Expr:
    """Dates and numbers of days; a date and an interval, which is a time in DuckDB."""
    kinds = kind_of(node.this), kind_of(node.expression)
    sign = isinstance(node, exp.Sub)
    if kinds == ("date", "integer"):
        days = _cast(node.expression.copy(), "INT")
        return _call("DATE_SUB" if sign else "DATE_ADD", node.this.copy(), days)
    if kinds == ("integer", "date") and not sign:
        return _call("DATE_ADD", node.expression.copy(), _cast(node.this.copy(), "INT"))
    if kinds == ("date", "date") and sign:
        return _cast(_call("DATEDIFF", node.this.copy(), node.expression.copy()), "BIGINT")
    if isinstance(node.expression, exp.Interval) and kinds[0] == "date":
        return type(node)(this=_cast(node.this.copy(), _NTZ), expression=node.expression.copy())
    return node


def _interval(node: exp.Expr) -> exp.Expr:
    if node.this is None or isinstance(node.this, exp.Literal):
        return node
    raise NotTranslated("an interval of a length that is no literal")


def _date_diff(node: exp.Expr) -> exp.Expr:
    """Days, and boundaries of months and years: Spark counts months that have passed."""
    unit = str(node.args.get("unit") or "day").strip("'").lower()
    end, begin = node.this.copy(), node.expression.copy()
    if unit == "day":
        return _cast(_call("DATEDIFF", _cast(end, "DATE"), _cast(begin, "DATE")), "BIGINT")
    if unit not in ("month", "year"):
        raise NotTranslated(f"date_diff in units of {unit}")
    years = exp.Sub(this=_call("YEAR", end), expression=_call("YEAR", begin))
    if unit == "year":
        return _cast(exp.paren(years), "BIGINT")
    months = exp.Sub(this=_call("MONTH", end.copy()), expression=_call("MONTH", begin.copy()))
    twelve = exp.Mul(this=exp.paren(years), expression=_number(12))
    return _cast(exp.Add(this=twelve, expression=exp.paren(months)), "BIGINT")


def _extract(node: exp.Expr) -> exp.Expr:
    if str(node.this).lower() == "isodow":
        return exp.paren(
            exp.Add(this=_call("WEEKDAY", node.expression.copy()), expression=_number(1))
        )
    return node


def _lower(node: exp.Expr) -> exp.Expr:
    """Letter by letter, whatever stands around it: Spark makes ς of a last Σ, and two letters of İ."""
    plain = _call("TRANSLATE", node.this.copy(), _text("İΣ"), _text("iσ"))
    return exp.Lower(this=plain)


def _upper(node: exp.Expr) -> exp.Expr:
    """Letter by letter: Spark makes SS of ß, and FI of the one letter ﬁ."""
    made = sqlglot.parse_one(
        "ARRAY_JOIN(TRANSFORM(SPLIT(TRANSLATE(x, 'ß', 'ẞ'), ''), "
        "c -> CASE WHEN LENGTH(UPPER(c)) > 1 THEN c ELSE UPPER(c) END), '')",
        read="spark",
    )
    value = next(made.find_all(exp.Translate))
    value.set("this", node.this.copy())
    return made


_BY_TYPE: Mapping[type[exp.Expr], Callable[[Any], exp.Expr]] = {
    exp.Div: _div,
    exp.Avg: _avg,
    exp.Round: _round,
    exp.Cast: _cast_by_type,
    exp.Add: _sum_of_days,
    exp.Sub: _sum_of_days,
    exp.Interval: _interval,
    exp.DateDiff: _date_diff,
    exp.Extract: _extract,
    exp.Lower: _lower,
    exp.Upper: _upper,
}


# Functions that Spark lacks, by name: a session registers them before it runs the text.
FUNCTIONS: Mapping[str, Callable[..., str | None]] = {"json_merge_patch": json_merge_patch}
