"""Cases of a kind: literal homes of a few records, and for each who is one, who is not, who is asked about."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import pytest
from _pytest.mark.structures import ParameterSet

from customer_intel_tests.unit.identity.cases_of_a_kind import ASK, CASES, ONE, SEEN, TWO, Case
from customer_intel_tests.unit.identity_lab import NIGHT, REVIEW, Lab


def outcome(case: Case) -> str:
    """ONE when all records are one customer; ASK when all are apart and a pair is in review; TWO when all are apart."""
    lab, records = Lab(), {}
    for number, changed in enumerate(case.nights):
        records |= changed
        lab.rows["contacts"] = []
        for key, columns in records.items():
            lab.contact(key, **columns)
        lab.night(NIGHT + timedelta(number), only=REVIEW)
    groups = lab.groups()
    if len(groups) == 1:
        return ONE
    if len(groups) < len(records):
        return f"{len(groups)} of {len(records)}"
    asked = lab.tables["match_review"].select("record_key_a", "record_key_b").rows()
    return ASK if set(asked) & set(combinations(sorted(records), 2)) else TWO


# What is wrong today, and why.
NOT_YET = {
    (
        "mailbox base",
        "dots count elsewhere",
    ): "of a nameless record a mailbox that is only alike is enough",
}
RIGHT = {ONE: {ONE}, TWO: {TWO, ASK}, ASK: {ASK}, SEEN: {ONE, ASK}}


# So many of each kind run with every change, the others in the slow suite.
OFTEN = 2


def _param(case: Case) -> ParameterSet:
    reason = NOT_YET.get((case.kind, case.name))
    marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
    alike = [other for other in CASES if other.kind == case.kind]
    if alike.index(case) >= OFTEN:
        marks.append(pytest.mark.slow)
    return pytest.param(case, id=f"{case.kind}: {case.name}", marks=marks)


@pytest.mark.parametrize("case", [_param(case) for case in CASES])
def test_a_case_of_its_kind(case: Case) -> None:
    assert outcome(case) in RIGHT[case.wanted]
