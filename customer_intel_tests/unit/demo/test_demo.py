"""The demo company: same seed, same bytes; a truth that its exports agree with; signals of the
promised strength.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import phonenumbers
import polars as pl
import pytest

from customer_intel.demo import POISONS, STREAMS, Summary, journeys, poison, sample, simulate
from customer_intel.demo.pools import TILL_WORDS
from customer_intel.demo.world import World, simulate_world

CUSTOMERS, NIGHTS = 800, 4
END = date(2026, 6, 30)
MONEY = pl.Decimal(18, 2)


def _digest(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Summary]:
    home = tmp_path_factory.mktemp("harbor-and-pine")
    summary = simulate(home / "landing", customers=CUSTOMERS, nights=NIGHTS, truth=home / "truth")
    return home / "landing", home / "truth", summary


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same company with more customers and one night, for what is rare."""
    home = tmp_path_factory.mktemp("large")
    simulate(home / "landing", customers=2500, days=365, truth=home / "truth")
    return home


def _csv(landing: Path, pattern: str, **options: object) -> pl.DataFrame:
    frames = [pl.read_csv(p, infer_schema=False, **options) for p in sorted(landing.glob(pattern))]  # type: ignore[arg-type]
    return pl.concat(frames, how="diagonal")


def _events(landing: Path) -> list[dict[str, object]]:
    rows = []
    for path in sorted(landing.glob("segment/*/*")):
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        rows += [json.loads(line) for line in text.splitlines()]
    return rows


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        simulate(tmp_path / name, customers=120, days=90, seed=seed, nights=2)
    assert _digest(tmp_path / "a") == _digest(tmp_path / "b")
    assert _digest(tmp_path / "a") != _digest(tmp_path / "c")


def test_an_impossible_company_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nights"):
        simulate(tmp_path, days=3, nights=3)


def test_every_night_lands_in_its_own_folder_and_holds_what_came_before_it(
    company: tuple[Path, Path, Summary],
) -> None:
    landing, _, summary = company
    assert [str(d) for d in summary.dates] == [
        "2026-06-27",
        "2026-06-28",
        "2026-06-29",
        "2026-06-30",
    ]
    dates = {p.parent.name for p in landing.glob("*/*/*")}
    assert dates == {str(d) for d in summary.dates}
    for path in landing.glob("segment/*/*"):
        lines = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        received = [json.loads(line)["receivedAt"] for line in lines.splitlines()]
        assert max(received) < path.parent.name + "T00"


def test_counts_are_lifelike(company: tuple[Path, Path, Summary]) -> None:
    landing, truth, summary = company
    assert 0.85 * 80 * CUSTOMERS < summary.events < 1.2 * 80 * CUSTOMERS
    orders = pl.read_parquet(truth / "orders.parquet").filter(pl.col("source") == "shopify")
    per_buyer = orders.group_by("person").len()["len"]
    assert 0.38 < (per_buyer == 1).mean() < 0.58
    assert per_buyer.max() >= 10, "a heavy tail of regulars"
    december = orders.filter(pl.col("created").dt.month() == 12).height
    january = orders.filter(pl.col("created").dt.month() == 1).height
    assert december > 1.3 * january
    named = _csv(landing, "shopify/*/orders_export*.csv")["Name"].unique().to_list()
    assert set(named) == set(orders["order_id"])


def _worlds() -> list[World]:
    streams = [
        {name: np.random.default_rng([seed, k]) for k, name in enumerate(STREAMS)}
        for seed in range(5)
    ]
    return [simulate_world(stream, 600, 365, END) for stream in streams]


HAPPENINGS = [
    ("orders", "created"),
    ("tickets", "created"),
    ("surveys", "responded"),
    ("sessions", "started"),
    ("subscriptions", "started"),
    ("subscriptions", "canceled"),
    ("invoices", "created"),
    ("till_orders", "created"),
]


def test_no_day_is_a_heap_of_what_fell_outside_its_week() -> None:
    worlds = _worlds()
    for table, column in HAPPENINGS:
        per_day = np.zeros(365)
        for world in worlds:
            day = (getattr(world, table)[column].to_numpy() - world.t0) // 86_400
            per_day += np.bincount(day[(day >= 0) & (day < 365)], minlength=365)
        around = np.array(
            [np.delete(per_day[max(0, d - 14) : d + 15], min(d, 14)).mean() for d in range(365)]
        )
        heaps = np.nonzero(per_day > 1.6 * around + 4.5 * np.sqrt(around + 1))[0]
        assert heaps.tolist() == [], (table, column)
        before = per_day[-29:-1].mean()
        assert abs(per_day[-1] - before) < 0.25 * before + 4 * np.sqrt(before + 1), (table, column)


