"""Cases of a kind: literal homes of a few records, and for each who is one, who is not, who is asked about."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import pytest

from customer_intel_tests.unit.identity.cases_of_a_kind import ASK, CASES, ONE, SEEN, TWO, Case
from customer_intel_tests.unit.identity_lab import MAP, NIGHT, Lab


def outcome(case: Case) -> str:
    """ONE when all records are one customer; ASK when all are apart and a pair is in review; TWO when all are apart."""
    lab, records = Lab(), {}
    for number, changed in enumerate(case.nights):
        records |= changed
        lab.rows["contacts"] = []
        for key, columns in records.items():
            lab.contact(key, **columns)
        lab.night(NIGHT + timedelta(number), only=(*MAP, "match_review"))
    groups = lab.groups()
    if len(groups) == 1:
        return ONE
    if len(groups) < len(records):
        return f"{len(groups)} of {len(records)}"
    asked = lab.tables["match_review"].select("record_key_a", "record_key_b").rows()
    return ASK if set(asked) & set(combinations(sorted(records), 2)) else TWO


RIGHT = {ONE: {ONE}, TWO: {TWO, ASK}, ASK: {ASK}, SEEN: {ONE, ASK}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.name}")
def test_a_case_of_its_kind(case: Case) -> None:
    assert outcome(case) in RIGHT[case.wanted]
