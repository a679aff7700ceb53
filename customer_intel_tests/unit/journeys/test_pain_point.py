"""Pain points: standardised exits against plain counting, their intervals against resampling, and who
is called sure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from customer_intel.core.statistics import benjamini_hochberg
from customer_intel.journeys import pain
from customer_intel_tests.unit.journeys.test_journeys import journeys, transitions, walk
from customer_intel_tests.unit.sqlroom import Room

MARCH = datetime(2026, 3, 20, 9)


def pains(made: Room, **config: Any) -> dict[str, dict[str, Any]]:
    transitions(made, int(config.get("transition_days", 90)))
    found = made.run("pain_point", **config)
    return {row["touchpoint_id"]: row for row in found.iter_rows(named=True)}


def test_losses_values_and_ends_of_hand_counted_journeys() -> None:
    made = journeys(
        # Two are lost at B, one goes on from it and buys for 10; C is after the purchase.
        walk("a", "AB", MARCH), walk("b", "AB", MARCH), walk("c", "AB$C", MARCH),
    )  # fmt: skip
    found = pains(made)
    counts = {name: (r["n_ended"], r["n_steps"], r["n_lost"]) for name, r in found.items()}
    assert counts == {"A": (0, 3, 0), "B": (2, 3, 2), "C": (1, 0, 0)}
    # Six steps at risk, two losses: a third of a loss each, three steps at B.
    assert (found["B"]["expected"], found["B"]["excess"]) == (1.0, 1.0)
    assert found["A"]["excess"] == -1.0
    # Who went on from B all converted, for 10 on average; a step lost there costs that.
    assert (found["B"]["conversion_rate"], found["B"]["value_per_lost"]) == (1.0, Decimal("10.00"))
    assert found["B"]["lost_value"] == Decimal("10.00")
    assert found["A"]["conversion_rate"] == pytest.approx(1 / 3, abs=1e-6)
    assert {row["pain_verdict"] for row in found.values()} == {"too_few"}


def test_steps_of_an_ended_journey_count_however_long_ago_they_were() -> None:
    """From 5 January on, twenty days apart; known to have ended by June, so are all its steps."""
    found = pains(journeys(walk("a", "A2A2B2A2B")))
    counts = {name: (r["n_ended"], r["n_steps"], r["n_lost"]) for name, r in found.items()}
    assert counts == {"A": (0, 3, 0), "B": (1, 2, 1)}


def test_an_end_after_a_conversion_or_at_an_arrival_is_no_loss() -> None:
    made = journeys(walk("a", "A$", MARCH), walk("b", "$A", MARCH), walk("c", "A", MARCH))
    found = pains(made)
    assert (found["$"]["is_arrival"], found["$"]["pain_verdict"]) == (True, "arrival")
    assert found["$"]["excess"] is None
    assert (found["A"]["n_ended"], found["A"]["n_steps"], found["A"]["n_lost"]) == (2, 2, 1)


def test_who_came_before_is_compared_with_those_who_did_and_segments_of_then_not_today() -> None:
    ended = pl.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d", "d"],
            "journey_no": [1, 2, 3, 1, 2],
            "started_at": [datetime(2026, 3, 10)] * 4 + [datetime(2026, 5, 1)],
            "n_before": [0, 0, 2, 0, 0],
        }
    )
    history = pl.DataFrame(
        {
            "customer_id": ["a", "d", "d"],
            "valid_from": [date(2026, 4, 1), date(2026, 1, 1), date(2026, 3, 20)],
            "valid_to": [None, date(2026, 3, 20), None],
            "segment": ["lost", "champions", "lost"],
        }
    )
    found = pain.segments_of(ended, history).sort("customer_id", "journey_no")
    assert found["segment"].to_list() == [
        "(new)", "(came before)", "(converted before)", "champions", "lost",
    ]  # fmt: skip


def drawn(seed: int, people: int = 400, leak: float = 0.0, clustered: bool = False) -> pl.DataFrame:
    """Steps at risk of `people` at four touchpoints, with a loss of 10 % a step (30 % of segment v);
    `leak` more at T2. Clustered: some people lose at each of their journeys, others never.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        segment = "v" if rng.random() < 0.3 else "u"
        prone = rng.choice([0.0, 2.0]) if clustered else 1.0
        places = [3, 2] if segment == "v" else [0, 1, 2]
        for number in range(int(rng.integers(1, 4))):
            for _ in range(6):
                place = int(rng.choice(places))
                chance = (0.3 if segment == "v" else 0.1) * prone + (leak if place == 2 else 0.0)
                is_lost = bool(rng.random() < chance)
                rows.append((f"p{person}", number, f"T{place}", segment, False, is_lost))
                if is_lost:
                    break
    names = ["customer_id", "journey_no", "touchpoint_id", "segment", "converts", "is_lost"]
    return pl.DataFrame(rows, schema=names, orient="row")


