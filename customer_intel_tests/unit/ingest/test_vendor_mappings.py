"""The shipped vendor mappings on the demo's exports: nothing refused, quarantine holds what the
truth says.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import duckdb
import pytest

from customer_intel.core.contract import load as contract
from customer_intel.demo import simulate
from customer_intel.ingest.conform.conform import Conformed, SourceFile, conform
from customer_intel.ingest.mapping import model as mapping
from customer_intel.ingest.read.open_file import Limits, sha256_of
from customer_intel.ingest.read.readers import read_text

pytestmark = pytest.mark.slow

Done = dict[tuple[str, str], Conformed]


@pytest.fixture(scope="module")
def conformed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, dict[str, Any]]:
    home = tmp_path_factory.mktemp("mappings")
    simulate(home / "landing", customers=150, days=120, nights=3, truth=home / "truth")
    entities = contract.load().entities
    mappings = mapping.load(None, entities)
    con = duckdb.connect(config={"threads": "1"})
    con.execute("SET TimeZone = 'UTC'")
    done: Done = {}
    for number, path in enumerate(sorted(p for p in home.glob("landing/*/*/*") if p.is_file())):
        source, day = path.parts[-3], path.parts[-2]
        found = mapping.matching(path.name, source, mappings, entities)
        assert found, f"no mapping takes {path.name}"
        for chosen in found:
            text = read_text(con, path, sha256_of(path)[0], chosen.reader, home, Limits())
            assert chosen.missing(text.columns) == [], path.name
            target = home / f"{number}-{chosen.name}.parquet"
            name = path.relative_to(home / "landing").as_posix()
            at = SourceFile(path.name, source, date.fromisoformat(day), text)
            done[name, chosen.name] = conform(con, entities[chosen.entity], chosen, at, target)
    return done, json.loads((home / "truth" / "mess.json").read_text())["files"]


def test_every_shipped_vendor_mapping_is_exercised(conformed: tuple[Done, dict[str, Any]]) -> None:
    used = {name for _, name in conformed[0]}
    assert used == {
        *(
            "hubspot_contacts",
            "shopify_customers",
            "shopify_orders",
            "shopify_order_lines",
            "stripe_customers",
        ),
        *(
            "stripe_charges",
            "stripe_subscriptions",
            "stripe_invoices",
            "segment_events",
            "zendesk_users",
        ),
        *(
            "zendesk_tickets",
            "delighted_nps",
            "onetrust_consents",
            "loyalty_contacts",
            "hubspot_companies",
        ),
        *("kasse_orders", "kasse_order_lines", "kasse_fx_rates"),
    }


def test_what_was_spoilt_is_quarantined_and_nothing_else(
    conformed: tuple[Done, dict[str, Any]],
) -> None:
    done, files = conformed
    for (name, chosen), result in done.items():
        if name not in files:
            continue  # the re-sent copy
        counts, truth = result.counts, files[name]
        assert counts.rows_read == truth["rows"], name
        if chosen == "shopify_orders":
            # one spoilt order is several rows
            assert len({f.row for f in result.failures}) == truth["unparsable"], name
        elif chosen == "shopify_order_lines":
            assert counts.rows_quarantined == 0, name
        else:
            assert (counts.rows_quarantined, counts.rows_duplicate) == (
                truth["unparsable"],
                truth["duplicates"],
            ), name
        assert counts.rows_quarantined <= 0.05 * counts.rows_read, name


def _rows(done: Done, chosen: str, select: str) -> list[tuple[Any, ...]]:
    files = [str(r.parquet) for (_, name), r in done.items() if name == chosen]
    return duckdb.connect().execute(f"SELECT {select} FROM read_parquet(?)", [files]).fetchall()


def test_values_mean_what_the_contract_says(conformed: tuple[Done, dict[str, Any]]) -> None:
    done, _ = conformed
    balanced = "count(*) FILTER (WHERE subtotal - discount + tax + shipping <> total), count(*)"
    assert _rows(done, "shopify_orders", balanced)[0][0] == 0
    late = _rows(
        done,
        "shopify_orders",
        "count(*) FILTER (WHERE delivered_at > promised_at), count(delivered_at)",
    )[0]
    assert 0.02 < late[0] / late[1] < 0.2
    assert _rows(
        done,
        "shopify_orders",
        "count(*) FILTER (WHERE phone LIKE '''%' OR billing_postal_code LIKE '''%')",
    ) == [(0,)]
    keys = _rows(
        done,
        "segment_events",
        "count(user_id), count(*) FILTER (WHERE record_key LIKE 'shopify:%'), count(*)",
    )[0]
    assert 0 < keys[0] == keys[1] < keys[2]
    statuses = {row[0] for row in _rows(done, "stripe_charges", "DISTINCT status")}
    assert statuses == {"paid", "failed"}
    births = _rows(done, "loyalty_contacts", "min(birth_date), max(birth_date), count(birth_date)")[
        0
    ]
    assert births[0].year >= 1940
    assert births[1].year <= 2010
    assert births[2] > 0
    replied = _rows(
        done,
        "zendesk_tickets",
        "count(*) FILTER (WHERE first_response_at <= created_at), count(first_response_at)",
    )
    assert replied[0][0] == 0 < replied[0][1]