def test_the_last_day_has_as_many_orders_as_the_days_before_it(
    company: tuple[Path, Path, Summary],
) -> None:
    _, truth, _ = company
    shop = pl.read_parquet(truth / "orders.parquet").filter(pl.col("source") == "shopify")
    per_day = np.bincount(
        (END - shop["created"].dt.date()).dt.total_days().to_numpy(), minlength=30
    )
    assert per_day[0] == 0, "the night of the 30th holds what happened before it"
    assert per_day[2:30].min() <= per_day[1] <= per_day[2:30].max()


def test_an_order_with_several_lines_has_its_own_values_on_the_first_row_only(
    company: tuple[Path, Path, Summary],
) -> None:
    landing, _, _ = company
    part = pl.read_csv(sorted(landing.glob("shopify/*/orders_export_1.csv"))[0], infer_schema=False)
    by_order = part.group_by("Name").agg(pl.len().alias("rows"), totals=pl.col("Total").count())
    assert by_order["totals"].max() == 1
    assert by_order["rows"].max() > 1
    clean = part.filter(pl.col("Total") != "N/A").select(
        pl.col("Subtotal", "Shipping", "Taxes", "Total").cast(pl.Float64)
    )
    assert (
        (clean["Subtotal"] + clean["Shipping"] + clean["Taxes"] - clean["Total"]).abs() < 0.005
    ).all()


def test_records_have_one_owner_and_the_scenarios_are_there(
    company: tuple[Path, Path, Summary],
) -> None:
    landing, truth, summary = company
    records = pl.read_parquet(truth / "records.parquet")
    assert records["record_key"].is_unique().all()
    assert set(records["person"]) <= set(pl.read_parquet(truth / "persons.parquet")["person"])
    tricky = (
        "shared_email shared_phone twin jr_sr role_mailbox recycled_phone maiden_name "
        "nickname typo plus_tag"
    )
    for kind in (*tricky.split(), "email_case", "no_email", "placeholder", "duplicate_contact"):
        assert summary.mess[f"identity_{kind}"] > 0, kind
    hubspot = _csv(landing, "hubspot/*/*contacts*.csv")
    exported = {f"hubspot:{i}" for i in hubspot["Record ID"]}
    assert exported == set(records.filter(pl.col("source") == "hubspot")["record_key"])
    devices = pl.read_parquet(truth / "devices.parquet")
    assert devices.filter("is_kiosk")["person"].n_unique() > 1


def test_nobody_real_is_reachable(company: tuple[Path, Path, Summary]) -> None:
    landing, _, _ = company
    hubspot = _csv(landing, "hubspot/*/*contacts*.csv")
    for email in hubspot["Email"].drop_nulls():
        assert (
            re.search(r"(\.example|example\.(com|org|net))$", email.lower())
            or email == "test@test.com"
        ), email
    for phone, country in hubspot.select("Phone Number", "Country/Region").drop_nulls().iter_rows():
        if phone.endswith("000-0000"):
            continue
        number = phonenumbers.parse(phone, country)
        assert phonenumbers.is_valid_number(number), phone
        assert re.search(r"55501\d\d$|4960\d{3}$|79460\d{3}$", str(number.national_number)), phone


