"""Namesakes and nameless of one household: what a shared roof and family name are not enough for."""

from __future__ import annotations

import pytest

from customer_intel_tests.unit.identity.resolver_lab import resolved, who, with_weight

HOME = {"street": "champion drive", "number": "1701", "city": "anytown", "postcode": "12345"}
BORN, NUMBER = {"born": "19800211"}, {"id_number": "159331025"}


def persons(first: dict[str, str | None], second: dict[str, str | None], middle: float) -> int:
    """How many the two are, by the shipped model in which different middle names weigh so much."""
    rows = {"a": first | HOME, "b": second | HOME}
    return len(resolved(rows, model=with_weight("middle name", 3, middle)).groups)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (who("jessica", "goetz", middle="t"), who("jessica", "goetz", middle="t"), 1),
        (who("jessica", "goetz", middle="t"), who("jessica", "goetz"), 1),
        (who("jessica", "goetz", middle="t"), who("jessica", "goetz", middle="m"), 2),
        # What a family does not share, or hardly ever does, weighs more than an initial.
        (who("jessica", "goetz", middle="t", **BORN), who("jessica", "goetz", middle="m", **BORN), 1),
        (who("jessica", "goetz", middle="t", **NUMBER), who("jessica", "goetz", middle="m", **NUMBER), 1),
        # The number of a husband or a wife on a form.
        (who("brandon", "goetz", middle="m", **NUMBER), who("bradley", "goetz", middle="j", **NUMBER), 2),
    ],
    ids=["same", "one without", "two initials", "birth date", "id number", "spouse's number"],
)  # fmt: skip
def test_middle_names_that_hardly_ever_differ_tell_namesakes_apart(
    first: dict[str, str | None], second: dict[str, str | None], expected: int
) -> None:
    assert persons(first, second, -7.0) == expected


def test_middle_names_that_often_differ_do_not() -> None:
    two = who("jessica", "goetz", middle="t"), who("jessica", "goetz", middle="m")
    assert persons(*two, -2.0) == 1


def test_a_family_name_and_a_roof_without_a_first_name_join_nobody() -> None:
    harmon = who("harmon", "wolfe", middle="j")
    assert persons(harmon, who(None, "wolfe", middle="j"), -7.0) == 2
    assert persons(harmon, harmon, -7.0) == 1


def test_relatives_stay_apart_and_each_ones_records_together() -> None:
    rows = {
        f"{source}:{name}": who(name, "weber", office="+4936415550", **HOME)
        for source in ("crm", "shop")
        for name in ("anna", "jonas", "mia")
    }
    assert resolved(rows).groups == [f"crm:{name} shop:{name}" for name in ("anna", "jonas", "mia")]
