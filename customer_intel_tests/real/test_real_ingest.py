"""The public data sets through the shipped mappings: every row accounted for, every known fault
found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.land.landing_folder import COUNTS

pytestmark = pytest.mark.slow

CONFIG = yamlfile.load(Path(landing.__file__).parent.parent / "config.yaml")
NIGHT = date(2026, 11, 20)


class Taken:
    """What a whole data set became: rows per entity, and the ledger by mapping."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.facts: dict[str, dict[str, Any]] = {}
        self.files: dict[str, list[Path]] = {}
        for name, entity in contract.load().entities.items():
            room = work / name
            room.mkdir()
            result = landing.ingest(
                entity=entity, landing=folder, mappings_dir=None, as_of=NIGHT, known=[], workdir=room,
                con=DuckDBEngine(EngineSettings(), [room]).con, config=CONFIG,
            )  # fmt: skip
            assert [
                finding for finding in result.findings if finding["severity"] == "critical"
            ] == []
            for part in result.parts:
                assert part.facts["mapping"] not in self.facts
                self.facts[part.facts["mapping"]] = part.facts
                self.files.setdefault(name, []).append(part.parquet)

    def rows(self, entity: str) -> pl.DataFrame:
        return pl.concat(pl.read_parquet(path) for path in self.files[entity])

    def check(self, mapping: str, name: str) -> int:
        return int(self.facts[mapping]["checks"][name][0])

    def assert_identity(self) -> None:
        for facts in self.facts.values():
            read, accepted, quarantined, duplicate, skipped, _ = (facts[name] for name in COUNTS)
            assert read == accepted + quarantined + duplicate + skipped, facts
            assert (quarantined, skipped) == (0, 0), facts


@pytest.fixture(scope="session")
def expected(shared_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data / "expected_dq.json").read_text())
    return found


@pytest.fixture(scope="session")
def take(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Taken]:
    done: dict[str, Taken] = {}

    def _take(name: str) -> Taken:
        if name not in done:
            done[name] = Taken(shared_data / name, tmp_path_factory.mktemp(name))
        return done[name]

    return _take


def test_olist(take: Callable[[str], Taken], expected: dict[str, Any]) -> None:
    olist, known = take("olist_dev"), expected["olist_dev"]
    olist.assert_identity()
    mapping_of = {
        "customers": "contacts",
        "order_items": "order_lines",
        "order_payments": "payments",
        "order_reviews": "reviews",
    }
    for file, rows in known["rows"].items():
        assert olist.facts[f"olist_{mapping_of.get(file, file)}"]["rows_read"] == rows, file
    for mapping, check, key in (
        ("olist_orders", "orders_without_items", "orders_without_items"),
        ("olist_orders", "delivered_without_delivery_date", "delivered_without_delivery_date"),
        ("olist_orders", "canceled_with_delivery_date", "canceled_with_delivery_date"),
        ("olist_orders", "carrier_before_approval", "carrier_before_approval"),
        ("olist_orders", "delivered_before_carrier", "delivered_before_carrier"),
        ("olist_orders", "payments_differ_from_items", "payment_vs_items_mismatch_gt_0.02"),
        ("olist_reviews", "duplicate_review_id", "duplicate_review_id_rows"),
        ("olist_reviews", "review_before_purchase", "review_created_before_purchase"),
    ):
        assert olist.check(mapping, check) == known[key], check
    assert olist.facts["olist_geolocation"]["rows_duplicate"] == known["geolocation_exact_dups"]
    assert (
        olist.rows("contacts")["external_user_id"].n_unique()
        == known["distinct_customer_unique_id"]
    )
    assert olist.rows("payments")["amount"].sum() == Decimal(str(known["payment_total"]))
    orders = olist.rows("orders")
    assert orders["total"].sum() == Decimal(str(known["payment_total"]))
    contacts = set(olist.rows("contacts")["record_key"])
    assert set(orders["record_key"]) == contacts
    assert set(olist.rows("survey_responses")["record_key"]) <= contacts
    assert "health_beauty" in set(olist.rows("order_lines")["category"])
    assert olist.rows("reviews").select("source_system", "review_id").is_duplicated().sum() == 0


