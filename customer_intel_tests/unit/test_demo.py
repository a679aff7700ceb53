"""The demo company: same seed, same bytes; a truth that its exports agree with; signals of the promised strength."""

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

from customer_intel.demo import POISONS, Summary, journeys, poison, sample, simulate

CUSTOMERS, NIGHTS = 600, 4
END = date(2026, 6, 30)


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


def test_every_night_lands_in_its_own_folder_and_holds_what_came_before_it(company: tuple[Path, Path, Summary]) -> None:
    landing, _, summary = company
    assert [str(d) for d in summary.dates] == ["2026-06-27", "2026-06-28", "2026-06-29", "2026-06-30"]
    dates = {p.parent.name for p in landing.glob("*/*/*")}
    assert dates == {str(d) for d in summary.dates}
    for path in landing.glob("segment/*/*"):
        lines = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        received = [json.loads(line)["receivedAt"] for line in lines.splitlines()]
        assert max(received) < path.parent.name + "T00"


def test_counts_are_lifelike(company: tuple[Path, Path, Summary]) -> None:
    landing, truth, summary = company
    assert 0.85 * 80 * CUSTOMERS < summary.events < 1.2 * 80 * CUSTOMERS
    orders = pl.read_parquet(truth / "orders.parquet")
    per_buyer = orders.group_by("person").len()["len"]
    assert 0.38 < (per_buyer == 1).mean() < 0.58
    assert per_buyer.max() >= 10, "a heavy tail of regulars"
    december = orders.filter(pl.col("created").dt.month() == 12).height
    january = orders.filter(pl.col("created").dt.month() == 1).height
    assert december > 1.3 * january
    named = _csv(landing, "shopify/*/orders_export*.csv")["Name"].unique().to_list()
    assert set(named) == set(orders["order_id"])


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
    assert ((clean["Subtotal"] + clean["Shipping"] + clean["Taxes"] - clean["Total"]).abs() < 0.005).all()


def test_records_have_one_owner_and_the_scenarios_are_there(company: tuple[Path, Path, Summary]) -> None:
    landing, truth, summary = company
    records = pl.read_parquet(truth / "records.parquet")
    assert records["record_key"].is_unique().all()
    assert set(records["person"]) <= set(pl.read_parquet(truth / "persons.parquet")["person"])
    tricky = "shared_email shared_phone twin jr_sr role_mailbox recycled_phone maiden_name nickname typo plus_tag"
    for kind in (*tricky.split(), "email_case", "no_email", "placeholder", "duplicate_contact"):
        assert summary.mess[f"identity_{kind}"] > 0, kind
    hubspot = _csv(landing, "hubspot/*/*.csv")
    exported = {f"hubspot:{i}" for i in hubspot["Record ID"]}
    assert exported == set(records.filter(pl.col("source") == "hubspot")["record_key"])
    devices = pl.read_parquet(truth / "devices.parquet")
    assert devices.filter("is_kiosk")["person"].n_unique() > 1


def test_nobody_real_is_reachable(company: tuple[Path, Path, Summary]) -> None:
    landing, _, _ = company
    hubspot = _csv(landing, "hubspot/*/*.csv")
    for email in hubspot["Email"].drop_nulls():
        assert re.search(r"(\.example|example\.(com|org|net))$", email.lower()) or email == "test@test.com", email
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
    assert again.read_bytes() == (landing / "shopify" / "2026-06-27" / "customers_export.csv").read_bytes()
    renamed = pl.read_csv(landing / "shopify" / "2026-06-28" / "orders_export_1.csv", infer_schema=False)
    assert "Discount Code" not in renamed.columns
    sheet = sorted(landing.glob("loyalty/*/*.csv"))[0].read_bytes()
    assert ";" in sheet.decode("windows-1252")


def test_hazard_ranks_who_leaves(company: tuple[Path, Path, Summary]) -> None:
    from sklearn.metrics import roc_auc_score

    _, truth, _ = company
    weeks = pl.read_parquet(truth / "person_weeks.parquet")
    assert 0.65 < roc_auc_score(weeks["churned"], weeks["hazard"]) < 0.88
    expected, realised = float(weeks["hazard"].sum()), int(weeks["churned"].sum())
    # a prospect's and a buyer's first week cannot end in leaving, so a little less happens than the hazards add up to
    assert 0.7 * expected < realised < 1.15 * expected


def test_scores_follow_their_drivers(tmp_path: Path) -> None:
    simulate(tmp_path / "landing", customers=2500, days=365, truth=tmp_path / "truth")
    nps = pl.read_parquet(tmp_path / "truth" / "nps_responses.parquet")
    drivers = nps.select(pl.col("late", "unresolved", "app_user", "engagement").cast(pl.Float64)).to_numpy()
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
                    assert abs(pairs[(i, journeys.INDEX[b])] / out[i] - p) < 5 * (p * (1 - p) / out[i]) ** 0.5 + 1e-9, (
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
    assert [name for name in after if before.get(name) != after[name]] == [path.relative_to(landing).as_posix()]


def test_an_unknown_poison_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="renamed_column"):
        poison(tmp_path, "arsenic")
    with pytest.raises(FileNotFoundError, match="hubspot"):
        poison(tmp_path, "unparsable_dates")


def test_the_sample_is_small(tmp_path: Path) -> None:
    sample(tmp_path)
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) < 200_000
