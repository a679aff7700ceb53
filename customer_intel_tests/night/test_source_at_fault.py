"""Whole nights with a source at fault, as their operator meets them: exit codes, screen, tables, report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from customer_intel.core.store.release import Published
from customer_intel.orchestration import alerts
from customer_intel.settings import Settings

pytestmark = pytest.mark.nights

FIRST = date(2026, 3, 2)
BAD = "a;b\n1;2\n"


def command(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("CUSTOMER_INTEL_")
    }
    return subprocess.run(
        [sys.executable, "-m", "customer_intel.cli", *words],
        capture_output=True, text=True, env={**environment, "COLUMNS": "300"}, check=False,
    )  # fmt: skip


def land(home: Path, source: str, night: int, text: str, name: str = "orders.csv") -> Path:
    path = home / "landing" / source / f"{FIRST + timedelta(days=night - 1)}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def orders(source: str, night: int) -> str:
    day = FIRST + timedelta(days=night - 2)
    rows = [
        f"{source}{night}-{n},c{n},{source}{n}@x.example,{day} 0{n}:30:00,{10 + n},EUR"
        for n in range(9)
    ]
    return "\n".join(["order_id,customer_ref,email,ordered_at,total,currency", *rows]) + "\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two shops; on the second night one of them sends what cannot be read."""
    made = tmp_path_factory.mktemp("company")
    for source in ("shop", "till"):
        land(made, source, 1, orders(source, 1))
    assert command("run", "--home", str(made)).returncode == 0
    land(made, "till", 2, orders("till", 2))
    land(made, "shop", 2, BAD)
    yield made


@pytest.fixture(scope="module")
def held(home: Path) -> subprocess.CompletedProcess[str]:
    return command("run", "--home", str(home))


def test_the_night_publishes_and_says_what_it_lacks(
    home: Path, held: subprocess.CompletedProcess[str]
) -> None:
    assert held.returncode == 4, held.stdout + held.stderr
    assert "shop/2026-03-03/orders.csv, column currency: lacks column 'currency'" in held.stdout
    assert "shop is held back at its last good state since 2026-03-03" in held.stdout
    release = Published(home).current()
    assert release is not None and release.as_of == "2026-03-03"
    report = (release.folder / "report.html").read_text()
    assert "is held back at its last good state since" in report
    con = duckdb.connect(str(release.folder / "customer_intel.duckdb"), read_only=True)
    assert con.sql("SELECT source_system, state, export_date FROM source_state ORDER BY 1").fetchall() == [
        ("shop", "held", FIRST), ("till", "current", FIRST + timedelta(days=1)),
    ]  # fmt: skip
    counts = con.sql(
        "SELECT source_system, count(*) FROM order_fact GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert counts == [("shop", 9), ("till", 18)]
    leaning = con.sql("SELECT table_name FROM stale_table WHERE source_system = 'shop'").fetchall()
    assert {("order_fact",), ("customer_profile",)} <= set(leaning)
    # What the source did not tell of is not complete.
    newest = con.sql(
        "SELECT complete FROM metric_daily WHERE metric = 'orders_1d' AND day = DATE '2026-03-02' AND dimension = 'all'"
    ).fetchall()
    assert newest in ([(False,)], [])


def test_status_and_the_alert_name_the_source(
    home: Path, held: subprocess.CompletedProcess[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = command("status", "--home", str(home))
    assert said.returncode == 0
    assert "shop: held since 2026-03-03; export of 2026-03-02" in said.stdout
    told = json.loads(command("status", "--home", str(home), "--json").stdout)
    assert {row["source_system"]: row["state"] for row in told["sources"]} == {
        "shop": "held",
        "till": "current",
    }

    class Run:
        run_id, tags = "r", {"dagster/partition": "2026-03-03"}

    text = alerts.stale_text(Run(), Settings(home=home))  # type: ignore[arg-type]
    assert "• shop: held since 2026-03-03: shop/2026-03-03/orders.csv" in text
    assert alerts.stale_text(type("Other", (Run,), {"tags": {}})(), Settings(home=home)) == ""  # type: ignore[arg-type]


def test_required_it_stops_the_night(
    home: Path, held: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    other = tmp_path / "required"
    shutil.copytree(home, other, symlinks=True)
    (other / "config").mkdir(exist_ok=True)
    (other / "config" / "sources.yaml").write_text("shop: {required: true}\n")
    said = command("run", "--home", str(other))
    assert said.returncode == 2, said.stdout
    assert "required source: shop: shop/2026-03-03/orders.csv" in said.stdout.replace("\n", " ")


def test_a_file_that_nobody_takes_is_named_by_check_and_by_the_night(tmp_path: Path) -> None:
    land(tmp_path, "shop", 1, "Nr,Wer\n1,a\n", "Auftraege_2026.csv")
    checked = command("check", "--home", str(tmp_path))
    assert "shop/2026-03-02/Auftraege_2026.csv: no mapping asks for it" in checked.stderr
    night = command("run", "--home", str(tmp_path))
    assert night.returncode == 2
    assert "shop/2026-03-02/Auftraege_2026.csv: no mapping asks for it" in night.stdout
    assert "there is nothing to publish" in night.stdout.replace("\n", " ")
    assert Published(tmp_path).current() is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shop: {every: daily}", "config/sources.yaml:1: 'every' is one of day, weekday"),
        ("shop:\n  requird: true", "config/sources.yaml:2: 'requird' is not expected of a source; did you mean"),
        ("shop: every day", "config/sources.yaml:1: 'shop' needs 'key: value' pairs"),
    ],
)  # fmt: skip
def test_a_slip_in_sources_yaml_is_bad_configuration(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(text + "\n")
    for verb in ("check", "run"):
        found = command(verb, "--home", str(tmp_path))
        if verb == "check":
            assert found.returncode == 3
            assert said in found.stderr