def test_the_mess_is_where_the_truth_says(company: tuple[Path, Path, Summary]) -> None:
    landing, truth, summary = company
    mess = json.loads((truth / "mess.json").read_text())
    assert mess["kinds"] == summary.mess
    rows = "exact_duplicate_row unparsable_value orphan_reference late_event future_date"
    for kind in (*rows.split(), "resent_file", "late_file", "renamed_column", "windows_1252_file"):
        assert summary.mess[kind] > 0, kind
    for name, counts in mess["files"].items():
        assert (landing / name).is_file()
        assert counts["unparsable"] <= 0.05 * counts["rows"], name
    charges = sorted(landing.glob("stripe/*/unified_payments*.csv.gz"))
    heights = [pl.read_csv(p, infer_schema=False).height for p in charges]
    assert heights == [mess["files"][p.relative_to(landing).as_posix()]["rows"] for p in charges]
    first = pl.read_csv(charges[0], infer_schema=False)
    duplicates = first.height - first.unique().height
    assert duplicates == mess["files"][charges[0].relative_to(landing).as_posix()]["duplicates"] > 0
    events = _events(landing)
    ids = Counter(str(e["messageId"]) for e in events)
    wrong = sum(e["timestamp"] == "not-a-date" for e in events)
    segment = [c for name, c in mess["files"].items() if name.startswith("segment/")]
    assert sum(n - 1 for n in ids.values()) == sum(c["duplicates"] for c in segment)
    assert wrong == sum(c["unparsable"] for c in segment)
    late = landing / "stripe" / "2026-06-30" / "unified_payments-2026-06-29.csv.gz"
    assert late.is_file()
    again = landing / "shopify" / "2026-06-28" / "customers_export (1).csv"
    assert (
        again.read_bytes()
        == (landing / "shopify" / "2026-06-27" / "customers_export.csv").read_bytes()
    )
    renamed = pl.read_csv(
        landing / "shopify" / "2026-06-28" / "orders_export_1.csv", infer_schema=False
    )
    assert "Discount Code" not in renamed.columns
    sheet = sorted(landing.glob("loyalty/*/*.csv"))[0].read_bytes()
    assert ";" in sheet.decode("windows-1252")


def test_some_orders_are_never_paid_and_some_are_voided_without_a_time(large: Path) -> None:
    orders = _csv(large / "landing", "shopify/*/orders_export*.csv").filter(
        pl.col("Financial Status").is_not_null()
    )
    mess = json.loads((large / "truth" / "mess.json").read_text())["kinds"]
    timeless = orders.filter(
        (pl.col("Financial Status") == "voided") & pl.col("Cancelled at").is_null()
    )
    assert timeless.height == mess["voided_without_time"] > 0
    for word in ("pending", "expired", "authorized"):
        unpaid = orders.filter(pl.col("Financial Status") == word)
        assert unpaid.height == mess[f"order_{word}"] > 0, word
        assert unpaid["Paid at"].null_count() == unpaid.height, word
        assert (unpaid["Fulfillment Status"] == "unfulfilled").all(), word
    truth = pl.read_parquet(large / "truth" / "orders.parquet").rename({"order_id": "Name"})
    both = orders.join(truth.filter(pl.col("source") == "shopify"), on="Name")
    words = {"paid": "paid", "refunded": "refunded", "voided": "cancelled"}
    assert (both["Financial Status"].replace_strict(words, default="unpaid") == both["state"]).all()
    kept = both.filter(pl.col("Total") != "N/A").with_columns(
        net=pl.when(pl.col("state") == "paid").then(pl.col("Total").cast(MONEY)).otherwise(0),
        true="net",
    )
    assert (kept["net"] == kept["true"]).all()
    assert 0.005 < (both["state"] == "unpaid").mean() < 0.03  # type: ignore[operator]


def test_the_till_begins_late_and_speaks_german(large: Path) -> None:
    orders = _csv(large / "landing", "kasse/*/orders.csv")
    assert set(orders["status"]) == set(TILL_WORDS.values())
    assert (orders["status"] == "Klärfall").mean() < 0.01  # type: ignore[operator]
    assert set(orders["currency"]) == {"EUR"}
    first = date.fromisoformat(orders["ordered_at"].min()[:10])  # type: ignore[index]
    assert 110 <= (END - first).days <= 120
    assert 0.4 < orders["email"].null_count() / orders.height < 0.6
    assert (orders["updated_at"] >= orders["ordered_at"]).all()
    back = {
        word: orders.filter(pl.col("status") == word)["refunded"]
        for word in ("Erstattet", "Teilweise erstattet")
    }
    assert back["Teilweise erstattet"].null_count() == 0
    assert 0 < back["Erstattet"].null_count() < len(back["Erstattet"])
    gone = orders.filter(pl.col("status") == "Storniert")["cancelled_at"]
    assert 0 < gone.null_count() < len(gone)
    lines = _csv(large / "landing", "kasse/*/order_lines.csv")
    assert lines["order_line_id"].is_unique().all()
    worth = lines.group_by("order_id").agg(pl.col("line_total").cast(MONEY).sum())
    both = orders.join(worth, on="order_id", how="full", coalesce=True)
    assert (both["subtotal"].cast(MONEY) == both["line_total"]).all()
    amounts = orders.select(pl.col("subtotal", "discount", "tax", "shipping", "total").cast(MONEY))
    sums = amounts["subtotal"] - amounts["discount"] + amounts["tax"] + amounts["shipping"]
    assert (sums == amounts["total"]).all()