def plain_excess(rows: list[dict[str, Any]]) -> dict[str, float]:
    steps: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for row in rows:
        steps[row["segment"]] += 1
        lost[row["segment"]] += row["is_lost"]
    excess: dict[str, float] = defaultdict(float)
    for row in rows:
        excess[row["touchpoint_id"]] += (
            row["is_lost"] - lost[row["segment"]] / steps[row["segment"]]
        )
    return dict(excess)


@pytest.mark.parametrize("seed", [1, 2])
def test_excess_is_a_plain_count_less_the_segments_rates_and_sums_to_zero(seed: int) -> None:
    given = drawn(seed)
    found = pain.excess_exits(given)
    assert dict(found.select("touchpoint_id", "excess").iter_rows()) == pytest.approx(
        plain_excess(given.to_dicts()), abs=1e-9
    )
    assert found["excess"].sum() == pytest.approx(0, abs=1e-9)
    # A touchpoint where those come who are lost anyway is none the worse for it.
    steps, lost = (found[name].to_list() for name in ("n_steps", "n_lost"))
    at = found["touchpoint_id"].to_list().index("T3")
    raw = lost[at] - steps[at] * sum(lost) / sum(steps)
    assert abs(found["excess"][at]) < abs(raw) / 2


def test_the_interval_over_customers_is_the_one_that_resampling_customers_gives() -> None:
    given = drawn(3, 150, clustered=True)
    found = pain.excess_exits(given)
    people = given.partition_by("customer_id")
    rng = np.random.default_rng(0)
    resampled: dict[str, list[float]] = defaultdict(list)
    for _ in range(150):
        chosen = [people[at] for at in rng.integers(0, len(people), len(people))]
        named = [frame.with_columns(customer_id=pl.lit(str(k))) for k, frame in enumerate(chosen)]
        again = pain.excess_exits(pl.concat(named))
        for name, value in again.select("touchpoint_id", "excess").iter_rows():
            resampled[name].append(value)
    for name, low, high in found.select("touchpoint_id", "excess_low", "excess_high").iter_rows():
        # Not narrower than resampling's; wider only where Byar's is.
        assert high - low > 0.8 * 2 * 1.96 * np.std(resampled[name]), name


def test_byars_limits_are_near_the_exact_ones_of_poisson() -> None:
    low, high = pain.byar(np.array([0.0, 1.0, 10.0, 100.0]))
    # Exact (Garwood 1936): 0–3.689, 0.0253–5.572, 4.795–18.39, 81.36–121.6.
    assert low == pytest.approx([0, 0.0253, 4.795, 81.36], rel=0.1, abs=0.02)
    assert high == pytest.approx([3.689, 5.572, 18.39, 121.6], rel=0.02)


def sure(given: pl.DataFrame) -> set[str]:
    made = pain.excess_exits(given).with_columns(
        is_arrival=pl.lit(value=False), conversion_rate=pl.lit(0.5)
    )
    told = pain.valued(made, 10.0)
    return set(told.filter(pl.col("pain_verdict") == "loses_more")["touchpoint_id"])


