"""The smaller public data sets through the shipped mappings: every row accounted for, every known
fault counted.
"""

from __future__ import annotations

import csv
import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.contract import yaml_lines as yamlfile
from customer_intel.core.engine import DuckDBEngine, EngineSettings
from customer_intel.ingest.land import entity_night as landing
from customer_intel.ingest.land.landing_folder import COUNTS

pytestmark = pytest.mark.slow

CONFIG = yamlfile.load(Path(landing.__file__).parent.parent / "config.yaml")


class Taken:
    """What a folder's files became in the entities asked for: rows, counts and checks by mapping."""

    def __init__(
        self, folder: Path, work: Path, *entities: str, as_of: date = date(2026, 1, 1)
    ) -> None:
        self.counts: dict[str, dict[str, int]] = {}
        self.checks: dict[str, dict[str, int]] = {}
        self.rows: dict[str, pl.DataFrame] = {}
        for name in entities:
            room = work / name
            room.mkdir(parents=True)
            result = landing.ingest(
                entity=contract.load().entities[name], landing=folder, mappings_dir=None, as_of=as_of, known=[],
                workdir=room, con=DuckDBEngine(EngineSettings(), [room]).con, config=CONFIG,
            )  # fmt: skip
            assert [
                finding for finding in result.findings if finding["severity"] == "critical"
            ] == []
            for part in result.parts:
                facts = part.facts
                counts = self.counts.setdefault(
                    facts["mapping"], dict.fromkeys(("files", *COUNTS), 0)
                )
                counts["files"] += 1
                for count in COUNTS:
                    counts[count] += facts[count]
                checks = self.checks.setdefault(facts["mapping"], {})
                for check, (matches, _) in facts["checks"].items():
                    checks[check] = checks.get(check, 0) + matches
            self.rows[name] = pl.concat(pl.read_parquet(part.parquet) for part in result.parts)
        for mapping, counts in self.counts.items():
            ends = ("rows_accepted", "rows_quarantined", "rows_duplicate", "rows_skipped")
            assert counts["rows_read"] == sum(counts[end] for end in ends), mapping

    def assert_counts(self, mapping: str, **known: int) -> None:
        """Rows read, and whatever else is not nought."""
        found = {
            name: count
            for name, count in self.counts[mapping].items()
            if name.startswith("rows_") and count
        }
        accepted = found.pop("rows_accepted")
        assert found == {f"rows_{name}": count for name, count in known.items()}
        assert accepted > 0


@pytest.fixture(scope="session")
def expected(shared_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data / "expected_dq.json").read_text())
    return found


def test_ravenstack(shared_data: Path, tmp_path: Path, expected: dict[str, Any]) -> None:
    known = expected["ravenstack"]
    entities = ("accounts", "contacts", "subscriptions", "events", "tickets", "survey_responses")
    raven = Taken(shared_data / "ravenstack", tmp_path, *entities, as_of=date(2025, 1, 1))
    for mapping, file in (
        ("accounts", "accounts"),
        ("contacts", "accounts"),
        ("subscriptions", "subscriptions"),
        ("feature_usage", "feature_usage"),
        ("tickets", "tickets"),
        ("churn_events", "churn_events"),
    ):
        raven.assert_counts(f"ravenstack_{mapping}", read=known["rows"][file])
    assert (
        raven.checks["ravenstack_accounts"].items()
        >= {
            "flagged_as_churned": known["churned_accounts_flag"],
            "flagged_without_event": known["flagged_without_event"],
            "event_but_not_flagged": known["events_but_not_flagged_accounts"],
            "flagged_with_open_subscription": known["flagged_accounts_with_open_subscription"],
            "plan_differs_from_latest_subscription": known[
                "plan_tier_differs_from_latest_subscription"
            ],
        }.items()
    )
    assert (
        raven.checks["ravenstack_feature_usage"].items()
        >= {
            "duplicate_usage_id": known["duplicate_usage_id_rows"],
            "usage_of_unknown_subscription": 0,
            "usage_before_subscription": known["usage_before_start"],
            "usage_outside_subscription": known["usage_outside_subscription_window"],
        }.items()
    )
    assert raven.checks["ravenstack_subscriptions"]["mrr_zero"] == known["mrr_zero"]
    assert raven.checks["ravenstack_tickets"]["satisfaction_missing"] == known["satisfaction_null"]
    # An id that is used twice is two rows still.
    assert raven.rows["events"]["event_id"].n_unique() == known["rows"]["feature_usage"]
    assert raven.rows["tickets"]["solved_at"].null_count() == 0
    contacts = raven.rows["contacts"]
    assert set(raven.rows["events"]["record_key"]) <= set(contacts["record_key"])
    assert not any(
        "churn" in text.lower() for text in (*contacts["attributes"], *contacts["extra_json"])
    )


