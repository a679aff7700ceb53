"""The till and web counter in Germany: orders in euro that begin late in the history, their lines
and credit notes.

Also here: what a euro was worth. Persons and weeks come from world.py; half of the buyers say who
they are.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from customer_intel.demo.clock import DAY, NEVER, WEEKDAY, Array, Bools, Ints, choose, season
from customer_intel.demo.doings import draw_lines

OPEN_FOR = 120  # days before the end
ORDERS_PER_CUSTOMER_DAY = 0.0024
CREDIT_SHARE = 0.03
# what becomes of an order in the end, and of how many
FATES = {
    "paid": 0.871,
    "open": 0.03,
    "cancelled": 0.03,
    "partly_refunded": 0.025,
    "refunded": 0.03,
    "test": 0.012,
}
FATES |= {"unclear": 0.002, "credit_note": 0.0}
PAID, OPEN, CANCELLED, PARTLY, REFUNDED, TEST, UNCLEAR, CREDIT = range(len(FATES))
UNCLEAR_FROM = 60  # with so many orders there is at least one that nobody understands
AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")


def opening(days: int) -> int:
    """The day of the first order."""
    return days - min(OPEN_FOR, days // 2)


def orders(
    rng: np.random.Generator,
    traits: dict[str, Array],
    weekly: dict[str, Array],
    shop: pl.DataFrame,
    days: int,
    t0: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Orders in order of time (person -1: nobody knows) and their lines; a credit note is an order
    below nothing.
    """
    day = np.sort(_days(rng, len(traits["signup"]), days, t0))
    person = np.where(rng.random(len(day)) < 0.5, _buyers(rng, traits, weekly, shop, day, t0), -1)
    sales = _sales(rng, person, t0 + day * DAY + 7 * 3600 + rng.integers(0, 11 * 3600, len(day)))
    spend = np.where(
        sales["person"].to_numpy() >= 0, traits["spend"][sales["person"].to_numpy()], 1.0
    )
    lines = draw_lines(
        rng, 1 + rng.binomial(3, 0.2, len(sales)), spend, sales["created"].to_numpy()
    )
    sales = _priced(rng, sales, lines)
    return _numbered(sales, _credits(rng, sales, t0 + days * DAY), lines)