def test_a_leak_is_found_and_without_one_hardly_any_is_called_sure() -> None:
    assert sum(sure(drawn(seed, leak=0.12)) == {"T2"} for seed in range(12)) >= 11
    assert sum(bool(sure(drawn(seed, clustered=True))) for seed in range(40)) <= 4


def test_benjamini_and_hochbergs_own_example() -> None:
    """The fifteen p-values of their paper (1995, section 3): at .05 the first four are rejected."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
         0.5719, 0.6528, 0.7590, 1.0]  # fmt: skip
    assert int((np.array(benjamini_hochberg(p)) <= 0.05).sum()) == 4


def test_tickets_and_bad_scores_count_at_the_step_before_them() -> None:
    rows = walk("a", "ABT", MARCH) + walk("b", "AN", MARCH) + walk("c", "AT", MARCH, 60 * 24 * 20)
    for row in rows:
        if row["touchpoint_id"] == "T":
            row |= {"activity_id": f"ticket_opened:{row['customer_id']}"}
        if row["touchpoint_id"] == "N":
            row |= {"activity_id": "survey_answered:s1"}
    made = journeys(rows)
    made.put(
        "ticket_fact",
        [{"ticket_key": key, "product_area": "delivery", "state": "open", "ticket_day": MARCH.date(),
          "opened_at": MARCH} for key in "ac"],
    )  # fmt: skip
    made.put(
        "survey_answer_fact",
        [{"survey_answer_key": "s1", "survey_type": "nps", "score": 3.0, "reason_code": "price"}],
    )
    found = pains(made)
    said = {k: (r["n_tickets"], r["n_low_scores"], r["top_reason"]) for k, r in found.items()}
    # c's ticket came twenty days after the step: too long ago to speak of it.
    assert said["B"] == (1, 0, "delivery")
    assert said["A"] == (0, 1, "price")


def test_ends_add_up_over_touchpoints_and_open_journeys_are_none() -> None:
    young = datetime(2026, 5, 25)
    made = journeys(walk("a", "AB", MARCH), walk("b", "B$", MARCH), walk("c", "AB", young))
    found = pains(made)
    assert sum(row["n_ended"] for row in found.values()) == 2


def test_losses_during_an_incident_of_the_whole_service_or_of_their_own_page() -> None:
    hour = timedelta(hours=1)
    lost = pl.DataFrame(
        {
            "touchpoint_id": ["web:page_viewed:Pay"] * 4 + ["web:look"] * 2,
            "at": [
                MARCH,
                MARCH + hour,
                MARCH + 2 * hour,
                MARCH + 5 * hour,
                MARCH,
                MARCH + 9 * hour,
            ],
        }
    )
    incidents = pl.DataFrame(
        {
            "affected_feature": ["pay", "pay", None],
            "started_at": [MARCH - hour, MARCH, MARCH + 8 * hour],
            "ended_at": [MARCH + hour, MARCH + 2 * hour, None],
        }
    )
    found = pain.in_incidents(lost, incidents).sort("touchpoint_id")
    # Until the second ends, and not at its end; look suffers only from the one that still goes on.
    assert found.rows() == [("web:look", 1), ("web:page_viewed:Pay", 2)]
    assert pain.in_incidents(lost, incidents.clear())["n_in_incident"].sum() == 0


def test_an_incident_counts_where_a_journey_was_lost_in_it() -> None:
    made = journeys(walk("a", "AB", MARCH), walk("b", "AB", MARCH - timedelta(days=1)))
    made.put(
        "incident_fact",
        [{"incident_key": "i", "kind": "outage", "started_at": MARCH, "ended_at": None}],
    )
    found = pains(made)
    assert (found["B"]["n_lost"], found["B"]["n_in_incident"]) == (2, 1)
