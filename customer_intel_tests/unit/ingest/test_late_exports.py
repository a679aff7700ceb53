"""I6: exports that overlap, come again and come three days late end in the totals that an oracle
adds up.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from customer_intel_tests.unit.ingest.test_snapshots import Company

ORDERS = """\
source: crm
files: "people*"
entity: orders
columns: {order_id: id, ordered_at: made, updated_at: changed, currency: "'EUR'", total: total}
"""
HEADER = "id,made,changed,total"
DAYS, PER_DAY, OVERLAP, LATE = 9, 6, 3, 3


@dataclass(frozen=True)
class Order:
    key: str
    made: int
    changed: int
    cents: int

    def line(self) -> str:
        made, changed = (date(2026, 2, 1) + timedelta(day - 1) for day in (self.made, self.changed))
        return f"{self.key},{made},{changed},{self.cents / 100:.2f}"


def exports(dice: random.Random) -> dict[int, list[Order]]:
    """export day → the orders that changed in the OVERLAP days before it, as they stood then."""
    versions: list[Order] = []
    for day in range(1, DAYS + 1):
        versions += [
            Order(f"{day}-{n}", day, day, dice.randrange(100, 9000)) for n in range(PER_DAY)
        ]
        for order in dice.sample(
            [order for order in versions if order.changed < day], k=min(3, (day - 1) * PER_DAY)
        ):
            if max(v.changed for v in versions if v.key == order.key) < day:
                versions.append(Order(order.key, order.made, day, dice.randrange(100, 9000)))
    found = {}
    for day in range(1, DAYS + 1):
        newest = {order.key: order for order in versions if order.changed <= day}
        found[day] = [order for order in newest.values() if order.changed > day - OVERLAP]
    return found


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_overlapping_resent_and_late_exports_end_in_the_oracles_totals(
    tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    company, sent, arrived = Company(tmp_path, ORDERS, "orders"), exports(dice), {}
    late = set(dice.sample(range(2, DAYS - LATE), 2))
    for day in range(1, DAYS + 1):
        for export in [day] if day not in late else []:
            arrived[export] = sent[export]
        for export in {day - LATE} & late:
            arrived[export] = sent[export]
        for export in arrived:
            if not (tmp_path / f"landing/crm/2026-02-{export:02d}").exists():
                rows = [order.line() for order in arrived[export]]
                company.land(
                    export,
                    *dice.sample(rows, len(rows)),
                    name=f"people_{export}.csv",
                    header=HEADER,
                )
        again = dice.choice(sorted(arrived))
        rows = [order.line() for order in arrived[again]]
        # The same rows under another name, whole or cut in two files that overlap.
        company.land(again, *rows, name=f"people_{again}_again.csv", header=HEADER)
        company.land(
            again, *rows[: len(rows) // 2 + 1], name=f"people_{again}_part.csv", header=HEADER
        )
        company.night(day)
        newest: dict[str, Order] = {}
        for order in sorted(
            (o for orders in arrived.values() for o in orders), key=lambda order: order.changed
        ):
            newest[order.key] = order
        expected = sorted((order.key, order.cents) for order in newest.values())
        assert company.standing("order_id, CAST(total * 100 AS BIGINT)") == expected
    assert len(arrived) == DAYS


def test_the_exports_overlap_and_hold_corrections() -> None:
    sent = exports(random.Random(0))
    seen = [order.key for orders in sent.values() for order in orders]
    versions = {(order.key, order.changed) for orders in sent.values() for order in orders}
    assert len(seen) > 2 * len(set(seen)) and len(versions) > len(set(seen)) + DAYS
