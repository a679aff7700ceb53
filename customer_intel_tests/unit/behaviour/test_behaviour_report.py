"""What the page says of funnels, and that its advice can be pasted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from customer_intel.behaviour.declaration import declared
from customer_intel.behaviour.definitions import Definitions
from customer_intel.behaviour.report_definitions import as_yaml
from customer_intel.behaviour.report_funnel import funnel, lasting
from customer_intel.core.report.charts_funnel import step_bar
from customer_intel.core.report.markup import unmarked
from customer_intel.core.tables.parameters import room_config
from customer_intel.testing import TableLab
from customer_intel_tests.unit.behaviour.acts import lab
from customer_intel_tests.unit.behaviour.test_funnels import DAY_MINUTES, STEPS, TABLES, counted
from customer_intel_tests.unit.behaviour.test_proposals import GERMAN, LATER, way

NBSP = "\N{NO-BREAK SPACE}"


def page(made: TableLab, tmp_path: Path) -> str:
    return unmarked(funnel(made.evidence(tmp_path)))


def people() -> list[tuple[str, float, str]]:
    """120 customers: 60 add, 30 of whom buy, a day later; 20 of the 120 began in the last ten days."""
    events = []
    for at in range(120):
        begin = (2 if at < 100 else 25) * DAY_MINUTES + at
        events.append((f"c{at:03}", begin, "viewed"))
        if at % 2 == 0:
            events.append((f"c{at:03}", begin + 5, "added"))
        if at % 4 == 0:
            events.append((f"c{at:03}", begin + DAY_MINUTES, "bought"))
    return events


def test_the_sentence_says_who_arrives_and_where_most_are_lost(tmp_path: Path) -> None:
    made = lab(people())
    counted(made, STEPS)
    said = page(made, tmp_path)
    assert (
        f"Of 120 people who began in the last 90 days, 25.0{NBSP}% reach ‘Bought’ within 10 days of beginning"
        in said
    )
    # Those who began lately had converted as often by then, so nothing is to be said of them.
    assert "So far" not in said.partition("Most are lost")[0]
    assert (
        f"Most are lost after ‘Viewed’: 60 of 120 have gone no further so far (50{NBSP}%; 95{NBSP}%: 41–59{NBSP}%); "
        "10 may yet." in said
    )
    assert "24 hours" in said.replace(NBSP, " ")


def test_recent_people_who_had_no_time_are_told(tmp_path: Path) -> None:
    late = [(f"z{at:03}", 29 * DAY_MINUTES + at, "viewed") for at in range(40)]
    made = lab([*people(), *late])
    counted(made, STEPS)
    said = page(made, tmp_path)
    assert (
        f" So far, later attempts included, it is 18.8{NBSP}%; 60 began less than one window ago."
        in said
    )
    assert "100 of 160 have gone no further so far" in said and "; 50 may yet." in said


def test_who_can_no_longer_is_not_said_to_be_able_to(tmp_path: Path) -> None:
    made = lab([(who, at, act) for who, at, act in people() if int(who[1:]) < 100])
    counted(made, STEPS)
    said = page(made, tmp_path)
    assert "50 of 100 went no further (50" in said and "may yet" not in said


def test_where_nobody_had_the_window_it_is_said(tmp_path: Path) -> None:
    made = lab([(f"z{at:03}", 29 * DAY_MINUTES + at, "viewed") for at in range(40)])
    counted(made, STEPS)
    said = page(made, tmp_path)
    assert "have reached ‘Bought’ within 10 days (95" in said
    assert "Nobody has had the whole window yet." in said


def test_without_a_window_it_is_the_share_so_far(tmp_path: Path) -> None:
    made = lab(people())
    counted(made, {**STEPS, "window_days": 0}, funnel_days=0)
    said = page(made, tmp_path)
    assert f"Of 120 people who began, 25.0{NBSP}% have reached ‘Bought’ (95{NBSP}%:" in said


def test_few_people_and_nobody_are_said_to_be_so(tmp_path: Path) -> None:
    made = lab(people()[:20])
    counted(made, STEPS)
    assert "So few people prove little." in page(made, tmp_path)
    nobody = lab([("ann", 0, "other")])
    counted(nobody, STEPS)
    assert "Nobody began it in the period." in page(nobody, tmp_path)


def test_no_funnel_is_said_and_why(tmp_path: Path) -> None:
    made = lab(way([("gehört", 1.0)], [("gehört", 0.9), ("gelesen", 0.9)]))
    made.chain("behaviour_definition")
    assert made.rows("behaviour_definition").height
    said = page(made, tmp_path)
    assert (
        "No funnel: nothing is declared, and no acts stand in an order that ends in a conversion."
        in said
    )
    assert "Conversion" in said and "none found" in said


def test_what_was_proposed_is_told_with_how_sure_it_is_and_can_be_pasted(tmp_path: Path) -> None:
    made = lab(way(GERMAN, LATER))
    made.chain("behaviour_definition")
    made.run("behaviour_customer")
    made.run("behaviour_candidate")
    for name in TABLES:
        made.run(name)
    said = page(made, tmp_path)
    assert "proposed from the data: nobody declared any" in said
    assert "The data speaks for it clearly." in said and "The way to: Kurs gekauft" in said
    assert "What people do, by the names that a declaration takes" in said
    assert "lektion_gestartet" in said and "Core action and Funnel" in said
    proposed = Definitions.of(made.rows("behaviour_definition"))
    assert meant(declared(pasted(tmp_path, as_yaml(proposed)))) == meant(proposed)


def test_a_declared_act_that_nobody_did_is_named(tmp_path: Path) -> None:
    made = lab(way(GERMAN, LATER))
    made.chain("actor_act", "touchpoint_day")
    made.run("behaviour_definition", conversion=["kurs_gekauft", "web_order_paid"])
    made.run("behaviour_candidate")
    said = page(made, tmp_path)
    assert "Nobody ever did web_order_paid, which the above names: look for a slip." in said
    other = lab(way(GERMAN, LATER))
    other.chain("behaviour_definition")
    other.chain("behaviour_candidate")
    (tmp_path / "other").mkdir()
    assert "Nobody ever did" not in page(other, tmp_path / "other")


def test_conditions_and_names_survive_the_paste(tmp_path: Path) -> None:
    text = (
        "conversion: {any_of: [a, b], where: revenue > 10}\n"
        "funnels:\n  f:\n    steps: [x, {name: Fills the basket, any_of: [y, z], where: channel = 'web'}, conversion]\n"
        "    order: strict\n    window_days: 2.5\n    exclude: [w]\n    breakdown: [plan_name]\n"
    )
    said = declared(pasted(tmp_path, text))
    assert said.funnels["f"].steps[1].caption == "Fills the basket"
    assert meant(declared(pasted(tmp_path, as_yaml(said)))) == meant(said)


def pasted(tmp_path: Path, text: str) -> dict[str, Any]:
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "behaviour.yaml").write_text(text)
    return room_config("behaviour", tmp_path)


def meant(said: Definitions) -> dict[str, Any]:
    """What is counted, without who says so."""
    roles = [item and (item.acts, item.condition) for item in (said.core, said.conversion)]
    ways = {
        name: ([(s.caption, s.acts, s.condition) for s in item.steps], item.order, item.window_days, item.exclude,
               item.breakdowns)
        for name, item in said.funnels.items()
    }  # fmt: skip
    return {
        "roles": roles,
        "features": {n: i.acts for n, i in said.features.items()},
        "funnels": ways,
    }


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), (0.4, "0 seconds"), (59, "59 seconds"), (90, "1.5 minutes"), (90_061, "1.0 days")],
)
def test_times_are_said_in_their_largest_unit(seconds: float | None, said: str) -> None:
    assert lasting(seconds).replace(NBSP, " ") == said


def test_a_bar_shows_what_was_lost() -> None:
    drawn = step_bar(0.25, 0.5, (0.2, 0.3), 0.27, width=204)
    assert 'x="52" y="4" width="50"' in drawn and 'class="notch"' in drawn
    assert "gone" not in step_bar(1.0, None)
