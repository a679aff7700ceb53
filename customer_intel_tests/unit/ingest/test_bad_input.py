"""The bad-input matrix: what becomes of each bad file, in which words, with every row accounted
for.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from customer_intel.core.contract import load as contract
from customer_intel.core.engine import EngineSettings
from customer_intel.core.night import build as step
from customer_intel.core.night.night import Night, Outcome
from customer_intel.core.store.lake import Lake
from customer_intel.core.tables import definition as table
from customer_intel.ingest.land.landing_folder import discover
from customer_intel.ingest.read import open_file as intake
from customer_intel.ingest.read.open_file import Limits, Refused
from customer_intel_tests.unit.bad_input_cases import ARCHIVES, FORMATS, HEADERS, NAMES, TEXT
from customer_intel_tests.unit.bad_input_files import (
    DAY,
    GOOD,
    IDS,
    NIGHT,
    SECRET,
    SHOP,
    Case,
    as_csv,
    gz,
    tried,
)
from customer_intel_tests.unit.bad_input_values import VALUES

CASES = [*TEXT, *HEADERS, *ARCHIVES, *FORMATS, *NAMES, *VALUES]
# What to do, or where to look: a refusal without it leaves its reader alone.
ADVICE = re.compile(
    r"send it again|set \w|land |rename|check |did you mean|it has |save it|write one|export "
    r"it|is reader\.header right"
    r"|export the|decrypt it|unpack it|name it|name one|save the|guard it"
    r"|use utf-8|mend the|grant the|still has a header|was damaged|no such archive"
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_file_is_taken_set_aside_or_refused_in_words(case: Case, tmp_path: Path) -> None:
    found = tried(case, tmp_path)
    assert found.verdict == case.verdict, found.said
    said = "\n".join(found.said)
    for words in case.says:
        assert words in said, said
    assert not any(SECRET in message or "\n" in message for message in found.messages), (
        found.messages
    )
    if found.verdict == "refused":
        (message,) = found.messages
        assert message.startswith(intake.printable(f"{DAY}/{case.file}", 300))
        assert ADVICE.search(message), message
    if found.counts:
        counts = found.counts
        assert counts["rows_read"] == case.rows
        taken = (
            counts["rows_accepted"]
            + counts["rows_quarantined"]
            + counts["rows_duplicate"]
            + counts["rows_skipped"]
        )
        assert counts["rows_read"] == taken
        assert found.accepted.height == counts["records_written"] == counts["rows_accepted"]
        assert (
            found.quarantined["source_row"].n_unique() if found.quarantined.height else 0
        ) == counts["rows_quarantined"]
        if case.entity == "orders":
            assert set(found.accepted["order_id"]) >= IDS - case.lost
        if case.values:
            assert case.values(found.accepted)


def test_the_matrix_is_as_large_as_it_says() -> None:
    verdicts = Counter(case.verdict for case in CASES)
    assert len({case.name for case in CASES}) == len(CASES) >= 190
    assert set(verdicts) == {"as is", "warned", "quarantined", "refused", "unmapped"}
    assert all(case.says for case in CASES if case.verdict != "as is"), (
        "a verdict that nobody hears of"
    )


def test_gzip_cut_at_each_percent_is_refused(tmp_path: Path) -> None:
    data = gz(as_csv(GOOD * 20))
    for percent in range(100):
        path = tmp_path / f"{percent}.csv.gz"
        path.write_bytes(data[: len(data) * percent // 100])
        with pytest.raises(Refused, match="archive"):
            for _ in intake.unpacked(path, "", Limits()):
                pass


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.open

    def shut(path: os.PathLike[str], *rest: int) -> int:
        if Path(path).name == "orders.csv":
            raise PermissionError(13, "Permission denied")
        return really(path, *rest)

    monkeypatch.setattr(os, "open", shut)
    found = tried(Case("no permission", as_csv(), "refused"), tmp_path)
    assert found.messages == [
        f"{DAY}/orders.csv: cannot be opened (Permission denied); grant the permission"
    ]


def test_a_folder_that_may_not_be_read_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / DAY).mkdir(parents=True)
    really = os.scandir

    def shut(path: str) -> object:
        if str(path).endswith("2026-02-28"):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(os, "scandir", shut)
    assert [file.source_file for file in discover(tmp_path, NIGHT)] == [DAY]


def test_a_full_disk_is_not_the_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(target: Path) -> object:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(intake, "create_private", full)
    # The step says which folder has no room left.
    with pytest.raises(OSError, match="No space left on device"):
        tried(Case("full disk", as_csv(), "refused"), tmp_path)


def test_a_broken_lookup_is_named_beside_the_file_that_needs_it(tmp_path: Path) -> None:
    (tmp_path / "landing" / DAY).mkdir(parents=True)
    (tmp_path / "landing" / DAY / "names.csv").write_bytes(b"")
    lookup = 'lookups: {names: {files: names.csv, sql: "select id as k from file", on: customer}}\n'
    (message,) = tried(
        Case("lookup", as_csv(), "refused", mapping=SHOP + lookup), tmp_path
    ).messages
    assert message.startswith(
        f"{DAY}/orders.csv: needs lookup 'names', but {DAY}/names.csv is empty"
    )


def test_a_refused_file_is_told_and_keeps_its_last_rows(
    tmp_path: Path,
) -> None:
    contracts = contract.load()
    made = table.definitions(contracts)
    (tmp_path / "config" / "mappings").mkdir(parents=True)
    (tmp_path / "config" / "mappings" / "shop_orders.yaml").write_text(SHOP)

    def nights(day: int, orders: bytes) -> dict[str, Outcome]:
        as_of = date(2026, 2, day)
        for name, data in (
            ("orders.csv", orders),
            ("products.csv", f"product_id\np{day}\n".encode()),
        ):
            path = tmp_path / f"landing/shop/{as_of}/{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        night = Night(tmp_path, tmp_path / "landing", as_of, f"s{day}", contracts, EngineSettings())
        return {name: step.build(night, made[name]) for name in ("raw_orders", "raw_products")}

    first = nights(27, as_csv())
    second = nights(28, as_csv(header=None))
    assert [first[name].status for name in first] == ["accepted", "accepted"]
    assert [second[name].status for name in second] == ["accepted", "accepted"]
    kept = Lake(tmp_path).current("raw_orders")
    assert kept
    assert (kept.rows, len(kept.parts)) == (40, 2)
    (told,) = second["raw_orders"].verdict.warned
    assert told.message.startswith("shop/2026-02-28/orders.csv, column at: lacks column 'at'")


def downstream(name: str) -> set[str]:
    made = table.definitions(contract.load())
    found = {name}
    while more := {other for other, item in made.items() if found & set(item.depends_on)} - found:
        found |= more
    return found


def test_whoever_reads_raw_rows_waits_for_the_sources_states() -> None:
    made = table.definitions(contract.load())
    readers = {name for name, item in made.items() if any(n.startswith("raw_") for n in item.reads)}
    judges = {"source_check", "source_state", "stale_table", "export_check"}
    assert all("source_state" in made[name].reads for name in readers - judges)
    assert {"orders", "order_version", "source_start", "export_file"} <= readers
    assert not {"orders", "contacts"} & set(made["source_state"].depends_on)
