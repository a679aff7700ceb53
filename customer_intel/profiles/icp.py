"""What the best customers had in common before they were customers, and how well that fits others.

Belongs here: lifts (icp), whether they foretell value (icp_check), the fit (icp_fit). Not here: who
is best, and what was known of whom before (icp_customer.sql).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from customer_intel.core.statistics import Z95, holm, wilson
from customer_intel.profiles.settings import validate

FACETS = (
    "country",
    "language",
    "industry",
    "company_size",
    "department",
    "seniority",
    "first_source",
    "first_device",
)
# Members of a facet that are told by name; the others are one.
_NAMED = 40
OTHER = "other"
# Customers of a member, and best customers in all, below which nothing is said.
_FEW, _FEW_BEST = 30, 20
# A member's share of best customers is drawn to that of all as if so many more customers had it.
_DRAWN = 20.0
_SURE = 0.05

Floats = NDArray[np.float64]


def icp(icp_customer: pl.DataFrame, config: dict[str, Any], schema: pl.Schema) -> pl.DataFrame:
    """One row per facet and member that mature customers have: how many of them are best, against
    all the others.

    lift: share of best customers among the member's over that among all judged of whom the facet is
    known, with the 95 % interval of the share (Wilson): who knows a customer is no trait. p_adj:
    Fisher's exact test, after Holm over all rows. Raises ConfigError for settings that
    cannot be meant.
    """
    people = judged(icp_customer, config)
    n, best = len(people), int(people["is_best"].sum())
    if best < _FEW_BEST or best == n:
        return pl.DataFrame([], schema=schema)
    found = [_members(people, facet) for facet in FACETS]
    # What all have of whom it is known tells nobody apart.
    rows = [row for members in found if len(members) > 1 for row in members]
    known = {facet: _known(people, facet) for facet in FACETS}
    tests = [_fisher(k, m, *known[facet]) for facet, _, m, k in rows]
    told = [m >= _FEW and known[facet][1] - m >= _FEW for facet, _, m, _ in rows]
    adjusted = iter(holm([p for p, is_told in zip(tests, told, strict=True) if is_told]))
    made = []
    for (facet, member, m, k), is_told in zip(rows, told, strict=True):
        p, (best, n) = next(adjusted) if is_told else None, known[facet]
        base = best / n
        if not best:
            continue
        low, high = wilson(k, m)
        share = k / m
        verdict = "too_few"
        if p is not None:
            verdict = "unsure" if p >= _SURE else "more" if share > base else "less"
        made.append(
            {
                "facet": facet,
                "member": member,
                "n": m,
                "n_best": k,
                "best_share": round(share, 6),
                "best_share_rest": round((best - k) / (n - m), 6) if n > m else None,
                "best_lift": round(share / base, 4),
                "best_lift_low": round(low / base, 4),
                "best_lift_high": round(high / base, 4),
                "p_adj": round(p, 6) if p is not None else None,
                "icp_verdict": verdict,
                "best_basis": _basis(config),
            }
        )
    return pl.DataFrame(made, schema=schema).sort("facet", "member")


def icp_check(
    icp_customer: pl.DataFrame, config: dict[str, Any], schema: pl.Schema
) -> pl.DataFrame:
    """One row: whether the fit, learnt of three quarters of the customers, foretells who of the
    fourth is best; each quarter is left out once, and people of one organisation stay together.

    auc: chance that a best customer fits better than another (DeLong 1988), its interval by
    organisation or person as cluster.
    """
    people = judged(icp_customer, config)
    n, best = len(people), int(people["is_best"].sum())
    row: dict[str, Any] = {"best_basis": _basis(config), "n": n, "n_best": best}
    if best < _FEW_BEST or n - best < _FEW:
        row |= {"fit_verdict": "too_few"}
        return pl.DataFrame([row], schema=schema)
    score = np.zeros(n)
    folds = people["fold"].to_numpy()
    for fold in range(4):
        held = folds == fold
        score[held] = scores(people.filter(held), weights(people.filter(~held)))
    clusters = people.select(pl.coalesce("account_key", "customer_id"))
    value, error = auc(people["is_best"].to_numpy(), score, clusters.to_series())
    low, high = max(0.0, value - Z95 * error), min(1.0, value + Z95 * error)
    row |= {"auc": round(value, 6), "low": round(low, 6), "high": round(high, 6)}
    row |= {"fit_verdict": "foretells" if low > 0.5 else "does_not"}
    return pl.DataFrame([row], schema=schema)


def icp_fit(
    icp_customer: pl.DataFrame,
    icp_check: pl.DataFrame,
    config: dict[str, Any],
    schema: pl.Schema,
) -> pl.DataFrame:
    """One row per customer of whom a facet is known: the share of the customers judged who fit
    less (equals count half), 0 to 1. No rows where the fit does not foretell who is best.
    """
    if icp_check["fit_verdict"].to_list() != ["foretells"]:
        return pl.DataFrame([], schema=schema)
    people = judged(icp_customer, config)
    learnt = weights(people)
    known = icp_customer.filter(pl.any_horizontal(pl.col(FACETS).is_not_null()))
    reference = np.sort(scores(people, learnt))
    own = scores(known, learnt)
    below = np.searchsorted(reference, own, "left")
    equal = np.searchsorted(reference, own, "right") - below
    fit = np.round((below + equal / 2) / len(reference), 4)
    why = [_evidence(row, learnt) for row in known.select(FACETS).iter_rows(named=True)]
    found = known.select("customer_id").with_columns(
        icp_fit=pl.Series(fit), icp_fit_evidence=pl.Series(why, dtype=pl.String)
    )
    return found.sort("customer_id").cast(dict(schema))  # type: ignore[arg-type]


# ---- what it is made of
def judged(icp_customer: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """The customers among whom the best are looked for, by customer_id: the mature ones; where a
    home declares who is best, all who ever bought or paid.
    """
    validate(config)
    has_begun = pl.col("is_mature")
    if _basis(config) == "declared":
        has_begun = pl.col("since_day").is_not_null()
    return icp_customer.filter(has_begun).sort("customer_id")


def _basis(config: dict[str, Any]) -> str:
    return "declared" if config["best_segments"] or config["best_plans"] else "first_value"


def _members(people: pl.DataFrame, facet: str) -> list[tuple[str, str, int, int]]:
    """(facet, member, customers, best customers), the rare members as one."""
    counted = (
        people.drop_nulls(facet)
        .group_by(member=pl.col(facet))
        .agg(n=pl.len(), k=pl.col("is_best").sum())
        .sort("n", "member", descending=[True, False])
    )
    named = [(facet, member, n, k) for member, n, k in counted.head(_NAMED).iter_rows()]
    rest = counted.slice(_NAMED)
    if len(rest):
        named.append((facet, OTHER, int(rest["n"].sum()), int(rest["k"].sum())))
    return named


def _known(people: pl.DataFrame, facet: str) -> tuple[int, int]:
    """(best customers, customers) of whom the facet is known."""
    told = people.filter(pl.col(facet).is_not_null())
    return int(told["is_best"].sum()), len(told)


def _fisher(k: int, m: int, best: int, n: int) -> float:
    from scipy.stats import fisher_exact

    return float(fisher_exact([[k, m - k], [best - k, n - m - best + k]])[1])


def weights(people: pl.DataFrame) -> dict[str, dict[str, float]]:
    """facet → member → log odds of being best with the member, less those of all of whom the facet
    is known; drawn to nothing where few have it. What is not known weighs nothing.
    """

    def odds(share: float) -> float:
        return log(share / (1 - share))

    found: dict[str, dict[str, float]] = {}
    for facet in FACETS:
        best, n = _known(people, facet)
        found[facet] = {}
        if 0 < best < n:
            base = best / n
            found[facet] = {
                member: odds((k + _DRAWN * base) / (m + _DRAWN)) - odds(base)
                for _, member, m, k in _members(people, facet)
            }
    return found


def scores(people: pl.DataFrame, learnt: Mapping[str, Mapping[str, float]]) -> Floats:
    """The sum of a customer's weights, in the order of the rows; the others' weight for members
    that were not seen.
    """
    total = np.zeros(len(people))
    for facet in FACETS:
        own = learnt[facet]
        if own:
            weight = people[facet].replace_strict(
                dict(own), default=own.get(OTHER, 0.0), return_dtype=pl.Float64
            )
            is_known = people[facet].is_not_null().to_numpy()
            total += np.where(is_known, weight.to_numpy(), 0.0)
    return np.round(total, 9)


def _evidence(row: Mapping[str, Any], learnt: Mapping[str, Mapping[str, float]]) -> str:
    """The two facets that say most, in words."""
    said = [
        (abs(weight), facet, member, weight)
        for facet, member in row.items()
        if member is not None
        and (weight := learnt[facet].get(member, learnt[facet].get(OTHER, 0.0)))
    ]
    said.sort(key=lambda item: (-item[0], item[1]))
    words = [
        f"{facet.replace('_', ' ')} {member}: {'for' if weight > 0 else 'against'} it"
        for _, facet, member, weight in said[:2]
    ]
    return "; ".join(words) or "nothing speaks for or against it"


def auc(is_best: NDArray[np.bool_], score: Floats, clusters: pl.Series) -> tuple[float, float]:
    """The area under the curve and its standard error (DeLong 1988), influences added up within a
    cluster.
    """
    from scipy.stats import rankdata

    best, rest = score[is_best], score[~is_best]
    everyone = rankdata(score)
    above = (everyone[is_best] - rankdata(best)) / len(rest)
    below = 1 - (everyone[~is_best] - rankdata(rest)) / len(best)
    value = float(above.mean())
    influence = np.empty(len(score))
    influence[is_best] = (above - value) / len(best)
    influence[~is_best] = (below - value) / len(rest)
    numbers = clusters.rank("dense").to_numpy().astype(np.int64) - 1
    sums = np.bincount(numbers, weights=influence)
    return value, float(np.sqrt((sums**2).sum()))