def test_who_buys_at_the_till_is_a_regular_who_has_not_left(large: Path) -> None:
    truth = pl.read_parquet(large / "truth" / "orders.parquet")
    persons = pl.read_parquet(large / "truth" / "persons.parquet")
    known = truth.filter((pl.col("source") == "kasse") & pl.col("person").is_not_null())
    known = known.filter(pl.col("state") != "credit_note").join(persons, on="person")
    assert set(known["buyer_kind"]) == {"repeat"}
    assert known.filter(pl.col("churned_at") < pl.col("created")).height == 0
    first = (
        truth.filter(pl.col("source") == "shopify")
        .group_by("person")
        .agg(first=pl.col("created").min())
    )
    both = known.join(first, on="person", how="left")
    assert (both["first"].dt.date() < both["created"].dt.date()).all()
    assert both["first"].null_count() == 0
    said = _csv(large / "landing", "kasse/*/orders.csv").filter(pl.col("email").is_not_null())
    owner = said.join(truth, on="order_id")
    # a family or a café may share an address
    per_email = owner.group_by("email").agg(pl.col("person").n_unique())["person"]
    assert (per_email > 1).sum() <= 0.1 * len(per_email)


def test_a_credit_note_takes_back_an_earlier_order_and_every_second_says_which(large: Path) -> None:
    orders = _csv(large / "landing", "kasse/*/orders.csv").with_columns(pl.col("total").cast(MONEY))
    truth = pl.read_parquet(large / "truth" / "orders.parquet").filter(pl.col("source") == "kasse")
    notes = orders.filter(pl.col("status") == "Gutschrift")
    assert 0.02 < notes.height / orders.height < 0.04
    assert (orders.filter(pl.col("total") < 0)["order_id"] == notes["order_id"]).all()
    assert abs(notes["returns_order_id"].null_count() - notes.height / 2) <= 1
    notes = notes.join(truth.select("order_id", "net", true="returns_order_id"), on="order_id")
    assert (notes["net"] == notes["total"]).all()
    assert (
        notes.drop_nulls("returns_order_id")["returns_order_id"]
        == notes.drop_nulls("returns_order_id")["true"]
    ).all()
    pairs = notes.join(orders, left_on="true", right_on="order_id", suffix="_of")
    assert pairs.height == notes.height
    assert (pairs["ordered_at"] > pairs["ordered_at_of"]).all()
    assert (pairs["total"] == -pairs["total_of"]).all()
    assert (pairs["email"] == pairs["email_of"]).all()


def test_every_day_has_a_rate_of_the_euro(company: tuple[Path, Path, Summary], large: Path) -> None:
    for landing in (company[0], large / "landing"):
        rates = _csv(landing, "kasse/*/fx_rates.csv")
        assert rates["date"].to_list() == [
            str(d) for d in pl.date_range(date(2025, 6, 30), date(2026, 6, 29), eager=True)
        ]
        assert rates["rate"].cast(pl.Float64).is_between(1.0, 1.16).all()
        assert set(rates["base"] + rates["quote"]) == {"EURUSD"}
        step = rates["rate"].cast(pl.Float64).pct_change().drop_nulls().abs().max()
        assert step < 0.02  # type: ignore[operator]


