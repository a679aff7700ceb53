"""A condition means what DuckDB makes of it, and says what it may not."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

from customer_intel.behaviour import conditions

ROWS = pl.DataFrame(
    {
        "channel": ["web", "app", None, "web x", "email"],
        "device_type": ["web", "mobile", None, "x", "email"],
        "revenue": [100.0, 99.99, None, 0.0, -5.0],
        "revenue_impact": [50.0, 0.0, 3.0, None, 5.0],
        "is_own_act": [True, False, None, True, False],
        "day": ["2026-01-01", "2026-01-02", None, "2025-12-31", "2026-02-01"],
        "customer.country": ["DE", "FR", "DE", None, "email"],
    },
    schema_overrides={"revenue": pl.Decimal(18, 2), "revenue_impact": pl.Decimal(18, 2)},
).with_columns(pl.col("day").str.to_date())


@pytest.mark.parametrize(
    "text",
    [
        "revenue >= 100 and channel = 'web'",
        "revenue < 100 or channel like 'web%'",
        "not channel in ('web', 'app')",
        "channel not in ('web', device_type)",
        "channel = device_type",
        "channel not like '_e%'",
        "revenue between -5 and 99.99",
        "revenue not between revenue_impact and 2 * revenue_impact",
        "revenue / revenue_impact > 1",
        "revenue + 1 - revenue_impact * 2 <= -4",
        "is_own_act and revenue is not null",
        "not is_own_act or channel is null",
        "is_own_act = true",
        "day >= date '2026-01-01' and day < timestamp '2026-02-01 00:00:00'",
        "customer.country = activity.channel or customer.country <> 'DE'",
    ],
)
def test_it_is_what_duckdb_makes_of_it(text: str) -> None:
    rows = ROWS.with_row_index("row")
    found = rows.filter(conditions.expression(text))["row"].to_list()
    told = rows.rename({"customer.country": "country"}).to_arrow()
    said = text.replace("customer.country", "country").replace("activity.channel", "channel")
    # By 0, nothing: DuckDB says infinity.
    said = said.replace("/ revenue_impact", "/ nullif(revenue_impact, 0)")
    expected = duckdb.sql(f"SELECT row FROM told WHERE {said} ORDER BY row").fetchall()
    assert told.num_rows == 5
    assert found == [row for (row,) in expected]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channel = 'a'; drop table x", "is no single condition|says"),
        ("channel in (select 1)", "says channel IN"),
        ("lower(channel) = 'a'", "says LOWER"),
        ("day > current_date", "says CURRENT_DATE"),
        ("channel > 3", "compares channel, which is text, with 3, which is number"),
        ("revenue", "is number, not a condition"),
        ("revenue and is_own_act", "revenue is number, where yes or no is needed"),
        ("channel = ", "is no condition"),
        ("reven > 3", "names 'reven', which is no column of activity or of the customer; did you mean revenue"),
        ("customer.email = 'x'", "names 'customer.email', which is no column"),
        ("day > date 'soon'", "'soon' is no date"),
        ("channel = null", "says NULL"),
        ("", "is empty; leave it out"),
    ],
)  # fmt: skip
def test_what_it_may_not_say_is_named(text: str, said: str) -> None:
    with pytest.raises(conditions.ConditionFault, match=said.replace("(", r"\(")):
        conditions.check(text)


def test_columns_are_told_by_table() -> None:
    assert conditions.columns_of(
        "segment = 'a' and channel = customer.first_source and revenue > mrr"
    ) == (
        {"channel", "revenue"},
        {"segment", "first_source", "mrr"},
    )
