"""Which source's value a customer shows, why, and how far each source is trusted."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from customer_intel.core.contract.yaml_lines import ConfigError
from customer_intel.identity.golden.golden import FIELDS, RULES
from customer_intel_tests.unit.golden_lab import Tables, golden_night
from customer_intel_tests.unit.identity_lab import NIGHT, Lab, _shipped

# The shipped sources have no opinions of their own, so everyone starts alike.
EVEN = {"source_trust_prior": {"default": 0.8}, "source_trust_prior_weight": 1_000_000}


def ago(days: float) -> dict[str, datetime]:
    seen = datetime(NIGHT.year, NIGHT.month, NIGHT.day) - timedelta(days=days)
    return {"created_at": seen, "updated_at": seen}


def settings(name: str, **changes: Any) -> dict[str, Any]:
    return {name: {**_shipped()[name], **changes}}


def anna(lab: Lab, key: str, days: float = 10, **columns: Any) -> Lab:
    """A record of the one Anna Weber, held together by her login."""
    return lab.contact(
        key, first_name="Anna", last_name="Weber", external_user_id="U1", **ago(days), **columns
    )


def golden(lab: Lab) -> Tables:
    return golden_night(lab, upto="profile_field_provenance")


def won(tables: Tables, field: str) -> dict[str, Any]:
    rows = tables["profile_field_provenance"].filter(pl.col("field") == field)
    assert rows.height == 1, f"{field}: {rows.height} rows"
    return dict(rows.row(0, named=True))


def test_of_two_equally_trusted_sources_the_fresher_wins_by_half_lives() -> None:
    lab = Lab(**EVEN)
    anna(lab, "crm:1", 730, email="old@x.de", email_verified=True)
    anna(lab, "shop:2", 0, email="new@x.de", email_verified=True)
    row = won(golden(lab), "email")
    assert (row["source_system"], row["record_key"], row["runner_up_source"]) == (
        "shop",
        "shop:2",
        "crm",
    )
    # Trust .8; each value has one of two sources behind it; a half-life old counts half.
    assert row["field_score"] == pytest.approx(0.8 * 0.5, abs=1e-4)
    assert row["score_margin"] == pytest.approx(0.8 * 0.5 - 0.8 * 0.5 * 0.5, abs=1e-4)
    assert (row["n_sources"], row["n_values"], row["n_agreeing"], row["golden_rule"]) == (
        2,
        2,
        1,
        "score",
    )


def test_several_sources_that_agree_outweigh_a_fresher_one() -> None:
    lab = Lab(**EVEN)
    for key, days, email in (
        ("crm:1", 200, "a@x.de"),
        ("bill:2", 200, "a@x.de"),
        ("shop:3", 1, "b@x.de"),
    ):
        anna(lab, key, days, email=email)
    row = won(golden(lab), "email")
    assert (row["source_system"], row["n_agreeing"], row["n_sources"]) == ("bill", 2, 3)
    assert row["runner_up_source"] == "shop"


def test_many_records_of_one_source_are_one_voice() -> None:
    lab = Lab(**EVEN)
    for number in range(3):
        anna(lab, f"crm:{number}", 30, email="a@x.de")
    anna(lab, "shop:9", 1, email="b@x.de")
    row = won(golden(lab), "email")
    assert (row["source_system"], row["n_agreeing"], row["n_sources"], row["n_records"]) == (
        "shop",
        1,
        2,
        4,
    )


def test_a_conflict_is_a_rival_that_comes_close() -> None:
    near, far = Lab(**EVEN), Lab(**EVEN)
    for lab, days in ((near, 20), (far, 3000)):
        anna(lab, "crm:1", days, email="old@x.de")
        anna(lab, "shop:2", 1, email="new@x.de")
    assert won(golden(near), "email")["is_conflict"]
    row = won(golden(far), "email")
    assert not row["is_conflict"] and row["n_values"] == 2


def test_what_only_looks_different_is_no_conflict() -> None:
    lab = Lab(**EVEN)
    lab.contact("crm:1", first_name="Robert", last_name="Weber", external_user_id="U1", phone="+14045550123",
                street="12 Main Street", postal_code="30301", city="Atlanta", language="en-US", **ago(9))  # fmt: skip
    lab.contact("shop:2", first_name="BOB", last_name="WEBER", external_user_id="U1", phone="(404) 555-0123",
                postal_code="30301", city="Atlanta", language="en", **ago(1))  # fmt: skip
    lab.contact("app:3", first_name="Robert", external_user_id="U1", **ago(1))
    tables = golden(lab)
    for field in ("name", "phone", "address", "language"):
        row = won(tables, field)
        assert (row["n_values"], row["is_conflict"], row["runner_up_source"]) == (1, False, None), (
            field
        )
    # The fresher one shouts, or says but a part.
    assert [won(tables, field)["source_system"] for field in ("name", "phone", "address")] == [
        "crm"
    ] * 3
    assert won(tables, "name")["n_agreeing"] == 3


def test_an_address_wins_or_loses_as_a_whole() -> None:
    lab = Lab(**EVEN)
    anna(lab, "crm:1", 500, street="Hauptstr. 1", postal_code="10115", city="Berlin", country="DE")
    anna(lab, "shop:2", 1, street="Ring 5", postal_code="1010")
    row = won(golden(lab), "address")
    assert row["record_key"] == "shop:2"
    # No part of it has a winner of its own: the customer's city is that of the record that won.
    assert not {"street", "city", "postal_code", "state"} & set(FIELDS)


@pytest.mark.parametrize(
    ("what", "doubtful", "sound"),
    [
        ("a function's mailbox", {"email": "info@x.de"}, {"email": "anna@x.de"}),
        (
            "an unverified address",
            {"email": "b@x.de"},
            {"email": "anna@x.de", "email_verified": True},
        ),
        ("a phone nobody can read", {"phone": "ask mum 12345"}, {"phone": "+491712345678"}),
        ("a city alone", {"city": "Bonn"}, {"street": "Ring 5", "city": "Köln"}),
    ],
)
def test_doubtful_values_lose_to_sound_ones(
    what: str, doubtful: dict[str, Any], sound: dict[str, Any]
) -> None:
    lab = Lab(**EVEN)
    anna(lab, "crm:1", 40, **sound)
    anna(lab, "shop:2", 1, **doubtful)
    field = {"email": "email", "phone": "phone"}.get(next(iter(sound)), "address")
    assert won(golden(lab), field)["source_system"] == "crm", what


def test_a_filled_in_birth_date_never_wins_and_a_reference_only_where_nobody_else_speaks() -> None:
    lab = Lab(**EVEN)
    anna(lab, "crm:1", 900, email="a@x.de", birth_date=datetime(1980, 1, 1).date())
    lab.put("orders", order_id="1", record_key="shop:9", customer_ref="9", email="a@x.de", billing_name="Anna Weber",
            billing_street="Ring 5", billing_city="Bonn", ordered_at=ago(1)["updated_at"])  # fmt: skip
    tables = golden(lab)
    assert won(tables, "email")["source_system"] == "shop", (
        "900 days weigh more than being a mere reference"
    )
    assert won(tables, "address")["record_key"] == "shop:9"
    assert tables["profile_field_provenance"].filter(pl.col("field") == "birth_date").is_empty()


RULED = {
    "source_priority": "bill",
    "most_recent": "shop",
    "most_frequent": "crm",
    "verified_first": "app",
}


@pytest.mark.parametrize("rule", sorted(RULED))
def test_the_owner_may_name_another_rule(rule: str) -> None:
    lab = Lab(
        **settings("golden_rules", email=rule), golden_source_priority={"email": ["bill", "crm"]}, **EVEN
    )  # fmt: skip
    for number in range(3):
        anna(lab, f"crm:{number}", 800, email="often@x.de")
    anna(lab, "bill:7", 900, email="bill@x.de")
    anna(lab, "app:8", 2000, email="sure@x.de", email_verified=True)
    anna(lab, "shop:9", 1, email="new@x.de")
    row = won(golden(lab), "email")
    assert (row["source_system"], row["golden_rule"]) == (RULED[rule], rule)
    assert (row["score_margin"] < 0) is (rule != "most_recent"), (
        "the score alone would have chosen the newest"
    )


def test_lists_are_united_each_item_once() -> None:
    lab = Lab()
    anna(lab, "crm:1", interests="Tea| coffee |")
    anna(lab, "shop:2", interests="COFFEE|cups")
    row = won(golden(lab), "interests")
    assert (row["united_value"], row["golden_rule"], row["is_conflict"]) == (
        "COFFEE|cups|Tea",
        "union",
        False,
    )


def test_one_source_priority_of_the_owner_turns_the_choice() -> None:
    for trusted, other in (("crm", "shop"), ("shop", "crm")):
        lab = Lab(
            source_trust_prior={"default": 0.5, f"{trusted}.email": 0.95},
            source_trust_prior_weight=50,
        )
        anna(lab, "crm:1", 5, email="a@x.de")
        anna(lab, "shop:2", 5, email="b@x.de")
        row = won(golden(lab), "email")
        assert (row["source_system"], row["runner_up_source"]) == (trusted, other)


# ---- trust
def company(wrong: set[int], people: int = 60) -> Lab:
    """Three sources; the one called bad has another mailbox for `wrong` people."""
    lab = Lab()
    for number in range(people):
        for source in ("bad", "crm", "shop"):
            email = f"p{number}@{'y' if source == 'bad' and number in wrong else 'x'}.de"
            lab.contact(f"{source}:{number}", external_user_id=f"U{number}", email=email, **ago(5))
    return lab


def test_trust_is_the_prior_corrected_by_how_often_the_others_agree() -> None:
    tables = golden(company(wrong=set(range(20))))
    rows = {
        row["source_system"]: row
        for row in tables["source_trust"].rows(named=True)
        if row["field"] == "email"
    }
    counts = {source: (row["n_compared"], row["n_agreed"]) for source, row in rows.items()}
    # Where bad differs, crm and shop still agree with each other.
    assert counts == {"bad": (60, 40), "crm": (60, 60), "shop": (60, 60)}
    assert rows["bad"]["trust"] == pytest.approx((0.8 * 20 + 40) / (20 + 60))
    assert rows["crm"]["trust"] == pytest.approx((0.8 * 20 + 60) / (20 + 60))
    assert rows["bad"]["high"] < rows["crm"]["low"], "the intervals tell them apart"


def test_the_interval_is_the_beta_posteriors() -> None:
    rows = golden(company(wrong=set()))["source_trust"].filter(pl.col("field") == "email")
    row = rows.row(0, named=True)
    # Beta(76, 4): its distribution function as a binomial tail is exact for whole parameters.
    a, b = 76, 4

    def below(x: float) -> float:
        n = a + b - 1
        return sum(math.comb(n, j) * x**j * (1 - x) ** (n - j) for j in range(a, n + 1))

    assert below(row["low"]) == pytest.approx(0.025, abs=1e-4)
    assert below(row["high"]) == pytest.approx(0.975, abs=1e-4)


def test_a_source_that_nobody_else_confirms_keeps_its_prior() -> None:
    lab = Lab(source_trust_prior={"default": 0.8, "crm": 0.6})
    lab.contact("crm:1", email="a@x.de", **ago(3))
    row = golden(lab)["source_trust"].row(0, named=True)
    assert (row["n_compared"], row["trust"], row["prior"]) == (0, 0.6, 0.6)


def test_estimated_trust_recovers_how_often_a_source_is_right() -> None:
    random.seed(5)
    right = {"a": 0.95, "b": 0.9, "c": 0.6}
    lab = Lab(source_trust_prior_weight=1)
    for number in range(300):
        for source, share in right.items():
            box = "x" if random.random() < share else f"wrong{random.randrange(9)}"
            lab.contact(
                f"{source}:{number}",
                external_user_id=f"U{number}",
                email=f"p{number}@{box}.de",
                **ago(5),
            )
    rows = (
        golden(lab)["source_trust"]
        .filter(pl.col("field") == "email")
        .sort("trust", descending=True)
    )
    assert rows["source_system"].to_list() == ["a", "b", "c"]
    for source, trust in rows.select("source_system", "trust").iter_rows():
        # The others err too, so agreement stays below being right, by about the chance that both of
        # them err.
        assert right[source] - 0.12 < trust < right[source] + 0.03, source


# ---- what must hold always
@pytest.mark.slow
def test_the_order_of_rows_is_irrelevant_and_a_rerun_is_a_no_op() -> None:
    random.seed(3)
    lab = Lab()
    for number in range(40):
        for source in ("crm", "shop", "app"):
            lab.contact(
                f"{source}:{number}", external_user_id=f"U{number}", first_name=random.choice(["Ann", "Anna", "ANNA"]),
                last_name="Weber", email=f"{random.choice('ab')}{number}@x.de", city=random.choice(["Bonn", "Köln"]),
                phone=random.choice([None, f"+4917123456{number:02d}"]), interests=random.choice(["a|b", "B|c"]),
                **ago(random.choice([1, 1, 50])),
            )  # fmt: skip
    first = golden(lab)
    again = golden(lab)
    random.shuffle(lab.rows["contacts"])
    shuffled = golden(lab)
    for name in ("source_trust", "profile_field_provenance"):
        assert first[name].equals(again[name]) and first[name].equals(shuffled[name]), name


def test_winners_are_the_customers_own_records_and_every_field_has_one_row() -> None:
    lab = company(wrong={1, 2, 3}, people=9)
    tables = golden(lab)
    rows = tables["profile_field_provenance"]
    owner = lab.customers()
    assert all(
        owner[record] == customer
        for customer, record in rows.select("customer_id", "record_key").iter_rows()
    )
    assert rows.select("customer_id", "field").is_duplicated().sum() == 0
    assert rows["field_score"].is_between(0, 1).all()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"golden_rules": {"emial": "score"}}, "did you mean email"),
        ({"golden_rules": {"email": "newest"}}, "most_recent"),
        ({"golden_rules": {"email": "union"}}, "interests"),
        ({"golden_rules": {"email": "source_priority"}}, "golden_source_priority"),
        ({"source_trust_prior": {"default": 1}}, "between 0 and 1"),
    ],
)
def test_a_wrong_setting_is_explained(config: dict[str, Any], says: str) -> None:
    lab = Lab(**config)
    anna(lab, "crm:1", email="a@x.de")
    with pytest.raises(ConfigError, match=says):
        golden(lab)


def test_the_contract_knows_every_field_and_rule() -> None:
    columns = Lab().contract.table("profile_field_provenance").by_name
    listed = {name: set(columns[name].values or ()) for name in ("field", "golden_rule")}
    assert listed == {"field": set(FIELDS), "golden_rule": set(RULES)}