def test_mrr_playbook(shared_data: Path, tmp_path: Path) -> None:
    periods = Taken(shared_data / "mrr_playbook", tmp_path, "subscriptions")
    periods.assert_counts("mrr_playbook_subscriptions", read=121)
    # Every period of the file is over.
    assert set(periods.rows["subscriptions"]["status"]) == {"canceled"}
    assert (
        periods.rows["subscriptions"].filter(pl.col("ended_at") <= pl.col("started_at")).is_empty()
    )


def test_retentioneering(shared_data: Path, tmp_path: Path, expected: dict[str, Any]) -> None:
    shops = Taken(shared_data / "retentioneering", tmp_path, "events")
    simple, ecom = expected["retentioneering"]["simple_shop"], expected["retentioneering"]["ecom"]
    shops.assert_counts("retentioneering_simple_shop", read=simple["rows"], skipped=3098)
    shops.assert_counts("retentioneering_ecom", read=ecom["rows"], duplicate=ecom["exact_dups"])
    events = shops.rows["events"]
    assert events["event_id"].n_unique() == events.height
    web = events.filter(pl.col("session_id").is_not_null())
    assert (web["user_id"].n_unique(), web["session_id"].n_unique()) == (
        ecom["users"],
        ecom["sessions"],
    )
    bought = events.filter(pl.col("event_name") == "purchase")
    in_shop = bought["session_id"].is_not_null()
    assert bought.filter(in_shop)["user_id"].n_unique() == ecom["purchasers"]
    assert bought.filter(~in_shop)["user_id"].n_unique() == simple["purchasers"]
    assert events.filter(pl.col("session_id").is_null())["user_id"].n_unique() == simple["users"]


def test_sparkify(shared_data: Path, tmp_path: Path, expected: dict[str, Any]) -> None:
    known = expected["sparkify_logs"]
    log = Taken(
        shared_data / "sparkify_logs" / "raw",
        tmp_path,
        "events",
        "contacts",
        as_of=date(2018, 12, 1),
    )
    log.assert_counts("sparkify_events", read=known["rows"])
    assert log.counts["sparkify_events"]["files"] == known["files"]
    assert log.checks["sparkify_events"]["logged_out"] == known["blank_userId"]
    log.assert_counts("sparkify_contacts", read=known["rows"], skipped=known["blank_userId"])
    events, contacts = log.rows["events"], log.rows["contacts"]
    assert events["event_id"].n_unique() == known["rows"]
    assert events["user_id"].drop_nulls().n_unique() == known["users"]
    assert events.filter(pl.col("user_id").is_null())["anonymous_id"].null_count() == 0
    assert (
        events.filter(pl.col("user_id").is_not_null())["session_id"].n_unique()
        == known["sessions_logged_in"]
    )
    assert set(events["record_key"].drop_nulls()) == set(contacts["record_key"])
    levels = events.filter(pl.col("user_id").is_not_null()).with_columns(
        pl.col("properties").str.json_path_match("$.level").alias("level")
    )
    both = levels.group_by("user_id").agg(pl.col("level").n_unique()).filter(pl.col("level") == 2)
    assert both.height == known["users_in_both_levels"]
    assert not any("firstName" in text for text in events["extra_json"])


