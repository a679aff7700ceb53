"""For tests of tables, the shipped ones and your own: literal rows in, a table or a chain of tables
out, and poison.

    lab = TableLab(date(2026, 7, 1))
    lab.put("rfm", [{"customer_id": "a", "monetary": Decimal("900")},
                    {"customer_id": "b", "monetary": Decimal("20")}])
    assert lab.run("big_spenders")["customer_id"].to_list() == ["a"]
    assert lab.poison("big_spenders", monetary=Decimal("20")) == ["between monetary ≥ 500"]
"""

from customer_intel.testing.lab import TableLab

__all__ = ["TableLab"]
