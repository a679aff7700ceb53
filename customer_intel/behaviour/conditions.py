"""Conditions on what was done and by whom: SQL of a few kinds, checked when it is declared, computed by
Polars.

Belongs here: what a condition may say, its columns and their kinds, its translation. Not here: which
behaviours have one (declaration.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from functools import cache
from typing import Any

import polars as pl
import sqlglot
from sqlglot import exp

from customer_intel.core.contract.load import load
from customer_intel.core.contract.model import suggestion

# Of activity, what tells of the act itself: no ids of people, no JSON.
OF_ACTIVITY = (
    "act", "activity", "channel", "touchpoint_id", "journey_stage", "source_system", "device_type", "revenue",
    "revenue_impact", "currency", "is_own_act", "account_id", "day", "ts",
)  # fmt: skip
CUSTOMER = "behaviour_customer"
# What a column of the customer is called beside those of activity.
PREFIX = "customer."

_KINDS = {
    "text": "text", "int": "number", "float": "number", "money": "number", "bool": "yes or no", "date": "time",
    "timestamp": "time",
}  # fmt: skip
_COMPARE: dict[type[exp.Expr], Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    exp.EQ: lambda a, b: a == b,
    exp.NEQ: lambda a, b: a != b,
    exp.GT: lambda a, b: a > b,
    exp.GTE: lambda a, b: a >= b,
    exp.LT: lambda a, b: a < b,
    exp.LTE: lambda a, b: a <= b,
}
_ARITHMETIC: dict[type[exp.Expr], Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    exp.Add: lambda a, b: a + b,
    exp.Sub: lambda a, b: a - b,
    exp.Mul: lambda a, b: a * b,
    # By nothing: nothing, as SQL has it.
    exp.Div: lambda a, b: a / pl.when(b != 0).then(b),
}
_ALLOWED = (
    "comparisons, and, or, not, in (…), between, like, is null and + - * / of columns, numbers, "
    "'texts' and date '2026-01-31'"
)

_Part = tuple[pl.Expr, str]


class ConditionFault(ValueError):
    """A condition says what none may; the message says what, and what may stand there."""


@cache
def columns() -> dict[str, str]:
    """What a condition may name → its kind. A column of both tables is the act's; customer.channel and
    activity.channel say which.
    """
    tables = load().tables
    of_act = {"act": "text"}
    of_act |= {
        name: _KINDS[tables["activity"].by_name[name].type] for name in OF_ACTIVITY if name != "act"
    }
    of_customer = {
        column.name: _KINDS[column.type]
        for column in tables[CUSTOMER].columns
        if column.name not in ("customer_id", "as_of", "snapshot_id")
    }
    named = {f"activity.{name}": kind for name, kind in of_act.items()}
    named |= {f"{PREFIX}{name}": kind for name, kind in of_customer.items()}
    return {**of_customer, **of_act, **named}


def check(text: str) -> None:
    """Raises ConditionFault for a condition that cannot be asked."""
    expression(text)


def columns_of(text: str) -> tuple[set[str], set[str]]:
    """The columns of activity, and those of the customer, that the condition names."""
    of_act: set[str] = set()
    of_customer: set[str] = set()
    for node in _parsed(text).find_all(exp.Column):
        place, name = _place(node)
        (of_customer if place == "customer" else of_act).add(name)
    return of_act, of_customer


def of_customers(customers: pl.LazyFrame, names: Iterable[str]) -> pl.LazyFrame:
    """customer_id and the named columns of behaviour_customer, as `expression` calls them."""
    return customers.select(
        "customer_id", *(pl.col(name).alias(f"{PREFIX}{name}") for name in sorted(names))
    )


def expression(text: str) -> pl.Expr:
    """The condition over rows of activity that have the customer's columns as `customer.<name>`, and
    `act`. Where a value is empty, a comparison with it does not hold.

    Raises ConditionFault.
    """
    made, kind = _made(_parsed(text))
    if kind != "yes or no":
        raise ConditionFault(f"is {kind}, not a condition; compare it with something")
    return made.fill_null(value=False)


@cache
def _parsed(text: str) -> exp.Expr:
    try:
        found = sqlglot.parse(text, read="duckdb")
        comments = [
            said for token in sqlglot.tokenize(text, read="duckdb") for said in token.comments
        ]
    except sqlglot.errors.SqlglotError as error:
        raise ConditionFault(_unread(error)) from None
    if comments:
        raise ConditionFault(
            "holds a comment of SQL (-- or /* */); write it as one of YAML, behind #"
        )
    if not any(found):
        raise ConditionFault("is empty; leave it out, or write one such as revenue >= 100")
    if len(found) != 1 or found[0] is None:
        raise ConditionFault("is no single condition; join several by and, or")
    return found[0]


def _unread(error: sqlglot.errors.SqlglotError) -> str:
    """What cannot be read, and where; without the words of who reads it."""
    told: list[dict[str, Any]] = getattr(error, "errors", [])
    near = str(told[0].get("highlight") or "").strip() if told else ""
    before = str(told[0].get("start_context") or "").strip()[-30:] if told else ""
    place = " ".join(part for part in (before, near) if part)
    where = f" at '{place}'" if place else ""
    return f"is no condition: something is missing or too much{where}; it is made of {_ALLOWED}"


def _place(node: exp.Column) -> tuple[str, str]:
    """('activity' or 'customer', column). Raises ConditionFault for a column that is not there."""
    known = columns()
    name = ".".join(part.name for part in node.parts)
    if name not in known:
        bare = [word for word in known if "." not in word]
        near = suggestion(name, known if "." in name else bare)
        raise ConditionFault(
            f"names '{name}', which is no column of activity or of the customer"
            f"{near or '; those are ' + ', '.join(sorted(bare))}"
        )
    if "." in name:
        place, _, column = name.partition(".")
        return place, column
    return ("activity" if f"activity.{name}" in known else "customer"), name


def _made(node: exp.Expr) -> _Part:
    """The node as an expression, and its kind."""
    if isinstance(node, exp.Paren):
        return _made(node.this)
    if isinstance(node, exp.Column):
        return _column(node)
    if isinstance(node, exp.Literal):
        return (
            (pl.lit(node.this), "text") if node.is_string else (pl.lit(float(node.this)), "number")
        )
    if isinstance(node, exp.Boolean):
        return pl.lit(bool(node.this)), "yes or no"
    if isinstance(node, exp.Cast):
        return _time(node), "time"
    if isinstance(node, exp.Neg):
        return -_of_kind(node.this, "number"), "number"
    if type(node) in _ARITHMETIC:
        sides = (_of_kind(side, "number") for side in (node.this, node.expression))
        return _ARITHMETIC[type(node)](*sides), "number"
    return _logical(node), "yes or no"


def _logical(node: exp.Expr) -> pl.Expr:
    if isinstance(node, exp.And | exp.Or):
        left, right = (_of_kind(side, "yes or no") for side in (node.this, node.expression))
        return left & right if isinstance(node, exp.And) else left | right
    if isinstance(node, exp.Not):
        return ~_of_kind(node.this, "yes or no")
    if type(node) in _COMPARE:
        left, right = _alike(node.this, node.expression)
        return _COMPARE[type(node)](left, right)
    made = _asked(node)
    return ~made if node.args.get("negate") else made


def _asked(node: exp.Expr) -> pl.Expr:
    """between, in, is null, like."""
    if isinstance(node, exp.Between):
        low, high = node.args["low"], node.args["high"]
        at_least, at_most = _alike(node.this, low), _alike(node.this, high)
        return (at_least[0] >= at_least[1]) & (at_most[0] <= at_most[1])
    if isinstance(node, exp.In) and node.expressions and not node.args.get("query"):
        pairs = [_alike(node.this, item) for item in node.expressions]
        found = pairs[0][0] == pairs[0][1]
        for left, right in pairs[1:]:
            found = found | (left == right)
        return found
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        return _made(node.this)[0].is_null()
    if isinstance(node, exp.Like) and isinstance(node.expression, exp.Literal):
        pattern = re.escape(node.expression.this).replace("%", ".*").replace("_", ".")
        return _of_kind(node.this, "text").str.contains(f"^(?s:{pattern})$")
    said = node.sql(dialect="duckdb")
    raise ConditionFault(f"says {said[:60]}; a condition is made of {_ALLOWED}")


def _column(node: exp.Column) -> _Part:
    place, name = _place(node)
    kind = columns()[f"{place}.{name}"]
    made = pl.col(f"{PREFIX}{name}" if place == "customer" else name)
    if kind == "number":
        return made.cast(pl.Float64), kind
    return (made.cast(pl.Datetime("us")) if kind == "time" else made), kind


def _time(node: exp.Cast) -> pl.Expr:
    kind, value = node.to.this, node.this
    to_time = {
        exp.DType.DATE: date.fromisoformat,
        exp.DType.TIMESTAMP: datetime.fromisoformat,
        exp.DType.TIMESTAMPNTZ: datetime.fromisoformat,
    }
    if not isinstance(value, exp.Literal) or not value.is_string or kind not in to_time:
        raise ConditionFault(
            f"says {node.sql(dialect='duckdb')[:60]}; a condition is made of {_ALLOWED}"
        )
    try:
        said = to_time[kind](value.this)
    except ValueError:
        raise ConditionFault(
            f"'{value.this}' is no date; write date '2026-01-31' or timestamp '2026-01-31 08:00:00'"
        ) from None
    return pl.lit(said).cast(pl.Datetime("us"))


def _of_kind(node: exp.Expr, kind: str) -> pl.Expr:
    made, found = _made(node)
    if found != kind:
        raise ConditionFault(
            f"{node.sql(dialect='duckdb')[:60]} is {found}, where {kind} is needed"
        )
    return made


def _alike(left: exp.Expr, right: exp.Expr) -> tuple[pl.Expr, pl.Expr]:
    (one, kind), (other, other_kind) = _made(left), _made(right)
    if kind != other_kind:
        said = " with ".join(
            f"{side.sql(dialect='duckdb')[:40]}, which is {found},"
            for side, found in ((left, kind), (right, other_kind))
        )
        raise ConditionFault(f"compares {said.rstrip(',')}")
    return one, other


def needed(texts: Iterator[str | None]) -> tuple[set[str], set[str]]:
    """As `columns_of`, of several conditions, some of which may be none."""
    of_act: set[str] = set()
    of_customer: set[str] = set()
    for text in texts:
        if text:
            act, customer = columns_of(text)
            of_act |= act
            of_customer |= customer
    return of_act, of_customer
