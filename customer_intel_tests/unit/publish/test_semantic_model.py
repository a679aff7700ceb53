"""The semantic model keeps to the specification's own schema, and its metrics run over the release's
views.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from customer_intel.core.contract.load import load
from customer_intel.publish import catalog, semantic_model

PUBLISHED = {name: table for name, table in load().tables.items() if table.published}


@pytest.fixture(scope="module")
def model() -> dict[str, Any]:
    return dict(yaml.safe_load(semantic_model.document(PUBLISHED, load().metrics)))


def test_it_keeps_to_the_schema_of_apache_ossie(model: dict[str, Any], shared_data: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((shared_data / "ossie" / "osi-schema.json").read_text())
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(model))
    assert not errors, errors[:3]


def test_every_published_table_and_every_metric_is_in_it(model: dict[str, Any]) -> None:
    (one,) = model["semantic_model"]
    assert {item["name"] for item in one["datasets"]} == set(PUBLISHED)
    assert [item["name"] for item in one["metrics"]] == [
        name for metric in load().metrics for name in metric.ids
    ]


def test_joins_lead_to_columns_that_are_there(model: dict[str, Any]) -> None:
    (one,) = model["semantic_model"]
    assert len(one["relationships"]) > 30
    for join in one["relationships"]:
        for table, columns in (("from", "from_columns"), ("to", "to_columns")):
            assert set(join[columns]) <= set(PUBLISHED[join[table]].by_name)


def test_its_expressions_run_over_the_views(model: dict[str, Any], tmp_path: Path) -> None:
    catalog.views(tmp_path / "views.duckdb", PUBLISHED, {name: [] for name in PUBLISHED})
    (one,) = model["semantic_model"]
    with duckdb.connect(str(tmp_path / "views.duckdb")) as con:
        asked = [item["expression"]["dialects"][0]["expression"] for item in one["metrics"]]
        assert con.execute(f"SELECT {', '.join(asked)} FROM metric_daily").fetchall()