def test_a_trial_costs_nothing_and_a_third_come_to_nothing(large: Path) -> None:
    landing, truth = large / "landing", pl.read_parquet(large / "truth" / "subscriptions.parquet")
    subs = _csv(landing, "stripe/*/subscriptions.csv")
    trials = subs.filter(pl.col("Trial End (UTC)").is_not_null())
    assert 0.3 < trials.height / subs.height < 0.55
    over = truth.filter(pl.col("converted").is_not_null())
    assert 0.25 < 1 - over["converted"].mean() < 0.5  # type: ignore[operator]
    length = truth["trial_end"] - truth["trial_start"]
    assert set(length.drop_nulls().dt.total_days()) == {14}
    invoices = _csv(landing, "stripe/*/invoices.csv").join(
        trials, left_on="Subscription", right_on="id", suffix="_of"
    )
    assert (invoices["Date (UTC)"] >= invoices["Trial End (UTC)"]).all()
    charged = _csv(landing, "stripe/*/unified_payments*.csv.gz")["Invoice ID"].unique().to_list()
    lapsed = trials.filter(pl.col("Canceled At (UTC)") == pl.col("Trial End (UTC)"))
    assert (lapsed["Ended At (UTC)"] == lapsed["Trial End (UTC)"]).all()
    mess = json.loads((large / "truth" / "mess.json").read_text())["kinds"]
    assert lapsed.height == mess["trial_lapsed"] > 0
    assert not set(lapsed["id"]) & set(invoices["Subscription"])
    free = subs.filter(pl.col("Amount") == "0.00")
    assert free.height == mess["subscription_free"] > 0
    billed = _csv(landing, "stripe/*/invoices.csv").filter(
        pl.col("Subscription").is_in(free["id"].to_list())
    )
    assert set(billed["Status"]) == {"paid"}
    assert not set(billed["id"]) & set(charged)


def test_subscriptions_stand_in_every_state_that_stripe_knows(large: Path) -> None:
    subs = _csv(large / "landing", "stripe/*/subscriptions.csv").filter(
        pl.col("Interval") != "fortnight"
    )
    words = "active trialing past_due canceled unpaid paused incomplete_expired"
    counts = dict(subs["Status"].value_counts().iter_rows())
    assert set(counts) == set(words.split())
    assert (
        max(counts[word] for word in ("trialing", "unpaid", "paused", "incomplete_expired"))
        < 0.06 * subs.height
    )
    truth = pl.read_parquet(large / "truth" / "subscriptions.parquet")
    both = subs.join(truth, left_on="id", right_on="subscription_id")
    assert (both["Status"] == both["status"]).all()
    expired = subs.filter(pl.col("Status") == "incomplete_expired")
    of_expired = _csv(large / "landing", "stripe/*/invoices.csv").filter(
        pl.col("Subscription").is_in(expired["id"].to_list())
    )
    assert set(of_expired["Status"]) == {"void"}


def test_nights_add_up_to_what_one_night_says_at_the_end(
    company: tuple[Path, Path, Summary], tmp_path: Path
) -> None:
    landing, _, _ = company
    simulate(tmp_path, customers=CUSTOMERS)
    told = [
        ("kasse/*/orders.csv", "order_id", []),
        ("kasse/*/order_lines.csv", "order_line_id", []),
        ("kasse/*/fx_rates.csv", "date", []),
        ("hubspot/*/*companies*.csv", "Record ID", []),
        (
            "shopify/*/orders_export*.csv",
            "Name",
            ["Financial Status", "Cancelled at", "Refunded Amount", "Paid at"],
        ),
        (
            "stripe/*/subscriptions.csv",
            "id",
            ["Status", "Canceled At (UTC)", "Ended At (UTC)", "Trial End (UTC)"],
        ),
        ("stripe/*/invoices.csv", "id", ["Status", "Amount Paid"]),
    ]
    for pattern, key, columns in told:
        ends = []
        for folder in (landing, tmp_path):
            rows = _csv(folder, pattern)
            rows = rows.filter(pl.col("Total").is_not_null()) if "Name" in rows.columns else rows
            rows = rows.select(key, *(columns or rows.drop(key).columns))
            rows = rows.filter(
                ~pl.any_horizontal((pl.col(pl.String) == "fortnight").fill_null(False))
            )
            ends.append(rows.unique(key, keep="last").sort(key))
        both = ends[0].join(ends[1], on=key, suffix="_at_once")
        assert both.height >= 0.98 * max(len(end) for end in ends), pattern
        for column in (c for c in ends[0].columns if c != key):
            assert both[column].equals(both[f"{column}_at_once"].alias(column), null_equal=True), (
                pattern,
                column,
            )


