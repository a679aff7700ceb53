"""What rooms' reports are handed of money."""

from __future__ import annotations

from pathlib import Path

from customer_intel.core.report.evidence import Evidence
from customer_intel.core.store.lake import Lake
from customer_intel.publish.money import with_money
from customer_intel_tests.unit.report_lake import AS_OF, SNAPSHOT, accept, money


def test_sums_are_told_in_the_reporting_currency_and_what_has_no_rate_is_counted(
    tmp_path: Path,
) -> None:
    lake = Lake(tmp_path)
    used = [
        {
            "currency": "EUR",
            "n_amounts": 9,
            "is_reporting": True,
            "reporting_basis": "most_amounts",
        },
        {
            "currency": "JPY",
            "n_amounts": 2,
            "is_reporting": False,
            "reporting_basis": "most_amounts",
        },
    ]
    sale = {"is_sale": True, "is_counted": True}
    orders = [
        {"order_key": "1", "currency": "EUR", "net_reporting": money(5), **sale},
        {"order_key": "2", "currency": "JPY", **sale},
        {"order_key": "3", "currency": "JPY"},
    ]
    versions = {
        "currency_use": accept(lake, "currency_use", used),
        "order_fact": accept(lake, "order_fact", orders),
    }
    evidence = with_money(Evidence.of_night(lake, versions, AS_OF, SNAPSHOT))
    assert evidence.currency == "EUR"
    assert evidence.unconverted == (("JPY", 1),)
    nothing = with_money(Evidence.of_night(lake, {}, AS_OF, SNAPSHOT))
    assert (nothing.currency, nothing.unconverted) == ("", ())
