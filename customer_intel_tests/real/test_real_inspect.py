"""inspect on public data, unaided: the entity that a person would choose, and a mapping that takes
every row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.ingest.advise.inspect_file import Inspected, inspect
from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.land.landing_folder import COUNTS
from customer_intel.ingest.mapping import model as mapping

pytestmark = pytest.mark.slow

CONFIG = yamlfile.load(Path(landing.__file__).parent.parent / "config.yaml")
NIGHT = date(2026, 11, 20)
ENTITIES = contract.load().entities


class Home:
    """A home whose only mappings are those that inspect wrote, and whose landing folder holds one
    file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def take(
        self, file: Path, source: str = "unheard_of", answers: Sequence[str] = ()
    ) -> tuple[Inspected, dict[str, pl.DataFrame]]:
        found = inspect(
            file, home=self.root, out=None, source=source, entity=None, force=False, today=NIGHT,
            answers=answers,
        )  # fmt: skip
        place = self.root / "landing" / source / NIGHT.isoformat()
        place.mkdir(parents=True)
        # A copy: the intake takes no link, and the data lies elsewhere.
        (place / file.name).write_bytes(file.read_bytes())
        frames = {}
        for written in found.written:
            work = self.root / f"work-{written.entity}"
            work.mkdir()
            result = landing.ingest(
                entity=ENTITIES[written.entity], landing=self.root / "landing", as_of=NIGHT, known=[], workdir=work,
                mappings_dir=self.root / "config" / "mappings", con=DuckDBEngine(EngineSettings(), [work]).con,
                config=CONFIG,
            )  # fmt: skip
            assert [
                finding for finding in result.findings if finding["severity"] == "critical"
            ] == []
            (part,) = result.parts
            read, accepted, quarantined, duplicate, skipped, _ = (
                part.facts[name] for name in COUNTS
            )
            assert read == accepted + quarantined + duplicate + skipped
            assert (read, accepted) == (found.rows, found.rows)
            frames[written.entity] = pl.read_parquet(part.parquet)
            key = [
                name
                for name in ENTITIES[written.entity].key
                if name in frames[written.entity].columns
            ]
            assert not frames[written.entity].select(key).is_duplicated().any()
        return found, frames


# Olist's orders and payments are without an amount or a day of their own; CDNOW has no names.
ANSWERS = {
    "olist_dev/olist_orders_dataset.csv.gz": {"total": "'0'"},
    "olist_dev/olist_order_payments_dataset.csv": {"paid_at": "_exported_at"},
    "telco_churn/WA_Fn-UseC_-Telco-Customer-Churn.csv.gz": {"entity": "subscriptions"},
    "cdnow/CDNOW_sample.txt": {"header": "none", "entity": "orders", "total": "column5"},
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield Home(tmp_path)


@pytest.mark.parametrize(
    ("file", "entity", "rows", "columns"),
    [
        ("olist_dev/olist_orders_dataset.csv.gz", "orders", 2615,
         {"order_id", "customer_ref", "ordered_at", "status", "promised_at", "shipped_at", "delivered_at"}),
        ("olist_dev/olist_customers_dataset.csv", "contacts", 2615,
         {"contact_id", "external_user_id", "postal_code", "city", "state"}),
        ("olist_dev/olist_order_reviews_dataset.csv.gz", "reviews", 2642,
         {"review_id", "order_id", "rating", "title", "body", "created_at"}),
        ("olist_dev/olist_order_items_dataset.csv.gz", "order_lines", 2669,
         {"order_line_id", "order_id", "product_id", "unit_price", "line_total"}),
        ("olist_dev/olist_order_payments_dataset.csv", "payments", 2882,
         {"payment_id", "order_id", "amount", "method"}),
        ("olist_dev/olist_products_dataset.csv", "products", 2074, {"product_id", "category"}),
        ("olist_dev/olist_geolocation_dataset.csv.gz", "reference_rows", None, {"reference_id"}),
        ("telco_churn/WA_Fn-UseC_-Telco-Customer-Churn.csv.gz", "subscriptions", 7043,
         {"subscription_id", "customer_ref", "plan_id", "unit_amount", "status", "started_at", "ended_at"}),
        ("completejourney/demographics.parquet", "contacts", 801, {"contact_id"}),
        ("completejourney/products.parquet", "products", 92331, {"product_id", "title", "category", "brand"}),
        ("ravenstack/ravenstack_accounts.csv", "accounts", 500,
         {"account_id", "account_name", "industry", "billing_country", "tier", "created_at"}),
        ("ravenstack/ravenstack_subscriptions.csv.gz", "subscriptions", 5000,
         {"subscription_id", "account_id", "plan_id", "unit_amount", "status", "started_at", "ended_at"}),
        ("ravenstack/ravenstack_feature_usage.csv.gz", "events", 25000, {"event_id", "feature", "occurred_at"}),
        ("ravenstack/ravenstack_supports_ticket.csv", "tickets", 2000,
         {"ticket_id", "account_id", "priority", "status", "created_at", "closed_at", "escalated"}),
        ("ravenstack/ravenstack_churn_events.csv", "events", 600, {"event_id", "account_id", "occurred_at"}),
        ("cdnow/CDNOW_sample.txt", "orders", 6919, {"order_id", "customer_ref", "ordered_at", "total"}),
        ("retentioneering/ecom.csv.gz", "events", 31106, {"event_name", "user_id", "session_id", "occurred_at"}),
        ("mrr_playbook/subscription_periods.csv", "subscriptions", 121,
         {"subscription_id", "customer_ref", "unit_amount", "started_at"}),
    ],
)  # fmt: skip
def test_a_mapping_is_written_unaided_and_takes_every_row(
    shared_data: Path, home: Home, file: str, entity: str, rows: int | None, columns: set[str]
) -> None:
    if not (shared_data / file).exists():
        pytest.skip(f"{file} is not among the data")
    answers = ANSWERS.get(file, {})
    if answers:
        # What the file does not tell is asked, and nothing else.
        asked = inspect(
            shared_data / file, home=home.root, out=None, source="unheard_of", entity=None, force=False,
            today=NIGHT,
        )  # fmt: skip
        made = mapping.read(asked.written[0].path, ENTITIES)
        assert set(made.decide) == set(answers)
    found, frames = home.take(
        shared_data / file, answers=[f"{topic}={value}" for topic, value in answers.items()]
    )
    assert found.works
    assert [written.entity for written in found.written] == [entity]
    if rows is not None:
        assert frames[entity].height == rows
    assert {
        name for name in columns if frames[entity][name].null_count() == frames[entity].height
    } == set()


def test_ravenstack_dates_are_day_first_on_proof(shared_data: Path, home: Home) -> None:
    found, frames = home.take(shared_data / "ravenstack" / "ravenstack_accounts.csv")
    assert any("day first" in note.text and note.level == "found" for note in found.notes)
    assert any("byte order mark" in note.text for note in found.notes)
    assert frames["accounts"]["created_at"].max().year == 2024  # type: ignore[union-attr]


def test_complete_journeys_transactions_give_lines_and_orders(
    shared_data: Path, home: Home
) -> None:
    found, frames = home.take(shared_data / "completejourney" / "transactions.parquet")
    assert [written.entity for written in found.written] == ["order_lines", "orders"]
    assert frames["order_lines"].height == 1_469_307
    assert frames["orders"].height == 155_848
    assert frames["orders"]["customer_ref"].n_unique() == 2469
    assert frames["orders"]["total"].sum() == frames["order_lines"]["line_total"].sum()
