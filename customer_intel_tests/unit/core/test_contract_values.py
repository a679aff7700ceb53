"""The words that a column may hold: listed or explained, once, and told wherever the column is."""

from __future__ import annotations

import json
from importlib.resources import files

import duckdb
import jsonschema
import pytest
import yaml

from customer_intel.core.contract import load as contract
from customer_intel.core.contract.model import Column
from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.gate import gate
from customer_intel.publish import catalog
from customer_intel_tests.house import COLUMNS, TABLES, House

WORDS = """\
state: {type: text, meaning: Where it stands}
stage: {type: text, meaning: How far it is}
grade: {type: text, meaning: How good it is}
"""
EXPLAINED = """\
  values:
    state:
      open: waits for us
      done: over, whoever ended it
"""
# Another room's table whose `stage` holds the words of `state`.
TOLD = """\
told:
  grain: one row per customer
  purpose: What is told of it
  owner: team:test
  key: [customer_id]
  columns: customer_id*, stage
  values: {stage: total.state}
"""


def with_state(house: House, values: str, columns: str = WORDS) -> Column:
    house.write("columns.yaml", COLUMNS + columns)
    text = TABLES.replace("revenue\n  expect", f"revenue, state\n{values}  expect")
    house.write("room/tables.yaml", text)
    return house.contract.table("total").by_name["state"]


def test_words_come_with_their_meanings(house: House) -> None:
    state = with_state(house, EXPLAINED)
    assert state.values == ("open", "done")
    assert state.value_meanings["done"] == "over, whoever ended it"
    assert state.described == (
        "Where it stands. One of: open (waits for us); done (over, whoever ended it)"
    )


def test_words_that_explain_themselves_are_listed(house: House) -> None:
    state = with_state(house, "  values: {state: [open, done]}\n")
    assert (state.values, state.value_meanings) == (("open", "done"), {})
    assert state.described == "Where it stands. One of: open, done"
    assert house.contract.table("total").by_name["orders"].described == "How many"


def test_a_column_may_bring_its_words_to_every_table_and_a_table_narrow_them(house: House) -> None:
    worded = "state: {type: text, meaning: Where, values: {open: waits, done: is over}}\n"
    assert with_state(house, "", worded).value_meanings == {"open": "waits", "done": "is over"}
    narrow = with_state(house, "  values: {state: [done]}\n", worded)
    assert narrow.described == "Where. One of: done (is over)"


def test_a_table_holds_the_words_of_another_tables_column(house: House) -> None:
    house.write("there/tables.yaml", TOLD)
    state = with_state(house, EXPLAINED)
    stage = house.contract.table("told").by_name["stage"]
    assert (stage.values, stage.value_meanings) == (state.values, state.value_meanings)
    assert stage.meaning == "How far it is"


@pytest.mark.parametrize("values", [EXPLAINED, "  values: {state: [open, done]}\n"])
def test_the_gate_asks_for_the_words_whichever_way_they_are_written(
    house: House, values: str
) -> None:
    with_state(house, values)
    asked = {
        item["meta"]["expectation"]: item["kwargs"].get("value_set")
        for item in gate.suite(house.contract.table("total"))["expectations"]
    }
    assert asked["in_set state"] == ["open", "done"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("  values: {state: {open: waits, done: }}\n", "are pairs: say what 'done' means"),
        ("  values: {state: {open: 1}}\n", "are pairs: say what 'open' means"),
        ("  values: {state: []}\n", "are a list of words, or pairs of word: what it means"),
        ("  values: {state: 7}\n", "are a list of words, or pairs of word: what it means"),
        (
            "  values: {state: told.stag}\n",
            r"are those of 'told\.stag', for which no table says any; did you mean told\.grade\?",
        ),
        ("  values: {state: told.stage}\n", r"are those of 'told\.stage', for which no table"),
        (
            "  values: {state: told.grade}\n",
            r"are those of 'told\.grade', which are pairs: say what 'b' means",
        ),
    ],
)
def test_words_that_cannot_be_read_name_file_line_and_remedy(
    house: House, values: str, message: str
) -> None:
    graded = (
        "columns: customer_id*, stage, grade\n  values: {stage: total.state, grade: {a: best, b: }}"
    )
    house.write("there/tables.yaml", TOLD.partition("columns:")[0] + graded)
    with pytest.raises(
        ConfigError, match=rf"^room/tables\.yaml:8: table 'total': values of 'state' {message}"
    ):
        with_state(house, values)


def test_words_of_a_column_that_cannot_be_read_name_its_line(house: House) -> None:
    with pytest.raises(
        ConfigError, match=r"^columns\.yaml:7: values of 'state' are a list of words, or pairs"
    ):
        with_state(house, "", "state: {type: text, meaning: Where, values: open}\n")


def test_a_release_tells_each_word_with_its_meaning(house: House) -> None:
    with_state(house, EXPLAINED)
    tables = {"total": house.contract.table("total")}
    told = "Where it stands. One of: open (waits for us); done (over, whoever ended it)"
    assert f"| state | VARCHAR | {told}. |" in catalog.dictionary(tables, {})
    target = house.package / "views.duckdb"
    catalog.views(target, tables, {"total": []})
    with duckdb.connect(str(target), read_only=True) as con:
        found = con.sql("SELECT comment FROM duckdb_columns() WHERE column_name = 'state'")
        assert found.fetchall() == [(told,)]
    document = yaml.safe_load(catalog.odcs(tables["total"], "1"))
    (state,) = [p for p in document["schema"][0]["properties"] if p["name"] == "state"]
    assert state["description"] == "Where it stands"
    assert state["enum"] == [
        {"value": "open", "description": "waits for us"},
        {"value": "done", "description": "over, whoever ended it"},
    ]


def test_a_contract_document_with_words_keeps_to_the_standards_own_schema() -> None:
    standard = json.loads((files("open_data_contract_standard") / "schema.json").read_text())
    tables = contract.load().tables
    for name in ("rfm", "profile_field_provenance", "customer_profile"):
        jsonschema.validate(yaml.safe_load(catalog.odcs(tables[name], "1", tables)), standard)


def test_a_shipped_word_is_explained_in_twelve_words() -> None:
    """So that it fits a table's cell, a chart's legend and a comment."""
    for spec in contract.load().tables.values():
        for column in spec.columns:
            for word, meaning in column.value_meanings.items():
                told = f"{spec.name}.{column.name}: {word}: {meaning}"
                assert len(meaning.split()) <= 12 and not meaning.endswith("."), told


def test_the_shipped_segments_and_stages_say_what_they_mean() -> None:
    tables = contract.load().tables
    segment = tables["rfm"].by_name["segment"]
    assert segment.value_meanings["hibernating"] == (
        "bought well; no sign of life within at_risk_days"
    )
    for name, column in (("segment_summary", "segment"), ("customer_profile", "rfm_segment")):
        assert tables[name].by_name[column].value_meanings == segment.value_meanings
    stages = tables["customer_lifecycle"].by_name["lifecycle_stage"].values or ()
    told = tables["customer_profile"].by_name["lifecycle_stage"].value_meanings
    assert list(told) == [*stages, "not_profiled"]