def test_some_contacts_belong_to_a_company_that_came_before_them(
    company: tuple[Path, Path, Summary],
) -> None:
    landing, truth, _ = company
    contacts = _csv(landing, "hubspot/*/*contacts*.csv").unique("Record ID", keep="first")
    members = contacts.filter(pl.col("Associated Company IDs").is_not_null()).with_columns(
        company=pl.col("Associated Company IDs").str.split(";").list.first()
    )
    assert 0.09 < members.height / contacts.height < 0.15
    companies = _csv(landing, "hubspot/*/*companies*.csv").unique("Record ID", keep="first")
    both = members.join(companies, left_on="company", right_on="Record ID", suffix="_of")
    assert both.height == members.height
    dated = both.filter(pl.col("Create Date").str.starts_with("20"))
    assert (dated["Create Date"] >= dated["Create Date_of"]).all()
    shared = both.filter(
        pl.col("Email").str.to_lowercase().str.strip_chars().str.starts_with("info@cafe")
    )
    assert (
        shared["Email"].str.to_lowercase().str.strip_chars().str.slice(5)
        == shared["Company Domain Name"]
    ).all()
    records = pl.read_parquet(truth / "records.parquet").filter(pl.col("account_id").is_not_null())
    known = pl.read_parquet(truth / "companies.parquet")
    assert set(records["account_id"]) == set(known["id"]) == set(companies["Record ID"])


def test_hazard_ranks_who_leaves(company: tuple[Path, Path, Summary]) -> None:
    from sklearn.metrics import roc_auc_score

    _, truth, _ = company
    weeks = pl.read_parquet(truth / "person_weeks.parquet")
    assert 0.65 < roc_auc_score(weeks["churned"], weeks["hazard"]) < 0.88
    expected, realised = float(weeks["hazard"].sum()), int(weeks["churned"].sum())
    # a prospect's and a buyer's first week cannot end in leaving, so a little less happens than the
    # hazards add up to
    assert 0.7 * expected < realised < 1.15 * expected


def test_scores_follow_their_drivers(large: Path) -> None:
    nps = pl.read_parquet(large / "truth" / "nps_responses.parquet")
    drivers = nps.select(
        pl.col("late", "unresolved", "app_user", "engagement").cast(pl.Float64)
    ).to_numpy()
    design = np.column_stack([np.ones(len(nps)), drivers])
    fitted, *_ = np.linalg.lstsq(design, nps["score"].to_numpy().astype(float), rcond=None)
    assert fitted[1] < -0.7
    assert fitted[2] < -0.7
    assert fitted[3] > 0.4
    answers = nps["score"]
    assert 10 < 100 * ((answers >= 9).mean() - (answers <= 6).mean()) < 50  # type: ignore[operator]


def test_sessions_walk_the_known_chains() -> None:
    rng = np.random.default_rng(3)
    n = 30_000
    for stage, name in enumerate(journeys.STAGES):
        session, state, clock = journeys.walk(rng, np.full(n, stage), np.zeros(n, dtype=np.int64))
        same = session[1:] == session[:-1]
        pairs = Counter(zip(state[:-1][same].tolist(), state[1:][same].tolist(), strict=True))
        out = Counter(state.tolist())
        for a, row in journeys.chains()[name]["browse"].items():
            i = journeys.INDEX[a]
            if out[i] < 2000:
                continue
            for b, p in row.items():
                if b != "exit":
                    assert (
                        abs(pairs[(i, journeys.INDEX[b])] / out[i] - p)
                        < 5 * (p * (1 - p) / out[i]) ** 0.5 + 1e-9
                    ), (
                        name,
                        a,
                        b,
                    )
        assert abs(len(state) / n - journeys.mean_length(name, "browse")) < 0.1
        assert (np.diff(clock)[same] < 1800).all(), "no pause that would cut a session"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    landing = tmp_path_factory.mktemp("small")
    simulate(landing, customers=200, days=200)
    return landing


@pytest.mark.parametrize("kind", sorted(POISONS))
def test_each_poison_spoils_one_file(tmp_path: Path, small: Path, kind: str) -> None:
    landing = tmp_path / "landing"
    shutil.copytree(small, landing)
    later = poison(landing, kind, date(2026, 7, 1))
    assert later.parent.name == "2026-07-01"
    shutil.rmtree(later.parent)
    path = poison(landing, kind)
    before, after = _digest(small), _digest(landing)
    assert [name for name in after if before.get(name) != after[name]] == [
        path.relative_to(landing).as_posix()
    ]


def test_an_unknown_poison_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="renamed_column"):
        poison(tmp_path, "arsenic")
    with pytest.raises(FileNotFoundError, match="hubspot"):
        poison(tmp_path, "unparsable_dates")


def test_the_sample_is_small(tmp_path: Path) -> None:
    sample(tmp_path)
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) < 200_000
