"""One bad source does not stop a company: it is read as it last was, until it is mended."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from customer_intel_tests.unit.ingest.source_nights import Nights

pytestmark = pytest.mark.nights

FIRST = date(2026, 3, 2)
HEADER = "order_id,customer_ref,ordered_at,total,currency\n"
BAD = "id;kunde;am;summe\n1;a;x;2\n"


def day(n: int) -> date:
    return FIRST + timedelta(days=n - 1)


def orders(night: int, rows: int = 6, total: int = 10) -> str:
    lines = [
        f"{night}-{n},c{n},{day(night) - timedelta(days=1)} 0{n % 10}:00:00,{total + n},EUR"
        for n in range(rows)
    ]
    return HEADER + "\n".join(lines) + "\n"


@pytest.fixture
def company(tmp_path: Path) -> Nights:
    return Nights(tmp_path, ["orders", "products"], ["state_word", "order_version"])


def kept(company: Nights, source: str) -> list[str]:
    rows = company.rows("orders")
    own = rows.filter(pl.col("source_system") == source)
    return sorted(own["order_id"].str.split("-").list.first().unique().to_list())


def test_a_refused_file_holds_its_source_and_no_other(company: Nights) -> None:
    for n in (1, 2):
        for source in ("shop", "till"):
            company.land(source, day(n), "orders.csv", orders(n))
        company.run(day(n))
    company.land("shop", day(3), "orders.csv", BAD)
    company.land("shop", day(3), "products.csv", "product_id,title\np3,new\n")
    company.land("till", day(3), "orders.csv", orders(3))
    outcomes = company.run(day(3))
    assert all(outcome.passed for outcome in outcomes.values())
    assert (kept(company, "shop"), kept(company, "till")) == (["1", "2"], ["1", "2", "3"])
    # What else the source brought waits too: an order must not lack its product or its customer.
    assert not len(company.rows("products"))
    (state,) = company.rows("source_state").filter(pl.col("source_system") == "shop").to_dicts()
    assert (state["state"], state["stale_since"], state["held_since"]) == ("held", day(3), day(3))
    assert (state["export_date"], state["landed_date"]) == (day(2), day(3))
    assert state["reason"].startswith(f"shop/{day(3)}/orders.csv, column ")
    leaning = company.rows("stale_table")
    assert set(leaning["source_system"]) == {"shop"}
    assert {"order_fact", "customer_profile"} <= set(leaning["table_name"])
    files = dict(company.rows("export_file").select("source_file", "status").rows())
    assert files[f"shop/{day(3)}/orders.csv"] == "refused"
    assert files[f"shop/{day(3)}/products.csv"] == "held"
    assert files[f"till/{day(3)}/orders.csv"] == "accepted"


def test_mended_it_catches_up_and_equals_a_home_without_the_fault(tmp_path: Path) -> None:
    homes = [
        Nights(tmp_path / name, ["orders", "products"], ["state_word", "order_version"])
        for name in "ab"
    ]
    for company, is_bad in zip(homes, (True, False), strict=True):
        for n in range(1, 6):
            company.land("till", day(n), "orders.csv", orders(n))
            data = BAD if is_bad and n == 2 else orders(n, total=20)
            company.land("shop", day(n), "orders.csv", data)
            company.run(day(n))
            if is_bad and 2 <= n <= 4:
                assert kept(company, "shop") == ["1"]
                state = company.rows("source_state").row(0, named=True)
                assert (state["held_since"], state["export_date"]) == (day(2), day(1))
    held, whole = homes
    assert held.states() == {"shop": "held", "till": "current"}
    held.land("shop", day(2), "orders.csv", orders(2, total=20))
    for company in homes:
        company.land("shop", day(6), "orders.csv", orders(6))
        company.run(day(6))
    assert held.states() == whole.states() == {"shop": "current", "till": "current"}
    for name in ("orders", "order_version"):
        stamps = ["as_of", "snapshot_id"]
        one, other = (home.rows(name).drop(stamps, strict=False) for home in homes)
        assert one.sort(one.columns).equals(other.sort(other.columns)), name
    assert not len(held.rows("stale_table").filter(pl.col("source_system") == "shop"))


def test_while_it_is_held_a_replaced_file_stands_as_it_was(company: Nights) -> None:
    company.land("shop", day(1), "orders.csv", orders(1))
    company.land("till", day(1), "orders.csv", orders(1))
    company.run(day(1))
    before = company.rows("orders").sort("source_system", "order_id")
    company.land("shop", day(1), "orders.csv", orders(1, total=500))
    company.land("shop", day(2), "orders.csv", BAD)
    company.land("till", day(2), "orders.csv", orders(2))
    for n in (2, 3):
        company.land("till", day(n), "orders.csv", orders(n))
        company.run(day(n))
        shop = company.rows("orders").filter(pl.col("source_system") == "shop")
        stamps = ["as_of", "snapshot_id"]
        was = before.filter(pl.col("source_system") == "shop").drop(stamps, strict=False)
        assert shop.sort("order_id").drop(stamps, strict=False).equals(was)
    company.land("shop", day(2), "orders.csv", orders(2))
    company.land("till", day(4), "orders.csv", orders(4))
    company.run(day(4))
    assert kept(company, "shop") == ["1", "2"]
    shop = company.rows("orders").filter(
        (pl.col("source_system") == "shop") & pl.col("order_id").str.starts_with("1-")
    )
    assert shop["total"].min() == 500


def test_a_new_source_that_is_refused_holds_nobody(company: Nights) -> None:
    company.land("till", day(1), "orders.csv", orders(1))
    company.land("newcomer", day(1), "orders.csv", BAD)
    outcomes = company.run(day(1))
    assert all(outcome.passed for outcome in outcomes.values())
    assert company.states() == {"newcomer": "left_out", "till": "current"}
    assert kept(company, "till") == ["1"]
    assert not len(company.rows("stale_table"))


def test_a_required_source_stops_the_night(company: Nights) -> None:
    company.configure("sources", "shop: {required: true}\n")
    for source in ("shop", "till"):
        company.land(source, day(1), "orders.csv", orders(1))
    company.run(day(1))
    company.land("shop", day(2), "orders.csv", BAD)
    company.land("till", day(2), "orders.csv", orders(2))
    outcomes = company.run(day(2))
    closed = outcomes["source_state"]
    assert not closed.passed
    assert closed.reason.startswith(f"required source: shop: shop/{day(2)}/orders.csv")


@pytest.mark.parametrize("landed", ["nothing", "refused", "unmapped", "empty"])
def test_a_night_without_anything_usable_is_not_published(company: Nights, landed: str) -> None:
    files = {
        "refused": ("orders.csv", BAD),
        "unmapped": ("x.csv", "a,b\n1,2\n"),
        "empty": ("orders.csv", HEADER),
    }
    if landed != "nothing":
        company.land("shop", day(1), *files[landed])
    assert not company.run(day(1))["source_state"].passed
    company.land("shop", day(1), "orders.csv", orders(1))
    assert company.run(day(1))["source_state"].passed
    if landed == "refused":
        company.land("shop", day(2), *files[landed])
    if landed != "empty":
        outcome = company.run(day(2))["source_state"]
        assert not outcome.passed
        assert "nothing usable arrived" in outcome.reason


def test_a_night_without_news_is_published_where_nothing_was_due_or_where_so_set(
    company: Nights,
) -> None:
    company.land("shop", day(1), "orders.csv", orders(1))
    company.run(day(1))
    assert not company.run(day(2))["source_state"].passed
    company.configure("sources", "shop: {every: week}\n")
    assert company.run(day(2))["source_state"].passed
    assert not company.run(day(8))["source_state"].passed
    company.configure("ingest", "without_news: warn\n")
    assert company.run(day(8))["source_state"].passed
    assert company.states() == {"shop": "late"}


def test_the_same_night_again_finds_the_same(company: Nights) -> None:
    for n in (1, 2):
        company.land("shop", day(n), "orders.csv", orders(n, total=10 if n == 1 else 5000))
        company.run(day(n))
    before = company.rows("source_check")
    assert ("shop", "amount", "total") in company.found(day(2))
    company.run(day(2))
    assert company.rows("source_check").equals(before)


@pytest.mark.parametrize("said", ["{accepted}", "{{exports: {{orders: {accepted}}}}}"])
def test_a_failed_check_holds_the_source_until_a_person_accepts_it(
    company: Nights, said: str
) -> None:
    company.configure("sources", "shop: {on_fault: fail}\n")
    for n in (1, 2):
        company.land("till", day(n), "orders.csv", orders(n))
        company.land("shop", day(n), "orders.csv", orders(n, total=10 if n == 1 else 5000))
        company.run(day(n))
    assert (kept(company, "shop"), company.states()["shop"]) == (["1"], "held")
    company.land("shop", day(3), "orders.csv", orders(3))
    company.land("till", day(3), "orders.csv", orders(3))
    company.run(day(3))
    assert (kept(company, "shop"), company.states()["shop"]) == (["1"], "held")
    accepted = f"{{on_fault: fail, accepted: [{day(2)}]}}"
    company.configure("sources", f"shop: {said.format(accepted=accepted)}\n")
    company.run(day(3))
    assert (kept(company, "shop"), company.states()["shop"]) == (["1", "2", "3"], "current")


def test_a_good_file_landed_again_damaged_holds_its_source(company: Nights) -> None:
    for n in (1, 2):
        company.land("shop", day(n), "orders.csv", orders(n))
        company.land("till", day(n), "orders.csv", orders(n))
        company.run(day(n))
    company.land("shop", day(1), "orders.csv", BAD)
    company.land("till", day(3), "orders.csv", orders(3))
    outcomes = company.run(day(3))
    assert all(outcome.passed for outcome in outcomes.values())
    assert company.states() == {"shop": "held", "till": "current"}
    assert (kept(company, "shop"), kept(company, "till")) == (["1", "2"], ["1", "2", "3"])
    files = company.rows("export_file").filter(pl.col("source_file") == f"shop/{day(1)}/orders.csv")
    assert sorted(files["status"].to_list()) == ["accepted", "refused"]


def test_what_waited_counts_from_the_night_that_read_it(company: Nights) -> None:
    """Held on one night, mended on the next, that night again with another fault: as it was mended."""
    company.land("till", day(1), "orders.csv", orders(1))
    company.land("shop", day(1), "orders.csv", orders(1))
    company.land("till", day(1), "products.csv", "product_id,title\np1,one\nq1,two\n")
    company.run(day(1))
    company.land("shop", day(2), "orders.csv", BAD)
    company.land("shop", day(2), "products.csv", "product_id,title\np2,new\n")
    company.land("till", day(2), "orders.csv", orders(2))
    company.run(day(2))
    company.land("shop", day(2), "orders.csv", orders(2))
    company.land("till", day(3), "orders.csv", orders(3))
    company.run(day(3))
    assert kept(company, "shop") == ["1", "2"]
    assert len(company.rows("products")) == 3
    company.land("shop", day(3), "orders.csv", BAD)
    company.run(day(3))
    assert company.states()["shop"] == "held"
    assert (kept(company, "shop"), len(company.rows("products"))) == (["1", "2"], 3)
    company.land("till", day(4), "orders.csv", orders(4))
    company.run(day(4))
    assert (kept(company, "shop"), len(company.rows("products"))) == (["1", "2"], 3)
    company.land("shop", day(3), "orders.csv", orders(3))
    company.run(day(4))
    assert kept(company, "shop") == ["1", "2", "3"]


def test_a_night_run_again_falls_back_on_its_own_good_run(company: Nights) -> None:
    for source in ("shop", "till"):
        company.land(source, day(1), "orders.csv", orders(1))
    company.land("shop", day(1), "products.csv", "product_id,title\np1,one\n")
    company.run(day(1))
    before = company.rows("orders").drop("as_of", "snapshot_id", strict=False)
    company.land("shop", day(1), "orders.csv", BAD)
    company.land("till", day(1), "orders_2.csv", orders(2))
    outcomes = company.run(day(1))
    assert all(outcome.passed for outcome in outcomes.values())
    assert company.states() == {"shop": "held", "till": "current"}
    shop = company.rows("orders").filter(pl.col("source_system") == "shop")
    was = before.filter(pl.col("source_system") == "shop").sort("order_id")
    assert shop.drop("as_of", "snapshot_id", strict=False).sort("order_id").equals(was)
    assert (len(company.rows("products")), kept(company, "till")) == (1, ["1", "2"])
    # Once more, with another fault and a newer file that waits.
    company.land("shop", day(1), "orders.csv", "x;y\n1;2\n")
    company.land("shop", day(1), "products.csv", "product_id,title\np1,ONE\n")
    company.run(day(1))
    assert (kept(company, "shop"), company.rows("products")["title"].to_list()) == (["1"], ["one"])
    company.land("shop", day(1), "orders.csv", orders(1))
    company.run(day(1))
    assert (company.states()["shop"], company.rows("products")["title"].to_list()) == (
        "current",
        ["ONE"],
    )


def test_the_newest_export_in_use_is_that_of_the_tables(company: Nights) -> None:
    for n in (1, 2):
        company.land("till", day(n), "orders.csv", orders(n))
        company.land("shop", day(n), "orders.csv", orders(n))
        company.run(day(n))
    company.land("shop", day(2), "orders.csv", orders(2, total=99))
    company.land("shop", day(3), "orders.csv", BAD)
    company.land("till", day(3), "orders.csv", orders(3))
    company.run(day(3))
    (state,) = company.rows("source_state").filter(pl.col("source_system") == "shop").to_dicts()
    assert (state["state"], state["export_date"]) == ("held", day(2))
    files = company.rows("export_file").filter(pl.col("source_file") == f"shop/{day(2)}/orders.csv")
    assert sorted(files["status"].to_list()) == ["accepted", "held"]
    standing = files.filter(pl.col("status") == "accepted")["records_standing"].sum()
    assert standing == 6 == len([o for o in company.rows("orders").filter(
        pl.col("source_system") == "shop")["order_id"] if o.startswith("2-")])  # fmt: skip


def test_one_export_of_two_sources_and_hidden_files_are_named(company: Nights) -> None:
    company.land("shop", day(1), "orders.csv", orders(1))
    company.land("shop_eu", day(1), "orders.csv", orders(1))
    company.land("shop", day(1), ".orders.csv", orders(2))
    company.run(day(1))
    assert company.found(day(1)) == [("shop", "hidden", ""), ("shop_eu", "copied", "")]


def test_a_night_that_ended_at_its_sources_bars_no_other(company: Nights) -> None:
    from customer_intel.orchestration import export_dates

    assert "source_check" in export_dates.memory()
    assert not {"source_check", "source_state"} & set(export_dates.doors())
    company.land("shop", day(1), "orders.csv", orders(1))
    company.run(day(1))
    company.land("shop", day(3), "orders.csv", BAD)
    assert not company.run(day(3))["source_state"].passed
    company.land("shop", day(2), "orders.csv", orders(2))
    assert all(outcome.passed for outcome in company.run(day(2)).values())
    assert company.rows("source_check").filter(pl.col("judged_on") > day(2)).is_empty()
