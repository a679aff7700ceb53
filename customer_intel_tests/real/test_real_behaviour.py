"""What homes with only an events file of another company's words are proposed, and a funnel of known counts.

What a product manager would change stands beside each proposal.
"""

from __future__ import annotations

import csv
import gzip
import shutil
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from customer_intel.behaviour.definitions import Definitions
from customer_intel.behaviour.funnel_people import funnel_customer_step
from customer_intel.behaviour.model import Behaviour, Funnel
from customer_intel.core.contract import load as contract
from customer_intel.core.store.lake import Lake
from customer_intel_tests.whole_nights import Steps, upstream

pytestmark = pytest.mark.slow


class Home:
    """A home after one night over some files of one source."""

    def __init__(self, home: Path, source: str, files: list[Path], as_of: date) -> None:
        folder = home / "landing" / source
        folder.mkdir(parents=True)
        for file in files:
            shutil.copyfile(file, folder / file.name)
        steps = Steps(home, as_of, home / "landing")
        outcomes = steps.build(upstream("funnel_step", "behaviour_candidate"))
        assert {n: done.verdict for n, done in outcomes.items() if not done.passed} == {}
        self.home, self.as_of = home, as_of
        self.said = Definitions.of(self.lake("behaviour_definition"))

    def lake(self, name: str) -> pl.LazyFrame:
        return pl.scan_parquet(Lake(self.home).files(name))

    def steps(self, funnel: str) -> list[tuple[str, ...]]:
        return [step.acts for step in self.said.funnels[funnel].steps]

    def reached(self, *steps: str, order: str = "ordered", days: int = 0) -> list[int]:
        """How many come how far through these acts, without a window."""
        funnel = Funnel("known", tuple(Behaviour(act, (act,), caption=act) for act in steps), order)
        schema = contract.load().table("behaviour_definition").polars_schema
        rows = funnel_customer_step(
            self.lake("activity"),
            self.lake("touchpoint_day"),
            pl.DataFrame(Definitions(funnels={"known": funnel}).rows(), schema=schema).lazy(),
            self.lake("behaviour_customer"),
            self.as_of,
            {"funnel_days": days, "posthog_compat": False},
            contract.load().table("funnel_customer_step").polars_schema,
        )
        return rows.group_by("step").len().sort("step")["len"].to_list()

    def by_steps(self, funnel: str) -> list[int]:
        rows = self.lake("funnel_step").filter(
            (pl.col("funnel") == funnel) & (pl.col("breakdown") == "all")
        )
        return rows.sort("step").collect()["n"].to_list()


def test_retentioneerings_shop(shared_data: Path, tmp_path: Path) -> None:
    """A product manager would take the search for a feature that nearly everybody uses, and leave out the promotion."""
    shop = Home(
        tmp_path,
        "retentioneering",
        [shared_data / "retentioneering" / "ecom.csv.gz"],
        date(2024, 6, 30),
    )
    # Known counts of catalog, cart and purchase: each after the one before, whatever lies between.
    known = ("page_viewed:catalog", "add_to_cart", "purchase")
    assert shop.reached(*known) == [600, 511, 285]
    assert shop.reached(*known, order="any") == [600, 522, 328]
    assert shop.reached(*known, order="strict") == [600, 177, 3]
    assert shop.steps("buying") == [
        ("page_viewed:catalog", "page_viewed:product_view"), ("add_to_cart", "page_viewed:cart"),
        ("page_viewed:shipping_details",), ("page_viewed:payment_details",), ("purchase",),
    ]  # fmt: skip
    assert shop.said.funnels["buying"].certainty == "likely"
    assert shop.said.conversion and shop.said.conversion.acts == ("purchase",)
    assert shop.said.core and shop.said.core.acts == ("purchase",)
    assert set(shop.said.features) == {
        "filter_results", "promo_page", "wishlist_add", "review_page", "compare", "support_chat",
    }  # fmt: skip


def test_retentioneerings_simple_shop(shared_data: Path, tmp_path: Path) -> None:
    """A product manager would join both ways of delivery, and both of payment, into one feature each."""
    files = [shared_data / "retentioneering" / "simple-onlineshop.csv.gz"]
    shop = Home(tmp_path, "retentioneering", files, date(2020, 4, 30))
    assert shop.steps("buying") == [
        ("page_viewed:catalog", "page_viewed:product"), ("page_viewed:cart",), ("page_viewed:delivery_choice",),
        ("page_viewed:payment_choice",), ("purchase",),
    ]  # fmt: skip
    assert shop.said.conversion and shop.said.conversion.acts == ("purchase",)
    assert set(shop.said.features) == {
        "delivery_courier",
        "delivery_pickup",
        "payment_card",
        "payment_cash",
    }
    people = shop.lake("funnel_customer").collect()
    assert people["is_converted"].sum() == shop.by_steps("buying")[-1]


def test_sparkify(shared_data: Path, tmp_path: Path) -> None:
    """A product manager would keep the core action, and wait with the upgrade: a handful of people made one."""
    files = sorted((shared_data / "sparkify_logs" / "raw").glob("*.json*"))
    music = Home(tmp_path, "sparkify", files, date(2018, 12, 1))
    assert music.said.core and music.said.core.acts == ("nextsong",)
    assert music.said.core.certainty == "likely"
    assert music.said.conversion and music.said.conversion.acts == ("submit_upgrade",)
    assert music.said.conversion.certainty == "unsure"
    assert music.steps("first_way") == [
        ("nextsong",),
        ("page_viewed:upgrade",),
        ("submit_upgrade",),
    ]
    assert music.said.funnels["first_way"].certainty == "unsure"


def test_volvos_problems(shared_data: Path, tmp_path: Path) -> None:
    """Cases, not customers: a product manager would call a closed problem the end of a process, not a conversion."""
    space = "{http://www.xes-standard.org/}"
    with gzip.open(shared_data / "pm4py_logs" / "06_bpic2013_closed.xes.gz") as stream:
        root = ElementTree.parse(stream).getroot()
    rows = [
        {str(item.get("key")): item.get("value") for item in event}
        | {
            "case:concept:name": next(
                i.get("value") for i in trace if i.get("key") == "concept:name"
            )
        }
        for trace in root.iter(f"{space}trace")
        for event in trace.iter(f"{space}event")
    ]
    log = tmp_path / "06_bpic2013_closed.csv"
    with log.open("w", newline="") as out:
        writer = csv.DictWriter(out, sorted({name for row in rows for name in row}))
        writer.writeheader()
        writer.writerows(rows)
    problems = Home(tmp_path / "home", "bpi2013", [log], date(2012, 6, 1))
    assert problems.said.conversion and problems.said.conversion.acts == (
        "problem_completed:closed",
    )
    assert problems.said.conversion.certainty == "unsure"
    assert problems.said.core and problems.said.core.certainty == "unsure"
    assert problems.steps("first_way") == [
        ("problem_accepted:in progress",),
        ("problem_completed:closed",),
    ]
    assert problems.said.funnels["first_way"].certainty == "unsure"
    people = problems.lake("funnel_customer").collect()
    assert people["customer_id"].null_count() == people.height > 100
    assert people["entered_at"].min().date() >= problems.as_of - timedelta(days=90)  # type: ignore[union-attr]
