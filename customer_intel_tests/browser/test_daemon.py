"""What `customer-intel dev` does by itself: the schedule's night, the alert of a closed gate, and
its own end.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import polars as pl
import pytest

from customer_intel.core.store.lake import Lake
from customer_intel.demo.poison import poison
from customer_intel_tests.browser.ui import (
    DEMO_NIGHT,
    SCHEDULE,
    SENSOR,
    customer_intel,
    serve,
    until,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@contextmanager
def webhook() -> Iterator[tuple[str, list[str]]]:
    """A local stand-in for Slack: its address, and the messages that were posted to it."""
    posted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", posted
    finally:
        server.shutdown()
        server.server_close()


def test_the_schedule_fires_and_its_night_is_green(copied_home: Path, tmp_path: Path) -> None:
    # No export of the demo company is of today.
    (copied_home / "config").mkdir(exist_ok=True)
    (copied_home / "config" / "ingest.yaml").write_text("without_news: warn\n")
    with serve(copied_home, tmp_path / "dev.log", CUSTOMER_INTEL_CRON="* * * * *") as ui:

        def fired() -> list[str]:
            ticks = ui.ticks(SCHEDULE, scheduleName="nightly_schedule")
            return [
                run_id for tick in ticks if tick["status"] == "SUCCESS" for run_id in tick["runIds"]
            ]

        run = ui.ended(until("the schedule to fire", fired, 100)[-1])
        assert (run["jobName"], run["status"]) == ("nightly", "SUCCESS")
        assert run["tags"]["dagster/schedule_name"] == "nightly_schedule"
        assert run["tags"]["dagster/partition"] == datetime.now(UTC).date().isoformat()


def test_a_closed_gate_is_told_without_a_personal_value_and_the_end_is_clean(
    copied_home: Path, tmp_path: Path
) -> None:
    spoilt = poison(copied_home / "landing", "unparsable_dates")
    (copied_home / "config").mkdir(exist_ok=True)
    (copied_home / "config" / "sources.yaml").write_text("hubspot: {required: true}\n")
    personal = _personal_values(copied_home)
    with webhook() as (address, posted):
        with serve(
            copied_home,
            tmp_path / "dev.log",
            CUSTOMER_INTEL_ALERT_SLACK_WEBHOOK=address,
            CUSTOMER_INTEL_SCHEDULE_RUNNING="false",
        ) as ui:
            # The sensor tells of failures after its first tick, not of all history.
            until(
                "the sensor's first tick",
                lambda: ui.ticks(SENSOR, sensorName="alert_on_failure"),
                60,
            )
            night = customer_intel("run", "--home", str(copied_home), "--as-of", DEMO_NIGHT)
            assert night.returncode == 2, night.stdout + night.stderr
            message = until("the message", lambda: posted, 90)[0]
            run_id = ui.runs()[0]["runId"]
            assert ui.stop() == []
    assert "The gate of 'source_state' closed" in message and "required source: hubspot" in message
    assert spoilt.name in message
    assert DEMO_NIGHT in message
    assert run_id in message
    assert len(posted) == 1
    assert not [value for value in personal if value.lower() in message.lower()]


def _personal_values(home: Path) -> set[str]:
    """Every e-mail address, phone number and surname that the night's contacts hold."""
    contacts = pl.read_parquet(Lake(home).files("contacts"))
    names = [name for name in ("email", "phone", "last_name") if name in contacts.columns]
    assert "email" in names
    return {
        value for name in names for value in contacts[name].drop_nulls().to_list() if len(value) > 3
    }
