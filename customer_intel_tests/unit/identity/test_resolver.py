"""`customer-intel evaluate identity` and `resolve` on anyone's file: columns, order, models,
messages, few records.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from customer_intel.cli import app
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel_tests.bench_identity.people import generated

# The same columns by the names of other systems.
OTHER_NAMES = {
    "record_id": "Unique-ID",
    "first_name": "Vorname",
    "last_name": "SURNAME",
    "birth_date": "Date of Birth",
    "email": "E-Mail Address",
    "phone": "mobile_phone",
    "street": "Address Line 1",
    "city": "Ort",
    "postal_code": "ZIP",
}


FIRST = ("Boris", "Clara", "Dieter", "Emil", "Frida", "Georg", "Ines", "Kurt", "Olga", "Paul")
LAST = ("Koch", "Hahn", "Vogt", "Lang", "Brandt", "Seidel", "Franke", "Horn", "Kraus", "Busch")


FEW = pytest.mark.xfail(
    strict=True, reason="a shared postcode is no witness of a shared name in a small home"
)


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    return generated(250, seed=11).sort("record_id")


@pytest.fixture
def file(people: pl.DataFrame, tmp_path: Path) -> Path:
    return written(people, tmp_path / "people.csv")


@pytest.fixture(scope="module")
def usual(people: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return evaluated(written(people, tmp_path_factory.mktemp("usual") / "people.csv"))


def written(frame: pl.DataFrame, file: Path) -> Path:
    frame.write_csv(file)
    return file


def called(*arguments: object) -> dict[str, object]:
    """What a command prints under --json; what it raises, raised."""
    ran = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    if ran.exception:
        raise ran.exception
    told: dict[str, object] = json.loads(ran.stdout)
    return told


def evaluated(file: Path, *options: object, truth: str = "truth") -> dict[str, object]:
    timing = ("seconds", "cpu_seconds", "peak_mb")
    found = called("evaluate", "identity", file, "--truth", truth, *options)
    return {name: value for name, value in found.items() if name not in timing}


def resolved(file: Path, *options: object) -> pl.DataFrame:
    target = file.with_name(f"{file.stem} resolved.parquet")
    called("resolve", file, "--out", target, *options)
    return pl.read_parquet(target)


@FEW
def test_people_are_found_again(usual: dict[str, object]) -> None:
    assert usual["records"] == 250
    assert float(str(usual["precision"])) >= 0.97
    assert float(str(usual["recall"])) >= 0.95


@pytest.mark.slow
def test_twice_is_the_same(file: Path, usual: dict[str, object]) -> None:
    assert evaluated(file) == usual
    assert resolved(file).equals(resolved(file))


@pytest.mark.slow
def test_the_order_of_rows_is_irrelevant(
    people: pl.DataFrame, file: Path, usual: dict[str, object], tmp_path: Path
) -> None:
    shuffled = written(people.sample(fraction=1, shuffle=True, seed=5), tmp_path / "shuffled.csv")
    assert evaluated(shuffled) == usual
    assert resolved(shuffled).sort("record_key").equals(resolved(file).sort("record_key"))


def test_columns_are_found_by_the_names_of_other_systems(
    people: pl.DataFrame, usual: dict[str, object], tmp_path: Path
) -> None:
    other = written(people.rename(OTHER_NAMES), tmp_path / "other.csv")
    found = evaluated(other)
    assert {what: found["columns"][what] for what in ("first_name", "birth_date")} == {  # type: ignore[index]
        "first_name": "Vorname",
        "birth_date": "Date of Birth",
    }
    assert without(found, "columns") == without(usual, "columns")


@pytest.mark.slow
def test_a_mapping_names_what_no_one_could_guess(
    people: pl.DataFrame, usual: dict[str, object], tmp_path: Path
) -> None:
    odd = people.rename({name: f"c{place}" for place, name in enumerate(people.columns)})
    names = dict(zip(people.columns, odd.columns, strict=True))
    truth = names.pop("truth")
    mapping = tmp_path / "mapping.yaml"
    lines = [
        f"{'record_key' if name == 'record_id' else name}: {column}"
        for name, column in names.items()
    ]
    mapping.write_text("\n".join(lines))
    found = evaluated(written(odd, tmp_path / "odd.csv"), "--mapping", mapping, truth=truth)
    assert without(found, "columns") == without(usual, "columns")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_other_formats_say_the_same(
    people: pl.DataFrame, usual: dict[str, object], tmp_path: Path, suffix: str
) -> None:
    other = tmp_path / f"people{suffix}"
    if suffix == ".parquet":
        people.write_parquet(other)
    else:
        people.write_ndjson(other)
    assert evaluated(other) == usual


@pytest.mark.slow
def test_the_truth_may_be_an_expression(
    people: pl.DataFrame, usual: dict[str, object], tmp_path: Path
) -> None:
    joined = people.with_columns(note=pl.concat_str(pl.lit("person-"), "truth", pl.lit("-x"))).drop(
        "truth"
    )
    found = evaluated(written(joined, tmp_path / "joined.csv"), truth="split_part(note, '-', 2)")
    assert without(found, "unused_columns") == without(usual, "unused_columns")


def test_the_truth_is_no_evidence(people: pl.DataFrame, tmp_path: Path) -> None:
    """Not even where it is called as something that records are compared by."""
    nobody = pl.DataFrame(
        {"ssn": people["truth"], "first_name": ["Ann"] * len(people), "city": people["record_id"]}
    )
    found = evaluated(written(nobody, tmp_path / "nobody.csv"), truth="ssn")
    assert "id_number" not in found["columns"]  # type: ignore[operator]


def test_records_without_a_label_are_resolved_and_not_counted(
    people: pl.DataFrame, tmp_path: Path
) -> None:
    some = people.with_columns(truth=pl.when(pl.int_range(pl.len()) % 3 > 0).then("truth"))
    found = evaluated(written(some, tmp_path / "some.csv"))
    assert (found["records"], found["unlabelled_records"]) == (166, 84)


@pytest.mark.slow
def test_a_saved_model_gives_the_same_answer(
    file: Path, usual: dict[str, object], tmp_path: Path
) -> None:
    kept = tmp_path / "model.json"
    assert evaluated(file, "--save-model", kept) == usual
    assert evaluated(file, "--model", kept) == usual
    assert resolved(file, "--model", kept).equals(resolved(file))


@FEW
@pytest.mark.slow
def test_a_model_settles_records_it_was_not_fitted_to(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "model.json"
    version = evaluated(file, "--save-model", kept)["model_version"]
    other = written(generated(200, seed=12), tmp_path / "other.csv")
    found = evaluated(other, "--model", kept)
    assert found["model_version"] == version
    assert float(str(found["f1"])) >= 0.97


@FEW
def test_the_shipped_model_settles_any_number_of_records(file: Path) -> None:
    found = evaluated(file, "--model", "default")
    assert float(str(found["f1"])) >= 0.95


@pytest.mark.parametrize("records", [1, 2, 12])
def test_few_records_are_settled_by_what_is_known_beforehand(tmp_path: Path, records: int) -> None:
    rows = [
        ("Anna", "Weber", "anna@x.de", "1980-02-03"),
        ("Anna", "Webber", "anna@x.de", "1980-02-03"),
    ]
    rows += [(first, "Weber", f"{first}@x.de".lower(), "1982-07-01") for first in ("Jonas", "Mia")]
    rows += [
        ("Paul", f"Name{chr(97 + n) * 3}", f"p{n}{n}@y.de", f"19{60 + n}-01-02") for n in range(8)
    ]
    schema = ["first_name", "last_name", "email", "birth_date"]
    few = pl.DataFrame(rows[:records], schema=dict.fromkeys(schema, pl.String), orient="row")
    found = resolved(written(few, tmp_path / "few.csv"))
    assert len(found) == records
    assert found["customer_id"].n_unique() == max(records - 1, min(records, 1))


def test_relatives_under_one_roof_stay_apart(tmp_path: Path) -> None:
    home = {
        "last_name": "Weber",
        "street": "12 Lindenweg",
        "city": "Jena",
        "postal_code": "07743",
        "phone": "036415550",
    }
    rows = [{"first_name": name, **home} for name in ("Anna", "Jonas", "Mia", "Anna")]
    others = [
        {
            "first_name": first,
            **home,
            "last_name": last,
            "street": f"{n} Weg",
            "phone": f"03641{7919 * n}",
        }
        for n, (first, last) in enumerate(zip(FIRST, LAST, strict=True), 3)
    ]
    found = resolved(written(pl.DataFrame([*rows, *others]), tmp_path / "home.csv")).sort(
        pl.col("record_key").cast(pl.Int64)
    )
    anna, jonas, mia, again = found["customer_id"][:4]
    assert anna == again
    assert len({anna, jonas, mia}) == 3


@pytest.mark.parametrize(
    ("truth", "options", "said"),
    [
        ("person", (), "--truth person: no such column; people.csv has truth, first_name"),
        ("truth", ("--model", "nowhere.json"), "--model nowhere.json"),
        (
            "truth",
            ("--mapping", "{bad}"),
            "'fist_name' is no field of a record; did you mean first_name",
        ),
    ],
)
def test_refusals_say_what_is_wrong(
    file: Path, tmp_path: Path, truth: str, options: Iterable[str], said: str
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("fist_name: first_name\n")
    with pytest.raises(ConfigError) as refused:
        evaluated(file, *(option.format(bad=bad) for option in options), truth=truth)
    assert said in str(refused.value).replace("\n", " ")


def test_a_file_that_says_nothing_of_people_is_refused(tmp_path: Path) -> None:
    file = written(pl.DataFrame({"amount": ["1"], "truth": ["a"]}), tmp_path / "sums.csv")
    with pytest.raises(ConfigError, match="no column identifies a person"):
        evaluated(file)


def without(found: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in found.items() if name not in names}
