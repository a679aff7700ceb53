"""Named situations over several nights: which id survives, and what diary, aliases and the review
list say of it.

An id is written as the record it was born with; a second id born with the same record has a star.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from customer_intel.core.store.lake import LakeError
from customer_intel_tests.unit.identity_lab import (
    MAP,
    MOBILE,
    NIGHT,
    Lab,
    Row,
    person,
)

TABLES = (
    *MAP,
    "match_explanation",
    "match_review",
    "customer_id_registry",
    "customer_id_event",
    "customer_id_alias",
)
Decided = tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """`nights`: records that come or change (None: that go) each night. `decided`: by night, action
    and records.

    `who`: id → its records after the last night. `diary`: night, event, id and the other id, births
    left out. `alias`: ids no longer in use → what they lead to. `review`: pairs a person should
    look at.
    """

    nights: list[dict[str, Row | None]]
    who: dict[str, str]
    diary: list[str] = field(default_factory=list)
    alias: dict[str, list[str | None]] = field(default_factory=dict)
    review: list[str] = field(default_factory=list)
    decided: dict[int, list[Decided]] = field(default_factory=dict)


def anna(email: str | None = None, **more: object) -> Row:
    return person("Anna", "Weber", email, **more)


STORIES = {
    "chain": Story(
        [{"a:1": anna("anna@x.de")}, {"b:2": anna("anna@x.de", phone=MOBILE)}, {"c:3": anna("aw@y.de", phone=MOBILE)}],
        {"a:1": "a:1 b:2 c:3"},
    ),
    "reverse chain": Story(
        [{"c:3": anna("aw@y.de", phone=MOBILE)}, {"b:2": anna("anna@x.de", phone=MOBILE)}, {"a:1": anna("anna@x.de")}],
        {"c:3": "a:1 b:2 c:3"},
    ),
    "fan-in": Story(
        [
            {"c:3": anna("aw@y.de")},
            {"a:1": anna("anna@x.de"), "b:2": anna(phone=MOBILE)},
            {"d:4": anna("anna@x.de", secondary_email="aw@y.de", phone=MOBILE)},
        ],
        {"c:3": "a:1 b:2 c:3 d:4"},
        ["3 merged a:1 c:3", "3 merged b:2 c:3"],
        {"a:1": ["c:3"], "b:2": ["c:3"]},
    ),
    "diamond: one side goes and the other holds": Story(
        [
            {"a:1": anna("anna@x.de", phone=MOBILE), "b:2": anna("anna@x.de"), "c:3": anna(phone=MOBILE),
             "d:4": anna("anna@x.de", mobile_phone=MOBILE)},
            {"b:2": None},
            {"b:2": anna("anna@x.de"), "c:3": None},
        ],
        {"a:1": "a:1 b:2 d:4"},
    ),
    "interleaved": Story(
        [
            {"a:1": anna("anna@x.de"), "a:2": person("Ben", "Koch", "ben@x.de")},
            {"b:4": person("Ben", "Koch", "ben@x.de", phone=MOBILE)},
            {"b:3": anna("anna@x.de"), "c:5": person("Ben", "Koch", None, phone=MOBILE)},
        ],
        {"a:1": "a:1 b:3", "a:2": "a:2 b:4 c:5"},
    ),
    "late merge": Story(
        [{"b:1": anna("anna@x.de")}, {"a:2": anna(phone=MOBILE)}, {"c:3": anna("anna@x.de", phone=MOBILE)}],
        {"b:1": "a:2 b:1 c:3"},
        ["3 merged a:2 b:1"],
        {"a:2": ["b:1"]},
    ),
    "late bridge record joins the larger of two that are equally old": Story(
        [
            {"a:1": anna(phone=MOBILE), "b:2": anna("anna@x.de"), "b:3": anna("anna@x.de"), "b:4": anna("anna@x.de")},
            {"c:5": anna("anna@x.de", phone=MOBILE)},
        ],
        {"b:2": "a:1 b:2 b:3 b:4 c:5"},
        ["2 merged a:1 b:2"],
        {"a:1": ["b:2"]},
    ),
    "a bridge record that goes again": Story(
        [
            {"a:1": anna("anna@x.de"), "b:2": anna(phone=MOBILE)},
            {"c:3": anna("anna@x.de", phone=MOBILE)},
            {"c:3": None},
        ],
        {"a:1": "a:1", "b:2*": "b:2"},
        ["2 merged b:2 a:1", "3 split a:1 b:2*"],
        {"b:2": ["b:2*"]},
        review=["a:1 b:2 name_only"],
    ),
    "merge then un-merge": Story(
        [{"b:1": anna("anna@x.de")}, {"a:2": anna(phone=MOBILE)}, {}, {}],
        {"b:1": "b:1", "a:2*": "a:2"},
        ["3 merged a:2 b:1", "4 split b:1 a:2*"],
        {"a:2": ["a:2*"]},
        decided={3: [("merge", "a:2", "b:1")], 4: [("split", "b:1", "a:2")]},
    ),
    "an id whose records go to two others leads to both, most records first": Story(
        [
            {"a:1": anna("anna@x.de"), "b:2": person("Ben", "Koch", "ben@y.de")},
            {f"c:{i}": person("Uwe", "Roth", None, phone=MOBILE) for i in (3, 4, 5)},
            # The source gives its keys to other people.
            {"c:3": anna("anna@x.de"), "c:4": person("Ben", "Koch", "ben@y.de"),
             "c:5": person("Ben", "Koch", "ben@y.de")},
        ],
        {"a:1": "a:1 c:3", "b:2": "b:2 c:4 c:5"},
        ["3 merged c:3 b:2", "3 moved c:3 a:1"],
        {"c:3": ["b:2", "a:1"]},
    ),
    "shared family email": Story(
        [{"a:1": anna("family@x.de")}, {"a:2": person("Ben", "Weber", "family@x.de")}, {"b:3": anna("family@x.de")}],
        {"a:1": "a:1 b:3", "a:2": "a:2"},
    ),
    "nameless record leaves its customer when a second person shares the address": Story(
        [{"a:1": anna("family@x.de"), "b:2": person(None, None, "family@x.de")},
         {"a:3": person("Ben", "Weber", "family@x.de")}],
        {"a:1": "a:1", "a:3": "a:3", "b:2": "b:2"},
        ["2 split a:1 b:2"],
        review=["a:1 b:2 ambiguous", "a:3 b:2 ambiguous"],
    ),
    "role mailbox": Story(
        [{"a:1": anna("info@acme.de")}, {"a:2": person("Ben", "Koch", "info@acme.de")}, {"b:3": anna("info@acme.de")}],
        {"a:1": "a:1 b:3", "a:2": "a:2"},
    ),
    "twins": Story(
        [
            {"a:1": person("Lukas", "Weber", "w@x.de", birth_date=date(2001, 5, 7))},
            {"a:2": person("Jonas", "Weber", "w@x.de", birth_date=date(2001, 5, 7), phone=MOBILE)},
            {"b:3": person("Lukas", "Weber", None, phone=MOBILE), "c:4": person("Lukas", "Weber", "w@x.de")},
        ],
        {"a:1": "a:1 c:4", "a:2": "a:2", "b:3": "b:3"},
        review=["a:1 b:3 name_only"],
    ),
    "Jr and Sr": Story(
        [{"a:1": person("John", "Smith", "smith@x.com", suffix="Sr.")},
         {"b:2": person("John", "Smith Jr.", "smith@x.com")}],
        {"a:1": "a:1", "b:2": "b:2"},
    ),
    "recycled phone": Story(
        [
            {"a:1": anna("anna@x.de", phone=MOBILE), "b:2": anna(phone=MOBILE)},
            {"a:1": anna("anna@x.de"), "c:3": person("Kurt", "Hahn", "kurt@x.de", phone=MOBILE)},
        ],
        {"a:1": "a:1 b:2", "c:3": "c:3"},
    ),
    "maiden and married name": Story(
        [{"a:1": anna("anna@x.de", phone=MOBILE), "b:2": anna("anna@x.de")},
         {"a:1": person("Anna", "Schulz", "schulz@y.de", phone=MOBILE)},
         {"c:3": person("Anna", "Schulz", "schulz@y.de", secondary_email="anna@x.de")}],
        {"a:1": "a:1 b:2 c:3"},
    ),
    "nickname": Story(
        [{"a:1": person("Robert", "Smith", "rs@x.com")}, {"b:2": person("Bob", "Smith", "rs@x.com")}],
        {"a:1": "a:1 b:2"},
    ),
    "swapped names": Story([{"a:1": anna("anna@x.de")}, {"b:2": person("Weber", "Anna", "anna@x.de")}],
                           {"a:1": "a:1 b:2"}),
    "plus-addressing": Story(
        [{"b:2": anna("anna.weber+shop@gmail.com")}, {"a:1": anna("annaweber@googlemail.com")},
         {"c:3": person("Kurt", "Hahn", "annaweber+kurt@gmail.com")}],
        {"b:2": "a:1 b:2", "c:3": "c:3"},
        review=["a:1 c:3 first_name"],
    ),
    "acquired account with two domains": Story(
        [
            {"a:1": anna("anna@old.com", account_id="A1", company_name="Old Ltd"),
             "a:2": person("Ben", "Koch", "ben@old.com", account_id="A1", company_name="Old Ltd")},
            {"b:3": anna("anna@new.com", account_id="B9", company_name="New AG", external_user_id="U1"),
             "b:4": person("Ben", "Koch", "ben@new.com", account_id="B9", company_name="New AG")},
            {"a:1": anna("anna@old.com", account_id="A1", company_name="New AG", external_user_id="U1"),
             "c:5": person("Ben", "Koch", "ben@new.com", secondary_email="ben@old.com")},
        ],
        {"a:1": "a:1 b:3", "a:2": "a:2 b:4 c:5"},
        ["3 merged b:3 a:1", "3 merged b:4 a:2"],
        {"b:3": ["a:1"], "b:4": ["a:2"]},
    ),
    "a record that is gone retires its customer": Story(
        [{"a:1": anna("anna@x.de"), "b:2": anna("anna@x.de")}, {"a:1": None}, {"b:2": None}],
        {},
        ["3 retired a:1"],
        {"a:1": [None]},
    ),
    # An erasure leaves no tombstone yet, so the old id leads to the record's new one; it is never
    # given again, though.
    "erased person who returns": Story(
        [{"a:1": anna("anna@x.de"), "b:2": person("Ben", "Koch", "ben@x.de")}, {"a:1": None},
         {"a:1": anna("anna@x.de")}],
        {"a:1*": "a:1", "b:2": "b:2"},
        ["2 retired a:1"],
        {"a:1": ["a:1*"]},
    ),
}  # fmt: skip


def played(story: Story) -> Lab:
    """The story, night after night in a home of its own."""
    lab = Lab()
    for night, changes in enumerate(story.nights):
        for key, columns in changes.items():
            lab.rows["contacts"] = [row for row in lab.rows["contacts"] if row["record_key"] != key]
            if columns is not None:
                lab.contact(key, **columns)
        for action, *keys in story.decided.get(night + 1, []):
            lab.override(action, *keys)
        lab.night(NIGHT + timedelta(night), only=TABLES)
    return lab


@pytest.mark.parametrize("name", STORIES)
def test_ids_over_nights(name: str) -> None:
    story = STORIES[name]
    lab = played(story)
    names = id_names(lab.tables["customer_id_registry"])
    who: dict[str, list[str]] = defaultdict(list)
    for key, customer in lab.customers().items():
        who[names[customer]].append(key)
    assert {customer: " ".join(sorted(keys)) for customer, keys in who.items()} == story.who

    assert diary(lab.tables["customer_id_event"], names) == story.diary
    ended = {names[customer]: customer for customer in names if names[customer] not in story.who}
    found = {
        name: [names.get(str(heir)) for heir in lab.alias(customer)]
        for name, customer in ended.items()
    }
    assert found == story.alias
    assert all(
        lab.alias(customer) == [customer] for customer in names if names[customer] in story.who
    )
    statuses = dict(lab.tables["customer_id_registry"].select("customer_id", "status").iter_rows())
    for name, customer in ended.items():
        heirs = story.alias[name]
        assert statuses[customer] == (
            "retired" if heirs == [None] else "merged" if len(heirs) == 1 else "split"
        )

    review = lab.tables["match_review"].filter(pl.col("review_kind") == "not_merged")
    rows = review.select("record_key_a", "record_key_b", "reason").rows()
    assert [" ".join(row) for row in rows] == story.review


def id_names(registry: pl.DataFrame) -> dict[str, str]:
    """Every id, named after the record it was born with."""
    born = registry.sort("born_as_of", "birth_record_key")
    names: dict[str, str] = {}
    for customer, name in born.select("customer_id", "birth_record_key").rows():
        names[customer] = name + "*" * sum(known.rstrip("*") == name for known in names.values())
    return names


def diary(events: pl.DataFrame, names: dict[str, str]) -> list[str]:
    own = events.filter(pl.col("event_type") != "born")
    rows = own.select("occurred_on", "event_type", "customer_id", "other_customer_id").rows()
    lines = ((day, what, names[one], names.get(str(other), "")) for day, what, one, other in rows)
    return sorted(
        f"{(day - NIGHT).days + 1} {what} {one} {other}".strip() for day, what, one, other in lines
    )


def test_kiosk_device_joins_nobody_and_the_visits_stay_apart() -> None:
    lab = Lab().contact("crm:1", **person("Anna", "Weber", "anna@x.de", external_user_id="U1"))
    lab.contact("crm:2", **person("Ben", "Koch", "ben@x.de", external_user_id="U2")).night()
    before = lab.customers()
    for number, (user, hour) in enumerate([("U1", 8), ("U2", 12), ("U1", 16)]):
        at = datetime(2026, 2, 27, hour)
        lab.put("events", event_id=f"e{number}", user_id=user, record_key=f"app:{user}", anonymous_id="kiosk",
                occurred_at=at)  # fmt: skip
    lab.night(NIGHT + timedelta(1))
    now = lab.customers()
    assert now == before | {"app:U1": before["crm:1"], "app:U2": before["crm:2"]}
    stretches = lab.tables["anonymous_map"].filter(pl.col("method") == "login").sort("starts_at")
    assert stretches["customer_id"].to_list() == [now["crm:1"], now["crm:2"], now["crm:1"]]
    assert lab.tables["match_review"].is_empty()


def test_opt_out_on_one_of_two_addresses_holds_through_merge_and_unmerge() -> None:
    lab = Lab().contact("a:1", **anna("one@x.de")).contact("b:2", **anna("two@x.de"))
    for number, (key, status) in enumerate([("a:1", "withdrawn"), ("b:2", "granted")]):
        lab.put("consents", consent_id=f"c{number}", record_key=key, subject_id=key, subject_id_type="customer",
                purpose="marketing", channel="email", status=status)  # fmt: skip

    def exportable(night: int, decided: Iterable[str] = ()) -> dict[str, list[bool]]:
        for action in decided:
            lab.override(action, "a:1", "b:2")
        lab.night(NIGHT + timedelta(night))
        state = lab.tables["consent_state"].filter(pl.col("contact_point_type") == "email")
        return {
            str(point): found["is_exportable"].to_list()
            for (point,), found in state.group_by("contact_point", maintain_order=True)
        }

    apart = exportable(0)
    assert apart == {"one@x.de": [False], "two@x.de": [True]}
    assert exportable(1, ["merge"]) == apart
    assert len(set(lab.customers().values())) == 1
    assert exportable(2, ["split"]) == apart
    assert len(set(lab.customers().values())) == 2


def test_an_older_night_is_refused() -> None:
    lab = Lab().contact("a:1", **person("Anna")).night(only=MAP)
    with pytest.raises(LakeError, match="already seen the night of 2026-03-01"):
        lab.night(NIGHT - timedelta(1), only=MAP)


def test_ids_of_a_history_that_was_run_again_stay_or_lead_to_who_has_their_records() -> None:
    """crm:1 and shop:2 were one customer, crm:3 another, crm:4 an id that ended in the first."""
    born, ended = date(2026, 1, 1), date(2026, 2, 1)
    ids = {name: f"c_{name * 16}" for name in "abcd"}
    lab = Lab()
    lab.given = [
        {"record_key": key, "customer_id": ids[name], "valid_from": born, "valid_to": ended}
        for key, name in (
            ("crm:1", "a"), ("shop:2", "a"), ("crm:3", "b"), ("crm:1", "c"), ("crm:9", "d")
        )
    ]  # fmt: skip
    mail = "ada.lovelace@post.example"
    lab.contact("crm:1", **person("Ada", "Lovelace", mail))
    lab.contact("crm:3", **person("Bob", "Marsh", "bob.marsh@post.example"))
    lab.night(NIGHT, TABLES)
    assert lab.customers() == {"crm:1": ids["a"], "crm:3": ids["b"]}
    assert lab.alias(ids["c"]) == [ids["a"]] and lab.alias(ids["d"]) == [None]
    lab.contact("shop:2", **person("Ada", "Lovelace", mail))
    lab.contact("shop:7", **person("Cleo", "Winter", "cleo.winter@post.example"))
    lab.night(NIGHT + timedelta(1), TABLES)
    customers = lab.customers()
    assert (customers["crm:1"], customers["shop:2"]) == (ids["a"], ids["a"])
    assert customers["shop:7"] not in ids.values()