def test_volvos_problems(shared_data: Path, tmp_path: Path) -> None:
    """The readers take no XES: the log is written as the CSV that process-mining tools make of it."""
    space = "{http://www.xes-standard.org/}"
    with gzip.open(shared_data / "pm4py_logs" / "06_bpic2013_closed.xes.gz") as stream:
        root = ElementTree.parse(stream).getroot()
    rows = []
    for trace in root.iter(f"{space}trace"):
        case = {item.get("key"): item.get("value") for item in trace if item.tag != f"{space}event"}
        for event in trace.iter(f"{space}event"):
            values = {str(item.get("key")): item.get("value") for item in event}
            rows.append({**values, "case:concept:name": case["concept:name"]})
    folder = tmp_path / "landing" / "bpi2013"
    folder.mkdir(parents=True)
    with (folder / "06_bpic2013_closed.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, sorted({name for row in rows for name in row}))
        writer.writeheader()
        writer.writerows(rows)
    log = Taken(tmp_path / "landing", tmp_path / "work", "events", "tickets")
    log.assert_counts("bpi2013_events", read=len(rows))
    assert len(rows) == 6660
    tickets, events = log.rows["tickets"], log.rows["events"]
    cases = {row["case:concept:name"] for row in rows}
    assert set(tickets["ticket_id"]) == set(events["anonymous_id"]) == cases
    assert (tickets.height, events["event_id"].n_unique()) == (len(cases), 6660)
    assert tickets.filter(pl.col("solved_at") < pl.col("created_at")).is_empty()
    assert tickets["solved_at"].null_count() == 0


def test_skytrax(shared_data: Path, tmp_path: Path, expected: dict[str, Any]) -> None:
    known = expected["skytrax_seat"]
    reviews = Taken(shared_data / "skytrax", tmp_path, "reviews")
    reviews.assert_counts(
        "skytrax_seat_reviews", read=known["rows"], quarantined=known["null_rating"]
    )
    checks = reviews.checks["skytrax_seat_reviews"]
    assert checks["date_is_missing"] == known["epoch_date_1970_rows"]
    assert checks["rating_missing"] == known["null_rating"]
    assert reviews.rows["reviews"]["rating"].is_between(0, 10).all()


def test_open_bandit(shared_data: Path, tmp_path: Path) -> None:
    shown = Taken(shared_data / "open_bandit" / "random" / "men", tmp_path, "marketing_touches")
    shown.assert_counts("open_bandit_touches", read=10_000)
    assert (shown.rows["marketing_touches"]["event"] == "clicked").sum() == 46


@pytest.mark.parametrize(("folder", "rows"), [("febrl", 6_000), ("splink", 1_000)])
def test_people_with_duplicates(shared_data: Path, tmp_path: Path, folder: str, rows: int) -> None:
    people = Taken(shared_data / folder, tmp_path, "contacts")
    people.assert_counts(f"{folder}_contacts", read=rows)
    contacts = people.rows["contacts"]
    assert contacts["contact_id"].n_unique() == rows
    # Neither the truth nor a number that gives it away is a feature.
    assert not any(
        word in text
        for text in contacts["extra_json"].drop_nulls()
        for word in ("cluster", "soc_sec")
    )


def test_connectors_tables_of_stripe_and_zendesk(shared_data: Path, tmp_path: Path) -> None:
    entities = (
        "contacts",
        "payments",
        "subscriptions",
        "invoices",
        "tickets",
        "ticket_messages",
        "accounts",
    )
    shapes = Taken(shared_data / "vendor_shapes", tmp_path, *entities)
    for mapping, read, skipped in (
        ("stripe_connector_customers", 12, 0),
        ("stripe_connector_charges", 16, 0),
        ("stripe_connector_invoices", 2, 0),
        ("stripe_connector_subscriptions", 4, 1),
        ("zendesk_connector_tickets", 10, 0),
        ("zendesk_connector_comments", 20, 0),
        ("zendesk_connector_organizations", 10, 0),
        ("zendesk_users", 20, 1),
    ):
        shapes.assert_counts(mapping, read=read, **({"skipped": skipped} if skipped else {}))
    failed = shapes.rows["payments"].filter(pl.col("payment_id") == "ch_0IMDAfig6peNXzgDJYQKfT3B")
    assert failed.select("amount", "status", "failure_code").row(0) == (
        Decimal("32932.32"),
        "failed",
        "card_declined",
    )
    plans = shapes.rows["subscriptions"].select(
        "subscription_id", "plan_id", "unit_amount", "billing_interval"
    )
    assert set(plans.rows()) == {
        ("sdgfs4536", "zb1", Decimal("1500.00"), "month"),
        ("sfjytkyu876", "ab2", Decimal("1500.00"), "month"),
    }
    deleted = shapes.rows["tickets"].filter("_deleted")
    assert set(deleted["status"]) == {"deleted"}