def _days(rng: np.random.Generator, customers: int, days: int, t0: int) -> Ints:
    open_days = np.arange(opening(days), days)
    weight = WEEKDAY[open_days % 7] * season(t0 // DAY + open_days, shopping=True)
    n = int(rng.poisson(customers * ORDERS_PER_CUSTOMER_DAY * len(open_days)))
    return opening(days) + choose(rng, weight, n)


def _buyers(
    rng: np.random.Generator,
    traits: dict[str, Array],
    weekly: dict[str, Array],
    shop: pl.DataFrame,
    day: Ints,
    t0: int,
) -> Ints:
    """For each order a regular of the shop who has bought there before and has not left, the keen
    ones more often.
    """
    first = np.full(len(traits["signup"]), NEVER)
    np.minimum.at(first, shop["person"].to_numpy(), (shop["created"].to_numpy() - t0) // DAY)
    person = np.full(len(day), -1, dtype=np.int64)
    # Day by day, for who may buy depends on the day's week.
    for d in np.unique(day):
        weight = (
            weekly["alive"][:, d // 7]
            * (traits["kind"] == 2)
            * (first < d)
            * np.exp(0.6 * weekly["z"][:, d // 7])
        )
        orders_of_day = np.nonzero(day == d)[0]
        if weight.sum() > 0:
            person[orders_of_day] = choose(rng, weight, len(orders_of_day))
    return person


def _sales(rng: np.random.Generator, person: Ints, created: Ints) -> pl.DataFrame:
    """Who buys when, what becomes of it, and when: over the counter at once, by parcel in steps."""
    n = len(person)
    fate = choose(rng, list(FATES.values()), n)
    if n >= UNCLEAR_FROM:
        fate[rng.integers(n // 4, n // 2)] = UNCLEAR
    person = np.where(fate == TEST, -1, person)
    by_parcel = (rng.random(n) < 0.45) | (fate == OPEN) | (fate == CANCELLED)
    wait = (rng.gamma(1.0, 0.6 * DAY, n)).astype(np.int64) + 600
    is_unpaid = np.isin(fate, (OPEN, CANCELLED, TEST))
    paid = np.where(is_unpaid, NEVER, np.where(by_parcel, created + wait, created))
    is_sent = by_parcel & ~is_unpaid
    shipped = np.where(
        is_sent, paid + (rng.gamma(2.0, 0.5 * DAY, n)).astype(np.int64) + 3600, NEVER
    )
    delivered = np.where(
        is_sent, shipped + (rng.gamma(3.0, 0.7 * DAY, n)).astype(np.int64) + DAY, NEVER
    )
    done_at = np.where(fate == CANCELLED, created, np.where(is_sent, delivered, created))
    ends = done_at + rng.integers(3600, np.where(fate == CANCELLED, 2 * DAY, 9 * DAY), n)
    return pl.DataFrame(
        {
            "person": person,
            "created": created,
            "fate": fate,
            "by_parcel": by_parcel,
            "paid": paid,
            "shipped": shipped,
            "delivered": delivered,
            "ends": np.where(np.isin(fate, (CANCELLED, PARTLY, REFUNDED, UNCLEAR)), ends, NEVER),
            "share_back": np.where(
                fate == PARTLY, 0.2 + 0.5 * rng.random(n), np.where(fate == REFUNDED, 1.0, 0.0)
            ),
            # half of what is given back whole has no amount, half of the cancellations no time
            "is_told": rng.random(n) < 0.5,
        }
    ).with_row_index("sale")


def _priced(rng: np.random.Generator, sales: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    n = len(sales)
    line_totals = (lines["price"] * lines["quantity"]).to_numpy()
    subtotal = np.bincount(lines["order"].to_numpy(), line_totals, n).astype(np.int64)
    discount = np.where(rng.random(n) < 0.1, np.round(subtotal * 0.05), 0).astype(np.int64)
    shipping = np.where(sales["by_parcel"].to_numpy() & (subtotal - discount < 4000), 490, 0)
    tax = np.round((subtotal - discount) * 0.07).astype(np.int64)
    total = subtotal - discount + shipping + tax
    given_back = np.round(total * sales["share_back"].to_numpy()).astype(np.int64)
    amounts = {
        "subtotal": subtotal,
        "discount": discount,
        "shipping": shipping,
        "tax": tax,
        "total": total,
        "back": given_back,
    }
    return sales.drop("share_back").with_columns(
        **{name: pl.Series(values) for name, values in amounts.items()}
    )


def _credits(rng: np.random.Generator, sales: pl.DataFrame, t1: int) -> pl.DataFrame:
    """Credit notes over a whole earlier order: every second names it, the others only fit by
    customer and amount.
    """
    done_at = (
        np.where(
            sales["by_parcel"].to_numpy(),
            sales["delivered"].to_numpy(),
            sales["created"].to_numpy(),
        )
        + DAY
    )
    is_creditable: Bools = (
        (sales["fate"].to_numpy() == PAID) & (sales["person"].to_numpy() >= 0) & (done_at < t1)
    )
    originals = np.nonzero(is_creditable)[0]
    count = min(len(originals), round(CREDIT_SHARE * len(sales)))
    originals = np.sort(rng.choice(originals, count, replace=False)) if count else originals[:0]
    credited_at = done_at[originals] + (
        rng.random(count) * np.minimum(t1 - done_at[originals], 30 * DAY)
    ).astype(np.int64)
    notes = sales[originals].with_columns(
        *[-pl.col(c) for c in AMOUNTS],
        returns_sale=pl.Series(originals, dtype=pl.Int64),
        names_original=pl.Series(np.arange(count) % 2 == 0),
        created=pl.Series(credited_at),
        paid=pl.Series(credited_at),
        fate=pl.lit(CREDIT, dtype=pl.Int64),
    )
    never = pl.lit(NEVER, dtype=pl.Int64)
    return notes.with_columns(shipped=never, delivered=never, ends=never)


def _numbered(
    sales: pl.DataFrame, notes: pl.DataFrame, lines: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sales and credit notes in one row of numbers, as the till gives them out, and the lines of
    both.
    """
    plain = sales.with_columns(
        returns_sale=pl.lit(-1, dtype=pl.Int64), names_original=pl.lit(False)
    )
    both = pl.concat([plain, notes.select(plain.columns)]).sort(
        "created", "total", "sale", descending=[False, True, False]
    )
    both = both.with_row_index("order").with_columns(pl.col("order").cast(pl.Int64))
    is_note = pl.col("fate") == CREDIT
    first = both.filter(~is_note).select(
        returns_sale=pl.col("sale").cast(pl.Int64), returns=pl.col("order")
    )
    both = both.join(first, on="returns_sale", how="left", maintain_order="left").with_columns(
        pl.col("returns").fill_null(-1)
    )
    order_numbers = both.select("order", "created", "fate", sale=pl.col("sale").cast(pl.Int64))
    rows = order_numbers.join(
        lines.rename({"order": "sale"}), on="sale", how="inner", maintain_order="left"
    ).with_columns(
        quantity=pl.when(is_note).then(-pl.col("quantity")).otherwise("quantity"),
        line=pl.int_range(pl.len()).over("order") + 1,
    )
    return both.drop("sale", "returns_sale"), rows.drop("sale", "fate")


def euro_rates(rng: np.random.Generator, days: int, t0: int) -> pl.DataFrame:
    """What a euro was worth in dollars on each day of the history: a gentle walk that is drawn back
    to 1.08.
    """
    deviation, rates = 0.0, []
    for step in rng.normal(0.0, 0.003, days):
        deviation = 0.95 * deviation + float(step)
        rates.append(round(1.08 * float(np.exp(deviation)), 5))
    return pl.DataFrame({"at": t0 + np.arange(days) * DAY, "rate": rates})
