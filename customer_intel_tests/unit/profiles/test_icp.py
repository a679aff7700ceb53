"""The ideal customer profile on simulations whose truth is known, its area under the curve against
pairs counted by hand, and who is best by literal rows.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.core.tables.parameters import room_config
from customer_intel.profiles import icp as made
from customer_intel.testing import TableLab
from customer_intel_tests.unit.sqlroom import NOWHERE, schema

AS_OF = date(2026, 7, 1)
CONFIG = room_config("profiles", NOWHERE)


def people(seed: int, n: int, odds: float) -> pl.DataFrame:
    """Customers of whom .1 are best, but industry alpha (a fifth) `odds` times as often."""
    random = np.random.default_rng(seed)
    industry = random.choice(["alpha", "beta", "gamma", "delta", "eps"], n)
    rate = np.where(industry == "alpha", odds, 1.0)
    rate *= 0.1 / rate.mean()
    rows: dict[str, Any] = {
        "customer_id": [f"c{k:05}" for k in range(n)],
        "industry": industry,
        "country": random.choice(["DE", "FR"], n),
        "is_mature": True,
        "is_best": random.random(n) < rate,
        "fold": random.integers(0, 4, n),
    }
    given = pl.DataFrame(rows)
    kind = schema("icp_customer")
    lacking = [pl.lit(None, kind[c]).alias(c) for c in kind if c not in given.columns]
    return given.with_columns(lacking).select(kind.names()).cast(dict(kind))  # type: ignore[arg-type]


def test_a_trait_of_the_best_is_found_and_its_fit_foretells_them() -> None:
    given = people(1, 2000, 4.0)
    found = made.icp(given, CONFIG, schema("icp")).filter(facet="industry")
    verdicts = dict(found.select("member", "icp_verdict").iter_rows())
    assert verdicts["alpha"] == "more"
    alpha = found.row(by_predicate=pl.col("member") == "alpha", named=True)
    true_lift = 4 / (0.2 * 4 + 0.8)
    assert alpha["best_lift_low"] < true_lift < alpha["best_lift_high"]
    check = made.icp_check(given, CONFIG, schema("icp_check"))
    assert check["fit_verdict"].to_list() == ["foretells"]
    fit = made.icp_fit(given, check, CONFIG, schema("icp_fit"))
    joined = fit.join(given, on="customer_id")
    means = dict(joined.group_by("industry").agg(pl.col("icp_fit").mean()).iter_rows())
    assert means["alpha"] > 0.85 > max(value for name, value in means.items() if name != "alpha")
    assert abs(fit["icp_fit"].mean() - 0.5) < 0.01  # type: ignore[operator]
    assert joined.filter(industry="alpha")["icp_fit_evidence"][0].startswith("industry alpha: for")


def test_where_nothing_is_to_be_found_no_fit_is_given() -> None:
    """Of 40 companies without any trait of the best, .025 would be told a fit that foretells."""
    foretold, traits = 0, 0
    for seed in range(40):
        given = people(seed, 600, 1.0)
        check = made.icp_check(given, CONFIG, schema("icp_check"))
        foretold += check["fit_verdict"][0] == "foretells"
        verdicts = made.icp(given, CONFIG, schema("icp"))["icp_verdict"]
        traits += verdicts.is_in(["more", "less"]).any()
        if check["fit_verdict"][0] != "foretells":
            assert made.icp_fit(given, check, CONFIG, schema("icp_fit")).is_empty()
    assert foretold <= 4 and traits <= 5


def test_few_best_customers_tell_nothing() -> None:
    given = people(3, 100, 1.0)
    assert made.icp(given, CONFIG, schema("icp")).is_empty()
    check = made.icp_check(given, CONFIG, schema("icp_check"))
    assert check.select("auc", "fit_verdict").row(0) == (None, "too_few")


def test_the_area_under_the_curve_is_the_share_of_pairs_and_its_error_the_published_one() -> None:
    random = np.random.default_rng(4)
    best = random.random(120) < 0.3
    score = np.round(random.normal(size=120) + best, 1)
    clusters = pl.Series([str(k) for k in range(120)])
    value, error = made.auc(best, score, clusters)
    one, other = score[best], score[~best]
    gap = one[:, None] - other[None, :]
    wins = (gap > 0) + 0.5 * (gap == 0)
    assert value == pytest.approx(wins.mean(), abs=1e-12)
    # DeLong: variances of the structural components, here with n in place of n - 1.
    delong = wins.mean(axis=1).var() / len(one) + wins.mean(axis=0).var() / len(other)
    assert error == pytest.approx(float(np.sqrt(delong)), rel=1e-9)
    # Ten people of one firm are no ten firms.
    same = pl.Series([str(k // 10) for k in range(120)])
    assert made.auc(best, score, same)[0] == value


def test_a_segment_that_is_none_is_no_declaration() -> None:
    with pytest.raises(
        ConfigError, match="'champion', which is no segment; did you mean champions"
    ):
        made.icp(people(1, 100, 1.0), {**CONFIG, "best_segments": "|champion|"}, schema("icp"))


def test_who_is_best_and_what_was_known_before() -> None:
    lab = TableLab(AS_OF)
    who = [f"c{k:02}" for k in range(20)]
    since = AS_OF - timedelta(days=200)
    lab.put(
        "customer", [{"customer_id": c, "language": "en-US", "employee_count": 50} for c in who]
    )
    lab.put("customer_id_registry", [{"customer_id": c, "status": "active"} for c in who])
    start = pl.DataFrame([{"customer_id": c, "customer_since": since} for c in who[:-1]])
    lab.put(
        "customer_lifecycle", start.with_columns(pl.col("customer_since").cast(pl.Datetime("us")))
    )
    order = {"is_sale": True, "order_day": since}
    lab.put(
        "order_fact",
        [
            {**order, "order_key": c, "customer_id": c, "gross_reporting": Decimal(k)}
            for k, c in enumerate(who[:-1])
        ],
    )
    # Later than the first half year: not what is asked; a yearly plan brings by the day.
    late = {
        **order,
        "order_key": "late",
        "customer_id": "c00",
        "order_day": AS_OF - timedelta(days=1),
    }
    lab.put("order_fact", [{**late, "gross_reporting": Decimal(999)}])
    stretch = {
        "subscription_key": "s",
        "customer_id": "c01",
        "valid_from": since,
        "mrr": Decimal(10),
    }
    lab.put("subscription_fact", [{**stretch, "mrr_reporting": Decimal(10)}])
    visit = {"first_source": "paid", "first_visit_at": AS_OF}
    lab.put(
        "customer_first_visit",
        pl.DataFrame([{**visit, "customer_id": c} for c in who]).with_columns(
            pl.col("first_visit_at").cast(pl.Datetime("us"))
        ),
    )
    rows = {row["customer_id"]: row for row in lab.run("icp_customer").rows(named=True)}
    assert rows["c00"]["first_value"] == Decimal(0)
    assert rows["c01"]["first_value"] == Decimal(1) + round(Decimal(10 * 180 / 30.4375), 2)
    # Of 19 mature ones the best tenth is one: who subscribed.
    assert [c for c, row in rows.items() if row["is_best"]] == ["c01"]
    assert (rows["c05"]["language"], rows["c05"]["company_size"]) == ("en", "11 to 50")
    # A visit after the first purchase says nothing of before; who never bought keeps it.
    assert (rows["c05"]["first_source"], rows["c19"]["first_source"]) == (None, "paid")
    assert (rows["c19"]["is_mature"], rows["c19"]["since_day"]) == (False, None)
    lab.put("unprofiled_customer", [{"customer_id": "c01", "reason": "denied"}])
    assert "c01" not in set(lab.run("icp_customer")["customer_id"])
