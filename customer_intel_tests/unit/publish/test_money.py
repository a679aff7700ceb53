"""What rooms' reports are handed of money."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from customer_intel.publish.money import with_money
from customer_intel.testing import TableLab


def test_sums_are_told_in_the_reporting_currency_and_what_has_no_rate_is_counted(
    tmp_path: Path,
) -> None:
    lab = TableLab(date(2026, 7, 1))
    nothing = with_money(lab.evidence(tmp_path))
    assert (nothing.currency, nothing.unconverted) == ("", ())
    lab.put(
        "currency_use",
        [{"currency": "EUR", "is_reporting": True}, {"currency": "JPY", "is_reporting": False}],
    )
    lab.put(
        "order_fact",
        [
            {"order_key": "1", "currency": "EUR", "is_sale": True, "net_reporting": Decimal(5)},
            {"order_key": "2", "currency": "JPY", "is_sale": True, "net_reporting": None},
            {"order_key": "3", "currency": "JPY", "is_sale": False, "net_reporting": None},
        ],
    )
    evidence = with_money(lab.evidence(tmp_path))
    assert (evidence.currency, evidence.unconverted) == ("EUR", (("JPY", 1),))