def test_telco(take: Callable[[str], Taken], expected: dict[str, Any]) -> None:
    telco, known = take("telco_churn"), expected["telco_churn"]
    telco.assert_identity()
    for mapping, check, key in (
        ("telco_subscriptions", "churned", "churned"),
        ("telco_subscriptions", "blank_total_charges", "blank_TotalCharges"),
        ("telco_subscriptions", "tenure_zero", "tenure_zero"),
        ("telco_subscriptions", "equal_but_for_the_id", "duplicate_rows_ignoring_id"),
        (
            "telco_subscriptions",
            "total_is_not_tenure_times_month",
            "total_vs_tenure_x_monthly_gt_10pct",
        ),
        ("telco_contacts", "no_phone_service", "No_phone_service"),
        ("telco_contacts", "no_internet_service", "No_internet_service_online_security"),
    ):
        assert telco.check(mapping, check) == known[key], check
    subscriptions = telco.rows("subscriptions")
    assert subscriptions.height == known["rows"]
    assert subscriptions.filter(pl.col("status") == "canceled")["ended_at"].null_count() == 0
    contacts = telco.rows("contacts")
    assert "churn" not in contacts["attributes"][0].lower()
    assert contacts["extra_json"].null_count() == contacts.height


def test_cdnow(take: Callable[[str], Taken], expected: dict[str, Any]) -> None:
    orders = take("cdnow").rows("orders")
    take("cdnow").assert_identity()
    assert orders.height == orders["order_id"].n_unique() == expected["cdnow_sample"]["rows"]
    assert orders["customer_ref"].n_unique() == expected["cdnow_sample"]["customers"]


def test_complete_journey(take: Callable[[str], Taken], expected: dict[str, Any]) -> None:
    journey, known = take("completejourney"), expected["completejourney"]
    journey.assert_identity()
    for mapping, key in (
        ("completejourney_order_lines", "transactions"),
        ("completejourney_orders", "transactions"),
        ("completejourney_products", "products"),
        ("completejourney_coupons", "coupons"),
        ("completejourney_redemptions", "coupon_redemptions"),
        ("completejourney_campaigns", "campaigns"),
        ("completejourney_contacts", "demographics"),
        ("completejourney_campaign_descriptions", "campaign_descriptions"),
    ):
        assert journey.facts[mapping]["rows_read"] == known[key], mapping
    for mapping, check, count in (
        ("completejourney_order_lines", "unknown_product", known["transactions_orphan_product"]),
        ("completejourney_order_lines", "quantity_zero", known["qty_zero"]),
        ("completejourney_order_lines", "quantity_above_100", known["qty_gt_100_gasoline"]),
        ("completejourney_order_lines", "sales_zero", known["sales_zero"]),
        ("completejourney_products", "package_unknown", known["products_null_package"]),
        (
            "completejourney_contacts",
            "home_ownership_unknown",
            known["demographics_null"]["home_ownership"],
        ),
        (
            "completejourney_contacts",
            "marital_status_unknown",
            known["demographics_null"]["marital_status"],
        ),
    ):
        assert journey.check(mapping, check) == count, check
    assert journey.facts["completejourney_coupons"]["rows_duplicate"] == known["coupon_exact_dups"]
    orders, lines = journey.rows("orders"), journey.rows("order_lines")
    assert orders.height == orders["order_id"].n_unique() == known["baskets"]
    assert orders["customer_ref"].n_unique() == known["households"]
    assert orders["total"].sum() == lines["line_total"].sum() == Decimal(str(known["sales_total"]))
    orphans = lines.filter(
        ~pl.col("product_id").is_in(journey.rows("products")["product_id"].to_list())
    )
    assert orphans["product_id"].n_unique() == known["orphan_products_distinct"]
    assert lines["quantity"].max() == known["qty_max"]
    assert lines["order_line_id"].n_unique() == lines.height
