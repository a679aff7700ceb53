"""Every shipped mapping on its vendor's shape: it alone takes its file, wherever that lies, and a
night passes.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from customer_intel import open_release
from customer_intel.core.contract import load as contract
from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.mapping import model as mapping
from customer_intel_tests.unit.vendor_samples_behaviour import SAMPLES
from customer_intel_tests.whole_nights import Ran, cli

AS_OF = "2026-06-30"


def test_every_shipped_mapping_has_a_sample() -> None:
    shipped = set(mapping.load(None, contract.load().entities))
    assert {name for sample in SAMPLES for name in sample.takes} == shipped


def _taken(files: pl.DataFrame) -> dict[str, set[str]]:
    taken: dict[str, set[str]] = {}
    for name, chosen in (
        files.filter(pl.col("status") != "unmapped").select("source_file", "mapping").iter_rows()
    ):
        taken.setdefault(Path(name).name, set()).add(chosen)
    return taken


EXPECTED: dict[str, set[str]] = {}
for _sample in SAMPLES:
    if _sample.takes:
        # One file may feed two entities.
        EXPECTED.setdefault(_sample.name, set()).update(_sample.takes)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    home = tmp_path_factory.mktemp("vendors")
    for sample in SAMPLES:
        sample.land(home / "landing" / sample.source / AS_OF)
    return cli("run", "--home", home, "--as-of", AS_OF, "--json"), home


@pytest.mark.slow
def test_a_night_over_all_vendors_is_published(night: tuple[Ran, Path]) -> None:
    ran, home = night
    assert (ran.code, ran.summary["failures"]) == (0, {}), ran.text[-2000:]
    # Ada stands in the exports of nine vendors under one address: she is one customer.
    records = pl.read_parquet(open_release(home).files("record_customer_map"))
    ada = records.filter(pl.col("record_key") == "hubspot:5001")["customer_id"].item()
    hers = records.filter(pl.col("customer_id") == ada)["record_key"]
    assert {key.split(":")[0] for key in hers} == {
        *("hubspot", "salesforce", "shopify", "stripe", "zendesk"),
        *("delighted", "surveymonkey", "mailchimp", "onetrust"),
    }


@pytest.mark.slow
def test_each_file_is_taken_by_its_own_mapping_alone(night: tuple[Ran, Path]) -> None:
    files = pl.read_parquet(open_release(night[1]).files("export_file"))
    assert _taken(files) == EXPECTED
    assert set(files["status"]) == {"accepted", "unmapped"}
    only_looked_up = {sample.name for sample in SAMPLES if not sample.takes}
    unmapped = files.filter(pl.col("status") == "unmapped")["source_file"]
    assert {Path(name).name for name in unmapped} == only_looked_up


@pytest.mark.slow
def test_no_row_is_lost_on_the_way(night: tuple[Ran, Path]) -> None:
    files = pl.read_parquet(open_release(night[1]).files("export_file")).filter(
        pl.col("status") == "accepted"
    )
    parts = pl.sum_horizontal("rows_accepted", "rows_quarantined", "rows_duplicate", "rows_skipped")
    assert files.filter(pl.col("rows_read") != parts).is_empty()
    assert files.filter(pl.col("rows_read") == 0).is_empty()
    assert files["rows_quarantined"].sum() == 0
    # agents, SurveyMonkey's second header row, a past state of a subscription, a listener who is
    # logged out, `lost`
    skipped = files.filter(pl.col("rows_skipped") > 0)
    assert dict(skipped.select("mapping", "rows_skipped").iter_rows()) == {
        **{"zendesk_users": 1, "surveymonkey_responses": 1, "stripe_connector_subscriptions": 1},
        **{"sparkify_contacts": 1, "retentioneering_simple_shop": 1},
        # administrators; what was chosen within a bundle; credit notes, refunds and checks of a card;
        # checkouts that nobody paid; notes and spam; maintenance; rows of several days; test answers
        **{"woocommerce_customers": 1, "magento_order_lines": 1, "zuora_subscriptions": 2},
        **{"recurly_invoices": 1, "recurly_transactions": 3, "chargebee_transactions": 1},
        **{"paddle_invoices": 1, "paddle_payments": 2},
        **{"intercom_messages": 2, "freshdesk_tickets": 1, "freshdesk_messages": 1},
        **{"statuspage_incidents": 2, "meta_ads_spend": 1, "linkedin_ads_spend": 1},
        **{"klaviyo_events": 2, "typeform_responses": 1, "qualtrics_responses": 4},
    }


@pytest.mark.slow
def test_files_outside_any_sources_folder_find_their_mapping_by_name_and_columns(
    tmp_path: Path,
) -> None:
    for sample in SAMPLES:
        sample.land(tmp_path / "landing")
    config = yamlfile.load(Path(landing.__file__).parent.parent / "config.yaml")
    taken: dict[str, set[str]] = {}
    for name, entity in contract.load().entities.items():
        room = tmp_path / name
        room.mkdir()
        result = landing.ingest(
            entity=entity, landing=tmp_path / "landing", mappings_dir=None, as_of=date.fromisoformat(AS_OF), known=[],
            workdir=room, con=DuckDBEngine(EngineSettings(), [room]).con, config=config,
        )  # fmt: skip
        assert [
            finding["message"] for finding in result.findings if finding["severity"] == "critical"
        ] == []
        for part in result.parts:
            taken.setdefault(part.facts["source_file"], set()).add(part.facts["mapping"])
    assert taken == EXPECTED
