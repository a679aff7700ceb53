"""The dlt examples against a local REST server and a local database: read, landed, and taken in by
the night.
"""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.ingest.examples import dlt_sources
from customer_intel.ingest.examples.dlt_sources import Work
from customer_intel.ingest.land import entity_night as landing

pytestmark = pytest.mark.slow

DAY = date(2026, 1, 3)
MAPPINGS = Path(dlt_sources.__file__).parent
CONFIG = {"max_reject_share": 0.05, "max_unpacked_bytes": 10**9, "max_ratio": 200}


class Shop(BaseHTTPRequestHandler):
    """Two pages of orders for whoever brings the token."""

    total = "12.10"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != "Bearer opens-the-shop":
            return self._send(401, {})
        second = "page=2" in self.path
        orders = [
            {
                "id": 10 * (1 + second) + n,
                "customer": {"id": f"c{n}", "email": f"c{n}@mail.example"},
                "ordered_at": f"2026-01-02T10:0{n}:00Z",
                "currency": "EUR",
                "total": self.total,
            }
            for n in range(2)
        ]
        here = f"http://127.0.0.1:{self.server.server_address[1]}/v1/orders?page=2"
        return self._send(200, {"orders": orders, "next": None if second else here})

    def _send(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Shop, "total", "12.10")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    ).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture
def crm(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "crm.db") as con:
        con.executescript("""
            CREATE TABLE customers (id TEXT PRIMARY KEY, mail TEXT, first_name TEXT, last_name TEXT,
                                    created_at TIMESTAMP, changed_at TIMESTAMP);
            INSERT INTO customers VALUES
                ('0017', 'ann@mail.example', 'Ann', NULL, '2025-01-01 10:00:00', '2025-02-01 10:00:00'),
                ('0018', NULL, 'Bo', 'Berg', '2025-01-02 10:00:00', '2025-02-02 10:30:00');
        """)
    return f"sqlite:///{tmp_path / 'crm.db'}"


@pytest.fixture(autouse=True)
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hosts that anything tried to reach beside this machine; it reaches none."""
    tried: list[str] = []
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            tried.append(str(address[0]))
            raise OSError("the tests reach this machine only")
        connect(self, address)

    def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in (None, "127.0.0.1", "::1", "localhost"):
            tried.append(str(host))
            raise socket.gaierror("the tests reach this machine only")
        return resolve(host, *arguments, **options)

    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return tried


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / "landing", DAY, tmp_path / "state")


def taken(work: Work, entity: str, tmp_path: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The entity's accepted rows of the night, and the ledger's entry of the one file that fed it."""
    mappings, workdir = tmp_path / "mappings", tmp_path / f"work-{entity}"
    mappings.mkdir(exist_ok=True)
    workdir.mkdir()
    for path in MAPPINGS.glob("*.yaml"):
        shutil.copy(path, mappings)
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    result = landing.ingest(
        entity=contract.load().entities[entity],
        landing=work.landing,
        mappings_dir=mappings,
        as_of=DAY,
        known=[],
        workdir=workdir,
        con=con,
        config=CONFIG,
    )
    assert not [finding for finding in result.findings if finding["severity"] == "critical"], (
        result.findings
    )
    (part,) = result.parts
    return pl.read_parquet(part.parquet), part.facts


def test_orders_of_a_rest_api_are_landed_and_taken_in(
    shop: str, work: Work, tmp_path: Path, reached: list[str]
) -> None:
    (file,) = dlt_sources.rest_orders(work, shop, token="opens-the-shop")
    assert file.parent == work.landing / "shop_api" / "2026-01-03"
    rows, facts = taken(work, "orders", tmp_path)
    assert rows.sort("order_id").select(
        "order_id", "customer_ref", "email", "total", "currency"
    ).rows() == [
        (
            number,
            f"c{n}",
            f"c{n}@mail.example",
            pl.Series([12.10]).cast(pl.Decimal(18, 2))[0],
            "EUR",
        )
        for number, n in (("10", 0), ("11", 1), ("20", 0), ("21", 1))
    ]
    assert (facts["rows_read"], facts["rows_accepted"], facts["source_system"]) == (
        4,
        4,
        "shop_api",
    )
    assert not reached


def test_contacts_of_a_database_are_landed_and_taken_in(
    crm: str, work: Work, tmp_path: Path, reached: list[str]
) -> None:
    dlt_sources.sql_contacts(work, crm)
    rows, facts = taken(work, "contacts", tmp_path)
    found = rows.sort("contact_id").select("contact_id", "email", "last_name").rows()
    assert found == [("0017", "ann@mail.example", None), ("0018", None, "Berg")], (
        "an id keeps its zeros"
    )
    assert str(rows["updated_at"].max()) == "2025-02-02 10:30:00"
    assert (facts["rows_read"], facts["rows_accepted"]) == (2, 2)
    assert not reached


def test_the_same_rows_again_are_the_same_file_and_others_replace_it(
    shop: str, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = dlt_sources.rest_orders(work, shop, token="opens-the-shop")
    content = first.read_bytes()
    assert (
        dlt_sources.rest_orders(work, shop, token="opens-the-shop") == [first]
        and first.read_bytes() == content
    )
    monkeypatch.setattr(Shop, "total", "13.00")
    (second,) = dlt_sources.rest_orders(work, shop, token="opens-the-shop")
    assert [path.name for path in first.parent.iterdir()] == [second.name] and second != first


def test_a_source_that_cannot_be_read_lands_nothing(shop: str, work: Work) -> None:
    (first,) = dlt_sources.rest_orders(work, shop, token="opens-the-shop")
    with pytest.raises(Exception, match="401"):
        dlt_sources.rest_orders(work, shop, token="wrong")
    assert [path for path in work.landing.rglob("*") if path.is_file()] == [first]
    dlt_sources.rest_orders(work, shop, token="opens-the-shop")


def test_what_a_run_that_was_cut_off_had_read_is_read_anew(
    shop: str, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "write_parquet", full)
        with pytest.raises(Exception, match="No space left"):
            dlt_sources.rest_orders(work, shop, token="opens-the-shop")
    assert not list(work.landing.rglob("*.parquet"))
    monkeypatch.setattr(Shop, "total", "13.00")
    (file,) = dlt_sources.rest_orders(work, shop, token="opens-the-shop")
    assert set(pl.read_parquet(file)["total"]) == {"13.00"}


def test_dlt_tells_nobody_even_when_it_was_loaded_before(
    shop: str, work: Work, reached: list[str]
) -> None:
    from dlt.common.runtime import telemetry
    from dlt.common.runtime.run_context import active

    telemetry.stop_telemetry()
    config = active().runtime_config
    config.dlthub_telemetry = True
    active().initialize_runtime(config)
    dlt_sources.rest_orders(work, shop, token="opens-the-shop")
    telemetry.stop_telemetry()
    assert not reached
